"""Where a definition speaks of something: its file, and the line there."""

from __future__ import annotations

from functools import cached_property

from import_assets.errors import Problem
from import_assets.spec.document import Document, read_document
from import_assets.spec.loading import Import
from import_assets.spec.misfits import DocumentPath
from import_assets.spec.models import Column, column_path


class Places:
    """Finds lines in the file of a definition, which is read only when one is asked for."""

    def __init__(self, definition: Import) -> None:
        self._definition = definition

    @cached_property
    def _document(self) -> Document:
        return read_document(self._definition.file)

    def problem(self, path: DocumentPath, message: str) -> Problem:
        """Return a problem at a path of the document."""
        return self._document.problem(path, message)

    def line(self, path: DocumentPath) -> int:
        """Return the line of a path of the document."""
        return self._document.place(path).line

    @property
    def file(self) -> str:
        """The file, as seen from the project's folder."""
        return self._definition.file.relative_to(self._definition.project.root).as_posix()


def type_path(rules: list[Column], index: int) -> DocumentPath:
    """Return where the rule at `index` says its type, or else what it is about."""
    written = "type" in rules[index].model_fields_set
    return ("columns", index, "type") if written else column_path(rules, index)
