"""What is measured is what a process and its children took, and goals are judged by it."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from benchmarks import page, rounds
from benchmarks.job import Goal, Job, Sample, Side
from benchmarks.measuring import Figures, MeasuredFailed, run, run_command

_HOLD = "import time; held = bytearray({megabytes} * 2**20); time.sleep(0.4)"
_WITH_CHILD = """
import subprocess, sys
held = bytearray(40 * 2**20)
subprocess.run([sys.executable, "-c", sys.argv[1]], check=True)
print("done")
"""


def test_memory_is_that_of_all_processes_together() -> None:
    figures, printed = run(_WITH_CHILD, _HOLD.format(megabytes=60))
    assert printed == "done\n"
    assert 100 < figures.peak < 160


def test_memory_is_not_that_of_the_process_that_measures() -> None:
    held = bytearray(200 * 2**20)
    figures, _ = run(_HOLD.format(megabytes=1))
    assert len(held) > 0
    assert 1 < figures.peak < 100


def test_seconds_of_the_clock_and_of_the_processor_are_told_apart() -> None:
    started = time.perf_counter()
    figures, _ = run("import time; time.sleep(0.5)")
    assert 0.5 < figures.wall <= time.perf_counter() - started
    assert figures.cpu < figures.wall


def test_a_process_that_fails_says_why() -> None:
    with pytest.raises(MeasuredFailed, match="no such thing"):
        run_command([sys.executable, "-c", "raise SystemExit('no such thing')"])


def _side(name: str, *walls: float) -> Side:
    left = iter(walls)
    return Side(name, lambda: Sample(Figures(next(left), 1.0, 500.0), {"rows": 7.0}))


JOB = Job(
    "one",
    "What is done.",
    (_side("ours", 2.0, 8.0, 3.0), _side("theirs", 1.0, 8.0, 1.5)),
    (
        Goal("ours", 2.0, "theirs"),
        Goal("ours", 1.5, "theirs"),
        Goal("ours", 400, figure="peak", unit="MB"),
        Goal("ours", 7, figure="rows"),
    ),
)


@pytest.fixture(scope="module")
def result() -> rounds.Result:
    return rounds.measure(JOB, 3, lambda _: None)


def test_ratios_are_of_runs_that_followed_each_other(result: rounds.Result) -> None:
    assert [(one.reached, one.met) for one in result.judged] == [
        (2.0, True),
        (2.0, False),
        (500.0, False),
        (7.0, True),
    ]
    assert result.measured[0].medians == {"wall": 3.0, "cpu": 1.0, "peak": 500.0, "rows": 7.0}


def test_a_result_is_kept(tmp_path: Path, result: rounds.Result) -> None:
    rounds.keep(result, tmp_path / "results")
    assert rounds.kept(tmp_path / "results", "one") == result
    assert rounds.kept(tmp_path / "results", "another") is None


def test_the_page_names_the_machine_and_says_what_was_missed(result: rounds.Result) -> None:
    text = page.page([result])
    assert f"Python {sys.version.split()[0]}" in text
    assert "| [one](#one): time of ours ≤ 2 × theirs | 2.00 × | met |" in text
    assert "| [one](#one): time of ours ≤ 1.5 × theirs | 2.00 × | **missed** |" in text
    assert "| ours | 3 | 3.00 | 1.00 | 500 |" in text
