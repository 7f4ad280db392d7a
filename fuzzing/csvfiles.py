"""Target `csv`: the bytes of a file to records, under every key of `format: csv`.

Whatever is delivered or rejected is what the character-wise parser of the tests makes of the
decoded text (M081-M084, M087, M091, M095, M118, M121, M135, D13-D17, D46, D47): every record in
one of the two, with its number, line, cells or reasons, and raw text, at any size of blocks.

Four bytes choose: the delimiter; quote, header, trim, ...; encoding and lines to skip; sizes.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from fuzzing.target import Finding, Target, agree, split, words
from import_assets.errors import FileRefused
from import_assets.formats.dialect import find_delimiter
from import_assets.formats.encodings import LimitedStream, open_utf8
from import_assets.formats.opening import read_beginning
from import_assets.spec.formats import CsvFormat, Delimiter, Encoding, Quote
from import_assets.spec.models import Limits
from import_assets_tests.formats.reading import Bad, Contents, Good, read_csv
from import_assets_tests.formats.reference import Parsed, Parser, Way

_OPTIONS = 4
_DELIMITERS: tuple[str | None, ...] = (",", None, *get_args(Delimiter))
_ENCODINGS: tuple[str | None, ...] = ("utf-8", None, *get_args(Encoding))
_QUOTES: tuple[str, ...] = get_args(Quote)
_SIZES = (1 << 20, 1 << 20, 1 << 20, 100, 33, 16, 7, 1)
_BLOCKS = 12
"""Blocks of a file, about; each takes as long as a short file alone."""
_FEW_ROWS = 3
_COLUMNS = 40
_FILE = "file.csv"
_FILE = "file.csv"

_SHOP = Path(__file__).parents[1]
_UNDECODABLE = re.compile("[\udc00-\udcff]")
_UNDECIDED = ("not_text", "wrong_encoding", "encoding_unclear", "delimiter_unclear")


@dataclass(frozen=True)
class Case:
    """A file, what the definition says about it, and how it is read."""

    body: bytes
    csv: dict[str, Any]
    rows: int
    block: int
    step: int

    @classmethod
    def of(cls, data: bytes) -> Case:
        """Read an input."""
        (delimiter, bits, encoding, sizes), body = split(data, _OPTIONS)
        csv = {
            "delimiter": _DELIMITERS[delimiter % len(_DELIMITERS)],
            "quote": _QUOTES[bits % 4 % len(_QUOTES)],
            "header": not bits & 4,
            "trim": bool(bits & 8),
            "line_breaks": "reject" if bits & 16 else "keep",
            "pad_short": bool(bits & 32),
            "duplicate_headers": "refuse" if bits & 64 else "merge",
            "encoding": _ENCODINGS[encoding % 16 % len(_ENCODINGS)],
            "skip_lines": encoding // 16 % 4,
        }
        rows = _FEW_ROWS if bits & 128 else 1_000
        least = len(body) // _BLOCKS + 1
        block, step = max(_SIZES[sizes % 8], least), max(_SIZES[sizes // 8 % 8], least)
        return cls(body, csv, rows, block, step)

    @property
    def limits(self) -> Limits:
        """What the file may have at most."""
        return Limits(rows=self.rows, columns=_COLUMNS)

    def read(self) -> Contents | FileRefused:
        """Read the file by the code under test."""
        try:
            return read_csv(
                self.body,
                limits=self.limits,
                block_bytes=self.block,
                step=self.step,
                **self.csv,
            )
        except FileRefused as refused:
            return refused


@dataclass(frozen=True)
class Expected:
    """What the reference makes of a file that is not refused."""

    header: tuple[str, ...]
    good: list[Good]
    bad: list[Bad]
    blank: int


def check(data: bytes) -> int:
    """Judge one file; see `Target.check`."""
    case = Case.of(data)
    found = case.read()
    encoding, delimiter = _found_out(case, found)
    if not encoding or not delimiter:
        _check_undecided(case, found)
        return 1
    way = Way(delimiter, case.csv["quote"], case.csv["trim"], case.csv["skip_lines"])
    expected = _expected(case, _decoded(case.body, encoding), way)
    if isinstance(found, FileRefused):
        agree(f"outcome of {case}", found.reason, expected)
        return 1
    agree(
        f"outcome of {case}",
        Expected(found.header, found.good, found.bad, found.blank),
        expected,
    )
    return 1


def _found_out(case: Case, found: Contents | FileRefused) -> tuple[str | None, str | None]:
    """Return the encoding and delimiter in use, None where the file is refused for want of it."""
    if isinstance(found, FileRefused):
        declared = case.csv["encoding"], case.csv["delimiter"]
        return declared if all(declared) and found.reason not in _UNDECIDED else _looked_up(case)
    encoding, delimiter = found.reader.encoding, found.reader.delimiter
    agree("declared encoding", encoding, case.csv["encoding"] or encoding)
    agree("declared delimiter", delimiter, case.csv["delimiter"] or delimiter)
    if case.csv["encoding"] is None and _is_utf8(case.body):
        agree("encoding of a file in UTF-8", encoding, "utf-8")
    return encoding, delimiter


def _looked_up(case: Case) -> tuple[str | None, str | None]:
    csv = CsvFormat(**case.csv)
    limited = LimitedStream(io.BytesIO(case.body), case.limits.file_bytes, _FILE)
    try:
        text = open_utf8(limited, csv.encoding, _FILE)
    except FileRefused:
        return None, None
    try:
        start = read_beginning(text, csv.skip_lines, _FILE)
    except FileRefused:
        # There are too few lines, and so none with a delimiter.
        return text.encoding, ","
    try:
        found = find_delimiter(start.head, start.line_end, csv, whole=start.whole, file=_FILE)
    except FileRefused:
        return text.encoding, None
    return text.encoding, found


def _check_undecided(case: Case, found: Contents | FileRefused) -> None:
    """A file whose writing is not clear is refused for it, however it comes in."""
    if not isinstance(found, FileRefused) or found.reason not in _UNDECIDED:
        raise Finding(f"not refused for its writing: {found!r}")
    if found.reason == "encoding_unclear" and case.csv["encoding"]:
        raise Finding("the encoding is declared")
    if found.reason == "delimiter_unclear" and case.csv["delimiter"]:
        raise Finding("the delimiter is declared")


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return not body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))


def _decoded(body: bytes, encoding: str) -> str:
    """Return the text, with U+DC00 + b for each byte b that the encoding does not know."""
    if encoding == "utf-8":
        return body.removeprefix(codecs.BOM_UTF8).decode("utf-8", "surrogateescape")
    if encoding == "utf-16":
        return _decoded_utf16(body)
    return "".join(bytes([byte]).decode(encoding, "ignore") or chr(0xDC00 + byte) for byte in body)


def _decoded_utf16(body: bytes) -> str:
    order = "little" if body.startswith(codecs.BOM_UTF16_LE) else "big"
    rest, text = body[2:], ""
    while rest:
        unit = int.from_bytes(rest[:2], order) if len(rest) > 1 else 0xDC00
        low = int.from_bytes(rest[2:4], order) if len(rest) > 3 else 0
        if not 0xD800 <= unit <= 0xDFFF:
            text, rest = text + chr(unit), rest[2:]
        elif unit < 0xDC00 and 0xDC00 <= low <= 0xDFFF:
            text += chr(0x10000 + (unit - 0xD800) * 0x400 + low - 0xDC00)
            rest = rest[4:]
        else:
            text += "".join(chr(0xDC00 + byte) for byte in rest[:2])
            rest = rest[2:]
    return text


def _expected(case: Case, text: str, way: Way) -> Expected | str:
    """Return what is in a file, or the reason why it is refused."""
    end = "\r" if "\r" in text and "\n" not in text else "\n"
    ends = text.count(end)
    if ends < way.skip_lines:
        lines = ends + (not text.endswith(end) and text != "")
        return "too_few_lines" if lines < way.skip_lines else "empty_file"
    parsed = Parser(text, way).parse()
    records = [one for one in parsed if not one.blank]
    if not records:
        return "empty_file"
    named = _named(case, records)
    if isinstance(named, str):
        return named
    width, places = named
    records = records[1:] if case.csv["header"] else records
    if len(records) > case.rows:
        return "too_many_rows"
    good: list[Good] = []
    bad: list[Bad] = []
    for number, record in enumerate(records, 1):
        reasons = _reasons(case, record, width)
        raw = _UNDECODABLE.sub(lambda one: f"\\x{ord(one[0]) - 0xDC00:02x}", record.raw)
        if reasons:
            bad.append(Bad(number, record.line, tuple(reasons), raw))
        else:
            values = _values(record.cells, places)
            good.append(Good(number, record.line, values, raw))
    return Expected(tuple(places), good, bad, sum(one.blank for one in parsed))


def _named(case: Case, records: Sequence[Parsed]) -> tuple[int, dict[str, list[int]]] | str:
    """Return how many cells a record has and where each name stands; or why there is no header."""
    if case.csv["header"]:
        return _header(case, records[0])
    sound = next((one for one in records if not one.fault), None)
    if sound is None:
        return "first_record_broken"
    width = len(sound.cells)
    if width > _COLUMNS:
        return "too_many_columns"
    return width, {f"column_{at + 1}": [at] for at in range(width)}


def _header(case: Case, head: Parsed) -> tuple[int, dict[str, list[int]]] | str:
    torn = head.broken and case.csv["line_breaks"] == "reject"
    if head.fault or torn or _UNDECODABLE.search(head.raw):
        return "header_broken"
    if len(head.cells) > _COLUMNS:
        return "too_many_columns"
    places: dict[str, list[int]] = {}
    for at, cell in enumerate(head.cells):
        if cell.strip():
            places.setdefault(cell.strip(), []).append(at)
    doubled = any(len(at) > 1 for at in places.values())
    if doubled and case.csv["duplicate_headers"] == "refuse":
        return "duplicate_headers"
    return (len(head.cells), places) if places else "header_broken"


def _reasons(case: Case, record: Parsed, width: int) -> list[str]:
    reasons = [record.fault] if record.fault else []
    if not record.fault:
        if len(record.cells) > width:
            reasons.append("too_many_cells")
        elif len(record.cells) < width and not case.csv["pad_short"]:
            reasons.append("too_few_cells")
        if case.csv["line_breaks"] == "reject":
            reasons += ["line_break"] * record.broken
    if _UNDECODABLE.search(record.raw):
        reasons.append("undecodable")
    return reasons


def _values(cells: Sequence[str], places: dict[str, list[int]]) -> tuple[str | None, ...]:
    """Return a value for each name: the last of its cells that is not empty (M091)."""
    return tuple(
        next((cells[at] for at in reversed(positions) if at < len(cells) and cells[at]), None)
        for positions in places.values()
    )


WRITTEN = (
    'a,b\n1,2\n\n"x ""y""","two\nlines"\n3\n1,2,3\n"a"b,"c\nd",e\n',
    "id;name;id\r\n1;'it''s';\r\n2;;3\r\n",
    '\n"a"b\n1,2\n3\n',
    ' \t"a" , b\n "x\n "" y" ,"" \n"a" "b\n c",d\n \n',
    '1,"a\rb"\n2,"a\nb"\n3,4\n5\r6,7\r\n',
    'a\tb\rc\td\r"e\nf"\t"g\n',
    "Report of May\n\na|b\n1|ž\n2|ľ",
    "name,,NAME\n\ufeff1,2,3\n",
)
"""Files with some of all that may go wrong."""


def seeds() -> Iterator[bytes]:
    """Give files of the shop and of the documentation, and some of all that may go wrong."""
    for folder in ("shop", "docs/samples"):
        for path in sorted((_SHOP / folder).rglob("*.csv")):
            for encoding in (0, 1):
                yield bytes([1, 0, encoding, 0]) + path.read_bytes()[:200]
    for text in WRITTEN:
        for at, encoding in enumerate(_ENCODINGS):
            codec = encoding or "utf-8"
            for delimiter in (0, 1, 5):
                yield bytes([delimiter, at * 16 % 256, at, at * 9 % 64]) + text.encode(
                    codec, "ignore"
                )
        for bits in (1, 2, 4, 8, 16, 32, 64, 128, 24, 36):
            yield bytes([0, bits, 0, 37]) + text.encode()


WORDS = (
    b" ",
    *words(
        b'" "" \' , ; \t | \r\n \r \n \0 \x81 \xc5\xbe \xef\xbb\xbf \xff\xfe \xfe\xff \n" ", "\n ,"'
    ),
)
"""What means something in a CSV."""

CSV = Target(
    name="csv",
    units="files",
    check=check,
    seeds=seeds,
    words=WORDS,
    longest=256,
)
"""See the module."""
