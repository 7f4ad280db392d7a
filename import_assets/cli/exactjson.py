"""JSON of what the warehouse holds: exact numbers, dates as ISO 8601.

The standard encoder would round decimals to floats and write `NaN`, which is no JSON.
"""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any


def encode(value: Any) -> str:
    """Return a value as JSON text on one line.

    Dates, times and everything else that JSON has no word for become text; so do numbers that are
    none (`NaN`, `Infinity`). Bytes become hexadecimal digits.
    """
    if isinstance(value, Mapping):
        pairs = (
            f"{json.dumps(str(key), ensure_ascii=False)}: {encode(v)}" for key, v in value.items()
        )
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list | tuple | set | frozenset):
        return "[" + ", ".join(map(encode, value)) + "]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    if isinstance(value, Decimal) and value.is_finite():
        return format(value, "f")
    if value is None or isinstance(value, bool | int):
        return json.dumps(value)
    if isinstance(value, float) and math.isfinite(value):
        return repr(value)
    return json.dumps(as_text(value), ensure_ascii=False)


def as_text(value: Any) -> str:
    """Return a single value as text, dates and times in ISO 8601."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)]
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    return str(value)


def encode_list(records: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the pieces of a JSON list with one record a line."""
    before = "["
    for record in records:
        yield f"{before}\n{encode(record)}"
        before = ","
    yield "[]\n" if before == "[" else "\n]\n"
