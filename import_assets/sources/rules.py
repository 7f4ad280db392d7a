"""The part of a definition that decides which files are taken."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from import_assets.spec.models import Limits
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


def rules_of(source: StorageSource | UploadSource, limits: Limits) -> Rules:
    """Return the rules that a source states. Of a drop folder, every file is taken once."""
    if isinstance(source, StorageSource):
        pattern, select, by = source.pattern, source.select, source.by
    else:
        pattern, select, by = FilePattern("*"), "not_imported_yet", "version"
    return Rules(pattern, select, by, timedelta(seconds=source.settle), limits.files)
