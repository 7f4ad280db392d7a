"""Time the import of 1,000,000 events onto histories of 10 and 100 million.

`python benchmarks/load_history.py FOLDER [RUNS]` makes the histories of 90 days in FOLDER where
they are missing (6 GB, which takes a while), and two files: events of the last day, and events
spread over them. Of each file every tenth record repeats the one before it, and three of ten stand
in the history. Imports take place at noon of the day after, by a clock that is set so. A third case
has 100 million of which 10 are inside the window: the same history under a window of 9 days.

Each run imports a file into a fresh copy of a history, in a process of its own; medians of seconds,
CPU seconds and peak memory in MB are printed, the floor (DuckDB reading the file into a table), and
the ratio to the smallest history. Copying leaves the history in the system's cache. The counts of
every import are compared with those expected.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import duckdb
from load_events import DEFINITION, IMPORT, PLAIN, run

ROWS = 1_000_000
DAYS = 90
FILES = ("last_day", "spread")
LAST = dt.date(2026, 11, 27)
"""The last day of the histories."""

_DAY_SECONDS = 86_400
_KNOWN = 180_000
"""Customers that the events which the files have too make at least."""

# Everything about event n follows from n, so that files and histories are alike and repeatable.
_EVENT = """
    (hash(n, 1) % 200000)::BIGINT AS customer,
    {start} + {seconds} * (hash(n, 2) / 18446744073709551616) AS moment,
    (n // 3)::VARCHAR AS purchase_id,
    'SKU-' || hash(n, 3) % 50000 AS item_id,
    'The title of product number ' || hash(n, 3) % 50000 || ' of the shop' AS title,
    (1 + hash(n, 4) % 9)::BIGINT AS quantity,
    (100 + hash(n, 5) % 100000) / 100 AS price,
    (100 + hash(n, 5) % 100000) * (1 + hash(n, 4) % 9) / 100 AS total,
    ['EUR', 'CZK', 'USD'][(1 + hash(n, 6) % 3)::INT] AS currency,
    ['web', 'app', 'store'][(1 + hash(n, 7) % 3)::INT] AS channel,
    'campaign-' || hash(n, 8) % 900 || '-autumn-winter-collection-2026' AS campaign
"""


@dataclass(frozen=True)
class Case:
    """A history of so many million events of 90 days, and how many of the days are the window."""

    millions: int
    window: int = DAYS

    @property
    def name(self) -> str:
        """What it is called in the output."""
        inside = self.millions * self.window // DAYS
        return f"{self.millions} million, {inside} inside"


CASES = (Case(10), Case(100), Case(100, 9))


_AT_NOON = f"""
import datetime
from import_assets.pipeline import deliver
deliver.utc_now = lambda: {dt.datetime.combine(LAST, dt.time(12)) + dt.timedelta(days=1)!r}
"""


def _start(days: int) -> int:
    midnight = dt.datetime.combine(LAST, dt.time(), dt.UTC) - dt.timedelta(days=days)
    return int(midnight.timestamp())


def write_file(path: Path, first: int, start: int, seconds: int, where: str = "true") -> None:
    """Write events first, first + 1, …; every tenth is written as the one before it."""
    with duckdb.connect() as connection:
        events = _EVENT.format(start=start, seconds=seconds)
        connection.execute(
            f"""
            COPY (
                SELECT customer || '@example.com' AS customer, round(moment, 3) AS ts,
                       * EXCLUDE (customer, moment, record)
                FROM (SELECT record, {events} FROM (
                    SELECT i AS record, {first} + i - (i % 10 = 9)::INT AS n
                    FROM range({ROWS}) r(i))) e
                WHERE {where} ORDER BY record
            ) TO '{path}' (FORMAT csv)
            """
        )


def _spans() -> dict[str, tuple[int, int, int]]:
    """Number of the first event, first second and seconds of each file."""
    return {
        "last_day": (1_000_000_000, _start(0), _DAY_SECONDS),
        "spread": (2_000_000_000, _start(DAYS - 1), DAYS * _DAY_SECONDS),
    }


def write_files(folder: Path) -> None:
    """Write the files to be imported, and for each the part of it that stands in the history."""
    for name, (first, start, seconds) in _spans().items():
        for path, where in (
            (folder / f"{name}.csv", "true"),
            (folder / f"known_{name}.csv", "record % 10 < 3"),
        ):
            write_file(path, first, start, seconds, where)


def _project(root: Path, files: Path, pattern: str) -> None:
    (root / "imports").mkdir(parents=True)
    definition = DEFINITION.format(folder=json.dumps(str(files)), file=pattern)
    (root / "imports" / "events.yaml").write_text(definition, encoding="utf-8")


def build(target: Path, files: Path, millions: int) -> None:
    """Make a warehouse with a history: daily batches, each with the events of its day.

    The events that the files have too are imported, so that their digests are real; then all are
    written day by day, straight into the table of the real schema.
    """
    known = files / "known.duckdb"
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        root = Path(folder)
        if not known.exists():
            _project(root, files, "known_*.csv")
            for name in FILES:
                run(_AT_NOON + IMPORT, folder, f"known_{name}.csv")
            (root / "data" / "warehouse.duckdb").rename(known)
        warehouse = root / target.name
        shutil.copyfile(known, warehouse)
        with duckdb.connect(str(warehouse)) as connection:
            _fill(connection, millions)
        warehouse.rename(target)


def _fill(connection: duckdb.DuckDBPyConnection, millions: int) -> None:
    """Write the days. Apart from the known events all days are alike but for times and digests."""
    each = millions * 1_000_000 // DAYS
    event = _EVENT.format(start=0, seconds=_DAY_SECONDS)
    connection.execute(
        f"""
        SET memory_limit = '4GB';
        CREATE TEMP TABLE known AS SELECT * FROM events.purchase_item;
        DELETE FROM events.purchase_item;
        CREATE TEMP TABLE day AS
        SELECT customer % {_KNOWN} + 1 AS customer_id, (moment * 1000)::BIGINT * 1000 AS moment,
               * EXCLUDE (n, customer, moment)
        FROM (SELECT n, {event} FROM range({each}) r(n)) ORDER BY moment;
        """
    )
    for number in range(DAYS):
        start = _start(DAYS - 1 - number)
        connection.execute(
            f"""
            INSERT INTO events.purchase_item BY NAME
            SELECT * REPLACE (
                'batch-{number}' AS _batch, 'day-{number}.csv' AS _file,
                row_number() OVER () AS _row,
                make_timestamp({start + _DAY_SECONDS - 1} * 1000000::BIGINT) AS _imported_at)
            FROM (
                SELECT customer_id, * EXCLUDE (customer_id, moment), uuid() AS _digest,
                       make_timestamp({start} * 1000000::BIGINT + moment) AS "timestamp",
                       '' AS _batch, 'events' AS _import, '' AS _file, 0::BIGINT AS _row,
                       NULL::TIMESTAMP AS _imported_at
                FROM day
                UNION ALL BY NAME
                SELECT * FROM known
                WHERE "timestamp" >= make_timestamp({start} * 1000000::BIGINT)
                  AND "timestamp" < make_timestamp({start + _DAY_SECONDS} * 1000000::BIGINT))
            """
        )


def expected(files: Path, name: str, case: Case) -> dict[str, int]:
    """Return the counts that the import of a file must give."""
    row = duckdb.execute(
        f"SELECT count(*) FROM '{files / f'known_{name}.csv'}' "
        f"WHERE ts >= {_start(case.window - 1)}"
    ).fetchall()[0]
    duplicate = ROWS // 10 + row[0]
    return {"read": ROWS, "inserted": ROWS - duplicate, "duplicate": duplicate, "rejected": 0}


def import_onto(
    warehouse: Path, file: Path, window: int, counts: dict[str, int]
) -> tuple[float, float, float]:
    """Import a file into a copy of a warehouse; return wall seconds, CPU seconds and peak MB."""
    with tempfile.TemporaryDirectory(dir=warehouse.parent) as folder:
        root = Path(folder)
        _project(root, file.parent, file.name)
        limits = f"limits: {{dedup_days: {window}}}\nretention: {{undo_days: {window}}}\n"
        (root / "project.yaml").write_text(limits, encoding="utf-8")
        (root / "data").mkdir()
        shutil.copyfile(warehouse, root / "data" / "warehouse.duckdb")
        figures, printed = run(_AT_NOON + IMPORT, folder, file.name)
    found = json.loads(printed)
    wrong = {key: found[key] for key, number in counts.items() if found[key] != number}
    if wrong:
        raise SystemExit(f"wrong counts: {wrong}, expected {counts}")
    return figures


def _plain(file: Path) -> tuple[float, float, float]:
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        return run(PLAIN, str(Path(folder) / "plain.duckdb"), str(file))[0]


def _say(name: str, figures: list[tuple[float, float, float]], base: float | None) -> float:
    wall, cpu, memory = (statistics.median(column) for column in zip(*figures, strict=True))
    ratio = f"{wall / base:6.2f}" if base else ""
    sys.stdout.write(f"  {name:<26}{wall:7.2f} s {cpu:7.2f} CPU s {memory:7.0f} MB {ratio}\n")
    sys.stdout.flush()
    return wall


def main(files: Path, runs: int) -> None:
    """Make what is missing, measure and print."""
    if not (files / f"{FILES[-1]}.csv").exists():
        files.mkdir(parents=True, exist_ok=True)
        write_files(files)
    warehouses = {case: files / f"{case.millions}m.duckdb" for case in CASES}
    for case, warehouse in warehouses.items():
        if not warehouse.exists():
            build(warehouse, files, case.millions)
    for name in FILES:
        sys.stdout.write(f"{ROWS:,} events, {name}; {runs} runs in turn\n")
        file = files / f"{name}.csv"
        floor: list[tuple[float, float, float]] = []
        figures: dict[Case, list[tuple[float, float, float]]] = {case: [] for case in CASES}
        for _ in range(runs):
            floor.append(_plain(file))
            for case, warehouse in warehouses.items():
                counts = expected(files, name, case)
                figures[case].append(import_onto(warehouse, file, case.window, counts))
        _say("CREATE TABLE AS read_csv", floor, None)
        base = None
        for case, measured in figures.items():
            wall = _say(case.name, measured, base)
            base = base or wall


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 3)
