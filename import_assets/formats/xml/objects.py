"""Repeated elements as JSON, level by level from the deepest one up.

An element with nothing but text is that text; another one an object of its attributes (`@name`),
its text (`#text`) and its elements, those of one name as a list. Elements that are bare and empty
are left out. The JSON is what `json.dumps` writes without spaces.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from import_assets.formats.views import Positions, bodies, make_views, sliding, text_column
from import_assets.formats.xml.nodes import Nodes
from import_assets.formats.xml.repeats import NOWHERE, Repeats

TEXT = "#text"
"""The name of the text that an element has beside attributes or elements."""

_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_ATTRIBUTE, _TEXT, _ELEMENT = 0, 1, 2


def repeated_values(nodes: Nodes, repeats: Repeats, shown: Mapping[int, str]) -> pl.DataFrame:
    """Return what becomes JSON: frames of `row`, `path` and `value`, the JSON of a list.

    Args:
        nodes: The nodes of a stretch.
        repeats: What repeats there.
        shown: The last names of paths, as they are shown.
    """
    at = np.flatnonzero((repeats.top != NOWHERE) & repeats.says)
    keys = pl.DataFrame(
        {
            "path": pl.Series(shown.keys(), dtype=pl.Int64),
            "key": pl.Series([f"{json.dumps(n, ensure_ascii=False)}:" for n in shown.values()]),
        },
        schema={"path": pl.Int64, "key": pl.String},
    )
    table = _table(nodes, repeats, at).join(keys, on="path", how="left", maintain_order="left")
    pieces = _own_pieces(table)
    found: list[pl.DataFrame] = []
    for depth in sorted(table["depth"].unique().to_list(), reverse=True):
        values = _values(table.filter((pl.col("depth") == depth) & pl.col("element")), pieces)
        found.append(values.filter("is_top"))
        pieces = pl.concat([pieces, _children(values.filter(~pl.col("is_top")))])
    return (
        pl.concat(found)
        .sort("at")
        .group_by("row", "path", maintain_order=True)
        .agg(pl.format("[{}]", pl.col("value").str.join(",")).alias("value"))
    )


def texts_of(nodes: Nodes, at: Positions) -> pl.Series:
    """Return the texts of these nodes; empty ones are null."""
    views = np.zeros(len(at), "V16")
    for number, data in enumerate(nodes.buffers):
        here = np.flatnonzero(nodes.buffer[at] == number)
        if len(here):
            place = at[here]
            views[here] = make_views(sliding(data), nodes.start[place], nodes.length[place], number)
    return text_column(views, bodies(nodes.buffers))


def _table(nodes: Nodes, repeats: Repeats, at: Positions) -> pl.DataFrame:
    text = texts_of(nodes, at)
    escaped = pl.concat_str(
        pl.lit('"'),
        pl.col("text").str.replace_many(list(_ESCAPES), list(_ESCAPES.values())),
        pl.lit('"'),
    )
    return pl.DataFrame(
        {
            "node": at,
            "parent": nodes.parent[at],
            "row": nodes.row[at],
            "path": nodes.path[at],
            "at": nodes.at[at],
            "depth": nodes.depth[at],
            "structured": nodes.structured[at],
            "element": at < nodes.elements,
            "is_top": (repeats.top[at] == nodes.path[at]) & (at < nodes.elements),
            "text": text,
        }
    ).with_columns(escaped.alias("text"))


def _own_pieces(table: pl.DataFrame) -> pl.DataFrame:
    """Return the attributes and texts of the elements that become objects."""
    attributes = table.filter(~pl.col("element")).select(
        owner="parent",
        sort=pl.lit(_ATTRIBUTE),
        at="at",
        piece=pl.col("key") + pl.col("text").fill_null('""'),
    )
    texts = table.filter(pl.col("structured") & pl.col("text").is_not_null()).select(
        owner="node", sort=pl.lit(_TEXT), at="at", piece=pl.lit(f'"{TEXT}":') + pl.col("text")
    )
    return pl.concat([attributes, texts])


def _values(elements: pl.DataFrame, pieces: pl.DataFrame) -> pl.DataFrame:
    """Return elements of one level with their `value`."""
    structured = elements.filter("structured")
    objects = (
        pieces.join(structured.select(owner="node"), on="owner", how="semi")
        .sort("owner", "sort", "at")
        .group_by("owner", maintain_order=True)
        .agg(pl.col("piece").str.join(",").alias("inside"))
    )
    with_inside = elements.join(
        objects, left_on="node", right_on="owner", how="left", maintain_order="left"
    )
    value = (
        pl.when("structured")
        .then(pl.format("{{{}}}", pl.col("inside").fill_null("")))
        .otherwise("text")
    )
    return with_inside.with_columns(value.alias("value"))


def _children(values: pl.DataFrame) -> pl.DataFrame:
    """Return elements as pieces of the objects that they are in, those of one name as a list."""
    joined = pl.col("value").str.join(",")
    listed = pl.when(pl.len() > 1).then(pl.format("[{}]", joined)).otherwise(joined)
    return (
        values.sort("at")
        .group_by("parent", "path", maintain_order=True)
        .agg(pl.col("at").first(), pl.col("key").first(), listed.alias("value"))
        .select(
            owner="parent",
            sort=pl.lit(_ELEMENT),
            at="at",
            piece=pl.col("key") + pl.col("value"),
        )
    )


def encoded(values: Sequence[str]) -> list[bytes]:
    """Return texts as UTF-8."""
    return [value.encode() for value in values]
