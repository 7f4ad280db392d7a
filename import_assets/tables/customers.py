"""Customers: rows update the customer that their identifiers name, in file order (M100, D22)."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace

import duckdb
import polars as pl

from import_assets.errors import WarehouseError
from import_assets.spec.models import Identifier
from import_assets.tables import journal, parts, versions
from import_assets.tables.idcolumns import identifiers_of
from import_assets.tables.identity import CONFLICTS, IDS, STORED, IdKind, Resolution, resolve
from import_assets.tables.outcome import Counts
from import_assets.tables.upsert import Field, Upsert
from import_assets.warehouse import attributes as attribute_books
from import_assets.warehouse.ledger import Turn
from import_assets.warehouse.memory import give_back
from import_assets.warehouse.sql import add_columns, frame, literal, number, quote, table_sql
from import_assets.warehouse.tables import exists

TABLE = ("customers",)


@dataclass(frozen=True)
class Identifiers:
    """The identifiers of a delivery's rows, resolved to customers.

    Leaves the temporary table `resolved` (`_row`, `customer_id`) behind. `conflicts` holds the
    refused rows, see `identity.Resolution`.
    """

    created: int
    conflicts: pl.DataFrame


def ensure_table(connection: duckdb.DuckDBPyConnection, identifiers: dict[str, Identifier]) -> None:
    """Create the table of customers, and a column for each kind of identifier it lacks.

    Raises WarehouseError where an identifier of the project does not fit the table as it is.
    """
    types = {
        name: "VARCHAR" if identifier.hard else "VARCHAR[]"
        for name, identifier in identifiers.items()
    }
    connection.execute(f"CREATE TABLE IF NOT EXISTS {table_sql(TABLE)} (customer_id BIGINT)")
    _refuse_misfits(connection, identifiers)
    add_columns(connection, TABLE, types)


def _refuse_misfits(
    connection: duckdb.DuckDBPyConnection, identifiers: dict[str, Identifier]
) -> None:
    described = connection.execute(f"DESCRIBE {table_sql(TABLE)}").fetchall()
    types = {row[0].lower(): row[1] for row in described}
    attributes = {
        name.lower(): origin
        for name, (_, origin) in attribute_books.known(connection, TABLE).items()
    }
    for name, identifier in identifiers.items():
        if name in attributes:
            raise WarehouseError(
                f"identifier {name} of project.yaml has the name of an attribute of customers, "
                f"which import {attributes[name]} brought: give the identifier another name"
            )
        if name in types and (types[name] == "VARCHAR") is not identifier.hard:
            was = "hard: true" if types[name] == "VARCHAR" else "hard: false"
            raise WarehouseError(
                f"identifier {name} of project.yaml is {was} in the warehouse, and there are "
                f"customers by it: say `{was}` again, or take another name"
            )


def resolve_customers(
    connection: duckdb.DuckDBPyConnection,
    identifiers: dict[str, Identifier],
    present: Sequence[str],
    lineage: dict[str, object],
    turn: Turn,
) -> Identifiers:
    """Find or create the customer of each row of `staged`, and bind identifiers to customers.

    `staged` has `_row` and `id:<kind>` for each kind of `present`. The rows of new customers are
    not written here: `touched` (customer_id, `_row`) names the customers whose identifiers changed.
    """
    versions.ensure_columns(connection, attribute_books.known(connection, TABLE))
    last_id = _last_id(connection)
    kinds = [IdKind(name, identifier.hard) for name, identifier in identifiers.items()]
    if len(present) == 1:
        hard = identifiers[present[0]].hard
        return _resolve_single(connection, present[0], last_id, turn, hard=hard)
    resolution = resolve(
        _staged_ids(connection, present),
        kinds,
        _stored_ids(connection, present),
        last_id,
        clock=turn.clock,
    )
    return _bind(connection, resolution, lineage, turn)


def _last_id(connection: duckdb.DuckDBPyConnection) -> int:
    """Return the highest number that a customer ever had: those of merged ones are not reused."""
    return number(
        connection,
        f"""
        SELECT greatest(
            coalesce((SELECT max(customer_id) FROM {table_sql(TABLE)}), 0),
            coalesce((SELECT max(merged_id) FROM import_assets.merges), 0))
        """,
    )


def _resolve_single(
    connection: duckdb.DuckDBPyConnection, kind: str, last_id: int, turn: Turn, *, hard: bool
) -> Identifiers:
    """Resolve by the only identifier: no row can join two customers."""
    column = quote(f"id:{kind}")
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE owners AS
        WITH given AS (
            SELECT {column} AS value, min(_row) AS _row, max(_row) AS last_row
            FROM staged GROUP BY value
        ), known AS (
            SELECT value, customer_id FROM import_assets.customer_ids WHERE kind = {literal(kind)}
        )
        SELECT value, given._row, last_row, customer_id IS NULL AS created,
               coalesce(customer_id, {last_id} + row_number() OVER (
                   PARTITION BY customer_id IS NULL ORDER BY given._row)) AS customer_id
        FROM given LEFT JOIN known USING (value)
        """
    )
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE resolved AS
        SELECT s._row, o.customer_id FROM staged s JOIN owners o ON o.value = s.{column}
        """
    )
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE changed_ids AS
        SELECT {literal(kind)} AS kind, value, customer_id, _row, false AS followed
        FROM owners WHERE created
        """
    )
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE used_ids AS "
        f"SELECT {literal(kind)} AS kind, value, last_row AS _row FROM owners WHERE {not hard}"
    )
    _write_ids(connection, turn, moved=False)
    created = number(connection, "SELECT count(*) FROM owners WHERE created")
    return Identifiers(created, pl.DataFrame(schema=CONFLICTS))


def _staged_ids(connection: duckdb.DuckDBPyConnection, present: Sequence[str]) -> pl.DataFrame:
    columns = ", ".join(f"{quote(f'id:{kind}')} AS {quote(kind)}" for kind in present)
    return frame(connection, f"SELECT _row, {columns} FROM staged ORDER BY _row")


def _stored_ids(connection: duckdb.DuckDBPyConnection, present: Sequence[str]) -> pl.DataFrame:
    """Every identifier of every customer that one of the staged identifiers belongs to."""
    hits = " UNION ".join(
        f"SELECT customer_id FROM import_assets.customer_ids WHERE kind = {literal(kind)} "
        f"AND value IN (SELECT {quote(f'id:{kind}')} FROM staged)"
        for kind in present
    )
    stored = frame(
        connection,
        f"""
        SELECT kind, value, customer_id, used FROM import_assets.customer_ids
        WHERE customer_id IN ({hits}) ORDER BY customer_id, added
        """,
    )
    return stored.cast(pl.Schema(STORED))  # pyright: ignore[reportArgumentType]  # instances do


def _bind(
    connection: duckdb.DuckDBPyConnection,
    resolution: Resolution,
    lineage: dict[str, object],
    turn: Turn,
) -> Identifiers:
    frames = {
        "resolved": resolution.rows,
        "changed_ids": resolution.ids.select(list(IDS)),
        "dropped_ids": _with_remaining(resolution.dropped, resolution.merged),
        "used_ids": resolution.used,
    }
    for name, rows in frames.items():
        connection.register("frame", rows.to_arrow())
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM frame")
        connection.unregister("frame")
    del frames
    give_back()
    _write_ids(connection, turn, moved=True)
    if not resolution.merged.is_empty():
        _merge(connection, resolution.merged, lineage, turn)
    return Identifiers(resolution.created, resolution.conflicts)


def _with_remaining(dropped: pl.DataFrame, merged: pl.DataFrame) -> pl.DataFrame:
    """Add who remains of each customer that lost an identifier, as `remaining_id`."""
    remains = merged.select(customer_id="merged_id", remaining_id="customer_id")
    return dropped.join(remains, on="customer_id", how="left").with_columns(
        pl.col("remaining_id").fill_null(pl.col("customer_id"))
    )


def _write_ids(connection: duckdb.DuckDBPyConnection, turn: Turn, *, moved: bool) -> None:
    """Bind `changed_ids` to their customers; `touched` becomes the customers that changed.

    With `moved`, some of them had other customers, and `dropped_ids` lose theirs.
    """
    tables = ["changed_ids", "used_ids", *(["dropped_ids"] if moved else [])]
    keys = " UNION ALL ".join(f"SELECT kind, value FROM {name}" for name in tables)
    # What is stored of them is read from here: a large table is looked through once.
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE seen_ids AS "
        f"SELECT * FROM import_assets.customer_ids SEMI JOIN ({keys}) USING (kind, value)"
    )
    journal.identifiers(connection, turn.sequence, "changed_ids")
    journal.uses(connection, turn.sequence)
    if moved:
        journal.drops(connection, turn.sequence)
        connection.execute(
            """
            DELETE FROM import_assets.customer_ids
            WHERE (kind, value) IN (SELECT (kind, value) FROM changed_ids
                                    UNION ALL SELECT (kind, value) FROM dropped_ids)
            """
        )
    connection.execute(
        f"""
        UPDATE import_assets.customer_ids SET used = {turn.clock} + used_ids._row FROM used_ids
        WHERE customer_ids.kind = used_ids.kind AND customer_ids.value = used_ids.value
        """
    )
    connection.execute(
        f"""
        INSERT INTO import_assets.customer_ids
        SELECT kind, value, changed.customer_id,
               CASE WHEN followed THEN seen_ids.added
                   ELSE row_number() OVER (ORDER BY changed._row, kind, value)
                       + (SELECT coalesce(max(added), 0) FROM import_assets.customer_ids) END,
               coalesce({turn.clock} + used_ids._row, seen_ids.used)
        FROM changed_ids changed
        LEFT JOIN used_ids USING (kind, value) LEFT JOIN seen_ids USING (kind, value)
        """
    )
    losers = (
        """
        UNION ALL SELECT seen_ids.customer_id, changed._row
        FROM seen_ids JOIN changed_ids changed USING (kind, value)
        WHERE seen_ids.customer_id <> changed.customer_id
        UNION ALL SELECT customer_id, _row FROM dropped_ids
    """
        if moved
        else ""
    )
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE touched AS
        SELECT customer_id, min(_row) AS _row
        FROM (SELECT customer_id, _row FROM changed_ids {losers}) GROUP BY customer_id
        """
    )


def _merge(
    connection: duckdb.DuckDBPyConnection,
    merged: pl.DataFrame,
    lineage: dict[str, object],
    turn: Turn,
) -> None:
    """Fold merged customers into those that remain: events follow, the newer value wins (b.4)."""
    connection.register("merged_frame", merged.to_arrow())
    connection.execute("CREATE OR REPLACE TEMP TABLE merged AS SELECT * FROM merged_frame")
    connection.unregister("merged_frame")
    stored = table_sql(TABLE)
    columns = list(attribute_books.known(connection, TABLE))
    connection.execute(
        """
        CREATE OR REPLACE TEMP TABLE family AS
        SELECT customer_id, merged_id AS member FROM merged
        UNION SELECT customer_id, customer_id FROM merged
        """
    )
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE members AS SELECT DISTINCT member AS customer_id FROM family"
    )
    journal.customers(connection, turn.sequence, "members", columns, met="members", whole=True)
    journal.versions(connection, turn.sequence, "members")
    replaced = "".join(f"newest.{quote(c)} AS {quote(c)}, " for c in columns)
    newest = "".join(
        f", arg_max_null(m.{quote(c)}, {versions.order(c)}) AS {quote(c)}" for c in columns
    )
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE remaining AS
        SELECT c.* REPLACE ({replaced}$_batch AS _batch, $_import AS _import, $_file AS _file,
            newest._row AS _row, $_imported_at::TIMESTAMP AS _imported_at)
        FROM {stored} c JOIN (
            SELECT family.customer_id, min(t._row) AS _row{newest} FROM family
            JOIN {stored} m ON m.customer_id = family.member
            LEFT JOIN {versions.TABLE} v ON v.customer_id = family.member
            LEFT JOIN touched t ON t.customer_id = family.member
            GROUP BY family.customer_id) newest ON c.customer_id = newest.customer_id
        """,
        lineage,
    )
    versions.merge(connection, columns)
    # An UPDATE would write every column of the table anew at the next checkpoint.
    connection.execute(f"DELETE FROM {stored} WHERE customer_id IN (SELECT member FROM family)")
    connection.execute(f"INSERT INTO {stored} BY NAME SELECT * FROM remaining")
    connection.execute("DELETE FROM touched WHERE customer_id IN (SELECT merged_id FROM merged)")
    events = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'events'"
    ).fetchall()
    for (name,) in events:
        stored_events = ("events", name)
        for table in (stored_events, journal.kept_table(stored_events)):
            if exists(connection, table):
                journal.moving_events(connection, turn.sequence, stored_events, table)
                connection.execute(
                    f"UPDATE {table_sql(table)} e SET customer_id = merged.customer_id "
                    "FROM merged WHERE e.customer_id = merged.merged_id"
                )
    connection.execute(
        f"INSERT INTO import_assets.merges "
        f"SELECT {turn.sequence}, merged_id, customer_id, $batch, $now::TIMESTAMP FROM merged",
        {"batch": lineage["_batch"], "now": lineage["_imported_at"]},
    )


def _fold_identifiers(
    connection: duckdb.DuckDBPyConnection, identifiers: dict[str, Identifier]
) -> list[Field]:
    """Make the view `whole` of `folded` and the identifiers of the customers in `touching` now."""
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE identified AS
        SELECT now.*, touching._row AS _touched_row
        FROM touching JOIN ({identifiers_of("touching", identifiers)}) now USING (customer_id)
        """
    )
    connection.execute(
        """
        CREATE OR REPLACE TEMP VIEW whole AS
        SELECT coalesce(folded.customer_id, now.customer_id) AS customer_id,
               coalesce(folded._row, _touched_row) AS _row,
               folded.* EXCLUDE (customer_id, _row), now.* EXCLUDE (customer_id, _touched_row),
               folded.customer_id IS NOT NULL AS _present, now.customer_id IS NOT NULL AS _touched
        FROM folded FULL JOIN identified now USING (customer_id)
        """
    )
    return [Field(name, keep=False, when="_touched") for name in identifiers]


def apply(
    connection: duckdb.DuckDBPyConnection,
    identifiers: dict[str, Identifier],
    attributes: Sequence[str],
    lineage: dict[str, object],
    turn: Turn,
    *,
    keep: Set[str],
    size: int = 0,
) -> Counts:
    """Update customers from `staged` and `resolved`; call after `resolve_customers`.

    Of the attributes in `keep`, an empty cell leaves the stored value as it is. Where `staged` has
    `_updated`, an attribute is overwritten only by newer data (b.4). The delivery has `size` bytes.
    """
    described = connection.execute("DESCRIBE staged").fetchall()
    timed = any(row[0] == "_updated" for row in described)
    fields = [
        Field(
            name,
            keep=name in keep,
            when="_present",
            stored_at=versions.since(name) if timed else None,
        )
        for name in attributes
    ]
    upsert = Upsert(
        table_sql(TABLE),
        "customer_id",
        fields,
        changed_rows="changed_rows",
        beside="seen_versions" if timed else None,
        timed=timed,
        versioned=True,
        seen="seen",
    )
    connection.execute("CREATE OR REPLACE TEMP TABLE changed_rows AS SELECT _row FROM changed_ids")
    counts = Counts()
    for part in parts.conditions(connection, "resolved", len(attributes), size):
        _load_incoming(connection, upsert, turn, part)
        _load_seen(connection, part, "SELECT customer_id FROM incoming")
        counts += upsert.classify(connection)
        upsert.fold(connection)
        _write(connection, identifiers, upsert, lineage, turn)
    return counts


def _load_incoming(
    connection: duckdb.DuckDBPyConnection, upsert: Upsert, turn: Turn, part: str
) -> None:
    """Put the attributes of those rows of `staged` that a part has into `incoming`."""
    # A time to come, and none at all, count as the present.
    present = f"{turn.clock} + s._row"
    at = f", least(coalesce(epoch_us(s._updated), {present}), {present}) AS _at"
    values = "".join(f", s.{quote(f'attr:{f.name}')} AS {f.sql}" for f in upsert.fields)
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE incoming AS
        SELECT customer_id, s._row{at if upsert.timed else ""}{values}
        FROM staged s JOIN (SELECT * FROM resolved WHERE {part}) USING (_row)
        """
    )


def create_unknown(
    connection: duckdb.DuckDBPyConnection,
    identifiers: dict[str, Identifier],
    lineage: dict[str, object],
    turn: Turn,
) -> None:
    """Write the customers whose identifiers `resolve_customers` changed, and nothing else."""
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE folded AS "
        "SELECT NULL::BIGINT AS customer_id, NULL::BIGINT AS _row WHERE false"
    )
    upsert = Upsert(table_sql(TABLE), "customer_id", [], seen="seen")
    columns = len(connection.execute(f"DESCRIBE {table_sql(TABLE)}").fetchall())
    for part in parts.conditions(connection, "touched", columns):
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE bound AS "
            f"SELECT customer_id FROM changed_ids WHERE {part}"
        )
        _load_seen(connection, part, "SELECT customer_id FROM bound")
        _write(connection, identifiers, upsert, lineage, turn)


def _load_seen(connection: duckdb.DuckDBPyConnection, part: str, keys: str) -> None:
    """Put those in `touched` that a part has into `touching`, and what is stored into `seen`.

    Stored rows and versions are those of `touching` and of the customers that the SELECT `keys`
    gives. They are compared, kept and written from there: a large table is looked through once.
    """
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE touching AS SELECT * FROM touched WHERE {part}"
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE seen_keys AS {keys} UNION SELECT customer_id FROM touching"
    )
    for name, stored in (("seen", table_sql(TABLE)), ("seen_versions", versions.TABLE)):
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT s.* FROM {stored} s "
            "SEMI JOIN seen_keys USING (customer_id)"
        )


def _write(
    connection: duckdb.DuckDBPyConnection,
    identifiers: dict[str, Identifier],
    upsert: Upsert,
    lineage: dict[str, object],
    turn: Turn,
) -> None:
    """Write `folded` and the identifiers of `touching`, and keep what was there before."""
    attributes = upsert.fields
    fields = [*attributes, *_fold_identifiers(connection, identifiers)]
    whole = replace(upsert, fields=fields, source="whole")
    if upsert.versioned:
        versions.prepare(connection, attributes, turn.clock, timed=upsert.timed)

    def before() -> None:
        names = [field.name for field in attributes]
        met = "new_versions" if upsert.versioned else "bound"
        journal.customers(connection, turn.sequence, "written", names, met=met, seen="seen")
        if upsert.versioned:
            journal.versions(connection, turn.sequence, "new_versions", seen="seen_versions")

    whole.write(connection, lineage, before)
    if upsert.versioned:
        versions.store(connection)
