"""A made-up product feed: nested elements, prefixes, attributes, CDATA, lists and comments."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import NamedTuple

import duckdb

ITEMS = 330_000
SEED = 7

COLUMNS = """\
kind: {catalog: products}
columns:
  - {from: id, id: item_id}
  - {from: price, type: number}
  - {from: link, type: url}
  - {from: tag, to: tags, type: list}
"""


class Content(NamedTuple):
    """Items, the sum of their prices in cents, and how many tags they have together."""

    items: int
    cents: int
    tags: int


class _Item(NamedTuple):
    text: str
    cents: int
    tags: int


_WORDS = ["lightweight", "waterproof", "cotton", "žluťoučký", "jacket", "mug", "with", "a", "for"]
_HEAD = """\
<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0">
  <channel>
    <title>A shop</title>
"""
_ITEM = """\
    <item>
      <!-- {number} -->
      <g:id>{number}</g:id>
      <title>{title}</title>
      <description><![CDATA[<p>{text}</p>]]></description>
      <link>https://shop.example.com/p/{number}?utm_source=feed&amp;utm_medium={word}</link>
      <g:image_link size="{size}">https://img.example.com/{number}/{size}.jpg</g:image_link>
      <g:price currency="EUR">{price}</g:price>
      <g:availability>{stock}</g:availability>
      <g:google_product_category>{category}</g:google_product_category>
{tags}{params}      <g:shipping>
        <g:country>SK</g:country>
        <g:price>{shipping} EUR</g:price>
      </g:shipping>
    </item>
"""
_PARAM = "      <param><name>{name}</name><value>{value}</value></param>\n"


def catalog(path: Path, items: int = ITEMS) -> Content:
    """Write the feed unless it lies there; return what is in it, which is kept beside it."""
    answers = path.with_suffix(".json")
    if not answers.exists():
        content = _write(path, items)
        answers.write_text(json.dumps(content), encoding="utf-8")
    return Content(*json.loads(answers.read_text(encoding="utf-8")))


def _write(path: Path, items: int) -> Content:
    chance = random.Random(SEED)
    cents = tags = 0
    with path.open("w", encoding="utf-8") as file:
        file.write(_HEAD)
        for number in range(items):
            item = _item(number, chance)
            cents += item.cents
            tags += item.tags
            file.write(item.text)
        file.write("  </channel>\n</rss>\n")
    return Content(items, cents, tags)


def found_content(warehouse: Path) -> Content:
    """Return the same of the catalog `products` of a warehouse."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        row = connection.execute(
            """
            SELECT count(*), sum(round(price * 100))::BIGINT, sum(len(tags))::BIGINT
            FROM catalogs.products
            """
        ).fetchone()
    assert row is not None
    return Content(*row)


def _item(number: int, chance: random.Random) -> _Item:
    words = [chance.choice(_WORDS) for _ in range(chance.randrange(3))]
    tags = "".join(f"      <tag>{word}</tag>\n" for word in words)
    params = "".join(
        _PARAM.format(name=chance.choice(_WORDS), value=chance.randrange(100))
        for _ in range(chance.randrange(3))
    )
    cents = chance.randrange(100_000)
    text = _ITEM.format(
        number=number,
        title=" ".join(chance.choices(_WORDS, k=4)),
        text=" ".join(chance.choices(_WORDS, k=22)),
        word=chance.choice(_WORDS),
        size=chance.choice([100, 400]),
        price=f"{cents / 100:.2f}",
        stock=chance.choice(["in stock", "out of stock"]),
        category=chance.randrange(6_000),
        tags=tags,
        params=params,
        shipping=chance.randrange(9),
    )
    return _Item(text, cents, len(words))
