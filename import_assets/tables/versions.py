"""Since when each attribute of each customer has its value (b.4).

The table `import_assets.customer_versions` has a row for each customer and, for each attribute `x`,
`w:x`: where the record that wrote the value stands on the warehouse's clock, see `ledger.Turn`;
and `u:x`: what that record's update timestamp said, if that was earlier. A value holds since `u:x`,
or else since `w:x`, in microseconds since 1970. Empty values have versions as others do; an
attribute that was never written has none.

Of two values the one that holds since later goes before the other, and of two that hold since the
same moment the one that was written first. So the outcome depends neither on how records are split
into files, nor on when it turned out that two profiles are one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import duckdb

from import_assets.tables.upsert import Field
from import_assets.warehouse.sql import quote

TABLE = "import_assets.customer_versions"


def written(name: str) -> str:
    """SQL of the column that says where the value's record stands on the clock."""
    return quote(f"w:{name}")


def updated(name: str) -> str:
    """SQL of the column that says what the record's update timestamp was."""
    return quote(f"u:{name}")


def since(name: str) -> str:
    """SQL of the moment since when the value holds, from versions v."""
    return f"coalesce(v.{updated(name)}, v.{written(name)})"


def order(name: str) -> str:
    """SQL of a number that puts values of versions v in order; the highest goes before the rest.

    Both parts are microseconds since 1970 and have 52 bits at most until the year 2112.
    """
    return f"({since(name)}::HUGEINT * 4503599627370496 - v.{written(name)})"


def ensure_columns(connection: duckdb.DuckDBPyConnection, attributes: Iterable[str]) -> None:
    """Add the columns of attributes that the table lacks."""
    described = connection.execute(f"DESCRIBE {TABLE}").fetchall()
    there = {row[0] for row in described}
    for name in attributes:
        if f"w:{name}" not in there:
            for column in (written(name), updated(name)):
                connection.execute(f"ALTER TABLE {TABLE} ADD COLUMN {column} BIGINT")


def prepare(
    connection: duckdb.DuckDBPyConnection, fields: Sequence[Field], clock: int, *, timed: bool
) -> None:
    """Put the new versions of the customers in `folded` into the temporary table `new_versions`.

    `seen_versions` has those that are stored.
    """
    changed = [column for field in fields for column in _columns(field, clock, timed=timed)]
    names = {field.name for field in fields}
    described = connection.execute(f"DESCRIBE {TABLE}").fetchall()
    others = [
        f"v.{quote(row[0])}"
        for row in described
        if row[0] != "customer_id" and row[0][2:] not in names
    ]
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE new_versions AS
        SELECT {", ".join(["f.customer_id", *changed, *others])}
        FROM (SELECT *, true AS _present FROM folded) f
        LEFT JOIN seen_versions v ON v.customer_id = f.customer_id
        """
    )


def _columns(field: Field, clock: int, *, timed: bool) -> list[str]:
    """SQL of the two columns of an attribute, from `folded` f and versions v."""
    new = f"{clock} + {field.row}"
    taken = [field.taken, *([f"f.{field.sql} IS NOT NULL"] if field.keep else [])]
    condition = " AND ".join(one for one in taken if one != "true")
    # A time to come counts as the present: it could not be overwritten until then.
    at = f"CASE WHEN {field.at} < {new} THEN {field.at} END" if timed else "NULL"
    pairs = ((written(field.name), new), (updated(field.name), at))
    return [
        f"CASE WHEN {condition} THEN {value} ELSE v.{column} END AS {column}"
        for column, value in pairs
    ]


def merge(connection: duckdb.DuckDBPyConnection, attributes: Sequence[str]) -> None:
    """Fold the versions of each `family` (`customer_id`, `member`) into its customer's."""
    newest = "".join(
        f", arg_max_null(v.{column}, {order(name)}) AS {column}"
        for name in attributes
        for column in (written(name), updated(name))
    )
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE new_versions AS
        SELECT family.customer_id{newest} FROM family
        JOIN {TABLE} v ON v.customer_id = family.member GROUP BY family.customer_id
        """
    )
    connection.execute(f"DELETE FROM {TABLE} WHERE customer_id IN (SELECT member FROM family)")
    connection.execute(f"INSERT INTO {TABLE} BY NAME SELECT * FROM new_versions")


def store(connection: duckdb.DuckDBPyConnection) -> None:
    """Store what `prepare` made."""
    connection.execute(
        f"DELETE FROM {TABLE} WHERE customer_id IN (SELECT customer_id FROM new_versions)"
    )
    connection.execute(f"INSERT INTO {TABLE} BY NAME SELECT * FROM new_versions")
