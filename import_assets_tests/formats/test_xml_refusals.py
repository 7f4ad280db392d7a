"""Documents that are refused, and encodings."""

from __future__ import annotations

import codecs
import io
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from import_assets.errors import FileRefused
from import_assets.formats.xml.opening import begins_like_xml, looks_like_xml
from import_assets.formats.xml.reader import open_xml
from import_assets.spec.formats import Encoding, XmlFormat
from import_assets.spec.models import Limits
from import_assets_tests.builders import examples
from import_assets_tests.formats.xml_reading import read_xml

MIB = 1 << 20


def refusal(data: bytes | str, limits: Limits | None = None, row: str = "i") -> FileRefused:
    with pytest.raises(FileRefused) as refused:
        read_xml(data, limits=limits, row=row)
    return refused.value


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("<r>\n<i>\n</r>", 3, "an end tag does not fit"),
        ("<r>\n<i/>", 2, "it ends before its elements are closed"),
        ("<r/>\n<r/>", 2, "a document has one root"),
        ("<r><i/></r>\n\ntext", 3, "a document has one root"),
        ("<r>\n<i a='1' a='2'/></r>", 2, "two attributes of one name"),
        ("<r>\n<i a=1/></r>", 2, "character that may not stand here"),
        ("<r>\n<i a='<'/></r>", 2, "character that may not stand here"),
        ("<r>\n<i>a & b</i></r>", 2, "character that may not stand here"),
        ("<r>\r\n<i>&nbsp;</i></r>", 2, "this entity is not defined"),
        ("<r>\r<i>\x01</i></r>", 2, "character that may not stand here"),
        ("<r>\n<i>&#0;</i></r>", 2, "a character that XML does not know"),
        ("<r>\n<!-- a -- b --></r>", 2, "character that may not stand here"),
        ("<r>\n<![CDATA[ </r>", 2, "not closed"),
        ("<r>\n<i a='</r>", 2, "character that may not stand here"),
        ("\n<?xml version='1.0'?><r/>", 2, "XML declaration does not stand at the very beginning"),
        ("<?xml version='1.0'?>\n", 2, "it ends before"),
        ("<r>\n<i>]]></i></r>", 2, "character that may not stand here"),
        ("<>", 1, "character that may not stand here"),
        ("<r>\n</r", 2, "not closed"),
    ],
)
def test_malformed(text: str, line: int, told: str) -> None:
    """M106: with line, column and reason; nothing of it is handed out."""
    fault = refusal(text)
    assert (fault.reason, fault.line) == ("malformed_xml", line)
    assert told in fault.message
    assert "at column " in fault.message


def test_malformed_at_its_very_end() -> None:
    """M106: a fault behind thousands of rows lets none of them through."""
    with pytest.raises(FileRefused) as refused:
        read_xml(f"<r>{'<i>1</i>' * 100_000}\n<i></r>", row="i", block_bytes=1 << 16)
    assert refused.value.line == 2


@pytest.mark.parametrize("block_bytes", [1, 300, 1 << 20])
@pytest.mark.parametrize(
    "text", ["'<>", "\"</><a ='1'>", "<r/>'<>", "<!-- -->\n'<r/>", '<r><i/></r>\n"<r><i/></r>']
)
def test_what_stands_behind_a_quote_outside_of_the_root(text: str, block_bytes: int) -> None:
    """M106: expat says nothing of it before the quote is closed, and so nobody may read it."""
    with pytest.raises(FileRefused) as refused:
        read_xml(text + 600 * " ", row="i", block_bytes=block_bytes)
    assert refused.value.reason == "malformed_xml"


@pytest.mark.parametrize("block_bytes", [1, 13, 1 << 20])
@pytest.mark.parametrize("behind", [b"", b"</\xf3></b></i></w>", b" " * 600])
def test_a_name_that_is_no_utf8(block_bytes: int, behind: bytes) -> None:
    """M106: expat waits for the rest of a character that a block seems to cut off."""
    with pytest.raises(FileRefused) as refused:
        read_xml(b"<w><i><b>\r<\xf3>" + behind, row="i", block_bytes=block_bytes)
    assert refused.value.reason == "malformed_xml"


@examples(150)
@given(
    parts=st.lists(
        st.sampled_from(["<r>", "</r>", "<i", ">", "/>", "<", "'", '"', "=", " a=", "x", "]]>"])
        | st.sampled_from(["<!--", "-->", "<![CDATA[", "<?", "?>", "&", "&amp;", "<!", "</", "\r"]),
        max_size=12,
    ),
    block_bytes=st.sampled_from([1, 7, 100]),
)
def test_anything_is_read_or_refused(parts: list[str], block_bytes: int) -> None:
    """M106: whatever comes, and wherever a block ends in it."""
    text = f"<r>{''.join(parts)}</r>"
    try:
        read_xml(text, row="r", block_bytes=block_bytes)
    except FileRefused as refused:
        assert refused.reason in ("malformed_xml", "doctype")  # noqa: PT017 - both may happen


@pytest.mark.parametrize(
    "text",
    [
        "<!DOCTYPE html>\n<html></html>",
        '<!DOCTYPE r SYSTEM "file:///etc/passwd">\n<r/>',
        '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>\n<r>&x;</r>',
        '<!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>\n<r>&b;</r>',
    ],
)
def test_doctype(text: str) -> None:
    """D33: no entity is defined, and no other file drawn in."""
    assert (refusal(text).reason, refusal(text).line) == ("doctype", 1)


@pytest.mark.parametrize("depth", [101, 100_000])
def test_depth(depth: int) -> None:
    """A document that nests too deep is refused at once."""
    text = "<r>\n" + "<a>" * (depth - 1) + "</a>" * (depth - 1) + "</r>"
    fault = refusal(text)
    assert (fault.reason, fault.line) == ("too_deep", 2)
    assert read_xml("<r>" + "<i>" * 99 + "</i>" * 99 + "</r>", row="i").rows == [{}]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("<r>\n<i>" + "x" * (4 * MIB) + "</i></r>", "row"),
        ("<r>\n<i>" + "<a/>" * MIB + "</i></r>", "row"),
        ("<r>\n<i a='" + "x" * (4 * MIB) + "'/></r>", "tag, comment or section"),
        ("<r>\n<o a='" + "x" * (9 * MIB), "tag, comment or section"),
        ("<r>\n<!--" + "x" * (9 * MIB) + "--><i/></r>", "tag, comment or section"),
    ],
)
def test_too_long(text: str, what: str) -> None:
    """Nothing has to be held in memory that is too long for a record."""
    fault = refusal(text)
    assert (fault.reason, fault.line) == ("record_too_long", 2)
    assert f"the {what} that begins here has more than 4,194,304 bytes" in fault.message


def test_long_text_outside_of_rows() -> None:
    """What is in no row may be long: it is passed over."""
    assert read_xml(f"<r><o>{'x' * (9 * MIB)}</o><i>1</i></r>", row="i").rows == [{"#text": "1"}]


def test_limits() -> None:
    """M085-M087, D12."""
    rows = "<r>\n<i>1</i>\n<i>2</i>\n<i>3</i></r>"
    assert read_xml(rows, limits=Limits(rows=3)).rows[2] == {"#text": "3"}
    fault = refusal(rows, Limits(rows=2))
    assert (fault.reason, fault.line) == ("too_many_rows", 4)
    wide = "<r>\n<i><a>1</a></i>\n<i><b>1</b><c d='1'/></i></r>"
    fault = refusal(wide, Limits(columns=2))
    assert (fault.reason, fault.line) == ("too_many_columns", 3)
    assert read_xml(wide, limits=Limits(columns=3), row="i").header == ("a", "b", "c.@d")
    assert refusal(rows, Limits(file_bytes=10)).reason == "too_many_bytes"
    names = "".join(f"<n{number}/>" for number in range(2_000))
    assert refusal(f"<r>{names}<i/></r>").reason == "too_many_columns"


# --- encodings ------------------------------------------------------------------------------------

WORDS = {
    "cp1250": "žluťoučký",
    "cp1251": "привет",
    "cp1252": "café €",
    "cp1253": "γειά",
    "cp1254": "şğı",
    "cp1255": "שלום",
    "cp1256": "مرحبا",
    "cp1257": "ąčęė",
    "cp1258": "ơư",
    "latin1": "café",
    "iso-8859-2": "žluťoučký",
    "utf-8": "žluťoučký 😀",
}
NAMES = {"latin1": "ISO-8859-1", "iso-8859-2": "ISO-8859-2"}


def document(word: str, encoding: str | None = None) -> str:
    said = f' encoding="{encoding}"' if encoding else ""
    return f'<?xml version="1.0"{said}?>\n<r><i a="{word}">{word}</i></r>'


@pytest.mark.parametrize("encoding", [one for one in get_args(Encoding) if one != "utf-16"])
def test_declared_encodings(encoding: str) -> None:
    """M082: what the document says it is in."""
    word = WORDS[encoding]
    for name in (encoding, NAMES.get(encoding, encoding.replace("cp", "windows-").upper())):
        found = read_xml(document(word, name).encode(encoding), row="i")
        assert found.rows == [{"#text": word, "@a": word}]
        assert found.reader.encoding == encoding
        assert found.raw == [f'<i a="{word}">{word}</i>']


@pytest.mark.parametrize(
    ("mark", "codec", "encoding"),
    [
        (codecs.BOM_UTF8, "utf-8", "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le", "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16-be", "utf-16"),
    ],
)
@pytest.mark.parametrize("said", [None, "utf-16", "utf-8", "windows-1250"])
def test_byte_order_marks(mark: bytes, codec: str, encoding: str, said: str | None) -> None:
    """M082: they go before the declaration."""
    found = read_xml(mark + document("ž😀", said).encode(codec), row="i")
    assert found.rows == [{"#text": "ž😀", "@a": "ž😀"}]
    assert found.reader.encoding == encoding


def test_what_the_source_knows_goes_first() -> None:
    """M082: pasted text is UTF-8, whatever it says it was."""
    data = document("ž", "windows-1250").encode()
    assert read_xml(data, row="i", encoding="utf-8").rows[0]["#text"] == "ž"


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (document("x", "koi8-r").encode(), "encoding 'koi8-r', which is not read: save the"),
        (document("x", "utf-16").encode(), "encoding 'utf-16', but it is not written in it"),
        (document("x").encode("utf-16-le"), "UTF-16 without a byte order mark"),
    ],
)
def test_wrong_encodings(data: bytes, told: str) -> None:
    """M082."""
    fault = refusal(data)
    assert fault.reason == "wrong_encoding"
    assert told in fault.message


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (b"<r>\n<i>\xe9</i></r>", "utf-8"),
        (b"<?xml version='1.0' encoding='cp1252'?>\n<r>\x81</r>", "cp1252"),
    ],
)
def test_undecodable_bytes(data: bytes, encoding: str) -> None:
    """M082: no byte is replaced."""
    fault = refusal(data)
    assert (fault.reason, fault.line) == ("malformed_xml", 2)
    assert f"a byte that {encoding} does not know" in fault.message


# --- XML or not -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "<?xml version='1.0'?>",
        "\n <rss version='2.0'>",
        "<!-- a --><r/>",
        "<!DOCTYPE html>",
        "<r/>",
        "<r>\n  <i>",
        "<r>",
        "<codes>\n1\n2</codes>",
        "<é:r g='1'>",
    ],
)
def test_xml_looks_like_it(text: str) -> None:
    """M104: in any encoding of which the beginning can be told."""
    for codec in ("utf-8", "utf-8-sig", "utf-16"):
        assert looks_like_xml(text.encode(codec))
        assert begins_like_xml(text.encode(codec))
    assert looks_like_xml("<?xml version='1.0'?>".encode("utf-16-le"))


@pytest.mark.parametrize(
    "text",
    [
        "id,name\n<r/>",
        "<id>,<name>\n1,2",
        "<id>;b",
        "< a",
        "<",
        "",
        "<3>",
        "<id> text\n",
        "a<b></b>",
        "<id>\t<name>\n",
    ],
)
def test_csv_does_not_look_like_xml(text: str) -> None:
    """M104: a column may be called `<id>`."""
    assert not looks_like_xml(text.encode())


def test_rows_are_asked_for_once() -> None:
    reader = open_xml(lambda: io.BytesIO(b"<r><i/><i/></r>"), XmlFormat(), Limits(), "file.xml")
    assert [block.read for block in reader] == [2]
    with pytest.raises(RuntimeError, match="only once"):
        iter(reader)
