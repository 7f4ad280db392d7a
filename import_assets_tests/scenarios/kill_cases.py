"""What is killed: one delivery of each kind, and what else writes to the warehouse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from import_assets_tests.scenarios.kill_actions import (
    catch_up,
    keep_house,
    replay,
    retype,
    take_slot,
    undo_first,
)
from import_assets_tests.scenarios.kill_shop import (
    DEFINITIONS,
    STRICT,
    define,
    write_file,
    write_orders,
    write_project,
)

_OF_FILES = [name for name in DEFINITIONS if name != "orders"]
_FORMAT = ', format: "1234,56"'


@dataclass(frozen=True)
class Case:
    """One thing to be killed in a project that has a history.

    `prepare` is given the project and the size of files in rows. `act` does it, however often it is
    called, and returns how many deliveries it found to do; none once it is done, unless `endless`.
    """

    kind: str
    prepare: Callable[[Path, int], object]
    act: Callable[[Path], int]
    endless: bool = False


def make_history(root: Path, rows: int) -> Path:
    """Write a project with a first file of everything, not imported yet, and return it."""
    write_project(root)
    for name in _OF_FILES:
        write_file(root, name, 1, rows)
    write_orders(root, 0, rows // 2)
    return root


def import_history(root: Path) -> int:
    """Import the first files, one import after the other."""
    return catch_up(root, *_OF_FILES) + take_slot(root, "orders", "first")


def _second_file(kind: str, name: str, *, endless: bool = False) -> Case:
    return Case(
        kind,
        lambda root, rows: write_file(root, name, 2, rows),
        lambda root: catch_up(root, name),
        endless,
    )


def _with_format(root: Path, _rows: int) -> None:
    define(root, "visits", lambda text: text.replace("type: number", f"type: number{_FORMAT}"))


def _without_threshold(root: Path, _rows: int) -> None:
    define(root, "strict", lambda text: text.removesuffix(STRICT))


def _nothing(_root: Path, _rows: int) -> None:
    """Everything that it needs is in the history."""


CASES: dict[str, Case] = {
    "customers": _second_file("customers", "crm"),
    "events": _second_file("events", "visits"),
    "events of a database": Case(
        "events",
        lambda root, rows: write_orders(root, rows // 2, rows),
        lambda root: take_slot(root, "orders", "second"),
    ),
    "events after a refusal": Case(
        "events", _without_threshold, lambda root: catch_up(root, "strict")
    ),
    "a refused file": _second_file("events", "strict", endless=True),
    "a whole catalog": _second_file("catalogs", "whole"),
    "parts of items": _second_file("catalogs", "parts"),
    "whole items": _second_file("catalogs", "swaps"),
    "vouchers": _second_file("vouchers", "autumn"),
    "a replay": Case("events", _with_format, lambda root: replay(root, "visits")),
    "undo": Case("customers", _nothing, lambda root: undo_first(root, "crm")),
    "a new type": Case(
        "events", _nothing, lambda root: retype(root, ("events", "visit"), "amount")
    ),
    "housekeeping": Case("all", _nothing, keep_house),
}
"""What is killed, by a name of its own."""
