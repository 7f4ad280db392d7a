"""What a materialization shows in the UI."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dagster as dg
import duckdb
import polars as pl

from import_assets.orchestration import masking
from import_assets.pipeline.deliver import Delivered
from import_assets.sources.rows import RowColumn
from import_assets.spec.loading import Import
from import_assets.spec.names import LINEAGE
from import_assets.staging.manifest import Manifest
from import_assets.tables.outcome import Counts
from import_assets.warehouse import attributes, ledger, rejects
from import_assets.warehouse.sql import frame, number, quoted, table_label, table_sql

REJECTS_SHOWN = 20
ROWS_SHOWN = 10
_CELL = 200
"""Characters of a value shown in a table."""


def of_delivery(
    connection: duckdb.DuckDBPyConnection,
    definition: Import,
    delivered: Delivered,
    *,
    examples: bool = True,
) -> dict[str, Any]:
    """Return the metadata of one delivery: counts, where it came from, rejects and rows.

    Without `examples`, no rejects and rows, for which whole tables are looked through.
    """
    counts, masked = delivered.counts, definition.project.spec.mask_rejects
    metadata: dict[str, Any] = {
        "dagster/partition_row_count": counts.inserted + counts.updated,
        **counts.as_dict(),
        "batch_id": delivered.batch_id,
        "source_file": delivered.delivery.key,
        "source_bytes": delivered.delivery.size,
        "fingerprint": delivered.delivery.fingerprint,
        "modified": dg.MetadataValue.timestamp(delivered.delivery.modified),
        "imported_before": delivered.already,
        "table": table_label(definition.table),
    }
    if delivered.unchanged_since is not None:
        metadata["unchanged_since"] = delivered.unchanged_since
        return metadata
    if not delivered.already:
        metadata["seconds"] = round(delivered.seconds, 3)
        metadata["rows_per_second"] = round(counts.read / max(delivered.seconds, 0.001))
    if delivered.manifest is not None:
        manifest = delivered.manifest
        metadata |= _written(manifest)
        if manifest.unmapped:
            metadata["columns_without_a_rule"] = ", ".join(manifest.unmapped)
        if manifest.warnings:
            hide = masking.warning if masked else str
            metadata["warnings"] = dg.MetadataValue.md(
                "\n".join(f"- {hide(warning)}" for warning in manifest.warnings)
            )
    metadata |= _replayed(connection, delivered.batch_id)
    if not examples:
        return metadata
    if counts.rejected:
        shown = rejects.of_batch(connection, delivered.batch_id, REJECTS_SHOWN)
        metadata["rejects"] = _rejects_table(shown, masked=masked)
        reasons = rejects.by_reason(connection, delivered.batch_id)
        metadata["rejects_by_reason"] = ", ".join(f"{r}: {n:,}" for r, n in reasons.items())
    metadata["rows"] = _preview(connection, definition.table, delivered.batch_id)
    return metadata


def _replayed(connection: duckdb.DuckDBPyConnection, batch_id: str) -> dict[str, Any]:
    """Return of which delivery a batch replays rejects, if it does, and how many are left."""
    entry = ledger.applied(connection, batch_id)
    if entry is None:
        return {}
    first = entry.replay_of or entry.sequence
    left = rejects.outstanding_counts(connection, entry.import_name).get(first, 0)
    told = {"rejects_outstanding": left} if left or entry.replay_of else {}
    if entry.replay_of is None:
        return told
    # What is shown of the partition is its last batch, but asked is what the delivery came to.
    whole = ledger.totals(connection, entry.import_name, first)
    return {
        "dagster/partition_row_count": whole.inserted + whole.updated,
        "replay_of": ledger.of_sequences(connection, [first])[0].batch_id,
        **told,
        "delivery_and_replays": of_counts(whole),
    }


def of_table(connection: duckdb.DuckDBPyConnection, table: tuple[str, ...]) -> dict[str, Any]:
    """Return the metadata of a table: size, columns, the newest rows, how to query it."""
    rows = number(connection, f"SELECT count(*) FROM {table_sql(table)}")
    return {
        "dagster/row_count": rows,
        "dagster/column_schema": _schema(connection, table),
        "dagster/relation_identifier": table_sql(table).replace('"', ""),
        "rows": _preview(connection, table, None),
        "query": dg.MetadataValue.md(
            f"`import-assets query 'SELECT * FROM {table_sql(table)} LIMIT 10'`"
        ),
    }


def _written(manifest: Manifest) -> dict[str, str]:
    """Return how the file is written; of what is no file, nothing."""
    if manifest.format == "xml":
        return {"format": "XML", "row_element": manifest.row, "encoding": manifest.encoding}
    if manifest.format == "csv":
        found = {"delimiter": repr(manifest.delimiter), "encoding": manifest.encoding}
        return {"format": "CSV", **found}
    return {}


def of_rows(
    blocks: Iterable[pl.DataFrame], columns: Sequence[RowColumn], rows: int, shown: int
) -> dict[str, Any]:
    """Return the metadata of rows that lie nowhere: how many, their columns, the first ones."""
    head = next(iter(blocks), pl.DataFrame()).head(shown)
    return {
        "dagster/row_count": rows,
        "dagster/column_schema": dg.TableSchema(
            [dg.TableColumn(column.name, type=column.kind) for column in columns]
        ),
        "rows": _table(head),
    }


def _schema(connection: duckdb.DuckDBPyConnection, table: tuple[str, ...]) -> dg.TableSchema:
    types = attributes.known(connection, table)
    described = connection.execute(f"DESCRIBE {table_sql(table)}").fetchall()
    columns = []
    for name, sql_type, *_ in described:
        type_, first = types.get(name, (None, None))
        tags = f"{type_}, first brought by import {first}" if type_ else None
        columns.append(dg.TableColumn(name, type=sql_type, description=tags))
    return dg.TableSchema(columns)


def _preview(
    connection: duckdb.DuckDBPyConnection, table: tuple[str, ...], batch_id: str | None
) -> dg.MetadataValue:
    described = connection.execute(f"DESCRIBE {table_sql(table)}").fetchall()
    hidden = {*LINEAGE, "_digest"} if batch_id else {"_digest"}
    names = [row[0] for row in described if row[0] not in hidden]
    where, parameters = (
        ("WHERE _batch = ? ORDER BY _row", [batch_id])
        if batch_id
        else (
            "ORDER BY _imported_at DESC, _row",
            [],
        )
    )
    sql = f"SELECT {quoted(names)} FROM {table_sql(table)} {where} LIMIT {ROWS_SHOWN}"
    return _table(frame(connection, sql, parameters))


def _rejects_table(refused: pl.DataFrame, *, masked: bool) -> dg.MetadataValue:
    # A record can have several faults, each of which is a row of this table.
    faults = refused.explode("faults").unnest("faults").head(REJECTS_SHOWN)
    shown = faults.select("record", "line", "column", "value", "reason", "message", "raw")
    return _table(_masked(shown) if masked else shown)


def _masked(faults: pl.DataFrame) -> pl.DataFrame:
    values = faults["value"].to_list()
    return faults.with_columns(
        value=pl.Series([one and masking.value(one) for one in values], dtype=pl.String),
        message=pl.Series(
            [
                masking.sentence(message, [value])
                for message, value in zip(faults["message"], values, strict=True)
            ],
            dtype=pl.String,
        ),
        raw=pl.Series([masking.value(raw) for raw in faults["raw"]], dtype=pl.String),
    )


def _table(rows: pl.DataFrame) -> dg.MetadataValue:
    """Return a frame as a table of the UI; cells are texts, long ones are cut for display."""
    if rows.is_empty():
        return dg.MetadataValue.text("no rows")
    records = [
        dg.TableRecord({name: _cell(value) for name, value in row.items()})
        for row in rows.iter_rows(named=True)
    ]
    schema = dg.TableSchema([dg.TableColumn(name, type="string") for name in rows.columns])
    return dg.MetadataValue.table(records, schema)


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = str(value)
    return text if len(text) <= _CELL else text[: _CELL - 1] + "…"


def summary(delivered: Delivered) -> str:
    """Return one line about a delivery, for logs and the terminal."""
    counts = delivered.counts
    if delivered.unchanged_since is not None:
        return f"{delivered.delivery.key}: nothing new since {delivered.unchanged_since}"
    before = " (imported before, not read again)" if delivered.already else ""
    return f"{delivered.delivery.key}: {of_counts(counts)}{before}"


def of_counts(counts: Counts) -> str:
    """Return counts as a sum; what is zero is left out."""
    parts: Mapping[str, int] = {
        name: value
        for name, value in counts.as_dict().items()
        if name in ("inserted", "updated", "unchanged", "duplicate", "rejected") and value
    }
    told = " + ".join(f"{value:,} {name}" for name, value in parts.items()) or "nothing"
    removed = f", {counts.removed:,} items removed" if counts.removed else ""
    return f"{counts.read:,} read = {told}{removed}"
