"""Static values that look as if they changed with every import (D25)."""

from __future__ import annotations

import pytest

from import_assets.spec.changing import looks_changing
from import_assets.spec.models import Column


def column(to: str, value: str, **more: str) -> Column:
    return Column.model_validate({"to": to, "value": value, **more})


@pytest.mark.parametrize(
    ("to", "value"),
    [
        ("import_date", "x"),
        ("importDate", "x"),
        ("BATCH", "7"),
        ("file version", "x"),
        ("source", "Import_11 June 2019"),
        ("source", "crm 20190715"),
        ("source", "crm-2019-07-15"),
        ("source", "15.7.2019"),
        ("source", "07/15/2019"),
        ("source", "Jul 15, 2019"),
    ],
)
def test_values_that_change_d25(to: str, value: str) -> None:
    assert looks_changing(column(to, value))


def test_dates_change_d25() -> None:
    assert looks_changing(column("since", "1.1.2020", type="date"))


@pytest.mark.parametrize(
    ("to", "value"),
    [
        ("source", "crm"),
        ("store_id", "1234"),
        ("store_id", "120190715123"),
        ("important", "true"),
        ("daytona", "x"),
        ("runner", "x"),
        ("currency", "EUR"),
        ("collection", "autumn 2026"),
        ("ratio", "1.5"),
    ],
)
def test_values_that_stay_d25(to: str, value: str) -> None:
    assert not looks_changing(column(to, value))


def test_a_column_of_the_file_is_no_static_value_d25() -> None:
    assert not looks_changing(Column.model_validate({"from": "import_date"}))
