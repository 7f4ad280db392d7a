"""docs/csv.md names every key and every reason, and its examples do what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from import_assets.errors import FileRefused
from import_assets.formats import csv as reader
from import_assets.formats.detection.detect import detect_csv
from import_assets.spec.formats import CsvFormat
from import_assets_tests.formats.reading import read_csv

PAGE = (Path(__file__).parent.parent / "docs" / "csv.md").read_text(encoding="utf-8")


def codes(heading: str) -> set[str]:
    """The reasons in the first column of the table below a heading."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    return {code for cell in cells for code in re.findall(r"`(\w+)`", cell)}


def test_every_key_is_described() -> None:
    """M081-M084: below a heading of its own."""
    assert set(re.findall(r"^### (\w+)$", PAGE, re.MULTILINE)) == set(CsvFormat.model_fields)


def test_every_reason_is_named() -> None:
    """D17: those of rejects, and those of files."""
    assert codes("What is rejected") == set(
        re.findall(r"^`(\w+)`", reader.__doc__ or "", re.MULTILINE)
    )
    raised = set(re.findall(r"`(\w+)`", (reader.open_csv.__doc__ or "").partition("Raises:")[2]))
    assert codes("What is refused") >= raised - {"block_bytes"}


@pytest.mark.parametrize(
    "data", ["id;name\n1;Řehoř\n".encode("cp1250"), b"id,x;name\n1,x;y\n", b"sep=;\na;b\n"]
)
def test_sentences_are_those_of_the_reader(data: bytes) -> None:
    """D14, D15: what the page quotes is what a user will read."""
    with pytest.raises(FileRefused) as caught:
        read_csv(data)
    words = " ".join(PAGE.replace("\n> ", " ").split())
    # The page leaves out the third of the encodings, and the beginning of the last sentence.
    told = re.sub(", cp1257 reads .*?(?=;)", "", caught.value.message).split("write ")[-1]
    assert told in words


def test_the_statement_of_the_page() -> None:
    """M081: the lines that it says are those that are found."""
    example = re.findall(r"```csv\n(Account.*?)```", PAGE, re.DOTALL)[0]
    more = "03.02.2026;2 500,00;Škoda\n04.02.2026;12,50;Tatra\n"
    found = detect_csv((example + more).encode(), whole=True, said=CsvFormat())
    assert (found.skip_lines.value, found.delimiter.value) == (3, ";")
    assert "csv: {skip_lines: 3}" in PAGE
