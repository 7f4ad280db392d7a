"""What must hold for events that say what customers agree to (b.5).

A consent that is not valid takes effect as a revocation, so one that cannot be sure to mean what it
says is refused: words are compared exactly, and nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import polars as pl

from import_assets.errors import FileRefused
from import_assets.mapping.columns import Layout
from import_assets.mapping.faults import WHOLE_RECORD, FaultLog
from import_assets.mapping.localtime import Zone
from import_assets.mapping.parsing import WHITE_SPACE, Parser, Why, evaluate
from import_assets.mapping.types import parser
from import_assets.records import as_text
from import_assets.spec.models import CONSENT_TYPES, AttributeType

ACCEPT, REJECT = "accept", "reject"
UNLIMITED = "unlimited"

_ACTION, _CATEGORY, _VALID_UNTIL = CONSENT_TYPES

_BAD_ACTION = Why(
    "bad_consent_action",
    f"The action of a consent is {ACCEPT} or {REJECT}, in these very letters; mend the cell.",
)
_NO_CATEGORY = Why(
    "no_consent_category", "The consent says nothing of its category, of what it is about; name it."
)
_NO_VALID_UNTIL = Why(
    "no_valid_until",
    f"A consent that is accepted needs valid_until: a time, or {UNLIMITED}; fill it in.",
)
_BAD_VALID_UNTIL = Why(
    "bad_valid_until",
    f"valid_until is {UNLIMITED}, in these very letters, or a time such as 2027-01-31 12:00:00 or "
    "seconds since 1970; mend the cell, or read it by `type: datetime` with a `format`.",
)


@dataclass(frozen=True)
class _Cells:
    """One attribute of a block: its values, the cells as texts, and where faults are filed."""

    values: pl.Series
    raw: pl.Series
    place: int
    column: str

    def add(self, log: FaultLog, mask: pl.Series, why: Why) -> None:
        log.add(mask, why, place=self.place, column=self.column, raw=self.raw)


@dataclass(frozen=True)
class Consents:
    """The rules of consents for one file.

    `columns` gives name and place in the file of the attributes that come from it; `statics` has
    those with the same value in each row, typed and as written.
    """

    columns: Mapping[str, tuple[str, int]]
    statics: Mapping[str, tuple[Any, str]]
    _times: Parser

    @classmethod
    def build(
        cls,
        layout: Layout,
        types: Mapping[str, AttributeType],
        statics: Mapping[str, Any],
        zone: Zone,
        file: str,
    ) -> Self:
        """Fit the rules to the columns of a file.

        Args:
            layout: the columns of the file.
            types: the types of its attributes, by name.
            statics: the typed values of the static ones, by name.
            zone: of times without an offset.
            file: name of the file, for errors.

        Raises:
            FileRefused: `no_consent_column` or `bad_consent_type`.
        """
        for name in (_ACTION, _CATEGORY):
            if name not in types:
                raise FileRefused(
                    file,
                    "no_consent_column",
                    f"no column for the attribute {name!r}, without which a consent says nothing; "
                    f"name a column with `to: {name}`, or give it a static value",
                )
        for name, allowed in CONSENT_TYPES.items():
            if name in types and types[name] not in allowed:
                raise FileRefused(
                    file,
                    "bad_consent_type",
                    f"the attribute {name!r} of a consent is {' or '.join(allowed)}, and comes as "
                    f"{types[name]}: give its column a rule with `type: {allowed[0]}`",
                )
        columns = {
            column.attribute: (column.name, column.place)
            for column in layout.attributes
            if column.attribute in CONSENT_TYPES
        }
        written = {
            rule.to: (statics[rule.to], rule.value or "")
            for rule in layout.statics
            if rule.to in CONSENT_TYPES
        }
        return cls(columns, written, parser("datetime", None, zone))

    def check(self, values: Mapping[str, pl.Series], frame: pl.DataFrame, log: FaultLog) -> None:
        """Note what is wrong with the consents of a block.

        Args:
            values: the typed attributes that come from the file, by name.
            frame: the cells of the file.
            log: takes the faults.
        """
        action = self._cells(_ACTION, values, frame)
        accepted = (action.values == ACCEPT).fill_null(value=False)
        known = accepted | (action.values == REJECT).fill_null(value=False)
        action.add(log, ~known, _BAD_ACTION)
        category = self._cells(_CATEGORY, values, frame)
        category.add(log, _is_blank(category.values), _NO_CATEGORY)
        until = self._cells(_VALID_UNTIL, values, frame)
        blank = _is_blank(until.raw)
        until.add(log, accepted & blank, _NO_VALID_UNTIL)
        if until.values.dtype == pl.String:
            until.add(log, self._no_times(until.values, ~blank), _BAD_VALID_UNTIL)

    def _cells(self, name: str, values: Mapping[str, pl.Series], frame: pl.DataFrame) -> _Cells:
        if name in self.columns:
            column, place = self.columns[name]
            return _Cells(values[name], as_text(frame[column]), place, column)
        value, written = self.statics.get(name, (None, None))
        raw = pl.repeat(written, frame.height, dtype=pl.String(), eager=True)
        typed = pl.Series([value]).new_from_index(0, frame.height) if value is not None else raw
        return _Cells(typed, raw, WHOLE_RECORD, name)

    def _no_times(self, cells: pl.Series, filled: pl.Series) -> pl.Series:
        """Return which of the cells that are filled are neither a time nor `unlimited`."""
        which = (filled & (cells != UNLIMITED)).fill_null(value=False).arg_true()
        none = pl.repeat(False, len(cells), dtype=pl.Boolean(), eager=True)
        if which.is_empty():
            return none
        chosen = cells.gather(which).alias("cell")
        read = evaluate(chosen.to_frame(), [self._times.expression(chosen)]).to_series()
        _, bad = self._times.finish(chosen, read)
        return none if bad is None else none.scatter(which.filter(bad), True)


def _is_blank(cells: pl.Series) -> pl.Series:
    return cells.is_null() | (cells.cast(pl.String).str.strip_chars(WHITE_SPACE) == "")
