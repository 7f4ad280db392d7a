"""Keys are fit to be partition keys and lead back to the very path."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from import_assets.sources.storage.keys import (
    MAX_KEY_BYTES,
    decode_path,
    encode_path,
    is_delivery_name,
    is_entered,
    listed_path,
    may_be_shortened,
    shorten,
)

_odd = st.sampled_from([b"%", b"%4", b"41", b"...", b".", b"\xff", b"\n", b"/", "ž".encode(), b"a"])
paths = st.lists(_odd | st.binary(max_size=3), max_size=12).map(
    lambda parts: b"".join(parts).replace(b"\0", b"")
)


@given(paths)
def test_every_path_comes_back(path: bytes) -> None:
    assert decode_path(encode_path(path)) == path


@given(paths)
def test_parts_of_a_path_are_encoded_each_by_itself(path: bytes) -> None:
    """A folder is walked part by part."""
    assert encode_path(path) == "/".join(encode_path(part) for part in path.split(b"/"))


@given(paths)
def test_keys_hold_nothing_that_partitions_cannot(path: bytes) -> None:
    key = encode_path(path)
    assert not re.search("[\x00-\x1f\x7f-\x9f\u2028\u2029]", key)
    assert "..." not in key
    key.encode("utf-8")


@given(st.text(alphabet="%0126ABCDEFabcdef./ž\n", max_size=12))
def test_one_path_has_one_key(text: str) -> None:
    """A second spelling of the same path is refused, or the same file could be imported twice."""
    path = decode_path(text)
    assert path is None or encode_path(path) == text


def test_usual_names_stay_as_they_are() -> None:
    for name in (
        "a b.csv",
        "50%.csv",
        "100%",
        "a+b&c=d.csv",
        "žluťoučký kůň.csv",
        "😀👩‍👩‍👧.csv",
        "..csv",
    ):
        assert encode_path(name.encode()) == name


def test_odd_names_are_percent_encoded() -> None:
    assert encode_path(b"a\tb") == "a%09b"
    assert encode_path(b"caf\xe9") == "caf%E9"
    assert encode_path(b"100%25") == "100%2525"
    assert encode_path(b"a....b") == "a%2E%2E%2E%2Eb"
    assert encode_path("\u0085".encode()) == "%C2%85"


@given(st.integers(1_000, 5_000), st.sampled_from(["a", "ž", "😀"]))
def test_long_paths_get_a_key_of_their_own(length: int, char: str) -> None:
    one, other = (shorten(char * length + middle + char * length + ".csv") for middle in "xy")
    assert one != other
    assert len(one.encode()) <= MAX_KEY_BYTES
    assert one.endswith(".csv")
    assert may_be_shortened(one)


def test_key_of_just_the_length_stays() -> None:
    path = "a" * MAX_KEY_BYTES
    assert shorten(path) == path
    assert not may_be_shortened(path)
    assert len(shorten(path + "a")) == MAX_KEY_BYTES


def test_hidden_and_half_written_files_are_no_deliveries() -> None:
    for name in (".a.csv", "a.csv.part", "a.TMP", "a.filepart", "a.crdownload", ".a.swp", "a.swp"):
        assert not is_delivery_name(name)
    for name in ("a.csv", "a.part.csv", "part", "tmp.csv"):
        assert is_delivery_name(name)


def test_several_dots_hide_a_name_too() -> None:
    """They are percent-encoded, and stay dots."""
    for name in (b"...csv", b"....", b"a...part", b"a....tmp"):
        assert not is_delivery_name(encode_path(name))
        assert listed_path(encode_path(name)) is None
    for name in (b"%2Ea.csv", b"%2E%2E%2Ea.csv", b"a%2Epart", b"a...csv"):
        assert is_delivery_name(encode_path(name))
        assert listed_path(encode_path(name)) == name
    assert not is_entered(encode_path(b"..."))
    assert listed_path(encode_path(b".../a.csv")) is None
