"""Imports that share a table agree about it, and the later of two that do not is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from import_assets.spec.loading import Loaded, load
from import_assets.spec.models import CatalogKind
from import_assets_tests.spec.definitions import CATALOG, EVENTS, GOOD, VOUCHERS, write_import


def load_all(root: Path, **definitions: str) -> Loaded:
    for name, text in definitions.items():
        write_import(root, text, f"{name}.yaml")
    return load(root)


def faults(loaded: Loaded) -> dict[str, list[tuple[int, str]]]:
    return {
        name: [(problem.line, problem.message) for problem in error.problems]
        for name, error in loaded.invalid.items()
    }


def catalog(words: str) -> str:
    return CATALOG.replace("products}", f"products, {words}}}")


def test_m033_d30_an_attribute_has_one_type_in_a_table(tmp_path: Path):
    loaded = load_all(
        tmp_path,
        a=GOOD + "  - {from: x}\n  - from: price\n    type: number\n",
        b=GOOD + "  - {from: cost, to: price, type: integer}\n",
        c=GOOD + "  - {from: price}\n",
        d=GOOD + "  - {from: price, type: number}\n",
        e=EVENTS + "  - {from: price, type: text}\n",
    )
    assert list(loaded.imports) == ["a", "d", "e"]
    assert faults(loaded) == {
        "b": [
            (
                6,
                "'price' is integer here and number in imports/a.yaml:8: an attribute has one type "
                "in a table; write `type: number`, or another name with `to:`",
            )
        ],
        "c": [
            (
                6,
                "'price' is text here and number in imports/a.yaml:8: an attribute has one type in "
                "a table; write `type: number`, or another name with `to:`",
            )
        ],
    }
    assert str(loaded.invalid["b"]).startswith(f"{tmp_path.resolve()}/imports/b.yaml:6:29: ")


def test_m033_who_leaves_the_type_to_a_database_does_not_hide_a_conflict(tmp_path: Path):
    (tmp_path / "project.yaml").write_text(
        "connections:\n  erp: {sql: {url: sqlite:///erp.db}}\n", encoding="utf-8"
    )
    database = (
        "kind: customers\nsource: {database: {connection: erp, query: SELECT 1}}\n"
        "columns:\n  - {from: id, id: registered}\n  - {from: price}\n"
    )
    loaded = load_all(
        tmp_path,
        a=database,
        b=GOOD + "  - {from: price, type: number}\n",
        c=GOOD + "  - {from: price, type: integer}\n",
        d=database,
    )
    ((line, message),) = faults(loaded).pop("c")
    assert line == 6
    assert message.startswith("'price' is integer here and number in imports/b.yaml:6")
    assert loaded.invalid.keys() == {"c"}


def test_m033_event_types_are_tables_of_their_own(tmp_path: Path):
    loaded = load_all(
        tmp_path,
        a=EVENTS + "  - {from: x, type: number}\n",
        b=EVENTS.replace("purchase", "purchase_item") + "  - {from: x, type: date}\n",
    )
    assert not loaded.invalid


def test_attributes_that_differ_only_by_case(tmp_path: Path):
    loaded = load_all(tmp_path, a=GOOD + "  - {from: Email}\n", b=GOOD + "  - {from: email}\n")
    ((line, message),) = faults(loaded)["b"]
    assert line == 6
    assert "'email' and 'Email' of imports/a.yaml:6 differ only by case" in message


@pytest.mark.parametrize(
    ("text", "name", "other"),
    [
        (EVENTS, "purchase", "Purchase"),
        (CATALOG, "products", "PRODUCTS"),
        (VOUCHERS, "SUMMER10", "summer10"),
    ],
)
def test_tables_that_differ_only_by_case(tmp_path: Path, text: str, name: str, other: str):
    """DuckDB folds case, so these would be one table."""
    loaded = load_all(tmp_path, a=text, b=text.replace(name, other), c=text)
    assert list(loaded.imports) == ["a", "c"]
    assert faults(loaded) == {
        "b": [
            (
                1,
                f"{other!r} and {name!r} of imports/a.yaml:1 differ only by case: write the same "
                "name for one table, or another name for another",
            )
        ]
    }


def test_tables_of_two_kinds_may_share_a_name(tmp_path: Path):
    loaded = load_all(
        tmp_path,
        a=EVENTS.replace("purchase", "x"),
        b=CATALOG.replace("products", "X"),
        c=VOUCHERS.replace("SUMMER10", "X"),
    )
    assert not loaded.invalid


def test_d34_a_catalog_is_of_products_or_not(tmp_path: Path):
    loaded = load_all(tmp_path, a=CATALOG, b=catalog("product: true"), c=catalog("product: false"))
    ((line, message),) = faults(loaded)["b"]
    assert line == 1
    assert "`product: true` here and `product: false` in imports/a.yaml:1" in message
    assert list(loaded.imports) == ["a", "c"]


def test_m077_d34_a_catalog_has_one_set_of_searchable_attributes(tmp_path: Path):
    loaded = load_all(
        tmp_path,
        a=catalog("searchable: [title, brand]"),
        b=catalog("searchable: [brand, title]"),
        c=catalog("searchable: [title]"),
        d=catalog("searchable: []"),
    )
    assert list(loaded.imports) == ["a", "b"]
    ((_, message),) = faults(loaded)["c"]
    assert (
        "`searchable: [title]` here and `searchable: [title, brand]` in imports/a.yaml:1" in message
    )
    assert "`searchable: []` here" in faults(loaded)["d"][0][1]


def test_m077_who_says_nothing_gets_what_another_says(tmp_path: Path):
    """Whichever of the imports runs first makes the catalog."""
    loaded = load_all(
        tmp_path,
        a=CATALOG,
        b=catalog("searchable: [title, brand]"),
        c=CATALOG,
        d=CATALOG.replace("products", "stores"),
    )
    assert not loaded.invalid
    kinds = {name: one.spec.kind for name, one in loaded.imports.items()}
    assert {
        name: kind.searchable for name, kind in kinds.items() if isinstance(kind, CatalogKind)
    } == {"a": ["title", "brand"], "b": ["title", "brand"], "c": ["title", "brand"], "d": []}


def test_who_is_refused_has_no_say(tmp_path: Path):
    """Refusing an import must not drag down others that contradict only it."""
    wrong = GOOD + "  - {from: price, type: number}\n  - {from: x, type: date}\n"
    loaded = load_all(
        tmp_path,
        a=wrong + "colour: red\n",
        b=GOOD + "  - {from: price}\n",
        c=wrong,
        d=GOOD + "  - {from: x, type: text}\n",
    )
    assert list(loaded.imports) == ["b", "d"]
    assert list(loaded.invalid) == ["a", "c"]


def test_all_disagreements_at_once(tmp_path: Path):
    loaded = load_all(
        tmp_path,
        a=catalog("searchable: [t]") + "  - {from: t}\n  - {from: n, type: number}\n",
        b=catalog("product: true, searchable: [u]") + "  - {from: T}\n  - {from: n}\n",
    )
    assert [line for line, _ in faults(loaded)["b"]] == [1, 1, 5, 6]
