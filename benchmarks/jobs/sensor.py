"""A sensor looks at a hundred thousand files that are all known."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.job import Goal, Job, Sample, Side
from benchmarks.measuring import run_module
from benchmarks.projects import expect

_OBJECTS, _TICKS = 100_000, 6
_LOOKS = "looks"
_STUB = {"AWS_ACCESS_KEY_ID": "benchmark", "AWS_SECRET_ACCESS_KEY": "benchmark"}
"""The stub asks for no key, but the client signs with one."""


def job(_folder: Path) -> Job:
    """Return the job."""
    return Job(
        "sensor",
        f"A bucket of {_OBJECTS:,} objects, all imported before; {_TICKS} listings and {_TICKS} "
        "ticks in turn, in one "
        "process. The bucket is a stub that answers at once, so the listing is the client's own "
        "work.",
        (Side(_LOOKS, _looks),),
        (
            Goal(_LOOKS, 2.0, figure="seconds of a tick", unit="s"),
            Goal(_LOOKS, 2.0, figure="tick / listing alone"),
            Goal(_LOOKS, 1_000_000, figure="bytes of the cursor", unit="bytes"),
        ),
    )


def _looks() -> Sample:
    figures, printed = run_module("tick", str(_OBJECTS), str(_TICKS), environment=_STUB)
    told = json.loads(printed)
    expect("objects", told["objects"], _OBJECTS)
    return Sample(
        figures,
        {
            "seconds of a listing": told["listing"],
            "seconds of a tick": told["tick"],
            "tick / listing alone": told["tick"] / told["listing"],
            "seconds of the first tick": told["first tick"],
            "bytes of the cursor": told["cursor"],
            "bytes more in Dagster's storage": told["storage"],
        },
    )
