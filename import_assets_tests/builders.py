"""Builders of what the tables take in: staged batches, written as the staging area writes them."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from import_assets.records import Fault, Reject, rejects_frame
from import_assets.spec.models import AttributeType, Identifier, ProjectSpec
from import_assets.staging.batch import Batch
from import_assets.staging.manifest import Manifest
from import_assets.tables import parts
from import_assets.warehouse.schema import create_schema
from import_assets.warehouse.sql import frame

_THOROUGH = float(os.environ.get("IMPORT_ASSETS_TEST_EXAMPLES", "1"))

NOW = dt.datetime(2026, 7, 1, 12, 0)
PART_CELLS = st.sampled_from([2, 10, parts.CELLS])
"""How many cells of a large batch are applied at once; few make it many parts."""
CUSTOMERS = ("customers",)

POLARS_TYPES: dict[AttributeType, pl.DataType] = {
    "text": pl.String(),
    "long text": pl.String(),
    "number": pl.Float64(),
    "integer": pl.Int64(),
    "boolean": pl.Boolean(),
    "date": pl.Date(),
    "datetime": pl.Datetime("us"),
    "list": pl.List(pl.String()),
    "url": pl.String(),
    "json": pl.String(),
}

Row = Mapping[str, Any]


def examples(count: int) -> settings:
    """Settings of a property: so many examples, times IMPORT_ASSETS_TEST_EXAMPLES."""
    return settings(
        max_examples=max(1, round(count * _THOROUGH)),
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )


def project(**hard: bool) -> ProjectSpec:
    """A project with these identifiers, true for hard; `registered` and `cookie` if none given."""
    kinds = hard or {"registered": True, "cookie": False}
    return ProjectSpec(
        identifiers={name: Identifier(hard=is_hard) for name, is_hard in kinds.items()}
    )


def warehouse() -> duckdb.DuckDBPyConnection:
    """An empty warehouse in memory."""
    connection = duckdb.connect(":memory:")
    create_schema(connection)
    return connection


def manifest(**facts: Any) -> Manifest:
    """A manifest of an empty batch of customers, but for the facts given."""
    start: dict[str, Any] = {
        "batch_id": "b1",
        "import_name": "crm",
        "table": CUSTOMERS,
        "key": "crm.csv",
        "fingerprint": "f1",
        "modified": None,
        "slot": None,
        "definition_hash": "d1",
        "sha256": "0" * 64,
        "bytes": 1,
        "delimiter": ",",
        "encoding": "utf-8",
        "header": ("id",),
        "attributes": (),
        "identifiers": ("registered",),
        "empty": "overwrite",
        "missing": (),
        "unmapped": (),
        "warnings": (),
        "read": 0,
        "rows": 0,
        "rejected": 0,
        "blank": 0,
        "staged_at": NOW,
    }
    return Manifest(**{**start, **facts})


def rows_frame(
    rows: Sequence[Row],
    identifiers: Sequence[str],
    attributes: Mapping[str, AttributeType],
    *,
    events: bool = False,
    timed: bool = False,
) -> pl.DataFrame:
    """The staged rows: records 1, 2, …, on the lines below a header, missing cells empty."""
    schema: dict[str, pl.DataType] = {"_row": pl.Int64()}
    schema |= {f"id:{kind}": pl.String() for kind in identifiers}
    if events:
        schema["_timestamp"] = pl.Datetime("us")
    if timed:
        schema["_updated"] = pl.Datetime("us")
    schema |= {f"attr:{name}": POLARS_TYPES[type_] for name, type_ in attributes.items()}
    if events:
        schema["_digest"] = pl.String()
    schema |= {"_line": pl.Int64(), "_raw": pl.String(), "_cells": pl.Struct({"0": pl.String})}
    whole = [
        {
            "_row": number,
            "_line": number + 1,
            "_raw": f"raw {number}",
            "_cells": {"0": f"cell {number}"},
            **({"_digest": _digest(row)} if events else {}),
            **row,
        }
        for number, row in enumerate(rows, 1)
    ]
    return pl.DataFrame(whole, schema=schema, orient="row")


def _digest(row: Row) -> str:
    """Any digest does that is equal for equal events, whoever their customer is."""
    cells = {k: v for k, v in row.items() if k[0] != "_" or k == "_timestamp"}
    cells = {k: v for k, v in cells.items() if not k.startswith("id:")}
    return hashlib.md5(repr(sorted(cells.items())).encode()).hexdigest()


def reject(record: int, *faults: Fault) -> Reject:
    """A reject with its line and raw text made up from its number."""
    return Reject(record, record + 1, f"raw {record}", faults or (Fault("bad", "It is bad."),))


def batch(
    folder: Path,
    rows: Sequence[Row] = (),
    *,
    identifiers: Sequence[str] = ("registered",),
    attributes: Mapping[str, AttributeType] | None = None,
    rejects: Iterable[Reject] = (),
    timed: bool = False,
    **facts: Any,
) -> Batch:
    """A staged batch with these rows, see `rows_frame`; `facts` go into its manifest.

    Every call gives a batch of its own (`b1`, `b2`, …) unless told otherwise.
    """
    attributes = attributes or {}
    number = len(list(folder.glob("b*"))) + 1
    facts = {"batch_id": f"b{number}", "blank": 0, **facts}
    frame = rows_frame(
        rows,
        identifiers,
        attributes,
        events=facts.get("table", CUSTOMERS)[0] == "events",
        timed=timed,
    )
    refused = rejects_frame(rejects).with_columns(
        pl.lit(None, dtype=pl.List(pl.String)).alias("cells")
    )
    target = folder / f"b{number}"
    target.mkdir(parents=True)
    frame.write_parquet(target / "rows-000000.parquet")
    if refused.height:
        refused.write_parquet(target / "rejects-000000.parquet")
    counts = {
        "read": frame.height + refused.height,
        "rows": frame.height,
        "rejected": refused.height,
    }
    return Batch(
        target,
        manifest(
            identifiers=tuple(identifiers),
            attributes=tuple(attributes.items()),
            **{**counts, **facts},
        ),
    )


def table(connection: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    """What a SELECT gives, as a list of dicts."""
    return frame(connection, sql).to_dicts()


def dump(connection: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that is stored: the SQL of each table with its rows, sorted."""
    tables = connection.execute(
        "SELECT schema_name, table_name, sql FROM duckdb_tables() WHERE NOT temporary"
    ).fetchall()
    return {
        sql: sorted(connection.execute(f'SELECT * FROM "{schema}"."{name}"').fetchall(), key=repr)
        for schema, name, sql in tables
    }
