"""`list`, `files`, `rejects`: what the books say, and forgetting."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from import_assets.spec.loading import load
from import_assets.warehouse import refusals
from import_assets.warehouse.refusals import Refusal
from import_assets.warehouse.warehouse import Warehouse
from import_assets_tests.cli.shop import Shop


def _listed(shop: Shop) -> dict[str, dict[str, object]]:
    return {one["import"]: one for one in shop.json("list")}


def test_m050_the_status_of_each_import(imported: Shop):
    imported.define("broken", "kind: customers\n")
    listed = _listed(imported)
    assert {name: one["status"] for name, one in listed.items()} == {
        "clients": "done",
        "orders": "partial",
        "partners": "never ran",
        "prices": "never ran",
        "signups": "never ran",
        "broken": "invalid",
    }
    clients = listed["clients"]
    assert (clients["table"], clients["runs"], clients["remembered"]) == (
        "customers",
        "on new file",
        2,
    )
    assert (clients["last_delivery"], clients["read"], clients["waiting"]) == (
        "clients_2.csv",
        1,
        0,
    )
    assert listed["prices"]["runs"] == "daily 06:00 UTC"
    assert listed["prices"]["waiting"] == 1
    assert (listed["orders"]["rejected"], listed["orders"]["outstanding"]) == (1, 1)
    assert "2 errors" in str(listed["broken"]["problem"])
    result = imported.call("list")
    assert result.exit_code == 0
    assert "broken: 2 errors in its definition: import-assets check" in result.stderr


def test_m050_beside_a_refusal_stands_nothing_of_the_delivery_before(imported: Shop):
    project = load(imported.root).project
    at = datetime.now(UTC).replace(tzinfo=None) + timedelta(hours=1)
    refusal = Refusal("clients_3.csv", "f", "d", "empty_file", "clients_3.csv: no header", at)
    with Warehouse(project.warehouse_path).write() as connection:
        refusals.record(connection, "clients", refusal)
    clients = _listed(imported)["clients"]
    assert (clients["status"], clients["last_delivery"]) == ("refused", "clients_3.csv")
    assert str(clients["last_at"]).startswith(at.isoformat(timespec="seconds"))
    assert (clients["read"], clients["rejected"]) == (None, None)
    assert clients["remembered"] == 2
    assert "clients: clients_3.csv: no header" in imported.call("list").stderr


def test_a_project_where_nothing_ran(shop: Shop):
    listed = _listed(shop)
    assert {one["status"] for one in listed.values()} == {"never ran"}
    assert listed["clients"]["waiting"] == 2
    assert not (shop.root / "data").exists()
    assert not (shop.root / "uploads").exists()


def test_a_missing_folder_does_not_hide_the_others(shop: Shop):
    shop.root.joinpath("exports").rename(shop.root / "elsewhere")
    result = shop.call("list")
    assert result.exit_code == 0
    assert "exports does not exist" in result.stderr
    assert len(_listed(shop)) == 5


def test_an_import_whose_definition_is_gone_is_still_listed(imported: Shop):
    imported.root.joinpath("imports/clients.yaml").unlink()
    one = _listed(imported)["clients"]
    assert one["status"] == "no definition"
    assert "import-assets delete clients" in str(one["problem"])
    assert len(imported.json("files", "clients")) == 2


def test_m018_what_is_remembered_and_what_lies_there(imported: Shop):
    imported.write("exports/clients_3.csv", "id\n1\n")
    imported.age("exports/clients_3.csv", 1)
    imported.root.joinpath("exports/clients_1.csv").unlink()
    found = imported.json("files", "clients")
    assert [(one["delivery"], one["state"], one["in_folder"]) for one in found] == [
        ("clients_1.csv", "imported", False),
        ("clients_2.csv", "imported", True),
        ("clients_3.csv", "new", True),
    ]
    assert found[0]["read"] == 3
    assert found[0]["at"].endswith("+00:00")


def test_a_young_file_is_settling(imported: Shop):
    text = imported.root.joinpath("imports/clients.yaml").read_text(encoding="utf-8")
    imported.define("clients", text.replace("settle: 0", "settle: 600"))
    imported.write("exports/clients_3.csv", "id\n1\n")
    assert imported.json("files", "clients")[-1]["state"] == "settling"
    assert imported.json("run", "clients") == []


@pytest.mark.slow
def test_forgotten_and_imported_again_events_stay_single(imported: Shop):
    """M019, M066: the file counts as new, its events are known."""
    (told,) = imported.json("files", "orders", "--forget", "orders_1.csv")
    assert told == {"import": "orders", "delivery": "orders_1.csv", "batches_forgotten": 1}
    states = [(one["delivery"], one["state"]) for one in imported.json("files", "orders")]
    assert ("orders_1.csv", "forgotten") in states
    assert ("orders_1.csv", "new") in states
    (again,) = imported.json("run", "orders")
    assert (again["outcome"], again["inserted"], again["duplicate"]) == ("imported", 0, 3)
    assert imported.query("SELECT count(*) AS n FROM events.purchase") == [{"n": 3}]


def test_forgetting_what_is_not_remembered(imported: Shop):
    result = imported.call("files", "orders", "--forget", "order_1.csv")
    assert result.exit_code == 2
    assert "did you mean orders_1.csv?" in result.stderr


def test_rejects_are_a_file_of_rfc_4180(imported: Shop):
    result = imported.call("rejects", "orders")
    assert result.exit_code == 0
    raw = result.stdout_bytes.decode("utf-8")
    header, row = list(csv.reader(io.StringIO(raw, newline="")))
    assert raw.startswith(",".join(header) + "\r\n")
    assert header == [
        *("_batch", "_file", "_record", "id", "ts", "total"),
        *("_line", "_column", "_reason", "_message", "_raw"),
    ]
    assert row[1:6] == ["orders_2.csv", "2", "", "then", "'=1+1"]
    assert row[6] == "3"
    assert row[8] == "missing_id, not_a_datetime, not_a_number"
    assert len(row[9].splitlines()) == 3
    assert row[10] == ""
    assert "1 rejected record of 1 delivery" in result.stderr
    assert "import-assets replay orders FILE" in result.stderr


def test_json_has_the_exact_values_by_record(imported: Shop):
    (record,) = imported.json("rejects", "orders")
    assert (record["file"], record["record"], record["line"]) == ("orders_2.csv", 2, 3)
    assert record["raw"] == ",then,=1+1"
    assert record["faults"][2]["value"] == "=1+1"
    assert record["cells"] == {"id": None, "ts": "then", "total": "=1+1"}


def test_rejects_of_one_batch_and_into_a_file(imported: Shop, tmp_path: Path):
    batch = imported.json("files", "orders")[0]["batch_id"]
    assert imported.json("rejects", "orders", "--batch", batch[:8]) == []
    out = tmp_path / "out.csv"
    result = imported.call("rejects", "orders", "--out", str(out))
    assert result.stdout == ""
    assert out.read_bytes() == imported.call("rejects", "orders").stdout_bytes
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["out.csv"]
    imported.call("rejects", "orders", "--out", str(out), "--json")
    assert json.loads(out.read_text(encoding="utf-8")) == imported.json("rejects", "orders")


@pytest.mark.slow
def test_rejects_of_a_batch_that_was_imported_twice_come_once(imported: Shop):
    imported.json("files", "orders", "--forget", "orders_2.csv")
    assert imported.json("rejects", "orders") == []
    imported.json("run", "orders")
    (record,) = imported.json("rejects", "orders")
    batch = record["batch_id"]
    assert len(imported.json("rejects", "orders", "--batch", batch)) == 1


def test_what_cannot_be_found_is_said(imported: Shop, tmp_path: Path):
    for words, sentence in (
        (["order"], "did you mean orders?"),
        (["orders", "--batch", "zz"], "no batch 'zz'"),
        (["orders", "--batch", ""], "no batch ''"),
        (["orders", "--out", str(tmp_path / "no/where.csv")], "cannot be written"),
    ):
        result = imported.call("rejects", *words)
        assert result.exit_code == 2
        assert sentence in result.stderr
