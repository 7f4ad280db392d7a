"""The warehouse's own tables."""

from __future__ import annotations

import duckdb

from import_assets.warehouse.schema import create_schema
from import_assets_tests.builders import dump


def test_creating_it_again_changes_nothing() -> None:
    with duckdb.connect(":memory:") as connection:
        create_schema(connection)
        connection.execute(
            "INSERT INTO import_assets.merges VALUES (1, 2, 1, 'b1', now()::TIMESTAMP)"
        )
        before = dump(connection)
        create_schema(connection)
        assert dump(connection) == before
        assert len(before) == 17


def test_a_table_that_an_older_warehouse_lacks_is_added() -> None:
    with duckdb.connect(":memory:") as connection:
        create_schema(connection)
        whole = dump(connection)
        connection.execute("DROP TABLE import_assets.refusals")
        create_schema(connection)
        assert dump(connection) == whole
