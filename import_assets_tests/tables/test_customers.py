"""Customers: rows update whom their identifiers name, in file order (M042-M045, M100, D18, D22)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from import_assets.errors import WarehouseError
from import_assets.tables import parts
from import_assets.tables.apply import apply_batch
from import_assets.tables.identity import IdKind
from import_assets.tables.outcome import Counts
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
from import_assets_tests.tables.shop import Customer, Ids, Shop

KINDS = [
    {"registered": True},
    {"cookie": False},
    {"registered": True, "cookie": False},
    {"registered": True, "email": True, "cookie": False, "device": False},
]
ATTRIBUTES = {"a": "text", "b": "integer"}


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with warehouse() as opened:
        yield opened


# --- the model ------------------------------------------------------------------------------------


@dataclass
class File:
    """One delivery: its rows (identifiers and attributes), and what it does with empty cells.

    `timed` says that rows have an update timestamp, in `_updated`.
    """

    identifiers: list[str]
    attributes: list[str]
    keep: bool
    rows: Sequence[tuple[Ids, Row]]
    timed: bool = False


@dataclass
class Model:
    """The table of customers, changed row by row; `stamp` is file and row of the last change."""

    kinds: dict[str, bool]
    shop: Shop = field(init=False)
    number: dict[Customer, int] = field(default_factory=dict)
    cells: dict[Customer, dict[str, Any]] = field(default_factory=dict)
    since: dict[Customer, dict[str, tuple[dt.datetime, int]]] = field(default_factory=dict)
    """Since when each value holds, and how many rows were written later, negative."""
    stamp: dict[Customer, tuple[int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.shop = Shop(tuple(IdKind(name, hard) for name, hard in self.kinds.items()))

    def apply(self, place: int, file: File) -> Counts:
        shop, offset = self.shop, self.shop.rows
        stored = list(shop.customers)
        owner_before = {key: customer for customer in stored for key in customer.ids}
        before = {customer: self.identifiers(customer) for customer in stored}
        shop.since.clear()
        for ids, _ in file.rows:
            shop.take(ids)
        changed = {
            key: shop.since[key] - offset
            for customer in shop.customers
            for key in customer.ids
            if owner_before.get(key) is not customer or shop.added[key] > offset
        }
        touched: dict[Customer, int] = {}
        for key, row in changed.items():
            for customer in (shop.owner(key), owner_before.get(key)):
                if customer is not None:
                    touched[customer] = min(row, touched.get(customer, row))

        self.merge(stored, touched, place)
        for customer in sorted(shop.customers, key=lambda one: one.created):
            self.number.setdefault(customer, len(self.number) + 1)
        start = {c: dict(self.cells[c]) for c in stored if c.merged_into is None}
        counts, last = self.take_rows(file, place, offset, set(start), set(changed.values()))
        for customer in touched.keys() | last.keys():
            if customer.merged_into is None and (
                customer not in start
                or start[customer] != self.cells[customer]
                or before[customer] != self.identifiers(customer)
            ):
                row = last.get(customer) or touched[customer]
                self.stamp[customer] = (place, row)
        return counts

    def merge(self, stored: list[Customer], touched: dict[Customer, int], place: int) -> None:
        """b.4: of merged customers, the newer value of each property remains, also an empty one."""
        families: dict[Customer, list[Customer]] = {}
        for customer in stored:
            remains = customer
            while remains.merged_into is not None:
                remains = remains.merged_into
            families.setdefault(remains, []).append(customer)
        for remains, members in families.items():
            if len(members) == 1:
                continue
            for name in ATTRIBUTES:
                written = [one for one in members if name in self.since[one]]
                if written:
                    newest = max(written, key=lambda one: self.since[one][name])
                    value, since = self.cells[newest][name], self.since[newest][name]
                    self.cells[remains][name], self.since[remains][name] = value, since
            row = min(touched[member] for member in members if member in touched)
            self.stamp[remains] = (place, row)

    def take_rows(
        self, file: File, place: int, offset: int, known: set[Customer], changed_rows: set[int]
    ) -> tuple[Counts, dict[Customer, int]]:
        outcomes = dict.fromkeys(("inserted", "updated", "unchanged", "rejected"), 0)
        last: dict[Customer, int] = {}
        newest: dict[Customer, tuple[dt.datetime, int]] = {}
        new = len(self.shop.customers) - len(known)
        for row, (_, cells) in enumerate(file.rows, 1):
            taken = self.shop.customer_of_row.get(offset + row)
            if taken is None:
                outcomes["rejected"] += 1
                continue
            customer = taken.remaining
            record = self.cells.setdefault(customer, dict.fromkeys(ATTRIBUTES))
            versions = self.since.setdefault(customer, {})
            old = dict(record)
            present = NOW + dt.timedelta(days=place, microseconds=row)
            said = cells.get("_updated") or present
            since = (min(said, present), -(offset + row))
            for name in file.attributes:
                if cells[name] is None and file.keep:
                    continue
                if name not in versions or since[0] > versions[name][0]:
                    record[name], versions[name] = cells[name], since
            if customer not in known:
                outcomes["inserted"] += 1
                known.add(customer)
            else:
                outcomes["updated" if old != record or row in changed_rows else "unchanged"] += 1
            if customer not in newest or since > newest[customer]:
                newest[customer], last[customer] = since, row
        return Counts(read=len(file.rows), customers_created=new, **outcomes), last

    def identifiers(self, customer: Customer) -> Row:
        listed = self.shop.listed()
        return {
            name: next((v for k, v in customer.ids if k == name), None)
            if hard
            else listed.get((customer, name))
            for name, hard in self.kinds.items()
        }

    @property
    def rows(self) -> list[Row]:
        listed = [
            {
                "customer_id": self.number[customer],
                **self.identifiers(customer),
                **self.cells[customer],
                "_file": str(self.stamp[customer][0]),
                "_row": self.stamp[customer][1],
            }
            for customer in self.shop.customers
        ]
        return sorted(listed, key=lambda row: row["customer_id"])


# --- property -------------------------------------------------------------------------------------

STAMPS = st.sampled_from(
    [None, *(NOW + dt.timedelta(days=days) for days in (-1, 0.5, 1, 1.5, 100))]
)
CELLS = {"a": st.sampled_from([None, "x", "y"]), "b": st.sampled_from([None, 0, 1])}


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[dict[str, bool], list[File]]:
    kinds = draw(st.sampled_from(KINDS))
    files = []
    for _ in range(draw(st.integers(1, 3))):
        present = draw(st.lists(st.sampled_from(list(kinds)), min_size=1, unique=True))
        # In the project's order, as the mapping gives them.
        identifiers = [name for name in kinds if name in present]
        attributes = draw(st.lists(st.sampled_from(list(ATTRIBUTES)), unique=True))
        if len(identifiers) == 1:
            ids = st.fixed_dictionaries({identifiers[0]: st.sampled_from("pqr")})
        else:
            ids = st.fixed_dictionaries(
                {}, optional={name: st.sampled_from("pqr") for name in identifiers}
            ).filter(bool)
        timed = draw(st.booleans())
        stamps = {"_updated": STAMPS} if timed else {}
        cells = st.fixed_dictionaries({name: CELLS[name] for name in attributes} | stamps)
        rows = draw(st.lists(st.tuples(ids, cells), max_size=6))
        files.append(File(identifiers, attributes, draw(st.booleans()), rows, timed))
    return kinds, files


@examples(25)
@given(delivered=deliveries(), cells=PART_CELLS)
def test_the_table_is_that_of_row_by_row(
    delivered: tuple[dict[str, bool], list[File]], cells: int
) -> None:
    """M042-M045, M100, D18-D22, D34, b.4: contents, counts, lineage, and the sums."""
    kinds, files = delivered
    model = Model(kinds)
    large = mock.patch.object(parts, "CELLS", cells)
    with warehouse() as connection, TemporaryDirectory() as folder, large:
        for place, file in enumerate(files):
            counts = deliver(connection, Path(folder), kinds, place, file)
            assert counts == model.apply(place, file)
            assert counts.add_up
        columns = ["customer_id", *kinds, *ATTRIBUTES, "_file", "_row"]
        stored = table(connection, "SELECT * FROM customers ORDER BY customer_id")
        assert [{name: row.get(name) for name in columns} for row in stored] == model.rows
        owners = table(connection, "SELECT kind, value FROM import_assets.customer_ids")
        assert len(owners) == sum(len(customer.ids) for customer in model.shop.customers)


@st.composite
def split_deliveries(draw: st.DrawFn) -> tuple[dict[str, bool], File, list[int]]:
    """A delivery, and how many of its rows come in each of several files instead."""
    kinds = draw(st.sampled_from(KINDS))
    ids = st.fixed_dictionaries({}, optional={name: st.sampled_from("pqr") for name in kinds})
    timed = draw(st.booleans())
    # What lies ahead counts as the time of import, which differs between files.
    stamps = st.sampled_from([None, *(NOW - dt.timedelta(days=days) for days in (1, 2))])
    cells = st.fixed_dictionaries(CELLS | ({"_updated": stamps} if timed else {}))
    rows = draw(st.lists(st.tuples(ids.filter(bool), cells), max_size=10))
    sizes = draw(st.lists(st.integers(0, 4), max_size=5))
    return kinds, File(list(kinds), list(CELLS), draw(st.booleans()), rows, timed), sizes


@examples(15)
@given(delivered=split_deliveries())
def test_it_does_not_matter_how_rows_are_split_into_files(
    delivered: tuple[dict[str, bool], File, list[int]],
) -> None:
    """M102, D22, b.4: one file or ten, with profiles that turn out to be one on the way."""
    kinds, whole, sizes = delivered
    files, rest = [], list(whole.rows)
    for size in sizes:
        files.append(replace(whole, rows=rest[:size]))
        rest = rest[size:]
    files.append(replace(whole, rows=rest))
    assert _profiles(kinds, [whole]) == _profiles(kinds, files)


def _profiles(kinds: dict[str, bool], files: list[File]) -> list[Row]:
    """Customers as they are after these files, without our numbers."""
    with warehouse() as connection, TemporaryDirectory() as folder:
        for place, file in enumerate(files):
            deliver(connection, Path(folder), kinds, place, file)
        listed = table(connection, f"SELECT {', '.join([*kinds, *CELLS])} FROM customers")
    return sorted(listed, key=repr)


def deliver(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    kinds: dict[str, bool],
    place: int,
    file: File,
) -> Counts:
    staged = batch(
        folder,
        [
            {
                **{f"id:{kind}": value for kind, value in ids.items()},
                **{k if k[0] == "_" else f"attr:{k}": cell for k, cell in cells.items()},
            }
            for ids, cells in file.rows
        ],
        identifiers=file.identifiers,
        timed=file.timed,
        attributes={name: ATTRIBUTES[name] for name in file.attributes},  # pyright: ignore[reportArgumentType]
        empty="keep" if file.keep else "overwrite",
        key=str(place),
    )
    now = NOW + dt.timedelta(days=place)
    return apply_batch(connection, staged, project(**kinds), now).counts


# --- examples -------------------------------------------------------------------------------------


def load(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    rows: Sequence[Row],
    identifiers: Sequence[str] = ("registered", "cookie"),
    days: int = 0,
    **facts: Any,
) -> Counts:
    staged = batch(folder, rows, identifiers=identifiers, **facts)
    return apply_batch(connection, staged, project(), NOW + dt.timedelta(days=days)).counts


def customers(connection: duckdb.DuckDBPyConnection, columns: str) -> list[tuple[Any, ...]]:
    return connection.execute(f"SELECT {columns} FROM customers ORDER BY customer_id").fetchall()


def test_cookies_of_a_merged_profile_stay_in_the_order_of_their_use(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """b.4: the limit takes those that were not used for longest."""
    load(connection, tmp_path, [{"id:cookie": "a"}, {"id:registered": "1", "id:cookie": "x"}])
    before = "SELECT used FROM import_assets.customer_ids WHERE value = 'x'"
    used = table(connection, before)
    load(connection, tmp_path, [{"id:registered": "1", "id:cookie": "a"}])
    assert customers(connection, "registered, cookie") == [("1", ["a", "x"])]
    assert table(connection, before) == used


def test_cookies_accumulate_in_the_order_they_came(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """M045."""
    rows = [{"id:registered": "1", "id:cookie": value} for value in ("z", "a", "z")]
    assert load(connection, tmp_path, rows) == Counts(
        read=3, inserted=1, updated=1, unchanged=1, customers_created=1
    )
    load(connection, tmp_path, [{"id:registered": "1", "id:cookie": "m"}])
    assert customers(connection, "registered, cookie") == [("1", ["z", "a", "m"])]


def test_a_missing_identifier_blanks_nothing(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """D18: an empty identifier is an absent one."""
    load(connection, tmp_path, [{"id:registered": "1", "id:cookie": "a"}])
    load(connection, tmp_path, [{"id:cookie": "a"}])
    load(connection, tmp_path, [{"id:registered": "1"}], identifiers=("registered",))
    assert customers(connection, "registered, cookie") == [("1", ["a"])]


def test_of_merged_customers_the_newer_property_wins(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """b.4: and the profile created first remains, with what only one of them knew."""
    facts: dict[str, Any] = {"attributes": {"a": "text", "b": "integer", "c": "text"}}
    load(connection, tmp_path, [{"id:cookie": "x", "attr:a": "old", "attr:c": "only"}], **facts)
    row = {"id:registered": "1", "attr:a": "new", "attr:b": 1}
    load(connection, tmp_path, [row], days=1, empty="keep", **facts)
    counts = load(
        connection, tmp_path, [{"id:registered": "1", "id:cookie": "x"}], days=2, key="third"
    )
    assert counts == Counts(read=1, updated=1)
    assert customers(connection, "*  EXCLUDE (_import)") == [
        (1, "1", ["x"], "new", 1, "only", "b3", "third", 1, NOW + dt.timedelta(days=2))
    ]
    assert connection.execute("SELECT * FROM import_assets.merges").fetchall() == [
        (3, 2, 1, "b3", NOW + dt.timedelta(days=2))
    ]


def test_the_number_of_a_merged_customer_is_not_used_again(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    load(connection, tmp_path, [{"id:cookie": "x"}, {"id:registered": "1"}])
    load(connection, tmp_path, [{"id:registered": "1", "id:cookie": "x"}])
    load(connection, tmp_path, [{"id:registered": "2"}], identifiers=("registered",))
    assert customers(connection, "customer_id, registered") == [(1, "1"), (3, "2")]


def test_every_type_of_attribute_can_be_blanked_and_filled(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """M036, M044."""
    cells: dict[str, tuple[Any, Any]] = {
        "text": ("x", ""),
        "long text": ("x", "y"),
        "number": (1.5, -0.25),
        "integer": (2**62, -1),
        "boolean": (True, False),
        "date": (dt.date(1, 1, 1), dt.date(9999, 12, 31)),
        "datetime": (dt.datetime(2026, 1, 1, 1, 1, 1, 1), dt.datetime(1969, 12, 31)),
        "list": (["a", "b"], []),
        "url": ("https://x", "//y"),
        "json": ('{"a": 1}', "[]"),
    }
    attributes = {name: name for name in cells}

    def row(place: int | None) -> Row:
        values = {name: None if place is None else pair[place] for name, pair in cells.items()}
        return {"id:registered": "1", **{f"attr:{name}": v for name, v in values.items()}}

    columns = ", ".join(f'"{name}"' for name in cells)
    for place in (0, 1, None, 0):
        counts = load(
            connection, tmp_path, [row(place)], identifiers=("registered",), attributes=attributes
        )
        assert (counts.inserted, counts.updated) in ((1, 0), (0, 1))
        expected = tuple(None if place is None else pair[place] for pair in cells.values())
        assert customers(connection, columns) == [expected]
    again = load(
        connection,
        tmp_path,
        [row(1), row(0), row(None), row(0)],
        identifiers=("registered",),
        attributes=attributes,
    )
    assert again == Counts(read=4, updated=4)
    assert customers(connection, columns) == [tuple(pair[0] for pair in cells.values())]


def test_an_identifier_of_the_project_can_come_later(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    load(connection, tmp_path, [{"id:registered": "1"}], identifiers=("registered",))
    kinds = {"registered": True, "cookie": False, "card": True}
    staged = batch(
        tmp_path, [{"id:registered": "1", "id:card": "c"}], identifiers=("registered", "card")
    )
    apply_batch(connection, staged, project(**kinds), NOW)
    assert customers(connection, "registered, card") == [("1", "c")]


@pytest.mark.parametrize(
    ("kinds", "message"),
    [
        ({"registered": False}, "registered of project.yaml is hard: true in the warehouse"),
        ({"cookie": True, "registered": True}, "cookie of project.yaml is hard: false"),
        ({"registered": True, "city": True}, "has the name of an attribute of customers, which"),
    ],
)
def test_identifiers_that_do_not_fit_the_table_are_told(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, kinds: dict[str, bool], message: str
) -> None:
    load(
        connection,
        tmp_path,
        [{"id:registered": "1", "attr:city": "x"}],
        identifiers=("registered",),
        attributes={"city": "text"},
    )
    staged = batch(tmp_path, [{"id:registered": "1"}])
    with pytest.raises(WarehouseError, match=message):
        apply_batch(connection, staged, project(**kinds), NOW)
