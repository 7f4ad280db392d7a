"""The directory of a zip archive: what it holds and where, checked before anything is unpacked.

Each entry stands in the archive twice, in the directory at the end and before its own bytes. Both
are read and have to agree, entries may not share bytes, and the directory has to fill exactly the
place that its end record gives it: so no damage, and no trick, makes a file vanish unnoticed.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from struct import Struct, error
from typing import BinaryIO

from import_assets.errors import FileRefused

MOST_DIRECTORY_BYTES = 16 << 20
"""Bytes of a directory that is read: more than 100,000 files of usual names."""

_END = Struct("<4s4H2IH")
_END64 = Struct("<4sQ2H2I4Q")
_LOCATOR64 = Struct("<4sIQI")
_CENTRAL = Struct("<4s6H3I5H2I")
_LOCAL = Struct("<4s5H3I2H")
_FIELD = Struct("<2H")
_END_MAGIC, _END64_MAGIC, _LOCATOR64_MAGIC = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_CENTRAL_MAGIC, _LOCAL_MAGIC = b"PK\x01\x02", b"PK\x03\x04"

_FULL16, _FULL32 = 0xFFFF, 0xFFFFFFFF
"""What a field holds whose value did not fit: it stands in a zip64 record instead."""

_LONGEST_COMMENT = 0xFFFF
_NAMED_CHARACTERS = 100
_ZIP64_FIELD = 1
_ENCRYPTED_FLAGS = 0x2041  # of the bytes, of them in a stronger way, of the directory


@dataclass(frozen=True, slots=True)
class ZipEntry:
    """One file or folder of a zip archive.

    `start` is the place of its first packed byte in the archive; `packed` and `unpacked` count
    bytes, as the directory states them. `checksum` is the CRC-32 of the unpacked bytes.
    """

    name: str
    method: int
    encrypted: bool
    checksum: int
    start: int
    packed: int
    unpacked: int


@dataclass(frozen=True, slots=True)
class _Listed:
    """An entry as the directory has it; `offset` is the place of its own header."""

    name: bytes
    flags: int
    method: int
    checksum: int
    packed: int
    unpacked: int
    offset: int


@dataclass(frozen=True, slots=True)
class _End:
    """Where the directory lies, and how many entries it has."""

    offset: int
    size: int
    entries: int


def read_directory(archive: BinaryIO, file: str) -> list[ZipEntry]:
    """Read the directory of a zip archive; its entries come in the order of their bytes.

    Names are UTF-8 where they can be, else code page 437, whatever their flags say: programs do
    not agree on setting them.

    Args:
        archive: The whole archive, seekable.
        file: The name used in errors.

    Raises:
        FileRefused: `damaged_archive`, `unsupported_archive` (one part of several) or
            `too_many_members`.
    """
    reader = _Reader(archive, file)
    end = reader.end()
    listed = sorted(reader.listed(end), key=lambda entry: entry.offset)
    starts = [reader.start(entry) for entry in listed]
    reader.check_apart(listed, starts, end)
    entries = [_entry(entry, start) for entry, start in zip(listed, starts, strict=True)]
    twice = [name for name, count in Counter(e.name for e in entries).items() if count > 1]
    if twice:
        raise FileRefused(
            file,
            "damaged_archive",
            f"the zip archive holds {quoted(twice[0])} more than once: pack each file once",
        )
    return entries


def damaged(file: str, detail: str) -> FileRefused:
    """The archive is not what its maker meant it to be."""
    return FileRefused(
        file,
        "damaged_archive",
        f"the archive is damaged or was cut off, {detail}: send it again, or pack it again",
    )


def shown(name: str) -> str:
    r"""Return the path of an entry with what cannot be shown as `\xNN` or `\uNNNN`."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in name
    )


def quoted(name: str) -> str:
    """Return the path of an entry as errors name it."""
    text = shown(name)
    if len(text) > _NAMED_CHARACTERS:
        half = _NAMED_CHARACTERS // 2
        text = f"{text[:half]}…{text[-half:]}"
    return f"'{text}'"


class _Reader:
    """Reads pieces of one archive, none beyond its end."""

    def __init__(self, archive: BinaryIO, file: str) -> None:
        self._archive = archive
        self._file = file
        self._size = archive.seek(0, io.SEEK_END)

    def end(self) -> _End:
        """Find the directory by the record at the end of the archive."""
        tail_at = max(0, self._size - _END.size - _LONGEST_COMMENT)
        tail = self._bytes(tail_at, self._size - tail_at)
        last = len(tail) - _END.size
        found = tail.rfind(_END_MAGIC, 0, last + len(_END_MAGIC)) if last >= 0 else -1
        if found < 0:
            raise damaged(self._file, "its end is missing")
        at = tail_at + found
        _, *values, comment = _END.unpack_from(tail, found)
        if at + _END.size + comment > self._size:
            raise self._wrong_end()
        wide = self._zip64(at)
        if wide is not None:
            full = (_FULL16,) * 4 + (_FULL32,) * 2
            pairs = zip(values, full, wide[1:], strict=True)
            if any(value not in (most, large) for value, most, large in pairs):
                raise self._wrong_end()
            at, *values = wide
        disk, start_disk, here, entries, size, offset = values
        if disk or start_disk:
            raise self._split()
        if here != entries or offset + size != at:
            raise self._wrong_end()
        return _End(offset, size, entries)

    def _zip64(self, end: int) -> tuple[int, ...] | None:
        """Return the place and the values of the zip64 end record, if there is one."""
        at = end - _LOCATOR64.size
        if at < 0:
            return None
        magic, _, place, _ = _LOCATOR64.unpack(self._bytes(at, _LOCATOR64.size))
        if magic != _LOCATOR64_MAGIC:
            return None
        record = self._bytes(place, _END64.size)
        magic, length, _, _, *values = _END64.unpack(record)
        # The length leaves out itself and the magic bytes.
        if magic != _END64_MAGIC or place + length + 12 != at:
            raise self._wrong_end()
        return place, *values

    def listed(self, end: _End) -> Iterator[_Listed]:
        """Yield the entries of the directory."""
        if end.size > MOST_DIRECTORY_BYTES:
            raise FileRefused(
                self._file,
                "too_many_members",
                f"the list of files in the zip archive has {end.size:,} bytes, more than "
                f"{MOST_DIRECTORY_BYTES:,}: pack fewer files into one archive",
            )
        directory = self._bytes(end.offset, end.size)
        at = entries = 0
        while at < len(directory):
            entry, at = self._listed(directory, at)
            entries += 1
            yield entry
        if entries != end.entries:
            raise self._wrong_end()

    def _listed(self, directory: bytes, at: int) -> tuple[_Listed, int]:
        """Return the entry that begins here, and where the next one does."""
        try:
            values = _CENTRAL.unpack_from(directory, at)
        except error:
            raise self._wrong_end() from None
        magic, _, _, flags, method, _, _, checksum, packed, unpacked, *rest = values
        name_size, extra_size, comment_size, disk, _, _, offset = rest
        name_at = at + _CENTRAL.size
        extra_at = name_at + name_size
        extra_end = extra_at + extra_size
        behind = extra_end + comment_size
        if magic != _CENTRAL_MAGIC or behind > len(directory):
            raise self._wrong_end()
        large = [unpacked, packed, offset]
        if _FULL32 in large:
            large = self._widened(large, directory[extra_at:extra_end])
        if disk not in (0, _FULL16):
            raise self._split()
        unpacked, packed, offset = large
        name = directory[name_at:extra_at]
        return _Listed(name, flags, method, checksum, packed, unpacked, offset), behind

    def _widened(self, values: Sequence[int], extra: bytes) -> list[int]:
        """Replace the values that did not fit by those of the zip64 field."""
        field = _field(extra, _ZIP64_FIELD)
        needed = values.count(_FULL32)
        if len(field) < needed * 8:
            raise self._wrong_end()
        wide = iter(Struct(f"<{needed}Q").unpack_from(field))
        return [next(wide) if value == _FULL32 else value for value in values]

    def start(self, entry: _Listed) -> int:
        """Return the place of an entry's first packed byte, behind its own header."""
        header = self._bytes(entry.offset, _LOCAL.size)
        magic, *_, name_size, extra_size = _LOCAL.unpack(header)
        name_at = entry.offset + _LOCAL.size
        if magic != _LOCAL_MAGIC or self._bytes(name_at, name_size) != entry.name:
            raise damaged(self._file, f"{quoted(_decode(entry.name))} is not where its list says")
        return name_at + name_size + extra_size

    def check_apart(self, listed: Sequence[_Listed], starts: Sequence[int], end: _End) -> None:
        """Refuse an archive whose entries share bytes: a small one could unpack to anything."""
        ends = [start + entry.packed for entry, start in zip(listed, starts, strict=True)]
        begins = [entry.offset for entry in listed]
        for entry_end, (_, begin) in zip(ends, pairwise([*begins, end.offset]), strict=True):
            if entry_end > begin:
                raise damaged(self._file, "files in it overlap")

    def _bytes(self, at: int, size: int) -> bytes:
        if at + size > self._size:
            raise self._wrong_end()
        self._archive.seek(at)
        found = self._archive.read(size)
        if len(found) < size:
            raise self._wrong_end()
        return found

    def _wrong_end(self) -> FileRefused:
        return damaged(self._file, "its list of files is not whole")

    def _split(self) -> FileRefused:
        return FileRefused(
            self._file,
            "unsupported_archive",
            "the file is one part of a zip archive that was split: pack it into one file",
        )


def _field(extra: bytes, kind: int) -> bytes:
    """Return the content of an extra field of this kind; empty if there is none."""
    at = 0
    while at + _FIELD.size <= len(extra):
        found, size = _FIELD.unpack_from(extra, at)
        at += _FIELD.size
        if found == kind:
            return extra[at : at + size]
        at += size
    return b""


def _entry(listed: _Listed, start: int) -> ZipEntry:
    return ZipEntry(
        name=_decode(listed.name),
        method=listed.method,
        encrypted=bool(listed.flags & _ENCRYPTED_FLAGS),
        checksum=listed.checksum,
        start=start,
        packed=listed.packed,
        unpacked=listed.unpacked,
    )


def _decode(name: bytes) -> str:
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError:
        return name.decode("cp437")
