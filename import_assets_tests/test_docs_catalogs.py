"""The worked examples of docs/catalogs.md give what the page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from import_assets_tests.test_pipeline import Yard

PAGE = Path(__file__).parents[1] / "docs" / "catalogs.md"


def blocks(language: str) -> list[str]:
    text = PAGE.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize(("mode", "place"), [("partial", 2), ("replace", 3), ("full", 4)])
def test_b7_the_modes_of_a_catalog(tmp_path: Path, mode: str, place: int) -> None:
    definition, files = blocks("yaml")[0], blocks("csv")
    yard = Yard(tmp_path, definition.replace("mode: partial", f"mode: {mode}"))
    for name, content in zip(("products_1.csv", "products_2.csv"), files, strict=False):
        yard.put(content, name)
        yard.deliver(name)
    stored = yard.rows("SELECT item_id, title, price::INTEGER FROM catalogs.products ORDER BY 1")
    lines = [",".join("" if cell is None else str(cell) for cell in row) for row in stored]
    assert "\n".join(["item,title,price", *lines, ""]) == files[place]


def test_d39_the_pool_of_the_page_can_be_filled(tmp_path: Path) -> None:
    yard = Yard(tmp_path, blocks("yaml")[-1])
    yard.put("voucher\na1\nA1\n", "summer_1.csv")
    assert yard.deliver("summer_1.csv").counts.inserted == 2


def test_the_short_definitions_of_the_page_are_right(tmp_path: Path) -> None:
    whole, kind, contract, _ = blocks("yaml")
    text = re.sub(r"^kind:.*\n", kind, whole, flags=re.MULTILINE) + contract
    spec = Yard(tmp_path, text).definition.spec
    assert (spec.catalog_mode, spec.max_drop, spec.contract) == ("full", 100, "evolve")
