"""The users' reference names exactly the reason codes that the mapping gives."""

from __future__ import annotations

import re
from pathlib import Path

import import_assets.mapping

_CODE = "[a-z]+(?:_[a-z]+)+"
_GIVEN = re.compile(
    rf"""(?:Why\(\s*|FileRefused\([^)]*?,\s*|_unlike_format\(\s*)["']({_CODE})["']""", re.DOTALL
)


def test_the_reference_of_types_names_every_reason_code() -> None:
    package = Path(import_assets.mapping.__file__).parent
    source = "".join(path.read_text(encoding="utf-8") for path in package.glob("*.py"))
    given = set(_GIVEN.findall(source))
    text = (package.parent.parent / "docs/reference-types.md").read_text(encoding="utf-8")
    named = set(re.findall(rf"`({_CODE})`", text))
    assert len(given) > 20
    assert given <= named
    known = {"item_id", "missing_timestamp"} | given
    assert {code for code in named if code.startswith(("not_", "no_", "bad_"))} <= known
