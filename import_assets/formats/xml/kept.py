"""What the first reading of a document found, kept for the second one (D33).

The contents of a single stretch stay in memory. Those of several go to a file without a name in
the folder for temporary files, which no crash can leave behind; the bytes of the document do not,
since they can be read again.
"""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np

from import_assets.errors import SourceError
from import_assets.formats.views import PAD
from import_assets.formats.xml.contents import CELL, NESTED, ROW, Contents
from import_assets.formats.xml.pending import Pending

_COUNT = np.dtype(np.int64)
_COUNTS = 5


class Kept:
    """Contents in the order in which they came, to be asked for once."""

    def __init__(self, folder: Path | None, file: str) -> None:
        """Keep nothing yet; `folder` is made when it is missing, None is the system's own."""
        self._folder = folder
        self._name = file
        self._first: Contents | None = None
        self._file: BinaryIO | None = None

    def add(self, contents: Contents) -> None:
        """Keep the contents of the next stretch.

        Raises:
            SourceError: There is no room for them.
        """
        if self._first is None and self._file is None:
            self._first = contents
            return
        with self._room():
            if self._file is None:
                self._file = self._open()
            if self._first is not None:
                _write(self._file, self._first)
                self._first = None
            _write(self._file, contents)

    def taken(self, text: Callable[[], Pending]) -> Generator[Contents]:
        """Give all contents, and keep them no longer.

        Args:
            text: Gives the document once more, from its beginning.

        Raises:
            SourceError: The file could not be written, or the document is shorter than it was.
        """
        try:
            if self._file is None:
                if self._first is not None:
                    yield self._first
                return
            with self._room():
                self._file.seek(0)
            pending = text()
            while contents := _read(self._file):
                stretch = pending.take(contents.done)
                if len(stretch) < contents.done + 2 * PAD:
                    raise SourceError(
                        f"{self._name} has changed while it was read; it is tried again"
                    )
                yield replace(contents, buffers=[stretch, *contents.buffers[1:]])
        finally:
            self.close()

    def close(self) -> None:
        """Keep nothing any more."""
        self._first = None
        if self._file is not None:
            # What a full disk does not take is not missed any more.
            with suppress(OSError):
                self._file.close()

    def _open(self) -> BinaryIO:
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
        file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - `close` closes it
        weakref.finalize(self, file.close)
        return file

    @contextmanager
    def _room(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.close()
            folder = self._folder or tempfile.gettempdir()
            raise SourceError(
                f"{self._name}: what was found in it cannot be kept in {folder} while it is read: "
                f"{error.strerror or error}; make room there or mend its permissions, and it is "
                "tried again"
            ) from error


def _write(file: BinaryIO, contents: Contents) -> None:
    tables = contents.rows, contents.cells, contents.nested
    made = contents.buffers[1:]
    counts = [contents.done, *map(len, tables), len(made), *map(len, made)]
    file.write(np.array(counts, _COUNT).tobytes())
    for table in tables:
        file.write(table.data)
    file.writelines(made)


def _read(file: BinaryIO) -> Contents | None:
    """Read the next contents, without the bytes of the stretch; None at the end."""
    head = file.read(_COUNTS * _COUNT.itemsize)
    if not head:
        return None
    done, *heights, made = np.frombuffer(head, _COUNT).tolist()
    sizes = np.frombuffer(file.read(made * _COUNT.itemsize), _COUNT).tolist()
    rows, cells, nested = (
        np.frombuffer(file.read(height * dtype.itemsize), dtype)
        for dtype, height in zip((ROW, CELL, NESTED), heights, strict=True)
    )
    return Contents(done, rows, cells, nested, [b"", *map(file.read, sizes)])
