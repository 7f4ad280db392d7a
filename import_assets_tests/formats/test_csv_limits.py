"""The limits on a file: what is just allowed passes, one more is refused."""

from __future__ import annotations

import io
from typing import Any

import pytest

from import_assets.errors import FileRefused
from import_assets.formats.csv import open_csv
from import_assets.formats.layout import RECORD_BYTES
from import_assets.spec.formats import CsvFormat
from import_assets.spec.models import Limits
from import_assets_tests.formats.reading import read_csv


def refusal(data: bytes, *, limits: Limits | None = None, **csv: Any) -> FileRefused:
    with pytest.raises(FileRefused) as caught:
        read_csv(data, limits=limits, **csv)
    assert caught.value.file == "file.csv"
    return caught.value


def test_default_limits() -> None:
    """M085, M086, M087, D12: 1 GB, 260 columns, a million rows."""
    limits = Limits()
    assert (limits.file_bytes, limits.columns, limits.rows) == (1_000_000_000, 260, 1_000_000)


@pytest.mark.parametrize("step", [1, 7, 1 << 20])
def test_bytes(step: int) -> None:
    """M085, D12: counted on the stream, byte order mark included."""
    data = b"\xef\xbb\xbfa,b\n" + b"1,2\n" * 100
    limits = Limits(file_bytes=len(data))
    assert len(read_csv(data, limits=limits, step=step).good) == 100
    with pytest.raises(FileRefused) as caught:
        read_csv(data + b"\n", limits=limits, step=step)
    assert caught.value.reason == "too_many_bytes"
    assert f"more than {len(data):,} bytes" in caught.value.message


def test_bytes_are_those_of_the_file_not_of_its_text() -> None:
    """M085: UTF-16 takes twice the room, and that is what counts."""
    data = "a,b\n1,2\n".encode("utf-16")
    assert read_csv(data, limits=Limits(file_bytes=len(data))).rows == [("1", "2")]
    assert refusal(data, limits=Limits(file_bytes=len(data) - 1)).reason == "too_many_bytes"


def test_columns() -> None:
    """M086: 260 pass, 261 do not; unnamed and doubled ones count."""
    names = [f"c{number}" for number in range(260)]
    found = read_csv(f"{','.join(names)}\n{','.join('1' * 260)}\n".encode())
    assert found.header == tuple(names)
    assert len(found.rows[0]) == 260
    for extra in ("c260", "", "c0"):
        error = refusal(",".join([*names, extra]).encode())
        assert error.reason == "too_many_columns"
        assert "261 columns, at most 260" in error.message


@pytest.mark.parametrize("block_bytes", [1, 10, 1 << 20])
@pytest.mark.parametrize("excess", ["9,9\n", "9\n", '9,"'])
def test_rows(block_bytes: int, excess: str) -> None:
    """M087, D12: rejects count, the header and blank lines do not."""
    data = "a,b\n\n" + "1,2\n\n3\n4,5\n"
    limits = Limits(rows=3)
    found = read_csv(data.encode(), limits=limits, block_bytes=block_bytes)
    assert (len(found.good), len(found.bad), found.blank) == (2, 1, 2)
    with pytest.raises(FileRefused) as caught:
        read_csv((data + excess).encode(), limits=limits, block_bytes=block_bytes)
    assert (caught.value.reason, caught.value.line) == ("too_many_rows", 7)


def test_record_bytes() -> None:
    """M084: a record may have 4 MiB, its line end aside."""
    room = "x" * (RECORD_BYTES - 2)
    for end in ("\n", "\r\n", "", "\r"):
        assert read_csv(f"a,b\n1,{room}{end}".encode()).rows == [("1", room)]
    error = refusal(f"a,b\n1,2\n1,{room}x\n3,4\n".encode())
    assert (error.reason, error.line) == ("record_too_long", 3)
    assert "4,194,304 bytes" in error.message


def test_quote_never_closed_is_a_reject_up_to_the_record_limit() -> None:
    """M084: beyond it the file is refused, with the line on which the record begins."""
    room = "x\n" * (RECORD_BYTES // 2 - 2)
    found = read_csv(f'a,b\n1,2\n1,"{room}y'.encode())
    assert found.reasons == [("quote_not_closed",)]
    assert len(found.bad[0].raw) == RECORD_BYTES
    for tail in ("yy", "y\n3,4\n" * 1_000_000):
        error = refusal(f'a,b\n1,2\n1,"{room}{tail}'.encode())
        assert (error.reason, error.line) == ("record_too_long", 3)


def test_header_over_the_record_limit() -> None:
    """M081: the first record obeys the limit too."""
    error = refusal(b"a," + b"x" * RECORD_BYTES + b"\n1,2\n")
    assert (error.reason, error.line) == ("record_too_long", 1)


def test_refused_file_says_where_and_what() -> None:
    """M087: file, line, reason."""
    error = refusal(b"a\n1\n2\n", limits=Limits(rows=1))
    assert str(error).startswith("file.csv:3: the file has more than 1 records")
    assert str(error).endswith("split the file (too_many_rows)")


def test_stream_is_not_read_beyond_the_limit() -> None:
    """M085: a huge file is given up at once, not read to its end."""
    stream = io.BytesIO(b"a,b\n" + b"1,2\n" * 1_000_000)
    with pytest.raises(FileRefused):
        open_csv(stream, CsvFormat(), Limits(file_bytes=1000), "file.csv")
    assert stream.tell() <= 1001
