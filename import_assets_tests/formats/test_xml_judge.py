"""A long document is judged in a process of its own, with the same outcome (M106)."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from import_assets.errors import FileRefused, SourceError
from import_assets.formats.xml import beside, judge
from import_assets.spec.models import Limits
from import_assets_tests.builders import examples
from import_assets_tests.formats.xml_reading import read_xml

ROWS = "<i a='1'><b>x</b>\n</i>" * 200
FAULTS = [
    "",
    "<i>",
    "</r>",
    "</r>\n<r/>",
    "</r>\n'<r/>",
    "<i a='1' a='2'/>",
    "<i>a & b</i>",
    "<i>\x01</i>",
    "<!-- a -- b -->",
    "<!DOCTYPE r>",
    "<![CDATA[ ",
    "<i a='",
]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[subprocess.Popen[bytes]]]:
    """The processes that were started; none of them still runs in the end."""
    found: list[Any] = []

    def start(*args: Any, **kwargs: Any) -> Any:
        found.append(popen(*args, **kwargs))
        return found[-1]

    popen = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", start)
    monkeypatch.setattr(judge, "BESIDE_BYTES", 1_500)
    yield found
    assert all(process.poll() is not None for process in found)


def outcome(data: bytes, **how: Any) -> object:
    """The rows of a document, or why it is refused."""
    try:
        return read_xml(data, row="i", block_bytes=1_000, **how).rows
    except FileRefused as error:
        return error.reason, error.line, error.message


def alone(monkeypatch: pytest.MonkeyPatch, read: Callable[[], object]) -> object:
    with monkeypatch.context() as patched:
        patched.setattr(judge, "BESIDE_BYTES", 10**9)
        return read()


@pytest.mark.parametrize("behind", ["", ROWS])
@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_wrong_is_told_alike(
    started: list[subprocess.Popen[bytes]],
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
    behind: str,
) -> None:
    data = f"<r>{ROWS}\n{fault}{behind}</r>".encode()
    found = outcome(data)
    assert len(started) == 1
    assert found == alone(monkeypatch, lambda: outcome(data))
    assert isinstance(found, list) is (not fault)


def test_a_byte_of_another_encoding(
    started: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = f"<r>{ROWS}\n<i>".encode() + b"\xff</i></r>"
    found = outcome(data)
    assert len(started) == 1
    assert isinstance(found, tuple)
    assert "a byte that" in found[2]
    assert found == alone(monkeypatch, lambda: outcome(data))


@examples(15)
@given(
    st.lists(st.sampled_from(["<i>", "</i>", "<b c='d>'/>", "text", "&amp;", "&", "<", "\n", ">"]))
)
def test_any_pieces_have_the_same_outcome(pieces: list[str]) -> None:
    data = f"<r>{ROWS}{''.join(pieces)}{ROWS}</r>".encode()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(judge, "BESIDE_BYTES", 1_500)
        found = outcome(data)
        assert found == alone(patched, lambda: outcome(data))


def test_a_beginning_is_judged_as_far_as_it_goes(started: list[subprocess.Popen[bytes]]) -> None:
    rows = outcome(f"<r>{ROWS}<i><b>".encode(), cut=True)
    assert isinstance(rows, list)
    assert len(rows) == 200
    assert len(started) == 1


def test_a_piece_of_no_bytes_is_not_the_end(started: list[subprocess.Popen[bytes]]) -> None:
    """It comes where the last block was full, such as of most texts in other encodings."""
    for ends in (True, False):
        with judge.Judge("file.xml", "utf-8") as one:
            for piece in ("<r>", ROWS, "", "</r>" if ends else "<i>", ""):
                one.take(piece.encode())
            if ends:
                one.end()
    assert len(started) == 2


def test_a_document_that_ends_with_a_block(started: list[subprocess.Popen[bytes]]) -> None:
    for rest in range(552, 560):  # one of them
        rows = outcome(f"<r>{ROWS}{' ' * rest}</r>".encode())
        assert isinstance(rows, list)
        assert len(rows) == 200
    assert len(started) == 8


def test_what_is_malformed_goes_before_what_is_too_much(
    started: list[subprocess.Popen[bytes]],
) -> None:
    with pytest.raises(FileRefused) as refused:
        read_xml(f"<r>{ROWS}</i>{ROWS}</r>", row="i", limits=Limits(rows=200), block_bytes=100_000)
    assert refused.value.reason == "malformed_xml"
    with pytest.raises(FileRefused) as refused:
        read_xml(f"<r>{ROWS}</r>", row="i", limits=Limits(rows=199), block_bytes=1_000)
    assert refused.value.reason == "too_many_rows"
    assert len(started) == 1


def test_a_process_that_somebody_ends(
    started: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nobody knows then whether the document is well-formed, so nothing of it is handed out."""
    script = tmp_path / "ended.py"
    script.write_text("import os\nos.kill(os.getpid(), 9)\n", encoding="utf-8")
    monkeypatch.setattr(beside, "__file__", str(script))
    with pytest.raises(SourceError, match="was ended; it is tried again"):
        read_xml(f"<r>{ROWS}</r>", row="i", block_bytes=1_000)
    assert started
