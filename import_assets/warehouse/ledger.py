"""The ledger: which batches were applied, and so what an import remembers (M017-M019, D01-D03)."""

from __future__ import annotations

import datetime as dt
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import duckdb

from import_assets.errors import WarehouseError
from import_assets.staging.manifest import Manifest
from import_assets.tables.outcome import Counts
from import_assets.warehouse import soundness
from import_assets.warehouse.sql import first_row, table_label

_COUNTS = (
    "read, inserted, updated, unchanged, duplicate, rejected, blank, customers_created, removed"
)


_ONCE = ("read", "rejected")
"""Counts in which a record that is replayed would stand twice."""

_WRITTEN = {"format", "row", "delimiter", "encoding", "kinds"}


@dataclass(frozen=True)
class Entry:
    """One applied batch. Times are naive UTC.

    `sha256` and `bytes` are of the delivery's content, `state` is what its feed wanted to know when
    it is asked again. `written` is how the content is written: `format`, `row`, `delimiter`,
    `encoding`, and the `kinds` of columns that hold no texts. `replay_of` is the sequence of the
    delivery whose rejects this batch brought again. Record n of the batch stands at `clock` + n on
    the warehouse's clock, see `Turn`.
    """

    sequence: int
    batch_id: str
    import_name: str
    table_name: str
    key: str
    fingerprint: str
    modified: dt.datetime | None
    slot: str | None
    sha256: str
    bytes: int
    state: Mapping[str, Any]
    header: tuple[str, ...]
    written: Mapping[str, Any]
    applied_at: dt.datetime
    forgotten_at: dt.datetime | None
    undone_at: dt.datetime | None
    replay_of: int | None
    clock: int
    clock_end: int
    counts: Counts


@dataclass(frozen=True)
class Turn:
    """A batch's place among all batches: its number, and where the warehouse's clock stands.

    `now` is the time of import, naive UTC.
    The clock counts microseconds since 1970 and never goes back: a batch begins at the present
    time, or right behind the last record of the batch before. Record n of the batch stands at
    `clock` + n, so that what any two records wrote can be put in order (D22).
    """

    sequence: int
    clock: int
    now: dt.datetime


_ENTRY = (
    "sequence, batch_id, import, table_name, key, fingerprint, modified, slot, sha256, bytes, "
    "state, header, written, applied_at, forgotten_at, undone_at, replay_of, clock, clock_end, "
    f"{_COUNTS}"
)


def _entry(row: Sequence[Any]) -> Entry:
    names = [f.name for f in fields(Entry)][:-1]
    values = dict(zip(names, row[: len(names)], strict=True))
    values["header"] = tuple(values["header"])
    for name in ("state", "written"):
        values[name] = _object(values, name)
    return Entry(**values, counts=Counts(*row[len(names) :]))


def _object(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    try:
        found = json.loads(values[name])
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise WarehouseError(
            f"the ledger is damaged: `{name}` of number {values['sequence']} (import "
            f"{values['import_name']}, delivery {values['key']}) is no JSON object; "
            f"{soundness.ADVICE}"
        )
    return found


def applied(connection: duckdb.DuckDBPyConnection, batch_id: str) -> Entry | None:
    """Return the entry of a batch that was applied, and neither forgotten nor undone since."""
    row = first_row(
        connection,
        f"SELECT {_ENTRY} FROM import_assets.batches WHERE batch_id = ? "
        "AND forgotten_at IS NULL AND undone_at IS NULL",
        [batch_id],
    )
    return _entry(row) if row else None


def applied_under(
    connection: duckdb.DuckDBPyConnection, import_name: str, key: str, definition_hash: str
) -> Entry | None:
    """Return the entry of any version of a delivery that was applied under a definition."""
    row = first_row(
        connection,
        f"SELECT {_ENTRY} FROM import_assets.batches WHERE import = ? AND key = ? "
        "AND definition_hash = ? AND forgotten_at IS NULL AND undone_at IS NULL "
        "AND replay_of IS NULL ORDER BY sequence DESC LIMIT 1",
        [import_name, key, definition_hash],
    )
    return _entry(row) if row else None


def last(connection: duckdb.DuckDBPyConnection, import_name: str) -> Entry | None:
    """Return the entry of the last delivery that came in and that an import remembers."""
    row = first_row(
        connection,
        f"SELECT {_ENTRY} FROM import_assets.batches WHERE import = ? AND forgotten_at IS NULL "
        "AND undone_at IS NULL AND replay_of IS NULL ORDER BY sequence DESC LIMIT 1",
        [import_name],
    )
    return _entry(row) if row else None


def next_turn(connection: duckdb.DuckDBPyConnection, now: dt.datetime) -> Turn:
    """Return the turn of the batch that is about to be applied; `now` is naive UTC.

    Raises WarehouseError where the ledger lacks batches, or has one twice.
    """
    soundness.check_whole(connection)
    row = first_row(
        connection,
        "SELECT coalesce(max(sequence), 0) + 1, coalesce(max(clock_end), 0) "
        "FROM import_assets.batches",
    )
    sequence, end = row or (1, 0)
    present = (now - dt.datetime(1970, 1, 1)) // dt.timedelta(microseconds=1)
    return Turn(sequence, max(present, end), now)


def record(
    connection: duckdb.DuckDBPyConnection, manifest: Manifest, counts: Counts, turn: Turn
) -> None:
    """Write a batch into the ledger."""
    values = {
        "sequence": turn.sequence,
        "batch_id": manifest.batch_id,
        "import": manifest.import_name,
        "table_name": table_label(manifest.table),
        "key": manifest.key,
        "fingerprint": manifest.fingerprint,
        "modified": manifest.modified,
        "slot": manifest.slot,
        "definition_hash": manifest.definition_hash,
        "sha256": manifest.sha256,
        "bytes": manifest.bytes,
        "state": json.dumps(manifest.state, separators=(",", ":")),
        "header": list(manifest.header),
        "written": manifest.model_dump_json(include=_WRITTEN),
        **counts.as_dict(),
        "applied_at": turn.now,
        "replay_of": manifest.replay_of,
        "clock": turn.clock,
        "clock_end": turn.clock + max(manifest.read, manifest.last_record),
    }
    marks = ", ".join("?" for _ in values)
    connection.execute(
        f"INSERT INTO import_assets.batches ({', '.join(values)}) VALUES ({marks})",
        list(values.values()),
    )


def imported(connection: duckdb.DuckDBPyConnection, import_name: str) -> dict[str, set[str]]:
    """Return the fingerprints of every delivery the import remembers, by key (M019)."""
    rows = connection.execute(
        "SELECT key, fingerprint FROM import_assets.batches "
        "WHERE import = ? AND forgotten_at IS NULL AND replay_of IS NULL",
        [import_name],
    ).fetchall()
    memory: defaultdict[str, set[str]] = defaultdict(set)
    for key, fingerprint in rows:
        memory[key].add(fingerprint)
    return dict(memory)


def knows(connection: duckdb.DuckDBPyConnection, table_name: str) -> bool:
    """Return whether a batch was ever applied to a table."""
    sql = "SELECT 1 FROM import_assets.batches WHERE table_name = ? LIMIT 1"
    return first_row(connection, sql, [table_name]) is not None


def last_applied(connection: duckdb.DuckDBPyConnection, table_name: str) -> dt.datetime | None:
    """Return when a delivery came into a table last, naive UTC; replays of rejects are none."""
    row = first_row(
        connection,
        "SELECT max(applied_at) FROM import_assets.batches "
        "WHERE table_name = ? AND replay_of IS NULL",
        [table_name],
    )
    return row[0] if row else None


def undone(connection: duckdb.DuckDBPyConnection, import_name: str) -> list[str]:
    """Return the deliveries that the import remembers and that were undone, and not taken again."""
    rows = connection.execute(
        "SELECT key FROM import_assets.batches "
        "WHERE import = ? AND forgotten_at IS NULL AND replay_of IS NULL "
        "GROUP BY key HAVING bool_and(undone_at IS NOT NULL) ORDER BY max(sequence)",
        [import_name],
    ).fetchall()
    return [key for (key,) in rows]


def entries(connection: duckdb.DuckDBPyConnection, import_name: str) -> list[Entry]:
    """Return every batch of an import, forgotten ones included, oldest first."""
    rows = connection.execute(
        f"SELECT {_ENTRY} FROM import_assets.batches WHERE import = ? ORDER BY sequence",
        [import_name],
    ).fetchall()
    return [_entry(row) for row in rows]


def of_sequences(connection: duckdb.DuckDBPyConnection, sequences: Sequence[int]) -> list[Entry]:
    """Return the batches with these numbers, oldest first."""
    rows = connection.execute(
        f"SELECT {_ENTRY} FROM import_assets.batches WHERE list_contains(?, sequence) "
        "ORDER BY sequence",
        [list(sequences)],
    ).fetchall()
    return [_entry(row) for row in rows]


def find(connection: duckdb.DuckDBPyConnection, batch: str) -> list[Entry]:
    """Return the batches whose id begins with `batch`, oldest first."""
    rows = connection.execute(
        f"SELECT {_ENTRY} FROM import_assets.batches WHERE starts_with(batch_id, ?) "
        "ORDER BY sequence",
        [batch],
    ).fetchall()
    return [_entry(row) for row in rows]


def latest(connection: duckdb.DuckDBPyConnection) -> dict[str, Entry]:
    """Return the last delivery of each import, by the import's name."""
    rows = connection.execute(
        f"SELECT {_ENTRY} FROM import_assets.batches WHERE replay_of IS NULL "
        "QUALIFY row_number() OVER (PARTITION BY import ORDER BY sequence DESC) = 1"
    ).fetchall()
    return {entry.import_name: entry for entry in map(_entry, rows)}


def totals(
    connection: duckdb.DuckDBPyConnection, import_name: str, delivery: int | None = None
) -> Counts:
    """Return the sum over every batch that the import remembers and that was not undone.

    With `delivery`, the sequence of one, over it and the replays of its rejects.

    A record that was rejected and replayed is one record: it was read once, and what became of it
    is what the last replay made of it. So `rejected` counts those that are still outstanding.
    """
    again = "coalesce(sum(read) FILTER (WHERE replay_of IS NOT NULL), 0)"
    sums = ", ".join(
        f"(coalesce(sum({name}), 0){f' - {again}' if name in _ONCE else ''})::BIGINT"
        for name in _COUNTS.split(", ")
    )
    row = first_row(
        connection,
        f"SELECT {sums} FROM import_assets.batches WHERE import = ? AND forgotten_at IS NULL "
        "AND undone_at IS NULL AND coalesce(coalesce(replay_of, sequence) = ?, true)",
        [import_name, delivery],
    )
    return Counts(*row) if row else Counts()


def forget(
    connection: duckdb.DuckDBPyConnection, import_name: str, key: str | None, now: dt.datetime
) -> int:
    """Forget one delivery, or all (M019), so that it counts as new; return how many batches.

    The rows stay in their tables, and the ledger keeps the history.
    """
    rows = connection.execute(
        "UPDATE import_assets.batches SET forgotten_at = ? "
        "WHERE import = ? AND forgotten_at IS NULL AND (? IS NULL OR key = ?) RETURNING batch_id",
        [now, import_name, key, key],
    ).fetchall()
    return len(rows)
