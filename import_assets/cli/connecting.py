"""`connections`: which there are, whether they work, and which hosts are trusted."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from import_assets.cli.exits import DONE, FAULTS, NOT_DONE
from import_assets.cli.output import column, columns
from import_assets.cli.session import Session, unknown
from import_assets.errors import ImportAssetsError, SourceError
from import_assets.sources.listing import list_matching
from import_assets.sources.storage.selection import by_age, choose
from import_assets.spec.connections import Connection, SftpConnection
from import_assets.spec.loading import Import
from import_assets.spec.sources import DatabaseSource, StorageSource, UrlSource

_SHOWN = 10
"""Files of an import that are named."""

_SAMPLE = 1
"""Records that a feed is asked for to see whether it answers."""

_COLUMNS = [
    *columns("import", "outcome", "files", "bytes"),
    column("names", wrap=True),
    column("problem", wrap=True),
]


def list_connections(session: Session) -> int:
    """Print every connection: what it is, which variables it needs, which imports use it."""
    records = [
        {
            "connection": name,
            "type": connection.type,
            "variables": list(connection.variables),
            "not_set": [one for one in connection.variables if not os.environ.get(one)],
            "imports": [one.name for one in _users(session, name)],
        }
        for name, connection in session.project.spec.connections.items()
    ]
    session.output.json(records)
    if not records:
        session.output.say("project.yaml declares no connections.")
        return DONE
    shown = [{key: _joined(value) for key, value in record.items()} for record in records]
    session.output.table(shown, of=columns("connection", "type", "variables", "not_set", "imports"))
    return DONE


def _joined(value: Any) -> Any:
    return ", ".join(value) if isinstance(value, list) else value


def try_out(session: Session, name: str) -> int:
    """Print, for every import of a connection, what it would take; no file is read.

    Of a connection without an import, prints what lies at its beginning. Returns NOT_DONE where
    nothing could be had, FAULTS where that is so for some imports only.
    """
    connection = _connection(session, name)
    sources = {one.name: one.spec.source.only for one in _users(session, name)}
    unused = None if sources else _beginning(name, connection)
    if not sources and unused is None:
        session.output.say(
            f"connection {name} ({connection.type}) is used by no import: write one that says "
            f"`connection: {name}`, since a server of feeds is asked for a path"
        )
        session.output.json([])
        return NOT_DONE
    records = [_tried(session, *one) for one in (sources or {"": unused}).items()]
    session.output.records(records, of=_COLUMNS)
    if unused is not None:
        session.output.note(f"No import uses {name} so far: this is what it begins with.")
    failed = sum(record["problem"] is not None for record in records)
    return DONE if not failed else NOT_DONE if failed == len(records) else FAULTS


def _beginning(name: str, connection: Connection) -> StorageSource | DatabaseSource | None:
    """Return a source that any such connection has, if there is one."""
    match connection.type:
        case "sftp":
            return StorageSource(connection=name, folder=".", files="*")
        case "s3" | "gcs":
            return StorageSource(connection=name, folder="/", files="*")
        case "sql":
            return DatabaseSource(connection=name, query="SELECT 1 AS one")
        case "http":
            return None


def _tried(session: Session, name: str, source: object) -> dict[str, Any]:
    record: dict[str, Any] = {
        "import": name or None,
        "outcome": "works",
        **dict.fromkeys(("files", "bytes", "names", "problem")),
    }
    try:
        if isinstance(source, StorageSource):
            record |= _listed(session, source)
        elif isinstance(source, UrlSource | DatabaseSource):
            _ask(session, source)
        else:
            raise TypeError(f"{name} has no connection")
    except ImportAssetsError as error:
        record |= {"outcome": "fails", "problem": str(error)}
    return record


def _ask(session: Session, source: UrlSource | DatabaseSource) -> None:
    feed = session.connections.feed(source)
    limits = session.project.spec.limits
    with (
        TemporaryDirectory(prefix="connection-") as folder,
        feed.preview(_SAMPLE, Path(folder), limits),
    ):
        pass


def _listed(session: Session, source: StorageSource) -> dict[str, Any]:
    storage = session.connections.storage(source)
    listing = list_matching(storage, source.pattern, cache=session.connections.listings)
    taken = choose(listing.deliveries, source.select)
    newest = sorted(taken, key=by_age, reverse=True)
    names = [delivery.key for delivery in newest[:_SHOWN]]
    more = len(newest) - len(names)
    return {
        "files": len(taken),
        "bytes": sum(delivery.size for delivery in taken),
        "names": ", ".join(names) + (f" and {more:,} more" if more else ""),
        "problem": listing.faults[0] if listing.faults else None,
    }


def trust(session: Session, name: str, *, confirmed: bool) -> int:
    """Show the host key of an SFTP server, and trust it if the user says so.

    Raises SourceError where the server cannot be reached, or shows another key than the known one.
    """
    # Loaded here, because few commands speak SSH.
    from import_assets.sources.storage import hosts

    sftp = _sftp(name, _connection(session, name))
    root, output = session.root, session.output
    key = hosts.host_key(name, sftp, root)
    file = hosts.known_hosts_file(sftp, root)
    output.note(f"{sftp.host}:{sftp.port} shows the host key {key.kind} {key.fingerprint}")
    output.note("Compare it with what the people who run the server say.")
    if not confirmed and not click.confirm(f"Trust it and write it into {file}?", err=True):
        output.say("Nothing was written.")
        return NOT_DONE
    added = hosts.trust(name, sftp, root, key)
    output.json([{"connection": name, "fingerprint": key.fingerprint, "added": added}])
    output.say(f"{name} is trusted: {file}" if added else f"{file} holds this key already.")
    return DONE


def _sftp(name: str, connection: Connection) -> SftpConnection:
    if connection.sftp is None:
        raise SourceError(f"connection {name} is {connection.type}: only SFTP has host keys")
    return connection.sftp


def _connection(session: Session, name: str) -> Connection:
    known = session.project.spec.connections
    if name not in known:
        raise unknown("connection", name, known)
    return known[name]


def _users(session: Session, name: str) -> list[Import]:
    imports = session.loaded.imports.values()
    return [one for one in imports if one.spec.source.connection == name]
