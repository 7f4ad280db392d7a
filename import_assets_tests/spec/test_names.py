"""Names that users choose (M056, D39)."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from import_assets.spec.names import (
    AttributeName,
    PoolName,
    TableName,
    attribute_name_fault,
    case_clashes,
    check_import_name,
    import_name_fault,
)


@pytest.mark.parametrize("name", ["a", "crm_customers", "a1", "x" * 100])
def test_names_of_imports(name: str):
    assert check_import_name(name) == name
    assert import_name_fault(name) is None


@pytest.mark.parametrize("name", ["", "A", "1a", "_a", "a-b", "a b", "a.b", "é", "a\n", "x" * 101])
def test_names_that_no_import_has(name: str):
    with pytest.raises(ValueError, match="lower-case letters"):
        check_import_name(name)


@pytest.mark.parametrize(
    "name", ["purchase", "Purchase item", "nákup", "a.b", "10%", "日本", "a\\b"]
)
def test_m056_event_names_are_free(name: str):
    assert TypeAdapter(TableName).validate_python(name) == name


@pytest.mark.parametrize("name", ["", " a", "a ", "a/b", 'a"b', "a\x00", "a\n", "_a", "é" * 101])
def test_what_no_table_can_be_called(name: str):
    for kind in (TableName, PoolName):
        with pytest.raises(ValidationError):
            TypeAdapter(kind).validate_python(name)


def test_d39_pools_have_no_white_space():
    assert TypeAdapter(PoolName).validate_python("10%Discount") == "10%Discount"
    with pytest.raises(ValidationError, match="white space"):
        TypeAdapter(PoolName).validate_python("10% Discount")


def test_attributes():
    assert attribute_name_fault("first name/alias") is None
    assert attribute_name_fault("_row") is not None
    assert attribute_name_fault("") is not None
    with pytest.raises(ValidationError):
        TypeAdapter(AttributeName).validate_python('a"b')


def test_names_that_sql_does_not_tell_apart():
    assert case_clashes(["a", "A", "b", "a", "É", "é"]) == [("a", "A"), ("É", "é")]
    assert case_clashes(["straße", "strasse"]) == []
