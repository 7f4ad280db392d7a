"""A job: what is measured side by side, and what is expected of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from benchmarks.measuring import Figures

Figure = Literal["wall", "cpu", "peak"]


class WrongResult(Exception):
    """Something that was measured did not do what it had to; says what it did instead."""


@dataclass(frozen=True)
class Sample:
    """What one run took, and numbers of its own that it told, by name."""

    figures: Figures
    told: Mapping[str, float] = field(default_factory=dict)

    def value(self, name: str) -> float:
        """Return a figure, or a number that was told."""
        return self.told[name] if name in self.told else float(getattr(self.figures, name))


@dataclass(frozen=True)
class Side:
    """One thing to measure. `run` runs it once, raising WrongResult where its result is wrong.

    `rounds` is how often at most, for what takes long.
    """

    name: str
    run: Callable[[], Sample]
    rounds: int | None = None


@dataclass(frozen=True)
class Goal:
    """That a figure of a side is at most so much, or at most so many times that of another side.

    `figure` is of `Figures`, or a number that the run tells; seconds, MB or bytes, as `unit` says.
    """

    of: str
    most: float
    to: str | None = None
    figure: str = "wall"
    of_figure_to: str | None = None
    unit: str = ""

    @property
    def text(self) -> str:
        """The goal in words."""
        what = {"wall": "time", "peak": "peak memory", "cpu": "CPU time"}.get(
            self.figure, self.figure
        )
        if self.to is None:
            return f"{what} of {self.of} ≤ {self.most:,.9g} {self.unit}".strip()
        other = f" ({self.of_figure_to})" if self.of_figure_to else ""
        return f"{what} of {self.of} ≤ {self.most:g} × {self.to}{other}"


@dataclass(frozen=True)
class Job:
    """What belongs together: `about` says in a sentence or two what is done."""

    name: str
    about: str
    sides: tuple[Side, ...]
    goals: tuple[Goal, ...]


Maker = Callable[[Path], Job]
"""Makes what a job needs in a folder, unless it lies there, and returns the job."""
