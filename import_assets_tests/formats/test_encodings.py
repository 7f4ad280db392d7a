"""Thirteen encodings, byte order marks, and bytes that an encoding does not know."""

from __future__ import annotations

import codecs
import csv
import io
import sys
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from import_assets.errors import FileRefused
from import_assets.spec.formats import Delimiter, Encoding
from import_assets_tests.formats.reading import first_fault, read_csv

ENCODINGS: tuple[str, ...] = get_args(Encoding)
DELIMITERS: tuple[str, ...] = get_args(Delimiter)
SINGLE_BYTE = [name for name in ENCODINGS if not name.startswith("utf")]


def repertoire(encoding: str) -> list[str]:
    if encoding in SINGLE_BYTE:
        return [char for byte in range(256) if (char := bytes([byte]).decode(encoding, "ignore"))]
    return [chr(code) for code in range(0x250)] + ["€", "😀", "\uffff", "\ufeff", "語"]


def undefined(encoding: str) -> list[int]:
    return [byte for byte in range(256) if not bytes([byte]).decode(encoding, "ignore")]


def written(rows: list[list[str]], delimiter: str, line_end: str) -> str:
    text = io.StringIO()
    # Python quotes a CR only where lines end with one.
    carriage = any("\r" in cell for row in rows for cell in row)
    quoting = csv.QUOTE_ALL if carriage else csv.QUOTE_MINIMAL
    writer = csv.writer(text, delimiter=delimiter, lineterminator=line_end, quoting=quoting)
    writer.writerows(rows)
    return text.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_two_byte_order_marks_are_named(encoding: str) -> None:
    """D15: the second would be an invisible part of the first name."""
    with pytest.raises(FileRefused, match=r"begins with two byte order marks.*wrong_encoding"):
        read_csv("\ufeffid,b\n1,2\n".encode(encoding))


@pytest.mark.parametrize("encoding", ENCODINGS)
@settings(deadline=None, max_examples=15)
@given(data=st.data())
def test_round_trip(encoding: str, data: st.DataObject) -> None:
    """M082, M083, M084: what a CSV writer writes comes back, in each encoding and delimiter."""
    delimiter = data.draw(st.sampled_from(DELIMITERS))
    characters = st.sampled_from([*repertoire(encoding), '"', delimiter, "\n", "\r\n"])
    cell = st.lists(characters, max_size=8).map("".join)
    width = data.draw(st.integers(1, 5))
    rows = data.draw(st.lists(st.lists(cell, min_size=width, max_size=width), max_size=8))
    line_end = data.draw(st.sampled_from(["\n", "\r\n"]))
    header = [f"h{number}" for number in range(width)]
    raw = written([header, *rows], delimiter, line_end).encode(encoding)
    found = read_csv(
        raw,
        delimiter=delimiter,
        encoding=encoding,
        block_bytes=data.draw(st.sampled_from([10, 1000])),
        step=data.draw(st.sampled_from([3, 1 << 20])),
    )
    assert found.header == tuple(header)
    assert found.rows == [tuple(cell or None for cell in row) for row in rows]
    assert found.bad == []
    assert found.reader.encoding == encoding


@pytest.mark.parametrize("encoding", SINGLE_BYTE)
def test_every_undefined_byte_rejects_its_record(encoding: str) -> None:
    """D15: with the byte in the message and the raw text, and only that record."""
    for byte in undefined(encoding):
        data = b"a,b\n1,x\n2,y" + bytes([byte]) + b"z\n3," + bytes([0xE1]) + b"\n"
        found = read_csv(data, encoding=encoding)
        assert found.rows == [("1", "x"), ("3", bytes([0xE1]).decode(encoding))]
        assert found.bad[0].reasons == ("undecodable",)
        assert (found.bad[0].record, found.bad[0].line) == (2, 3)
        assert found.bad[0].raw == f"2,y\\x{byte:02x}z"
        message = first_fault(data, encoding=encoding)["message"]
        assert f"byte 0x{byte:02X} cannot be read as {encoding}: " in message
        assert "name the encoding" in message


def test_some_encodings_have_undefined_bytes() -> None:
    """M082: the test above is not empty."""
    assert undefined("cp1252") == [0x81, 0x8D, 0x8F, 0x90, 0x9D]
    assert sum(bool(undefined(encoding)) for encoding in SINGLE_BYTE) >= 7


@pytest.mark.parametrize("name", ["utf-16-le", "utf-16-be"])
def test_lone_surrogates_reject_their_records(name: str) -> None:
    """D15: half a character is not a character; the other half may follow in the next record."""
    mark = codecs.BOM_UTF16_LE if name == "utf-16-le" else codecs.BOM_UTF16_BE
    high, low = ("\ud83d".encode(name, "surrogatepass"), "\ude00".encode(name, "surrogatepass"))
    data = mark + "a,b\n1,x\n2,".encode(name) + high + "\n3,".encode(name) + low
    data += "y\n4,".encode(name) + high + low + "\n".encode(name)
    for step in (1, 3, 1 << 20):
        found = read_csv(data, step=step)
        assert found.rows == [("1", "x"), ("4", "😀")]
        assert [(bad.record, bad.reasons) for bad in found.bad] == [
            (2, ("undecodable",)),
            (3, ("undecodable",)),
        ]
        assert found.bad[0].raw == "2," + "".join(f"\\x{byte:02x}" for byte in high)


def test_odd_byte_at_the_end_of_utf_16() -> None:
    """D15: half a code unit rejects the last record."""
    found = read_csv("a,b\n1,x\n2,y".encode("utf-16") + b"z", encoding="utf-16")
    assert found.rows == [("1", "x")]
    assert found.bad[0].reasons == ("undecodable",)
    assert found.bad[0].raw == "2,y\\x7a"


@pytest.mark.parametrize(
    "wrong",
    [b"\x80", b"\xc3", b"\xc0\xaf", b"\xe2\x82", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xff\xfe"],
)
def test_wrong_utf8_rejects_its_record(wrong: bytes) -> None:
    """D15: overlong, cut, surrogate, beyond Unicode; quotes and line ends keep their meaning."""
    data = "a,b\n1,ä\n".encode() + b'2,"' + wrong + b'"\n' + "3,€\n".encode()
    found = read_csv(data)
    assert found.rows == [("1", "ä"), ("3", "€")]
    assert found.bad[0].raw == '2,"' + "".join(f"\\x{byte:02x}" for byte in wrong) + '"'
    names = ", ".join(f"0x{byte:02X}" for byte in dict.fromkeys(wrong))
    assert names in first_fault(data)["message"]


def test_many_different_wrong_bytes_are_cut_short() -> None:
    """D15: the sentence stays readable."""
    message = first_fault(b"a\n" + bytes(range(0x80, 0xC0)) + b"\n", encoding="utf-8")["message"]
    assert message.startswith("bytes 0x80, 0x81, 0x82, 0x83, … cannot be read as utf-8: ")


@pytest.mark.parametrize(
    ("mark", "name", "encoding"),
    [
        (codecs.BOM_UTF8, "utf-8", "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le", "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16-be", "utf-16"),
        (b"", "utf-8", "utf-8"),
    ],
)
@pytest.mark.parametrize("step", [1, 1 << 20])
def test_mark_decides(mark: bytes, name: str, encoding: str, step: int) -> None:
    """D15: where nothing is declared, and where the same is declared."""
    data = mark + "ä,b\n1,€\n".encode(name)
    for declared in (None, encoding):
        found = read_csv(data, encoding=declared, step=step)
        assert (found.header, found.rows) == (("ä", "b"), [("1", "€")])
        assert found.reader.encoding == encoding


@pytest.mark.parametrize(
    ("mark", "declared"),
    [
        (codecs.BOM_UTF8, "utf-16"),
        (codecs.BOM_UTF8, "cp1250"),
        (codecs.BOM_UTF16_LE, "utf-8"),
        (codecs.BOM_UTF16_BE, "latin1"),
        (codecs.BOM_UTF32_LE, None),
        (codecs.BOM_UTF32_BE, "utf-8"),
    ],
)
def test_mark_against_declaration(mark: bytes, declared: str | None) -> None:
    """D15: a contradiction is not resolved by guessing."""
    with pytest.raises(FileRefused) as caught:
        read_csv(mark + b"a,b\n1,2\n", encoding=declared)
    assert caught.value.reason == "wrong_encoding"


@pytest.mark.parametrize("name", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("declared", [None, "utf-8", "utf-16", "cp1252"])
@pytest.mark.parametrize("text", ["a,b\n1,2\n", "šťáva,cena\nľanová;čerešňová,1\n" * 20])
def test_utf_16_without_mark(text: str, name: str, declared: str | None) -> None:
    """D15: the order of its bytes is unknown; the message says what to do."""
    with pytest.raises(FileRefused, match="byte order mark") as caught:
        read_csv(text.encode(name), encoding=declared)
    assert caught.value.reason == "wrong_encoding"
    assert "save it as UTF-8, or as UTF-16" in caught.value.message or declared == "utf-16"


@pytest.mark.parametrize(
    "magic",
    [
        b"PK\x03\x04....",
        b"\x1f\x8b....",
        b"%PDF-1.7",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xe0",
    ],
)
def test_other_files_are_not_taken_for_text(magic: bytes) -> None:
    """M084: a workbook under the name of a CSV file is named for what it is."""
    with pytest.raises(FileRefused, match="export it as CSV") as caught:
        read_csv(magic)
    assert caught.value.reason == "not_text"


def test_undecodable_header_refuses_the_file() -> None:
    """D15, M081: without names nothing can be mapped."""
    with pytest.raises(FileRefused, match="header: byte 0xFF cannot be read as utf-8") as caught:
        read_csv(b"\na,\xff\n1,2\n", encoding="utf-8")
    assert (caught.value.reason, caught.value.line) == ("header_broken", 2)


def test_character_cut_by_the_block() -> None:
    """M082: blocks end anywhere, characters do not suffer."""
    text = "a,b\n" + "1,😀€é\n" * 20
    for encoding in ("utf-8", "utf-16"):
        for step in (1, 2, 3, 5):
            found = read_csv(text.encode(encoding), step=step, block_bytes=step)
            assert found.rows == [("1", "😀€é")] * 20


def test_machine_is_little_endian() -> None:
    """String views are written for such machines; another one fails at once, not silently."""
    assert sys.byteorder == "little"
