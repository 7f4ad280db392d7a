"""Quotes, headers and what stands before a table, one by one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from import_assets.errors import FileRefused
from import_assets.formats.detection.detect import Detected, detect_csv
from import_assets.spec.formats import CsvFormat
from import_assets_tests.formats.reading import read_csv


def detect(text: str, **csv: Any) -> Detected:
    return detect_csv(text.encode(), whole=True, said=CsvFormat(**csv))


@pytest.mark.parametrize(
    ("text", "quote"),
    [
        ('a,b\n"x, y",1\n"z",2\n', '"'),
        ("'a','b'\n'x, y','it''s'\n", "'"),
        ("a;b\nO'Neill;'t Hooft\nD'Arcy;'s\n", '"'),
        ('"a","b"\n"it\'s",\'tis\'\n', '"'),
        ('n;size\n1;"5 x 4\n2;"6 x 7\n', "none"),
        ("a,b\n1,2\n", '"'),
        ('a,b\n"x\ny",1\n', '"'),
        ("a,b\n'x\ny','1'\n'z','u'\n", "'"),
    ],
)
def test_quote(text: str, quote: str) -> None:
    """M084, M135: what closes the cells that it opens; an apostrophe alone is none."""
    assert detect(text).quote.value == quote


def test_an_apostrophe_now_and_then_is_no_quote() -> None:
    """M135: some cells happen to stand between apostrophes."""
    rows = "'s Gravenhage,x\n'wow',y\n'n Dorp,z\n'oui',u\n'non',v\n'k Weet,w\n"
    assert detect(f"town,note\n{rows}").quote.value == '"'


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("id,name,born\n1,Ann,1990-01-02\n2,Bob,1991-03-04\n", True),
        ("1,Ann,1990-01-02\n2,Bob,1991-03-04\n", False),
        ("Ann,ann@example.com\nBob,bob@example.com\n", False),
        ("who,mail address\nAnn,ann@example.com\nBob,bob@example.com\n", True),
        ("Ann;Paris;EUR\nBob;Rome;EUR\nCid;Paris;EUR\n", False),
        ("shop;amt\nRome;-1 234,50\nParis;12,00 EUR\n", True),
        ("x1,https://example.com/a\nx2,https://example.com/b\n", False),
        ("code\nA-100\nA-101\nA-102\n", True),
        ("A-100\nA-101\nA-102\n", False),
        ("id,,name\n1,,x\n2,,y\n", True),
        ("2024-01-01,5.5\n", False),
    ],
)
def test_header(text: str, header: bool) -> None:
    """M081: names stand over values of another shape; a first record like the others is one."""
    found = detect(text).header
    assert found.value is header, found
    assert found.confidence >= 0.6


def test_texts_over_texts_are_a_header_by_custom() -> None:
    """M081: nothing tells, so it is what files usually have, and is not sure."""
    found = detect("alpha,beta\nred,green\nblue,white\n").header
    assert found.value is True
    assert found.confidence < 0.6
    assert "usually" in found.why


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    ("before", "lines"),
    [
        ("Statement of account\n", 1),
        ("Statement of account\n\n", 2),
        ("Account: SK89 0000\nPeriod 02/2026\n\n\n", 4),
        ("Statement@@\n", 1),
        ("Statement@@\n@@\n", 2),
        ("", 0),
        ("\n\n", 0),
    ],
)
def test_preamble(delimiter: str, before: str, lines: int) -> None:
    """M081: lines of fewer cells before the table; blank ones alone are skipped anyway."""
    text = before + "date@payer@sum\n2026-02-01@Ann@12.5\n2026-02-03@Bob@7\n2026-02-03@Cid@8\n"
    found = detect(text.replace("@", delimiter))
    assert found.skip_lines.value == lines, found.skip_lines.why
    assert found.delimiter.value == delimiter
    assert found.header.value is True


def test_preamble_with_another_delimiter_in_it() -> None:
    """D14: the first line is cut by commas, as are the amounts, but the table by semicolons."""
    text = "Account: SK89, Ann Lee\n\ndate;amount;payer\n01.02.2026;1,50;Bob\n02.02.2026;2,00;Cid\n"
    found = detect(text)
    assert (found.skip_lines.value, found.delimiter.value) == (2, ";")
    assert '"Account: SK89, Ann Lee"' in found.skip_lines.why
    assert "line 3" in found.skip_lines.why


@pytest.mark.parametrize(
    "text", ["a,b\n1,2,\n3,4,\n", "note\nhello, world\nhi, there\n", "a,b,c\n1,2\n3,4\n"]
)
def test_a_short_header_is_no_preamble(text: str) -> None:
    """D17: a header is not passed over because the records have other numbers of cells."""
    assert detect(text).skip_lines.value == 0


@pytest.mark.parametrize("line", ["sep=;\r\n", '"sep=;"\n', "SEP=;\n"])
def test_excels_first_line_names_the_delimiter(line: str) -> None:
    """D14: and is no header, even where commas would cut the table better."""
    found = detect(line + "a,b;c\n1,2;3\n")
    assert (found.delimiter.value, found.delimiter.confidence) == (";", 1.0)
    assert found.skip_lines.value == 1
    assert detect(line + "Title\n\na;b;c\n1;2;3\n4;5;6\n").skip_lines.value == 3
    assert detect(line + "a;b\n1;2\n", delimiter=",").delimiter.value == ","


def test_equals_behind_a_preamble_are_refused() -> None:
    """D14: neither of two equal readings is taken, nor one column because of the title."""
    found = detect("Title\n\na;b,c;d,e\n" + "1;2x,3;4,u\n" * 3).delimiter
    assert (found.value, found.rivals) == (None, (",", ";"))
    assert "the delimiter is not clear" in found.why


def test_a_run_says_that_lines_stand_before_the_table() -> None:
    """M081: nothing is passed over unasked, but the user learns what to write."""
    data = b"Statement of account\n\ndate;sum;payer\n2026-02-01;1.5;Ann\n2026-02-03;7;Bob\n"
    found = read_csv(data, delimiter=";")
    assert (found.rows, found.header) == ([], ("Statement of account",))
    assert 'such as "Statement of account"' in found.reader.warnings[0]
    assert "write csv: {skip_lines: 2}" in found.reader.warnings[0]
    assert read_csv(data, skip_lines=2).header == ("date", "sum", "payer")
    for fine in (b"a;b\n1;2\n", b"a;b\n1;2;3\n4;5;6\n", data.partition(b"\n\n")[2]):
        assert read_csv(fine).reader.warnings == ()
    assert read_csv(data, delimiter=";", skip_lines=0).reader.warnings == ()


@pytest.mark.parametrize("csv", [{}, {"delimiter": "\t"}])
def test_a_run_refuses_excels_first_line(csv: dict[str, Any]) -> None:
    """D14: it would be the header of all records."""
    with pytest.raises(FileRefused, match=r'skip_lines: 1, delimiter: "\\t"') as caught:
        read_csv(b"sep=\t\na\tb\tc\n1\t2\t3\n", **csv)
    assert (caught.value.reason, caught.value.line) == ("header_broken", 1)


@settings(deadline=None)
@given(
    data=st.binary(max_size=200) | st.text(alphabet="a1;,\t|\n\r\"' =", max_size=80).map(str.encode)
)
def test_anything_has_an_answer(data: bytes) -> None:
    """D14, D15: detection never fails, whatever the bytes; each answer has a reason."""
    found = detect_csv(data, whole=True, said=CsvFormat())
    for finding in found.findings.values():
        assert 0 <= finding.confidence <= 1
        assert finding.why
        assert finding.clear or finding.rivals
    assert found.skip_lines.value is not None
    assert 0 <= found.skip_lines.value <= data.count(b"\n") + data.count(b"\r")
