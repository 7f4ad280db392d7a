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
from import_assets.sources import spool
from import_assets.sources.open import open_source
from import_assets.spec.loading import load
from import_assets.staging.batch import BatchWriter, Staging
from import_assets.tables import apply as applying
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
    "inside the transaction": (applying, "_store_rejects", _then_die),
    "after the commit": (delivering, "apply_batch", _then_die),
}
"""Stage → object and name of the function at whose call or return the process dies."""


def main(root: str, name: str, key: str, stage: str) -> None:
    """Import the delivery; die on the way if `stage` names a stage."""
    if stage in STAGES:
        owner, attribute, wrap = STAGES[stage]
        setattr(owner, attribute, wrap(getattr(owner, attribute)))
    definition = load(Path(root)).imports[name]
    storage = open_source(definition)
    warehouse = Warehouse(definition.project.warehouse_path)
    delivering.deliver(definition, storage, storage.stat(key), warehouse)


if __name__ == "__main__":
    main(*sys.argv[1:])
