"""SQL that finds rows by the values of a column, written so that people can paste it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from import_assets.spec.models import AttributeType
from import_assets.warehouse.sql import literal, quote

_LONGEST = 200
"""Characters of a value; a longer one is sought by how it begins."""

_CONTROL = re.compile("([\x00-\x1f\x7f-\x9f])")


def has_one_of(column: str, type_: AttributeType, texts: Sequence[str]) -> str:
    """Return a condition that holds where a column has one of some values.

    Args:
        column: its name.
        type_: the type of the attribute.
        texts: the values, as texts: times as ISO 8601 in UTC, lists as JSON; at least one.
    """
    name = quote(column)
    listed = [_literal(text, type_) for text in texts if len(text) <= _LONGEST]
    parts = [f"{name} IN ({', '.join(listed)})"] if listed else []
    beginnings = [text[:_LONGEST] for text in texts if len(text) > _LONGEST]
    written = f"to_json({name})::VARCHAR" if type_ == "list" else f"{name}::VARCHAR"
    parts += [f"starts_with({written}, {text_literal(beginning)})" for beginning in beginnings]
    return " OR ".join(parts)


def text_literal(text: str) -> str:
    """Return a text as SQL, without characters that a terminal would not show as they are."""
    parts = [part for part in _CONTROL.split(text) if part]
    written = [f"chr({ord(p)})" if _CONTROL.fullmatch(p) else literal(p) for p in parts]
    return " || ".join(written) or "''"


def _literal(text: str, type_: AttributeType) -> str:
    match type_:
        case "number" | "integer" | "boolean":
            return text
        case "date":
            return f"DATE '{text}'"
        case "datetime":
            return f"TIMESTAMP '{text.removesuffix('Z')}'"
        case "list":
            return f"json_transform({text_literal(text)}, '[\"VARCHAR\"]')"
        case _:
            return text_literal(text)
