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

`resolve_in_order` follows these words. `resolve` gives the same answer by set operations where the
order cannot matter. Everything that hangs together is one customer if it holds at most one stored
customer, one value of each hard kind, and one beginning of an identified customer: then all other
customers on the way are anonymous, and are merged with that one. An identified customer begins with
a row none of whose hard identifiers was seen before, or is stored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from import_assets.tables.components import Nodes, components


@dataclass(frozen=True)
class IdKind:
    """A kind of identifier; hard ones have one value a customer."""

    name: str
    hard: bool


@dataclass(frozen=True)
class Resolution:
    """What became of the rows.

    `rows`: `_row`, `customer_id`. `ids`: `kind`, `value`, `customer_id`, `_row` of every
    identifier that changed its customer and the row that did it. `conflicts`: `_row`, `kind`,
    `value`, `message`. `merged`: `merged_id`, `customer_id` of stored customers. `created` counts
    new customers; their ids follow `last_id`.
    """

    rows: pl.DataFrame
    ids: pl.DataFrame
    conflicts: pl.DataFrame
    merged: pl.DataFrame
    created: int


ROWS = {"_row": pl.Int64(), "customer_id": pl.Int64()}
IDS = {"kind": pl.String(), "value": pl.String(), "customer_id": pl.Int64(), "_row": pl.Int64()}
CONFLICTS = {
    "_row": pl.Int64(),
    "kind": pl.String(),
    "value": pl.String(),
    "message": pl.String(),
}
MERGED = {"merged_id": pl.Int64(), "customer_id": pl.Int64()}
STORED = {"kind": pl.String(), "value": pl.String(), "customer_id": pl.Int64()}


def resolve(
    rows: pl.DataFrame, kinds: Sequence[IdKind], stored: pl.DataFrame, last_id: int
) -> Resolution:
    """Resolve the rows to customers.

    `kinds` are all of the project's, in its order. `rows`: `_row`, ascending, and one String column
    for each kind that the delivery has, named as the kind, null where the row lacks it; every row
    has at least one. `stored` (kind, value, customer_id): every stored
    identifier of every customer that one of the rows' identifiers belongs to. New customers are
    numbered from `last_id` + 1 in the order of their first row.
    """
    given = [kind for kind in kinds if kind.name in rows.columns]
    values = _distinct_values(rows, given, stored)
    hard = frozenset(kind.name for kind in kinds if kind.hard)
    labelled = _label(rows, given, values, stored)
    simple, tangled = _split(labelled, given, values, stored.filter(pl.col("kind").is_in(hard)))
    settled = _settle(simple, given, values)
    state = State(hard)
    for kind, value, customer in stored.iter_rows() if not tangled.is_empty() else ():
        state.give(kind, value, customer)
    outcome = resolve_in_order(tangled.sort("_row"), given, state)
    return _number(settled, outcome, stored, last_id)


def _distinct_values(
    rows: pl.DataFrame, kinds: Sequence[IdKind], stored: pl.DataFrame
) -> pl.DataFrame:
    """Every identifier of the rows: `kind`, `value`, `node`, `_row` of its first row, `owner`."""
    parts = [
        rows.select(pl.lit(kind.name).alias("kind"), pl.col(kind.name).alias("value"), "_row")
        .drop_nulls("value")
        .group_by("kind", "value")
        .agg(pl.col("_row").min())
        for kind in kinds
    ]
    values = pl.concat(parts).sort("_row", "kind", "value").with_row_index("node")
    owners = stored.rename({"customer_id": "owner"})
    return values.with_columns(pl.col("node").cast(pl.Int64)).join(
        owners, on=["kind", "value"], how="left", maintain_order="left"
    )


def _label(
    rows: pl.DataFrame, kinds: Sequence[IdKind], values: pl.DataFrame, stored: pl.DataFrame
) -> pl.DataFrame:
    """Add to the rows the component that they hang on, and whether they begin a customer.

    `_component` labels what hangs together by identifiers and stored customers. `_begins` is true
    where the row has hard identifiers, and all of them for the first time.
    """
    nodes: dict[str, Nodes] = {}
    for kind in kinds:
        of_kind = values.filter(pl.col("kind") == kind.name).select("value", "node")
        joined = rows.select(pl.col(kind.name).alias("value")).join(
            of_kind, on="value", how="left", maintain_order="left"
        )
        nodes[kind.name] = joined["node"].fill_null(-1).to_numpy()
    table = np.column_stack([nodes[kind.name] for kind in kinds])
    anchor = table[np.arange(table.shape[0]), (table >= 0).argmax(axis=1)]
    left = [np.repeat(anchor[:, None], table.shape[1], axis=1)[table >= 0]]
    right = [table[table >= 0]]

    owners = values.select("node", "owner").drop_nulls()
    customers = stored["customer_id"].unique().sort()
    left.append(owners["node"].to_numpy())
    right.append(
        customers.search_sorted(owners["owner"]).to_numpy().astype(np.int64) + values.height
    )
    labels = components(
        values.height + customers.len(), np.concatenate(left), np.concatenate(right)
    )
    return rows.with_columns(
        pl.Series("_component", labels[anchor]), _begins(rows["_row"], kinds, values, nodes)
    )


def _begins(
    row: pl.Series, kinds: Sequence[IdKind], values: pl.DataFrame, nodes: Mapping[str, Nodes]
) -> pl.Series:
    seen = values.select(pl.when(pl.col("owner").is_null()).then("_row").otherwise(-1))
    # One more at the end, where the missing identifiers of node -1 look.
    first_seen = np.append(seen.to_series().to_numpy(), np.iinfo(np.int64).max)
    earliest = np.full(row.len(), np.iinfo(np.int64).max)
    for kind in kinds:
        if kind.hard:
            earliest = np.minimum(earliest, first_seen[nodes[kind.name]])
    return pl.Series("_begins", earliest == row.to_numpy())


def _split(
    labelled: pl.DataFrame,
    kinds: Sequence[IdKind],
    values: pl.DataFrame,
    stored_hard: pl.DataFrame,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Part the rows into those of components that are surely one customer and the others."""
    placed = values.join(_component_of_values(labelled, kinds), on=["kind", "value"])
    owners = placed.select("_component", customer_id="owner").drop_nulls().unique()
    held = stored_hard.join(owners, on="customer_id")
    hard = [kind.name for kind in kinds if kind.hard]
    claims = pl.concat(
        [
            placed.filter(pl.col("kind").is_in(hard)).select("_component", "kind", "value"),
            held.select("_component", "kind", "value"),
        ]
    ).unique()
    identified = held.select("_component", "customer_id").unique()
    beginnings = pl.concat(
        [labelled.filter("_begins").select("_component"), identified.select("_component")]
    )
    tangled = pl.concat(
        [
            _repeated(owners, "_component"),
            _repeated(claims, "_component", "kind"),
            _repeated(beginnings, "_component"),
        ]
    ).unique()
    return (
        labelled.join(tangled, on="_component", how="anti", maintain_order="left"),
        labelled.join(tangled, on="_component", how="semi", maintain_order="left"),
    )


def _repeated(frame: pl.DataFrame, *keys: str) -> pl.DataFrame:
    """Return the components of the keys that occur more than once."""
    return frame.group_by(keys).len().filter(pl.col("len") > 1).select("_component")


def _component_of_values(labelled: pl.DataFrame, kinds: Sequence[IdKind]) -> pl.DataFrame:
    parts = [
        labelled.select(
            pl.lit(kind.name).alias("kind"), pl.col(kind.name).alias("value"), "_component"
        ).drop_nulls("value")
        for kind in kinds
    ]
    return pl.concat(parts).unique(["kind", "value"])


def _settle(
    simple: pl.DataFrame, kinds: Sequence[IdKind], values: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Give each simple component its stored customer, or a provisional negative number.

    Returns rows and changed identifiers; provisional numbers are minus the first row.
    """
    placed = values.join(_component_of_values(simple, kinds), on=["kind", "value"])
    chosen = placed.group_by("_component").agg(pl.col("owner").max(), first=pl.col("_row").min())
    chosen = chosen.select("_component", customer_id=pl.coalesce("owner", -pl.col("first")))
    rows = simple.join(chosen, on="_component", maintain_order="left").select("_row", "customer_id")
    ids = (
        placed.filter(pl.col("owner").is_null())
        .join(chosen, on="_component")
        .select("kind", "value", "customer_id", "_row")
    )
    return rows, ids


@dataclass
class State:
    """Customers and their identifiers while rows are resolved one after the other.

    Customers not stored yet have negative numbers: minus the row that began them.
    """

    hard_kinds: frozenset[str]
    owner: dict[tuple[str, str], int] = field(default_factory=dict)
    hard: dict[int, dict[str, str]] = field(default_factory=dict)
    ids: dict[int, set[tuple[str, str]]] = field(default_factory=dict)

    def give(self, kind: str, value: str, customer: int) -> None:
        """Let the identifier belong to the customer, and to nobody else."""
        before = self.owner.get((kind, value))
        if before is not None:
            self.ids[before].discard((kind, value))
            if kind in self.hard_kinds:
                self.hard[before].pop(kind, None)
        self.owner[kind, value] = customer
        self.ids.setdefault(customer, set()).add((kind, value))
        if kind in self.hard_kinds:
            self.hard.setdefault(customer, {})[kind] = value

    def anonymous(self, customer: int) -> bool:
        """True for a customer without a hard identifier."""
        return not self.hard.get(customer)


def _created(customer: int) -> tuple[bool, int]:
    """Sort key of customers by when they were created: stored ones first, then by row."""
    return customer < 0, abs(customer)


@dataclass(frozen=True)
class InOrder:
    """The outcome of `resolve_in_order`; provisional customers are negative."""

    rows: list[tuple[int, int]]
    ids: dict[tuple[str, str], tuple[int, int]]
    conflicts: list[tuple[int, str, str, str]]
    merged: list[tuple[int, int]]


def resolve_in_order(rows: pl.DataFrame, kinds: Sequence[IdKind], state: State) -> InOrder:
    """Resolve rows one after the other, exactly by the rules; `state` is changed."""
    names = [kind.name for kind in kinds]
    hard_names = [kind.name for kind in kinds if kind.hard]
    outcome = InOrder([], {}, [], [])
    for row, *cells in rows.select("_row", *names).iter_rows():
        given = {name: cell for name, cell in zip(names, cells, strict=True) if cell is not None}
        hard = {name: given[name] for name in hard_names if name in given}
        conflict = _conflict(hard, state)
        if conflict is not None:
            outcome.conflicts.append((row, *conflict))
            continue
        customer = _choose(hard, given, state)
        if customer is None:
            customer = -row
        for name in (*hard, *(name for name in given if name not in hard)):
            customer = _claim((name, given[name]), customer, row, state, outcome)
        outcome.rows.append((row, customer))
    return outcome


def _conflict(hard: Mapping[str, str], state: State) -> tuple[str, str, str] | None:
    """Return kind, value and sentence of a conflict of hard identifiers (D21)."""
    target: tuple[str, str, int] | None = None
    for kind, value in hard.items():
        owner = state.owner.get((kind, value))
        if owner is None:
            continue
        if target is None:
            target = (kind, value, owner)
        elif owner != target[2]:
            return (
                kind,
                value,
                f"{target[0]} {target[1]!r} and {kind} {value!r} belong to two different customers",
            )
    if target is None:
        return None
    for kind, value in hard.items():
        other = state.hard.get(target[2], {}).get(kind)
        if other is not None and other != value:
            return (
                kind,
                value,
                f"the customer with {target[0]} {target[1]!r} already has {kind} {other!r}",
            )
    return None


def _choose(hard: Mapping[str, str], given: Mapping[str, str], state: State) -> int | None:
    for kind, value in hard.items():
        if (owner := state.owner.get((kind, value))) is not None:
            return owner
    fits = [
        owner
        for kind, value in given.items()
        if kind not in hard
        and (owner := state.owner.get((kind, value))) is not None
        and all(state.hard.get(owner, {}).get(k) in (None, v) for k, v in hard.items())
    ]
    # An identified customer before an anonymous one, so that the anonymous one is merged into it.
    identified = [owner for owner in fits if not state.anonymous(owner)]
    return identified[0] if identified else min(fits, key=_created, default=None)


def _claim(key: tuple[str, str], customer: int, row: int, state: State, outcome: InOrder) -> int:
    """Let the customer have the identifier; return the customer that remains if two are merged."""
    owner = state.owner.get(key)
    if owner == customer:
        return customer
    if owner is None or not state.anonymous(owner):
        state.give(*key, customer)
        outcome.ids[key] = (customer, row)
        return customer
    remains, merged = sorted((owner, customer), key=_created)
    outcome.merged.append((merged, remains))
    for moving in sorted(state.ids.get(merged, ())):
        state.give(*moving, remains)
        # What came with an earlier row of the file is still that row's doing.
        _, since = outcome.ids.get(moving, (merged, row))
        outcome.ids[moving] = (remains, since)
    return remains


def _number(
    settled: tuple[pl.DataFrame, pl.DataFrame],
    in_order: InOrder,
    stored: pl.DataFrame,
    last_id: int,
) -> Resolution:
    """Follow merges, number new customers by their first row, drop changes undone later."""
    successor = dict(in_order.merged)
    rows = pl.concat(
        [
            settled[0],
            pl.DataFrame(
                [(row, _last(customer, successor)) for row, customer in in_order.rows],
                schema=ROWS,
                orient="row",
            ),
        ]
    )
    ids = pl.concat(
        [
            settled[1],
            pl.DataFrame(
                [
                    (kind, value, _last(customer, successor), row)
                    for (kind, value), (customer, row) in in_order.ids.items()
                ],
                schema=IDS,
                orient="row",
            ),
        ]
    )
    ids = ids.join(stored, on=["kind", "value", "customer_id"], how="anti")
    new = rows.filter(pl.col("customer_id") < 0).select("customer_id").unique()
    numbers = (
        new.sort("customer_id", descending=True)
        .with_row_index("number")
        .select("customer_id", number=pl.col("number").cast(pl.Int64) + last_id + 1)
    )
    merged = [(loser, _last(winner, successor)) for loser, winner in in_order.merged if loser > 0]
    return Resolution(
        rows=_renumber(rows, numbers).sort("_row"),
        ids=_renumber(ids, numbers).sort("_row", "kind", "value"),
        conflicts=pl.DataFrame(in_order.conflicts, schema=CONFLICTS, orient="row"),
        merged=_renumber(pl.DataFrame(merged, schema=MERGED, orient="row"), numbers),
        created=numbers.height,
    )


def _renumber(frame: pl.DataFrame, numbers: pl.DataFrame) -> pl.DataFrame:
    return (
        frame.join(numbers, on="customer_id", how="left", maintain_order="left")
        .with_columns(customer_id=pl.coalesce("number", "customer_id"))
        .drop("number")
    )


def _last(customer: int, successor: Mapping[int, int]) -> int:
    """Follow the chain of merges to the customer that remains."""
    for step in _chain(customer, successor):
        customer = step
    return customer


def _chain(customer: int, successor: Mapping[int, int]) -> Iterator[int]:
    while (following := successor.get(customer)) is not None:
        customer = following
        yield customer
