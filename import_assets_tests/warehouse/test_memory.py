"""Bounds on DuckDB's memory."""

from __future__ import annotations

import duckdb
import pytest

from import_assets.warehouse.memory import bounded


def limit(connection: duckdb.DuckDBPyConnection) -> str:
    return connection.execute("SELECT current_setting('memory_limit')").fetchall()[0][0]


def test_the_bound_ends_with_the_block() -> None:
    """Also where it fails."""
    with duckdb.connect() as connection:
        before = limit(connection)
        with bounded(connection, "400MB"):
            assert limit(connection) == "381.4 MiB"
        assert limit(connection) == before
        with pytest.raises(ValueError, match="no"), bounded(connection, "400MB"):
            raise ValueError("no")
        assert limit(connection) == before
