"""`deliver ROOT IMPORT NOW KEY…`: bring files in, in this process; print counts and seconds."""

from __future__ import annotations

import datetime as dt
import json
import sys
import time
from collections import Counter
from pathlib import Path

from import_assets.pipeline import deliver as delivering
from import_assets.sources.delivery import Delivery
from import_assets.sources.open import open_source
from import_assets.sources.storage.base import Storage
from import_assets.spec.loading import load
from import_assets.warehouse.warehouse import Warehouse


def main(root: str, name: str, now: str, *keys: str) -> None:
    """Bring them in."""
    started = time.perf_counter()
    if now:
        moment = dt.datetime.fromisoformat(now)
        delivering.utc_now = lambda: moment
    definition = load(Path(root)).imports[name]
    storage = open_source(definition)
    warehouse = Warehouse(definition.project.warehouse_path)
    counts: Counter[str] = Counter()

    def find(key: str) -> tuple[Storage, Delivery]:
        return storage, storage.stat(key)

    with warehouse.kept_open():
        for _, done in delivering.deliver_each(definition, keys, find, warehouse):
            if isinstance(done, Exception):
                raise done
            counts.update(done.counts.as_dict())
    seconds = time.perf_counter() - started
    sys.stdout.write(json.dumps({"counts": dict(counts), "seconds": seconds}))


if __name__ == "__main__":
    main(*sys.argv[1:])
