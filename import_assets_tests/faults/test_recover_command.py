"""The command `recover`: what it prints, what it returns, and what it leaves alone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from import_assets_tests.cli.shop import Shop, new_shop
from import_assets_tests.servers.buckets import BUCKET
from import_assets_tests.servers.https import HttpsServer, https_server, sends
from import_assets_tests.servers.moto import moto_server
from import_assets_tests.servers.sftp import PASSWORD, PASSWORD_ENV, asyncssh_server


def told(records: list[dict[str, object]]) -> dict[object, object]:
    return {one["delivery"]: one["outcome"] for one in records}


@pytest.mark.slow
def test_one_command_after_a_copy_was_put_back(tmp_path: Path) -> None:
    shop = new_shop(tmp_path / "shop")
    assert shop.call("run", "clients", "--key", "clients_1.csv").exit_code == 0
    warehouse = shop.root / "data" / "warehouse.duckdb"
    shutil.copy(warehouse, tmp_path / "copy")
    assert shop.call("run", "orders").exit_code == 0
    shutil.copy(tmp_path / "copy", warehouse)
    (shop.root / "exports" / "orders_2.csv").unlink()

    trial = shop.json("recover", "--dry-run", code=1)
    assert told(trial) == {"orders_1.csv": "would be imported", "orders_2.csv": "not recoverable"}
    assert told(shop.json("recover", "clients")) == {}
    assert shop.query("SELECT count(*) AS n FROM customers") == [{"n": 2}]
    done = shop.json("recover", code=1)
    assert told(done) == {"orders_1.csv": "imported", "orders_2.csv": "not recoverable"}
    assert [one["inserted"] for one in done] == [2, None]
    assert "is not in folder" in done[1]["message"]
    assert shop.query("SELECT count(*) AS n FROM events.purchase") == [{"n": 2}]

    again = shop.call("recover")
    assert again.exit_code == 0
    assert "Nothing is lacking: the warehouse and Dagster agree." in again.stdout
    shutil.rmtree(shop.root / ".dagster")
    assert told(shop.json("recover")) == {"clients_1.csv": "shown", "orders_1.csv": "shown"}
    assert told(shop.json("recover")) == {}


@contextmanager
def far_away(
    root: Path, served: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Shop, HttpsServer]]:
    """A project whose imports read from a bucket, by SFTP and from an address."""
    files = 'storage: {{connection: {}, folder: "{}", files: "*.csv", settle: 0}}'
    sources = {
        "by_s3": files.format("lake", "in"),
        "by_sftp": files.format("crm", "/"),
        "by_url": "url: {connection: feeds, path: f.csv}",
    }
    with moto_server() as s3, asyncssh_server(served) as sftp, https_server() as feeds:
        s3.client().put_object(Bucket=BUCKET, Key="in/a.csv", Body=b"id,n\ns3,1\n")
        monkeypatch.setenv("LAKE_ID", s3.access_key_id)
        monkeypatch.setenv("LAKE_SECRET", s3.secret_access_key)
        monkeypatch.setenv(PASSWORD_ENV, PASSWORD)
        lake = {"bucket": BUCKET, "region": "us-east-1", "endpoint": s3.endpoint}
        lake |= {"access_key_id_env": "LAKE_ID", "secret_access_key_env": "LAKE_SECRET"}
        crm = sftp.connect(password_env=PASSWORD_ENV).model_dump(mode="json", exclude_defaults=True)
        shop = new_shop(root)
        for file in (root / "imports").iterdir():
            file.unlink()
        for name, source in sources.items():
            text = f"kind: customers\nsource: {{{source}}}\nformat: {{csv: {{delimiter: ','}}}}\n"
            shop.define(name, text + "columns: [{from: id, id: registered}]\n")
        feed = feeds.connection().model_dump(mode="json", exclude_defaults=True)
        told = {"lake": {"s3": lake}, "crm": {"sftp": crm}, "feeds": {"http": feed}}
        shop.write("project.yaml", json.dumps({"connections": told}))
        yield shop, feeds


@pytest.mark.slow
def test_what_lies_elsewhere_is_fetched_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of an address, what it gives now, under the name that the delivery had."""
    served = tmp_path / "served"
    served.mkdir()
    (served / "b.csv").write_bytes(b"id,n\nsftp,2\n")
    with far_away(tmp_path / "shop", served, monkeypatch) as (shop, feeds):
        feeds.script = sends(b"id,n\nfirst,3\n")
        assert shop.call("run", "by_url", "--key", "monday").exit_code == 0
        warehouse = shop.root / "data" / "warehouse.duckdb"
        shutil.copy(warehouse, tmp_path / "copy")
        feeds.script = sends(b"id,n\nurl,4\n")
        for name in ("by_s3", "by_sftp"):
            result = shop.call("run", name)
            assert result.exit_code == 0, result.output
        assert shop.call("run", "by_url", "--key", "tuesday").exit_code == 0
        shutil.copy(tmp_path / "copy", warehouse)
        done = {one["delivery"]: one for one in shop.json("recover")}
        customers = "SELECT registered AS id, n FROM customers ORDER BY 1"
        assert {key: one["outcome"] for key, one in done.items()} == {
            "a.csv": "imported",
            "b.csv": "imported",
            "tuesday": "imported",
        }
        assert shop.query(customers) == [
            {"id": "first", "n": "3"},
            {"id": "s3", "n": "1"},
            {"id": "sftp", "n": "2"},
            {"id": "url", "n": "4"},
        ]


def test_without_a_warehouse_there_is_nothing_to_go_by(tmp_path: Path) -> None:
    shop = new_shop(tmp_path / "shop")
    done = shop.call("recover")
    assert done.exit_code == 2
    assert "put the newest copy of it there first" in done.output
    assert shop.call("recover", "nobody").exit_code == 2
    assert not (shop.root / "data").exists()
