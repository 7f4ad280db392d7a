"""Replays of rejects from wherever they came, killed in their midst, and undone (M100, D53)."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from import_assets.pipeline.deliver import deliver
from import_assets.pipeline.replay import bring_in
from import_assets.pipeline.stage import utc_now
from import_assets.sources.paste import PasteStorage
from import_assets.spec.loading import load
from import_assets.staging.batch import Staging
from import_assets.tables.outcome import Counts
from import_assets.tables.undo import undo
from import_assets.warehouse import ledger, rejects
from import_assets_tests.conventions.files import PRODUCTS, PROJECT
from import_assets_tests.test_pipeline import CUSTOMERS, VOUCHERS, Yard
from import_assets_tests.test_pipeline_replay import exported, mended, planned, replay, total

FILE = "id,web,age\n1,c1,5\n2,c2,x\n"


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    """Customers, of whom record 2 was rejected for its age."""
    made = Yard(tmp_path)
    made.put(FILE)
    made.deliver()
    return made


def mend_age(yard: Yard) -> Path:
    return mended(yard, lambda rows: rows[0].update(age="6"))


def test_rejects_of_a_pasted_text(tmp_path: Path) -> None:
    yard = Yard(tmp_path)
    paste = PasteStorage(FILE, "by hand", 1_000)
    (found,) = paste.list(recursive=False, report=lambda _: None)
    done = deliver(yard.definition, paste, found, yard.warehouse)
    assert done.counts.rejected == 1
    assert replay(yard, mend_age(yard)) == [Counts(read=1, inserted=1, customers_created=1)]
    key = done.delivery.key
    assert yard.rows("SELECT registered, age, _file, _row FROM customers ORDER BY _row") == [
        ("1", 5, key, 1),
        ("2", 6, key, 2),
    ]


def test_rejects_of_files_in_an_archive_keep_their_file_and_number(tmp_path: Path) -> None:
    """Their records are numbered through the archive, before and after they are replayed."""
    yard = Yard(tmp_path)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in (("a.csv", "1,c1,x\n2,c2,5\n"), ("b.csv", "3,c3,5\n4,c4,y\n")):
            archive.writestr(name, f"id,web,age\n{text}")
    yard.put(packed.getvalue(), "all.zip")
    yard.deliver("all.zip")
    rows = exported(yard)
    assert [(row["_file"], row["_record"], row["_line"]) for row in rows] == [
        ("all.zip!a.csv", "1", "2"),
        ("all.zip!b.csv", "4", "3"),
    ]

    def second(found: list[dict[str, str]]) -> None:
        found[0]["age"] = "still wrong"
        found[1]["age"] = "7"

    assert replay(yard, mended(yard, second)) == [
        Counts(read=2, inserted=1, rejected=1, customers_created=1)
    ]
    stored = yard.rows("SELECT registered, age, _row FROM customers ORDER BY _row")
    assert stored == [("2", 5, 2), ("3", 5, 3), ("4", 7, 4)]
    (left,) = exported(yard)
    assert (left["_file"], left["_record"], left["_line"]) == ("all.zip!a.csv", "1", "2")


def test_a_rejected_item_of_xml_is_whole_with_its_lists_and_attributes(tmp_path: Path) -> None:
    yard = Yard(
        tmp_path,
        'kind: {catalog: products}\nsource: {storage: {folder: in, files: "*"}}\n'
        "columns: [{from: '@id', id: item_id}, {from: price, type: number}, "
        "{from: tag, type: list}]\n",
    )
    yard.put('<a><i id="1"><price>x</price><tag>b|c</tag></i><i id="2"><tag>d</tag></i></a>')
    yard.deliver()
    (row,) = exported(yard)
    assert (row["'@id"], row["price"], row["tag"]) == ("1", "x", "b|c")
    assert replay(yard, mended(yard, lambda rows: rows[0].update(price="2.5"))) == [
        Counts(read=1, inserted=1)
    ]
    assert yard.rows("SELECT item_id, price, tag FROM catalogs.products ORDER BY 1") == [
        ("1", 2.5, ["b|c"]),
        ("2", None, ["d"]),
    ]


def test_rejects_under_the_conventions_of_emarsys_are_held_to_them_again(tmp_path: Path) -> None:
    """M123, M124: a mended record can break another rule of theirs, or none."""
    yard = Yard(tmp_path, PRODUCTS, PROJECT)
    yard.put(
        "item,title,link,category,available,price\n"
        '1,t,//h/1,A>B,true,"1,5"\n2,t,//h/2,A>B,no,1\n3,t,//h/3,A,true,1\n'
    )
    yard.deliver()

    def edit(rows: list[dict[str, str]]) -> None:
        rows[0] |= {"price": "1.5", "category": "A>B|C"}
        rows[1]["link"] = "h/2"

    assert replay(yard, mended(yard, edit)) == [Counts(read=2, inserted=1, rejected=1)]
    (row,) = exported(yard)
    reasons = row["_reason"].split(", ")
    assert {"url_without_protocol", "bad_availability"} <= set(reasons)
    assert yard.rows("SELECT price, category FROM catalogs.products WHERE item_id = '1'") == [
        (1.5, ["A > B", "C"])
    ]


def test_a_replay_killed_in_its_transaction_changes_nothing_and_can_be_done_again(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """D9: rows, rejects and the ledger change together."""
    file, before = mend_age(yard), yard.dump()
    (one,) = planned(yard, file)
    one.staged(Staging(yard.definition.project.staging_path))

    class Killed(BaseException):
        """As a signal would do it, after the rejects were handed back."""

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(rejects, "store", die)
        with pytest.raises(Killed):
            bring_in(yard.definition, one.batch_id, yard.warehouse)
    assert yard.dump() == before
    assert yard.staged == 1
    assert replay(yard, file) == [Counts(read=1, inserted=1, customers_created=1)]
    assert exported(yard) == []


def test_d53_an_undone_replay_leaves_its_rejects_outstanding(yard: Yard) -> None:
    rows, before = exported(yard), total(yard)
    file = mend_age(yard)
    replay(yard, file)
    assert exported(yard) == []
    taken_back(yard, "replay_of IS NOT NULL")
    assert exported(yard) == rows
    assert total(yard) == before
    assert yard.rows("SELECT registered FROM customers") == [("1",)]
    again = mended(yard, lambda found: found[0].update(age="7"))
    assert replay(yard, again) == [Counts(read=1, inserted=1, customers_created=1)]


def taken_back(yard: Yard, which: str) -> None:
    """Undo the only batch of which that is true."""
    with yard.warehouse.write() as connection:
        ((sequence,),) = connection.execute(
            f"SELECT sequence FROM import_assets.batches WHERE {which}"
        ).fetchall()
        (entry,) = ledger.of_sequences(connection, [sequence])
        undo(connection, entry, yard.definition.project.spec.identifiers, utc_now())


def test_d39_d53_a_record_comes_in_once_what_stood_in_its_way_is_undone(tmp_path: Path) -> None:
    yard = Yard(tmp_path, VOUCHERS)
    yard.put("code\na\n", "a.csv")
    yard.deliver()
    yard.define(VOUCHERS.replace("SUMMER", "WINTER"))
    yard.put("code\na\nb\n", "b.csv")
    assert yard.deliver("b.csv").counts.rejected == 1
    taken_back(yard, "key = 'a.csv'")
    assert replay(yard) == [Counts(read=1, inserted=1)]
    assert yard.rows('SELECT code FROM vouchers."WINTER" ORDER BY 1') == [("a",), ("b",)]


def test_fail_above_may_not_be_below_warn_above(tmp_path: Path) -> None:
    """A delivery would be refused before anybody was warned; equal shares are fine."""
    yard = Yard(tmp_path, CUSTOMERS + "warn_above: 5%\nfail_above: 5%\n")
    (tmp_path / "imports" / "it.yaml").write_text(
        CUSTOMERS + "warn_above: 5%\nfail_above: 4%\n", encoding="utf-8"
    )
    loaded = load(yard.root)
    assert "it" not in loaded.imports
    assert "is below warn_above, which is 5%" in str(loaded.invalid["it"])
