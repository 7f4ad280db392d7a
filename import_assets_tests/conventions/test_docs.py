"""What docs/emarsys.md promises: rules that are tested, samples and definitions that work."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from import_assets_tests.conventions.files import hold, shop
from import_assets_tests.conventions.test_codes import CASES, FILE_LEVEL

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "emarsys.md").read_text(encoding="utf-8")
RULES = [f"M{number}" for number in range(113, 139)]
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def sample(profile: str) -> str:
    return (ROOT / "docs" / "samples" / f"{profile}.csv").read_text(encoding="utf-8")


def definition(profile: str) -> str:
    (found,) = [text for text in BLOCKS if text.startswith(f"# imports/{profile}.yaml")]
    return found


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_is_documented_and_named_by_a_test(rule: str):
    here = Path(__file__)
    tests = [path for path in (ROOT / "import_assets_tests").rglob("test_*.py") if path != here]
    pattern = re.compile(rf"def test_\w*{rule.lower()}(?!\d)")
    samples = re.compile(r"def test_m137_")
    named = [path.name for path in tests if pattern.search(path.read_text(encoding="utf-8"))]
    if rule == "M137":
        named = samples.findall(here.read_text(encoding="utf-8"))
    assert named
    assert rule in PAGE


def test_each_code_is_documented():
    codes = {code for _, _, code, _ in CASES} | set(FILE_LEVEL)
    assert {code for code in codes if f"`{code}`" not in PAGE} == set()


@pytest.mark.parametrize("profile", ["products", "sales", "contacts"])
def test_m137_samples_validate_clean_and_are_imported_whole(profile: str):
    text = sample(profile)
    assert hold(profile, text).codes == []
    with shop(definition(profile), BLOCKS[0]) as it:
        imported = it.take(text)
    counts = imported.done.counts
    assert counts.rejected == 0
    assert counts.inserted == counts.read == len(text.splitlines()) - 1
    assert imported.warnings == ()
