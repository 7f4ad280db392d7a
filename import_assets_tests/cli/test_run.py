"""`run`: what is taken, what is told, and that a dry run tells the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from import_assets_tests.cli.shop import Shop

COUNTS = ("read", "inserted", "updated", "unchanged", "duplicate", "rejected", "blank")


def _counts(record: dict[str, Any]) -> dict[str, int]:
    return {name: record[name] for name in COUNTS}


def _by_key(records: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {one["delivery"]: one for one in records}


@pytest.mark.slow
def test_m030_takes_what_was_not_imported_yet_and_then_nothing(imported: Shop):
    assert imported.json("run", "clients") == []
    imported.write("exports/clients_3.csv", "id,fn,birthday\n4,Jan,\n")
    told = imported.json("run", "clients")
    assert [(one["delivery"], one["outcome"]) for one in told] == [("clients_3.csv", "imported")]
    assert told[0]["read"] == told[0]["inserted"] == 1
    assert told[0]["batch_id"]
    assert told[0]["seconds"] > 0


@pytest.mark.slow
def test_counts_add_up_and_reasons_are_told(imported: Shop):
    imported.write("exports/clients_3.csv", "id,fn,birthday\n1,Hana,x\n,Eva,\n5,Jan,\n\n")
    result = imported.call("run", "clients")
    assert result.exit_code == 0, "rejected records alone are no fault"
    heads, values, *_ = (line.split("\t") for line in result.stdout.splitlines())
    told = dict(zip(heads, values, strict=True))
    assert told["delivery"] == "clients_3.csv"
    assert int(told["read"]) == 3 == sum(int(told[name]) for name in COUNTS[1:6])
    assert "missing_id\t1" in result.stdout
    assert "3 read = 1 inserted + 2 rejected, 1 blank lines" in result.stdout
    assert "import-assets rejects clients" in result.stderr


@pytest.mark.slow
def test_a_dry_run_tells_what_the_run_then_does(imported: Shop):
    imported.write("exports/orders_3.csv", "id,ts,total\n1,1700000000,10.5\n9,1700000009,1\n,x,y\n")
    before = imported.query("SELECT count(*) AS n FROM events.purchase")
    dry = imported.json("run", "orders", "--dry-run")
    assert imported.query("SELECT count(*) AS n FROM events.purchase") == before
    assert imported.json("files", "orders")[-1]["state"] == "new"
    real = imported.json("run", "orders")
    assert [_counts(one) for one in dry] == [_counts(one) for one in real]
    assert dry[0]["outcome"] == "would be imported"
    assert dry[0]["rejects_by_reason"] == real[0]["rejects_by_reason"] != {}
    assert dry[0]["batch_id"] == real[0]["batch_id"]


@pytest.mark.slow
def test_m027_a_dry_run_of_what_is_taken_again_tells_it_too(shop: Shop):
    shop.json("run", "prices")
    shop.write("exports/prices.csv", "item,price\np1,1.5\np2,2\n")
    dry, real = shop.json("run", "prices", "--dry-run"), shop.json("run", "prices")
    assert [one["outcome"] for one in dry] == ["would be imported"]
    assert [_counts(one) for one in dry] == [_counts(one) for one in real]
    dry, real = shop.json("run", "prices", "--dry-run"), shop.json("run", "prices")
    assert [(one["outcome"], one["unchanged"]) for one in dry] == [("would be imported", 2)]
    assert [_counts(one) for one in dry] == [_counts(one) for one in real]


def test_a_dry_run_makes_nothing_in_a_new_project(shop: Shop):
    result = shop.call("run", "clients", "--dry-run")
    assert result.exit_code == 0, result.output
    assert "nothing was written" in result.stdout
    assert not (shop.root / "data/warehouse.duckdb").exists()
    assert not (shop.root / ".dagster").exists()


def test_a_dry_run_of_a_file_for_an_upload_does_not_copy_it(shop: Shop, tmp_path: Path):
    file = tmp_path / "contacts.csv"
    file.write_text("number\n8\n", encoding="utf-8")
    told = shop.json("run", "partners", "--file", str(file), "--dry-run")
    assert (told[0]["delivery"], told[0]["inserted"]) == ("contacts.csv", 1)
    assert list((shop.root / "uploads/partners").iterdir()) == []


def test_d06_m024_a_start_by_hand_is_not_limited(shop: Shop):
    shop.write("project.yaml", "limits: {files: 1}\n")
    told = shop.json("run", "clients", "--dry-run")
    assert len(told) == 2


@pytest.mark.slow
def test_a_refused_file_does_not_stop_its_neighbours(imported: Shop):
    imported.write("exports/clients_3.csv", "wrong,fn\n1,Anna\n")
    imported.write("exports/clients_4.csv", "id,fn,birthday\n7,Jan,\n")
    imported.age("exports/clients_3.csv", 50)
    result = imported.call("run", "clients")
    assert result.exit_code == 1
    assert "clients_3.csv: no column with an identifier" in result.stdout
    told = _by_key(imported.json("files", "clients"))
    assert told["clients_4.csv"]["state"] == "imported"
    assert told["clients_3.csv"]["state"] == "refused"
    assert "no_identifier_column" in told["clients_3.csv"]["reason"]
    again = imported.json("run", "clients", code=2)
    assert [(one["delivery"], one["outcome"]) for one in again] == [("clients_3.csv", "refused")]
    assert again[0]["read"] is None


def test_an_empty_file_is_refused_in_a_dry_run_too(shop: Shop):
    shop.write("exports/clients_3.csv", "")
    told = _by_key(shop.json("run", "clients", "--dry-run", code=1))
    assert told["clients_3.csv"]["outcome"] == "refused"
    assert told["clients_1.csv"]["outcome"] == "would be imported"


@pytest.mark.slow
def test_keys_are_taken_in_the_order_given_and_imported_once(imported: Shop):
    told = imported.json("run", "clients", "--key", "clients_2.csv", "--key", "clients_1.csv")
    assert [one["delivery"] for one in told] == ["clients_2.csv", "clients_1.csv"]
    assert {one["outcome"] for one in told} == {"imported before"}
    assert imported.query("SELECT first_name FROM customers WHERE registered = '1'") == [
        {"first_name": "Hana"}
    ]


@pytest.mark.slow
def test_m027_all_takes_its_files_again_at_each_start(imported: Shop):
    first, second = (imported.json("run", "prices") for _ in range(2))
    assert (first[0]["outcome"], first[0]["inserted"]) == ("imported", 2)
    assert (second[0]["outcome"], second[0]["unchanged"]) == ("imported", 2)


def test_the_folder_tells_nearly_right_names(imported: Shop):
    result = imported.call("run", "clients", "--key", "client_1.csv")
    assert result.exit_code == 2
    assert "did you mean clients_1.csv?" in result.stderr


@pytest.mark.slow
def test_a_file_of_a_storage_has_to_lie_in_its_folder(imported: Shop, tmp_path: Path):
    outside = tmp_path / "clients_9.csv"
    outside.write_text("id\n9\n", encoding="utf-8")
    result = imported.call("run", "clients", "--file", str(outside))
    assert result.exit_code == 2
    assert "does not lie in" in result.stderr
    assert "upload" in result.stderr
    inside = str(imported.root / "exports/clients_1.csv")
    assert imported.json("run", "clients", "--file", inside)[0]["outcome"] == "imported before"


@pytest.mark.slow
def test_an_upload_is_copied_once_and_a_new_version_of_it_again(imported: Shop, tmp_path: Path):
    file = tmp_path / "contacts.csv"
    file.write_text("number\n8\n", encoding="utf-8")
    drop = imported.root / "uploads/partners/contacts.csv"
    first = imported.json("run", "partners", "--file", str(file))
    assert first[0]["outcome"] == "imported"
    assert drop.read_text(encoding="utf-8") == "number\n8\n"
    again = imported.json("run", "partners", "--file", str(file))
    assert again[0]["outcome"] == "imported before"
    file.write_text("number\n8\n9\n", encoding="utf-8")
    newer = imported.json("run", "partners", "--file", str(file))
    assert (newer[0]["outcome"], newer[0]["inserted"]) == ("imported", 1)
    assert [path.name for path in drop.parent.iterdir()] == ["contacts.csv"]


def test_an_upload_never_replaces_what_was_not_imported(shop: Shop, tmp_path: Path):
    waiting = shop.write("uploads/partners/contacts.csv", "number\n7\n")
    file = tmp_path / "contacts.csv"
    file.write_text("number\n8\n", encoding="utf-8")
    result = shop.call("run", "partners", "--file", str(file))
    assert result.exit_code == 2
    assert "not imported yet" in result.stderr
    assert waiting.read_text(encoding="utf-8") == "number\n7\n"


def test_a_drop_folder_is_taken_as_a_whole(shop: Shop):
    shop.write("uploads/partners/a.csv", "number\n7\n")
    shop.write("uploads/partners/b.csv.part", "number\n8\n")
    told = shop.json("run", "partners", "--dry-run")
    assert [one["delivery"] for one in told] == ["a.csv"]


@pytest.mark.parametrize("name", [".hidden.csv", "half.part"])
def test_unfinished_names_cannot_be_uploaded(shop: Shop, tmp_path: Path, name: str):
    (tmp_path / name).write_text("number\n8\n", encoding="utf-8")
    result = shop.call("run", "partners", "--file", str(tmp_path / name))
    assert result.exit_code == 2
    assert "rename it" in result.stderr


@pytest.mark.slow
def test_m006_text_is_pasted_from_the_definition_and_from_standard_input(imported: Shop):
    told = imported.json("run", "signups")
    assert (told[0]["delivery"], told[0]["inserted"]) == ("paste", 1)
    typed = "web_cookie,email\nc2,žofia@example.com\n"
    told = imported.json("run", "signups", "--file", "-", "--key", "monday", typed=typed)
    assert (told[0]["delivery"], told[0]["inserted"]) == ("monday", 1)
    found = imported.query("SELECT email FROM customers WHERE list_contains(cookie, 'c2')")
    assert found == [{"email": "žofia@example.com"}]


def test_a_pasted_text_has_its_limit_and_its_encoding(shop: Shop, tmp_path: Path):
    file = tmp_path / "long.csv"
    file.write_text("web_cookie\n" + "c\n" * 300_000, encoding="utf-8")
    result = shop.call("run", "signups", "--file", str(file), "--dry-run")
    assert result.exit_code == 2
    assert "500,000" in result.stderr
    file.write_bytes(b"web_cookie\n" + b"c" * 3_000_000)
    assert "500,000" in shop.call("run", "signups", "--file", str(file)).stderr
    file.write_bytes("web_cookie,city\nc3,Žilina\n".encode("cp1250"))
    assert "is not utf-8" in shop.call("run", "signups", "--file", str(file)).stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["client"], "did you mean clients?"),
        (["clients", "--key", "a", "--file", "b"], "not both"),
        (["clients", "--file", "-"], "standard input"),
        (["partners", "--file", "nowhere.csv"], "there is no file nowhere.csv"),
        (["signups", "--key", "a", "--key", "b"], "one text at a time"),
    ],
)
def test_what_cannot_be_is_said(shop: Shop, words: list[str], sentence: str):
    result = shop.call("run", *words)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert result.stdout == ""


def test_a_missing_folder_is_said(shop: Shop):
    shop.define(
        "clients",
        shop.root.joinpath("imports/clients.yaml")
        .read_text(encoding="utf-8")
        .replace("exports", "gone"),
    )
    result = shop.call("run", "clients")
    assert result.exit_code == 2
    assert "gone does not exist" in result.stderr


def test_a_wrong_definition_cannot_run(shop: Shop):
    shop.define("clients", "kind: customers\n")
    result = shop.call("run", "clients")
    assert result.exit_code == 2
    assert "imports/clients.yaml:1:1: `source` is missing" in result.stderr


def test_the_ui_sees_the_run(imported: Shop):
    from import_assets.orchestration.launch import open_instance

    with open_instance(imported.root, print) as instance:
        runs = instance.get_runs()
        assert {run.tags["import"] for run in runs} == {"clients", "orders"}
        assert all(run.is_success for run in runs)
        assert list(instance.get_dynamic_partitions("clients_files")) == [
            "clients_1.csv",
            "clients_2.csv",
        ]
    assert not list((imported.root / "data/staging/.runs").iterdir())


@pytest.mark.slow
def test_without_settings_of_dagster_the_runs_are_kept_in_the_project(shop: Shop):
    (shop.root / "dagster.yaml").unlink()
    result = shop.call("run", "prices")
    assert result.exit_code == 0, result.output
    assert "the runs are kept in" in result.stderr
    assert (shop.root / ".dagster").is_dir()


def test_a_wrong_dagster_home_is_said(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DAGSTER_HOME", "somewhere")
    result = shop.call("run", "prices")
    assert result.exit_code == 2
    assert "DAGSTER_HOME is 'somewhere'" in result.stderr
