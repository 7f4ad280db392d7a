"""`draft`: from a file nobody described to an import that runs (M003, M014, M036, M094)."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
import yaml

from import_assets_tests.cli.shop import Shop
from import_assets_tests.servers.https import https_server, sends
from import_assets_tests.servers.sftp import PASSWORD_ENV, asyncssh_server


def drafted(shop: Shop, name: str) -> dict[str, Any]:
    """What a definition says."""
    return yaml.safe_load((shop.root / f"imports/{name}.yaml").read_text(encoding="utf-8"))


def rules(shop: Shop, name: str) -> dict[str, dict[str, Any]]:
    """The rules of a definition by their columns."""
    return {rule["from"]: rule for rule in drafted(shop, name)["columns"]}


def draft(shop: Shop, *words: str, code: int = 0) -> str:
    """Call the command; return what it says."""
    result = shop.call("draft", *words)
    assert result.exit_code == code, (result.output, result.exception)
    return result.output


def imported(shop: Shop, name: str) -> dict[str, Any]:
    """Check the project and run a drafted import as it stands; return what became of its file."""
    checked = shop.call("check")
    assert checked.exit_code == 0, checked.output
    (told,) = shop.json("run", name)
    assert told["outcome"] == "imported"
    assert told["read"] == sum(
        told[word] for word in ("inserted", "updated", "unchanged", "duplicate", "rejected")
    )
    return told


# --- strange files that many have ----------------------------------------------------------------

SHOPIFY = """\
Handle,Title,Body (HTML),Vendor,Tags,Published,Option1 Name,Option1 Value,Variant SKU,\
Variant Grams,Variant Inventory Qty,Variant Price,Variant Requires Shipping,Image Src,Status
linen-shirt,Linen shirt,"<p>Soft, ""washed"" linen.</p>
<ul>
<li>Made in Slovakia</li>
</ul>",Ľan,"linen, summer",true,Size,S,LS-S,250,4,49.90,true,https://cdn.example.com/ls-1.jpg,active
linen-shirt,,,,,,,M,LS-M,260,0,49.90,true,https://cdn.example.com/ls-2.jpg,
linen-shirt,,,,,,,L,LS-L,270,7,52.00,true,,
linen-shirt,,,,,,,,,,,,,https://cdn.example.com/ls-3.jpg,
tote,Tote bag,"<p>Cotton.</p>",Ľan,"bags",false,Title,Default Title,0045,120,11,12.00,true,\
https://cdn.example.com/t.jpg,draft
"""


@pytest.mark.slow
def test_a_shopify_product_export(shop: Shop) -> None:
    """Several lines in a cell, one row a variant, rows that hold nothing but a picture."""
    file = shop.write("in/products_export_1.csv", SHOPIFY)
    shop.age("in/products_export_1.csv", 100)
    words = (str(file), "--kind", "catalog:wardrobe", "--product", "--name", "wardrobe")
    output = draft(shop, *words, code=2)
    assert "Variant SKU is empty in 1 of 5 rows, Handle has 2 values in 5 rows" in output
    assert "--id COLUMN" in output
    output = draft(shop, *words, "--id", "Variant SKU")
    assert "1 of the 5 records say not who or what they are about and would be rejected" in output
    said = rules(shop, "wardrobe")
    assert said["Variant SKU"] == {"from": "Variant SKU", "id": "item_id"}
    assert said["Handle"] == {"from": "Handle", "id": "product_id"}
    assert said["Body (HTML)"]["type"] == "long text"
    assert said["Published"]["type"] == "boolean"
    assert said["Variant Price"]["type"] == "number"
    assert said["Variant Inventory Qty"]["type"] == "integer"
    assert said["Image Src"]["type"] == "url"
    told = imported(shop, "wardrobe")
    assert (told["read"], told["inserted"], told["rejected"]) == (5, 4, 1)
    rows = shop.query('SELECT item_id, "Variant Price" AS price FROM catalogs.wardrobe ORDER BY 1')
    assert rows[0] == {"item_id": "0045", "price": 12.0}


WOOCOMMERCE = (
    "\ufeffID,Type,SKU,Name,Published,\"Is featured?\",\"Date sale price starts\",\"In stock?\","
    "Stock,"
    "\"Regular price\",Categories,Images,Parent,\"Meta: _wc_rating\",_weight\n"
    "17,variable,TEE,\"T-shirt, organic\",1,0,,1,,,\"Clothing > T-shirts, New\","
    "https://shop.example.com/a.jpg,,4.5,\n"
    "18,variation,TEE-S,\"T-shirt, organic - S\",1,0,2026-01-01 00:00:00,1,12,19.9,,,id:17,,0.2\n"
    "19,variation,TEE-M,\"T-shirt, organic - M\",1,1,,0,0,19.9,,,id:17,,0.22\n"
)  # fmt: skip


@pytest.mark.slow
def test_a_woocommerce_product_export(shop: Shop) -> None:
    """A byte-order mark, names that no attribute can have, 1 and 0 for yes and no."""
    file = shop.write("in/wc-product-export.csv", WOOCOMMERCE)
    shop.age("in/wc-product-export.csv", 100)
    draft(shop, str(file), "--kind", "catalog:tees")
    assert drafted(shop, "wc_product_export")["source"] == {
        "storage": {"folder": "in", "files": "wc-product-export.csv", "settle": 5}
    }
    said = rules(shop, "wc_product_export")
    assert said["ID"]["id"] == "item_id"
    assert said["_weight"] == {"from": "_weight", "to": "weight", "type": "number"}
    assert said["Published"]["type"] == said["Is featured?"]["type"] == "boolean"
    assert said["Date sale price starts"]["type"] == "datetime"
    assert "type" not in said["SKU"]
    told = imported(shop, "wc_product_export")
    assert (told["read"], told["inserted"]) == (3, 3)


MAILCHIMP = (
    '"Email Address","First Name","Last Name",Birthday,Phone,TAGS,MEMBER_RATING,OPTIN_TIME,'
    "CONFIRM_IP,LATITUDE,LAST_CHANGED,LEID,EUID,NOTES\n"
    'anna@example.com,Anna,"O\'Hara",05/12,+421900123456,"""VIP"",""2026""",4,'
    '"2026-03-01 10:15:02",192.0.2.1,48.15,"2026-03-02 08:00:00",440001,a1b2c3d4e5,\n'
    'ivo@example.com,Ivo,Král,,0905123456,,2,"2026-03-01 11:00:00",192.0.2.2,,'
    '"2026-03-01 11:00:00",440002,f6a7b8c9d0,"met at the fair,\nwants a call"\n'
)


@pytest.mark.slow
def test_a_mailchimp_audience_export(shop: Shop) -> None:
    """Phones stay text, ids stay text, a note of two lines."""
    file = shop.write("in/subscribed_members_export_9f.csv", MAILCHIMP)
    shop.age("in/subscribed_members_export_9f.csv", 100)
    draft(shop, str(file), "--kind", "customers", "--name", "audience")
    said = rules(shop, "audience")
    assert said["Email Address"]["id"] == "registered"
    assert "type" not in said["Phone"]
    assert "type" not in said["LEID"]
    assert said["MEMBER_RATING"]["type"] == "number"
    assert said["OPTIN_TIME"]["type"] == "datetime"
    assert said["NOTES"]["type"] == "long text"
    assert drafted(shop, "audience")["timezone"] == "UTC"
    told = imported(shop, "audience")
    assert (told["read"], told["inserted"]) == (2, 2)


STATEMENT = """\
Výpis z účtu;SK31 1200 0000 1987 4263 7541
Obdobie;01.02.2026 - 28.02.2026

Dátum;Suma;Mena;Protiúčet;Názov protiúčtu;Variabilný symbol;Poznámka
02.02.2026;-1 234,50;EUR;SK8975000000000012345671;Žilinská vodárenská;0001234567;Záloha február
13.02.2026;2 500,00;EUR;CZ6508000000192000145399;Škoda, s. r. o.;12;Faktúra č. 7
13.02.2026;-7,20;EUR;SK8975000000000012345671;Žilinská vodárenská;;Poplatok;x
27.02.2026;-99,90;EUR;SK8975000000000012345671;Žilinská vodárenská;0001234567;Doplatok ťažký
"""


@pytest.mark.slow
def test_a_bank_statement(shop: Shop) -> None:
    """A preamble, `;`, decimal commas, cp1250, leading zeros, one broken row: nothing is said."""
    file = shop.write("in/vypis.csv", STATEMENT.encode("cp1250"))
    shop.age("in/vypis.csv", 100)
    words = (str(file), "--kind", "events:payment")
    assert "which column identifies a row is not clear" in draft(shop, *words, code=2)
    output = draft(shop, *words, "--id", "Protiúčet")
    assert "vypis.csv:7 would be rejected: 8 cells, the header has 7" in output
    csv = drafted(shop, "vypis")["format"]["csv"]
    assert csv == {"delimiter": ";", "encoding": "cp1250", "skip_lines": 3}
    text = (shop.root / "imports/vypis.yaml").read_text(encoding="utf-8")
    assert "% sure: 16 words read like Slovak, such as" in text
    said = rules(shop, "vypis")
    assert said["Dátum"] == {"from": "Dátum", "timestamp": True}
    assert said["Suma"] == {"from": "Suma", "type": "number", "format": "1 234,56"}
    assert "type" not in said["Variabilný symbol"]
    told = imported(shop, "vypis")
    assert (told["read"], told["inserted"], told["rejected"]) == (4, 3, 1)
    (row,) = shop.query('SELECT min("Suma") AS least FROM events.payment')
    assert row == {"least": -1234.5}


@pytest.mark.slow
def test_unicode_text_of_excel(shop: Shop) -> None:
    """UTF-16 with a mark, tabs, quotes where there are commas."""
    text = 'Kód\tNázov\tCena\tAktívny\n001\t"Čaj, zelený"\t3,5\tÁno\n002\tKáva\t12,25\tNie\n'
    file = shop.write("in/cennik.txt", b"\xff\xfe" + text.replace("\n", "\r\n").encode("utf-16-le"))
    shop.age("in/cennik.txt", 100)
    draft(shop, str(file), "--kind", "catalog:pricelist")
    csv = drafted(shop, "cennik")["format"]["csv"]
    assert (csv["delimiter"], csv["encoding"]) == ("\t", "utf-16")
    said = rules(shop, "cennik")
    assert said["Kód"]["id"] == "item_id"
    assert said["Cena"]["format"] == "1234,56"
    assert said["Aktívny"]["format"] == "áno/nie"
    told = imported(shop, "cennik")
    assert (told["read"], told["inserted"]) == (2, 2)
    assert shop.query("SELECT item_id FROM catalogs.pricelist ORDER BY 1")[0] == {"item_id": "001"}


def test_a_file_without_names(shop: Shop) -> None:
    text = "1001,2024-01-05,12.50,ann@example.com\n1002,2024-01-06,7.00,bob@example.com\n"
    file = shop.write("in/plain.csv", text * 3)
    draft(shop, str(file), "--kind", "events:visit", "--id", "column_4")
    assert drafted(shop, "plain")["format"]["csv"]["header"] is False
    assert rules(shop, "plain")["column_2"] == {"from": "column_2", "timestamp": True}
    (seen,) = shop.json("preview", str(file))
    assert seen["header"] == ["column_1", "column_2", "column_3", "column_4"]
    assert seen["dialect"]["header"]["value"] is False
    assert 0.5 < seen["dialect"]["header"]["confidence"] <= 1
    assert seen["dialect"]["header"]["why"]
    (seen,) = shop.json("preview", str(file), "--header")
    assert seen["header"][0] == "1001"
    assert seen["dialect"]["header"]["why"] == "as the definition says"


def test_d15_encodings_that_read_alike_are_not_guessed(shop: Shop) -> None:
    """One byte that is a letter in several encodings says nothing."""
    file = shop.write("in/two.csv", b"id,n\n1,\xe8\n")
    output = draft(shop, str(file), "--kind", "customers", code=2)
    assert "the encoding is not clear" in output
    assert "--encoding NAME" in output
    draft(shop, str(file), "--kind", "customers", "--encoding", "cp1250")
    assert drafted(shop, "two")["format"]["csv"]["encoding"] == "cp1250"


@pytest.mark.parametrize(
    ("text", "words", "csv"),
    [
        ("a line\nid,name\n1,x\n", ["--skip-lines", "1"], {"skip_lines": 1}),
        ("id,name\n1,'a,b'\n", ["--quote", "'"], {"quote": "'"}),
        ("id;name\n1;x,y\n", ["--delimiter", ","], {"delimiter": ","}),
    ],
)
def test_m014_what_is_found_can_be_overridden(
    shop: Shop, text: str, words: list[str], csv: dict[str, Any]
) -> None:
    file = shop.write("in/said.csv", text)
    (seen,) = shop.json("preview", str(file), *words)
    for key, value in csv.items():
        assert seen["dialect"][key]["value"] == value
        assert seen["dialect"][key]["confidence"] == 1
    assert shop.call("preview", str(file), "--quote", "x").exit_code == 2


# --- what is asked -------------------------------------------------------------------------------

DATES = "id,d,n\n1,02/04/2017,\"1,234\"\n2,03/05/2017,\"2,345\"\n"  # fmt: skip


MERCHANT = """\
<?xml version="1.0"?>
<rss xmlns:g="http://base.google.com/ns/1.0" version="2.0">
  <channel>
    <title>Shop</title>
    <item>
      <g:id>TV_1</g:id>
      <g:title>Television</g:title>
      <g:link>https://shop.example.com/tv?a=1&amp;b=2</g:link>
      <g:additional_image_link>https://img.example.com/1.png</g:additional_image_link>
      <g:additional_image_link>https://img.example.com/2.png</g:additional_image_link>
      <g:price>49.99 USD</g:price>
      <g:shipping><g:country>US</g:country><g:price>4.95 USD</g:price></g:shipping>
      <g:shipping><g:country>CA</g:country><g:price>9.95 USD</g:price></g:shipping>
      <g:gtin>0811571018112</g:gtin>
    </item>
    <item>
      <g:id>DVD_2</g:id>
      <title>Merlin</title>
      <g:additional_image_link>https://img.example.com/3.png</g:additional_image_link>
      <g:shipping><g:country>US</g:country><g:price>3.80 USD</g:price></g:shipping>
    </item>
  </channel>
</rss>
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["feed.xml", "feed.csv"])
def test_d33_a_google_merchant_feed(shop: Shop, name: str) -> None:
    """What repeats becomes a list or JSON in every row; the name of the file says nothing."""
    file = shop.write(f"in/{name}", MERCHANT)
    shop.age(f"in/{name}", 100)
    output = draft(shop, str(file), "--kind", "catalog:feed", "--product")
    assert f"{name}: XML, each rss/channel/item is a row, encoding utf-8" in output
    assert drafted(shop, "feed")["format"] == {
        "xml": {"row": "rss/channel/item", "json": ["shipping"]}
    }
    said = rules(shop, "feed")
    assert said["id"] == {"from": "id", "id": "item_id"}
    assert said["g:title"] == {"from": "g:title"}, "beside a `title` it keeps its prefix"
    assert said["additional_image_link"]["type"] == "list"
    assert said["shipping"]["type"] == "json"
    assert "type" not in said["gtin"]
    (seen,) = shop.json("preview", str(file))
    assert (seen["format"], seen["row"]) == ("xml", "rss/channel/item")
    told = imported(shop, "feed")
    assert (told["read"], told["inserted"]) == (2, 2)
    rows = shop.query(
        "SELECT item_id, len(additional_image_link) AS images, "
        "json_array_length(shipping) AS ways FROM catalogs.feed ORDER BY 1"
    )
    assert rows == [
        {"item_id": "DVD_2", "images": 1, "ways": 1},
        {"item_id": "TV_1", "images": 2, "ways": 2},
    ]


def test_d33_of_a_large_document_the_beginning_is_looked_at(shop: Shop) -> None:
    """More than the first 16 MiB are not read, so that what follows there does not matter."""
    item = "<item><id>{0}</id><text>{1}</text></item>\n"
    items = "".join(item.format(number, "x" * 2_000) for number in range(9_000))
    file = shop.write("in/big.xml", f"<items>\n{items}<broken")
    draft(shop, str(file), "--kind", "catalog:big")
    assert list(rules(shop, "big")) == ["id", "text"]
    (seen,) = shop.json("preview", str(file))
    assert seen["looked_at"] == 1_000


def test_d28_an_ambiguous_date_is_left_to_the_user(shop: Shop) -> None:
    """D28, D29, M094: nothing is guessed; what to write stands beside the rule."""
    file = shop.write("in/days.csv", DATES)
    output = draft(shop, str(file), "--kind", "customers")
    assert "left as text, d: is 02/04/2017 the 2nd of April 2017" in output
    text = (shop.root / "imports/days.yaml").read_text(encoding="utf-8")
    assert "# ASK: is 02/04/2017 the 2nd of April 2017 or the 4th of February 2017?" in text
    assert '`type: date, format: "%d/%m/%Y"`' in text
    assert rules(shop, "days")["d"] == {"from": "d"}
    assert rules(shop, "days")["n"] == {"from": "n"}
    assert shop.call("check").exit_code == 0


def test_options_answer_what_would_be_asked(shop: Shop) -> None:
    """D28, D29"""
    file = shop.write("in/days.csv", DATES)
    options = ("--month-first", "--decimal", "comma")
    (told,) = shop.json("draft", str(file), "--kind", "customers", *options)
    assert {one["column"]: one["rule"].get("format") for one in told["columns"]} == {
        "id": None,
        "d": "%m/%d/%Y",
        "n": "1234,56",
    }
    assert told["definition"] == (shop.root / "imports/days.yaml").read_text(encoding="utf-8")


def test_whoever_sits_there_is_asked(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """M094"""
    monkeypatch.setattr("import_assets.cli.drafting.somebody_there", lambda: True)
    text = (
        DATES.replace("id,", "client_id,user_id,")
        .replace("\n1,", "\n1,1,")
        .replace("\n2,", "\n2,2,")
    )
    file = shop.write("in/days.csv", text)
    result = shop.call(
        "draft", str(file), "--kind", "customers", typed="user_id\nday-first\npoint\n"
    )
    assert result.exit_code == 0, result.output
    assert "Which one?" in result.stderr
    said = rules(shop, "days")
    assert said["user_id"]["id"] == "registered"
    assert said["d"]["format"] == "%d/%m/%Y"
    assert said["n"] == {"from": "n", "type": "integer", "format": "1,234"}


def test_an_event_needs_a_time_that_can_be_read(shop: Shop) -> None:
    """M057, M094"""
    file = shop.write("in/e.csv", "email,date\na,02/04/2017\nb,03/04/2017\n")
    output = draft(shop, str(file), "--kind", "events:visit", code=2)
    assert "--day-first or --month-first" in output
    assert not (shop.root / "imports/e.yaml").exists()
    draft(shop, str(file), "--kind", "events:visit", "--day-first")
    assert rules(shop, "e")["date"] == {"from": "date", "timestamp": True, "format": "%d/%m/%Y"}
    file = shop.write("in/m.csv", "email,ts\na,1596615705000\n")
    output = draft(shop, str(file), "--kind", "events:visit", "--timestamp", "ts", code=2)
    assert "divide by 1000" in output


# --- what is written ------------------------------------------------------------------------------


def test_d29_leading_zeros_stay_text(shop: Shop) -> None:
    """D29"""
    file = shop.write("in/zips.csv", "id,zip,count\n1,00421,7\n2,81101,8\n")
    draft(shop, str(file), "--kind", "customers")
    assert rules(shop, "zips")["zip"] == {"from": "zip"}
    assert rules(shop, "zips")["count"]["type"] == "integer"


def test_nothing_is_overwritten(shop: Shop, tmp_path: Path) -> None:
    file = shop.write("in/clients.csv", "id\n1\n")
    before = (shop.root / "imports/clients.yaml").read_bytes()
    assert "is there already" in draft(shop, str(file), "--kind", "customers", code=2)
    assert (shop.root / "imports/clients.yaml").read_bytes() == before
    out = tmp_path / "x.yaml"
    draft(shop, str(file), "--kind", "customers", "--out", str(out))
    assert out.exists()
    assert "is there already" in draft(
        shop, str(file), "--kind", "customers", "--out", str(out), code=2
    )
    printed = shop.call("draft", str(file), "--kind", "customers", "--out", "-").stdout
    assert printed.startswith("# Drafted from clients.csv")
    assert yaml.safe_load(printed)["kind"] == "customers"


def test_a_file_outside_of_the_project_is_named_whole(shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "else where" / "a*b.csv"
    file.parent.mkdir()
    file.write_text("id,x\n1,2\n", encoding="utf-8")
    draft(shop, str(file), "--kind", "customers", "--name", "elsewhere")
    assert drafted(shop, "elsewhere")["source"]["storage"] == {
        "folder": str(file.parent),
        "files": r"/a\*b\.csv/",
        "settle": 5,
    }
    (seen,) = shop.json("preview", "elsewhere")
    assert seen["delivery"] == "a*b.csv"


def test_m033_attributes_keep_the_type_that_their_table_has(shop: Shop) -> None:
    """M033: where values cannot be of it, the column gets a name of its own."""
    file = shop.write("in/more.csv", "item,price,size\na,12,x\nb,n/a,y\n")
    shop.define(
        "sizes",
        "kind: {catalog: prices}\nsource: {upload: {}}\n"
        "columns: [{from: item, id: item_id}, {from: size, type: integer}]\n",
    )
    draft(shop, str(file), "--kind", "catalog:prices")
    said = rules(shop, "more")
    assert said["price"] == {"from": "price", "to": "price_2"}
    assert said["size"] == {"from": "size", "to": "size_2"}
    assert shop.call("check").exit_code == 0
    file = shop.write("in/whole.csv", "item,price\na,12\nb,13\n")
    draft(shop, str(file), "--kind", "catalog:prices")
    assert rules(shop, "whole")["price"] == {"from": "price", "type": "number"}


def test_what_others_contradict_is_not_written(shop: Shop) -> None:
    """M077: a catalog is of one sort."""
    file = shop.write("in/zz.csv", "item,price\na,12\n")
    output = draft(shop, str(file), "--kind", "catalog:prices", "--product", code=2)
    assert "prices" in output
    assert not (shop.root / "imports/zz.yaml").exists()


def test_vouchers_have_one_column(shop: Shop) -> None:
    """D39"""
    file = shop.write("in/codes.csv", "code,made\nA1,x\nB2,y\n")
    draft(shop, str(file), "--kind", "vouchers:SUMMER")
    assert drafted(shop, "codes")["columns"] == [{"from": "code", "id": "code"}]
    text = (shop.root / "imports/codes.yaml").read_text(encoding="utf-8")
    assert "# not imported: made" in text


def test_wrong_words_are_said(shop: Shop) -> None:
    file = str(shop.write("in/a.csv", "id\n1\n"))
    for words, sentence in (
        ([file, "--kind", "sales"], "'sales'"),
        ([file, "--kind", "vouchers:a b"], "white space"),
        ([file, "--kind", "customers", "--product"], "--product goes with"),
        ([file, "--kind", "customers", "--name", "A"], "not a usable name"),
        ([file, "--kind", "customers", "--id", "ident"], "no column 'ident'"),
        ([file, "--kind", "customers", "--query", "x"], "go with --connection"),
        ([f"{file}x", "--kind", "customers"], "no file"),
        (["--kind", "customers"], "name a FILE, a URL or a --connection"),
        (["--kind", "customers", "--connection", "x"], "no connection 'x'"),
    ):
        assert sentence in draft(shop, *words, code=2)


# --- what is no file ------------------------------------------------------------------------------


def _connect(shop: Shop, name: str, settings: dict[str, Any]) -> None:
    file = shop.root / "project.yaml"
    project = yaml.safe_load(file.read_text(encoding="utf-8")) | {"connections": {name: settings}}
    file.write_text(yaml.safe_dump(project), encoding="utf-8")


@pytest.mark.slow
def test_m011_a_feed(shop: Shop) -> None:
    """M011, D41: the server is asked for a sample, then for a preview, then for the download."""
    with https_server() as served:
        body = "item_id;názov;cena\n1;Čaj;1,5\n2;Káva;2,75\n".encode("cp1250")
        served.script = sends(body)
        settings = served.connection().model_dump(mode="json", exclude_defaults=True)
        _connect(shop, "feeds", {"http": settings})
        address = f"{served.address}/feed.csv?page=1"
        draft(shop, address, "--kind", "catalog:tea", "--encoding", "cp1250")
        assert drafted(shop, "feed")["source"] == {
            "url": {"connection": "feeds", "path": "/feed.csv?page=1"}
        }
        assert rules(shop, "feed")["cena"]["format"] == "1234,56"
        (seen,) = shop.json("preview", address, "--encoding", "cp1250")
        assert [row["cells"] for row in seen["rows"]] == [
            ["1", "Čaj", "1,5"],
            ["2", "Káva", "2,75"],
        ]
        phases = [one.headers["x-exponea-import-phase"] for one in served.requests]
        assert phases == ["sample", "preview"] * 2
        assert shop.call("check").exit_code == 0
        (told,) = shop.json("run", "feed", "--key", "monday")
        assert (told["outcome"], told["inserted"]) == ("imported", 2)
        assert served.requests[-1].headers["x-exponea-import-phase"] == "download"
    draft(shop, "--connection", "feeds", "--query", "x", "--kind", "customers", code=2)


def test_no_password_of_an_address_is_repeated(shop: Shop) -> None:
    """D42"""
    address = "https://me:hunter2@shop.example.com/feed.csv"
    output = draft(shop, address, "--kind", "catalog:tea", code=2)
    assert "no user or password in the address" in output
    assert "hunter2" not in output


def test_files_far_away(shop: Shop, tmp_path: Path) -> None:
    """The newest file that fits is looked at, be it packed."""
    (tmp_path / "served").mkdir()
    (tmp_path / "served/a.csv.gz").write_bytes(gzip.compress(b"id;age\n1;10\n2;11\n"))
    with asyncssh_server(tmp_path / "served") as server:
        settings = server.connect(password_env=PASSWORD_ENV)
        _connect(shop, "crm", {"sftp": settings.model_dump(mode="json", exclude_defaults=True)})
        words = ("--connection", "crm", "--kind", "customers", "--name", "far")
        assert "--folder and --files" in draft(shop, *words, code=2)
        draft(shop, *words, "--folder", "/", "--files", "*.csv.gz")
        assert drafted(shop, "far")["source"]["storage"] == {
            "connection": "crm",
            "folder": "/",
            "files": "*.csv.gz",
        }
        assert rules(shop, "far")["age"]["type"] == "integer"
        (seen,) = shop.json("preview", "far")
        assert [row["attributes"] for row in seen["rows"]] == [{"age": 10}, {"age": 11}]


@pytest.mark.slow
def test_a_query(shop: Shop) -> None:
    """M036: columns of a database keep their types; texts are looked at."""
    import duckdb

    with duckdb.connect(str(shop.root / "erp.duckdb")) as connection:
        connection.execute(
            "CREATE TABLE c AS "
            "SELECT 1 AS id, DATE '2026-01-31' AS born, '1,5' AS debt, true AS vip "
            "UNION ALL SELECT 2, NULL, '2,25', false"
        )
    _connect(shop, "erp", {"sql": {"url": "duckdb:///erp.duckdb"}})
    query = "SELECT * FROM c ORDER BY id"
    draft(shop, "--connection", "erp", "--query", query, "--kind", "customers")
    assert drafted(shop, "erp")["source"]["database"] == {"connection": "erp", "query": query}
    assert "format" not in drafted(shop, "erp")
    said = rules(shop, "erp")
    assert said["id"]["id"] == "registered"
    assert said["born"]["type"] == "date"
    assert said["vip"]["type"] == "boolean"
    assert said["debt"] == {"from": "debt", "type": "number", "format": "1234,56"}
    assert shop.call("check").exit_code == 0
    (told,) = shop.json("run", "erp")
    assert (told["outcome"], told["inserted"]) == ("imported", 2)
