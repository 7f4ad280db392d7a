"""Target `xml`: the bytes of a document to records (M104-M108, D33).

A document is accepted if and only if expat accepts it, without a DOCTYPE; its rows, their lines and
their raw texts are those of a reader that walks the whole tree, wherever blocks end. The beginning
of a document has the first of its rows.

Three bytes choose: the row; prefixes, JSON and whether a beginning is read; the size of blocks.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from fuzzing.target import Finding, Target, agree, split, words
from import_assets.errors import FileRefused
from import_assets.formats.encodings import LimitedStream
from import_assets.formats.xml.opening import open_text
from import_assets.formats.xml.rows import RowRule
from import_assets.spec.models import Limits
from import_assets_tests.formats.xml_reading import Document, flatten, parse, read_xml

_OPTIONS = 3
_ROWS = ("i", "r/i", None, "a", "rss/channel/item", "row", "SHOPITEM", "r", "g:i")
_SIZES = (1 << 20, 1 << 20, 1 << 20, 256, 40, 7, 1)
_LIMITS = Limits(rows=20, columns=30)
_BLOCKS = 8
"""Blocks of a document, about; each takes as long as a short document alone."""
_DEEPEST = 100
_FILE = "file.xml"
_SAMPLE = Path(__file__).parents[1]

_BEFORE_THE_END = ("row_unclear", "too_many_columns", "too_many_rows")
"""Reasons to refuse a document whose later blocks nobody has looked at."""
_OF_A_BEGINNING = ("row_not_found", "row_unclear", "no_rows", "empty_file")
"""Reasons to refuse the beginning of a good document."""


class _HasDoctype(Exception):
    """The document has a DOCTYPE."""


@dataclass
class _Tree:
    """A document as expat and a tree show it; `lines` are those of elements, by identity."""

    root: Element | None = None
    deepest: int = 0
    lines: dict[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, data: bytes) -> _Tree:
        """Parse a document in UTF-8.

        Raises:
            ExpatError: It is not well-formed.
            _HasDoctype: It has a DOCTYPE.
        """
        tree, builder = cls(), TreeBuilder()
        parser = expat.ParserCreate("utf-8")
        depth = 0

        def start(tag: str, attributes: dict[str, str]) -> None:
            nonlocal depth
            depth += 1
            tree.deepest = max(tree.deepest, depth)
            tree.lines[id(builder.start(tag, attributes))] = parser.CurrentLineNumber

        def end(tag: str) -> None:
            nonlocal depth
            depth -= 1
            builder.end(tag)

        def doctype(*_: object) -> None:
            raise _HasDoctype

        parser.StartElementHandler = start
        parser.EndElementHandler = end
        parser.CharacterDataHandler = builder.data
        parser.StartDoctypeDeclHandler = doctype
        parser.Parse(data, True)
        tree.root = builder.close()
        return tree

    def rows(self, rule: RowRule) -> list[Element]:
        """Return the elements that are rows, those inside of others left out."""
        found: list[Element] = []

        def walk(element: Element, path: tuple[str, ...]) -> None:
            path = (*path, element.tag)
            if rule.fits(path):
                found.append(element)
                return
            for child in element:
                walk(child, path)

        if self.root is not None:
            walk(self.root, ())
        return found

    @property
    def prefixed(self) -> bool:
        """Tell whether any name has a prefix."""
        names = (
            name
            for element in (self.root.iter() if self.root is not None else ())
            for name in (element.tag, *element.attrib)
        )
        return any(":" in name for name in names)


def check(data: bytes) -> int:
    """Judge one document; see `Target.check`."""
    (row, bits, size), body = split(data, _OPTIONS)
    said: dict[str, Any] = {
        "row": _ROWS[row % len(_ROWS)],
        "prefixes": "when_needed" if bits & 1 else "keep",
        "json": ["b"] if bits & 2 else [],
    }
    block = max(_SIZES[size % len(_SIZES)], len(body) // _BLOCKS)
    found = _read(body, block, said)
    text = _text(body)
    if text is None:
        agree(
            "an encoding that is not clear",
            _reason(found) in ("empty_file", "wrong_encoding"),
            True,
        )
        return 1
    try:
        tree = _Tree.of(text)
    except _HasDoctype:
        agree(f"a DOCTYPE in {body!r}", _reason(found), "doctype")
    except expat.ExpatError as error:
        _check_malformed(found, error, body, block)
    else:
        _check_well_formed(found, tree, said, body)
        if bits & 4 and isinstance(found, Document) and said["row"] is not None:
            _check_beginning(found, body, size, block, said)
    return 1


def _read(body: bytes, block: int, said: dict[str, Any], **more: Any) -> Document | FileRefused:
    try:
        return read_xml(body, limits=_LIMITS, block_bytes=block, **said, **more)
    except FileRefused as refused:
        return refused


def _reason(found: Document | FileRefused) -> str:
    return found.reason if isinstance(found, FileRefused) else "accepted"


def _text(body: bytes) -> bytes | None:
    """Return a document as UTF-8, or None where its encoding is not clear."""
    limited = LimitedStream(io.BytesIO(body), _LIMITS.file_bytes, _FILE)
    try:
        stream = open_text(limited, None, _FILE)
    except FileRefused:
        return None
    return b"".join(iter(lambda: stream.read(1 << 20), b""))


def _check_malformed(
    found: Document | FileRefused, error: expat.ExpatError, body: bytes, block: int
) -> None:
    reason = _reason(found)
    if reason == "malformed_xml":
        agree(f"line of the fault of {body!r}", getattr(found, "line", None), error.lineno)
    elif reason != "too_deep" and (reason not in _BEFORE_THE_END or block == _SIZES[0]):
        raise Finding(f"{reason}, but expat says {error}: {body!r}")


def _check_well_formed(
    found: Document | FileRefused, tree: _Tree, said: dict[str, Any], body: bytes
) -> None:
    if isinstance(found, FileRefused):
        _check_refusal(found, tree, said, body)
        return
    rows = tree.rows(RowRule.of(found.reader.row))
    what = f"of {body!r} by {said}"
    agree(f"lines {what}", found.lines, [tree.lines[id(row)] for row in rows])
    agree(f"number of rows {what}", len(found.rows), len(rows))
    raws = [flatten(parse(raw)) for raw in found.raw]
    agree(f"raw texts {what}", raws, [flatten(row) for row in rows])
    if not said["json"] and (said["prefixes"] == "keep" or not tree.prefixed):
        agree(f"rows {what}", found.rows, raws)


def _check_refusal(refused: FileRefused, tree: _Tree, said: dict[str, Any], body: bytes) -> None:
    declared = said["row"]
    rows = len(tree.rows(RowRule.of(declared))) if declared else -1
    names = body.count(b"<") + body.count(b"=")
    allowed = {
        "too_deep": tree.deepest > _DEEPEST,
        "row_not_found": rows == 0,
        "row_unclear": declared is None,
        "no_rows": declared is None,
        "too_many_rows": declared is None or rows > _LIMITS.rows,
        "too_many_columns": names > _LIMITS.columns,
        "duplicate_headers": b"." in body,
    }
    if not allowed.get(refused.reason, False):
        raise Finding(f"{refused.reason} of a good document, by {said}: {body!r}")


def _check_beginning(
    whole: Document, body: bytes, size: int, block: int, said: dict[str, Any]
) -> None:
    cut = body[: len(body) * size // 256]
    found = _read(cut, block, said, cut=True)
    if isinstance(found, Document):
        rows = len(found.rows)
        agree(f"rows of the beginning {cut!r}", found.raw, whole.raw[:rows])
        agree(f"lines of the beginning {cut!r}", found.lines, whole.lines[:rows])
    elif found.reason not in _OF_A_BEGINNING:
        raise Finding(f"{found.reason} of a beginning {cut!r} of {body!r}")


_WRITTEN = (
    "<r><i a='1'>x<b>y</b></i><i/></r>",
    "<?xml version='1.0'?>\r\n<r a='>'><l><i>\n1</i><i k=\" a\tb\r\nc \"><a>&amp;lt;&#38;amp;</a>"
    "<a l='e'>x<b>1</b></a></i></l></r>\n",
    "<r xmlns:g='u'><g:i><g:a g:k='v'>1</g:a><a>2</a></g:i>"
    "<i>]]x<![CDATA[ <b>&amp;</b> ]]></i></r>",
    "<!-- <i> --><r>\r<i><b><c>1</c></b><b/>t<b>2</b></i><?pi <i> ?><i><i>3</i></i></r>",
    '<?xml version="1.0" encoding="windows-1250"?><r><i>x</i></r>',
    "<rss><channel><item><a.b>1</a.b><a><b>2</b></a></item></channel></rss>",
    "<!DOCTYPE r [<!ENTITY x 'y'>]><r><i>&x;</i></r>",
    f"<r><i><!-- {50 * '= '} -->x</i><i>{40 * ' '}<?p {30 * ' '}?>y<b/></i></r>",
    "<SHOP><SHOPITEM><P N='ž'>😀</P></SHOPITEM><SHOPITEM/></SHOP>",
    "<r>" + "<i>1</i>" * 22 + "</r>",
)


def seeds() -> Iterator[bytes]:
    """Give small documents with everything that XML has, in several encodings, and of the shop."""
    for at, text in enumerate(_WRITTEN):
        for bits in (0, 1, 2, 4):
            yield bytes([at + bits, bits, at * 7]) + text.encode()
        yield bytes([2, 0, 3]) + text.encode("utf-16")
    for path in sorted((_SAMPLE / "shop").rglob("*.xml")):
        yield bytes([2, 0, 0]) + path.read_bytes()[:230]


XML = Target(
    name="xml",
    units="documents",
    check=check,
    seeds=seeds,
    words=words(
        b"<i> </i> <i/> <a> </a> <b> </b> <r> </r> < > / = ' \" a='1' a= xmlns= g: g:a <!-- --> "
        b"<![CDATA[ ]]> <? ?> <?xml <!DOCTYPE &amp; &#65; &#x41; &lt; \r \n \t "
        b"\xef\xbb\xbf \xff\xfe"
    ),
    longest=240,
)
"""See the module."""
