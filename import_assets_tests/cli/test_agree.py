"""`agree`: a change of columns is agreed to by a person (M115)."""

from __future__ import annotations

import pytest

from import_assets_tests.cli.shop import DEFINITIONS, Shop


@pytest.fixture
def frozen(imported: Shop) -> Shop:
    """A project with a delivery that was refused for its columns."""
    imported.define("clients", DEFINITIONS["clients"] + "contract: freeze\n")
    imported.write("exports/clients_3.csv", "id,fn,town\n9,Ota,Nitra\n")
    imported.age("exports/clients_3.csv", 60)
    result = imported.call("run", "clients")
    assert result.exit_code == 2, result.output
    return imported


@pytest.mark.slow
def test_m115_what_was_refused_can_be_imported_once_it_is_agreed_to(frozen: Shop):
    assert frozen.query("SELECT count(*) AS n FROM customers WHERE registered = '9'") == [{"n": 0}]
    kept = frozen.call("agree", "clients", typed="n\n")
    assert kept.exit_code == 2
    assert "clients_3.csv against clients_1.csv, which was agreed to: new column 'town', " in (
        kept.output
    )
    result = frozen.call("agree", "clients", "--yes")
    assert result.exit_code == 0, result.output
    assert "Agreed: the columns of clients are now those of clients_3.csv" in result.stdout
    assert "import-assets run clients --key clients_3.csv" in result.stdout
    (again,) = frozen.json("run", "clients")
    assert again["outcome"] == "imported"
    assert frozen.query("SELECT town FROM customers WHERE registered = '9'") == [{"town": "Nitra"}]


def test_m115_nothing_to_agree_to(imported: Shop):
    result = imported.call("agree", "clients")
    assert result.exit_code == 0
    assert "The columns agreed are those of clients_1.csv" in result.stdout
    assert imported.json("agree", "clients") == [
        {
            "import": "clients",
            "agreed": ["id", "fn", "birthday"],
            "of": "clients_1.csv",
            "changed": False,
        }
    ]


def test_m115_before_the_first_delivery(shop: Shop):
    result = shop.call("agree", "clients")
    assert result.exit_code == 2
    assert "clients has had no delivery yet" in result.stderr


@pytest.mark.slow
def test_m115_a_preview_says_what_the_contract_will(frozen: Shop):
    result = frozen.call("preview", "clients")
    assert result.exit_code == 0
    assert "against clients_1.csv, whose columns are agreed: new column 'town'" in result.stderr
    assert "a run refuses it, the contract is frozen" in result.stderr
    assert "contract" not in frozen.call("preview", "clients", "--file", "clients_2.csv").stderr
