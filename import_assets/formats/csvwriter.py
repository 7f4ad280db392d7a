"""CSV as this project writes it: what is written, `open_csv` and the types read back as it was.

Commas between cells, CR LF after each record, UTF-8, a header (M116-M120, M122, M133-M136, D13).

============================  ==================================================================
what the cell holds           how it is written
============================  ==================================================================
no value                      nothing; `""` where it is the record's only cell, since a line with
                              nothing on it is no record
an empty text                 `""`
a comma, a quote, a line      in quotes, quotes doubled
break, white space at an end
a number                      full stop as the decimal mark, as few digits as tell it apart
a day; a time                 `2024-02-29`; `2024-02-29T10:00:00Z`, UTC, fractions if there are any
true or false                 `true`, `false`
a list                        JSON, or its items with a separator between them
============================  ==================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Literal

import polars as pl

from import_assets.records import as_text

LineBreaks = Literal["keep", "space"]
"""What becomes of line breaks inside a value: they stay, or each becomes a space (M118)."""

_SLICE_BYTES = 16 << 20
"""About how many bytes of a frame are turned into text at a time."""

_SPECIAL = [",", '"', "\r", "\n"]
_WHITE_END = r"^[\s\ufeff]|\s$"
_LINE_BREAK = r"\r\n|\r|\n"
_FORMULA = r"^[=+\-@\t\r\n＝＋－＠]"
_PLAIN_NUMBER = r"^[-+]?[0-9]+([.,][0-9]+)?$"
_CONTROL = r"[\x00-\x1f]"
_ESCAPES = {"\\": "\\\\", '"': '\\"'} | {
    chr(code): {8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r"}.get(code, f"\\u{code:04x}")
    for code in range(32)
}


@dataclass(frozen=True)
class CsvStyle:
    """How values are written where there is a choice.

    `list_separator` stands between the items of a list; None writes lists as JSON. A list that
    would not be read back from its parts is written as JSON all the same (D32, D50).
    `defused` puts an apostrophe before cells that a spreadsheet would take for formulas.
    """

    line_breaks: LineBreaks = "keep"
    list_separator: str | None = None
    defused: bool = False


@dataclass
class Written:
    """What was written: records, and how many cells are not as the value was."""

    rows: int = 0
    line_breaks: int = 0
    defused: int = 0
    lists_as_json: int = 0


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
        """
        self.written = Written()
        self._target = target
        self._style = style or CsvStyle()
        names = {str(at): pl.Series([name], dtype=pl.String) for at, name in enumerate(columns)}
        # A name is changed like a value, but changes are counted in values only.
        self._put(pl.DataFrame(names), Written())

    def write(self, frame: pl.DataFrame) -> None:
        """Write the rows of a frame. Times without a zone are UTC. Raises OSError."""
        if not frame.width:
            return
        size = max(frame.estimated_size(), 1)
        for part in frame.iter_slices(max(frame.height * _SLICE_BYTES // size, 1)):
            self._put(part, self.written)
        self.written.rows += frame.height

    def _put(self, frame: pl.DataFrame, written: Written) -> None:
        cells = [self._cells(column, written) for column in frame]
        texts = frame.lazy().select(cells).collect()
        if texts.width == 1:
            texts = texts.fill_null('""')
        texts.write_csv(
            self._target, include_header=False, line_terminator="\r\n", quote_style="never"
        )

    def _cells(self, values: pl.Series, written: Written) -> pl.Series | pl.Expr:
        """Return the cells of a column as they stand in the file."""
        if isinstance(values.dtype, pl.List):
            texts = self._lists(values, written)
        elif isinstance(values.dtype, pl.Datetime) and values.dtype.time_zone is None:
            return as_text(values.dt.replace_time_zone("UTC"))
        elif values.dtype != pl.String:
            return as_text(values)
        else:
            texts = values
        if self._style.line_breaks == "space":
            texts = _without_line_breaks(texts, written)
        if self._style.defused:
            texts = _defused(texts, written)
        return _quoted(texts)

    def _lists(self, values: pl.Series, written: Written) -> pl.Series:
        items = values.cast(pl.List(pl.String))
        separator = self._style.list_separator
        if separator is None:
            return _json_lists(items)
        parts = _separable(items, separator)
        texts = pl.select(pl.when(parts).then(items.list.join(separator))).to_series()
        odd = ~parts & items.is_not_null()
        count = int(odd.sum())
        if not count:
            return texts.alias(values.name)
        written.lists_as_json += count
        return pl.select(
            pl.when(odd).then(_json_lists(items)).otherwise(texts).alias(values.name)
        ).to_series()


def _separable(items: pl.Series, separator: str) -> pl.Series:
    """Tell which lists are read back from their items with a separator between them."""
    item = pl.element()
    plain = (
        item.is_not_null()
        & (item != "")
        & (item == item.str.strip_chars())
        & ~item.str.contains(separator, literal=True)
    )
    # White space may be a part of the separator, and the parts are trimmed when they are read.
    bare = separator.strip()
    if bare:
        plain &= ~item.str.contains(bare, literal=True)
    frame = items.to_frame("items")
    return frame.select(
        (pl.col("items").list.len() > 0)
        & pl.col("items").list.eval(plain).list.all()
        & ~pl.col("items").list.first().str.starts_with("[").fill_null(value=True)
    ).to_series()


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


def _without_line_breaks(texts: pl.Series, written: Written) -> pl.Series:
    broken = texts.str.contains_any(["\r", "\n"])
    count = int(broken.sum())
    if not count:
        return texts
    written.line_breaks += count
    return texts.str.replace_all(_LINE_BREAK, " ")


def _defused(texts: pl.Series, written: Written) -> pl.Series:
    """Return cells that no spreadsheet takes for formulas.

    What comes from a file may be written by anybody, and `=HYPERLINK(…)` in it would run on the
    machine of whoever opens the list. Numbers, `-5` or `+3.2`, are no formulas and stay.
    """
    risky = texts.str.contains(_FORMULA) & ~texts.str.contains(_PLAIN_NUMBER)
    count = int(risky.sum())
    if not count:
        return texts
    written.defused += count
    return pl.select(
        pl.when(risky).then(pl.lit("'") + texts).otherwise(texts).alias(texts.name)
    ).to_series()


def _quoted(texts: pl.Series) -> pl.Expr:
    """Return cells with quotes around those that need them (M117, M119, M133, M134, M136)."""
    cell = pl.lit(texts)
    needed = (cell == "") | cell.str.contains_any(_SPECIAL) | cell.str.contains(_WHITE_END)
    doubled = cell.str.replace_all('"', '""', literal=True)
    return pl.when(needed).then('"' + doubled + '"').otherwise(cell).alias(texts.name)
