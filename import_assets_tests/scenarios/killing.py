"""Kills a process at a moment, starts again as production would, and compares with no kill."""

from __future__ import annotations

import multiprocessing as mp
import shutil
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import duckdb

from import_assets_tests.scenarios.kill_cases import CASES, Case
from import_assets_tests.scenarios.kill_driver import BEGUN, ENDED, Death, Noted, noted, run
from import_assets_tests.scenarios.snapshots import (
    Snapshot,
    differences,
    left_behind,
    snapshot,
    wrong_entries,
)

TIMEOUT = 600.0
"""After how many seconds a process counts as stuck."""

_MODULES = ["import_assets_tests.scenarios.kill_warm"]
NOTHING_DONE = f"{ENDED}, 0 found to do"
_DATABASE = "events of a database"

# A process for each kill is forked from one that has everything imported already: 25 ms, not 1 s.
PROCESSES = mp.get_context("forkserver")
PROCESSES.set_forkserver_preload(_MODULES)

Where = Literal["not in", "wholly in", "in part"]


@dataclass(frozen=True)
class Outcome:
    """What a kill did. `moment` is the last that the process came to; None if it got to its end.

    `where` is where the delivery was before the restart, `faults` what was wrong after it.
    """

    case: str
    moment: str | None
    where: Where
    faults: tuple[str, ...]

    @property
    def killed(self) -> bool:
        return self.moment is not None


class Killing:
    """Kills of one case, in copies of one project."""

    def __init__(self, name: str, history: Path, folder: Path, rows: int) -> None:
        """Take the case, the project with its history, and an empty folder for copies of it."""
        self.name = name
        self._case: Case = CASES[name]
        self._history = history
        self._folder = folder
        self._rows = rows
        self._number = 0

    @property
    def _volatile(self) -> bool:
        return self.name == _DATABASE

    @cached_property
    def prepared(self) -> Path:
        """A project in which it is still to be done."""
        root = self._folder / "prepared"
        shutil.copytree(self._history, root)
        self._case.prepare(root, self._rows)
        return root

    @cached_property
    def undisturbed(self) -> tuple[Path, list[Noted], float]:
        """A project in which it was done without a kill, its moments, and the seconds it took."""
        root = self._copy("undisturbed")
        started = time.monotonic()
        moments = self._run(root, None)
        return root, moments, time.monotonic() - started

    @cached_property
    def before(self) -> Snapshot:
        return snapshot(self.prepared, volatile=self._volatile)

    @cached_property
    def after(self) -> Snapshot:
        return snapshot(self.undisturbed[0], volatile=self._volatile)

    def _copy(self, name: str) -> Path:
        return Path(shutil.copytree(self.prepared, self._folder / name))

    def _run(self, root: Path, death: Death | float | None) -> list[Noted]:
        return in_process(self.name, root, death)

    def kill(self, death: Death | float) -> Outcome:
        """Kill at a moment, or so many seconds after the start; then start twice, and compare."""
        self._number += 1
        root = self._copy(f"killed-{self._number}")
        try:
            moments = self._run(root, death)
            moment = moments[-1].moment if moments else BEGUN
            where, faults = self._compared(root)
        finally:
            shutil.rmtree(root)
        came_to = None if moment.startswith(ENDED) else moment
        return Outcome(self.name, came_to, where, tuple(faults))

    def _compared(self, root: Path) -> tuple[Where, list[str]]:
        """Return where a delivery is after a kill, and what is wrong after the next starts."""
        try:
            halfway = snapshot(root, volatile=self._volatile)
        except duckdb.Error as error:
            return "in part", [f"the warehouse cannot be opened: {error}"]
        return self._where(halfway), self._restarted(root)

    def _where(self, halfway: Snapshot) -> Where:
        if halfway == self.after:
            return "wholly in"
        return "not in" if halfway == self.before else "in part"

    def _restarted(self, root: Path) -> list[str]:
        whole, *_ = self.undisturbed
        faults: list[str] = []
        for start in ("first", "second"):
            last = self._run(root, None)[-1].moment
            found = snapshot(root, volatile=self._volatile)
            differ = differences(found, self.after, root, whole)
            faults += [f"after the {start} start, {one}" for one in differ]
        if not (self._case.endless or last == NOTHING_DONE):
            faults.append(f"the second start {last}")
        return faults + wrong_entries(root) + left_behind(root)


def in_process(name: str, root: Path, death: Death | float | None = None) -> list[Noted]:
    """Do what a case or the history does in a process of its own; return its moments.

    With a number, the process is killed so many seconds after its start from outside.
    Raises AssertionError where it fails, or does not die although it came to its death.
    """
    path = root.with_name(f"{root.name}.moments")
    path.unlink(missing_ok=True)
    from_inside = death if isinstance(death, Death) else None
    process = PROCESSES.Process(target=run, args=(name, root, path, from_inside))
    process.start()
    if isinstance(death, float):
        process.join(death)
        process.kill()
    process.join(TIMEOUT)
    if process.is_alive():
        process.kill()
        raise AssertionError(f"{name} in {root} is stuck: {noted(path)[-1:]}")
    if process.exitcode not in ((0,) if death is None else (0, -9, -14)):
        raise AssertionError(f"{name} in {root} ended with {process.exitcode}, see above")
    return noted(path)
