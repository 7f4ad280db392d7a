"""`plain DATABASE FILE`: DuckDB alone makes a table of a file of CSV, all of it texts."""

from __future__ import annotations

import sys

import duckdb


def main(database: str, file: str) -> None:
    """Make the table."""
    with duckdb.connect(database) as connection:
        connection.execute(
            "CREATE TABLE loaded AS SELECT * FROM read_csv(?, all_varchar = true)", [file]
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
