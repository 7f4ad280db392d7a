"""Catalogs: the last present value of a column wins in file order (M072-M079, M100, M101, D38)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from import_assets.errors import FileRefused
from import_assets.tables.apply import apply_batch
from import_assets.tables.outcome import Counts
from import_assets_tests.builders import NOW, Row, batch, dump, examples, project, warehouse

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
    **facts: Any,
) -> Counts:
    staged = batch(
        folder,
        rows,
        identifiers=identifiers,
        attributes=dict.fromkeys(attributes, "text"),
        **{"table": PRODUCTS, "import_name": "feed", **facts},
    )
    return apply_batch(connection, staged, project(), NOW).counts


def items(connection: duckdb.DuckDBPyConnection, columns: str = "*") -> list[tuple[Any, ...]]:
    return connection.execute(
        f"SELECT {columns} FROM catalogs.products ORDER BY item_id"
    ).fetchall()


def item(title: str | None, price: str | None = None, key: str = "1") -> Row:
    return {"id:item_id": key, "attr:title": title, "attr:price": price}


# --- property -------------------------------------------------------------------------------------

FILE = st.tuples(
    st.booleans(),
    st.lists(st.sampled_from(["title", "price"]), unique=True),
    st.lists(
        st.fixed_dictionaries(
            {
                "item_id": st.sampled_from("12"),
                "product_id": st.sampled_from([None, "p", "q"]),
                "title": st.sampled_from([None, "x", "y"]),
                "price": st.sampled_from([None, "5"]),
            }
        ),
        max_size=5,
    ),
)


@examples(25)
@given(files=st.lists(FILE, min_size=1, max_size=3))
def test_the_catalog_is_that_of_the_rules(
    files: list[tuple[bool, list[str], list[dict[str, str | None]]]],
) -> None:
    """M101, D18, D38: fold each column over the file, then over what is stored."""
    model: dict[str, dict[str, str | None]] = {"0": dict.fromkeys(("product_id", "title", "price"))}
    with warehouse() as connection, TemporaryDirectory() as folder:
        # The first import with an item sets the columns.
        first = [{"id:item_id": "0"}]
        load(connection, Path(folder), first, ("item_id", "product_id"), product=True)
        for keep, attributes, rows in files:
            staged = [
                {
                    "id:item_id": row["item_id"],
                    "id:product_id": row["product_id"],
                    **{f"attr:{name}": row[name] for name in attributes},
                }
                for row in rows
            ]
            counts = load(
                connection,
                Path(folder),
                staged,
                ("item_id", "product_id"),
                attributes,
                product=True,
                empty="keep" if keep else "overwrite",
            )
            assert counts.add_up
            assert counts.read == len(rows)
            assert counts.inserted == len({row["item_id"] for row in rows} - set(model))
            for key in {str(row["item_id"]) for row in rows}:
                stored = model.setdefault(key, dict.fromkeys(("product_id", "title", "price")))
                for name in ("product_id", *attributes):
                    cells = [row[name] for row in rows if row["item_id"] == key]
                    present = [cell for cell in cells if cell is not None]
                    if present:
                        stored[name] = present[-1]
                    elif not keep and name != "product_id":
                        stored[name] = None
        assert items(connection, "item_id, product_id, title, price") == [
            (key, *model[key].values()) for key in sorted(model)
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
