"""The rules of identity, row by row (D21, D22, b.4), on whole numbers.

The words are in `identity`. Here identifiers, customers and rows are numbers: an identifier stands
for a kind and a value, customers are numbered in the order in which they were created, and -1 is
nobody or nothing. Hard kinds come before soft ones, in rows as in the numbers of kinds.

The functions are written so that they run as they are, and compiled: they take whole numbers and
what holds them, and call each other only. `take_rows` is the entry, `PARTS` what it calls.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

NONE = -1


class Ints(Protocol):
    """An array of whole numbers, or a list of them, which is faster where nothing is compiled."""

    def __getitem__(self, index: int, /) -> int: ...

    def __setitem__(self, index: int, value: int, /) -> None: ...

    def __len__(self) -> int: ...


class State(NamedTuple):
    """Identifiers and customers while rows are taken; a tuple, since that can be compiled.

    By identifier: `kind`; `owner`, its customer; `used`, the clock of its last use; `since`, the
    row that last bound it to another customer; `followed`, of one that no row bound, the row at
    which it followed its customer into another; `given`, the last accepted row that has it;
    `dropped`, the last row at which the limit took it away; `older` and `newer`, its neighbours
    among the soft identifiers of its kind and customer, in the order of their last use.

    By customer and hard kind, at customer * `hard_kinds` + kind: `hard`, its identifier.

    By customer and soft kind, at customer * `soft_kinds` + kind - `hard_kinds`: `oldest` and
    `newest` of its identifiers, and `size`, their number.

    By customer: `merged_into`, itself as long as it remains, and `merged_at`, the row.
    """

    hard_kinds: int
    soft_kinds: int
    kind: Ints
    owner: Ints
    used: Ints
    since: Ints
    followed: Ints
    given: Ints
    dropped: Ints
    older: Ints
    newer: Ints
    hard: Ints
    oldest: Ints
    newest: Ints
    size: Ints
    merged_into: Ints
    merged_at: Ints


class Rows(NamedTuple):
    """Rows, and what becomes of them.

    `cells`, at row * `width` + column, are identifiers; the first `hard_width` columns are those of
    hard kinds. `at` is the clock of each row. Filled in: `customer`; of a refused row, `clash` is
    the identifier at fault, `known` one that says which customer is meant, and `held` the value
    that this customer has in place of `clash`, or nothing if `clash` belongs to somebody else.
    """

    width: int
    hard_width: int
    cells: Ints
    at: Ints
    customer: Ints
    clash: Ints
    known: Ints
    held: Ints


def take_rows(rows: Rows, state: State, count: int, customers: int, limit: int) -> int:
    """Take `count` rows one after the other; return how many customers there are then.

    There are `customers` before. A customer keeps `limit` soft identifiers of a kind, at least 1.
    """
    for row in range(count):
        if _refuse(rows, state, row):
            continue
        customer = _choose(rows, state, row)
        if customer == NONE:
            customer = customers
            customers += 1
        start = row * rows.width
        for place in range(start + rows.hard_width, start + rows.width):
            if rows.cells[place] != NONE:
                _use(state, rows.cells[place], row, rows.at[row])
        for place in range(start, start + rows.width):
            if rows.cells[place] != NONE:
                customer = _claim(state, rows.cells[place], customer, row)
        _trim(state, customer, row, limit)
        rows.customer[row] = customer
    return customers


def _refuse(rows: Rows, state: State, row: int) -> bool:
    """Say whether the row's hard identifiers are in conflict, and note which."""
    start = row * rows.width
    known = NONE
    for place in range(start, start + rows.hard_width):
        value = rows.cells[place]
        if value == NONE or state.owner[value] == NONE:
            continue
        if known == NONE:
            known = value
        elif state.owner[value] != state.owner[known]:
            rows.known[row], rows.clash[row] = known, value
            return True
    if known == NONE:
        return False
    clash = _misfit(rows, state, row, state.owner[known])
    if clash == NONE:
        return False
    rows.known[row], rows.clash[row] = known, clash
    rows.held[row] = state.hard[state.owner[known] * state.hard_kinds + state.kind[clash]]
    return True


def _misfit(rows: Rows, state: State, row: int, customer: int) -> int:
    """Return the row's first hard identifier of which the customer has another value."""
    start = row * rows.width
    for place in range(start, start + rows.hard_width):
        value = rows.cells[place]
        if value != NONE:
            held = state.hard[customer * state.hard_kinds + state.kind[value]]
            if held not in (NONE, value):
                return value
    return NONE


def _choose(rows: Rows, state: State, row: int) -> int:
    """Return the customer that the row names, or nobody."""
    start = row * rows.width
    for place in range(start, start + rows.hard_width):
        value = rows.cells[place]
        if value != NONE and state.owner[value] != NONE:
            return state.owner[value]
    anonymous = NONE
    for place in range(start + rows.hard_width, start + rows.width):
        value = rows.cells[place]
        if value == NONE or state.owner[value] == NONE:
            continue
        owner = state.owner[value]
        if _misfit(rows, state, row, owner) != NONE:
            continue
        # An identified customer before an anonymous one, so that the latter is merged into it.
        if _identified(state, owner):
            return owner
        if anonymous == NONE or owner < anonymous:
            anonymous = owner
    return anonymous


def _identified(state: State, customer: int) -> bool:
    """Say whether the customer has a hard identifier."""
    start = customer * state.hard_kinds
    for place in range(start, start + state.hard_kinds):  # noqa: SIM110 - any() is not compiled
        if state.hard[place] != NONE:
            return True
    return False


def _claim(state: State, value: int, customer: int, row: int) -> int:
    """Let the customer have the identifier; return who remains, should two be merged."""
    owner = state.owner[value]
    if owner == customer:
        return customer
    if owner != NONE and not _identified(state, owner):
        remains, merged = min(owner, customer), max(owner, customer)
        _merge(state, remains, merged, row)
        return remains
    if owner != NONE:
        _take_out(state, value)
    state.owner[value] = customer
    state.since[value] = row
    kind = state.kind[value]
    if kind < state.hard_kinds:
        state.hard[customer * state.hard_kinds + kind] = value
    else:
        _put_in(state, value, NONE)
    return customer


def _merge(state: State, remains: int, merged: int, row: int) -> None:
    """Give all that a customer has to another."""
    state.merged_into[merged] = remains
    state.merged_at[merged] = row
    for kind in range(state.hard_kinds):
        value = state.hard[merged * state.hard_kinds + kind]
        if value != NONE:
            state.hard[remains * state.hard_kinds + kind] = value
            _follow(state, value, remains, row)
    for kind in range(state.soft_kinds):
        value = state.oldest[merged * state.soft_kinds + kind]
        place = state.oldest[remains * state.soft_kinds + kind]
        while value != NONE:
            following = state.newer[value]
            while place != NONE and state.used[place] <= state.used[value]:
                place = state.newer[place]
            _follow(state, value, remains, row)
            _put_in(state, value, place)
            value = following


def _follow(state: State, value: int, customer: int, row: int) -> None:
    """Give an identifier the customer that its own was merged into."""
    state.owner[value] = customer
    # What came with an earlier row of the file is still that row's doing.
    if state.since[value] == NONE and state.followed[value] == NONE:
        state.followed[value] = row


def _use(state: State, value: int, row: int, at: int) -> None:
    """Make the soft identifier the newest of its kind, whoever has it."""
    state.given[value] = row
    state.used[value] = at
    if state.owner[value] != NONE:
        _take_out(state, value)
        _put_in(state, value, NONE)


def _trim(state: State, customer: int, row: int, limit: int) -> None:
    """Drop the longest unused identifiers of each soft kind that are over the limit (b.4)."""
    start = customer * state.soft_kinds
    for held in range(start, start + state.soft_kinds):
        while state.size[held] > limit:
            value = state.oldest[held]
            _take_out(state, value)
            state.owner[value] = NONE
            state.since[value] = NONE
            state.followed[value] = NONE
            state.dropped[value] = row


def _put_in(state: State, value: int, newer: int) -> None:
    """Put a soft identifier among those of its customer, before the newer one, or at the end."""
    held = state.owner[value] * state.soft_kinds + state.kind[value] - state.hard_kinds
    older = state.newest[held] if newer == NONE else state.older[newer]
    state.older[value], state.newer[value] = older, newer
    if older == NONE:
        state.oldest[held] = value
    else:
        state.newer[older] = value
    if newer == NONE:
        state.newest[held] = value
    else:
        state.older[newer] = value
    state.size[held] += 1


def _take_out(state: State, value: int) -> None:
    """Take a soft identifier out of those of its customer."""
    held = state.owner[value] * state.soft_kinds + state.kind[value] - state.hard_kinds
    older, newer = state.older[value], state.newer[value]
    if older == NONE:
        state.oldest[held] = newer
    else:
        state.newer[older] = newer
    if newer == NONE:
        state.newest[held] = older
    else:
        state.older[newer] = older
    state.size[held] -= 1


PARTS = (
    _refuse,
    _misfit,
    _choose,
    _identified,
    _claim,
    _merge,
    _follow,
    _use,
    _trim,
    _put_in,
    _take_out,
)
