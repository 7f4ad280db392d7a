"""What is kept between the two readings of a document, and that nothing of it stays behind."""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from import_assets.errors import FileRefused, SourceError
from import_assets.formats.xml.reader import XmlReader, open_xml
from import_assets.spec.formats import XmlFormat
from import_assets.spec.models import Limits
from import_assets_tests.formats.xml_reading import Trickle

ROW = '<i k="{n}"><a>text {n}</a><t>1</t><t>&lt;2</t></i>\n'
LONG = f"<r>\n{''.join(ROW.format(n=n) for n in range(200))}</r>".encode()
SHORT = b"<r><i>1</i><i>2</i></r>"


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[BinaryIO]:
    """The temporary files that are made."""
    found: list[BinaryIO] = []
    make = tempfile.TemporaryFile

    def kept(**where: Any) -> BinaryIO:
        found.append(make(**where))
        return found[-1]

    monkeypatch.setattr(tempfile, "TemporaryFile", kept)
    return found


def opened(
    *contents: bytes, folder: Path | None = None, block_bytes: int = 500
) -> tuple[XmlReader, Callable[[], int]]:
    """Open a document that has one content after the other; tell how often it was read."""
    times = iter(range(len(contents)))
    read = 0

    def again() -> BinaryIO:
        nonlocal read
        read += 1
        return Trickle(contents[next(times)], block_bytes)

    reader = open_xml(
        again, XmlFormat(), Limits(), "file.xml", block_bytes=block_bytes, folder=folder
    )
    return reader, lambda: read


def test_no_file_is_seen_in_the_folder(tmp_path: Path, made: list[BinaryIO]) -> None:
    """A crash can leave nothing behind, since the file has no name; the folder is made."""
    folder = tmp_path / "spool" / "deep"
    reader, _ = opened(LONG, LONG, folder=folder)
    rows = 0
    for block in reader:
        assert not list(folder.iterdir())
        rows += block.read
    assert rows == 200
    assert [file.closed for file in made] == [True]


def test_a_short_document_needs_no_file(tmp_path: Path) -> None:
    """And is read once."""
    reader, read = opened(SHORT, folder=tmp_path / "spool")
    assert [block.frame["#text"].to_list() for block in reader] == [["1", "2"]]
    assert read() == 1
    assert not (tmp_path / "spool").exists()


def test_the_source_of_rows_in_any_block(tmp_path: Path) -> None:
    """M055: rows are shown as they are written, in whatever order they are asked for."""
    reader, _ = opened(LONG, LONG, folder=tmp_path)
    first = 0
    for block in reader:
        wanted = list(reversed(range(block.read)))
        numbers = [first + one for one in wanted]
        assert block.raw.take(wanted) == [ROW.format(n=n).strip() for n in numbers]
        assert block.line.gather(wanted).to_list() == [n + 2 for n in numbers]
        first += block.read
    assert first == 200


def test_a_refused_document_keeps_nothing(made: list[BinaryIO]) -> None:
    """M106."""
    with pytest.raises(FileRefused):
        opened(LONG.replace(b"</r>", b"</x>"))
    assert [file.closed for file in made] == [True]


def test_a_reader_that_is_left_keeps_nothing(made: list[BinaryIO]) -> None:
    """Whether or not its rows were asked for."""
    unread, _ = opened(LONG, LONG)
    begun, _ = opened(LONG, LONG)
    blocks = iter(begun)
    next(blocks)
    assert [file.closed for file in made] == [False, False]
    del unread, begun, blocks
    gc.collect()
    assert [file.closed for file in made] == [True, True]


def test_no_folder(tmp_path: Path) -> None:
    """The error names the file, the folder, and what to do."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SourceError) as failed:
        opened(LONG, folder=tmp_path / "file" / "spool")
    assert str(failed.value).startswith("file.xml: what was found in it cannot be kept in ")
    assert f"{tmp_path}/file/spool while it is read: Not a directory; make" in str(failed.value)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("rows", [200, 2_000])
def test_no_room(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    """Whether it is noticed while the document is read or at its end."""
    full = Path("/dev/full").open("w+b")  # noqa: SIM115 - the reader closes it
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: full)
    data = b"<r>" + b"".join(b"<i>%d</i>" % n for n in range(rows)) + b"</r>"
    with pytest.raises(SourceError, match="No space left on device; make room there"):
        list(opened(data, data, block_bytes=1_000)[0])
    assert full.closed


@pytest.mark.parametrize("later", [LONG[:3_000], b"<r/>"])
def test_a_document_that_changes_while_it_is_read(later: bytes, made: list[BinaryIO]) -> None:
    """No text is sought behind its end."""
    reader, _ = opened(LONG, later)
    with pytest.raises(SourceError, match=r"file\.xml has changed while it was read"):
        list(reader)
    assert [file.closed for file in made] == [True]
