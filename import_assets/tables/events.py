"""Events: append-only, each once within the window of deduplication (M064-M067, D24)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import duckdb

from import_assets.spec.models import CONSENT, AttributeType
from import_assets.tables import journal
from import_assets.tables.outcome import Counts
from import_assets.warehouse.ledger import Turn
from import_assets.warehouse.sql import first_row, number, quote, table_sql

DIGEST = "_digest"


def ensure_table(connection: duckdb.DuckDBPyConnection, table: tuple[str, ...]) -> None:
    """Create the table of an event type when missing."""
    connection.execute(
        f'CREATE TABLE IF NOT EXISTS {table_sql(table)} (customer_id BIGINT, "timestamp" TIMESTAMP)'
    )


def apply(
    connection: duckdb.DuckDBPyConnection,
    table: tuple[str, ...],
    attributes: Sequence[tuple[str, AttributeType]],
    lineage: dict[str, object],
    turn: Turn,
    *,
    window: dt.timedelta,
) -> Counts:
    """Insert the events of `staged` that are not duplicates; `resolved` names their customers.

    An event is a duplicate when one of the same customer with the same digest came earlier in the
    file or was imported within `window` before now, to the microsecond; by a clock that was set
    back since it may have been imported later than now. The duplicates of what is stored are kept,
    in case that is undone. Consents are never duplicates (b.5).
    """
    if table == CONSENT:
        _take_all(connection)
    else:
        _find_new(connection, table, turn.now - window)
    names = [name for name, _ in attributes]
    values = "".join(f", s.{quote(f'attr:{name}')} AS {quote(name)}" for name in names)
    rows = f"""
        SELECT customer_id, s._timestamp AS "timestamp", s._digest::UUID AS _digest{values},
               $_batch AS _batch, $_import AS _import, $_file AS _file, s._row,
               $_imported_at::TIMESTAMP AS _imported_at
        FROM staged s JOIN {{}} USING (_row)
    """
    if number(connection, "SELECT count(*) FROM known_events"):
        select = rows.format("known_events")
        journal.duplicates(connection, turn.sequence, table, select, lineage)
    inserted = number(
        connection,
        f"INSERT INTO {table_sql(table)} BY NAME {rows.format('new_events')}",
        lineage,
    )
    taken = number(connection, "SELECT count(*) FROM resolved")
    return Counts(inserted=inserted, duplicate=taken - inserted)


def _take_all(connection: duckdb.DuckDBPyConnection) -> None:
    """Take all rows for new ones, see `_find_new`."""
    for name, which in (("new_events", "true"), ("known_events", "false")):
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {name} AS "
            f"SELECT _row, customer_id FROM resolved WHERE {which}"
        )


def _find_new(
    connection: duckdb.DuckDBPyConnection, table: tuple[str, ...], since: dt.datetime
) -> None:
    """Put the rows that are no duplicates into the temporary table `new_events`.

    Those that are duplicates of what is stored, and the first of their like in the file, go into
    `known_events`.
    """
    connection.execute(
        """
        CREATE OR REPLACE TEMP TABLE given AS
        SELECT customer_id, s._digest::UUID AS digest, min(_row) AS _row
        FROM staged s JOIN resolved USING (_row) GROUP BY ALL
        """
    )
    # The bounds on the event's time let whole row groups of the history be skipped: equal digests
    # have equal times. As constants they are checked where the history is read. As subqueries they
    # would be joined with, which hides how large the history is: it would be put into a table of
    # hashes, gigabytes of it, in place of the events given.
    times = first_row(connection, "SELECT min(_timestamp), max(_timestamp) FROM staged")
    low, high = times or (None, None)
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE known_events AS
        WITH history AS (
            SELECT customer_id, _digest AS digest FROM {table_sql(table)}
            WHERE _imported_at >= $since::TIMESTAMP
              AND "timestamp" BETWEEN $low::TIMESTAMP AND $high::TIMESTAMP
        )
        SELECT _row, customer_id FROM given SEMI JOIN history USING (customer_id, digest)
        """,
        {"since": since, "low": low, "high": high},
    )
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE new_events AS SELECT _row, customer_id FROM given "
        "WHERE _row NOT IN (SELECT _row FROM known_events)"
    )
