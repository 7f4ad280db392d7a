"""The text that says what an event is, for telling equal events (M066, M067, D24).

Two events have the same text exactly if they are equal: same event type, same time, same attributes
with same values *and same types*. Each part is preceded by its length, so no value can pose as two.
The text rests on integers and on the user's own text alone, never on how some version of a library
prints a float or a date: digests of it are kept for months. Text counts as given: no form of
Unicode is turned into another. The text begins with the number of its format, so that digests of
two formats never meet.
"""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from import_assets.mapping.mapping import ATTRIBUTE_PREFIX, TIMESTAMP
from import_assets.spec.models import AttributeType

FORMAT = 1
"""The format of the text. Another way of writing it is another format, with another number."""

_TAGS: dict[AttributeType, str] = {
    "text": "s",
    "long text": "s",
    "number": "n",
    "integer": "i",
    "boolean": "b",
    "date": "d",
    "datetime": "t",
    "list": "l",
    "url": "u",
    "json": "j",
}


def canonical_event(attributes: Iterable[tuple[str, AttributeType]], event_type: str) -> pl.Expr:
    """Return an expression over `Mapped.rows` with one String per event.

    The text is the format, the event type and the timestamp, then for each attribute that is not
    null, sorted by name, `<bytes of name>:<name><tag><bytes of value>:<value>`. An attribute that
    is null and one that the delivery lacks are alike (D19).

    Args:
        attributes: names and types of the attributes that tell events apart, in any order; those
            of `exclude_from_dedup` are left out (D25).
        event_type: the events' type, the same for all rows.
    """
    start = f"{FORMAT};{len(event_type.encode())}:{event_type}"
    parts = [pl.lit(start + "t"), _sized(_micros(pl.col(TIMESTAMP)))]
    parts += [_attribute(name, type_) for name, type_ in sorted(attributes)]
    return pl.concat_str(parts, ignore_nulls=True)


def _attribute(name: str, type_: AttributeType) -> pl.Expr:
    head = f"{len(name.encode())}:{name}{_TAGS[type_]}"
    value = _value(pl.col(ATTRIBUTE_PREFIX + name), type_)
    return pl.concat_str([pl.lit(head), _sized(value)])


def _sized(text: pl.Expr) -> pl.Expr:
    return pl.concat_str([text.str.len_bytes().cast(pl.String), pl.lit(":"), text])


def _micros(moment: pl.Expr) -> pl.Expr:
    return moment.cast(pl.Int64).cast(pl.String)


def _value(value: pl.Expr, type_: AttributeType) -> pl.Expr:
    match type_:
        case "number":
            # Minus zero equals zero, and has other bits.
            plain = pl.when(value == 0).then(0.0).otherwise(value)
            return plain.reinterpret(dtype=pl.Int64).cast(pl.String)
        case "integer" | "datetime":
            return value.cast(pl.Int64).cast(pl.String)
        case "date":
            return value.cast(pl.Int32).cast(pl.String)
        case "boolean":
            return value.cast(pl.UInt8).cast(pl.String)
        case "list":
            return value.list.eval(_sized(pl.element())).list.join("")
        case _:
            return value
