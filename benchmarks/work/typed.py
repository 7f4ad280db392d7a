"""`typed DATABASE FILE TYPES`: DuckDB makes a typed table of a file and keeps what it refuses.

TYPES is an object of JSON, columns with types. Prints how many rows it took and refused.
"""

from __future__ import annotations

import json
import sys

import duckdb


def main(database: str, file: str, types: str) -> None:
    """Make the table; what is refused is kept in a table too."""
    with duckdb.connect(database) as connection:
        connection.execute(
            """
            CREATE TABLE loaded AS SELECT * FROM read_csv(
                ?, columns = ?, header = true, store_rejects = true, rejects_limit = 0)
            """,
            [file, json.loads(types)],
        )
        connection.execute("CREATE TABLE rejects AS SELECT * FROM reject_errors")
        told = connection.execute(
            "SELECT (SELECT count(*) FROM loaded), (SELECT count(DISTINCT line) FROM rejects)"
        ).fetchone()
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
