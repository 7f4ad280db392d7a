"""Rows that speak of a row of another table which is not there (M069)."""

from __future__ import annotations

from import_assets.warehouse.sql import SQL_TYPES, quote, table_sql

_TEXT, _JSON = SQL_TYPES["text"], SQL_TYPES["json"]
_INTEGER, _NUMBER = SQL_TYPES["integer"], SQL_TYPES["number"]
_TIMES = (SQL_TYPES["date"], SQL_TYPES["datetime"])

_EXACT = 2**53
"""Whole numbers up to this one have a 64-bit float of their own."""


def without(
    table: tuple[str, ...], other: tuple[str, ...], column: str, types: tuple[str, str]
) -> str:
    """Return SQL of the values of a column that stand in a table, and not in another one.

    Values of two types are compared as texts, never as numbers: two long ones may have the same
    float. What is the same in both types has the same text: `007`, 7 and 7.0.

    Args:
        table: the one whose rows speak of others.
        other: the one where these stand.
        column: what it is called in both.
        types: its SQL types in the two.
    """
    name = quote(column)
    own, others = (
        (name, name)
        if types[0] == types[1]
        else (_comparable(name, *types), _comparable(name, *reversed(types)))
    )
    return (
        f"SELECT DISTINCT {name} FROM {table_sql(table)} WHERE {own} NOT IN "
        f"(SELECT {others} FROM {table_sql(other)} WHERE {name} IS NOT NULL)"
    )


def _comparable(name: str, type_: str, other: str) -> str:
    """Return SQL of a column as the text by which it is compared with one of another type."""
    if type_ == _NUMBER:
        is_whole = f"{name} = trunc({name}) AND abs({name}) <= {_EXACT}"
        return f"CASE WHEN {is_whole} THEN {name}::BIGINT::VARCHAR ELSE {name}::VARCHAR END"
    if type_ in _TIMES:
        return f"{name}::TIMESTAMP::VARCHAR"
    if type_ not in (_TEXT, _JSON):
        return f"{name}::VARCHAR"
    text = name if type_ == _TEXT else f"coalesce({name} ->> '$', {name}::VARCHAR)"
    if other in (_INTEGER, _NUMBER):
        return _plain_number(text)
    if other in _TIMES:
        return f"coalesce(try_cast({text} AS TIMESTAMP)::VARCHAR, {text})"
    return f"lower({text})" if other == SQL_TYPES["boolean"] else text


def _plain_number(text: str) -> str:
    """Return SQL of a text without zeros in front, and behind the digits of a fraction."""
    shortened = f"regexp_replace({text}, '^[+]?(-?)0*([0-9])', '\\1\\2')"
    pattern = "^(-?[0-9]+)(?:[.]0*|([.][0-9]*[1-9])0*)$"
    return f"regexp_replace({shortened}, '{pattern}', '\\1\\2')"
