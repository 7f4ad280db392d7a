"""`run`: an import now, through Dagster, or as a dry run."""

from __future__ import annotations

import shlex
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from import_assets.cli.choosing import Choice, choose
from import_assets.cli.exits import DONE, FAULTS, NOT_DONE
from import_assets.cli.output import column, columns
from import_assets.cli.progress import Watch, progress
from import_assets.cli.session import Session
from import_assets.errors import FileRefused, SourceError, UnknownName
from import_assets.pipeline.trial import DryRun, dry_run, dry_run_feed
from import_assets.sources.delivery import Delivery
from import_assets.spec.loading import Import
from import_assets.tables.outcome import Counts
from import_assets.warehouse import ledger, refusals, rejects
from import_assets.warehouse.warehouse import Warehouse
from import_assets.wording import counted

if TYPE_CHECKING:
    from import_assets.orchestration.launch import Arrival

Word = Literal[
    "imported",
    "imported before",
    "would be imported",
    "replayed",
    "replayed before",
    "would be replayed",
    "nothing new",
    "refused",
    "failed",
]

_OUTCOMES = ("inserted", "updated", "unchanged", "duplicate", "rejected")
_SHOWN = (*_OUTCOMES, "removed")


@dataclass(frozen=True)
class Told:
    """What is told about one delivery; `message` is why it was not imported."""

    key: str
    outcome: Word
    counts: Counts | None = None
    seconds: float | None = None
    batch_id: str | None = None
    reasons: dict[str, int] = field(default_factory=dict)
    message: str | None = None

    @property
    def rows_per_second(self) -> int | None:
        """Records read in a second, where they were read now."""
        if self.counts is None or not self.seconds:
            return None
        return round(self.counts.read / self.seconds)

    def record(self) -> dict[str, Any]:
        """Return it as a record to print."""
        counts = self.counts.as_dict() if self.counts else dict.fromkeys(Counts().as_dict())
        return {
            "delivery": self.key,
            "outcome": self.outcome,
            **counts,
            "seconds": self.seconds,
            "rows_per_second": self.rows_per_second,
            "batch_id": self.batch_id,
            "rejects_by_reason": self.reasons,
            "message": self.message,
        }


def run(
    session: Session, name: str, files: Sequence[Path], keys: Sequence[str], *, dry_run: bool
) -> int:
    """Import deliveries and tell what became of each.

    Returns DONE also where nothing was waiting; FAULTS where some were imported and others not, or
    their table could not be refreshed; NOT_DONE where none was imported.
    """
    definition = session.definition(name)
    output = session.output
    started = time.monotonic()
    with TemporaryDirectory(prefix="no-warehouse-") as folder:
        warehouse = session.warehouse
        if dry_run and not session.has_warehouse:
            # A dry run makes nothing, not even an empty warehouse.
            warehouse = Warehouse(Path(folder) / "warehouse.duckdb")
        choice = choose(session, definition, files, keys, warehouse, copy=not dry_run)
        if choice.note:
            output.note(choice.note)
        if not choice.keys:
            output.say("There is nothing to import.")
            _tell_undone(session, definition)
            output.json([])
            return DONE
        if dry_run:
            told, failure = _dry_runs(session, definition, choice, warehouse), None
        else:
            told, failure = launched(
                session, definition, choice.keys, text=choice.text, slot=choice.slot
            )
    print_told(session, definition, told, time.monotonic() - started, dry_run=dry_run)
    if failure is not None:
        output.note(f"Error: {failure}")
    return exit_code(told, failure)


def _tell_undone(session: Session, definition: Import) -> None:
    """Name the deliveries that were undone: they count as imported until somebody names them."""
    if not session.has_warehouse:
        return
    with session.reading() as connection:
        undone = ledger.undone(connection, definition.name)
    if undone:
        session.output.note(
            f"{counted(len(undone), 'delivery that was', 'deliveries that were')} undone "
            f"{'counts' if len(undone) == 1 else 'count'} as imported; to import one again: "
            f"import-assets run {definition.name} --key {shlex.quote(undone[0])}"
        )


def exit_code(told: Sequence[Told], failure: str | None) -> int:
    """Return the exit code for what became of all deliveries."""
    missed = [one for one in told if one.counts is None]
    if len(missed) == len(told):
        return NOT_DONE
    return FAULTS if missed or failure is not None else DONE


# --- through Dagster ----------------------------------------------------------------------------


def launched(
    session: Session,
    definition: Import,
    keys: Sequence[str],
    *,
    words: tuple[Word, Word] = ("imported", "imported before"),
    **how: Any,
) -> tuple[list[Told], str | None]:
    """Bring deliveries in through Dagster, and tell what became of each, and why it broke off.

    Args:
        session: the call.
        definition: the import.
        keys: the deliveries.
        words: what is said of those that came in now, and of those that were in before.
        how: what else `launch` is told.
    """
    output = session.output
    output.note("Starting Dagster ...")
    # Loaded here, because it takes seconds, of which the user should know.
    from import_assets.orchestration.launch import launch, open_instance

    with (
        open_instance(session.root, output.note) as instance,
        progress(output, len(keys)) as watch,
    ):
        outcome = launch(
            instance, session.loaded, definition, keys, watch=watch, say=output.note, **how
        )
    for warning in outcome.warnings:
        output.note(f"warning: {warning}")
    with session.reading() if session.has_warehouse else nullcontext() as connection:
        refused = refusals.of_import(connection, definition.name) if connection else {}
        reasons = {
            one.batch_id: rejects.by_reason(connection, one.batch_id)
            for one in outcome.arrivals
            if connection and one.batch_id and one.counts and one.counts.rejected
        }
    told: list[Told] = []
    for one in outcome.arrivals:
        if one.counts is None:
            told.append(_missed(one, refused.get(one.key), outcome.failure))
            continue
        word = _word(one, words)
        of_batch = reasons.get(one.batch_id or "", {})
        told.append(Told(one.key, word, one.counts, one.seconds, one.batch_id, of_batch))
    return told, outcome.failure


def _missed(one: Arrival, refusal: refusals.Refusal | None, failure: str | None) -> Told:
    if one.failure and refusal is not None:
        # Dagster has the sentence too, but there the values in it are masked.
        return Told(one.key, "refused", message=refusal.message)
    return Told(one.key, "failed", message=one.failure or failure or "it was not reached")


def _word(one: Arrival, words: tuple[Word, Word]) -> Word:
    if one.unchanged:
        return "nothing new"
    return words[1] if one.already else words[0]


# --- dry run ------------------------------------------------------------------------------------


def _dry_runs(
    session: Session, definition: Import, choice: Choice, warehouse: Warehouse
) -> list[Told]:
    with progress(session.output, len(choice.keys)) as watch:
        told = [
            *(_tried_slot(definition, choice, slot, warehouse, watch) for slot in choice.slots),
            *(_tried(definition, choice, one, warehouse, watch) for one in choice.deliveries),
        ]
    if len(told) > 1:
        session.output.note(
            "Each delivery was tried by itself: what one of them has in common with another counts "
            "for both."
        )
    return told


def _tried(
    definition: Import, choice: Choice, delivery: Delivery, warehouse: Warehouse, watch: Watch
) -> Told:
    storage = choice.storage_of(delivery)
    on_the_way = partial(watch, delivery.key)
    return tried(
        delivery.key,
        lambda: dry_run(
            definition, storage, delivery, warehouse, slot=choice.slot, progress=on_the_way
        ),
    )


def _tried_slot(
    definition: Import, choice: Choice, slot: str, warehouse: Warehouse, watch: Watch
) -> Told:
    feed = choice.feed
    if feed is None:
        raise ValueError(f"{slot} is a slot, and there is no feed")
    on_the_way = partial(watch, slot)
    return tried(slot, lambda: dry_run_feed(definition, feed, slot, warehouse, progress=on_the_way))


def tried(
    key: str,
    trial: Callable[[], DryRun],
    words: tuple[Word, Word] = ("would be imported", "imported before"),
) -> Told:
    """Try a delivery out and tell what would become of it; `words` as those of `launched`."""
    started = time.monotonic()
    try:
        found = trial()
    except FileRefused as error:
        return Told(key, "refused", message=str(error))
    except (SourceError, UnknownName) as error:
        return Told(key, "failed", message=str(error))
    seconds = round(time.monotonic() - started, 3)
    if found.manifest is None:
        return Told(key, "nothing new", found.counts, seconds)
    word = words[1] if found.already else words[0]
    reasons = {} if found.already else _by_reason(found.rejects)
    return Told(key, word, found.counts, seconds, found.manifest.batch_id, reasons)


def _by_reason(frame: pl.DataFrame) -> dict[str, int]:
    """Return the number of rejected records by reason, the most frequent first."""
    if frame.is_empty():
        return {}
    reasons = frame.select("record", "faults").explode("faults").unnest("faults")
    counted = reasons.group_by("reason").agg(pl.col("record").n_unique().alias("records"))
    ordered = counted.sort(["records", "reason"], descending=[True, False])
    return dict(ordered.iter_rows())


# --- printing -----------------------------------------------------------------------------------


def print_told(
    session: Session, definition: Import, told: Sequence[Told], seconds: float, *, dry_run: bool
) -> None:
    """Print what became of deliveries, or would."""
    output = session.output
    output.json(one.record() for one in told)
    if not output.as_json:
        _print_tables(session, told)
    output.say(_total(told, seconds))
    if dry_run:
        output.say("This was a dry run: nothing was written.")
    elif any(one.counts and one.counts.rejected for one in told):
        output.note(f"The rejected records: import-assets rejects {definition.name}")
    for one in told:
        if one.message is not None:
            output.say(
                one.message if one.message.startswith(one.key) else f"{one.key}: {one.message}"
            )


def _print_tables(session: Session, told: Sequence[Told]) -> None:
    records = [one.record() for one in told]
    # For the eye, columns of nothing but zeros are left out; programs get the same ones each time.
    some = [name for name in _SHOWN if any(one[name] for one in records)]
    outcomes = some if session.output.terminal else _SHOWN
    shown = ("delivery", "outcome", "read", *outcomes, "seconds")
    session.output.table(
        records,
        of=[*columns(*shown), column("rows_per_second", "rows/s"), column("batch_id", "batch")],
    )
    reasons: Counter[str] = Counter()
    for one in told:
        reasons.update(one.reasons)
    if reasons:
        session.output.table(
            [{"reason": reason, "records": n} for reason, n in reasons.most_common()],
            of=columns("reason", "records"),
            title="Rejected records by reason",
        )


def _total(told: Sequence[Told], seconds: float) -> str:
    """Return one line about all deliveries; only what is not zero is told."""
    total = sum((one.counts for one in told if one.counts is not None), Counts())
    outcomes = {name: value for name, value in total.as_dict().items() if name in _OUTCOMES}
    sum_ = " + ".join(f"{value:,} {name}" for name, value in outcomes.items() if value) or "nothing"
    read = f"{total.read:,} read = {sum_}" if total.read else "no records read"
    blank = f", {total.blank:,} blank lines" if total.blank else ""
    removed = f", {total.removed:,} items removed" if total.removed else ""
    words = Counter(one.outcome for one in told)
    each = ", ".join(f"{number:,} {word}" for word, number in words.items())
    count = counted(len(told), "delivery", "deliveries")
    return f"{count} ({each}): {read}{blank}{removed}; {seconds:.1f} s"
