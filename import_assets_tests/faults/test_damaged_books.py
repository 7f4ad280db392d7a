"""A ledger that somebody changed by hand, and a warehouse of which bytes were lost."""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

import duckdb
import pytest

from import_assets.errors import WarehouseError
from import_assets.pipeline.deliver import deliver
from import_assets.sources.open import open_source
from import_assets.spec.loading import load
from import_assets.warehouse.warehouse import Warehouse
from import_assets_tests.cli.shop import Shop

CRM = """\
kind: customers
source: {storage: {folder: in, files: "*.csv", settle: 0}}
format: {csv: {delimiter: ","}}
columns: [{from: id, id: registered}, {from: age, type: integer}]
"""
LEDGER = "import_assets.batches"


@pytest.fixture(scope="module")
def _three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("three")
    shop = Shop(root)
    shop.define("crm", CRM)
    for number, name in enumerate("abcd"):
        shop.write(f"in/{name}.csv", f"id,age\n{number},20\n")
    for name in "abc":
        bring(root, name)
    return root


def bring(root: Path, name: str) -> bool:
    """Import a file; return whether it came in now."""
    definition = load(root).imports["crm"]
    storage = open_source(definition)
    warehouse = Warehouse(definition.project.warehouse_path)
    return not deliver(definition, storage, storage.stat(f"{name}.csv"), warehouse).already


@pytest.fixture
def shop(_three: Path, tmp_path: Path) -> Shop:
    """A project into which three files of four came."""
    shutil.copytree(_three, tmp_path / "shop")
    return Shop(tmp_path / "shop")


def change(shop: Shop, sql: str) -> None:
    with duckdb.connect(str(shop.root / "data" / "warehouse.duckdb")) as connection:
        connection.execute(sql)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_row_that_is_gone_is_missed_and_nothing_comes_in_twice(shop: Shop, number: int) -> None:
    """The last one too, which no number after it betrays."""
    change(shop, f"DELETE FROM {LEDGER} WHERE sequence = {number}")
    told = f"number {number} is missing: its row was removed"
    (fault,) = shop.json("check", code=1)
    assert told in fault["message"]
    assert "import-assets recover" in fault["message"]
    for name in ("abc"[number - 1], "d"):
        with pytest.raises(WarehouseError, match=told):
            bring(shop.root, name)
    assert shop.query("SELECT count(*) AS n FROM customers") == [{"n": 3}]


def test_a_row_can_be_put_in_for_one_that_is_gone_for_good(shop: Shop) -> None:
    """By the statement of docs/running.md; the file is taken as a new one then."""
    change(shop, f"DELETE FROM {LEDGER} WHERE sequence = 2")
    text = (Path(__file__).parents[2] / "docs" / "running.md").read_text(encoding="utf-8")
    section = text.partition("### A damaged ledger")[2]
    statement = section.partition("```sql\n")[2].partition("```")[0]
    assert "SELECT * REPLACE (7 AS sequence" in statement
    change(shop, statement.replace("7", "2"))
    assert shop.json("check") == []
    assert bring(shop.root, "b")
    assert bring(shop.root, "d")


def test_a_row_that_stands_there_twice(shop: Shop) -> None:
    change(shop, f"INSERT INTO {LEDGER} SELECT * FROM {LEDGER} WHERE sequence = 2")
    found = [one["message"] for one in shop.json("check", code=1)]
    assert [one.partition(":")[0] for one in found] == ["number 2 stands there 2 times"]
    with pytest.raises(WarehouseError, match="number 2 stands there 2 times"):
        bring(shop.root, "d")


def test_a_row_that_was_copied_under_another_number(shop: Shop) -> None:
    change(
        shop,
        f"INSERT INTO {LEDGER} SELECT * REPLACE (4 AS sequence) FROM {LEDGER} WHERE sequence = 2",
    )
    (fault,) = shop.json("check", code=1)
    assert "(import crm, delivery b.csv) stands there as numbers 2, 4" in fault["message"]


@pytest.mark.parametrize(
    ("set_", "told"),
    [
        ("read = 5", "the counts of number 2 (import crm, delivery b.csv) do not add up: 5"),
        ("inserted = -1, updated = 2", "do not add up"),
        ("state = '{'", "`state` of number 2 (import crm, delivery b.csv) is no JSON object"),
        ("written = '[]'", "`written` of number 2 (import crm, delivery b.csv) is no JSON"),
    ],
)
def test_a_row_that_makes_no_sense_is_named(shop: Shop, set_: str, told: str) -> None:
    """By `check`; and by `list` and `files`, where they cannot do without it."""
    change(shop, f"UPDATE {LEDGER} SET {set_} WHERE sequence = 2")
    (fault,) = shop.json("check", code=1)
    assert told in fault["message"]
    if "JSON" in told:
        for words in (["list"], ["files", "crm"]):
            done = shop.call(*words)
            assert done.exit_code == 2
            assert told in done.output


def test_nobody_can_leave_out_what_a_row_is_known_by(shop: Shop) -> None:
    for column in ("batch_id", "sequence", "import", "key", "fingerprint"):
        with pytest.raises(duckdb.ConstraintException):
            change(shop, f"UPDATE {LEDGER} SET {column} = NULL WHERE sequence = 2")


def test_a_log_of_another_state_beside_a_copy_is_noticed(shop: Shop) -> None:
    """DuckDB takes it for the copy's own, and brings what came last without what came before."""
    path = shop.root / "data" / "warehouse.duckdb"
    copy = shop.root / "copy"
    shutil.copy(path, copy)
    assert bring(shop.root, "d")
    log = path.with_name(path.name + ".wal")
    with duckdb.connect(str(path)) as connection:
        connection.execute("PRAGMA disable_checkpoint_on_shutdown")
        connection.execute(
            f"INSERT INTO {LEDGER} SELECT * REPLACE (5 AS sequence, 'e' AS key, 'e' AS batch_id) "
            f"FROM {LEDGER} WHERE sequence = 4"
        )
    assert log.exists()
    shutil.copy(copy, path)
    (fault,) = shop.json("check", code=1)
    assert "number 4 is missing" in fault["message"]


def test_a_copy_is_made_and_put_back_as_the_page_says(shop: Shop) -> None:
    text = (Path(__file__).parents[2] / "docs" / "running.md").read_text(encoding="utf-8")
    section = text.partition("## Backups and restoring")[2]
    making, putting_back = (block.partition("```")[0] for block in section.split("```sh\n")[1:3])
    (shop.root / "backup").mkdir()
    subprocess.run(["bash", "-ec", making], cwd=shop.root, check=True)
    assert bring(shop.root, "d")
    log = shop.root / "data" / "warehouse.duckdb.wal"
    log.write_bytes(b"of a killed process")
    only_files = putting_back.partition("import-assets")[0]
    subprocess.run(["bash", "-ec", only_files], cwd=shop.root, check=True)
    assert not log.exists()
    assert shop.json("check") == []
    assert [one["state"] for one in shop.json("files", "crm")] == ["imported"] * 3 + ["new"]


def test_lost_and_flipped_bytes_of_the_file_are_told_with_what_to_do(shop: Shop) -> None:
    path = shop.root / "data" / "warehouse.duckdb"
    whole, chance = path.read_bytes(), random.Random(7)
    damaged: list[bytes] = [whole[: chance.randrange(1, len(whole) // 8)] for _ in range(6)]
    for _ in range(6):
        place = chance.randrange(8, 4096)  # of the first header, whichever of the others counts
        flipped = bytes([whole[place] ^ 1 << chance.randrange(8)])
        damaged.append(whole[:place] + flipped + whole[place + 1 :])
    for content in damaged:
        path.write_bytes(content)
        done = shop.call("list")
        assert done.exit_code == 2
        assert f"{path}, which is damaged: " in done.output
        assert "Put the newest copy of it in its place" in done.output
        assert "run `import-assets recover`" in done.output
