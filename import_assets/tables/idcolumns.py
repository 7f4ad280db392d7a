"""The identifiers of customers as columns: hard ones a value, soft ones a list (D19)."""

from __future__ import annotations

from import_assets.spec.models import Identifier
from import_assets.warehouse.sql import literal, quote


def identifiers_of(keys: str, identifiers: dict[str, Identifier]) -> str:
    """SELECT of `customer_id` and a column for each kind, of the customers in the table `keys`.

    Lists are in the order in which their identifiers were added. A customer without identifiers
    of a kind has null there.
    """
    soft = [name for name, identifier in identifiers.items() if not identifier.hard]
    # Most customers have one identifier of a kind, and lists take five times as long to make.
    one = "".join(
        f", max(value) FILTER (WHERE kind = {literal(name)}) AS {quote(name)}"
        for name in identifiers
    )
    counts = "".join(
        f", count(*) FILTER (WHERE kind = {literal(name)}) AS {_count(name)}" for name in soft
    )
    columns = "".join(
        f", {_list(name) if name in soft else f'single.{quote(name)}'} AS {quote(name)}"
        for name in identifiers
    )
    return f"""
        WITH single AS (
            SELECT customer_id{one}{counts}
            FROM (SELECT customer_id FROM {keys})
            LEFT JOIN import_assets.customer_ids USING (customer_id) GROUP BY customer_id
        ), several AS (
            SELECT customer_id, kind, list(value ORDER BY added) AS listed
            FROM import_assets.customer_ids
            WHERE customer_id IN (SELECT customer_id FROM single WHERE {_any_several(soft)})
            GROUP BY customer_id, kind
        )
        SELECT single.customer_id{columns} FROM single {"".join(_joined(name) for name in soft)}
    """


def _count(name: str) -> str:
    return quote(f"count of {name}")


def _any_several(soft: list[str]) -> str:
    return " OR ".join(f"{_count(name)} > 1" for name in soft) or "false"


def _list(name: str) -> str:
    alone = f"WHEN {_count(name)} = 1 THEN [single.{quote(name)}]"
    return f"CASE {alone} ELSE {quote(f'all of {name}')}.listed END"


def _joined(name: str) -> str:
    those = quote(f"all of {name}")
    return (
        f"LEFT JOIN several AS {those} ON {those}.customer_id = single.customer_id "
        f"AND {those}.kind = {literal(name)} "
    )
