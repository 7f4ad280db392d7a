"""Events: append-only, and each once within the window (M057, M061, M064-M067, D19, D24, b.5)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from import_assets.spec.models import CONSENT
from import_assets.tables.apply import apply_batch
from import_assets.tables.identity import IdKind
from import_assets.tables.outcome import Counts
from import_assets_tests.builders import NOW, Row, batch, examples, project, table, warehouse
from import_assets_tests.tables.shop import Shop

PURCHASE = ("events", "purchase")
WHEN = dt.datetime(2026, 5, 1, 8, 30, 0, 123456)
WINDOW = dt.timedelta(days=90)
MICROSECOND = dt.timedelta(microseconds=1)


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with warehouse() as opened:
        yield opened


def load(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    rows: Sequence[Row],
    now: dt.datetime = NOW,
    identifiers: Sequence[str] = ("registered", "cookie"),
    **facts: Any,
) -> Counts:
    staged = batch(
        folder,
        rows,
        identifiers=identifiers,
        **{"table": PURCHASE, "attributes": {"total": "number"}, **facts},
    )
    return apply_batch(connection, staged, project(), now).counts


def event(
    registered: str | None = "1",
    total: float | None = 5.0,
    when: dt.datetime = WHEN,
    cookie: str | None = None,
) -> Row:
    return {
        "id:registered": registered,
        "id:cookie": cookie,
        "_timestamp": when,
        "attr:total": total,
    }


def events(connection: duckdb.DuckDBPyConnection, columns: str) -> list[tuple[Any, ...]]:
    return connection.execute(f"SELECT {columns} FROM events.purchase ORDER BY rowid").fetchall()


# --- property -------------------------------------------------------------------------------------

ROW = st.tuples(
    st.sampled_from([{"registered": "1"}, {"registered": "2"}, {"cookie": "a"}, {"cookie": "b"}])
    | st.fixed_dictionaries({"registered": st.sampled_from("12"), "cookie": st.sampled_from("ab")}),
    st.sampled_from([None, 0.0, 1.5]),
    st.sampled_from([WHEN, WHEN + MICROSECOND]),
)


@examples(25)
@given(
    files=st.lists(
        st.tuples(st.sampled_from([1, 60, 90, 91]), st.lists(ROW, max_size=6)),
        min_size=1,
        max_size=3,
    )
)
def test_events_are_those_of_row_by_row(
    files: list[tuple[int, list[tuple[dict[str, str], float | None, dt.datetime]]]],
) -> None:
    """M066, M067, D24: against a list of events and a loop."""
    shop = Shop((IdKind("registered", True), IdKind("cookie", False)))
    kept: list[tuple[int, float | None, dt.datetime, dt.datetime]] = []
    now = NOW
    with warehouse() as connection, TemporaryDirectory() as folder:
        for days, rows in files:
            now += dt.timedelta(days=days)
            first, known = shop.rows, set(shop.customers)
            for ids, _, _ in rows:
                shop.take(ids)
            duplicate = 0
            new: list[tuple[int, float | None, dt.datetime, dt.datetime]] = []
            for row, (_, total, when) in enumerate(rows, first + 1):
                same = [
                    imported
                    for by, its_total, its_when, imported in kept + new
                    if shop.customer_of_row[by].remaining is shop.customer_of_row[row].remaining
                    and (its_total, its_when) == (total, when)
                    and imported >= now - WINDOW
                ]
                if same:
                    duplicate += 1
                else:
                    new.append((row, total, when, now))
            kept += new
            staged = [
                {
                    "id:registered": ids.get("registered"),
                    "id:cookie": ids.get("cookie"),
                    "_timestamp": when,
                    "attr:total": total,
                }
                for ids, total, when in rows
            ]
            counts = load(connection, Path(folder), staged, now)
            assert counts.add_up
            assert (counts.inserted, counts.duplicate) == (len(new), duplicate)
            assert counts.customers_created == len(set(shop.customers) - known)
        by_age = sorted(shop.customers, key=lambda one: one.created)
        ranks = connection.execute(
            """
            SELECT (SELECT count(*) FROM customers c WHERE c.customer_id < e.customer_id),
                total, "timestamp", _imported_at FROM events.purchase e ORDER BY rowid
            """
        ).fetchall()
        assert ranks == [
            (by_age.index(shop.customer_of_row[row].remaining), total, when, imported)
            for row, total, when, imported in kept
        ]


# --- examples -------------------------------------------------------------------------------------


def test_columns_of_an_event(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """M057, D19: times to the microsecond, an empty attribute left out."""
    load(connection, tmp_path, [event(), event(total=None)], key="day.csv")
    assert events(connection, "* EXCLUDE (_digest), _digest IS NULL") == [
        (1, WHEN, 5.0, "b1", "crm", "day.csv", 1, NOW, False),
        (1, WHEN, None, "b1", "crm", "day.csv", 2, NOW, False),
    ]


def test_a_duplicate_inside_one_file(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """M066, D24: the first one is kept."""
    assert load(connection, tmp_path, [event(), event(), event(total=6)]) == Counts(
        read=3, inserted=2, duplicate=1, customers_created=1
    )
    assert events(connection, "_row") == [(1,), (3,)]


def test_a_duplicate_in_a_later_file(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """M066: whichever import it comes by."""
    load(connection, tmp_path, [event()])
    assert load(connection, tmp_path, [event()], import_name="pos") == Counts(read=1, duplicate=1)
    assert load(connection, tmp_path, [event(when=WHEN + MICROSECOND)]).inserted == 1


def test_the_same_event_of_two_customers_is_two_events(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """b.5, D24."""
    assert load(connection, tmp_path, [event("1"), event("2")]).inserted == 2
    assert load(connection, tmp_path, [event("3"), event("2")]) == Counts(
        read=2, inserted=1, duplicate=1, customers_created=1
    )


def test_the_same_event_of_another_type_is_no_duplicate(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """M067."""
    load(connection, tmp_path, [event()])
    assert load(connection, tmp_path, [event()], table=("events", "refund")).inserted == 1


@pytest.mark.parametrize(
    ("after", "duplicate"),
    [(WINDOW - MICROSECOND, 1), (WINDOW, 1), (WINDOW + MICROSECOND, 0)],
)
def test_the_edge_of_the_window(
    connection: duckdb.DuckDBPyConnection,
    tmp_path: Path,
    after: dt.timedelta,
    duplicate: int,
) -> None:
    """M066, D24: 90 days from the import, to the microsecond, whatever the event's own time."""
    load(connection, tmp_path, [event()])
    assert load(connection, tmp_path, [event()], NOW + after) == Counts(
        read=1, inserted=1 - duplicate, duplicate=duplicate
    )


@pytest.mark.parametrize("back", [MICROSECOND, dt.timedelta(days=400)])
def test_a_clock_that_was_set_back(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, back: dt.timedelta
) -> None:
    """D24: what was imported later than now was imported within the window."""
    load(connection, tmp_path, [event()])
    assert load(connection, tmp_path, [event()], NOW - back).duplicate == 1


def test_consents_are_never_duplicates(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """b.5: neither in the file nor of what is stored; of other types alike by name they are."""
    rows = [event(), event()]
    for times in (1, 2):
        assert load(connection, tmp_path, rows, table=CONSENT) == Counts(
            read=2, inserted=2, customers_created=2 - times
        )
    assert (
        table(connection, "SELECT _row FROM events.consent ORDER BY rowid")
        == [
            {"_row": 1},
            {"_row": 2},
        ]
        * 2
    )
    assert load(connection, tmp_path, rows, table=("events", "consents")).duplicate == 1


def test_a_duplicate_does_not_restart_the_window(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """D24."""
    load(connection, tmp_path, [event()])
    assert load(connection, tmp_path, [event()], NOW + dt.timedelta(days=60)).duplicate == 1
    assert load(connection, tmp_path, [event()], NOW + dt.timedelta(days=91)).inserted == 1


def test_the_window_is_that_of_the_project(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    load(connection, tmp_path, [event()])
    short = project()
    short = short.model_copy(update={"limits": short.limits.model_copy(update={"dedup_days": 1})})
    staged = batch(
        tmp_path,
        [event()],
        identifiers=("registered", "cookie"),
        attributes={"total": "number"},
        table=PURCHASE,
    )
    later = NOW + dt.timedelta(days=1) + MICROSECOND
    assert apply_batch(connection, staged, short, later).counts.inserted == 1


def test_the_same_event_by_another_identifier_of_the_customer(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """M061, b.5: once by `registered`, once by the cookie of the same customer."""
    rows = [event("1", cookie="a"), event("1"), event(None, cookie="a")]
    assert load(connection, tmp_path, rows) == Counts(
        read=3, inserted=1, duplicate=2, customers_created=1
    )
    assert load(connection, tmp_path, [event(None, cookie="a")]).duplicate == 1


def test_an_unknown_customer_is_created(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """M057: with its identifiers and nothing else, also when known by a cookie only."""
    counts = load(connection, tmp_path, [event("1"), event(None, cookie="a"), event("1", 6)])
    assert counts == Counts(read=3, inserted=3, customers_created=2)
    assert table(
        connection, "SELECT customer_id, registered, cookie, _row FROM customers ORDER BY ALL"
    ) == [
        {"customer_id": 1, "registered": "1", "cookie": None, "_row": 1},
        {"customer_id": 2, "registered": None, "cookie": ["a"], "_row": 2},
    ]


def test_an_event_that_binds_a_cookie_leaves_the_attributes_alone(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """M045."""
    staged = batch(
        tmp_path, [{"id:registered": "1", "attr:city": "x"}], attributes={"city": "text"}
    )
    apply_batch(connection, staged, project(), NOW)
    load(connection, tmp_path, [event("1", cookie="a")])
    assert table(connection, "SELECT registered, cookie, city FROM customers") == [
        {"registered": "1", "cookie": ["a"], "city": "x"}
    ]


def test_events_follow_a_merged_customer(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """b.4: events of every type, and later duplicates of them are known."""
    load(connection, tmp_path, [event("1")])
    load(connection, tmp_path, [event(None, 7, cookie="a")])
    load(connection, tmp_path, [event(None, 8, cookie="a")], table=("events", "refund"))
    load(connection, tmp_path, [event("1", 9, cookie="a")])
    assert events(connection, "customer_id, total") == [(1, 5), (1, 7), (1, 9)]
    assert connection.execute("SELECT customer_id FROM events.refund").fetchall() == [(1,)]
    assert load(connection, tmp_path, [event("1", 7)]).duplicate == 1


def test_the_event_of_a_rejected_row_is_not_inserted(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """D21: and the row is among the rejects with line and raw text."""
    kinds = {"registered": True, "email": True}
    rows: list[Row] = [
        {"id:registered": "1", "_timestamp": WHEN},
        {"id:email": "x", "_timestamp": WHEN},
        {"id:registered": "1", "id:email": "x", "_timestamp": WHEN + MICROSECOND},
    ]
    staged = batch(tmp_path, rows, identifiers=("registered", "email"), table=PURCHASE)
    counts = apply_batch(connection, staged, project(**kinds), NOW).counts
    assert counts == Counts(read=3, inserted=2, rejected=1, customers_created=2)
    assert events(connection, "_row") == [(1,), (2,)]
    assert table(connection, "SELECT record, line, faults, raw FROM import_assets.rejects") == [
        {
            "record": 3,
            "line": 4,
            "faults": [
                {
                    "column": "email",
                    "value": "x",
                    "reason": "id_conflict",
                    "message": "registered '1' and email 'x' belong to two different customers",
                }
            ],
            "raw": "raw 3",
        }
    ]


def test_attributes_that_come_later_are_empty_before(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """M032, D19."""
    load(connection, tmp_path, [event()])
    row = {**event(when=WHEN + MICROSECOND), "attr:coupon": "S"}
    load(connection, tmp_path, [row], attributes={"total": "number", "coupon": "text"})
    assert events(connection, "total, coupon") == [(5, None), (5, "S")]
