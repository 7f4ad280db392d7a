"""Lists and JSON (D32, D50, M037, M125)."""

from __future__ import annotations

import re

import polars as pl

from import_assets.mapping.jsontext import NotJsonError, read_json
from import_assets.mapping.parsing import WHITE_SPACE, Parser, Why, per_distinct

_LIST = pl.List(pl.String())
_SIMPLE_ITEM = r'"[^"\\\x00-\x1f]*"'
_SPACED = rf"^\[{_SIMPLE_ITEM}(?:, {_SIMPLE_ITEM})*\]$"
_TIGHT = rf"^\[{_SIMPLE_ITEM}(?:,{_SIMPLE_ITEM})*\]$"
"""JSON arrays of strings without escapes: nearly all there are, and readable without a parser.

An array with one way of separating throughout can be split there: no item holds a quote, so the
next quote ends the item, and the separator that begins with it is the next one. Arrays that mix
both ways can not, since an item such as `, ` would look like a separator.
"""

_NOT_SEPARATORS = re.compile(r"[\w\"'\\\[\]{}+]")


def separator_fault(separator: str | None) -> str | None:
    """Return what is wrong with a list's `format`, its separator, or None."""
    if separator is None:
        return None
    if not separator or len(separator) > 5 or _NOT_SEPARATORS.search(separator):
        return (
            f"list format {separator!r} is not a separator such as |, ; or a comma: at most five "
            "characters, and no letters, digits, quotes, brackets, backslashes, + or _"
        )
    return None


def list_parser(separator: str | None, *, single: bool = False) -> Parser:
    """Return the parser of type list, a list of texts: JSON first, else the declared separator.

    JSON strings are taken as they are, numbers as their exact text, booleans as true and false.
    Parts between separators are trimmed and empty ones dropped; order and duplicates stay (D50).
    A list of nothing is an empty cell: a record says the same whether it leaves the cell empty or
    writes `[]` (D19). `single` takes a cell that is neither for a list of one text: an element of
    XML that stands once (D33).
    """

    def quick(cell: pl.Expr) -> pl.Expr:
        inside = cell.str.head(-2).str.slice(2)
        array = (
            pl.when(cell.str.contains(_SPACED))
            .then(inside.str.split('", "'))
            .when(cell.str.contains(_TIGHT))
            .then(inside.str.split('","'))
        )
        start = cell.str.strip_chars_start()
        if separator is None and single:
            alone = pl.concat_list(cell.str.strip_chars())
            return pl.when((start != "") & ~start.str.starts_with("[")).then(alone).otherwise(array)
        if separator is None:
            return array
        part = pl.element().str.strip_chars()
        parts = cell.str.split(separator).list.eval(part.filter(part != ""))
        return pl.when((start != "") & ~start.str.starts_with("[")).then(parts).otherwise(array)

    def items(text: str) -> list[str] | str:
        found = _items(text, separator)
        alone = single and separator is None and isinstance(found, str) and not _is_array(text)
        return [text] if alone else found

    def read(text: str) -> list[str] | None:
        found = items(text)
        return found if isinstance(found, list) else None

    def explain(text: str) -> Why:
        found = items(text)
        message = found if isinstance(found, str) else "Mend the list."
        return Why("not_a_list", message)

    return Parser(
        _LIST,
        (quick,),
        slow=(per_distinct(read, _LIST),),
        explain=explain,
        settle=_empty_lists_as_null,
    )


def json_parser() -> Parser:
    """Return the parser of type json: the text itself, proved to be JSON."""

    def read(text: str) -> str | None:
        return text if _json_fault(text) is None else None

    return Parser(
        pl.String(),
        slow=(per_distinct(read, pl.String()),),
        explain=_why_not_json,
    )


def _empty_lists_as_null(typed: pl.Series) -> pl.Series:
    filled = typed.list.len() > 0
    if filled.all():
        return typed
    name = typed.name
    return typed.to_frame().select(pl.when(filled).then(pl.col(name)).alias(name)).to_series()


def _items(text: str, separator: str | None) -> list[str] | str:
    """Return the items of a list, or the sentence that says why it is none."""
    if not text.startswith("["):
        if separator is not None:
            return _split(text, separator)
        return (
            'The cell is not a JSON array such as ["a", "b"]; write it so, or declare how the list '
            'is separated, such as `format: "|"`.'
        )
    try:
        value = read_json(text)
    except NotJsonError as error:
        # A separator shows that the bracket is only a character of the first item.
        if separator is not None and (separator in text or not text.endswith("]")):
            return _split(text, separator)
        return f"The cell begins like a JSON array but is none: {error}; mend it."
    if not all(isinstance(item, str | bool) for item in value):
        return "The list holds null, lists or objects; use type json to keep them."
    return [str(item) if isinstance(item, str) else _boolean(item) for item in value]


def _boolean(item: bool) -> str:
    return "true" if item else "false"


def _split(text: str, separator: str) -> list[str]:
    return [part for part in (raw.strip(WHITE_SPACE) for raw in text.split(separator)) if part]


def _is_array(text: str) -> bool:
    return text.startswith("[") and _json_fault(text) is None


def _json_fault(text: str) -> str | None:
    try:
        read_json(text)
    except NotJsonError as error:
        return str(error)
    return None


def _why_not_json(text: str) -> Why:
    fault = _json_fault(text) or "unknown fault"
    return Why("not_json", f"The cell is not JSON: {fault}; mend it, or use type text.")
