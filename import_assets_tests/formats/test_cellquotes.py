"""Which cells stand in quotes: as a reader of one cell at a time says (M121, M134, M136)."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st

from import_assets.formats.csv import open_csv
from import_assets.spec.formats import CsvFormat
from import_assets.spec.models import Limits
from import_assets_tests.builders import examples

COMMA = CsvFormat(delimiter=",", encoding="utf-8", trim=True)
PLAIN = st.text(st.sampled_from("ab 5"), max_size=4)
QUOTED = st.text(st.sampled_from('a," \n'), max_size=4).map(
    lambda text: '"' + text.replace('"', '""') + '"'
)
CELL = st.tuples(st.sampled_from(["", " ", "\t "]), PLAIN.map(str.strip) | QUOTED).map("".join)


def seen(text: str, csv: CsvFormat = COMMA, block_bytes: int = 64) -> list[list[tuple[bool, bool]]]:
    """By record, whether each cell is quoted, and whether white space stands before its quote."""
    reader = open_csv(io.BytesIO(text.encode()), csv, Limits(), "a.csv", block_bytes=block_bytes)
    rows: list[list[tuple[bool, bool]]] = []
    for block in reader:
        columns = []
        for name in reader.header:
            if block.quotes is None:
                columns.append([(False, False)] * block.frame.height)
            else:
                quoted, spaced = block.quotes.quoted(name), block.quotes.spaced(name)
                columns.append(list(zip(quoted, spaced, strict=True)))
        rows += [list(row) for row in zip(*columns, strict=True)]
    return rows


@examples(100)
@given(st.lists(st.tuples(CELL, CELL, CELL), max_size=12))
def test_m121_m136_quotes_and_the_space_before_them(rows: list[tuple[str, str, str]]):
    kept = [row for row in rows if "".join(row).strip()]
    text = "a,b,c\n" + "".join(",".join(row) + "\n" for row in kept)
    expected = [
        [
            (cell.strip().startswith('"'), cell.startswith((" ", "\t")) and '"' in cell)
            for cell in row
        ]
        for row in kept
    ]
    assert seen(text) == expected


def test_a_file_without_quotes_has_none_to_tell_of():
    assert seen("a,b\n1, 2\n") == [[(False, False), (False, False)]]
    assert seen('a,b\n"1",2\n', COMMA.model_copy(update={"quote": "none"})) == [
        [(False, False), (False, False)]
    ]


def test_missing_cells_and_bad_records_are_no_quotes():
    """The cells behind a short record are those of the next."""
    text = 'a,b\n"x"y,1\n1\n"2","3"\n'
    padded = COMMA.model_copy(update={"pad_short": True})
    assert seen(text, padded, 1 << 16) == [
        [(False, False), (False, False)],
        [(True, False), (True, False)],
    ]
