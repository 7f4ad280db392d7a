"""`draft`: a definition made from a look at the data itself (M003, M014, M036)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import polars as pl
from pydantic import TypeAdapter, ValidationError

from import_assets.cli.answers import Answers, somebody_there
from import_assets.cli.drafted import Drafted, Wanted, draft_of
from import_assets.cli.exits import DONE
from import_assets.cli.filepreview import findings_object, proposal_object, written_as
from import_assets.cli.looking import (
    Looked,
    Said,
    is_address,
    look_at_file,
    look_at_source,
    probe,
    source_of_address,
)
from import_assets.cli.refusals import rejects_list
from import_assets.cli.replacing import replacing
from import_assets.cli.session import Session
from import_assets.errors import ImportAssetsError, UnknownName
from import_assets.records import as_text
from import_assets.spec.draft import draft_text
from import_assets.spec.loading import Project, load
from import_assets.spec.models import CATALOG_IDS, AttributeType, Kind
from import_assets.spec.names import import_name_fault
from import_assets.warehouse import attributes

RECORDS = 10_000
"""Records that are looked at."""

_MOST_BROKEN = 3
"""Records that are shown of those that cannot be read."""

_SCHEMA = "docs/schema/import.schema.json"
_STDOUT = Path("-")
_SETTLE = 5
"""Seconds: a file that somebody names by hand is whole already."""

_KINDS: TypeAdapter[Kind] = TypeAdapter(Kind)


@dataclass(frozen=True)
class Options:
    """What was said on the command line; None where nothing was."""

    kind: str
    what: str | None = None
    product: bool = False
    name: str | None = None
    out: Path | None = None
    yes: bool = False
    connection: str | None = None
    query: str | None = None
    path: str | None = None
    folder: str | None = None
    files: str | None = None
    order: str | None = None
    decimal: str | None = None
    ids: Sequence[str] = ()
    timestamp: str | None = None
    csv: Said = field(default_factory=dict)


@dataclass(frozen=True)
class _Place:
    """Where the data is: the source as a definition says it, or the file of this machine."""

    source: Mapping[str, Any]
    called: str
    stem: str
    file: Path | None = None


def draft(session: Session, options: Options) -> int:
    """Write a definition for what lies in a file, at an address or behind a connection.

    Raises:
        ImportAssetsError: there is a definition of this name already, or something indispensable
            is not clear and nobody can be asked.
    """
    kind = _kind(options.kind, product=options.product)
    project = session.project
    place = _place(project, options)
    name = _name(options.name, place.stem)
    target = options.out or project.imports_dir / f"{name}.yaml"
    if target != _STDOUT and target.exists():
        raise ImportAssetsError(
            f"{target} is there already and is not overwritten: say another --name, or --out"
        )
    seen = _seen(session, place, options.csv)
    spec = probe(project, place.source).spec.model_copy(update={"kind": kind})
    wanted = Wanted(
        spec, place.source, project.spec, project.spec.timezone, _known(session, kind.table)
    )
    made = draft_of(seen, wanted, _answers(options, session), _head(place, seen))
    schema = f"../{_SCHEMA}" if (project.root / _SCHEMA).is_file() else None
    text = draft_text(made.draft, schema)
    if target == _STDOUT:
        _print_text(session, text)
    else:
        _write(session, target, text)
    session.output.json([_object(name, target, seen, made, text)])
    if not session.output.as_json and target != _STDOUT:
        _tell(session, name, target, seen, made)
    return DONE


# --- what is meant --------------------------------------------------------------------------------


def _kind(text: str, *, product: bool) -> Kind:
    word, mark, name = text.partition(":")
    value: Any = {word: name} if mark else word
    if product:
        if word != "catalog":
            raise click.UsageError("--product goes with --kind catalog:NAME")
        value = {word: name, "product": True}
    try:
        return _KINDS.validate_python(value)
    except ValidationError as error:
        told = error.errors(include_url=False, include_context=False)[0]["msg"]
        raise click.BadParameter(
            f"{text!r}: {told.removeprefix('Value error, ')}; write customers, events:TYPE, "
            "catalog:NAME or vouchers:POOL",
            param_hint="--kind",
        ) from None


def _place(project: Project, options: Options) -> _Place:
    if (options.what is None) == (options.connection is None):
        raise click.UsageError("name a FILE, a URL or a --connection, and one of them only")
    if options.what is None:
        return _behind(project, options)
    if options.query or options.path or options.folder or options.files:
        raise click.UsageError("--query, --path, --folder and --files go with --connection")
    if is_address(options.what):
        parts = urlsplit(options.what)
        stem = Path(parts.path).stem or parts.hostname or ""
        source = source_of_address(options.what, project)
        return _Place(source, parts.hostname or "the address", stem)
    file = Path(options.what)
    if not file.is_file():
        raise UnknownName(f"no file {options.what!r}: name a file, or an address with https://")
    return _Place(_lying_at(project, file), file.name, file.stem, file)


def _lying_at(project: Project, file: Path) -> dict[str, Any]:
    folder = file.absolute().parent.resolve()
    inside = folder.is_relative_to(project.root)
    written = folder.relative_to(project.root).as_posix() if inside else folder.as_posix()
    files = _exactly(file.name)
    return {"storage": {"folder": written, "files": files, "settle": _SETTLE}}


def _exactly(name: str) -> str:
    """Return the file filter that only this name fits."""
    if not re.search(r"[*?\\]", name):
        return name
    return f"/{re.escape(name)}/"


def _behind(project: Project, options: Options) -> _Place:
    """Return where a connection leads, by what goes with its type."""
    name = options.connection or ""
    connection = project.spec.connections.get(name)
    if connection is None:
        known = ", ".join(project.spec.connections) or "none yet"
        raise UnknownName(f"no connection {name!r} in project.yaml; there are: {known}")
    given = {
        key: value
        for key in ("query", "path", "folder", "files")
        if (value := getattr(options, key)) is not None
    }
    needs = {"sql": ("query",), "http": ("path",)}.get(connection.type, ("folder", "files"))
    missing = [key for key in needs if key not in given and key != "path"]
    if missing or set(given) - set(needs):
        listed = " and ".join(f"--{key}" for key in needs)
        raise click.UsageError(f"connection {name} is {connection.type}: it goes with {listed}")
    word = {"sql": "database", "http": "url"}.get(connection.type, "storage")
    stem = Path(given.get("files") or given.get("path") or name).stem
    return _Place({word: {"connection": name, **given}}, f"connection {name}", stem)


def _name(said: str | None, stem: str) -> str:
    """Return the name of the import; raises click.BadParameter for one that cannot be."""
    if said is None:
        letters = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode().lower()
        said = re.sub(r"[^a-z0-9]+", "_", letters).strip("_")
        said = re.sub(r"^[0-9_]+", "", said)[:100] or "drafted"
    if fault := import_name_fault(said):
        raise click.BadParameter(fault, param_hint="--name")
    return said


def _answers(options: Options, session: Session) -> Answers:
    words = {"day_or_month": options.order, "decimal": options.decimal}
    return Answers(
        {about: word for about, word in words.items() if word is not None},
        options.ids,
        options.timestamp,
        asking=somebody_there() and not options.yes and not session.output.as_json,
    )


# --- what is there --------------------------------------------------------------------------------


def _seen(session: Session, place: _Place, said: Said) -> Looked:
    if place.file is not None:
        definition = probe(session.project, {"upload": {}})
        return look_at_file(definition, place.file, RECORDS, said)
    definition = probe(session.project, place.source)
    return look_at_source(definition, session.connections, RECORDS, said)


def _known(session: Session, table: tuple[str, ...]) -> dict[str, AttributeType]:
    """Return the types of a table's attributes: those it has, and those that imports give it."""
    known: dict[str, AttributeType] = {}
    if session.has_warehouse:
        with session.reading() as connection:
            stored = attributes.known(connection, table)
        known |= {name: type_ for name, (type_, _) in stored.items()}
    for one in session.loaded.imports.values():
        if one.table != table:
            continue
        for column in one.spec.columns:
            if column.attribute is not None and one.spec.says_type(column):
                known.setdefault(column.attribute, column.type)
    return known


# --- what is said ---------------------------------------------------------------------------------


def _head(place: _Place, seen: Looked) -> list[str]:
    lines = [
        f"Drafted from {place.called}: what its first {seen.first.looked_at:,} records show. "
        "Change what you know better."
    ]
    broken = seen.first.rejects.height
    return [*lines, f"{broken:,} of them cannot be read and will be rejected."] if broken else lines


def _write(session: Session, target: Path, text: str) -> None:
    """Write the definition, unless the project's imports do not agree with it.

    Raises:
        DefinitionError: they do not; nothing is left behind.
        ImportAssetsError: it cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target) as file:
            file.write(text.encode())
    except OSError as error:
        raise ImportAssetsError(f"{target} cannot be written: {error.strerror}") from error
    if target.parent.resolve() != session.project.imports_dir.resolve():
        return
    invalid = load(session.root).invalid
    new = [error for name, error in invalid.items() if name not in session.loaded.invalid]
    if new:
        target.unlink()
        raise new[0]


def _nobody(seen: Looked, made: Drafted) -> int:
    """Count the records without an identifier; a row of a catalog needs its own."""
    ids = made.roles.ids
    own = [ids[name].column for name in CATALOG_IDS[:1] if name in ids]
    columns = own or [role.column for role in ids.values()]
    cells = seen.frame.select(as_text(seen.frame[name]).str.strip_chars() for name in columns)
    return cells.filter(pl.all_horizontal(pl.all().fill_null("") == "")).height


def _print_text(session: Session, text: str) -> None:
    if not session.output.as_json:
        click.echo(text, nl=False)


def _tell(session: Session, name: str, target: Path, seen: Looked, made: Drafted) -> None:
    output = session.output
    if told := written_as(seen.reader):
        output.say(f"{seen.file}: {told}")
    for warning in seen.reader.warnings:
        output.note(f"warning: {warning}")
    for record in rejects_list(seen.first.rejects)[:_MOST_BROKEN]:
        told = "; ".join(fault["message"] for fault in record["faults"])
        output.note(f"warning: {seen.file}:{record['line']} would be rejected: {told}")
    if nobody := _nobody(seen, made):
        output.note(
            f"warning: {nobody:,} of the {seen.first.looked_at:,} records say not who or what they "
            "are about and would be rejected"
        )
    output.say(f"Wrote {target}: {len(made.draft.columns):,} columns.")
    for line in made.draft.columns:
        if line.ask:
            output.note(f"left as text, {line.value['from']}: {line.ask}")
    output.say(f"Look at it, then: import-assets preview {name}; import-assets run {name}")


def _object(name: str, target: Path, seen: Looked, made: Drafted, text: str) -> dict[str, Any]:
    reader = seen.reader
    return {
        "import": name,
        "written": None if target == _STDOUT else str(target),
        "kind": made.draft.kind,
        "source": made.draft.source,
        "format": reader.format,
        "row": reader.row,
        "delimiter": reader.delimiter,
        "encoding": reader.encoding,
        "dialect": findings_object(seen),
        "warnings": reader.warnings,
        "identifiers": {
            kind: {"column": role.column, "why": role.why} for kind, role in made.roles.ids.items()
        },
        "timestamp": made.roles.timestamp.column if made.roles.timestamp else None,
        "columns": [
            {
                "column": line.value["from"],
                "rule": line.value,
                "ask": line.ask or None,
                "proposal": proposal_object(made.proposals[column])
                if (column := line.value["from"]) in made.proposals
                else None,
            }
            for line in made.draft.columns
        ],
        "not_imported": made.draft.left_out,
        "looked_at": seen.first.looked_at,
        "broken": seen.first.rejects.height,
        "definition": text,
    }
