"""`undo`: taking a whole delivery back out of its table (D53)."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from import_assets.cli.asking import answered_yes
from import_assets.cli.exits import DONE, FAULTS, NOT_DONE
from import_assets.cli.session import Session, as_utc
from import_assets.errors import UnknownName
from import_assets.pipeline.stage import utc_now
from import_assets.staging.batch import Staging
from import_assets.tables.undo import Undone, undo
from import_assets.warehouse import ledger
from import_assets.warehouse.ledger import Entry
from import_assets.wording import counted

_SHORTEST = 4
"""How much of a batch's id has to be said; less is a slip of the hand away from another batch."""


def undo_batch(
    session: Session, batch: str, *, cascade: bool, dry_run: bool, confirmed: bool
) -> int:
    """Undo a batch, after showing what that means, and show it in Dagster.

    `batch` is its id or the beginning of it.

    Raises:
        UnknownName: there is no such batch, or several.
        NotUndone: others built on it, it is too old, or undone already.
    """
    entry = _find(session, batch)
    if dry_run or not confirmed:
        trial = _do(session, entry, cascade=cascade, keep=False)
        _tell(session, trial, "Would undo")
        what = "this" if len(trial) == 1 else f"these {len(trial):,} batches"
        if dry_run or not answered_yes(f"Undo {what}?", "undo"):
            session.output.json(_records(trial, done_for_good=False))
            return DONE if dry_run else NOT_DONE
    done = _do(session, entry, cascade=cascade, keep=True)
    _remove_staged(session, done)
    failure = _report(session, done)
    session.output.json(_records(done, done_for_good=True))
    _tell(session, done, "Undone")
    _tell_again(session, done)
    if failure is not None:
        session.output.note(f"warning: {failure}")
        return FAULTS
    return DONE


def _find(session: Session, batch: str) -> Entry:
    found: list[Entry] = []
    if len(batch) < _SHORTEST:
        raise UnknownName(
            f"{batch!r} is too short to be sure which batch is meant: write at least {_SHORTEST} "
            "characters of its id, see `import-assets files IMPORT`"
        )
    if session.has_warehouse:
        with session.reading() as connection:
            found = ledger.find(connection, batch)
    names = {entry.batch_id for entry in found}
    if not names:
        raise UnknownName(
            f"there is no batch {batch}: `import-assets files IMPORT` lists those of an import"
        )
    if len(names) > 1:
        raise UnknownName(
            f"{len(names):,} batches begin with {batch}: {', '.join(sorted(names)[:5])}; write more"
        )
    # One that was forgotten and taken again has several entries; the last that stands is meant.
    standing = [entry for entry in found if entry.undone_at is None]
    return (standing or found)[-1]


def _do(session: Session, entry: Entry, *, cascade: bool, keep: bool) -> list[Undone]:
    identifiers = session.project.spec.identifiers
    with session.warehouse.write() as connection:
        return undo(connection, entry, identifiers, utc_now(), cascade=cascade, keep=keep)


def _remove_staged(session: Session, done: Sequence[Undone]) -> None:
    """Remove what a killed run left of the batches, or it would be applied again."""
    staging = Staging(session.project.staging_path)
    for one in done:
        staged = staging.find(one.entry.import_name, one.entry.batch_id)
        if staged is not None:
            staging.remove(staged)


def _report(session: Session, done: Sequence[Undone]) -> str | None:
    # Dagster takes seconds to load; a question should not have to wait for it.
    from import_assets.orchestration.launch import open_instance
    from import_assets.orchestration.undone import report

    with open_instance(session.root, session.output.note) as instance:
        return report(instance, session.loaded, done)


def _records(done: Sequence[Undone], *, done_for_good: bool) -> list[dict[str, Any]]:
    return [
        {
            "batch_id": one.entry.batch_id,
            "import": one.entry.import_name,
            "delivery": one.entry.key,
            "table": one.entry.table_name,
            "removed": one.removed,
            "restored": one.restored,
            "returned": one.returned,
            "undone": done_for_good,
        }
        for one in done
    ]


def _tell(session: Session, done: Sequence[Undone], word: str) -> None:
    for one in done:
        entry = one.entry
        parts = [f"{counted(one.removed, 'row')} removed, {one.restored:,} restored"]
        if one.returned:
            parts.append(f"{counted(one.returned, 'duplicate')} of later files let in")
        session.output.say(
            f"{word}: {entry.import_name}, {entry.key} "
            f"({as_utc(entry.applied_at):%Y-%m-%d %H:%M} UTC, batch {entry.batch_id}) in "
            f"{entry.table_name}: {', '.join(parts)}."
        )


def _tell_again(session: Session, done: Sequence[Undone]) -> None:
    """Say how to import the deliveries again, in the order in which they came."""
    session.output.say("Done, in one transaction. No trigger takes an undone file again by itself:")
    again = [(one.entry.import_name, shlex.quote(one.entry.key)) for one in reversed(done)]
    for name, key in dict.fromkeys(again):
        session.output.say(f"  import-assets run {name} --key {key}")
