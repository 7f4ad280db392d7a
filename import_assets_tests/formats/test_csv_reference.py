"""Whatever the file, the reader agrees with a parser that goes from character to character."""

from __future__ import annotations

from typing import get_args

from hypothesis import example, given, settings
from hypothesis import strategies as st

from import_assets.spec.formats import Delimiter
from import_assets_tests.formats.reading import Bad, Good, read_csv
from import_assets_tests.formats.reference import Parsed, Parser

BROKEN = "\udc81"
"""Stands for the byte 0x81, which is not UTF-8, while the reference works on text."""

DELIMITERS: tuple[str, ...] = get_args(Delimiter)


def expected(
    text: str, delimiter: str, line_end: str, width: int, pad_short: bool
) -> tuple[list[Good], list[Bad], int]:
    good: list[Good] = []
    bad: list[Bad] = []
    parsed = Parser(text, delimiter, line_end).parse()
    blank = sum(record.blank for record in parsed)
    records = [record for record in parsed if not record.blank][1:]
    for number, record in enumerate(records, 1):
        reasons = faults(record, width, pad_short)
        if reasons:
            raw = record.raw.replace(BROKEN, "\\x81")
            bad.append(Bad(number, record.line, tuple(reasons), raw))
        else:
            cells = [*record.cells, *[""] * (width - len(record.cells))]
            values = tuple(cell or None for cell in cells)
            good.append(Good(number, record.line, values, record.raw))
    return good, bad, blank


def faults(record: Parsed, width: int, pad_short: bool) -> list[str]:
    found: list[str] = []
    if record.fault:
        found.append(record.fault)
    elif len(record.cells) > width:
        found.append("too_many_cells")
    elif len(record.cells) < width and not pad_short:
        found.append("too_few_cells")
    if BROKEN in record.raw:
        found.append("undecodable")
    return found


def compare(
    body: str, delimiter: str, line_end: str, width: int, pad_short: bool, block: int, step: int
) -> None:
    header = delimiter.join(f"h{number}" for number in range(width))
    text = header + ("\r\n" if line_end == "\n" else "\r") + body
    data = text.encode("utf-8", "surrogateescape")
    found = read_csv(data, delimiter=delimiter, pad_short=pad_short, block_bytes=block, step=step)
    good, bad, blank = expected(text, delimiter, line_end, width, pad_short)
    assert found.good == good
    assert found.bad == bad
    assert found.blank == blank


SIZES = st.sampled_from([3, 7, 16, 33, 100, 1 << 20, 1 << 20])
PIECES = [
    "a",
    "b",
    '"',
    '"',
    '""',
    "DELIMITER",
    "DELIMITER",
    "END",
    "é",
    "\u20ac",
    " ",
    "\0",
    BROKEN,
]


@st.composite
def soups(draw: st.DrawFn, delimiter: str, ends: list[str]) -> str:
    """Text in which anything may follow anything."""
    pieces = draw(st.lists(st.sampled_from([*PIECES, *ends]), max_size=60))
    chosen = draw(st.sampled_from(ends))
    return "".join({"DELIMITER": delimiter, "END": chosen}.get(piece, piece) for piece in pieces)


@st.composite
def tables(draw: st.DrawFn, delimiter: str, ends: list[str], width: int) -> str:
    """Text that is mostly a table, with a few faults in it."""
    plain = st.sampled_from(["", "x", "longer than twelve bytes", 'a"b', "é", '""', '"', " "])
    quoted = st.sampled_from(
        ['"q"', '""', '"a""b"', f'"{delimiter}"', '"two\nlines"', '"two\r\nlines"', '""""', '"a"b']
    )
    lines: list[str] = []
    for _ in range(draw(st.integers(0, 12))):
        cells = width if draw(st.integers(0, 5)) else draw(st.integers(0, width + 2))
        row = [draw(st.one_of(plain, quoted)) for _ in range(cells)]
        lines.append(delimiter.join(row) + draw(st.sampled_from(ends)))
    text = "".join(lines)
    if ends == ["\r"]:
        text = text.replace("\r\n", "\r").replace("\n", "\r")
    return text.removesuffix(ends[0]) if draw(st.booleans()) else text


@st.composite
def files(draw: st.DrawFn) -> tuple[str, str, str, int]:
    delimiter = draw(st.sampled_from(DELIMITERS))
    line_end = draw(st.sampled_from(["\n", "\n", "\r"]))
    ends = ["\n", "\r\n"] if line_end == "\n" else ["\r"]
    width = draw(st.integers(1, 4))
    text = tables(delimiter, ends, width)
    soup = soups(delimiter, [*ends, "\r"])
    return draw(st.one_of(text, soup)), delimiter, line_end, width


@settings(deadline=None, max_examples=200)
@given(files(), st.booleans(), SIZES, SIZES)
@example(('"a"b,"c\nd",e\n1,2\n', ",", "\n", 2), False, 1 << 20, 1 << 20)
@example(('"a"b,"c\n' * 5 + "1,2\n", ",", "\n", 2), False, 1 << 20, 1 << 20)
@example(('"a"b,"c\n"x"\n"d"e","f\n1,2\n', ",", "\n", 2), False, 1 << 20, 1 << 20)
@example(('1,"2\n', ",", "\n", 2), False, 1 << 20, 1 << 20)
@example(("1,2\r", ",", "\n", 2), False, 1 << 20, 1 << 20)
@example(('1,2\r\r\n\r\r\n3\r4,"\r"\n"\r"x,\r\n', ",", "\n", 2), False, 7, 3)
@example(("1\n\r\n2\n\n", ",", "\n", 1), False, 3, 3)
@example(('a,"b,""c"""\r\n', ",", "\n", 3), True, 1 << 20, 1 << 20)
def test_reader_agrees_with_the_reference(
    file: tuple[str, str, str, int], pad_short: bool, block: int, step: int
) -> None:
    """M083, M084, M095, D13, D15, D17: values, numbers, lines, rejects, raw text and blanks."""
    body, delimiter, line_end, width = file
    compare(body, delimiter, line_end, width, pad_short, block, step)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.sampled_from(['"a"b,"c\n', '"a"b,c\n', 'x,"y\nz"\n', "1,2\n"]), max_size=400))
def test_many_bad_quotes_are_mended_one_after_the_other(lines: list[str]) -> None:
    """M084: a bad quote ends its record with its line, however many there are."""
    compare("".join(lines), ",", "\n", 2, False, 1 << 20, 1 << 20)
