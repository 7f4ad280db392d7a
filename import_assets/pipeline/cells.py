"""The cells of rejected records as they stood, kept beside the raw text so that they can be mended.

A record that was read has all its cells. Of one that the format refused there are as many as can
be told: all of a record with line breaks in it, those that have a column of one with too many or
too few, none of one that is torn by a quote or cannot be decoded.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import polars as pl

from import_assets.formats.csv import CsvReader
from import_assets.pipeline.content import Reader
from import_assets.records import Records, as_text

TOO_FEW, BROKEN = "too_few_cells", "line_break"
_CUT = (TOO_FEW, BROKEN, "too_many_cells")
"""Reasons for which a format refuses records whose cells can be told all the same."""

NOT_READ = (*_CUT, "bad_quote", "quote_not_closed", "stray_carriage_return", "undecodable")
"""Reasons for which a record was refused before anybody looked at its values."""


@runtime_checkable
class KnowsCells(Protocol):
    """A reader that has the cells of the records that it refuses."""

    def refused_cells(self, rejects: pl.DataFrame) -> pl.DataFrame:
        """Return `record` and `cells` of rejects of its own."""
        ...


def listed(frame: pl.DataFrame, header: Sequence[str]) -> pl.Series:
    """Return the cells of each row as a list of texts in the order of `header`; empty ones null."""
    return _texts(frame, header).select(pl.concat_list(pl.all()).alias("cells"))["cells"]


def packed(frame: pl.DataFrame, header: Sequence[str]) -> pl.Series:
    """Return the cells of each row as a struct, its fields called by their places in `header`.

    Other than for lists, no text is copied for it.
    """
    return _texts(frame, header).to_struct("cells")


def _texts(frame: pl.DataFrame, header: Sequence[str]) -> pl.DataFrame:
    # By their places: polars takes some names for patterns of names.
    return pl.DataFrame([as_text(frame[name]).alias(str(at)) for at, name in enumerate(header)])


def with_cells(
    rejects: pl.DataFrame, records: Records, reader: Reader, header: Sequence[str]
) -> pl.DataFrame:
    """Return rejects with their `cells`, null where they cannot be told.

    Args:
        rejects: those of a block, by the format or by the mapping.
        records: the block as the format handed it over.
        reader: what it came from.
        header: the columns, in the order that the cells are to have.
    """
    if rejects.is_empty():
        return rejects.with_columns(pl.lit(None, dtype=pl.List(pl.String)).alias("cells"))
    places = pl.DataFrame({"record": records.record}).with_row_index("place")
    placed = rejects.select("record").join(places, on="record", how="inner")
    read = pl.DataFrame(
        {"record": placed["record"], "cells": listed(records.frame[placed["place"]], header)}
    )
    others = rejects.join(placed, on="record", how="anti", maintain_order="left")
    cells = pl.concat([read, _refused_by_format(others, reader, header)])
    return rejects.join(cells, on="record", how="left", maintain_order="left")


def _refused_by_format(
    rejects: pl.DataFrame, reader: Reader, header: Sequence[str]
) -> pl.DataFrame:
    """Return `record` and `cells` of those rejects of a format whose cells can be told."""
    if isinstance(reader, KnowsCells):
        return reader.refused_cells(rejects)
    told = rejects
    if isinstance(reader, CsvReader):
        reasons = pl.col("faults").list.eval(pl.element().struct.field("reason").is_in(_CUT))
        told = rejects.filter(reasons.list.all())
    raws = told["raw"].to_list()
    frame = None
    if raws and isinstance(reader, CsvReader):
        frame = reader.cells(raws)
    elif raws and reader.format == "rows":
        frame = _rows(raws, header)
    cells = pl.Series("cells", [], pl.List(pl.String)) if frame is None else listed(frame, header)
    return pl.DataFrame({"record": told["record"][: len(cells)], "cells": cells})


def _rows(raws: Sequence[str], header: Sequence[str]) -> pl.DataFrame:
    """Return the cells of rows of a query, of which the raw text is JSON."""
    rows = [json.loads(raw) for raw in raws]
    return pl.DataFrame([pl.Series(name, [row.get(name) for row in rows]) for name in header])
