"""What lies in the folder of an import, against what the books say about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import duckdb

from import_assets.errors import SourceError
from import_assets.sources.ask import Imported, is_imported
from import_assets.sources.connect import Connections
from import_assets.sources.delivery import Delivery
from import_assets.sources.listing import list_matching
from import_assets.sources.open import open_source
from import_assets.sources.rules import rules_of
from import_assets.sources.storage.selection import choose
from import_assets.spec.loading import Import
from import_assets.spec.sources import StorageSource, UploadSource
from import_assets.warehouse import ledger, refusals, rejects

State = Literal["imported", "new", "settling", "refused"]


@dataclass(frozen=True)
class Books:
    """What the warehouse has about an import.

    `outstanding` is the number of rejects to be mended, by the sequence of their delivery.
    """

    entries: tuple[ledger.Entry, ...] = ()
    refused: Mapping[str, refusals.Refusal] | None = None
    outstanding: Mapping[int, int] = field(default_factory=dict)

    @property
    def last(self) -> ledger.Entry | None:
        """The last delivery; a replay of rejects is none."""
        return next((one for one in reversed(self.entries) if one.replay_of is None), None)

    @property
    def imported(self) -> Imported:
        """The fingerprints that are remembered, by key."""
        memory: dict[str, set[str]] = {}
        for entry in self.entries:
            if entry.forgotten_at is None and entry.replay_of is None:
                memory.setdefault(entry.key, set()).add(entry.fingerprint)
        return memory


def read_books(connection: duckdb.DuckDBPyConnection, name: str) -> Books:
    """Read what the warehouse has about an import."""
    return Books(
        tuple(ledger.entries(connection, name)),
        refusals.of_import(connection, name),
        rejects.outstanding_counts(connection, name),
    )


@dataclass(frozen=True)
class Lying:
    """A file in the folder, and where it stands; `reason` is why it was refused."""

    delivery: Delivery
    state: State
    reason: str | None = None


@dataclass(frozen=True)
class Folder:
    """The matching files of the folder, oldest first.

    `waiting` counts those that the rule of the definition chooses and that were neither imported
    nor refused. `problem` is why the folder could not be listed, or not all of it.
    """

    files: tuple[Lying, ...] = ()
    waiting: int = 0
    problem: str | None = None


def look(definition: Import, books: Books, connections: Connections) -> Folder:
    """Look into the folder of an import; pasted text and feeds have none."""
    source = definition.spec.source.only
    if not isinstance(source, StorageSource | UploadSource):
        return Folder()
    # Looking does not make the drop folder, which `open_source` does.
    if source == definition.spec.source.upload and not _drop_folder(definition).exists():
        return Folder()
    rules = rules_of(definition.spec, definition.project.spec.limits)
    try:
        listing = list_matching(
            open_source(definition, connections=connections),
            rules.pattern,
            cache=connections.listings,
        )
    except SourceError as error:
        return Folder(problem=str(error))
    imported, refused = books.imported, books.refused or {}

    def lying(delivery: Delivery) -> Lying:
        if is_imported(delivery, imported, rules.by):
            return Lying(delivery, "imported")
        refusal = refused.get(delivery.key)
        if (
            refusal is not None
            and refusal.fingerprint == delivery.fingerprint
            and refusal.definition_hash == definition.definition_hash
        ):
            return Lying(delivery, "refused", refusal.message)
        young = abs(listing.at - delivery.modified) < rules.settle
        return Lying(delivery, "settling" if young else "new")

    files = tuple(map(lying, choose(listing.deliveries, "all")))
    chosen = {delivery.key for delivery in choose(listing.deliveries, rules.select)}
    waiting = sum(one.delivery.key in chosen and one.state in ("new", "settling") for one in files)
    return Folder(files, waiting, "; ".join(listing.faults) or None)


def _drop_folder(definition: Import) -> Path:
    return definition.project.uploads_dir(definition.name)
