"""A made-up product feed: nested elements, prefixes, attributes, CDATA, lists and comments."""

from __future__ import annotations

import random
from pathlib import Path

ITEMS = 330_000
SEED = 7

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


def write_catalog(path: Path) -> dict[str, int]:
    """Write the feed unless it lies there, and return how many items and columns it has."""
    if not path.exists():
        chance = random.Random(SEED)
        with path.open("w", encoding="utf-8") as file:
            file.write(_HEAD)
            for number in range(ITEMS):
                file.write(_item(number, chance))
            file.write("  </channel>\n</rss>\n")
    return {"rows": ITEMS}


def _item(number: int, chance: random.Random) -> str:
    tags = "".join(
        f"      <tag>{chance.choice(_WORDS)}</tag>\n" for _ in range(chance.randrange(3))
    )
    params = "".join(
        _PARAM.format(name=chance.choice(_WORDS), value=chance.randrange(100))
        for _ in range(chance.randrange(3))
    )
    return _ITEM.format(
        number=number,
        title=" ".join(chance.choices(_WORDS, k=4)),
        text=" ".join(chance.choices(_WORDS, k=22)),
        word=chance.choice(_WORDS),
        size=chance.choice([100, 400]),
        price=f"{chance.randrange(100_000) / 100:.2f}",
        stock=chance.choice(["in stock", "out of stock"]),
        category=chance.randrange(6_000),
        tags=tags,
        params=params,
        shipping=chance.randrange(9),
    )
