"""The content of a delivery, once it lies on this machine, as records: whatever it is made of."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from io import BufferedReader
from typing import BinaryIO, Protocol, cast

import polars as pl

from import_assets.errors import FileRefused
from import_assets.formats.archive import Member, open_members
from import_assets.formats.csv import open_csv
from import_assets.formats.rows import RowsReader
from import_assets.formats.xml.opening import HEAD_BYTES, begins_like_xml, looks_like_xml
from import_assets.formats.xml.reader import open_xml
from import_assets.records import ColumnKind, Records
from import_assets.sources.rows import SpooledRows
from import_assets.sources.spool import Spooled
from import_assets.spec.formats import Encoding, Format, XmlFormat
from import_assets.spec.loading import Import
from import_assets.spec.patterns import FilePattern

Progress = Callable[[int, int], None]
"""Called with the bytes read so far and the bytes in all."""


def no_progress(_done: int, _total: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Content:
    """What a delivery holds: a file or the rows of a query, by the name that errors call it.

    `encoding` is that of the file where its source knows it.
    """

    spooled: Spooled | SpooledRows
    file: str
    encoding: str | None = None


class Reader(Protocol):
    """The records of one file, or one member of an archive, or one query.

    `format` is `csv`, `xml` or `rows`; `row` is the element that is a row of XML, else empty.
    """

    format: str
    row: str
    header: tuple[str, ...]
    delimiter: str
    encoding: str
    warnings: tuple[str, ...]
    kinds: Mapping[str, ColumnKind]
    declared: Mapping[str, ColumnKind]

    def __iter__(self) -> Iterator[Records]:
        """Give the records in blocks, at least one block."""
        ...


@dataclass(frozen=True)
class Part:
    """A part of a delivery that has a header of its own; `member` names it in an archive."""

    member: str | None
    reader: Reader


def open_parts(
    definition: Import,
    content: Content,
    progress: Progress = no_progress,
    *,
    cut: bool = False,
) -> Generator[Part]:
    """Yield the parts of a delivery; each is read to its end before the next is asked for.

    Where the definition does not say whether a file is CSV or XML, its content does. `cut` says
    that the content is the beginning of the delivery only.

    Raises:
        FileRefused: the content, or a part of it, is nothing that can be read.
    """
    if isinstance(content.spooled, SpooledRows):
        yield Part(None, _rows(content.spooled))
        return
    limits, pattern = definition.project.spec.limits, definition.spec.format.members
    members = open_members(
        content.spooled.path, FilePattern(pattern) if pattern else None, limits, content.file
    )
    counter = _Counter(content.spooled.size, progress)
    with closing(members):
        for member in members:
            opening = _Opening(member, counter)
            file = part_name(content.file, member.name)
            yield Part(member.name, _open(definition, content, opening, file, cut=cut))


def _open(
    definition: Import, content: Content, opening: _Opening, file: str, *, cut: bool
) -> Reader:
    said, limits = definition.spec.format, definition.project.spec.limits
    encoding = cast("Encoding | None", content.encoding)
    if is_xml(said, opening.head, file):
        if definition.spec.conventions is not None:
            raise FileRefused(
                file,
                "not_csv",
                "the content is XML, and the conventions of Emarsys are for CSV: take "
                "`conventions` out of the definition, or have the file exported as CSV",
            )
        opening.passes = 2
        return open_xml(
            opening,
            said.xml or XmlFormat(),
            limits,
            file,
            encoding=encoding,
            cut=cut,
            folder=definition.project.spool_path,
        )
    csv = definition.spec.csv
    if encoding is not None:
        csv = csv.model_copy(update={"encoding": encoding})
    return open_csv(opening(), csv, limits, file)


def first_bytes(definition: Import, content: Content, size: int) -> tuple[bytes, bool]:
    """Return the first bytes, unpacked, of the first file of a delivery, and whether it ends there.

    Raises:
        FileRefused: the content is an archive that cannot be read, or holds no such file.
    """
    if isinstance(content.spooled, SpooledRows):
        return b"", True
    limits, pattern = definition.project.spec.limits, definition.spec.format.members
    members = open_members(
        content.spooled.path, FilePattern(pattern) if pattern else None, limits, content.file
    )
    head = b""
    with closing(members):
        stream = next(members).stream
        while len(head) <= size and (block := stream.read(size + 1 - len(head))):
            head += block
    return head[:size], len(head) <= size


def is_xml(said: Format, head: bytes, file: str) -> bool:
    """Tell whether a file is XML, by what a definition says about it, or else by its first bytes.

    Raises:
        FileRefused: `not_csv` or `not_xml`, where the two do not agree.
    """
    found = looks_like_xml(head)
    if said.csv is not None and found:
        raise FileRefused(
            file,
            "not_csv",
            "the content is XML, but the definition says CSV: write `format: {xml: {}}`, or leave "
            "the format out and let the content tell",
        )
    if said.xml is not None and not begins_like_xml(head):
        raise FileRefused(
            file,
            "not_xml",
            "the definition says XML, but the content does not begin with `<`: write "
            "`format: {csv: {}}`, or leave the format out and let the content tell",
        )
    return said.xml is not None or found


def part_name(file: str, member: str | None) -> str:
    """Return what a part of a file is called: `stock.zip!june.csv`."""
    return file if member is None else f"{file}!{member}"


def _rows(spooled: SpooledRows) -> RowsReader:
    return RowsReader(
        spooled.blocks(),
        {column.name: column.kind for column in spooled.columns},
        pl.Schema({column.name: column.dtype for column in spooled.columns}),
        declared={one.name: one.declared for one in spooled.columns if one.declared is not None},
        cursor=spooled.cursor,
    )


@dataclass
class Numbering:
    """Numbers the records of a delivery's parts through, and keeps the limit on all of them."""

    file: str
    limit: int
    read: int = 0

    def numbered(self, records: Records, before: int) -> Records:
        """Return a block with the numbers it has in the delivery; `before` stand before its part.

        Raises:
            FileRefused: all parts together have too many records (M087, D12).
        """
        self.read += records.read
        if self.read > self.limit:
            raise FileRefused(
                self.file,
                "too_many_rows",
                f"its parts have more than {self.limit:,} records together: split it",
            )
        if not before:
            return records
        return replace(
            records,
            record=records.record + before,
            rejects=records.rejects.with_columns(pl.col("record") + before),
        )


@dataclass
class _Counter:
    """Tells how much of a file was read. Of a packed one, more bytes come out than it has."""

    total: int
    progress: Progress
    done: int = 0

    def add(self, size: int) -> None:
        self.done = min(self.done + size, self.total)
        self.progress(self.done, self.total)


@dataclass
class _Opening:
    """Opens a file of a delivery, and again from its beginning if it is read in two `passes`."""

    member: Member
    counter: _Counter
    passes: int = 1
    _stream: _Counted | None = None
    _given: bool = False

    @property
    def head(self) -> bytes:
        """The first bytes, which are still to be read."""
        return self._first().peek(HEAD_BYTES)[:HEAD_BYTES]

    def __call__(self) -> BinaryIO:
        """Return the file from its beginning; what was returned before is not read any more."""
        stream = self._first()
        if self._given:
            # Else it would close what it reads from as soon as nobody knows it.
            stream.detach()
            stream = self._stream = _Counted(self.member.again(), self.counter)
        self._given = True
        stream.passes = self.passes
        return stream

    def _first(self) -> _Counted:
        if self._stream is None:
            self._stream = _Counted(self.member.stream, self.counter)
        return self._stream


class _Counted(BufferedReader):
    """A stream that tells how much of it was read, in one of so many `passes`."""

    passes = 1

    def __init__(self, stream: BinaryIO, counter: _Counter) -> None:
        super().__init__(stream)  # pyright: ignore[reportArgumentType]  # any binary stream does
        self._counter = counter

    def read(self, size: int | None = -1, /) -> bytes:
        """Read and report."""
        data = super().read(size)
        self._counter.add(len(data) // self.passes)
        return data
