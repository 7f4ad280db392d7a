"""`preview`: the first records of a delivery, of any file or of an address."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import duckdb

from import_assets.cli.exits import DONE
from import_assets.cli.filepreview import proposal_object, proposed, show_file, written_as
from import_assets.cli.finding import found
from import_assets.cli.looking import (
    Said,
    is_address,
    look_at_file,
    look_at_source,
    probe,
    source_of_address,
    with_csv,
)
from import_assets.cli.naming import STDIN
from import_assets.cli.output import Column, columns
from import_assets.cli.refusals import print_rejects, rejects_list
from import_assets.cli.session import Session
from import_assets.errors import DefinitionError, UnknownName
from import_assets.mapping.localtime import Zone
from import_assets.mapping.mapping import ATTRIBUTE_PREFIX, TIMESTAMP
from import_assets.mapping.proposals import Proposal, propose
from import_assets.pipeline import trial
from import_assets.pipeline.deliver import terms_of
from import_assets.pipeline.trial import Preview
from import_assets.spec.loading import PROJECT_FILE, Import, Project, load_project
from import_assets.spec.models import AttributeType, CatalogKind, ProjectSpec, VouchersKind
from import_assets.spec.models import Column as Rule
from import_assets.spec.problems import did_you_mean
from import_assets.tables import catalogs
from import_assets.warehouse import attributes, contracts

RECORDS = 1_000
"""Records that are looked at for rejects, more if more are to be shown."""

_ID = "id:"
_COLUMNS_OF = columns("column", "becomes", "name", "type", "format", "in_table", "proposal")


def preview(
    session: Session,
    what: str,
    file: Path | None,
    rows: int,
    *,
    said: Said,
) -> int:
    """Preview an import's delivery, a file or an address; an import goes before a file.

    What is `said` about the format goes before what is found, and before a definition.
    """
    path = Path(what)
    named = is_address(what) or path == STDIN or path.is_file()
    names = _names(session, named)
    if what in names:
        definition = session.definition(what)
        return _preview_import(session, with_csv(definition, said), file, rows)
    if not named:
        raise UnknownName(f"no import and no file {what!r}{did_you_mean(what, names)}")
    if file is not None:
        raise click.UsageError("--file goes with an import; here the file is named already")
    wanted = max(RECORDS, rows)
    if is_address(what):
        source = source_of_address(what, session.project)
        seen = look_at_source(probe(session.project, source), session.connections, wanted, said)
    else:
        seen = look_at_file(probe(_project(session), {"upload": {}}), path, wanted, said)
    show_file(session.output, what, seen, rows)
    return DONE


def _project(session: Session) -> Project:
    """Return the project; outside of one, and in a bad one, everything has its default."""
    try:
        return load_project(session.root)
    except (UnknownName, DefinitionError):
        return Project(Path.cwd(), ProjectSpec(), Path.cwd() / PROJECT_FILE)


def _names(session: Session, named: bool) -> list[str]:
    """Return the names of imports; a file can be looked at outside of a project, and in a bad one.

    Raises what `Session.loaded` raises unless something is `named` that is no import.
    """
    try:
        return [*session.loaded.imports, *session.loaded.invalid]
    except (UnknownName, DefinitionError):
        if named:
            return []
        raise


def _preview_import(session: Session, definition: Import, file: Path | None, rows: int) -> int:
    wanted = max(RECORDS, rows)
    with (
        TemporaryDirectory(prefix="preview-") as folder,
        found(definition, session.connections, file, Path(folder), wanted) as seen_in,
    ):
        seen = trial.preview(definition, seen_in.content, wanted, cut=seen_in.cut)
    described = _columns(session, definition, seen)
    typed = [_row(row) for row in seen.rows.head(rows).iter_rows(named=True)]
    rejects = rejects_list(seen.rejects)
    output = session.output
    output.json(
        [
            {
                "import": definition.name,
                "delivery": seen_in.name,
                "bytes": seen_in.delivery.size if seen_in.delivery else None,
                "modified": seen_in.delivery.modified if seen_in.delivery else None,
                "format": seen.format,
                "row": seen.row,
                "delimiter": seen.delimiter,
                "encoding": seen.encoding,
                "columns": [_with_proposal(line, proposal_object) for line in described],
                "missing": seen.mapping.missing,
                "unmapped": seen.mapping.unmapped,
                "warnings": seen.warnings,
                "rows": typed,
                "looked_at": seen.looked_at,
                "rejects": rejects,
            }
        ]
    )
    if not output.as_json and (told := written_as(seen)):
        output.say(f"{seen.file}: {told}")
    for warning in seen.warnings:
        output.note(f"warning: {warning}")
    if refusal := _contract(session, definition, seen):
        output.note(refusal)
    if seen.mapping.missing:
        mode = definition.spec.catalog_mode
        blank = f"; items become empty there (mode: {mode})" if mode in ("replace", "full") else ""
        output.note(f"warning: the file has no column {', '.join(seen.mapping.missing)}{blank}")
    output.table([_with_proposal(line, proposed) for line in described], of=_COLUMNS_OF)
    title = f"The first {len(typed):,} rows, as they would be imported"
    output.table(map(_flat, typed), of=_heads(seen), title=title)
    print_rejects(output, rejects, "rejected", seen.looked_at)
    if seen_in.cut and seen.looked_at < wanted:
        output.note(
            f"Of this file, the first {seen_in.content.spooled.size:,} bytes were fetched, and no "
            f"more than these {seen.looked_at:,} records were looked at: `run "
            f"{definition.name} --dry-run` tries all of it"
        )
    return DONE


def _contract(session: Session, definition: Import, seen: Preview) -> str:
    """Return what the contract says of the columns, where they are not the agreed ones (M115)."""
    if definition.spec.contract == "evolve" or not session.has_warehouse:
        return ""
    with session.reading() as connection:
        agreed = contracts.agreed(connection, definition.name)
    if agreed is None:
        return ""
    ordered = terms_of(definition).ordered
    change = contracts.change(agreed.header, seen.header, ordered=ordered)
    if not change:
        return ""
    told = f"against {agreed.key}, whose columns are agreed: {change.sentence()}"
    frozen = definition.spec.contract == "freeze"
    return f"warning: {told}" + (": a run refuses it, the contract is frozen" if frozen else "")


def _columns(session: Session, definition: Import, seen: Preview) -> list[dict[str, Any]]:
    """Return what becomes of each column, and whether its table has the attribute yet (M031)."""
    known: Mapping[str, tuple[str, str]] = {}
    closed = False
    if session.has_warehouse:
        with session.reading() as connection:
            known = attributes.known(connection, definition.table)
            closed = _closed(connection, definition)
    types: dict[str, AttributeType] = {
        attribute.name: attribute.type for attribute in seen.mapping.attributes
    }
    rules = definition.spec.columns
    by_name = {rule.from_.strip(): rule for rule in rules if rule.from_ is not None}
    vouchers = isinstance(definition.spec.kind, VouchersKind)
    described = [
        _described(name, by_name.get(name.strip()), known, types, vouchers=vouchers)
        for name in seen.header
    ]
    statics = [rule for rule in rules if rule.value is not None]
    described += [_described(None, rule, known, types, vouchers=False) for rule in statics]
    if closed:
        described = [
            line | {"in_table": "new: will be refused"} if line["in_table"] == "new" else line
            for line in described
        ]
    zone = Zone(definition.timezone)
    return [line | {"proposal": _proposal(line, seen, zone)} for line in described]


def _closed(connection: duckdb.DuckDBPyConnection, definition: Import) -> bool:
    """Tell whether the table is a catalog that takes no columns but those it has (D36)."""
    kind = definition.spec.kind
    if not isinstance(kind, CatalogKind) or definition.spec.contract == "evolve":
        return False
    return catalogs.settings(connection, kind.catalog) is not None


def _proposal(line: Mapping[str, Any], seen: Preview, zone: Zone) -> Proposal | None:
    """Return what a column could be that the definition leaves as text, if it could be more."""
    name = line["column"]
    if name is None or line["becomes"] != "attribute" or line["type"] != "text":
        return None
    one = propose(seen.cells[name], kind=seen.kinds.get(name, "text"), zone=zone)
    return one if one.type != "text" or one.question is not None else None


def _described(
    name: str | None,
    rule: Rule | None,
    known: Mapping[str, tuple[str, str]],
    types: Mapping[str, AttributeType],
    *,
    vouchers: bool,
) -> dict[str, Any]:
    attribute = rule.attribute if rule is not None else (name or "").strip()
    if vouchers and (rule is None or rule.id is None):
        return _line(name, "nothing")
    if rule is not None and rule.discard:
        return _line(name, "nothing")
    if rule is not None and rule.timestamp:
        return _line(name, "timestamp", name="timestamp", type="datetime", format=rule.format)
    if rule is not None and rule.update_timestamp:
        return _line(name, "update timestamp", type="datetime", format=rule.format)
    if rule is not None and attribute is None:
        return _line(name, "identifier", name=rule.id)
    becomes = "attribute"
    if rule is not None and rule.value is not None:
        becomes = f"attribute with the value {rule.value!r}"
    elif rule is not None and rule.id is not None:
        becomes = f"identifier {rule.id} and attribute"
    type_ = types.get(attribute or "", "text")
    stored = known.get(attribute or "")
    in_table = "new" if stored is None else "there"
    if stored is not None and stored[0] != type_:
        in_table = f"there as {stored[0]}: will be refused"
    format_ = rule.format if rule is not None else None
    return _line(name, becomes, name=attribute, type=type_, format=format_, in_table=in_table)


def _with_proposal(line: Mapping[str, Any], shape: Callable[[Proposal], object]) -> dict[str, Any]:
    one = line["proposal"]
    return {**line, "proposal": None if one is None else shape(one)}


def _line(column: str | None, becomes: str, **facts: str | None) -> dict[str, Any]:
    nothing = dict.fromkeys(("name", "type", "format", "in_table"))
    return {"column": column, "becomes": becomes, **nothing, **facts}


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a typed row with its identifiers and attributes apart, as they may share names."""
    typed: dict[str, Any] = {"record": row["_row"]}
    typed["identifiers"] = {k.removeprefix(_ID): v for k, v in row.items() if k.startswith(_ID)}
    if TIMESTAMP in row:
        typed["timestamp"] = row[TIMESTAMP]
    typed["attributes"] = {
        k.removeprefix(ATTRIBUTE_PREFIX): v
        for k, v in row.items()
        if k.startswith(ATTRIBUTE_PREFIX)
    }
    return typed


def _flat(typed: Mapping[str, Any]) -> dict[str, Any]:
    flat = {"record": typed["record"], TIMESTAMP: typed.get("timestamp")}
    flat |= {f"{_ID}{name}": value for name, value in typed["identifiers"].items()}
    return flat | {f"{ATTRIBUTE_PREFIX}{n}": value for n, value in typed["attributes"].items()}


def _heads(seen: Preview) -> list[Column]:
    """Return the columns of the typed rows; identifiers are marked as such."""
    heads = [Column("record", "record")]
    for name in seen.rows.columns:
        if name.startswith(_ID):
            heads.append(Column(name, f"{name.removeprefix(_ID)} (id)"))
        elif name == TIMESTAMP:
            heads.append(Column(name, "timestamp (UTC)"))
        elif name.startswith(ATTRIBUTE_PREFIX):
            heads.append(Column(name, name.removeprefix(ATTRIBUTE_PREFIX)))
    return heads
