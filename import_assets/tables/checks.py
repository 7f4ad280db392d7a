"""What must hold for the rows of a table; each check explains itself and can show the rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import duckdb

from import_assets.spec.models import CATALOG_IDS, CONSENT, VOUCHER_ID, Limits
from import_assets.tables.references import without
from import_assets.warehouse.memory import bounded
from import_assets.warehouse.sql import SQL_TYPES, literal, number, quote, table_label, table_sql
from import_assets.wording import counted

_MEMORY = "1GB"
"""What the checks of a table may take."""

PURCHASE_ITEM, PURCHASE = ("events", "purchase_item"), ("events", "purchase")


@dataclass(frozen=True)
class Check:
    """The outcome of a check. `query` shows the rows at fault; `failures` is their number.

    `severe` tells a fault of ours (rows that must never be there) from one of the data.
    """

    name: str
    failures: int
    sentence: str
    query: str
    severe: bool


def described(table: tuple[str, ...]) -> dict[str, str]:
    """Return the checks that a table has, by name, and what each of them says must hold."""
    found = {
        "customers": {
            "no_duplicates": "No identifier belongs to two customers.",
            "ids_valid": "Every customer has an identifier, and none is longer than allowed.",
            "contacts_plausible": "Values of `email` and `phone` look like addresses and numbers.",
        },
        "events": {
            "no_duplicates": "No event of the last 7 days stands twice within the window.",
            "ids_valid": "Every event has a customer and a time.",
            "times_plausible": "No event is of a time more than a day after its import.",
        },
        "catalogs": {
            "no_duplicates": "No item stands twice.",
            "ids_valid": "Every item has an identifier, and none is longer than allowed.",
            "values_within_limit": "No value is longer than allowed.",
        },
        "vouchers": {
            "no_duplicates": "No code stands twice in the pool.",
            "ids_valid": "No code is empty or longer than allowed.",
        },
    }[table[0]]
    if table == CONSENT:
        del found["no_duplicates"]
    if table == PURCHASE_ITEM:
        found["references_found"] = "The purchase of every purchase_item is there."
    found["volume_usual"] = "The last delivery of each import is about as large as those before it."
    return found


def references(table: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Return the tables in which rows of a table have to find something (M069)."""
    return (PURCHASE,) if table == PURCHASE_ITEM else ()


def run(
    connection: duckdb.DuckDBPyConnection,
    table: tuple[str, ...],
    limits: Limits,
    now: dt.datetime,
) -> list[Check]:
    """Check a table; `now` is naive UTC."""
    with bounded(connection, _MEMORY):
        return [*_of_kind(connection, table, limits, now), _volume_usual(connection, table, now)]


def _of_kind(
    connection: duckdb.DuckDBPyConnection,
    table: tuple[str, ...],
    limits: Limits,
    now: dt.datetime,
) -> Iterator[Check]:
    if table[0] == "customers":
        yield _customers_unique(connection)
        yield _customer_ids_valid(connection, limits)
        yield _contacts_plausible(connection)
    elif table[0] == "events":
        if table != CONSENT:
            yield _events_unique(connection, table, dt.timedelta(days=limits.dedup_days), now)
        yield _events_owned(connection, table)
        yield _times_plausible(connection, table)
        if table == PURCHASE_ITEM:
            yield _purchases_found(connection)
    elif table[0] == "catalogs":
        told = _Told("no item stands twice", "item that stands twice", "items that stand twice")
        yield _unique(connection, table, "item_id", told)
        yield _ids_valid(connection, table, CATALOG_IDS, limits)
        yield _values_within_limit(connection, table, limits.catalog_value_bytes)
    else:
        told = _Told(
            "no code stands twice in the pool",
            "code that stands twice in the pool",
            "codes that stand twice in the pool",
        )
        yield _unique(connection, table, VOUCHER_ID, told)
        yield _ids_valid(connection, table, (VOUCHER_ID,), limits)


@dataclass(frozen=True)
class _Told:
    """What a check says where all is well, and what it calls one row at fault, and several."""

    well: str
    one: str
    many: str

    def sentence(self, failures: int) -> str:
        return counted(failures, self.one, self.many) if failures else self.well


def _check(
    connection: duckdb.DuckDBPyConnection, name: str, query: str, told: _Told, *, severe: bool
) -> Check:
    failures = number(connection, f"SELECT count(*) FROM ({query})")
    return Check(name, failures, told.sentence(failures), query, severe)


def _unique(
    connection: duckdb.DuckDBPyConnection, table: tuple[str, ...], key: str, told: _Told
) -> Check:
    query = (
        f"SELECT {quote(key)}, count(*) AS times FROM {table_sql(table)} "
        f"GROUP BY {quote(key)} HAVING count(*) > 1"
    )
    return _check(connection, "no_duplicates", query, told, severe=True)


def _customers_unique(connection: duckdb.DuckDBPyConnection) -> Check:
    query = (
        "SELECT kind, value, count(*) AS times FROM import_assets.customer_ids "
        "GROUP BY kind, value HAVING count(*) > 1"
    )
    told = _Told(
        "no identifier belongs to two customers",
        "identifier that belongs to two customers",
        "identifiers that belong to two customers",
    )
    return _check(connection, "no_duplicates", query, told, severe=True)


def _customer_ids_valid(connection: duckdb.DuckDBPyConnection, limits: Limits) -> Check:
    query = (
        "SELECT c.customer_id, i.kind, i.value FROM main.customers c "
        "LEFT JOIN import_assets.customer_ids i ON i.customer_id = c.customer_id "
        f"WHERE i.value IS NULL OR i.value = '' OR strlen(i.value) > {limits.id_bytes}"
    )
    wrong = f"without an identifier or with one over {limits.id_bytes} bytes"
    told = _Told(
        f"every customer has an identifier, and none is over {limits.id_bytes} bytes",
        f"customer {wrong}",
        f"customers {wrong}",
    )
    return _check(connection, "ids_valid", query, told, severe=True)


def _ids_valid(
    connection: duckdb.DuckDBPyConnection,
    table: tuple[str, ...],
    keys: Sequence[str],
    limits: Limits,
) -> Check:
    """Check the identifiers of items or codes; all but the first may be absent (M043, M072)."""
    there = _column_types(connection, table)
    wrong = [f"{quote(keys[0])} IS NULL"]
    wrong += [
        f"{quote(key)} = '' OR strlen({quote(key)}) > {limits.id_bytes}"
        for key in keys
        if key in there
    ]
    query = f"SELECT * FROM {table_sql(table)} WHERE {' OR '.join(wrong)}"
    fault = f"without an identifier or with one over {limits.id_bytes} bytes"
    told = _Told(
        f"every row has its identifier, and none is empty or over {limits.id_bytes} bytes",
        f"row {fault}",
        f"rows {fault}",
    )
    return _check(connection, "ids_valid", query, told, severe=True)


_PLAUSIBLE = {
    "email": "regexp_full_match({value}, '[^@\\s]+@[^@\\s.]+([.][^@\\s.]+)+')",
    "phone": "regexp_full_match(regexp_replace({value}, '[ ()./-]', '', 'g'), '[+]?[0-9]{{6,15}}')",
}
"""What the attributes look like by which messages are sent (M040)."""


def _contacts_plausible(connection: duckdb.DuckDBPyConnection) -> Check:
    """Look at the attributes that sending goes by; customers without any of them pass (M040)."""
    customers = ("customers",)
    types = _column_types(connection, customers)
    parts = []
    for name, plausible in _PLAUSIBLE.items():
        if name in types:
            is_list = types[name].endswith("[]")
            value = f"unnest({name})" if is_list else f"{name}::VARCHAR"
            source = f"SELECT customer_id, '{name}' AS attribute, {value} AS value"
            looks = plausible.format(value="value")
            parts.append(f"SELECT * FROM ({source} FROM main.customers) WHERE NOT {looks}")
    query = " UNION ALL ".join(parts) or _NOTHING
    told = _Told(
        "all values of email and phone look like addresses and numbers",
        "value of email or phone that does not look like an address or a number",
        "values of email and phone that do not look like an address or a number",
    )
    return _check(connection, "contacts_plausible", query, told, severe=False)


_NOTHING = "SELECT 1 WHERE false"

_AT_ONCE = 8_000_000
"""Events that are grouped together, which bounds the memory."""

_DIGESTS = 16**8
"""Digests have so many beginnings, of eight hexadecimal digits, that are equally frequent."""

_LATELY = dt.timedelta(days=7)
"""Events that came before were looked at when they came, and need not be again."""


def _events_unique(
    connection: duckdb.DuckDBPyConnection,
    table: tuple[str, ...],
    window: dt.timedelta,
    now: dt.datetime,
) -> Check:
    """Look for events of late that stand twice in the window, in slices by their digests (M066)."""
    lately = f"_imported_at >= {_moment(now - min(_LATELY, window))}"
    came = number(connection, f"SELECT count(*) FROM {table_sql(table)} WHERE {lately}")
    since = _moment(now - window)
    query = _twice(table, since, lately)
    failures = sum(
        number(connection, f"SELECT count(*) FROM ({_twice(table, since, lately, slice_)})")
        for slice_ in _slices(came // _AT_ONCE + 1)
    )
    lately = f"the last {_LATELY.days} days"
    told = _Told(
        f"no event of {lately} stands twice within the window",
        f"event that stands twice within the window, and came in {lately}",
        f"events that stand twice within the window, and came in {lately}",
    )
    return Check("no_duplicates", failures, told.sentence(failures), query, severe=True)


def _twice(table: tuple[str, ...], since: str, lately: str, slice_: str = "true") -> str:
    """SQL of the events of a slice that came lately and stand more than once."""
    # Two customers can have equal events, and stay so when they turn out to be one (b.4, M064).
    events = f"SELECT customer_id, _digest FROM {table_sql(table)} WHERE {slice_}"
    return (
        f"SELECT customer_id, _digest, count(*) AS times FROM ({events} "
        f"AND _imported_at >= {since} "
        "AND customer_id NOT IN (SELECT customer_id FROM import_assets.merges)) "
        f"SEMI JOIN ({events} AND {lately}) USING (customer_id, _digest) "
        "GROUP BY customer_id, _digest HAVING count(*) > 1"
    )


def _slices(count: int) -> Iterator[str]:
    """Yield conditions on a digest, exactly one of which is true."""
    bounds = [
        f"_digest {{}} '{_DIGESTS * n // count:08x}-0000-0000-0000-000000000000'"
        for n in range(1, count)
    ]
    lows = ["true", *(bound.format(">=") for bound in bounds)]
    highs = [*(bound.format("<") for bound in bounds), "true"]
    for low, high in zip(lows, highs, strict=True):
        yield f"{low} AND {high}"


def _moment(time: dt.datetime) -> str:
    return f"TIMESTAMP '{time.isoformat(sep=' ')}'"


def _events_owned(connection: duckdb.DuckDBPyConnection, table: tuple[str, ...]) -> Check:
    query = (
        f'SELECT * FROM {table_sql(table)} WHERE "timestamp" IS NULL OR customer_id IS NULL '
        "OR customer_id NOT IN (SELECT customer_id FROM main.customers)"
    )
    told = _Told(
        "every event has a customer and a time",
        "event without a customer or a time",
        "events without a customer or a time",
    )
    return _check(connection, "ids_valid", query, told, severe=True)


def _times_plausible(connection: duckdb.DuckDBPyConnection, table: tuple[str, ...]) -> Check:
    """Look for events of the future; a day is more than any time zone is wrong by."""
    query = f'SELECT * FROM {table_sql(table)} WHERE "timestamp" > _imported_at + INTERVAL 1 DAY'
    told = _Told(
        "no event is of a time more than a day after its import",
        "event of a time more than a day after its import",
        "events of a time more than a day after their import",
    )
    return _check(connection, "times_plausible", query, told, severe=False)


_BEFORE = 5
"""Deliveries that must be there before the next one is held against them."""
_COMPARED = 20
"""Deliveries that it is held against at most."""
_RECENT = dt.timedelta(days=30)
"""A delivery that is older warns no more: nobody can do anything about it."""


def _volume_usual(
    connection: duckdb.DuckDBPyConnection, table: tuple[str, ...], now: dt.datetime
) -> Check:
    """Compare the last delivery of each import with those before it.

    One is unusual that is under half or over twice their median, and beyond all of them: where
    volumes swing by themselves, as on weekends, that they swing is usual.
    """
    query = (
        "WITH deliveries AS ("
        "SELECT import, sequence, key, read, applied_at, "
        "row_number() OVER (PARTITION BY import ORDER BY sequence DESC) AS age "
        f"FROM import_assets.batches WHERE table_name = {literal(table_label(table))} "
        "AND replay_of IS NULL AND undone_at IS NULL), "
        "before AS (SELECT import, median(read) AS usual, min(read) AS least, max(read) AS most, "
        f"count(*) AS compared FROM deliveries WHERE age BETWEEN 2 AND {_COMPARED + 1} "
        f"GROUP BY import HAVING count(*) >= {_BEFORE}) "
        "SELECT import, key, read, usual, least, most, compared, applied_at, sequence "
        "FROM deliveries JOIN before USING (import) WHERE age = 1 "
        f"AND applied_at >= {_moment(now - _RECENT)} "
        "AND (read < usual / 2 OR read > usual * 2) AND (read < least OR read > most) "
        "ORDER BY import"
    )
    found = connection.execute(query).fetchall()
    which = "; ".join(
        f"{name}, {counted(read, 'record')} in {key}, while the median of the {compared} before "
        f"it is {usual:,.0f}"
        for name, key, read, usual, _, _, compared, *_ in found[:_SHOWN]
    )
    told = _Told(
        "every last delivery is about as large as usual",
        f"import whose last delivery is of an unusual size: {which}",
        f"imports whose last delivery is of an unusual size: {which}",
    )
    return Check("volume_usual", len(found), told.sentence(len(found)), query, severe=False)


_SHOWN = 10
"""Imports that a sentence names."""


def _purchases_found(connection: duckdb.DuckDBPyConnection) -> Check:
    types = [
        _column_types(connection, table).get("purchase_id") for table in (PURCHASE_ITEM, PURCHASE)
    ]
    own, others = types
    if own is None or others is None:
        return Check(
            "references_found",
            0,
            "not checked: purchase and purchase_item do not both have a purchase_id",
            _NOTHING,
            severe=False,
        )
    query = without(PURCHASE_ITEM, PURCHASE, "purchase_id", (own, others))
    told = _Told(
        "the purchase of every purchase_item is there",
        "purchase_id of purchase_item without a purchase",
        "purchase_ids of purchase_item without a purchase",
    )
    return _check(connection, "references_found", query, told, severe=False)


def _column_types(connection: duckdb.DuckDBPyConnection, table: tuple[str, ...]) -> dict[str, str]:
    """Return the SQL types of a table's columns by name; none where there is no such table."""
    schema, name = table if len(table) > 1 else ("main", *table)
    rows = connection.execute(
        "SELECT column_name, data_type FROM duckdb_columns() "
        "WHERE schema_name = ? AND table_name = ? AND NOT internal",
        [schema, name],
    ).fetchall()
    return dict(rows)


def _values_within_limit(
    connection: duckdb.DuckDBPyConnection, table: tuple[str, ...], limit: int
) -> Check:
    written = {
        SQL_TYPES["text"]: "{}",
        SQL_TYPES["json"]: "{}::VARCHAR",
        SQL_TYPES["list"]: "to_json({})::VARCHAR",
    }
    texts = [
        written[type_].format(quote(name))
        for name, type_ in _column_types(connection, table).items()
        if type_ in written and not name.startswith("_")
    ]
    long = " OR ".join(f"strlen({text}) > {limit}" for text in texts)
    query = f"SELECT * FROM {table_sql(table)} WHERE {long or 'false'}"
    told = _Told(
        f"no value is over {limit:,} bytes",
        f"item with a value over {limit:,} bytes",
        f"items with a value over {limit:,} bytes",
    )
    return _check(connection, "values_within_limit", query, told, severe=True)
