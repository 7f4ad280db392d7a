"""Whether the ledger is what imports have written: whole, and each row in itself consistent.

Nobody but an import writes into it, yet a DuckDB shell can, and a log of another state of the
warehouse that was left beside a copy that was put back, brings rows of the one into the other.
"""

from __future__ import annotations

from collections.abc import Iterator

import duckdb

from import_assets.errors import WarehouseError
from import_assets.warehouse.sql import first_row

ADVICE = (
    'put the newest copy of the warehouse in its place and run `import-assets recover`, or see "A '
    'damaged ledger" in docs/running.md'
)

_SUM = "inserted + updated + unchanged + duplicate + rejected"
_ROW = "'number ' || sequence || ' (import ' || import || ', delivery ' || key || ')'"
_MOST = 20


def check_whole(connection: duckdb.DuckDBPyConnection) -> None:
    """Check that no batch is missing from the ledger, and that none stands there twice.

    Raises:
        WarehouseError: one is; what is imported on top might be there twice then.
    """
    found = next(_numbers(connection), None)
    if found is not None:
        raise WarehouseError(f"the ledger is damaged: {found}; nothing was written; {ADVICE}")


def faults(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Return a sentence for each thing that is wrong with the ledger, with the row it is about."""
    return [*_numbers(connection), *_twice(connection), *_counts(connection), *_texts(connection)]


def _numbers(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    row = first_row(
        connection,
        """
        SELECT count(*), count(DISTINCT sequence),
               greatest(coalesce(max(sequence), 0),
                        (SELECT coalesce(max(sequence), 0) FROM undo.batches))
        FROM import_assets.batches
        """,
    )
    rows, numbers, last = row or (0, 0, 0)
    if rows == numbers == last:
        return
    doubled = connection.execute(
        "SELECT sequence, count(*) FROM import_assets.batches GROUP BY 1 HAVING count(*) > 1 "
        f"ORDER BY 1 LIMIT {_MOST}"
    ).fetchall()
    for number, times in doubled:
        yield f"number {number} stands there {times} times"
    missing = connection.execute(
        "SELECT n FROM range(1, ?) r(n) ANTI JOIN import_assets.batches ON n = sequence "
        f"ORDER BY n LIMIT {_MOST}",
        [last + 1],
    ).fetchall()
    for (number,) in missing:
        yield (
            f"number {number} is missing: its row was removed, its delivery would be imported once "
            "more"
        )
    if not doubled and not missing:
        yield "it has rows with numbers below 1"


def _twice(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    found = connection.execute(
        "SELECT batch_id, list(sequence ORDER BY sequence), first(import), first(key) "
        "FROM import_assets.batches WHERE forgotten_at IS NULL AND undone_at IS NULL "
        f"GROUP BY 1 HAVING count(DISTINCT sequence) > 1 ORDER BY 2 LIMIT {_MOST}"
    ).fetchall()
    for batch_id, numbers, name, key in found:
        yield (
            f"batch {batch_id} (import {name}, delivery {key}) stands there as numbers "
            f"{', '.join(map(str, numbers))}, and was applied once"
        )


def _counts(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    found = connection.execute(
        f"SELECT {_ROW}, read, {_SUM} FROM import_assets.batches "
        f"WHERE read <> {_SUM} OR least(read, inserted, updated, unchanged, duplicate, rejected, "
        f"blank, customers_created, removed) < 0 ORDER BY sequence LIMIT {_MOST}"
    ).fetchall()
    for row, read, accounted in found:
        yield (
            f"the counts of {row} do not add up: {read:,} records read, {accounted:,} accounted for"
        )


def _texts(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    for column in ("state", "written"):
        found = connection.execute(
            f"SELECT {_ROW} FROM import_assets.batches WHERE NOT json_valid({column}) "
            f"OR coalesce(json_type({column}), '') <> 'OBJECT' ORDER BY sequence LIMIT {_MOST}"
        ).fetchall()
        for (row,) in found:
            yield f"`{column}` of {row} is no JSON object"
