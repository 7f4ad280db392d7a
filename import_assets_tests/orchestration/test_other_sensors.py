"""The sensor that only shows files, and the one that finds runs whose process was killed."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest

from import_assets.errors import SourceError
from import_assets.orchestration import alive
from import_assets.orchestration.schedules import evaluate
from import_assets_tests.orchestration.site import CUSTOMERS, START, Site

BY_HAND = CUSTOMERS.replace("run: {on_new_file: true}\n", "")


def test_files_are_shown_and_not_started(site: Site) -> None:
    """Where a definition says nothing of when to run, a user launches partitions by hand."""
    site.define("crm", BY_HAND)
    for name in "cab":
        site.put(f"in/{name}.csv", "id\n1\n")
    site.put("in/other.txt", "")
    tick = site.look("crm_files")
    assert tick.added == ["c.csv", "a.csv", "b.csv"], "in the order in which they came"
    assert tick.asked == []
    assert tick.note == "3 new files to be launched by hand or by the schedule"
    tick = site.look("crm_files")
    assert tick.added == []
    assert tick.note == "3 files, none of them new"
    site.put("in/d.csv", "id\n1\n")
    assert site.look("crm_files").added == ["d.csv"]


def test_files_that_cannot_be_shown_are_an_error(site: Site) -> None:
    site.define("crm", BY_HAND)
    with pytest.raises(SourceError, match=f"{site.root}/in"):
        site.look("crm_files")


def test_files_shown_first_come_in_one_run_of_the_schedule(site: Site) -> None:
    """The order of the partitions is that in which a run takes the files."""
    site.define("crm", BY_HAND + 'run: {daily: ["06:00"]}\n')
    for name in "cab":
        site.put(f"in/{name}.csv", "id\n1\n")
    site.look("crm_files")
    requests = evaluate(site.instance, site.definition(), START)
    assert isinstance(requests, list)
    assert len(requests) == 1


# --- interrupted runs ---------------------------------------------------------------------------


@pytest.fixture
def run(site: Site) -> dg.DagsterRun:
    """A run that has started, and of which nothing more was heard."""
    site.define("crm")
    site.put("in/a.csv", "id,age\n1,1\n")
    return site.pretend(site.look(start=False).requests[0])


def lock_file(site: Site, run: dg.DagsterRun, host: str) -> Path:
    """The lock file that a run on a machine leaves."""
    path = site.root / "data" / "staging" / ".runs" / f"{run.run_id}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(host, encoding="utf-8")
    return path


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock as the process of the run would."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def status(site: Site, run: dg.DagsterRun) -> dg.DagsterRunStatus:
    found = site.instance.get_run_by_id(run.run_id)
    assert found is not None
    return found.status


def test_a_run_whose_process_died_is_failed(site: Site, run: dg.DagsterRun) -> None:
    """So that it is tried again, and its files are not waited for any longer."""
    path = lock_file(site, run, socket.gethostname())
    assert site.look().note == "1 file matches: 1 asked for and not finished"
    assert site.look("interrupted_runs").note == "1 of 1 started runs were interrupted"
    assert status(site, run) == dg.DagsterRunStatus.FAILURE
    said = [
        entry.dagster_event.message
        for entry in site.instance.all_logs(run.run_id)
        if entry.dagster_event
    ]
    assert str(said[-1]).startswith("The process of this run was killed")
    assert not path.exists()
    assert site.look("interrupted_runs").note == "0 of 0 started runs were interrupted"
    assert site.look(start=False).asked == [("a.csv",)]


def test_a_run_at_work_is_left_alone(site: Site, run: dg.DagsterRun) -> None:
    with locked(lock_file(site, run, socket.gethostname())):
        assert site.look("interrupted_runs").note == "0 of 1 started runs were interrupted"
    assert status(site, run) == dg.DagsterRunStatus.STARTED


@pytest.mark.parametrize("host", ["elsewhere.example.com", ""])
def test_a_run_of_another_machine_is_left_alone(site: Site, run: dg.DagsterRun, host: str) -> None:
    """Locks on network drives cannot be relied on; `run_monitoring` is for these."""
    path = lock_file(site, run, host)
    assert site.look("interrupted_runs").note == "0 of 1 started runs were interrupted"
    assert status(site, run) == dg.DagsterRunStatus.STARTED
    assert path.exists()


def test_a_run_that_never_held_a_lock_is_left_alone(site: Site, run: dg.DagsterRun) -> None:
    assert site.look("interrupted_runs").note == "0 of 1 started runs were interrupted"
    assert status(site, run) == dg.DagsterRunStatus.STARTED


def test_a_run_that_ended_meanwhile_is_left_alone(
    site: Site, run: dg.DagsterRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process is gone because it was done."""

    def state(*_: object) -> str:
        site.instance.report_run_canceled(run)
        return "dead"

    monkeypatch.setattr(alive, "state", state)
    site.look("interrupted_runs")
    assert status(site, run) == dg.DagsterRunStatus.CANCELED
