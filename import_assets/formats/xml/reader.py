"""XML: the bytes of a document to blocks of text records (M104-M108, D33).

Each row element is a record. What lies in it becomes columns: `author`, `@category` for an
attribute of the row, `title.@lang` for one of an element inside, `#text` for the row's own text. An
element that stands more than once in a row is a JSON list there, whatever other rows have.

The document is parsed once, to prove it well-formed and to find the columns, of which any row may
have another. Where the cells stand is kept until then; for their texts it is read again. Nothing of
a malformed document is handed out. A short one is read once.

=======================  ========================================================================
reason of a refusal      the document
=======================  ========================================================================
`malformed_xml`          is not well-formed, or holds bytes that its encoding does not know
`doctype`                has a DOCTYPE, and so perhaps entities of its own
`too_deep`               nests elements deeper than 100 levels
`record_too_long`        has a row, tag or comment of more than 4 MiB
`row_unclear`            does not show which element is a row
`row_not_found`          has no element as the definition says that rows are
`no_rows`                is a feed of a known kind without any item
`too_many_columns`       has rows with more columns than `limits.columns`
`too_many_rows`          has more rows than `limits.rows`
`duplicate_headers`      has two columns of one name, by a dot in the name of an element
=======================  ========================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import polars as pl

from import_assets.formats.encodings import LimitedStream, Utf8Stream
from import_assets.formats.faults import too_many_rows
from import_assets.formats.views import PAD
from import_assets.formats.xml import faults
from import_assets.formats.xml.contents import Contents, Table
from import_assets.formats.xml.frames import make_frames
from import_assets.formats.xml.judge import Judge
from import_assets.formats.xml.kept import Kept
from import_assets.formats.xml.opening import open_text
from import_assets.formats.xml.paths import Paths
from import_assets.formats.xml.pending import Pending
from import_assets.formats.xml.rows import RowRule
from import_assets.formats.xml.scan import Scan
from import_assets.formats.xml.survey import Columns, Survey
from import_assets.records import ColumnKind, Records
from import_assets.spec.formats import Encoding, XmlFormat
from import_assets.spec.models import Limits

BLOCK_BYTES = 2 << 20
"""Bytes of UTF-8 that are read for each block; by the first, the row is found."""


def open_xml(
    opened: Callable[[], BinaryIO],
    xml: XmlFormat,
    limits: Limits,
    file: str,
    *,
    encoding: Encoding | None = None,
    cut: bool = False,
    block_bytes: int = BLOCK_BYTES,
    folder: Path | None = None,
) -> XmlReader:
    """Open a document: prove it well-formed, and find its rows and columns.

    Args:
        opened: Gives the document's bytes, unpacked, from their beginning; asked once or twice.
            What it gave before is not read any more, and nothing is closed.
        xml: What the definition says about the format.
        limits: `file_bytes`, `columns` and `rows` are kept here (M085-M087, D12).
        file: The name used in errors.
        encoding: What the source knows the encoding to be; it goes before what the document says.
        cut: The bytes are the beginning of a document only; a row that is not whole is left out.
        block_bytes: Bytes of text read for each block; memory in use is a multiple of it.
        folder: Where temporary files are made, None for the system's own folder. What is found in
            a document of several blocks is kept there while it is read: about half its bytes, and
            six times as many at most, where rows are a few bytes long.

    Raises:
        FileRefused: The document cannot be read, see above; or `empty_file`, `too_many_bytes` or
            `wrong_encoding`.
        SourceError: There is no room in the folder.
    """
    source = _Source(opened, limits, file, encoding, cut, block_bytes)
    text = source.text()
    paths = Paths(RowRule.of(xml.row) if xml.row else None, xml.json_, file)
    kept = Kept(folder, file)
    try:
        columns = _survey(source, text, paths, kept, xml)
    except BaseException:
        kept.close()
        raise
    return XmlReader(source, text.encoding, str(paths.rule), columns, kept)


def _survey(source: _Source, text: Utf8Stream, paths: Paths, kept: Kept, xml: XmlFormat) -> Columns:
    """Read a document for the first time."""
    file, limits = source.file, source.limits
    survey = Survey(paths, limits.columns, file)
    rows = 0
    with (
        Judge(file, text.encoding) as judge,
        closing(iter(Scan(source.pending(text), paths, file, judge))) as stretches,
    ):
        for stretch in stretches:
            if rows + stretch.rows > limits.rows:
                line = int(stretch.line[limits.rows - rows])
                raise too_many_rows(limits.rows, file, line)
            rows += stretch.rows
            survey.add(stretch.nodes, stretch.repeats, stretch.offset, stretch.line)
            kept.add(stretch.contents())
    if paths.rule is None:
        raise faults.row_unclear(file, "its beginning holds no element")
    if not rows:
        raise _nothing(paths, paths.rule, file)
    return survey.columns(xml.json_, keep_prefixes=xml.prefixes == "keep")


def _nothing(paths: Paths, rule: RowRule, file: str) -> Exception:
    if rule.known:
        return faults.no_rows(file, str(rule))
    found = ("/".join(paths.full(path)) for path in range(1, len(paths)))
    return faults.row_not_found(file, str(rule), (path for path in found if "@" not in path))


@dataclass(frozen=True)
class _Source:
    """The document, and how it is read."""

    opened: Callable[[], BinaryIO]
    limits: Limits
    file: str
    encoding: Encoding | None
    cut: bool
    block_bytes: int

    def text(self) -> Utf8Stream:
        """Open the text from its beginning."""
        stream = LimitedStream(self.opened(), self.limits.file_bytes, self.file)
        return open_text(stream, self.encoding, self.file)

    def pending(self, text: Utf8Stream) -> Pending:
        """Return a text to be read in blocks."""
        return Pending(text, self.block_bytes, self.cut)


class XmlReader:
    """The rows of one document, in blocks, read once.

    `header`: the names of the columns, in order of first appearance.
    `row`: the row element, as the path that the definition says or that was found.
    `encoding`: as used.
    `objects`: elements with others inside that are JSON in the rows that have several of them, and
    columns of their own in the others; the definition can want them as JSON in all.
    `warnings`: what the user should know about the columns.
    """

    format = "xml"
    delimiter = ""
    declared: Mapping[str, ColumnKind] = {}

    def __init__(
        self, source: _Source, encoding: str, row: str, columns: Columns, kept: Kept
    ) -> None:
        """Take what was found by the first reading."""
        self.header = columns.names
        self.encoding = encoding
        self.objects = columns.objects
        self.warnings = columns.warnings
        self.row = row
        self.kinds: Mapping[str, ColumnKind] = dict.fromkeys(self.header, "element")
        self._source = source
        self._columns = columns
        self._kept = kept
        self._asked = False

    def __iter__(self) -> Iterator[Records]:
        """Give the rows in blocks, at least one block.

        Raises:
            FileRefused: `too_many_bytes`.
            RuntimeError: The rows were asked for before.
        """
        if self._asked:
            raise RuntimeError(f"{self._source.file}: the rows can be read only once")
        self._asked = True
        return self._blocks()

    def _blocks(self) -> Iterator[Records]:
        before = 0
        found = self._kept.taken(lambda: self._source.pending(self._source.text()))
        with closing(found):
            for contents in found:
                if len(contents.rows):
                    yield from _records(contents, self._columns, before)
                before += len(contents.rows)


def _records(contents: Contents, columns: Columns, before: int) -> Iterator[Records]:
    for part, frame in make_frames(contents, columns):
        numbers = range(before + part.start + 1, before + part.stop + 1)
        rows = contents.rows[part]
        yield Records(
            frame=frame,
            record=pl.Series("record", numbers, dtype=pl.Int64),
            line=pl.Series("line", rows["line"], dtype=pl.Int64),
            raw=_RowText(contents.buffers[0], rows),
        )


@dataclass(frozen=True)
class _RowText:
    """The source text of rows."""

    data: bytes
    rows: Table

    def take(self, rows: Sequence[int]) -> list[str]:
        """See `RawText.take`."""
        places = self.rows[["start", "end"]][list(rows)].tolist()
        return [self.data[start + PAD : end + PAD].decode("utf-8") for start, end in places]
