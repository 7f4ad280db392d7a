"""Attributes to which a definition gives another type than their table has (M033, D30)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from import_assets.cli.places import type_path
from import_assets.spec.loading import Import
from import_assets.spec.misfits import DocumentPath
from import_assets.spec.models import AttributeType
from import_assets.spec.problems import quoted


@dataclass(frozen=True)
class Conflict:
    """An attribute that a definition makes `said` and the table has as `stored`.

    `path` leads to the place in the definition. Without a `rule` there, the column comes as text;
    a rule is `formatted` if it says a format.
    """

    attribute: str
    said: AttributeType
    stored: AttributeType
    path: DocumentPath
    rule: bool
    formatted: bool = False

    def remedy(self, format: str | None = None) -> str:  # noqa: A002 - as the key is called
        """Return what to write in the definition, with a format where one is needed."""
        words = f"type: {self.stored}" + (f", format: {quoted(format)}" if format else "")
        return words if self.rule else f"- {{from: {quoted(self.attribute)}, {words}}}"


def type_conflicts(
    definition: Import, known: Mapping[str, AttributeType], header: Sequence[str]
) -> Iterator[Conflict]:
    """Yield the attributes whose type differs, in the order of the definition.

    Args:
        definition: the import.
        known: the types that the attributes of its table have.
        header: the columns of its last delivery: what no rule speaks of comes as text.
    """
    rules = definition.spec.columns
    for index, rule in enumerate(rules):
        name = rule.attribute
        stored = known.get(name) if name is not None else None
        if name is None or stored is None or not definition.spec.says_type(rule):
            continue
        if stored != rule.type:
            yield Conflict(
                name,
                rule.type,
                stored,
                type_path(rules, index),
                rule=True,
                formatted=rule.format is not None,
            )
    if definition.spec.source.database is not None or definition.spec.source.analysis is not None:
        return  # where columns without a rule have types of their own
    ruled = {(rule.from_ or "").strip() for rule in rules}
    for name in (column.strip() for column in header):
        if name not in ruled and known.get(name, "text") != "text":
            yield Conflict(name, "text", known[name], ("columns",), rule=False)
