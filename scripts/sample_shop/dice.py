"""Seeded chance that falls the same on every platform and every Python."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """Draws numbers and members of sequences.

    Of `random.Random` only `random()` is used: the one method whose sequence Python promises to
    keep for a given seed.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - sample data, no secret

    def between(self, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`, both included."""
        return low + int(self._random.random() * (high - low + 1))

    def chance(self, percent: int) -> bool:
        """Return True in `percent` of a hundred cases."""
        return self.between(1, 100) <= percent

    def pick(self, members: Sequence[T]) -> T:
        """Return one of the members."""
        return members[self.between(0, len(members) - 1)]

    def several(self, members: Sequence[T], count: int) -> list[T]:
        """Return `count` different members, in the order in which they are drawn."""
        left = list(members)
        return [left.pop(self.between(0, len(left) - 1)) for _ in range(count)]

    def letters(self, alphabet: str, count: int) -> str:
        """Return a text of `count` characters of the alphabet."""
        return "".join(self.pick(alphabet) for _ in range(count))
