"""Rules that no single record can break: they need what stood before, or all of the file.

Memory is bounded by what is said of each watch, whatever the size of the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from import_assets.mapping.conventions.findings import Finding, Rule, found
from import_assets.records import Records

ITEM_TWICE = Rule(
    "item_twice",
    "error",
    "The item stands in the file already.",
    "Keep one record of each item.",
)
ROOT_CATEGORY = Rule(
    "root_category",
    "warning",
    "All categories of the file begin with the same level, which looks like the root.",
    "Leave it out: Fiction > Sci-Fi instead of Literature > Fiction > Sci-Fi.",
)
MIXED_DATE_ORDER = Rule(
    "mixed_date_order",
    "warning",
    "Some dates of the column begin with the day, others with the month.",
    "Write all of them alike, best as 2026-01-31.",
)
AMBIGUOUS_DATES = Rule(
    "ambiguous_dates",
    "warning",
    "No date of the column tells whether the day or the month stands first.",
    "Say to whoever reads them which it is, or write 2026-01-31.",
)

_SLASHED = r"^([0-9]{2})/([0-9]{2})/([0-9]{4})$"
_MONTHS = 12


class Watch(Protocol):
    """Looks at all records of a file, block by block."""

    def see(self, records: Records) -> Iterator[pl.DataFrame]:
        """Yield what is wrong with records of the next block (see `findings.FOUND`)."""
        ...

    def end(self) -> Iterator[Finding]:
        """Yield what is wrong with the file, now that all of it was seen."""
        ...


class _Seen:
    """Ids that were seen and the lines of the first of each, 24 bytes an id.

    Ids are kept as two hashes of 64 bits: that two ids among ten million have the same ones
    happens once in some 10^24 files. Sorted runs double in length, so each id is moved only
    a few times.
    """

    def __init__(self) -> None:
        self._runs: list[_Sighted] = []

    def lines(self, ids: pl.Series) -> NDArray[np.int64]:
        """Return the line on which each id was first seen, 0 for those that were not."""
        one, two = _hashes(ids)
        lines = np.zeros(len(ids), np.int64)
        for run in self._runs:
            at = np.minimum(np.searchsorted(run.one, one), len(run.one) - 1)
            known = (run.one[at] == one) & (run.two[at] == two)
            lines[known] = run.line[at[known]]
        return lines

    def add(self, ids: pl.Series, lines: pl.Series) -> None:
        """Remember ids that were not seen before."""
        if ids.is_empty():
            return
        run = _Sighted(*_hashes(ids), lines.to_numpy())
        while self._runs and len(self._runs[-1].one) <= 2 * len(run.one):
            run = run.with_others(self._runs.pop())
        self._runs.append(run.in_order())


@dataclass(frozen=True)
class _Sighted:
    """Ids by their two hashes, and their lines."""

    one: NDArray[np.uint64]
    two: NDArray[np.uint64]
    line: NDArray[np.int64]

    def with_others(self, others: _Sighted) -> _Sighted:
        return _Sighted(
            np.concatenate([self.one, others.one]),
            np.concatenate([self.two, others.two]),
            np.concatenate([self.line, others.line]),
        )

    def in_order(self) -> _Sighted:
        order = np.argsort(self.one)
        return _Sighted(self.one[order], self.two[order], self.line[order])


def _hashes(ids: pl.Series) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    return ids.hash(1).to_numpy(), ids.hash(2).to_numpy()


class UniqueItems:
    """Each item stands in the file once. Takes 24 bytes an item, twice that for a moment."""

    def __init__(self, column: str, place: int) -> None:
        self._column, self._place = column, place
        self._seen = _Seen()

    def see(self, records: Records) -> Iterator[pl.DataFrame]:
        """See `Watch.see`."""
        ids = records.frame[self._column]
        filled = ids.is_not_null()
        ids, rows = ids.filter(filled), filled.arg_true()
        lines = records.line.filter(filled)
        new = ids.is_first_distinct()
        before = pl.Series(self._seen.lines(ids.filter(new)), dtype=pl.Int64)
        firsts = ids.filter(new)
        self._seen.add(firsts.filter(before == 0), lines.filter(new).filter(before == 0))
        if new.all() and not (before > 0).any():
            return
        known = pl.DataFrame(
            {"id": firsts, "before": before, "first": lines.filter(new)}
        ).with_columns(first=pl.when(pl.col("before") > 0).then("before").otherwise("first"))
        again = (
            pl.DataFrame({"id": ids, "row": rows, "line": lines})
            .join(known, on="id", how="left", maintain_order="left")
            .filter(pl.col("first") != pl.col("line"))
        )
        said = again.select(pl.format("The item stands on line {} already.", "first")).to_series()
        yield found(
            ITEM_TWICE,
            again["row"],
            again["id"],
            place=self._place,
            column=self._column,
            messages=said,
        )

    def end(self) -> Iterator[Finding]:
        """See `Watch.end`."""
        yield from ()


class RootCategory:
    """No level is the first of all categories (M128, D48). Takes a few texts.

    Where all records have the same category, or none has a second level, nothing can be told.
    """

    def __init__(self, column: str) -> None:
        self._column = column
        self._root: str | None = None
        self._path, self._line = "", 0
        self._several = self._refuted = False

    def see(self, records: Records) -> Iterator[pl.DataFrame]:
        """See `Watch.see`."""
        if self._refuted:
            return
        paths = (
            pl.DataFrame({"path": records.frame[self._column], "line": records.line})
            .lazy()
            .drop_nulls("path")
            .with_columns(pl.col("path").str.split("|"))
            .explode("path")
            .with_columns(pl.col("path").str.strip_chars())
            .filter(pl.col("path") != "")
            .collect()
        )
        if paths.is_empty():
            return
        roots = paths["path"].str.extract(r"^([^>]*)").str.strip_chars().unique()
        if self._root is None:
            self._root, self._path, self._line = roots[0], paths["path"][0], paths["line"][0]
        self._refuted = len(roots) > 1 or roots[0] != self._root
        self._several = self._several or bool((paths["path"] != self._path).any())
        yield from ()

    def end(self) -> Iterator[Finding]:
        """See `Watch.end`."""
        if self._root and self._several and not self._refuted:
            yield Finding.of(ROOT_CATEGORY, line=self._line, column=self._column, value=self._root)


class DateOrder:
    """Dates with slashes have the day first, or else the month first (M131, D28).

    Takes three lines and values for each column.
    """

    def __init__(self, column: str) -> None:
        self._column = column
        self._day_first: tuple[int, str] | None = None
        self._month_first: tuple[int, str] | None = None
        self._open: tuple[int, str] | None = None

    def see(self, records: Records) -> Iterator[pl.DataFrame]:
        """See `Watch.see`."""
        cells = records.frame[self._column]
        dates = cells.str.contains(_SLASHED).fill_null(value=False)
        if not dates.any():
            return
        rows = dates.arg_true()
        parts = cells.gather(rows).str.extract_groups(_SLASHED).struct.unnest().cast(pl.Int64)
        one, two = parts["1"], parts["2"]

        def first(mask: pl.Series) -> tuple[int, str] | None:
            if not mask.any():
                return None
            row = rows.gather(mask.arg_true().head(1))[0]
            return records.line[row], cells[row]

        self._day_first = self._day_first or first((one > _MONTHS) & (two <= _MONTHS))
        self._month_first = self._month_first or first((two > _MONTHS) & (one <= _MONTHS))
        self._open = self._open or first((one <= _MONTHS) & (two <= _MONTHS) & (one != two))
        yield from ()

    def end(self) -> Iterator[Finding]:
        """See `Watch.end`."""
        if self._day_first and self._month_first:
            line, value = self._month_first
            day_line, day = self._day_first
            yield Finding.of(
                MIXED_DATE_ORDER,
                line=line,
                column=self._column,
                value=value,
                message=f"Some dates of the column begin with the month, others with the day, as "
                f"{day} on line {day_line:,}.",
            )
        elif self._open and not (self._day_first or self._month_first):
            line, value = self._open
            yield Finding.of(AMBIGUOUS_DATES, line=line, column=self._column, value=value)
