"""The file in which a person mends rejects: how its columns are named, and how it is read back.

It has the columns `COLUMNS`, and between them those of the deliveries, named as there. One of
theirs that is called like one of ours has one `_` more in front.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from import_assets.errors import FileRefused
from import_assets.formats.csv import CsvReader, open_csv
from import_assets.formats.csvwriter import undefused
from import_assets.pipeline.cells import NOT_READ
from import_assets.spec.formats import CsvFormat, Delimiter
from import_assets.spec.models import Limits

BATCH, RECORD = "_batch", "_record"
BEFORE = (BATCH, "_file", RECORD)
BEHIND = ("_line", "_column", "_reason", "_message", "_raw")
COLUMNS = (*BEFORE, *BEHIND)
"""The columns that are no cells of records; of these, the way back needs the batch and the record.
"""

LINE, OF_BATCH, NUMBER = "\0line", "\0batch", "\0record"
"""Columns of a file that was read back, which no column of a delivery is called like."""

_OURS = re.compile(rf"_+({'|'.join(name.removeprefix('_') for name in COLUMNS)})")
_DELIMITERS: tuple[Delimiter, ...] = (",", ";", "\t")
_SEPARATOR = re.compile(rb'(\xef\xbb\xbf)?"?sep=[,;\t]"?[,;\t]*(\r\n|\r|\n)', re.IGNORECASE)
"""A first line by which Excel is told the delimiter; the header then tells it anyway."""


def shown_name(column: str) -> str:
    """Return what a column of a delivery is called in the file."""
    return f"_{column}" if _OURS.fullmatch(column) else column


def _true_name(name: str) -> str:
    return name[1:] if name.startswith("__") and _OURS.fullmatch(name) else name


def shown(
    records: pl.DataFrame, batch_id: str, header: Sequence[str], columns: Sequence[str]
) -> pl.DataFrame:
    """Return rejects as rows of the file, one for each record.

    Args:
        records: `file`, `record`, `line`, `faults`, `raw` and `cells` of rejects of one delivery.
        batch_id: the batch whose rejects they are.
        header: the columns of the delivery.
        columns: the columns of all deliveries that are in the file.
    """
    place = {name: at for at, name in enumerate(header)}
    nothing = pl.Series([None], dtype=pl.String).new_from_index(0, records.height)
    cells = [
        records["cells"].list.get(place[name], null_on_oob=True) if name in place else nothing
        for name in columns
    ]
    faults = records.select(
        _each("column").list.drop_nulls().list.unique(maintain_order=True).list.join(", "),
        _each("reason").list.unique(maintain_order=True).list.join(", ").alias("reason"),
        pl.col("faults").list.eval(_sentence()).list.join("\n").alias("message"),
        pl.when(_each("reason").list.eval(pl.element().is_in(NOT_READ)).list.any())
        .then("raw")
        .alias("raw"),
    )
    batch = pl.Series([batch_id], dtype=pl.String).new_from_index(0, records.height)
    series = [
        *(batch, records["file"], records["record"]),
        *cells,
        *(records["line"], faults["column"], faults["reason"], faults["message"], faults["raw"]),
    ]
    return pl.DataFrame([one.alias(str(at)) for at, one in enumerate(series)])


def shown_names(columns: Sequence[str]) -> list[str]:
    """Return the header of the file, for the columns of the deliveries in it."""
    return [*BEFORE, *map(shown_name, columns), *BEHIND]


def _each(name: str) -> pl.Expr:
    return pl.col("faults").list.eval(pl.element().struct.field(name)).alias(name)


def _sentence() -> pl.Expr:
    column = pl.element().struct.field("column")
    message = pl.element().struct.field("message")
    return pl.when(column.is_null()).then(message).otherwise(column + ": " + message)


@dataclass(frozen=True)
class MendedFile:
    """Rejects as they were handed back.

    `rows` has `LINE` (Int64), `OF_BATCH` (String), `NUMBER` (Int64), and the columns of deliveries
    under their true names (String, null where the cell is empty).
    """

    file: str
    rows: pl.DataFrame

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of deliveries that the file has."""
        return tuple(name for name in self.rows.columns if name not in (LINE, OF_BATCH, NUMBER))


def read_mended(path: Path, limits: Limits) -> MendedFile:
    """Read a file as spreadsheets save it: UTF-8, with comma, semicolon or tab between cells.

    Lines without anything in their cells, which spreadsheets leave behind, are passed over. A line
    `sep=;` in front, which is for Excel, is obeyed.

    Raises:
        FileRefused: it cannot be read, or a line of it does not say which record it is.
    """
    file = str(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        told = f"{error.strerror or error}: name another"
        raise FileRefused(file, "unreadable", told) from error
    _check_utf8(content, file)
    names, rows = _divided(_cells(_opened(content, limits, file), file), file)
    cells = [
        _undefused(rows[str(at)]).alias(_true_name(name))
        for at, name in enumerate(names)
        if name and name not in COLUMNS
    ]
    batches = _batches(rows, rows[str(names.index(BATCH))], file)
    records = _records(rows, rows[str(names.index(RECORD))], file)
    return MendedFile(file, pl.DataFrame([rows[LINE], batches, records, *cells]))


def _check_utf8(content: bytes, file: str) -> None:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        raise FileRefused(
            file,
            "undecodable",
            f"byte 0x{content[error.start]:02X} is no UTF-8, so the file was saved in another "
            "encoding: save it as CSV in UTF-8",
            max(before.count(b"\n"), before.count(b"\r")) + 1,
        ) from None


def _opened(content: bytes, limits: Limits, file: str) -> CsvReader:
    """Open the file with the delimiter by which its header has the columns that say the record."""
    wider = limits.model_copy(
        update={"columns": limits.columns + len(COLUMNS), "rows": limits.rows + 1}
    )
    said = _SEPARATOR.match(content)
    for delimiter in _DELIMITERS:
        csv = CsvFormat(delimiter=delimiter, encoding="utf-8", skip_lines=1 if said else 0)
        header = open_csv(io.BytesIO(content), csv, wider, file).header
        if {BATCH, RECORD} <= set(header):
            # Names are read as a record is: two columns of one name would be merged else.
            plain = csv.model_copy(update={"header": False})
            return open_csv(io.BytesIO(content), plain, wider, file)
    raise FileRefused(
        file,
        "missing_column",
        f"there are no columns {BATCH} and {RECORD} with comma, semicolon or tab between them: "
        "begin with the file that `import-assets rejects` writes, leave these two columns as they "
        "are, and save it as CSV in UTF-8",
        1,
    )


def _cells(reader: CsvReader, file: str) -> pl.DataFrame:
    """Return all records with anything in them, the header first; columns are numbered from 0."""
    blocks: list[pl.DataFrame] = []
    for block in reader:
        delimiters = pl.col("raw").str.strip_chars(f'{reader.delimiter} \t\r\n"') != ""
        faulty = block.rejects.filter(delimiters)
        if faulty.height:
            first = faulty.row(0, named=True)
            fault = first["faults"][0]
            raise FileRefused(file, fault["reason"], fault["message"], first["line"])
        blocks.append(block.frame.with_columns(block.line.alias(LINE)))
    rows = pl.concat(blocks)
    numbers = {name: str(at) for at, name in enumerate(reader.header)}
    filled = (rows[name].str.strip_chars().fill_null("") != "" for name in reader.header)
    return rows.rename(numbers).filter(pl.any_horizontal(*filled))


def _divided(cells: pl.DataFrame, file: str) -> tuple[list[str], pl.DataFrame]:
    """Return the names in the first row, and the other rows; columns without a name are empty."""
    first = cells.select(pl.exclude(LINE)).head(1).transpose().to_series()
    names = [name or "" for name in _undefused(first.str.strip_chars()).to_list()]
    line, rows = int(cells[LINE][0]), cells.slice(1)
    doubled = next((name for name in names if name and names.count(name) > 1), None)
    if doubled is not None:
        raise FileRefused(
            file,
            "duplicate_headers",
            f"column {doubled!r} stands {names.count(doubled)} times in the header: take out all "
            "but one",
            line,
        )
    for at, name in enumerate(names):
        found = rows.filter(rows[str(at)].is_not_null())
        if not name and found.height:
            raise FileRefused(
                file,
                "unknown_column",
                f"column {at + 1} has no name, and {found[str(at)][0]!r} in a cell: give it its "
                "name back, or empty the cell",
                int(found[LINE][0]),
            )
    return names, rows


def _undefused(texts: pl.Series) -> pl.Series:
    return pl.DataFrame({"text": texts}).select(undefused(pl.col("text")))["text"]


def _batches(rows: pl.DataFrame, cells: pl.Series, file: str) -> pl.Series:
    batches = cells.str.strip_chars()
    _refuse_first(rows, batches.is_null() | (batches == ""), BATCH, "is empty", file)
    return batches.alias(OF_BATCH)


def _records(rows: pl.DataFrame, cells: pl.Series, file: str) -> pl.Series:
    """Read the numbers of records; a spreadsheet may write 2 as 2.0."""
    digits = cells.str.strip_chars().str.replace(r"^([0-9]+)[.,]00?$", "$1")
    records = digits.cast(pl.Int64, strict=False)
    _refuse_first(rows, records.is_null(), RECORD, "is no number of a record", file)
    return records.alias(NUMBER)


def _refuse_first(rows: pl.DataFrame, wrong: pl.Series, column: str, what: str, file: str) -> None:
    lines = rows[LINE].filter(wrong)
    if len(lines):
        raise FileRefused(
            file,
            "unknown_record",
            f"{column} {what}: leave it as `import-assets rejects` wrote it, or take the line out",
            int(lines[0]),
        )
