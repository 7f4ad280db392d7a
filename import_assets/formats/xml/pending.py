"""The text of a document that was read, and is not done yet."""

from __future__ import annotations

from dataclasses import dataclass

from import_assets.errors import FileRefused
from import_assets.formats.encodings import Utf8Stream
from import_assets.formats.views import PAD


@dataclass
class Pending:
    """Reads a text piece by piece, the same pieces whenever it is taken in the same portions.

    `text` is read about `block_bytes` at a time; it has `ended` when nothing follows. A text that
    is `cut` breaks off somewhere, and that is no fault.
    """

    text: Utf8Stream
    block_bytes: int
    cut: bool = False
    data: bytes = b""
    ended: bool = False

    def more(self) -> bytes:
        """Read and return the next bytes; what is pending grows, so a row comes to its end at last.

        Raises:
            FileRefused: `too_many_bytes`, or what an archive is refused for.
        """
        if self.ended:
            return b""
        size = max(self.block_bytes - len(self.data), self.block_bytes // 2, 1)
        parts: list[bytes] = []
        while size > 0:
            part = self._part(size)
            if not part:
                self.ended = True
                break
            parts.append(part)
            size -= len(part)
        more = b"".join(parts)
        self.data += more
        return more

    def drop(self, size: int) -> None:
        """Take it that the first bytes are done."""
        self.data = self.data[size:]

    def take(self, size: int) -> bytes:
        """Return the next bytes between `PAD` bytes on both sides, fewer only at the end."""
        while len(self.data) < size and not self.ended:
            self.more()
        body = padded(self.data[:size])
        self.drop(size)
        return body

    def _part(self, size: int) -> bytes:
        try:
            return self.text.read(size)
        except FileRefused as error:
            # To a packed file it is damage that it breaks off.
            if self.cut and error.reason == "damaged_archive":
                return b""
            raise


def padded(body: bytes) -> bytes:
    """Return a body with `PAD` bytes on both sides."""
    return b"".join((bytes(PAD), body, bytes(PAD)))
