"""Cells that come typed from a database become the same values as their texts would."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from import_assets.mapping.mapping import Mapped, Mapping
from import_assets.records import ColumnKind, Records, RowText, as_text
from import_assets.spec.models import ImportSpec, ProjectSpec

UTC = dt.UTC


def mapped(
    cells: pl.Series, kind: ColumnKind, rule: dict[str, Any] | None, timezone: str = "UTC"
) -> tuple[Mapping, Mapped]:
    frame = pl.DataFrame([pl.Series("id", range(len(cells)), dtype=pl.Int64), cells.alias("x")])
    columns = [{"from": "id", "id": "registered"}, *([{"from": "x", **rule}] if rule else [])]
    spec = ImportSpec.model_validate(
        {"kind": "customers", "source": {"upload": {}}, "columns": columns}
    )
    mapping = Mapping.build(
        spec, ProjectSpec(), timezone, ("id", "x"), "q", kinds={"id": "integer", "x": kind}
    )
    numbers = pl.Series("record", range(1, len(cells) + 1), dtype=pl.Int64)
    return mapping, mapping.apply(Records(frame, numbers, numbers.alias("line"), RowText(frame)))


def values(cells: pl.Series, kind: ColumnKind, type_: str, timezone: str = "UTC") -> list[Any]:
    _, found = mapped(cells, kind, {"type": type_}, timezone)
    return found.rows["attr:x"].to_list()


def reasons(cells: pl.Series, kind: ColumnKind, type_: str, timezone: str = "UTC") -> list[str]:
    _, found = mapped(cells, kind, {"type": type_}, timezone)
    return found.rejects["faults"].explode().struct.field("reason").to_list()


NOON = dt.datetime(2026, 7, 1, 12)


@pytest.mark.parametrize(
    ("cells", "kind", "natural", "expected"),
    [
        (pl.Series([7, None]), "integer", "integer", [7, None]),
        (pl.Series([0.5, None]), "number", "number", [0.5, None]),
        (pl.Series([Decimal("1.10"), None]), "decimal", "number", [1.1, None]),
        (pl.Series([True, None]), "boolean", "boolean", [True, None]),
        (pl.Series([dt.date(2026, 2, 3), None]), "date", "date", [dt.date(2026, 2, 3), None]),
        (pl.Series([NOON, None]), "datetime", "datetime", [NOON, None]),
        (pl.Series([NOON.replace(tzinfo=UTC), None]), "instant", "datetime", [NOON, None]),
        (pl.Series([["a", "b"], None]), "list", "list", [["a", "b"], None]),
        (pl.Series(['{"a":1}', None]), "json", "json", ['{"a":1}', None]),
        (pl.Series(["007", None]), "text", "text", ["007", None]),
    ],
)
def test_a_column_without_a_rule_keeps_its_type(
    cells: pl.Series, kind: ColumnKind, natural: str, expected: list[Any]
) -> None:
    mapping, found = mapped(cells, kind, None)
    assert [(one.name, one.type) for one in mapping.attributes] == [("x", natural)]
    assert found.rows["attr:x"].to_list() == expected
    assert found.rejects.is_empty()


def test_identifiers_are_texts() -> None:
    _, found = mapped(pl.Series(["a"]), "text", None)
    assert found.rows["id:registered"].to_list() == ["0"]


def test_local_times_are_those_of_the_import() -> None:
    """D27."""
    assert values(pl.Series([NOON]), "datetime", "datetime", "Europe/Bratislava") == [
        dt.datetime(2026, 7, 1, 10)
    ]


def test_a_local_time_that_the_clocks_skip_is_rejected() -> None:
    """D27."""
    skipped = pl.Series([dt.datetime(2026, 3, 29, 2, 30)])
    assert reasons(skipped, "datetime", "datetime", "Europe/Bratislava") == [
        "nonexistent_local_time"
    ]


def test_what_would_lose_digits_is_rejected() -> None:
    assert reasons(pl.Series([2**53 + 1]), "integer", "number") != []
    assert reasons(pl.Series([Decimal("9007199254740993")]), "decimal", "number") != []
    assert (
        reasons(pl.Series([1.5, float("nan"), float("inf")]), "number", "integer")
        == ["not_an_integer"] * 3
    )
    assert len(reasons(pl.Series([float("nan"), float("inf")]), "number", "number")) == 2


def test_whole_numbers_of_any_kind_are_integers() -> None:
    assert values(pl.Series([3.0, -0.0]), "number", "integer") == [3, 0]
    assert values(pl.Series([Decimal("3.00")]), "decimal", "integer") == [3]


def test_other_types_go_by_text() -> None:
    assert values(pl.Series([1, 0]), "integer", "boolean") == [True, False]
    assert values(pl.Series([1_596_615_705]), "integer", "datetime") == [
        dt.datetime(2020, 8, 5, 8, 21, 45)
    ]
    assert values(pl.Series([dt.date(2026, 2, 3)]), "date", "datetime") == [dt.datetime(2026, 2, 3)]
    assert values(pl.Series([NOON.replace(tzinfo=UTC)]), "instant", "text") == [
        "2026-07-01T12:00:00Z"
    ]
    assert values(pl.Series([["a", 'b"']]), "list", "text") == ['["a","b\\""]']


def test_a_format_says_nothing_about_typed_cells() -> None:
    _, found = mapped(
        pl.Series([dt.date(2026, 2, 3)]), "date", {"type": "date", "format": "%d/%m/%Y"}
    )
    assert found.rows["attr:x"].to_list() == [dt.date(2026, 2, 3)]


def test_a_reject_shows_the_row() -> None:
    _, found = mapped(pl.Series([1.5, None]), "number", {"type": "integer"})
    (reject,) = found.rejects.to_dicts()
    assert reject["raw"] == '{"id":"0","x":"1.5"}'
    assert reject["faults"][0]["value"] == "1.5"


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.none(), min_size=1),
    st.lists(st.integers(-(2**63), 2**63 - 1) | st.none(), min_size=1),
)
def test_numbers_are_what_their_texts_would_be(
    floats: list[float | None], integers: list[int | None]
) -> None:
    cases: list[tuple[pl.Series, ColumnKind, str]] = [
        (pl.Series(floats, dtype=pl.Float64), "number", "number"),
        *((pl.Series(integers, dtype=pl.Int64), "integer", t) for t in ("integer", "number")),
    ]
    for cells, kind, type_ in cases:
        _, typed = mapped(cells, kind, {"type": type_})
        _, text = mapped(as_text(cells), "text", {"type": type_})
        assert typed.rows.equals(text.rows)
        assert typed.rejects["record"].to_list() == text.rejects["record"].to_list()
