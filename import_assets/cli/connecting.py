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
from import_assets.pipeline.feeds import open_feed
from import_assets.sources.listing import list_matching
from import_assets.sources.open import open_source
from import_assets.sources.storage.selection import by_age, choose
from import_assets.spec.connections import Connection, SftpConnection
from import_assets.spec.loading import Import
from import_assets.spec.sources import StorageSource

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

    Returns NOT_DONE where nothing could be had, FAULTS where that is so for some imports only.
    """
    connection = _connection(session, name)
    users = _users(session, name)
    if not users:
        session.output.say(
            f"connection {name} ({connection.type}) is used by no import: write one that says "
            f"`connection: {name}`"
        )
        session.output.json([])
        return DONE
    records = [_tried(session, definition) for definition in users]
    session.output.records(records, of=_COLUMNS)
    failed = sum(record["problem"] is not None for record in records)
    return DONE if not failed else NOT_DONE if failed == len(records) else FAULTS


def _tried(session: Session, definition: Import) -> dict[str, Any]:
    record: dict[str, Any] = {
        "import": definition.name,
        "outcome": "works",
        **dict.fromkeys(("files", "bytes", "names", "problem")),
    }
    try:
        if definition.spec.source.feed is not None:
            _ask(session, definition)
        else:
            record |= _listed(session, definition)
    except ImportAssetsError as error:
        record |= {"outcome": "fails", "problem": str(error)}
    return record


def _ask(session: Session, definition: Import) -> None:
    feed = open_feed(definition, session.connections)
    limits = definition.project.spec.limits
    with (
        TemporaryDirectory(prefix="connection-") as folder,
        feed.preview(_SAMPLE, Path(folder), limits),
    ):
        pass


def _listed(session: Session, definition: Import) -> dict[str, Any]:
    source = definition.spec.source.storage
    if not isinstance(source, StorageSource):
        raise TypeError(f"{definition.name} has no folder")
    storage = open_source(definition, connections=session.connections)
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
