"""The id of a batch says which delivery under which definition it is (D01, M027)."""

from __future__ import annotations

import datetime as dt

import pytest
from pydantic import ValidationError

from import_assets.staging.manifest import Manifest, batch_id
from import_assets_tests.builders import manifest

START = ("crm", "a.csv", "f1", "d1", None)


def test_pinned_id() -> None:
    """A change of it would import every remembered file again."""
    assert batch_id(*START) == "2c413fe137bd023b00299408"
    assert batch_id("crm", "ž/ň.csv", "f1", "d1", "2026-07-01T06:00") == "1822ea7212415ef4d6ab80e8"


def test_each_part_makes_another_batch() -> None:
    """M027: also the occasion on which the same file is taken again."""
    others = [
        ("crm2", "a.csv", "f1", "d1", None),
        ("crm", "b.csv", "f1", "d1", None),
        ("crm", "a.csv", "f2", "d1", None),
        ("crm", "a.csv", "f1", "d2", None),
        ("crm", "a.csv", "f1", "d1", "s"),
        ("crm", "a.csv", "f1", "d1", ""),
        ("crma.csv", "", "f1", "d1", None),
        ('crm","a.csv', "f1", "d1", "", None),
    ]
    ids = {batch_id(*parts) for parts in [START, *others]}
    assert len(ids) == 1 + len(others)


def test_a_manifest_comes_back_from_its_text() -> None:
    whole = manifest(
        table=("events", "a sale"),
        modified=dt.datetime(2026, 1, 1, 0, 0, 0, 1),
        attributes=(("total", "number"), ("tags", "long text")),
        searchable=("title",),
    )
    assert Manifest.model_validate_json(whole.model_dump_json()) == whole


def test_a_manifest_of_another_version_is_not_taken() -> None:
    text = manifest().model_dump_json()
    with pytest.raises(ValidationError):
        Manifest.model_validate_json(text.replace('"slot"', '"spot"'))
