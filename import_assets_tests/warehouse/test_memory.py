"""The memory of a database is bounded for a while, and not longer."""

from __future__ import annotations

import duckdb
import pytest

from import_assets.warehouse.memory import bounded, unbound

_LARGE = "CREATE OR REPLACE TEMP TABLE large AS SELECT repeat('x', 100) || n FROM range(99999) r(n)"


def _limit(connection: duckdb.DuckDBPyConnection) -> str:
    return connection.execute("SELECT current_setting('memory_limit')").fetchall()[0][0]


def test_it_is_bounded_as_long_as_the_block_runs() -> None:
    with duckdb.connect() as connection:
        with bounded(connection, "1MB"):
            assert _limit(connection) == "976.5 KiB"
            with pytest.raises(duckdb.OutOfMemoryException):
                connection.execute(_LARGE)
        connection.execute(_LARGE)


def test_it_does_not_shrink_when_it_is_bounded_again_and_again() -> None:
    with duckdb.connect() as connection:
        limits = set()
        for _ in range(20):
            with bounded(connection, "50MB"):
                pass
            limits.add(_limit(connection))
        assert len(limits) == 1


def test_what_fails_in_a_transaction_is_told_and_the_bound_taken_off_after_it() -> None:
    with duckdb.connect() as connection:
        connection.execute("BEGIN")
        with pytest.raises(duckdb.OutOfMemoryException), bounded(connection, "1MB"):
            connection.execute(_LARGE)
        connection.execute("ROLLBACK")
        unbound(connection)
        connection.execute(_LARGE)
