"""The inputs of the benchmarks, at tiny sizes, give the answers that their generators know."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from benchmarks import catalog_file, customers_file, history, projects, rejects_file
from benchmarks.job import WrongResult
from benchmarks.jobs.events import expected_counts
from import_assets.pipeline.deliver import deliver
from import_assets.sources.open import open_source
from import_assets.spec.loading import load
from import_assets.warehouse.warehouse import Warehouse

Import = Callable[[str, Sequence[str]], tuple[Path, Sequence[Mapping[str, int]]]]


@pytest.fixture
def bring_in(tmp_path: Path) -> Import:
    """Import files of the folder `files` by a definition; return warehouse and counts."""
    (tmp_path / "files").mkdir()

    def run(columns: str, names: Sequence[str]) -> tuple[Path, Sequence[Mapping[str, int]]]:
        text = columns + projects.source(tmp_path / "files", "*")
        with projects.project(tmp_path, {"own": text}) as root:
            definition = load(root).imports["own"]
            storage = open_source(definition)
            warehouse = Warehouse(definition.project.warehouse_path)
            counts = [
                deliver(definition, storage, storage.stat(name), warehouse).counts.as_dict()
                for name in names
            ]
            kept = definition.project.warehouse_path.rename(tmp_path / "warehouse.duckdb")
        return kept, counts

    return run


EVENTS = replace(history.FAULTY, rows=2_000)


def test_events_repeat_themselves_and_have_faults(tmp_path: Path, bring_in: Import) -> None:
    history.write_events(tmp_path / "files" / EVENTS.file, EVENTS)
    warehouse, (counts,) = bring_in(history.COLUMNS, [EVENTS.file])
    projects.expect_counts(counts, expected_counts(EVENTS, known=False))
    content = history.expected_content(EVENTS, known=False)
    assert content[0] == 2_000 - 200 - 20
    assert history.found_content(warehouse, EVENTS.file) == content


def test_three_of_ten_events_are_known_and_the_others_come_in(
    tmp_path: Path, bring_in: Import
) -> None:
    known = tmp_path / "files" / "known.csv"
    history.write_events(known, replace(EVENTS, faulty=False), "record % 10 < 3")
    history.write_events(tmp_path / "files" / EVENTS.file, EVENTS)
    warehouse, (_, counts) = bring_in(history.COLUMNS, [known.name, EVENTS.file])
    projects.expect_counts(counts, expected_counts(EVENTS, known=True))
    content = history.expected_content(EVENTS, known=True)
    assert content[0] == 2_000 - 800 - 20
    assert history.found_content(warehouse, EVENTS.file) == content


def test_the_content_tells_one_other_cell(tmp_path: Path, bring_in: Import) -> None:
    file = tmp_path / "files" / EVENTS.file
    history.write_events(file, EVENTS)
    changed = file.read_text(encoding="utf-8").replace("web", "app", 1)
    file.write_text(changed, encoding="utf-8")
    warehouse, _ = bring_in(history.COLUMNS, [EVENTS.file])
    found = history.found_content(warehouse, EVENTS.file)
    expected = history.expected_content(EVENTS, known=False)
    assert found[:-1] == expected[:-1]
    assert found != expected


@pytest.mark.parametrize("merging", [False, True])
def test_customers_are_found_with_the_values_of_the_file(
    tmp_path: Path, bring_in: Import, merging: bool
) -> None:
    stored, rows = 2_000, 200
    (base,) = customers_file.write_base(tmp_path / "files", stored)
    file = tmp_path / "files" / "new.csv"
    customers_file.write_new(file, rows, stored, merging=merging)
    warehouse, (_, counts) = bring_in(customers_file.COLUMNS, [base.name, file.name])
    projects.expect_counts(counts, customers_file.expected_counts(rows))
    expected = customers_file.expected_customers(rows, stored, merging=merging)
    assert customers_file.matching(warehouse, file) == (rows, expected)
    assert expected == (2_130 if merging else 2_140)


def test_rejects_are_told_with_reason_record_and_line(tmp_path: Path, bring_in: Import) -> None:
    rejects_file.write_rejects_file(tmp_path / "files" / "visits.csv", 4_000)
    warehouse, (counts,) = bring_in(rejects_file.COLUMNS, ["visits.csv"])
    projects.expect_counts(counts, {"read": 4_000, "inserted": 3_910, "rejected": 90})
    expected = rejects_file.expected_rejects(4_000)
    assert {row[0] for row in expected} == set(rejects_file.KINDS)
    assert rejects_file.found_rejects(warehouse) == expected


def test_a_catalog_has_the_prices_and_tags_that_were_written(
    tmp_path: Path, bring_in: Import
) -> None:
    content = catalog_file.catalog(tmp_path / "files" / "feed.xml", 50)
    assert content.items == 50
    warehouse, (counts,) = bring_in(catalog_file.COLUMNS, ["feed.xml"])
    projects.expect_counts(counts, {"read": 50, "inserted": 50})
    assert catalog_file.found_content(warehouse) == content


def test_a_catalog_is_written_once(tmp_path: Path) -> None:
    file = tmp_path / "feed.xml"
    content = catalog_file.catalog(file, 5)
    file.write_text("kept", encoding="utf-8")
    assert catalog_file.catalog(file, 5) == content
    assert file.read_text(encoding="utf-8") == "kept"


def test_other_counts_are_a_wrong_result() -> None:
    with pytest.raises(WrongResult, match=r"'read': 3.*expected.*'read': 4"):
        projects.expect_counts({"read": 3, "inserted": 3}, {"read": 4})


def test_a_peer_gets_the_history_in_texts(tmp_path: Path) -> None:
    database = tmp_path / "peer.duckdb"
    known = replace(EVENTS, name="known_last_day", faulty=False)
    history.write_events(tmp_path / known.file, known, "record % 10 < 3")
    with duckdb.connect(str(database)) as connection:
        connection.execute(
            f"""
            CREATE SCHEMA merged;
            CREATE TABLE merged.loaded AS
            SELECT * FROM read_csv('{tmp_path / known.file}', all_varchar = true)
            """
        )
    history.build_peer(database, tmp_path, 0.001)
    with duckdb.connect(str(database)) as connection:
        counted = "SELECT count(*), count(DISTINCT (customer, ts, purchase_id, item_id))"
        assert connection.execute(f"{counted} FROM merged.loaded").fetchall() == [(1_000, 1_000)]
