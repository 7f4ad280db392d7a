"""YAML with positions: what is read, what is refused, and where."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from import_assets.errors import DefinitionError
from import_assets.spec import document
from import_assets.spec.document import (
    DEEPEST_NESTING,
    LARGEST_FILE,
    Document,
    Place,
    parse_document,
    read_document,
)

FILE = Path("one.yaml")


@pytest.fixture(params=["CSafeLoader", "SafeLoader"], autouse=True)
def loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch):
    """Both parsers have to do: libyaml's, and Python's where libyaml is missing."""
    monkeypatch.setattr(document, "_LOADER", getattr(yaml, request.param))


def parse(text: str | bytes) -> Document:
    return parse_document(FILE, text.encode() if isinstance(text, str) else text)


def first_problem(text: str | bytes) -> tuple[int, int, str]:
    with pytest.raises(DefinitionError) as caught:
        parse(text)
    problem = caught.value.problems[0]
    return problem.line, problem.column, problem.message


def test_values():
    text = """\
on: no
times: [07:30, "06:00"]
day: 2027-01-31
code: 007
size: 1_000
quoted: "5"
single: '5'
block: |
  5
nothing:
flag: true
1: one
"""
    assert parse(text).value == {
        "on": "no",
        "times": ["07:30", "06:00"],
        "day": "2027-01-31",
        "code": "007",
        "size": 1000,
        "quoted": "5",
        "single": "5",
        "block": "5\n",
        "nothing": None,
        "flag": True,
        "1": "one",
    }


def test_places():
    parsed = parse("# comment\na:\n  - {é: 1, c: 2}\n  - x\nb: {}\n")
    places: dict[tuple[Any, ...], tuple[int, int]] = {
        (): (2, 1),
        ("a",): (2, 1),
        ("a", 0): (3, 5),
        ("a", 0, "é"): (3, 6),
        ("a", 0, "c"): (3, 12),
        ("a", 1): (4, 5),
        ("b",): (5, 1),
    }
    assert parsed.places == {path: Place(*place) for path, place in places.items()}


def test_the_place_of_what_is_missing_is_the_nearest_above():
    parsed = parse("a:\n  b: [1]\n")
    assert parsed.place(("a", "b", 7, "x")) == parsed.places["a", "b"]
    assert parsed.place(("z",)) == Place(1, 1)
    assert parsed.problem(("a", "b", 0), "m").path == "a.b[0]"


def test_keys_with_nothing_behind_them_are_noted():
    assert parse("a:\nb: [~, x]\nc: ''\n").empty == (("a",), ("b", 0))


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("", 1, 1, "empty"),
        ("# only a comment\n", 1, 1, "empty"),
        ("---\n", 1, 1, "empty"),
        ("word\n", 1, 1, "keys with values"),
        ("- a\n", 1, 1, "keys with values"),
        ("a: 1\nb: 2\na: 3\n", 3, 1, "'a' is written twice, first on line 1"),
        ("a: {b: 1, b: 2}\n", 1, 11, "'b' is written twice"),
        ("a: &x 1\n", 1, 4, "&x: anchors are not read"),
        ("a: *x\n", 1, 4, "*x: aliases are not read"),
        ("a: !!str 1\n", 1, 4, "!!str: tags are not read"),
        ("a: !!python/object/apply:os.system [ls]\n", 1, 4, "tags are not read"),
        ("a: !env X\n", 1, 4, "!env: tags are not read"),
        ("a: ! 1\n", 1, 4, "!: tags are not read"),
        ("a: 1\n---\nb: 2\n", 2, 1, "a second document begins here"),
        ("? [a]\n: 1\n", 1, 3, "a key has to be one word"),
        ("{a: 1}: 1\n", 1, 1, "a key has to be one word"),
        ("a:\n\tb: 1\n", 2, 1, "a tab: indent with spaces"),
        ("a: @b\n", 1, 4, "may not begin with @: write it in quotes"),
        ("a: `b`\n", 1, 4, "may not begin with `"),
        ("a: b: c\n", 1, 5, "put text that holds `: ` in quotes"),
        ('a: "\\d"\n', 1, 5, "take single quotes"),
        ("a: [1\n", 2, 1, "a comma or a closing bracket is missing; it began on line 1"),
        ("a: {b: 1\n", 2, 1, "a comma or a closing bracket is missing"),
        ("a: 'b\n", 2, 1, "a quote is opened and never closed; it began on line 1"),
        ("a: 1\nb", 2, 2, "a `:` is missing behind the key; it began on line 2"),
        ("a: 1\n b: 2\n", 2, 3, "put text that holds `: ` in quotes"),
        ("a:\n  - b\n - c\n", 3, 2, "indentation does not fit"),
        ("a: 1\nb\n", 3, 1, "a `:` is missing"),
        ("a: \x07\n", 1, 4, "U+0007"),
        ("a: 1\r\nb: 2\u2028\r\n", 2, 5, "U+2028"),
        ("a: é\ufeff\n", 1, 5, "U+FEFF"),
        ("a: \x00\n", 1, 4, "U+0000"),
        (b"a: 1\nb: \xe9\n", 2, 4, "byte 0xe9 is not UTF-8"),
        ("a: 1\n".encode("utf-16"), 1, 1, "is not UTF-8"),
        (b"a: " + b"x" * LARGEST_FILE, 1, 1, "larger than 1,000,000 bytes"),
        ("a: " + "[" * 100_000, 1, 3 + DEEPEST_NESTING, "nested more than"),
        ("a: " + "{b: " * 100_000, 1, 4 * DEEPEST_NESTING, "nested more than"),
    ],
)
def test_what_is_refused(text: str | bytes, line: int, column: int, message: str):
    found = first_problem(text)
    assert message in found[2]
    assert found[0] == line
    assert abs(found[1] - column) <= 1  # the two parsers differ by one for some errors


def test_billion_laughs_cost_nothing():
    rows = ["a0: &a0 [x, x]"] + [f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 60)]
    with pytest.raises(DefinitionError, match="aliases are not read"):
        parse("\n".join(rows))


def test_all_faults_of_the_structure_at_once():
    with pytest.raises(DefinitionError) as caught:
        parse("a: 1\na: 2\nb: &x 1\nc: !!int 5\n")
    assert [problem.line for problem in caught.value.problems] == [2, 3, 4]


def test_a_byte_order_mark_does_no_harm():
    assert parse(b"\xef\xbb\xbfa: 1\n").value == {"a": 1}


def test_the_project_file_may_be_empty():
    parsed = parse_document(FILE, b"# nothing yet\n", may_be_empty=True)
    assert parsed.value == {}
    assert parsed.place(("a",)) == Place(1, 1)


def test_not_a_file(tmp_path: Path):
    (tmp_path / "dangling.yaml").symlink_to(tmp_path / "nowhere")
    for name in ("dangling.yaml", "missing.yaml", "."):
        with pytest.raises(DefinitionError, match="not a file that can be read"):
            read_document(tmp_path / name)
