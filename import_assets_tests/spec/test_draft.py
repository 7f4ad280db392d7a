"""The text of a drafted definition says what the draft says, whatever stands in its texts."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from import_assets.spec.document import read_document
from import_assets.spec.draft import Draft, Line, attribute_names, draft_text
from import_assets.spec.models import ImportSpec
from import_assets.spec.names import attribute_name_fault

_SOURCE = {"storage": {"folder": "in", "files": "a.csv"}}
_TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)


def read(draft: Draft) -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "a.yaml"
        file.write_text(draft_text(draft), encoding="utf-8")
        return read_document(file).value


@given(texts=st.lists(_TEXT, min_size=1, max_size=5), comment=_TEXT, ask=_TEXT)
@settings(max_examples=150, deadline=None)
def test_texts_come_back_as_they_are(texts: list[str], comment: str, ask: str) -> None:
    rules = [Line({"from": text, "value": text}, comment, ask) for text in texts]
    draft = Draft(
        [comment, ask],
        {"events": texts[0]},
        _SOURCE,
        "csv",
        {"delimiter": Line(texts[0], comment), "header": Line(False, ask)},
        Line(texts[-1], comment),
        rules,
        left_out=[comment],
    )
    value = read(draft)
    assert value["kind"] == {"events": texts[0]}
    assert value["format"] == {"csv": {"delimiter": texts[0], "header": False}}
    assert value["timezone"] == texts[-1]
    assert value["columns"] == [{"from": text, "value": text} for text in texts]


@pytest.mark.parametrize(
    "text",
    ["007", "1", "true", "null", "~", "a: b", "a #b", "- a", "&a", "{a}", "[a]", "a, b", "'a'",
     '"a"', "a\\b", "%d.%m.%Y", "1 234,56", "|", ";", "\t", "on", "yes/no", "@a", "`", "!a", "*a",
     "? a", "a\u2028b", "\ufeff", " a ", "a  b", "ä", "=1+1", "\x85"],
)  # fmt: skip
def test_texts_that_yaml_could_take_for_something_else(text: str) -> None:
    assert read(Draft([], "customers", _SOURCE, columns=[Line({"from": text})]))["columns"] == [
        {"from": text}
    ]


def test_the_order_and_look_of_a_definition() -> None:
    draft = Draft(
        ["Drafted from a.csv."],
        {"events": "sale"},
        _SOURCE,
        "csv",
        {"delimiter": Line(";", "99% sure")},
        Line("UTC"),
        [
            Line({"from": "id", "id": "registered"}, "by its name"),
            Line({"from": "d"}, "02/04/2017", "day or month first?"),
        ],
        left_out=["x"],
    )
    assert (
        draft_text(draft)
        == """\
# Drafted from a.csv.
kind: {events: sale}
source:
  storage: {folder: in, files: a.csv}
format:
  csv:
    delimiter: ";"  # 99% sure
timezone: UTC
columns:
  - {from: id, id: registered}  # by its name
  # ASK: day or month first?
  - {from: d}                   # 02/04/2017
# not imported: x
"""
    )


@given(
    names=st.lists(_TEXT.filter(str.strip), max_size=8, unique_by=str.strip),
    taken=st.lists(_TEXT, max_size=3),
)
@settings(max_examples=150, deadline=None)
def test_m032_every_column_gets_a_name_that_an_attribute_can_have(
    names: list[str], taken: list[str]
) -> None:
    """M032, M041"""
    reserved = ("customer_id", "registered")
    renamed = attribute_names(names, reserved, taken)
    found = [renamed.get(name, name.strip()) for name in names]
    assert all(attribute_name_fault(name) is None for name in found)
    assert len({name.lower() for name in found}) == len(found)
    assert not {name.lower() for name in found} & set(reserved)


def test_m032_names_are_left_alone_where_they_can_be() -> None:
    """M032"""
    renamed = attribute_names(["Name", "_x", "name", "customer_id", "a b"], ["customer_id"])
    assert renamed == {
        "_x": "x",
        "name": "name_2",
        "customer_id": "original_customer_id",
    }
    rules = [{"from": "i", "id": "registered"}, *({"from": k, "to": v} for k, v in renamed.items())]
    ImportSpec.model_validate({"kind": "customers", "source": _SOURCE, "columns": rules})
