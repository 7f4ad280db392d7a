"""`validate`: a file against the conventions of Emarsys, without a project (M113)."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from import_assets.cli.main import main
from import_assets_tests.cli.shop import Shop

HEAD = "item,title,link,price\n"
CLEAN = HEAD + "1,t,//h/1,1.5\n"
BAD = HEAD + "1,t,h/1,1.5\n2,t,h/2,x\n3,=a,h/3 |,1\n4,a | b,//h/4,1\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is no project."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(*words: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(main, ["validate", *words], input=typed)


def as_json(*words: str) -> dict[str, Any]:
    (found,) = json.loads(call(*words, "--json").stdout)
    return found


def put(folder: Path, text: str, name: str = "products.csv") -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return name


def test_m113_a_clean_file(folder: Path):
    result = call(put(folder, CLEAN), "--as", "emarsys-products")
    assert result.exit_code == 0
    assert result.stdout == (
        "products.csv as emarsys-products: 1 record read = 1 without errors + 0 with; "
        "0 errors, 0 warnings\n"
    )


def test_m113_errors_are_told_with_all_there_is_to_know(folder: Path):
    result = call(put(folder, BAD), "--as", "emarsys-products")
    assert result.exit_code == 1
    lines = [line.split("\t") for line in result.stdout.splitlines()]
    assert [
        "url_without_protocol",
        "error",
        "2",
        "link",
        "h/1",
        "The URL has no protocol.",
        "Begin it with http://, https:// or //.",
    ] in lines
    assert ["url_without_protocol", "error", "3", "3"] in lines
    assert ["several_values", "warning", "1", "1"] in lines
    assert result.stdout.endswith(
        "4 records read = 1 without errors + 3 with; 5 errors, 1 warning\n"
    )


def test_warnings_alone_are_no_fault(folder: Path):
    assert call(put(folder, HEAD + "1,a | b,//h,1\n"), "--as", "emarsys-products").exit_code == 0


def test_limits_cap_what_is_shown_and_never_what_is_counted(folder: Path):
    result = call(put(folder, BAD), "--as", "emarsys-products", "--limit", "1")
    assert result.stdout.count("url_without_protocol\terror") == 2
    assert ["url_without_protocol", "error", "3", "1"] in [
        line.split("\t") for line in result.stdout.splitlines()
    ]
    assert "and 2 more of url_without_protocol" in result.stderr
    found = as_json("products.csv", "--as", "emarsys-products", "--limit", "0")
    assert found["findings"] == []
    assert sum(one["found"] for one in found["codes"]) == found["errors"] + found["warnings"] == 6


def test_json_holds_all_of_it(folder: Path):
    found = as_json(put(folder, BAD), "--as", "emarsys-products")
    assert found["records"] == found["without_errors"] + found["with_errors"] == 4
    assert found["codes"][0] == {
        "code": "url_without_protocol",
        "severity": "error",
        "found": 3,
        "shown": 3,
    }
    assert found["findings"][0] == {
        "line": 2,
        "column": "link",
        "code": "url_without_protocol",
        "severity": "error",
        "value": "h/1",
        "message": "The URL has no protocol.",
        "advice": "Begin it with http://, https:// or //.",
        "file": "products.csv",
    }


def test_all_findings_as_csv(folder: Path):
    result = call(put(folder, BAD), "--as", "emarsys-products", "--csv", "out.csv", "--limit", "0")
    assert result.exit_code == 1
    assert "6 findings written to out.csv" in result.stderr
    text = (folder / "out.csv").read_bytes().decode()
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[0] == ["line", "column", "code", "severity", "value", "message", "advice", "file"]
    assert [(row[0], row[2]) for row in rows[1:]] == [
        ("2", "url_without_protocol"),
        ("3", "url_without_protocol"),
        ("3", "not_a_number"),
        ("4", "url_without_protocol"),
        ("4", "url_not_encoded"),
        ("5", "several_values"),
    ]


def test_a_value_that_a_spreadsheet_would_run_is_defused(folder: Path):
    put(folder, HEAD + "1,=a | b,//h,1\n")
    result = call("products.csv", "--as", "emarsys-products", "--csv", "out.csv")
    assert "'=a | b" in (folder / "out.csv").read_text(encoding="utf-8")
    assert "1 cell would run as a formula" in result.stderr


def test_the_file_itself_is_never_written_over(folder: Path):
    name = put(folder, BAD)
    result = call(name, "--as", "emarsys-products", "--csv", f"./{name}")
    assert result.exit_code == 2
    assert (folder / name).read_text(encoding="utf-8") == BAD


def test_nor_is_the_warehouse(shop: Shop):
    file = shop.write("products.csv", BAD)
    shop.write("data/warehouse.duckdb", "rows")
    target = str(shop.root / "data" / "warehouse.duckdb")
    result = shop.call("validate", str(file), "--as", "emarsys-products", "--csv", target)
    assert result.exit_code == 2
    assert "is the warehouse" in result.stderr


@pytest.mark.parametrize("name", ["missing.csv", "."])
def test_what_cannot_be_read(folder: Path, name: str):
    result = call(name, "--as", "emarsys-products")
    assert result.exit_code == 2
    assert "cannot be read" in result.stderr


def test_a_damaged_archive_cannot_be_read(folder: Path):
    (folder / "a.csv.gz").write_bytes(b"\x1f\x8bnothing")
    result = call("a.csv.gz", "--as", "emarsys-products", "--csv", "out.csv")
    assert result.exit_code == 2
    assert "damaged_archive" in result.stderr
    assert not (folder / "out.csv").exists()


def test_standard_input_has_no_name_to_be_wrong(folder: Path):
    result = call("-", "--as", "emarsys-products", typed=CLEAN)
    assert result.exit_code == 0
    assert result.stdout.startswith("standard input as emarsys-products: 1 record ")


def test_m114_m120_a_file_that_breaks_off_is_said_to(folder: Path):
    result = call(put(folder, "", "a.txt"), "--as", "emarsys-sales")
    assert result.exit_code == 1
    assert "a.txt: not read to its end: no header" in result.stdout
    assert "not_csv_name" in result.stdout


def test_m135_a_delimiter_can_be_said(folder: Path):
    name = put(folder, CLEAN.replace(",", ";"))
    assert call(name, "--as", "emarsys-products").exit_code == 1
    assert call(name, "--as", "emarsys-products", "--delimiter", ";").exit_code == 0


def test_contacts_by_a_column_of_ones_own(folder: Path):
    name = put(folder, "number,born\n,1990-01-31\n", "contacts.csv")
    assert call(name, "--as", "emarsys-contacts").exit_code == 0
    result = call(name, "--as", "emarsys-contacts", "--id", "number")
    assert result.exit_code == 1
    assert "empty_required\terror\t2\tnumber" in result.stdout
    assert call(name, "--as", "emarsys-sales", "--id", "number").exit_code == 2


def test_m138_columns_of_ones_own_are_named(folder: Path):
    result = call(put(folder, "item,title,link,c_size\n1,t,//h,L\n"), "--as", "emarsys-products")
    assert "Columns of your own: c_size" in result.stdout


def test_m114_xml_is_told_to_be_none(folder: Path):
    text = "<r><i><item>1</item></i><i><item>2</item></i></r>"
    result = call(put(folder, text), "--as", "emarsys-products")
    assert result.exit_code == 1
    assert "not_csv" in result.stdout
    assert "The content is XML" in result.stdout
