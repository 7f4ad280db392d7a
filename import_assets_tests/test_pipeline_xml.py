"""XML goes the one way of the data like any other file."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import pytest

from import_assets.errors import FileRefused
from import_assets.pipeline.content import Content
from import_assets.pipeline.deliver import deliver
from import_assets.pipeline.trial import preview
from import_assets.sources.head import fetch_head
from import_assets.sources.paste import PasteStorage
from import_assets.tables.outcome import Counts
from import_assets.warehouse import rejects
from import_assets_tests.test_pipeline import CATALOG, Yard

_SOURCE = 'source: {storage: {folder: in, files: "*"}}\n'

CUSTOMERS = f"""\
kind: customers
{_SOURCE}columns:
  - {{from: "@id", id: registered}}
  - {{from: web, id: cookie}}
  - {{from: age, type: integer}}
"""
EVENTS = f"""\
kind: {{events: purchase}}
{_SOURCE}columns:
  - {{from: id, id: registered}}
  - {{from: ts, timestamp: true}}
  - {{from: total, type: number}}
"""
PRODUCTS = f"""\
kind: {{catalog: products}}
{_SOURCE}columns:
  - {{from: id, id: item_id}}
  - {{from: price, type: number}}
  - {{from: tag, type: list}}
"""
VOUCHERS = f"""\
kind: {{vouchers: SUMMER}}
{_SOURCE}columns: [{{from: "#text", id: code}}]
"""

KINDS = {
    "customers": (
        CUSTOMERS,
        "r/c",
        '<r><c id="1"><web>c1</web><age>5</age></c><c id="2"><age>x</age></c>'
        "<c><age>7</age></c></r>",
        Counts(read=3, inserted=1, rejected=2, customers_created=1),
    ),
    "events": (
        EVENTS,
        "r/e",
        "<r><e><id>1</id><ts>1700000000</ts><total>1.5</total></e>\n"
        "<e><id>1</id><ts>1700000000</ts><total>1.5</total></e><e><id>2</id><ts>never</ts></e></r>",
        Counts(read=3, inserted=1, duplicate=1, rejected=1, customers_created=1),
    ),
    "catalog": (
        PRODUCTS,
        "SHOP/SHOPITEM",
        "<SHOP><SHOPITEM><id>a</id><price>1</price></SHOPITEM>\n"
        "<SHOPITEM><id>b</id><price>cheap</price></SHOPITEM></SHOP>",
        Counts(read=2, inserted=1, rejected=1),
    ),
    "vouchers": (
        VOUCHERS,
        "codes/code",
        "<codes><code>a</code><code>b</code><code>a</code><code/></codes>",
        Counts(read=4, inserted=2, duplicate=1, rejected=1),
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_all_kinds(tmp_path: Path, kind: str) -> None:
    """M104: preview, dry run and import say the same."""
    text, row, content, counts = KINDS[kind]
    yard = Yard(tmp_path, text)
    yard.put(content, "a.xml")
    seen, tried, done = yard.preview("a.xml"), yard.dry_run("a.xml"), yard.deliver("a.xml")
    assert tried.counts == done.counts == counts
    assert done.counts.add_up
    assert seen.rows.height + seen.rejects.height == counts.read
    assert done.manifest is not None
    assert done.manifest.header == seen.header
    manifest = done.manifest
    assert (manifest.format, manifest.row, manifest.delimiter) == ("xml", row, "")


def test_a_rejected_row_is_shown_as_it_is_written(tmp_path: Path) -> None:
    """M055, D33: with its line, its record number, and the text of its element."""
    yard = Yard(tmp_path, PRODUCTS)
    yard.put("<r>\n<p><id>a</id></p>\n<p>\n  <id>b</id><price>cheap</price></p>\n</r>", "a.xml")
    done = yard.deliver("a.xml")
    with yard.warehouse.read() as connection:
        (row,) = rejects.of_batch(connection, done.batch_id).to_dicts()
    assert (row["record"], row["line"]) == (2, 3)
    assert row["raw"] == "<p>\n  <id>b</id><price>cheap</price></p>"
    assert [fault["column"] for fault in row["faults"]] == ["price"]


def test_an_element_that_stands_once_is_a_list_of_one(tmp_path: Path) -> None:
    """D33, D32: however often it stands in the rows of a file."""
    yard = Yard(tmp_path, PRODUCTS)
    yard.put(
        "<r><p><id>1</id><tag>x, y</tag></p><p><id>2</id><tag>a</tag><tag>b</tag></p>"
        '<p><id>3</id><tag>[z</tag></p><p><id>4</id><tag>["j"]</tag></p><p><id>5</id></p></r>',
        "a.xml",
    )
    yard.deliver("a.xml")
    assert yard.rows("SELECT tag FROM catalogs.products ORDER BY item_id") == [
        (["x, y"],),
        (["a", "b"],),
        (["[z"],),
        (["j"],),
        (None,),
    ]


def test_a_list_with_its_separator_and_structure_in_a_list(tmp_path: Path) -> None:
    """D33, D32: a declared separator splits; objects are no texts."""
    yard = Yard(tmp_path, PRODUCTS.replace("type: list}", "type: list, format: '|'}"))
    yard.put("<r><p><id>1</id><tag>x | y</tag></p><p><id>2</id></p></r>", "a.xml")
    yard.deliver("a.xml")
    assert yard.rows("SELECT tag FROM catalogs.products ORDER BY item_id") == [
        (["x", "y"],),
        (None,),
    ]
    yard.define(PRODUCTS)
    yard.put("<r><p><id>1</id><tag><a>1</a></tag><tag>x</tag></p><p><id>2</id></p></r>", "b.xml")
    tried = yard.dry_run("b.xml")
    assert tried.rejects["faults"].to_list()[0][0]["reason"] == "not_a_list"


def _packed(name: str, data: bytes) -> bytes:
    if name.endswith(".gz"):
        return gzip.compress(data)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("1.xml", data)
        archive.writestr("2.xml", data.replace(b"<id>", b"<id>9"))
    return stream.getvalue()


@pytest.mark.parametrize(("name", "read"), [("a.xml.gz", 9_000), ("a.zip", 18_000)])
def test_packed(tmp_path: Path, name: str, read: int) -> None:
    """D12: a packed document is unpacked twice, and nowhere kept."""
    rows = "".join(f"<p><id>{n}</id><d>{'text ' * 200}</d></p>" for n in range(9_000))
    yard = Yard(tmp_path, PRODUCTS)
    yard.put(_packed(name, f"<r>{rows}</r>".encode()), name)
    steps: list[tuple[int, int]] = []
    done = yard.deliver(name, progress=lambda one, total: steps.append((one, total)))
    assert (done.counts.read, done.counts.rejected) == (read, 0)
    assert steps == sorted(steps)
    assert steps[-1][0] == steps[-1][1]


def test_paste(tmp_path: Path) -> None:
    """M105: pasted text is UTF-8, whatever encoding its declaration names."""
    yard = Yard(tmp_path, CUSTOMERS.replace(_SOURCE, "source: {paste: {}}\n"))
    text = '<?xml version="1.0" encoding="windows-1250"?><r><c id="ž"/><c id="2"/></r>'
    storage = PasteStorage(text, "by hand", 1_000)
    done = deliver(yard.definition, storage, storage.stat("by hand"), yard.warehouse)
    assert done.counts.inserted == 2
    assert yard.rows("SELECT registered FROM customers ORDER BY 1") == [("2",), ("ž",)]


@pytest.mark.parametrize("name", ["a.xml", "a.xml.gz"])
def test_preview_of_a_long_document(tmp_path: Path, name: str) -> None:
    """The beginning of a document is enough, though it is not well-formed by itself."""
    rows = "".join(f"<p><id>{n}</id><price>{n % 97}.5</price></p>" for n in range(50_000))
    data = f"<r>{rows}</r>".encode()
    yard = Yard(tmp_path, PRODUCTS)
    yard.put(gzip.compress(data) if name.endswith("gz") else data, name)
    delivery = yard.storage.stat(name)
    size = delivery.size or 0
    with fetch_head(yard.storage, delivery, tmp_path, size // 2) as spooled:
        seen = preview(yard.definition, Content(spooled, name), 10, cut=True)
    assert seen.rows["_row"].to_list() == list(range(1, 11))
    assert seen.header == ("id", "price")


@pytest.mark.parametrize(
    ("format_", "content", "reason"),
    [
        ("format: {csv: {}}\n", "<r>\n<p/></r>", "not_csv"),
        ("format: {xml: {}}\n", "id,price\n1,2\n", "not_xml"),
        ("", "<r><p></r>", "malformed_xml"),
    ],
)
def test_the_definition_and_the_content(
    tmp_path: Path, format_: str, content: str, reason: str
) -> None:
    """M104: content that is not what the definition says is refused, with what to change."""
    yard = Yard(tmp_path, PRODUCTS + format_)
    yard.put(content)
    with pytest.raises(FileRefused) as refused:
        yard.dry_run()
    assert refused.value.reason == reason
    assert reason == "malformed_xml" or "let the content tell" in refused.value.message


def test_a_csv_whose_columns_look_like_tags(tmp_path: Path) -> None:
    """M104: it stays CSV where the definition does not say what it is."""
    yard = Yard(tmp_path, CATALOG.replace("from: id", 'from: "<id>"').replace("format", "# format"))
    yard.put("<id>,price,tags\na,1,\n")
    assert yard.deliver().counts.inserted == 1


def test_m114_the_conventions_of_emarsys_are_for_csv(tmp_path: Path) -> None:
    text = PRODUCTS.replace("{catalog: products}", "{catalog: products, product: true}")
    yard = Yard(tmp_path, text + "conventions: emarsys\n")
    yard.put("<r><i><id>1</id></i><i><id>2</id></i></r>")
    with pytest.raises(FileRefused, match="the conventions of Emarsys are for CSV") as caught:
        yard.deliver()
    assert caught.value.reason == "not_csv"
