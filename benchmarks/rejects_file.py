"""Events with faults of ten kinds in 2.25 % of their rows, and where which of them are."""

from __future__ import annotations

from pathlib import Path

import duckdb

ROWS = 1_000_000
"""Rows of the file, about 300 MB; 22,500 of them have a fault."""

COLUMNS = """\
kind: {events: visit}
columns:
  - {from: customer, id: registered}
  - {from: ts, timestamp: true}
  - {from: day, type: date}
  - {from: amount, type: number}
  - {from: quantity, type: integer}
"""
TYPES = {
    "customer": "VARCHAR",
    "ts": "TIMESTAMP",
    "day": "DATE",
    "amount": "DOUBLE",
    "quantity": "BIGINT",
    "title": "VARCHAR",
    "campaign": "VARCHAR",
    "note": "VARCHAR",
}
"""The columns, and the types that DuckDB reads them as."""

_CELLS = {
    "customer": "hash(i, 1) % 200000 || '@example.com'",
    "ts": "strftime(TIMESTAMP '2026-10-01' + INTERVAL (i) SECOND, '%Y-%m-%dT%H:%M:%SZ')",
    "day": "strftime(DATE '2026-01-01' + (i % 300)::INTEGER, '%Y-%m-%d')",
    "amount": "(hash(i, 2) % 100000) / 100",
    "quantity": "hash(i, 3) % 50",
    "title": "'The title of product number ' || hash(i, 4) % 50000 || ' of the shop'",
    "campaign": "'campaign-' || hash(i, 5) % 900 || '-autumn-winter-collection-2026'",
    "note": "md5(i::VARCHAR) || ' and more of what nobody will ever read; ' "
    "|| 'written by a program into the export of every visit of the shop: ' || md5(i || "
    "'x')",
}
_TOO_LONG = 300
# Column, the cell in SQL, the reason that is told; two more kinds are made of whole rows below.
_FAULTS = (
    ("customer", "''", "missing_id"),
    ("customer", f"repeat('x', {_TOO_LONG})", "id_too_long"),
    ("ts", "'yesterday'", "not_a_datetime"),
    ("ts", "''", "missing_timestamp"),
    ("amount", "'\"12,5x\"'", "not_a_number"),
    ("quantity", "'3.5'", "not_an_integer"),
    ("quantity", "'99999999999999999999'", "out_of_range"),
    ("day", "'2026-02-30'", "impossible_date"),
)
_TOO_FEW, _TOO_MANY = "too_few_cells", "too_many_cells"
KINDS = (*(reason for _, _, reason in _FAULTS), _TOO_FEW, _TOO_MANY)

# Nine of four hundred rows have a fault, of one kind after the other.
_BAD = "i % 400 % 40 = 20 AND i % 400 < 360"
_KIND = f"CASE WHEN {_BAD} THEN (i // 400 * 9 + i % 400 // 40) % {len(KINDS)} END"


def write_rejects_file(path: Path, rows: int = ROWS) -> None:
    """Write `rows` rows, a multiple of 4,000."""
    cells = dict(_CELLS)
    for kind, (column, cell, _) in enumerate(_FAULTS):
        cells[column] = f"CASE WHEN kind = {kind} THEN {cell} ELSE ({cells[column]})::VARCHAR END"
    whole = " || ',' || ".join(f"({cell})" for cell in cells.values())
    short = f"{_CELLS['customer']} || ',' || {_CELLS['ts']}"
    line = (
        f"CASE kind WHEN {KINDS.index(_TOO_FEW)} THEN {short} "
        f"WHEN {KINDS.index(_TOO_MANY)} THEN {whole} || ',' ELSE {whole} END"
    )
    header = ",".join(_CELLS)
    partial = path.with_suffix(".partial")
    with duckdb.connect() as connection:
        connection.execute(
            f"""
            COPY (SELECT '{header}' AS line UNION ALL
                  SELECT {line} FROM (SELECT i, {_KIND} AS kind FROM range({rows}) r(i)))
            TO '{partial}' (FORMAT csv, HEADER false, DELIMITER '\x01', QUOTE '', ESCAPE '')
            """
        )
    partial.rename(path)


def expected_rejects(rows: int = ROWS) -> list[tuple[object, ...]]:
    """Return reason, number, and sums of records and lines of the rejects of each reason."""
    with duckdb.connect() as connection:
        return connection.execute(
            f"""
            SELECT {list(KINDS)}[kind + 1] AS reason, count(*), sum(i + 1)::HUGEINT,
                   sum(i + 2)::HUGEINT
            FROM (SELECT i, {_KIND} AS kind FROM range({rows}) r(i))
            WHERE kind IS NOT NULL GROUP BY ALL ORDER BY ALL
            """
        ).fetchall()


def found_rejects(warehouse: Path) -> list[tuple[object, ...]]:
    """Return the same of the rejects that a warehouse keeps."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.execute(
            """
            SELECT faults[1].reason AS reason, count(*), sum(record)::HUGEINT, sum(line)::HUGEINT
            FROM import_assets.rejects GROUP BY ALL ORDER BY ALL
            """
        ).fetchall()
