"""A file that cannot be imported, among others of the same folder."""

from __future__ import annotations

from import_assets_tests.system.fixtures import MARKS
from import_assets_tests.system.shop import Shop

pytestmark = MARKS

_DEFINITION = """\
description: A folder in which one file has too many columns.
kind: {catalog: mixed}
source:
  storage: {folder: FOLDER, files: "*.csv", settle: 0}
columns:
  - {from: item_id, id: item_id}
  - {from: amount, type: integer}
run:
  on_new_file: true
"""
_GOOD = "item_id,amount\n{0}-1,1\n{0}-2,2\n"
_EXTRA = 260
_WIDE = "item_id," + ",".join(f"c{n}" for n in range(_EXTRA)) + "\nw-1" + ",1" * _EXTRA + "\n"


def test_a_bad_file_stops_none_of_its_neighbours(shop: Shop) -> None:
    """D31, M092: the file of 261 columns is refused, shown as such, and not asked for again."""
    folder = shop.write_import(
        "mixed",
        _DEFINITION,
        {"a.csv": _GOOD.format("a"), "b_wide.csv": _WIDE, "c.csv": _GOOD.format("c")},
    )
    shop.server.reload()

    run = shop.server.finished_run("mixed")
    assert run.status == "FAILURE"
    assert {key: counts.inserted for key, counts in shop.counts("mixed").items()} == {
        "a.csv": 2,
        "c.csv": 2,
    }
    items = shop.rows("SELECT item_id FROM catalogs.mixed ORDER BY item_id")
    assert items == [("a-1",), ("a-2",), ("c-1",), ("c-2",)]

    partitions = shop.server.partitions("mixed")
    assert partitions.materialized == ("a.csv", "c.csv")
    assert "b_wide.csv" in partitions.failed + partitions.missing
    outcome = shop.server.checks("imports/mixed")["files_imported"]
    assert outcome is not None
    assert (outcome.passed, outcome.severity) == (False, "ERROR")
    assert "b_wide.csv" in outcome.sentence
    assert "261 columns" in outcome.sentence

    cursor = shop.server.sensors()["mixed_new_file"].cursor
    for _tick in range(3):
        look = shop.server.look("mixed_new_file", cursor)
        assert (look.run_keys, look.error) == ((), None)
        cursor = look.cursor

    (folder / "b_wide.csv").write_text(_GOOD.format("b"), encoding="utf-8")
    look = shop.server.look("mixed_new_file", cursor)
    assert [key for key in look.run_keys if "b_wide.csv" in key], "a mended file is a new one"
