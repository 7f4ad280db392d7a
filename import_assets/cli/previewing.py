"""`preview`: the first records of a delivery, or of any file."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO, get_args

import click
import polars as pl

from import_assets.cli.exits import DONE
from import_assets.cli.naming import STDIN, pasted_text, stat_named
from import_assets.cli.output import Column, columns
from import_assets.cli.output import column as table_column
from import_assets.cli.session import Session
from import_assets.errors import DefinitionError, SourceError, UnknownName
from import_assets.formats.archive import open_members
from import_assets.formats.csv import open_csv
from import_assets.mapping.mapping import ATTRIBUTE_PREFIX, TIMESTAMP
from import_assets.pipeline import trial
from import_assets.pipeline.content import Content, part_name
from import_assets.pipeline.feeds import open_feed
from import_assets.pipeline.trial import Preview
from import_assets.sources.delivery import Delivery
from import_assets.sources.head import fetch_head
from import_assets.sources.listing import list_matching
from import_assets.sources.open import open_source
from import_assets.sources.rules import rules_of
from import_assets.sources.spool import Spooled
from import_assets.sources.storage.base import Storage
from import_assets.sources.storage.selection import by_age
from import_assets.spec.formats import CsvFormat, Delimiter, Encoding
from import_assets.spec.loading import Import, load_project
from import_assets.spec.models import AttributeType, Limits, VouchersKind
from import_assets.spec.models import Column as Rule
from import_assets.spec.patterns import FilePattern
from import_assets.spec.problems import did_you_mean
from import_assets.spec.sources import StorageSource, UploadSource
from import_assets.warehouse import attributes

RECORDS = 1_000
"""Records that are looked at for rejects, more if more are to be shown."""

_ID = "id:"
_NAMED_DELIMITERS = {"tab": "\t", "\\t": "\t", "space": " "}
_REJECTS_OF = [*columns("record", "line"), table_column("fault", wrap=True), *columns("raw")]


def preview(
    session: Session,
    what: str,
    file: Path | None,
    rows: int,
    *,
    delimiter: str | None,
    encoding: str | None,
) -> int:
    """Preview an import's delivery or a file; an import goes before a file of the same name."""
    format_ = _format(delimiter, encoding)
    path = Path(what)
    is_file = path == STDIN or path.is_file()
    names = _names(session, is_file)
    if what in names:
        definition = session.definition(what)
        return _preview_import(session, _with_format(definition, format_), file, rows)
    if is_file:
        if file is not None:
            raise click.UsageError("--file goes with an import; here the file is named already")
        return _preview_file(session, path, rows, format_)
    raise UnknownName(f"no import and no file {what!r}{did_you_mean(what, names)}")


def _names(session: Session, is_file: bool) -> list[str]:
    """Return the names of imports; a file can be looked at outside of a project, and in a bad one.

    Raises what `Session.loaded` raises unless `is_file`.
    """
    try:
        return [*session.loaded.imports, *session.loaded.invalid]
    except (UnknownName, DefinitionError):
        if is_file:
            return []
        raise


def _format(delimiter: str | None, encoding: str | None) -> dict[str, Any]:
    """Return what the options say about the format, by key of the definition."""
    said: dict[str, Any] = {}
    if delimiter is not None:
        said["delimiter"] = _NAMED_DELIMITERS.get(delimiter.lower(), delimiter)
        _check_allowed("--delimiter", said["delimiter"], get_args(Delimiter))
    if encoding is not None:
        said["encoding"] = encoding.lower()
        _check_allowed("--encoding", said["encoding"], get_args(Encoding))
    return said


def _check_allowed(option: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        shown = ", ".join(repr(one) if option == "--delimiter" else one for one in allowed)
        raise click.BadParameter(f"{value!r} is not allowed; allowed: {shown}", param_hint=option)


def _with_format(definition: Import, said: Mapping[str, Any]) -> Import:
    csv = definition.spec.csv.model_copy(update=dict(said))
    format_ = definition.spec.format.model_copy(update={"csv": csv})
    return replace(definition, spec=definition.spec.model_copy(update={"format": format_}))


# --- a file -------------------------------------------------------------------------------------


def _preview_file(session: Session, path: Path, rows: int, said: Mapping[str, Any]) -> int:
    output = session.output
    name = "standard input" if path == STDIN else path.name
    with TemporaryDirectory(prefix="preview-") as folder:
        lying = _lying(path, Path(folder))
        with closing(open_members(lying.path, None, _limits(session), name)) as members:
            member = next(members)
            name = part_name(name, member.name)
            reader = open_csv(member.stream, CsvFormat(**said), _limits(session), name)
            first = trial.beginning(reader, max(RECORDS, rows))
    records = (
        {"_record": record, "_line": line, **row}
        for block in first.blocks
        for record, line, row in zip(
            block.record, block.line, block.frame.iter_rows(named=True), strict=True
        )
        if record <= first.looked_at
    )
    shown = list(itertools.islice(records, rows))
    refused = pl.concat(block.rejects for block in first.blocks)
    rejects = _rejects(refused.filter(pl.col("record") <= first.looked_at))
    output.json(
        [
            {
                "file": str(path),
                "delimiter": reader.delimiter,
                "encoding": reader.encoding,
                "header": reader.header,
                "warnings": reader.warnings,
                "rows": [
                    {
                        "record": row["_record"],
                        "line": row["_line"],
                        "cells": [row[n] for n in reader.header],
                    }
                    for row in shown
                ],
                "looked_at": first.looked_at,
                "rejects": rejects,
            }
        ]
    )
    if not output.as_json:
        output.say(f"{name}: {_written_as(reader.delimiter, reader.encoding)}")
    for warning in reader.warnings:
        output.note(f"warning: {warning}")
    heads = [Column(name, name) for name in reader.header]
    output.table(shown, of=heads, title=f"The first {len(shown):,} records, as they are written")
    _print_rejects(session, rejects, "broken", first.looked_at)
    return DONE


def _limits(session: Session) -> Limits:
    try:
        return load_project(session.root).spec.limits
    except (UnknownName, DefinitionError):
        return Limits()


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    if path == STDIN:
        yield sys.stdin.buffer
        return
    try:
        stream = path.open("rb")
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}") from error
    with stream:
        yield stream


def _written_as(delimiter: str, encoding: str) -> str:
    named = {"\t": "tab", " ": "space"}.get(delimiter, f"`{delimiter}`")
    return f"delimiter {named}, encoding {encoding}"


# --- a delivery of an import --------------------------------------------------------------------


@dataclass(frozen=True)
class _Named:
    """What is previewed: its content, and the delivery that it is of if it lies somewhere."""

    content: Content
    delivery: Delivery | None = None

    @property
    def cut(self) -> bool:
        """Whether the content is the beginning of the delivery only."""
        whole = self.delivery.size if self.delivery else 0
        return self.content.spooled.size < whole

    @property
    def name(self) -> str:
        return self.content.file


def _preview_import(session: Session, definition: Import, file: Path | None, rows: int) -> int:
    wanted = max(RECORDS, rows)
    with (
        TemporaryDirectory(prefix="preview-") as folder,
        _found(session, definition, file, Path(folder), wanted) as found,
    ):
        seen = trial.preview(definition, found.content, wanted, cut=found.cut)
    described = _columns(session, definition, seen)
    typed = [_row(row) for row in seen.rows.head(rows).iter_rows(named=True)]
    rejects = _rejects(seen.rejects)
    output = session.output
    output.json(
        [
            {
                "import": definition.name,
                "delivery": found.name,
                "bytes": found.delivery.size if found.delivery else None,
                "modified": found.delivery.modified if found.delivery else None,
                "delimiter": seen.delimiter,
                "encoding": seen.encoding,
                "columns": described,
                "missing": seen.mapping.missing,
                "unmapped": seen.mapping.unmapped,
                "warnings": seen.warnings,
                "rows": typed,
                "looked_at": seen.looked_at,
                "rejects": rejects,
            }
        ]
    )
    if not output.as_json and seen.delimiter:
        output.say(f"{seen.file}: {_written_as(seen.delimiter, seen.encoding)}")
    for warning in seen.warnings:
        output.note(f"warning: {warning}")
    if seen.mapping.missing:
        output.note(f"warning: the file has no column {', '.join(seen.mapping.missing)}")
    output.table(described, of=columns("column", "becomes", "name", "type", "format", "in_table"))
    title = f"The first {len(typed):,} rows, as they would be imported"
    output.table(map(_flat, typed), of=_heads(seen), title=title)
    _print_rejects(session, rejects, "rejected", seen.looked_at)
    if found.cut and seen.looked_at < wanted:
        output.note(
            f"Of this file, the first {found.content.spooled.size:,} bytes were fetched, and no "
            f"more than these {seen.looked_at:,} records were looked at: `run "
            f"{definition.name} --dry-run` tries all of it"
        )
    return DONE


@contextmanager
def _found(
    session: Session, definition: Import, file: Path | None, folder: Path, records: int
) -> Iterator[_Named]:
    """Fetch the beginning of the file that was named, or of what there is now, into a folder.

    Of what is no file, no more than `records` records are asked for.
    """
    source = definition.spec.source
    limits = definition.project.spec.limits
    if source.feed is not None:
        if file is not None:
            raise click.UsageError(
                f"this import comes from {source.word}: there is no file to name"
            )
        feed = open_feed(definition, session.connections)
        with feed.preview(records, folder, limits) as pulled:
            yield _Named(Content(pulled.content, pulled.delivery.key), pulled.delivery)
        return
    if source.paste is not None:
        text, key = pasted_text(file, definition) if file is not None else (None, None)
        storage = open_source(definition, text, key)
        delivery = next(iter(list_matching(storage, FilePattern("*")).deliveries))
        with fetch_head(storage, delivery, folder, limits.file_bytes) as spooled:
            yield _Named(Content(spooled, delivery.key, storage.encoding))
        return
    if file is not None and (file == STDIN or file.is_file()):
        name = "standard input" if file == STDIN else file.name
        yield _Named(Content(_lying(file, folder), name))
        return
    storage = open_source(definition, connections=session.connections)
    delivery = (
        stat_named(storage, str(file))
        if file is not None
        else _newest(definition, storage, session)
    )
    with fetch_head(storage, delivery, folder, limits.file_bytes) as spooled:
        yield _Named(Content(spooled, delivery.key, storage.encoding), delivery)


def _lying(file: Path, folder: Path) -> Spooled:
    """Return a file of this machine as it lies; standard input is copied into a folder."""
    path = file
    if file == STDIN:
        path = folder / "standard-input"
        path.write_bytes(sys.stdin.buffer.read())
    with _opened(path):
        return Spooled(path, "", path.stat().st_size)


def _newest(definition: Import, storage: Storage, session: Session) -> Delivery:
    source = definition.spec.source.only
    if not isinstance(source, StorageSource | UploadSource):
        raise TypeError(f"{definition.name} has no folder")
    rules = rules_of(source, definition.project.spec.limits)
    listing = list_matching(storage, rules.pattern, cache=session.connections.listings)
    newest = max(listing.deliveries, key=by_age, default=None)
    if newest is None:
        raise UnknownName(
            f"no file of {storage.place} matches {rules.pattern.text}: name one with --file"
        )
    return newest


def _columns(session: Session, definition: Import, seen: Preview) -> list[dict[str, Any]]:
    """Return what becomes of each column, and whether its table has the attribute yet (M031)."""
    known: Mapping[str, tuple[str, str]] = {}
    if session.has_warehouse:
        with session.reading() as connection:
            known = attributes.known(connection, definition.table)
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
    return described + [_described(None, rule, known, types, vouchers=False) for rule in statics]


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


def _rejects(frame: pl.DataFrame) -> list[dict[str, Any]]:
    return [
        {"record": row["record"], "line": row["line"], "faults": row["faults"], "raw": row["raw"]}
        for row in frame.iter_rows(named=True)
    ]


def _print_rejects(
    session: Session, rejects: list[dict[str, Any]], what: str, looked_at: int
) -> None:
    output = session.output
    if output.as_json:
        return
    if not rejects:
        output.say(f"\nNo record {what} among the first {looked_at:,}.")
        return
    lines = [
        {"record": one["record"], "line": one["line"], "fault": _told(fault), "raw": one["raw"]}
        for one in rejects
        for fault in one["faults"]
    ]
    title = f"{len(rejects):,} {what} among the first {looked_at:,} records"
    output.table(lines, of=_REJECTS_OF, title=title)


def _told(fault: Mapping[str, Any]) -> str:
    where = f"{fault['column']}: " if fault["column"] is not None else ""
    return f"{where}{fault['message']} ({fault['reason']})"
