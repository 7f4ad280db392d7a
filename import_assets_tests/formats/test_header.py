"""The header: names, duplicates, unnamed columns, and headers that cannot be used."""

from __future__ import annotations

import pytest

from import_assets.errors import FileRefused
from import_assets_tests.formats.reading import read_csv


def test_names_are_trimmed() -> None:
    """M081, D16: white space around names is not part of them, inside it is."""
    found = read_csv('" a ",\tb ,first name\u00a0\n1, 2 ,3\n'.encode())
    assert found.header == ("a", "b", "first name")
    assert found.rows == [("1", " 2 ", "3")]


def test_quoted_names() -> None:
    """M081, M084: delimiters, quotes and newlines may be part of a name."""
    found = read_csv(b'"a,b","say ""x""","two\r\nlines"\n1,2,3\n')
    assert found.header == ("a,b", 'say "x"', "two\r\nlines")
    assert found.good[0].line == 3


def test_duplicates_are_merged_with_a_warning() -> None:
    """M091, D16: one column, the last value that is not empty wins."""
    found = read_csv(b'a,b, a,a\n1,x,2,3\n1,x,2,\n1,x,,""\n,x,,\n,x,2,\n')
    assert found.header == ("a", "b")
    assert found.rows == [("3", "x"), ("2", "x"), ("1", "x"), (None, "x"), ("2", "x")]
    assert found.reader.warnings == (
        "column 'a' stands 3 times in the header (columns 1, 3, 4): "
        "merged, the last value that is not empty wins",
    )


def test_merged_columns_hold_long_values_and_doubled_quotes() -> None:
    """M091, M084: merging looks at values, not at how they are written."""
    found = read_csv(b'a,a\n"long text, ""quoted""",\n"long text, ""quoted""",short\n')
    assert found.rows == [('long text, "quoted"',), ("short",)]


def test_duplicates_are_refused_when_asked() -> None:
    """M091, D16: the strict option, with the columns named."""
    with pytest.raises(FileRefused, match=r"'a' stands 2 times .* \(columns 1, 3\)") as caught:
        read_csv(b"a,b,a\n1,2,3\n", duplicate_headers="refuse")
    assert (caught.value.reason, caught.value.line) == ("duplicate_headers", 1)
    assert "duplicate_headers: merge" in caught.value.message
    assert read_csv(b"a,A,,\n1,2,3,4\n", duplicate_headers="refuse").rows == [("1", "2")]


def test_names_that_differ_only_by_case_stay_apart_with_a_warning() -> None:
    """M091, D16: compared case-sensitively."""
    found = read_csv(b"Email,email\nx,y\n")
    assert found.header == ("Email", "email")
    assert found.reader.warnings == (
        "columns 'Email' and 'email' differ only by case and are read as two columns",
    )


def test_unnamed_columns_are_left_out_with_a_warning() -> None:
    """M081: their cells count, their values do not arrive."""
    found = read_csv(b'a,,b, ,""\n1,x,2,y,z\n1,2\n')
    assert found.header == ("a", "b")
    assert found.rows == [("1", "2")]
    assert found.reasons == [("too_few_cells",)]
    assert found.reader.warnings == ("columns 2, 4, 5 without a name: not imported",)


def test_ordinary_header_has_no_warnings() -> None:
    """D13: LF instead of CR LF is nothing to warn of."""
    assert read_csv(b"a,b\n1,2\n").reader.warnings == ()


@pytest.mark.parametrize("data", [b"", b"\n", b"\r\n\r\n", b"\r", b"\xef\xbb\xbf", b"\xff\xfe"])
def test_file_without_header(data: bytes) -> None:
    """M081: nothing, or blank lines only."""
    with pytest.raises(FileRefused, match="first record must name the columns") as caught:
        read_csv(data)
    assert caught.value.reason == "empty_file"


@pytest.mark.parametrize(
    ("data", "line", "message"),
    [
        (b"\n, ,\n1,2,3\n", 2, "all are empty"),
        (b'a,"b"c\n1,2\n', 1, "cell 2: a quote closes the cell"),
        (b'\n\n"a,b\n1,2\n', 3, "a quote is opened and never closed"),
    ],
)
def test_broken_header(data: bytes, line: int, message: str) -> None:
    """M081, M084: the file is refused, for all its records would be misread."""
    with pytest.raises(FileRefused, match=message) as caught:
        read_csv(data)
    assert (caught.value.reason, caught.value.line) == ("header_broken", line)
