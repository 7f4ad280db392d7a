"""The shop whose imports are killed: definitions of all four kinds, and seeded files of any size.

Every file of the same name, number and size has the same bytes and the same time of change, so
that two projects made alike hold batches of the same ids.
"""

from __future__ import annotations

import os
import random
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

MODIFIED = 1_764_000_000
"""When every file was last modified, in seconds since 1970: 2025-11-24."""

_PROJECT = """\
identifiers:
  registered: {hard: true}
  cookie: {hard: false}
limits: {dedup_days: 3650}
connections: {erp: {sql: {url: 'sqlite:///erp.db'}}}
"""

STRICT = "fail_above: 1%\n"
"""What makes the import `strict` refuse its file, which has more rejects."""

DEFINITIONS = {
    "visits": """\
kind: {events: visit}
source: {storage: {folder: files, files: "visits_*.csv", settle: 0}}
columns:
  - {from: customer, id: registered}
  - {from: cookie, id: cookie}
  - {from: ts, timestamp: true}
  - {from: amount, type: number}
run: {on_new_file: true}
""",
    "crm": """\
kind: customers
source: {storage: {folder: files, files: "crm_*.csv", settle: 0}}
columns:
  - {from: id, id: registered}
  - {from: cookie, id: cookie}
  - {from: points, type: integer}
run: {on_new_file: true}
""",
    "whole": """\
kind: {catalog: whole, product: true, searchable: [title], mode: full, max_drop: "90%"}
source: {storage: {folder: files, files: "whole_*.csv", settle: 0}}
columns:
  - {from: item_id, id: item_id}
  - {from: title}
  - {from: price, type: number}
run: {on_new_file: true}
""",
    "parts": """\
kind: {catalog: parts, mode: partial}
source: {storage: {folder: files, files: "parts_*.csv", settle: 0}}
columns:
  - {from: item_id, id: item_id}
  - {from: title}
  - {from: price, type: number}
run: {on_new_file: true}
""",
    "swaps": """\
kind: {catalog: swaps, mode: replace}
source: {storage: {folder: files, files: "swaps_*.csv", settle: 0}}
columns:
  - {from: item_id, id: item_id}
  - {from: title}
  - {from: price, type: number}
run: {on_new_file: true}
""",
    "autumn": """\
kind: {vouchers: autumn}
source: {storage: {folder: files, files: "autumn_*.csv", settle: 0}}
format: {csv: {delimiter: ","}}
columns: [{from: code, id: code}]
run: {on_new_file: true}
""",
    "spring": """\
kind: {vouchers: spring}
source: {storage: {folder: files, files: "spring_*.csv", settle: 0}}
format: {csv: {delimiter: ","}}
columns: [{from: code, id: code}]
run: {on_new_file: true}
""",
    "strict": """\
kind: {events: strict}
source: {storage: {folder: files, files: "strict_*.csv", settle: 0}}
columns:
  - {from: customer, id: registered}
  - {from: ts, timestamp: true}
  - {from: amount, type: number}
run: {on_new_file: true}
warn_above: 1%
"""
    + STRICT,
    "orders": """\
kind: {events: order}
source: {database: {connection: erp, query: "SELECT * FROM orders", cursor: updated, lag: 1}}
columns:
  - {from: customer, id: registered}
  - {from: created, timestamp: true}
  - {from: total, type: integer}
""",
}
"""The imports by name, in the order in which their history came in."""


def write_project(root: Path) -> Path:
    """Write the definitions into a new folder, without any file of data, and return it."""
    (root / "imports").mkdir(parents=True)
    (root / "files").mkdir()
    (root / "project.yaml").write_text(_PROJECT, encoding="utf-8")
    for name in DEFINITIONS:
        define(root, name)
    return root


def define(root: Path, name: str, change: Callable[[str], str] = str) -> None:
    """Write one definition; `change` makes another text of it."""
    text = change(DEFINITIONS[name])
    (root / "imports" / f"{name}.yaml").write_text(text, encoding="utf-8")


def write_file(root: Path, name: str, number: int, rows: int) -> Path:
    """Write file `number` of an import, of about so many rows, and return it."""
    drawn = random.Random(f"{name} {number}")
    path = root / "files" / f"{name}_{number}.csv"
    _write(path, _FILES[name](drawn, number, rows))
    return path


def write_orders(root: Path, first: int, last: int) -> None:
    """Add orders to the database; every seventh has a total that is none, every eleventh no cursor.

    Those without a cursor are handed over each time.
    """
    rows = [
        (
            f"r{n % 5}",
            f"2025-11-01T{n // 3600 % 24:02}:{n // 60 % 60:02}:{n % 60:02}",
            "x" if n % 7 == 0 else n,
            None if n % 11 == 0 else n,
        )
        for n in range(first, last)
    ]
    connection = sqlite3.connect(root / "erp.db")
    try:
        with connection:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS orders (customer, created, total, updated INTEGER)"
            )
            connection.executemany("INSERT INTO orders VALUES (?, ?, ?, ?)", rows)
    finally:
        connection.close()


def _write(path: Path, rows: Iterable[Sequence[object]]) -> None:
    text = "".join(",".join(map(str, row)) + "\n" for row in rows)
    path.write_text(text, encoding="utf-8")
    os.utime(path, (MODIFIED, MODIFIED))


def _visits(drawn: random.Random, number: int, rows: int) -> Iterable[Sequence[object]]:
    """A fifth by cookie alone, a third of a file equal to the file before, some amounts wrong."""
    yield "customer", "cookie", "ts", "amount", "page"
    for n in range(rows):
        at = n + (number - 1) * rows * 2 // 3
        known = drawn.random()
        customer = "" if at % 5 == 0 else f"r{at * 7919 % (rows // 3 + 1)}"
        cookie = f"c{at * 31 % (rows // 2 + 1)}" if at % 5 == 0 else ""
        amount = '"12,5"' if at % 101 == 0 and known < 0.9 else f"{at % 997}.{at % 89:02}"
        stamp = f"2025-11-{at // 86400 % 20 + 1:02}T{at // 3600 % 24:02}:{at // 60 % 60:02}:"
        yield customer, cookie, f"{stamp}{at % 60:02}", amount, f"/page/{at % 53}"


def _crm(drawn: random.Random, number: int, rows: int) -> Iterable[Sequence[object]]:
    """Customers who are known and new ones; many cookies join those who had no name before."""
    yield "id", "cookie", "name", "points"
    for _ in range(rows):
        who = drawn.randrange(rows // 4, rows) + (number - 1) * rows // 4
        cookie = f"c{drawn.randrange(rows // 2 + 1)}" if drawn.random() < 0.3 else ""
        points = "many" if drawn.random() < 0.02 else drawn.randrange(1000)
        yield f"r{who}", cookie, f"name {who} of {number}", points


def _items(drawn: random.Random, number: int, rows: int) -> Iterable[Sequence[object]]:
    """Items of which a half were in the file before; the first of them have no price."""
    yield "item_id", "title", "price", "shelf"
    for n in range(rows):
        item = n + (number - 1) * rows // 2
        price = "dear" if drawn.random() < 0.02 else f"{drawn.randrange(10_000) / 100}"
        yield f"i{item}", f"title {item} of {number}", "" if n % 9 == 0 else price, n % 40


def _codes(drawn: random.Random, number: int, rows: int) -> Iterable[Sequence[object]]:
    """Codes of which a third were in the file before, and some twice in this one.

    Those of the second file are in the first file of spring, too.
    """
    yield ("code",)
    first = (number - 1) * rows * 2 // 3
    for n in range(first, first + rows):
        yield (f"C{n if drawn.random() < 0.95 else first}",)


def _spring_codes(drawn: random.Random, number: int, rows: int) -> Iterable[Sequence[object]]:
    """Codes that begin where those of the first file of autumn end."""
    yield ("code",)
    for n in range(rows * number, rows * (number + 1)):
        yield (f"C{n if drawn.random() < 0.95 else rows * number}",)


def _strict(drawn: random.Random, number: int, rows: int) -> Iterable[Sequence[object]]:
    """Visits of which every twentieth is refused, which is too many."""
    yield "customer", "ts", "amount"
    for n in range(rows):
        amount = "none" if n % 20 == 0 else drawn.randrange(1000)
        yield f"r{n}", f"2025-11-{number:02}T{n // 3600 % 24:02}:{n // 60 % 60:02}:00", amount


_FILES: dict[str, Callable[[random.Random, int, int], Iterable[Sequence[object]]]] = {
    "visits": _visits,
    "crm": _crm,
    "whole": _items,
    "parts": _items,
    "swaps": _items,
    "autumn": _codes,
    "spring": _spring_codes,
    "strict": _strict,
}
