"""`connections`, and what other commands make of sources that lie elsewhere."""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from import_assets_tests.cli.shop import Shop
from import_assets_tests.servers.https import https_server, sends
from import_assets_tests.servers.sftp import PASSWORD, PASSWORD_ENV, SftpServer, asyncssh_server

CRM = """\
kind: customers
source:
  storage: {connection: crm, folder: /, files: "*.csv*", settle: 0}
format: {csv: {delimiter: ","}}
columns: [{from: id, id: registered}, {from: age, type: integer}]
"""
FEED = """\
kind: {catalog: feed}
source: {url: {connection: feeds, path: f.csv}}
columns: [{from: id, id: item_id}]
"""
QUERY = """\
kind: {catalog: rows}
source: {database: {connection: erp, query: "SELECT 1 AS id, date '2026-01-01' AS day"}}
columns: [{from: id, id: item_id}]
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SftpServer]:
    served = tmp_path / "served"
    served.mkdir()
    (served / "a.csv.gz").write_bytes(gzip.compress(b"id,age\n1,10\n2,x\n"))
    with asyncssh_server(served) as running:
        yield running


@pytest.fixture
def far(shop: Shop, server: SftpServer) -> Shop:
    """A project whose only import reads from an SFTP server, which is not trusted yet."""
    for file in (shop.root / "imports").iterdir():
        file.unlink()
    settings = server.connect(password_env=PASSWORD_ENV).model_dump(
        mode="json", exclude_defaults=True
    )
    configure(shop, {"crm": {"sftp": {**settings, "known_hosts": "conf/known_hosts"}}})
    (shop.root / "imports" / "crm.yaml").write_text(CRM, encoding="utf-8")
    return shop


def configure(shop: Shop, connections: dict[str, Any]) -> None:
    text = json.dumps({"connections": connections})
    (shop.root / "project.yaml").write_text(text, encoding="utf-8")


def records(shop: Shop, *words: str) -> list[dict[str, Any]]:
    return json.loads(shop.call(*words, "--json").stdout)


def test_list(far: Shop) -> None:
    (told,) = records(far, "connections", "list")
    assert told == {
        "connection": "crm",
        "type": "sftp",
        "variables": [PASSWORD_ENV],
        "not_set": [],
        "imports": ["crm"],
    }


def test_a_host_is_trusted_on_purpose(far: Shop) -> None:
    """Nothing is sent to a host whose key is not known."""
    result = far.call("connections", "test", "crm")
    assert result.exit_code == 2
    assert "import-assets connections trust crm" in result.stdout
    result = far.call("connections", "trust", "crm", typed="n\n")
    assert result.exit_code == 2
    assert "SHA256:" in result.output
    assert not (far.root / "conf" / "known_hosts").exists()
    assert far.call("connections", "trust", "crm", typed="y\n").exit_code == 0
    again = far.call("connections", "trust", "crm", "--yes")
    assert again.exit_code == 0
    assert "holds this key already" in again.stdout
    (told,) = records(far, "connections", "test", "crm")
    assert (told["outcome"], told["files"], told["names"]) == ("works", 1, "a.csv.gz")


def test_a_wrong_password_is_named_by_its_variable(
    far: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert far.call("connections", "trust", "crm", "--yes").exit_code == 0
    monkeypatch.setenv(PASSWORD_ENV, "not the password")
    result = far.call("connections", "test", "crm")
    assert result.exit_code == 2
    assert "connection crm: " in result.output
    assert PASSWORD_ENV in result.output
    assert "not the password" not in result.output


def test_a_connection_is_tried_before_an_import_uses_it(far: Shop) -> None:
    (far.root / "imports" / "crm.yaml").unlink()
    assert far.call("connections", "trust", "crm", "--yes").exit_code == 0
    (told,) = records(far, "connections", "test", "crm")
    assert (told["import"], told["outcome"], told["names"]) == (None, "works", "a.csv.gz")
    configure(
        far,
        {
            "nowhere": {
                "sftp": {
                    "host": "no-such-host.invalid",
                    "user": "anna",
                    "password_env": PASSWORD_ENV,
                }
            },
            "erp": {"sql": {"url": "sqlite:///erp.db"}},
            "feeds": {"http": {"address": "https://feeds.example"}},
        },
    )
    nowhere = far.call("connections", "test", "nowhere")
    assert nowhere.exit_code == 2
    assert "there is no address for the host no-such-host.invalid" in " ".join(
        nowhere.output.split()
    )
    assert far.call("connections", "test", "erp").exit_code == 2
    sqlite3.connect(far.root / "erp.db").close()
    assert far.call("connections", "test", "erp").exit_code == 0
    feeds = far.call("connections", "test", "feeds")
    assert feeds.exit_code == 2
    assert "is used by no import" in feeds.output


def test_secrets_may_stand_in_the_file_env(far: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD_ENV, "")
    monkeypatch.delenv(PASSWORD_ENV)
    assert far.call("connections", "trust", "crm", "--yes").exit_code == 0
    assert f"{PASSWORD_ENV} is not set" in far.call("connections", "test", "crm").output
    (far.root / ".env").write_text(f"{PASSWORD_ENV}={PASSWORD!r}\n", encoding="utf-8")
    assert far.call("connections", "test", "crm").exit_code == 0


@pytest.mark.parametrize("command", ["test", "trust"])
def test_an_unknown_connection(far: Shop, command: str) -> None:
    result = far.call("connections", command, "crn")
    assert result.exit_code == 2
    assert "no connection 'crn'; did you mean crm?" in result.output


def test_preview_dry_run_and_run_of_a_packed_file_far_away(far: Shop) -> None:
    assert far.call("connections", "trust", "crm", "--yes").exit_code == 0
    (seen,) = records(far, "preview", "crm")
    assert seen["delivery"] == "a.csv.gz"
    assert [row["identifiers"] for row in seen["rows"]] == [{"registered": "1"}]
    assert len(seen["rejects"]) == 1
    (tried,) = records(far, "run", "crm", "--dry-run")
    assert (tried["outcome"], tried["read"], tried["rejected"]) == ("would be imported", 2, 1)
    (done,) = records(far, "run", "crm")
    assert (done["outcome"], done["read"], done["rejected"]) == ("imported", 2, 1)
    (lying,) = records(far, "files", "crm")
    assert lying["state"] == "imported"
    assert far.call("check").exit_code == 0


def test_a_feed_is_previewed_tried_and_imported(shop: Shop) -> None:
    with https_server() as served:
        served.script = sends(b"id,title\na,Tea\n", headers={"ETag": '"1"'})
        settings = served.connection().model_dump(mode="json", exclude_defaults=True)
        configure(shop, {"feeds": {"http": settings}})
        (shop.root / "imports" / "feed.yaml").write_text(FEED, encoding="utf-8")
        (seen,) = records(shop, "preview", "feed")
        assert seen["rows"][0]["attributes"] == {"title": "Tea"}
        (tried,) = records(shop, "run", "feed", "--dry-run")
        assert (tried["outcome"], tried["inserted"]) == ("would be imported", 1)
        (told,) = records(shop, "connections", "test", "feeds")
        assert told["outcome"] == "works"
        (done,) = records(shop, "run", "feed", "--key", "monday")
        assert (done["outcome"], done["inserted"]) == ("imported", 1)
        (again,) = records(shop, "run", "feed", "--key", "tuesday")
        assert (again["outcome"], again["read"]) == ("nothing new", 0)
        (tried,) = records(shop, "run", "feed", "--dry-run")
        assert tried["outcome"] == "nothing new"
        phases = {one.headers["x-exponea-import-phase"] for one in served.requests}
        assert phases == {"preview", "download"}


def test_a_query_is_previewed_with_its_types(shop: Shop) -> None:
    configure(shop, {"erp": {"sql": {"url": "duckdb:///erp.duckdb"}}})
    import duckdb

    duckdb.connect(str(shop.root / "erp.duckdb")).close()
    (shop.root / "imports" / "rows.yaml").write_text(QUERY, encoding="utf-8")
    (seen,) = records(shop, "preview", "rows")
    assert {one["column"]: one["type"] for one in seen["columns"]} == {"id": None, "day": "date"}
    assert seen["rows"][0]["attributes"] == {"day": "2026-01-01"}
    result = shop.call("run", "rows", "--file", "x.csv")
    assert result.exit_code == 2
    assert "this import comes from database" in result.output
