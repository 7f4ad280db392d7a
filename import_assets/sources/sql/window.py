"""What came in before and what is new, by a column that only grows (D43).

Every start reads from the highest value that came in before, minus `lag`, on; what of it came in
already is known by a digest of each row. So rows that were committed late, with a value that had
been passed already, are found as long as they lie within `lag`, and nothing comes in twice.

The state holds the highest value, the value from which on its digests are complete, and the digests
of the rows from there on: 64 bits for each row, equal rows once each.
"""

from __future__ import annotations

import base64
import datetime as dt
import math
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from hashlib import blake2b
from typing import Any, Literal, TypeAlias

import numpy as np
import polars as pl

from import_assets.errors import FileRefused
from import_assets.records import as_text
from import_assets.sources.rows import SpooledRows
from import_assets.sources.sql.values import SqlColumn

Value: TypeAlias = Any
"""A value of the cursor, of Python's type for its kind; the kind `text` has those of one shape."""

CursorKind = Literal["integer", "number", "decimal", "date", "datetime", "instant", "text"]
"""What a cursor is. A `text` is a time as SQLite holds it."""

_VERSION = 1
_GROUPS: tuple[tuple[CursorKind, ...], ...] = (
    ("integer", "number", "decimal"),
    ("date", "datetime", "instant"),
    ("text",),
)
_NUMBERS, _TIMES = _GROUPS[:2]
_TYPED: Mapping[CursorKind, Callable[[Any], Any]] = {
    "integer": math.ceil,
    "number": float,
    "decimal": lambda value: Decimal(str(value)),
    "date": dt.datetime.date,
    "datetime": lambda value: value,
    "instant": lambda value: value.replace(tzinfo=dt.UTC),
    "text": str,
}
_SHAPE = re.compile(r"0000-00-00(?:[ T]00:00(?::00(?:\.0{1,6})?)?Z?)?")
_ZEROS_BEHIND = r"^(-?\d+)(?:\.0+|(\.\d*?[1-9])0*)$"
_DIGEST = np.dtype(">u8")


@dataclass
class Window:
    """Lets the rows through that are new, once.

    Args:
        column: the cursor.
        columns: those of the query.
        kind: of the cursor.
        lag: in seconds for times, else in units.
        file: what errors call the delivery.
        last: the highest value that came in before, None at the first start.
        low: the lowest value to ask for, from which on `known` is complete; None for any.
        known: digests of the rows from `low` on that came in before.
    """

    column: str
    columns: Sequence[SqlColumn]
    kind: CursorKind
    lag: int
    file: str
    last: Value = None
    low: Value = None
    known: Counter[int] = field(default_factory=Counter)
    _highest: Value = None
    _passed: list[tuple[Value, int]] = field(default_factory=list)

    def follow(self, state: Mapping[str, Any]) -> bool:
        """Go on where the state ended; tell whether it is one of this cursor.

        Raises:
            FileRefused: the cursor was of another type then (`cursor_unusable`).
        """
        if state.get("version") != _VERSION or state.get("column") != self.column:
            return False
        was = state["kind"]
        if not any(was in group and self.kind in group for group in _GROUPS):
            raise self._unusable(
                f"was of type {was} at the last start and is of type {self.kind} now: write "
                "another import for it"
            )
        self.last = self._typed(_from_text(state["last"], was))
        low = self._typed(_from_text(state["low"], was))
        self.low = max(self._behind(self.last), low)
        self.known = _unpacked(state["rows"])
        return True

    def begin(self, start: str | float, sample: pl.Series | None) -> None:
        """Begin at a value that the user gave; `sample` is a value where the driver tells no kind.

        Raises:
            FileRefused: it is none that the cursor could have (`cursor_unusable`).
        """
        try:
            if self.kind in _NUMBERS:
                self.low = self._typed(Decimal(str(start)))
            elif self.kind == "text" and sample is not None:
                self.low = _shaped(_local(str(start)), str(sample[0]))
            else:
                self.low = self._typed(_local(str(start)))
        except (ValueError, InvalidOperation) as error:
            kind = "number" if self.kind in _NUMBERS else "time"
            raise self._unusable(
                f"is a {kind}, but `start: {start}` is none: mend `start`"
            ) from error

    def _typed(self, value: Value) -> Value:
        """Return a value as one of the cursor's kind."""
        if self.kind in _TIMES:
            value = _local(value)
        return _TYPED[self.kind](value)

    def _behind(self, value: Value) -> Value:
        """Return what lies `lag` behind a value."""
        if self.kind in _NUMBERS:
            return value - self.lag
        earlier = _earlier(_local(value), self.lag)
        return _shaped(earlier, value) if self.kind == "text" else self._typed(earlier)

    # --- reading -----------------------------------------------------------------------------

    def fresh(self, blocks: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """Yield the rows that did not come in before, those without a cursor among them.

        Raises:
            FileRefused: not all values of the cursor are of its kind (`cursor_unusable`).
        """
        for block in blocks:
            values = block[self.column]
            self._check(values)
            self._highest = _higher(self._highest, values.max())
            yield self._without_known(block, values)

    def _without_known(self, block: pl.DataFrame, values: pl.Series) -> pl.DataFrame:
        if not self.known or self.last is None or _without_values(values):
            return block
        places = (values <= self.last).fill_null(value=False).arg_true().to_list()
        keep = np.ones(block.height, dtype=bool)
        for place, digest in zip(places, self._digests(block[places]), strict=True):
            if self.known[digest] > 0:
                self.known[digest] -= 1
                keep[place] = False
                self._passed.append((values[place], digest))
        return block.filter(pl.Series(keep))

    def _check(self, values: pl.Series) -> None:
        if _without_values(values):
            return
        if self.kind == "text" and values.dtype == pl.String:
            self._check_shape(values)
            return
        kinds = {self.kind, _kind_of(values)}
        if len(kinds) > 1 and kinds != {"integer", "decimal"}:
            raise self._unusable(
                f"is of type {self.kind}, but some of its values are not: leave those out in the "
                "query, or convert them there"
            )
        if values.dtype.is_float() and not values.drop_nulls().is_finite().all():
            raise self._unusable("has values that are no finite numbers: leave those out")

    def _check_shape(self, values: pl.Series) -> None:
        """Texts of one shape are in the order of the times that they stand for; of two, not so."""
        shapes = set(values.drop_nulls().str.replace_all(r"\d", "0").unique())
        if self.last is not None:
            shapes.add(_shape(self.last))
        if len(shapes) > 1 or not all(_SHAPE.fullmatch(shape) for shape in shapes):
            shown = " and ".join(repr(shape) for shape in sorted(shapes)[:3])
            raise self._unusable(
                f"is text of the shape {shown}: give all of it one shape such as '0000-00-00 "
                "00:00:00' in the query, for instance by strftime()"
            )

    # --- the state ---------------------------------------------------------------------------

    def state_after(self, rows: SpooledRows) -> dict[str, Any]:
        """Return the state once the rows that `fresh` let through are applied; empty if none is."""
        last = _higher(self.last, self._highest)
        if last is None:
            return {}
        low = _higher(self._behind(last), self.low)
        digests = [digest for value, digest in self._passed if value >= low]
        for block in rows.newest():
            values = block[self.column]
            if _without_values(values):
                continue
            within = (values >= low).fill_null(value=False)
            digests += self._digests(block.filter(within))
            # They come in order, but where those without a value stand depends on the database.
            if not within.any():
                break
        return {
            "version": _VERSION,
            "column": self.column,
            "kind": self.kind,
            "last": _to_text(last),
            "low": _to_text(low),
            "rows": _packed(digests),
        }

    def _digests(self, rows: pl.DataFrame) -> list[int]:
        """Return a digest of each row, the same whatever types the columns of its block had."""
        if not rows.height:
            return []
        kinds = {column.name: column.kind for column in self.columns}
        framed = pl.DataFrame(
            [_framed(_canonical(rows[name], kinds[name] == "decimal")) for name in sorted(kinds)]
        )
        whole = framed.select(pl.concat_str(pl.all())).to_series()
        return [
            int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") for text in whole
        ]

    def _unusable(self, what: str) -> FileRefused:
        return unusable(self.column, what, self.file)


def _without_values(values: pl.Series) -> bool:
    """Tell whether a block has no value of the cursor: it may have no type then, and no order."""
    return values.null_count() == len(values)


def unusable(column: str, what: str, file: str) -> FileRefused:
    """Return the error for a cursor by which nothing can be read."""
    return FileRefused(file, "cursor_unusable", f"cursor {column!r} {what}")


def cursor_kind(column: SqlColumn, sample: pl.Series | None, file: str) -> CursorKind:
    """Return the kind of a cursor, by what the driver says or else by one of its values.

    Raises:
        FileRefused: it has no order by which to go on (`cursor_unusable`).
    """
    said = column.kind if sample is None else _kind_of(sample)
    known: list[CursorKind] = [kind for kind in _TYPED if kind == said]
    is_time = sample is not None and _SHAPE.fullmatch(_shape(str(sample[0])))
    if not known or (said == "text" and not is_time):
        what = f"is of type {said}" if said else "is neither a time nor a number"
        advice = "take a column that is a time or a number, or convert it in the query"
        raise unusable(column.name, f"{what}: {advice}", file)
    return known[0]


_KINDS: Mapping[type[pl.DataType], CursorKind] = {
    pl.Float32: "number",
    pl.Float64: "number",
    pl.Decimal: "decimal",
    pl.Date: "date",
    pl.String: "text",
}


def _kind_of(values: pl.Series) -> CursorKind | None:
    dtype = values.dtype
    if isinstance(dtype, pl.Datetime):
        return "instant" if dtype.time_zone else "datetime"
    return "integer" if dtype.is_integer() else _KINDS.get(type(dtype))


def _higher(one: Value, other: Value) -> Value:
    """Return the higher of two values, either of which may be None."""
    if one is None or other is None:
        return one if other is None else other
    return max(one, other)


def _local(value: Value) -> dt.datetime:
    """Return a time, a date or a text of one as a time in UTC without saying so."""
    if isinstance(value, str):
        value = dt.datetime.fromisoformat(value)
    if not isinstance(value, dt.datetime):
        return dt.datetime.combine(value, dt.time())
    return value.astimezone(dt.UTC).replace(tzinfo=None) if value.tzinfo else value


def _earlier(value: dt.datetime, seconds: int) -> dt.datetime:
    try:
        return value - dt.timedelta(seconds=seconds)
    except OverflowError:
        return dt.datetime.min


def _shape(text: str) -> str:
    return re.sub(r"\d", "0", text)


def _shaped(value: dt.datetime, like: str) -> str:
    """Return a time as a text of the shape that another one has."""
    text = value.isoformat("T" if "T" in like else " ", "microseconds")
    return text[: len(like.removesuffix("Z"))] + ("Z" if like.endswith("Z") else "")


def _to_text(value: Value) -> str:
    return value.isoformat() if isinstance(value, dt.date) else str(value)


def _from_text(text: str, kind: CursorKind) -> Value:
    if kind == "text":
        return text
    return Decimal(text) if kind in _NUMBERS else _local(text)


def _canonical(values: pl.Series, is_decimal: bool) -> pl.Series:
    """Return values as texts that do not depend on the type that the block's column has."""
    if values.dtype.is_float():
        # Not polars' way of writing them, which may change from version to version.
        texts = [None if value is None else repr(value) for value in values]
        return pl.Series(values.name, texts, dtype=pl.String)
    texts = as_text(values)
    if is_decimal or isinstance(values.dtype, pl.Decimal):
        return texts.str.replace(_ZEROS_BEHIND, "${1}${2}")
    return texts


def _framed(texts: pl.Series) -> pl.Series:
    """Return texts with their lengths before them, so that no two rows join to the same text."""
    return (texts.str.len_bytes().cast(pl.String) + ":" + texts).fill_null("-").rename(texts.name)


def _packed(digests: Sequence[int]) -> str:
    ordered = np.sort(np.array(digests, dtype=np.uint64)).astype(_DIGEST)
    return base64.b85encode(zlib.compress(ordered.tobytes())).decode("ascii")


def _unpacked(text: str) -> Counter[int]:
    content = zlib.decompress(base64.b85decode(text))
    return Counter(np.frombuffer(content, dtype=_DIGEST).tolist())
