"""Fuzzing without coverage: seeds, mutated at random from a fixed seed."""

from __future__ import annotations

import random
from collections.abc import Iterator

from fuzzing.target import Target

_OPTION_BYTES = 4


class Failed(Exception):
    """An input was a finding; the cause says why."""

    def __init__(self, target: Target, data: bytes) -> None:
        self.data = data
        super().__init__(f"{target.name}: {data!r}")


def inputs(target: Target, seed: int) -> Iterator[bytes]:
    """Give seeds, as they are or mutated, without end; the same for each seed of chance."""
    chance = random.Random(seed)  # noqa: S311 - the same inputs each time
    known = list(target.seeds())
    while True:
        data = bytearray(chance.choice(known))
        for _ in range(chance.randint(0, 5)):
            _mutate(data, known, target.words, chance)
        yield bytes(data[: target.longest])


def run(target: Target, runs: int, seed: int = 0) -> int:
    """Judge so many inputs; return how many units that was.

    Raises:
        Failed: An input was a finding.
    """
    units = 0
    for _, data in zip(range(runs), inputs(target, seed), strict=False):
        try:
            units += target.judge(data)
        except Exception as error:
            raise Failed(target, data) from error
    return units


def _mutate(
    data: bytearray, known: list[bytes], words: tuple[bytes, ...], chance: random.Random
) -> None:
    at, to = chance.randint(0, len(data)), chance.randint(0, len(data))
    match chance.randint(0, 6):
        case 0 if data:
            data[min(at, len(data) - 1)] = chance.randrange(256)
        case 1:
            data[at:at] = chance.choice(words)
        case 2:
            del data[at : at + chance.randint(1, 8)]
        case 3:
            data[to:to] = data[at : at + chance.randint(1, 20)]
        case 4:
            other = chance.choice(known)
            data[at:] = other[chance.randint(0, len(other)) :]
        case _ if data:
            data[chance.randrange(min(_OPTION_BYTES, len(data)))] = chance.randrange(256)
