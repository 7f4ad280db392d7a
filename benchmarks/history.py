"""Histories of 90 days of events, and files to import onto them, with answers that are known.

Everything about event n follows from n. Of each file every tenth record repeats the one before it,
and three of ten stand in the history. Imports take place at noon of the day after, by a clock that
is set so. Histories of 10 and 100 million take 6 GB and some minutes to make.
"""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import duckdb

from benchmarks.projects import LIMITS, deliver, project, source

ROWS = 1_000_000
DAYS = 90
LAST = dt.date(2026, 11, 27)
"""The last day of the histories."""

NOW = f"{LAST + dt.timedelta(days=1)}T12:00:00"
"""When imports take place."""

COLUMNS = """\
kind: {events: purchase_item}
columns:
  - {from: customer, id: registered}
  - {from: ts, timestamp: true}
  - {from: quantity, type: integer}
  - {from: price, type: number}
  - {from: total, type: number}
"""
KEY = ("customer", "ts", "purchase_id", "item_id")
"""Columns by which a peer can know an event."""

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


def _start(days: int) -> int:
    midnight = dt.datetime.combine(LAST, dt.time(), dt.UTC) - dt.timedelta(days=days)
    return int(midnight.timestamp())


@dataclass(frozen=True)
class Events:
    """A file of events: number of the first, first second, seconds they are spread over, rows.

    With `faulty` every hundredth row has a fault: no customer, no number, no time or no integer.
    """

    name: str
    first: int
    start: int
    seconds: int
    rows: int = ROWS
    faulty: bool = False

    @property
    def file(self) -> str:
        """The name of the file."""
        return f"{self.name}.csv"


LAST_DAY = Events("last_day", 1_000_000_000, _start(0), _DAY_SECONDS)
SPREAD = Events("spread", 2_000_000_000, _start(DAYS - 1), DAYS * _DAY_SECONDS)
FAULTY = Events("events", LAST_DAY.first, LAST_DAY.start, LAST_DAY.seconds, faulty=True)
"""As LAST_DAY, so that three of ten rows stand in the histories."""

GIGABYTE = Events(
    "gigabyte", 3_000_000_000, LAST_DAY.start, LAST_DAY.seconds, rows=6_000_000, faulty=True
)
"""1 GB, of which nothing stands in a history."""

_KNOWN_ROW = "record % 10 < 3"
_REPEATED = "record % 10 = 9"
_FAULT = "record % 100 = 55"
_FAULTS = {"customer": "NULL", "price": "'12,5x'", "ts": "'yesterday'", "quantity": "'3.5'"}
"""A faulty cell for each of these columns, in turn."""


def write_events(path: Path, events: Events, where: str = "true") -> None:
    """Write events first, first + 1, …; every tenth is written as the one before it."""
    faults = ", ".join(
        f"CASE WHEN {events.faulty} AND {_FAULT} AND record // 100 % 4 = {turn} THEN {cell} "
        f"ELSE {name}::VARCHAR END AS {name}"
        for turn, (name, cell) in enumerate(_FAULTS.items())
    )
    partial = path.with_suffix(".partial")
    with duckdb.connect() as connection:
        connection.execute(
            f"""
            COPY (
                SELECT * EXCLUDE (record) REPLACE ({faults}) FROM ({_rows(events)})
                WHERE {where} ORDER BY record
            ) TO '{partial}' (FORMAT csv)
            """
        )
    partial.rename(path)


def _rows(events: Events) -> str:
    return f"""
        SELECT customer || '@example.com' AS customer, round(moment, 3) AS ts,
               * EXCLUDE (customer, moment)
        FROM (SELECT record, {_EVENT.format(start=events.start, seconds=events.seconds)} FROM (
            SELECT i AS record, {events.first} + i - ({_REPEATED.replace("record", "i")})::INT AS n
            FROM range({events.rows}) r(i)))
    """


_CONTENT = """
    count(*), sum(quantity)::HUGEINT, sum(round(price * 100)::HUGEINT),
    sum(round(total * 100)::HUGEINT), sum({milliseconds}::HUGEINT),
    bit_xor(hash({customer}, purchase_id, item_id, title, currency, channel, campaign))
"""
"""Counts, sums and a checksum: two tables of the same events have the same, in whatever order."""


def expected_content(events: Events, *, known: bool) -> tuple[object, ...]:
    """Return the content of the rows that come in; with `known`, three of ten are there already."""
    content = _CONTENT.format(milliseconds="round(ts * 1000)", customer="customer")
    new = f"NOT {_REPEATED} AND NOT ({events.faulty} AND {_FAULT})"
    new += f" AND NOT {_KNOWN_ROW}" if known else ""
    with duckdb.connect() as connection:
        return connection.execute(
            f"SELECT {content} FROM ({_rows(events)}) WHERE {new}"
        ).fetchall()[0]


def found_content(warehouse: Path, file: str = "%") -> tuple[object, ...]:
    """Return the content of the rows that a file brought into a warehouse, or all files."""
    content = _CONTENT.format(milliseconds='epoch_ms("timestamp")', customer="registered")
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.execute(
            f"""
            SELECT {content} FROM events.purchase_item JOIN customers USING (customer_id)
            WHERE purchase_item._file LIKE ?
            """,
            [file],
        ).fetchall()[0]


def files(folder: Path, *wanted: Events) -> None:
    """Write files that do not lie in the folder."""
    for events in wanted:
        if not (folder / events.file).exists():
            write_events(folder / events.file, events)


def histories(folder: Path, *millions: int) -> dict[int, Path]:
    """Return warehouses with so many million events, which are made where they are missing."""
    found = {number: folder / f"{number}m.duckdb" for number in millions}
    for number, warehouse in found.items():
        if not warehouse.exists():
            build(warehouse, folder, number)
    return found


def known_in(folder: Path, events: Events, days: int) -> int:
    """Return how many rows of a file are in a history, of those of the last so many days."""
    file = _known_file(folder, events)
    row = duckdb.execute(f"SELECT count(*) FROM '{file}' WHERE ts >= {_start(days - 1)}").fetchone()
    assert row is not None
    return int(row[0])


def _known_file(folder: Path, events: Events) -> Path:
    path = folder / f"known_{events.file}"
    if not path.exists():
        write_events(path, events, _KNOWN_ROW)
    return path


def build(target: Path, files: Path, millions: int) -> None:
    """Make a warehouse with a history: daily batches, each with the events of its day.

    The events that the files have too are imported, so that their digests are real; then all are
    written day by day, straight into the table of the real schema.
    """
    known = files / "known.duckdb"
    if not known.exists():
        names = [_known_file(files, events).name for events in (LAST_DAY, SPREAD)]
        text = COLUMNS + source(files, "known_*.csv")
        with project(files, {"events": text}, settings=LIMITS) as root:
            deliver(root, "events", *names, now=NOW)
            (root / "data" / "warehouse.duckdb").rename(known)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        warehouse = Path(folder) / target.name
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


def build_peer(database: Path, folder: Path, millions: float) -> None:
    """Fill the table of a peer, which has imported the known events of the last day, with others.

    It has texts only, in the columns of the files, and is brought to so many million rows.
    """
    known = known_in(folder, LAST_DAY, DAYS)
    event = _EVENT.format(start=_start(DAYS - 1), seconds=DAYS * _DAY_SECONDS)
    with duckdb.connect(str(database)) as connection:
        connection.execute(
            f"""
            SET memory_limit = '4GB';
            INSERT INTO merged.loaded BY NAME
            SELECT customer || '@example.com' AS customer, round(moment, 3)::VARCHAR AS ts,
                   COLUMNS(* EXCLUDE (n, customer, moment))::VARCHAR
            FROM (SELECT n, {event} FROM range({round(millions * 1_000_000) - known}) r(n))
            """
        )
