"""Batches on disk: typed rows and rejects as Parquet, and a manifest that is written last.

A batch is written into a temporary folder and renamed into place, so a folder under the import's
name is always a whole batch.
"""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from import_assets.staging.manifest import Manifest

_MANIFEST = "manifest.json"


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
        frame.write_parquet(path, compression="lz4", statistics=False)
        _sync(path)


class Staging:
    """The folder of all staged batches."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def find(self, import_name: str, batch_id: str) -> Batch | None:
        """Return a staged batch, or None."""
        return self._load(self.root / import_name / batch_id)

    def all(self) -> Iterator[Batch]:
        """Yield every staged batch, oldest first."""
        folders = self.root.glob("*/*/" + _MANIFEST)
        batches = [batch for path in folders if (batch := self._load(path.parent))]
        yield from sorted(batches, key=lambda batch: batch.manifest.staged_at)

    @contextmanager
    def writing(self, import_name: str, batch_id: str) -> Iterator[BatchWriter]:
        """Give a writer in a temporary folder, which is removed unless `finish` was called."""
        temporary = self.root / ".tmp"
        _sweep(temporary)
        folder = temporary / f"{import_name}-{batch_id}-{secrets.token_hex(4)}"
        folder.mkdir(parents=True)
        try:
            yield BatchWriter(folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def finish(self, writer: BatchWriter, manifest: Manifest) -> Batch:
        """Write the manifest and move the batch into place; an equal batch already there stays."""
        path = writer.folder / _MANIFEST
        path.write_text(manifest.model_dump_json(indent=1), encoding="utf-8")
        _sync(path)
        _sync(writer.folder)
        target = self.root / manifest.import_name / manifest.batch_id
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists() and not (target / _MANIFEST).exists():
            shutil.rmtree(target)  # what is left of a batch whose removal was interrupted
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
        (batch.folder / _MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(batch.folder, ignore_errors=True)

    def remove_all(self, import_name: str) -> None:
        """Delete every staged batch of an import."""
        shutil.rmtree(self.root / import_name, ignore_errors=True)

    @staticmethod
    def _load(folder: Path) -> Batch | None:
        path = folder / _MANIFEST
        if not path.is_file():
            return None
        manifest = Manifest.model_validate_json(path.read_text(encoding="utf-8"))
        return Batch(folder, manifest)


def _sweep(temporary: Path) -> None:
    """Remove what killed processes left behind; a day is longer than any batch takes to write."""
    limit = time.time() - 86_400
    for folder in temporary.glob("*"):
        if folder.stat().st_mtime < limit:
            shutil.rmtree(folder, ignore_errors=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
