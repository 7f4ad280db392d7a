"""`check`: what is wrong is found before anything is imported, each with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from import_assets.spec.loading import load
from import_assets.warehouse.warehouse import Warehouse
from import_assets_tests.cli.shop import Shop


def test_all_is_fine(shop: Shop):
    result = shop.call("check")
    assert result.exit_code == 0
    assert result.stdout == "5 definitions fine, 0 wrong\n"
    assert shop.json("check") == []


def test_every_problem_has_its_place(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    shop.define("broken", "kind: customer\nsource:\n  upload: {}\ncolumns:\n  - {from: id}\n")
    monkeypatch.chdir(shop.root)
    result = shop.call("check")
    assert result.exit_code == 1
    assert "imports/broken.yaml:1:1: kind: " in result.stdout
    assert result.stdout.endswith("5 definitions fine, 1 wrong\n")
    found = shop.json("check", code=1)
    assert {one["import"] for one in found} == {"broken"}
    assert set(found[0]) == {
        "import", "severity", "file", "line", "column", "path", "message"
    }  # fmt: skip
    assert found[0]["file"] == str(shop.root / "imports/broken.yaml")


def test_a_wrong_project_file_is_found(shop: Shop):
    shop.write("project.yaml", "timezone: Nowhere\n")
    result = shop.call("check")
    assert result.exit_code == 1
    assert "project.yaml:1:1: timezone: unknown time zone" in result.stdout
    assert shop.json("check", code=1)[0]["import"] == "project"


def test_no_definitions_yet(tmp_path: Path):
    (tmp_path / "imports").mkdir()
    result = Shop(tmp_path).call("check")
    assert result.exit_code == 0
    assert "no definitions yet" in result.stdout


def test_a_missing_folder_is_a_warning(shop: Shop):
    shop.root.joinpath("exports").rename(shop.root / "elsewhere")
    found = shop.json("check")
    assert {(one["import"], one["severity"], one["line"]) for one in found} == {
        ("clients", "warning", 3),
        ("orders", "warning", 3),
        ("prices", "warning", 3),
    }
    assert "does not exist" in found[0]["message"]
    assert "3 warnings" in shop.call("check").stdout


def test_m024_more_files_than_a_start_may_take(shop: Shop):
    shop.write("project.yaml", "limits: {files: 1}\n")
    found = shop.json("check", code=1)
    # Orders have two files as well, but nothing starts them by itself.
    assert [(one["import"], one["line"], one["path"]) for one in found] == [
        ("clients", 3, "source.storage.files")
    ]
    assert "more than the limit of 1, so none is" in found[0]["message"]


def test_m024_files_imported_already_do_not_count(imported: Shop):
    imported.write("project.yaml", "limits: {files: 1}\n")
    assert imported.json("check") == []


def test_a_static_value_has_to_be_of_its_type(shop: Shop):
    text = shop.root.joinpath("imports/partners.yaml").read_text(encoding="utf-8")
    shop.define("partners", text + "  - {to: since, type: date, value: soon}\n")
    found = shop.json("check", code=1)
    assert [(one["line"], one["path"]) for one in found] == [(6, "columns[1].value")]


def test_d30_another_type_than_the_table_has_names_both_places(imported: Shop):
    imported.define(
        "late",
        "kind: customers\nsource: {upload: {}}\ncolumns:\n  - {from: id, id: registered}\n"
        "  - {from: birthday, type: text}\n  - {from: FN, to: First_Name}\n",
    )
    imported.root.joinpath("imports/clients.yaml").unlink()
    found = imported.json("check", code=1)
    assert [(one["import"], one["line"], one["column"]) for one in found] == [
        ("late", 5, 22),
        ("late", 6, 16),
    ]
    assert (
        "'birthday' is text here, but customers has it as date since import clients"
        in (found[0]["message"])
    )
    assert "differs only by case from 'first_name'" in found[1]["message"]


def test_m077_d34_a_catalog_stays_what_its_first_import_made_it(shop: Shop):
    text = shop.root.joinpath("imports/prices.yaml").read_text(encoding="utf-8")
    kind = "kind: {catalog: prices}\n"
    settings = "kind:\n  catalog: prices\n  product: true\n  searchable: [price]\n"
    project = load(shop.root).project
    with Warehouse(project.warehouse_path).write() as connection:
        connection.execute(
            "INSERT INTO import_assets.catalogs VALUES ('prices', true, ['price'], 'older')"
        )
        connection.execute(
            "INSERT INTO import_assets.attributes VALUES "
            "('catalogs/prices', 'price', 'number', 'older', 'old.csv', now()::TIMESTAMP)"
        )
    shop.define("prices", text.replace(kind, settings))
    assert shop.json("check") == []
    shop.define("prices", text.replace(kind, settings.replace("[price]", "[title]")))
    (found,) = shop.json("check", code=1)
    assert (found["import"], found["line"], found["path"]) == ("prices", 4, "kind.searchable")
    assert "were set by its first import, older, to [price]" in found["message"]
    shop.define("prices", text)
    (found,) = shop.json("check", code=1)
    assert (found["import"], found["line"], found["path"]) == ("prices", 1, "kind.product")
    assert "is a product catalog since import older" in found["message"]


def test_d30_what_an_import_brought_itself_is_not_said_to_be_anothers(imported: Shop):
    text = imported.root.joinpath("imports/clients.yaml").read_text(encoding="utf-8")
    imported.define("clients", text.replace("type: date", "type: datetime"))
    (found,) = imported.json("check", code=1)
    assert "customers has it as date: write `type: date`" in found["message"]


def test_m033_a_column_without_a_rule_comes_as_text(imported: Shop):
    text = imported.root.joinpath("imports/clients.yaml").read_text(encoding="utf-8")
    imported.define("clients", text.replace("  - {from: birthday, type: date}\n", ""))
    (found,) = imported.json("check", code=1)
    assert (found["import"], found["line"], found["path"]) == ("clients", 4, "columns")
    assert found["message"].startswith(
        "no rule speaks of the column 'birthday', so it comes as text, but customers has it as "
        "date: add `- {from: birthday, type: date}`"
    )


def test_d25_a_static_value_that_changes_makes_every_event_new(shop: Shop):
    text = shop.root.joinpath("imports/orders.yaml").read_text(encoding="utf-8")
    rule = "  - {to: import_date, value: 2026-07-01%s}\n"
    shop.define("orders", text + rule % "" + "  - {to: source, value: crm}\n")
    (one,) = shop.json("check")
    assert (one["severity"], one["line"], one["path"]) == ("warning", 8, "columns[3].to")
    assert "add `exclude_from_dedup: true`, or `false`" in one["message"]
    for said in ("true", "false"):
        shop.define("orders", text + rule % f", exclude_from_dedup: {said}")
        assert shop.json("check") == []


def test_d25_imports_that_exclude_different_attributes(shop: Shop):
    text = shop.root.joinpath("imports/orders.yaml").read_text(encoding="utf-8")
    shop.define("orders", text + "  - {from: till, exclude_from_dedup: true}\n")
    shop.define("pos", text + "  - {from: till}\n")
    (one,) = shop.json("check")
    assert (one["import"], one["severity"], one["line"]) == ("orders", "warning", 8)
    assert "import pos does not say so of 'till'" in one["message"]
