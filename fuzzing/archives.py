"""Target `archives`: the bytes of a file to what is packed in it (D12).

What is unpacked is what the standard library unpacks, too; anything else is refused, with one of
the reasons that there are. The first byte chooses the size of the steps in which is read, the
second one mends the checksums of a zip archive, which chance would never meet.
"""

from __future__ import annotations

import gzip
import io
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from fuzzing.target import Finding, Target, agree, split, words
from import_assets.errors import FileRefused
from import_assets.formats.archive import open_members
from import_assets.spec.models import Limits

_OPTIONS = 2
_STEPS = (1 << 16, 1, 7, 100)
_LIMITS = Limits(file_bytes=5_000)
_FILE = "file.csv"
_ENTRY, _CRC_AT, _SIZE_AT = b"PK\x01\x02", 16, 20
_LOCAL, _LOCAL_CRC_AT, _LOCAL_SIZE = b"PK\x03\x04", 14, 30
_ZIPPED, _GZIPPED = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"), b"\x1f\x8b"
_UTF8_FLAG = 0x800
_REASONS = frozenset(
    {
        "damaged_archive", "encrypted_archive", "unsupported_archive", "no_member", "workbook",
        "nested_archive", "too_many_bytes", "packed_too_tightly",
    }
)  # fmt: skip


def check(data: bytes) -> int:
    """Judge one file; see `Target.check`."""
    (step, mend), body = split(data, _OPTIONS)
    if mend & 1 and body.startswith(_ZIPPED):
        body = _mended(body)
    path = Path(_folder().name) / "packed"
    path.write_bytes(body)
    try:
        found = _read(path, _STEPS[step % len(_STEPS)])
    except FileRefused as refused:
        if refused.reason not in _REASONS:
            raise Finding(f"no such reason: {refused} for {body!r}") from refused
        return 1
    if sum(map(len, found)) > _LIMITS.file_bytes:
        raise Finding(f"more bytes than are allowed: {body!r}")
    if body.startswith(_ZIPPED):
        try:
            expected = _unzipped(body)
        except NotImplementedError:
            # By the version of zip that an entry says it needs, whatever it really needs.
            return 1
        except zipfile.BadZipFile as error:
            # By the flag that says how a name is written, which programs set as they like, and by
            # what looks like the end of an archive behind it.
            if not any(told in str(error) for told in ("differ", "not a zip file")):
                raise
            return 1
        agree(f"what is packed in {body!r}", found, expected)
    elif body.startswith(_GZIPPED):
        agree(f"what is packed in {body!r}", found, [gzip.decompress(body)])
    else:
        agree(f"what is not packed, {body!r}", found, [body])
    return 1


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """Return a folder for this process, in memory where that can be; it goes with the process."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of its own is made in it
    return tempfile.TemporaryDirectory(prefix="fuzzing-", dir=memory if memory.is_dir() else None)


def _read(path: Path, step: int) -> list[bytes]:
    return [
        b"".join(iter(lambda: member.stream.read(step), b""))  # noqa: B023 - read at once
        for member in open_members(path, None, _LIMITS, _FILE)
    ]


def _unzipped(body: bytes) -> list[bytes]:
    """Return the files of an archive in the order of their names, without the hidden ones."""
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        named = [(_name(one), one) for one in archive.infolist()]
        return [
            archive.read(one)
            for name, one in sorted(named, key=lambda pair: pair[0])
            if not name.endswith("/") and not _is_hidden(name)
        ]


def _name(info: zipfile.ZipInfo) -> str:
    """Return a name in UTF-8 where it can be that, whatever its flag says."""
    raw = info.orig_filename.encode("utf-8" if info.flag_bits & _UTF8_FLAG else "cp437")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp437")


def _is_hidden(name: str) -> bool:
    parts = name.split("/")
    return "__MACOSX" in parts[:-1] or any(part.startswith(".") for part in parts)


def _mended(body: bytes) -> bytes:
    """Write the right checksum for each file of an archive, wherever that can be told."""
    data = bytearray(body)
    at = body.find(_ENTRY)
    while at >= 0:
        local = int.from_bytes(body[at + 42 : at + 46], "little")
        packed = int.from_bytes(body[at + _SIZE_AT : at + _SIZE_AT + 4], "little")
        skipped = int.from_bytes(body[local + 26 : local + 28], "little")
        skipped += int.from_bytes(body[local + 28 : local + 30], "little")
        start = local + _LOCAL_SIZE + skipped
        content = body[start : start + packed]
        if body[at + 10 : at + 12] == b"\x08\0":
            try:
                content = zlib.decompressobj(-15).decompress(content, 10_000)
            except zlib.error:
                content = b""
        crc = zlib.crc32(content).to_bytes(4, "little")
        data[at + _CRC_AT : at + _CRC_AT + 4] = crc
        if body[local : local + 4] == _LOCAL:
            data[local + _LOCAL_CRC_AT : local + _LOCAL_CRC_AT + 4] = crc
        at = body.find(_ENTRY, at + 4)
    return bytes(data)


def seeds() -> Iterator[bytes]:
    """Give small archives of both kinds, and a file that is none."""
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", method) as archive:
            for name in ("b.csv", "a/ž.csv", ".hidden", "folder/"):
                archive.writestr(name, b"" if name == "folder/" else b"id;name\n1;Anna\n" * 3)
        for step in range(len(_STEPS)):
            yield bytes([step, step % 2]) + out.getvalue()
    packed = gzip.compress(b"id;name\n1;Anna\n", mtime=0)
    yield b"\0\0" + packed
    yield b"\1\0" + packed + gzip.compress(b"2;Bob\n", mtime=0)
    yield b"\0\0id;name\n"


ARCHIVES = Target(
    name="archives",
    units="files",
    check=check,
    seeds=seeds,
    words=words(
        b"PK\x01\x02 PK\x03\x04 PK\x05\x06 PK\x06\x06 PK\x06\x07 PK\x07\x08 \x1f\x8b \x08\0 \0\0 "
        b"\xff\xff\xff\xff a.csv ../ __MACOSX/ .x mimetype \x01\0 \x14\0"
    ),
    longest=700,
)
"""See the module."""
