"""Which column of a file becomes what (M005, M034, M035, M041, M042, M057, D18, D37)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from import_assets.errors import FileRefused
from import_assets.mapping.identifiers import IdColumn
from import_assets.mapping.misnamed import misnamed, near_misses
from import_assets.spec.models import (
    CATALOG_IDS,
    VOUCHER_ID,
    CatalogKind,
    Column,
    CustomersKind,
    ImportSpec,
    ProjectSpec,
    VouchersKind,
)
from import_assets.spec.names import attribute_name_fault


@dataclass(frozen=True)
class FileColumn:
    """A column of the file: its name in the header, its position, and the rule for it, if any."""

    name: str
    place: int
    rule: Column | None

    @property
    def attribute(self) -> str | None:
        """The attribute that the column fills; without a rule the one of its own name."""
        return self.rule.attribute if self.rule else self.name.strip()

    @property
    def identifying(self) -> bool:
        """Whether the column holds an identifier."""
        return self.rule is not None and self.rule.id is not None


@dataclass(frozen=True)
class Layout:
    """The columns of one file beside the rules of its import.

    `attributes` leaves out what no attribute comes from; `statics` are the rules with a value.
    """

    ids: tuple[IdColumn, ...]
    timestamp: FileColumn | None
    """The time of the events, or of the update of customers (M057, b.4)."""
    attributes: tuple[FileColumn, ...]
    statics: tuple[Column, ...]
    missing: tuple[str, ...]
    unmapped: tuple[str, ...]


def lay_out(spec: ImportSpec, project: ProjectSpec, header: Sequence[str], file: str) -> Layout:
    """Match the header of a file with the rules of its import; names are compared trimmed.

    A column without a rule that is nearly called as one that the file lacks refuses the file.

    Raises:
        FileRefused: `no_identifier_column`, `no_timestamp_column` or `bad_column_name`.
    """
    rules = {(rule.from_ or "").strip(): rule for rule in spec.columns if rule.from_ is not None}
    columns = [
        FileColumn(name, place, rules.get(name.strip())) for place, name in enumerate(header)
    ]
    present = {column.name.strip() for column in columns}
    missing = {name: rule for name, rule in rules.items() if name not in present}
    unmapped = [column.name for column in columns if column.rule is None]
    statics = tuple(rule for rule in spec.columns if rule.value is not None)
    ids = _ids(spec, project, columns)
    if not ids:
        raise FileRefused(file, "no_identifier_column", _no_identifier(spec, header, unmapped))
    timestamp = next((c for c in columns if c.rule is not None and _is_stamp(c.rule)), None)
    if timestamp is None and any(map(_is_stamp, spec.columns)):
        raise FileRefused(file, "no_timestamp_column", _no_timestamp(spec, header, unmapped))
    attributes = [column for column in columns if column.attribute is not None]
    if isinstance(spec.kind, VouchersKind):
        attributes = []
    if faults := _name_faults(spec, project, columns, attributes, tuple(missing.values())):
        raise FileRefused(file, "bad_column_name", "; ".join(faults))
    return Layout(
        ids=ids,
        timestamp=timestamp,
        attributes=tuple(attributes),
        statics=statics,
        missing=tuple(name for name, rule in missing.items() if not rule.discard),
        unmapped=tuple(unmapped),
    )


def _ids(
    spec: ImportSpec, project: ProjectSpec, columns: Sequence[FileColumn]
) -> tuple[IdColumn, ...]:
    """Return the identifier columns of the file, in order of priority; none where it has none."""
    found = {
        column.rule.id: column for column in columns if column.rule is not None and column.rule.id
    }
    if isinstance(spec.kind, CatalogKind):
        return _catalog_ids(spec, found)
    if isinstance(spec.kind, VouchersKind):
        column = found.get(VOUCHER_ID)
        return (IdColumn(VOUCHER_ID, column.name, column.place, trim=True),) if column else ()
    return tuple(
        IdColumn(
            kind,
            found[kind].name,
            found[kind].place,
            trim=settings.trim,
            lowercase=settings.lowercase,
        )
        for kind, settings in project.identifiers.items()
        if kind in found
    )


def _catalog_ids(spec: ImportSpec, found: dict[str, FileColumn]) -> tuple[IdColumn, ...]:
    item, product = CATALOG_IDS
    if item not in {rule.id for rule in spec.columns}:
        # D37 goes by the definition, not by the file: products must not turn into items just
        # because a file lacks a column.
        found = found | ({item: found[product]} if product in found else {})
    if item not in found:
        return ()
    return tuple(
        IdColumn(kind, found[kind].name, found[kind].place) for kind in CATALOG_IDS if kind in found
    )


def _no_identifier(spec: ImportSpec, header: Sequence[str], unmapped: Sequence[str]) -> str:
    wanted = [rule for rule in spec.columns if rule.id is not None]
    if isinstance(spec.kind, CatalogKind):
        wanted = [rule for rule in wanted if rule.id == CATALOG_IDS[0]] or wanted
    names = [str(rule.from_) for rule in wanted]
    return f"no column with an identifier: {_lacks(names, header, unmapped)}"


def _is_stamp(rule: Column) -> bool:
    return rule.timestamp or rule.update_timestamp


def _no_timestamp(spec: ImportSpec, header: Sequence[str], unmapped: Sequence[str]) -> str:
    names = [str(rule.from_) for rule in spec.columns if _is_stamp(rule)]
    return f"no column with the timestamp: {_lacks(names, header, unmapped)}"


def _lacks(names: Sequence[str], header: Sequence[str], unmapped: Sequence[str]) -> str:
    wanted = " or ".join(repr(name) for name in names)
    shown = ", ".join(repr(name) for name in header[:20]) + (", ..." if len(header) > 20 else "")
    close = "".join(f" ({miss})" for miss in near_misses(names, unmapped))
    return (
        f"the definition expects {wanted}, the header has {shown}; names are compared exactly"
        f"{close}. Check the delimiter and the header of the file, or the `from:` of the definition"
    )


def _name_faults(
    spec: ImportSpec,
    project: ProjectSpec,
    columns: Sequence[FileColumn],
    attributes: Sequence[FileColumn],
    missing: Sequence[Column],
) -> list[str]:
    """Say what is wrong with the names in the header and with the attributes made of them."""
    faults: list[str] = []
    seen: set[str] = set()
    for column in columns:
        name = column.name.strip()
        if name in seen:
            faults.append(f"column {column.place + 1}: a second column {name!r}; rename one")
        seen.add(name)
    reserved = {name.lower() for name in spec.reserved_names}
    if isinstance(spec.kind, CustomersKind):
        reserved |= {name.lower() for name in project.identifiers}
    taken: dict[str, Column | FileColumn] = {
        str(rule.to).lower(): rule for rule in spec.columns if rule.value is not None
    }
    for column in attributes:
        name = column.attribute or ""
        where = f"column {column.place + 1} ({column.name!r})"
        if column.rule is None and (mistaken := misnamed(column.name, missing)):
            faults.append(f"{where}: {mistaken}")
            continue
        what = attribute_name_fault(name)
        if what is None and name.lower() in reserved:
            what = f"{name!r} is a column of the table itself"
        if what is None:
            first = taken.setdefault(name.lower(), column)
            if first is not column:
                clash = _clash(first, column)
                faults.append(f"{where}: {clash}; rename one with `to:` or discard it")
        elif not name:
            faults.append(
                f"{where}: it has no name; give it one in the file, or leave it out there"
            )
        else:
            faults.append(f"{where}: {what}; rename it with `to:` or discard it")
    return faults


def _clash(first: Column | FileColumn, second: FileColumn) -> str:
    """Say that two columns fill one attribute, or two that SQL does not tell apart."""
    both = (
        f"columns {first.name!r} and {second.name!r}"
        if isinstance(first, FileColumn)
        else f"the static value and column {second.name!r}"
    )
    if first.attribute == second.attribute:
        return f"{both} would both fill attribute {second.attribute!r}"
    return (
        f"{both} would fill attributes {first.attribute!r} and {second.attribute!r}, which differ "
        "only by case"
    )
