"""Identifiers, customers and rows as the numbers that `inorder` works on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from import_assets.tables.inorder import NONE, Rows, State

Array = NDArray[np.int64]


@dataclass(frozen=True)
class Values:
    """Identifiers as numbers: places in `kind` and `text`.

    `kinds` are the names of kinds, hard ones first; `kind` says of each identifier which it is,
    `text` the value. `cells` are the rows' identifiers, rows by columns; the first `hard_width`
    columns are of hard kinds. `stored` are the stored identifiers, in their order.
    """

    kinds: list[str]
    hard_kinds: int
    kind: Array
    text: pl.Series
    cells: Array
    hard_width: int
    stored: Array


def number_values(
    rows: pl.DataFrame, hard: Sequence[str], soft: Sequence[str], stored: pl.DataFrame
) -> Values:
    """Number the identifiers of the rows and those stored, kind by kind."""
    # Identifiers of a kind that the project no longer has go where their customer goes.
    gone = set(stored["kind"].unique()) - {*hard, *soft}
    names = [*hard, *soft, *sorted(gone)]
    cells: list[Array] = []
    texts: list[pl.Series] = []
    stored_numbers = empty(stored.height)
    count = 0
    for name in names:
        given = rows[name] if name in rows.columns else pl.Series([], dtype=pl.String)
        of_kind = stored["kind"] == name
        both = pl.concat([given, stored["value"].filter(of_kind)])
        encoded = both.to_arrow().dictionary_encode()
        numbers = (pl.Series(encoded.indices).cast(pl.Int64) + count).fill_null(NONE).to_numpy()
        if name in rows.columns:
            cells.append(numbers[: given.len()])
        stored_numbers[of_kind.to_numpy()] = numbers[given.len() :]
        texts.append(pl.Series(encoded.dictionary, dtype=pl.String))
        count += texts[-1].len()
    return Values(
        kinds=names,
        hard_kinds=len(hard),
        kind=np.repeat(np.arange(len(names)), [text.len() for text in texts]),
        text=pl.concat(texts).alias("value"),
        cells=np.column_stack(cells),
        hard_width=sum(name in rows.columns for name in hard),
        stored=stored_numbers,
    )


def untouched_rows(values: Values, at: Array) -> Rows:
    """Return the rows before anything became of them; `at` is the clock of each."""
    count, width = values.cells.shape
    return Rows(
        width=width,
        hard_width=values.hard_width,
        cells=values.cells.ravel(),
        at=at,
        customer=empty(count),
        clash=empty(count),
        known=empty(count),
        held=empty(count),
    )


def state_before(values: Values, owner: Array, used: Array, customers: int) -> State:
    """Return what is known before the first row, with room for a new customer in each.

    `owner` and `used` are those of the stored identifiers; there are `customers`.
    """
    hard_kinds, soft_kinds = values.hard_kinds, len(values.kinds) - values.hard_kinds
    count, room = values.kind.size, customers + values.cells.shape[0]
    kind = values.kind[values.stored]
    is_hard = kind < hard_kinds

    hard = empty(room * hard_kinds)
    hard[(owner * hard_kinds + kind)[is_hard]] = values.stored[is_hard]

    soft = values.stored[~is_hard]
    held = (owner * soft_kinds + kind - hard_kinds)[~is_hard]
    by_use = np.lexsort((used[~is_hard], held))
    soft, held = soft[by_use], held[by_use]
    older, newer = empty(count), empty(count)
    neighbours = held[1:] == held[:-1]
    older[soft[1:][neighbours]] = soft[:-1][neighbours]
    newer[soft[:-1][neighbours]] = soft[1:][neighbours]
    oldest, newest = empty(room * soft_kinds), empty(room * soft_kinds)
    newest[held] = soft
    oldest[held[::-1]] = soft[::-1]
    return State(
        hard_kinds=hard_kinds,
        soft_kinds=soft_kinds,
        kind=values.kind,
        owner=_placed(count, values.stored, owner),
        used=_placed(count, values.stored, used),
        since=empty(count),
        followed=empty(count),
        given=empty(count),
        dropped=empty(count),
        older=older,
        newer=newer,
        hard=hard,
        oldest=oldest,
        newest=newest,
        size=np.bincount(held, minlength=room * soft_kinds),
        merged_into=np.arange(room),
        merged_at=empty(room),
    )


def empty(size: int) -> Array:
    """Return an array of `size` times nothing."""
    return np.full(size, NONE, np.int64)


def _placed(size: int, places: Array, numbers: Array) -> Array:
    array = empty(size)
    array[places] = numbers
    return array
