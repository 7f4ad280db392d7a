"""Undo: the tables become what they would be without the batch (D53)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from import_assets.errors import FileRefused
from import_assets.tables import catalogs, identity, journal, parts
from import_assets.tables.apply import apply_batch
from import_assets.tables.catalogs import Settings
from import_assets.tables.outcome import Counts
from import_assets.tables.undo import NotUndone, Undone, undo
from import_assets.warehouse import ledger
from import_assets.warehouse.sql import number
from import_assets_tests.builders import (
    NOW,
    PART_CELLS,
    Row,
    batch,
    examples,
    project,
    table,
    warehouse,
)

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

    def shown(self) -> dict[str | None, list[str]]:
        """The cookies of each customer, by `registered`."""
        rows = self.connection.execute(
            "SELECT registered, coalesce(cookie, []) FROM customers ORDER BY 1"
        ).fetchall()
        return dict(rows)

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


@examples(12)
@given(
    batches=st.lists(brought(cookies=False), min_size=1, max_size=4),
    chosen=st.integers(0, 3),
    cells=PART_CELLS,
)
def test_undone_is_as_if_it_had_never_been(
    batches: list[dict[str, Any]], chosen: int, cells: int
) -> None:
    with mock.patch.object(parts, "CELLS", cells):
        check_as_if_never(batches, chosen % len(batches))


@examples(12)
@given(
    batches=st.lists(
        brought(cookies=True).filter(lambda facts: facts.get("table") != PURCHASE),
        min_size=1,
        max_size=4,
    ),
    chosen=st.integers(0, 3),
)
def test_profiles_part_again(batches: list[dict[str, Any]], chosen: int) -> None:
    """b.4: with what only one of them knew; events aside, whose identifiers others may know too."""
    check_as_if_never(batches, chosen % len(batches))


def check_nothing_is_left(batches: list[dict[str, Any]], order: Sequence[int]) -> None:
    """Undo all of them, in an order; on the way everything hangs together, and then it is gone."""
    with warehouse() as connection, TemporaryDirectory() as folder:
        yard = Yard(connection, Path(folder))
        _bring(yard, batches, set())
        gone: set[str] = set()
        for place in order:
            if f"batch{place}" not in gone:
                done = yard.undo(f"batch{place}", cascade=True)
                gone |= {one.entry.batch_id for one in done}
                check_it_hangs_together(connection)
        tables = connection.execute(
            "SELECT schema_name, table_name FROM duckdb_tables() WHERE NOT temporary "
            "AND table_name NOT IN ('batches', 'contracts')"
        ).fetchall()
        left = {
            f"{schema}.{name}": rows
            for schema, name in tables
            if (rows := table(connection, f'SELECT * FROM "{schema}"."{name}"'))
        }
        assert left == {}
        assert yard.count("undo.batches") == 0


def check_it_hangs_together(connection: duckdb.DuckDBPyConnection) -> None:
    """Whoever is spoken of is there, shows their identifiers, and is known to a batch."""
    assert _sums(connection) == []
    if not connection.execute("FROM duckdb_tables() WHERE table_name = 'customers'").fetchall():
        return
    there = "(SELECT customer_id FROM main.customers)"
    events = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE schema_name IN ('events') AND NOT temporary"
    ).fetchall()
    speaking = ["import_assets.customer_ids", "import_assets.customer_versions"]
    speaking += [f'events."{name}"' for (name,) in events]
    for name in speaking:
        strays = f"SELECT * FROM {name} WHERE customer_id NOT IN {there}"
        assert table(connection, strays) == [], name
    columns = "coalesce([registered], []) AS registered, coalesce(cookie, []) AS cookie"
    held = "coalesce(list(value ORDER BY added) FILTER (WHERE kind = '{0}'), []) AS {0}"
    shown = table(connection, f"SELECT customer_id, {columns} FROM main.customers ORDER BY 1")
    for row in shown:
        row["registered"] = [value for value in row["registered"] if value is not None]
    assert shown == table(
        connection,
        f"SELECT c.customer_id, {held.format('registered')}, {held.format('cookie')} "
        "FROM main.customers c LEFT JOIN import_assets.customer_ids USING (customer_id) "
        "GROUP BY c.customer_id ORDER BY 1",
    )
    nobody = (
        "WHERE _batch NOT IN (SELECT batch_id FROM import_assets.batches WHERE undone_at IS NULL)"
    )
    assert table(connection, f"SELECT customer_id, _batch FROM main.customers {nobody}") == []


ALL = st.tuples(
    st.lists(brought(cookies=True), min_size=1, max_size=5), st.permutations(range(5))
).map(lambda drawn: (drawn[0], [place for place in drawn[1] if place < len(drawn[0])]))


@examples(20)
@given(ALL)
def test_nothing_is_left_when_all_are_undone(drawn: tuple[list[dict[str, Any]], list[int]]) -> None:
    """In any order: what stays since later batches know it goes with the last that knows it."""
    check_nothing_is_left(*drawn)


@examples(12)
@given(ALL)
def test_nothing_is_left_of_customers_with_too_many_cookies(
    drawn: tuple[list[dict[str, Any]], list[int]],
) -> None:
    """b.4, with room for one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(identity, "LIMIT", 1)
        check_nothing_is_left(*drawn)


# --- examples -------------------------------------------------------------------------------------


def test_events_go_and_their_duplicates_get_in(yard: Yard) -> None:
    """M066: the later of two equal events is in the table when the earlier is taken back."""
    yard.bring([event("1", 5), event("1", 6), event("2", 5)], **EVENTS)
    later = yard.bring([event("1", 5), event("1", 5), event("3", 7)], **EVENTS)
    assert (later.inserted, later.duplicate) == (1, 2)
    (done,) = yard.undo("b1")
    assert (done.removed, done.returned) == (3, 1)
    rows = table(yard.connection, "SELECT total, _batch, _row FROM events.purchase ORDER BY total")
    assert rows == [
        {"total": 5, "_batch": "b2", "_row": 1},
        {"total": 7, "_batch": "b2", "_row": 3},
    ]
    counts = ledger.find(yard.connection, "b2")[0].counts
    assert (counts.inserted, counts.duplicate) == (2, 1)
    assert counts.add_up


def test_customers_that_only_events_knew_go_unless_others_know_them(yard: Yard) -> None:
    yard.bring([event("1", 5), event("2", 5), event("3", 5)], **EVENTS)
    yard.bring([event("2", 6)], **EVENTS)
    yard.bring([customer("3", name="x")], **NAMED)
    yard.undo("b1")
    assert table(yard.connection, "SELECT registered, name FROM customers ORDER BY 1") == [
        {"registered": "2", "name": None},
        {"registered": "3", "name": "x"},
    ]


def test_attributes_become_what_they_were(yard: Yard) -> None:
    """D53, M044: with since when they hold, so that the right data can come after all (b.4)."""
    yard.bring([customer("1", name="old")], **NAMED)
    stamp = NOW + dt.timedelta(days=1, hours=1)
    wrong = {**customer("1", name="wrong"), "_updated": stamp}
    yard.bring([wrong, {**customer("2", name="new"), "_updated": stamp}], timed=True, **NAMED)
    yard.bring([customer("1", city="Brno")], **BOTH, attributes={"city": "text"})
    (done,) = yard.undo("b2")
    assert (done.removed, done.restored) == (1, 1)
    assert table(yard.connection, "SELECT registered, name, city FROM customers") == [
        {"registered": "1", "name": "old", "city": "Brno"}
    ]
    right = {**customer("1", name="right"), "_updated": stamp}
    yard.bring([right], timed=True, **NAMED)
    assert table(yard.connection, "SELECT name FROM customers") == [{"name": "right"}]


def test_what_others_built_on_is_not_undone_without_them(yard: Yard) -> None:
    yard.bring([customer("1", name="a"), customer("2", name="a")], **NAMED)
    yard.bring([customer("2", name="b")], **NAMED, key="names.csv")
    yard.bring([event("1", 5)], **EVENTS, key="sales.csv")
    yard.bring([customer("9", name="z")], **NAMED)
    before = state(yard.connection)
    with pytest.raises(NotUndone) as told:
        yard.undo("b1")
    sentence = str(told.value)
    assert "crm: names.csv" in sentence
    assert "1 of the same customers" in sentence
    assert "crm: sales.csv" in sentence
    assert "1 event of its customers" in sentence
    assert "--cascade" in sentence
    assert state(yard.connection) == before
    done = yard.undo("b1", cascade=True)
    assert [one.entry.batch_id for one in done] == ["b3", "b2", "b1"]
    assert table(yard.connection, "SELECT registered FROM customers") == [{"registered": "9"}]
    assert yard.count("events.purchase") == 0


def test_a_merge_is_taken_back(yard: Yard) -> None:
    """b.4: both profiles are there again, each with its own attributes, cookies and events."""
    yard.bring([customer(None, "c", name="visitor")], **NAMED)
    yard.bring([event(None, 5, "c")], **EVENTS)
    yard.bring([customer("1", name="buyer")], **NAMED)
    yard.bring([event("1", 6)], **EVENTS)
    before = state(yard.connection)
    yard.bring([customer("1", "c", name="one")], **NAMED)
    assert yard.count("customers") == 1
    yard.undo("b5")
    assert state(yard.connection) == before
    assert yard.count("import_assets.merges") == 0


def test_an_undone_batch_can_be_imported_again(yard: Yard) -> None:
    yard.bring([customer("1", name="old")], **NAMED)
    rows = [customer("1", "c", name="new"), customer("2", name="new")]
    counts = yard.bring(rows, **NAMED)
    imported = state(yard.connection)
    yard.undo("b2")
    assert yard.bring(rows, **NAMED, batch_id="b2") == counts
    assert state(yard.connection) == imported
    yard.undo("b2")
    assert table(yard.connection, "SELECT registered, name, cookie FROM customers") == [
        {"registered": "1", "name": "old", "cookie": None}
    ]


def test_the_same_is_not_undone_twice(yard: Yard) -> None:
    yard.bring([customer("1", name="a")], **NAMED)
    yard.undo("b1")
    with pytest.raises(NotUndone, match="was undone already, at 2026-07-21"):
        yard.undo("b1")


def test_what_is_no_longer_kept_cannot_be_undone(yard: Yard) -> None:
    yard.bring([customer("1", name="a")], **NAMED)
    yard.bring([customer("2", name="a")], **NAMED)
    day = dt.timedelta(days=1)
    assert journal.forget_older(yard.connection, NOW + 1.5 * day) == 1
    with pytest.raises(NotUndone, match="no longer kept"):
        yard.undo("b1")
    assert len(yard.undo("b2")) == 1


def test_items_and_a_whole_catalog(yard: Yard) -> None:
    """M077: without its first import, a catalog has no columns yet."""

    def item(name: str, price: int) -> Row:
        return {"id:item_id": name, "attr:title": name.upper(), "attr:price": price}

    yard.bring([item("a", 1), item("b", 1), item("c", 1)], **CATALOG)
    first = state(yard.connection)
    whole: dict[str, Any] = {**CATALOG, "mode": "full", "max_drop": 100}
    counts = yard.bring([item("a", 2), item("b", 1), item("d", 1)], **whole)
    assert (counts.removed, counts.inserted, counts.updated, counts.unchanged) == (1, 1, 1, 1)
    with pytest.raises(NotUndone, match="of the whole catalog that it replaced"):
        yard.undo("b1")
    (done,) = yard.undo("b2")
    assert (done.removed, done.restored) == (1, 2)
    assert state(yard.connection) == first
    yard.undo("b1")
    assert state(yard.connection) == {"attributes": [], "catalogs": []}


def bring_titles_and_prices(yard: Yard) -> None:
    """Let import A set a catalog, with titles to search by, and import B bring prices."""
    titles = {"attributes": {"title": "text"}, "searchable": ("title",), "import_name": "A"}
    yard.bring([{"id:item_id": "a", "attr:title": "T"}], **{**CATALOG, **titles})
    yard.bring([{"id:item_id": "b", "attr:price": 3}], **{**CATALOG, **PRICES})


PRICES: dict[str, Any] = {
    "attributes": {"price": "integer"},
    "import_name": "B",
    "new_columns": True,
}


def test_what_is_searchable_goes_with_the_import_that_set_it(yard: Yard) -> None:
    """M077, D34: the next one that says it sets it."""
    bring_titles_and_prices(yard)
    yard.undo("b1")
    row: Row = {"id:item_id": "c", "attr:price": 4}
    with pytest.raises(FileRefused, match="searchable size is a column neither of the catalog"):
        yard.bring([row], **{**CATALOG, **PRICES, "searchable": ("size",)})
    yard.bring([row], **{**CATALOG, **PRICES})
    yard.bring([row], **{**CATALOG, **PRICES, "import_name": "C", "searchable": ("price",)})
    assert catalogs.settings(yard.connection, "items") == Settings(False, ("price",), "C")
    with pytest.raises(FileRefused, match=r"were set by its first import, C, to \[price\]"):
        yard.bring([row], **{**CATALOG, **PRICES, "searchable": ("title",)})


def test_what_is_searchable_stays_with_other_files_of_the_import(yard: Yard) -> None:
    """M077, D34: unless these lack what was searchable."""
    bring_titles_and_prices(yard)
    titles = {"attributes": {"title": "text"}, "searchable": ("title",), "import_name": "A"}
    yard.bring([{"id:item_id": "c", "attr:title": "U"}], **{**CATALOG, **titles})
    yard.bring([{"id:item_id": "d", "attr:price": 5}], **{**CATALOG, **PRICES, "import_name": "A"})
    yard.undo("b1")
    assert catalogs.settings(yard.connection, "items") == Settings(False, ("title",), "A")
    yard.undo("b3")
    assert catalogs.settings(yard.connection, "items") == Settings(False, None, "B")


def test_vouchers_and_their_duplicates(yard: Yard) -> None:
    """D39."""
    yard.bring([{"id:code": "A"}, {"id:code": "B"}], **CODES)
    yard.bring([{"id:code": "B"}, {"id:code": "C"}], **CODES)
    (done,) = yard.undo("b1")
    assert (done.removed, done.returned) == (2, 1)
    rows = table(yard.connection, 'SELECT code, _batch FROM vouchers."SUMMER10" ORDER BY code')
    assert [tuple(row.values()) for row in rows] == [("B", "b2"), ("C", "b2")]


def test_attributes_that_only_the_batch_brought_go_with_it(yard: Yard) -> None:
    """M033: so that the file can come again with another type."""
    yard.bring([customer("1", age="x")], **BOTH, attributes={"age": "text"})
    yard.undo("b1")
    yard.bring([customer("1", age=3)], **BOTH, attributes={"age": "integer"})
    assert table(yard.connection, "SELECT age FROM customers") == [{"age": 3}]


def test_an_error_on_the_way_undoes_nothing(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    yard.bring([event("1", 5)], **EVENTS)
    before = state(yard.connection)

    def broken(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(journal, "forget", broken)
    with pytest.raises(RuntimeError):
        yard.undo("b1")
    assert state(yard.connection) == before
    assert ledger.find(yard.connection, "b1")[0].undone_at is None


# --- one after the other --------------------------------------------------------------------------


def _orphans(yard: Yard) -> int:
    return yard.count(
        "import_assets.customer_ids WHERE customer_id NOT IN (SELECT customer_id FROM customers)"
    )


@pytest.mark.parametrize("who", ["1", None])
def test_no_identifier_is_left_of_a_customer_that_goes(yard: Yard, who: str | None) -> None:
    """A use by a batch that was undone before does not keep it."""
    yard.bring([event(who, 5, "c")], **EVENTS)
    yard.bring([event(who, 6, "c")], **EVENTS)
    yard.undo("b2")
    yard.undo("b1")
    assert (yard.count("customers"), _orphans(yard)) == (0, 0)
    yard.bring([event(None, 7, "c")], **EVENTS)
    assert (yard.count("customers"), _orphans(yard)) == (1, 0)


def test_empty_catalogs_are_undone_one_after_the_other(yard: Yard) -> None:
    yard.bring([], **CATALOG)
    yard.bring([], **CATALOG)
    yard.undo("b1")
    (done,) = yard.undo("b2")
    assert done.removed == 0


def test_an_attribute_goes_with_the_last_that_brought_it(yard: Yard) -> None:
    """M033."""
    for who in ("1", "2"):
        yard.bring([customer(who, age="x")], **BOTH, attributes={"age": "text"})
    yard.undo("b1")
    assert table(yard.connection, "SELECT age FROM customers") == [{"age": "x"}]
    yard.undo("b2")
    yard.bring([customer("1", age=3)], **BOTH, attributes={"age": "integer"})
    assert table(yard.connection, "SELECT age FROM customers") == [{"age": 3}]


def test_events_whose_customers_a_retyped_batch_knew_are_not_undone(yard: Yard) -> None:
    yard.bring([event("1", 5)], **EVENTS)
    yard.bring([customer("1", name="x")], **NAMED)
    yard.bring([event("2", 5)], **EVENTS)
    yard.connection.execute("BEGIN")
    journal.seal(yard.connection, ("customers",), "name")
    yard.connection.execute("COMMIT")
    with pytest.raises(NotUndone, match="retyped"):
        yard.undo("b1")
    assert table(yard.connection, "SELECT name FROM customers WHERE registered = '1'") == [
        {"name": "x"}
    ]
    assert len(yard.undo("b3")) == 1


# --- who knew a customer by an identifier ---------------------------------------------------------


def bring_a_cookie_and_uses(yard: Yard) -> None:
    """Let a batch of customers give a cookie, and two of events use it."""
    yard.bring([customer("1")], **BOTH)
    yard.bring([customer("1", "c", name="n")], **NAMED)
    yard.bring([event(None, 5, "c")], **EVENTS)
    yard.bring([event(None, 6, "c")], **EVENTS)


def test_all_who_used_an_identifier_built_on_who_gave_it(yard: Yard) -> None:
    """Not only the last of them."""
    bring_a_cookie_and_uses(yard)
    assert [one.entry.batch_id for one in yard.undo("b2", cascade=True)] == ["b4", "b3", "b2"]
    assert yard.count("events.purchase") == 0


def test_who_used_an_identifier_built_on_it_though_a_later_use_was_undone(yard: Yard) -> None:
    bring_a_cookie_and_uses(yard)
    yard.undo("b4")
    with pytest.raises(NotUndone, match=r"b3 .*1 of the same identifiers"):
        yard.undo("b2")
    yard.undo("b3")
    yard.undo("b2")
    assert yard.shown() == {"1": []}


def test_a_use_is_known_though_the_batch_can_no_longer_be_undone(yard: Yard) -> None:
    """An attribute of its events was retyped."""
    bring_a_cookie_and_uses(yard)
    yard.connection.execute("BEGIN")
    journal.seal(yard.connection, PURCHASE, "total")
    yard.connection.execute("COMMIT")
    with pytest.raises(NotUndone, match="b4"):
        yard.undo("b2")
    journal.forget_older(yard.connection, NOW + dt.timedelta(days=9))
    assert yard.count("undo.used_ids") == 0


# --- too many identifiers -------------------------------------------------------------------------


def bring_as_many_as_stay(yard: Yard) -> set[str]:
    """Give customer 1 as many cookies as one can have, the oldest c00; return them."""
    cookies = [f"c{number:02d}" for number in range(identity.LIMIT)]
    yard.bring([customer("1", cookie) for cookie in cookies], **BOTH)
    return set(cookies)


def test_what_a_later_batch_would_have_dropped_stays_dropped(yard: Yard) -> None:
    """b.4: until that one is undone, too."""
    cookies = bring_as_many_as_stay(yard)
    yard.bring([event("1", 1, "n1")], **EVENTS)
    yard.bring([event("1", 2, "n1")], **EVENTS)
    yard.undo("b2")
    assert set(yard.shown()["1"]) == cookies - {"c00"} | {"n1"}
    yard.undo("b3")
    assert set(yard.shown()["1"]) == cookies
    assert yard.count("import_assets.customer_ids") == len(cookies) + 1


def test_of_two_that_were_dropped_the_longest_unused_stays_out(yard: Yard) -> None:
    """b.4: there is room for one again."""
    cookies = bring_as_many_as_stay(yard)
    yard.bring([event("1", 1, "n1"), event("1", 1, "n2")], **EVENTS)
    yard.bring([event("1", 2, "n1")], **EVENTS)
    yard.undo("b2")
    assert set(yard.shown()["1"]) == cookies - {"c00"} | {"n1"}
    yard.undo("b3")
    assert set(yard.shown()["1"]) == cookies


def test_who_dropped_an_identifier_built_on_who_gave_another(yard: Yard) -> None:
    """b.4: without the first, the second would have dropped c00 instead of c01."""
    cookies = bring_as_many_as_stay(yard)
    yard.bring([event("1", 1, "n1")], **EVENTS)
    yard.bring([event("1", 1, "n2")], **EVENTS)
    with pytest.raises(NotUndone, match=r"b3 .*1 identifiers? too many of the same customers"):
        yard.undo("b2")
    yard.undo("b2", cascade=True)
    assert set(yard.shown()["1"]) == cookies


def test_an_undone_use_does_not_keep_an_identifier(yard: Yard) -> None:
    """b.4."""
    cookies = bring_as_many_as_stay(yard)
    yard.bring([event("1", 1, "c00")], **EVENTS)
    yard.undo("b2")
    yard.bring([event("1", 2, "n2")], **EVENTS)
    assert set(yard.shown()["1"]) == cookies - {"c00"} | {"n2"}


# --- in any order ---------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [(1, 2, 3), (2, 1, 3), (3, 1, 2), (2, 3, 1)])
@pytest.mark.parametrize("totals", [(5, 6, 7), (5, 5, 5)])
def test_a_customer_goes_with_the_last_who_knows_it(
    yard: Yard, order: Sequence[int], totals: Sequence[int]
) -> None:
    """Personal data does not stay behind; neither where events were duplicates, see M066."""
    for total in totals:
        yard.bring([event("1", total)], **EVENTS)
    for place in order:
        assert list(yard.shown()) == ["1"]
        yard.undo(f"b{place}")
    assert yard.shown() == {}
    assert yard.count("import_assets.customer_ids") == 0


def test_a_customer_who_only_lost_a_cookie_is_not_known_by_that(yard: Yard) -> None:
    yard.bring([event("1", 5, "c")], **EVENTS)
    yard.bring([event("2", 5, "c")], **EVENTS)
    yard.undo("b1")
    assert yard.shown() == {"2": ["c"]}
    yard.undo("b2")
    assert yard.shown() == {}
    assert yard.count("import_assets.customer_ids") == 0


def test_what_stays_is_of_the_batch_that_made_it_then(yard: Yard) -> None:
    """M068: the row of the customer names a batch that stands, and goes with it."""
    yard.bring([event("2", 1), event("1", 5, "c")], **EVENTS, key="a.csv")
    yard.bring([event("3", 1), event("1", 6)], **EVENTS, key="b.csv")
    yard.bring([customer("1", name="x")], **NAMED, key="c.csv")
    before = "SELECT _file, _row FROM undo.customers WHERE _sequence = 3"
    yard.undo("b1")
    assert table(yard.connection, before) == [{"_file": "b.csv", "_row": 2}]
    assert yard.shown() == {"1": [], "3": []}
    yard.undo("b2")
    yard.undo("b3")
    assert yard.shown() == {}
    assert yard.count("undo.customers") == 0


def test_what_a_batch_knows_that_cannot_be_undone_stays(yard: Yard) -> None:
    """Its events were retyped since; no journal is kept for it."""
    visits: dict[str, Any] = {**EVENTS, "table": ("events", "visit")}
    yard.bring([event("1", 5, "c")], **visits)
    yard.bring([event("1", 6, "c")], **EVENTS)
    yard.connection.execute("BEGIN")
    journal.seal(yard.connection, PURCHASE, "total")
    yard.connection.execute("COMMIT")
    yard.undo("b1")
    assert yard.shown() == {"1": ["c"]}
    assert table(yard.connection, "SELECT _batch FROM customers") == [{"_batch": "b2"}]
    assert yard.count("undo.touched_customers") == yard.count("undo.customer_ids") == 0


def test_the_example_of_the_page(yard: Yard) -> None:
    """docs/undo.md: three files of events, undone one after the other."""
    yard.bring([event("1", 1), event("2", 1)], **EVENTS, key="a.csv")
    yard.bring([event("1", 2)], **EVENTS, key="b.csv")
    yard.bring([event("1", 3)], **EVENTS, key="c.csv")
    seen = []
    for place in (1, 2, 3):
        yard.undo(f"b{place}")
        seen.append(table(yard.connection, "SELECT registered, _file FROM customers"))
    assert seen == [
        [{"registered": "1", "_file": "b.csv"}],
        [{"registered": "1", "_file": "c.csv"}],
        [],
    ]


def test_rejects_stay_rejects_when_what_stood_in_the_way_is_undone(yard: Yard) -> None:
    """D39: a replay brings them in, see docs/undo.md."""
    yard.bring([{"id:code": "A"}], **CODES)
    counts = yard.bring([{"id:code": "A"}], **{**CODES, "table": ("vouchers", "WINTER")})
    assert counts.rejected == 1
    yard.undo("b1")
    assert yard.count('vouchers."WINTER"') == 0
    assert table(yard.connection, "SELECT batch_id, replayed_in FROM import_assets.rejects") == [
        {"batch_id": "b2", "replayed_in": None}
    ]
