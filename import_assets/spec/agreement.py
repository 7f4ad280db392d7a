"""What one document cannot know: whether an import fits the project and the other imports."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from import_assets.spec.analyses import ANALYSES_FOLDER, Analyses, find_analyses
from import_assets.spec.connections import STORAGES, ConnectionType
from import_assets.spec.document import Place
from import_assets.spec.misfits import DocumentPath, Misfit
from import_assets.spec.models import (
    CatalogKind,
    Column,
    CustomersKind,
    ImportSpec,
    ProjectSpec,
    column_path,
)
from import_assets.spec.problems import did_you_mean, quoted
from import_assets.spec.scalars import shown

# --- an import and its project ------------------------------------------------------------------


def project_misfits(spec: ImportSpec, project: ProjectSpec) -> Iterator[Misfit]:
    """Yield what does not fit the project: identifiers, connections, limits, formats of values."""
    yield from _source_misfits(spec, project)
    yield from _identifier_misfits(spec, project)
    yield from _format_misfits(spec.columns, spec.timezone or project.timezone)
    kind = spec.kind
    if isinstance(kind, CatalogKind):
        counted = len(set(kind.searchable) - {"item_id"})
        if counted > project.limits.searchable:
            yield Misfit(
                ("kind", "searchable"),
                f"{counted} searchable attributes: project.yaml allows at most "
                f"{project.limits.searchable} (limits: searchable)",
            )


def _source_misfits(spec: ImportSpec, project: ProjectSpec) -> Iterator[Misfit]:
    yield from _connection_misfits(spec, project)
    yield from _query_misfits(spec, project)
    paste = spec.source.paste
    if paste is not None and paste.text is not None:
        size = len(paste.text.encode())
        if size > project.limits.paste_bytes:
            yield Misfit(
                ("source", "paste", "text"),
                f"{size:,} bytes: a pasted text has at most {project.limits.paste_bytes:,} "
                "(limits: paste_bytes in project.yaml); put it into a file and use source upload",
            )


def analysis_misfits(spec: ImportSpec, root: Path, analyses: Analyses) -> Iterator[Misfit]:
    """Yield what is wrong with the analysis that an import reads (M013, D44).

    Args:
        spec: the import.
        root: the folder of its project.
        analyses: those of its project.
    """
    source = spec.source.analysis
    if source is None:
        return
    where = ("source", "analysis")
    if source.project is not None:
        where = (*where, "name")
        folder = root / source.project
        try:
            folder = folder.resolve()
            if not folder.is_dir():
                yield Misfit(("source", "analysis", "project"), f"there is no folder {folder}")
                return
            analyses = find_analyses(folder)
        except (OSError, RuntimeError) as error:
            # A name that is too long, a folder that may not be read, links that go in circles.
            why = (error.strerror if isinstance(error, OSError) else None) or "links in circles"
            yield Misfit(
                ("source", "analysis", "project"), f"the folder {folder} cannot be read: {why}"
            )
            return
    if source.name in analyses.invalid:
        problem = analyses.invalid[source.name].problems[0]
        yield Misfit(where, f"the analysis {shown(source.name)} cannot be used: {problem}")
    elif source.name not in analyses.usable:
        known = list(analyses.usable)
        listed = f"there are: {', '.join(known)}" if known else "there is none yet"
        yield Misfit(
            where,
            f"there is no analysis {shown(source.name)} in {ANALYSES_FOLDER}/; {listed}"
            + did_you_mean(source.name, known),
        )


_SERVES: dict[str, tuple[ConnectionType, ...]] = {
    "storage": STORAGES,
    "url": ("http",),
    "database": ("sql",),
}
"""Which connections a source can use."""


def _connection_misfits(spec: ImportSpec, project: ProjectSpec) -> Iterator[Misfit]:
    name, word = spec.source.connection, spec.source.word
    if name is None:
        return
    where = ("source", word, "connection")
    known = project.connections
    if name not in known:
        listed = f"known: {', '.join(known)}" if known else "it declares none"
        yield Misfit(
            where,
            f"{shown(name)} is not a connection of project.yaml; {listed}"
            + did_you_mean(name, list(known)),
        )
    elif known[name].type not in _SERVES[word]:
        yield Misfit(
            where,
            f"connection {shown(name)} is {known[name].type}; source {word} needs "
            f"{' or '.join(_SERVES[word])}",
        )


def _query_misfits(spec: ImportSpec, project: ProjectSpec) -> Iterator[Misfit]:
    """Yield what is no query that only reads (M008, D43)."""
    database = spec.source.database
    if database is None:
        return
    known = project.connections.get(database.connection)
    # Loaded here, and only where needed, since the parser of SQL is large.
    from import_assets.sources.sql.dialects import dialect_of
    from import_assets.sources.sql.select import check_select

    url = known.sql.url if known is not None and known.sql is not None else ""
    if wrong := check_select(database.query, dialect_of(url).grammar):
        yield Misfit(("source", "database", "query"), wrong)


def _identifier_misfits(spec: ImportSpec, project: ProjectSpec) -> Iterator[Misfit]:
    if spec.identifier_names is not None:
        return
    known = list(project.identifiers)
    for index, column in enumerate(spec.columns):
        if column.id is not None and column.id not in known:
            yield Misfit(
                ("columns", index, "id"),
                f"{shown(column.id)} is not an identifier of the project; known: {', '.join(known)}"
                + did_you_mean(column.id, known),
            )
        name = column.attribute
        if isinstance(spec.kind, CustomersKind) and name is not None and name.lower() in known:
            yield Misfit(
                column_path(spec.columns, index),
                f"{name!r} is an identifier of the project and as such a column of the table "
                "itself: say `id:` to use it so, or give the attribute another name with `to:`",
            )


def _format_misfits(columns: list[Column], timezone: str) -> Iterator[Misfit]:
    """Yield formats that do not fit their type, and static values that are not of theirs."""
    for index, column in enumerate(columns):
        typed_value = column.value is not None and column.type not in ("text", "long text")
        if column.format is None and not typed_value:
            continue
        # Loaded here, and only where needed: types draw in polars, and the mapping itself builds
        # on this package.
        from import_assets.mapping.types import check_format, check_static

        if column.format is not None:
            type_ = "datetime" if column.timestamp or column.update_timestamp else column.type
            wrong = check_format(type_, column.format)
            if wrong is not None:
                yield Misfit(("columns", index, "format"), wrong)
                continue
        if typed_value and (wrong := check_static(column, timezone)) is not None:
            yield Misfit(("columns", index, "value"), wrong)


# --- imports among each other -------------------------------------------------------------------


@dataclass(frozen=True)
class _Said:
    """What an import said first, and where: `imports/a.yaml:7`."""

    name: str
    what: str
    where: str


@dataclass
class Agreement:
    """What the imports taken so far say about the tables that they share."""

    tables: dict[tuple[str, ...], _Said] = field(default_factory=dict)
    catalogs: dict[tuple[str, ...], tuple[CatalogKind, str]] = field(default_factory=dict)
    searchable: dict[tuple[str, ...], tuple[CatalogKind, str]] = field(default_factory=dict)
    attributes: dict[tuple[str, ...], dict[str, _Said]] = field(default_factory=dict)

    def take(
        self, spec: ImportSpec, file: str, place: Callable[[DocumentPath], Place]
    ) -> list[Misfit]:
        """Return what contradicts the imports taken before; take this one if nothing does.

        Args:
            spec: An import that fits the project.
            file: Its file, as other imports' problems shall name it.
            place: Gives back where a path stands in that file.
        """
        misfits = [
            *self._table_misfits(spec),
            *self._catalog_misfits(spec),
            *self._attribute_misfits(spec),
        ]
        if not misfits:
            self._remember(spec, lambda path: f"{file}:{place(path).line}")
        return misfits

    def completed(self, spec: ImportSpec) -> ImportSpec:
        """Return `spec` with the searchable attributes that another import of its catalog says.

        Whichever import comes first then makes the catalog with the right ones (M077).
        """
        kind = spec.kind
        if not isinstance(kind, CatalogKind) or kind.table not in self.searchable:
            return spec
        said, _ = self.searchable[kind.table]
        whole = kind.model_copy(update={"searchable": list(said.searchable)})
        return spec.model_copy(update={"kind": whole})

    def _table_misfits(self, spec: ImportSpec) -> Iterator[Misfit]:
        """Tables whose names differ only by case are one table for SQL."""
        other = self.tables.get(_folded(spec.kind.table))
        name = spec.kind.table[-1]
        if other is not None and other.name != name:
            yield Misfit(
                _kind_path(spec),
                f"{name!r} and {other.name!r} of {other.where} differ only by case: write the "
                "same name for one table, or another name for another",
            )

    def _catalog_misfits(self, spec: ImportSpec) -> Iterator[Misfit]:
        """A catalog is of one sort, with one set of searchable attributes (M077, D34)."""
        kind = spec.kind
        if not isinstance(kind, CatalogKind):
            return
        if kind.table in self.catalogs:
            yield from self._sort_misfits(kind)
        if kind.table in self.searchable and _says_searchable(kind):
            yield from self._searchable_misfits(kind)

    def _sort_misfits(self, kind: CatalogKind) -> Iterator[Misfit]:
        other, where = self.catalogs[kind.table]
        if kind.product != other.product:
            yield Misfit(
                ("kind", "product"),
                f"{_product(kind)} here and {_product(other)} in {where}: write the same in every "
                "import of one catalog",
            )

    def _searchable_misfits(self, kind: CatalogKind) -> Iterator[Misfit]:
        other, where = self.searchable[kind.table]
        if set(kind.searchable) != set(other.searchable):
            yield Misfit(
                ("kind", "searchable"),
                f"{_searchable(kind)} here and {_searchable(other)} in {where}: write the same, "
                "leave it out here, or import into a new catalog",
            )

    def _attribute_misfits(self, spec: ImportSpec) -> Iterator[Misfit]:
        """An attribute has one name and one type per table (M033, D30)."""
        known = self.attributes.get(_folded(spec.kind.table), {})
        for index, column in enumerate(spec.columns):
            name = column.attribute
            other = known.get(name.lower()) if name is not None else None
            if name is None or other is None:
                continue
            if other.name != name:
                yield Misfit(
                    column_path(spec.columns, index),
                    f"{name!r} and {other.name!r} of {other.where} differ only by case: write the "
                    "same name for one attribute, or another name for another, with `to:`",
                )
            elif spec.says_type(column) and other.what not in ("", column.type):
                yield Misfit(
                    _type_path(spec.columns, index),
                    f"{name!r} is {column.type} here and {other.what} in {other.where}: an "
                    f"attribute has one type in a table; write `type: {other.what}`, or another "
                    "name with `to:`",
                )

    def _remember(self, spec: ImportSpec, where: Callable[[DocumentPath], str]) -> None:
        table = _folded(spec.kind.table)
        kind_at = where(_kind_path(spec))
        self.tables.setdefault(table, _Said(spec.kind.table[-1], "", kind_at))
        if isinstance(spec.kind, CatalogKind):
            self.catalogs.setdefault(spec.kind.table, (spec.kind, kind_at))
            if _says_searchable(spec.kind):
                at = where(("kind", "searchable"))
                self.searchable.setdefault(spec.kind.table, (spec.kind, at))
        attributes = self.attributes.setdefault(table, {})
        for index, column in enumerate(spec.columns):
            if column.attribute is not None:
                at = where(_type_path(spec.columns, index))
                what = column.type if spec.says_type(column) else ""
                said = _Said(column.attribute, what, at)
                first = attributes.setdefault(column.attribute.lower(), said)
                if first.what == "":
                    # Who leaves the type to its database has no say in it.
                    attributes[column.attribute.lower()] = said


def _folded(table: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(part.lower() for part in table)


def _kind_path(spec: ImportSpec) -> DocumentPath:
    words = [word for word in ("events", "catalog", "vouchers") if hasattr(spec.kind, word)]
    return ("kind", *words)


def _type_path(columns: list[Column], index: int) -> DocumentPath:
    written = "type" in columns[index].model_fields_set
    return ("columns", index, "type") if written else column_path(columns, index)


def _says_searchable(kind: CatalogKind) -> bool:
    return "searchable" in kind.model_fields_set


def _product(kind: CatalogKind) -> str:
    return f"`product: {'true' if kind.product else 'false'}`"


def _searchable(kind: CatalogKind) -> str:
    return f"`searchable: [{', '.join(quoted(name) for name in kind.searchable)}]`"
