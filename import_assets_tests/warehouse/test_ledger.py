"""What an import remembers (M017-M019, D01-D03)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from import_assets.tables.outcome import Counts
from import_assets.warehouse import ledger
from import_assets_tests.builders import NOW, manifest, warehouse

LATER = NOW + dt.timedelta(hours=1)
CLOCK = 1_782_907_200_000_000
"""NOW in microseconds since 1970."""


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with warehouse() as opened:
        yield opened


def record(connection: duckdb.DuckDBPyConnection, counts: Counts, **facts: Any) -> int:
    turn = ledger.next_turn(connection, NOW)
    ledger.record(connection, manifest(**facts), counts, turn)
    return turn.sequence


def fill(connection: duckdb.DuckDBPyConnection) -> None:
    """Two imports, one with two versions of a file."""
    record(connection, Counts(read=3, inserted=3), batch_id="b1", key="a.csv", fingerprint="1")
    record(connection, Counts(read=4, updated=4), batch_id="b2", key="a.csv", fingerprint="2")
    record(connection, Counts(read=2, rejected=2, blank=1), batch_id="b3", key="b.csv")
    record(connection, Counts(read=7, duplicate=7), batch_id="b4", import_name="pos", key="a.csv")


def test_batches_are_numbered(connection: duckdb.DuckDBPyConnection) -> None:
    fill(connection)
    assert [entry.sequence for entry in ledger.entries(connection, "crm")] == [1, 2, 3]
    assert [entry.sequence for entry in ledger.entries(connection, "pos")] == [4]
    assert ledger.entries(connection, "nobody") == []


def test_all_facts_come_back(connection: duckdb.DuckDBPyConnection) -> None:
    counts = Counts(1, 2, 3, 4, 5, 6, 7, 8, 9)
    facts: dict[str, Any] = {
        "table": ("events", "a sale"),
        "slot": "s",
        "replay_of": 4,
        "header": ("id", "a;b"),
        "kinds": {"id": "integer"},
        "modified": NOW,
        "state": {"etag": "e"},
    }
    record(connection, counts, **facts)
    assert ledger.applied(connection, "b1") == ledger.Entry(
        sequence=1,
        batch_id="b1",
        import_name="crm",
        table_name="events/a sale",
        key="crm.csv",
        fingerprint="f1",
        modified=NOW,
        slot="s",
        sha256="0" * 64,
        bytes=1,
        state={"etag": "e"},
        header=("id", "a;b"),
        written={
            "format": "csv",
            "row": "",
            "delimiter": ",",
            "encoding": "utf-8",
            "kinds": {"id": "integer"},
        },
        applied_at=NOW,
        forgotten_at=None,
        undone_at=None,
        replay_of=4,
        clock=CLOCK,
        clock_end=CLOCK,
        counts=counts,
    )
    assert ledger.applied(connection, "other") is None


def test_the_clock_never_goes_back(connection: duckdb.DuckDBPyConnection) -> None:
    """D22: what any two records wrote has an order, also when the machine's clock is set back."""
    first = ledger.next_turn(connection, NOW)
    ledger.record(connection, manifest(batch_id="b1", read=5), Counts(), first)
    second = ledger.next_turn(connection, NOW - dt.timedelta(days=1))
    assert second == ledger.Turn(2, CLOCK + 5, NOW - dt.timedelta(days=1))
    ledger.record(connection, manifest(batch_id="b2", last_record=9), Counts(), second)
    assert ledger.next_turn(connection, NOW) == ledger.Turn(3, CLOCK + 14, NOW)
    assert ledger.next_turn(connection, LATER) == ledger.Turn(3, CLOCK + 3_600_000_000, LATER)


def test_the_last_batch_is_the_one_that_is_remembered(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    """What a feed is told when it is asked again, and what forgetting brings back."""
    assert ledger.last(connection, "crm") is None
    record(connection, Counts(), batch_id="b1", key="monday", state={"max": 1})
    record(connection, Counts(), batch_id="b2", key="tuesday", state={"max": 2})
    latest = ledger.last(connection, "crm")
    assert latest is not None
    assert (latest.key, latest.state) == ("tuesday", {"max": 2})
    ledger.forget(connection, "crm", "tuesday", NOW)
    before = ledger.last(connection, "crm")
    assert before is not None
    assert before.state == {"max": 1}


def test_a_slot_is_done_under_the_definition_of_the_time(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    record(connection, Counts(read=1, inserted=1), key="monday", definition_hash="old")
    done = ledger.applied_under(connection, "crm", "monday", "old")
    assert done is not None
    assert done.counts.inserted == 1
    assert ledger.applied_under(connection, "crm", "monday", "new") is None
    assert ledger.applied_under(connection, "crm", "tuesday", "old") is None


def test_every_version_of_a_file_is_remembered_by_its_import(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    """M019, D01: per import."""
    fill(connection)
    assert ledger.imported(connection, "crm") == {"a.csv": {"1", "2"}, "b.csv": {"f1"}}
    assert ledger.imported(connection, "pos") == {"a.csv": {"f1"}}
    assert ledger.imported(connection, "nobody") == {}


def test_forgetting_one_file(connection: duckdb.DuckDBPyConnection) -> None:
    """M019: all its versions, of this import alone; the history stays."""
    fill(connection)
    assert ledger.forget(connection, "crm", "a.csv", LATER) == 2
    assert ledger.imported(connection, "crm") == {"b.csv": {"f1"}}
    assert ledger.imported(connection, "pos") == {"a.csv": {"f1"}}
    assert ledger.applied(connection, "b1") is None
    assert [entry.forgotten_at for entry in ledger.entries(connection, "crm")] == [
        LATER,
        LATER,
        None,
    ]
    assert ledger.forget(connection, "crm", "a.csv", LATER) == 0


def test_forgetting_all(connection: duckdb.DuckDBPyConnection) -> None:
    """M019."""
    fill(connection)
    assert ledger.forget(connection, "crm", None, LATER) == 3
    assert ledger.imported(connection, "crm") == {}
    assert ledger.totals(connection, "crm") == Counts()
    assert ledger.totals(connection, "pos") == Counts(read=7, duplicate=7)


def test_a_forgotten_batch_can_be_recorded_again(connection: duckdb.DuckDBPyConnection) -> None:
    fill(connection)
    ledger.forget(connection, "crm", None, LATER)
    assert record(connection, Counts(), batch_id="b1") == 5
    entry = ledger.applied(connection, "b1")
    assert entry is not None
    assert entry.sequence == 5


def test_totals_are_sums(connection: duckdb.DuckDBPyConnection) -> None:
    fill(connection)
    assert ledger.totals(connection, "crm") == Counts(
        read=9, inserted=3, updated=4, rejected=2, blank=1
    )
    assert ledger.totals(connection, "nobody") == Counts()


def test_a_replayed_record_is_read_once(connection: duckdb.DuckDBPyConnection) -> None:
    """Records read = their outcomes, over deliveries and the replays of what they rejected."""
    record(connection, Counts(read=5, inserted=2, rejected=3), batch_id="b1")
    record(connection, Counts(read=2, inserted=1, rejected=1), batch_id="b2", replay_of=1)
    record(connection, Counts(read=1, unchanged=1), batch_id="b3", replay_of=1)
    total = ledger.totals(connection, "crm")
    assert total == Counts(read=5, inserted=3, unchanged=1, rejected=1)
    assert total.add_up


def test_replays_are_no_deliveries(connection: duckdb.DuckDBPyConnection) -> None:
    """M017, M019: what is remembered, and what a feed goes on from, is what came in."""
    record(connection, Counts(read=5, rejected=5), batch_id="b1", key="a.csv", fingerprint="1")
    replay = {"key": "a.csv", "fingerprint": "replay:1:x", "replay_of": 1}
    record(connection, Counts(read=5, inserted=5), batch_id="b2", **replay)
    assert ledger.imported(connection, "crm") == {"a.csv": {"1"}}
    assert ledger.latest(connection)["crm"].batch_id == "b1"
    last = ledger.last(connection, "crm")
    assert last is not None
    assert last.batch_id == "b1"
    assert ledger.forget(connection, "crm", "a.csv", LATER) == 2


def test_the_latest_of_each_import(connection: duckdb.DuckDBPyConnection) -> None:
    fill(connection)
    latest = ledger.latest(connection)
    assert {name: entry.batch_id for name, entry in latest.items()} == {"crm": "b3", "pos": "b4"}
