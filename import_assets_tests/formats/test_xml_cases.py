"""What becomes a row and what a column, by examples as shops send them."""

from __future__ import annotations

from typing import Any

import pytest

from import_assets.errors import FileRefused
from import_assets_tests.formats.xml_reading import flatten, parse, read_xml

BOOKSTORE = """\
<?xml version="1.0" encoding="UTF-8"?>
<bookstore>
  <book category="cooking">
    <title lang="en">Everyday Italian</title>
    <author>Giada De Laurentiis</author>
  </book>
  <book category="children">
    <title lang="en">Harry Potter</title>
    <author>J K. Rowling</author>
  </book>
  <book category="web">
    <title lang="en">Learning XML</title>
    <author>Erik T. Ray</author>
  </book>
</bookstore>
"""

MERCHANT = """\
<?xml version="1.0"?>
<rss xmlns:g="http://base.google.com/ns/1.0" version="2.0">
  <channel>
    <title>A shop</title>
    <link>https://shop.example.com</link>
    <item>
      <g:id>1</g:id>
      <title>Mug &amp; plate</title>
      <description><![CDATA[<b>Nice</b>]]></description>
      <g:price>5 EUR</g:price>
      <g:shipping><g:country>SK</g:country><g:price>1 EUR</g:price></g:shipping>
      <g:shipping><g:country>CZ</g:country><g:price>2 EUR</g:price></g:shipping>
      <g:additional_image_link>https://a</g:additional_image_link>
      <g:additional_image_link>https://b</g:additional_image_link>
    </item>
    <item>
      <g:id>2</g:id>
      <title>Cup</title>
      <g:shipping><g:country>SK</g:country><g:price>1 EUR</g:price></g:shipping>
      <g:additional_image_link>https://c</g:additional_image_link>
    </item>
  </channel>
</rss>
"""

ATOM = """\
<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0">
  <title>A shop</title>
  <link rel="self" href="https://shop.example.com"/>
  <entry><g:id>1</g:id><link href="https://shop.example.com/1"/><g:price>5 EUR</g:price></entry>
</feed>
"""

HEUREKA = """\
<?xml version="1.0" encoding="utf-8"?>
<SHOP>
  <SHOPITEM>
    <ITEM_ID>AB123</ITEM_ID>
    <PRODUCTNAME>Nokia 5800</PRODUCTNAME>
    <PRICE_VAT>6000</PRICE_VAT>
    <PARAM><PARAM_NAME>Color</PARAM_NAME><VAL>black</VAL></PARAM>
    <PARAM><PARAM_NAME>Weight</PARAM_NAME><VAL/></PARAM>
    <IMGURL_ALTERNATIVE/>
  </SHOPITEM>
</SHOP>
"""


def test_the_bookstore() -> None:
    """M108, D33."""
    found = read_xml(BOOKSTORE)
    assert found.reader.row == "bookstore/book"
    assert found.header == ("@category", "title", "title.@lang", "author")
    assert [tuple(row.values()) for row in found.rows] == [
        ("cooking", "Everyday Italian", "en", "Giada De Laurentiis"),
        ("children", "Harry Potter", "en", "J K. Rowling"),
        ("web", "Learning XML", "en", "Erik T. Ray"),
    ]
    assert found.lines == [3, 7, 11]
    assert found.raw[0].startswith('<book category="cooking">\n    <title lang="en">Everyday')
    assert found.raw[0].endswith("</author>\n  </book>")
    assert not found.reader.warnings
    assert set(found.reader.kinds.values()) == {"element"}
    assert (found.reader.format, found.reader.delimiter) == ("xml", "")


def test_google_merchant() -> None:
    """D33: prefixes left out; what repeats in a row is JSON in that row, and in no other."""
    found = read_xml(MERCHANT)
    assert found.reader.row == "rss/channel/item"
    assert found.rows == [
        {
            "id": "1",
            "title": "Mug & plate",
            "description": "<b>Nice</b>",
            "price": "5 EUR",
            "shipping": '[{"country":"SK","price":"1 EUR"},{"country":"CZ","price":"2 EUR"}]',
            "additional_image_link": '["https://a","https://b"]',
        },
        {
            "id": "2",
            "title": "Cup",
            "shipping.country": "SK",
            "shipping.price": "1 EUR",
            "additional_image_link": "https://c",
        },
    ]
    (warning,) = found.reader.warnings
    assert "'shipping' holds JSON" in warning
    assert "on line 6;" in warning
    assert "`json: [shipping]`" in warning


def test_json_in_each_row() -> None:
    """D33: a column that the definition wants as JSON is a list, however often it stands there."""
    found = read_xml(MERCHANT, json=["shipping", "nothing"])
    assert found.rows[1]["shipping"] == '[{"country":"SK","price":"1 EUR"}]'
    assert "shipping.country" not in found.header
    assert found.reader.warnings == ("no row has 'nothing', which `json:` names",)
    alone = read_xml("<r><i><t>x</t></i><i><t/></i></r>", json=["t"])
    assert alone.rows == [{"t": '["x"]'}, {}]


def test_prefixes_can_be_kept() -> None:
    """D33."""
    found = read_xml(MERCHANT, prefixes="keep", json=["g:shipping"])
    assert found.header[:4] == ("g:id", "title", "description", "g:price")
    assert found.rows[1]["g:shipping"] == '[{"g:country":"SK","g:price":"1 EUR"}]'


def test_prefixes_stay_where_names_would_meet() -> None:
    """D33: and only there."""
    found = read_xml(
        '<r xmlns:a="x"><i a:k="1" k="2"><a:n>1</a:n><n>2</n><a:m><a:n>3</a:n></a:m></i><i/></r>'
    )
    assert found.rows == [{"@a:k": "1", "@k": "2", "a:n": "1", "n": "2", "m.n": "3"}, {}]
    assert {w.partition(" differ")[0] for w in found.reader.warnings} == {"@a:k, @k", "a:n, n"}


def test_atom() -> None:
    """D33: a feed of one entry is read as one of many; an empty element with attributes is none."""
    found = read_xml(ATOM)
    assert found.reader.row == "feed/entry"
    assert found.rows == [{"id": "1", "link.@href": "https://shop.example.com/1", "price": "5 EUR"}]
    assert found.header == ("id", "link.@href", "price")


def test_heureka() -> None:
    """D33: an element that is always empty is a column, of empty cells."""
    found = read_xml(HEUREKA)
    assert found.rows == [
        {
            "ITEM_ID": "AB123",
            "PRODUCTNAME": "Nokia 5800",
            "PRICE_VAT": "6000",
            "PARAM": '[{"PARAM_NAME":"Color","VAL":"black"},{"PARAM_NAME":"Weight"}]',
        }
    ]
    assert found.header[-1] == "IMGURL_ALTERNATIVE"


@pytest.mark.parametrize(
    ("text", "row", "rows"),
    [
        ("<r><i>1</i><i>2</i></r>", "r/i", [{"#text": "1"}, {"#text": "2"}]),
        ("<r><h/><l><i>1</i><i>2</i></l></r>", "r/l/i", [{"#text": "1"}, {"#text": "2"}]),
        ("<r><a/><b/><b/><b/><a/></r>", "r/b", [{}, {}, {}]),
        (
            "<rss><channel><item><id>1</id></item></channel></rss>",
            "rss/channel/item",
            [{"id": "1"}],
        ),
        ("<urlset><url><loc>x</loc></url></urlset>", "urlset/url", [{"loc": "x"}]),
    ],
)
def test_the_row_is_found(text: str, row: str, rows: list[dict[str, str]]) -> None:
    """D33: the most frequent element at the least depth at which any repeats."""
    found = read_xml(text)
    assert (found.reader.row, found.rows) == (row, rows)


@pytest.mark.parametrize("block_bytes", [1, 1 << 20])
@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("<r><x><i k='1'><t>a</t></i></x><y><i k='2'><t>b</t></i></y></r>", "i"),
        ("<r><g:i k='1'><t>a</t></g:i><i k='2'><t>b</t></i></r>", "i"),
        ("<r><g:i k='1'><t>a</t></g:i><i k='2'><t>b</t></i></r>", "r/i"),
        ("<r><i k='1'><t>a</t></i><i k='2'><t>b</t></i><g:i/></r>", None),
    ],
)
def test_rows_at_several_places_have_the_same_columns(
    text: str, row: str | None, block_bytes: int
) -> None:
    """D33: a name alone means rows anywhere, and it fits with a prefix too."""
    found = read_xml(text, row=row, block_bytes=block_bytes)
    assert found.header == ("@k", "t")
    assert found.rows[:2] == [{"@k": "1", "t": "a"}, {"@k": "2", "t": "b"}]


@pytest.mark.parametrize("row", ["a/i", "i", "a/x:i", "x:i"])
def test_a_row_is_named(row: str) -> None:
    """D33: by path or by name, of which the outermost counts; with its prefix or without."""
    found = read_xml("<a><b/><b/><x:i k='1'><i>2</i></x:i></a>", row=row)
    assert found.rows == [{"@k": "1", "i": "2"}]


@pytest.mark.parametrize(
    ("text", "xml", "reason", "told"),
    [
        ("<r><a/><b/><a/><b/></r>", {}, "row_unclear", "r/a and r/b are equally frequent"),
        ("<r><a/><b/></r>", {}, "row_unclear", "none repeats at its beginning (r, r/a, r/b)"),
        ("<rss><channel><title/></channel></rss>", {}, "no_rows", "no rss/channel/item"),
        ("<SHOP/>", {}, "no_rows", "no SHOP/SHOPITEM"),
        ("<r><a/><b><c/></b></r>", {"row": "x"}, "row_not_found", "there are r, r/a, r/b, r/b/c:"),
        ("<r><i><a.b>1</a.b><a><b>1</b></a></i></r>", {"row": "i"}, "duplicate_headers", "'a.b'"),
        (" \n", {}, "empty_file", "empty"),
    ],
)
def test_no_rows(text: str, xml: dict[str, Any], reason: str, told: str) -> None:
    """D33: no guess is made."""
    with pytest.raises(FileRefused) as refused:
        read_xml(text, **xml)
    assert refused.value.reason == reason
    assert told in refused.value.message


def test_texts() -> None:
    """D33: references, CDATA and comments; white space at the ends only is taken off."""
    found = read_xml(
        "<r><i a=' &lt;&#65;\t\r\n>\"'>\r\n<t> a\r\n b\r<!-- c -->&amp;amp;"
        "<![CDATA[ <&amp;> ]]>\n</t><e> <![CDATA[ ]]> &#32; </e>\u00a0x<u>\u00a0</u></i><i/></r>"
    )
    assert found.rows[0] == {
        "#text": "a\n b\n&amp; <&amp;> \n     \u00a0x\u00a0",
        "@a": ' <A  >"',
        "t": "a\n b\n&amp; <&amp;>",
        "u": "\u00a0",
    }


@pytest.mark.parametrize("section", ["<!-- c -->", f"<!-- {70 * 'c'} -->", f"<?p {70 * 'q'}?>"])
@pytest.mark.parametrize("space", [0, 58, 60, 64, 200])
def test_sections_at_the_ends_of_a_text(section: str, space: int) -> None:
    """D33: comments are left out, and so is white space, however long both are."""
    gap = space * " "
    texts = ["x", "<![CDATA[ x ]]>", f"{gap}x{gap}"]
    around = [f"{gap}{section}{{}}", f"{{}}{section}{gap}", f"{section}{{}}{gap}{section}"]
    rows = [f"<i>{form.format(text)}</i>" for form in around for text in texts]
    found = read_xml(f"<r>{''.join(rows)}<i>{gap}{section}</i></r>", row="i")
    assert found.rows == [{"#text": flatten(parse(row))["#text"]} for row in rows] + [{}]
    assert {row.get("#text") for row in found.rows} == {"x", None}


def test_mixed_content() -> None:
    """D33: an element with text and elements has all its text, and they are columns too."""
    found = read_xml("<r><i><d>some <b>bold</b> text<br/>!</d></i><i/></r>")
    assert found.rows[0] == {"d": "some bold text!", "d.b": "bold"}
    assert found.header == ("d", "d.b", "d.br")


def test_nested_repeats() -> None:
    """D33: nested likewise, attributes as @name, text beside them as #text."""
    found = read_xml(
        '<r><i><v s="M">a"\\<w>1</w><w>2</w></v><v>plain</v><v/><v><x y=""/></v></i><i/></r>'
    )
    assert found.rows[0] == {
        "v": '[{"@s":"M","#text":"a\\"\\\\12","w":["1","2"]},"plain",{"x":{"@y":""}}]'
    }


def test_elements_of_one_name_that_lie_apart() -> None:
    """D33: they are one list, at the place of the first, at whatever level."""
    found = read_xml(
        "<r><i><v><a>1</a><b><c/><d>2</d></b><a k='3'/>x<b>4</b></v><w>5</w><v>6</v><w>7</w></i>"
        "<i/></r>"
    )
    assert found.rows[0] == {
        "v": '[{"#text":"12x4","a":["1",{"@k":"3"}],"b":[{"d":"2"},"4"]},"6"]',
        "w": '["5","7"]',
    }


@pytest.mark.parametrize("block_bytes", [1, 1 << 20])
def test_names_in_json_are_those_of_the_whole_document(block_bytes: int) -> None:
    """D33: a prefix stays in JSON where a later row has the name without it."""
    found = read_xml(
        "<r><i><v><g:a>1</g:a></v><v>x</v></i><i><v><a>2</a></v><v>y</v></i></r>",
        row="i",
        block_bytes=block_bytes,
    )
    assert [row["v"] for row in found.rows] == ['[{"g:a":"1"},"x"]', '[{"a":"2"},"y"]']


def test_many_columns_of_few_rows() -> None:
    """A frame of many rows and columns comes in parts."""
    wide = "".join(f"<c{n}>x</c{n}>" for n in range(250))
    found = read_xml(f"<r><i>{wide}</i>{'<i/>' * 9_000}</r>")
    assert len(found.rows) == 9_001
    assert len(found.rows[0]) == 250


def test_a_cut_document() -> None:
    """A preview sees the whole rows of the beginning."""
    text = MERCHANT[: MERCHANT.index("<title>Cup")]
    assert [row["id"] for row in read_xml(text, cut=True).rows] == ["1"]


def test_cdata_is_taken_as_it_stands() -> None:
    """M106: what looks like a reference is none there; line ends are line feeds."""
    found = read_xml(
        "<r><i><d><![CDATA[\r\n<p>Q &amp; &lt;b&gt;</p>\r\n<p>&#65;\r</p>]]></d></i>\r\n"
        "<i><d><![CDATA[&amp;]]></d></i></r>"
    )
    assert found.rows == [{"d": "<p>Q &amp; &lt;b&gt;</p>\n<p>&#65;\n</p>"}, {"d": "&amp;"}]
