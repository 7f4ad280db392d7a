"""Which type and format fit a column of texts: offered to the user, never applied by itself.

M036, M094, M096, D28, D29, D32. Offers err towards text: text keeps every character, a wrong type
does not. Whether a value fits, the parsers decide that a real run uses.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import polars as pl

from import_assets.mapping.candidates import Candidate, candidates, codes
from import_assets.mapping.lists import list_parser
from import_assets.mapping.localtime import Zone
from import_assets.mapping.parsing import WHITE_SPACE, Parser, evaluate
from import_assets.mapping.typed import NATURAL
from import_assets.mapping.types import parser
from import_assets.records import ColumnKind, as_text
from import_assets.spec.models import AttributeType

MOST_MISFITS = 3
"""Values that are shown of those that do not fit."""

ENOUGH = 0.95
"""The share of values that must fit a type where some do not."""

_ENOUGH_VALUES = 20
_LONG = 255
_LONGEST_SHOWN = 40
_EXAMPLES = 50
_UTC = Zone("UTC")

About = Literal["day_or_month", "decimal"]


@dataclass(frozen=True)
class Choice:
    """An answer to a question: its word, what it means for an example, and what then fits."""

    word: str
    meaning: str
    type: AttributeType
    format: str | None
    share: float


@dataclass(frozen=True)
class Question:
    """What the values leave open and only somebody who knows the file can tell."""

    about: About
    text: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True)
class Proposal:
    """A type and format for a column.

    `share` is that of the non-empty values that fit, from 0 to 1; `misfits` up to three that do
    not; `filled` how many values are not empty; `why` a clause that says what speaks for it. With a
    `question` the type is text until it is answered.
    """

    type: AttributeType
    format: str | None
    share: float
    misfits: tuple[str, ...]
    why: str
    filled: int
    question: Question | None = None

    def answered(self, word: str) -> Proposal:
        """Return what fits once the question is answered; `self` where the word is no answer."""
        choice = next(
            (c for c in (self.question.choices if self.question else ()) if c.word == word), None
        )
        if choice is None:
            return self
        return replace(
            self,
            type=choice.type,
            format=choice.format,
            share=choice.share,
            why=f"as answered, {choice.meaning}",
            question=None,
        )


def propose(
    values: pl.Series,
    *,
    kind: ColumnKind = "text",
    zone: Zone = _UTC,
    only: AttributeType | None = None,
) -> Proposal:
    """Return the type and format that fit a column, with what speaks for them.

    Args:
        values: the column, by its name; null = empty.
        kind: what its source says about its cells; typed ones keep their natural type.
        zone: the zone of times without an offset.
        only: the one type that may be proposed beside text, such as the one that the attribute
            has in its table.
    """
    column = _Column.of(as_text(values), values.name, zone, kind)
    if not column.filled:
        return Proposal(only or "text", None, 1.0, (), "no value in it", 0)
    if only in (None, "list") and column.is_repeated:
        return column.proposal("list", None, "in some rows it stands more than once")
    natural = NATURAL.get(kind, "text")
    if natural != "text" and only in (None, natural):
        return column.proposal(natural, None, "the type that it has in its source")
    if only is None and (why := codes(column.name, column.texts)):
        return column.proposal("text", None, why)
    return _best(column, only)


def fits(texts: pl.Series, type_: AttributeType, format_: str | None, zone: Zone) -> pl.Series:
    """Return which texts the parser of a type takes."""
    return _fits(texts, parser(type_, format_, zone))


def _fits(texts: pl.Series, reading: Parser) -> pl.Series:
    cells = texts.alias("cell")
    typed = evaluate(cells.to_frame(), [reading.expression(cells)]).to_series()
    _, bad = reading.finish(cells, typed)
    return pl.repeat(True, len(cells), eager=True) if bad is None else ~bad


@dataclass(frozen=True)
class _Column:
    """The distinct values of a column that are not empty, the most frequent first, with counts."""

    name: str
    texts: pl.Series
    counts: pl.Series
    zone: Zone
    kind: ColumnKind

    @classmethod
    def of(cls, values: pl.Series, name: str, zone: Zone, kind: ColumnKind) -> _Column:
        cells = values.alias("cell").drop_nulls()
        cells = cells.filter(cells.str.strip_chars() != "")
        counted = cells.to_frame().group_by("cell", maintain_order=True).agg(n=pl.len())
        return cls(name, counted["cell"], counted["n"].cast(pl.Int64), zone, kind)

    @property
    def filled(self) -> int:
        return int(self.counts.sum() or 0)

    def share(self, fitting: pl.Series) -> float:
        return float(self.counts.filter(fitting).sum() or 0) / self.filled

    @property
    def is_repeated(self) -> bool:
        """Whether it is an element of XML that some rows have several times, and all as texts."""
        if self.kind != "element":
            return False
        several = self.texts.filter(self.texts.str.starts_with("["))
        return bool(len(several) and _fits(several, list_parser(None)).all())

    def fits(self, type_: AttributeType, format_: str | None) -> pl.Series:
        if self.kind == "element" and type_ == "list":
            return _fits(self.texts, list_parser(format_, single=True))
        return fits(self.texts, type_, format_, self.zone)

    def some_fit(self, type_: AttributeType, format_: str | None) -> bool:
        """Tell whether one of the first values fits; where none does, not nearly all will."""
        return bool(fits(self.texts.head(_EXAMPLES), type_, format_, self.zone).any())

    def first(self, chosen: pl.Series) -> str:
        return shown(self.texts.filter(chosen)[0])

    def proposal(
        self,
        type_: AttributeType,
        format_: str | None,
        why: str,
        question: Question | None = None,
    ) -> Proposal:
        if type_ in ("text", "long text"):
            return Proposal(type_, None, 1.0, (), why, self.filled, question)
        fitting = self.fits(type_, format_)
        misfits = self.texts.filter(~fitting).head(MOST_MISFITS).to_list()
        return Proposal(
            type_, format_, self.share(fitting), tuple(misfits), why, self.filled, question
        )


def shown(text: str) -> str:
    """Return a value as a sentence shows it."""
    stripped = text.strip(WHITE_SPACE)
    return stripped if len(stripped) <= _LONGEST_SHOWN else stripped[: _LONGEST_SHOWN - 1] + "…"


@dataclass(frozen=True)
class _Tried:
    """A candidate and which of the distinct values it fits."""

    candidate: Candidate
    fitting: pl.Series
    share: float


def _best(column: _Column, only: AttributeType | None) -> Proposal:
    tried = list(_tried(column, only))
    question = _day_or_month(column, tried) or _decimal(column, tried)
    if question is not None:
        return question
    best = max(tried, key=lambda one: one.share, default=None)
    if best is None or not _is_enough(best.share, column.filled):
        return _as_text(column, tried)
    return column.proposal(best.candidate.type, best.candidate.format, best.candidate.why)


def _tried(column: _Column, only: AttributeType | None) -> Iterator[_Tried]:
    """Try candidates until one fits all values, but for those that others contest."""
    for one in candidates(column.name, column.texts):
        if only is not None and one.type != only:
            continue
        contested = one.order is not None or one.word is not None
        if not contested and not column.some_fit(one.type, one.format):
            continue
        fitting = column.fits(one.type, one.format)
        yield _Tried(one, fitting, share := column.share(fitting))
        if share == 1.0 and not contested:
            return


def _is_enough(share: float, filled: int) -> bool:
    return share == 1.0 or (share >= ENOUGH and filled >= _ENOUGH_VALUES)


def _as_text(column: _Column, tried: Sequence[_Tried]) -> Proposal:
    longest = int(column.texts.str.len_chars().max() or 0)  # pyright: ignore[reportArgumentType]
    broken = bool(column.texts.str.contains("\n", literal=True).any())
    if longest > _LONG or broken:
        return column.proposal("long text", None, f"up to {longest:,} characters")
    best = max(tried, key=lambda one: one.share, default=None)
    if best is None or best.share < 0.5:
        return column.proposal("text", None, "")
    misfit = column.first(~best.fitting)
    why = f"{best.share:.0%} fit type {best.candidate.type}, others such as {misfit!r} do not"
    return column.proposal("text", None, why)


# --- what only the user can tell ------------------------------------------------------------------


def _day_or_month(column: _Column, tried: Sequence[_Tried]) -> Proposal | None:
    """Settle the order of day and month by what proves it; ask where nothing does (D28, M094)."""
    days = [one for one in tried if one.candidate.order == "day"]
    months = [one for one in tried if one.candidate.order == "month"]
    if not days and not months:
        return None
    day = max(days, key=lambda one: one.share, default=None)
    month = max(months, key=lambda one: one.share, default=None)
    if day is None or month is None or not _is_enough(_joint(column, day, month), column.filled):
        return None
    first, second = day.fitting & ~month.fitting, month.fitting & ~day.fitting
    if first.any() and second.any():
        why = (
            f"days and months change places: {column.first(first)!r} has the day first, "
            f"{column.first(second)!r} the month"
        )
        return column.proposal("text", None, why)
    if first.any() or second.any():
        sure, proof = (day, first) if first.any() else (month, second)
        word = "day" if first.any() else "month"
        why = f"{column.first(proof)!r} proves that the {word} comes first"
        return column.proposal(sure.candidate.type, sure.candidate.format, why)
    return _ask_order(column, day, month)


def _joint(column: _Column, one: _Tried, other: _Tried) -> float:
    return column.share(one.fitting | other.fitting)


def _ask_order(column: _Column, day: _Tried, month: _Tried) -> Proposal:
    texts = column.texts.filter(day.fitting & month.fitting).to_list()
    readings = {text: _read_both(text, day, month, column.zone) for text in texts[:_EXAMPLES]}
    # 02/02/2017 would make a poor question.
    example = next((text for text, (one, other) in readings.items() if one != other), texts[0])
    by_day, by_month = readings[example]
    asked = f"is {shown(example)} {by_day} or {by_month}?"
    if by_day == by_month:
        asked = f"{shown(example)} is {by_day} either way: does the day or the month come first?"
    question = Question(
        "day_or_month",
        asked,
        (
            _choice("day-first", f"{shown(example)} is {by_day}", day),
            _choice("month-first", f"{shown(example)} is {by_month}", month),
        ),
    )
    why = "nothing proves whether the day or the month comes first"
    return column.proposal("text", None, why, question)


def _choice(word: str, meaning: str, tried: _Tried) -> Choice:
    return Choice(word, meaning, tried.candidate.type, tried.candidate.format, tried.share)


def _read_both(text: str, day: _Tried, month: _Tried, zone: Zone) -> tuple[str, str]:
    return _read(text, day.candidate, zone), _read(text, month.candidate, zone)


def _read(text: str, candidate: Candidate, zone: Zone) -> str:
    value = parser(candidate.type, candidate.format, zone).one(text)
    if not isinstance(value, dt.date):
        raise TypeError(f"{text!r} was read before as type {candidate.type}")
    ending = {1: "st", 2: "nd", 3: "rd"}.get(value.day % 10 * (value.day not in (11, 12, 13)), "th")
    return f"the {value.day}{ending} of {value:%B %Y}"


def _decimal(column: _Column, tried: Sequence[_Tried]) -> Proposal | None:
    """Ask what a comma or point means where every value allows both (D29)."""
    words = {one.candidate.word: one for one in tried if one.candidate.word is not None}
    if set(words) != {"comma", "point"}:
        return None
    comma, point = words["comma"], words["point"]
    if not _is_enough(column.share(comma.fitting & point.fitting), column.filled):
        return None
    example = column.first(column.texts.str.contains("[.,]"))
    whole = example.replace(",", "").replace(".", "")
    fraction = example.replace(",", ".")
    comma_means = fraction if "," in example else whole
    point_means = whole if "," in example else fraction
    question = Question(
        "decimal",
        f"is {example} the number {whole}, or {fraction} with a fraction?",
        (
            _choice("comma", f"{example} is {comma_means}", comma),
            _choice("point", f"{example} is {point_means}", point),
        ),
    )
    why = "nothing proves whether the mark is for decimals or for thousands"
    return column.proposal("text", None, why, question)
