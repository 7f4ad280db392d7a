"""Reading XML in tests: one call, and everything in plain Python values; and a slow reader."""

from __future__ import annotations

import io
import json
from collections import Counter
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

import polars as pl

from import_assets.formats.xml.reader import BLOCK_BYTES, XmlReader, open_xml
from import_assets.spec.formats import Encoding, XmlFormat
from import_assets.spec.models import Limits

Row = dict[str, str]


class Trickle(io.BytesIO):
    """Hands out few bytes at a time, else a short document would be one block always."""

    def __init__(self, content: bytes, most: int) -> None:
        super().__init__(content)
        self._most = most

    def read(self, size: int | None = -1, /) -> bytes:
        """Return as many bytes as are asked for, or fewer."""
        return super().read(self._most if size is None or size < 0 else min(size, self._most))


@dataclass(frozen=True)
class Document:
    header: tuple[str, ...]
    rows: list[Row]
    """The rows without empty cells."""
    lines: list[int]
    raw: list[str]
    reader: XmlReader


def read_xml(
    data: bytes | str,
    *,
    limits: Limits | None = None,
    block_bytes: int = BLOCK_BYTES,
    encoding: Encoding | None = None,
    cut: bool = False,
    **xml: Any,
) -> Document:
    """Read a whole document and check what must hold for every block."""
    content = data.encode() if isinstance(data, str) else data
    reader = open_xml(
        lambda: Trickle(content, block_bytes),
        XmlFormat(**xml),
        limits or Limits(),
        "file.xml",
        encoding=encoding,
        cut=cut,
        block_bytes=block_bytes,
    )
    rows: list[Row] = []
    lines: list[int] = []
    raw: list[str] = []
    for block in reader:
        assert block.frame.schema == dict.fromkeys(reader.header, pl.String)
        assert block.record.to_list() == list(range(len(rows) + 1, len(rows) + block.read + 1))
        assert block.rejects.is_empty()
        rows += [
            {name: cell for name, cell in row.items() if cell is not None}
            for row in block.frame.rows(named=True)
        ]
        lines += block.line.to_list()
        raw += block.raw.take(range(block.frame.height))
    return Document(reader.header, rows, lines, raw, reader)


# --- the slow reader ------------------------------------------------------------------------------


def parse(text: str) -> Element:
    """Parse a document with its names as they are written."""
    builder = TreeBuilder()
    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda tag, attributes: builder.start(tag, attributes)  # noqa: PLW0108 - its types
    parser.EndElementHandler = lambda tag: builder.end(tag)  # noqa: PLW0108
    parser.CharacterDataHandler = builder.data
    parser.Parse(text.encode(), True)
    return builder.close()


def flatten(row: Element) -> Row:
    """Return the cells of a row, by the names of columns as they are written."""
    cells: Row = {}
    _flatten(row, "", cells)
    return {name: cell for name, cell in cells.items() if cell}


def _flatten(element: Element, path: str, cells: Row) -> None:
    if text := _text(element):
        cells[path or "#text"] = text
    cells |= {_join(path, f"@{name}"): value for name, value in _attributes(element).items()}
    saying = [child for child in element if _says(child)]
    counts = Counter(child.tag for child in saying)
    for child in saying:
        name = _join(path, child.tag)
        if counts[child.tag] == 1:
            _flatten(child, name, cells)
        elif name not in cells:
            values = [_value(other) for other in saying if other.tag == child.tag]
            cells[name] = _json(values)


def _value(element: Element) -> Any:
    if not _attributes(element) and not len(element):
        return _text(element)
    value: dict[str, Any] = {f"@{name}": text for name, text in _attributes(element).items()}
    if text := _text(element):
        value["#text"] = text
    saying = [child for child in element if _says(child)]
    for child in saying:
        if child.tag not in value:
            values = [_value(other) for other in saying if other.tag == child.tag]
            value[child.tag] = values if len(values) > 1 else values[0]
    return value


def _text(element: Element) -> str:
    """All the text of an element that has text of its own, else none."""
    own = (element.text or "") + "".join(child.tail or "" for child in element)
    return "".join(element.itertext()).strip(" \t\r\n") if own.strip(" \t\r\n") else ""


def _attributes(element: Element) -> dict[str, str]:
    return {
        name: value
        for name, value in element.attrib.items()
        if name != "xmlns" and not name.startswith("xmlns:")
    }


def _says(element: Element) -> bool:
    return bool(_attributes(element) or len(element) or _text(element))


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
