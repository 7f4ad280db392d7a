"""Consents: what is not sure to mean what it says is refused (b.5)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
import pytest

from import_assets.errors import FileRefused
from import_assets.mapping.mapping import Mapping
from import_assets_tests.mapping.building import apply, block, build, faults, project, spec

RULES = [{"from": "id", "id": "registered"}, {"from": "ts", "timestamp": True}]
CONSENT = {"events": "consent"}


def take(
    action: str | None, category: str | None, valid_until: str | None, *rules: dict[str, Any]
) -> list[tuple[str | None, str | None, str]]:
    """The faults of one consent, none where it is accepted."""
    cells = {
        "id": ["1"],
        "ts": ["1596615705"],
        "action": [action],
        "category": [category],
        "valid_until": [valid_until],
    }
    mapped = apply(cells, [*RULES, *rules], CONSENT)
    assert mapped.rows.height == (0 if mapped.rejects.height else 1)
    return faults(mapped).get(10, [])


@pytest.mark.parametrize(
    "valid_until",
    ["unlimited", "2027-01-31", "2027-01-31 12:00:00", "2027-01-31T12:00Z", "1800000000"],
)
def test_consents_that_are_accepted(valid_until: str) -> None:
    """The cell stays as it is written."""
    assert take("accept", "newsletter", valid_until) == []


@pytest.mark.parametrize("action", ["Accept", " accept", "accepted", "yes", "ACCEPT", None, ""])
def test_actions_are_compared_exactly(action: str | None) -> None:
    assert take(action, "sms", "unlimited") == [("action", action, "bad_consent_action")]


@pytest.mark.parametrize("category", [None, "", "  "])
def test_a_consent_has_a_category(category: str | None) -> None:
    assert take("reject", category, None) == [("category", category, "no_consent_category")]


def test_a_category_is_the_users_own_word() -> None:
    assert take("reject", "SMS a e-maily", None) == []


@pytest.mark.parametrize("empty", [None, "", " "])
def test_valid_until_is_required_where_it_is_accepted(empty: str | None) -> None:
    assert take("accept", "sms", empty) == [("valid_until", empty, "no_valid_until")]
    assert take("reject", "sms", empty) == []


@pytest.mark.parametrize("cell", ["Unlimited", "unlimited ", "forever", "31/12/2027", "02/04/2027"])
@pytest.mark.parametrize("action", ["accept", "reject"])
def test_valid_until_is_a_time_or_unlimited(action: str, cell: str) -> None:
    assert take(action, "sms", cell) == [("valid_until", cell, "bad_valid_until")]


def test_valid_until_as_a_time_of_a_format() -> None:
    rule = {"from": "valid_until", "type": "datetime", "format": "%d/%m/%Y"}
    assert take("accept", "sms", "31/12/2027", rule) == []
    assert take("accept", "sms", None, rule) == [("valid_until", None, "no_valid_until")]
    assert take("accept", "sms", "unlimited", rule) == [
        ("valid_until", "unlimited", "not_a_datetime")
    ]


def test_all_faults_of_a_consent_are_told() -> None:
    assert [reason for _, _, reason in take("ok", None, "soon")] == [
        "bad_consent_action",
        "no_consent_category",
        "bad_valid_until",
    ]


def test_columns_of_other_names_and_static_values() -> None:
    """The attribute has the rule, whatever its column is called."""
    rules = [
        *RULES,
        {"from": "what", "to": "category"},
        {"to": "action", "value": "accept"},
        {"from": "till", "to": "valid_until"},
    ]
    cells = {"id": ["1", "2"], "ts": ["1", "2"], "what": ["sms", None], "till": [None, "unlimited"]}
    mapped = apply(cells, rules, CONSENT)
    assert faults(mapped) == {
        10: [("till", None, "no_valid_until")],
        20: [("what", None, "no_consent_category")],
    }
    wrong = [*rules[:3], {"to": "action", "value": "Accept"}]
    cells = {"id": ["1"], "ts": ["1"], "what": ["sms"]}
    assert faults(apply(cells, wrong, CONSENT)) == {
        10: [("action", "Accept", "bad_consent_action")]
    }
    without = [*rules[:3], {"to": "action", "value": "accept"}]
    assert faults(apply(cells, without, CONSENT)) == {10: [("valid_until", None, "no_valid_until")]}


def test_a_static_time() -> None:
    rules = [*RULES, {"to": "valid_until", "type": "datetime", "value": "2027-01-31"}]
    cells = {"id": ["1"], "ts": ["1"], "action": ["accept"], "category": ["sms"]}
    assert apply(cells, rules, CONSENT).rows["attr:valid_until"].to_list() == [
        dt.datetime(2027, 1, 31)
    ]


@pytest.mark.parametrize("name", ["action", "category"])
def test_without_its_columns_the_file_is_refused(name: str) -> None:
    header = [one for one in ("id", "ts", "action", "category", "valid_until") if one != name]
    with pytest.raises(FileRefused, match=name) as caught:
        build(header, RULES, CONSENT)
    assert caught.value.reason == "no_consent_column"


def test_typed_columns_that_are_no_texts_are_refused() -> None:
    """As a database gives them."""
    with pytest.raises(FileRefused, match="comes as integer") as caught:
        Mapping.build(
            spec(RULES, CONSENT),
            project(),
            "UTC",
            ["id", "ts", "action", "category"],
            "a.csv",
            kinds={"action": "integer"},
        )
    assert caught.value.reason == "bad_consent_type"


def test_typed_times() -> None:
    """As a database gives them: null is no time."""
    header = ["id", "ts", "action", "category", "valid_until"]
    mapping = Mapping.build(
        spec(RULES, CONSENT), project(), "UTC", header, "a.csv", kinds={"valid_until": "datetime"}
    )
    cells = {"id": ["1", "2"], "ts": ["1", "2"], "action": ["accept"] * 2, "category": ["sms"] * 2}
    records = block({**cells, "valid_until": [None, None]})
    times = pl.Series("valid_until", [dt.datetime(2027, 1, 31), None], dtype=pl.Datetime("us"))
    mapped = mapping.apply(
        type(records)(
            records.frame.with_columns(times),
            records.record,
            records.line,
            records.raw,
            records.rejects,
        )
    )
    assert faults(mapped) == {20: [("valid_until", None, "no_valid_until")]}


def test_other_events_are_free_in_their_attributes() -> None:
    cells = {"id": ["1"], "ts": ["1"], "action": ["ok"], "category": [None]}
    assert apply(cells, RULES, {"events": "Consent"}).rows.height == 1
