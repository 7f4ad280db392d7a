"""The rows of a table as SELECTs, in an order that stays: as the table has them, or for an import.

An import takes one value a cell (M045) and names the customer of an event by identifiers (M057). So
for an import, a customer with several values of a soft identifier has a row for each of them, with
the first values of the others, which lead to the same customer; and an event has the identifiers of
its customer. The numbers of customers are left out: those of another warehouse are its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa

from import_assets.spec.models import Identifier
from import_assets.spec.names import LINEAGE
from import_assets.warehouse.sql import literal, number, quote, table_sql

_CUSTOMERS = ("customers",)
_CUSTOMER_ID = "customer_id"
_HIDDEN = ("_digest",)
_KEYS = {"customers": _CUSTOMER_ID, "catalogs": "item_id", "vouchers": "code"}
"""By what tables are sorted; events have no key and keep the order in which they came."""

_FRAME_ROWS = 50_000


@dataclass(frozen=True)
class Extract:
    """Rows of a table: the SQL of each column by its name, where they come from, in which order."""

    columns: Mapping[str, str]
    source: str
    order: str

    def sql(self, names: Iterable[str]) -> str:
        """Return the SELECT of some of the columns, in this order."""
        wanted = ", ".join(f"{self.columns[name]} AS {quote(name)}" for name in names)
        return f"SELECT {wanted} FROM {self.source}{self.order}"


def as_it_is(
    connection: duckdb.DuckDBPyConnection, table: tuple[str, ...], condition: str | None = None
) -> Extract:
    """Return the columns of a table, those of its lineage last.

    Args:
        connection: of the warehouse.
        table: parts of its name; it exists.
        condition: SQL over its columns that is known to be one expression, or None for all rows.
    """
    columns = {name: quote(name) for name in _names(connection, table)}
    key = _KEYS.get(table[0])
    # A table gives its rows in order without being sorted, unless a condition joins others.
    order = "" if key is None and condition is None else f" ORDER BY {key or '_place'}"
    return Extract(columns, _rows(table, condition), order)


def for_import(
    connection: duckdb.DuckDBPyConnection,
    table: tuple[str, ...],
    identifiers: Mapping[str, Identifier],
    condition: str | None = None,
) -> Extract:
    """Return the columns of a table as an import takes them.

    `identifiers` are those of the project, the other arguments those of `as_it_is`.
    """
    if table[0] not in (_CUSTOMERS[0], "events"):
        return as_it_is(connection, table, condition)
    own = [name for name in _names(connection, table) if name != _CUSTOMER_ID]
    hard, soft = _kinds(connection, identifiers)
    rows = _rows(table, condition)
    if table == _CUSTOMERS:
        return _customers(own, soft, rows)
    named = zip((*hard, *soft), _free_names((*hard, *soft), own), strict=True)
    ids = {free: f"c.{quote(kind)}{'[1]' if kind in soft else ''}" for kind, free in named}
    return Extract(
        ids | {name: f"e.{quote(name)}" for name in own},
        f"{rows} AS e LEFT JOIN {table_sql(_CUSTOMERS)} AS c USING ({_CUSTOMER_ID})",
        " ORDER BY e._place",
    )


def torn_apart(
    connection: duckdb.DuckDBPyConnection,
    identifiers: Mapping[str, Identifier],
    condition: str | None = None,
) -> int:
    """Return how many customers an import could not put together again from their rows.

    They are known by several values of a single soft identifier and by nothing else.
    """
    hard, soft = _kinds(connection, identifiers)
    if not soft:
        return 0
    nameless = "".join(f" AND {quote(name)} IS NULL" for name in hard)
    kinds = " + ".join(f"({quote(name)} IS NOT NULL)::INT" for name in soft)
    values = ", ".join(f"coalesce(len({quote(name)}), 0)" for name in soft)
    return number(
        connection,
        f"SELECT count(*) FROM {_rows(_CUSTOMERS, condition)} "
        f"WHERE {kinds} = 1 AND greatest({values}) > 1{nameless}",
    )


def frames(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Any = None
) -> Iterator[pl.DataFrame]:
    """Yield what a SELECT gives, at most 50,000 rows at a time.

    Raises duckdb.Error, also where Arrow has another word for what DuckDB says.
    """
    reader = connection.sql(sql, params=parameters).to_arrow_reader(_FRAME_ROWS)
    try:
        while True:
            try:
                batch = reader.read_next_batch()
            except StopIteration:
                return
            except (pa.ArrowException, OSError) as error:
                raise duckdb.Error(str(error)) from error
            yield pl.DataFrame(batch)
    finally:
        reader.close()


def _customers(own: Sequence[str], soft: Sequence[str], rows: str) -> Extract:
    columns = {name: f"_one.{quote(name)}" if name in soft else quote(name) for name in own}
    if not soft:
        return Extract(columns, rows, f" ORDER BY {_CUSTOMER_ID}")
    lists = [_combined(soft, None), *(_combined(soft, kind) for kind in soft)]
    numbered = (
        "SELECT *, unnest(_all) AS _one, generate_subscripts(_all, 1) AS _number FROM "
        f"(SELECT *, list_concat({', '.join(lists)}) AS _all FROM {rows})"
    )
    return Extract(columns, f"({numbered})", f" ORDER BY {_CUSTOMER_ID}, _number")


def _combined(soft: Sequence[str], varied: str | None) -> str:
    """Return SQL of a list with the first value of each kind, or each further one of a kind."""
    values = {name: "_value" if name == varied else f"{quote(name)}[1]" for name in soft}
    fields = ", ".join(f"{literal(name)}: {value}" for name, value in values.items())
    return f"[{{{fields}}}{f' FOR _value IN {quote(varied)}[2:]' if varied else ''}]"


def _rows(table: tuple[str, ...], condition: str | None) -> str:
    """Return SQL of a table's rows for a FROM, with their place in it."""
    where = "" if condition is None else f" WHERE ({condition}\n)"
    return f"(SELECT *, rowid AS _place FROM {table_sql(table)}{where})"


def _names(connection: duckdb.DuckDBPyConnection, table: tuple[str, ...]) -> list[str]:
    """Return the columns of a table, those of its lineage last."""
    described = connection.execute(f"DESCRIBE {table_sql(table)}").fetchall()
    names = [str(row[0]) for row in described if row[0] not in _HIDDEN]
    return sorted(names, key=lambda name: name in LINEAGE)


def _kinds(
    connection: duckdb.DuckDBPyConnection, identifiers: Mapping[str, Identifier]
) -> tuple[list[str], list[str]]:
    """Return the hard and the soft identifiers that customers have by now."""
    held = set(_names(connection, _CUSTOMERS))
    known = {name: kind.hard for name, kind in identifiers.items() if name in held}
    return [name for name in known if known[name]], [name for name in known if not known[name]]


def _free_names(kinds: Sequence[str], taken: Sequence[str]) -> list[str]:
    """Return names for identifiers beside those that the attributes of an event have."""
    own = {name.lower() for name in taken}
    used = own | {kind.lower() for kind in kinds}
    found: list[str] = []
    for kind in kinds:
        others = (f"{kind}_id{number or ''}" for number in range(len(used) + 1))
        free = next(name for name in others if name.lower() not in used)
        found.append(free if kind.lower() in own else kind)
        used.add(found[-1].lower())
    return found
