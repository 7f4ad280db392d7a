"""Putting files into the drop folder of an upload, so that no version of any is lost."""

from __future__ import annotations

import filecmp
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from import_assets.cli.naming import key_of
from import_assets.cli.replacing import replacing
from import_assets.cli.session import Session
from import_assets.errors import SourceError, UnknownName
from import_assets.sources.ask import is_imported
from import_assets.sources.storage.keys import PARTIAL_SUFFIXES, encode_path, is_delivery_name
from import_assets.sources.storage.local import LocalStorage
from import_assets.spec.loading import Import
from import_assets.warehouse import ledger, refusals


@dataclass(frozen=True)
class Drop:
    """A file on its way into the drop folder: where it is, and what it is called there.

    `there` says that the drop folder holds this very content under this name.
    """

    file: Path
    folder: Path
    there: bool

    @property
    def target(self) -> Path:
        """Where it lies in the drop folder."""
        return self.folder / self.file.name

    @property
    def key(self) -> str:
        """The key of the delivery."""
        return key_of(self.target, self.folder) or self.file.name


def plan(session: Session, definition: Import, file: Path) -> Drop:
    """Return how a file gets into the drop folder; nothing is copied yet.

    Raises:
        UnknownName: There is no such file.
        SourceError: It cannot be put there: by its name, or because it would replace another one
            that was not imported yet.
    """
    if not file.is_file():
        raise UnknownName(f"there is no file {file}")
    if not is_delivery_name(encode_path(os.fsencode(file.name))):
        endings = ", ".join(PARTIAL_SUFFIXES)
        raise SourceError(
            f"{file.name} is named like a file that is still being written (a dot in front, or "
            f"one of {endings} at the end): rename it"
        )
    folder = definition.project.uploads_dir(definition.name)
    drop = Drop(file, folder, there=False)
    if not drop.target.exists():
        return drop
    if drop.target.samefile(file) or filecmp.cmp(file, drop.target, shallow=False):
        return Drop(file, folder, there=True)
    if not _is_settled(session, definition, drop):
        raise SourceError(
            f"{drop.target} is another file of this name, which was not imported yet: import it "
            f"first (--key {drop.key}), take it away, or rename yours"
        )
    return drop


def _is_settled(session: Session, definition: Import, drop: Drop) -> bool:
    """Tell whether the file that would be replaced was imported, or refused and so to be mended."""
    if not session.has_warehouse:
        return False
    waiting = LocalStorage(drop.folder).stat(drop.key)
    with session.reading() as connection:
        refusal = refusals.of_import(connection, definition.name).get(drop.key)
        imported = ledger.imported(connection, definition.name)
    if refusal is not None and refusal.fingerprint == waiting.fingerprint:
        return True
    return is_imported(waiting, imported, "version")


def put(drop: Drop) -> None:
    """Copy the file into the drop folder unless it is there; whole or not at all.

    Raises SourceError where that fails.
    """
    if drop.there:
        return
    try:
        drop.folder.mkdir(parents=True, exist_ok=True)
        with drop.file.open("rb") as original, replacing(drop.target) as copy:
            shutil.copyfileobj(original, copy, 1 << 20)
    except OSError as error:
        raise SourceError(
            f"{drop.file} cannot be copied to {drop.folder}: {error.strerror or error}"
        ) from error
