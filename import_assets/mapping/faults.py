"""Collects what is wrong with the records of a block and turns it into rejects (M055, D31).

A record lists all its faults, in order of the file's columns; faults of the record as a whole come
first. Nothing here costs time while nothing is wrong.
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from import_assets.mapping.parsing import WHITE_SPACE, Why
from import_assets.records import REJECTS, Records

WHOLE_RECORD = -1
"""The place of faults that are not of one column."""

_FOUND = ("row", "place", "column", "value", "reason", "message")


class FaultLog:
    """The faults of one block, as they are found."""

    def __init__(self) -> None:
        self._found: list[pl.DataFrame] = []

    def add(
        self,
        mask: pl.Series,
        why: Why | Callable[[str], Why],
        *,
        place: int = WHOLE_RECORD,
        column: str | None = None,
        raw: pl.Series | None = None,
    ) -> None:
        """Note a fault for the records of a Boolean mask.

        Args:
            mask: true where the fault is; null counts as false.
            why: the fault, or a function that explains a trimmed cell.
            place: position of the column in the file, `WHOLE_RECORD` for none.
            column: name of the column in the file.
            raw: the column's cells as in the file; needed for a function.
        """
        rows = mask.fill_null(value=False).arg_true()
        if rows.is_empty():
            return
        cells = pl.repeat(None, len(rows), dtype=pl.String(), eager=True)
        if raw is not None:
            cells = raw.gather(rows)
        found = pl.DataFrame({"row": rows.cast(pl.Int64), "value": cells}).with_columns(
            place=pl.lit(place, dtype=pl.Int64), column=pl.lit(column, dtype=pl.String)
        )
        if isinstance(why, Why):
            found = found.with_columns(reason=pl.lit(why.reason), message=pl.lit(why.message))
        else:
            found = found.join(_explained(cells, why), on="value", how="left")
        self._found.append(found.select(_FOUND))

    def add_found(self, found: pl.DataFrame) -> None:
        """Note faults that were found elsewhere.

        Args:
            found: `row`, `place`, `column`, `value`, `reason` and `message` of each.
        """
        if not found.is_empty():
            self._found.append(found.select(_FOUND))

    @property
    def is_empty(self) -> bool:
        """True while no fault was found."""
        return not self._found

    def rejects(self, records: Records) -> tuple[pl.Series, pl.DataFrame]:
        """Return the rows of the block's frame that are refused, and their rejects by record."""
        faults = (
            pl.concat(self._found)
            .sort("row", "place", maintain_order=True)
            .group_by("row", maintain_order=True)
            .agg(faults=pl.struct("column", "value", "reason", "message"))
        )
        rows = faults["row"]
        frame = pl.DataFrame(
            {
                "record": records.record.gather(rows),
                "line": records.line.gather(rows),
                "faults": faults["faults"],
                "raw": pl.Series(records.raw.take(rows.to_list()), dtype=pl.String),
            }
        )
        return rows, frame.cast(pl.Schema(REJECTS))


def _explained(cells: pl.Series, explain: Callable[[str], Why]) -> pl.DataFrame:
    distinct = cells.unique().to_list()
    whys = [explain(text.strip(WHITE_SPACE)) for text in distinct]
    return pl.DataFrame(
        {
            "value": distinct,
            "reason": [why.reason for why in whys],
            "message": [why.message for why in whys],
        },
        schema=dict.fromkeys(("value", "reason", "message"), pl.String),
    )
