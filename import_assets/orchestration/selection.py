"""Which deliveries a start of a whole import takes. Knows nothing of Dagster."""

from __future__ import annotations

from datetime import timedelta

from import_assets.errors import SourceError
from import_assets.sources.ask import Imported
from import_assets.sources.connect import Connections
from import_assets.sources.discovery import Selected, select_scheduled
from import_assets.sources.listing import list_matching
from import_assets.sources.open import open_source
from import_assets.sources.rules import rules_of
from import_assets.spec.loading import Import
from import_assets.spec.sources import StorageSource, UploadSource
from import_assets.warehouse import ledger
from import_assets.warehouse.warehouse import Warehouse

_WAREHOUSE_WAIT_SECONDS = 30.0


def select(
    definition: Import,
    limit: int | None,
    *,
    connections: Connections,
    warehouse: Warehouse | None = None,
    within: timedelta | None = None,
) -> Selected:
    """Return the deliveries that a start of the whole import takes.

    Of a folder, those that its rule chooses; of a drop folder, every file not imported yet.

    Args:
        definition: The import.
        limit: The largest number of files, or None for a start by hand (M024, D06).
        connections: The project's.
        warehouse: Where the ledger is read; opened with a short wait if left out.
        within: How long listing the folder may take.

    Raises:
        SourceError: The folder cannot be listed, or the import has none.
        TooManyFilesError: More files than `limit`; none is taken.
    """
    source = definition.spec.source.only
    if not isinstance(source, StorageSource | UploadSource):
        raise SourceError(f"{definition.name} has no folder to choose files from")
    opened = warehouse or Warehouse(
        definition.project.warehouse_path, wait_seconds=_WAREHOUSE_WAIT_SECONDS
    )

    def imported() -> Imported:
        with opened.read() as connection:
            return ledger.imported(connection, definition.name)

    rules = rules_of(definition.spec, definition.project.spec.limits)
    storage = open_source(definition, connections=connections)
    listing = list_matching(storage, rules.pattern, within, connections.listings)
    return select_scheduled(listing, rules, imported, listing.at, limit)
