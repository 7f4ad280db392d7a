"""What a definition under the conventions of Emarsys says by itself, and what it may not say."""

from __future__ import annotations

from pathlib import Path

import pytest

from import_assets.spec.formats import CsvFormat
from import_assets.spec.models import emarsys_csv
from import_assets_tests.spec.definitions import (
    CATALOG,
    EVENTS,
    GOOD,
    STORED,
    VOUCHERS,
    load_text,
    problems_of,
)

EMARSYS = "conventions: emarsys\n"
PRODUCTS = CATALOG.replace("products}", "products, product: true}") + EMARSYS
STORED_SALES = EVENTS.replace("{upload: {}}", "{storage: {folder: in, files: '*'}}") + EMARSYS


def test_m114_m116_m118_m121_how_csv_is_written_is_known(tmp_path: Path):
    for text in (PRODUCTS, EVENTS + EMARSYS):
        csv = load_text(tmp_path, text).spec.csv
        assert (csv.delimiter, csv.encoding, csv.trim) == (",", "utf-8", True)
        assert (csv.line_breaks, csv.duplicate_headers) == ("reject", "refuse")


def test_m116_the_delimiter_of_contacts_is_found(tmp_path: Path):
    """They may have semicolons and tabs too (b.8)."""
    csv = load_text(tmp_path, GOOD + EMARSYS).spec.csv
    assert (csv.delimiter, csv.encoding, csv.line_breaks) == (None, "utf-8", "reject")


def test_m135_what_the_definition_says_goes_before(tmp_path: Path):
    said = 'format: {csv: {delimiter: ;, quote: "\'", line_breaks: keep}}\n'
    csv = load_text(tmp_path, PRODUCTS + said).spec.csv
    assert (csv.delimiter, csv.quote, csv.line_breaks) == (";", "'", "keep")
    assert (csv.encoding, csv.trim) == ("utf-8", True)
    assert emarsys_csv(CsvFormat(trim=False), contacts=True).trim is False


def test_without_conventions_nothing_is_presumed(tmp_path: Path):
    spec = load_text(tmp_path, CATALOG).spec
    assert (spec.csv, spec.by, spec.empty_cells) == (CsvFormat(), "version", "overwrite")


def test_m136_empty_cells_of_contacts_keep_what_is_stored(tmp_path: Path):
    assert load_text(tmp_path, GOOD + EMARSYS).spec.empty_cells == "keep"
    assert load_text(tmp_path, PRODUCTS).spec.empty_cells == "overwrite"
    assert load_text(tmp_path, GOOD + EMARSYS + "empty: overwrite\n").spec.empty_cells == (
        "overwrite"
    )


def test_d01_a_sales_file_of_the_same_name_is_the_same_file(tmp_path: Path):
    """b.8: uploaded again under its name, it creates no duplicates."""
    assert load_text(tmp_path, STORED_SALES).spec.by == "name"
    assert load_text(tmp_path, EVENTS + EMARSYS).spec.by == "name"
    said = STORED_SALES.replace("files: '*'", "files: '*', by: version")
    assert load_text(tmp_path, said).spec.by == "version"
    assert load_text(tmp_path, STORED + EMARSYS).spec.by == "version"


@pytest.mark.parametrize(
    ("text", "path", "told"),
    [
        (VOUCHERS + EMARSYS, "conventions", "not for vouchers"),
        (CATALOG + EMARSYS, "conventions", "say `product: true`"),
        (PRODUCTS + "format: {xml: {}}\n", "conventions", "emarsys is for CSV"),
        (
            PRODUCTS.replace("{upload: {}}", "{analysis: top_buyers}"),
            "conventions",
            "source analysis gives rows",
        ),
        (PRODUCTS + "format: {csv: {encoding: cp1250}}\n", "format.csv.encoding", "utf-8"),
        (PRODUCTS + "format: {csv: {header: false}}\n", "format.csv.header", "names the columns"),
        (PRODUCTS + "format: {csv: {skip_lines: 2}}\n", "format.csv.skip_lines", "take this out"),
    ],
)
def test_m114_m120_d52_what_emarsys_does_not_go_with(
    tmp_path: Path, text: str, path: str, told: str
):
    (tmp_path / "analyses").mkdir()
    (tmp_path / "analyses" / "top_buyers.sql").write_text("SELECT 1 AS sku", encoding="utf-8")
    found = [one for one in problems_of(tmp_path, text) if one.path == path]
    assert [told in one.message for one in found] == [True], problems_of(tmp_path, text)
