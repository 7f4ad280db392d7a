"""`attributes`: what the tables have, and another type for an attribute (M031-M033, M036, M037)."""

from __future__ import annotations

import json

import pytest

from import_assets_tests.cli.shop import Shop


def test_without_a_table_all_are_listed(imported: Shop):
    assert imported.json("attributes") == [
        {"table": "customers", "attributes": 2, "rows": 3},
        {"table": "events/purchase", "attributes": 1, "rows": 3},
    ]


def test_before_the_first_import_there_is_nothing(shop: Shop):
    assert shop.json("attributes") == []
    assert "import something first" in shop.call("attributes").stderr
    assert not (shop.root / "data").exists()


def test_m031_what_a_table_has(imported: Shop):
    registered, cookie, first_name, birthday = imported.json("attributes", "customers")
    assert (registered["role"], registered["filled_percent"]) == ("identifier", 100.0)
    assert (cookie["type"], cookie["filled"], cookie["example"]) == ("list", 0, None)
    assert (first_name["role"], first_name["first_import"]) == ("attribute", "clients")
    assert first_name["first_file"] == "clients_1.csv"
    assert first_name["first_seen"].endswith("+00:00")
    assert (birthday["type"], birthday["filled_percent"]) == ("date", 33.3)
    assert birthday["example"] == "1990-01-31"
    (total,) = imported.json("attributes", "events/purchase")
    assert (total["name"], total["type"], total["rows"]) == ("total", "number", 3)
    text = imported.call("attributes", "customers").stdout
    assert text.startswith("name\ttype\trole\tfirst import\tfirst file\tfirst seen (UTC)\tfilled %")


def test_shares_are_whole_only_where_they_are(imported: Shop):
    from import_assets.spec.loading import load
    from import_assets.warehouse.warehouse import Warehouse

    with Warehouse(load(imported.root).project.warehouse_path).write() as connection:
        connection.execute(
            "INSERT INTO customers BY NAME SELECT 100 + n AS customer_id, "
            "CASE WHEN n = 1 THEN NULL ELSE 'x' END AS first_name, "
            "CASE WHEN n < 3 THEN DATE '2000-01-01' END AS birthday FROM range(9997) t(n)"
        )
        connection.execute("UPDATE customers SET birthday = NULL WHERE customer_id < 100")
    found = {one["name"]: one for one in imported.json("attributes", "customers")}
    assert (found["first_name"]["filled"], found["first_name"]["filled_percent"]) == (9998, 99.9)
    assert (found["birthday"]["filled"], found["birthday"]["filled_percent"]) == (3, 0.1)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("custommers",), "no table 'custommers'; did you mean customers?"),
        (("retype", "custommers", "x", "list"), "no table 'custommers'"),
        (("retype", "customers", "x", "list"), "no attribute of customers 'x'"),
        (("retype", "customers", "registered", "list"), "is an identifier of customers"),
        (("retype", "customers", "birthday", "dat"), "no type 'dat'; did you mean date?"),
        (("retype", "customers", "birthday", "text", "--format", "x"), "takes no format"),
        (
            ("retype", "customers", "birthday", "datetime", "--timezone", "Mars/X"),
            "unknown time zone 'Mars/X'",
        ),
    ],
)
def test_what_is_not_there_is_said(imported: Shop, words: tuple[str, ...], sentence: str):
    result = imported.call("attributes", *words)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert "Traceback" not in result.output


def test_retype_tells_first_and_asks(imported: Shop):
    words = ("attributes", "retype", "customers", "birthday", "text")
    result = imported.call(*words, typed="n\n")
    assert result.exit_code == 2
    assert "Of 3 rows 1 have a value: 1 fit, 0 do not." in result.stdout
    assert "The texts are those of the values, not of the files" in result.stdout
    assert "imports/clients.yaml\t7\ttype: text" in result.stdout
    assert "filled customers before can then no longer be undone" in result.stdout
    assert "Change birthday of customers from date to text?" in result.stderr
    assert "Nothing was changed." in result.stdout
    assert imported.json("attributes", "customers")[3]["type"] == "date"
    assert "--yes" in imported.call(*words, typed="").stderr
    result = imported.call(*words, typed="y\n")
    assert result.exit_code == 0
    assert "birthday of customers is text now. Values: 1 kept." in result.stdout
    birthday = imported.json("attributes", "customers")[3]
    assert (birthday["type"], birthday["example"]) == ("text", "1990-01-31")
    (found,) = imported.json("check", code=1)
    assert (found["import"], found["line"]) == ("clients", 7)
    assert "write `type: text`" in found["message"]


def test_what_does_not_fit_stands_in_the_way(imported: Shop):
    words = ("attributes", "retype", "customers", "first_name", "number")
    result = imported.call(*words, "--yes")
    assert result.exit_code == 2
    assert "Hana\t1\tnot_a_number" in result.stdout
    assert "not_a_number: The cell is not a number such as 1234.56" in result.stdout
    sql = next(line for line in result.stdout.splitlines() if line.startswith("SELECT"))
    assert {row["first_name"] for row in imported.query(sql)} == {"Hana", "Ivo"}
    assert "Say --null-misfits" in result.stdout
    (told,) = imported.json(*words, "--dry-run", code=1)
    assert (told["misfits"], told["changed"]) == (2, False)
    (told,) = imported.json(*words, "--null-misfits", "--dry-run")
    assert told["changed"] is False
    (told,) = imported.json(*words, "--null-misfits", "--yes")
    assert (told["changed"], told["fit"]) == (True, 0)
    assert imported.json("attributes", "customers")[2]["filled"] == 0


def test_a_column_without_a_rule_needs_one(imported: Shop):
    """A column that no rule speaks of would still come as text."""
    text = imported.root.joinpath("imports/clients.yaml").read_text(encoding="utf-8")
    imported.define("clients", text.replace("  - {from: birthday, type: date}\n", ""))
    (told,) = imported.json("attributes", "retype", "customers", "birthday", "datetime", "--yes")
    assert told["definitions"] == [
        {
            "file": "imports/clients.yaml",
            "line": 4,
            "write": "- {from: birthday, type: datetime}",
        }
    ]


def test_a_format_that_no_longer_goes_with_the_type_is_named(imported: Shop):
    text = imported.root.joinpath("imports/orders.yaml").read_text(encoding="utf-8")
    imported.define("orders", text.replace("number}", 'number, format: "1234,5"}'))
    words = ("attributes", "retype", "events/purchase", "total", "text", "--dry-run")
    (told,) = imported.json(*words)
    assert [one["write"] for one in told["definitions"]] == ["type: text, and take `format` out"]


def test_imports_of_several_zones_leave_the_time_open(imported: Shop):
    text = imported.root.joinpath("imports/partners.yaml").read_text(encoding="utf-8")
    imported.define("partners", text + "timezone: Europe/Bratislava\n")
    words = ("attributes", "retype", "customers", "birthday", "datetime", "--dry-run")
    result = imported.call(*words)
    assert result.exit_code == 2
    assert "different zones, Europe/Bratislava, UTC" in result.stderr
    assert imported.call(*words, "--timezone", "UTC").exit_code == 0


def test_the_type_that_it_has_already(imported: Shop):
    result = imported.call("attributes", "retype", "customers", "birthday", "date", "--yes")
    assert result.exit_code == 0
    assert result.stdout == "birthday of customers is date already.\n"


@pytest.mark.slow
def test_m067_the_same_file_under_the_new_type_brings_no_event_twice(imported: Shop):
    text = imported.root.joinpath("imports/orders.yaml").read_text(encoding="utf-8")
    imported.call("attributes", "retype", "events/purchase", "total", "text", "--yes")
    imported.define("orders", text.replace("number}", "text}"))
    imported.write("exports/orders_3.csv", "id,ts,total\n1,1700000000,10.5\n2,1700000001,3\n")
    imported.age("exports/orders_3.csv", 10)
    result = imported.call("run", "orders", "--key", "orders_3.csv", "--json")
    (told,) = json.loads(result.stdout)
    assert (told["inserted"], told["duplicate"]) == (0, 2)
