"""Finding the records that are not valid UTF-8 (D15)."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Positions = NDArray[np.int64]
Octets = NDArray[np.uint8]


def invalid_records(data: bytes, offset: int, bounds: Positions) -> NDArray[np.bool_]:
    """Tell which records hold bytes that are not valid UTF-8.

    Args:
        data: The buffer; at least three bytes lie behind the last record.
        offset: Position in `data` from which `bounds` count.
        bounds: Where each record begins and, as a last entry, where the last one ends. Each ends
            with a line end, so that no character reaches from one into the next.
    """
    invalid = np.zeros(len(bounds) - 1, np.bool_)
    if not is_valid(data, offset, bounds):
        octets = np.frombuffer(data, np.uint8, offset=offset)
        wrong = _wrong_bytes(octets, int(bounds[-1]))
        owners = np.searchsorted(bounds, wrong, "right") - 1
        invalid[owners[(owners >= 0) & (owners < len(invalid))]] = True
    return invalid


def is_valid(data: bytes, offset: int, bounds: Positions) -> bool:
    """Tell whether there is valid UTF-8 between the first and the last of the bounds.

    Arrow looks through the whole block many times faster than anything that finds places.
    """
    buffers = [None, pa.py_buffer(bounds[[0, -1]]), pa.py_buffer(data).slice(offset)]
    try:
        pa.Array.from_buffers(pa.large_string(), 1, buffers).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _wrong_bytes(octets: Octets, size: int) -> Positions:
    """Return positions of bytes that begin no character and belong to none, among the first `size`.

    These are the well-formed byte sequences of the Unicode standard, table 3-7.
    """
    high = np.flatnonzero(octets[:size] >= 0x80)
    value = octets[high]
    lead, continuation = high[value >= 0xC0], high[value < 0xC0]
    first, second, third, fourth = (octets[lead + step] for step in range(4))
    least = np.full(len(lead), 0x80, np.uint8)
    least[first == 0xE0], least[first == 0xF0] = 0xA0, 0x90
    most = np.full(len(lead), 0xBF, np.uint8)
    most[first == 0xED], most[first == 0xF4] = 0x9F, 0x8F
    begins = (first >= 0xC2) & (first <= 0xF4) & (second >= least) & (second <= most)
    begins &= (first < 0xE0) | _continues(third)
    begins &= (first < 0xF0) | _continues(fourth)
    belongs = np.zeros(size + 4, np.bool_)
    good, kind = lead[begins], first[begins]
    belongs[good + 1] = True
    belongs[good[kind >= 0xE0] + 2] = True
    belongs[good[kind >= 0xF0] + 3] = True
    return np.concatenate((lead[~begins], continuation[~belongs[continuation]]))


def _continues(value: Octets) -> NDArray[np.bool_]:
    return (value & 0xC0) == 0x80
