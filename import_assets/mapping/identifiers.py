"""Identifiers: the columns that say whom or what a record is about.

M034, M043, M061, M093, D18, D20, D23, D37, D39.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from import_assets.mapping.faults import WHOLE_RECORD, FaultLog
from import_assets.mapping.parsing import Why

PREFIX = "id:"
"""What the columns of identifiers are called by in a frame of rows."""


@dataclass(frozen=True)
class IdColumn:
    """A column of the file that holds identifiers of one kind."""

    kind: str
    column: str
    place: int
    trim: bool = False
    lowercase: bool = False

    @property
    def name(self) -> str:
        """The column in the frame of rows."""
        return PREFIX + self.kind

    def value(self) -> pl.Expr:
        """The identifier of each record; null where the cell is empty or white space only (D18)."""
        cell = pl.col(self.column)
        trimmed = cell.str.strip_chars()
        value = trimmed if self.trim else cell
        if self.lowercase:
            value = value.str.to_lowercase()
        return pl.when(trimmed != "").then(value).alias(self.name)


@dataclass(frozen=True)
class IdRules:
    """What makes the identifiers of a record usable.

    `needed` are the kinds of which a record must have at least one; `what` names them in sentences.
    """

    columns: Sequence[IdColumn]
    needed: Sequence[str]
    what: str
    limit: int

    def check(self, ids: pl.DataFrame, records: pl.DataFrame, log: FaultLog) -> None:
        """Note missing identifiers (M043) and too long ones (M043, D20).

        Args:
            ids: the identifiers, columns named `IdColumn.name`.
            records: the cells as in the file.
            log: where faults go.
        """
        for column in self.columns:
            too_long = ids[column.name].str.len_bytes() > self.limit
            if too_long.any():
                log.add(
                    too_long,
                    self._too_long,
                    place=column.place,
                    column=column.column,
                    raw=records[column.column],
                )
        required = [column for column in self.columns if column.kind in self.needed]
        missing = ids[required[0].name].is_null()
        for column in required[1:]:
            missing &= ids[column.name].is_null()
        if not missing.any():
            return
        if len({column.column for column in required}) == 1:
            only = required[0]
            raw = records[only.column]
            log.add(missing, self._missing, place=only.place, column=only.column, raw=raw)
        else:
            log.add(missing, self._missing, place=WHOLE_RECORD)

    @property
    def _too_long(self) -> Why:
        return Why(
            "id_too_long",
            f"No valid {self.what}: it has more than {self.limit} bytes in UTF-8; "
            "check that the column holds identifiers, and shorten this one.",
        )

    @property
    def _missing(self) -> Why:
        columns = ", ".join(c.column for c in self.columns if c.kind in self.needed)
        return Why("missing_id", f"No valid {self.what}: nothing in {columns}; fill it in.")


def suspicious_ids(rows: pl.DataFrame) -> dict[str, int]:
    """Count the identifiers of a block that differ from another only by case or white space (D23).

    Args:
        rows: the rows of a block, with columns `id:<kind>`.

    Returns:
        By kind of identifier, how many distinct values would vanish if white space were trimmed
        and case ignored; kinds without such values are left out.
    """
    counts: dict[str, int] = {}
    for name in rows.columns:
        if name.startswith(PREFIX):
            ids = rows[name].drop_nulls()
            folded = ids.str.strip_chars().str.to_lowercase()
            if extra := ids.n_unique() - folded.n_unique():
                counts[name.removeprefix(PREFIX)] = extra
    return counts
