"""Inputs that parsers are known to get wrong, one by one."""

from __future__ import annotations

import gc
import io

import polars as pl
import pytest

from import_assets.formats.csv import open_csv
from import_assets.spec.formats import CsvFormat
from import_assets.spec.models import Limits
from import_assets_tests.formats.reading import Good, first_fault, read_csv


def test_too_many_and_too_few_cells_are_rejects() -> None:
    """M095, D17: a stray comma rejects its record and leaves its neighbours alone."""
    found = read_csv(b"a,b\n1,2,3\n4\n5,6\n")
    assert found.rows == [("5", "6")]
    assert [(bad.record, bad.line, bad.reasons, bad.raw) for bad in found.bad] == [
        (1, 2, ("too_many_cells",), "1,2,3"),
        (2, 3, ("too_few_cells",), "4"),
    ]


def test_messages_give_the_counts_and_the_way_out() -> None:
    """M095: what is there, what the header has, what to do."""
    few = first_fault(b"a,b,c\n1,2\n")
    assert few["message"].startswith("2 cells, the header has 3: ")
    assert "pad_short: true" in few["message"]
    many = first_fault(b"a;b\n1;2;3;4\n")
    assert many["message"].startswith("4 cells, the header has 2: ")
    assert 'hold the delimiter ";"' in many["message"]
    assert few["column"] is None
    assert few["value"] is None


def test_pad_short_fills_with_empty_cells() -> None:
    """D17: only when asked for, and never a record that is too long."""
    found = read_csv(b'a,b,c\n1\n1,2\n"1","2"\r\n1,2,3\n1,2,3,4\n', pad_short=True)
    assert found.rows == [
        ("1", None, None),
        ("1", "2", None),
        ("1", "2", None),
        ("1", "2", "3"),
    ]
    assert found.reasons == [("too_many_cells",)]


def test_delimiter_at_the_end_of_each_row() -> None:
    """D17: refused unless the header has it too; then the unnamed column is left out."""
    found = read_csv(b"a,b\n1,2,\n")
    assert found.reasons == [("too_many_cells",)]
    assert "ends with a delimiter too many" in first_fault(b"a,b\n1,2,\n")["message"]
    found = read_csv(b"a,b,\n1,2,\n3,4,x\n")
    assert found.rows == [("1", "2"), ("3", "4")]
    assert found.reader.warnings == ("column 3 without a name: not imported",)


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r", "\n\n", "\r\n\n"])
def test_newlines_in_quotes_are_kept_as_they_are(newline: str) -> None:
    """M084: not one is turned into another, and lines are still counted."""
    found = read_csv(f'a,b\r\n1,"x{newline}y"\r\n2,z\r\n'.encode())
    assert found.rows == [("1", f"x{newline}y"), ("2", "z")]
    assert found.good[1].line == 3 + newline.count("\n")
    assert found.good[0].raw == f'1,"x{newline}y"'


def test_quote_inside_an_unquoted_cell_is_text() -> None:
    """M084: only a cell that begins with a quote is quoted."""
    found = read_csv(b'a,b\n5" disk,x"y"\n1, "2"\n3,""""\n')
    assert found.rows == [('5" disk', 'x"y"'), ("1", ' "2"'), ("3", '"')]


def test_text_behind_a_closing_quote_rejects_the_record() -> None:
    """M084: nothing tells whether the quote or the text is wrong."""
    found = read_csv(b'a,b\n"a"b,2\n1,"x\ny"z\n3,4\n')
    assert found.rows == [("3", "4")]
    assert [(bad.line, bad.reasons, bad.raw) for bad in found.bad] == [
        (2, ("bad_quote",), '"a"b,2'),
        (3, ("bad_quote",), '1,"x\ny"z'),
    ]
    assert found.good[0].line == 5
    message = first_fault(b'a,b\n1,"x\ny"z\n')["message"]
    assert message.startswith("cell 2: a quote closes the cell on line 3, but 'z' follows")


def test_quote_never_closed_is_one_reject() -> None:
    """M084: everything up to the end of the file, and everything before it is read."""
    found = read_csv(b'a,b\n1,2\n3,"x\n5,6\n7,8\n')
    assert found.rows == [("1", "2")]
    assert [(bad.record, bad.line, bad.reasons) for bad in found.bad] == [
        (2, 3, ("quote_not_closed",))
    ]
    assert found.bad[0].raw == '3,"x\n5,6\n7,8\n'


def test_invalid_utf8_is_a_reject() -> None:
    """D15: never replaced, never the whole file."""
    found = read_csv(b"a,b\n1,\xffx\n2,y\n", encoding="utf-8")
    assert found.rows == [("2", "y")]
    assert found.bad[0].reasons == ("undecodable",)
    assert found.bad[0].raw == "1,\\xffx"
    assert (
        "byte 0xFF cannot be read as utf-8"
        in first_fault(b"a,b\n1,\xffx\n", encoding="utf-8")["message"]
    )


def test_a_record_lists_all_its_faults() -> None:
    """D15, D17: too many cells and a wrong byte too."""
    assert read_csv(b"a,b\n1,2,\xff\n", encoding="utf-8").reasons == [
        ("too_many_cells", "undecodable")
    ]


def test_nul_is_kept() -> None:
    """M084: NUL is a character like any other."""
    assert read_csv(b"a,b\n1,x\0y\n\0,\n").rows == [("1", "x\0y"), ("\0", None)]


def test_cr_only() -> None:
    """D13: a file without any LF may end its lines with CR."""
    found = read_csv(b'a,b\r1,"x\ry"\r\r2,z', block_bytes=4)
    assert found.good == [Good(1, 2, ("1", "x\ry"), '1,"x\ry"'), Good(2, 5, ("2", "z"), "2,z")]
    assert found.blank == 1


def test_mixed_lf_and_crlf() -> None:
    """D13: each line may end as it likes."""
    assert read_csv(b"a,b\n1,2\r\n3,4\n5,6\r\n").rows == [("1", "2"), ("3", "4"), ("5", "6")]


@pytest.mark.parametrize("block_bytes", [1, 3, 1 << 20])
def test_lone_cr_outside_quotes_rejects_its_record(block_bytes: int) -> None:
    """D13, RFC 4180: a CR that ends no line is neither text nor the end of one."""
    data = b'a,b\r\n1,2\r\n"q\r",x\ry\n3,"\r"\r\n4,5\r\r\n\r\r\n\r\n6,7\r'
    found = read_csv(data, block_bytes=block_bytes)
    assert found.rows == [("1", "2"), ("3", "\r"), ("6", "7")]
    assert [(bad.record, bad.line, bad.reasons, bad.raw) for bad in found.bad] == [
        (2, 3, ("stray_carriage_return",), '"q\r",x\ry'),
        (4, 5, ("stray_carriage_return",), "4,5\r"),
        (5, 6, ("stray_carriage_return",), "\r"),
    ]
    assert found.blank == 1
    assert first_fault(data)["message"].startswith("cell 2: here stands a CR that ends no line")


def test_records_that_end_with_cr_alone_are_not_read_as_one() -> None:
    """D13: three codes are no code with line ends in it."""
    found = read_csv(b"code\r\nA\rB\rC\r\nD\r\n")
    assert found.rows == [("D",)]
    assert [(bad.line, bad.reasons, bad.raw) for bad in found.bad] == [
        (2, ("stray_carriage_return",), "A\rB\rC")
    ]


def test_empty_and_empty_quotes_are_both_empty() -> None:
    """D18: an empty cell is null however it is written; white space is not empty."""
    assert read_csv(b'a,b,c\n,"", \n').rows == [(None, None, " ")]


def test_blank_lines_are_skipped_and_counted() -> None:
    """D17: before the header too; a line of delimiters or spaces is a record."""
    found = read_csv(b"\n\r\na,b\n\n1,2\r\n\r\n,\n \n\n\r")
    assert found.rows == [("1", "2"), (None, None)]
    assert [good.line for good in found.good] == [5, 7]
    assert found.reasons == [("too_few_cells",)]
    assert found.blank == 6


def test_blank_lines_of_a_single_column() -> None:
    """D17: a blank line is not an empty value, a pair of quotes is."""
    found = read_csv(b'a\n1\n\n""\n2\n')
    assert found.rows == [("1",), (None,), ("2",)]
    assert found.blank == 1


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_byte_order_mark_is_removed(mark: bytes) -> None:
    """D15: it is no part of the first name."""
    assert read_csv(mark + b"a,b\n1,2\n").header == ("a", "b")


def test_field_over_two_megabytes() -> None:
    """M084: long values arrive whole."""
    text = "ä" * 1_100_000
    found = read_csv(f'a,b\n1,"{text}"\n2,{text}\n3,x\n'.encode())
    assert found.rows == [("1", text), ("2", text), ("3", "x")]


def test_doubled_quotes_next_to_everything() -> None:
    """M084: any number of them, at the ends and in the middle, beside untouched cells."""
    found = read_csv(
        b'a,b,c\n"""x""","y",z\n"""""","a""b""""c",""""\n'
        b'1,"a long text, ""quoted"", to the end",2\n'
    )
    assert found.rows == [
        ('"x"', "y", "z"),
        ('""', 'a"b""c', '"'),
        ("1", 'a long text, "quoted", to the end', "2"),
    ]


def test_numbers_and_lines_go_on_behind_quoted_newlines_and_rejects() -> None:
    """M084: records count without header and blank lines, lines count everything."""
    data = b'a,b\n"1\n1",2\n\nx\n"3\n"3,4\n5,"6\n\n6"\n7,8\n'
    for block_bytes in (1, 5, 1 << 20):
        found = read_csv(data, block_bytes=block_bytes)
        assert [(good.record, good.line) for good in found.good] == [(1, 2), (4, 8), (5, 11)]
        assert [(bad.record, bad.line) for bad in found.bad] == [(2, 5), (3, 6)]


def test_no_line_end_at_the_end_of_the_file() -> None:
    """M084: the last record may or may not have one."""
    assert read_csv(b"a,b\n1,2").rows == [("1", "2")]
    assert read_csv(b'a,b\n1,"2"').rows == [("1", "2")]
    assert read_csv(b"a,b\n1,").rows == [("1", None)]
    assert read_csv(b"a,b\n1,2\r").rows == [("1", "2")]


def test_header_only() -> None:
    """M081: no records, no fault, one empty block with the columns."""
    for data in (b"a,b", b"a,b\r\n", b"a,b\n\n"):
        found = read_csv(data)
        assert found.header == ("a", "b")
        assert (found.good, found.bad) == ([], [])


def test_frames_outlive_the_reader() -> None:
    """The text of a frame lies in its block, which must live as long as the frame."""
    text = "".join(f'{number},"a longer text, ""{number}"""\n' for number in range(2000))
    stream = io.BytesIO(b"a,b\n" + text.encode())
    reader = open_csv(stream, CsvFormat(), Limits(), "file.csv", block_bytes=1000)
    frames = [records.frame for records in reader]
    del stream, reader
    gc.collect()
    whole = pl.concat(frames, rechunk=True)
    assert whole["a"].to_list() == [str(number) for number in range(2000)]
    assert whole["b"].to_list() == [f'a longer text, "{number}"' for number in range(2000)]


@pytest.mark.parametrize("block_bytes", [0, 1 << 29])
def test_block_size_out_of_range(block_bytes: int) -> None:
    """M085: positions in a block must fit a string view."""
    with pytest.raises(ValueError, match="block_bytes"):
        read_csv(b"a\n1\n", block_bytes=block_bytes)


def test_records_can_be_read_once() -> None:
    """M087: a second pass would need the file again."""
    found = read_csv(b"a\n1\n")
    with pytest.raises(RuntimeError, match="only once"):
        iter(found.reader)
