"""The examples of docs/identity.md are what happens (D21, M045, b.4)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from import_assets.tables.apply import apply_batch
from import_assets_tests.builders import NOW, batch, project, table, warehouse

PAGE = Path(__file__).parents[1] / "docs" / "identity.md"


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with warehouse() as opened:
        yield opened


def example(head: str) -> list[tuple[dict[str, str | None], str]]:
    """The rows of the table with this head: cells by column, and what is said of the row."""
    lines = PAGE.read_text(encoding="utf-8").partition(head)[2].splitlines()[2:]
    names = [name.strip() for name in head.strip("| ").split("|")][:-2]
    found = []
    for line in lines:
        if not line.startswith("|"):
            break
        *cells, _, said = (cell.strip() for cell in line.strip().strip("|").split("|"))
        found.append((dict(zip(names, (cell or None for cell in cells), strict=True)), said))
    assert found
    return found


def test_conflicts_name_both_customers(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """D21."""
    rows = example("| registered | email | | customer |")
    kinds = {"registered": True, "email": True}
    staged = batch(
        tmp_path,
        [{f"id:{name}": cell for name, cell in cells.items()} for cells, _ in rows],
        identifiers=tuple(kinds),
    )
    apply_batch(connection, staged, project(**kinds), NOW)
    refused = table(
        connection, "SELECT record, faults[1].message AS message FROM import_assets.rejects"
    )
    assert [(one["record"], f"rejected: {one['message']}") for one in refused] == [
        (number, said) for number, (_, said) in enumerate(rows, 1) if said.startswith("rejected")
    ]


def test_newer_data_only(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """b.4."""
    for place, (cells, said) in enumerate(
        example("| id | changed_at | city | | city of customer 1 |"), 1
    ):
        stamp = cells["changed_at"]
        row: dict[str, Any] = {
            "id:registered": cells["id"],
            "attr:city": cells["city"],
            "_updated": dt.datetime.fromisoformat(stamp) if stamp else None,
        }
        staged = batch(tmp_path, [row], attributes={"city": "text"}, timed=True)
        apply_batch(connection, staged, project(), NOW + dt.timedelta(days=place))
        (now,) = table(connection, "SELECT city FROM customers")
        assert said.startswith(now["city"] or "blank"), said
