"""The part of a definition that decides which files are taken."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from import_assets.spec.models import ImportSpec, Limits
from import_assets.spec.patterns import FilePattern
from import_assets.spec.sources import Selection, StorageSource, UploadSource


@dataclass(frozen=True)
class Rules:
    """Filter, selection, identity and settling of an import's files.

    `files` is the largest number of files that one scheduled start or one look takes (M024).
    """

    pattern: FilePattern
    select: Selection
    by: Literal["version", "name"]
    settle: timedelta
    files: int

    @property
    def recursive(self) -> bool:
        """True where sub-folders are listed too."""
        return self.pattern.reaches_into_folders


def rules_of(spec: ImportSpec, limits: Limits) -> Rules:
    """Return the rules of an import whose source has a folder. Of a drop folder, all is taken.

    Raises TypeError for a source that has none.
    """
    source = spec.source.only
    if isinstance(source, StorageSource):
        pattern, select = source.pattern, source.select
    elif isinstance(source, UploadSource):
        pattern, select = FilePattern("*"), "not_imported_yet"
    else:
        raise TypeError(f"source {spec.source.word} has no folder")
    return Rules(pattern, select, spec.by, timedelta(seconds=source.settle), limits.files)
