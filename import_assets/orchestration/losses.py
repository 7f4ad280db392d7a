"""Deliveries that were imported once and that the warehouse lacks: where they can be had again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import dagster as dg
import numpy as np

from import_assets.errors import SourceError, UnknownName
from import_assets.orchestration.keys import SLOT_TAG, import_key
from import_assets.orchestration.sensors import remembered
from import_assets.orchestration.shown import Shown
from import_assets.sources.ask import Imported, is_imported
from import_assets.sources.connect import Connections
from import_assets.sources.listing import list_matching
from import_assets.sources.memory import Memory, key_digests, version_digests
from import_assets.sources.open import open_source
from import_assets.sources.paste import fingerprint
from import_assets.sources.retry import retrying
from import_assets.sources.rules import rules_of
from import_assets.sources.storage.base import Storage
from import_assets.sources.storage.selection import by_age
from import_assets.spec.loading import Import
from import_assets.spec.sources import PasteSource

Way = Literal["again", "with", "there", "gone", "unknown"]
"""`again`: its source has it. `with`: its rows come with a later slot. `there`: the ledger has what
lies at its source now. `gone`: nobody has it. `unknown`: its source cannot be asked."""


@dataclass(frozen=True)
class Lost:
    """A delivery that the warehouse lacks, and how it can be had again.

    Attributes:
        key: the delivery.
        way: how it can be had.
        place: its place in the order in which everything was imported; 0 where nobody knows.
        shown: what Dagster shows of it, if it does.
        note: a sentence for the user, where there is something to be said.
        text: what was pasted, where it was.
        slot: the occasion, of a start that took files again (M027).
        delivery_with: the slot whose rows hold these too.
    """

    key: str
    way: Way
    place: int = 0
    shown: Shown | None = None
    note: str | None = None
    text: str | None = None
    slot: str | None = None
    delivery_with: str | None = None


def find_losses(
    instance: dg.DagsterInstance,
    definition: Import,
    shown: Sequence[Shown],
    *,
    imported: Imported,
    cursors: Mapping[str, str | None],
    connections: Connections,
) -> list[Lost]:
    """Return what an import lacks, in the order of import, each with where it can be had.

    Args:
        instance: where runs are kept.
        definition: the import.
        shown: what Dagster shows as imported and the ledger lacks, in the order of import.
        imported: what the ledger remembers of the import.
        cursors: those of all sensors, by name.
        connections: the project's.
    """
    source = definition.spec.source
    if source.feed is not None:
        return _slots(definition, shown)
    if isinstance(source.only, PasteSource):
        return [_pasted(instance, definition, source.only, one) for one in shown]
    memory = remembered(cursors, definition)
    if not shown and memory is None:
        return []
    try:
        storage = open_source(definition, connections=connections)
    except SourceError as error:
        return [Lost(one.key, "unknown", one.place, one, str(error)) for one in shown]
    by_events: list[Lost] = []
    for one in shown:
        # Where the source cannot be asked about one file, waiting for each of many leads nowhere.
        before = by_events[-1] if by_events and by_events[-1].way == "unknown" else None
        by_events.append(
            Lost(one.key, "unknown", one.place, one, before.note, slot=_slot(instance, one))
            if before
            else _file(instance, storage, one, imported)
        )
    by_cursor = _of_cursor(definition, storage, imported, memory, connections)
    known = {one.key for one in by_events}
    return [*(one for one in by_cursor if one.key not in known), *by_events]


def _file(instance: dg.DagsterInstance, storage: Storage, shown: Shown, imported: Imported) -> Lost:
    lost = Lost(shown.key, "again", shown.place, shown, slot=_slot(instance, shown))
    try:
        now = retrying(partial(storage.stat, shown.key))
    except UnknownName:
        return replace(lost, way="gone", note=f"{shown.key} is not in {storage.place} any more")
    except SourceError as error:
        return replace(lost, way="unknown", note=str(error))
    same = shown.fingerprint is None or now.fingerprint == shown.fingerprint
    if not same and now.fingerprint in imported.get(shown.key, ()):
        note = "the file was put back as it was before; the version that was imported last is gone"
        return replace(lost, way="there", note=note)
    if same:
        return lost
    return replace(lost, note="the file has changed since; it is imported as it is now")


def _slot(instance: dg.DagsterInstance, shown: Shown) -> str | None:
    run = instance.get_run_by_id(shown.run_id)
    return run.tags.get(SLOT_TAG) if run is not None else None


def _of_cursor(
    definition: Import,
    storage: Storage,
    imported: Imported,
    memory: Memory | None,
    connections: Connections,
) -> Iterator[Lost]:
    """Yield the files that the trigger remembers as imported and the ledger does not, by age."""
    if memory is None or not memory.done.size:
        return
    rules = rules_of(definition.spec, definition.project.spec.limits)
    try:
        listing = list_matching(storage, rules.pattern, cache=connections.listings)
    except SourceError:
        # What the trigger knows more than the events is worth no failure.
        return
    files = [one for one in listing.deliveries if not is_imported(one, imported, rules.by)]
    digests = key_digests if rules.by == "name" else version_digests
    here = np.isin(digests(files), memory.done)
    done = [file for file, is_done in zip(files, here, strict=True) if is_done]
    for file in sorted(done, key=by_age):
        yield Lost(file.key, "again")


def _pasted(
    instance: dg.DagsterInstance, definition: Import, source: PasteSource, shown: Shown
) -> Lost:
    lost = Lost(shown.key, "again", shown.place, shown)
    run = instance.get_run_by_id(shown.run_id)
    in_run = _text_of(run.run_config, definition) if run is not None else None
    for text in (in_run, source.text):
        if text is not None and fingerprint(text.encode("utf-8", "replace")) == shown.fingerprint:
            return replace(lost, text=text)
    note = f"the text that was pasted as {shown.key} is kept nowhere: paste it again"
    return replace(lost, way="gone", note=note)


def _text_of(config: Mapping[str, Any], definition: Import) -> str | None:
    step = import_key(definition.name).to_python_identifier()
    text = config.get("ops", {}).get(step, {}).get("config", {}).get("text")
    return text or None


def _slots(definition: Import, shown: Sequence[Shown]) -> list[Lost]:
    """Return the lost slots of a feed: the last one is asked for again.

    What a database gave by a cursor comes with it, from where the ledger stands; so does what an
    analysis makes of the tables, and what was the same as at the last slot. Anything else that a
    source held at an earlier time, it does not hold any more.
    """
    if not shown:
        return []
    *earlier, last = shown
    source = definition.spec.source
    goes_on = source.database is not None and source.database.cursor is not None
    found: list[Lost] = []
    for one in earlier:
        same = one.fingerprint is not None and one.fingerprint == last.fingerprint
        if goes_on or same or source.analysis is not None:
            lost = Lost(one.key, "with", one.place, one, delivery_with=last.key)
        else:
            note = (
                f"what the source held then cannot be had any more; what it holds now is "
                f"imported as {last.key}"
            )
            lost = Lost(one.key, "gone", one.place, one, note)
        found.append(lost)
    return [*found, Lost(last.key, "again", last.place, last)]
