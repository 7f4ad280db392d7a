"""A process killed at any point leaves a delivery wholly in or not at all; the next start ends it.

Exactly once: staging with rename, one transaction for rows, rejects and ledger (D02). Here are a
few kills of each kind in small files; `python -m import_assets_tests.scenarios.kills` does hundreds
in large ones.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from import_assets.warehouse.warehouse import Warehouse
from import_assets_tests.scenarios.kill_cases import make_history
from import_assets_tests.scenarios.kill_driver import COMMITTED, HISTORY, Death
from import_assets_tests.scenarios.killing import Killing, in_process
from import_assets_tests.scenarios.kills import random_deaths
from import_assets_tests.scenarios.snapshots import WAREHOUSE

pytestmark = pytest.mark.slow

_ROWS = 150
_SEED = 20_261_128
_NAMED = {
    "customers": ("after the rows",),
    "events": ("after the rename",),
    "events of a database": ("fetching",),
    "events after a refusal": (COMMITTED,),
    "a whole catalog": ("after the ledger's row",),
    "vouchers": ("at the commit", "while the batch is removed"),
    "a replay": ("after the rename",),
    "undo": ("after a batch is taken back",),
}
"""What is killed → the moments at which it is."""


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project into which the first file of everything was imported."""
    root = make_history(tmp_path_factory.mktemp("kills") / "history", _ROWS)
    in_process(HISTORY, root)
    return root


@pytest.mark.parametrize("name", _NAMED)
def test_what_was_killed_is_finished_by_the_next_start(
    name: str, history: Path, tmp_path: Path
) -> None:
    killing = Killing(name, history, tmp_path, _ROWS)
    outcomes = [killing.kill(Death(moment)) for moment in _NAMED[name]]
    assert [one.moment for one in outcomes] == list(_NAMED[name])
    assert [one for one in outcomes if one.faults] == []
    late = {COMMITTED, "while the batch is removed"}
    assert [one.where for one in outcomes] == [
        "wholly in" if moment in late else "not in" for moment in _NAMED[name]
    ]


@pytest.mark.parametrize("name", ["customers", "parts of items"])
def test_killed_at_random(name: str, history: Path, tmp_path: Path) -> None:
    killing = Killing(name, history, tmp_path, _ROWS)
    outcome = killing.kill(next(random_deaths(killing, random.Random(_SEED))))
    assert (outcome.faults, outcome.where == "in part") == ((), False)


def test_a_difference_is_found(history: Path, tmp_path: Path) -> None:
    """What all of this rests on: one cell of one row that differs is told."""
    killing = Killing("vouchers", history, tmp_path, _ROWS)
    whole, *_ = killing.undisturbed
    with Warehouse(whole / WAREHOUSE).write() as connection:
        connection.execute("UPDATE vouchers.autumn SET _row = _row + 1 WHERE code = 'C1'")
    outcome = killing.kill(Death("at the start"))
    assert outcome.where == "not in"
    assert "vouchers.autumn has 1 rows too many" in outcome.faults[0]
