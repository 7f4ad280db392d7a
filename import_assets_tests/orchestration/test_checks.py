"""Checks and metadata whose failing no import can bring about by itself."""

from __future__ import annotations

from datetime import UTC, datetime

import dagster as dg
import pytest

from import_assets.orchestration import checks, metadata
from import_assets.pipeline.deliver import Delivered
from import_assets.sources.delivery import Delivery
from import_assets.tables.outcome import Counts
from import_assets_tests.builders import warehouse
from import_assets_tests.orchestration.site import Site


def delivered(key: str, **counts: int) -> Delivered:
    delivery = Delivery(key, "f", 1, datetime(2026, 1, 1, tzinfo=UTC))
    return Delivered(delivery, "b", Counts(**counts), False, None, 1.0)


@pytest.fixture
def results(site: Site) -> dict[str, dg.AssetCheckResult]:
    """Two deliveries, the second of which lost a record on its way."""
    site.define("crm")
    both = [
        delivered("a.csv", read=3, inserted=2, rejected=1),
        delivered("b.csv", read=3, inserted=1, duplicate=1),
    ]
    with warehouse() as connection:
        found = checks.of_import(connection, site.definition(), both, [])
    return {str(one.check_name): one for one in found}


def test_a_record_without_an_outcome_is_an_error(
    results: dict[str, dg.AssetCheckResult],
) -> None:
    """Records read = inserted + updated + unchanged + duplicate + rejected, in each delivery."""
    check = results["counts_add_up"]
    assert not check.passed
    assert check.severity == dg.AssetCheckSeverity.ERROR
    assert check.description == (
        "6 records read = 3 inserted + 0 updated + 0 unchanged + 1 duplicate + 1 rejected; "
        "not so in b.csv"
    )
    assert check.metadata["read"].value == 6


def test_the_share_of_rejects_is_that_of_each_delivery(
    results: dict[str, dg.AssetCheckResult],
) -> None:
    check = results["rejects_below_threshold"]
    assert not check.passed
    assert check.description == "1 of 6 records rejected; above 5% in a.csv: 33.3%"
    assert check.metadata["files_above"].value == 1


def test_deliveries_lost_in_different_ways_do_not_make_up_for_each_other(site: Site) -> None:
    site.define("crm")
    both = [delivered("a.csv", read=2, inserted=1), delivered("b.csv", read=1, inserted=2)]
    with warehouse() as connection:
        found = checks.of_import(connection, site.definition(), both, [])
    check = next(one for one in found if one.check_name == "counts_add_up")
    assert not check.passed
    assert str(check.description).endswith("; not so in a.csv, b.csv")


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ({}, "x: 0 read = nothing"),
        (
            {"read": 1_234, "inserted": 1_000, "rejected": 234, "blank": 7},
            "x: 1,234 read = 1,000 inserted + 234 rejected",
        ),
    ],
)
def test_a_delivery_in_one_line(counts: dict[str, int], told: str) -> None:
    assert metadata.summary(delivered("x", **counts)) == told


def test_long_values_are_cut_for_show(site: Site) -> None:
    site.define("crm")
    site.put("in/a.csv", f"id,note\n1,{'x' * 300}\n")
    values = site.run("crm", "a.csv").partitions["a.csv"]
    assert values["rows"][0]["note"] == "x" * 199 + "…"
    assert values["columns_without_a_rule"] == "note"
    assert site.rows("SELECT length(note) FROM customers") == [(300,)]


def test_warnings_of_a_file_are_shown(site: Site) -> None:
    """Such as two columns of one name, which are one column (M091, D16)."""
    site.define("crm")
    site.put("in/a.csv", "id,age,age\n1,,5\n")
    values = site.run("crm", "a.csv").partitions["a.csv"]
    assert "age" in values["warnings"]
    assert values["warnings"].startswith("- ")
