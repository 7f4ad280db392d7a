"""Text that a user pasted, as a source with one delivery (M006)."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import BinaryIO

from import_assets.errors import FileRefused, UnknownName
from import_assets.sources.delivery import Delivery
from import_assets.sources.storage.base import Report, Storage
from import_assets.sources.storage.keys import encode_path, shorten

DEFAULT_KEY = "paste"
"""The key of text for which none was given."""


def fingerprint(content: bytes) -> str:
    """Return the fingerprint of a text in UTF-8 as a delivery."""
    return hashlib.sha256(content).hexdigest()


class PasteStorage(Storage):
    """A storage that holds one pasted text.

    The fingerprint is a hash of the text, so that pasting the same again under the same key is the
    same delivery, and under another key another one.
    """

    def __init__(self, text: str, key: str, max_bytes: int) -> None:
        """Take the text.

        Args:
            text: what was pasted.
            key: what the user calls it; made fit to be a key.
            max_bytes: the most bytes that the text may have in UTF-8 (b.1).

        Raises:
            FileRefused: the text is empty (`no_text`), too long (`too_many_bytes`) or holds halves
                of characters (`undecodable`).
        """
        name = shorten(encode_path(key.encode("utf-8", "replace"))) or DEFAULT_KEY
        try:
            self._content = text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise FileRefused(
                name,
                "undecodable",
                f"the pasted text holds half a character at position {error.start + 1}: "
                "paste it again, or upload it as a file",
            ) from error
        if not self._content:
            raise FileRefused(
                name,
                "no_text",
                "no text was given: paste it in the launchpad, or write `text: |` in the source",
            )
        if len(self._content) > max_bytes:
            raise FileRefused(
                name,
                "too_many_bytes",
                f"the pasted text has {len(self._content):,} bytes and at most {max_bytes:,} can "
                "be pasted: upload it as a file instead",
            )
        self._delivery = Delivery(
            key=name,
            fingerprint=fingerprint(self._content),
            size=len(self._content),
            modified=datetime.now(UTC),
        )

    @property
    def place(self) -> str:
        """Pasted text lies nowhere."""
        return "the pasted text"

    @property
    def encoding(self) -> str | None:
        """Pasted text is UTF-8 here, however the files of the import are written."""
        return "utf-8"

    def list(self, recursive: bool, report: Report) -> Iterator[Delivery]:  # noqa: ARG002
        """Yield the one delivery."""
        yield self._delivery

    def stat(self, key: str) -> Delivery:
        """See `Storage.stat`."""
        self._check_key(key)
        return self._delivery

    def open(self, key: str) -> BinaryIO:
        """See `Storage.open`."""
        self._check_key(key)
        return io.BytesIO(self._content)

    def _check_key(self, key: str) -> None:
        if key != self._delivery.key:
            raise UnknownName(
                f"there is no delivery {key!r}: the text was pasted as {self._delivery.key!r}"
            )
