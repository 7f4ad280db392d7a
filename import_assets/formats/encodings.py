"""From the bytes of a file to UTF-8, with no byte lost on the way (M082, M085, D15).

A byte that the encoding does not know cannot be turned into text, and replacing it would alter
the user's data without a word. It travels on as bytes that are not valid UTF-8, so that the reader
finds the record it stands in: in a UTF-8 file it is left as it is, from another encoding the byte
`b` becomes the lone surrogate U+DC00 + `b`, which UTF-8 forbids.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from functools import cache, partial
from typing import BinaryIO

from import_assets.errors import FileRefused
from import_assets.formats.detection.encoding import HEAD_BYTES, find_encoding
from import_assets.formats.detection.marks import (
    UTF8_MARK,
    UTF16_MARKS,
    UTF32_MARKS,
    find_mark,
    unmarked_utf16,
)
from import_assets.spec.formats import Encoding

CHUNK_BYTES = 1 << 20
"""Bytes of a file that are transcoded at a time."""

_ESCAPE = 0xDC00
_ESCAPED = re.compile("[\udc00-\udcff]")
_ESCAPE_HANDLER = "import_assets.undecodable"


Decoder = Callable[[bytes, bool], bytes]
"""Turns the next bytes of a file into UTF-8; the flag says that none follow."""


class LimitedStream:
    """Reads a stream and refuses the file when it holds more than `limit` bytes (M085, D12)."""

    def __init__(self, stream: BinaryIO, limit: int, file: str) -> None:
        self._stream = stream
        self._limit = limit
        self._left = limit
        self._file = file

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes, none at the end.

        Raises:
            FileRefused: `too_many_bytes`.
        """
        data = self._stream.read(min(size, self._left + 1))
        if len(data) > self._left:
            raise FileRefused(
                self._file,
                "too_many_bytes",
                f"the file has more than {self._limit:,} bytes, unpacked: split it",
            )
        self._left -= len(data)
        return data


class Utf8Stream:
    """The text of a file as UTF-8 without a byte order mark.

    `encoding` is the encoding in use, declared or found.
    """

    def __init__(
        self, stream: LimitedStream, encoding: Encoding, decode: Decoder | None, first: bytes
    ) -> None:
        self.encoding = encoding
        self._stream = stream
        self._decode = decode
        self._first = first
        self._ended = False

    def read(self, size: int) -> bytes:
        """Return about `size` bytes of UTF-8, at least one, or none at the end.

        Raises:
            FileRefused: `too_many_bytes`.
        """
        if self._decode is None:
            return self._raw(size)
        while not self._ended:
            data = self._raw(CHUNK_BYTES)
            self._ended = not data
            if text := self._decode(data, not data):
                return text
        return b""

    def raw_text(self, data: bytes) -> str:
        r"""Return the text of a piece of this stream; undecodable bytes appear as `\xNN`."""
        if self._decode is None:
            return data.decode("utf-8", "backslashreplace")
        text = data.decode("utf-8", "surrogatepass")
        return _ESCAPED.sub(lambda match: f"\\x{ord(match[0]) - _ESCAPE:02x}", text)

    def undecodable_bytes(self, data: bytes) -> list[int]:
        """Return the undecodable bytes in a piece of this stream, in order."""
        handler = "surrogateescape" if self._decode is None else "surrogatepass"
        text = data.decode("utf-8", handler)
        return [ord(char) - _ESCAPE for char in _ESCAPED.findall(text)]

    def _raw(self, size: int) -> bytes:
        if self._first:
            data, self._first = self._first, b""
            return data
        return self._stream.read(size)


def open_utf8(stream: LimitedStream, declared: Encoding | None, file: str) -> Utf8Stream:
    """Open a file's text as UTF-8; where no encoding is declared, it is found (D15).

    Raises:
        FileRefused: `wrong_encoding`, `encoding_unclear`, `not_text` or `too_many_bytes`.
    """
    first = read_first(stream)
    _check_text(first, file)
    mark = find_mark(first)
    if mark and first[len(mark) :].startswith(mark):
        raise FileRefused(
            file,
            "wrong_encoding",
            "the file begins with two byte order marks, as happens when one is put before a text "
            "that has its own: take one away, or the second becomes part of the first column's "
            "name",
        )
    found: Encoding | None = None
    if mark:
        found = "utf-8" if mark == UTF8_MARK else "utf-16"
    if declared is not None and found not in (None, declared):
        raise FileRefused(
            file,
            "wrong_encoding",
            f"the file begins with the byte order mark of {found}, but the definition says "
            f"{declared}: write encoding: {found}, or leave the encoding out",
        )
    if declared == "utf-16":
        _check_utf16_mark(mark, file)
    elif not mark and unmarked_utf16(first):
        raise FileRefused(
            file,
            "wrong_encoding",
            "the file looks like UTF-16 without a byte order mark, not like "
            f"{declared or 'utf-8'}: save it as UTF-8, or as UTF-16 with a byte order mark",
        )
    encoding = declared or found
    if encoding is None:
        first, whole = _read_head(stream, first)
        encoding = _find(first, file, whole=whole)
    return Utf8Stream(stream, encoding, _decoder(encoding, mark), first[len(mark) :])


def _find(head: bytes, file: str, *, whole: bool) -> Encoding:
    finding = find_encoding(head, whole=whole)
    if finding.value is None:
        raise FileRefused(
            file, "encoding_unclear", f"{finding.why}; name the right one, csv: {{encoding: …}}"
        )
    return finding.value


def _read_head(stream: LimitedStream, first: bytes) -> tuple[bytes, bool]:
    """Read as much as decides the encoding, whatever the stream hands out at a time."""
    parts, size = [first], len(first)
    while size <= HEAD_BYTES:
        data = stream.read(CHUNK_BYTES)
        if not data:
            return b"".join(parts), True
        parts.append(data)
        size += len(data)
    return b"".join(parts), False


def open_decoded(stream: LimitedStream, encoding: Encoding, first: bytes, file: str) -> Utf8Stream:
    """Open a text of a known encoding as UTF-8; `first` is what was read of it already.

    Raises:
        FileRefused: `wrong_encoding`.
    """
    mark = find_mark(first)
    if mark and (encoding == "utf-8") != (mark == UTF8_MARK):
        found = "utf-8" if mark == UTF8_MARK else "utf-16"
        raise FileRefused(
            file,
            "wrong_encoding",
            f"the file begins with the byte order mark of {found}, but is said to be {encoding}",
        )
    if encoding == "utf-16":
        _check_utf16_mark(mark, file)
    return Utf8Stream(stream, encoding, _decoder(encoding, mark), first[len(mark) :])


def read_first(stream: LimitedStream) -> bytes:
    """Read enough to see any byte order mark; a stream may hand out single bytes."""
    first = b""
    while len(first) < 256:
        data = stream.read(CHUNK_BYTES)
        if not data:
            break
        first += data
    return first


def _check_text(first: bytes, file: str) -> None:
    kinds = {
        b"PK\x03\x04": "a ZIP archive or an Excel workbook",
        b"\x1f\x8b": "a gzip archive",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an old Excel workbook",
        b"%PDF-": "a PDF document",
        b"\x89PNG": "a PNG image",
        b"\xff\xd8\xff": "a JPEG image",
        b"PAR1": "a Parquet file",
        b"SQLite format 3\0": "a SQLite database",
    }
    for magic, kind in kinds.items():
        if first.startswith(magic):
            raise FileRefused(
                file, "not_text", f"the file is {kind}, not CSV text: export it as CSV"
            )
    if first.startswith(UTF32_MARKS):
        raise FileRefused(file, "wrong_encoding", "the file is UTF-32: save it as UTF-8")


def _check_utf16_mark(mark: bytes, file: str) -> None:
    if mark not in UTF16_MARKS:
        raise FileRefused(
            file,
            "wrong_encoding",
            "the definition says utf-16, but the file has no byte order mark, so the order of its "
            "bytes is unknown: save it as UTF-16 with a byte order mark, or as UTF-8",
        )


def _decoder(encoding: Encoding, mark: bytes) -> Decoder | None:
    if encoding == "utf-8":
        return None
    if encoding == "utf-16":
        codecs.register_error(_ESCAPE_HANDLER, _escape)
        return partial(
            _decode_utf16, codecs.getincrementaldecoder(UTF16_MARKS[mark])(_ESCAPE_HANDLER)
        )
    return partial(_decode_single_byte, _single_byte_table(encoding))


def _decode_utf16(decoder: codecs.IncrementalDecoder, data: bytes, final: bool) -> bytes:
    return decoder.decode(data, final).encode("utf-8", "surrogatepass")


def _decode_single_byte(table: str, data: bytes, final: bool) -> bytes:  # noqa: ARG001 - Decoder
    if data.isascii():
        return data
    # A string of 256 characters is the documented form of a decoding table and the fast one.
    text = codecs.charmap_decode(data, "strict", table)[0]  # pyright: ignore[reportArgumentType] - stubs know dicts only
    return text.encode("utf-8", "surrogatepass")


@cache
def _single_byte_table(encoding: Encoding) -> str:
    """A table without gaps decodes at full speed however many undecodable bytes there are."""
    return "".join(
        bytes([byte]).decode(encoding, "ignore") or chr(_ESCAPE + byte) for byte in range(256)
    )


def _escape(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    wrong = error.object[error.start : error.end]
    return "".join(chr(_ESCAPE + byte) for byte in wrong), error.end
