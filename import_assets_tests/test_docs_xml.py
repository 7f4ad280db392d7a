"""What the page about XML shows is what happens (M104, M107, M108, D33)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from import_assets.spec.formats import XmlFormat
from import_assets.spec.models import ImportSpec
from import_assets_tests.formats.xml_reading import read_xml

PAGE = (Path(__file__).parents[1] / "docs" / "xml.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The blocks of code in a language, in order."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def table_behind(text: str) -> list[list[str]]:
    """The cells of the first table behind a text, its header first."""
    lines = PAGE[PAGE.index(text) :].split("\n")
    start = next(at for at, line in enumerate(lines) if line.startswith("| @"))
    rows: list[list[str]] = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return [rows[0], *rows[2:]]


def test_m108_the_bookstore_becomes_the_table_shown() -> None:
    (document,) = blocks("xml")
    found = read_xml(document)
    shown = table_behind("becomes\n")
    assert [list(found.header), *[list(row.values()) for row in found.rows]] == shown


@pytest.mark.parametrize("text", [one for one in blocks("yaml") if one.startswith("kind:")])
def test_m104_the_definitions_are_accepted(text: str) -> None:
    ImportSpec.model_validate(yaml.safe_load(text))


@pytest.mark.parametrize(
    ("inside", "row"),
    [
        ('<row category="web"/>', {"@category": "web"}),
        ("<row>text</row>", {"#text": "text"}),
        ('<row><title lang="en">a</title></row>', {"title": "a", "title.@lang": "en"}),
        ("<row><shipping><price>1</price></shipping></row>", {"shipping.price": "1"}),
        ("<row><tag>a</tag><tag>b</tag></row>", {"tag": '["a","b"]'}),
        ("<row><p>very <b>good</b></p></row>", {"p": "very good", "p.b": "good"}),
        ("<row><t><![CDATA[<b>5</b>]]></t></row>", {"t": "<b>5</b>"}),
        ("<row><t>&lt;&amp;&#160;&apos;</t></row>", {"t": "<&\xa0'"}),
        ("<row><a/><b>1</b></row>", {"b": "1"}),
        (
            '<row xml:lang="sk"><t xml:lang="cs">1</t></row>',
            {"@lang": "sk", "t": "1", "t.@lang": "cs"},
        ),
        ('<row xmlns:g="urn:g"><!-- no --><g:t>1</g:t><?no no?></row>', {"t": "1"}),
    ],
)
def test_d33_what_becomes_of_each_thing(inside: str, row: dict[str, str]) -> None:
    found = read_xml(f"<rows>{inside}</rows>", row="row")
    assert found.rows == [row]


def test_the_keys_named_are_those_there_are() -> None:
    for text in blocks("yaml"):
        xml = yaml.safe_load(text).get("format", {}).get("xml")
        if xml:
            XmlFormat.model_validate(xml)
