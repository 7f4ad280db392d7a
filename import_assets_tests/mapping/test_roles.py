"""Which columns are proposed as identifiers and as the time of events (M034, M057, M072, D39)."""

from __future__ import annotations

from typing import Any

import polars as pl
from pydantic import TypeAdapter

from import_assets.mapping.proposals import propose
from import_assets.mapping.roles import Roles, Said, propose_roles
from import_assets.spec.models import Kind, ProjectSpec

_KINDS: TypeAdapter[Any] = TypeAdapter(Kind)


def roles(kind: Any, columns: dict[str, list[str | None]], said: Said | None = None) -> Roles:
    frame = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))
    proposals = {name: propose(frame[name]) for name in frame.columns}
    return propose_roles(
        frame, _KINDS.validate_python(kind), ProjectSpec(), proposals, said or Said()
    )


def ids(found: Roles) -> dict[str, str]:
    return {name: role.column for name, role in found.ids.items()}


def test_customers() -> None:
    """M034"""
    found = roles("customers", {"Name": ["a", "b"], "ID": ["1", "2"], "Web Cookie": ["x", "y"]})
    assert ids(found) == {"registered": "ID", "cookie": "Web Cookie"}
    assert found.open_id is None
    assert found.ids["registered"].why == "by its name; filled, and no value twice"
    assert ids(roles("customers", {"Email Address": ["a@b.c"], "n": ["1"]})) == {
        "registered": "Email Address"
    }


def test_a_soft_identifier_need_not_be_filled() -> None:
    """M061: what is called as an identifier of the project is that, however few rows have it."""
    found = roles("customers", {"registered": ["1", "2"], "cookie": ["c", None]})
    assert ids(found) == {"registered": "registered", "cookie": "cookie"}
    assert found.ids["cookie"].why == "by its name; it is empty in 1 of 2 rows"
    columns = {"registered": ["1", None], "cookie": [None, "c"], "timestamp": ["2026-01-01"] * 2}
    assert ids(roles({"events": "visit"}, columns)) == {
        "registered": "registered",
        "cookie": "cookie",
    }
    assert roles("customers", {"n": ["1", "1"], "cookie": ["c", None]}).open_id is not None


def test_values_must_bear_a_name_out() -> None:
    """M034: an id that is empty or repeats is passed over for one that is not."""
    columns = {"id": ["1", None], "customer_id": ["1", "1"], "email": ["a", "b"]}
    assert ids(roles("customers", columns)) == {"registered": "email"}
    found = roles("customers", {"id": ["1", "1"]})
    assert ids(found) == {}
    assert found.open_id is not None
    assert "id has 1 values in 2 rows" in found.open_id.text


def test_two_that_may_be_it_are_asked() -> None:
    found = roles("customers", {"client_id": ["1", "2"], "user_id": ["3", "4"]})
    assert found.open_id is not None
    assert found.open_id.columns == ("client_id", "user_id")
    found = roles("customers", {"a": ["1"]})
    assert found.open_id is not None
    assert found.open_id.text == "no column is called as identifiers are"


def test_catalogs() -> None:
    """M072, D37"""
    columns: dict[str, list[str | None]] = {
        "g:id": ["1", "2"], "g:item_group_id": ["a", "a"], "sku": ["s", "t"],
    }  # fmt: skip
    assert ids(roles({"catalog": "c", "product": True}, columns)) == {
        "item_id": "g:id",
        "product_id": "g:item_group_id",
    }
    assert ids(roles({"catalog": "c"}, columns)) == {"item_id": "g:id"}
    found = roles(
        {"catalog": "c", "product": True}, {"Handle": ["a", "a"], "Variant SKU": ["1", None]}
    )
    assert found.open_id is not None
    assert found.open_id.columns == ("Variant SKU", "Handle")


def test_vouchers() -> None:
    """D39"""
    assert ids(roles({"vouchers": "P"}, {"Promo": ["A", "B"]})) == {"code": "Promo"}
    assert ids(roles({"vouchers": "P"}, {"n": ["1", "2"], "Code": ["A", "B"]})) == {"code": "Code"}


def test_events() -> None:
    """M057: events of one customer repeat its id; the time is the column called so."""
    columns: dict[str, list[str | None]] = {
        "id": ["1", "2"], "customer_id": ["7", "7"], "paid": ["1.2.2024", "1.2.2024"],
        "timestamp": ["1700000000", "1700000001"],
    }  # fmt: skip
    found = roles({"events": "e"}, columns)
    assert ids(found) == {"registered": "customer_id"}
    assert found.timestamp is not None
    assert found.timestamp.column == "timestamp"
    assert found.open_timestamp is None


def test_the_number_of_an_event_is_no_customer() -> None:
    """M034"""
    found = roles({"events": "e"}, {"id": ["1", "2"], "ts": ["1700000000", "1700000001"]})
    assert found.open_id is not None
    assert "another value in every row" in found.open_id.text
    found = roles({"events": "e"}, {"id": ["1", "1"], "ts": ["1700000000", "1700000001"]})
    assert ids(found) == {"registered": "id"}


def test_times_of_events_that_are_not_clear() -> None:
    """M057"""
    columns: dict[str, list[str | None]] = {
        "email": ["a"], "from": ["1.2.2024"], "to": ["1.2.2024"],
    }  # fmt: skip
    found = roles({"events": "e"}, columns)
    assert found.open_timestamp is not None
    assert found.open_timestamp.text == "from or to may each be the time of the event"
    found = roles({"events": "e"}, {"email": ["a"], "ts": ["1596615705000"]})
    assert found.open_timestamp is not None
    assert "divide by 1000" in found.open_timestamp.text
    only = roles({"events": "e"}, {"email": ["a"], "when": ["1.2.2024"]})
    assert only.timestamp is not None
    assert only.timestamp.column == "when"


def test_what_was_said_is_not_questioned() -> None:
    said = Said({"registered": "a"}, "b")
    found = roles({"events": "e"}, {"a": ["1", None], "b": ["x", "y"]}, said)
    assert ids(found) == {"registered": "a"}
    assert found.timestamp is not None
    assert found.timestamp.column == "b"
