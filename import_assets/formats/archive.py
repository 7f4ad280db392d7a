"""Packed files: gzip and zip unpacked while they are read, neither in memory nor on disk whole.

What a file is, its first bytes say, not its name. A gzip file proves to be whole only at its end,
and so does each file in a zip archive: what was read from a stream counts only once the stream has
ended without an error.

=======================  ========================================================================
reason of a refusal      the file
=======================  ========================================================================
`damaged_archive`        is cut off or altered, or holds files that overlap or share a name
`encrypted_archive`      is a zip archive with a password
`unsupported_archive`    is packed in a way that is not unpacked here, or one part of several
`no_member`              is a zip archive without a file, or without one that `members` takes
`too_many_members`       is a zip archive of more than some 100,000 files
`workbook`               is a workbook of Excel or LibreOffice, which is a zip archive too
`nested_archive`         holds a packed file
`too_many_bytes`         has more bytes unpacked than `limits.file_bytes`
`packed_too_tightly`     unpacks to more than `limits.unpack_ratio` times its size
=======================  ========================================================================
"""

from __future__ import annotations

import io
import zlib
from abc import abstractmethod
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from import_assets.errors import FileRefused
from import_assets.formats.zipdirectory import ZipEntry, damaged, quoted, read_directory, shown
from import_assets.spec.models import Limits
from import_assets.spec.patterns import FilePattern

if TYPE_CHECKING:
    from zlib import _Decompress as _Inflater

    from _typeshed import WriteableBuffer

UNCHECKED_BYTES = 10_000_000
"""Unpacked bytes below which it does not matter how tightly they are packed."""

_GZIP = b"\x1f\x8b"
# A file, the end of an archive without any, and how one begins that was split.
_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_OTHERS = {
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!\x1a\x07": "a RAR archive",
    b"\xfd7zXZ\x00": "packed by xz",
    b"\x28\xb5\x2f\xfd": "packed by Zstandard",
}
_BZIP2_BLOCKS = (b"1AY&SY", b"\x17rE8P\x90")
_TAR, _TAR_AT = b"ustar", 257
_HEAD_BYTES = _TAR_AT + len(_TAR)

_STORED, _DEFLATED = 0, 8
_METHODS = {9: "Deflate64", 12: "bzip2", 14: "LZMA", 93: "Zstandard", 95: "xz", 98: "PPMd"}
_GZIP_FORM, _RAW_FORM = 31, -15
_PACKED_BYTES = 1 << 17
_PIECE_BYTES = 1 << 20
_NAMED_MEMBERS = 5


@dataclass(frozen=True)
class Member:
    r"""One file to be read: its stream, and within a zip archive its path there, fit to be shown.

    Characters of a path that cannot be shown are written as `\n`, `\xNN` or `\uNNNN`. The stream is
    closed when the next member is asked for, and when the generator is closed. `again` gives the
    file from its beginning once more; what was given before is not to be read any more.
    """

    name: str | None
    stream: BinaryIO
    again: Callable[[], BinaryIO]


def open_members(
    path: Path, members: FilePattern | None, limits: Limits, file: str
) -> Generator[Member]:
    """Open what a file holds: itself, what gzip packed, or the files of a zip archive.

    The files of a zip archive come in the order of their paths, by code points; folders, hidden
    files, those in hidden folders and what macOS adds (`__MACOSX`) are left out. Nothing is written
    anywhere, so a path may be any. A gzip file may consist of several, one behind the other; that
    one of them is missing at the end, nobody can tell.

    Args:
        path: The file on this machine.
        members: Which files of a zip archive are read, all if None; of no meaning for others.
        limits: `file_bytes` holds for all unpacked bytes together and `unpack_ratio`, beyond the
            first `UNCHECKED_BYTES`, for them in relation to the packed ones (M085, D12).
        file: The name used in errors.

    Yields:
        The members. Asking for one raises FileRefused, and so does reading its stream: see above
        for the reasons. A stream that was refused once stays so.
    """
    with path.open("rb") as packed:
        head = packed.read(_HEAD_BYTES)
        size = packed.seek(0, io.SEEK_END)
        packed.seek(0)
        if head.startswith(_ZIP):
            yield from _zip_members(packed, members, limits, file)
        elif head.startswith(_GZIP):
            check = _Allowed(limits, file, size).check

            def unpacked() -> io.BufferedReader:
                packed.seek(0)
                return io.BufferedReader(_Gunzip(packed, check, file), _PACKED_BYTES)

            with unpacked() as stream:
                _check_not_packed(stream.peek(_HEAD_BYTES), "what the file unpacks to", file)
                yield Member(None, stream, unpacked)
        else:
            if kind := _packed_kind(head):
                raise _unsupported(file, f"the file is {kind}, which is not unpacked here")
            _Allowed(limits, file, size).check(size)
            yield Member(None, packed, partial(_rewound, packed))


def _rewound(stream: BinaryIO) -> BinaryIO:
    stream.seek(0)
    return stream


def _zip_members(
    packed: BinaryIO, members: FilePattern | None, limits: Limits, file: str
) -> Generator[Member]:
    entries = read_directory(packed, file)
    if any(entry.name in ("[Content_Types].xml", "mimetype") for entry in entries):
        raise FileRefused(
            file,
            "workbook",
            "the file is a workbook or another document of an office program: save it as CSV",
        )
    chosen = _chosen(entries, members, file)
    for entry in chosen:
        _check_readable(entry, file)
    _Allowed(limits, file, sum(entry.packed for entry in chosen)).check(
        sum(entry.unpacked for entry in chosen)
    )
    for entry in chosen:
        unpacked = partial(_unzipped, packed, entry, file)
        with unpacked() as stream:
            _check_not_packed(stream.peek(_HEAD_BYTES), quoted(entry.name), file)
            yield Member(shown(entry.name), stream, unpacked)


def _unzipped(packed: BinaryIO, entry: ZipEntry, file: str) -> io.BufferedReader:
    return io.BufferedReader(_Unzip(packed, entry, file), _PACKED_BYTES)


def _chosen(entries: Sequence[ZipEntry], members: FilePattern | None, file: str) -> list[ZipEntry]:
    files = sorted((e for e in entries if _is_file(e.name)), key=lambda entry: entry.name)
    if not files:
        raise FileRefused(
            file,
            "no_member",
            "the zip archive holds no file, or hidden ones only: pack the data into it",
        )
    if members is None:
        return files
    chosen = [entry for entry in files if members.matches(entry.name)]
    if not chosen:
        named = ", ".join(quoted(entry.name) for entry in files[:_NAMED_MEMBERS])
        more = ", …" if len(files) > _NAMED_MEMBERS else ""
        raise FileRefused(
            file,
            "no_member",
            f"no file in the zip archive is named like `members: {members.text}` says: mend it, "
            f"or the archive, which holds {named}{more}",
        )
    return chosen


def _is_file(name: str) -> bool:
    *folders, last = name.split("/")
    hidden = any(p.startswith(".") and p not in (".", "..") for p in (*folders, last))
    return last not in ("", ".", "..") and not hidden and "__MACOSX" not in folders


def _check_readable(entry: ZipEntry, file: str) -> None:
    if entry.encrypted:
        raise FileRefused(
            file,
            "encrypted_archive",
            f"{quoted(entry.name)} in the zip archive has a password: pack it without one",
        )
    if entry.method not in (_STORED, _DEFLATED):
        method = _METHODS.get(entry.method, f"method {entry.method}")
        raise _unsupported(file, f"{quoted(entry.name)} in the zip archive is packed by {method}")
    if entry.method == _STORED and entry.packed != entry.unpacked:
        raise damaged(file, f"the sizes of {quoted(entry.name)} do not agree")


def _check_not_packed(head: bytes, what: str, file: str) -> None:
    if kind := _packed_kind(head):
        raise FileRefused(
            file,
            "nested_archive",
            f"{what} is itself {kind}: pack the data once only",
        )


def _packed_kind(head: bytes) -> str | None:
    """Return what kind of packed file begins so, in words that stand after "is"."""
    if head.startswith(_GZIP):
        return "packed by gzip"
    if head.startswith(_ZIP):
        return "a zip archive or a workbook"
    if head.startswith(b"BZh") and head[4:10] in _BZIP2_BLOCKS:
        return "packed by bzip2"
    if head[_TAR_AT:].startswith(_TAR) and b"\0" in head[:_TAR_AT]:
        return "a tar archive"
    return next((kind for magic, kind in _OTHERS.items() if head.startswith(magic)), None)


def _unsupported(file: str, what: str) -> FileRefused:
    return FileRefused(
        file,
        "unsupported_archive",
        f"{what}: pack it with gzip, or with zip in its usual way (Deflate), or not at all",
    )


@dataclass(frozen=True)
class _Allowed:
    """How many bytes a file of `packed` bytes may have when it is unpacked (M085, D12)."""

    limits: Limits
    file: str
    packed: int

    def check(self, unpacked: int) -> None:
        """Raise FileRefused if so many are too many, for whichever reason comes first."""
        most, ratio = self.limits.file_bytes, self.limits.unpack_ratio
        usual = max(UNCHECKED_BYTES, ratio * self.packed)
        if usual < most and unpacked > usual:
            raise FileRefused(
                self.file,
                "packed_too_tightly",
                f"the file unpacks to more than {ratio:,} times its {self.packed:,} bytes, as "
                "files do that are made to fill a disk: send it unpacked, or raise "
                "`limits: {unpack_ratio: …}` in project.yaml",
            )
        if unpacked > most:
            raise FileRefused(
                self.file,
                "too_many_bytes",
                f"the file has more than {most:,} bytes, unpacked: split it",
            )


class _Unpacking(io.RawIOBase):
    """Bytes that are unpacked as they are read. Once refused, they stay so."""

    def __init__(self, what: str, file: str) -> None:
        self._what = what
        self._file = file
        self._fault: FileRefused | None = None

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill the buffer, or as much of it as there are bytes.

        Raises:
            FileRefused: See the top of this module.
        """
        if self._fault:
            raise self._fault
        view, filled = memoryview(buffer).cast("B"), 0
        try:
            while filled < len(view):
                piece = self._piece(min(len(view) - filled, _PIECE_BYTES))
                if not piece:
                    break
                view[filled : filled + len(piece)] = piece
                filled += len(piece)
        except FileRefused as fault:
            self._fault = fault
            raise
        return filled

    @abstractmethod
    def _piece(self, most: int) -> bytes:
        """Return 1 to `most` bytes; none at the end, when all was found to be in order."""

    def _inflated(self, inflater: _Inflater, packed: bytes, most: int) -> bytes:
        try:
            return inflater.decompress(packed, most)
        except zlib.error as error:
            told = str(error)
            wrong = "incorrect data check" in told or "incorrect length check" in told
            detail = "does not fit its checksum" if wrong else "cannot be unpacked"
            raise self._damaged(detail) from error

    def _damaged(self, detail: str) -> FileRefused:
        return damaged(self._file, f"{self._what} {detail}")


class _Gunzip(_Unpacking):
    """What a gzip file holds: one part or several, and perhaps zeros behind them."""

    def __init__(self, packed: BinaryIO, check: Callable[[int], None], file: str) -> None:
        super().__init__("its content", file)
        self._packed = packed
        self._check = check
        self._inflater = _gunzipper()
        self._pending = b""
        self._unpacked = 0

    def _piece(self, most: int) -> bytes:
        while True:
            if self._inflater.eof and not self._next_part():
                return b""
            packed = self._pending or self._packed.read(_PACKED_BYTES)
            piece = self._inflated(self._inflater, packed, most)
            self._pending = self._inflater.unused_data or self._inflater.unconsumed_tail
            if piece:
                self._unpacked += len(piece)
                self._check(self._unpacked)
                return piece
            if not packed and not self._inflater.eof:
                raise self._damaged("ends too early")

    def _next_part(self) -> bool:
        """Go on to the next part, if there is one."""
        while not (rest := self._pending.lstrip(b"\0")):
            self._pending = self._packed.read(_PACKED_BYTES)
            if not self._pending:
                return False
        self._pending = rest
        self._inflater = _gunzipper()
        return True


class _Unzip(_Unpacking):
    """One file of a zip archive; its size and checksum have to be those that the archive states."""

    def __init__(self, archive: BinaryIO, entry: ZipEntry, file: str) -> None:
        super().__init__(quoted(entry.name), file)
        self._archive = archive
        self._entry = entry
        self._inflater = zlib.decompressobj(_RAW_FORM) if entry.method == _DEFLATED else None
        self._pending = b""
        self._taken = 0
        self._unpacked = 0
        self._checksum = 0

    def _piece(self, most: int) -> bytes:
        piece = self._unpack(self._inflater, most) if self._inflater else self._take(most)
        self._unpacked += len(piece)
        self._checksum = zlib.crc32(piece, self._checksum)
        ended = not piece
        if self._unpacked > self._entry.unpacked or (
            ended and (self._unpacked, self._taken) != (self._entry.unpacked, self._entry.packed)
        ):
            raise self._damaged("has another size than the archive states")
        if ended and self._checksum != self._entry.checksum:
            raise self._damaged("does not fit its checksum")
        return piece

    def _unpack(self, inflater: _Inflater, most: int) -> bytes:
        while not inflater.eof:
            packed = self._pending or self._take(_PACKED_BYTES)
            piece = self._inflated(inflater, packed, most)
            self._pending = inflater.unconsumed_tail
            if piece:
                return piece
            if not packed and not inflater.eof:
                raise self._damaged("ends too early")
        if inflater.unused_data:
            raise self._damaged("has another size than the archive states")
        return b""

    def _take(self, most: int) -> bytes:
        """Return the next packed bytes, none of another file's."""
        self._archive.seek(self._entry.start + self._taken)
        packed = self._archive.read(min(most, self._entry.packed - self._taken))
        self._taken += len(packed)
        return packed


def _gunzipper() -> _Inflater:
    return zlib.decompressobj(_GZIP_FORM)
