"""Attributes may be called like anything, the words of our own SQL included."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest

from import_assets.spec.models import Limits
from import_assets.spec.names import attribute_name_fault
from import_assets.tables import checks
from import_assets.tables.apply import apply_batch
from import_assets.tables.undo import undo
from import_assets.warehouse import ledger
from import_assets_tests.builders import NOW, Row, batch, project, table, warehouse

_SQL = re.compile(r"\b(SELECT|FROM|WHERE|JOIN|AS|WITH|OVER|NULL)\b")
_TABLES = Path(checks.__file__).parent
_TAKEN = {"customer_id", "item_id", "product_id", "timestamp", "email", "phone"}


def _words_of_sql(*modules: str) -> list[str]:
    """The words in the texts of modules that hold SQL, and a few that SQL reserves."""
    words = {"rowid", "column", "user", "window", "desc"}
    for name in modules:
        tree = ast.parse((_TABLES / f"{name}.py").read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and _SQL.search(str(node.value)):
                short = [word for word in re.findall(r"[a-z_]+", str(node.value)) if len(word) < 9]
                words.update(short)
    taken = {*_TAKEN, *project().identifiers}
    return sorted(w for w in words if not attribute_name_fault(w) and w not in taken)


_UNDOING = ("journal", "undo", "restoring", "built_on", "undo_customers")
_NAMES = {
    "customers": _words_of_sql("customers", "upsert", "versions", "checks", *_UNDOING),
    "catalogs": _words_of_sql("catalogs", "upsert", "checks", *_UNDOING),
    "events": _words_of_sql("events", "checks", *_UNDOING),
}


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with warehouse() as opened:
        yield opened


def _load(
    connection: duckdb.DuckDBPyConnection, folder: Path, rows: Sequence[Row], **facts: Any
) -> None:
    facts = {"identifiers": ("registered", "cookie"), **facts}
    apply_batch(connection, batch(folder, rows, **facts), project(), NOW)


def _undo(connection: duckdb.DuckDBPyConnection, batch_id: str) -> None:
    (entry,) = ledger.find(connection, batch_id)
    undo(connection, entry, project().identifiers, NOW)


def _attributes(kind: str, old: str = "") -> dict[str, Any]:
    cells = {f"attr:{name}": f"{old}{name}" for name in _NAMES[kind]}
    return {"cells": cells, "facts": {"attributes": dict.fromkeys(_NAMES[kind], "text")}}


def _values(connection: duckdb.DuckDBPyConnection, stored: str, kind: str) -> list[str]:
    columns = ", ".join(f'"{name}"' for name in _NAMES[kind])
    (row,) = connection.execute(f"SELECT {columns} FROM {stored}").fetchall()
    return list(row)


def test_names_are_those_of_the_sql() -> None:
    assert {"rowid", "value", "kind", "family", "touched", "made"} <= set(_NAMES["customers"])
    assert {"sequence", "made", "gone"} <= {*_NAMES["catalogs"], *_NAMES["events"]}


def test_customers_whose_attributes_are_named_like_anything(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """Customers are written, updated and merged, checked, and each step is undone."""
    new, old = _attributes("customers"), _attributes("customers", "old ")
    first, second = {"id:registered": "1", **old["cells"]}, {"id:cookie": "x", **new["cells"]}
    _load(connection, tmp_path, [first, second], **new["facts"])
    before = table(connection, "FROM customers ORDER BY customer_id")
    _load(connection, tmp_path, [first | new["cells"], first], **new["facts"], empty="keep")
    _load(connection, tmp_path, [second, first | new["cells"]], **new["facts"])
    _load(connection, tmp_path, [{"id:registered": "1", "id:cookie": "x"}])
    assert _values(connection, "customers", "customers") == _NAMES["customers"]
    outcome = checks.run(connection, ("customers",), Limits(), NOW)
    assert not any(check.failures for check in outcome if check.name != "contacts_plausible")
    for batch_id in ("b4", "b3", "b2"):
        _undo(connection, batch_id)
    assert table(connection, "FROM customers ORDER BY customer_id") == before


def test_items_whose_attributes_are_named_like_anything(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    new, old = _attributes("catalogs"), _attributes("catalogs", "old ")
    facts = {**new["facts"], "identifiers": ("item_id",), "table": ("catalogs", "things")}
    _load(connection, tmp_path, [{"id:item_id": "1", **old["cells"]}], **facts)
    before = table(connection, "FROM catalogs.things")
    _load(connection, tmp_path, [{"id:item_id": "1", **new["cells"]}], **facts)
    assert _values(connection, "catalogs.things", "catalogs") == _NAMES["catalogs"]
    checks.run(connection, ("catalogs", "things"), Limits(), NOW)
    _undo(connection, "b2")
    assert table(connection, "FROM catalogs.things") == before


def test_events_whose_properties_are_named_like_anything(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    new = _attributes("events")
    facts = {**new["facts"], "table": ("events", "visit")}
    event = {"id:registered": "1", "_timestamp": NOW, **new["cells"]}
    _load(connection, tmp_path, [event], **facts)
    before = _values(connection, "events.visit", "events")
    _load(connection, tmp_path, [event], **facts)
    assert _values(connection, "events.visit", "events") == _NAMES["events"]
    checks.run(connection, ("events", "visit"), Limits(), NOW)
    _undo(connection, "b1")
    assert _values(connection, "events.visit", "events") == before
