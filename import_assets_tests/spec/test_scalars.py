"""Plain scalars: only what cannot surprise is anything but text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from import_assets.spec.scalars import resolve, shown, written


@pytest.mark.parametrize(
    "text",
    [
        *("on", "off", "yes", "no", "y", "n", "True", "FALSE", "Null", "None", "NULL"),
        *("07:30", "6:00", "2027-01-31", "2027-01-31T10:00:00Z", "12:30:45"),
        *(
            "007",
            "+007",
            "00",
            "0x1F",
            "0o17",
            "0b1",
            "1_",
            "1__0",
            "_1",
            "1e",
            "1.",
            ".5",
            "1_0.5",
        ),
        *(".inf", "-.inf", ".nan", "nan", "inf", "-", "+", "5%", "1,5", "1 000", "٣", "<<", "="),
        *("9" * 41, "1" * 5_000),
    ],
)
def test_text_stays_text(text: str):
    assert resolve(text) == text
    assert isinstance(resolve(text), str)


@pytest.mark.parametrize(
    ("text", "value"),
    [("5", 5), ("-5", -5), ("+5", 5), ("0", 0), ("-0", 0), ("1_000_000_000", 10**9)],
)
def test_whole_numbers(text: str, value: int):
    assert resolve(text) == value
    assert isinstance(resolve(text), int)


@pytest.mark.parametrize(
    ("text", "value"), [("1.50", 1.5), ("-0.5", -0.5), ("1e3", 1000.0), ("2.5E-1", 0.25)]
)
def test_decimals(text: str, value: float):
    assert resolve(text) == value
    assert isinstance(resolve(text), float)


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("false", False), ("null", None), ("~", None), ("", None)]
)
def test_words_of_yaml(text: str, value: object):
    assert resolve(text) is value


@given(st.one_of(st.text(), st.from_regex(r"[-+]?[0-9_.eE]{1,12}", fullmatch=True)))
def test_what_was_written_is_never_lost(text: str):
    """A static value is what the user wrote, whatever it looks like (M005)."""
    value = resolve(text)
    assert (written(value) if value is not None else text) == text


def test_messages_repeat_no_novels():
    assert len(shown("x" * 1_000_000)) < 100
    assert "\n" not in shown("a\nb")
