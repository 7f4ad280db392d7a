"""Deliveries that were refused as a whole, kept so that the same version is not tried for ever."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import duckdb

from import_assets.errors import FileRefused


@dataclass(frozen=True)
class Refusal:
    """One refused delivery; `refused_at` is naive UTC."""

    key: str
    fingerprint: str
    definition_hash: str
    reason: str
    message: str
    refused_at: dt.datetime


def record(
    connection: duckdb.DuckDBPyConnection,
    import_name: str,
    refusal: Refusal,
) -> None:
    """Keep a refusal, in place of an earlier one of the same delivery."""
    clear(connection, import_name, refusal.key)
    connection.execute(
        "INSERT INTO import_assets.refusals VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            import_name,
            refusal.key,
            refusal.fingerprint,
            refusal.definition_hash,
            refusal.reason,
            refusal.message,
            refusal.refused_at,
        ],
    )


def of_import(connection: duckdb.DuckDBPyConnection, import_name: str) -> dict[str, Refusal]:
    """Return the refusals of an import by the key of the delivery."""
    rows = connection.execute(
        "SELECT key, fingerprint, definition_hash, reason, message, refused_at "
        "FROM import_assets.refusals WHERE import = ? ORDER BY refused_at",
        [import_name],
    ).fetchall()
    return {row[0]: Refusal(*row) for row in rows}


def clear(connection: duckdb.DuckDBPyConnection, import_name: str, key: str | None) -> None:
    """Forget the refusals of a delivery, or of the whole import where `key` is None.

    The rejects for which it was refused go with it.
    """
    for table in ("refusals", "refused_rejects"):
        connection.execute(
            f"DELETE FROM import_assets.{table} WHERE import = ? AND (? IS NULL OR key = ?)",
            [import_name, key, key],
        )


def from_error(
    error: FileRefused, key: str, fingerprint: str, definition_hash: str, now: dt.datetime
) -> Refusal:
    """Return what to keep of a refusal."""
    return Refusal(key, fingerprint, definition_hash, error.reason, str(error), now)
