"""Booleans: true, false, 1, 0, or two words of the user's own (b.3)."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from import_assets.mapping.parsing import Parser, Why

_USUAL = (("true", "1"), ("false", "0"))


@dataclass(frozen=True)
class Words:
    """The words, in lower case, that stand for true and for false."""

    true: tuple[str, ...]
    false: tuple[str, ...]


def boolean_words(text: str | None) -> Words | str:
    """Read a boolean's `format`, such as yes/no; a sentence where it is none."""
    if text is None:
        return Words(*_USUAL)
    words = tuple(word.strip().lower() for word in text.split("/"))
    if len(words) != 2 or not all(words):
        return f"boolean format {text!r} is not two words such as yes/no, the one for true first"
    if words[0] == words[1]:
        return f"boolean format {text!r} has the same word twice (capitals make no difference)"
    if words[0] in ("false", "no", "0") and words[1] in ("true", "yes", "1"):
        return f"boolean format {text!r} has the word for false first: write the one for true first"
    return Words((words[0],), (words[1],))


def boolean_parser(words: Words) -> Parser:
    """Return the parser of type boolean; capitals make no difference."""

    def quick(cell: pl.Expr) -> pl.Expr:
        word = cell.str.to_lowercase()
        return (
            pl.when(word.is_in(words.true))
            .then(pl.lit(value=True))
            .when(word.is_in(words.false))
            .then(pl.lit(value=False))
        )

    usual = words == Words(*_USUAL)
    listed = "true, false, 1 or 0" if usual else f"{words.true[0]} or {words.false[0]}"
    hint = (
        "declare the words, such as `format: yes/no`" if usual else "change the column's `format:`"
    )
    why = Why("not_a_boolean", f"The cell is not {listed}; mend it, or {hint}.")
    return Parser(pl.Boolean(), (quick,), explain=lambda _: why)
