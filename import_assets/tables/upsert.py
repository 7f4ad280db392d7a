"""Rows that update a record by its key, in the order of the file (M042, M044, M100, M101, D38).

Works on a temporary table `incoming` (key, `_row`, fields) and a stored table. Both steps are set
operations; a key that occurs several times is folded in file order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from import_assets.spec.names import LINEAGE
from import_assets.tables.outcome import Counts
from import_assets.warehouse.sql import number, quote


@dataclass(frozen=True)
class Field:
    """A column to update.

    With `keep`, an empty cell leaves the stored value as it is (D18). With `present`, an empty
    cell does not undo a value from an earlier row of the same file (D38); `keep` implies it. With
    `when`, the column is touched only for keys whose flag of that name in `folded` is true.
    """

    name: str
    keep: bool
    present: bool = False
    when: str | None = None

    @property
    def sql(self) -> str:
        """The column's quoted name."""
        return quote(self.name)

    @property
    def value(self) -> str:
        """SQL of the value to store, from `folded` f and the stored table s."""
        new = f"coalesce(f.{self.sql}, s.{self.sql})" if self.keep else f"f.{self.sql}"
        return f"CASE WHEN f.{self.when} THEN {new} ELSE s.{self.sql} END" if self.when else new

    @property
    def differs(self) -> str:
        """SQL that tells whether `value` changes what is stored."""
        return f"({self.value}) IS DISTINCT FROM s.{self.sql}"


@dataclass(frozen=True)
class Upsert:
    """An update of `stored` (SQL name of a table) by `key` from the temporary table `incoming`.

    `changed_rows` names a temporary table of `_row`s that changed something beside the fields
    (identifiers of customers), or is None.
    """

    stored: str
    key: str
    fields: Sequence[Field]
    changed_rows: str | None = None

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
            FROM incoming i LEFT JOIN {self.stored} s ON s.{key} = i.{key}
        """

    def _changed(self, field: Field, *, repeated: bool) -> str:
        """SQL that tells whether a row changes a field, seen from the state before that row."""
        new, before = f"i.{field.sql}", f"s.{field.sql}"
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

    def fold(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Turn `incoming` into the temporary table `folded`, with one row a key.

        A field takes the cell of the key's last row, or with `keep` or `present` the last cell
        that is not empty.
        """
        if not self._repeated(connection):
            connection.execute("DROP TABLE IF EXISTS temp.folded")
            connection.execute("ALTER TABLE temp.incoming RENAME TO folded")
            return
        key = quote(self.key)
        values = [
            f"arg_max({f.sql}, _row) FILTER (WHERE {f.sql} IS NOT NULL) AS {f.sql}"
            if f.keep or f.present
            else f"arg_max_null({f.sql}, _row) AS {f.sql}"
            for f in self.fields
        ]
        select = ", ".join([key, "max(_row) AS _row", *values])
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE folded AS SELECT {select} FROM incoming GROUP BY {key}"
        )

    def write(self, connection: duckdb.DuckDBPyConnection, lineage: dict[str, object]) -> None:
        """Write `folded` into the stored table; rows that do not change keep their lineage.

        `lineage` gives `_batch`, `_import`, `_file` and `_imported_at`.
        """
        key = quote(self.key)
        columns = [f"f.{key}", *(f"{field.value} AS {field.sql}" for field in self.fields)]
        columns += [f"s.{quote(name)}" for name in self._other_columns(connection)]
        differs = " OR ".join(field.differs for field in self.fields) or "false"
        connection.execute(
            f"""
            CREATE OR REPLACE TEMP TABLE written AS
            SELECT {", ".join(columns)}, f._row, $_batch AS _batch, $_import AS _import,
                   $_file AS _file, $_imported_at::TIMESTAMP AS _imported_at
            FROM folded f LEFT JOIN {self.stored} s ON s.{key} = f.{key}
            WHERE s.{key} IS NULL OR {differs}
            """,
            lineage,
        )
        connection.execute(f"DELETE FROM {self.stored} WHERE {key} IN (SELECT {key} FROM written)")
        connection.execute(f"INSERT INTO {self.stored} BY NAME SELECT * FROM written")

    def _other_columns(self, connection: duckdb.DuckDBPyConnection) -> list[str]:
        """Columns of the stored table that this update does not bring (M042)."""
        taken = {self.key, *(field.name for field in self.fields), *LINEAGE}
        described = connection.execute(f"DESCRIBE {self.stored}").fetchall()
        return [row[0] for row in described if row[0] not in taken]
