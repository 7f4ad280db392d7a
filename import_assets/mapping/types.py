"""The data types of attributes: how each is stored and which parser reads it (M036, b.3)."""

from __future__ import annotations

import polars as pl

from import_assets.mapping.booleans import boolean_parser, boolean_words
from import_assets.mapping.dates import date_format, date_parser, datetime_parser
from import_assets.mapping.lists import json_parser, list_parser, separator_fault
from import_assets.mapping.localtime import UTC_TYPE, Zone
from import_assets.mapping.numbers import (
    integer_notation,
    integer_parser,
    number_notation,
    number_parser,
)
from import_assets.mapping.parsing import Parser, Why
from import_assets.mapping.urls import url_parser
from import_assets.spec.models import AttributeType, Column

PHYSICAL: dict[AttributeType, pl.DataType] = {
    "text": pl.String(),
    "long text": pl.String(),
    "number": pl.Float64(),
    "integer": pl.Int64(),
    "boolean": pl.Boolean(),
    "date": pl.Date(),
    "datetime": UTC_TYPE,
    "list": pl.List(pl.String()),
    "url": pl.String(),
    "json": pl.String(),
}
"""The polars type of each data type; datetimes are naive UTC in microseconds."""


def check_format(type: AttributeType, format: str | None) -> str | None:  # noqa: A002
    """Return a sentence if the `format` of a column does not fit its type, else None.

    The timestamp of events counts as type datetime.
    """
    found = _parser_or_fault(type, format, Zone("UTC"))
    return found if isinstance(found, str) else None


def check_static(column: Column, timezone: str) -> str | None:
    """Return a sentence if the static value of a column does not fit its type, else None.

    Args:
        column: a rule with a `value:`.
        timezone: IANA name of the zone of times without an offset.
    """
    if column.value is None:
        return None
    found = _parser_or_fault(column.type, column.format, Zone(timezone))
    if isinstance(found, str):
        return found
    value = found.one(column.value)
    if isinstance(value, Why):
        return (
            f"value {column.value!r} is not of type {column.type} ({value.reason}): {value.message}"
        )
    return None


def parser(type: AttributeType, format: str | None, zone: Zone) -> Parser:  # noqa: A002
    """Return the parser of a column.

    Raises:
        ValueError: the format does not fit the type, see `check_format`.
    """
    found = _parser_or_fault(type, format, zone)
    if isinstance(found, str):
        raise ValueError(found)  # noqa: TRY004 - a value of the definition is wrong, not a type
    return found


def _parser_or_fault(type: AttributeType, format: str | None, zone: Zone) -> Parser | str:  # noqa: A002, PLR0911
    match type:
        case "number":
            notation = number_notation(format)
            return notation if isinstance(notation, str) else number_parser(notation)
        case "integer":
            notation = integer_notation(format)
            return notation if isinstance(notation, str) else integer_parser(notation)
        case "boolean":
            words = boolean_words(format)
            return words if isinstance(words, str) else boolean_parser(words)
        case "date":
            form = date_format(format, time=False)
            return form if isinstance(form, str) else date_parser(form)
        case "datetime":
            form = date_format(format, time=True)
            return form if isinstance(form, str) else datetime_parser(form, zone)
        case "list":
            return separator_fault(format) or list_parser(format)
        case _:
            if format is not None:
                return f"type {type} takes no format: leave {format!r} out"
    if type == "url":
        return url_parser()
    return json_parser() if type == "json" else Parser(pl.String(), (lambda cell: cell,))
