"""What a look at a folder decides: which files are asked for, and what is remembered (M016-M030).

Looking is a pure function, so that the promise can be tested: a settled file is asked for until
the ledger holds it or its attempts are used up, and never while the ledger holds it or a run is on
its way to it. Asking twice would do no harm, because applying a batch twice changes nothing;
forgetting a file would.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Self

import numpy as np
import numpy.typing as npt

from import_assets.errors import SourceError
from import_assets.sources.ask import (
    MAX_ATTEMPTS,
    Ask,
    AskOutcome,
    Imported,
    Outcome,
    ReadLedger,
    is_imported,
)
from import_assets.sources.delivery import Delivery
from import_assets.sources.listing import Listing
from import_assets.sources.memory import (
    Digests,
    Memory,
    key_digests,
    read_memory,
    version_digests,
    write_memory,
)
from import_assets.sources.notes import count_of, names_of, said_of, too_many
from import_assets.sources.rules import Rules
from import_assets.sources.storage.keys import true_path
from import_assets.sources.storage.selection import by_age, choose, order_of

MAX_OPEN = 1_000
"""Asks without an outcome, beyond which new files wait; it bounds the cursor."""

LEDGER_EVERY = timedelta(hours=1)
"""How often the ledger is read though nothing seems to need it.

Files that were forgotten by hand, or lost with a warehouse restored from a copy, come back so.
"""

_SPARE = 10_000
_Mask = npt.NDArray[np.bool_]


class TooManyFilesError(SourceError):
    """More files at once than a scheduled import may take; none of them is taken (M024, D06)."""


@dataclass(frozen=True)
class Tick:
    """What one look decided.

    `asks` are to be run, in this order. `cursor` is for the next look. `note` says in one sentence
    what was seen, taken, left and why. `given_up` are files that lie there and whose attempts are
    used up. `unreadable` tells that the cursor was none, or nothing that could be made sense of.
    """

    asks: tuple[Ask, ...]
    cursor: str
    note: str
    given_up: tuple[Delivery, ...] = ()
    unreadable: bool = False


@dataclass(frozen=True)
class Selected:
    """What a scheduled start takes, in order, and one sentence about what it left and why."""

    deliveries: tuple[Delivery, ...]
    note: str


def look(
    listing: Listing,
    rules: Rules,
    cursor: str | None,
    *,
    now: datetime,
    imported: ReadLedger,
    outcome: AskOutcome,
) -> Tick:
    """Decide what a trigger asks for at one look (M022).

    New is what is listed, settled, not in the ledger (under every rule, D04), not asked for, and
    neither given up nor passed over in this version. `not_imported_yet` asks for all that are new;
    the rules for one file ask for the last of them and pass over the others, so that the next look
    does not fall back to an older file. After the cursor was lost, only files that are not earlier
    than the last imported one count as new under these.

    A file is settling while it was modified less than `settle` ago, or was settling at the last
    look and has changed since. Where clocks differ so much that it seems to have been modified
    more than `settle` from now, its age says nothing: it has to be the same at two looks.
    `settle` of zero switches all of this off.

    An ask whose run ended without applying the file is repeated, up to 3 attempts; the file is
    then given up until it changes. One version of a file is waited for before the next is asked
    for. `imported` is called only if something is new, a run has ended, the cursor was lost, or
    an hour has passed; `outcome` only if asks are open.

    Args:
        listing: the matching files of the folder.
        rules: the import's rules.
        cursor: what the last look returned, or None.
        now: the time in UTC.
        imported: reads the ledger.
        outcome: tells where asks are.

    Raises:
        TooManyFilesError: more than `rules.files` are new; nothing is asked for (D06).
        ValueError: the rule is `all`, which a trigger cannot have (M023).
    """
    if rules.select == "all":
        raise ValueError("select: all cannot be combined with on_new_file")
    memory = read_memory(cursor, rules)
    unreadable = memory.unreadable
    files = _Files.of(listing.deliveries, rules, memory, now)
    # Before the ledger: a run that ends in between then counts as running, not as failed.
    states = outcome(memory.asks) if memory.asks else {}
    ledger = imported() if _needs_ledger(memory, files, states, now) else None
    if ledger is not None:
        memory, files = _with_ledger(memory, files, rules, ledger, now)
    asks = _follow(memory.asks, files, states, ledger, rules)
    memory = replace(memory, given_up=np.union1d(memory.given_up, version_digests(asks.given_up)))
    new = files.pick(files.new & ~np.isin(files.versions, memory.given_up))
    waiting = 0
    if order_of(rules.select) is None:
        fresh, waiting = _take_all(new, asks, rules)
    else:
        asks, fresh, passed = _take_one(new, asks, memory, rules)
        memory = replace(
            memory, passed_over=np.union1d(memory.passed_over, version_digests(passed))
        )
    memory = _settled_and_pruned(memory, files, (*asks.running, *asks.again, *fresh))
    counts = _Counts(len(fresh), len(asks.again), len(asks.running), waiting)
    given_up = files.pick(np.isin(files.versions, memory.given_up) & ~files.done)
    return Tick(
        asks=tuple(sorted((*fresh, *asks.again), key=lambda ask: by_age(ask.delivery))),
        cursor=write_memory(memory, rules),
        note=said_of(listing, rules, _parts(files, memory, counts, given_up)),
        given_up=given_up,
        unreadable=unreadable,
    )


def select_scheduled(
    listing: Listing, rules: Rules, imported: ReadLedger, now: datetime, limit: int | None
) -> Selected:
    """Return what a start by the clock or by hand takes, outside of any trigger.

    `not_imported_yet` leaves out what the ledger holds; the other rules do not consult it (D03).
    Files modified less than `settle` before or after now are left for the next start; there is no
    memory here of an earlier look to compare with.

    Args:
        listing: the matching files of the folder.
        rules: the import's rules.
        imported: reads the ledger; called under `not_imported_yet` only.
        now: the time in UTC.
        limit: the largest number of files, or None for a start by hand (D06).

    Raises:
        TooManyFilesError: more files than `limit`; nothing is taken (M024).
    """
    settled = [file for file in listing.deliveries if not _is_young(file, rules, now)]
    young = f"still settling (changed less than {rules.settle.total_seconds():.0f} s ago)"
    left = [count_of(len(listing.deliveries) - len(settled), young)]
    if rules.select == "not_imported_yet":
        ledger = imported()
        new = [file for file in settled if not is_imported(file, ledger, rules.by)]
        left.append(count_of(len(settled) - len(new), "imported already"))
        settled = new
    taken = choose(settled, rules.select)
    left.append(count_of(len(settled) - len(taken), "passed over"))
    if limit is not None and len(taken) > limit:
        raise TooManyFilesError(too_many(len(taken), limit, rules))
    return Selected(taken, said_of(listing, rules, [count_of(len(taken), "taken"), *left]))


def over_limit(listing: Listing, rules: Rules, imported: ReadLedger) -> str | None:
    """Return why an import may not be saved or scheduled (M024), or None if it may.

    Files that are still settling count, since the next start would take them.
    """
    if order_of(rules.select) is not None:
        return None
    count = len(listing.deliveries)
    if rules.select == "not_imported_yet" and count > rules.files:
        ledger = imported()
        count = sum(not is_imported(file, ledger, rules.by) for file in listing.deliveries)
    return too_many(count, rules.files, rules) if count > rules.files else None


@dataclass(frozen=True, eq=False)
class _Files:
    """The listed files with what is known of each; arrays run parallel to `deliveries`."""

    deliveries: Sequence[Delivery]
    keys: Digests
    versions: Digests
    identity: Digests
    young: _Mask
    ahead: _Mask
    done: _Mask
    new: _Mask

    @classmethod
    def of(
        cls, deliveries: Sequence[Delivery], rules: Rules, memory: Memory, now: datetime
    ) -> Self:
        keys, versions = key_digests(deliveries), version_digests(deliveries)
        identity = keys if rules.by == "name" else versions
        near, ahead = _ages(deliveries, rules, now)
        same = np.isin(versions, memory.settling)
        changed = np.isin(keys, memory.settling_keys) & ~same
        young = near | (ahead & ~same)
        if rules.settle:
            young |= changed
        done = np.isin(identity, memory.done)
        new = ~(
            young
            | done
            | np.isin(versions, memory.passed_over)
            | np.isin(versions, memory.given_up)
        )
        return cls(deliveries, keys, versions, identity, young, ahead, done, new)

    def pick(self, mask: _Mask) -> tuple[Delivery, ...]:
        return tuple(self.deliveries[i] for i in np.flatnonzero(mask).tolist())


@dataclass(frozen=True)
class _Asks:
    """Open asks after following them up."""

    running: tuple[Ask, ...] = ()
    again: tuple[Ask, ...] = ()
    given_up: tuple[Delivery, ...] = ()

    @property
    def keys(self) -> Set[str]:
        """Files to which something is on its way."""
        return {ask.delivery.key for ask in (*self.running, *self.again)}


@dataclass(frozen=True)
class _Counts:
    new: int
    again: int
    running: int
    waiting: int


def _ages(deliveries: Sequence[Delivery], rules: Rules, now: datetime) -> tuple[_Mask, _Mask]:
    """Tell which files were modified close to now, and which well ahead of it."""
    modified = np.array([file.modified.timestamp() for file in deliveries], dtype=np.float64)
    age = now.timestamp() - modified
    settle = rules.settle.total_seconds()
    if not settle:
        return np.zeros(len(age), dtype=np.bool_), np.zeros(len(age), dtype=np.bool_)
    return np.abs(age) < settle, age <= -settle


def _is_young(delivery: Delivery, rules: Rules, now: datetime) -> bool:
    return abs(now - delivery.modified) < rules.settle


def _needs_ledger(
    memory: Memory, files: _Files, states: Mapping[str, Outcome], now: datetime
) -> bool:
    # While all asks run, a busy warehouse is not asked how far they are.
    ended = any(states.get(ask.delivery.key) != "running" for ask in memory.asks)
    age = now - memory.ledger_read
    stale = not timedelta(0) <= age < LEDGER_EVERY
    busy = key_digests([ask.delivery for ask in memory.asks])
    new = bool((files.new & ~np.isin(files.keys, busy)).any())
    return memory.lost or ended or stale or new


def _with_ledger(
    memory: Memory, files: _Files, rules: Rules, ledger: Imported, now: datetime
) -> tuple[Memory, _Files]:
    """Bring what is known up to the ledger.

    `done` holds listed files only. A file that leaves the folder is forgotten here, and should it
    come back, it looks new, which makes the look read the ledger, which knows it.
    """
    done = np.array(
        [is_imported(file, ledger, rules.by) for file in files.deliveries], dtype=np.bool_
    )
    given_up = np.setdiff1d(memory.given_up, files.versions[done])
    passed_over = memory.passed_over
    if memory.lost:
        earlier = ~done & _earlier_than_imported(files, rules, ledger)
        passed_over = np.union1d(passed_over, files.versions[earlier])
    new = ~(
        files.young
        | done
        | np.isin(files.versions, passed_over)
        | np.isin(files.versions, given_up)
    )
    memory = replace(
        memory,
        lost=False,
        ledger_read=now,
        done=np.unique(files.identity[done]),
        given_up=given_up,
        passed_over=passed_over,
    )
    return memory, replace(files, done=done, new=new)


def _earlier_than_imported(files: _Files, rules: Rules, ledger: Imported) -> _Mask:
    """Tell which files come before the last imported one in the order of a rule for one file.

    By age, the imported file has to lie there still, because the ledger does not know its time;
    if none does, all files count as new and one of them is taken.
    """
    here = [file for file in files.deliveries if is_imported(file, ledger, "version")]
    if rules.select == "last_modified" and here:
        latest = max(file.modified for file in here)
        return np.array([file.modified < latest for file in files.deliveries], dtype=np.bool_)
    if rules.select == "last_alphabetically":
        names = [key for key in ledger if rules.pattern.matches(true_path(key))]
        last = max([*names, *(file.path for file in here)], default="")
        return np.array([file.path < last for file in files.deliveries], dtype=np.bool_)
    return np.zeros(len(files.deliveries), dtype=np.bool_)


def _follow(
    asks: Sequence[Ask],
    files: _Files,
    states: Mapping[str, Outcome],
    ledger: Imported | None,
    rules: Rules,
) -> _Asks:
    """Decide what becomes of each open ask."""
    listed = {file.key: file for file in files.deliveries} if asks else {}
    running: list[Ask] = []
    again: list[Ask] = []
    given_up: list[Delivery] = []
    for ask in asks:
        if ledger is not None and is_imported(ask.delivery, ledger, rules.by):
            continue
        state = states.get(ask.delivery.key, "gone")
        now = listed.get(ask.delivery.key)
        if now is None or now.fingerprint != ask.delivery.fingerprint:
            # It has left, or is another version by now, which is looked at like any new file.
            if state == "running":
                running.append(ask)
        elif state == "running":
            running.append(Ask(now, ask.attempt))
        elif state == "refused" or ask.attempt >= MAX_ATTEMPTS:
            given_up.append(now)
        else:
            again.append(Ask(now, ask.attempt + 1))
    return _Asks(tuple(running), tuple(again), tuple(given_up))


def _take_all(new: Sequence[Delivery], asks: _Asks, rules: Rules) -> tuple[tuple[Ask, ...], int]:
    """Return asks for all new files, and how many files wait instead."""
    busy = asks.keys
    fresh = [file for file in new if file.key not in busy]
    if len(fresh) > rules.files:
        raise TooManyFilesError(too_many(len(fresh), rules.files, rules))
    if len(busy) + len(fresh) > MAX_OPEN:
        return (), len(fresh)
    return tuple(Ask(file, 1) for file in choose(fresh, rules.select)), 0


def _take_one(
    new: Sequence[Delivery], asks: _Asks, memory: Memory, rules: Rules
) -> tuple[_Asks, tuple[Ask, ...], list[Delivery]]:
    """Return the asks that remain, the new one if any, and the files passed over.

    Files asked for are not imported yet either, so the last of all of them is what counts: a file
    whose run failed is not tried again once a later one was asked for. So does a version that
    waits for an earlier one of the same file.
    """
    open_asks = [*asks.running, *asks.again]
    passed = np.isin(version_digests([ask.delivery for ask in open_asks]), memory.passed_over)
    open_asks = [ask for ask, is_passed in zip(open_asks, passed, strict=True) if not is_passed]
    contenders = [*new, *(ask.delivery for ask in open_asks)]
    taken = choose(contenders, rules.select)
    again = tuple(ask for ask in open_asks if ask in asks.again and ask.delivery in taken)
    fresh = tuple(Ask(file, 1) for file in taken if file in new and file.key not in asks.keys)
    return replace(asks, again=again), fresh, [file for file in contenders if file not in taken]


def _settled_and_pruned(memory: Memory, files: _Files, asks: tuple[Ask, ...]) -> Memory:
    watched = (files.young | files.ahead) & ~files.done
    return replace(
        memory,
        settling=files.versions[watched],
        settling_keys=files.keys[watched],
        passed_over=_pruned(memory.passed_over, files.versions),
        given_up=_pruned(memory.given_up, files.versions),
        asks=asks,
    )


def _pruned(remembered: Digests, listed: Digests) -> Digests:
    """Forget files that left the folder once there are very many of them.

    Unlike `done`, no ledger knows these. A folder that is empty for a moment, because a network
    drive is not mounted, must not make all of them new.
    """
    here = np.isin(remembered, listed)
    return remembered[here] if np.count_nonzero(~here) > _SPARE else remembered


def _parts(
    files: _Files, memory: Memory, counts: _Counts, given_up: Sequence[Delivery]
) -> list[str]:
    """Return what the note says, part by part; parts about nothing are empty."""
    settling = int(np.count_nonzero(files.young & ~files.done))
    done = int(np.count_nonzero(files.done))
    passed = np.isin(files.versions, memory.passed_over) & ~files.done
    return [
        count_of(counts.new, "new"),
        count_of(counts.again, "asked for again"),
        count_of(counts.running, "asked for and not finished"),
        count_of(counts.waiting, f"waiting until fewer than {MAX_OPEN:,} are under way"),
        count_of(settling, "still settling"),
        count_of(len(given_up), f"given up ({names_of(given_up)})"),
        count_of(int(np.count_nonzero(passed)), "passed over"),
        count_of(done, "imported already"),
    ]
