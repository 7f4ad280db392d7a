"""What is killed, and done again: each as a sensor, a schedule, a run or a command does it.

Time stands still in here, so that what is done after a kill writes the very same bytes.
"""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from pathlib import Path
from typing import Any

from import_assets.errors import FileRefused
from import_assets.pipeline import deliver as delivering
from import_assets.pipeline import replay as replaying
from import_assets.pipeline import retyping
from import_assets.pipeline import stage as staging_step
from import_assets.pipeline.feeds import open_feed
from import_assets.pipeline.left_over import apply_pending
from import_assets.sources.cleaning import clean_spool
from import_assets.sources.connect import Connections
from import_assets.sources.discovery import look
from import_assets.sources.listing import list_matching
from import_assets.sources.open import open_source
from import_assets.sources.rules import rules_of
from import_assets.spec.connections import GcsConnection, S3Connection
from import_assets.spec.loading import Import, load
from import_assets.staging.batch import Staging
from import_assets.staging.cleaning import clean_staging
from import_assets.tables import journal, undo
from import_assets.warehouse import ledger
from import_assets.warehouse.warehouse import Warehouse

NOW = dt.datetime(2025, 11, 28, 12)
"""The time at which everything is imported, naive UTC."""

_LATER = NOW + dt.timedelta(days=4000)


def stop_time() -> None:
    """Let it be `NOW` in this process for good, wherever the time is written down."""
    for module in (staging_step, delivering):
        vars(module)["utc_now"] = lambda: NOW


def catch_up(root: Path, *names: str) -> int:
    """Import what is new in the folders of some imports; return how many deliveries were.

    As a sensor that has lost its memory and the run it asks for do it: list, ask the ledger, bring
    to an end what lies staged, deliver. A delivery that is refused counts as well.
    """
    return sum(_catch_up(_definition(root, name)) for name in names)


def _definition(root: Path, name: str) -> Import:
    return load(root).imports[name]


def _catch_up(definition: Import) -> int:
    warehouse = Warehouse(definition.project.warehouse_path)
    storage = open_source(definition)
    rules = rules_of(definition.spec, definition.project.spec.limits)
    listing = list_matching(storage, rules.pattern)

    def imported() -> dict[str, set[str]]:
        with warehouse.read() as connection:
            return ledger.imported(connection, definition.name)

    tick = look(listing, rules, None, now=listing.at, imported=imported, outcome=lambda _: {})
    # The run that was killed is retried, although nothing may be asked for any more.
    _finish_left_over(definition, warehouse)
    for ask in tick.asks:
        with suppress(FileRefused):
            found = storage.stat(ask.delivery.key)
            delivering.deliver(definition, storage, found, warehouse)
    return len(tick.asks)


def _finish_left_over(definition: Import, warehouse: Warehouse) -> None:
    unexpected = [
        error
        for error in apply_pending([definition], warehouse).errors
        if not isinstance(error, FileRefused)
    ]
    if unexpected:
        raise ExceptionGroup("what was left staged cannot be applied", unexpected)


def take_slot(root: Path, name: str, slot: str) -> int:
    """Ask the feed of an import for what it has for a slot, as a schedule's run does."""
    definition = _definition(root, name)
    warehouse = Warehouse(definition.project.warehouse_path)
    _finish_left_over(definition, warehouse)
    feed = open_feed(definition, Connections(definition.project, _NoBuckets()))
    return int(not delivering.deliver_feed(definition, feed, slot, warehouse).already)


def replay(root: Path, name: str) -> int:
    """Replay all outstanding rejects of an import, as `import-assets replay` does."""
    definition = _definition(root, name)
    warehouse = Warehouse(definition.project.warehouse_path)
    _finish_left_over(definition, warehouse)
    with warehouse.read() as connection:
        found = replaying.outstanding(connection, definition, None)
    staging = Staging(definition.project.staging_path)
    batches = [one.staged(staging).manifest.batch_id for one in found]
    for batch_id in batches:
        replaying.bring_in(definition, batch_id, warehouse)
    return len(batches)


def undo_first(root: Path, name: str) -> int:
    """Undo the first delivery of an import and what built on it, as `import-assets undo` does."""
    definition = _definition(root, name)
    warehouse = Warehouse(definition.project.warehouse_path)
    with warehouse.read() as connection:
        entry = ledger.entries(connection, name)[0]
    if entry.undone_at is not None:
        return 0
    identifiers = definition.project.spec.identifiers
    with warehouse.write() as connection:
        return len(undo.undo(connection, entry, identifiers, NOW, cascade=True))


def retype(root: Path, table: tuple[str, ...], name: str) -> int:
    """Make an attribute a text, as `import-assets attributes retype` does."""
    project = load(root).project
    change = retyping.Change(table, name, "text")
    warehouse = Warehouse(project.warehouse_path)
    with warehouse.read() as connection:
        if retyping.survey(connection, change).old == "text":
            return 0
    with warehouse.write() as connection:
        retyping.retype(connection, change)
    return 1


def keep_house(root: Path) -> int:
    """Clean up as the nightly job does, years later; return how many batches were sealed."""
    project = load(root).project
    warehouse = Warehouse(project.warehouse_path)
    clean_spool(project.spool_path, dt.timedelta(days=1), _LATER)
    with warehouse.read() as connection:
        clean_staging(
            project.staging_path,
            dt.timedelta(days=1),
            lambda batch_id: ledger.applied(connection, batch_id) is not None,
            _LATER,
        )
    with warehouse.write() as connection:
        return journal.forget_older(connection, _LATER)


class _NoBuckets:
    """Makes no clients; nothing here lies in a bucket."""

    def s3(self, name: str, connection: S3Connection) -> Any:
        raise NotImplementedError(name)

    def gcs(self, name: str, connection: GcsConnection) -> Any:
        raise NotImplementedError(name)
