"""What a definition may say of the mode of a catalog, and what it then means (b.7, b.8, D52)."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from import_assets_tests.spec.definitions import CATALOG, GOOD, load_text, problems_of


def catalog(settings: str, source: str = "{upload: {}}", more: str = "") -> str:
    text = CATALOG.replace("products}", f"products{settings}}}")
    return text.replace("{upload: {}}", source) + more


def test_a_file_says_nothing_of_what_it_does_not_have_unless_told_otherwise(tmp_path: Path) -> None:
    """b.2, M042: partial is the default; other kinds know nothing else."""
    assert load_text(tmp_path, CATALOG).spec.catalog_mode == "partial"
    assert load_text(tmp_path, GOOD).spec.catalog_mode == "partial"
    assert load_text(tmp_path, catalog(", mode: replace")).spec.catalog_mode == "replace"


def test_a_file_of_products_is_the_whole_catalog_to_emarsys(tmp_path: Path) -> None:
    """b.8, D52: unless the definition says otherwise."""
    emarsys = "conventions: emarsys\n"
    whole = load_text(tmp_path, catalog(", product: true", more=emarsys)).spec
    assert (whole.catalog_mode, whole.max_drop) == ("full", Decimal(20))
    delta = load_text(tmp_path, catalog(", product: true, mode: partial", more=emarsys)).spec
    assert delta.catalog_mode == "partial"
    spared = load_text(tmp_path, catalog(", product: true, max_drop: 0.5%", more=emarsys)).spec
    assert spared.max_drop == Decimal("0.5")


FOLDER = "{storage: {folder: in, files: F, select: all}}"
CURSOR = "{database: {connection: erp, query: SELECT 1, cursor: at}}"


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        (catalog(", max_drop: 5%"), "kind.max_drop", "needs `mode: full`"),
        (catalog(", mode: replace, max_drop: 5%"), "kind.max_drop", "needs `mode: full`"),
        (catalog(", mode: full, max_drop: 101%"), "kind.max_drop", "is not a share"),
        (catalog(", mode: fulll"), "kind.mode", "did you mean full?"),
        (
            catalog(", mode: full", FOLDER.replace("F", '"p*.csv"')),
            "source.storage.select",
            "replaces the one before",
        ),
        (
            catalog(", mode: full", FOLDER.replace("F", "/p.csv/")),
            "source.storage.select",
            "replaces the one before",
        ),
    ],
)
def test_what_does_not_go_together(tmp_path: Path, text: str, path: str, message: str) -> None:
    (problem,) = problems_of(tmp_path, text)
    assert problem.path == path
    assert message in problem.message


def test_new_rows_alone_are_never_the_whole_catalog(tmp_path: Path) -> None:
    (tmp_path / "project.yaml").write_text(
        'connections: {erp: {sql: {url: "postgresql://r@h/erp", password_env: P}}}\n',
        encoding="utf-8",
    )
    (problem,) = problems_of(tmp_path, catalog(", mode: full", CURSOR))
    assert problem.path == "source.database.cursor"
    assert problems_of(tmp_path, catalog(", mode: replace", CURSOR)) == []


def test_one_file_by_its_name_can_be_taken_again_and_again(tmp_path: Path) -> None:
    assert problems_of(tmp_path, catalog(", mode: full", FOLDER.replace("F", "p.csv"))) == []


def test_the_mode_changes_the_hash_and_what_is_left_out_does_not(tmp_path: Path) -> None:
    plain = load_text(tmp_path, CATALOG).definition_hash
    assert load_text(tmp_path, catalog(", mode: partial")).definition_hash == plain
    modes = (", mode: replace", ", mode: full", ", mode: full, max_drop: 100%")
    hashes = {load_text(tmp_path, catalog(mode)).definition_hash for mode in modes}
    assert len(hashes | {plain}) == 4


def test_new_columns_that_are_allowed_later_make_a_refused_delivery_new(tmp_path: Path) -> None:
    """D36: the contract of a catalog decides which rows come out of a delivery."""
    plain = load_text(tmp_path, CATALOG).definition_hash
    evolving = load_text(tmp_path, CATALOG + "contract: evolve\n").definition_hash
    assert evolving != plain
    assert load_text(tmp_path, CATALOG + "contract: freeze\n").definition_hash == plain
