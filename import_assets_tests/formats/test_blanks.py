"""White space is looked through, however much of it there is."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from import_assets.formats.blanks import find_blanks, skip_backward, skip_forward

TEXTS = st.lists(st.sampled_from(["a", ",", " ", "\t", 7 * " ", 30 * "\t "]), max_size=20)


@given(TEXTS, st.sampled_from([",", " ", "\t"]))
def test_both_ways_end_where_strip_does(pieces: list[str], delimiter: str) -> None:
    """M121: space and tab, but never the delimiter."""
    text = "\n" + "".join(pieces) + "\0"
    white = {",": " \t", " ": "\t", "\t": " "}[delimiter]
    blanks = find_blanks(np.frombuffer(text.encode(), np.uint8), delimiter)
    at = np.arange(len(text))
    forward = [place + len(text[place:]) - len(text[place:].lstrip(white)) for place in at]
    backward = [len(text[: place + 1].rstrip(white)) - 1 for place in at]
    assert skip_forward(blanks, at).tolist() == forward
    assert skip_backward(blanks, at).tolist() == backward
    assert at.tolist() == list(range(len(text)))
