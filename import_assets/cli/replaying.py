"""`replay`: rejected records once more, as they were or as a person mended them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from import_assets.cli.exits import DONE
from import_assets.cli.rejecting import named_batch
from import_assets.cli.running import Told, exit_code, launched, print_told, tried
from import_assets.cli.session import Session
from import_assets.pipeline.mended import read_mended
from import_assets.pipeline.replay import Replay, dry_run, handed_back, outstanding
from import_assets.spec.loading import Import
from import_assets.staging.batch import Staging
from import_assets.warehouse import ledger
from import_assets.warehouse import rejects as books


def replay(
    session: Session, name: str, file: Path | None, batch: str | None, *, only_try: bool
) -> int:
    """Take rejected records again and tell what became of them, delivery by delivery.

    Args:
        session: the call.
        name: the import.
        file: rejects that were mended; None for all that are outstanding, as they were.
        batch: only those of this batch.
        only_try: tell what would become of them, and keep nothing.

    Raises:
        UnknownName: there is no such import or batch.
        FileRefused: the file is not what `rejects` wrote.
    """
    started = time.monotonic()
    definition, output = session.definition(name), session.output
    replays = _planned(session, definition, file, batch)
    if not replays:
        output.say("There is nothing to replay.")
        output.json([])
        return DONE
    failure = None
    if only_try:
        told = [_tried(session, one) for one in replays]
    else:
        told, failure = _replayed(session, definition, replays)
    print_told(session, definition, told, time.monotonic() - started, dry_run=only_try)
    if not only_try:
        with session.reading() as connection:
            left = sum(books.outstanding_counts(connection, name).values())
        output.note(f"{left:,} {'is' if left == 1 else 'are'} outstanding of all that was rejected")
    if failure is not None:
        output.note(f"Error: {failure}")
    return exit_code(told, failure)


def _planned(
    session: Session, definition: Import, file: Path | None, batch: str | None
) -> list[Replay]:
    mended = None if file is None else read_mended(file, definition.project.spec.limits)
    if not session.has_warehouse:
        return []
    with session.reading() as connection:
        if mended is not None:
            return handed_back(connection, definition, mended)
        entries = ledger.entries(connection, definition.name)
        chosen = None if batch is None else named_batch(entries, batch)
        return outstanding(connection, definition, chosen)


def _tried(session: Session, replay: Replay) -> Told:
    if replay.done is not None:
        return Told(replay.first.key, "replayed before", replay.done.counts)
    words = ("would be replayed", "replayed before")
    return tried(replay.first.key, lambda: dry_run(replay, session.warehouse), words)


def _replayed(
    session: Session, definition: Import, replays: Sequence[Replay]
) -> tuple[list[Told], str | None]:
    """Stage all of them, so that whatever happens they come in, and apply them through Dagster."""
    staging = Staging(definition.project.staging_path)
    for one in replays:
        if one.done is None:
            one.staged(staging)
    told: list[Told] = []
    for wave in _waves(replays):
        by_key = {one.first.key: one.batch_id for one in wave}
        some, failure = launched(
            session, definition, list(by_key), replays=by_key, words=("replayed", "replayed before")
        )
        told += some
        if failure is not None:
            return told, failure
    return told, None


def _waves(replays: Sequence[Replay]) -> Iterator[list[Replay]]:
    """Yield replays in their order, so that in none two are of the same partition."""
    wave: list[Replay] = []
    for one in replays:
        if any(other.first.key == one.first.key for other in wave):
            yield wave
            wave = []
        wave.append(one)
    yield wave
