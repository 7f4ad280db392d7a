"""A small project on disk, and the command called on it in this process."""

from __future__ import annotations

import json
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from import_assets.cli.main import main

REPOSITORY = Path(__file__).parents[2]

DEFINITIONS = {
    "clients": """\
kind: customers
source:
  storage: {folder: exports, files: clients_*.csv, settle: 0}
columns:
  - {from: id, id: registered}
  - {from: fn, to: first_name}
  - {from: birthday, type: date}
run:
  on_new_file: true
""",
    "orders": """\
kind: {events: purchase}
source:
  storage: {folder: exports, files: orders_*.csv, settle: 0}
columns:
  - {from: id, id: registered}
  - {from: ts, timestamp: true}
  - {from: total, type: number}
""",
    "prices": """\
kind: {catalog: prices}
source:
  storage: {folder: exports, files: prices.csv, select: all, settle: 0}
columns:
  - {from: item, id: item_id}
  - {from: price, type: number}
run:
  daily: ["06:00"]
""",
    "partners": """\
kind: customers
source:
  upload: {settle: 0}
columns:
  - {from: number, id: registered}
""",
    "signups": """\
kind: customers
source:
  paste:
    text: |
      web_cookie,email
      c1,a@example.com
columns:
  - {from: web_cookie, id: cookie}
""",
}

FILES = {
    "exports/clients_1.csv": "id,fn,birthday\n1,Anna,1990-01-31\n2,Eva,31.2.1990\n3,Ivo,\n",
    "exports/clients_2.csv": "id,fn,birthday\n1,Hana,1990-01-31\n",
    "exports/orders_1.csv": "id,ts,total\n1,1700000000,10.5\n2,1700000001,3\n1,1700000000,10.5\n",
    "exports/orders_2.csv": "id,ts,total\n3,1700000002,7\n,then,=1+1\n",
    "exports/prices.csv": "item,price\np1,1.5\np2,2\n",
}


@dataclass(frozen=True)
class Shop:
    """A project in a folder of its own."""

    root: Path

    def call(self, *words: str, typed: str | bytes | None = None) -> Result:
        """Call the command as from the project's folder."""
        return CliRunner().invoke(main, ["--project", str(self.root), *words], input=typed)

    def json(self, *words: str, code: int = 0, typed: str | bytes | None = None) -> Any:
        """Call the command with --json and return the list that it prints."""
        result = self.call(*words, "--json", typed=typed)
        assert result.exit_code == code, result.output
        printed = json.loads(result.stdout)
        assert isinstance(printed, list)
        return printed

    def query(self, sql: str) -> list[dict[str, Any]]:
        """Return what a statement gives."""
        return self.json("query", sql)

    def write(self, path: str, text: str | bytes) -> Path:
        """Write a file of the project."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    def age(self, path: str, seconds: float) -> None:
        """Make a file seem to have been written so long ago."""
        then = time.time() - seconds
        os.utime(self.root / path, (then, then))

    def define(self, name: str, text: str) -> None:
        """Write a definition."""
        self.write(f"imports/{name}.yaml", text)

    def copy_to(self, root: Path) -> Shop:
        """Return a copy with everything that was imported and is remembered."""
        shutil.copytree(self.root, root)
        return Shop(root)


def new_shop(root: Path) -> Shop:
    """Make the project, with nothing imported, and how Dagster is run as in the repository."""
    shop = Shop(root)
    shop.write(
        "project.yaml", "identifiers:\n  registered: {hard: true}\n  cookie: {hard: false}\n"
    )
    shop.write("dagster.yaml", (REPOSITORY / "dagster.yaml").read_bytes())
    for name, text in DEFINITIONS.items():
        shop.define(name, text)
    for number, (path, text) in enumerate(FILES.items()):
        shop.write(path, text)
        shop.age(path, 1_000 - number)
    return shop
