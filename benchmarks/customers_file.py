"""Files of customers with 20 attributes and a cookie each, and a warehouse of two million."""

from __future__ import annotations

from pathlib import Path

import duckdb

from benchmarks.projects import deliver, expect_counts, project, source

STORED, ROWS = 2_000_000, 200_000
ATTRIBUTES = 20
PART = 1_000_000
"""Rows of each file that the warehouse is made of."""

COLUMNS = """\
kind: customers
columns:
  - {from: id, id: registered}
  - {from: cookie, id: cookie}
  - {from: a0, type: integer}
  - {from: a1, type: number}
  - {from: a2, type: date}
"""


def write_customers(file: Path, first: int, last: int, known: str, cookie: str) -> None:
    """Write rows `first` to `last`; `known` and `cookie` are SQL of a row's identifiers by `i`."""
    cells = ["i % 1000 AS a0", "i / 7.0 AS a1", "DATE '1950-01-01' + (i % 20000)::INTEGER AS a2"]
    cells += [f"'value ' || hash(i * {n}) % 100000 AS a{n}" for n in range(3, ATTRIBUTES)]
    partial = file.with_suffix(".partial")
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT {known} AS id, {cookie} AS cookie, {', '.join(cells)} "
            f"FROM range({first}, {last}) r(i)) TO '{partial}' (FORMAT csv, HEADER)"
        )
    partial.rename(file)


def write_base(folder: Path, stored: int = STORED) -> list[Path]:
    """Write the files of customers that are stored already; a tenth of them are anonymous."""
    files = []
    for start in range(0, stored, PART):
        file = folder / f"base{start}.csv"
        if not file.exists():
            known = "CASE WHEN i % 10 > 0 THEN 'r' || i END"
            write_customers(file, start, min(start + PART, stored), known, "'c' || i")
        files.append(file)
    return files


def write_new(file: Path, rows: int = ROWS, stored: int = STORED, *, merging: bool = False) -> None:
    """Write customers of which 30 % are stored.

    With `merging`, 5 % of the rows name the cookie of an anonymous profile that is stored too: two
    profiles become one.
    """
    fresh, old = f"'r' || ({stored} + i)", f"'r' || (i * 10 + 1) % {stored}"
    known = f"CASE WHEN i % 10 < 3 THEN {old} ELSE {fresh} END"
    own = "'n' || i"
    other = f"CASE WHEN i % 20 = 0 THEN 'c' || (i * 10) % {stored} ELSE 'm' || i END"
    write_customers(file, 0, rows, known, other if merging else own)


def expected_counts(rows: int = ROWS) -> dict[str, int]:
    """Return the counts of the import of new ones."""
    return {"read": rows, "inserted": rows * 7 // 10, "updated": rows * 3 // 10, "rejected": 0}


def expected_customers(rows: int = ROWS, stored: int = STORED, *, merging: bool = False) -> int:
    """Return how many customers there are afterwards."""
    return stored + rows * 7 // 10 - (rows // 20 if merging else 0)


def matching(warehouse: Path, file: Path) -> tuple[int, int]:
    """Return how many rows of a file are customers with these very values, and customers in all."""
    names = [f"a{number}" for number in range(ATTRIBUTES)]
    # What the number says, not how it is written.
    same = " AND ".join(f"c.{name} = f.{name}::{_type(name)}" for name in names)
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        row = connection.execute(
            f"""
            SELECT (SELECT count(*) FROM read_csv(?, all_varchar = true) f
                    JOIN customers c ON c.registered = f.id AND {same}),
                   (SELECT count(*) FROM customers)
            """,
            [str(file)],
        ).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def _type(name: str) -> str:
    return {"a0": "BIGINT", "a1": "DOUBLE", "a2": "DATE"}.get(name, "VARCHAR")


def write_warehouse(target: Path, files: list[Path], stored: int = STORED) -> None:
    """Make a warehouse of the files, by imports."""
    text = COLUMNS + source(files[0].parent, "*.csv")
    with project(target.parent, {"crm": text}) as root:
        _, counts = deliver(root, "crm", *(file.name for file in files))
        expect_counts(counts, {"read": stored, "inserted": stored})
        (root / "data" / "warehouse.duckdb").rename(target)
