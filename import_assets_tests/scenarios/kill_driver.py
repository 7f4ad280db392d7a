"""Imports one delivery in a process of its own that kills itself at a named stage.

Run as a module: the project's folder, the import's name, the delivery's key, and the stage.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from import_assets.mapping.mapping import Mapping
from import_assets.pipeline import deliver as delivering
from import_assets.pipeline.feeds import open_feed
from import_assets.sources import rows, spool
from import_assets.sources.connect import Connections
from import_assets.sources.open import open_source
from import_assets.spec.connections import GcsConnection, S3Connection
from import_assets.spec.loading import load
from import_assets.staging.batch import BatchWriter, Staging
from import_assets.warehouse import rejects
from import_assets.warehouse.warehouse import Warehouse


def _die(*_: object, **__: object) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def _then_die(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: object, **kwargs: object) -> object:
        function(*args, **kwargs)
        return _die()

    return call


STAGES: dict[str, tuple[object, str, Callable[[Callable[..., Any]], Callable[..., Any]]]] = {
    "fetching": (spool, "_copy", _then_die),
    "reading": (Mapping, "apply", lambda _: _die),
    "staging": (BatchWriter, "write", _then_die),
    "before the rename": (Staging, "finish", lambda _: _die),
    "after the rename": (Staging, "finish", _then_die),
    "inside the transaction": (rejects, "store", _then_die),
    "after the commit": (delivering, "apply_batch", _then_die),
}
"""Stage → object and name of the function at whose call or return the process dies."""


FEED_STAGES = {**STAGES, "fetching": (rows, "_column", _then_die)}
"""The same for what a database hands over, which is fetched in another way."""


def main(root: str, name: str, key: str, stage: str) -> None:
    """Import the delivery; die on the way if `stage` names a stage."""
    definition = load(Path(root)).imports[name]
    is_feed = definition.spec.source.feed is not None
    stages = FEED_STAGES if is_feed else STAGES
    if stage in stages:
        owner, attribute, wrap = stages[stage]
        setattr(owner, attribute, wrap(getattr(owner, attribute)))
    warehouse = Warehouse(definition.project.warehouse_path)
    if is_feed:
        feed = open_feed(definition, Connections(definition.project, NO_BUCKETS))
        delivering.deliver_feed(definition, feed, key, warehouse)
        return
    storage = open_source(definition)
    delivering.deliver(definition, storage, storage.stat(key), warehouse)


class _NoBuckets:
    """Makes no clients; nothing here lies in a bucket."""

    def s3(self, name: str, connection: S3Connection) -> Any:
        raise NotImplementedError(name)

    def gcs(self, name: str, connection: GcsConnection) -> Any:
        raise NotImplementedError(name)


NO_BUCKETS = _NoBuckets()


if __name__ == "__main__":
    main(*sys.argv[1:])
