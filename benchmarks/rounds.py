"""Measuring the sides of a job in turn, and what comes of it."""

from __future__ import annotations

import datetime as dt
import json
import statistics
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.job import Goal, Job, Sample


@dataclass(frozen=True)
class Measured:
    """Medians of a side over its rounds, by figure and by what the runs told."""

    name: str
    rounds: int
    medians: Mapping[str, float]


@dataclass(frozen=True)
class Judged:
    """A goal and what was reached: `reached` is in the goal's unit, or a ratio.

    A ratio is the median of the ratios of runs that followed each other, so that what slows the
    machine down for a while slows both.
    """

    text: str
    most: float
    reached: float
    unit: str

    @property
    def met(self) -> bool:
        """True where the goal is reached."""
        return self.reached <= self.most


@dataclass(frozen=True)
class Result:
    """What came of a job. `load` is how many processes wanted to run when it began."""

    job: str
    about: str
    at: str
    load: float
    machine: Mapping[str, str]
    measured: tuple[Measured, ...]
    judged: tuple[Judged, ...]


Say = Callable[[str], None]


def measure(job: Job, runs: int, say: Say) -> Result:
    """Run every side in turn, `runs` rounds or as many as it wants at most.

    Raises WrongResult and MeasuredFailed.
    """
    at, load = dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M"), machine.load()
    samples: dict[str, list[Sample]] = {side.name: [] for side in job.sides}
    for number in range(runs):
        for side in job.sides:
            if side.rounds is None or number < side.rounds:
                sample = side.run()
                samples[side.name].append(sample)
                wall, cpu, peak = sample.figures
                say(f"  {side.name:<44}{wall:8.2f} s {cpu:8.2f} CPU s {peak:7.0f} MB")
    measured = tuple(Measured(name, len(own), medians(own)) for name, own in samples.items())
    judged = tuple(judge(goal, samples) for goal in job.goals)
    return Result(job.name, job.about, at, load, machine.described(), measured, judged)


def medians(samples: list[Sample]) -> dict[str, float]:
    """Return the medians of all that was measured and told."""
    names = ["wall", "cpu", "peak", *samples[0].told]
    return {name: statistics.median(one.value(name) for one in samples) for name in names}


def judge(goal: Goal, samples: Mapping[str, list[Sample]]) -> Judged:
    """Return what was reached of a goal."""
    own = [one.value(goal.figure) for one in samples[goal.of]]
    if goal.to is not None:
        others = [one.value(goal.figure) for one in samples[goal.to]]
        own = [mine / other for mine, other in zip(own, others, strict=False)]
    return Judged(goal.text, goal.most, statistics.median(own), "×" if goal.to else goal.unit)


def keep(result: Result, folder: Path) -> None:
    """Keep a result, instead of the one that the job had before."""
    folder.mkdir(exist_ok=True)
    text = json.dumps(asdict(result), indent=1)
    (folder / f"{result.job}.json").write_text(text, encoding="utf-8")


def kept(folder: Path, name: str) -> Result | None:
    """Return the last result of a job, if it was ever measured."""
    path = folder / f"{name}.json"
    if not path.exists():
        return None
    told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    measured = tuple(Measured(**one) for one in told.pop("measured"))
    judged = tuple(Judged(**one) for one in told.pop("judged"))
    return Result(**told, measured=measured, judged=judged)
