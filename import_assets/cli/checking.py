"""`check`: everything that can be known to be wrong before anything is imported."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from import_assets.cli.conflicts import type_conflicts
from import_assets.cli.exits import DONE, FAULTS
from import_assets.cli.places import Places, type_path
from import_assets.cli.session import Session
from import_assets.errors import DefinitionError, Problem, SourceError
from import_assets.sources.ask import Imported
from import_assets.sources.discovery import over_limit
from import_assets.sources.listing import list_matching
from import_assets.sources.open import open_source
from import_assets.sources.rules import rules_of
from import_assets.spec.changing import looks_changing
from import_assets.spec.loading import Import, Loaded
from import_assets.spec.misfits import DocumentPath
from import_assets.spec.models import AttributeType, CatalogKind, EventsKind, column_path
from import_assets.spec.sources import StorageSource, UploadSource
from import_assets.tables import catalogs
from import_assets.warehouse import attributes, ledger, soundness
from import_assets.warehouse.sql import table_label
from import_assets.wording import counted

Severity = Literal["error", "warning"]

_LEDGER = "ledger"
"""What faults of the warehouse's ledger are filed under."""

_PROJECT = "project"
"""What the problems of project.yaml are filed under."""


@dataclass(frozen=True)
class Finding:
    """A problem, how bad it is, and the import that has it."""

    name: str
    severity: Severity
    problem: Problem


def check(session: Session) -> int:
    """Print every problem; return FAULTS if a definition is wrong."""
    try:
        loaded = session.loaded
    except DefinitionError as error:
        findings = _errors(_PROJECT, error)
        fine = 0
    else:
        findings = [one for name, error in loaded.invalid.items() for one in _errors(name, error)]
        for name, error in loaded.analyses.invalid.items():
            findings += _errors(f"analysis {name}", error)
        findings += _of_ledger(session)
        if not findings or findings[-1].name != _LEDGER:
            findings += _Books(session, loaded).findings()
        wrong = {one.name for one in findings if one.severity == "error"}
        fine = len(loaded.imports.keys() - wrong)
    _print(session, findings, fine)
    return FAULTS if any(one.severity == "error" for one in findings) else DONE


def _of_ledger(session: Session) -> list[Finding]:
    """Return what is wrong with the ledger; what is compared with it would be wrong too then."""
    if not session.has_warehouse:
        return []
    with session.reading() as connection:
        found = soundness.faults(connection)
    warehouse = session.project.warehouse_path
    return [
        Finding(_LEDGER, "error", Problem(warehouse, 1, 1, "ledger", f"{one}: {soundness.ADVICE}"))
        for one in found
    ]


def _errors(name: str, error: DefinitionError) -> list[Finding]:
    return [Finding(name, "error", problem) for problem in error.problems]


def _print(session: Session, findings: list[Finding], fine: int) -> None:
    output = session.output
    output.json(
        {
            "import": one.name,
            "severity": one.severity,
            "file": str(one.problem.file),
            "line": one.problem.line,
            "column": one.problem.column,
            "path": one.problem.path,
            "message": one.problem.message,
        }
        for one in findings
    )
    if not output.as_json:
        for one in findings:
            warning = "warning: " if one.severity == "warning" else ""
            output.say(f"{_from_here(one.problem, warning)}")
    output.say(_summary(findings, fine))


def _from_here(problem: Problem, warning: str) -> str:
    """Return a problem as editors and terminals make a link of it."""
    here = Path.cwd()
    file = problem.file
    shown = file.relative_to(here) if file.is_relative_to(here) else file
    where = f"{problem.path}: " if problem.path else ""
    return f"{shown}:{problem.line}:{problem.column}: {warning}{where}{problem.message}"


def _summary(findings: list[Finding], fine: int) -> str:
    wrong = {one.name for one in findings if one.severity == "error"}
    warnings = sum(one.severity == "warning" for one in findings)
    if wrong == {_PROJECT}:
        return "project.yaml is wrong, so no definition was checked"
    if not fine and not wrong:
        return "There are no definitions yet: write imports/NAME.yaml"
    parts = [f"{counted(fine, 'definition')} fine", f"{len(wrong):,} wrong"]
    if warnings:
        parts.append(counted(warnings, "warning"))
    return ", ".join(parts)


Known = Mapping[str, tuple[AttributeType, str]]


class _Books:
    """Compares definitions with what lies in their folders and in the warehouse."""

    def __init__(self, session: Session, loaded: Loaded) -> None:
        self._loaded = loaded
        self._connections = session.connections
        self._read: dict[str, Places] = {}
        names = list(loaded.imports)
        tables = {one.table for one in loaded.imports.values()}
        self._imported: dict[str, Imported] = {}
        self._known: dict[tuple[str, ...], Known] = {}
        self._headers: dict[str, tuple[str, ...]] = {}
        self._catalogs: dict[str, catalogs.Settings] = {}
        if session.has_warehouse and names:
            with session.reading() as connection:
                self._imported = {name: ledger.imported(connection, name) for name in names}
                self._known = {table: attributes.known(connection, table) for table in tables}
                self._headers = {
                    name: entry.header for name in names if (entry := ledger.last(connection, name))
                }
                self._catalogs = {
                    table[1]: stored
                    for table in tables
                    if table[0] == "catalogs"
                    and (stored := catalogs.settings(connection, table[1]))
                }

    def findings(self) -> list[Finding]:
        """Return what is wrong, import by import, in the order of the lines."""
        found: list[Finding] = []
        for definition in self._loaded.imports.values():
            of_one = [
                *self._of_folder(definition),
                *self._of_catalog(definition),
                *self._of_rivals(definition),
                *self._of_types(definition),
                *self._of_dedup(definition),
            ]
            found += sorted(of_one, key=lambda one: (one.problem.line, one.problem.column))
        return found

    def _of_folder(self, definition: Import) -> Iterator[Finding]:
        """Yield what is wrong with the folder: missing, or too full for a start (M024, D06)."""
        source = definition.spec.source.only
        if not isinstance(source, StorageSource | UploadSource):
            return
        storage = definition.spec.source.storage
        if storage is not None:
            where: DocumentPath = ("source", "storage", "folder")
        else:
            where = ("source", "upload")
            if not definition.project.uploads_dir(definition.name).exists():
                return  # made when the first file is put there
        rules = rules_of(definition.spec, definition.project.spec.limits)
        try:
            listing = list_matching(
                open_source(definition, connections=self._connections),
                rules.pattern,
                cache=self._connections.listings,
            )
        except SourceError as error:
            yield self._finding(definition, where, str(error), "warning")
            return
        for fault in listing.faults:
            yield self._finding(definition, where, fault, "warning")
        run = definition.spec.run
        starts_by_itself = run.on_new_file or run.repeats or storage is None
        imported = self._imported.get(definition.name, {})
        if starts_by_itself and (sentence := over_limit(listing, rules, lambda: imported)):
            at = where if storage is None else ("source", "storage", "files")
            yield self._finding(definition, at, sentence)

    def _of_catalog(self, definition: Import) -> Iterator[Finding]:
        """Yield what does not go with the catalog's first import (M077, D34, D36)."""
        kind = definition.spec.kind
        stored = self._catalogs.get(kind.catalog) if isinstance(kind, CatalogKind) else None
        if not isinstance(kind, CatalogKind) or stored is None:
            return
        for misfit in catalogs.misfits(kind, stored):
            yield self._finding(definition, ("kind", misfit.key), misfit.message)
        yield from self._of_new_columns(definition, stored)

    def _of_rivals(self, definition: Import) -> Iterator[Finding]:
        """Yield other imports that bring the whole of the same catalog (b.7)."""
        if definition.spec.catalog_mode != "full":
            return
        for other in self._loaded.imports.values():
            if (
                other.name != definition.name
                and other.table == definition.table
                and other.spec.catalog_mode == "full"
            ):
                yield self._finding(
                    definition,
                    ("kind",),
                    f"import {other.name} brings the whole of {table_label(other.table)} too: each "
                    "removes the items of the other. Say `mode: partial` or `mode: replace` in one",
                    "warning",
                )

    def _of_new_columns(self, definition: Import, stored: catalogs.Settings) -> Iterator[Finding]:
        """Yield columns of a definition that the catalog will not take (M072, D36)."""
        if definition.spec.contract == "evolve":
            return
        known = {name.lower() for name in self._known.get(definition.table, {})}
        for index, rule in enumerate(definition.spec.columns):
            if rule.attribute is not None and rule.attribute.lower() not in known:
                yield self._finding(
                    definition,
                    column_path(definition.spec.columns, index),
                    f"{rule.attribute!r} is no column of {table_label(definition.table)}, whose "
                    f"columns were set by its first import, {stored.first}: a file that has it "
                    "will be refused. Say `contract: evolve` to let the catalog grow, discard the "
                    "column, or import into a new catalog",
                    "warning",
                )

    def _of_types(self, definition: Import) -> Iterator[Finding]:
        """Yield attributes that the table has with another type or other capitals (M033, D30)."""
        known = self._known.get(definition.table, {})
        stored = {name.lower(): name for name in known}
        rules = definition.spec.columns
        table = table_label(definition.table)
        for index, rule in enumerate(rules):
            name = rule.attribute
            other = stored.get(name.lower()) if name is not None else None
            if name is not None and other is not None and other != name:
                yield self._finding(
                    definition,
                    column_path(rules, index),
                    f"{name!r} differs only by case from {other!r}, which {table} "
                    f"has{self._since(definition, known, other)}: write `to: {other}`, or "
                    "another name",
                )
        types: dict[str, AttributeType] = {name: known[name][0] for name in known}
        for one in type_conflicts(definition, types, self._headers.get(definition.name, ())):
            has = f"{table} has it as {one.stored}{self._since(definition, known, one.attribute)}"
            if one.rule:
                message = (
                    f"{one.attribute!r} is {one.said} here, but {has}: write `{one.remedy()}`, or "
                    "another name with `to:`"
                )
            else:
                message = (
                    f"no rule speaks of the column {one.attribute!r}, so it comes as {one.said}, "
                    f"but {has}: add `{one.remedy()}`, or another name with `to:`"
                )
            yield self._finding(definition, one.path, message)

    def _of_dedup(self, definition: Import) -> Iterator[Finding]:
        """Yield what lets equal events pass for new ones (D25)."""
        spec = definition.spec
        if not isinstance(spec.kind, EventsKind) or spec.kind.is_consent:
            return
        for index, rule in enumerate(spec.columns):
            if looks_changing(rule) and "exclude_from_dedup" not in rule.model_fields_set:
                yield self._finding(
                    definition,
                    column_path(spec.columns, index),
                    f"{rule.to!r} looks as if it changed with each import, and every event would "
                    "then count as new: add `exclude_from_dedup: true`, or `false` if events that "
                    "differ in it are to differ",
                    "warning",
                )
        for other in self._loaded.imports.values():
            if other.table != definition.table:
                continue
            counted = {rule.attribute for rule in other.spec.columns} - other.spec.excluded
            for index, rule in enumerate(spec.columns):
                if rule.exclude_from_dedup and rule.attribute in counted:
                    yield self._finding(
                        definition,
                        ("columns", index, "exclude_from_dedup"),
                        f"import {other.name} does not say so of {rule.attribute!r}: an event that "
                        "both bring counts as two",
                        "warning",
                    )

    def _since(self, definition: Import, known: Known, attribute: str) -> str:
        """Return which import brought an attribute, and where it speaks of it now.

        Nothing is said of what this import itself brought: its own line is the one at fault.
        """
        name = known[attribute][1]
        if name == definition.name:
            return ""
        return f" since import {name}{self._whereabouts(name, attribute)}"

    def _whereabouts(self, name: str, attribute: str) -> str:
        """Return where an import that brought an attribute speaks of it now, in brackets."""
        definition = self._loaded.imports.get(name)
        if definition is None:
            return " (which is not defined any more)"
        rules = definition.spec.columns
        index = next((i for i, rule in enumerate(rules) if rule.attribute == attribute), None)
        places = self._places(definition)
        if index is None:
            return f" ({places.file})"
        return f" ({places.file}:{places.line(type_path(rules, index))})"

    def _finding(
        self,
        definition: Import,
        path: DocumentPath,
        message: str,
        severity: Severity = "error",
    ) -> Finding:
        """Return a finding at a path of a definition."""
        return Finding(definition.name, severity, self._places(definition).problem(path, message))

    def _places(self, definition: Import) -> Places:
        return self._read.setdefault(definition.name, Places(definition))
