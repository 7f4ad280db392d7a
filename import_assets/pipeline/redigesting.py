"""The digests of events under the new type of an attribute (M064, M066).

The temporary table `redigested` has them, by the `place` of each event.
"""

from __future__ import annotations

from collections.abc import Mapping

import duckdb
import polars as pl

from import_assets.mapping.identity import canonical_event
from import_assets.mapping.mapping import ATTRIBUTE_PREFIX
from import_assets.spec.models import AttributeType
from import_assets.staging.digest import digests
from import_assets.tables.events import DIGEST
from import_assets.warehouse.sql import number, table_sql

BY = "_import"
"""The column of events that names the import which brought each."""


def start(connection: duckdb.DuckDBPyConnection) -> None:
    """Begin with an empty table."""
    connection.execute("CREATE OR REPLACE TEMP TABLE redigested (place BIGINT, digest UUID)")


def digested(
    block: pl.DataFrame,
    event_type: str,
    types: Mapping[str, AttributeType],
    excluded: Mapping[str, frozenset[str]],
) -> pl.DataFrame:
    """Return `place` and `digest` of events, as an import would make it.

    Args:
        block: the events: `place`, the time, the import, and the attributes as they are to be.
        event_type: the type of all of them.
        types: the types of the attributes as they are to be.
        excluded: the attributes that are no part of a digest, by import.
    """
    left_out: dict[str, list[str]] = {}
    for by, names in excluded.items():
        for name in names & types.keys():
            left_out.setdefault(ATTRIBUTE_PREFIX + name, []).append(by)
    counted = block.with_columns(
        # What is empty is no part of a digest.
        pl.when(~pl.col(BY).is_in(imports)).then(pl.col(name)).alias(name)
        for name, imports in left_out.items()
    )
    text = counted.select(canonical_event(types.items(), event_type).alias("text"))["text"]
    return pl.DataFrame({"place": block["place"], "digest": digests(text)})


def twins(connection: duckdb.DuckDBPyConnection, table: tuple[str, ...]) -> int:
    """Return how many events equal another one of their customer that did not before."""
    before, after = (
        number(
            connection,
            f"SELECT count(*) FROM (SELECT DISTINCT customer_id, {digest} {source} "
            f"WHERE {digest} IS NOT NULL)",
        )
        for digest, source in (
            (DIGEST, f"FROM {table_sql(table)}"),
            ("digest", _both(table)),
        )
    )
    return max(before - after, 0)


def leave_to_latest(connection: duckdb.DuckDBPyConnection, table: tuple[str, ...]) -> None:
    """Take the digest from events that become equal to a later one of their customer.

    They are no duplicates: they were not equal when they came. That one is left with the digest
    which was imported last, since it is the last to leave the window of deduplication. What was
    equal before keeps what it has.
    """
    equal = (
        f"SELECT customer_id, digest {_both(table)} GROUP BY ALL "
        f"HAVING count(*) > 1 AND (count(DISTINCT {DIGEST}) > 1 OR count({DIGEST}) < count(*))"
    )
    connection.execute(
        f"""
        UPDATE temp.redigested SET digest = NULL WHERE place IN (
            SELECT place FROM (
                SELECT place, {DIGEST} AS old, first_value({DIGEST}) OVER latest AS kept,
                       first_value(place) OVER latest AS last_place
                {_both(table)} SEMI JOIN ({equal}) USING (customer_id, digest)
                WINDOW latest AS (
                    PARTITION BY customer_id, digest ORDER BY _imported_at DESC, place DESC)
            ) WHERE place <> last_place AND (old IS NULL OR old IS DISTINCT FROM kept))
        """
    )


def _both(table: tuple[str, ...]) -> str:
    """SQL of the events with their digests before and after; attributes are called anything."""
    return (
        f"FROM (SELECT customer_id, {DIGEST}, _imported_at, rowid AS place "
        f"FROM {table_sql(table)}) JOIN temp.redigested USING (place)"
    )
