"""What is new, against a model that remembers every row (D43)."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from import_assets.sources.sql.values import SqlColumn
from import_assets.sources.sql.window import Window
from import_assets_tests.sources.databases import Database, Import, sqlite_database

ROWS = st.lists(st.tuples(st.integers(0, 12) | st.none(), st.sampled_from("ab")), max_size=6)
ROUNDS = st.lists(st.tuples(ROWS, st.booleans()), min_size=1, max_size=6)
_EPOCH = dt.datetime(2026, 1, 1)


@contextmanager
def shop() -> Iterator[Database]:
    with TemporaryDirectory() as folder:
        yield sqlite_database(Path(folder))


def insert(database: Database, rows: list[tuple[object, str]]) -> None:
    connection = sqlite3.connect(database.root / "shop.sqlite")
    try:
        connection.executemany("INSERT INTO orders VALUES (?, ?)", rows)
        connection.commit()
    finally:
        connection.close()


@dataclass
class Model:
    """Every row that is owed: new ones at or above what was the highest value, less `lag`."""

    lag: int
    low: int | None = None
    last: int | None = None
    owed: Counter[tuple[int, str]] = field(default_factory=Counter)
    waiting: list[tuple[int, str]] = field(default_factory=list)

    def appear(self, rows: list[tuple[int | None, str]]) -> None:
        self.waiting += [(cursor, name) for cursor, name in rows if cursor is not None]

    def delivered(self) -> Counter[tuple[int, str]]:
        return Counter(row for row in self.waiting if self.low is None or row[0] >= self.low)

    def apply(self) -> None:
        values = [row[0] for row in self.delivered()]
        self.waiting = []
        if values:
            self.last = max([*values, *([] if self.last is None else [self.last])])
        if self.last is not None:
            behind = self.last - self.lag
            self.low = behind if self.low is None else max(behind, self.low)


@settings(max_examples=40, deadline=None)
@given(rounds=ROUNDS, lag=st.integers(0, 6), as_time=st.booleans())
def test_every_row_comes_exactly_once_as_long_as_it_is_within_lag(
    rounds: list[tuple[list[tuple[int | None, str]], bool]], lag: int, as_time: bool
) -> None:
    """D43: whatever is committed when, and whether or not a start's batch is applied."""

    def value(cursor: int | None) -> object:
        if cursor is None or not as_time:
            return cursor
        return str(_EPOCH + dt.timedelta(seconds=cursor))

    with shop() as database:
        database.run("CREATE TABLE orders (moved, name TEXT)")
        orders = Import(database.feed("SELECT * FROM orders", "moved", lag=lag))
        model, nulls = Model(lag), 0
        for rows, applied in rounds:
            insert(database, [(value(cursor), name) for cursor, name in rows])
            model.appear(rows)
            nulls += sum(cursor is None for cursor, _ in rows)
            found = Counter(orders.pull(apply=applied))
            assert sum(count for row, count in found.items() if row[0] is None) == nulls
            expected = {(value(row[0]), row[1]): n for row, n in model.delivered().items()}
            assert {row: n for row, n in found.items() if row[0] is not None} == expected
            if applied:
                model.apply()


@settings(max_examples=80, deadline=None)
@given(
    texts=st.lists(st.text(max_size=4) | st.none(), min_size=2, max_size=6),
    split=st.integers(0, 6),
)
def test_digests_tell_rows_apart_and_know_them_again(texts: list[str | None], split: int) -> None:
    """D43: how rows are divided into blocks, and the order of columns, are no part of them."""
    columns = [SqlColumn("a", "text"), SqlColumn("b", "text"), SqlColumn("c", "integer")]
    window = Window("c", columns, "integer", 0, "file")
    frame = pl.DataFrame(
        {"a": texts, "b": texts[::-1], "c": [0] * len(texts)},
        schema={"a": pl.String, "b": pl.String, "c": pl.Int64},
    )
    whole = window._digests(frame)
    parts = window._digests(frame[:split]) + window._digests(frame[split:].select("c", "b", "a"))
    assert whole == parts
    assert len(set(whole)) == len(set(frame.rows()))
