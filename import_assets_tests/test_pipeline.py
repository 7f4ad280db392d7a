"""The one way of the data: preview, dry run and import say the same, and an import is in once."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from import_assets.errors import FileRefused, SourceError
from import_assets.pipeline import deliver as delivering
from import_assets.pipeline.content import Content
from import_assets.pipeline.deliver import Delivered, deliver
from import_assets.pipeline.left_over import LeftOvers, apply_pending
from import_assets.pipeline.stage import delivery_batch_id, stage
from import_assets.pipeline.trial import DryRun, Preview, dry_run, preview
from import_assets.sources.head import fetch_head
from import_assets.sources.paste import PasteStorage
from import_assets.sources.spool import Spooled
from import_assets.spec.loading import Import, load
from import_assets.staging.batch import Staging
from import_assets.tables.outcome import Counts
from import_assets.warehouse import refusals, rejects
from import_assets.warehouse.warehouse import Warehouse
from import_assets_tests.builders import dump, examples
from import_assets_tests.fakes.storage import LONG_AGO, FakeStorage

CUSTOMERS = """\
kind: customers
source: {storage: {folder: in, files: "*"}}
format: {csv: {delimiter: ",", encoding: utf-8}}
columns: [{from: id, id: registered}, {from: web, id: cookie}, {from: age, type: integer}]
"""
EVENTS = """\
kind: {events: purchase}
source: {storage: {folder: in, files: "*"}}
format: {csv: {delimiter: ",", encoding: utf-8}}
columns: [{from: id, id: registered}, {from: ts, timestamp: true}, {from: total, type: number}]
"""
CATALOG = """\
kind: {catalog: products}
source: {storage: {folder: in, files: "*"}}
format: {csv: {delimiter: ",", encoding: utf-8}}
columns: [{from: id, id: item_id}, {from: price, type: number}, {from: tags, type: list}]
"""
VOUCHERS = """\
kind: {vouchers: SUMMER}
source: {storage: {folder: in, files: "*"}}
format: {csv: {delimiter: ",", encoding: utf-8}}
columns: [{from: code, id: code}]
"""

KINDS = {
    "customers": (
        CUSTOMERS,
        [
            "id,web,age\n1,c1,5\n2,c2,x\n,,7\n3,c3\n\n1,c4,6\n",
            "id,web,age\n1,c9,5\n2,c2,5\n1,c1,5\n",
        ],
        Counts(read=5, inserted=1, updated=1, rejected=3, blank=1, customers_created=1),
    ),
    "events": (
        EVENTS,
        [
            "id,ts,total\n1,1700000000,1.5\n1,1700000000,1.5\n2,never,1\n,1700000000,1\n",
            "id,ts,total\n1,1700000000,1.5\n2,1700000000,1.5\n",
        ],
        Counts(read=4, inserted=1, duplicate=1, rejected=2, customers_created=1),
    ),
    "catalog": (
        CATALOG,
        ['id,price,tags\na,1,"[""x""]"\na,2,\nb,cheap,\n', "id,price,tags\na,2,\nc,1,\n"],
        Counts(read=3, inserted=1, updated=1, rejected=1),
    ),
    "vouchers": (VOUCHERS, ["code\na\nb\na\n", "code\nb\nc\n"], Counts(3, 2, 0, 0, 1)),
}


class Counting(FakeStorage):
    """Files in memory, and how often one was opened."""

    opened = 0

    def open(self, key: str) -> BinaryIO:
        self.opened += 1
        return super().open(key)


class Yard:
    """A definition, its storage and its warehouse."""

    def __init__(self, root: Path, text: str = CUSTOMERS, project: str = "") -> None:
        self.root = root
        self.storage = Counting()
        self.define(text, project)
        self.warehouse = Warehouse(self.definition.project.warehouse_path)

    def define(self, text: str, project: str = "") -> None:
        (self.root / "imports").mkdir(parents=True, exist_ok=True)
        (self.root / "imports" / "it.yaml").write_text(text, encoding="utf-8")
        (self.root / "project.yaml").write_text(project or "timezone: UTC\n", encoding="utf-8")
        self.definition: Import = load(self.root).imports["it"]

    def put(self, content: str | bytes, name: str = "a.csv") -> None:
        data = content.encode() if isinstance(content, str) else content
        self.storage.put(name, data, LONG_AGO)

    def deliver(self, name: str = "a.csv", **how: Any) -> Delivered:
        return deliver(
            self.definition, self.storage, self.storage.stat(name), self.warehouse, **how
        )

    def dry_run(self, name: str = "a.csv", **how: Any) -> DryRun:
        return dry_run(
            self.definition, self.storage, self.storage.stat(name), self.warehouse, **how
        )

    def preview(self, name: str = "a.csv", records: int = 1_000) -> Preview:
        delivery = self.storage.stat(name)
        with (
            tempfile.TemporaryDirectory() as folder,
            fetch_head(self.storage, delivery, Path(folder), 1_000_000) as spooled,
        ):
            return preview(self.definition, Content(spooled, name), records)

    def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        with self.warehouse.read() as connection:
            return dump(connection)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self.warehouse.read() as connection:
            return connection.execute(sql).fetchall()

    @property
    def files(self) -> dict[str, bytes]:
        """Every file below the project with its content."""
        return {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in self.root.rglob("*")
            if path.is_file()
        }

    @property
    def staged(self) -> int:
        return len(list(Staging(self.definition.project.staging_path).all()))


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    return Yard(tmp_path)


# --- preview, dry run and import -----------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_preview_dry_run_and_import_say_the_same(tmp_path: Path, kind: str) -> None:
    """On an empty warehouse, and on one that holds something."""
    text, contents, first = KINDS[kind]
    yard = Yard(tmp_path, text)
    for number, content in enumerate(contents):
        name = f"{number}.csv"
        yard.put(content, name)
        seen, tried, done = yard.preview(name), yard.dry_run(name), yard.deliver(name)
        assert tried.counts == done.counts
        assert done.counts.add_up
        assert number or done.counts == first
        assert not tried.already
        assert seen.rows.height + seen.rejects.height == done.counts.read
        assert done.manifest is not None
        assert tried.manifest is not None
        assert seen.rejects.height == done.manifest.rejected
        assert seen.rows.height == done.manifest.rows
        assert tried.manifest.header == done.manifest.header == seen.header
        with yard.warehouse.read() as connection:
            kept = rejects.of_batch(connection, done.batch_id)
        assert tried.rejects.to_dicts() == kept.to_dicts()
        found = {row["record"] for row in seen.rejects.to_dicts()}
        assert found <= set(kept["record"].to_list())


_CELLS = st.tuples(
    st.sampled_from(["", "1", "2", "3"]),
    st.sampled_from(["", "c1", "c2", "c3"]),
    st.sampled_from(["", "5", "6", "x"]),
)
_FILES = st.lists(st.lists(_CELLS, max_size=6), min_size=1, max_size=3)


@examples(8)
@given(files=_FILES)
def test_a_dry_run_foretells_any_import(
    tmp_path_factory: pytest.TempPathFactory, files: Sequence[Sequence[tuple[str, ...]]]
) -> None:
    """Whoever is merged, split or refused by what the warehouse holds; and it changes nothing."""
    yard = Yard(tmp_path_factory.mktemp("yard"))
    for number, rows in enumerate(files):
        lines = [f"{cells},end" for cells in map(",".join, rows)]
        yard.put("\n".join(["id,web,age,note", *lines]), f"{number}.csv")
        before = yard.dump()
        tried = yard.dry_run(f"{number}.csv")
        assert yard.dump() == before
        done = yard.deliver(f"{number}.csv")
        assert tried.counts == done.counts
        assert done.counts.add_up
        assert done.counts.read == len(rows)


def test_a_dry_run_leaves_nothing_behind(yard: Yard) -> None:
    yard.put("id,web,age\n1,c1,5\n", "first.csv")
    yard.deliver("first.csv")
    before, files = yard.dump(), set(yard.files)
    yard.put("id,web,age,city\n1,c2,6,Nitra\n2,c3,x,Nitra\n")
    assert yard.dry_run().counts == Counts(read=2, updated=1, rejected=1)
    assert yard.dump() == before
    assert set(yard.files) == files
    assert yard.staged == 0


def test_a_dry_run_of_a_refused_file_says_why_and_keeps_nothing(yard: Yard) -> None:
    yard.put("number\n1\n")
    with pytest.raises(FileRefused, match="no_identifier_column"):
        yard.dry_run()
    assert yard.rows("SELECT count(*) FROM import_assets.refusals") == [(0,)]


def test_a_dry_run_of_what_is_in_says_so(yard: Yard) -> None:
    yard.put("id,web,age\n1,c1,x\n2,c2,5\n")
    done = yard.deliver()
    tried = yard.dry_run()
    assert tried.already
    assert tried.counts == done.counts
    assert tried.rejects.height == 1


def test_m027_a_dry_run_of_what_is_taken_again_says_what_that_would_do(yard: Yard) -> None:
    yard.put("id,web,age\n1,c1,5\n")
    yard.deliver(slot="monday")
    tried = yard.dry_run(slot="tuesday")
    assert not tried.already
    assert tried.counts == Counts(read=1, unchanged=1)
    assert tried.counts == yard.deliver(slot="tuesday").counts


def test_a_preview_writes_nothing(yard: Yard) -> None:
    yard.put("id,web,age\n1,c1,5\n2,c2,x\n3,c3,7\n")
    files = yard.files
    seen = yard.preview()
    assert yard.files == files
    assert (seen.delimiter, seen.encoding) == (",", "utf-8")
    assert seen.rows["attr:age"].to_list() == [5, 7]


def test_a_preview_ends_at_the_record_asked_for(yard: Yard) -> None:
    yard.put("id,web,age\n" + "".join(f"{n},c{n},{'x' if n % 2 else n}\n" for n in range(1, 9)))
    seen = yard.preview(records=3)
    assert seen.rows["_row"].to_list() == [2]
    assert seen.rejects["record"].to_list() == [1, 3]


def test_a_preview_of_a_header_alone_is_empty(yard: Yard) -> None:
    yard.put("id,web,age\n")
    seen = yard.preview()
    assert seen.rows.height == seen.rejects.height == 0
    assert seen.header == ("id", "web", "age")


def test_a_preview_of_a_refused_file_says_why(yard: Yard) -> None:
    yard.put("number\n1\n")
    with pytest.raises(FileRefused, match="no_identifier_column"):
        yard.preview()


def test_a_preview_reads_by_the_encoding_of_the_storage(yard: Yard) -> None:
    yard.define(CUSTOMERS.replace("utf-8", "cp1250"))
    file = yard.root / "x.csv"
    file.write_bytes("id,web,name\n1,c1,Žofia\n".encode())
    spooled = Spooled(file, "", file.stat().st_size)
    known = preview(yard.definition, Content(spooled, "x", "utf-8"), 9)
    assert known.rows["attr:name"][0] == "Žofia"
    assert preview(yard.definition, Content(spooled, "x"), 9).rows["attr:name"][0] != "Žofia"


def test_pasted_text_is_utf_8_however_files_are_written(yard: Yard) -> None:
    yard.define(CUSTOMERS.replace("utf-8", "cp1250"))
    storage = PasteStorage("id,web,name\n1,c1,Žofia\n", "june", 500_000)
    done = deliver(yard.definition, storage, storage.stat("june"), yard.warehouse)
    assert done.manifest is not None
    assert done.manifest.encoding == "utf-8"
    assert yard.rows("SELECT name FROM customers") == [("Žofia",)]


def test_a_header_alone_is_imported(yard: Yard) -> None:
    yard.put("id,web,age\n")
    assert yard.deliver().counts == Counts()
    assert yard.rows("SELECT count(*) FROM customers") == [(0,)]


def test_progress_ends_at_the_whole_file(tmp_path: Path) -> None:
    yard = Yard(tmp_path)
    content = "id,web,age\n" + "".join(f"{n},c{n},1\n" for n in range(40_000))
    yard.put(content)
    told: list[tuple[int, int]] = []
    yard.deliver(progress=lambda done, total: told.append((done, total)))
    done = [one for one, _ in told]
    assert done == sorted(done)
    assert done[-1] == len(content)
    assert {total for _, total in told} == {len(content)}


# --- exactly once ---------------------------------------------------------------------------------


def test_a_delivery_is_in_once(yard: Yard) -> None:
    """The second time the source is not even opened, and the counts are those of the first."""
    yard.put("id,web,age\n1,c1,5\n2,c2,x\n")
    first = yard.deliver()
    before = yard.dump()
    second = yard.deliver()
    assert (first.already, second.already) == (False, True)
    assert second.counts == first.counts
    assert second.batch_id == first.batch_id
    assert second.manifest is None
    assert yard.storage.opened == 1
    assert yard.dump() == before
    assert yard.staged == 0


def test_a_staged_batch_is_applied_without_reading_its_source_again(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that ended between staging and its table."""
    yard.put("id,web,age\n1,c1,5\n")
    with monkeypatch.context() as context:
        context.setattr(delivering, "apply_batch", _raise(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            yard.deliver()
    assert (yard.storage.opened, yard.staged) == (1, 1)
    assert yard.rows("SELECT count(*) FROM import_assets.batches") == [(0,)]
    done = yard.deliver()
    assert done.counts == Counts(read=1, inserted=1, customers_created=1)
    assert not done.already
    assert (yard.storage.opened, yard.staged) == (1, 0)
    assert yard.rows("SELECT registered, age FROM customers") == [("1", 5)]


def test_a_source_that_breaks_off_leaves_nothing(yard: Yard) -> None:
    yard.put("id,web,age\n1,c1,5\n")
    delivery = yard.storage.stat("a.csv")
    yard.storage.broken = True
    with pytest.raises(SourceError):
        deliver(yard.definition, yard.storage, delivery, yard.warehouse)
    yard.storage.broken = False
    assert yard.staged == 0
    assert yard.deliver().counts.inserted == 1


def test_a_changed_file_is_another_delivery(yard: Yard) -> None:
    """D01."""
    yard.put("id,web,age\n1,c1,5\n")
    first = yard.deliver()
    yard.put("id,web,age\n1,c1,55\n")
    second = yard.deliver()
    assert second.batch_id != first.batch_id
    assert second.counts == Counts(read=1, updated=1)


def test_d18_an_empty_identifier_blanks_no_attribute_made_of_it(yard: Yard) -> None:
    yard.define(
        CUSTOMERS.replace('delimiter: ","', 'delimiter: ";"').replace(
            "{from: id, id: registered}", "{from: id, id: registered, to: email}"
        )
    )
    yard.put("id;web;city\nann@x.sk;c1;Nitra\n;c1;Brno\n")
    yard.deliver()
    assert yard.rows("SELECT registered, email, city FROM customers") == [
        ("ann@x.sk", "ann@x.sk", "Brno")
    ]
    yard.put("id;web;city\n ;c1;\n", "b.csv")
    yard.deliver("b.csv")
    assert yard.rows("SELECT email, city FROM customers") == [("ann@x.sk", None)]


def test_d18_an_empty_product_id_blanks_no_attribute_made_of_it(yard: Yard) -> None:
    yard.define(
        CATALOG.replace("catalog: products", "catalog: products, product: true").replace(
            "{from: id, id: item_id}",
            "{from: id, id: item_id}, {from: pid, id: product_id, to: parent}",
        )
    )
    yard.put("id,pid,price\na,p1,1\na,,2\n")
    yard.deliver()
    yard.put("id,pid,price\na,,\n", "b.csv")
    yard.deliver("b.csv")
    assert yard.rows("SELECT product_id, parent, price FROM catalogs.products") == [
        ("p1", "p1", None)
    ]


def test_a_delivery_is_taken_again_at_each_slot(yard: Yard) -> None:
    """M027; and once in each."""
    yard.put("id,web,age\n1,c1,5\n")
    counts = [yard.deliver(slot=slot).counts for slot in ("monday", "tuesday", "tuesday")]
    assert counts[0] == Counts(read=1, inserted=1, customers_created=1)
    assert counts[1] == counts[2] == Counts(read=1, unchanged=1)
    slots = yard.rows("SELECT slot FROM import_assets.batches ORDER BY sequence")
    assert slots == [("monday",), ("tuesday",)]


def test_the_batch_is_named_by_what_its_rows_depend_on(yard: Yard) -> None:
    yard.put("id\n1\n")
    delivery = yard.storage.stat("a.csv")
    start = delivery_batch_id(yard.definition, delivery)
    assert start == delivery_batch_id(yard.definition, delivery)
    others = [
        delivery_batch_id(yard.definition, delivery, "monday"),
        delivery_batch_id(yard.definition, delivery._replace(key="b.csv")),
        delivery_batch_id(yard.definition, delivery._replace(fingerprint="other")),
    ]
    yard.define(CUSTOMERS.replace("type: integer", "type: number"))
    others.append(delivery_batch_id(yard.definition, delivery))
    assert len({start, *others}) == 5


# --- refusals -------------------------------------------------------------------------------------


def test_a_refusal_is_kept_until_the_delivery_is_in(yard: Yard) -> None:
    yard.put("number,web2\n1,c1\n")
    with pytest.raises(FileRefused):
        yard.deliver()
    with pytest.raises(FileRefused) as caught:
        yard.deliver()
    assert caught.value.reason == "no_identifier_column"
    with yard.warehouse.read() as connection:
        (refusal,) = refusals.of_import(connection, "it").values()
    assert refusal.key == "a.csv"
    assert refusal.fingerprint == yard.storage.stat("a.csv").fingerprint
    assert refusal.definition_hash == yard.definition.definition_hash
    assert refusal.message == str(caught.value)
    assert yard.staged == 0

    yard.define(CUSTOMERS.replace("from: id", "from: number"))
    yard.deliver()
    assert yard.rows("SELECT count(*) FROM import_assets.refusals") == [(0,)]


def test_a_batch_that_its_table_refuses_is_not_kept(yard: Yard) -> None:
    yard.put("id,web,age\n1,c1,5\n")
    yard.deliver()
    yard.define(CUSTOMERS.replace("type: integer", "type: text"))
    yard.put("id,web,age\n2,c2,old\n")
    before = yard.rows("FROM customers")
    with pytest.raises(FileRefused, match="type_conflict"):
        yard.deliver()
    assert yard.staged == 0
    assert yard.rows("FROM customers") == before
    assert yard.rows("SELECT reason FROM import_assets.refusals") == [("type_conflict",)]


# --- what was left ------------------------------------------------------------------------------


def test_left_overs_of_other_imports_are_left_alone(yard: Yard) -> None:
    yard.put("id,web,age\n1,c1,5\n")
    stage(yard.definition, yard.storage, yard.storage.stat("a.csv"))
    (yard.root / "imports" / "other.yaml").write_text(EVENTS, encoding="utf-8")
    other = load(yard.root).imports["other"]
    assert apply_pending([other], yard.warehouse).delivered == ()
    assert apply_pending([], yard.warehouse).delivered == ()
    (done,) = apply_pending([yard.definition, other], yard.warehouse).delivered
    assert done.delivery == yard.storage.stat("a.csv")._replace(long_path=None)
    assert done.counts == Counts(read=1, inserted=1, customers_created=1)
    assert apply_pending([yard.definition, other], yard.warehouse).delivered == ()


def test_a_left_over_that_is_in_already_clears_no_later_refusal(yard: Yard) -> None:
    yard.put("id,web,age\n1,c1,5\n")
    batch = stage(yard.definition, yard.storage, yard.storage.stat("a.csv"))
    copy = yard.root / "copy"
    batch.folder.rename(copy)
    yard.deliver()
    yard.put("number\n1\n")
    with pytest.raises(FileRefused):
        yard.deliver()
    copy.rename(batch.folder)
    assert apply_pending([yard.definition], yard.warehouse) == LeftOvers()
    assert yard.staged == 0
    assert yard.rows("SELECT reason FROM import_assets.refusals") == [("no_identifier_column",)]


def test_a_left_over_that_is_refused_is_told(yard: Yard) -> None:
    yard.put("id,web,age\n1,c1,5\n", "first.csv")
    yard.deliver("first.csv")
    text = CUSTOMERS.replace("type: integer", "type: text")
    yard.define(text)
    yard.put("id,web,age\n2,c2,old\n")
    stage(yard.definition, yard.storage, yard.storage.stat("a.csv"))
    left = apply_pending([yard.definition], yard.warehouse)
    assert left.delivered == ()
    (error,) = left.errors
    assert isinstance(error, FileRefused)
    assert error.reason == "type_conflict"
    assert yard.staged == 0
    assert apply_pending([yard.definition], yard.warehouse).errors == ()


def _raise(error: BaseException) -> Any:
    def call(*_: object, **__: object) -> object:
        raise error

    return call
