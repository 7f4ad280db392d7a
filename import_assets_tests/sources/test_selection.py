"""Which of several matching files are taken (M026-M030, D05)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from import_assets.sources.delivery import Delivery
from import_assets.sources.storage.selection import choose
from import_assets.spec.sources import Selection

START = datetime(2026, 1, 1, tzinfo=UTC)


def files(**ages: int) -> list[Delivery]:
    return [
        Delivery(name, "v", 1, START + timedelta(seconds=seconds)) for name, seconds in ages.items()
    ]


@pytest.mark.parametrize(
    ("select", "taken"),
    [
        ("all", "bca"),  # M027
        ("not_imported_yet", "bca"),  # M030
        ("last_modified", "a"),  # M028
        ("last_alphabetically", "c"),  # M029
    ],
)
def test_rules(select: Selection, taken: str) -> None:
    assert [file.key for file in choose(files(a=9, b=1, c=2), select)] == list(taken)
    assert choose([], select) == ()


def test_tie_goes_to_the_larger_path() -> None:
    """D05, also for times that a storage keeps to the second only."""
    assert choose(files(b=5, c=5, a=5), "last_modified")[0].key == "c"
    assert [file.key for file in choose(files(b=5, c=5, a=5), "all")] == ["a", "b", "c"]


def test_names_are_in_code_point_order_of_the_whole_path() -> None:
    """D05: case-sensitive, digits as characters, folders included."""
    for names in (["B", "a"], ["file10", "file9"], ["a/z", "b/a"], ["z", "ž"], ["\uffff", "😀"]):
        *_, last = names
        assert choose(files(**dict.fromkeys(names, 0)), "last_alphabetically")[0].key == last
