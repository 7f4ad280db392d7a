"""What does not keep to the conventions of Emarsys: rules, and where a file breaks them.

A rule has a stable code, and a code one severity: an `error` is what Emarsys would not take, or
would take for something else; a `warning` is what it takes, but hardly as it was meant.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import polars as pl

from import_assets.records import Records

Severity = Literal["error", "warning"]

FOUND: dict[str, pl.DataType] = {
    "row": pl.Int64(),
    "place": pl.Int64(),
    "column": pl.String(),
    "value": pl.String(),
    "code": pl.String(),
    "severity": pl.String(),
    "message": pl.String(),
    "advice": pl.String(),
}
"""The columns of what was found in a block: `row` is the position of the record in its frame,
`place` that of the column in the file, -1 where the record as a whole is at fault."""

_SHOWN = 60


@dataclass(frozen=True)
class Rule:
    """One rule: its code, what it means to break it, and what to do then; both are sentences."""

    code: str
    severity: Severity
    message: str
    advice: str


@dataclass(frozen=True)
class Finding:
    """What is wrong with a file as a whole, or with one line of it where `line` is known."""

    code: str
    severity: Severity
    message: str
    advice: str
    line: int | None = None
    column: str | None = None
    value: str | None = None

    @classmethod
    def of(
        cls,
        rule: Rule,
        *,
        line: int | None = None,
        column: str | None = None,
        value: str | None = None,
        message: str | None = None,
        advice: str | None = None,
    ) -> Finding:
        """Say that a rule is broken, in words that name what breaks it where there are better."""
        return cls(
            rule.code,
            rule.severity,
            message or rule.message,
            advice or rule.advice,
            line,
            column,
            value,
        )


def found(
    rule: Rule,
    rows: pl.Series,
    values: pl.Series,
    *,
    place: int = -1,
    column: str | None = None,
    messages: pl.Series | None = None,
) -> pl.DataFrame:
    """Return a frame of the columns `FOUND`: the rows break the rule with these values.

    Args:
        rule: the rule.
        rows: positions in the frame of the block.
        values: the cells of these rows.
        place: position of the column in the file, -1 for none.
        column: its name.
        messages: better words than those of the rule, one for each row.
    """
    message = pl.lit(rule.message) if messages is None else pl.lit(messages)
    return pl.DataFrame({"row": rows.cast(pl.Int64), "value": values.cast(pl.String)}).select(
        "row",
        pl.lit(place, dtype=pl.Int64).alias("place"),
        pl.lit(column, dtype=pl.String).alias("column"),
        "value",
        pl.lit(rule.code).alias("code"),
        pl.lit(rule.severity).alias("severity"),
        message.alias("message"),
        pl.lit(rule.advice).alias("advice"),
    )


def nothing_found() -> pl.DataFrame:
    """Return a frame of the columns `FOUND` without rows."""
    return pl.DataFrame(schema=FOUND)


def located(findings: pl.DataFrame, records: Records) -> pl.DataFrame:
    """Add to findings the numbers of their records and lines, as `record` and `line`."""
    return findings.with_columns(
        records.record.gather(findings["row"]).alias("record"),
        records.line.gather(findings["row"]).alias("line"),
    )


@dataclass
class _Group:
    """Findings of one code in one column: their number and the first of them."""

    first: Finding
    count: int = 0


@dataclass
class Tally:
    """Counts findings by code and column, in the order in which they first came up."""

    _groups: dict[tuple[str, str | None], _Group] = field(default_factory=dict)

    def add(self, findings: pl.DataFrame) -> None:
        """Count findings of a block, with their lines (see `located`)."""
        if findings.is_empty():
            return
        first = pl.col("line", "value", "severity", "message", "advice").first()
        groups = findings.group_by("code", "column", maintain_order=True).agg(
            first, pl.len().alias("count")
        )
        for group in groups.to_dicts():
            count = group.pop("count")
            self.add_one(Finding(**group), count)

    def add_one(self, finding: Finding, count: int = 1) -> None:
        """Count a finding, or so many of which it is the first."""
        group = self._groups.setdefault((finding.code, finding.column), _Group(finding))
        group.count += count

    def sentences(self) -> Iterator[str]:
        """Yield one sentence for each code and column."""
        for group in self._groups.values():
            yield _sentence(group.first, group.count)


def _sentence(first: Finding, count: int) -> str:
    where = f"column {first.column!r}: " if first.column is not None else ""
    lines = f"{count:,} records, first on line" if count > 1 else "line"
    at = f" ({lines} {first.line:,}{_quoted(first.value)})" if first.line is not None else ""
    return f"{where}{first.message.removesuffix('.')}{at}: {_small(first.advice)} [{first.code}]"


def _quoted(value: str | None) -> str:
    if value is None:
        return ""
    return f": {value if len(value) <= _SHOWN else value[: _SHOWN - 1] + '…'!r}"


def _small(sentence: str) -> str:
    return (sentence[:1].lower() + sentence[1:]).removesuffix(".")
