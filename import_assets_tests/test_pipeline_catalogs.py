"""Catalogs and pools of codes on the whole way from the file: limits, modes, what is warned of."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest

from import_assets.errors import FileRefused
from import_assets.pipeline.deliver import Delivered
from import_assets.tables.outcome import Counts
from import_assets.warehouse import rejects
from import_assets_tests.test_pipeline import Yard

CATALOG = """\
kind: {catalog: products, product: true}
source: {storage: {folder: in, files: "*"}}
format: {csv: {delimiter: ",", encoding: utf-8}}
columns:
  - {from: id, id: item_id}
  - {from: group, id: product_id}
  - {from: price, type: number}
  - {from: tags, type: list, format: "|"}
"""
WHOLE = CATALOG.replace("true}", "true, mode: full, max_drop: 50%}")
POOL = """\
kind: {vouchers: "10%Discount"}
source: {storage: {folder: in, files: "*"}}
format: {csv: {delimiter: ",", encoding: utf-8}}
columns: [{from: voucher, id: code}]
"""


def reasons(yard: Yard, done: Delivered) -> dict[int, list[str]]:
    """The reasons of the rejected records, by the number of the record."""
    with yard.warehouse.read() as connection:
        rows = rejects.of_batch(connection, done.batch_id).to_dicts()
    return {row["record"]: [fault["reason"] for fault in row["faults"]] for row in rows}


def warnings(done: Delivered) -> tuple[str, ...]:
    assert done.manifest is not None
    return done.manifest.warnings


# --- limits ---------------------------------------------------------------------------------------


def test_m079_d35_a_value_has_28672_bytes_and_no_more(tmp_path: Path) -> None:
    """Bytes of UTF-8 behind the parsing: quotes around a cell count nothing, JSON counts whole."""
    yard = Yard(tmp_path, CATALOG)
    items = json.dumps(["x" * 20_000, "y" * 8_665], separators=(",", ":"))
    assert len(items) == 28_672
    cells = {
        "fits": ("x" * 28_672, ""),
        "long": ("x" * 28_673, ""),
        "accents": ("á" * 14_336, ""),
        "accents too": ("á" * 14_336 + "x", ""),
        "quoted": ('"' + '""' * 28_672 + '"', ""),
        "list": ("", "x" * 20_000 + "|" + "y" * 8_665),
        "list too": ("", "x" * 20_000 + "|" + "y" * 8_666),
    }
    lines = [f"{name},,1,{tags},{title}" for name, (title, tags) in cells.items()]
    yard.put("\n".join(["id,group,price,tags,title", *lines, ""]))
    done = yard.deliver()
    too_long = ["value_too_long"]
    assert reasons(yard, done) == {2: too_long, 4: too_long, 7: too_long}
    stored = "SELECT item_id, strlen(title) FROM catalogs.products WHERE title IS NOT NULL"
    assert dict(yard.rows(stored)) == {"fits": 28_672, "accents": 28_672, "quoted": 28_672}


def test_m043_d20_an_item_id_has_256_bytes_and_no_more(tmp_path: Path) -> None:
    yard = Yard(tmp_path, CATALOG)
    ids = ["x" * 256, "x" * 257, "á" * 128, "á" * 128 + "x"]
    yard.put("id,group,price\n" + "".join(f"{one},,1\n" for one in ids))
    assert reasons(yard, yard.deliver()) == {2: ["id_too_long"], 4: ["id_too_long"]}


def test_m075_d37_a_product_has_several_items_and_an_item_the_last_product_named(
    tmp_path: Path,
) -> None:
    yard = Yard(tmp_path, CATALOG)
    yard.put("id,group,price\n1,p,1\n2,p,1\n1,q,1\n2,,1\n")
    assert yard.deliver().counts == Counts(read=4, inserted=2, updated=1, unchanged=1)
    stored = yard.rows("SELECT item_id, product_id FROM catalogs.products ORDER BY 1")
    assert stored == [("1", "q"), ("2", "p")]


def test_b7_a_slash_in_an_item_id_is_warned_of_and_imported(tmp_path: Path) -> None:
    yard = Yard(tmp_path, CATALOG)
    yard.put("id,group,price\na/b,,1\nc,,1\n/,,1\n")
    done = yard.deliver()
    assert done.counts.inserted == 3
    (warning,) = warnings(done)
    assert warning.startswith("2 item_ids have a / inside, such as 'a/b'")
    yard.put("id,group,price\nc,a/b,1\n", "b.csv")
    assert warnings(yard.deliver("b.csv")) == ()


# --- modes ----------------------------------------------------------------------------------------


def test_b7_a_whole_catalog_keeps_the_items_of_rejected_records(tmp_path: Path) -> None:
    """Whatever was wrong, if the item can be told: a bad price, a value that is too long."""
    yard = Yard(tmp_path, WHOLE)
    yard.put("id,group,price\n1,,1\n2,,2\n3,,3\n4,,4\n")
    yard.deliver()
    yard.put("id,group,price,title\n1,,1,\n2,,cheap,\n", "b.csv")
    yard.define(WHOLE + "contract: evolve\n")
    done = yard.deliver("b.csv")
    assert done.counts == Counts(read=2, unchanged=1, rejected=1, removed=2)
    assert yard.rows("SELECT item_id, price FROM catalogs.products ORDER BY 1") == [
        ("1", 1.0),
        ("2", 2.0),
    ]
    assert warnings(done) == ()


@pytest.mark.parametrize("record", ["2", "2,,2,3,4", ",,2", '"2"x,,2'])
def test_b7_nothing_is_removed_where_a_rejected_item_cannot_be_told(
    tmp_path: Path, record: str
) -> None:
    yard = Yard(tmp_path, WHOLE)
    yard.put("id,group,price\n1,,1\n2,,2\n3,,3\n")
    yard.deliver()
    yard.put(f"id,group,price\n1,,1\n3,,3\n{record}\n", "b.csv")
    done = yard.deliver("b.csv")
    assert done.counts == Counts(read=3, unchanged=2, rejected=1)
    (warning,) = warnings(done)
    assert warning.startswith("no items are removed: 1 record was rejected")


@pytest.mark.parametrize(
    ("record", "line_breaks"), [("3" + "x" * 256 + ",,3,", "keep"), ('"3\n",,3,', "reject")]
)
def test_b7_nothing_is_removed_where_the_item_id_itself_is_at_fault(
    tmp_path: Path, record: str, line_breaks: str
) -> None:
    yard = Yard(tmp_path, WHOLE.replace("utf-8", f"utf-8, line_breaks: {line_breaks}"))
    yard.put("id,group,price,tags\n1,,1,\n2,,2,\n3,,3,\n")
    yard.deliver()
    yard.put(f"id,group,price,tags\n1,,1,\n2,,2,\n{record}\n", "b.csv")
    done = yard.deliver("b.csv")
    assert done.counts == Counts(read=3, unchanged=2, rejected=1)
    assert any(one.startswith("no items are removed: 1 record") for one in warnings(done))


def test_b7_the_item_of_a_record_with_a_line_break_can_be_told(tmp_path: Path) -> None:
    text = WHOLE.replace("utf-8}", "utf-8, line_breaks: reject}")
    yard = Yard(tmp_path, text)
    yard.put("id,group,price\n1,,1\n2,,2\n3,,3\n")
    yard.deliver()
    yard.put('price,id,group\n1,1,\n"2\n",2,\n', "b.csv")
    done = yard.deliver("b.csv")
    assert done.counts == Counts(read=2, unchanged=1, rejected=1, removed=1)
    assert yard.rows("SELECT item_id FROM catalogs.products ORDER BY 1") == [("1",), ("2",)]


def test_b7_the_files_of_an_archive_are_one_catalog(tmp_path: Path) -> None:
    yard = Yard(tmp_path, WHOLE)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.csv", "id,group,price\n1,,1\n2,,2\n")
        archive.writestr("b.csv", "id,price,group\n3,3,\n2,5,\n")
    yard.put(packed.getvalue(), "all.zip")
    assert yard.deliver("all.zip").counts == Counts(read=4, inserted=3, updated=1)
    yard.put("id,group,price\n3,,3\n2,,5\n", "next.csv")
    assert yard.deliver("next.csv").counts == Counts(read=2, unchanged=2, removed=1)


def test_b7_a_file_that_is_too_short_is_refused_until_it_may_be(tmp_path: Path) -> None:
    """The definition that lets it through makes it a new delivery, and is good for one file."""
    yard = Yard(tmp_path, WHOLE)
    yard.put("id,group,price\n1,,1\n2,,2\n3,,3\n")
    yard.deliver()
    yard.put("id,group,price\n", "b.csv")
    before = yard.rows("SELECT * FROM catalogs.products ORDER BY ALL")
    assert yard.staged == 0
    with pytest.raises(FileRefused, match="has 3 items and would have 0"):
        yard.deliver("b.csv")
    assert yard.staged == 0
    assert yard.rows("SELECT * FROM catalogs.products ORDER BY ALL") == before
    yard.define(WHOLE.replace("50%", "100%"))
    assert yard.deliver("b.csv").counts == Counts(removed=3)


def test_d36_a_catalog_grows_under_an_evolving_contract_only(tmp_path: Path) -> None:
    """The contracts that go on or refuse by themselves do not open a catalog."""
    yard = Yard(tmp_path, CATALOG)
    yard.put("id,group,price\n1,,1\n")
    yard.deliver()
    yard.put("id,group,price,size\n1,,1,L\n", "b.csv")
    for contract, reason in (("warn", "new_column"), ("freeze", "columns_changed")):
        yard.define(CATALOG + f"contract: {contract}\n")
        with pytest.raises(FileRefused) as error:
            yard.deliver("b.csv")
        assert error.value.reason == reason
    yard.define(CATALOG + "contract: evolve\n")
    assert yard.deliver("b.csv").counts == Counts(read=1, updated=1)
    assert yard.rows("SELECT size FROM catalogs.products") == [("L",)]


# --- vouchers -------------------------------------------------------------------------------------


def test_d39_codes_are_trimmed_and_of_several_columns_one_counts(tmp_path: Path) -> None:
    """b.6, M043: nothing is no code, case and accents count, and a code has 256 bytes."""
    yard = Yard(tmp_path, POOL)
    codes = [" A ", "A", "a", "Ä", "  ", "", "x" * 256, "x" * 257, "100%", "it's", "0012"]
    yard.put("note,voucher\n" + "".join(f"n,{code}\n" for code in codes))
    done = yard.deliver()
    assert done.counts == Counts(read=11, inserted=7, duplicate=1, rejected=3)
    assert reasons(yard, done) == {5: ["missing_id"], 6: ["missing_id"], 8: ["id_too_long"]}
    stored = yard.rows('SELECT code FROM vouchers."10%Discount" ORDER BY _row')
    assert [code for (code,) in stored] == ["A", "a", "Ä", "x" * 256, "100%", "it's", "0012"]
    assert done.manifest is not None
    assert done.manifest.unmapped == ("note",)
