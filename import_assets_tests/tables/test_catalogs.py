"""Catalogs: the last present value of a column wins in file order (M072-M079, M100, M101, D38)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from import_assets.errors import FileRefused
from import_assets.spec.models import AttributeType, CatalogMode
from import_assets.tables.apply import apply_batch
from import_assets.tables.outcome import Counts
from import_assets_tests.builders import NOW, Row, batch, dump, examples, project, reject, warehouse

PRODUCTS = ("catalogs", "products")


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with warehouse() as opened:
        yield opened


def load(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    rows: Sequence[Row],
    identifiers: Sequence[str] = ("item_id",),
    attributes: Sequence[str] = ("title", "price"),
    *,
    rejected: Sequence[str | None] = (),
    **facts: Any,
) -> Counts:
    """Apply a delivery; `rejected` are the items of its rejected records, None where untold."""
    staged = batch(
        folder,
        rows,
        identifiers=identifiers,
        attributes=dict.fromkeys(attributes, "text"),
        rejects=[reject(len(rows) + at) for at in range(1, len(rejected) + 1)],
        **{"table": PRODUCTS, "import_name": "feed", **facts},
    )
    for file in staged.reject_files:
        known = pl.Series("item_id", rejected, dtype=pl.String)
        pl.read_parquet(file).with_columns(known).write_parquet(file)
    return apply_batch(connection, staged, project(), NOW).counts


def items(connection: duckdb.DuckDBPyConnection, columns: str = "*") -> list[tuple[Any, ...]]:
    return connection.execute(
        f"SELECT {columns} FROM catalogs.products ORDER BY item_id"
    ).fetchall()


def item(title: str | None, price: str | None = None, key: str = "1") -> Row:
    return {"id:item_id": key, "attr:title": title, "attr:price": price}


# --- property -------------------------------------------------------------------------------------

COLUMNS = ("product_id", "title", "price")
Item = dict[str, str | None]


@dataclass(frozen=True)
class File:
    """A delivery of a catalog; of its rejected records, the items that they are of, if told."""

    mode: CatalogMode
    keep: bool
    max_drop: int
    columns: Sequence[str]
    rows: Sequence[Item]
    rejected: Sequence[str | None]


@dataclass
class Model:
    """What the rules make of files, row by row."""

    items: dict[str, Item]

    def take(self, file: File) -> Counts | None:
        """Return what became of the rows; None where the file is refused."""
        items = {key: dict(item) for key, item in self.items.items()}
        counts: dict[str, int] = dict.fromkeys(("inserted", "updated", "unchanged"), 0)
        seen: set[str | None] = set()
        for row in file.rows:
            counts[self._outcome(items, row, file, again=row["item_id"] in seen)] += 1
            seen.add(row["item_id"])
        gone = set(items) - seen - set(file.rejected)
        if file.mode != "full" or None in file.rejected:
            gone = set()
        for key in gone:
            del items[key]
        drop = len(self.items) - len(items)
        if file.mode == "full" and drop * 100 > file.max_drop * len(self.items):
            return None
        self.items = items
        rejected = len(file.rejected)
        return Counts(len(file.rows) + rejected, **counts, rejected=rejected, removed=len(gone))

    @staticmethod
    def _outcome(items: dict[str, Item], row: Item, file: File, *, again: bool) -> str:
        key = str(row["item_id"])
        before = items.get(key)
        item: Item = dict(before) if before else dict.fromkeys(COLUMNS)
        for column in COLUMNS:
            cell = row[column] if column in file.columns else None
            absent = column not in file.columns or (column == "product_id" and cell is None)
            if cell is not None:
                item[column] = cell
            elif again or (file.mode == "partial" and absent):
                continue
            elif column not in file.columns or not file.keep:
                item[column] = None
        items[key] = item
        if before is None:
            return "inserted"
        return "unchanged" if item == before else "updated"


FILES = st.builds(
    File,
    mode=st.sampled_from(["partial", "replace", "full"]),
    keep=st.booleans(),
    max_drop=st.sampled_from([0, 34, 50, 100]),
    columns=st.lists(st.sampled_from(COLUMNS), unique=True),
    rows=st.lists(
        st.fixed_dictionaries(
            {
                "item_id": st.sampled_from("1234"),
                "product_id": st.sampled_from([None, "p", "q"]),
                "title": st.sampled_from([None, "x", "y"]),
                "price": st.sampled_from([None, "5"]),
            }
        ),
        max_size=6,
    ),
    rejected=st.lists(st.sampled_from(["1", "2", "9", None]), max_size=2),
)


def deliver(connection: duckdb.DuckDBPyConnection, folder: Path, file: File) -> Counts:
    ids = ["item_id", *(name for name in ("product_id",) if name in file.columns)]
    attributes = [name for name in ("title", "price") if name in file.columns]
    rows = [
        {
            **{f"id:{name}": row[name] for name in ids},
            **{f"attr:{name}": row[name] for name in attributes},
        }
        for row in file.rows
    ]
    return load(
        connection,
        folder,
        rows,
        ids,
        attributes,
        rejected=file.rejected,
        product=True,
        empty="keep" if file.keep else "overwrite",
        mode=file.mode,
        max_drop=Decimal(file.max_drop),
    )


@examples(25)
@given(files=st.lists(FILES, min_size=1, max_size=4))
def test_the_catalog_is_that_of_the_rules(files: list[File]) -> None:
    """M100, M101, D18, D38, D52, b.7: whatever the mode, row by row gives the same."""
    first = File("partial", False, 100, COLUMNS, [{"item_id": "1", **dict.fromkeys(COLUMNS)}], [])
    model = Model({})
    with warehouse() as connection, TemporaryDirectory() as folder:
        for file in [first, *files]:
            stored, expected = dump(connection), model.take(file)
            if expected is None:
                with pytest.raises(FileRefused) as error:
                    deliver(connection, Path(folder), file)
                assert error.value.reason == "too_few_items"
                assert dump(connection) == stored
            else:
                assert deliver(connection, Path(folder), file) == expected
            assert items(connection, "item_id, product_id, title, price") == [
                (key, *(model.items[key][name] for name in COLUMNS)) for key in sorted(model.items)
            ]


# --- examples -------------------------------------------------------------------------------------


def test_different_columns_of_one_item_come_together(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """M101, D38."""
    counts = load(connection, tmp_path, [item("x"), item(None, "5"), item("y")])
    assert counts == Counts(read=3, inserted=1, updated=2)
    assert items(connection, "title, price, _row") == [("y", "5", 3)]


@pytest.mark.parametrize(("empty", "left"), [("overwrite", None), ("keep", "x")])
def test_an_empty_cell_against_what_is_stored(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, empty: str, left: str | None
) -> None:
    """D18, D19: by the import's `empty`, where no row of the file has a value."""
    load(connection, tmp_path, [item("x")])
    load(connection, tmp_path, [item(None, "5")], empty=empty)
    assert items(connection, "title, price") == [(left, "5")]


def test_a_missing_column_is_not_touched(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """M042, b.2: a feed of prices alone."""
    load(connection, tmp_path, [item("x", "5")])
    counts = load(
        connection, tmp_path, [{"id:item_id": "1", "attr:price": "6"}], attributes=["price"]
    )
    assert counts == Counts(read=1, updated=1)
    assert items(connection, "title, price") == [("x", "6")]


def test_a_product_id_is_never_blanked(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """D18: an empty identifier is an absent one."""
    ids = ("item_id", "product_id")
    rows: list[Row] = [{"id:item_id": "1", "id:product_id": "p"}, {"id:item_id": "1"}]
    load(connection, tmp_path, rows, ids, (), product=True)
    load(connection, tmp_path, [{"id:item_id": "1"}], ids, (), product=True)
    assert items(connection, "product_id") == [("p",)]
    load(connection, tmp_path, [{"id:item_id": "1", "id:product_id": "q"}], ids, (), product=True)
    assert items(connection, "product_id") == [("q",)]


def test_several_items_of_one_product(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """M075."""
    rows = [{"id:item_id": id_, "id:product_id": "p"} for id_ in ("1", "2")]
    load(connection, tmp_path, rows, ("item_id", "product_id"), (), product=True)
    assert items(connection, "item_id, product_id") == [("1", "p"), ("2", "p")]


def refused(connection: duckdb.DuckDBPyConnection, folder: Path, **facts: Any) -> FileRefused:
    """Load a batch that is refused, and prove that nothing of it is left."""
    before = dump(connection)
    with pytest.raises(FileRefused) as error:
        load(connection, folder, [item("new", key="9")], **facts)
    assert dump(connection) == before
    return error.value


def test_the_searchable_attributes_stay_those_of_the_first_import(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """M077, D34: the same again, in any order, or none said is fine."""
    load(connection, tmp_path, [item("x")], searchable=("title", "price"))
    load(connection, tmp_path, [item("x")], searchable=("price", "title"))
    load(connection, tmp_path, [item("x")])
    error = refused(connection, tmp_path, searchable=("title",))
    assert error.reason == "catalog_settings"
    assert "first import, feed, to [price, title]" in str(error)
    assert "import into a new catalog" in str(error)


def test_no_searchable_attributes_is_a_set_too(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """M077, D34."""
    load(connection, tmp_path, [item("x")])
    assert refused(connection, tmp_path, searchable=("title",)).reason == "catalog_settings"


def test_new_columns_of_a_later_import_are_refused(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """M072, D36."""
    load(connection, tmp_path, [item("x")])
    error = refused(connection, tmp_path, attributes=("title", "price", "size", "colour"))
    assert error.reason == "new_column"
    assert "size, colour" in str(error)


@pytest.mark.parametrize(
    ("first", "later", "what"), [(True, False, "a product"), (False, True, "a general")]
)
def test_the_type_of_a_catalog_stays(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, first: bool, later: bool, what: str
) -> None:
    """M071, M073."""
    load(connection, tmp_path, [item("x")], product=first)
    error = refused(connection, tmp_path, product=later)
    assert error.reason == "catalog_settings"
    assert f"catalog products is {what} catalog since import feed" in str(error)


def test_another_import_can_feed_the_same_catalog(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """M074: rows that do not change keep the import that brought them."""
    load(connection, tmp_path, [item("x"), item("y", key="2")])
    load(connection, tmp_path, [item("x"), item("z", key="2")], import_name="stock")
    assert items(connection, "item_id, _import") == [("1", "feed"), ("2", "stock")]


def test_a_file_without_items_fixes_nothing(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """D36: an empty first file must not close the catalog to its columns for good."""
    assert load(connection, tmp_path, [], attributes=(), product=True) == Counts()
    load(connection, tmp_path, [item("x", "5")], attributes=("title", "price"), product=True)
    assert items(connection, "item_id, title, price") == [("1", "x", "5")]


def test_a_searchable_attribute_has_to_be_among_the_first_columns(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """M077, D34: a misspelled one could never be mended later."""
    with pytest.raises(FileRefused, match="titel is not among the columns"):
        load(connection, tmp_path, [item("x")], searchable=("titel",))
    load(connection, tmp_path, [item("x")], searchable=("title",))
    assert items(connection, "item_id, title") == [("1", "x")]


# --- modes ----------------------------------------------------------------------------------------


def test_an_item_becomes_what_the_file_says(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """b.7: `replace` empties what the file lacks of its items, and leaves the others alone."""
    load(connection, tmp_path, [item("x", "5"), item("y", "6", key="2")])
    rows: list[Row] = [{"id:item_id": "1", "attr:title": "z"}]
    counts = load(connection, tmp_path, rows, attributes=["title"], mode="replace")
    assert counts == Counts(read=1, updated=1)
    assert items(connection, "item_id, title, price") == [("1", "z", None), ("2", "y", "6")]


def test_a_whole_catalog_removes_what_it_lacks(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """b.7, D52: and leaves what does not change as it was written."""
    load(connection, tmp_path, [item("x"), item("y", key="2"), item("z", key="3")])
    rows = [item("x"), item("new", key="3"), item("w", key="4")]
    counts = load(connection, tmp_path, rows, mode="full", import_name="whole")
    assert counts == Counts(read=3, inserted=1, updated=1, unchanged=1, removed=1)
    assert items(connection, "item_id, title, _import") == [
        ("1", "x", "feed"),
        ("3", "new", "whole"),
        ("4", "w", "whole"),
    ]
    removed = connection.execute("SELECT removed FROM import_assets.batches").fetchall()
    assert removed == [(0,), (1,)]


def many(count: int) -> list[Row]:
    return [item("x", key=f"{number:03}") for number in range(count)]


@pytest.mark.parametrize(
    ("left", "max_drop", "fine"),
    [(80, "20", True), (79, "20", False), (71, "29", True), (70, "29", False), (99, "0", False)],
)
def test_a_catalog_may_shrink_by_max_drop(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, left: int, max_drop: str, fine: bool
) -> None:
    """b.7: to the item, in decimals."""
    load(connection, tmp_path, many(100))
    facts: dict[str, Any] = {"mode": "full", "max_drop": Decimal(max_drop)}
    if fine:
        assert load(connection, tmp_path, many(left), **facts).removed == 100 - left
        return
    with pytest.raises(FileRefused) as error:
        load(connection, tmp_path, many(left), **facts)
    assert error.value.reason == "too_few_items"
    assert f"catalogs/products has 100 items and would have {left}" in str(error.value)
    assert f"drop by {max_drop}% at most" in str(error.value)
    assert "`max_drop: 100%` for this one time" in str(error.value)


def test_an_empty_file_empties_no_catalog_unless_it_may(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """b.7: not even with all but 100%."""
    load(connection, tmp_path, many(3))
    with pytest.raises(FileRefused, match="has 3 items and would have 0"):
        load(connection, tmp_path, [], mode="full", max_drop=Decimal("99.9"))
    assert load(connection, tmp_path, [], mode="full") == Counts(removed=3)
    assert items(connection) == []
    assert load(connection, tmp_path, many(1), mode="full").inserted == 1


def test_the_first_file_of_a_whole_catalog_has_nothing_to_replace(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    facts: dict[str, Any] = {"mode": "full", "max_drop": Decimal(0)}
    assert load(connection, tmp_path, [], **facts) == Counts()
    assert load(connection, tmp_path, many(2), **facts).inserted == 2


def test_an_item_of_a_rejected_record_stays(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """A bad price is no reason to remove a product."""
    load(connection, tmp_path, many(3))
    counts = load(connection, tmp_path, many(1), mode="full", rejected=["001"])
    assert counts == Counts(read=2, unchanged=1, rejected=1, removed=1)
    assert items(connection, "item_id, title") == [("000", "x"), ("001", "x")]


def test_nothing_is_removed_where_nobody_knows_which_item_was_rejected(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    load(connection, tmp_path, many(3))
    counts = load(connection, tmp_path, many(1), mode="full", rejected=[None])
    assert counts == Counts(read=2, unchanged=1, rejected=1)
    assert len(items(connection)) == 3


def test_rejected_records_that_come_again_remove_nothing(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """They are a part of the catalog, whatever the delivery was that they came with first."""
    load(connection, tmp_path, [item("x", "5"), item("y", key="2")])
    rows = [item("y", key="2")]
    assert load(connection, tmp_path, rows, mode="full", rejected=["1"]).removed == 0
    again = [{"_row": 2, "id:item_id": "1", "attr:title": "z"}]
    counts = load(
        connection, tmp_path, again, attributes=["title"], mode="full", replay_of=2, last_record=2
    )
    assert counts == Counts(read=1, updated=1)
    assert items(connection, "item_id, title, price") == [("1", "z", None), ("2", "y", None)]


def test_empty_cells_keep_what_is_stored_in_a_whole_catalog_too(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """D18: `empty` is about cells, `mode` about columns and items that a file does not have."""
    load(connection, tmp_path, [item("x", "5")])
    rows: list[Row] = [{"id:item_id": "1", "attr:title": None}]
    load(connection, tmp_path, rows, attributes=["title"], mode="full", empty="keep")
    assert items(connection, "title, price") == [("x", None)]


def test_a_list_that_a_file_lacks_becomes_empty(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """Columns of all types can be lacking."""
    types: dict[str, AttributeType] = {
        "tags": "list",
        "price": "number",
        "day": "date",
        "moment": "datetime",
        "more": "json",
    }
    values = dict(zip(types, (["a"], 1.5, NOW.date(), NOW, "{}"), strict=True))
    row = {"id:item_id": "1", **{f"attr:{name}": value for name, value in values.items()}}
    staged = batch(tmp_path, [row], identifiers=("item_id",), attributes=types, table=PRODUCTS)
    apply_batch(connection, staged, project(), NOW)
    assert items(connection, "day, moment") == [(NOW.date(), NOW)]
    load(connection, tmp_path, [{"id:item_id": "1"}], attributes=(), mode="replace")
    assert items(connection, ", ".join(types)) == [(None,) * 5]


def test_a_catalog_grows_where_its_contract_says_so(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """D36: what is searchable stays as it was (D34)."""
    load(connection, tmp_path, [item("x")], searchable=("title",))
    rows: list[Row] = [{"id:item_id": "1", "attr:size": "L"}]
    load(connection, tmp_path, rows, attributes=["size"], new_columns=True)
    assert items(connection, "title, size") == [("x", "L")]
    error = refused(connection, tmp_path, searchable=("title", "size"), new_columns=True)
    assert error.reason == "catalog_settings"
