"""Whatever happens, no file is lost, and none is asked for in vain (M017, M018, D02, D04)."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import ClassVar, Literal

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from import_assets.sources.ask import MAX_ATTEMPTS, Ask
from import_assets.sources.delivery import Delivery
from import_assets.sources.discovery import Tick
from import_assets.sources.memory import Memory, read_memory, write_memory
from import_assets.sources.storage.selection import order_of
from import_assets.spec.sources import Selection
from import_assets_tests.sources.world import World, rules

SETTLE = 60
names = st.sampled_from(["a.csv", "b.csv", "c.csv"])
ages = st.sampled_from([0, 30, 100, 1_000, 86_400, -30, -86_400])
times = st.sampled_from([0, 20, 300, 300, 4_000])
Version = tuple[str, str]


def version(delivery: Delivery) -> Version:
    return delivery.key, delivery.fingerprint


class Looking(RuleBasedStateMachine):
    """Files come, change, go and come back; runs end well, badly or not at all."""

    select: ClassVar[Selection] = "not_imported_yet"
    by: ClassVar[Literal["version", "name"]] = "version"

    def __init__(self) -> None:
        super().__init__()
        self.world = World(rules(self.select, by=self.by, settle=SETTLE))
        self.removed: dict[str, tuple[bytes, datetime]] = {}
        self.attempts: dict[Version, set[int]] = {}
        self.refused: set[Version] = set()
        self.taken: set[Delivery] = set()
        self.settled: set[Delivery] = set()
        self.passed_over: set[Version] = set()

    # --- what happens

    @rule(name=names, size=st.integers(1, 3), age=ages)
    def write(self, name: str, size: int, age: int) -> None:
        self.world.put(name, size=size, age=age)

    @rule(name=names)
    def remove(self, name: str) -> None:
        if content := self.world.storage.files.pop(name.encode(), None):
            self.removed[name] = content

    @rule(name=names)
    def bring_back(self, name: str) -> None:
        if name in self.removed and name.encode() not in self.world.storage.files:
            self.world.storage.put(name, *self.removed[name])

    @rule(name=names)
    def import_by_hand(self, name: str) -> None:
        if delivery := self.world.listed().get(name):
            self.world.import_by_hand(delivery)
            self.taken.add(delivery)

    @precondition(lambda self: self.world.running())
    @rule(which=st.integers(0, 9), end=st.sampled_from(["well", "failed", "refused", "lost"]))
    def end_run(self, which: int, end: str) -> None:
        running = self.world.running()
        run = running[which % len(running)]
        if end == "well":
            self.world.succeed(run)
        elif end == "lost":
            del self.world.runs[run.ask.run_key("crm")]
        elif end == "refused":
            run.state = "refused"
            self.refused.add(version(run.ask.delivery))
        else:
            run.state = "failed"

    @rule(cut=st.none() | st.integers(0, 2_000), junk=st.text(max_size=3))
    def damage_cursor(self, cut: int | None, junk: str) -> None:
        cursor = self.world.cursor
        self.world.cursor = None if cut is None or cursor is None else cursor[:cut] + junk
        self.settled.clear()
        self.passed_over.clear()

    @rule(seconds=times)
    def look(self, seconds: float) -> None:
        self.check(self.world.tick(seconds))

    @rule(seconds=times)
    def look_without_saving_the_cursor(self, seconds: float) -> None:
        self.world.now += timedelta(seconds=seconds)
        tick = self.world.look()
        self.check(tick, saved=False)
        self.world.submit(tick)

    @rule(seconds=times)
    def look_without_starting_runs(self, seconds: float) -> None:
        self.world.now += timedelta(seconds=seconds)
        tick = self.world.look()
        self.check(tick)
        self.world.cursor = tick.cursor

    # --- what must hold

    def check(self, tick: Tick, saved: bool = True) -> None:
        listed = self.world.listed()
        for ask in tick.asks:
            file = ask.delivery
            assert listed[file.key] == file
            assert not self.world.holds(file), "asked for though it is imported"
            if ask.attempt == 1:
                age = (self.world.now - file.modified).total_seconds()
                assert abs(age) >= SETTLE, "asked for though it is settling"
            self.attempts.setdefault(version(file), set()).add(ask.attempt)
        open_keys = [key for key, *_ in json.loads(tick.cursor)["asks"]]
        assert len(set(open_keys)) == len(open_keys), "asked for twice at a time"
        assert {ask.delivery.key for ask in tick.asks} <= set(open_keys)
        self.check_choice(tick.asks, listed, saved)
        self.taken.update(ask.delivery for ask in tick.asks)

    def check_choice(self, asks: tuple[Ask, ...], listed: dict[str, Delivery], saved: bool) -> None:
        order = order_of(self.select)
        if order is None:
            return
        assert len(asks) <= 1
        for ask in asks:
            assert version(ask.delivery) not in self.passed_over, "fell back to an older file"
        if saved:
            settled = {
                file
                for file in listed.values()
                if (self.world.now - file.modified).total_seconds() >= SETTLE
            }
            for ask in asks:
                self.passed_over.update(
                    version(file)
                    for file in settled & self.settled
                    if order(file) < order(ask.delivery)
                )
            self.settled = settled

    def teardown(self) -> None:
        """Once all runs end well, everything that lies there is imported or was given up."""
        for _ in range(3 * MAX_ATTEMPTS):
            self.look(300)
            self.world.succeed()
        self.look(300)
        tick = self.world.tick()
        assert not tick.asks
        listed = self.world.listed()
        given_up = {version(file) for file in tick.given_up}
        for one in given_up - self.refused:
            assert self.attempts[one] == set(range(1, MAX_ATTEMPTS + 1))
        left = [
            file
            for file in listed.values()
            if not self.world.holds(file) and version(file) not in given_up
        ]
        self.check_left(left, listed)

    def check_left(self, left: list[Delivery], listed: dict[str, Delivery]) -> None:
        assert not left, "lost"


class LookingByName(Looking):
    by = "name"


class LookingForOne(Looking):
    """The rules for one file: nothing is passed over but for a later file."""

    select = "last_modified"

    def check_left(self, left: list[Delivery], listed: dict[str, Delivery]) -> None:
        order = order_of(self.select)
        assert order is not None
        for file in left:
            assert any(order(other) > order(file) for other in self.taken), "lost"
        self.world.put("z.csv", age=61)
        assert self.world.asked(0) == ["z.csv"]


class LookingForOneByName(LookingForOne):
    select = "last_alphabetically"


_settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestLooking = Looking.TestCase
TestLookingByName = LookingByName.TestCase
TestLookingForOne = LookingForOne.TestCase
TestLookingForOneByName = LookingForOneByName.TestCase
TestLooking.settings = TestLookingByName.settings = _settings
TestLookingForOne.settings = TestLookingForOneByName.settings = _settings


@given(st.text() | st.binary().map(lambda b: b.decode("latin1")))
def test_no_text_stops_a_look(text: str) -> None:
    """A cursor is never a reason to stop."""
    assert read_memory(text, rules()).lost


@given(st.integers(0, 600), st.characters(max_codepoint=0x17F))
def test_no_damage_stops_a_look(place: int, char: str) -> None:
    world = World(rules())
    world.put("a.csv", "b.csv")
    world.import_by_hand("a.csv")
    cursor = world.tick().cursor
    read_memory(cursor[:place] + char + cursor[place + 1 :], rules())


@given(st.lists(st.integers(0, 2**56 - 1)))
def test_sets_of_files_come_back(digests: list[int]) -> None:
    memory = Memory(lost=False, done=np.array(digests, dtype=np.uint64))
    again = read_memory(write_memory(memory, rules()), rules())
    assert again.done.tolist() == sorted(set(digests))
    assert not again.lost
