"""Stored values that become values of another type (M036, M037).

A value goes on as the text that stands for it, and so becomes what an import of the new type would
make of a cell with that text, or does not fit, for the same reason. Values that can take the new
type without losing anything take it directly, as those of a database do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import polars as pl

from import_assets.mapping.localtime import Zone
from import_assets.mapping.parsing import Parser, Why, evaluate
from import_assets.mapping.typed import Direct, direct
from import_assets.mapping.types import parser
from import_assets.records import ColumnKind, as_text
from import_assets.spec.models import AttributeType

_KINDS: dict[AttributeType, ColumnKind] = {
    "number": "number",
    "integer": "integer",
    "boolean": "boolean",
    "date": "date",
    "datetime": "instant",
    "list": "list",
}
"""What values of a type are to `direct`; those of the other types are texts."""

_WHOLE = 2**53
"""Floats up to this one that have no fraction are written as whole numbers."""


@dataclass(frozen=True)
class Recast:
    """How values of one type become values of another.

    With a `limit`, texts and lists of more bytes do not fit, lists as JSON (M079, D35).
    """

    old: AttributeType
    limit: int | None
    _parser: Parser
    _direct: Direct | None

    @classmethod
    def build(
        cls,
        old: AttributeType,
        new: AttributeType,
        format: str | None,  # noqa: A002 - as the key of a column is called
        zone: Zone,
        limit: int | None,
    ) -> Self:
        """Return the way from one type to another.

        Args:
            old: the type of the stored values.
            new: the type that they are to have.
            format: how texts are written, as a column of a definition says it.
            zone: the zone of times without an offset.
            limit: the most bytes that a value may have, or None.

        Raises:
            ValueError: the format does not fit the new type, see `types.check_format`.
        """
        kind = _KINDS.get(old, "text")
        return cls(old, limit, parser(new, format, zone), direct(kind, new, zone))

    @property
    def dtype(self) -> pl.DataType:
        """The polars type of the new values."""
        return self._parser.dtype

    def texts(self, stored: pl.Series) -> pl.Series:
        """Return the texts that stand for stored values, as a file would hold them."""
        values = self._in_utc(stored)
        if self.old != "number":
            return as_text(values)
        whole = (values == values.round(0)) & values.is_between(-_WHOLE, _WHOLE)
        digits = values.set(~whole.fill_null(value=False), None).cast(pl.Int64).cast(pl.String)
        return digits.zip_with(digits.is_not_null(), as_text(values))

    def apply(self, stored: pl.Series) -> tuple[pl.Series, pl.Series]:
        """Return the new values, and a Boolean mask of those that do not fit and so are null.

        Null also are values that say nothing under the new type, such as white space for a number.
        """
        raw = self.texts(stored).alias("cell")
        if self._direct is None:
            first = evaluate(raw.to_frame(), [self._parser.expression(raw)]).to_series()
        else:
            first = self._direct(self._in_utc(stored))
        values, bad = self._parser.finish(raw, first)
        misfits = bad if bad is not None else pl.repeat(False, len(raw), eager=True)
        if self.limit is not None:
            long = self._too_long(values, self.limit)
            values, misfits = _without(values, long), misfits | long
        return values, misfits

    def explain(self, text: str) -> Why:
        """Say why a text, one of `texts`, does not fit the new type."""
        if isinstance(why := self._parser.one(text), Why):
            return why
        return Why(
            "value_too_long",
            f"A value of a catalog has at most {self.limit} bytes in UTF-8, a list as JSON; "
            "shorten or split it.",
        )

    def _in_utc(self, stored: pl.Series) -> pl.Series:
        return stored.dt.replace_time_zone("UTC") if self.old == "datetime" else stored

    @staticmethod
    def _too_long(values: pl.Series, limit: int) -> pl.Series:
        if values.dtype == pl.String or isinstance(values.dtype, pl.List):
            return (as_text(values).str.len_bytes() > limit).fill_null(value=False)
        return pl.repeat(False, len(values), eager=True)


def _without(values: pl.Series, mask: pl.Series) -> pl.Series:
    return pl.select(pl.when(~mask).then(values)).to_series() if mask.any() else values
