"""The beginning of a CSV file: what is passed over, and what is looked at before it is read."""

from __future__ import annotations

from dataclasses import dataclass

from import_assets.errors import FileRefused
from import_assets.formats.block import LineEnd
from import_assets.formats.dialect import find_line_end
from import_assets.formats.encodings import Utf8Stream
from import_assets.formats.layout import RECORD_BYTES

_HEAD_BYTES = RECORD_BYTES + 2
"""A first record that is short enough ends within these bytes, its line end included."""


@dataclass(frozen=True)
class Beginning:
    """The first text of `file` behind `skipped` lines; it is `whole` when nothing follows."""

    file: str
    head: bytes
    whole: bool
    line_end: LineEnd
    skipped: int


def read_parts(text: Utf8Stream, size: int) -> tuple[list[bytes], bool]:
    """Read at least `size` bytes, or to the end; tell whether the end was met.

    Raises:
        FileRefused: `too_many_bytes`.
    """
    parts: list[bytes] = []
    while size > 0:
        part = text.read(size)
        if not part:
            return parts, True
        parts.append(part)
        size -= len(part)
    return parts, False


def read_beginning(text: Utf8Stream, skip_lines: int, file: str) -> Beginning:
    """Read the beginning of a file behind as many lines, whatever these hold.

    Raises:
        FileRefused: `too_few_lines` or `too_many_bytes`.
    """
    head, whole = _read(text, _HEAD_BYTES)
    line_end = find_line_end(head)
    end, passed = line_end.encode(), 0
    while True:
        at = 0
        while passed < skip_lines and (found := head.find(end, at)) >= 0:
            passed, at = passed + 1, found + 1
        if passed == skip_lines:
            more, whole = _read(text, at) if not whole else (b"", True)
            return Beginning(file, head[at:] + more, whole, line_end, skip_lines)
        if whole:
            passed += at < len(head)
            if passed < skip_lines:
                raise _too_few_lines(passed, skip_lines, file)
            return Beginning(file, b"", True, line_end, skip_lines)
        # Of a line that goes on it is enough to know that there is one.
        rest = head[max(at, len(head) - 1) :]
        head, whole = _read(text, _HEAD_BYTES)
        head = rest + head


def _read(text: Utf8Stream, size: int) -> tuple[bytes, bool]:
    parts, ended = read_parts(text, size)
    return b"".join(parts), ended


def _too_few_lines(lines: int, skip_lines: int, file: str) -> FileRefused:
    return FileRefused(
        file,
        "too_few_lines",
        f"the file has {lines:,} line{'s' * (lines != 1)}, but skip_lines passes over "
        f"{skip_lines:,}: write how many lines stand before the table, or mend the file",
    )
