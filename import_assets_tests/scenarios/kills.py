"""Kills, and what came of them: `python -m import_assets_tests.scenarios.kills --times 400`.

Kills each kind of import, and what else writes to the warehouse, at every named moment, at random
statements, inside the commit and the checkpoint, and at random moments from outside. Prints a table
of the moments at which the processes died. Ends with 1 if after any of the kills a delivery was in
by half, or if anything differed after the restart from a project that was never disturbed.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from import_assets_tests.scenarios.kill_cases import CASES, make_history
from import_assets_tests.scenarios.kill_driver import (
    BEGUN,
    CLOSING,
    COMMITTING,
    ENDED,
    HISTORY,
    STATEMENT,
    Death,
    Noted,
)
from import_assets_tests.scenarios.killing import Killing, Outcome, in_process

ROWS = 30_000
"""Of each file: enough for a process to be somewhere else than at its start when it is killed."""

_HEAD = (
    "| killed | times | not in | wholly in | in part | equal after the restart |",
    "| --- | ---: | ---: | ---: | ---: | ---: |",
)
_LATE = "done before it was killed"
_ORDER = (
    "before it begins",
    BEGUN,
    "fetching",
    "after fetching",
    "reading",
    "staging",
    "a block is staged",
    "before the rename",
    "after the rename",
    "opening the warehouse",
    STATEMENT,
    "after the turn is taken",
    "after the journal is opened",
    "after the rows",
    "after the ledger's row",
    "after the rejects",
    "after a batch is taken back",
    "refusing",
    "before the refusal is cleared",
    COMMITTING,
    "after the commit",
    CLOSING,
    "after closing the warehouse",
    "before the batch is removed",
    "while the batch is removed",
    "after the batch is removed",
    _LATE,
)


def deaths(killing: Killing, drawn: random.Random) -> Iterator[Death | float]:
    """Yield moments to die at without end: each named one once, with random ones between them."""
    times = Counter(one.moment for one in killing.undisturbed[1])
    named = [
        Death(moment, drawn.randint(1, number))
        for moment, number in times.items()
        if not moment.startswith(ENDED)
    ]
    drawn.shuffle(named)
    at_random = random_deaths(killing, drawn)
    for one in named:
        yield one
        yield next(at_random)
    yield from at_random


def random_deaths(killing: Killing, drawn: random.Random) -> Iterator[Death | float]:
    """Yield random moments without end: half of them from outside, the rest where it matters."""
    _, moments, seconds = killing.undisturbed
    times = Counter(one.moment for one in moments)
    while True:
        yield drawn.uniform(0, seconds)
        yield _within(drawn.choice((COMMITTING, CLOSING)), moments, times, drawn)
        yield drawn.uniform(0, seconds)
        yield Death(STATEMENT, drawn.randint(1, times[STATEMENT]))


def _within(
    moment: str, moments: Sequence[Noted], times: Counter[str], drawn: random.Random
) -> Death:
    """Return a death between a moment and what comes after it."""
    chosen = drawn.randint(1, times[moment])
    at = [place for place, one in enumerate(moments) if one.moment == moment][chosen - 1]
    return Death(moment, chosen, drawn.uniform(0, moments[at + 1].at - moments[at].at) or 1e-6)


def kill_all(times: int, seed: int, rows: int, folder: Path) -> Iterator[Outcome]:
    """Kill so many times in all, in turn over all cases; yield what came of each kill."""
    drawn = random.Random(seed)
    history = make_history(folder / "history", rows)
    in_process(HISTORY, history)
    for number, name in enumerate(CASES):
        home = folder / f"case-{number}"
        home.mkdir()
        killing = Killing(name, history, home, rows)
        started = time.monotonic()
        share = times // len(CASES) + (number < times % len(CASES))
        planned = deaths(killing, drawn)
        for _ in range(share):
            yield killing.kill(next(planned))
        seconds = time.monotonic() - started
        sys.stderr.write(f"{name}: {share} kills in {seconds:.0f} s\n")


def table(outcomes: Sequence[Outcome]) -> str:
    """Return the outcomes by the moment of death, as a table of Markdown."""
    by_moment: defaultdict[str, list[Outcome]] = defaultdict(list)
    for one in outcomes:
        by_moment[one.moment or _LATE].append(one)
    in_order = sorted(by_moment, key=_ORDER.index)
    lines = [_line(moment, by_moment[moment]) for moment in in_order]
    return "\n".join([*_HEAD, *lines, _line("in all", outcomes)])


def by_case(outcomes: Sequence[Outcome]) -> str:
    """Return the outcomes by what was killed, as a table of Markdown."""
    of_case = {name: [one for one in outcomes if one.case == name] for name in CASES}
    return "\n".join([*_HEAD, *(_line(name, found) for name, found in of_case.items())])


def _line(name: str, outcomes: Sequence[Outcome]) -> str:
    where = Counter(one.where for one in outcomes)
    equal = sum(not one.faults for one in outcomes)
    figures = (len(outcomes), where["not in"], where["wholly in"], where["in part"], equal)
    return f"| {name} | {' | '.join(map(str, figures))} |"


def main() -> int:
    """Kill as the arguments say; return 1 where a kill did harm, else 0."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=400, help="how many kills in all")
    parser.add_argument("--seed", type=int, default=1, help="of the random moments")
    parser.add_argument("--rows", type=int, default=ROWS, help="of each file")
    said = parser.parse_args()
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        for one in kill_all(said.times, said.seed, said.rows, Path(folder)):
            outcomes.append(one)
            if one.faults or one.where == "in part":
                told = "\n  ".join((f"{one.case}, killed {one.moment}: {one.where}", *one.faults))
                sys.stderr.write(f"{told}\n")
    sys.stdout.write(f"{table(outcomes)}\n\n{by_case(outcomes)}\n")
    return int(any(one.faults or one.where == "in part" for one in outcomes))


if __name__ == "__main__":
    sys.exit(main())
