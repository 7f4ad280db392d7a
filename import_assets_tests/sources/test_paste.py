"""Pasted text is a delivery like any other (M006)."""

from __future__ import annotations

from pathlib import Path

import pytest

from import_assets.errors import FileRefused, UnknownName
from import_assets.sources.paste import PasteStorage
from import_assets.sources.spool import fetch
from import_assets.spec.models import Limits

LIMIT = Limits().paste_bytes


def test_goes_the_way_of_every_delivery(tmp_path: Path) -> None:
    storage = PasteStorage("id;name\n1;Žofia\n", "by hand", LIMIT)
    (delivery,) = storage.list(recursive=False, report=pytest.fail)
    assert delivery.key == "by hand"
    with fetch(storage, delivery, tmp_path, 1_000) as spooled:
        assert spooled.path.read_text(encoding="utf-8") == "id;name\n1;Žofia\n"
        assert spooled.sha256 == delivery.fingerprint
    assert storage.encoding == "utf-8"


def test_same_text_is_the_same_version() -> None:
    """D01: pasting the same again under the same key changes nothing."""
    one, same, other = (PasteStorage(text, "k", LIMIT).stat("k") for text in ("a", "a", "b"))
    assert one.fingerprint == same.fingerprint != other.fingerprint


def test_limit_counts_bytes_and_is_inclusive() -> None:
    """b.1: exactly 500,000 bytes pass."""
    assert PasteStorage("x" * 500_000, "k", LIMIT).stat("k").size == 500_000
    for text in ("x" * 500_001, "ž" * 250_001):
        with pytest.raises(FileRefused, match=r"at most 500,000 .*upload it as a file") as caught:
            PasteStorage(text, "k", LIMIT)
        assert caught.value.reason == "too_many_bytes"


@pytest.mark.parametrize(("text", "reason"), [("", "no_text"), ("a\ud83d", "undecodable")])
def test_no_text(text: str, reason: str) -> None:
    with pytest.raises(FileRefused) as caught:
        PasteStorage(text, "k", LIMIT)
    assert caught.value.reason == reason


def test_keys_are_made_fit() -> None:
    (delivery,) = PasteStorage("x", "a\nb...", LIMIT).list(recursive=False, report=pytest.fail)
    assert delivery.key == "a%0Ab%2E%2E%2E"
    assert PasteStorage("x", "a\nb...", LIMIT).open(delivery.key).read() == b"x"
    with pytest.raises(UnknownName, match="other"):
        PasteStorage("x", "k", LIMIT).stat("other")
