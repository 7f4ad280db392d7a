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
_CHOSEN = {"one": ("b.csv",), "several": ("a.csv", "d.csv"), "all": _KEYS}
"""Files that do not stand side by side among them: nothing between them may be taken."""


def _started_by_hand(shop: Shop) -> dict[str, tuple[str, ...]]:
    """Write imports without a trigger; return the files to start of each, once all are shown."""
    files = {key: f"item_id,amount\n{key[0]}-1,1\n{key[0]}-2,2\n{key[0]}-3,many\n" for key in _KEYS}
    chosen = {f"by_hand_{word}": keys for word, keys in _CHOSEN.items()}
    for name in chosen:
        shop.write_import(name, _DEFINITION.replace("NAME", name), files)
    shop.server.reload()
    wait_until(
        lambda: all(shop.server.partitions(name).missing == _KEYS for name in chosen),
        "the files are shown",
    )
    return chosen


def test_files_are_imported_when_somebody_starts_them(shop: Shop, visitor: Visitor) -> None:
    """One file, several, and a backfill of all; each brings its own rows and no others."""
    chosen = _started_by_hand(shop)
    for name, keys in chosen.items():
        dialog = visitor.ask_to_materialize(name)
        if keys == _KEYS:
            dialog.choose_all(len(keys))
        else:
            dialog.choose(keys)
        dialog.launch()
    for name, keys in chosen.items():
        _check_imported(shop, name, keys)


def _check_imported(shop: Shop, name: str, keys: tuple[str, ...]) -> None:
    wait_until(lambda: shop.server.partitions(name).materialized == keys, f"{name} is in")
    wait_until(shop.idle, "all imports have ended")
    assert {run.status for run in shop.server.runs_of(name)} == {"SUCCESS"}
    counts = shop.counts(name)
    assert tuple(sorted(counts)) == keys
    for one in counts.values():
        assert (one.read, one.inserted, one.rejected) == (3, 2, 1)
    items = shop.rows(f"SELECT item_id, amount FROM catalogs.{name} ORDER BY item_id")
    assert items == [(f"{key[0]}-{number}", number) for key in keys for number in (1, 2)]


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
