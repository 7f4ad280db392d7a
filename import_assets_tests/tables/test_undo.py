"""Undo: the tables become what they would be without the batch (D53)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from import_assets.tables.apply import apply_batch
from import_assets.tables.outcome import Counts
from import_assets.tables.undo import NotUndone, Undone, undo
from import_assets.warehouse import ledger
from import_assets.warehouse.sql import number
from import_assets_tests.builders import NOW, Row, batch, examples, project, table, warehouse

PURCHASE = ("events", "purchase")
ITEMS = ("catalogs", "items")
POOL = ("vouchers", "SUMMER10")
LONG_AFTER = NOW + dt.timedelta(days=20)


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with warehouse() as opened:
        yield opened


@dataclass
class Yard:
    """A warehouse to which batches are brought, one a day."""

    connection: duckdb.DuckDBPyConnection
    folder: Path
    kinds: dict[str, bool] = field(default_factory=lambda: {"registered": True, "cookie": False})
    days: int = 0

    def bring(self, rows: Sequence[Row], **facts: Any) -> Counts:
        staged = batch(self.folder, rows, **facts)
        self.days += 1
        now = NOW + dt.timedelta(days=self.days)
        return apply_batch(self.connection, staged, project(**self.kinds), now).counts

    def undo(self, batch_id: str, *, cascade: bool = False) -> list[Undone]:
        entry = ledger.find(self.connection, batch_id)[-1]
        identifiers = project(**self.kinds).identifiers
        return undo(self.connection, entry, identifiers, LONG_AFTER, cascade=cascade)

    def count(self, name: str) -> int:
        return number(self.connection, f"SELECT count(*) FROM {name}")


@pytest.fixture
def yard(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> Yard:
    return Yard(connection, tmp_path)


def customer(registered: str | None, cookie: str | None = None, **cells: Any) -> Row:
    attributes = {f"attr:{name}": cell for name, cell in cells.items()}
    return {"id:registered": registered, "id:cookie": cookie, **attributes}


BOTH: dict[str, Any] = {"identifiers": ("registered", "cookie")}
NAMED: dict[str, Any] = BOTH | {"attributes": {"name": "text"}}
EVENTS: dict[str, Any] = BOTH | {"table": PURCHASE, "attributes": {"total": "integer"}}
CATALOG: dict[str, Any] = {
    "table": ITEMS,
    "identifiers": ("item_id",),
    "attributes": {"title": "text", "price": "integer"},
}
CODES: dict[str, Any] = {"table": POOL, "identifiers": ("code",)}


def event(registered: str | None, total: int, cookie: str | None = None) -> Row:
    when = dt.datetime(2026, 6, 1)
    return {**customer(registered, cookie, total=total), "_timestamp": when}


# --- the state of a warehouse ---------------------------------------------------------------------


def state(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """What users see, with customers by their identifiers instead of their numbers."""
    tables = connection.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() "
        "WHERE schema_name IN ('main', 'events', 'catalogs', 'vouchers') AND NOT temporary"
    ).fetchall()
    who = "(SELECT list((kind, value) ORDER BY kind, value) FROM import_assets.customer_ids i "
    who += "WHERE i.customer_id = t.customer_id) AS who"
    seen: dict[str, Any] = {}
    for schema, name in tables:
        columns = {row[0] for row in connection.execute(f'DESCRIBE "{schema}"."{name}"').fetchall()}
        owner = f", {who}" if "customer_id" in columns else ""
        lineage = "_batch, _import, _file, _row, _imported_at"
        # Who wrote a customer last is told by a batch that may be undone, where customers stay.
        hidden = [lineage] if schema == "main" else []
        hidden += ["customer_id"] if owner else []
        without = f"EXCLUDE ({', '.join(hidden)})" if hidden else ""
        rows = table(connection, f'SELECT * {without}{owner} FROM "{schema}"."{name}" t')
        rows = [{k: v for k, v in row.items() if v is not None} for row in rows]
        if rows:
            seen[f"{schema}.{name}"] = sorted(rows, key=repr)
    books = "SELECT table_name, attribute, type FROM import_assets.attributes"
    seen["attributes"] = sorted(connection.execute(books).fetchall())
    seen["catalogs"] = connection.execute("SELECT * FROM import_assets.catalogs").fetchall()
    return seen


# --- property -------------------------------------------------------------------------------------

NAMES = st.sampled_from([None, "x", "y"])
STAMPS = st.sampled_from([None, *(NOW + dt.timedelta(days=days) for days in (-1, 1.5, 2.5))])


@st.composite
def brought(draw: st.DrawFn, *, cookies: bool) -> dict[str, Any]:
    """The rows and facts of a batch of any kind."""
    kind = draw(st.sampled_from(["customers", "events", "catalog", "vouchers"]))
    if kind == "vouchers":
        rows = draw(
            st.lists(st.builds(lambda c: {"id:code": c}, st.sampled_from("pqr")), max_size=4)
        )
        return {"rows": rows, **CODES}
    if kind == "catalog":
        names = draw(st.sampled_from([["title"], ["price"], ["title", "price"]]))
        cells = {"title": NAMES, "price": st.sampled_from([None, 1, 2])}
        row = st.fixed_dictionaries(
            {"id:item_id": st.sampled_from("pq"), **{f"attr:{n}": cells[n] for n in names}}
        )
        return {
            "rows": draw(st.lists(row, max_size=3)),
            "table": ITEMS,
            "identifiers": ("item_id",),
            "attributes": {name: CATALOG["attributes"][name] for name in names},
            "empty": draw(st.sampled_from(["overwrite", "keep"])),
            "mode": draw(st.sampled_from(["partial", "replace", "full"])),
            "max_drop": 100,
            "new_columns": True,
        }
    ids: dict[str, Any] = {"id:registered": st.sampled_from("pq")}
    if cookies:
        ids = {
            "id:registered": st.sampled_from(["p", "q", None]),
            "id:cookie": st.sampled_from(["c", "d", None]),
        }
    identifiers = tuple(name.removeprefix("id:") for name in ids)
    has_id = lambda row: any(row[name] for name in ids)  # noqa: E731  # used thrice below
    if kind == "events":
        row = st.fixed_dictionaries(
            {**ids, "attr:total": st.integers(1, 2), "_timestamp": st.just(dt.datetime(2026, 6, 1))}
        ).filter(has_id)
        return {
            "rows": draw(st.lists(row, max_size=4)),
            **EVENTS,
            "identifiers": identifiers,
        }
    names = draw(st.lists(st.sampled_from(["name", "city"]), unique=True))
    timed = draw(st.booleans())
    row = st.fixed_dictionaries(
        {
            **ids,
            **{f"attr:{name}": NAMES for name in names},
            **({"_updated": STAMPS} if timed else {}),
        }
    ).filter(has_id)
    return {
        "rows": draw(st.lists(row, max_size=4)),
        "identifiers": identifiers,
        "attributes": dict.fromkeys(names, "text"),
        "empty": draw(st.sampled_from(["overwrite", "keep"])),
        "timed": timed,
    }


def _bring(yard: Yard, batches: Sequence[dict[str, Any]], left_out: set[int]) -> list[str]:
    """Bring all batches but some, each with the key and the day of its place."""
    for place, facts in enumerate(batches):
        yard.days = place
        if place not in left_out:
            rows = facts["rows"]
            yard.bring(
                rows,
                **{k: v for k, v in facts.items() if k != "rows"},
                key=f"k{place}",
                batch_id=f"batch{place}",
            )
    return [f"batch{place}" for place in range(len(batches))]


def check_as_if_never(batches: list[dict[str, Any]], chosen: int) -> None:
    """Undo one, with whatever built on it, and compare with a warehouse that never had them."""
    kinds = {"registered": True, "cookie": False}
    with warehouse() as connection, TemporaryDirectory() as folder:
        yard = Yard(connection, Path(folder), kinds)
        _bring(yard, batches, set())
        done = yard.undo(f"batch{chosen}", cascade=True)
        gone = {int(one.entry.batch_id.removeprefix("batch")) for one in done}
        assert chosen in gone
        undone = state(connection)
        assert _sums(connection) == []
    with warehouse() as connection, TemporaryDirectory() as folder:
        yard = Yard(connection, Path(folder), kinds)
        _bring(yard, batches, gone)
        assert undone == state(connection)


def _sums(connection: duckdb.DuckDBPyConnection) -> list[Any]:
    """The batches whose counts do not add up, or that have other rows than they count."""
    return connection.execute(
        """
        SELECT batch_id FROM import_assets.batches
        WHERE read <> inserted + updated + unchanged + duplicate + rejected
        """
    ).fetchall()


@examples(40)
@given(
    batches=st.lists(brought(cookies=False), min_size=1, max_size=4),
    chosen=st.integers(0, 3),
)
def test_undone_is_as_if_it_had_never_been(batches: list[dict[str, Any]], chosen: int) -> None:
    check_as_if_never(batches, chosen % len(batches))


@examples(40)
@given(
    batches=st.lists(brought(cookies=True), min_size=1, max_size=4),
    chosen=st.integers(0, 3),
)
def test_cookies(batches: list[dict[str, Any]], chosen: int) -> None:
    check_as_if_never(batches, chosen % len(batches))
