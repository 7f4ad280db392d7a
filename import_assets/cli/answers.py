"""What `draft` cannot know: answered by options, or by whoever sits at the terminal."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import click

from import_assets.cli.output import harmless
from import_assets.errors import ImportAssetsError, UnknownName
from import_assets.mapping.proposals import Proposal
from import_assets.mapping.roles import Open, Said
from import_assets.spec.problems import did_you_mean

_MOST_NAMED = 12
_OPTION_OF = {"day_or_month": "--day-first or --month-first", "decimal": "--decimal comma or point"}


@dataclass(frozen=True)
class Answers:
    """What was answered in advance, and whether somebody can be asked for the rest.

    `words` has the answer to each question of a proposal by what it is about; `ids` are columns, or
    IDENTIFIER=COLUMN.
    """

    words: Mapping[str, str]
    ids: Sequence[str] = ()
    timestamp: str | None = None
    asking: bool = False

    def said(self, columns: Sequence[str], main: str, kinds: Sequence[str]) -> Said:
        """Return the columns that options name.

        Args:
            columns: those of the file.
            main: the identifier that a column alone is for.
            kinds: the identifiers that there are.

        Raises:
            UnknownName: there is no such column.
        """
        ids: dict[str, str] = {}
        for text in self.ids:
            kind, mark, column = text.partition("=")
            named = mark and text not in columns and kind in kinds
            ids[kind if named else main] = _known(column if named else text, columns)
        timestamp = None if self.timestamp is None else _known(self.timestamp, columns)
        return Said(ids, timestamp)

    def settled(self, column: str, proposal: Proposal) -> Proposal:
        """Return a proposal with its question answered, or as it is where nobody can."""
        question = proposal.question
        if question is None:
            return proposal
        word = self.words.get(question.about)
        if word is None and self.asking:
            words = [choice.word for choice in question.choices]
            word = _ask(f"Column {column}: {question.text}", words)
        return proposal if word is None else proposal.answered(word)

    def column(self, what: str, option: str, open_: Open) -> str:
        """Return the column for something indispensable.

        Raises:
            ImportAssetsError: nobody can be asked; says which option names it.
        """
        if not self.asking:
            raise ImportAssetsError(
                f"{what} is not clear: {open_.text}; name the column with {option}, one of: "
                f"{_listed(open_.columns)}"
            )
        return _ask(f"{open_.text[:1].upper()}{open_.text[1:]}. Which one?", open_.columns)


def somebody_there() -> bool:
    """Tell whether questions can be asked."""
    return sys.stdin.isatty()


def unanswered(column: str, proposal: Proposal) -> ImportAssetsError | None:
    """Return the error about a column that cannot do without an answer, None where there is one."""
    question = proposal.question
    if question is None:
        return None
    return ImportAssetsError(f"column {column}: {question.text} Say {_OPTION_OF[question.about]}")


def _known(column: str, columns: Sequence[str]) -> str:
    if column not in columns:
        hint = did_you_mean(column, list(columns))
        raise UnknownName(f"there is no column {column!r}{hint}; there are: {_listed(columns)}")
    return column


def _listed(columns: Sequence[str]) -> str:
    more = len(columns) - _MOST_NAMED
    return ", ".join(columns[:_MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def _ask(question: str, words: Sequence[str]) -> str:
    return click.prompt(harmless(question), type=click.Choice(list(words)), err=True)
