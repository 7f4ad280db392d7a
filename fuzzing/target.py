"""What is fuzzed: a target, which judges one input at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

HANG_SECONDS = 2.0
"""Seconds of processor time that one input may take; others may want the processor meanwhile."""


class Finding(AssertionError):
    """The code under test contradicts its second opinion, or took too long."""


@dataclass(frozen=True)
class Target:
    """Something that takes bytes.

    `check` judges one input, raises whatever is a finding, and returns how many `units` it judged.
    `seeds` are the inputs to begin with, `words` what mutations insert.
    An input has at most `longest` bytes.
    """

    name: str
    units: str
    check: Callable[[bytes], int]
    seeds: Callable[[], Iterable[bytes]]
    words: tuple[bytes, ...]
    longest: int

    def judge(self, data: bytes) -> int:
        """Judge one input; return how many units that was.

        Raises:
            Finding: It took too long, or has another outcome than it should.
            Exception: Whatever the code under test did not foresee.
        """
        start = time.process_time()
        units = self.check(data)
        took = time.process_time() - start
        if took > HANG_SECONDS:
            raise Finding(f"took {took:.1f} seconds of processor time")
        return units


def words(text: bytes) -> tuple[bytes, ...]:
    """Return the words of a text with spaces between them."""
    return tuple(text.split(b" "))


def split(data: bytes, options: int) -> tuple[bytes, bytes]:
    """Return so many bytes that choose options, zeros where there are none, and the content."""
    return data[:options].ljust(options, b"\0"), data[options:]


def agree(what: str, found: object, expected: object) -> None:
    """Tell that two opinions are one.

    Raises:
        Finding: They differ.
    """
    if found != expected:
        raise Finding(f"{what}:\nfound    {found!r}\nexpected {expected!r}")
