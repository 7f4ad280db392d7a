"""`recover`: after the warehouse was put back from a copy, or Dagster's own storage was lost."""

from __future__ import annotations

import shlex
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from import_assets.cli.exits import DONE, FAULTS, NOT_DONE
from import_assets.cli.output import column, columns
from import_assets.cli.progress import progress
from import_assets.cli.session import Session
from import_assets.errors import WarehouseError
from import_assets.tables.outcome import Counts
from import_assets.warehouse import refusals
from import_assets.wording import counted

if TYPE_CHECKING:
    from import_assets.orchestration.launch import Arrival
    from import_assets.orchestration.losses import Lost
    from import_assets.orchestration.recovery import Plan

_MISSED = ("refused", "failed", "not recoverable")


@dataclass(frozen=True)
class Told:
    """What is told about one delivery; `message` is what there is to be known beside it."""

    name: str
    key: str
    outcome: str
    counts: Counts | None = None
    batch_id: str | None = None
    message: str | None = None

    def record(self) -> dict[str, Any]:
        """Return it as a record to print."""
        counts = self.counts.as_dict() if self.counts else dict.fromkeys(Counts().as_dict())
        return {
            "import": self.name,
            "delivery": self.key,
            "outcome": self.outcome,
            **counts,
            "batch_id": self.batch_id,
            "message": self.message,
        }


def recover(session: Session, names: Sequence[str], *, dry_run: bool) -> int:
    """Import again what the warehouse lacks, and show in Dagster what it holds.

    Returns DONE where nothing is lacking any more, FAULTS where something is, NOT_DONE where
    nothing of what was lacking could be had.

    Raises:
        UnknownName: there is no such import.
        WarehouseError: there is no warehouse: where all was lost, imports begin anew.
    """
    definitions = [session.definition(name) for name in dict.fromkeys(names)]
    if not definitions:
        definitions = list(session.loaded.imports.values())
    if not session.has_warehouse:
        raise WarehouseError(
            f"there is no warehouse at {session.project.warehouse_path}: put the newest copy of it "
            "there first. Without a copy there is nothing to go by: import anew with "
            "`import-assets run`"
        )
    output = session.output
    started = time.monotonic()
    output.note("Starting Dagster ...")
    # Loaded here, because it takes seconds, of which the user should know.
    from import_assets.orchestration.launch import open_instance
    from import_assets.orchestration.recovery import Recovered, carry_out, plan

    with open_instance(session.root, output.note) as instance:
        plans = plan(instance, definitions, session.warehouse, session.connections)
        done = Recovered()
        if not dry_run:
            number = sum(len(one.again) for one in plans)
            with progress(output, number) as watch:
                done = carry_out(instance, session.loaded, plans, watch=watch, say=output.note)
    for warning in done.warnings:
        output.note(f"warning: {warning}")
    refused = {} if dry_run else _refused(session, plans)
    told = [
        one
        for of_import in plans
        for one in _of_import(of_import, done.arrivals, refused, dry_run=dry_run)
    ]
    _print(session, told, time.monotonic() - started, dry_run=dry_run)
    for one in plans:
        _advise(session, one)
    if done.failure is not None:
        output.note(f"Error: {done.failure}")
    return _exit_code(told, done.failure)


def _refused(session: Session, plans: Sequence[Plan]) -> dict[tuple[str, str], str]:
    """Return the sentences about deliveries that were refused, in which no value is masked."""
    with session.reading() as connection:
        return {
            (one.definition.name, key): refusal.message
            for one in plans
            for key, refusal in refusals.of_import(connection, one.definition.name).items()
        }


def _of_import(
    one: Plan,
    arrivals: Mapping[tuple[str, str], Arrival],
    refused: Mapping[tuple[str, str], str],
    *,
    dry_run: bool,
) -> Iterator[Told]:
    name = one.definition.name
    for entry in one.differing.unshown:
        word = "would be shown" if dry_run else "shown"
        yield Told(name, entry.key, word, entry.counts, entry.batch_id)
    for lost in one.losses:
        arrival = arrivals.get((name, lost.key))
        if lost.way == "gone":
            yield Told(name, lost.key, "not recoverable", message=lost.note)
        elif lost.way == "there":
            yield Told(name, lost.key, "imported before", message=lost.note)
        elif lost.way == "with":
            word = f"{'would come' if dry_run else 'came'} with {lost.delivery_with}"
            yield Told(name, lost.key, word)
        elif dry_run:
            word = "would be imported" if lost.way == "again" else "failed"
            yield Told(name, lost.key, word, message=lost.note)
        else:
            yield _arrived(name, lost, arrival, refused.get((name, lost.key)))


def _arrived(name: str, lost: Lost, arrival: Arrival | None, refusal: str | None) -> Told:
    if arrival is None or arrival.counts is None:
        message = refusal or (arrival and arrival.failure) or "it was not reached"
        return Told(name, lost.key, "refused" if refusal else "failed", message=message)
    word = "nothing new" if arrival.unchanged else "imported"
    return Told(name, lost.key, word, arrival.counts, arrival.batch_id, lost.note)


def _exit_code(told: Sequence[Told], failure: str | None) -> int:
    missed = sum(one.outcome in _MISSED for one in told)
    if missed and missed == len(told):
        return NOT_DONE
    return FAULTS if missed or failure is not None else DONE


def _print(session: Session, told: Sequence[Told], seconds: float, *, dry_run: bool) -> None:
    output = session.output
    output.json(one.record() for one in told)
    if not output.as_json and told:
        shown = ("import", "delivery", "outcome", "read", "inserted", "updated", "rejected")
        output.table(
            [one.record() for one in told], of=[*columns(*shown), column("batch_id", "batch")]
        )
    if not told:
        output.say("Nothing is lacking: the warehouse and Dagster agree.")
        return
    words = Counter(one.outcome for one in told)
    each = ", ".join(f"{number:,} {word}" for word, number in words.items())
    output.say(f"{counted(len(told), 'delivery', 'deliveries')} ({each}); {seconds:.1f} s")
    if dry_run:
        output.say("This was a dry run: nothing was written.")
    for one in told:
        if one.message is not None:
            output.say(f"{one.name}, {one.key}: {one.message}")


def _advise(session: Session, one: Plan) -> None:
    """Say what only the user can do again."""
    name = one.definition.name
    for entry in one.differing.undone_since:
        session.output.note(
            f"{name}, {entry.key}: was undone after the copy was made, and is in its table now; to "
            f"undo it again: import-assets undo {entry.batch_id}"
        )
    for lost in one.losses:
        if lost.shown is not None and lost.shown.replay:
            session.output.note(
                f"{name}, {lost.key}: records that had been rejected were mended and handed back "
                f"after the copy was made; hand them back again: import-assets replay {name} FILE"
            )
    if one.late:
        session.output.note(
            f"{name}: other deliveries came into its table after the copy was put back. What was "
            "lacking is older than they are: where both say something of the same customer or "
            f"item, import those again, see import-assets files {shlex.quote(name)}"
        )
