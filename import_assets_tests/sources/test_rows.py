"""Rows of a query on this machine: whole, typed, and bounded (M085, M087)."""

from __future__ import annotations

import datetime as dt
import os
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from import_assets.errors import FileRefused, SourceError
from import_assets.sources.rows import SpooledRows, as_text, spool_rows


def spooled(
    tmp_path: Path, *blocks: pl.DataFrame, **more: Any
) -> tuple[SpooledRows, list[dict[str, Any]]]:
    """Spool blocks; return what was spooled and its rows, read before they were removed."""
    with spool_rows(blocks, tmp_path, file="slot", **{"max_rows": 1_000, **more}) as rows:
        return rows, [row for block in rows.blocks() for row in block.to_dicts()]


def column(tmp_path: Path, *values: pl.Series, **more: Any) -> tuple[str, list[Any]]:
    """The kind that a column gets whose blocks are these, and its values."""
    rows, found = spooled(tmp_path, *[block.alias("x").to_frame() for block in values], **more)
    assert {block.dtype for block in _again(tmp_path, rows, values)} == {rows.columns[0].dtype}
    return rows.columns[0].kind, [row["x"] for row in found]


def _again(
    tmp_path: Path, first: SpooledRows, values: tuple[pl.Series, ...]
) -> Iterator[pl.Series]:
    frames = [block.alias("x").to_frame() for block in values]
    json = {one.name for one in first.columns if one.kind == "json"}
    with spool_rows(frames, tmp_path, file="slot", max_rows=1_000, json=json) as rows:
        for block in rows.blocks():
            yield block["x"]


def series(*values: Any, dtype: Any = None) -> pl.Series:
    return pl.Series("x", values, dtype=dtype)


@pytest.mark.parametrize(
    ("blocks", "kind", "values"),
    [
        ([series(1, None), series(2)], "integer", [1, None, 2]),
        ([series(1, dtype=pl.Int8), series(2**63 - 1)], "integer", [1, 2**63 - 1]),
        ([series(2**64 - 1, dtype=pl.UInt64)], "decimal", [Decimal(2**64 - 1)]),
        ([series(5, dtype=pl.UInt64)], "integer", [5]),
        ([series(10**37, dtype=pl.Int128)], "decimal", [Decimal(10**37)]),
        ([series(5, dtype=pl.Int128)], "integer", [5]),
        ([series(0.5, dtype=pl.Float32), series(0.25)], "number", [0.5, 0.25]),
        ([series(None, None), series(True)], "boolean", [None, None, True]),
        ([series(None)], "text", [None]),
        ([series("", "a")], "text", [None, "a"]),
        ([series("a", dtype=pl.Categorical)], "text", ["a"]),
        ([series("a", dtype=pl.Enum(["a"]))], "text", ["a"]),
        ([series(dt.time(10, 30))], "text", ["10:30:00"]),
        ([series(dt.date(2026, 1, 1))], "date", [dt.date(2026, 1, 1)]),
        ([series(1, 2), series("x")], "text", ["1", "2", "x"]),
        ([series(1), series(2.5)], "text", ["1", "2.5"]),
        ([series(True), series("x")], "text", ["true", "x"]),
        ([series(["a", None], dtype=pl.List(pl.String))], "list", [["a"]]),
        ([series([1, 2])], "list", [["1", "2"]]),
        ([series([Decimal("1.50")])], "list", [["1.50"]]),
        (
            [series(["a", 'b"'], dtype=pl.List(pl.String)), series("x")],
            "text",
            ['["a","b\\""]', "x"],
        ),
    ],
)
def test_a_column_is_what_its_blocks_have_in_common(
    tmp_path: Path, blocks: list[pl.Series], kind: str, values: list[Any]
) -> None:
    """M008: types are carried over, and where blocks do not agree nothing is lost as text."""
    assert column(tmp_path, *blocks) == (kind, values)


def test_decimals_get_as_many_digits_as_the_longest(tmp_path: Path) -> None:
    """M008: each block may have another scale."""
    blocks = (
        series(Decimal("1.5"), dtype=pl.Decimal(38, 1)),
        series(Decimal("0.1234"), dtype=pl.Decimal(38, 4)),
        series(7),
    )
    assert column(tmp_path, *blocks) == ("decimal", [Decimal("1.5"), Decimal("0.1234"), Decimal(7)])


def test_decimals_that_do_not_fit_together_are_text(tmp_path: Path) -> None:
    """M008: rather text than a digit lost."""
    blocks = (
        series(Decimal(10**30), dtype=pl.Decimal(38, 0)),
        series(Decimal("0.123456789"), dtype=pl.Decimal(38, 10)),
    )
    assert column(tmp_path, *blocks) == ("text", [str(10**30), "0.123456789"])


def test_times_are_local_or_in_utc(tmp_path: Path) -> None:
    """M008: a zone that is known is turned into UTC, none is not."""
    local = dt.datetime(2026, 7, 1, 12)
    known = series(local).dt.replace_time_zone("Europe/Prague")
    moment = dt.datetime(2026, 7, 1, 10, tzinfo=dt.UTC)
    assert column(tmp_path, series(local)) == ("datetime", [local])
    assert column(tmp_path, known) == ("instant", [moment])
    assert column(tmp_path, known, series("x")) == ("text", ["2026-07-01T10:00:00Z", "x"])
    assert as_text(series(local)).to_list() == ["2026-07-01T12:00:00"]


def test_json_is_said_by_the_source(tmp_path: Path) -> None:
    """M008: its text stays as it came."""
    assert column(tmp_path, series('{"b": 1.00}', ""), json={"x"}) == (
        "json",
        ['{"b": 1.00}', None],
    )


@pytest.mark.parametrize(
    "values", [series(b"a"), series({"a": 1}), series([[1]]), series(dt.timedelta(1))]
)
def test_what_no_attribute_can_have_is_refused(tmp_path: Path, values: pl.Series) -> None:
    """M008: the sentence names the column and says what to do."""
    with pytest.raises(FileRefused, match="column 'x' is of type") as refused:
        column(tmp_path, values)
    assert refused.value.reason == "unsupported_type"
    assert not list(tmp_path.iterdir())


def test_no_more_rows_than_are_allowed(tmp_path: Path) -> None:
    """M087: rows are counted over all blocks, and what was written of them is removed."""
    blocks = [pl.DataFrame({"x": [1, 2]}), pl.DataFrame({"x": [3]})]
    assert spooled(tmp_path, *blocks, max_rows=3)[0].rows == 3
    with pytest.raises(FileRefused, match="more than 2 rows") as refused:
        spooled(tmp_path, *blocks, max_rows=2)
    assert refused.value.reason == "too_many_rows"
    with pytest.raises(FileRefused, match="more than 10 bytes") as refused:
        spooled(tmp_path, *blocks, max_bytes=10)
    assert refused.value.reason == "too_many_bytes"
    assert not list(tmp_path.iterdir())


def test_the_digest_is_that_of_the_rows(tmp_path: Path) -> None:
    """D01: equal rows have an equal digest, others another."""
    one, two = pl.DataFrame({"x": [1]}), pl.DataFrame({"x": [2]})
    digests = [spooled(tmp_path, *blocks)[0].sha256 for blocks in ([one], [one], [two], [one, two])]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


def test_blocks_come_newest_first_and_as_they_were(tmp_path: Path) -> None:
    """D43: so that the end of many rows is found without reading all."""
    blocks = [pl.DataFrame({"x": [1]}), pl.DataFrame({"x": ["b", ""]})]
    with spool_rows(blocks, tmp_path, file="slot", max_rows=9, cursor="x") as rows:
        assert [block["x"].to_list() for block in rows.newest()] == [["b", ""], [1]]
        assert rows.cursor == "x"
    assert not list(tmp_path.iterdir())


def test_rows_of_killed_processes_are_removed(tmp_path: Path) -> None:
    """M085: a full disk would stop everything; what may be in use stays."""
    old, young = tmp_path / "rows-old", tmp_path / "rows-young"
    for folder in (old, young):
        folder.mkdir()
        (folder / "00000000.arrow").write_bytes(b"x")
    yesterday = time.time() - 90_000
    os.utime(old, (yesterday, yesterday))
    spooled(tmp_path, pl.DataFrame({"x": [1]}))
    assert list(tmp_path.iterdir()) == [young]


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """M085: a later try can help."""
    (tmp_path / "spool").write_text("a file")
    with pytest.raises(SourceError, match="the rows cannot be written to"):
        spooled(tmp_path / "spool", pl.DataFrame({"x": [1]}))


def test_a_decimal_reads_the_same_whatever_stands_beside_it() -> None:
    """Identifiers made of it would otherwise change with their neighbours."""
    alone = pl.Series([Decimal("5"), Decimal("10"), Decimal("0")], dtype=pl.Decimal(38, 0))
    beside = pl.Series(
        [Decimal("5.00"), Decimal("10.00"), Decimal("0.00")], dtype=pl.Decimal(38, 2)
    )
    assert as_text(alone).to_list() == as_text(beside).to_list() == ["5", "10", "0"]
    assert as_text(pl.Series([Decimal("-1.250")])).to_list() == ["-1.25"]
