"""Target `cursors`: what a trigger remembers, through its cursor and back (M018).

An input is a cursor as it stands, a memory that is written and read, or the JSON of a cursor with
anything in its fields; one more option damages the text. Whatever a cursor holds, it is read or
counts as lost, and what was read is the same after it was written and read once more.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, timedelta
from itertools import cycle
from typing import Any

import numpy as np

from fuzzing.target import Finding, Target, agree, split
from import_assets.sources.ask import MAX_ATTEMPTS, Ask
from import_assets.sources.delivery import Delivery, utc_from_microseconds
from import_assets.sources.memory import Digests, Memory, read_memory, write_memory
from import_assets.sources.rules import Rules
from import_assets.spec.patterns import FilePattern

_OPTIONS = 3
_SETS = ("done", "passed_over", "given_up", "settling", "settling_keys")
_RULES = Rules(FilePattern("*.csv"), "not_imported_yet", "version", timedelta(seconds=60), 200)
_OTHERS = replace(_RULES, by="name")
_WRITTEN_BY = f"{_RULES.select} by {_RULES.by}: {_RULES.pattern.text}"


def check(data: bytes) -> int:
    """Judge one cursor; see `Target.check`."""
    (kind, place, value), body = split(data, _OPTIONS)
    if kind % 4 == 0:
        text = body.decode("utf-8", "replace")
    elif kind % 4 == 1:
        memory = _memory(body)
        text = write_memory(memory, _RULES)
        agree("memory read back", _said(read_memory(text, _RULES)), _said(memory))
    else:
        text = _made_up(body)
    if kind & 4:
        at = place % (len(text) + 1)
        text = text[:at] + chr(32 + value % 95) + text[at + 1 :]
    if kind & 8:
        text = text[: place * (len(text) + 1) // 256]
    _check_read(text, foreign=bool(kind & 16))
    return 1


def _check_read(text: str, *, foreign: bool) -> None:
    memory = read_memory(text, _RULES)
    again = read_memory(write_memory(memory, _RULES), _RULES)
    # What is lost is rebuilt before it is written; nothing else changes.
    agree(f"what is read of {text!r}", _said(again), _said(replace(memory, lost=False)))
    for ask in memory.asks:
        if not 1 <= ask.attempt <= MAX_ATTEMPTS or ask.delivery.size < 0:
            raise Finding(f"an ask that cannot be: {ask}")
    if memory.ledger_read.tzinfo is not UTC:
        raise Finding(f"an instant without a zone: {memory.ledger_read}")
    if memory.lost or not foreign:
        return
    others = read_memory(text, _OTHERS)
    if not others.lost or len(others.done) or len(others.passed_over):
        raise Finding(f"believed what other rules wrote: {text!r}")
    agree("asks under other rules", others.asks, memory.asks)
    agree("rules of a cursor that is believed", json.loads(text)["rules"], _WRITTEN_BY)


def _said(memory: Memory) -> dict[str, object]:
    """Return a memory in values that can be compared; the sets as such."""
    sets = {name: np.unique(getattr(memory, name)).tolist() for name in _SETS}
    return {"lost": memory.lost, "ledger_read": memory.ledger_read, "asks": memory.asks, **sets}


def _parts(body: bytes) -> Iterator[bytes]:
    """Cut an input at bytes 0xff; the parts come again without end."""
    return cycle(body.split(b"\xff"))


def _memory(body: bytes) -> Memory:
    """Make a memory that a look may have left."""
    parts = _parts(body)
    sets = {name: _digests(next(parts)) for name in _SETS}
    asks = [
        Ask(Delivery(_text(part), _text(next(parts)), len(part), _instant(next(parts))), attempt)
        for part, attempt in zip(parts, range(1, 1 + len(body) % (MAX_ATTEMPTS + 1)), strict=False)
    ]
    read = _instant(body[:8])
    return Memory(lost=False, unreadable=False, ledger_read=read, **sets, asks=tuple(asks))


def _digests(part: bytes) -> Digests:
    whole = part.ljust(-(-len(part) // 8) * 8, b"\0")
    return np.unique(np.frombuffer(whole, "<u8").astype(np.uint64) >> np.uint64(8))


def _instant(part: bytes) -> Any:
    return utc_from_microseconds(int.from_bytes(part[:8], "little", signed=True))


def _text(part: bytes) -> str:
    return part.decode("utf-8", "replace")


def _made_up(body: bytes) -> str:
    """Make the JSON of a cursor that need not make sense."""
    parts = _parts(body)
    fields: dict[str, Any] = {"v": 1, "rules": _WRITTEN_BY, "ledger_read": _number(next(parts))}
    for name in _SETS:
        part = next(parts)
        packed = part[1:] if part[:1] == b"\0" else zlib.compress(part)
        fields[name] = base64.b85encode(packed).decode("ascii")
    fields["asks"] = [
        [_text(part), _text(next(parts)), 1 + len(part) % 5, _number(part), _number(next(parts))]
        for part, _ in zip(parts, range(len(body) % 3), strict=False)
    ]
    return json.dumps(fields)


def _number(part: bytes) -> int:
    return int.from_bytes(part[:20], "little", signed=True)


def seeds() -> Iterator[bytes]:
    """Give cursors of each kind."""
    body = b"\xff".join(bytes(range(at, at + 16)) for at in range(0, 96, 8))
    for kind in range(32):
        yield bytes([kind, 100, 65]) + body
        yield bytes([kind, 30, 34]) + b"orders/a.csv\xff" + b"\xc5\xbe" * 9 + b"\xff\x01"
    yield bytes(3) + write_memory(_memory(body), _RULES).encode()
    yield bytes(3) + write_memory(_memory(b"key\xfffingerprint"), _OTHERS).encode()


CURSORS = Target(
    name="cursors",
    units="cursors",
    check=check,
    seeds=seeds,
    words=(b"\xff", b"\0", b"[]", b"{}", b'""', b"null", b"1e400", b"-1", b'\\ud800', b'"asks":',
           b'"v":1', b'"rules":', b'"done":', b"c-jLC0RR91", b"99999999999999999999"),
    longest=700,
)  # fmt: skip
"""See the module."""
