"""`fail_above`: a delivery with too many rejects is refused as a whole, and they can be had."""

from __future__ import annotations

from pathlib import Path

import pytest

from import_assets.tables.threshold import TooManyRejects
from import_assets.warehouse import ledger, refusals
from import_assets_tests.test_pipeline import CUSTOMERS, Yard

FILE = "id,web,age\n1,c1,5\n2,c2,secret\n3,c3,7\n4,c4,8\n"


def test_above_it_nothing_comes_in_and_the_sentence_says_why(tmp_path: Path) -> None:
    yard = Yard(tmp_path, CUSTOMERS + "fail_above: 20%\n")
    yard.put(FILE)
    with pytest.raises(TooManyRejects, match=r"rejected, 25\.0%") as tried:
        yard.dry_run()
    assert yard.rows("SELECT count(*) FROM import_assets.refused_rejects") == [(0,)]
    with pytest.raises(TooManyRejects) as caught:
        yard.deliver()
    assert str(caught.value) == str(tried.value)
    assert caught.value.reason == "too_many_rejects"
    for part in ("allows 20%", "not_an_integer (1)", "line 3, column 'age', value 'secret'"):
        assert part in str(caught.value)
    kept = yard.rows("SELECT key, record, line, cells FROM import_assets.refused_rejects")
    assert kept == [("a.csv", 2, 3, ["2", "c2", "secret"])]
    with yard.warehouse.read() as connection:
        assert set(refusals.of_import(connection, "it")) == {"a.csv"}
        assert ledger.entries(connection, "it") == []
    assert yard.staged == 0


def test_at_the_limit_it_comes_in_and_the_refusal_is_forgotten(tmp_path: Path) -> None:
    yard = Yard(tmp_path, CUSTOMERS + "fail_above: 20%\n")
    yard.put(FILE)
    with pytest.raises(TooManyRejects):
        yard.deliver()
    yard.define(CUSTOMERS + "fail_above: 25%\n")
    assert yard.deliver().counts.rejected == 1
    assert yard.rows("SELECT count(*) FROM import_assets.refused_rejects") == [(0,)]
