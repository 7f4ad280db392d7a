"""Names that Dagster knows our things by."""

from __future__ import annotations

import hashlib
import re

import dagster as dg

from import_assets.spec.loading import Import

IMPORTS_GROUP = "imports"
TABLES_GROUP = "tables"
ANALYSES_GROUP = "analyses"
INVALID_GROUP = "invalid"

ASSET_JOB = "__ASSET_JOB"
"""Dagster's implicit job of all assets; naming it avoids a job for each schedule."""

RUN_KEY_TAG = "dagster/run_key"
"""Dagster's own run tag: the text for which it starts one run only."""

IMPORT_TAG = "import"
SLOT_TAG = "import_assets/slot"
"""Run tag: the occasion of a repeated import, which takes the same file again (M027)."""

REPLAY_TAG = "import_assets/replay"
"""Run tag: the staged batches of rejected records that are taken again, with spaces between."""


def import_key(name: str) -> dg.AssetKey:
    """Return the asset key of an import."""
    return dg.AssetKey([IMPORTS_GROUP, name])


def analysis_key(name: str) -> dg.AssetKey:
    """Return the asset key of an analysis."""
    return dg.AssetKey([ANALYSES_GROUP, name])


def table_key(table: tuple[str, ...]) -> dg.AssetKey:
    """Return the asset key of a table."""
    return dg.AssetKey([table[0], *(plain(part) for part in table[1:])])


def plain(name: str) -> str:
    """Return a name made of letters, digits and _, as Dagster wants it, and unlike any other's."""
    if re.fullmatch(r"[A-Za-z0-9_]+", name):
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:6]
    return re.sub(r"[^A-Za-z0-9_]+", "_", name) + "_" + digest


def pool(table: tuple[str, ...]) -> str:
    """Return the concurrency pool in which a table has one writer."""
    return "table_" + "_".join(table_key(table).path)


def partitions_name(definition: Import) -> str:
    """Return the name of the set of partitions of an import: its files, pastes or slots."""
    source = definition.spec.source
    what = "slots" if source.feed is not None else "pastes" if source.paste else "files"
    return f"{definition.name}_{what}"
