"""Records that are not valid UTF-8 are found, all of them and no others."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from import_assets.formats.utf8 import invalid_records

EDGES = [0x61, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED]
EDGES += [0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF]
GOOD = ["é".encode(), "€".encode(), "😀".encode(), b"\0"]


def is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


@settings(deadline=None)
@given(
    st.lists(
        st.lists(
            st.one_of(
                st.sampled_from(EDGES).map(lambda byte: bytes([byte])), st.sampled_from(GOOD)
            ),
            max_size=6,
        ).map(b"".join),
        min_size=1,
        max_size=12,
    )
)
def test_finds_what_python_cannot_decode(records: list[bytes]) -> None:
    """D15: the same records that a strict decoder stumbles over."""
    lines = [record + b"\n" for record in records]
    bounds = np.cumsum([0, *map(len, lines)])
    data = b"####" + b"".join(lines) + bytes(4)
    found = invalid_records(data, 4, bounds)
    assert found.tolist() == [not is_utf8(record) for record in records]
