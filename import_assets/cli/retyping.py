"""`attributes retype`: another type for an attribute and all its values (M036, M037)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, get_args

import duckdb
from pydantic import TypeAdapter, ValidationError

from import_assets.cli.asking import answered_yes
from import_assets.cli.conflicts import type_conflicts
from import_assets.cli.exits import DONE, FAULTS, NOT_DONE
from import_assets.cli.output import column, columns
from import_assets.cli.places import Places
from import_assets.cli.session import Session, unknown
from import_assets.cli.showing import find_table
from import_assets.errors import ImportAssetsError
from import_assets.mapping.types import check_format
from import_assets.pipeline.retyping import Change, Report, retype, survey
from import_assets.spec.loading import Import
from import_assets.spec.models import AttributeType, TimezoneName
from import_assets.warehouse import attributes, ledger
from import_assets.warehouse.sql import table_label

_MISFITS = columns("value", "rows", "reason")
_TEXTS: tuple[AttributeType, ...] = ("text", "long text", "url", "json")
"""Types whose values are the texts that stood in the files."""

_DEFINITIONS = [*columns("file", "line"), column("write", wrap=True)]


@dataclass(frozen=True)
class Options:
    """What was asked for."""

    table: str
    name: str
    type: str
    format: str | None
    timezone: str | None
    null_misfits: bool
    dry_run: bool
    confirmed: bool


@dataclass(frozen=True)
class _Stale:
    """A definition that gives the attribute its old type, and what to write there instead."""

    file: str
    line: int
    write: str


def run(session: Session, options: Options) -> int:
    """Tell what the new type would do to the values, and after asking change it.

    Raises:
        UnknownName: there is no such table, attribute or type.
        ImportAssetsError: the format does not fit, or the time zone is not known for certain.
        WarehouseError: there is no warehouse, or it is not one of ours.
    """
    output = session.output
    with session.reading() as connection:
        change = _change(session, connection, options)
        report = survey(connection, change)
        stale = list(_stale(session, connection, change))
    would_fit = options.null_misfits or not report.misfits
    if report.old == change.type:
        output.json([_record(change, report, stale, changed=False)])
        output.say(f"{change.name} of {options.table} is {change.type} already.")
        return DONE
    _tell(session, change, report, stale)
    if options.dry_run or not would_fit or not _confirmed(change, report, options):
        output.json([_record(change, report, stale, changed=False)])
        if not would_fit:
            output.say(
                "Nothing was changed. Say --null-misfits to let what does not fit become empty."
            )
            return FAULTS if options.dry_run else NOT_DONE
        output.say("Nothing was changed.")
        return DONE if options.dry_run else NOT_DONE
    with session.warehouse.write() as connection:
        report = retype(connection, change, null_misfits=options.null_misfits)
    output.json([_record(change, report, stale, changed=True)])
    emptied = report.emptied + report.misfits
    kept = f"{report.fit:,} kept" + (f", {emptied:,} emptied" if emptied else "")
    output.say(f"{change.name} of {options.table} is {change.type} now. Values: {kept}.")
    return DONE


# --- what is asked for ----------------------------------------------------------------------------


def _change(session: Session, connection: duckdb.DuckDBPyConnection, options: Options) -> Change:
    table = find_table(connection, options.table).table
    _check_name(connection, table, options.name)
    type_ = _type(options.type)
    if wrong := check_format(type_, options.format):
        raise ImportAssetsError(f"--format: {wrong}")
    project = session.project.spec
    definitions = _definitions(session, table)
    return Change(
        table,
        options.name,
        type_,
        format=options.format,
        timezone=_timezone(session, definitions, type_, options),
        limit=project.limits.catalog_value_bytes if table[0] == "catalogs" else None,
        excluded={one.name: one.spec.excluded for one in definitions},
        imports=[one.name for one in definitions],
    )


def _check_name(connection: duckdb.DuckDBPyConnection, table: tuple[str, ...], name: str) -> None:
    known = attributes.known(connection, table)
    if name in known:
        return
    if any(one.name == name and one.identifier for one in attributes.describe(connection, table)):
        raise ImportAssetsError(
            f"{name} is an identifier of {table_label(table)}: those are always texts"
        )
    raise unknown(f"attribute of {table_label(table)}", name, known)


def _type(word: str) -> AttributeType:
    for type_ in get_args(AttributeType):
        if type_ == word:
            return type_
    raise unknown("type", word, get_args(AttributeType))


def _definitions(session: Session, table: tuple[str, ...]) -> list[Import]:
    return [one for one in session.loaded.imports.values() if one.table == table]


def _timezone(
    session: Session, definitions: list[Import], type_: AttributeType, options: Options
) -> str:
    """Return the zone of times without an offset: the one named, or that of all the imports."""
    if options.timezone is not None:
        try:
            return TypeAdapter[str](TimezoneName).validate_python(options.timezone)
        except ValidationError as error:
            message = error.errors()[0]["msg"].removeprefix("Value error, ")
            raise ImportAssetsError(f"--timezone: {message}") from None
    zones = sorted({one.timezone for one in definitions} or {session.project.spec.timezone})
    if type_ == "datetime" and len(zones) > 1:
        raise ImportAssetsError(
            f"the imports of {options.table} read times in different zones, {', '.join(zones)}: "
            "say which one holds for this attribute with --timezone"
        )
    return zones[0]


def _stale(
    session: Session, connection: duckdb.DuckDBPyConnection, change: Change
) -> Iterator[_Stale]:
    """Yield the definitions that will be refused under the new type."""
    for definition in _definitions(session, change.table):
        last = ledger.last(connection, definition.name)
        header = last.header if last is not None else ()
        places = Places(definition)
        for one in type_conflicts(definition, {change.name: change.type}, header):
            outdated = one.formatted and change.format is None
            write = one.remedy(change.format) + (", and take `format` out" if outdated else "")
            yield _Stale(places.file, places.line(one.path), write)


# --- what is told ---------------------------------------------------------------------------------


def _tell(session: Session, change: Change, report: Report, stale: list[_Stale]) -> None:
    output = session.output
    label = table_label(change.table)
    written = f", written as {change.format}" if change.format else ""
    output.say(f"{change.name} of {label}: {report.old} to {change.type}{written}.")
    output.say(
        f"Of {report.rows:,} rows {report.values:,} have a value: {report.fit:,} fit, "
        f"{report.misfits:,} do not."
    )
    if report.emptied:
        output.say(
            f"{report.emptied:,} say nothing as {change.type}, such as white space, and become "
            "empty."
        )
    if report.worst:
        shown = f"{len(report.worst):,} of " if len(report.worst) < report.distinct else ""
        title = f"Values that do not fit, {shown}{report.distinct:,}, the most frequent first"
        output.table([asdict(one) for one in report.worst], of=_MISFITS, title=title)
        for sentence in dict.fromkeys(f"{one.reason}: {one.message}" for one in report.worst):
            output.say(sentence)
        output.say(f"To see their rows, ask with import-assets query:\n{report.query}")
    if change.type in _TEXTS and report.old not in _TEXTS:
        output.say(
            "The texts are those of the values, not of the files: where a file has 38.90, a "
            "number has 38.9."
        )
    if report.twins:
        output.say(
            f"{report.twins:,} events will equal another one of their customer; they stay, since "
            "events are only ever added."
        )
    if stale:
        title = "Definitions that say another type, and are refused until they are changed"
        output.table([asdict(one) for one in stale], of=_DEFINITIONS, title=title)
    output.say(f"Deliveries that filled {label} before can then no longer be undone.")


def _confirmed(change: Change, report: Report, options: Options) -> bool:
    if options.confirmed:
        return True
    empty = report.emptied + report.misfits
    lost = f", and let {empty:,} values become empty" if empty else ""
    question = f"Change {change.name} of {options.table} from {report.old} to {change.type}{lost}?"
    return answered_yes(question, "change it")


def _record(
    change: Change, report: Report, stale: list[_Stale], *, changed: bool
) -> dict[str, Any]:
    return {
        "table": table_label(change.table),
        "attribute": change.name,
        "old_type": report.old,
        "type": change.type,
        "format": change.format,
        "rows": report.rows,
        "values": report.values,
        "fit": report.fit,
        "emptied": report.emptied,
        "misfits": report.misfits,
        "distinct_misfits": report.distinct,
        "worst_misfits": [asdict(one) for one in report.worst],
        "query": report.query,
        "equal_events": report.twins,
        "definitions": [asdict(one) for one in stale],
        "changed": changed,
    }
