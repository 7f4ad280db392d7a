"""Giving an attribute of a table another type, with all its values (M036, M037).

Each stored value is read anew as an import of the new type would read it. Nothing is changed unless
all values fit, or those that do not may become empty; then the column, the digests of events and
the books change in one transaction.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
from duckdb.func import FunctionNullHandling, PythonUDFType

from import_assets.errors import ImportAssetsError, UnknownName
from import_assets.mapping.localtime import Zone
from import_assets.mapping.mapping import ATTRIBUTE_PREFIX, TIMESTAMP
from import_assets.mapping.recasting import Recast
from import_assets.mapping.types import PHYSICAL
from import_assets.pipeline import redigesting
from import_assets.spec.models import AttributeType
from import_assets.tables import journal
from import_assets.tables.events import DIGEST
from import_assets.warehouse import attributes, refusals
from import_assets.warehouse.conditions import has_one_of
from import_assets.warehouse.sql import (
    SQL_TYPES,
    frame,
    number,
    quote,
    table_label,
    table_sql,
    transaction,
)
from import_assets.wording import counted

SHOWN = 20
"""How many of the distinct values that do not fit are told."""

_CELLS = 2_000_000
"""About how many values are looked at together, which bounds the memory."""
_MOST_ROWS = 100_000


@dataclass(frozen=True)
class Change:
    """What is to become of an attribute.

    `format` says how texts are written and `timezone`, an IANA name, is the zone of times without
    an offset, as in a definition. `limit` is the most bytes that a value of the table may have, or
    None. `excluded` has the attributes that are no part of an event's digest, by the import that
    brought the event. `imports` are those that fill the table: what was refused of them for its
    type counts as new again.
    """

    table: tuple[str, ...]
    name: str
    type: AttributeType
    format: str | None = None
    timezone: str = "UTC"
    limit: int | None = None
    excluded: Mapping[str, frozenset[str]] = field(default_factory=dict)
    imports: Sequence[str] = ()


@dataclass(frozen=True)
class Misfit:
    """A stored value that does not fit the new type, as text, how many rows have it, and why."""

    value: str
    rows: int
    reason: str
    message: str


@dataclass(frozen=True)
class Report:
    """What a change does, or would do.

    Of `values`, the rows that are not empty, some are `emptied`, since they say nothing under the
    new type, as white space does for a number, and `misfits` do not fit; the others fit.
    `distinct` different values do not fit, the most frequent of which are `worst`; `query` is SQL
    that shows the rows of these, or None without any. `twins` are the events that then equal
    another one of their customer; they stay (M064), and only the last of equal ones has a digest.
    """

    old: AttributeType
    rows: int
    values: int
    emptied: int
    misfits: int
    distinct: int
    worst: tuple[Misfit, ...]
    query: str | None
    twins: int

    @property
    def fit(self) -> int:
        """How many values fit and are kept."""
        return self.values - self.emptied - self.misfits


class MisfitsError(ImportAssetsError):
    """Some values do not fit the new type, and nobody said that they may become empty."""


def survey(connection: duckdb.DuckDBPyConnection, change: Change) -> Report:
    """Return what a change would do; nothing is written but temporary tables.

    Raises:
        UnknownName: the table has no such attribute.
        ValueError: the format does not fit the type.
    """
    recast = _recast(connection, change)
    report = _look(connection, change, recast)
    _drop_temporary(connection)
    return report


def retype(
    connection: duckdb.DuckDBPyConnection, change: Change, *, null_misfits: bool = False
) -> Report:
    """Change the type of an attribute and all its values, in a transaction of its own.

    With `null_misfits`, values that do not fit become empty. Rows keep their order and lineage.

    Raises:
        MisfitsError: values do not fit, and `null_misfits` is false; nothing was changed.
        UnknownName: the table has no such attribute.
        ValueError: the format does not fit the type.
    """
    recast = _recast(connection, change)
    # A function of SQL outlives a transaction that is rolled back, so it is made around it.
    with _function(connection, recast, change) as function, transaction(connection):
        report = _look(connection, change, recast)
        if report.misfits and not null_misfits:
            where = f"of {change.name} in {table_label(change.table)}"
            told = counted(
                report.misfits, f"value {where} does not fit", f"values {where} do not fit"
            )
            raise MisfitsError(f"{told} type {change.type}; nothing was changed")
        if _is_event(change.table):
            redigesting.leave_to_latest(connection, change.table)
        _write_anew(connection, change, f"{function}({{}}::{_passed(recast.old)})")
        _drop_temporary(connection)
        attributes.set_type(connection, change.table, change.name, change.type)
        journal.seal(connection, change.table, change.name)
        _take_again(connection, change)
    return report


def _recast(connection: duckdb.DuckDBPyConnection, change: Change) -> Recast:
    known = attributes.known(connection, change.table)
    if change.name not in known:
        listed = ", ".join(known) or "it has none"
        raise UnknownName(
            f"{table_label(change.table)} has no attribute {change.name!r}; there are: {listed}"
        )
    old = known[change.name][0]
    return Recast.build(old, change.type, change.format, Zone(change.timezone), change.limit)


def _is_event(table: tuple[str, ...]) -> bool:
    return table[0] == "events"


def _take_again(connection: duckdb.DuckDBPyConnection, change: Change) -> None:
    """Forget the refusals for a type, which may be the right one now."""
    for name in change.imports:
        for key, refusal in refusals.of_import(connection, name).items():
            if refusal.reason == attributes.TYPE_CONFLICT:
                refusals.clear(connection, name, key)


# --- looking at all values ------------------------------------------------------------------------


@dataclass
class _Counts:
    values: int = 0
    emptied: int = 0
    misfits: int = 0


def _look(connection: duckdb.DuckDBPyConnection, change: Change, recast: Recast) -> Report:
    """Return the report, and leave the temporary tables `misfits` and `redigested` behind."""
    connection.execute("CREATE OR REPLACE TEMP TABLE misfits (value VARCHAR, rows BIGINT)")
    redigesting.start(connection)
    types = _types(connection, change)
    counts = _Counts()
    for block in _blocks(connection, change, types):
        stored = block[ATTRIBUTE_PREFIX + change.name]
        values, misfits = recast.apply(stored)
        counts.values += len(stored) - stored.null_count()
        counts.misfits += int(misfits.sum())
        counts.emptied += int((values.is_null() & stored.is_not_null() & ~misfits).sum())
        if misfits.any():
            texts = recast.texts(stored.filter(misfits)).alias("value")
            _insert(connection, "misfits", texts.value_counts(name="rows"))
        if _is_event(change.table):
            typed = block.with_columns(values.alias(stored.name))
            made = redigesting.digested(typed, change.table[1], types, change.excluded)
            _insert(connection, "redigested", made)
    worst = _worst(connection, recast)
    return Report(
        old=recast.old,
        rows=number(connection, f"SELECT count(*) FROM {table_sql(change.table)}"),
        values=counts.values,
        emptied=counts.emptied,
        misfits=counts.misfits,
        distinct=number(connection, "SELECT count(DISTINCT value) FROM temp.misfits"),
        worst=worst,
        query=_query(change, recast.old, worst) if worst else None,
        twins=redigesting.twins(connection, change.table) if _is_event(change.table) else 0,
    )


def _types(connection: duckdb.DuckDBPyConnection, change: Change) -> dict[str, AttributeType]:
    """Return the types of a table's attributes as they are to be."""
    known = attributes.known(connection, change.table)
    return {name: change.type if name == change.name else known[name][0] for name in known}


def _blocks(
    connection: duckdb.DuckDBPyConnection,
    change: Change,
    types: Mapping[str, AttributeType],
) -> Iterator[pl.DataFrame]:
    """Yield the rows of a table, in their order, with what is needed of them.

    Columns are `place`, the attribute, and for events all that their digests are made of.
    """
    names = list(types) if _is_event(change.table) else [change.name]
    columns = [f"{quote(name)} AS {quote(ATTRIBUTE_PREFIX + name)}" for name in names]
    if _is_event(change.table):
        columns += [f'"timestamp" AS {TIMESTAMP}', redigesting.BY]
    sql = f"SELECT rowid AS place, {', '.join(columns)} FROM {table_sql(change.table)}"
    size = max(min(_CELLS // len(columns), _MOST_ROWS), 1)
    last = number(connection, f"SELECT coalesce(max(rowid), -1) FROM {table_sql(change.table)}")
    for start in range(0, last + 1, size):
        block = frame(connection, f"{sql} WHERE rowid BETWEEN {start} AND {start + size - 1}")
        if block.height:
            yield block.sort("place")


def _drop_temporary(connection: duckdb.DuckDBPyConnection) -> None:
    for name in ("misfits", "redigested"):
        connection.execute(f"DROP TABLE temp.{name}")


def _insert(connection: duckdb.DuckDBPyConnection, name: str, rows: pl.DataFrame) -> None:
    connection.register("incoming", rows.to_arrow())
    connection.execute(f"INSERT INTO temp.{name} SELECT * FROM incoming")
    connection.unregister("incoming")


def _worst(connection: duckdb.DuckDBPyConnection, recast: Recast) -> tuple[Misfit, ...]:
    rows = connection.execute(
        "SELECT value, sum(rows)::BIGINT AS n FROM temp.misfits GROUP BY value "
        f"ORDER BY n DESC, value LIMIT {SHOWN}"
    ).fetchall()
    return tuple(Misfit(value, n, *recast.explain(value)) for value, n in rows)


def _query(change: Change, old: AttributeType, worst: Sequence[Misfit]) -> str:
    condition = has_one_of(change.name, old, [one.value for one in worst])
    return f"SELECT * FROM {table_sql(change.table)} WHERE {condition}"


# --- changing -------------------------------------------------------------------------------------


def _write_anew(connection: duckdb.DuckDBPyConnection, change: Change, value: str) -> None:
    """Put a table in the place of the one that there is, with the values of the new type.

    `value` is SQL of a value, with braces for the stored one. A column could be altered by an
    expression too, but what DuckDB notes of that in its log cannot be read again: a process killed
    after the commit would leave a warehouse that nobody can open.
    """
    table, column = table_sql(change.table), quote(change.name)
    new = (*change.table[:-1], f"retyped_{secrets.token_hex(4)}")
    replaced = f"{value.format(f't.{column}')}::{SQL_TYPES[change.type]} AS {column}"
    source = f"{table} t"
    if _is_event(change.table):
        replaced += f", r.digest AS {DIGEST}"
        source += " LEFT JOIN temp.redigested r ON r.place = t.rowid"
    connection.execute(
        f"CREATE TABLE {table_sql(new)} AS SELECT t.* REPLACE ({replaced}) FROM {source}"
    )
    connection.execute(f"DROP TABLE {table}")
    connection.execute(f"ALTER TABLE {table_sql(new)} RENAME TO {quote(change.table[-1])}")


@contextmanager
def _function(
    connection: duckdb.DuckDBPyConnection, recast: Recast, change: Change
) -> Iterator[str]:
    """Make the change a function of SQL and give its name."""
    name = f"recast_{secrets.token_hex(4)}"

    def call(stored: Any) -> pa.Array:
        cells = pl.Series("cell", pl.from_arrow(stored)).cast(PHYSICAL[recast.old])
        return recast.apply(cells)[0].rechunk().to_arrow()

    connection.create_function(
        name,
        call,
        [_passed(recast.old)],
        _passed(change.type),
        type=PythonUDFType.ARROW,
        null_handling=FunctionNullHandling.SPECIAL,
    )
    try:
        yield name
    finally:
        connection.remove_function(name)


def _passed(type_: AttributeType) -> str:
    """Return the SQL type by which values go into the function and come out: JSON as its text."""
    return SQL_TYPES["text" if type_ == "json" else type_]
