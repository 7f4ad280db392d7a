"""A sensor looks at a hundred thousand files that are all known."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.job import Goal, Job, Sample, Side
from benchmarks.measuring import run_module
from benchmarks.projects import expect

_OBJECTS, _TICKS = 100_000, 4
_BUCKET, _FOLDER = "looks at a bucket", "looks at a folder"
_STUB = {"AWS_ACCESS_KEY_ID": "benchmark", "AWS_SECRET_ACCESS_KEY": "benchmark"}
"""The stub asks for no key, but the client signs with one."""


def job(_folder: Path) -> Job:
    """Return the job."""
    return Job(
        "sensor",
        f"{_OBJECTS:,} files in a bucket or a folder, all imported before; {_TICKS} listings and "
        f"{_TICKS} ticks in turn, in one process. The bucket is a stub of S3 that answers at once, "
        "so the listing is the client's own work.",
        (Side(_BUCKET, lambda: _looks("bucket")), Side(_FOLDER, lambda: _looks("folder"))),
        tuple(
            goal
            for side in (_BUCKET, _FOLDER)
            for goal in (
                Goal(side, 2.0, figure="seconds of a tick", unit="s"),
                Goal(side, 2.0, figure="tick / listing alone"),
                Goal(side, 1_000_000, figure="bytes of the cursor", unit="bytes"),
            )
        ),
    )


def _looks(place: str) -> Sample:
    figures, printed = run_module("tick", str(_OBJECTS), str(_TICKS), place, environment=_STUB)
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
