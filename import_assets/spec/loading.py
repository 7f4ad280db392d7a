"""From the files of a project to checked definitions, each error with file, line and column.

One wrong import never hides the others: it goes to `Loaded.invalid`. A wrong project file is an
error for all of them, since every import depends on it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from import_assets.errors import DefinitionError, Problem
from import_assets.spec.agreement import Agreement, analysis_misfits, project_misfits
from import_assets.spec.analyses import Analyses, find_analyses
from import_assets.spec.document import Document, read_document
from import_assets.spec.models import BARE_WORDS, CatalogKind, ImportSpec, ProjectSpec
from import_assets.spec.names import import_name_fault
from import_assets.spec.problems import refused, validated

PROJECT_FILE = "project.yaml"
IMPORTS_FOLDER = "imports"
UPLOADS_FOLDER = "uploads"
SPOOL_FOLDER = "spool"

_HASH_VERSION = 1
"""To be raised when the same definition comes to mean other rows, such as by another default."""


@dataclass(frozen=True)
class Project:
    """A project: its folder and what `project.yaml` says. All paths are absolute."""

    root: Path
    spec: ProjectSpec
    file: Path

    @property
    def imports_dir(self) -> Path:
        """The folder of the definitions."""
        return self.root / IMPORTS_FOLDER

    @property
    def warehouse_path(self) -> Path:
        """The DuckDB file."""
        return self.root / self.spec.warehouse

    @property
    def staging_path(self) -> Path:
        """The folder of staged batches."""
        return self.root / self.spec.staging

    @property
    def spool_path(self) -> Path:
        """The folder of deliveries that are being fetched; on the same file system as batches."""
        return self.staging_path / SPOOL_FOLDER

    def uploads_dir(self, name: str) -> Path:
        """Return the drop folder of the import called `name`."""
        return self.root / UPLOADS_FOLDER / name


@dataclass(frozen=True)
class Import:
    """A checked import: its name, its file, what the file says, and its project."""

    name: str
    file: Path
    spec: ImportSpec
    project: Project

    @property
    def timezone(self) -> str:
        """The IANA zone of times without an offset and of schedules: its own or the project's."""
        return self.spec.timezone or self.project.spec.timezone

    @property
    def table(self) -> tuple[str, ...]:
        """Parts of the name of the table it fills: `("events", "purchase")`."""
        return self.spec.kind.table

    @cached_property
    def definition_hash(self) -> str:
        """SHA-256, in hexadecimal, of everything that decides which rows come out of a delivery.

        What only says when, from where and how loudly an import runs is left out, and so are the
        searchable attributes, and whatever equals the default. The same definition has the same
        hash in every process and with every version of the libraries.
        """
        rows = self.spec.model_dump(
            mode="json",
            by_alias=True,
            exclude_defaults=True,
            include={"kind", "format", "columns", "conventions"},
            exclude={"kind": {"searchable", "mode"}},
        )
        if self.spec.catalog_mode != "partial":
            rows["mode"] = self.spec.catalog_mode
        if isinstance(self.spec.kind, CatalogKind) and self.spec.contract == "evolve":
            rows["contract"] = self.spec.contract
        if rows.get("format") == {"csv": {}}:
            del rows["format"]
        if self.spec.empty_cells != "overwrite":
            rows["empty"] = self.spec.empty_cells
        database = self.spec.source.database
        if database is not None:
            rows["query"] = database.query
        project = self.project.spec.model_dump(
            mode="json", exclude_defaults=True, include={"limits"}
        )
        # Identifiers always count whole, and in their order, which is their priority.
        identifiers = [
            [name, identifier.hard, identifier.trim, identifier.lowercase]
            for name, identifier in self.project.spec.identifiers.items()
        ]
        parts = [_HASH_VERSION, list(self.table), rows, self.timezone, identifiers, project]
        return hashlib.sha256(_canonical(parts)).hexdigest()


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":")).encode()


@dataclass(frozen=True)
class Loaded:
    """Everything that a project defines. The mappings are in the order of their names.

    A file whose name cannot name an import appears in `invalid` under its whole file name.
    """

    project: Project
    imports: dict[str, Import]
    invalid: dict[str, DefinitionError]
    analyses: Analyses


def load_project(root: Path) -> Project:
    """Read `project.yaml` in the folder `root`; without that file, everything has its default.

    Raises:
        DefinitionError: The folder is missing or the file is wrong.
    """
    root = root.resolve()
    file = root / PROJECT_FILE
    try:
        names = {entry.name for entry in root.iterdir()}
    except OSError as error:
        raise _error(
            root,
            f"not a folder that can be listed ({error.strerror}): name the one that holds "
            f"{PROJECT_FILE} and {IMPORTS_FOLDER}/",
        ) from None
    misnamed = file.with_suffix(".yml")
    if misnamed.name in names:
        raise _error(misnamed, f"is not read: rename it to {PROJECT_FILE}")
    if PROJECT_FILE not in names:
        return Project(root, ProjectSpec(), file)
    document = read_document(file, may_be_empty=True)
    return Project(root, validated(ProjectSpec, document), file)


def load(root: Path) -> Loaded:
    """Read the project in the folder `root` and all its imports.

    An import that contradicts one before it in the alphabet is invalid, not the other way round.
    Imports of one catalog have the same searchable attributes, whichever of them says so.

    Raises:
        DefinitionError: The project file is wrong, or the folder `imports` cannot be listed.
    """
    project = load_project(root)
    analyses = find_analyses(project.root)
    imports: dict[str, Import] = {}
    invalid: dict[str, DefinitionError] = {}
    agreement = Agreement()
    for name, file in _definition_files(project):
        try:
            one, document = _read_import(project, file, analyses)
            shown = file.relative_to(project.root).as_posix()
            misfits = agreement.take(one.spec, shown, document.place)
            if error := refused(document, misfits):
                raise error
        except DefinitionError as error:
            invalid[name] = error
        else:
            imports[name] = one
    whole = {
        name: replace(one, spec=agreement.completed(one.spec)) for name, one in imports.items()
    }
    return Loaded(project, whole, invalid, analyses)


def load_import(project: Project, file: Path) -> Import:
    """Read one definition and check it by itself and against the project, not against others.

    What other imports say about the same catalog is not filled in either, see `load`.

    Raises:
        DefinitionError: The file is wrong.
    """
    return _read_import(project, file, find_analyses(project.root))[0]


def _read_import(project: Project, file: Path, analyses: Analyses) -> tuple[Import, Document]:
    if file.suffix != ".yaml":
        raise _error(file, f"is not read: rename it to {_readable(file.stem)}.yaml")
    if fault := import_name_fault(file.stem):
        raise _error(file, fault)
    document = read_document(file)
    spec = validated(ImportSpec, document, BARE_WORDS)
    misfits = [
        *project_misfits(spec, project.spec),
        *analysis_misfits(spec, project.root, analyses),
    ]
    if error := refused(document, misfits):
        raise error
    return Import(file.stem, file, spec, project), document


def _definition_files(project: Project) -> list[tuple[str, Path]]:
    """Return the name and the path of each definition, sorted; misnamed ones by their file name."""
    folder = project.imports_dir
    try:
        files = list(folder.iterdir())
    except OSError as error:
        # No folder means no imports yet; a link that leads nowhere is a mistake.
        if isinstance(error, FileNotFoundError) and not folder.is_symlink():
            return []
        raise _error(folder, f"the definitions cannot be listed: {error.strerror}") from None
    # Names with a dot in front are the locks and swap files of editors.
    found = [
        (file.stem if _is_well_named(file) else _readable(file.name), file)
        for file in files
        if file.suffix.lower() in (".yaml", ".yml") and not file.name.startswith(".")
    ]
    return sorted(found, key=lambda one: one[0])


def _is_well_named(file: Path) -> bool:
    return file.suffix == ".yaml" and import_name_fault(file.stem) is None


def _error(file: Path, message: str) -> DefinitionError:
    return DefinitionError([Problem(Path(_readable(str(file))), 1, 1, "", message)])


def _readable(name: str) -> str:
    """Return a file name that can be printed, even where its bytes are not UTF-8."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
