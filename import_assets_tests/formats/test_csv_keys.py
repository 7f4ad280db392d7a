"""What a definition may say about a CSV: quote, header, skip_lines, trim, line_breaks."""

from __future__ import annotations

from typing import Any

import pytest

from import_assets.errors import FileRefused
from import_assets.spec.models import Limits
from import_assets_tests.formats.reading import first_fault, read_csv

# --- quote ----------------------------------------------------------------------------------------


def test_single_quotes() -> None:
    """M135: around names and cells, doubled inside, and a double quote is text."""
    found = read_csv(b"'a,b','it''s'\n'1,2','x ''y'' z, long enough'\n\"3,'4\n5'\n", quote="'")
    assert found.header == ("a,b", "it's")
    assert found.rows == [("1,2", "x 'y' z, long enough"), ('"3', "4\n5")]


def test_single_quotes_that_are_wrong() -> None:
    """M135, M084: the same faults, and the advice names the quotes that this file has."""
    found = read_csv(b"a,b\n'x'y,1\n1,2,3\n4,'5\n", quote="'")
    assert found.reasons == [("bad_quote",), ("too_many_cells",), ("quote_not_closed",)]
    assert "put single quotes around" in first_fault(b"a,b\n1,2,3\n", quote="'")["message"]
    assert "put double quotes around" in first_fault(b"a,b\n1,2,3\n")["message"]


def test_no_quotes() -> None:
    """M135: every quote is text, also one that would never be closed."""
    found = read_csv(b'"a","b"\n"1",2"\n"x\ny","z\n', quote="none")
    assert found.header == ('"a"', '"b"')
    assert found.rows == [('"1"', '2"'), ('y"', '"z')]
    assert found.reasons == [("too_few_cells",)]
    assert "csv: {quote: …}" in first_fault(b"a\n1,2\n", quote="none", delimiter=",")["message"]


def test_without_quotes_nothing_excuses_a_stray_carriage_return() -> None:
    """M135, D13: a cell that begins with a quote is not quoted."""
    found = read_csv(b'a,b\n1,"x\ry"\n2,z\n', quote="none")
    assert found.reasons == [("stray_carriage_return",)]
    assert found.rows == [("2", "z")]


def test_a_long_record_without_quotes_is_not_put_down_to_one() -> None:
    """M135: the doubt that the message raises is one that can be."""
    data = b"a,b\n1," + 5_000_000 * b"x" + b"\n"
    with pytest.raises(FileRefused, match="does a line end where it should"):
        read_csv(data, quote="none")
    with pytest.raises(FileRefused, match="is a quote opened in it"):
        read_csv(data)


# --- header ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("block_bytes", [1, 1 << 20])
def test_without_a_header_the_first_line_is_data(block_bytes: int) -> None:
    """M081, D17: columns are numbered, and the first record says how many there are."""
    found = read_csv(b"\n1,x\n2\n3,y,z\n\n4,\n", header=False, block_bytes=block_bytes)
    assert found.header == ("column_1", "column_2")
    assert found.rows == [("1", "x"), ("4", None)]
    assert [(good.record, good.line) for good in found.good] == [(1, 2), (4, 6)]
    assert found.reasons == [("too_few_cells",), ("too_many_cells",)]
    assert found.blank == 2
    assert found.reader.warnings == ()
    message = first_fault(b"1,x\n2\n", header=False)["message"]
    assert message.startswith("1 cell, the first record has 2: ")


def test_equal_or_empty_cells_in_the_first_record_are_no_names() -> None:
    """M081, M091: nothing is merged, nothing is left out."""
    found = read_csv(b"x,x,,\n", header=False, duplicate_headers="refuse")
    assert found.rows == [("x", "x", None, None)]


def test_a_first_record_that_cannot_be_cut_is_a_reject_like_any_other() -> None:
    """M081, M084, D13: the first one that can be says how many columns there are."""
    found = read_csv(b'"a"b,1\nx\ry,2\n3,4\n"5\n6",7\n', header=False)
    assert found.rows == [("3", "4"), ("5\n6", "7")]
    assert [(bad.record, bad.reasons) for bad in found.bad] == [
        (1, ("bad_quote",)),
        (2, ("stray_carriage_return",)),
    ]
    found = read_csv(b"a\xff,1\n3,4\n", header=False, encoding="utf-8")
    assert (found.rows, found.reasons) == ([("3", "4")], [("undecodable",)])


@pytest.mark.parametrize(
    ("data", "line", "message"),
    [
        (b'\n"a"b,1\n"c"d\n', 2, "cell 1: a quote closes the cell"),
        (b"a,1\rb,2\r\n", 1, "a CR stands inside the line"),
        (b'\n\n"a,1\n', 3, "a quote is opened and never closed"),
    ],
)
def test_no_record_that_can_be_cut(data: bytes, line: int, message: str) -> None:
    """M081: the file is refused, for nothing tells how many columns it has."""
    with pytest.raises(FileRefused, match=message) as caught:
        read_csv(data, header=False, delimiter=",")
    assert (caught.value.reason, caught.value.line) == ("first_record_broken", line)


@pytest.mark.parametrize("data", [b"", b"\n\r\n"])
def test_no_record_at_all(data: bytes) -> None:
    """M081: an empty file has no columns."""
    with pytest.raises(FileRefused, match="the first one says how many columns") as caught:
        read_csv(data, header=False)
    assert caught.value.reason == "empty_file"


def test_limits_without_a_header() -> None:
    """M086, M087: columns are counted in the first record, and it counts as a record."""
    with pytest.raises(FileRefused, match="the first record has 3 columns, at most 2"):
        read_csv(b"1,2,3\n", header=False, limits=Limits(columns=2))
    with pytest.raises(FileRefused) as caught:
        read_csv(b"1\n2\n", header=False, limits=Limits(rows=1))
    assert (caught.value.reason, caught.value.line) == ("too_many_rows", 2)


# --- skip_lines -----------------------------------------------------------------------------------

PREAMBLE = b'Account "123;"\r\n\n\xff\r;\r\n'
"""Three lines with an open quote, a delimiter, a lone CR and a byte that is not UTF-8."""


@pytest.mark.parametrize("block_bytes", [1, 1 << 20])
@pytest.mark.parametrize("step", [1, 1 << 20])
def test_a_preamble_is_passed_over(block_bytes: int, step: int) -> None:
    """M081: whatever it holds; lines are those of the file, and its blank ones are not counted."""
    data = PREAMBLE + b"\na;b\n1;2\n3\n"
    found = read_csv(data, encoding="utf-8", skip_lines=3, block_bytes=block_bytes, step=step)
    assert (found.header, found.rows, found.blank) == (("a", "b"), [("1", "2")], 1)
    assert [good.line for good in found.good] == [6]
    assert [(bad.record, bad.line) for bad in found.bad] == [(2, 7)]


def test_faults_behind_a_preamble_have_the_lines_of_the_file() -> None:
    """M081: in messages and in refusals of the file too."""
    message = first_fault(PREAMBLE + b'a;b\n1;"x\ny"z\n', encoding="utf-8", skip_lines=3)["message"]
    assert "closes the cell on line 6" in message
    with pytest.raises(FileRefused, match="opened and never closed") as caught:
        read_csv(PREAMBLE + b'"a;b\n', encoding="utf-8", skip_lines=3)
    assert caught.value.line == 4
    found = read_csv(PREAMBLE + b"1;2\n", encoding="utf-8", skip_lines=3, header=False)
    assert [good.line for good in found.good] == [4]


def test_a_preamble_of_a_file_with_cr() -> None:
    """M081, D13: its lines end as the others do."""
    found = read_csv(b'Title "\r\ra,b\r1,2\r', skip_lines=2)
    assert (found.header, found.good[0].line) == (("a", "b"), 4)


@pytest.mark.parametrize("length", [4_194_305, 4_194_306, 9_000_000])
def test_a_preamble_may_be_longer_than_what_is_read_at_once(length: int) -> None:
    """M081: it is read piece by piece and thrown away."""
    data = length * b'"' + b"\n" + length * b"," + b"\r\na,b\n1,2\n"
    found = read_csv(data, skip_lines=2)
    assert (found.header, found.good[0].line) == (("a", "b"), 4)


@pytest.mark.parametrize(
    ("data", "lines", "count"),
    [
        (b"x\ny\n", 3, "2 lines"),
        (b"x\ny", 3, "2 lines"),
        (b"x", 2, "1 line,"),
        (b"", 1, "0 lines"),
        (9_000_000 * b"x", 2, "1 line,"),
    ],
)
def test_fewer_lines_than_are_to_be_passed_over(data: bytes, lines: int, count: str) -> None:
    """M081: the file is not what the definition says."""
    with pytest.raises(FileRefused, match=f"the file has {count}.* passes over {lines}") as caught:
        read_csv(data, skip_lines=lines)
    assert caught.value.reason == "too_few_lines"


@pytest.mark.parametrize("data", [b"x\ny\n", b"x\ny", b"x\ny\n\n", b"x\n" + 9_000_000 * b"y"])
def test_nothing_behind_the_lines_that_are_passed_over(data: bytes) -> None:
    """M081: as empty as a file without a byte, and the message names the key."""
    with pytest.raises(FileRefused, match="behind the 2 lines that skip_lines passes") as caught:
        read_csv(data, skip_lines=2)
    assert caught.value.reason == "empty_file"


# --- trim -----------------------------------------------------------------------------------------


def test_white_space_around_cells_is_taken_off() -> None:
    """M121, D46: around names and values, quoted or not; not inside quotes."""
    found = read_csv(b'a , "b, c",\t d\n1, "a, b" ,3\n \t4\t,"  5 " , six  words \n', trim=True)
    assert found.header == ("a", "b, c", "d")
    assert found.rows == [("1", "a, b", "3"), ("4", "  5 ", "six  words")]
    assert found.good[0].raw == '1, "a, b" ,3'


def test_without_trim_white_space_is_text() -> None:
    """M121: and so a quote behind it opens nothing, and text behind a quote is a fault."""
    found = read_csv(b'a,b\n 1, "x"\n"2" ,y\n')
    assert found.rows == [(" 1", ' "x"')]
    assert found.reasons == [("bad_quote",)]
    assert "or write trim: true" in first_fault(b'a,b\n"2" ,y\n')["message"]
    assert "or write trim: true" in first_fault(b'a,b\n1,"y" \n')["message"]
    assert "trim: true" not in first_fault(b'a,b\n"2" x,y\n')["message"]


def test_quoted_cells_of_several_lines_behind_white_space() -> None:
    """M121, D46: they open and close as without it; doubled quotes are single ones."""
    data = b'a,b\n1,  "x\n ""y"",  \n"  \n  "2" , "" \n3,   """"\t\r\n'
    for block_bytes in (1, 5, 1 << 20):
        found = read_csv(data, trim=True, block_bytes=block_bytes)
        assert found.rows == [("1", 'x\n "y",  \n'), ("2", None), ("3", '"')]
        assert [good.line for good in found.good] == [2, 5, 6]


def test_quotes_in_the_middle_stay_text_and_faults_stay_faults() -> None:
    """M121, M084: only the first thing in a cell can open it, and only its end can follow."""
    found = read_csv(b'a,b\n 5" , x "y" \n "a" b,1\n"a" "b",2\n 3, "4\n', trim=True)
    assert found.rows == [('5"', 'x "y"')]
    assert found.reasons == [("bad_quote",), ("bad_quote",), ("quote_not_closed",)]
    assert [bad.raw for bad in found.bad] == [' "a" b,1', '"a" "b",2', ' 3, "4\n']


@pytest.mark.parametrize(("delimiter", "white"), [("\t", " "), (" ", "\t")])
def test_a_delimiter_is_not_trimmed(delimiter: str, white: str) -> None:
    """M121, M083: though it is white space."""
    data = 'a,b,c\n1,, 2 \n "3" ,, "4,5"\n'.replace(" ", white).replace(",", delimiter)
    found = read_csv(data.encode(), trim=True, delimiter=delimiter)
    assert found.rows == [("1", None, "2"), ("3", None, f"4{delimiter}5")]


def test_only_space_and_tab_are_trimmed() -> None:
    """M121: other characters are part of the value, also those that look like nothing."""
    found = read_csv("a,b\n\u00a01 ,\u2003\n\v2,\0 \n".encode(), trim=True)
    assert found.rows == [("\u00a01", "\u2003"), ("\v2", "\0")]


@pytest.mark.parametrize("length", [3, 4, 5, 12, 1000])
def test_any_amount_of_white_space(length: int) -> None:
    """M121: exports of fixed width have a lot."""
    white = length * " "
    data = f'a,b,c\n1{white},{white}2{white},{white}\n{white}"3"{white},{white},{white}"4\n{white}"'
    found = read_csv(data.encode(), trim=True)
    assert found.rows == [("1", "2", None), ("3", None, f"4\n{white}")]


def test_a_line_of_white_space_is_blank_when_trimmed() -> None:
    """M121, D17: it is what it is without its white space."""
    data = b" \na\n1\n \t\n \r\n2\n  "
    found = read_csv(data, trim=True)
    assert (found.rows, found.blank) == ([("1",), ("2",)], 4)
    assert read_csv(b"a\n1\n ").rows == [("1",), (" ",)]
    for nothing in (b" ", b" \n\t\r\n"):
        with pytest.raises(FileRefused) as caught:
            read_csv(nothing, trim=True)
        assert caught.value.reason == "empty_file"


def test_trimmed_cells_with_missing_ones_and_merged_columns() -> None:
    """M121, M091, D17: an empty cell is one without its white space."""
    found = read_csv(b"a,b,a\n1, ,  \n 2\n", trim=True, pad_short=True)
    assert found.rows == [("1", None), ("2", None)]
    found = read_csv(b"a,b\n1,2, \n", trim=True)
    assert found.reasons == [("too_many_cells",)]
    message = first_fault(b"a,b\n1,2, \n", trim=True)["message"]
    assert "ends with a delimiter too many" in message


# --- line_breaks ----------------------------------------------------------------------------------


@pytest.mark.parametrize("block_bytes", [1, 1 << 20])
def test_line_breaks_are_rejected_when_asked(block_bytes: int) -> None:
    """M118, D47: the record is refused as a whole, and the file goes on behind it."""
    data = b'a,b\r\n1,"x\r\ny"\r\n2,z\r\n"\n",3\r\n"4\r",5\r\n6,"7"\r\n'
    found = read_csv(data, line_breaks="reject", block_bytes=block_bytes)
    assert found.rows == [("2", "z"), ("6", "7")]
    assert [(bad.record, bad.line, bad.reasons, bad.raw) for bad in found.bad] == [
        (1, 2, ("line_break",), '1,"x\r\ny"'),
        (3, 5, ("line_break",), '"\n",3'),
        (4, 7, ("line_break",), '"4\r",5'),
    ]
    assert len(read_csv(data, line_breaks="keep").rows) == 5


def test_each_cell_with_a_line_break_is_named() -> None:
    """M118: by column, value and line."""
    data = b'a,b,,d\n"x\ny\nz",2,"3","say ""hi""\n"\n'
    found = read_csv(data, line_breaks="reject")
    assert found.reasons == [("line_break", "line_break")]
    fault = first_fault(data, line_breaks="reject")
    assert (fault["column"], fault["value"]) == ("a", "x\ny\nz")
    assert fault["message"].startswith("cell 1: a line break stands inside the quotes, on line 2: ")
    assert "line_breaks: keep" in fault["message"]
    fault = first_fault(data.replace(b'"x\ny\nz"', b"1"), line_breaks="reject")
    assert (fault["column"], fault["value"]) == ("d", 'say "hi"\n')
    fault = first_fault(b'a,,c\n1," ""x""\n\n" ,3\n', line_breaks="reject", trim=True)
    assert (fault["column"], fault["value"]) == (None, ' "x"\n\n')
    fault = first_fault(b'a,b\n4,"5\xff\n"\n', line_breaks="reject", encoding="utf-8")
    assert fault["value"] == "5\\xff\n"


@pytest.mark.parametrize(
    ("row", "reasons"),
    [
        (b'1,2,"3\n"', ("too_many_cells", "line_break")),
        (b'"1\n"', ("too_few_cells", "line_break")),
        (b'"1\n"x,2', ("bad_quote",)),
        (b'1,"2\n\xff"', ("line_break", "undecodable")),
        (b'x\r,"\n"', ("stray_carriage_return",)),
    ],
)
def test_line_breaks_beside_other_faults(row: bytes, reasons: tuple[str, ...]) -> None:
    """M118, D15, D17: all faults are listed, but none of cells that may be none."""
    found = read_csv(b"a,b\n" + row + b"\n", line_breaks="reject", encoding="utf-8")
    assert found.reasons == [reasons]


def test_header_with_a_line_break() -> None:
    """M118: no record could be told apart from it, so the file is refused."""
    with pytest.raises(FileRefused, match="write each name on one line") as caught:
        read_csv(b'\na,"b\nc"\n1,2\n', line_breaks="reject")
    assert (caught.value.reason, caught.value.line) == ("header_broken", 2)


@pytest.mark.parametrize(
    "said",
    [
        {"quote": "'"},
        {"quote": "none"},
        {"header": False},
        {"skip_lines": 1},
        {"trim": True},
        {"line_breaks": "reject"},
    ],
)
def test_crowded_blocks(said: dict[str, Any]) -> None:
    """M084: what has more cells than bytes to spare is taken in parts, with the same result."""
    data = b"a,b,c\n" + b'x,y,z\n ,"",\n' * 500 + b"','',\n" * 500
    whole, parts = read_csv(data, **said), read_csv(data, block_bytes=400, **said)
    assert (parts.good, parts.bad, parts.blank) == (whole.good, whole.bad, whole.blank)
    assert len(whole.good) + len(whole.bad) >= 500
