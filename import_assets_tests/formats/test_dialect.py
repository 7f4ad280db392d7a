"""The delimiter is found where it is clear, and asked for where it is not."""

from __future__ import annotations

from typing import get_args

import pytest

from import_assets.errors import FileRefused
from import_assets.spec.formats import Delimiter
from import_assets_tests.formats.reading import read_csv

DELIMITERS: tuple[str, ...] = get_args(Delimiter)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_found(delimiter: str) -> None:
    """D14: comma, semicolon, tab and pipe, outside quotes, other delimiters in the values."""
    others = "".join(other for other in DELIMITERS if other != delimiter)
    text = f'id,name,note\n1,x,"{others}"\n2,"a,b",\n'.replace(",", delimiter)
    text = text.replace(f'"{others.replace(",", delimiter)}"', f'"{others}"')
    found = read_csv(text.encode())
    assert found.reader.delimiter == delimiter
    assert found.header == ("id", "name", "note")


def test_found_with_decimal_commas() -> None:
    """M095, D14: the header decides where only one delimiter cuts it."""
    found = read_csv(b"id;price\n1;2,50\n2;3,10\n")
    assert (found.reader.delimiter, found.rows) == (";", [("1", "2,50"), ("2", "3,10")])


def test_the_one_that_cuts_evenly() -> None:
    """D14: a second delimiter in the header does not cut the records."""
    found = read_csv(b"id;name, first\n1;x\n2;y\n")
    assert (found.reader.delimiter, found.header) == (";", ("id", "name, first"))


def test_found_in_spite_of_some_ragged_records() -> None:
    """D14, D17: a few bad records are rejects, not doubts."""
    found = read_csv(b"id;a,b;c\n1;x;y\n2;x\n3;x;y\n")
    assert found.reader.delimiter == ";"
    assert found.reasons == [("too_few_cells",)]


def test_clear_header_with_ragged_records() -> None:
    """D14, D17: only one delimiter cuts the header; what does not fit it is rejected."""
    found = read_csv(b"a,b\n1,2,\n3,4,\n")
    assert found.reader.delimiter == ","
    assert found.reasons == [("too_many_cells",)] * 2


@pytest.mark.parametrize("text", ["email\n", "email\na.b@example.com\n", "full name\nx\ny z\n"])
def test_single_column(text: str) -> None:
    """D14: nothing cuts the header, so there is one column."""
    found = read_csv(text.encode())
    assert found.reader.delimiter == ","
    assert len(found.header) == 1


@pytest.mark.parametrize(
    "text",
    [
        "id,x;name\n1,x;y\n",
        "id,a;b\n",
        "id~name\n1~x\n2~y\n",
        "id name\n1 x\n",
        "id:name\n1:x\n",
    ],
)
def test_unclear(text: str) -> None:
    """D14: two answers are no answer, and the rarer delimiters are never taken unasked."""
    with pytest.raises(FileRefused, match=r"name the right one, csv: \{delimiter: …\}") as caught:
        read_csv(text.encode())
    assert caught.value.reason == "delimiter_unclear"


def test_decimal_commas_are_no_delimiter() -> None:
    """D14, M095: without a header too, numbers with a comma leave one way to cut the records."""
    found = read_csv(b'1;"2,50"\n2;"-1 003,10"\n', header=False)
    assert (found.reader.delimiter, found.rows[1]) == (";", ("2", "-1 003,10"))
    found = read_csv(b"1|2,50\n2|3,10\n", header=False)
    assert found.reader.delimiter == "|"
    with pytest.raises(FileRefused, match="the delimiter is not clear"):
        read_csv(b"1|2,50\n2|a,10\n", header=False)


def test_the_quote_of_the_definition_counts() -> None:
    """D14, M135: a delimiter between these quotes cuts nothing, and other quotes are text."""
    data = b"'id','a;b'\n'1','x;y'\n"
    assert read_csv(data, quote="'").reader.delimiter == ","
    with pytest.raises(FileRefused, match="the delimiter is not clear"):
        read_csv(data)
    assert read_csv(b'a;b\n1;5", x\n2;6", y\n', quote="none").reader.delimiter == ";"


@pytest.mark.parametrize("delimiter", DELIMITERS)
def test_chosen(delimiter: str) -> None:
    """M083: each of the nine, when the definition names it."""
    data = f"id{delimiter}name\n1{delimiter}x\n".encode()
    found = read_csv(data, delimiter=delimiter)
    assert (found.header, found.rows) == (("id", "name"), [("1", "x")])
    assert found.reader.delimiter == delimiter


def test_wrong_quotes_speak_against_a_delimiter() -> None:
    """D14: under another delimiter the quotes would close in the middle of a cell."""
    found = read_csv(b'"id";"a, b"\n"1";"x"\n"2";"y, z"\n')
    assert (found.reader.delimiter, found.header) == (";", ("id", "a, b"))


def test_found_behind_long_blank_beginnings() -> None:
    """D14: the sample reaches as far as the header needs."""
    data = b"\n" * 300_000 + b"a;b\n1;2\n"
    found = read_csv(data)
    assert (found.reader.delimiter, found.blank) == (";", 300_000)
    assert found.good[0].line == 300_002


def test_found_with_a_long_first_record() -> None:
    """D14: a record longer than the sample is looked at whole."""
    data = b"a;b,c\n1;" + b"x" * 400_000 + b"\n2;y\n"
    assert read_csv(data).reader.delimiter == ";"


def test_stray_line_feed_in_a_file_with_cr() -> None:
    """D13: two kinds of line end of which one would be text are not guessed at."""
    data = b"a,b\r" + b"1," + b"x" * 1_000_000 + b"\r"
    data += data[4:] * 4
    with pytest.raises(FileRefused, match="end all lines with CR LF") as caught:
        read_csv(data + b'3,"x\ny"\r4,5\n6,7\r')
    assert caught.value.reason == "mixed_line_ends"
    assert caught.value.line == 8
    found = read_csv(data + b'3,"x\ny"\r')
    assert found.rows[-1] == ("3", "x\ny")


def test_header_that_ends_with_cr_in_a_file_with_line_feeds() -> None:
    """D13: the header would swallow the first records."""
    with pytest.raises(FileRefused, match="a CR stands inside the line") as caught:
        read_csv(b"a,b\r1,2\r3,4\n")
    assert caught.value.reason == "header_broken"
