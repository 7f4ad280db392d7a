"""Rejects of a look at a delivery, as a list and as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from import_assets.cli.output import Output, columns
from import_assets.cli.output import column as table_column

_REJECTS_OF = [*columns("record", "line"), table_column("fault", wrap=True), *columns("raw")]


def rejects_list(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """Return rejects as objects, each with all its faults."""
    return [
        {"record": row["record"], "line": row["line"], "faults": row["faults"], "raw": row["raw"]}
        for row in frame.iter_rows(named=True)
    ]


def print_rejects(output: Output, rejects: list[dict[str, Any]], what: str, looked_at: int) -> None:
    """Print rejects, a line a fault, or that there are none; nothing with `--json`.

    Args:
        output: where to.
        rejects: as `rejects_list` gives them.
        what: the word for what they are, `rejected`.
        looked_at: how many records they are among.
    """
    if output.as_json:
        return
    if not rejects:
        output.say(f"\nNo record {what} among the first {looked_at:,}.")
        return
    lines = [
        {"record": one["record"], "line": one["line"], "fault": _told(fault), "raw": one["raw"]}
        for one in rejects
        for fault in one["faults"]
    ]
    title = f"{len(rejects):,} {what} among the first {looked_at:,} records"
    output.table(lines, of=_REJECTS_OF, title=title)


def _told(fault: Mapping[str, Any]) -> str:
    where = f"{fault['column']}: " if fault["column"] is not None else ""
    return f"{where}{fault['message']} ({fault['reason']})"
