"""`preview` of a file or an address: how it is written, and what an import could make of it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from import_assets.cli.looking import Looked
from import_assets.cli.output import Column, Output, columns
from import_assets.cli.output import column as table_column
from import_assets.cli.refusals import print_rejects, rejects_list
from import_assets.mapping.proposals import Proposal
from import_assets.pipeline.content import Reader
from import_assets.pipeline.trial import Preview

_COLUMNS_OF = [
    *columns("column", "proposal", "filled"),
    table_column("misfits", "do not fit"),
    table_column("why", wrap=True),
]
_FINDINGS_OF = [*columns("key", "found", "sure"), table_column("why", wrap=True)]
_NAMED = {"\t": "tab", " ": "space"}


class _Record(NamedTuple):
    record: int
    line: int
    cells: dict[str, Any]


def written_as(read: Reader | Preview) -> str:
    """Return how a file is written, in words; empty for what is no file."""
    if read.format == "xml":
        return f"XML, each {read.row} is a row, encoding {read.encoding}"
    if read.format == "csv":
        named = _NAMED.get(read.delimiter, f"`{read.delimiter}`")
        return f"CSV, delimiter {named}, encoding {read.encoding}"
    return ""


def proposed(proposal: Proposal) -> str:
    """Return a proposal in a few words: `number "1 234,56", 98 %`."""
    if proposal.question is not None:
        return "text until it is known: " + proposal.question.text
    format_ = f' "{proposal.format}"' if proposal.format is not None else ""
    if proposal.type in ("text", "long text") or not proposal.filled:
        return proposal.type
    return f"{proposal.type}{format_}, {percent(proposal.share)}"


def percent(share: float) -> str:
    """Return a share as a whole percentage; 100% only where it is all."""
    return "100%" if share == 1 else f"{min(int(share * 100), 99)}%"


def proposal_object(proposal: Proposal) -> dict[str, Any]:
    """Return all of a proposal, for programs."""
    question = proposal.question
    return {
        "type": proposal.type,
        "format": proposal.format,
        "share": proposal.share,
        "misfits": proposal.misfits,
        "why": proposal.why,
        "question": question.text if question else None,
        "answers": [
            {"answer": one.word, "means": one.meaning, "type": one.type, "format": one.format}
            for one in (question.choices if question else ())
        ],
    }


def findings_object(seen: Looked) -> dict[str, Any]:
    """Return what was found out about how a CSV is written, for programs."""
    return {
        key: {
            "value": found.value,
            "confidence": round(found.confidence, 3),
            "why": found.why,
            "rivals": found.rivals,
        }
        for key, found in seen.findings.items()
    }


def show_file(output: Output, what: str, seen: Looked, rows: int) -> None:
    """Print what was seen of a file, with at most `rows` of its records."""
    shown = list(itertools.islice(_records(seen), rows))
    rejects = rejects_list(seen.first.rejects)
    reader = seen.reader
    output.json([_object(what, seen, shown, rejects)])
    if not output.as_json and (told := written_as(reader)):
        output.say(f"{seen.file}: {told}")
    for warning in reader.warnings:
        output.note(f"warning: {warning}")
    if seen.findings:
        output.table(_findings(seen), of=_FINDINGS_OF, title="How it is written")
    output.table(_columns(seen), of=_COLUMNS_OF, title="What its columns could be")
    heads = [Column(name, name) for name in reader.header]
    cells = [one.cells for one in shown]
    output.table(cells, of=heads, title=f"The first {len(shown):,} records, as they are written")
    print_rejects(output, rejects, "broken", seen.first.looked_at)


def _object(
    what: str, seen: Looked, shown: list[_Record], rejects: list[dict[str, Any]]
) -> dict[str, Any]:
    reader = seen.reader
    return {
        "file": what,
        "format": reader.format,
        "row": reader.row,
        "delimiter": reader.delimiter,
        "encoding": reader.encoding,
        "dialect": findings_object(seen),
        "header": reader.header,
        "warnings": reader.warnings,
        "columns": [
            {"column": name, "filled": one.filled, "proposal": proposal_object(one)}
            for name, one in seen.proposals.items()
        ],
        "rows": [
            {
                "record": one.record,
                "line": one.line,
                "cells": [one.cells[name] for name in reader.header],
            }
            for one in shown
        ],
        "looked_at": seen.first.looked_at,
        "rejects": rejects,
    }


def _findings(seen: Looked) -> list[Mapping[str, Any]]:
    return [
        {
            "key": key,
            "found": as_said(found.value),
            "sure": percent(found.confidence),
            "why": found.why,
        }
        for key, found in seen.findings.items()
    ]


def as_said(value: object) -> str:
    """Return a value of a key of `csv` as a definition says it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    return _NAMED.get(text, text)


def _records(seen: Looked) -> Iterator[_Record]:
    for block in seen.first.blocks:
        rows = block.frame.iter_rows(named=True)
        for record, line, cells in zip(block.record, block.line, rows, strict=True):
            if record <= seen.first.looked_at:
                yield _Record(record, line, cells)


def _columns(seen: Looked) -> list[Mapping[str, Any]]:
    return [
        {
            "column": name,
            "proposal": proposed(one),
            "filled": one.filled,
            "misfits": ", ".join(one.misfits),
            "why": one.why,
        }
        for name, one in seen.proposals.items()
    ]
