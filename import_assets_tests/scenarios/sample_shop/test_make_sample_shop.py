"""The sample shop: always the same bytes, and a manifest that its files bear out.

The files are counted here a second time, by the standard library's csv reader and with no use of
the script that wrote them.
"""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parents[3]
SCRIPT = PROJECT / "scripts" / "make_sample_shop.py"
MANIFEST: dict[str, Any] = json.loads((PROJECT / "shop/manifest.json").read_text(encoding="utf-8"))
FILES: dict[str, dict[str, Any]] = MANIFEST["files"]
TABLES: dict[str, dict[str, Any]] = MANIFEST["tables"]
REASONS = {
    "ambiguous_date",
    "bad_quote",
    "id_too_long",
    "impossible_date",
    "looks_like_milliseconds",
    "missing_id",
    "not_a_boolean",
    "not_a_date",
    "not_a_datetime",
    "not_a_list",
    "not_a_number",
    "not_a_url",
    "not_an_integer",
    "not_json",
    "too_few_cells",
    "too_many_cells",
    "undecodable",
}


def run_script(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def read(path: str) -> list[tuple[int, list[str]]]:
    """Return the records as the line they begin on and their cells, header left out.

    Undecodable bytes become replacement characters, a stray quote is read leniently: such records
    are counted, not judged.
    """
    crm = path.startswith("shop/customers/")
    text = (PROJECT / path).read_bytes().decode("cp1250" if crm else "utf-8-sig", "replace")
    delimiter = ";" if crm or path.endswith("stock.csv") else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    records: list[tuple[int, list[str]]] = []
    begins = 1
    for cells in reader:
        records.append((begins, cells))
        begins = reader.line_num + 1
    return [(line, cells) for line, cells in records[1:] if cells]


def sound(path: str) -> list[dict[str, str]]:
    """Return the records that no import refuses, duplicates included, by column."""
    refused = {reject["line"] for reject in FILES[path]["rejects"]}
    header = header_of(path)
    return [
        dict(zip(header, cells, strict=True)) for line, cells in read(path) if line not in refused
    ]


def header_of(path: str) -> list[str]:
    first = (PROJECT / path).read_bytes().splitlines()[0].decode("utf-8-sig")
    return first.split(";" if ";" in first else ",")


def sound_of(import_name: str) -> list[dict[str, str]]:
    return [row for path in FILES if FILES[path]["import"] == import_name for row in sound(path)]


def cents(cell: str) -> int:
    return round(float(cell) * 100)


def registered(row: dict[str, str]) -> str:
    return row["id"].strip().lower()


def test_committed_files_are_what_the_script_writes() -> None:
    done = run_script("--check")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_writes_the_same_bytes_in_any_surroundings(tmp_path: Path, hash_seed: str) -> None:
    done = run_script("--out", str(tmp_path), PYTHONHASHSEED=hash_seed, LC_ALL="C", TZ="Asia/Tokyo")
    assert done.returncode == 0, done.stderr
    written = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*.*")}
    shop = PROJECT / "shop"
    assert written == {p.relative_to(PROJECT): p.read_bytes() for p in shop.rglob("*.*")}


def test_check_names_what_is_missing_or_changed_and_writing_mends_only_that(tmp_path: Path) -> None:
    shutil.copytree(PROJECT / "shop", tmp_path / "shop")
    missing, changed = tmp_path / "shop/catalog/stock.csv", tmp_path / "shop/catalog/stores.csv"
    missing.unlink()
    changed.write_bytes(changed.read_bytes() + b"\n")
    done = run_script("--check", "--out", str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "shop/catalog/stock.csv is missing or changed: run `make samples`",
        "shop/catalog/stores.csv is missing or changed: run `make samples`",
    ]
    done = run_script("--out", str(tmp_path))
    assert done.stdout.splitlines() == [
        "wrote shop/catalog/stock.csv",
        "wrote shop/catalog/stores.csv",
    ]
    assert run_script("--check", "--out", str(tmp_path)).returncode == 0


def test_the_shop_is_small_enough_to_commit() -> None:
    assert sum(path.stat().st_size for path in (PROJECT / "shop").rglob("*.*")) < 1_500_000


def test_the_manifest_names_every_file_and_every_kind_of_fault() -> None:
    there = {path.relative_to(PROJECT).as_posix() for path in (PROJECT / "shop").rglob("*.csv")}
    assert set(FILES) == there
    assert {reason for facts in FILES.values() for reason in facts["reasons"]} == REASONS


@pytest.mark.parametrize("path", FILES)
def test_counts_of_a_file_add_up(path: str) -> None:
    facts = FILES[path]
    assert facts["bytes"] == (PROJECT / path).stat().st_size
    assert facts["records"] == facts["accepted"] + facts["duplicates"] + facts["rejected"]
    assert facts["rejected"] == len(facts["rejects"])
    assert sum(facts["reasons"].values()) == sum(len(r["reasons"]) for r in facts["rejects"])


@pytest.mark.parametrize("path", FILES)
def test_records_and_the_lines_of_rejects_are_where_the_manifest_says(path: str) -> None:
    records = read(path)
    width = len(header_of(path))
    assert len(records) == FILES[path]["records"]
    refused = {reject["record"]: reject for reject in FILES[path]["rejects"]}
    for number, (line, cells) in enumerate(records, start=1):
        reasons = refused[number]["reasons"] if number in refused else []
        assert ("too_many_cells" in reasons) == (len(cells) > width)
        assert ("too_few_cells" in reasons) == (len(cells) < width)
        assert ("undecodable" in reasons) == ("\ufffd" in "".join(cells))
        if reasons:
            assert line == refused[number]["line"]


def test_customers_are_those_of_the_files_and_of_the_events() -> None:
    """M042, M044, M045, M092: ids trimmed and lowered, the last row wins, cookies gather."""
    latest: dict[str, dict[str, str]] = {}
    cookies: dict[str, set[str]] = {}
    for row in sound_of("crm_customers"):
        key = registered(row) or row["web_cookie"]
        latest[key] = row
        cookies.setdefault(key, set()).update({row["web_cookie"]} - {""})
    buyers = {registered(row) for row in sound_of("purchases") + sound_of("purchase_items")}
    everybody = set(latest) | buyers
    facts = TABLES["customers"]
    assert facts["rows"] == len(everybody)
    assert facts["only_from_events"] == len(buyers - set(latest))
    assert (
        facts["cookies"] == sum(map(len, cookies.values())) == len(set().union(*cookies.values()))
    )
    assert facts["without_city"] == sum(not latest.get(key, {}).get("city") for key in everybody)
    assert facts["newsletter_true"] == sum(row["newsletter"] == "áno" for row in latest.values())
    assert not set(MANIFEST["never_created"]) & everybody
    assert max(len(key.encode()) for key in everybody) == 256


def test_purchases_are_counted_once_each() -> None:
    """M066, M067: equal customer, time and typed values make a duplicate."""
    rows = sound_of("purchases")
    distinct = {
        (registered(row), row["ts"], row["purchase_id"], cents(row["total"])) for row in rows
    }
    facts = TABLES["events/purchase"]
    duplicates = sum(f["duplicates"] for f in FILES.values() if f["import"] == "purchases")
    assert (facts["rows"], duplicates) == (len(distinct), len(rows) - len(distinct))
    assert facts["distinct_purchase_ids"] == len({purchase for _, _, purchase, _ in distinct})
    assert sum(facts["total_cents"].values()) == sum(total for *_, total in distinct)


def test_items_are_counted_once_each_and_some_lack_their_purchase() -> None:
    """M066, M069."""
    rows = sound_of("purchase_items")
    distinct = {(registered(row), *list(row.values())[1:]) for row in rows}
    bought = {row["purchase_id"] for row in sound_of("purchases")}
    facts = TABLES["events/purchase_item"]
    duplicates = sum(f["duplicates"] for f in FILES.values() if f["import"] == "purchase_items")
    assert (facts["rows"], duplicates) == (len(distinct), len(rows) - len(distinct))
    assert facts["without_purchase"] == sum(item[2] not in bought for item in distinct) > 0
    assert facts["total_price_cents"] == sum(cents(item[-1]) for item in distinct)
    assert facts["titles_with_newline"] == sum("\n" in item[4] for item in distinct) > 0


def test_catalogs_hold_the_last_present_values() -> None:
    """M101, D38."""
    items: dict[str, dict[str, str]] = {}
    for row in sound_of("products"):
        present = {column: cell for column, cell in row.items() if cell}
        items.setdefault(row["item_id"], {}).update(present)
    facts = TABLES["catalogs/products"]
    assert facts["rows"] == len(items)
    assert facts["with_description"] == sum("description" in item for item in items.values())
    assert facts["price_cents"] == sum(cents(item["price"]) for item in items.values())
    assert facts["stock_sum"] == sum(int(item["stock"]) for item in items.values())
    items_of_stock = {row["item_id"]: row["stock"] for row in sound_of("daily_stock")}
    assert set(items_of_stock) <= set(items)
    newest = {item_id: item["stock"] for item_id, item in items.items()} | items_of_stock
    assert facts["stock_sum_after_daily_stock"] == sum(map(int, newest.values()))
    assert TABLES["catalogs/stores"]["rows"] == len({row["item_id"] for row in sound_of("stores")})


def test_a_voucher_is_in_its_pool_once() -> None:
    """D39: trimmed, duplicates ignored and counted."""
    codes = [row["code"].strip() for row in sound_of("summer_vouchers")]
    facts = FILES["shop/vouchers/SUMMER10.csv"]
    assert TABLES["vouchers/SUMMER10"]["rows"] == len(set(codes)) == facts["accepted"]
    assert facts["duplicates"] == len(codes) - len(set(codes)) > 0
    assert facts["blank_lines"] > 0
