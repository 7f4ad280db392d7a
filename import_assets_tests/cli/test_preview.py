"""`preview`: nothing is imported, and what would be is shown (M014, M031)."""

from __future__ import annotations

import gzip
import random
import re
from pathlib import Path

import pytest

from import_assets_tests.cli.shop import Shop


def test_the_newest_delivery_as_it_would_be_imported(shop: Shop):
    (seen,) = shop.json("preview", "clients", "--rows", "1")
    assert seen["delivery"] == "clients_2.csv"
    assert (seen["delimiter"], seen["encoding"]) == (",", "utf-8")
    assert [(one["column"], one["becomes"], one["name"]) for one in seen["columns"]] == [
        ("id", "identifier", "registered"),
        ("fn", "attribute", "first_name"),
        ("birthday", "attribute", "birthday"),
    ]
    assert seen["rows"] == [
        {
            "record": 1,
            "identifiers": {"registered": "1"},
            "attributes": {"first_name": "Hana", "birthday": "1990-01-31"},
        }
    ]
    assert not (shop.root / "data").exists()


def test_rejects_and_their_reasons(shop: Shop):
    (seen,) = shop.json("preview", "clients", "--file", "clients_1.csv")
    assert [(one["line"], one["faults"][0]["reason"]) for one in seen["rejects"]] == [
        (3, "impossible_date")
    ]
    text = shop.call("preview", "clients", "--file", "clients_1.csv").stdout
    assert "1 rejected among the first 3 records" in text
    assert "(impossible_date)\t2,Eva,31.2.1990" in text


def test_as_many_records_are_looked_at_as_are_said_or_asked_for(shop: Shop):
    """Also where they are long, and a block of the reader holds few of them."""
    long = "x" * 20_000
    lines = [f"{number},{long},{'soon' if number == 990 else ''}\n" for number in range(1, 1_101)]
    shop.write("exports/clients_9.csv", "id,fn,birthday\n" + "".join(lines[:800]))
    shop.write(
        "exports/clients_8.csv",
        "id,fn,birthday\n" + "".join(line.replace(long, "") for line in lines),
    )
    (seen,) = shop.json("preview", "clients", "--file", "clients_8.csv", "--rows", "1050")
    assert (seen["looked_at"], len(seen["rows"])) == (1_050, 1_049)
    (seen,) = shop.json("preview", "clients", "--file", "clients_9.csv", "--rows", "0")
    assert seen["looked_at"] == 800
    file = shop.write("long.csv", "id,fn,birthday\n" + "".join(lines))
    (seen,) = shop.json("preview", "clients", "--file", str(file))
    assert (seen["looked_at"], [one["record"] for one in seen["rejects"]]) == (1_000, [990])
    (seen,) = shop.json("preview", str(file), "--rows", "1100")
    assert (seen["looked_at"], len(seen["rows"])) == (1_100, 1_100)


@pytest.mark.parametrize("packed", [False, True])
def test_where_the_fetched_beginning_has_fewer_records_it_is_said(shop: Shop, packed: bool):
    letters = random.Random(1).randbytes(26_000_000).hex().encode()
    lines = [b"%d,%s,\n" % (at, letters[at : at + 52_000]) for at in range(0, 52_000_000, 52_000)]
    content = b"id,fn,birthday\n" + b"".join(lines)
    shop.write("exports/clients_9.csv", gzip.compress(content, 1) if packed else content)
    result = shop.call("preview", "clients", "--rows", "0")
    looked = re.search(r"No record rejected among the first (\d+)\.", result.stdout)
    assert looked, result.output
    assert 300 < int(looked[1]) < 1_000
    assert f"no more than these {looked[1]} records were looked at" in result.stderr
    assert "16,777,216 bytes" in result.stderr


def test_m031_attributes_that_the_table_has_are_told_from_new_ones(imported: Shop):
    imported.write("exports/clients_9.csv", "id;fn;birthday;city\n1;Anna;;Žilina\n")
    (seen,) = imported.json("preview", "clients")
    places = {one["column"]: one["in_table"] for one in seen["columns"]}
    assert places == {"id": None, "fn": "there", "birthday": "there", "city": "new"}
    assert seen["unmapped"] == ["city"]


def test_missing_columns_are_said(shop: Shop, tmp_path: Path):
    file = tmp_path / "any name.csv"
    file.write_text("id\n1\n", encoding="utf-8")
    result = shop.call("preview", "clients", "--file", str(file))
    assert result.exit_code == 0
    assert "the file has no column fn, birthday" in result.stderr


def test_events_have_their_time(shop: Shop):
    (seen,) = shop.json("preview", "orders", "--file", "orders_1.csv")
    assert seen["rows"][0]["timestamp"] == "2023-11-14T22:13:20"
    assert "timestamp (UTC)" in shop.call("preview", "orders").stdout


def test_pasted_text(shop: Shop):
    (seen,) = shop.json("preview", "signups")
    assert (seen["delivery"], len(seen["rows"])) == ("paste", 1)
    (seen,) = shop.json("preview", "signups", "--file", "-", typed="web_cookie\na\nb\n")
    assert len(seen["rows"]) == 2


def test_any_file_as_it_is_written(shop: Shop, tmp_path: Path):
    file = tmp_path / "unknown.csv"
    file.write_bytes("meno;mesto\nÁňa;Žilina\nIvo\n".encode("cp1250"))
    (seen,) = shop.json("preview", str(file), "--encoding", "cp1250")
    assert (seen["delimiter"], seen["encoding"]) == (";", "cp1250")
    assert seen["header"] == ["meno", "mesto"]
    assert seen["rows"] == [{"record": 1, "line": 2, "cells": ["Áňa", "Žilina"]}]
    assert seen["rejects"][0]["faults"][0]["reason"] == "too_few_cells"
    text = shop.call("preview", str(file), "--encoding", "cp1250", "--delimiter", "|").stdout
    assert "delimiter `|`, encoding cp1250" in text


def test_what_the_columns_of_a_file_could_be(shop: Shop, tmp_path: Path):
    """M014, M036: what fits, what does not, and what is open."""
    file = tmp_path / "unknown.csv"
    lines = [f"{n},{n}.5,02/04/2017,00{n}\n" for n in range(1, 41)]
    file.write_text("n,price,day,zip\n" + "".join(lines) + "41,?,03/04/2017,7\n", encoding="utf-8")
    (seen,) = shop.json("preview", str(file))
    columns = {one["column"]: one["proposal"] for one in seen["columns"]}
    assert [columns[name]["type"] for name in ("n", "price", "day", "zip")] == [
        "integer",
        "number",
        "text",
        "text",
    ]
    assert columns["price"]["misfits"] == ["?"]
    assert 0.97 < columns["price"]["share"] < 0.98
    assert columns["day"]["question"].startswith("is 02/04/2017 the 2nd of April")
    assert [one["answer"] for one in columns["day"]["answers"]] == ["day-first", "month-first"]
    text = shop.call("preview", str(file)).stdout
    assert "price\tnumber, 97%\t41\t?\t" in text


def test_m036_what_a_definition_leaves_as_text_could_be_more(shop: Shop):
    """M036"""
    shop.write("exports/clients_9.csv", "id,fn,birthday,visits,paid\n1,Anna,,7,02/04/2017\n")
    (seen,) = shop.json("preview", "clients")
    proposals = {one["column"]: one["proposal"] for one in seen["columns"]}
    assert [proposals[name] for name in ("id", "fn", "birthday")] == [None, None, None]
    assert (proposals["visits"]["type"], proposals["visits"]["share"]) == ("integer", 1.0)
    assert proposals["paid"]["question"].startswith("is 02/04/2017")
    assert (
        "visits\tattribute\tvisits\ttext\t\tnew\tinteger, 100%"
        in shop.call("preview", "clients").stdout
    )


def test_a_file_needs_no_project(tmp_path: Path):
    file = tmp_path / "some.csv"
    file.write_text("a\tb\n1\t2\n", encoding="utf-8")
    result = Shop(tmp_path / "nowhere").call("preview", str(file))
    assert result.exit_code == 0, result.output
    assert "delimiter tab" in result.stdout


def test_what_cannot_be_shown_is_said(shop: Shop, tmp_path: Path):
    for words, sentence in (
        (["client"], "no import and no file 'client'; did you mean clients?"),
        (["clients", "--file", "clients_8.csv"], "did you mean clients_"),
        (["clients", "--delimiter", "x"], "'x' is not allowed"),
        (["clients", "--encoding", "utf-7"], "'utf-7' is not allowed"),
        (["partners"], "name one with --file"),
    ):
        result = shop.call("preview", *words)
        assert result.exit_code == 2
        assert sentence in result.stderr
    (tmp_path / "empty.csv").write_bytes(b"")
    result = shop.call("preview", str(tmp_path / "empty.csv"))
    assert result.exit_code == 2
    assert "(empty_file)" in result.stderr


def test_a_wrong_definition_is_said_with_its_place(shop: Shop):
    shop.define("clients", "kind: customers\n")
    result = shop.call("preview", "clients")
    assert result.exit_code == 2
    assert "imports/clients.yaml:1:1" in result.stderr
