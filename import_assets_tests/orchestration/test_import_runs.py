"""A run of an import: one outcome a delivery, whatever becomes of its neighbours."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest

from import_assets.errors import SourceError, WarehouseError
from import_assets.orchestration.imports import run_assets
from import_assets.orchestration.requests import partition_tags
from import_assets.pipeline import deliver
from import_assets.pipeline.stage import stage
from import_assets.sources.open import open_source
from import_assets.staging.batch import Batch
from import_assets.warehouse import refusals
from import_assets.warehouse.warehouse import Warehouse
from import_assets_tests.orchestration.site import CUSTOMERS, Site

COUNTS = ("read", "inserted", "updated", "unchanged", "duplicate", "rejected", "blank")


def counts(values: dict[str, Any]) -> dict[str, int]:
    """The counts that are not 0."""
    return {name: values[name] for name in COUNTS if values[name]}


def test_one_file_is_materialized_with_its_table(site: Site) -> None:
    """Counts are numbers, so that the UI can draw them; a rejected row fails nothing (M055)."""
    site.define("crm")
    site.put("in/a.csv", "id,age\n1,30\n\n2,old\n1,31\n")
    run = site.run("crm", "a.csv")

    assert run.success
    values = run.partitions["a.csv"]
    assert counts(values) == {"read": 3, "inserted": 1, "updated": 1, "rejected": 1, "blank": 1}
    assert all(type(values[name]) is int for name in COUNTS)
    assert values["dagster/partition_row_count"] == 2
    assert values["source_file"] == "a.csv"
    assert values["source_bytes"] == len("id,age\n1,30\n\n2,old\n1,31\n")
    assert values["imported_before"] is False
    assert values["table"] == "customers"
    assert (values["format"], values["delimiter"], values["encoding"]) == ("CSV", "','", "utf-8")
    assert values["seconds"] >= 0
    assert type(values["rows_per_second"]) is int
    assert values["rejects_by_reason"] == "not_an_integer: 1"
    (reject,) = values["rejects"]
    assert (reject["record"], reject["line"], reject["column"]) == ("2", "4", "age")
    assert (reject["value"], reject["raw"]) == ("o***", "***,o***"), "masked"
    assert [row["age"] for row in values["rows"]] == ["31"]

    table = run.tables["customers"]
    assert table["dagster/row_count"] == 1
    columns = {column.name: column for column in table["dagster/column_schema"].columns}
    assert columns["age"].type == "BIGINT"
    assert columns["age"].description == "integer, first brought by import crm"
    assert columns["registered"].type == "VARCHAR"
    assert site.rows("SELECT registered, age, _file, _row FROM customers") == [
        ("1", 31, "a.csv", 3)
    ]
    assert set(run.checks) == {
        "counts_add_up",
        "rejects_below_threshold",
        "columns_unchanged",
        "files_imported",
        "customers:no_duplicates",
        "customers:ids_valid",
        "customers:contacts_plausible",
        "customers:volume_usual",
    }
    failed = {name for name, check in run.checks.items() if not check.passed}
    assert failed == {"rejects_below_threshold"}
    assert run.checks["rejects_below_threshold"].severity == dg.AssetCheckSeverity.WARN


def test_files_of_a_run_are_taken_in_order(site: Site) -> None:
    """The order of the partitions, which is that of discovery: the last file's value stays."""
    site.define("crm")
    for name, age in (("c", 1), ("a", 2), ("b", 3)):
        site.put(f"in/{name}.csv", f"id,age\n1,{age}\n")
    run = site.run("crm", "c.csv", "a.csv", "b.csv")
    assert run.success
    assert {key: counts(values) for key, values in run.partitions.items()} == {
        "c.csv": {"read": 1, "inserted": 1},
        "a.csv": {"read": 1, "updated": 1},
        "b.csv": {"read": 1, "updated": 1},
    }
    assert site.rows("SELECT age FROM customers") == [(3,)]
    assert run.checks["counts_add_up"].metadata["deliveries"].value == 3
    assert run.checks["counts_add_up"].metadata["updated"].value == 2


def test_a_refused_file_does_not_stop_its_neighbours(site: Site) -> None:
    """The good ones are materialized, the bad one is not, and the step fails and says why."""
    site.define("crm")
    site.put("in/a.csv", "id,age\n1,30\n")
    site.put("in/b.csv", "number,age\n2,30\n")
    site.put("in/c.csv", "id,age\n3,30\n")
    run = site.run("crm", "a.csv", "b.csv", "c.csv")

    assert not run.success
    assert list(run.partitions) == ["a.csv", "c.csv"]
    assert counts(run.partitions["c.csv"]) == {"read": 1, "inserted": 1}
    assert run.tables == {}, "the table's step waits for a run in which all went well"
    assert site.rows("SELECT registered FROM customers ORDER BY ALL") == [("1",), ("3",)]
    materialized = site.instance.get_materialized_partitions(run_assets(site.definition())[0])
    assert materialized == {"a.csv", "c.csv"}

    assert run.failure is not None
    assert run.failure.description is not None
    first, second = run.failure.description.splitlines()
    assert first == "1 delivery was not imported. The other 2 were imported."
    assert second.startswith("b.csv: ")
    check = run.checks["files_imported"]
    assert not check.passed
    assert check.severity == dg.AssetCheckSeverity.ERROR
    assert check.description is not None
    assert check.description.startswith("b.csv: ")
    assert check.metadata["imported"].value == 2
    assert check.metadata["failed"].value == 1
    assert run.checks["counts_add_up"].passed
    assert "b.csv: " in site.logged(run)


def test_nothing_is_materialized_where_all_are_refused(site: Site) -> None:
    site.define("crm")
    site.put("in/a.csv", "number\n1\n")
    site.put("in/b.csv", "")
    run = site.run("crm", "a.csv", "b.csv")
    assert not run.success
    assert run.partitions == {}
    assert run.failure is not None
    assert str(run.failure.description).startswith("2 deliveries were not imported.\na.csv")
    assert run.checks["files_imported"].metadata["failed"].value == 2
    with Warehouse(site.warehouse).read() as connection:
        kept = refusals.of_import(connection, "crm")
    assert set(kept) == {"a.csv", "b.csv"}


@pytest.mark.parametrize(
    ("content", "helps"),
    [
        pytest.param("number\n1\n", False, id="refused"),
        pytest.param(None, False, id="vanished"),
        pytest.param("id\n1\n", True, id="source error"),
    ],
)
def test_only_what_may_pass_is_worth_another_try(
    site: Site, monkeypatch: pytest.MonkeyPatch, content: str | None, helps: bool
) -> None:
    site.define("crm")
    site.instance.add_dynamic_partitions("crm_files", ["a.csv"])
    (site.root / "in").mkdir()
    if content is not None:
        site.put("in/a.csv", content)
    if helps:
        monkeypatch.setattr(deliver, "stage", _raise(SourceError("the line is down")))
    with pytest.raises(dg.Failure) as caught:
        site.materialize(run_assets(site.definition()), partition_tags(["a.csv"]), raising=True)
    assert caught.value.allow_retries is helps
    assert str(caught.value.description).splitlines()[1].startswith("a.csv:")


def test_a_file_that_vanished_does_not_stop_its_neighbours(site: Site) -> None:
    site.define("crm")
    site.put("in/b.csv", "id\n2\n")
    run = site.run("crm", "a.csv", "b.csv")
    assert list(run.partitions) == ["b.csv"]
    assert run.failure is not None
    assert "a.csv: there is no file" in str(run.failure.description)


@pytest.mark.parametrize(
    "error", [ZeroDivisionError("a fault of ours"), WarehouseError("in use by process 7")]
)
def test_no_error_at_all_stops_the_neighbours(
    site: Site, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    site.define("crm")
    site.put("in/a.csv", "id\n1\n")
    site.put("in/b.csv", "id\n2\n")

    def failing(definition: Any, storage: Any, delivery: Any, *args: Any) -> Batch:
        if delivery.key == "a.csv":
            raise error
        return stage(definition, storage, delivery, *args)

    monkeypatch.setattr(deliver, "stage", failing)
    run = site.run("crm", "a.csv", "b.csv")
    assert list(run.partitions) == ["b.csv"]
    assert run.failure is not None
    assert str(error) in str(run.failure.description)
    assert site.rows("SELECT registered FROM customers") == [("2",)]


def test_an_attribute_of_another_type_refuses_the_file(site: Site) -> None:
    """An attribute has one type, set by its first import; both sides are named (M033, D30)."""
    site.define("first", CUSTOMERS.replace("type: integer", "type: text"))
    site.put("in/a.csv", "id,age\n1,30\n")
    assert site.run("first", "a.csv").success
    (site.root / "imports" / "first.yaml").unlink()
    site.define("crm")
    run = site.run("crm", "a.csv")
    assert run.failure is not None
    assert "'age' comes as integer" in str(run.failure.description)
    assert "as text since import first" in str(run.failure.description)
    assert "(type_conflict)" in str(run.failure.description)


def test_a_file_is_imported_once(site: Site) -> None:
    """Materialized again, it is not read again; the counts are those of the first time (M017)."""
    site.define("crm")
    site.put("in/a.csv", "id,age\n1,30\n2,old\n")
    first = site.run("crm", "a.csv")
    second = site.run("crm", "a.csv")
    assert second.success
    values = second.partitions["a.csv"]
    assert values["imported_before"] is True
    assert counts(values) == counts(first.partitions["a.csv"])
    assert values["batch_id"] == first.partitions["a.csv"]["batch_id"]
    assert values["rejects"] == first.partitions["a.csv"]["rejects"]
    assert "seconds" not in values
    assert "imported before, not read again" in site.logged(second)
    assert site.rows("SELECT count(*) FROM import_assets.batches") == [(1,)]


def test_at_most_twenty_faults_are_shown(site: Site) -> None:
    """A record shows all its faults, and the table stays short."""
    rule = "  - {from: age, type: integer}\n"
    site.define("crm", CUSTOMERS.replace(rule, rule + "  - {from: size, type: integer}\n"))
    site.put("in/a.csv", "id,age,size\n" + "".join(f"{i},x,y\n" for i in range(15)))
    values = site.run("crm", "a.csv").partitions["a.csv"]
    assert values["rejected"] == 15
    assert [row["record"] for row in values["rejects"]] == [str(1 + i // 2) for i in range(20)]
    assert values["rejects_by_reason"] == "not_an_integer: 15"


@pytest.mark.parametrize(
    ("share", "bad", "passes"), [("50%", 2, True), ("49.9%", 2, False), ("0%", 0, True)]
)
def test_rejects_warn_above_their_share(site: Site, share: str, bad: int, passes: bool) -> None:
    site.define("crm", CUSTOMERS + f"warn_above: {share}\n")
    site.put("in/a.csv", "id,age\n" + "1,x\n" * bad + "1,5\n" * 2)
    run = site.run("crm", "a.csv")
    assert run.success
    check = run.checks["rejects_below_threshold"]
    assert check.passed is passes
    assert str(check.description).startswith(f"{bad} of {2 + bad} records rejected")
    assert ("a.csv: 50.0%" in str(check.description)) is not passes


def test_a_file_of_rejects_only_is_imported(site: Site) -> None:
    """However many rows are rejected, the run is well (M055)."""
    site.define("crm")
    site.put("in/a.csv", "id,age\n1,x\n2,y\n")
    run = site.run("crm", "a.csv")
    assert run.success
    assert counts(run.partitions["a.csv"]) == {"read": 2, "rejected": 2}
    assert run.checks["counts_add_up"].passed
    assert run.tables["customers"]["dagster/row_count"] == 0


def test_m115_columns_are_compared_with_the_agreed_ones(site: Site) -> None:
    """The agreed format stays the same, or the change is seen."""
    site.define("crm")
    site.put("in/a.csv", "id,age,city\n1,30,Nitra\n")
    site.put("in/b.csv", "id,age,city\n2,30,Nitra\n")
    site.put("in/c.csv", "id,town,city\n3,Nitra,Nitra\n")
    same = site.run("crm", "a.csv", "b.csv")
    assert same.checks["columns_unchanged"].passed
    changed = site.run("crm", "c.csv")
    assert changed.success
    check = changed.checks["columns_unchanged"]
    assert not check.passed
    assert check.severity == dg.AssetCheckSeverity.WARN
    assert check.metadata["changes"].value == 2
    assert check.metadata["agreed"].value == "id, age, city"
    assert check.description == (
        "c.csv: new column 'town', no column 'age' any more; "
        "c.csv: no column age, which the rules name; "
        "to agree to a change: import-assets agree crm"
    )
    again = site.run("crm", "c.csv")
    assert not again.checks["columns_unchanged"].passed, "asked again, it says the same again"


def test_m104_the_row_element_of_xml_is_shown(site: Site) -> None:
    site.define("crm", CUSTOMERS.replace('format: {csv: {delimiter: ","}}\n', ""))
    site.put("in/a.csv", "<people><p><id>1</id><age>x</age></p>\n<p><id>2</id></p></people>")
    values = site.run("crm", "a.csv").partitions["a.csv"]
    assert (values["format"], values["row_element"], values["encoding"]) == (
        "XML",
        "people/p",
        "utf-8",
    )
    assert values["rejects"][0]["line"] == "1"


def test_m115_a_frozen_contract_refuses_a_delivery_with_other_columns(site: Site) -> None:
    """Nothing of it gets into the table, and the check is red until the change is agreed to."""
    site.define("crm", CUSTOMERS + "contract: freeze\n")
    site.put("in/a.csv", "id,age\n1,30\n")
    site.put("in/b.csv", "age,id\n31,2\n")
    site.put("in/c.csv", "id,age,town\n3,30,Nitra\n")
    assert site.run("crm", "a.csv", "b.csv").success, "columns are found by name, in any order"
    refused = site.run("crm", "c.csv")
    assert not refused.success
    assert refused.failure is not None
    assert "c.csv: new column 'town': the columns agreed are those of a.csv" in str(
        refused.failure.description
    )
    check = refused.checks["columns_unchanged"]
    assert not check.passed
    assert check.severity == dg.AssetCheckSeverity.ERROR
    assert str(check.description).startswith(
        "c.csv was refused for its columns: new column 'town'; to agree to a change"
    )
    assert site.rows("SELECT registered FROM customers ORDER BY 1") == [("1",), ("2",)]


def test_m115_an_evolving_contract_agrees_to_new_columns(site: Site) -> None:
    site.define("crm", CUSTOMERS + "contract: evolve\n")
    site.put("in/a.csv", "id,age\n1,30\n")
    site.put("in/b.csv", "id,age,town\n2,30,Nitra\n")
    run = site.run("crm", "a.csv", "b.csv")
    check = run.checks["columns_unchanged"]
    assert check.passed
    assert check.metadata["agreed"].value == "id, age, town"


def test_what_was_left_staged_comes_before_what_follows(site: Site) -> None:
    """A run killed between staging and its table: the next run ends it first, in file order."""
    site.define("crm")
    site.put("in/a.csv", "id,age\n1,30\n")
    site.put("in/b.csv", "id,age\n1,31\n")
    definition = site.definition()
    storage = open_source(definition)
    stage(definition, storage, storage.stat("a.csv"))
    site.put("in/a.csv", "", modified=None)

    run = site.run("crm", "b.csv")
    assert run.success
    assert set(run.partitions) == {"a.csv", "b.csv"}
    assert counts(run.partitions["a.csv"]) == {"read": 1, "inserted": 1}
    assert counts(run.partitions["b.csv"]) == {"read": 1, "updated": 1}
    assert site.rows("SELECT age FROM customers") == [(31,)]
    assert "Left by an interrupted run: a.csv: 1 read = 1 inserted" in site.logged(run)


def test_what_was_left_staged_by_the_same_run_is_told_once(site: Site) -> None:
    site.define("crm")
    site.put("in/a.csv", "id,age\n1,30\n")
    definition = site.definition()
    storage = open_source(definition)
    stage(definition, storage, storage.stat("a.csv"))
    run = site.run("crm", "a.csv")
    assert run.success
    assert counts(run.partitions["a.csv"]) == {"read": 1, "inserted": 1}
    assert run.checks["counts_add_up"].metadata["read"].value == 1


def _raise(error: Exception) -> Any:
    def call(*_: object, **__: object) -> object:
        raise error

    return call
