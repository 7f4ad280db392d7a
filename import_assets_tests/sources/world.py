"""A folder, a ledger, runs and a clock, for playing looks through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from import_assets.sources.ask import Ask, Outcome
from import_assets.sources.delivery import Delivery
from import_assets.sources.discovery import Tick, look
from import_assets.sources.listing import list_matching
from import_assets.sources.rules import Rules
from import_assets.spec.patterns import FilePattern
from import_assets.spec.sources import Selection
from import_assets_tests.fakes.storage import FakeStorage

START = datetime(2026, 1, 1, tzinfo=UTC)
IMPORT = "crm"


def rules(
    select: Selection = "not_imported_yet",
    *,
    pattern: str = "*.csv",
    by: Literal["version", "name"] = "version",
    settle: int = 60,
    files: int = 200,
) -> Rules:
    return Rules(FilePattern(pattern), select, by, timedelta(seconds=settle), files)


@dataclass
class Run:
    """A run as the orchestrator keeps it."""

    ask: Ask
    state: Outcome | Literal["succeeded"] = "running"


class World:
    """Everything round `look`: what it is told, and what is done with its answer."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.storage = FakeStorage()
        self.now = START
        self.cursor: str | None = None
        self.ledger: dict[str, set[str]] = {}
        self.ledger_reads = 0
        self.runs: dict[str, Run] = {}

    # --- the folder

    def put(self, *paths: str, size: int = 1, age: float = 3_600) -> None:
        """Write files that seem to have been modified so many seconds ago."""
        for path in paths:
            self.storage.put(path, b"x" * size, self.now - timedelta(seconds=age))

    def remove(self, *paths: str) -> None:
        for path in paths:
            self.storage.remove(path)

    # --- looking

    def look(self) -> Tick:
        """Look, and do nothing with the answer."""
        return look(
            list_matching(self.storage, self.rules.pattern),
            self.rules,
            self.cursor,
            now=self.now,
            imported=self._imported,
            outcome=self._outcome,
        )

    def tick(self, seconds: float = 300) -> Tick:
        """Let time pass, look, keep the cursor, then start the runs."""
        self.now += timedelta(seconds=seconds)
        tick = self.look()
        self.cursor = tick.cursor
        self.submit(tick)
        return tick

    def asked(self, seconds: float = 300) -> list[str]:
        """Tick; return what was asked for as `key` or, from the second attempt, `key#2`."""
        return [
            ask.delivery.key + (f"#{ask.attempt}" if ask.attempt > 1 else "")
            for ask in self.tick(seconds).asks
        ]

    # --- running

    def submit(self, tick: Tick) -> None:
        """Start the runs; a run key never starts a second one."""
        for ask in tick.asks:
            self.runs.setdefault(ask.run_key(IMPORT), Run(ask))

    def running(self) -> list[Run]:
        return [run for run in self.runs.values() if run.state == "running"]

    def succeed(self, run: Run | None = None) -> None:
        """Let a run, or all of them, end well, if their file is still there in that version."""
        listed = self.listed()
        for one in [run] if run else self.running():
            there = listed.get(one.ask.delivery.key)
            if there and there.fingerprint == one.ask.delivery.fingerprint:
                self.import_by_hand(there)
                one.state = "succeeded"
            else:
                one.state = "failed"

    def fail(self, state: Outcome = "failed") -> None:
        for run in self.running():
            run.state = state

    def lose(self) -> None:
        """Forget all running runs, as a lost machine does."""
        self.runs = {key: run for key, run in self.runs.items() if run.state != "running"}

    def import_by_hand(self, delivery: Delivery | str) -> None:
        if isinstance(delivery, str):
            delivery = self.storage.stat(delivery)
        self.ledger.setdefault(delivery.key, set()).add(delivery.fingerprint)

    # --- asking

    def listed(self) -> dict[str, Delivery]:
        return {
            delivery.key: delivery
            for delivery in list_matching(self.storage, self.rules.pattern).deliveries
        }

    def holds(self, delivery: Delivery) -> bool:
        versions = self.ledger.get(delivery.key, set())
        return delivery.fingerprint in versions or (self.rules.by == "name" and bool(versions))

    def _imported(self) -> Mapping[str, set[str]]:
        self.ledger_reads += 1
        return self.ledger

    def _outcome(self, asks: Sequence[Ask]) -> Mapping[str, Outcome]:
        assert asks
        found: dict[str, Outcome] = {}
        for ask in asks:
            run = self.runs.get(ask.run_key(IMPORT))
            state = run.state if run else "gone"
            found[ask.delivery.key] = "gone" if state == "succeeded" else state
        return found
