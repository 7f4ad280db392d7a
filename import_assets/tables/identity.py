"""Which customer a row belongs to (D19-D22, M045, M061, M102, b.4).

The rules, applied row by row in file order:

1. Hard identifiers decide, in the project's order. Two of one row that belong to different
   customers, or a hard identifier of a kind for which the customer already has another value, are
   a conflict: the row is rejected.
2. Without a known hard identifier, soft ones decide, in the project's order. A customer fits when
   it has no other value for a hard kind of the row. The first that fits and is identified (has a
   hard identifier) is taken, or else the anonymous one that was created first.
3. Otherwise a new customer begins.
4. The row's identifiers then belong to that customer. A soft one moves here from an identified
   customer; an anonymous customer (soft identifiers only) it belonged to is merged with this one,
   and the profile created first remains.
5. The customer keeps the 64 soft identifiers of a kind that were used last, this row's among them.
   Each accepted row uses the identifiers it has. One that is dropped belongs to nobody.

`resolve` turns identifiers and customers into numbers (`numbering`), follows the rules on these
(`inorder`), and makes tables of what comes of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import polars as pl

from import_assets.tables.compiled import compiled
from import_assets.tables.inorder import NONE, PARTS, Rows, State, take_rows
from import_assets.tables.numbering import (
    Array,
    Values,
    number_values,
    state_before,
    untouched_rows,
)

LIMIT = 64
"""How many soft identifiers of a kind a customer keeps (b.4)."""

COMPILED_FROM = 50_000
"""From how many rows on the loop over them is compiled: before, it is done sooner than loaded."""

Numbers = TypeVar("Numbers", Rows, State)


@dataclass(frozen=True)
class IdKind:
    """A kind of identifier; hard ones have one value a customer."""

    name: str
    hard: bool


@dataclass(frozen=True)
class Resolution:
    """What became of the rows; every `_row` is one of theirs.

    `rows`: the customer of each accepted row. `ids`: the identifiers that have another customer
    than before, or were bound anew to the one they had, and the row that did it; those that only
    `followed` their customer into another were added when they were before. `dropped`: the stored
    identifiers that the limit took away and nobody has now, the customer that had them, and the
    row. `used`: the soft identifiers that accepted rows have and that were not dropped, and the
    last of these rows. `conflicts`: the refused rows, the identifier at fault and a sentence.
    `merged`: stored customers that were merged into others, and the row that did it. `created`
    counts new customers; their ids follow `last_id`. The columns are those of the schemas below.
    """

    rows: pl.DataFrame
    ids: pl.DataFrame
    dropped: pl.DataFrame
    used: pl.DataFrame
    conflicts: pl.DataFrame
    merged: pl.DataFrame
    created: int


ROWS = {"_row": pl.Int64(), "customer_id": pl.Int64()}
IDS = {
    "kind": pl.String(),
    "value": pl.String(),
    "customer_id": pl.Int64(),
    "_row": pl.Int64(),
    "followed": pl.Boolean(),
}
USED = {"kind": pl.String(), "value": pl.String(), "_row": pl.Int64()}
CONFLICTS = {
    "_row": pl.Int64(),
    "kind": pl.String(),
    "value": pl.String(),
    "message": pl.String(),
}
MERGED = {"merged_id": pl.Int64(), "customer_id": pl.Int64(), "_row": pl.Int64()}
STORED = {
    "kind": pl.String(),
    "value": pl.String(),
    "customer_id": pl.Int64(),
    "used": pl.Int64(),
}


def resolve(
    rows: pl.DataFrame,
    kinds: Sequence[IdKind],
    stored: pl.DataFrame,
    last_id: int,
    *,
    clock: int = 0,
    limit: int | None = None,
) -> Resolution:
    """Resolve the rows to customers.

    `kinds` are all of the project's, in its order. `rows`: `_row`, ascending, and one String column
    for each kind that the delivery has, named as the kind, null where the row lacks it; every row
    has at least one. `stored` (kind, value, customer_id, used): every stored identifier of every
    customer that one of the rows' identifiers belongs to, and the clock of its last use, null for
    hard ones. Row n stands at `clock` + n, later than all that is stored. New customers are
    numbered from `last_id` + 1 in the order of their first row. A customer keeps `limit` soft
    identifiers of a kind, at least 1, or else `LIMIT`.
    """
    values = number_values(
        rows,
        [kind.name for kind in kinds if kind.hard],
        [kind.name for kind in kinds if not kind.hard],
        stored,
    )
    stored_ids = stored["customer_id"].unique().sort()
    state = state_before(
        values,
        stored_ids.search_sorted(stored["customer_id"]).to_numpy().astype(np.int64),
        stored["used"].fill_null(NONE).to_numpy(),
        stored_ids.len(),
    )
    number = rows["_row"].to_numpy()
    owner = np.array(state.owner)
    rows_before = untouched_rows(values, number + clock)
    outcome = _take(rows_before, state, stored_ids.len(), LIMIT if limit is None else limit)
    return _report(
        values, number, owner, outcome, stored_ids=stored_ids.to_numpy(), last_id=last_id
    )


@dataclass(frozen=True)
class _Outcome:
    """What `inorder.Rows` and `inorder.State` hold after the last row, as arrays.

    There are `customers`, among them those merged into others.
    """

    customers: int
    customer: Array
    clash: Array
    known: Array
    held: Array
    owner: Array
    since: Array
    followed: Array
    given: Array
    dropped: Array
    merged_into: Array
    merged_at: Array


def _take(rows: Rows, state: State, customers: int, limit: int) -> _Outcome:
    """Take the rows in order, in machine code if they are many."""
    count = len(rows.at)
    take = take_rows
    if count < COMPILED_FROM:
        rows, state = _with_lists(rows), _with_lists(state)
    else:
        take = compiled(take_rows, PARTS)
    customers = take(rows, state, count, customers, limit)
    by_row = (rows.customer, rows.clash, rows.known, rows.held)
    by_value = (state.owner, state.since, state.followed, state.given, state.dropped)
    by_customer = (state.merged_into, state.merged_at)
    arrays = (np.asarray(one, np.int64) for one in (*by_row, *by_value, *by_customer))
    return _Outcome(customers, *arrays)


def _with_lists(fields: Numbers) -> Numbers:
    """Return lists for arrays, which Python reads faster."""
    return fields._make(
        field.tolist() if isinstance(field, np.ndarray) else field for field in fields
    )


def _report(
    values: Values,
    number: Array,
    owner: Array,
    outcome: _Outcome,
    *,
    stored_ids: Array,
    last_id: int,
) -> Resolution:
    """Make tables of the outcome.

    `number` is the `_row` of each row, `owner` the customer that each identifier had before.
    """
    remains = _remaining(outcome.merged_into[: outcome.customers])
    new = np.flatnonzero(remains == np.arange(remains.size))
    new = new[new >= stored_ids.size]
    ids = np.concatenate([stored_ids, np.zeros(remains.size - stored_ids.size, np.int64)])
    ids[new] = last_id + 1 + np.arange(new.size)
    ids = ids[remains]

    accepted = outcome.customer != NONE
    bound = outcome.owner != NONE
    anew = outcome.since != NONE
    changed = np.flatnonzero(bound & (anew | (outcome.owner != owner)))
    since = np.where(anew, outcome.since, outcome.followed)
    changed = changed[np.argsort(since[changed], kind="stable")]
    dropped = np.flatnonzero(~bound & (owner != NONE))
    used = np.flatnonzero(bound & (outcome.given != NONE))
    merged = np.flatnonzero(remains[: stored_ids.size] != np.arange(stored_ids.size))
    return Resolution(
        rows=pl.DataFrame(
            {"_row": number[accepted], "customer_id": ids[outcome.customer[accepted]]}
        ),
        ids=_identifiers(values, changed).with_columns(
            customer_id=ids[outcome.owner[changed]],
            _row=number[since[changed]],
            followed=pl.Series(~anew[changed]),
        ),
        dropped=_identifiers(values, dropped).with_columns(
            customer_id=stored_ids[owner[dropped]], _row=number[outcome.dropped[dropped]]
        ),
        used=_identifiers(values, used).with_columns(_row=number[outcome.given[used]]),
        conflicts=_conflicts(values, number, outcome),
        merged=pl.DataFrame(
            {
                "merged_id": stored_ids[merged],
                "customer_id": ids[merged],
                "_row": number[outcome.merged_at[merged]],
            }
        ),
        created=new.size,
    )


def _remaining(merged_into: Array) -> Array:
    """Follow the merges of each customer to the one that remains."""
    while not np.array_equal(further := merged_into[merged_into], merged_into):
        merged_into = further
    return merged_into


def _identifiers(values: Values, which: Array) -> pl.DataFrame:
    kinds = pl.Series("kind", values.kinds, pl.String)
    return pl.DataFrame([kinds.gather(values.kind[which]), values.text.gather(which)])


def _conflicts(values: Values, number: Array, outcome: _Outcome) -> pl.DataFrame:
    """Say of each refused row what is wrong, in words that the user knows."""
    refused = np.flatnonzero(outcome.clash != NONE)
    held = outcome.held[refused]
    known = _in_words(values, outcome.known[refused])
    # The kind of what the customer has is that of what is at fault.
    other = _in_words(values, np.where(held == NONE, outcome.clash[refused], held))
    return _identifiers(values, outcome.clash[refused]).select(
        pl.Series("_row", number[refused]),
        "kind",
        "value",
        message=pl.when(pl.Series(held == NONE))
        .then(pl.format("{} and {} belong to two different customers", known, other))
        .otherwise(pl.format("the customer with {} already has {}", known, other)),
    )


def _in_words(values: Values, which: Array) -> pl.Series:
    """Return kind and value, the latter quoted as Python does."""
    distinct, place = np.unique(which, return_inverse=True)
    named = _identifiers(values, distinct).iter_rows()
    words = [f"{kind} {value!r}" for kind, value in named]
    return pl.Series(words, dtype=pl.String).gather(place)
