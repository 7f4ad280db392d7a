"""What a trigger remembers between two looks, as a short text: the cursor (M018).

The ledger is what knows which files are imported; the cursor spares reading it at every look, and
holds what the ledger cannot know: what was asked for, passed over, given up or still growing.

Sets of files are digests of 56 bits, sorted, as differences, compressed: about 6.5 bytes a file.
At 100,000 files a new one is mistaken for a known one once in 700 thousand million times, and
where it is taken for an imported one, the next reading of the ledger mends it.
"""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from import_assets.sources.ask import MAX_ATTEMPTS, Ask
from import_assets.sources.delivery import (
    Delivery,
    microseconds_from_utc,
    utc_from_microseconds,
)
from import_assets.sources.rules import Rules

Digests = npt.NDArray[np.uint64]
"""A set of files: sorted digests without duplicates, except where said otherwise."""

_DROPPED_BITS = np.uint64(8)
_WIDTH = 8
_NONE: Digests = np.empty(0, dtype=np.uint64)
_NEVER = utc_from_microseconds(0)


@dataclass(frozen=True, eq=False)
class Memory:
    """What was known after the last look.

    `lost` is true where it was not: `done` and `passed_over` then have to be rebuilt from the
    ledger; `unreadable` where there was nothing at all, or nothing to be made sense of.
    `ledger_read` is when the ledger was last read. The sets hold digests: `done` of files
    that the ledger held then; `passed_over` of those a rule for one file did not take; `given_up`
    of those whose attempts are used up; `settling` of those not ready yet, `settling_keys` of the
    keys of the same.
    """

    lost: bool = True
    unreadable: bool = True
    ledger_read: datetime = _NEVER
    done: Digests = field(default_factory=_NONE.copy)
    passed_over: Digests = field(default_factory=_NONE.copy)
    given_up: Digests = field(default_factory=_NONE.copy)
    settling: Digests = field(default_factory=_NONE.copy)
    settling_keys: Digests = field(default_factory=_NONE.copy)
    asks: tuple[Ask, ...] = ()


def key_digests(deliveries: Sequence[Delivery]) -> Digests:
    """Return the digest of each delivery's key, in the order given."""
    return _digests(delivery.key for delivery in deliveries)


def version_digests(deliveries: Sequence[Delivery]) -> Digests:
    """Return the digest of each delivery's key and fingerprint, in the order given."""
    return _digests(f"{delivery.key}\0{delivery.fingerprint}" for delivery in deliveries)


def write_memory(memory: Memory, rules: Rules) -> str:
    """Return the memory as a cursor."""
    cursor = _Cursor(
        v=1,
        rules=_rules_text(rules),
        ledger_read=microseconds_from_utc(memory.ledger_read),
        done=_pack(memory.done),
        passed_over=_pack(memory.passed_over),
        given_up=_pack(memory.given_up),
        settling=_pack(memory.settling),
        settling_keys=_pack(memory.settling_keys),
        asks=[
            (
                ask.delivery.key,
                ask.delivery.fingerprint,
                ask.attempt,
                ask.delivery.size,
                microseconds_from_utc(ask.delivery.modified),
            )
            for ask in memory.asks
        ],
    )
    return cursor.model_dump_json()


def read_memory(text: str | None, rules: Rules) -> Memory:
    """Return the memory that a cursor holds; a lost one if it is missing, damaged or foreign.

    A cursor written under another filter, selection or identity of files says nothing about what
    these rules would have taken: its asks and given-up files stand, the rest is lost.
    """
    if text is None:
        return Memory()
    try:
        cursor = _Cursor.model_validate_json(text)
        memory = Memory(
            lost=cursor.rules != _rules_text(rules),
            unreadable=False,
            ledger_read=utc_from_microseconds(cursor.ledger_read),
            done=_unpack(cursor.done),
            passed_over=_unpack(cursor.passed_over),
            given_up=_unpack(cursor.given_up),
            settling=_unpack(cursor.settling),
            settling_keys=_unpack(cursor.settling_keys),
            asks=tuple(
                Ask(Delivery(key, fingerprint, size, utc_from_microseconds(modified)), attempt)
                for key, fingerprint, attempt, size, modified in cursor.asks
            ),
        )
    # Whatever is wrong with a cursor, it can be rebuilt; stopping would stop the import for good.
    except (ValueError, zlib.error):
        return Memory()
    if not memory.lost:
        return memory
    return Memory(
        unreadable=False,
        given_up=memory.given_up,
        settling=memory.settling,
        settling_keys=memory.settling_keys,
        asks=memory.asks,
    )


_Count = Annotated[int, Field(ge=0)]
_Attempt = Annotated[int, Field(ge=1, le=MAX_ATTEMPTS)]


class _Cursor(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    v: Literal[1]
    rules: str
    ledger_read: int
    done: str
    passed_over: str
    given_up: str
    settling: str
    settling_keys: str
    asks: list[tuple[str, str, _Attempt, _Count, int]]


def _rules_text(rules: Rules) -> str:
    return f"{rules.select} by {rules.by}: {rules.pattern.text}"


def _digests(texts: Iterable[str]) -> Digests:
    joined = b"".join(
        [hashlib.blake2b(text.encode("utf-8"), digest_size=_WIDTH).digest() for text in texts]
    )
    return np.frombuffer(joined, dtype="<u8").astype(np.uint64) >> _DROPPED_BITS


def _pack(digests: Digests) -> str:
    """Return a set as text. Bytes of equal weight lie together: the upper ones are nearly all 0."""
    steps = np.diff(np.unique(digests), prepend=np.uint64(0)).astype("<u8")
    planes = np.ascontiguousarray(steps.view(np.uint8).reshape(-1, _WIDTH).T)
    return base64.b85encode(zlib.compress(planes.tobytes())).decode("ascii")


def _unpack(text: str) -> Digests:
    planes = np.frombuffer(zlib.decompress(base64.b85decode(text)), dtype=np.uint8)
    steps = np.ascontiguousarray(planes.reshape(_WIDTH, -1).T).reshape(-1).view("<u8")
    return np.cumsum(steps, dtype=np.uint64)
