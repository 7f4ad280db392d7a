"""`replay`: rejects through the command and Dagster, with what the UI shows of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from import_assets_tests.cli.shop import Shop


def _mended(shop: Shop) -> Path:
    text = shop.call("rejects", "orders").stdout
    return shop.write("mended.csv", text.replace("2,,then,'=1+1", "2,3,1700000009,2"))


def test_a_dry_run_tells_and_writes_nothing(imported: Shop):
    file = _mended(imported)
    (told,) = imported.json("replay", "orders", str(file), "--dry-run")
    assert (told["delivery"], told["outcome"]) == ("orders_2.csv", "would be replayed")
    assert (told["read"], told["inserted"], told["rejected"]) == (1, 1, 0)
    assert len(imported.json("rejects", "orders")) == 1


@pytest.mark.slow
def test_a_mended_file_comes_in_once_and_the_ui_shows_it(imported: Shop):
    file = _mended(imported)
    (told,) = imported.json("replay", "orders", str(file))
    assert (told["outcome"], told["inserted"]) == ("replayed", 1)
    assert imported.json("rejects", "orders") == []
    (again,) = imported.json("replay", "orders", str(file))
    assert (again["outcome"], again["inserted"]) == ("replayed before", 1)
    files = imported.json("files", "orders")
    assert [(one["state"], one["rejected"], one["outstanding"]) for one in files] == [
        ("imported", 0, 0),
        ("imported", 1, 0),
        ("replayed", 0, 0),
    ]
    (listed,) = (one for one in imported.json("list") if one["import"] == "orders")
    assert (listed["status"], listed["outstanding"], listed["remembered"]) == ("done", 0, 2)
    found = imported.query("SELECT _file, _row, total FROM events.purchase WHERE total = 2")
    assert found == [{"_file": "orders_2.csv", "_row": 2, "total": 2.0}]
    assert imported.json("run", "orders") == [], "nothing is new for it"
    assert imported.json("replay", "orders") == []

    from import_assets.orchestration.keys import import_key
    from import_assets.orchestration.launch import open_instance

    with open_instance(imported.root, print) as instance:
        event = instance.get_latest_materialization_event(import_key("orders"))
        assert event is not None
        materialization = event.asset_materialization
        assert materialization is not None
        values = {name: value.value for name, value in materialization.metadata.items()}
    assert materialization.partition == "orders_2.csv"
    assert values["rejects_outstanding"] == 0
    first = imported.query("SELECT batch_id FROM import_assets.batches WHERE replay_of IS NULL")
    assert values["replay_of"] in {one["batch_id"] for one in first}


def test_what_cannot_be_is_said(imported: Shop):
    for words, sentence in (
        (["order"], "did you mean orders?"),
        (["orders", "--batch", "zz"], "no batch 'zz'"),
        (["orders", "x.csv", "--batch", "zz"], "--batch goes without FILE"),
        (["orders", "nowhere.csv"], "nowhere.csv"),
    ):
        result = imported.call("replay", *words)
        assert result.exit_code == 2
        assert sentence in result.stderr
