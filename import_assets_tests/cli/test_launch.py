"""Starting imports through Dagster: what is heard of a run, and which instance is used."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from import_assets.orchestration.launch import InstanceError, launch, open_instance
from import_assets.spec.loading import load
from import_assets_tests.cli.shop import Shop

pytestmark = pytest.mark.slow


def test_waiting_inside_a_run_is_heard_and_progress_seen(imported: Shop):
    said: list[str] = []
    seen: list[tuple[str, int, int]] = []
    loaded = load(imported.root)
    with (
        (imported.root / "data/warehouse.duckdb.lock").open("r+b") as lock,
        open_instance(imported.root, said.append) as instance,
    ):

        def say(sentence: str) -> None:
            said.append(sentence)
            fcntl.flock(lock, fcntl.LOCK_UN)

        fcntl.flock(lock, fcntl.LOCK_EX)
        launched = launch(
            instance,
            loaded,
            loaded.imports["prices"],
            ["prices.csv"],
            watch=lambda *one: seen.append(one),
            say=say,
        )
    assert len(said) == 1, "neither what is told by results nor Dagster's own words"
    assert "Waiting for the warehouse" in said[0]
    size = (imported.root / "exports/prices.csv").stat().st_size
    assert ("prices.csv", size, size) in seen
    (arrival,) = launched.arrivals
    assert arrival.counts is not None
    assert arrival.counts.inserted == 2


def test_a_delivery_that_vanished_is_told_and_the_others_go_on(imported: Shop):
    loaded = load(imported.root)
    with open_instance(imported.root, print) as instance:
        launched = launch(
            instance,
            loaded,
            loaded.imports["prices"],
            ["gone.csv", "prices.csv"],
            say=print,
        )
    gone, prices = launched.arrivals
    assert gone.counts is None
    assert "there is no file 'gone.csv'" in (gone.failure or "")
    assert prices.counts is not None
    assert launched.failure is None


def test_dagster_home_goes_before_the_projects_own_settings(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    with open_instance(shop.root, print) as instance:
        assert instance.root_directory == str(home)
    assert not (shop.root / ".dagster").exists()


def test_of_two_first_runs_the_second_waits_until_the_storage_is_made(shop: Shop):
    lock = shop.write(".dagster/opening.lock", "").open("r+b")
    said: list[str] = []

    def say(sentence: str) -> None:
        said.append(sentence)
        assert not (shop.root / ".dagster/storage").exists()
        fcntl.flock(lock, fcntl.LOCK_UN)

    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with open_instance(shop.root, say) as instance:
            assert instance.get_runs_count() == 0
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert said == ["Waiting for Dagster's storage, in use by another process"]


def test_settings_that_are_wrong_are_said(shop: Shop):
    shop.write("dagster.yaml", "storage: {sqlite: {nonsense: true}}\n")
    with (
        pytest.raises(InstanceError, match="cannot be opened"),
        open_instance(shop.root, print),
    ):
        pass
