"""What every storage can do, whatever lies behind it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import BinaryIO

from import_assets.sources.delivery import Delivery

Report = Callable[[str], None]
"""Takes one sentence about something that could not be listed."""


class Storage(ABC):
    """A folder of files, somewhere.

    All errors of the system behind it come out as `SourceError` (a later try can help),
    `UnknownName` (there is no such delivery) or `FileRefused` (it may not be read).
    Files that are hidden or half-written (`keys.is_delivery_name`) are neither listed nor opened.
    """

    @property
    @abstractmethod
    def place(self) -> str:
        """Where this is, in words that stand after "in": `folder /srv/exports`."""

    @property
    def is_remote(self) -> bool:
        """Whether asking it costs so much that imports of one folder share a listing."""
        return False

    @property
    def encoding(self) -> str | None:
        """The encoding that the bytes have whatever a definition says, or None if unknown."""
        return None

    @abstractmethod
    def list(self, recursive: bool, report: Report) -> Iterator[Delivery]:
        """Yield the files of the folder, in any order, and those of its sub-folders if `recursive`.

        What cannot be listed (a sub-folder without permission) does not stop the rest: it is said
        to `report`, so that it is never lost silently.

        Raises:
            SourceError: the folder itself cannot be listed, or is missing. An empty listing
                would hide a misspelled folder.
        """

    @abstractmethod
    def stat(self, key: str) -> Delivery:
        """Return the delivery as it is now.

        Raises:
            UnknownName: it is gone, or never was.
            FileRefused: it leads out of the folder.
            SourceError: it could not be asked for.
        """

    @abstractmethod
    def open(self, key: str) -> BinaryIO:
        """Open the delivery for reading; the caller closes it.

        Reading from it raises `SourceError` or `OSError` when it breaks off.

        Raises:
            UnknownName: it is gone, or never was.
            FileRefused: it leads out of the folder.
            SourceError: it could not be opened.
        """
