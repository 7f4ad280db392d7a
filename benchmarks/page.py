"""The page of results, `docs/benchmarks.md`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.measuring import REPOSITORY
from benchmarks.rounds import Judged, Measured, Result

PAGE = REPOSITORY / "docs" / "benchmarks.md"

_HEAD = """\
# Benchmarks

Written by `python -m benchmarks --write`. `make bench` measures everything, and
`make bench JOBS="events xml" RUNS=5` some of it.

Each run is a process of its own, from its start to its end, and its result is checked against what
the generator of the input knows: counts, and sums or a checksum of the content. A wrong result
fails the job. The sides of a job take turns; figures are medians, and a ratio is the median of the
ratios of runs that followed each other. Memory is the peak of all processes of a run together.
Files lie in the system's cache. [Speed](decisions.md#speed) says what was tried for the goals that
are missed, and where the time goes.
"""


def page(results: Sequence[Result]) -> str:
    """Return the page of these results."""
    return "\n".join(_lines(results))


def _lines(results: Sequence[Result]) -> Iterator[str]:
    yield _HEAD
    yield from _machines(results)
    yield "| goal | reached | |"
    yield "| --- | --- | --- |"
    for result in results:
        for one in result.judged:
            yield f"| [{result.job}](#{result.job}): {one.text} | {reached(one)} | {_word(one)} |"
    for result in results:
        yield ""
        yield from _section(result)


def _machines(results: Sequence[Result]) -> Iterator[str]:
    """Say the machine once where all jobs had the same; where not, each job with its own."""
    groups: dict[str, list[str]] = {}
    for result in results:
        text = "; ".join(
            what if name in ("processor", "memory", "system") else f"{name} {what}"
            for name, what in result.machine.items()
        )
        groups.setdefault(text, []).append(result.job)
    for text, jobs in groups.items():
        which = "" if len(groups) == 1 else f" ({', '.join(jobs)})"
        yield f"Machine{which}: {text}."
        yield ""


def _section(result: Result) -> Iterator[str]:
    yield f"## {result.job}"
    yield ""
    yield result.about
    yield ""
    yield "| | runs | seconds | CPU seconds | peak MB |"
    yield "| --- | --: | --: | --: | --: |"
    for one in result.measured:
        wall, cpu, peak = (one.medians[name] for name in ("wall", "cpu", "peak"))
        yield f"| {one.name} | {one.rounds} | {wall:.2f} | {cpu:.2f} | {peak:,.0f} |"
    yield ""
    for one in result.measured:
        yield from _told(one)
    yield f"Measured {result.at} UTC; {result.load:.1f} processes wanted to run when it began."


def _told(measured: Measured) -> Iterator[str]:
    others = {n: v for n, v in measured.medians.items() if n not in ("wall", "cpu", "peak")}
    if others:
        told = ", ".join(f"{name} {number(value)}" for name, value in others.items())
        yield f"{measured.name}: {told}."
        yield ""


def reached(judged: Judged) -> str:
    """Return what was reached, in words."""
    return f"{number(judged.reached)} {judged.unit}".strip()


def number(value: float) -> str:
    """Return a number as one reads it: two places where it is small."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def _word(judged: Judged) -> str:
    return "met" if judged.met else "**missed**"
