"""Holds the records of one file against a profile, block by block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from import_assets.mapping.conventions.cells import (
    EMPTY_REQUIRED,
    OF_ROLE,
    UNTYPED,
    CellRule,
)
from import_assets.mapping.conventions.findings import Finding, Rule, found, nothing_found
from import_assets.mapping.conventions.header import header_findings
from import_assets.mapping.conventions.profile import Profile
from import_assets.mapping.conventions.quoting import quote_findings
from import_assets.mapping.conventions.roles import Roles
from import_assets.mapping.parsing import evaluate
from import_assets.records import Records


@dataclass(frozen=True)
class _Test:
    """A rule, the column that it is about, and what is true of the records that break it."""

    rule: Rule
    place: int
    column: str
    broken: pl.Expr


class Checker:
    """The rules of a profile for one file.

    What it has seen of the file stays in it, so it takes the blocks in their order, each once.
    """

    def __init__(
        self,
        profile: Profile,
        header: Sequence[str],
        roles: Roles,
        *,
        delimiter: str | None,
        quote: str,
    ) -> None:
        """Fit a profile to the columns of a file.

        Args:
            profile: the rules.
            header: the names of the columns.
            roles: what their cells are.
            delimiter: the character between cells; None where the definition says it (M135).
            quote: the character around cells, or `none`.
        """
        self.header: tuple[Finding, ...] = tuple(header_findings(profile, header, delimiter))
        self._quote = quote
        self._ignored = roles.ignored
        self._tests = tuple(_tests(profile, roles))
        self._watches = tuple(profile.watches(roles.by_name))

    def check(self, records: Records) -> pl.DataFrame:
        """Return what is wrong with the records of the next block, by record and column.

        The columns are `findings.FOUND`.
        """
        parts = [*self._by_tests(records), *quote_findings(records, self._quote)]
        for watch in self._watches:
            parts += watch.see(records)
        if not parts:
            return nothing_found()
        findings = pl.concat(parts)
        if self._ignored:
            findings = findings.filter(
                ~pl.col("column").is_in(self._ignored).fill_null(value=False)
            )
        return findings.sort("row", "place", maintain_order=True)

    def end(self) -> Iterator[Finding]:
        """Yield what is wrong with the file as a whole, now that all records were seen."""
        for watch in self._watches:
            yield from watch.end()

    def _by_tests(self, records: Records) -> Iterator[pl.DataFrame]:
        # By their places: polars takes some names for patterns of names.
        frame = pl.DataFrame([cells.alias(str(at)) for at, cells in enumerate(records.frame)])
        if frame.is_empty():
            return
        masks = evaluate(
            frame,
            [
                test.broken.fill_null(value=False).alias(str(at))
                for at, test in enumerate(self._tests)
            ],
        )
        broken = masks.sum().row(0) if masks.width else ()
        for test, mask, count in zip(self._tests, masks, broken, strict=True):
            if count:
                rows = mask.arg_true()
                cells = frame[str(test.place)].gather(rows)
                yield found(test.rule, rows, cells, place=test.place, column=test.column)


def _tests(profile: Profile, roles: Roles) -> Iterator[_Test]:
    places = {name: place for place, name in enumerate(roles.by_name)}
    firsts = (next((one for one in names if one in places), None) for names in profile.filled)
    filled = {name for name in firsts if name is not None}
    for name, role in roles.by_name.items():
        rules: list[CellRule] = [EMPTY_REQUIRED] if name in filled else []
        rules += OF_ROLE[role]
        if role in UNTYPED:
            rules += profile.untyped
        for one in rules:
            place = places[name]
            yield _Test(one.rule, place, name, one.broken(pl.col(str(place))))
    for record in profile.records:
        columns = [name for name in record.columns if name in places]
        if columns:
            broken = record.broken([str(places[name]) for name in columns])
            yield _Test(record.rule, places[columns[-1]], columns[-1], broken)
