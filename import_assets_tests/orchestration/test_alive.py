"""Whether the process of a run lives, found out from another process."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from import_assets.orchestration import alive
from import_assets.spec.loading import Project, load_project

_HOLDER = """
import sys
from pathlib import Path
from import_assets.orchestration import alive
from import_assets.spec.loading import load_project
alive.hold(load_project(Path(sys.argv[1])), sys.argv[2])
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return load_project(tmp_path)


@contextmanager
def holder(project: Project, run_id: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock of a run."""
    command = [sys.executable, "-c", _HOLDER, str(project.root), run_id]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def lock_file(project: Project, run_id: str) -> Path:
    return project.staging_path / ".runs" / f"{run_id}.lock"


def test_a_process_is_alive_until_it_is_killed(project: Project) -> None:
    with holder(project, "run") as process:
        assert alive.state(project, "run") == "alive"
        process.kill()
        process.wait()
        assert process.returncode == -9
        assert alive.state(project, "run") == "dead"
        assert alive.state(project, "run") == "dead", "asking does not change the answer"
    alive.release(project, "run")
    assert alive.state(project, "run") == "unknown"


def test_this_process_is_alive_until_it_lets_go(project: Project) -> None:
    alive.hold(project, "run")
    alive.hold(project, "run")
    assert alive.state(project, "run") == "alive"
    assert alive.state(project, "another") == "unknown"
    alive.release(project, "run")
    assert alive.state(project, "run") == "unknown"
    assert not lock_file(project, "run").exists()
    alive.release(project, "run")


def test_what_earlier_days_left_is_removed(project: Project) -> None:
    for run_id, age in (("old", 90_000), ("new", 80_000)):
        alive.hold(project, run_id)
        moment = time.time() - age
        os.utime(lock_file(project, run_id), (moment, moment))
    alive.hold(project, "run")
    assert not lock_file(project, "old").exists()
    assert lock_file(project, "new").exists()
    for run_id in ("old", "new", "run"):
        alive.release(project, run_id)
