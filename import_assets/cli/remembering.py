"""`files`: what an import remembers and what lies in its folder, and forgetting (M018, M019)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from import_assets.cli.exits import DONE
from import_assets.cli.folders import Books, Folder, look, read_books
from import_assets.cli.output import column, columns
from import_assets.cli.session import Session, as_utc, unknown
from import_assets.pipeline.stage import utc_now
from import_assets.staging.batch import Staging
from import_assets.tables.outcome import Counts
from import_assets.warehouse import ledger, refusals
from import_assets.warehouse.ledger import Entry

_COLUMNS = [
    *columns("delivery", "state"),
    column("at", "at (UTC)"),
    *columns("read", "inserted", "updated", "unchanged", "duplicate", "rejected", "outstanding"),
    column("batch_id", "batch"),
    column("reason", wrap=True),
]


def files(session: Session, name: str) -> int:
    """Print every delivery that is remembered, was forgotten, or lies in the folder."""
    output = session.output
    books = _books(session, name)
    # An import whose definition is gone or wrong may still be remembered.
    known = name in session.loaded.imports or not books.entries
    folder = look(session.definition(name), books, session.connections) if known else Folder()
    records = list(_records(books, folder))
    if not records:
        output.note(f"{name} remembers nothing, and there is nothing to import.")
    if records or output.as_json:
        output.records(records, of=_COLUMNS)
    if folder.problem is not None:
        output.note(f"warning: {folder.problem}")
    return DONE


def _books(session: Session, name: str) -> Books:
    if not session.has_warehouse:
        return Books()
    with session.reading() as connection:
        return read_books(connection, name)


def _records(books: Books, folder: Folder) -> Iterator[dict[str, Any]]:
    lying = {one.delivery.key for one in folder.files}
    for entry in books.entries:
        yield {
            "delivery": entry.key,
            "state": _state(entry),
            "at": as_utc(entry.applied_at),
            **entry.counts.as_dict(),
            "outstanding": books.outstanding.get(entry.sequence, 0),
            "batch_id": entry.batch_id,
            "in_folder": entry.key in lying,
            "reason": None,
        }
    for one in folder.files:
        if one.state == "imported":
            continue
        refusal = (books.refused or {}).get(one.delivery.key) if one.state == "refused" else None
        yield {
            "delivery": one.delivery.key,
            "state": one.state,
            "at": as_utc(refusal.refused_at) if refusal else one.delivery.modified,
            **dict.fromkeys((*Counts().as_dict(), "outstanding")),
            "batch_id": None,
            "in_folder": True,
            "reason": one.reason,
        }
    for key, refusal in (books.refused or {}).items():
        if key not in lying:
            yield {
                "delivery": key,
                "state": "refused",
                "at": as_utc(refusal.refused_at),
                **dict.fromkeys((*Counts().as_dict(), "outstanding")),
                "batch_id": None,
                "in_folder": False,
                "reason": refusal.message,
            }


def _state(entry: Entry) -> str:
    """Return the word for what became of a batch; of replays it is the rejects of a delivery."""
    if entry.undone_at is not None:
        return "undone"
    if entry.forgotten_at is not None:
        return "forgotten"
    return "imported" if entry.replay_of is None else "replayed"


def forget(session: Session, name: str, key: str) -> int:
    """Forget a delivery, so that it counts as new; its rows stay in their table.

    Raises UnknownName where the import remembers no such delivery.
    """
    output = session.output
    books = _books(session, name)
    if not books.entries and not books.refused:
        session.definition(name)
    staging = Staging(session.project.staging_path)
    staged = [
        batch
        for batch in staging.all()
        if batch.manifest.import_name == name and batch.manifest.key == key
    ]
    known = [*books.imported, *(books.refused or {}), *(one.manifest.key for one in staged)]
    if key not in known:
        raise unknown(f"delivery that {name} remembers is called", key, dict.fromkeys(known))
    # The batches go first: one that is left over and not in the ledger would be applied again.
    for batch in staged:
        staging.remove(batch)
    with session.warehouse.write() as connection:
        batches = ledger.forget(connection, name, key, utc_now())
        refusals.clear(connection, name, key)
    output.json([{"import": name, "delivery": key, "batches_forgotten": batches}])
    output.say(
        f"{key} is forgotten ({batches:,} imported version{'' if batches == 1 else 's'}). Its rows "
        f"stay in their table. To take it again now: import-assets run {name} --key {key}; a "
        "trigger takes it within an hour or so."
    )
    return DONE
