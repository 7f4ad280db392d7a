"""Whatever the file, the reader agrees with a parser that goes from character to character."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from import_assets.errors import FileRefused
from import_assets.spec.formats import Delimiter, Quote
from import_assets_tests.formats.reading import Bad, Good, read_csv
from import_assets_tests.formats.reference import Parsed, Parser, Way

BROKEN = "\udc81"
"""Stands for the byte 0x81, which is not UTF-8, while the reference works on text."""

DELIMITERS: tuple[str, ...] = get_args(Delimiter)
QUOTES: tuple[str, ...] = get_args(Quote)


@dataclass(frozen=True)
class Case:
    """A file and what the definition says about it; `width` is that of the header, if any."""

    body: str
    width: int = 2
    way: Way = field(default_factory=lambda: Way(","))
    cr: bool = False
    header: bool = True
    pad_short: bool = False
    line_breaks: Literal["keep", "reject"] = "keep"
    preamble: str = ""

    @property
    def text(self) -> str:
        """The file."""
        return self.preamble + (self._names if self.header else "") + self.body

    @property
    def _names(self) -> str:
        around = self.way.white + ("" if self.way.quote == "none" else self.way.quote)
        names = [f"{around}h{at}{around[::-1]}" for at in range(self.width)]
        return self.way.delimiter.join(names) + ("\r" if self.cr else "\r\n")


@dataclass(frozen=True)
class Expected:
    """What the reference makes of a case; `width` is None where no record says how many cells."""

    width: int | None
    good: list[Good]
    bad: list[Bad]
    blank: int


def expected(case: Case) -> Expected:
    parsed = Parser(case.text, case.way).parse()
    blank = sum(record.blank for record in parsed)
    records = [record for record in parsed if not record.blank]
    width: int | None = case.width
    if case.header:
        records = records[1:]
    else:
        width = next((len(record.cells) for record in records if not record.fault), None)
    good: list[Good] = []
    bad: list[Bad] = []
    for number, record in enumerate(records if width is not None else [], 1):
        assert width is not None
        reasons = faults(record, width, case)
        if reasons:
            raw = record.raw.replace(BROKEN, "\\x81")
            bad.append(Bad(number, record.line, tuple(reasons), raw))
        else:
            cells = [*record.cells, *[""] * (width - len(record.cells))]
            values = tuple(cell or None for cell in cells)
            good.append(Good(number, record.line, values, record.raw))
    return Expected(width, good, bad, blank)


def faults(record: Parsed, width: int, case: Case) -> list[str]:
    found: list[str] = []
    if record.fault:
        found.append(record.fault)
    else:
        if len(record.cells) > width:
            found.append("too_many_cells")
        elif len(record.cells) < width and not case.pad_short:
            found.append("too_few_cells")
        if case.line_breaks == "reject":
            found += ["line_break"] * record.broken
    if BROKEN in record.raw:
        found.append("undecodable")
    return found


def compare(case: Case, block: int = 1 << 20, step: int = 1 << 20) -> None:
    found = expected(case)
    data = case.text.encode("utf-8", "surrogateescape")
    said = {
        "encoding": "utf-8",
        "delimiter": case.way.delimiter,
        "quote": case.way.quote,
        "trim": case.way.trim,
        "skip_lines": case.way.skip_lines,
        "header": case.header,
        "pad_short": case.pad_short,
        "line_breaks": case.line_breaks,
    }
    if found.width is None:
        with pytest.raises(FileRefused) as caught:
            read_csv(data, block_bytes=block, step=step, **said)
        assert caught.value.reason in ("empty_file", "first_record_broken")
        return
    contents = read_csv(data, block_bytes=block, step=step, **said)
    word = "h{}" if case.header else "column_{}"
    first = 0 if case.header else 1
    assert contents.header == tuple(word.format(first + at) for at in range(found.width))
    assert contents.good == found.good
    assert contents.bad == found.bad
    assert contents.blank == found.blank


SIZES = st.sampled_from([1, 3, 7, 16, 33, 100, 1 << 20, 1 << 20])
PIECES = [
    "a",
    "b",
    "QUOTE",
    "QUOTE",
    "QUOTEQUOTE",
    "DELIMITER",
    "DELIMITER",
    "END",
    "é",
    "\u20ac",
    " ",
    "\t",
    "  \t   ",
    '"',
    "'",
    "\0",
    BROKEN,
]


@st.composite
def soups(draw: st.DrawFn, way: Way, ends: list[str]) -> str:
    """Text in which anything may follow anything."""
    pieces = draw(st.lists(st.sampled_from([*PIECES, *ends]), max_size=60))
    quote = draw(st.sampled_from("\"'")) if way.quote == "none" else way.quote
    meant = {
        "DELIMITER": way.delimiter,
        "END": draw(st.sampled_from(ends)),
        "QUOTE": quote,
        "QUOTEQUOTE": 2 * quote,
    }
    return "".join(meant.get(piece, piece) for piece in pieces)


PLAIN = ["", "x", "longer than twelve bytes", 'a"b', "é", '""', '"', " ", "it's", "  x ", "\t"]
QUOTED = ['"q"', '""', '"a""b"', '"DELIMITER"', '"two\nlines"', '"two\r\nlines"', '""""']
QUOTED += ['"a"b', '"two\rlines"', '" q "', '"\n"', '"longer, ""longer""\n "']
AROUND = ["", "", " ", "\t ", 9 * " "]


@st.composite
def tables(draw: st.DrawFn, way: Way, ends: list[str], width: int) -> str:
    """Text that is mostly a table, with a few faults in it."""
    cells = st.one_of(st.sampled_from(PLAIN), st.sampled_from(QUOTED))
    around = st.sampled_from(AROUND if way.trim else [""])
    lines: list[str] = []
    for _ in range(draw(st.integers(0, 12))):
        count = width if draw(st.integers(0, 5)) else draw(st.integers(0, width + 2))
        row = [draw(around) + draw(cells) + draw(around) for _ in range(count)]
        lines.append(way.delimiter.join(row) + draw(st.sampled_from(ends)))
    text = "".join(lines).replace("DELIMITER", way.delimiter)
    if way.quote == "'":
        text = text.translate({ord('"'): "'", ord("'"): '"'})
    if ends == ["\r"]:
        text = text.replace("\r\n", "\r").replace("\n", "\r")
    return text.removesuffix(ends[0]) if draw(st.booleans()) else text


@st.composite
def cases(draw: st.DrawFn) -> Case:
    cr = draw(st.sampled_from([False, False, True]))
    ends = ["\r"] if cr else ["\n", "\r\n"]
    lines = draw(st.lists(st.sampled_from(["", "Title", '"', "a,\t'b", BROKEN]), max_size=3))
    way = Way(
        draw(st.sampled_from(DELIMITERS)),
        draw(st.sampled_from(QUOTES)),
        draw(st.booleans()),
        len(lines),
    )
    width = draw(st.integers(1, 4))
    return Case(
        draw(st.one_of(tables(way, ends, width), soups(way, [*ends, "\r"]))),
        width,
        way,
        cr,
        draw(st.booleans()),
        draw(st.booleans()),
        draw(st.sampled_from(["keep", "reject"])),
        "".join(line + draw(st.sampled_from(ends)) for line in lines),
    )


TRIM = Way(",", trim=True)


@settings(deadline=None, max_examples=300)
@given(cases(), SIZES, SIZES)
@example(Case('"a"b,"c\nd",e\n1,2\n'), 1 << 20, 1 << 20)
@example(Case('"a"b,"c\n' * 5 + "1,2\n"), 1 << 20, 1 << 20)
@example(Case('"a"b,"c\n"x"\n"d"e","f\n1,2\n'), 1 << 20, 1 << 20)
@example(Case('1,"2\n'), 1 << 20, 1 << 20)
@example(Case("1,2\r"), 1 << 20, 1 << 20)
@example(Case('1,2\r\r\n\r\r\n3\r4,"\r"\n"\r"x,\r\n'), 7, 3)
@example(Case("1\n\r\n2\n\n", 1), 3, 3)
@example(Case('a,"b,""c"""\r\n', 3, pad_short=True), 1 << 20, 1 << 20)
@example(Case(' \t"a" , b\n "x\n "" y" ,"" \n"a" "b\n c",d\n \n', way=TRIM), 1, 1)
@example(Case(' "a\n' + 50 * " " + '"  , "b"' + 50 * " " + "\r\n", way=TRIM), 16, 3)
@example(Case('1,"a\rb"\n2,"a\nb"\n3,4\n', line_breaks="reject"), 1, 1)
@example(Case("'a''b',\"\n", way=Way(",", "'")), 1, 1)
@example(Case('\'a\',"b\n"c",\n', way=Way(",", "none")), 1, 1)
@example(Case('\n"a"b\n1,2\n3\n', header=False), 1, 1)
def test_reader_agrees_with_the_reference(case: Case, block: int, step: int) -> None:
    """M081, M083, M084, M095, M118, M121, M135, D13, D15, D17, D46, D47.

    Names, values, numbers, lines, rejects, raw text and blanks.
    """
    compare(case, block, step)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.sampled_from(['"a"b,"c\n', '"a"b,c\n', 'x,"y\nz"\n', "1,2\n"]), max_size=400))
def test_many_bad_quotes_are_mended_one_after_the_other(lines: list[str]) -> None:
    """M084: a bad quote ends its record with its line, however many there are."""
    compare(Case("".join(lines)))
