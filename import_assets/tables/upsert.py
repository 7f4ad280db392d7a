"""Rows that update a record by its key, in the order of the file (M042, M044, M100, M101, D38).

Works on a temporary table `incoming` (key, `_row`, fields) and a stored table. Both steps are set
operations; a key that occurs several times is folded in file order.

Where rows say when they were true (`update_timestamp`, b.4), `incoming` also has `_at`, in
microseconds since 1970, and a cell counts only if it is newer than what is stored and than what
earlier rows of the file say. Of cells of the same time, the first counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import duckdb

from import_assets.spec.names import LINEAGE
from import_assets.tables.outcome import Counts
from import_assets.warehouse.sql import LINEAGE_TYPES, first_row, literal, number, quote

# Newest first, and of the same time the first of the file; one number, as windows want it.
_ORDER_IN_TIME = "({0}_at::HUGEINT * 1099511627776 - {0}_row)"


@dataclass(frozen=True)
class Field:
    """A column to update.

    With `keep`, an empty cell leaves the stored value as it is (D18). With `present`, an empty
    cell does not undo a value from an earlier row of the same file (D38); `keep` implies it. With
    `when`, the column is touched only for keys whose flag of that name in `folded` is true.
    `stored_at` is the SQL of the time since when the stored value stands, where rows have times.
    """

    name: str
    keep: bool
    present: bool = False
    when: str | None = None
    stored_at: str | None = None

    @property
    def sql(self) -> str:
        """The column's quoted name."""
        return quote(self.name)

    @property
    def row(self) -> str:
        """SQL of the row that gave the folded value; null where `keep` and no row did."""
        return f"f.{quote(f'row:{self.name}')}" if self.keep else "f._row"

    @property
    def at(self) -> str:
        """SQL of the time of the row that gave the folded value, where rows have times."""
        return f"f.{quote(f'at:{self.name}')}" if self.keep else "f._at"

    @property
    def taken(self) -> str:
        """SQL that tells whether the folded value goes before what is stored."""
        conditions = [f"f.{self.when}"] if self.when else []
        if self.stored_at:
            conditions.append(f"coalesce({self.at} > {self.stored_at}, true)")
        return " AND ".join(conditions) or "true"

    @property
    def value(self) -> str:
        """SQL of the value to store, from `folded` f and the stored table s."""
        new = f"coalesce(f.{self.sql}, s.{self.sql})" if self.keep else f"f.{self.sql}"
        return (
            new
            if self.taken == "true"
            else f"CASE WHEN {self.taken} THEN {new} ELSE s.{self.sql} END"
        )

    @property
    def differs(self) -> str:
        """SQL that tells whether `value` changes what is stored."""
        return f"({self.value}) IS DISTINCT FROM s.{self.sql}"


@dataclass(frozen=True)
class Upsert:
    """An update of `stored` (SQL name of a table) by `key` from the temporary table `incoming`.

    `changed_rows` names a temporary table of `_row`s that changed something beside the fields
    (identifiers of customers), or is None. `beside` names a stored table v, by the same key, that
    fields speak of. With `timed`, rows have times. With `versioned`, `folded` says of each value
    which row it is of, see `Field.row` and `Field.at`. `source` is what `write` reads in place of
    `folded`. `seen` is what both read in place of the stored table: its rows of these keys at
    least, which spares looking through a large one several times.
    """

    stored: str
    key: str
    fields: Sequence[Field]
    changed_rows: str | None = None
    beside: str | None = None
    timed: bool = False
    versioned: bool = False
    source: str = "folded"
    seen: str | None = None

    def classify(self, connection: duckdb.DuckDBPyConnection) -> Counts:
        """Return how many rows insert, update or leave unchanged; call before `write`."""
        outcomes = self._outcomes(repeated=self._repeated(connection))
        rows = connection.execute(
            f"SELECT outcome, count(*) FROM ({outcomes}) GROUP BY outcome"
        ).fetchall()
        counts = dict(rows)
        return Counts(
            inserted=counts.get("inserted", 0),
            updated=counts.get("updated", 0),
            unchanged=counts.get("unchanged", 0),
        )

    def _repeated(self, connection: duckdb.DuckDBPyConnection) -> bool:
        again = f"SELECT count(*) - count(DISTINCT {quote(self.key)}) FROM incoming"
        return number(connection, again) > 0

    def _outcomes(self, *, repeated: bool) -> str:
        key = quote(self.key)
        first = (
            f"row_number() OVER (PARTITION BY i.{key} ORDER BY i._row) = 1" if repeated else "true"
        )
        changes = [self._changed(field, repeated=repeated) for field in self.fields]
        if self.changed_rows:
            changes.append(f"i._row IN (SELECT _row FROM {self.changed_rows})")
        return f"""
            SELECT CASE
                WHEN s.{key} IS NULL AND {first} THEN 'inserted'
                WHEN {" OR ".join(changes) or "false"} THEN 'updated'
                ELSE 'unchanged' END AS outcome
            FROM incoming i LEFT JOIN {self.seen or self.stored} s ON s.{key} = i.{key}
                {self._joined("i")}
        """

    def _joined(self, incoming: str) -> str:
        key = quote(self.key)
        return f"LEFT JOIN {self.beside} v ON v.{key} = {incoming}.{key}" if self.beside else ""

    def _changed(self, field: Field, *, repeated: bool) -> str:
        """SQL that tells whether a row changes a field, seen from the state before that row."""
        new, before = f"i.{field.sql}", f"s.{field.sql}"
        if self.timed:
            return self._changed_in_time(field, repeated=repeated)
        order = f"PARTITION BY i.{quote(self.key)} ORDER BY i._row"
        first = f"row_number() OVER ({order}) = 1"
        if not repeated:
            return (
                f"({new} IS NOT NULL AND {new} IS DISTINCT FROM {before})"
                if field.keep
                else (f"({new} IS DISTINCT FROM {before})")
            )
        if not (field.keep or field.present):
            before = f"CASE WHEN {first} THEN {before} ELSE lag({new}) OVER ({order}) END"
            return f"({new} IS DISTINCT FROM {before})"
        earlier = (
            f"last_value({new} IGNORE NULLS) OVER ({order} "
            "ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
        )
        if field.keep:
            return f"({new} IS NOT NULL AND {new} IS DISTINCT FROM coalesce({earlier}, {before}))"
        # The first row has blanked what its empty cells stand for, so nothing stored is left then.
        fills = f"({new} IS NOT NULL AND {new} IS DISTINCT FROM {earlier})"
        return f"CASE WHEN {first} THEN {new} IS DISTINCT FROM {before} ELSE {fills} END"

    def _changed_in_time(self, field: Field, *, repeated: bool) -> str:
        """The same where rows have times: a row that is not the newest so far changes nothing."""
        new, before, since = f"i.{field.sql}", f"s.{field.sql}", field.stored_at
        given = f"{new} IS NOT NULL" if field.keep else "true"
        if repeated:
            earlier = (
                f"FILTER (WHERE {given}) OVER (PARTITION BY i.{quote(self.key)} ORDER BY i._row "
                "ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
            )
            newest = f"max(i._at) {earlier}"
            before = (
                f"CASE WHEN coalesce({newest} > {since}, {newest} IS NOT NULL) "
                f"THEN arg_max_null({new}, {_ORDER_IN_TIME.format('i.')}) {earlier} "
                f"ELSE {before} END"
            )
            since = f"greatest({newest}, {since})"
        return f"({given} AND coalesce(i._at > {since}, true) AND {new} IS DISTINCT FROM {before})"

    def fold(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Turn `incoming` into the temporary table `folded`, with one row a key.

        A field takes the cell of the key's last row, or with `keep` or `present` the last cell
        that is not empty. Where rows have times, the newest row stands for the last.
        """
        repeated = self._repeated(connection)
        kept = [f for f in self.fields if f.keep] if self.versioned else []
        if not repeated and not kept:
            connection.execute("DROP TABLE IF EXISTS temp.folded")
            connection.execute("ALTER TABLE temp.incoming RENAME TO folded")
            return
        columns = [quote(self.key), *(self._folded() if repeated else self._single(kept))]
        group = f"GROUP BY {quote(self.key)}" if repeated else ""
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE folded AS SELECT {', '.join(columns)} "
            f"FROM incoming {group}"
        )

    def _single(self, kept: Sequence[Field]) -> list[str]:
        """SQL of the columns of `folded` beside the key, where no key is repeated."""
        sources = {"row": "_row", **({"at": "_at"} if self.timed else {})}
        return [
            f"* EXCLUDE ({quote(self.key)})",
            *(
                f"CASE WHEN {f.sql} IS NOT NULL THEN {column} END AS {quote(f'{what}:{f.name}')}"
                for f in kept
                for what, column in sources.items()
            ),
        ]

    def _folded(self) -> list[str]:
        """SQL of the columns of `folded` beside the key, where rows of a key are put together."""
        order = _ORDER_IN_TIME.format("") if self.timed else "_row"
        sources = {"row": "_row", **({"at": "_at"} if self.timed else {})}
        columns = [f"arg_max({column}, {order}) AS {column}" for column in sources.values()]
        for f in self.fields:
            if not (f.keep or f.present):
                columns.append(f"arg_max_null({f.sql}, {order}) AS {f.sql}")
                continue
            # arg_max passes over nulls. FILTER would say so, but takes seconds for 250 columns.
            columns.append(f"arg_max({f.sql}, {order}) AS {f.sql}")
            if f.keep and self.versioned:
                columns += [
                    f"arg_max(CASE WHEN {f.sql} IS NOT NULL THEN {column} END, {order}) "
                    f"AS {quote(f'{what}:{f.name}')}"
                    for what, column in sources.items()
                ]
        return columns

    def write(
        self,
        connection: duckdb.DuckDBPyConnection,
        lineage: dict[str, object],
        before: Callable[[], None] | None = None,
    ) -> None:
        """Write the source into the stored table; rows that do not change keep their lineage.

        `lineage` gives `_batch`, `_import`, `_file` and `_imported_at`. `before` is called when the
        rows about to be written stand in the temporary view `written`.
        """
        new = first_row(connection, f"SELECT 1 FROM {self.stored} LIMIT 1") is None
        key = quote(self.key)
        columns = [f"f.{key}", *(f"{field.value} AS {field.sql}" for field in self.fields)]
        columns += [f"s.{quote(name)}" for name in self._other_columns(connection)]
        differs = " OR ".join(field.differs for field in self.fields) or "false"
        columns += [
            f"{literal(str(value))}::{LINEAGE_TYPES[name]} AS {quote(name)}"
            for name, value in lineage.items()
        ]
        rows = f"""
            SELECT {", ".join(columns)}, f._row
            FROM {self.source} f LEFT JOIN {self.seen or self.stored} s ON s.{key} = f.{key}
                {self._joined("f")}
            WHERE s.{key} IS NULL OR {differs}
            """
        if not new:
            # What they are made of is about to be deleted.
            connection.execute(f"CREATE OR REPLACE TEMP TABLE written_rows AS {rows}")
            rows = "SELECT * FROM written_rows"
        connection.execute(f"CREATE OR REPLACE TEMP VIEW written AS {rows}")
        if before is not None:
            before()
        if not new:
            gone = f"{key} IN (SELECT {key} FROM written)"
            connection.execute(f"DELETE FROM {self.stored} WHERE {gone}")
        connection.execute(f"INSERT INTO {self.stored} BY NAME SELECT * FROM written")

    def _other_columns(self, connection: duckdb.DuckDBPyConnection) -> list[str]:
        """Columns of the stored table that this update does not bring (M042)."""
        taken = {self.key, *(field.name for field in self.fields), *LINEAGE}
        described = connection.execute(f"DESCRIBE {self.stored}").fetchall()
        return [row[0] for row in described if row[0] not in taken]
