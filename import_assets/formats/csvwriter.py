"""CSV as this project writes it: `open_csv` and the types read back what was written.

Commas between cells, CR LF after each record, UTF-8, a header (M116-M120, M122, M133-M136, D13).

============================  ==================================================================
what the cell holds           how it is written
============================  ==================================================================
no value                      nothing; `""` where it is the record's only cell, since a line with
                              nothing on it is no record
an empty text                 `""`
a comma, a quote, a line      in quotes, quotes doubled
break, white space at an end
a number                      full stop as the decimal mark, as few digits as tell it apart, never
                              an exponent
a day; a time                 `2024-02-29`; `2024-02-29T10:00:00Z`, UTC, fractions if there are any
true or false                 `true`, `false`
a list                        JSON
============================  ==================================================================
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO, Literal

import polars as pl

from import_assets.records import as_text

LineBreaks = Literal["keep", "space"]
"""What becomes of line breaks inside a value: they stay, or each becomes a space (M118)."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_SLICE_BYTES = 16 << 20
"""About how many bytes of a frame are turned into text at a time."""

# Wide signs are signs too. Apostrophes in front count: else nobody could tell who put them there.
_FORMULA = r"^'*[=+\-@\t\r\n＝＋－＠]"
_DEFUSED = r"^'+[=+\-@\t\r\n＝＋－＠]"
_PLAIN_NUMBER = r"^[-+]?[0-9]+([.,][0-9]+)?$"
_SCIENTIFIC = r"^(?<sign>-?)(?<first>[0-9])(?:\.(?<rest>[0-9]+))?e(?<power>[-+]?[0-9]+)$"
_CONTROL = r"[\x00-\x1f]"
_ESCAPES = {"\\": "\\\\", '"': '\\"'} | {
    chr(code): {8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r"}.get(code, f"\\u{code:04x}")
    for code in range(32)
}


@dataclass(frozen=True)
class CsvStyle:
    """How values are written where there is a choice.

    `defused` puts an apostrophe before texts that a spreadsheet would take for formulas, and before
    those that would be taken for such a one: without one apostrophe, each is what it was.
    `byte_order_mark` begins the file with one, by which spreadsheets know UTF-8.
    """

    line_breaks: LineBreaks = "keep"
    defused: bool = False
    byte_order_mark: bool = False


@dataclass
class Written:
    """What was written: records, and how many cells are not as the value was."""

    rows: int = 0
    line_breaks: int = 0
    defused: int = 0


class CsvWriter:
    """Writes frames of the same columns, one after the other, into a stream.

    Memory in use is a few times that of a frame, of a large one a few times 16 MiB beside it.
    """

    def __init__(
        self, target: IO[bytes], columns: Sequence[str], style: CsvStyle | None = None
    ) -> None:
        """Write the header.

        Args:
            target: the stream; not closed.
            columns: the names of the columns, in the order of the frames.
            style: how values are written; the default reads back exactly.

        Raises:
            OSError: the stream cannot be written to.
        """
        self.written = Written()
        self._target = target
        self._style = style or CsvStyle()
        if self._style.byte_order_mark:
            target.write(_BYTE_ORDER_MARK)
        names = {str(at): pl.Series([name], dtype=pl.String) for at, name in enumerate(columns)}
        # A name is changed like a value, but changes are counted in values only.
        self._put(pl.DataFrame(names), Written())

    def write(self, frame: pl.DataFrame) -> None:
        """Write the rows of a frame. Times without a zone are UTC. Raises OSError."""
        if not frame.width:
            return
        size = max(frame.estimated_size(), 1)
        for part in frame.iter_slices(max(frame.height * _SLICE_BYTES // int(size), 1)):
            self._put(part, self.written)
        self.written.rows += frame.height

    def _put(self, frame: pl.DataFrame, written: Written) -> None:
        # Numbers for names: that of a column may look like a pattern of several.
        texts = pl.DataFrame([_text(cells).alias(str(at)) for at, cells in enumerate(frame)])
        free = [str(at) for at, cells in enumerate(frame) if cells.dtype in (pl.String, pl.List)]
        if self._style.line_breaks == "space":
            texts, count = _replaced(texts, free, _is_broken, _on_one_line)
            written.line_breaks += count
        if self._style.defused:
            texts, count = _replaced(texts, free, _is_formula, _defused)
            written.defused += count
        texts, _ = _replaced(texts, free, _needs_quotes, _in_quotes)
        if texts.width == 1:
            texts = texts.fill_null('""')
        piece = io.BytesIO()
        texts.write_csv(piece, include_header=False, line_terminator="\r\n", quote_style="never")
        self._target.write(piece.getbuffer())


def _replaced(
    texts: pl.DataFrame,
    names: Sequence[str],
    when: Callable[[pl.Expr], pl.Expr],
    by: Callable[[pl.Expr], pl.Expr],
) -> tuple[pl.DataFrame, int]:
    """Return the texts with some cells replaced, and their number.

    Few columns have any, and to look for them costs much less than to write all of them anew.
    """
    counts = texts.lazy().select(when(pl.col(name)).sum() for name in names).collect()
    found = [name for name in names if counts[name].item()]
    if not found:
        return texts, 0
    cells = [(pl.col(name), name) for name in found]
    new = [pl.when(when(cell)).then(by(cell)).otherwise(cell).alias(name) for cell, name in cells]
    return texts.lazy().with_columns(new).collect(), int(counts.sum_horizontal().item())


def _text(values: pl.Series) -> pl.Series:
    """Return the values of a column as texts, not in quotes yet."""
    dtype = values.dtype
    if isinstance(dtype, pl.List):
        return _json_lists(values.cast(pl.List(pl.String)))
    if dtype.is_float():
        return _without_exponents(values)
    if isinstance(dtype, pl.Datetime) and dtype.time_zone is None:
        return as_text(values.dt.replace_time_zone("UTC"))
    return as_text(values)


def _json_lists(items: pl.Series) -> pl.Series:
    """Return lists of texts as JSON arrays."""
    item = pl.element()
    escaped = item.str.replace_all("\\", "\\\\", literal=True).str.replace_all(
        '"', '\\"', literal=True
    )
    if items.explode(empty_as_null=False).str.contains(_CONTROL).any():
        escaped = item.str.replace_many(list(_ESCAPES), list(_ESCAPES.values()))
    texts = pl.when(item.is_null()).then(pl.lit("null")).otherwise('"' + escaped + '"')
    joined = pl.col("items").list.eval(texts).list.join(",")
    return (
        items.to_frame("items")
        .select(
            pl.when(pl.col("items").is_not_null())
            .then(pl.lit("[") + joined + pl.lit("]"))
            .alias(items.name)
        )
        .to_series()
    )


def _without_exponents(numbers: pl.Series) -> pl.Series:
    """Return numbers in the fewest digits that tell them apart, all their zeros written out."""
    texts = numbers.cast(pl.String)
    if not texts.str.contains("e", literal=True).any():
        return texts
    parts = texts.str.extract_groups(_SCIENTIFIC).struct.unnest()
    digits = pl.col("first") + pl.col("rest").fill_null("")
    power = pl.col("power").cast(pl.Int64)
    # An exponent above zero begins where no digit is left to stand behind the point.
    large = digits.str.pad_end(power + 1, "0") + ".0"
    small = "0." + digits.str.pad_start(digits.str.len_bytes() - power - 1, "0")
    written_out = pl.col("sign") + pl.when(power > 0).then(large).otherwise(small)
    return parts.select(written_out.fill_null(texts).alias(numbers.name)).to_series()


def _is_broken(cell: pl.Expr) -> pl.Expr:
    return cell.str.contains(r"[\r\n]")


def _on_one_line(cell: pl.Expr) -> pl.Expr:
    return cell.str.replace_all(r"\r\n|\r|\n", " ")


def _is_formula(cell: pl.Expr) -> pl.Expr:
    """Tell which cells a spreadsheet takes for formulas, or would after `_defused`.

    What comes from a file may be written by anybody, and `=HYPERLINK(…)` in it would run on the
    machine of whoever opens the list. Numbers, `-5` or `+3.2`, are no formulas.
    """
    return cell.str.contains(_FORMULA) & ~cell.str.contains(_PLAIN_NUMBER)


def _defused(cell: pl.Expr) -> pl.Expr:
    return "'" + cell


def undefused(cell: pl.Expr) -> pl.Expr:
    """Return a cell as it was before a `defused` style wrote it."""
    return pl.when(cell.str.contains(_DEFUSED)).then(cell.str.slice(1)).otherwise(cell)


def _needs_quotes(cell: pl.Expr) -> pl.Expr:
    """Tell which cells mean something else without quotes (M117, M119, M133, M134, M136)."""
    trimmed = cell.str.strip_chars().str.len_bytes() < cell.str.len_bytes()
    # A byte order mark is no white space, but those who look for one take it off.
    marked = cell.str.starts_with("\ufeff")
    return (cell == "") | cell.str.contains(r'[,"\r\n]') | trimmed | marked


def _in_quotes(cell: pl.Expr) -> pl.Expr:
    return '"' + cell.str.replace_all('"', '""', literal=True) + '"'
