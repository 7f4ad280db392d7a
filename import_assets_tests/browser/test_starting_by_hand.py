"""Imports started by hand, by clicks; what they bring is looked up in the warehouse."""

from __future__ import annotations

import pytest

from import_assets_tests.browser.pages import Visitor
from import_assets_tests.system.dagster_server import wait_until
from import_assets_tests.system.fixtures import MARKS
from import_assets_tests.system.shop import Shop

pytestmark = [*MARKS, pytest.mark.browser]

_KEYS = ("a.csv", "b.csv", "c.csv", "d.csv")
_DEFINITION = """\
description: Files that wait for somebody to start them.
kind: {catalog: NAME}
source:
  storage: {folder: FOLDER, files: "*.csv", settle: 0}
columns:
  - {from: item_id, id: item_id}
  - {from: amount, type: integer}
"""
_NAMES = ("by_hand_one", "by_hand_several", "by_hand_all")


@pytest.fixture
def by_hand(shop: Shop) -> None:
    """Imports without a trigger, whose files are shown; each has the same four files."""
    if not (shop.root / "imports" / f"{_NAMES[0]}.yaml").exists():
        files = {
            key: f"item_id,amount\n{key[0]}-1,1\n{key[0]}-2,2\n{key[0]}-3,many\n" for key in _KEYS
        }
        for name in _NAMES:
            shop.write_import(name, _DEFINITION.replace("NAME", name), files)
        shop.server.reload()
    for name in _NAMES:
        shop.wait_for_first_tick(f"{name}_files")


def _wait_until_in(shop: Shop, name: str, keys: tuple[str, ...]) -> None:
    """Wait until an import's runs are over and exactly these files are in."""
    wait_until(lambda: shop.server.runs_of(name), f"{name} has been started")
    wait_until(lambda: shop.server.partitions(name).materialized == keys, f"{name} is in")
    wait_until(shop.idle, "all imports have ended")
    assert {run.status for run in shop.server.runs_of(name)} == {"SUCCESS"}
    assert tuple(sorted(shop.counts(name))) == keys
    for counts in shop.counts(name).values():
        assert (counts.read, counts.inserted, counts.rejected) == (3, 2, 1)
    items = shop.rows(f"SELECT item_id, amount FROM catalogs.{name} ORDER BY item_id")
    assert items == [(f"{key[0]}-{number}", number) for key in keys for number in (1, 2)]


def test_one_file_is_imported_by_hand(by_hand: None, shop: Shop, visitor: Visitor) -> None:
    dialog = visitor.ask_to_materialize("by_hand_one")
    dialog.choose(["b.csv"])
    dialog.launch()
    _wait_until_in(shop, "by_hand_one", ("b.csv",))


def test_several_files_are_imported_by_hand(by_hand: None, shop: Shop, visitor: Visitor) -> None:
    """Files that do not stand side by side: nothing between them is taken."""
    dialog = visitor.ask_to_materialize("by_hand_several")
    dialog.choose(["a.csv", "d.csv"])
    dialog.launch()
    _wait_until_in(shop, "by_hand_several", ("a.csv", "d.csv"))


def test_all_files_are_imported_by_a_backfill(by_hand: None, shop: Shop, visitor: Visitor) -> None:
    dialog = visitor.ask_to_materialize("by_hand_all")
    dialog.choose_all(len(_KEYS))
    dialog.launch()
    _wait_until_in(shop, "by_hand_all", _KEYS)


def test_pasted_text_is_imported(shop: Shop, visitor: Visitor) -> None:
    """M006: text pasted in the launchpad, under a name that is typed there."""
    config = (
        "ops:\n"
        "  imports__newsletter_signups:\n"
        "    config:\n"
        "      text: |\n"
        "        web_cookie,email,first_name,last_name\n"
        '        wc-paste-1,zaneta@example.com,Žaneta,"Nová, Mgr."\n'
        "        wc-paste-2,imrich@example.com,Imrich,O'Neil: #1\n"
        "        ,nobody@example.com,No,Identifier\n"
    )
    dialog = visitor.ask_to_materialize("newsletter_signups")
    dialog.add("fair-in-Brno")
    dialog.configure(config)
    dialog.launch()
    run = shop.server.finished_run("newsletter_signups")
    assert run.status == "SUCCESS"
    counts = shop.counts("newsletter_signups")["fair-in-Brno"]
    assert (counts.read, counts.inserted, counts.rejected) == (3, 2, 1)
    assert shop.rows(
        "SELECT first_name, last_name, email, newsletter, cookie FROM customers "
        "WHERE _import = 'newsletter_signups' ORDER BY email"
    ) == [
        ("Imrich", "O'Neil: #1", "imrich@example.com", True, ["wc-paste-2"]),
        ("Žaneta", "Nová, Mgr.", "zaneta@example.com", True, ["wc-paste-1"]),
    ]
