"""A planted secret is nowhere after runs that went well and runs that did not (M010, D42).

Everything is real: servers, Dagster's own storage and its files of what runs printed.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from import_assets_tests.servers.buckets import BUCKET
from import_assets_tests.servers.https import https_server, sends
from import_assets_tests.servers.moto import moto_server
from import_assets_tests.servers.sftp import PASSWORD, asyncssh_server

SECRET = "pl4nted-S3cret/Val+ue&ok"
REPOSITORY = Path(__file__).parents[2]

SOURCES = {
    "by_sftp": ("storage: {connection: files, folder: /, files: a.csv}", "a.csv"),
    "by_s3": ("storage: {connection: lake, folder: in, files: a.csv}", "a.csv"),
    "by_url": ("url: {connection: shop, path: a.csv}", "monday"),
    "wrong_sftp": ("storage: {connection: wrong_files, folder: /, files: a.csv}", "a.csv"),
    "wrong_url": ("url: {connection: closed_shop}", "monday"),
    "wrong_sql": ("database: {connection: erp, query: SELECT 1 AS id}", "monday"),
}
"""What each import reads, and the partition that is started; the last three fail."""


@dataclass(frozen=True)
class Yard:
    root: Path
    environment: Mapping[str, str]
    python: Path = Path(sys.executable)

    def call(self, *command: str) -> str:
        """Run a command in the project; return all that it printed."""
        done = subprocess.run(
            [str(self.python), "-m", *command],
            cwd=self.root,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )
        return f"{done.returncode}\n{done.stdout}\n{done.stderr}"


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    served = tmp_path / "served"
    served.mkdir()
    (served / "a.csv").write_bytes(b"id\n1\n2\n")
    root = tmp_path / "project"
    (root / "imports").mkdir(parents=True)
    with (
        asyncssh_server(served) as sftp,
        moto_server() as s3,
        https_server() as shop,
    ):
        shop.script = sends(b"id\n1\n2\n")
        s3.client().put_object(Bucket=BUCKET, Key="in/a.csv", Body=b"id\n1\n2\n")
        connections: dict[str, Any] = {
            "files": {"sftp": _fields(sftp.connect(password_env="SFTP_SECRET"))},
            "wrong_files": {"sftp": _fields(sftp.connect(password_env="PLANTED"))},
            "lake": {
                "s3": {
                    "bucket": BUCKET,
                    "region": "us-east-1",
                    "endpoint": s3.endpoint,
                    "access_key_id_env": "PLANTED_ID",
                    "secret_access_key_env": "PLANTED",
                }
            },
            "shop": {"http": _fields(shop.connection(user="anna", password_env="PLANTED"))},
            "closed_shop": {
                "http": {
                    "address": "https://127.0.0.1:1/",
                    "user": "anna",
                    "password_env": "PLANTED",
                    "private_addresses": "allow",
                }
            },
            "erp": {"sql": {"url": "postgresql://anna@127.0.0.1:1/erp", "password_env": "PLANTED"}},
        }
        (root / "project.yaml").write_text(json.dumps({"connections": connections}))
        shutil.copy(REPOSITORY / "dagster.yaml", root)
        for name, (source, _) in SOURCES.items():
            text = f"kind: customers\nsource: {{{source}}}\nformat: {{csv: {{delimiter: ','}}}}\n"
            text += "columns: [{from: id, id: registered}]\n"
            (root / "imports" / f"{name}.yaml").write_text(text, encoding="utf-8")
        secrets = {"PLANTED": SECRET, "PLANTED_ID": "AKIAPLANTEDKEYID", "SFTP_SECRET": PASSWORD}
        yield Yard(root, {**secrets, "DAGSTER_HOME": str(root)})


def _fields(connection: Any) -> dict[str, Any]:
    return connection.model_dump(mode="json", exclude_defaults=True)


def _written(root: Path) -> Iterator[tuple[str, bytes]]:
    for path in root.rglob("*"):
        if path.is_file():
            yield str(path.relative_to(root)), path.read_bytes()


@pytest.mark.slow
def test_no_secret_is_left_anywhere(yard: Yard) -> None:
    said = [yard.call("import_assets.cli.main", "connections", "list")]
    for name, (_, key) in SOURCES.items():
        # By the command first, which makes the partition, and then as Dagster's own workers run it.
        said.append(yard.call("import_assets.cli.main", "run", name, "--key", key))
        assert said[-1].startswith("2" if name.startswith("wrong") else "0"), said[-1]
    said.append(yard.call("import_assets.cli.main", "connections", "test", "wrong_files"))
    name, (_, key) = "by_url", SOURCES["by_url"]
    said.append(yard.call("import_assets.cli.main", "files", name, "--forget", key))
    said.append(
        yard.call(
            "dagster",
            *("asset", "materialize", "-m", "import_assets.definitions"),
            *("--select", f"imports/{name}", "--partition", key),
        )
    )
    assert said[-1].startswith("0"), said[-1]
    everything = [*_written(yard.root), *(("printed", one.encode()) for one in said)]
    assert any("compute_logs" in name for name, _ in everything)
    assert any(name.endswith(".db") for name, _ in everything)
    for secret in (SECRET, PASSWORD, "AKIAPLANTEDKEYID"):
        basic = base64.b64encode(f"anna:{secret}".encode()).decode()
        for form in (secret, quote(secret), quote(secret, safe=""), basic):
            places = [name for name, content in everything if form.encode() in content]
            assert places == [], form
    assert any(b"PLANTED" in content for _, content in everything)
