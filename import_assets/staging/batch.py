"""Batches on disk: typed rows and rejects as Parquet, and a manifest that is written last.

A batch is written into a temporary folder and renamed into place, so a folder under the import's
name is always a whole batch. One that was damaged afterwards is no batch: it is removed, and its
delivery is staged again.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
import shutil
import stat as modes
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from import_assets.errors import SourceError
from import_assets.staging.manifest import Manifest
from import_assets.wording import room_in

_MANIFEST = "manifest.json"
_SUMS = "sums.json"
"""The SHA-256 of every other file of the batch, by name: Parquet itself has none, and what a disk
garbles in the midst of it would be read as other values."""

_TEMPORARY = ".tmp"
_LEFT_BEHIND_SECONDS = 86_400
"""A day is longer than any batch takes to write."""


@dataclass(frozen=True)
class Batch:
    """A staged batch: its folder and its manifest."""

    folder: Path
    manifest: Manifest

    @property
    def row_files(self) -> list[Path]:
        """The Parquet files of the rows, in file order."""
        return sorted(self.folder.glob("rows-*.parquet"))

    @property
    def reject_files(self) -> list[Path]:
        """The Parquet files of the rejects, in file order."""
        return sorted(self.folder.glob("rejects-*.parquet"))


class BatchWriter:
    """Writes the blocks of one batch into a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sums: dict[str, str] = {}
        self._parts = 0

    def write(self, rows: pl.DataFrame, rejects: pl.DataFrame) -> None:
        """Add a block. Empty frames are left out, but for the first rows: they carry the schema."""
        if not rows.is_empty() or self._parts == 0:
            self._write(rows, f"rows-{self._parts:06d}.parquet")
        if not rejects.is_empty():
            self._write(rejects, f"rejects-{self._parts:06d}.parquet")
        self._parts += 1

    def _write(self, frame: pl.DataFrame, name: str) -> None:
        path = self.folder / name
        try:
            frame.write_parquet(path, compression="lz4", statistics=False)
            _sync(path)
            self.sums[name] = _sum(path)
        except (OSError, pl.exceptions.ComputeError) as error:
            raise _unwritable(self.folder.parent, error) from error


class Staging:
    """The folder of all staged batches."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def find(self, import_name: str, batch_id: str) -> Batch | None:
        """Return a staged batch, or None; what is left of a damaged one is removed.

        Raises:
            OSError: the batch is there and cannot be read.
        """
        folder = self.root / import_name / batch_id
        batch = load(folder)
        if batch is not None and not _is_sound(batch):
            batch = None
        if batch is None and folder.exists():
            remove_folder(folder)
        return batch

    def all(self) -> Iterator[Batch]:
        """Yield every staged batch, oldest first; damaged ones are left out."""
        folders = {path.parent for path in self.root.glob(f"*/*/{_MANIFEST}")}
        # What stands in the temporary folder is not finished, whatever it holds.
        staged = [folder for folder in folders if folder.parent.name != _TEMPORARY]
        batches = [batch for folder in staged if (batch := _load_if_readable(folder))]
        yield from sorted(
            batches, key=lambda batch: (batch.manifest.staged_at, batch.manifest.batch_id)
        )

    def left_behind(self, before: float) -> Iterator[Path]:
        """Yield the folders of writers that did not finish and have not written since then."""
        yield from _untouched((self.root / _TEMPORARY).glob("*"), before)

    def settled(self, before: float) -> Iterator[Path]:
        """Yield the folders of batches, whole or damaged, that nobody has changed since then."""
        own = (path for path in self.root.glob("*/*") if not path.parent.name.startswith("."))
        yield from _untouched(own, before)

    @contextmanager
    def writing(self, import_name: str, batch_id: str) -> Iterator[BatchWriter]:
        """Give a writer in a temporary folder, which is removed unless `finish` was called.

        Raises SourceError where nothing can be written, as its methods do.
        """
        for folder in self.left_behind(time.time() - _LEFT_BEHIND_SECONDS):
            shutil.rmtree(folder, ignore_errors=True)
        folder = self.root / _TEMPORARY / f"{import_name}-{batch_id}-{secrets.token_hex(4)}"
        try:
            folder.mkdir(parents=True)
        except OSError as error:
            raise _unwritable(folder.parent, error) from error
        try:
            yield BatchWriter(folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def finish(self, writer: BatchWriter, manifest: Manifest) -> Batch:
        """Write the manifest and move the batch into place; an equal batch already there stays.

        Raises SourceError where that cannot be written.
        """
        try:
            return self._finish(writer, manifest)
        except OSError as error:
            raise _unwritable(self.root, error) from error

    def _finish(self, writer: BatchWriter, manifest: Manifest) -> Batch:
        text = manifest.model_dump_json(indent=1).encode()
        sums = {**writer.sums, _MANIFEST: hashlib.sha256(text).hexdigest()}
        for name, content in ((_SUMS, json.dumps(sums, indent=1).encode()), (_MANIFEST, text)):
            path = writer.folder / name
            path.write_bytes(content)
            _sync(path)
        _sync(writer.folder)
        target = self.root / manifest.import_name / manifest.batch_id
        target.parent.mkdir(parents=True, exist_ok=True)
        # A folder that is there already is an equal batch, or what is left of one.
        self.find(manifest.import_name, manifest.batch_id)
        try:
            writer.folder.rename(target)
        except OSError:
            # Another process staged the same batch meanwhile; the two are equal by their id.
            if not (target / _MANIFEST).exists():
                raise
        _sync(target.parent)
        return Batch(target, manifest)

    def remove(self, batch: Batch) -> None:
        """Delete a batch from disk; its manifest goes first, so that no half batch remains."""
        remove_folder(batch.folder)

    def remove_all(self, import_name: str) -> None:
        """Delete every staged batch of an import."""
        for path in (self.root / import_name).glob(f"*/{_MANIFEST}"):
            remove_folder(path.parent)
        shutil.rmtree(self.root / import_name, ignore_errors=True)


def load(folder: Path) -> Batch | None:
    """Return the batch in a folder, or None where it is not whole; what its files hold is not read.

    Raises:
        OSError: it cannot be read, so that nobody knows.
    """
    try:
        text = (folder / _MANIFEST).read_bytes()
        batch = Batch(folder, Manifest.model_validate_json(text))
        whole = (
            folder == folder.parents[1] / batch.manifest.import_name / batch.manifest.batch_id
            and _records(batch.row_files) == batch.manifest.rows
            and _records(batch.reject_files) == batch.manifest.rejected
        )
    except OSError as error:
        # What Parquet says of a damaged file comes without a number.
        if error.errno in (None, errno.ENOENT, errno.ENOTDIR):
            return None
        raise
    except (ValidationError, pa.ArrowException):
        return None
    return batch if whole else None


def _load_if_readable(folder: Path) -> Batch | None:
    with suppress(OSError):
        batch = load(folder)
        return batch if batch is not None and _is_sound(batch) else None
    return None


def _is_sound(batch: Batch) -> bool:
    """Tell whether every file of a batch is what was written, byte by byte.

    Raises:
        OSError: one cannot be read, so that nobody knows.
    """
    try:
        sums = json.loads((batch.folder / _SUMS).read_bytes())
        written = [_MANIFEST, *(file.name for file in (*batch.row_files, *batch.reject_files))]
        found = {name: _sum(batch.folder / name) for name in written}
    except (FileNotFoundError, ValueError):
        return False
    return found == sums


def _unwritable(folder: Path, error: Exception) -> SourceError:
    """Return the error about a folder in which nothing can be written, now."""
    said = (error.strerror if isinstance(error, OSError) else None) or _last_words(error)
    return SourceError(
        f"the rows cannot be written to {folder}: {said}; {room_in(folder)}. Make room there or "
        "mend its permissions, and it is tried again"
    )


def _last_words(error: Exception) -> str:
    """Return what the system says, which stands behind the words of polars."""
    return str(error).split(": ")[-1].partition(" (os error")[0]


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _records(files: Sequence[Path]) -> int:
    """Return how many records the Parquet files hold; reads no more than their ends."""
    return sum(pq.read_metadata(file).num_rows for file in files)


def remove_folder(folder: Path) -> None:
    """Delete a batch, or what is left of one, from disk; its manifest goes first."""
    (folder / _MANIFEST).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def _untouched(paths: Iterable[Path], before: float) -> Iterator[Path]:
    """Yield those of the paths that are folders and in which nothing has come or gone since."""
    for path in sorted(paths):
        try:
            found = path.lstat()
        except FileNotFoundError:
            # Another process has finished its batch, or cleans up too.
            continue
        if modes.S_ISDIR(found.st_mode) and found.st_mtime < before:
            yield path


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
