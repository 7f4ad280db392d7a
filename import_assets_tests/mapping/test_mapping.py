"""Blocks of records through the rules of an import."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
import pytest

from import_assets.errors import FileRefused
from import_assets.mapping.identifiers import suspicious_ids
from import_assets.mapping.mapping import Attribute, Mapping
from import_assets.records import REJECTS, Fault, Reject, rejects_frame
from import_assets_tests.mapping.building import apply, block, build, faults, project, spec

ID = {"from": "id", "id": "registered"}
TS = {"from": "ts", "timestamp": True}
PURCHASE = {"events": "purchase"}
PRODUCTS = {"catalog": "products", "product": True}


def refused(*args: Any, **kwargs: Any) -> FileRefused:
    with pytest.raises(FileRefused) as caught:
        build(*args, **kwargs)
    assert caught.value.file == "a.csv"
    return caught.value


# --- columns ------------------------------------------------------------------------------------


def test_sample_customers_file_m046_m005_m041() -> None:
    mapped = apply(
        {
            "id": ["1", "2"],
            "fn": ["Ján", None],
            "email": ["a@x.sk", "b@x.sk"],
            "birthday": ["28.9.1996", None],
            "internal_note": ["x", "y"],
        },
        [
            ID,
            {"from": "fn", "to": "first_name"},
            {"from": "birthday", "type": "date"},
            {"from": "internal_note", "discard": True},
            {"to": "source", "value": "crm"},
        ],
    )
    assert mapped.rejects.is_empty()
    assert mapped.rows.to_dicts() == [
        {
            "_row": 10,
            "id:registered": "1",
            "attr:first_name": "Ján",
            "attr:email": "a@x.sk",
            "attr:birthday": dt.date(1996, 9, 28),
            "attr:source": "crm",
        },
        {
            "_row": 20,
            "id:registered": "2",
            "attr:first_name": None,
            "attr:email": "b@x.sk",
            "attr:birthday": None,
            "attr:source": "crm",
        },
    ]


def test_sample_purchase_file_m063_m060() -> None:
    mapped = apply(
        {
            "id": ["7"],
            "ts": ["1596615705"],
            "purchase_id": ["P1"],
            "total": ["12.90"],
            "count": ["3"],
        },
        [ID, TS, {"from": "total", "type": "number"}, {"from": "count", "type": "integer"}],
        PURCHASE,
    )
    assert mapped.rows.schema == pl.Schema(
        {
            "_row": pl.Int64(),
            "id:registered": pl.String(),
            "_timestamp": pl.Datetime("us"),
            "attr:purchase_id": pl.String(),
            "attr:total": pl.Float64(),
            "attr:count": pl.Int64(),
        }
    )
    assert mapped.rows.row(0) == (10, "7", dt.datetime(2020, 8, 5, 8, 21, 45), "P1", 12.9, 3)


def test_what_the_delivery_carries_m042_d18() -> None:
    """Columns the file lacks are no attributes of the delivery; those without a rule are text."""
    mapping = build(
        ["new", "id", " age "],
        [
            ID,
            {"from": "age", "type": "integer"},
            {"from": "gone", "to": "left"},
            {"from": "junk", "discard": True},
            {"to": "tags", "value": "a|b", "type": "list", "format": "|"},
        ],
    )
    assert mapping.attributes == (
        Attribute("new", "text"),
        Attribute("age", "integer"),
        Attribute("tags", "list"),
    )
    assert mapping.identifiers == ("registered",)
    assert mapping.missing == ("gone",)
    assert mapping.unmapped == ("new",)
    mapped = mapping.apply(block({"new": ["x"], "id": ["1"], " age ": ["5"]}))
    assert mapped.rows.rows() == [(10, "1", "x", 5, ["a", "b"])]


def test_a_column_can_be_identifier_and_attribute_m035() -> None:
    mapped = apply(
        {"id": [" 007 ", "x"]},
        [ID | {"to": "crm_id", "type": "integer"}],
        identifiers={"registered": {"hard": True, "trim": True}},
    )
    assert mapped.rows.rows() == [(10, "007", 7)]
    assert faults(mapped) == {20: [("id", "x", "not_an_integer")]}


def test_vouchers_have_a_trimmed_code_and_ignore_other_columns_d39() -> None:
    mapping = build(["code", "note"], [{"from": "code", "id": "code"}], {"vouchers": "SUMMER10"})
    assert (mapping.attributes, mapping.unmapped) == ((), ("note",))
    mapped = mapping.apply(block({"code": [" A b ", "  ", None], "note": ["x", "y", "z"]}))
    assert mapped.rows.rows() == [(10, "A b")]
    assert mapped.rows.columns == ["_row", "id:code"]
    assert faults(mapped) == {
        20: [("code", "  ", "missing_id")],
        30: [("code", None, "missing_id")],
    }


def test_static_values_are_typed_in_the_zone_of_the_import_m005_m059() -> None:
    rules = [ID, {"to": "since", "value": "2024-07-01", "type": "datetime"}]
    mapped = apply({"id": ["1", "2"]}, rules, timezone="Europe/Bratislava")
    assert mapped.rows["attr:since"].to_list() == [dt.datetime(2024, 6, 30, 22)] * 2
    assert apply({"id": []}, rules).rows.schema["attr:since"] == pl.Datetime("us")


def test_an_empty_static_value_is_null() -> None:
    mapped = apply({"id": ["1"]}, [ID, {"to": "n", "value": "", "type": "number"}])
    assert mapped.rows.rows() == [(10, "1", None)]


# --- headers that cannot be used ----------------------------------------------------------------


def test_no_identifier_column_m034() -> None:
    error = refused(["ID", "fn"], [ID, {"from": "c", "id": "cookie"}])
    assert error.reason == "no_identifier_column"
    assert "'id' or 'c'" in error.message
    assert "'ID', 'fn'" in error.message


def test_one_identifier_column_of_several_is_enough_m061() -> None:
    assert build(["c"], [ID, {"from": "c", "id": "cookie"}]).identifiers == ("cookie",)


def test_no_timestamp_column_m057() -> None:
    assert refused(["id", "time"], [ID, TS], PURCHASE).reason == "no_timestamp_column"


def test_a_catalog_needs_its_item_id_even_if_product_id_is_there_m075_d37() -> None:
    rules = [{"from": "sku", "id": "item_id"}, {"from": "parent", "id": "product_id"}]
    assert refused(["parent", "title"], rules, PRODUCTS).reason == "no_identifier_column"
    assert build(["sku", "title"], rules, PRODUCTS).identifiers == ("item_id",)


@pytest.mark.parametrize(
    ("header", "kind", "named"),
    [
        (["id", ""], "customers", "column 2"),
        (["id", "_batch"], "customers", "'_batch'"),
        (["id", 'a"b'], "customers", "column 2"),
        (["id", "x" * 201], "customers", "column 2"),
        (["id", "customer_id"], "customers", "'customer_id'"),
        (["id", "Cookie"], "customers", "'Cookie'"),
        (["id", "ts", "Timestamp"], PURCHASE, "'Timestamp'"),
        (["id", "email", "Email"], "customers", "'Email'"),
        (["id", "a", "a "], "customers", "'a'"),
        (["id", "First_Name", "fn"], "customers", "'First_Name' and 'fn'"),
        (["id", "Source"], "customers", "'Source'"),
    ],
)
def test_names_that_cannot_be_attributes(header: list[str], kind: Any, named: str) -> None:
    rules = [ID, {"from": "fn", "to": "first_name"}, {"to": "source", "value": "crm"}]
    error = refused(header, [*rules, TS] if kind == PURCHASE else rules, kind)
    assert error.reason == "bad_column_name"
    assert named in error.message


def test_two_columns_that_fill_one_attribute_are_both_named_m041() -> None:
    message = refused(["id", "a", "b"], [ID, {"from": "a", "to": "b"}]).message
    assert "columns 'a' and 'b' would both fill attribute 'b'; rename one" in message
    assert "case" not in message
    message = refused(["id", "email", "Email"], [ID]).message
    assert "columns 'email' and 'Email'" in message
    assert "differ only by case" in message
    message = refused(["id", "source"], [ID, {"to": "source", "value": "crm"}]).message
    assert "the static value and column 'source' would both fill attribute 'source'" in message


AGE = {"from": "Age", "to": "age", "type": "integer"}
COMPOSED, DECOMPOSED = "m\u00e9no", "me\u0301no"


@pytest.mark.parametrize(
    ("rule", "found", "said"),
    [
        (AGE, "age", "expects column 'Age' (for attribute 'age'), the file has 'age'"),
        (AGE, " AGE ", "expects column 'Age' (for attribute 'age'), the file has ' AGE '"),
        ({"from": "a", "to": "Age"}, "age", "'a' (for attribute 'Age'), the file has 'age'"),
        ({"from": "a", "to": COMPOSED}, DECOMPOSED, "and no 'a'; mend `from:`"),
        ({"from": "Note", "discard": True}, "note", "'Note' (to discard it), the file has 'note'"),
        ({"from": COMPOSED, "discard": True}, DECOMPOSED, "written with different characters"),
        ({"from": DECOMPOSED, "to": "name"}, COMPOSED, "written with different characters"),
        ({"from": COMPOSED}, DECOMPOSED.upper(), "by case, and are written with different"),
        ({"from": "C", "id": "cookie"}, "c", "'C' (for identifier 'cookie'), the file has 'c'"),
    ],
)
def test_a_misnamed_column_does_not_become_a_text_attribute_m041_m042(
    rule: dict[str, Any], found: str, said: str
) -> None:
    """Its values would lock the wrong type, or come in although the rule discards them."""
    error = refused(["id", found], [ID, rule])
    assert error.reason == "bad_column_name"
    assert "column 2" in error.message
    assert said in error.message
    assert "from:" in error.message


def test_columns_that_only_resemble_present_ones_keep_their_names_m042() -> None:
    rules = [ID, {"from": "Note", "discard": True}, AGE, {"from": "gone", "type": "date"}]
    assert build(["id", "Note", "note", "Age"], rules).unmapped == ("note",)
    rules.append({"from": "age", "to": "years"})
    assert build(["id", "age", "going"], rules).unmapped == ("going",)


def test_vouchers_ignore_misnamed_columns_d39() -> None:
    rules = [{"from": "code", "id": "code"}, {"from": "Note", "discard": True}]
    assert build(["code", "note"], rules, {"vouchers": "SUMMER10"}).unmapped == ("note",)


def test_missing_identifiers_and_timestamps_tell_of_near_misses_m034_m057() -> None:
    message = refused(["ID", "Id ", "fn"], [ID]).message
    assert "('id' and 'ID': they differ by case only)" in message
    assert "('id' and 'Id ': they differ by case only)" in message
    message = refused([DECOMPOSED], [{"from": COMPOSED, "id": "registered"}]).message
    assert "they look alike, but are written with different characters" in message
    assert "they" not in refused(["uid"], [ID]).message
    message = refused(["id", "TS"], [ID, TS], PURCHASE).message
    assert "('ts' and 'TS': they differ by case only)" in message


def test_bad_names_can_be_renamed_or_discarded() -> None:
    rules = [ID, {"from": "_x", "to": "x"}, {"from": "customer_id", "discard": True}]
    assert build(["id", "_x", "customer_id"], rules).attributes == (Attribute("x", "text"),)


def test_names_of_identifiers_are_free_in_events() -> None:
    assert build(["id", "ts", "cookie"], [ID, TS], PURCHASE).attributes == (
        Attribute("cookie", "text"),
    )


def test_a_static_value_that_is_not_of_its_type_refuses_the_file() -> None:
    error = refused(["id"], [ID, {"to": "n", "value": "x", "type": "number"}])
    assert error.reason == "bad_static_value"
    assert "'x'" in error.message
    rules = [{"from": "id", "id": "item_id"}, {"to": "n", "value": "xxxx"}]
    assert (
        refused(["id"], rules, {"catalog": "c"}, limits={"catalog_value_bytes": 3}).reason
        == "bad_static_value"
    )


# --- identifiers --------------------------------------------------------------------------------


def test_identifiers_come_in_the_project_s_order_trimmed_and_lowered_m061_m092_m093() -> None:
    mapped = apply(
        {"c": [" C1 ", None], "id": [" Ján@X.SK ", "\u00a0B "]},
        [{"from": "c", "id": "cookie"}, ID],
        identifiers={
            "registered": {"hard": True, "trim": True, "lowercase": True},
            "cookie": {"hard": False},
        },
    )
    assert mapped.rows.columns == ["_row", "id:registered", "id:cookie"]
    assert mapped.rows.rows() == [(10, "ján@x.sk", " C1 "), (20, "b", None)]


def test_an_identifier_of_white_space_is_absent_d18_m043() -> None:
    mapped = apply(
        {"id": ["1", " ", None, "\t"], "c": [None, "c2", "c3", "  "]},
        [ID, {"from": "c", "id": "cookie"}],
    )
    assert mapped.rows.rows() == [(10, "1", None), (20, None, "c2"), (30, None, "c3")]
    assert faults(mapped) == {40: [(None, None, "missing_id")]}
    message = mapped.rejects["faults"][0][0]["message"]
    assert message.startswith("No valid customer ID")
    assert "id, c" in message


@pytest.mark.parametrize(
    ("cell", "fits"),
    [
        ("x" * 256, True),
        ("x" * 257, False),
        ("á" * 128, True),
        ("á" * 129, False),
        (" " * 9 + "x" * 256, True),
    ],
)
def test_identifiers_have_256_bytes_after_trimming_m043_d20(cell: str, fits: bool) -> None:
    settings = {"registered": {"hard": True, "trim": True}, "cookie": {"hard": False}}
    mapped = apply(
        {"id": [cell], "c": ["good"]}, [ID, {"from": "c", "id": "cookie"}], identifiers=settings
    )
    assert mapped.rows.height == fits
    assert faults(mapped) == ({} if fits else {10: [("id", cell, "id_too_long")]})


def test_a_too_long_identifier_beside_a_good_one_rejects_all_the_same_d20() -> None:
    mapped = apply(
        {"id": ["1"], "c": ["x" * 5]},
        [ID, {"from": "c", "id": "cookie"}],
        limits={"id_bytes": 4},
    )
    assert faults(mapped) == {10: [("c", "xxxxx", "id_too_long")]}


def test_lower_case_can_have_more_bytes_than_the_cell_d20() -> None:
    settings = {"registered": {"hard": True, "lowercase": True}}
    mapped = apply({"id": ["İ" * 3]}, [ID], identifiers=settings, limits={"id_bytes": 6})
    assert faults(mapped) == {10: [("id", "İİİ", "id_too_long")]}


def test_a_product_catalog_with_product_id_only_uses_it_as_item_id_d37() -> None:
    mapped = apply({"p": ["1", " "]}, [{"from": "p", "id": "product_id"}], PRODUCTS)
    assert mapped.rows.columns == ["_row", "id:item_id", "id:product_id"]
    assert mapped.rows.rows() == [(10, "1", "1")]
    assert faults(mapped) == {20: [("p", " ", "missing_id")]}


def test_an_item_needs_its_item_id_and_keeps_it_exactly_m072() -> None:
    rules = [{"from": "sku", "id": "item_id"}, {"from": "p", "id": "product_id"}]
    mapped = apply({"sku": [" A1", None], "p": [None, "P"]}, rules, PRODUCTS)
    assert mapped.rows.rows() == [(10, " A1", None)]
    assert faults(mapped) == {20: [("sku", None, "missing_id")]}


def test_identifiers_that_differ_only_by_case_or_space_are_counted_d23() -> None:
    rows = apply(
        {"id": ["a", "A", " a", "b", "b"], "c": ["x", "y", "z", None, None]},
        [ID, {"from": "c", "id": "cookie"}],
    ).rows
    assert suspicious_ids(rows) == {"registered": 2}


# --- timestamps ---------------------------------------------------------------------------------


def test_every_event_needs_a_time_m057_m059() -> None:
    mapped = apply(
        {"id": ["1", "2", "3", "4"], "ts": ["2020-08-05", None, " ", "02/04/2017"]},
        [ID, TS],
        PURCHASE,
        timezone="Europe/Bratislava",
    )
    assert mapped.rows["_timestamp"].to_list() == [dt.datetime(2020, 8, 4, 22)]
    assert faults(mapped) == {
        20: [("ts", None, "missing_timestamp")],
        30: [("ts", " ", "missing_timestamp")],
        40: [("ts", "02/04/2017", "ambiguous_date")],
    }


def test_the_timestamp_can_have_a_format_d28() -> None:
    mapped = apply(
        {"id": ["1"], "ts": ["02/04/2017 10:00"]}, [ID, TS | {"format": "%d/%m/%Y %H:%M"}], PURCHASE
    )
    assert mapped.rows["_timestamp"].to_list() == [dt.datetime(2017, 4, 2, 10)]


def test_the_update_timestamp_of_customers_may_be_empty_b4() -> None:
    stamp = {"from": "at", "update_timestamp": True}
    mapped = apply(
        {"id": ["1", "2", "3"], "at": ["2020-08-05", None, "02/04/2017"]},
        [ID, stamp],
        timezone="Europe/Bratislava",
    )
    assert mapped.rows["_updated"].to_list() == [dt.datetime(2020, 8, 4, 22), None]
    assert faults(mapped) == {30: [("at", "02/04/2017", "ambiguous_date")]}
    assert build(["id", "at"], [ID, stamp]).attributes == ()


def test_a_file_without_the_update_timestamp_is_refused_b4() -> None:
    """It would overwrite what is newer."""
    error = refused(["id", "name"], [ID, {"from": "at", "update_timestamp": True}])
    assert error.reason == "no_timestamp_column"


# --- rejects ------------------------------------------------------------------------------------


def test_a_bad_record_lists_all_its_faults_in_order_of_columns_d31_m055() -> None:
    mapped = apply(
        {"n": ["1", "x", "3"], "id": ["1", "2", " "], "d": ["2020-01-01", " 6.1 ", "1.1.20"]},
        [{"from": "n", "type": "number"}, ID, {"from": "d", "type": "date"}],
    )
    assert mapped.rows["_row"].to_list() == [10]
    assert faults(mapped) == {
        20: [("n", "x", "not_a_number"), ("d", " 6.1 ", "not_a_date")],
        30: [("id", " ", "missing_id"), ("d", "1.1.20", "ambiguous_date")],
    }
    assert mapped.rejects["line"].to_list() == [200, 300]
    assert mapped.rejects["raw"].to_list() == ["raw 1", "raw 2"]
    for record in mapped.rejects["faults"]:
        assert all(fault["message"].endswith(".") for fault in record)


def test_rejects_of_the_format_are_kept_and_all_are_sorted_by_record() -> None:
    ragged = [
        Reject(record, record, "raw", [Fault("too_few_fields", "Mend the line.")])
        for record in (25, 5)
    ]
    records = block({"id": ["1", None, "3"]}, rejects_frame(ragged))
    mapped = build(["id"], [ID]).apply(records)
    assert mapped.rejects["record"].to_list() == [5, 20, 25]
    assert mapped.rejects.schema == pl.Schema(REJECTS)
    assert mapped.rows.height + mapped.rejects.height == records.read
    clean = build(["id"], [ID]).apply(block({"id": ["1"]}, rejects_frame(ragged)))
    assert clean.rejects["record"].to_list() == [5, 25]


def test_raw_text_is_asked_for_rejected_records_only() -> None:
    class NoRaw:
        def take(self, rows: Any) -> list[str]:
            raise AssertionError(rows)

    records = block({"id": ["1"]})
    records = type(records)(records.frame, records.record, records.line, NoRaw())
    assert build(["id"], [ID]).apply(records).rows.height == 1


@pytest.mark.parametrize("kind", ["customers", PURCHASE])
def test_a_block_without_records_gives_typed_empty_frames(kind: Any) -> None:
    rules = [ID, {"from": "tags", "type": "list"}, {"from": "n", "type": "json"}]
    cells: dict[str, list[str | None]] = {"id": [], "ts": [], "tags": [], "n": []}
    mapped = apply(cells, [*rules, TS] if kind == PURCHASE else rules, kind)
    assert mapped.rows.height == mapped.rejects.height == 0
    assert mapped.rows.schema["attr:tags"] == pl.List(pl.String)
    assert mapped.rejects.schema == pl.Schema(REJECTS)


def test_a_column_with_no_value_at_all_keeps_its_type() -> None:
    rules = [ID] + [{"from": n, "type": n} for n in ("list", "json", "datetime", "number")]
    cells: dict[str, list[str | None]] = {str(r["from"]): [None, " "] for r in rules}
    mapped = apply(cells | {"id": ["1", "2"]}, rules)
    assert mapped.rejects.is_empty()
    assert mapped.rows.dtypes[2:] == [
        pl.List(pl.String()),
        pl.String(),
        pl.Datetime("us"),
        pl.Float64(),
    ]


def test_lists_mixed_with_leftovers_keep_their_places() -> None:
    cells = ["[1]", "a|b", " [2] ", None, '["x", "y"]', "c", '["\\u0041"]', "  "]
    mapped = apply(
        {"id": [str(i) for i in range(8)], "l": cells},
        [ID, {"from": "l", "type": "list", "format": "|"}],
    )
    assert mapped.rows["attr:l"].to_list() == [
        ["1"], ["a", "b"], ["2"], None, ["x", "y"], ["c"], ["A"], None,
    ]  # fmt: skip


def test_empty_lists_are_empty_cells_d19_d50() -> None:
    cells = ["[]", "|", " [ ] ", None, "a", " | | ", '[""]', '["x"]']
    mapped = apply(
        {"id": [str(i) for i in range(8)], "l": cells},
        [
            ID,
            {"from": "l", "type": "list", "format": "|"},
            {"to": "s", "value": "[]", "type": "list"},
        ],
    )
    assert mapped.rejects.is_empty()
    assert mapped.rows["attr:l"].to_list() == [
        None, None, None, None, ["a"], None, [""], ["x"],
    ]  # fmt: skip
    assert mapped.rows["attr:s"].to_list() == [None] * 8


# --- catalogs -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("type_", "cell", "fits"),
    [
        ("text", "x" * 100, True),
        ("text", "x" * 101, False),
        ("text", "á" * 51, False),
        ("json", '"' + "x" * 98 + '"', True),
        ("json", '"' + "x" * 99 + '"', False),
        ("url", "//" + "x" * 99, False),
        ("number", "0" * 200, True),
        ("list", "|".join(["x"] * 24), True),
        ("list", "|".join(["x"] * 25), False),
        ("list", "|".join(['"'] * 16), True),
        ("list", "|".join(['"'] * 20), False),
        ("list", '["' + "\\u00e1" * 48 + '"]', True),
        ("list", '["' + "\\u00e1" * 49 + '"]', False),
    ],
)
def test_values_of_a_catalog_are_limited_in_bytes_m079_d35(
    type_: str, cell: str, fits: bool
) -> None:
    rule = {"from": "v", "type": type_} | ({"format": "|"} if type_ == "list" else {})
    mapped = apply(
        {"sku": ["1", "2"], "v": [cell, None]},
        [{"from": "sku", "id": "item_id"}, rule],
        {"catalog": "c"},
        limits={"catalog_value_bytes": 100},
    )
    assert mapped.rows.height == 1 + fits
    assert faults(mapped) == ({} if fits else {10: [("v", cell, "value_too_long")]})


def test_values_of_customers_are_not_limited() -> None:
    assert apply({"id": ["1"], "v": ["x" * 30_000]}, [ID]).rows.height == 1


def test_a_mapping_is_the_same_for_the_same_arguments() -> None:
    """Blocks of one file go through one mapping; none leaves a trace in it."""
    mapping = Mapping.build(spec([ID]), project(), "UTC", ["id"], "a.csv")
    first = mapping.apply(block({"id": ["1", None]}))
    second = mapping.apply(block({"id": ["1", None]}))
    assert first.rows.equals(second.rows)
    assert first.rejects.equals(second.rejects)
