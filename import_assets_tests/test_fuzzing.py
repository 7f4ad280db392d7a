"""Whatever bytes come in, the code under test and its second opinions agree; and a finding is told.

Long runs are led by coverage, see `fuzzing`; here some hundred inputs of each target are judged.
"""

from __future__ import annotations

import importlib.util
import time
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from fuzzing import __main__ as command
from fuzzing import plain, rounds
from fuzzing.places import MODULES, PLACES, load
from fuzzing.target import HANG_SECONDS, Finding, Target

RUNS = {
    "csv": 120,
    "layouts": 500,
    "xml": 400,
    "dates": 40,
    "definitions": 400,
    "cursors": 400,
    "archives": 600,
}


@pytest.mark.parametrize("name", PLACES)
def test_mutated_seeds(name: str) -> None:
    """M018, M058, M059, M081-M084, M104-M107, b.4: no crash, no other outcome, nothing lost."""
    target = load(name)
    assert plain.run(target, RUNS[name]) >= RUNS[name] * 0.8


@pytest.mark.parametrize("name", PLACES)
def test_the_modules_that_are_watched_are_there(name: str) -> None:
    for module in MODULES[name]:
        assert importlib.util.find_spec(module) is not None, module


def wrong(data: bytes) -> int:
    if b"<" in data:
        raise Finding("an angle")
    return 1


def target(**said: object) -> Target:
    made = Target("made up", "inputs", wrong, lambda: [b"a", b"b"], (b"<",), 20)
    return replace(made, **said)  # pyright: ignore[reportArgumentType] - fields of the tests


def test_what_takes_too_long_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter([0.0, HANG_SECONDS + 0.1])
    monkeypatch.setattr(time, "process_time", lambda: next(ticks))
    with pytest.raises(Finding, match=r"took 2\.1 seconds"):
        target().judge(b"a")


def test_a_finding_is_kept_and_can_be_repeated(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(command, "load", lambda _: target())
    told = CliRunner().invoke(
        command.main, ["csv", "--plain", "--runs", "200", "--folder", str(tmp_path)]
    )
    kept = tmp_path / "csv" / "finding-plain"
    assert told.exit_code == 1
    assert f"--repeat {kept}" in told.output
    assert b"<" in kept.read_bytes()
    again = CliRunner().invoke(command.main, ["csv", "--repeat", str(kept)])
    assert isinstance(again.exception, Finding)


def test_a_run_without_finding_tells_what_it_did(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(command, "load", lambda _: target(check=lambda _: 3))
    told = CliRunner().invoke(
        command.main, ["csv", "--plain", "--runs", "20", "--folder", str(tmp_path)]
    )
    assert (told.exit_code, told.output) == (0, "made up: 20 inputs, 60 inputs, 0 s\n")


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None, reason="atheris is missing, see CONTRIBUTING.md"
)
def test_coverage_leads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run goes on in rounds, over one corpus, and knows which branches it has met."""
    monkeypatch.setattr(rounds, "ROUND", 150)
    first, second = rounds.fuzz(load("cursors"), 300, tmp_path, seed=1)
    assert (first.inputs, second.inputs) == (150, 300)
    assert second.units == 300
    assert second.branches >= first.branches > 5
    assert second.finding is None
