"""Loading a code location of a thousand imports."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmarks.job import Goal, Job, Sample, Side
from benchmarks.measuring import run_module
from benchmarks.projects import expect, project

_COUNT, _TABLES = 1_000, 100
_IMPORTS = f"{_COUNT:,} imports"
_PLAIN = f"{_COUNT:,} plain assets"
_TRIGGERED = f"{_COUNT:,} assets with partitions and sensors"
_NOTHING = "no assets"

_DEFINITION = """\
kind: {{events: kind_{table}}}
source: {{storage: {{folder: files, files: "{name}_*.csv"}}}}
columns:
  - {{from: customer, id: registered}}
  - {{from: ts, timestamp: true}}
  - {{from: total, type: number}}
run: {{on_new_file: true}}
"""


def job(folder: Path) -> Job:
    """Return the job."""
    definitions = {
        name: _DEFINITION.format(name=name, table=number % _TABLES)
        for number, name in ((number, f"import_{number:04d}") for number in range(_COUNT))
    }

    def load(what: str, assets: int) -> Callable[[], Sample]:
        def run() -> Sample:
            own = definitions if what == "imports" else {}
            with project(folder, own) as root:
                figures, printed = run_module("location", what, str(_COUNT), str(root))
            expect(f"assets of {what}", max(int(printed), assets), int(printed))
            return Sample(figures)

        return run

    return Job(
        "location",
        f"A fresh process loads {_IMPORTS} into {_TABLES} tables, each with partitions, a sensor "
        "and checks, and "
        "describes them as Dagster's server of code does. Plain assets are made in a loop and "
        "have nothing else.",
        (
            Side(_IMPORTS, load("imports", _COUNT + _TABLES)),
            Side(_PLAIN, load("assets", _COUNT)),
            Side(_TRIGGERED, load("triggered", _COUNT)),
            Side(_NOTHING, load("nothing", 0)),
        ),
        (Goal(_IMPORTS, 1.5, _PLAIN),),
    )
