"""The text of a definition, drafted for the user: commented, and in the order people write it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from import_assets.spec.names import attribute_name_fault
from import_assets.spec.scalars import resolve

ASK = "ASK:"
"""What marks a comment that waits for an answer."""

_PLAIN = re.compile(r"[A-Za-z0-9_/.+](?:[\w./+@=()-]| (?=[\w./+@=()-]))*", re.ASCII)
"""Texts that mean themselves in YAML, inside braces too, if they do not `resolve` otherwise."""

_UNPRINTABLE = re.compile(
    r"[^\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_ESCAPES = {"\n": "\\n", "\t": "\\t", "\r": "\\r", '"': '\\"', "\\": "\\\\"}
_LONGEST_COMMENT = 110
_LONGEST_RULE = 50
_MOST_BYTES = 200


@dataclass(frozen=True)
class Line:
    """A key or a rule, and what is said about it. `ask` is what the user still has to decide."""

    value: Any
    comment: str = ""
    ask: str = ""


@dataclass(frozen=True)
class Draft:
    """What a definition is made of; values as in a definition, `kind` and `source` whole.

    `format` has the keys below `csv` or `xml`, whose word is `format_word`; `head` the lines of
    comment at its beginning; `left_out` the columns that are not imported.
    """

    head: Sequence[str]
    kind: Any
    source: Mapping[str, Any]
    format_word: str = ""
    format: Mapping[str, Line] = field(default_factory=dict)
    timezone: Line | None = None
    columns: Sequence[Line] = ()
    left_out: Sequence[str] = ()


def draft_text(draft: Draft, schema: str | None = None) -> str:
    """Return a definition as YAML; what it says is what `draft` says, whatever is in its texts.

    `schema` is where editors find the schema of definitions.
    """
    first = [f"# yaml-language-server: $schema={schema}"] if schema is not None else []
    return "\n".join([*first, *_lines(draft)]) + "\n"


def scalar(value: str | bool | float) -> str:
    """Return a scalar as YAML reads it back, on one line and inside braces too."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return str(value)
    if _PLAIN.fullmatch(value) and resolve(value) == value:
        return value
    if _UNPRINTABLE.search(value):
        escaped = re.sub(r'[\n\t\r"\\]', lambda match: _ESCAPES[match[0]], value)
        return f'"{_UNPRINTABLE.sub(_escape, escaped)}"'
    if "'" in value or ('"' not in value and "\\" not in value):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"'{value}'"


def flow(value: Any) -> str:
    """Return a value on one line: mappings in braces, lists in brackets."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {flow(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    return scalar(value)


def attribute_names(
    columns: Sequence[str], reserved: Iterable[str], taken: Iterable[str] = ()
) -> dict[str, str]:
    """Return the attribute of each column that cannot keep its own name (M032, M041).

    Args:
        columns: those that become attributes, in order.
        reserved: names that no attribute of the table can have.
        taken: attributes that the table has: another name may not differ from them only by case.
    """
    forbidden = {name.lower() for name in reserved}
    known = {name.lower(): name for name in taken}
    used: set[str] = set()
    renamed: dict[str, str] = {}
    for column in columns:
        own = column.strip()
        name = known.get(own.lower(), own)
        if attribute_name_fault(name) or name.lower() in forbidden | used:
            name = _free(_usable(name, forbidden), forbidden | used)
        used.add(name.lower())
        if name != own:
            renamed[column] = name
    return renamed


def _usable(name: str, reserved: set[str]) -> str:
    text = re.sub(r'[\x00-\x1f\x7f"]+', " ", name).strip().lstrip("_").strip()
    text = text.encode()[: _MOST_BYTES - 20].decode("utf-8", "ignore").strip()
    if not text:
        return "column"
    return f"original_{text}" if text.lower() in reserved else text


def _free(name: str, used: set[str]) -> str:
    number, found = 2, name
    while found.lower() in used:
        found = f"{name}_{number}"
        number += 1
    return found


def _lines(draft: Draft) -> Iterator[str]:
    yield from (_commented("", line).strip() for line in draft.head)
    yield f"kind: {flow(draft.kind)}"
    yield "source:"
    yield from (f"  {word}: {flow(one)}" for word, one in draft.source.items())
    if draft.format:
        yield "format:"
        yield f"  {draft.format_word}:"
        lines = [(f"    {key}: {flow(line.value)}", line) for key, line in draft.format.items()]
        yield from _beside(lines)
    if draft.timezone is not None:
        yield from _beside([(f"timezone: {flow(draft.timezone.value)}", draft.timezone)])
    yield "columns:"
    yield from _beside([(f"  - {flow(line.value)}", line) for line in draft.columns])
    if draft.left_out:
        yield _commented("", "not imported: " + ", ".join(draft.left_out)).strip()


def _beside(lines: Sequence[tuple[str, Line]]) -> Iterator[str]:
    """Yield lines with their comments, which stand below each other where lines are short."""
    width = max((len(text) for text, _ in lines if len(text) <= _LONGEST_RULE), default=0)
    for text, line in lines:
        if line.ask:
            indent = text[: len(text) - len(text.lstrip())]
            yield f"{indent}# {ASK} {_harmless(line.ask)}"
        yield _commented(text.ljust(width), line.comment) if line.comment else text


def _commented(text: str, comment: str) -> str:
    shown = _harmless(comment)
    if len(shown) > _LONGEST_COMMENT:
        shown = shown[: _LONGEST_COMMENT - 1] + "…"
    return f"{text}  # {shown}"


def _harmless(text: str) -> str:
    return _UNPRINTABLE.sub(_escape, text.replace("\n", "⏎").replace("\r", "").replace("\t", " "))


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\u{code:04x}" if code > 255 else f"\\x{code:02x}"
