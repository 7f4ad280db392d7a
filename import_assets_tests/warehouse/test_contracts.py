"""What is agreed on the columns of an import (M115)."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from import_assets.errors import FileRefused
from import_assets.warehouse import contracts
from import_assets.warehouse.contracts import Agreed, change
from import_assets_tests.test_pipeline import CUSTOMERS, Yard

_FIRST, _MORE, _LESS = "id,web,age\n1,c1,5\n", "id,web,age,town\n2,c2,5,Nitra\n", "id,web\n3,c3\n"


def delivered(root: Path, contract: str, *contents: str) -> Yard:
    """Import files under a contract, in order, as 0.csv, 1.csv and so on."""
    yard = Yard(root, CUSTOMERS + f"contract: {contract}\n")
    for number, content in enumerate(contents):
        yard.put(content, f"{number}.csv")
        yard.deliver(f"{number}.csv")
    return yard


def agreed(yard: Yard) -> Agreed | None:
    """Return what is agreed now."""
    with yard.warehouse.read() as connection:
        return contracts.agreed(connection, "it")


def test_m115_the_columns_of_the_first_delivery_are_agreed_to(tmp_path: Path) -> None:
    assert agreed(delivered(tmp_path, "freeze", _FIRST)) == Agreed(("id", "web", "age"), "0.csv")


def test_m115_warn_remembers_what_was_agreed_and_what_came(tmp_path: Path) -> None:
    yard = delivered(tmp_path, "warn", _FIRST, _MORE, _LESS)
    assert agreed(yard) == Agreed(("id", "web", "age"), "0.csv", ("id", "web"), "2.csv")
    assert yard.rows("SELECT count(*) FROM customers") == [(3,)]


def test_m115_evolve_agrees_to_new_columns_and_forgets_none(tmp_path: Path) -> None:
    yard = delivered(tmp_path, "evolve", _FIRST, _MORE, _LESS)
    assert agreed(yard) == Agreed(("id", "web", "age", "town"), "2.csv")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (_MORE, "new column 'town'"),
        (_LESS, "no column 'age' any more"),
        ("id,web,years\n1,c,5\n", "new column 'years', no column 'age' any more"),
    ],
)
def test_m115_freeze_refuses_the_delivery_whole(tmp_path: Path, content: str, told: str) -> None:
    yard = delivered(tmp_path, "freeze", _FIRST)
    yard.put(content, "b.csv")
    with pytest.raises(FileRefused) as caught:
        yard.deliver("b.csv")
    assert caught.value.reason == "columns_changed"
    assert f"b.csv: {told}: the columns agreed are those of 0.csv" in str(caught.value)
    assert "import-assets agree it" in str(caught.value)
    assert yard.rows("SELECT registered FROM customers") == [("1",)]
    assert agreed(yard) == Agreed(
        ("id", "web", "age"), "0.csv", tuple(content.splitlines()[0].split(",")), "b.csv"
    )


def test_m115_a_dry_run_refuses_what_a_run_would(tmp_path: Path) -> None:
    yard = delivered(tmp_path, "freeze", _FIRST)
    yard.put(_MORE, "b.csv")
    with pytest.raises(FileRefused, match="new column 'town'"):
        yard.dry_run("b.csv")
    assert agreed(yard) == Agreed(("id", "web", "age"), "0.csv"), "it changes nothing"


def test_m115_a_file_without_records_agrees_to_nothing(tmp_path: Path) -> None:
    yard = delivered(tmp_path, "freeze", "id,other\n", _FIRST)
    assert agreed(yard) == Agreed(("id", "web", "age"), "1.csv")


@given(
    st.lists(st.sampled_from("abcdef"), unique=True),
    st.lists(st.sampled_from("abcdef"), unique=True),
)
def test_m115_a_change_is_empty_only_where_the_columns_are_the_same(
    before: list[str], now: list[str]
) -> None:
    found = change(before, now, ordered=True)
    assert bool(found) == (before != now)
    assert bool(found) == bool(found.sentence())
    assert bool(change(before, now)) == (set(before) != set(now))
    kept = [name for name in before if name not in found.gone]
    assert sorted([*kept, *found.new]) == sorted(now)
