"""Attributes may be called like anything, the words of our own SQL included."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from import_assets.spec.models import Limits
from import_assets.spec.names import attribute_name_fault
from import_assets.tables import checks
from import_assets.tables.apply import apply_batch
from import_assets_tests.builders import NOW, Row, batch, project, warehouse

_TABLES = Path(checks.__file__).parent


def _words_of_sql() -> list[str]:
    """The words in the texts of the modules that write customers, and a few that SQL reserves."""
    words = {"rowid", "column", "user", "window", "desc"}
    for name in ("customers", "upsert", "checks"):
        tree = ast.parse((_TABLES / f"{name}.py").read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                short = [word for word in re.findall(r"[a-z_]+", node.value) if len(word) < 9]
                words.update(short)
    taken = {"customer_id", *project().identifiers}
    return sorted(w for w in words if not attribute_name_fault(w) and w not in taken)


def test_attributes_named_like_anything_in_our_sql(tmp_path: Path) -> None:
    """Rows are written, updated and merged, and the table is checked."""
    names = _words_of_sql()
    assert {"rowid", "value", "kind", "family", "touched"} <= set(names)
    attributes = dict.fromkeys(names, "text")
    cells = {f"attr:{name}": name for name in names}
    known, unknown = {"id:registered": "1", **cells}, {"id:cookie": "x", **cells}
    with warehouse() as connection:

        def load(rows: Sequence[Row], **facts: Any) -> None:
            ids = ("registered", "cookie")
            apply_batch(connection, batch(tmp_path, rows, identifiers=ids, **facts), project(), NOW)

        load([known, unknown], attributes=attributes)
        load([known, known], attributes=attributes, empty="keep")
        load([{"id:registered": "1", "id:cookie": "x"}])
        (row,) = connection.execute("SELECT * FROM customers").fetchall()
        outcome = checks.run(connection, ("customers",), Limits(), NOW)
    assert [value for value in row if isinstance(value, str) and value in attributes] == names
    assert [check.failures for check in outcome] == [0, 0]
