"""Errors, arranged by what the caller does next.

==================  =====================================================================
`DefinitionError`   the user mends a YAML file; the other definitions go on
`SourceError`       trying again later can help
`Disconnected`      a `SourceError` for which trying again at once can help
`FileRefused`       the delivery is refused as a whole; trying again does not help
`WarehouseError`    the warehouse cannot be used; nothing was written
==================  =====================================================================

A bad row is not an exception: it is data, see `import_assets.records`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


class ImportAssetsError(Exception):
    """Base of every error that this package raises on purpose."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong in a YAML file.

    `line` and `column` count from 1; `path` is the dotted place inside the document.
    """

    file: Path
    line: int
    column: int
    path: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}"
        return f"{where}: {self.path}: {self.message}" if self.path else f"{where}: {self.message}"


class DefinitionError(ImportAssetsError):
    """A definition, or the project file, is wrong. Carries every problem that was found."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


class UnknownName(ImportAssetsError):
    """The user named an import, a table, a delivery or a file that does not exist."""


class SourceError(ImportAssetsError):
    """A source could not hand over what it listed; a later try can help."""


class Disconnected(SourceError):
    """A connection broke or was not answered in time; trying again at once can help."""


class FileRefused(ImportAssetsError):
    """A delivery is refused as a whole and nothing of it is imported.

    `reason` is a stable code (`too_many_rows`), `message` says what is wrong and what to do,
    `line` is the physical line of the file, counted from 1, where one is known.
    """

    def __init__(self, file: str, reason: str, message: str, line: int | None = None) -> None:
        self.file = file
        self.reason = reason
        self.message = message
        self.line = line
        where = f"{file}:{line}" if line else file
        super().__init__(f"{where}: {message} ({reason})")


class WarehouseError(ImportAssetsError):
    """The warehouse is missing, damaged or held by somebody else for too long."""
