"""From a look at data to the draft of a definition: rules, comments, and what is left to ask."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from import_assets.cli.answers import Answers, unanswered
from import_assets.cli.filepreview import percent
from import_assets.cli.looking import Looked
from import_assets.errors import ImportAssetsError
from import_assets.mapping.proposals import Proposal, propose, shown
from import_assets.mapping.roles import Roles, main_identifier, propose_roles
from import_assets.mapping.typed import NATURAL
from import_assets.records import as_text
from import_assets.spec.draft import Draft, Line, attribute_names
from import_assets.spec.formats import CsvFormat
from import_assets.spec.models import (
    AttributeType,
    CustomersKind,
    ImportSpec,
    Kind,
    ProjectSpec,
    VouchersKind,
)

_OFFSET = re.compile(r"(?:[zZ]|[+-]\d{2}:?\d{2})$")
_TEXTS = ("text", "long text")
_ALWAYS = ("delimiter", "encoding")
"""Keys of `csv` that a draft says, be they as usual or not."""


@dataclass(frozen=True)
class Wanted:
    """What a definition is made for.

    `spec` has its kind, `source` is as it is to be written, `known` are the types of the attributes
    that its table has, by name.
    """

    spec: ImportSpec
    source: Mapping[str, Any]
    project: ProjectSpec
    timezone: str
    known: Mapping[str, AttributeType]

    @property
    def kind(self) -> Kind:
        """What the import brings."""
        return self.spec.kind

    @property
    def identifiers(self) -> tuple[str, ...]:
        """The identifiers that it can have."""
        return self.spec.identifier_names or tuple(self.project.identifiers)

    @property
    def reserved(self) -> tuple[str, ...]:
        """Names that no attribute can have."""
        own = self.spec.reserved_names
        customers = isinstance(self.kind, CustomersKind)
        return (*own, *self.project.identifiers) if customers else own


@dataclass(frozen=True)
class Drafted:
    """A draft, and what it was made of."""

    draft: Draft
    roles: Roles
    proposals: Mapping[str, Proposal]
    names: Mapping[str, str]

    @property
    def asks(self) -> list[str]:
        """What waits for an answer."""
        return [line.ask for line in self.draft.columns if line.ask]


def draft_of(seen: Looked, wanted: Wanted, answers: Answers, head: Sequence[str]) -> Drafted:
    """Make the draft of a definition.

    Raises:
        ImportAssetsError: something indispensable is not clear and nobody can be asked.
        UnknownName: an option names a column that is not there.
    """
    columns = list(seen.reader.header)
    main = main_identifier(wanted.kind, wanted.project)
    said = answers.said(columns, main, wanted.identifiers)
    roles = propose_roles(seen.frame, wanted.kind, wanted.project, seen.proposals, said)
    if roles.open_id is not None:
        column = answers.column("which column identifies a row", "--id COLUMN", roles.open_id)
        said = replace(said, ids={**said.ids, main: column})
        roles = propose_roles(seen.frame, wanted.kind, wanted.project, seen.proposals, said)
    if roles.open_timestamp is not None:
        column = answers.column(
            "the time of the events", "--timestamp COLUMN", roles.open_timestamp
        )
        said = replace(said, timestamp=column)
        roles = propose_roles(seen.frame, wanted.kind, wanted.project, seen.proposals, said)
    return _drafted(seen, wanted, answers, roles, head)


def _drafted(
    seen: Looked, wanted: Wanted, answers: Answers, roles: Roles, head: Sequence[str]
) -> Drafted:
    by_column = {role.column: (name, role) for name, role in roles.ids.items()}
    timestamp = roles.timestamp.column if roles.timestamp else None
    attributes = [
        name for name in seen.reader.header if name not in by_column and name != timestamp
    ]
    left_out: list[str] = []
    if isinstance(wanted.kind, VouchersKind):
        attributes, left_out = [], attributes
    proposals = {name: answers.settled(name, seen.proposals[name]) for name in attributes}
    renamed = attribute_names(attributes, wanted.reserved, wanted.known)
    _agree(seen, wanted, proposals, renamed)
    lines: list[Line] = []
    for name in seen.reader.header:
        if name in by_column:
            identifier, role = by_column[name]
            lines.append(Line({"from": name, "id": identifier}, _beside(seen, name, role.why)))
        elif roles.timestamp is not None and name == timestamp:
            proposals[name] = _time(answers, name, seen.proposals[name])
            rule = {"from": name, "timestamp": True, **_format(proposals[name])}
            lines.append(Line(rule, _beside(seen, name, roles.timestamp.why, proposals[name])))
        elif name in proposals:
            lines.append(_attribute(seen, name, proposals[name], renamed.get(name)))
    draft = Draft(
        head,
        _kind(wanted.kind),
        wanted.source,
        *_written(seen),
        _timezone(seen, wanted, proposals),
        lines,
        left_out,
    )
    return Drafted(draft, roles, proposals, renamed)


def _agree(
    seen: Looked, wanted: Wanted, proposals: dict[str, Proposal], renamed: dict[str, str]
) -> None:
    """Give attributes that the table has their type there, or else another name (M033)."""
    for name, proposal in proposals.items():
        attribute = renamed.get(name, name.strip())
        type_ = wanted.known.get(attribute)
        if type_ is None or type_ == proposal.type:
            continue
        kind = seen.kind(name)
        fitting = propose(seen.frame[name], kind=kind, zone=seen.zone, only=type_)
        if type_ in _TEXTS:
            fitting = replace(fitting, type=type_, format=None, misfits=(), question=None)
        if fitting.type == type_:
            why = f"type {type_}, as its table has it"
            proposals[name] = replace(fitting, why=why)
            continue
        taken = {*wanted.known, *renamed.values(), *(one.strip() for one in proposals)}
        renamed[name] = next(
            free for n in range(2, len(taken) + 3) if (free := f"{attribute}_{n}") not in taken
        )


def _time(answers: Answers, name: str, proposal: Proposal) -> Proposal:
    """Return how the timestamp is written.

    Raises ImportAssetsError where it is nothing that can be read as a time.
    """
    settled = answers.settled(name, proposal)
    if error := unanswered(name, settled):
        raise error
    if settled.filled and settled.type not in ("date", "datetime"):
        raise ImportAssetsError(
            f"column {name} cannot be the time of the events: it is read as {settled.type} "
            f"({settled.why or 'not written as times are'})"
        )
    return settled


def _attribute(seen: Looked, name: str, proposal: Proposal, renamed: str | None) -> Line:
    rule: dict[str, Any] = {"from": name}
    if renamed is not None:
        rule["to"] = renamed
    if proposal.type != "text" or NATURAL[seen.kind(name)] != "text":
        rule["type"] = proposal.type
    rule |= _format(proposal)
    ask = ""
    if proposal.question is not None:
        ways = " or ".join(
            f"`type: {one.type}"
            + (f', format: "{one.format}"`' if one.format is not None else "`")
            + f" ({one.meaning})"
            for one in proposal.question.choices
        )
        ask = f"{proposal.question.text} Write {ways}"
    return Line(rule, _beside(seen, name, proposal.why, proposal), ask)


def _format(proposal: Proposal) -> dict[str, str]:
    return {} if proposal.format is None else {"format": proposal.format}


def _beside(seen: Looked, name: str, why: str, proposal: Proposal | None = None) -> str:
    """Return what is said about a column beside its rule: an example, what fits, why."""
    texts = as_text(seen.frame[name]).drop_nulls()
    texts = texts.filter(texts.str.strip_chars() != "")
    parts = [f"such as {shown(texts[0])}"] if len(texts) else []
    if proposal is not None and proposal.type not in _TEXTS and proposal.filled:
        misfits = f", not {', '.join(map(shown, proposal.misfits))}" if proposal.misfits else ""
        parts.append(f"{percent(proposal.share)} fit{misfits}")
    return "; ".join([*parts, *([why] if why else [])])


def _kind(kind: Kind) -> Any:
    if isinstance(kind, CustomersKind):
        return "customers"
    return kind.model_dump(exclude_defaults=True)


def _written(seen: Looked) -> tuple[str, dict[str, Line]]:
    """Return how the file is written: the format's word, and its keys."""
    if seen.xml is not None:
        lines = {"row": Line(seen.xml.row, "the element that is a row")}
        if seen.xml.json_:
            lines["json"] = Line(seen.xml.json_, "they stand more than once in some rows")
        return "xml", lines
    if seen.csv is None:
        return "", {}
    usual = CsvFormat().model_dump()
    values = seen.csv.model_dump()
    wanted = [key for key in seen.findings if key in _ALWAYS or values[key] != usual[key]]
    return "csv", {key: Line(values[key], _sure(seen, key)) for key in wanted}


def _sure(seen: Looked, key: str) -> str:
    """Return how sure something is about how the file is written, and why."""
    found = seen.findings[key]
    return f"{percent(found.confidence)} sure: {found.why}"


def _timezone(seen: Looked, wanted: Wanted, proposals: Mapping[str, Proposal]) -> Line | None:
    """Return the zone of times without an offset, where there are any, for the user to check."""
    for name, proposal in proposals.items():
        if proposal.type != "datetime" or proposal.format == "unix" or seen.kind(name) == "instant":
            continue
        texts = as_text(seen.frame[name]).drop_nulls().str.strip_chars()
        local = texts.filter(~texts.str.contains(_OFFSET.pattern) & texts.str.contains("[-./:]"))
        if len(local):
            return Line(wanted.timezone, f"of times such as {shown(local[0])}: check it")
    return None
