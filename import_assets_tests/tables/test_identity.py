"""Which customer a row belongs to (D19-D22, M045, M061, M102, b.4).

`resolve` is held against two slow models: `resolve_in_order` on all rows, and `Shop`, written
from the rules in words and sharing no code with either.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from import_assets.tables import identity
from import_assets.tables.identity import STORED, IdKind, Resolution, State, resolve
from import_assets_tests.builders import examples
from import_assets_tests.tables.shop import Ids, Shop

KINDS = {
    "one hard": (IdKind("registered", True),),
    "one soft": (IdKind("cookie", False),),
    "hard, soft": (IdKind("registered", True), IdKind("cookie", False)),
    "hard, soft, soft": (
        IdKind("registered", True),
        IdKind("cookie", False),
        IdKind("device", False),
    ),
    "hard, hard, soft": (
        IdKind("registered", True),
        IdKind("email", True),
        IdKind("cookie", False),
    ),
    "soft first": (IdKind("cookie", False), IdKind("registered", True), IdKind("email", True)),
    "hard, hard, soft, soft": (
        IdKind("registered", True),
        IdKind("email", True),
        IdKind("cookie", False),
        IdKind("device", False),
    ),
}


# --- the books of a warehouse ---------------------------------------------------------------------


@dataclass
class Books:
    """What a warehouse keeps of identifiers between batches."""

    kinds: tuple[IdKind, ...]
    owner: dict[tuple[str, str], int] = field(default_factory=dict)
    last_id: int = 0

    def stored(self, rows: list[Ids]) -> pl.DataFrame:
        hit = {self.owner[key] for ids in rows for key in ids.items() if key in self.owner}
        return pl.DataFrame(
            [(kind, value, owner) for (kind, value), owner in self.owner.items() if owner in hit],
            schema=STORED,
            orient="row",
        )

    def apply(self, rows: list[Ids], first_row: int = 1) -> Resolution:
        resolution = resolve(
            frame(rows, self.kinds, first_row), self.kinds, self.stored(rows), self.last_id
        )
        self.keep(resolution)
        return resolution

    def keep(self, resolution: Resolution) -> None:
        for kind, value, customer, _row in resolution.ids.iter_rows():
            self.owner[kind, value] = customer
        self.last_id += resolution.created


def frame(rows: list[Ids], kinds: tuple[IdKind, ...], first_row: int = 1) -> pl.DataFrame:
    """Rows as `resolve` takes them, with the kinds that at least one of them has."""
    present = [kind.name for kind in kinds if any(kind.name in ids for ids in rows)]
    return pl.DataFrame(
        [
            {"_row": number, **{name: ids.get(name) for name in present}}
            for number, ids in enumerate(rows, first_row)
        ],
        schema={"_row": pl.Int64, **dict.fromkeys(present, pl.String)},
    )


def in_order(
    rows: pl.DataFrame, kinds: tuple[IdKind, ...], stored: pl.DataFrame, last_id: int
) -> Resolution:
    """`resolve` without its fast path."""
    state = State(frozenset(kind.name for kind in kinds if kind.hard))
    for kind, value, customer in stored.iter_rows():
        state.give(kind, value, customer)
    present = [kind for kind in kinds if kind.name in rows.columns]
    outcome = identity.resolve_in_order(rows, present, state)
    nothing = (pl.DataFrame(schema=identity.ROWS), pl.DataFrame(schema=identity.IDS))
    return identity._number(nothing, outcome, stored, last_id)


def partition(customer_of: dict[int, int]) -> set[frozenset[int]]:
    """The rows of each customer, whatever its number is."""
    rows: dict[int, set[int]] = {}
    for row, customer in customer_of.items():
        rows.setdefault(customer, set()).add(row)
    return {frozenset(group) for group in rows.values()}


# --- strategies -----------------------------------------------------------------------------------


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[tuple[IdKind, ...], list[list[Ids]]]:
    """Kinds of identifiers and several batches of rows that share few values."""
    kinds = draw(st.sampled_from(list(KINDS.values())))
    alphabet = draw(st.sampled_from(["ab", "abc", "abcdefgh"]))
    cell = st.sampled_from(alphabet)
    row = st.fixed_dictionaries({}, optional={kind.name: cell for kind in kinds}).filter(bool)
    batches = draw(st.lists(st.lists(row, min_size=1, max_size=9), min_size=1, max_size=3))
    return kinds, batches


# --- properties -----------------------------------------------------------------------------------


@examples(60)
@given(deliveries())
def test_set_operations_give_what_row_by_row_gives(
    delivered: tuple[tuple[IdKind, ...], list[list[Ids]]],
) -> None:
    """D21, D22, b.4: the fast path and the slow one differ in nothing; hard values stay unique."""
    kinds, batches = delivered
    books = Books(kinds)
    hard = {kind.name for kind in kinds if kind.hard}
    for rows in batches:
        stored, last_id = books.stored(rows), books.last_id
        slow = in_order(frame(rows, kinds), kinds, stored, last_id)
        fast = books.apply(rows)
        assert fast.rows.rows() == slow.rows.rows()
        assert fast.ids.rows() == slow.ids.rows()
        assert fast.conflicts.rows() == slow.conflicts.rows()
        assert sorted(fast.merged.rows()) == sorted(slow.merged.rows())
        assert fast.created == slow.created

        taken = dict(fast.rows.rows())
        assert taken.keys().isdisjoint(fast.conflicts["_row"])
        assert len(taken) + fast.conflicts.height == len(rows)
        held = [(owner, kind) for (kind, _), owner in books.owner.items() if kind in hard]
        assert len(held) == len(set(held))
        for row, customer in taken.items():
            for kind in hard & rows[row - 1].keys():
                assert books.owner[kind, rows[row - 1][kind]] == customer


@examples(60)
@given(deliveries())
def test_one_file_gives_what_the_rules_say(
    delivered: tuple[tuple[IdKind, ...], list[list[Ids]]],
) -> None:
    """D19-D22, M045, M061: rows, owners, conflicts and new customers as in the model."""
    kinds, batches = delivered
    rows = [ids for batch in batches for ids in batch]
    shop = Shop(kinds)
    for ids in rows:
        shop.take(ids)
    books = Books(kinds)
    found = books.apply(rows)

    assert found.conflicts["_row"].to_list() == shop.conflicts
    assert found.created == len(shop.customers)
    by_age = sorted(shop.customers, key=lambda customer: customer.created)
    number = {customer: place for place, customer in enumerate(by_age, 1)}
    assert dict(found.rows.rows()) == {
        row: number[customer] for row, customer in shop.customer_of_row.items()
    }
    assert books.owner == {key: number[c] for c in shop.customers for key in c.ids}
    assert found.merged.is_empty()


@examples(60)
@given(deliveries())
def test_several_files_give_what_one_file_gives(
    delivered: tuple[tuple[IdKind, ...], list[list[Ids]]],
) -> None:
    """D22: where a file ends does not matter to who is who."""
    kinds, batches = delivered
    shop, books = Shop(kinds), Books(kinds)
    customer_of: dict[int, int] = {}
    conflicts: list[int] = []
    created = merged_away = 0
    for rows in batches:
        before = shop.rows
        for ids in rows:
            shop.take(ids)
        found = books.apply(rows)
        moved = dict(found.merged.rows())
        customer_of = {row: moved.get(owner, owner) for row, owner in customer_of.items()}
        customer_of |= {before + row: owner for row, owner in found.rows.rows()}
        conflicts += [before + row for row in found.conflicts["_row"]]
        created += found.created
        merged_away += found.merged.height
        # Everybody merged with is gone: nothing belongs to them any more.
        assert moved.keys().isdisjoint(books.owner.values())

    assert partition(customer_of) == partition(
        {row: id(customer) for row, customer in shop.customer_of_row.items()}
    )
    assert conflicts == shop.conflicts
    assert created - merged_away == len(shop.customers)
    owned: dict[int, set[tuple[str, str]]] = {}
    for key, owner in books.owner.items():
        owned.setdefault(owner, set()).add(key)
    assert {frozenset(keys) for keys in owned.values()} == {
        frozenset(customer.ids) for customer in shop.customers
    }


# --- examples -------------------------------------------------------------------------------------

HARD_SOFT = KINDS["hard, soft"]
HARD_HARD_SOFT = KINDS["hard, hard, soft"]


def owners(books: Books) -> dict[str, int]:
    return {f"{kind}={value}": owner for (kind, value), owner in sorted(books.owner.items())}


def test_cookies_of_one_customer_accumulate() -> None:
    """M045."""
    books = Books(HARD_SOFT)
    found = books.apply([{"registered": "1", "cookie": "a"}, {"registered": "1", "cookie": "b"}])
    assert found.rows["customer_id"].to_list() == [1, 1]
    assert owners(books) == {"cookie=a": 1, "cookie=b": 1, "registered=1": 1}


def test_new_customers_are_numbered_by_their_first_row() -> None:
    books = Books(HARD_SOFT, last_id=7)
    found = books.apply(
        [{"cookie": "z"}, {"registered": "9"}, {"cookie": "a"}, {"registered": "9"}]
    )
    assert found.rows["customer_id"].to_list() == [8, 9, 10, 9]
    assert found.created == 3


def test_registered_goes_before_the_cookie() -> None:
    """M061: the cookie of another identified customer moves to the customer of the row."""
    books = Books(HARD_SOFT)
    books.apply([{"registered": "1", "cookie": "a"}, {"registered": "2"}])
    found = books.apply([{"registered": "2", "cookie": "a"}])
    assert found.rows["customer_id"].to_list() == [2]
    assert owners(books)["cookie=a"] == 2
    assert found.merged.is_empty()


def test_an_anonymous_customer_is_merged_and_the_older_profile_remains() -> None:
    """D21, b.4."""
    books = Books(HARD_SOFT)
    books.apply([{"cookie": "a"}, {"registered": "1"}])
    found = books.apply([{"registered": "1", "cookie": "a"}])
    assert found.merged.rows() == [(2, 1)]
    assert owners(books) == {"cookie=a": 1, "registered=1": 1}


def test_different_values_of_a_hard_kind_never_merge() -> None:
    """D21, b.4: a known cookie beside a new hard identifier goes to a new customer."""
    books = Books(HARD_SOFT)
    found = books.apply(
        [{"registered": "1", "cookie": "a"}, {"registered": "2", "cookie": "a"}, {"cookie": "a"}]
    )
    assert found.rows["customer_id"].to_list() == [1, 2, 2]
    assert found.conflicts.is_empty()


def test_two_hard_identifiers_of_different_customers_are_a_conflict() -> None:
    """D21: the row is rejected, names both, and binds nothing."""
    books = Books(HARD_HARD_SOFT)
    found = books.apply(
        [
            {"registered": "1"},
            {"email": "x"},
            {"registered": "1", "email": "x", "cookie": "a"},
            {"cookie": "a"},
        ]
    )
    assert found.conflicts.rows() == [
        (3, "email", "x", "registered '1' and email 'x' belong to two different customers")
    ]
    assert found.rows.rows() == [(1, 1), (2, 2), (4, 3)]


def test_a_second_value_of_a_hard_kind_is_a_conflict() -> None:
    """D21."""
    books = Books(HARD_HARD_SOFT)
    found = books.apply([{"registered": "1", "email": "x"}, {"registered": "1", "email": "y"}])
    assert found.conflicts.rows() == [
        (2, "email", "y", "the customer with registered '1' already has email 'x'")
    ]


def test_two_identified_customers_that_share_a_cookie_stay_two() -> None:
    """D21: whichever the hard kinds are, only anonymous customers are merged."""
    books = Books(HARD_HARD_SOFT)
    found = books.apply(
        [{"email": "x", "cookie": "a"}, {"registered": "1"}, {"registered": "1", "cookie": "a"}]
    )
    assert found.rows["customer_id"].to_list() == [1, 2, 2]
    assert owners(books) == {"cookie=a": 2, "email=x": 1, "registered=1": 2}


def test_a_customer_known_by_a_hard_identifier_that_the_file_lacks_stays_apart() -> None:
    """D21: the stored customer is identified by `registered`, of which the file knows nothing."""
    books = Books(HARD_HARD_SOFT)
    books.apply([{"registered": "1", "cookie": "a"}])
    found = books.apply([{"email": "x"}, {"email": "x", "cookie": "a"}])
    assert found.rows["customer_id"].to_list() == [2, 2]
    assert owners(books)["cookie=a"] == 2


def test_an_identified_customer_goes_before_an_anonymous_one() -> None:
    """D21: the anonymous one is merged into it, whichever soft identifier comes first."""
    books = Books(KINDS["hard, soft, soft"])
    books.apply([{"cookie": "a"}, {"registered": "1", "device": "b"}])
    found = books.apply([{"cookie": "a", "device": "b"}])
    assert found.merged.rows() == [(2, 1)]
    assert set(books.owner.values()) == {1}


def test_a_kind_may_be_called_anything() -> None:
    kinds = tuple(IdKind(name, False) for name in ("component", "value", "kind", "node", "owner"))
    found = resolve(
        pl.DataFrame({"_row": [1], **{kind.name: ["a"] for kind in kinds}}),
        kinds,
        pl.DataFrame(schema=STORED),
        0,
    )
    assert found.rows.rows() == [(1, 1)]
    assert found.ids.height == 5


def test_no_rows() -> None:
    found = resolve(
        frame([], HARD_SOFT).with_columns(
            pl.lit(None, pl.String).alias("registered"), pl.lit(None, pl.String).alias("cookie")
        ),
        HARD_SOFT,
        pl.DataFrame(schema=STORED),
        4,
    )
    assert (found.rows.height, found.ids.height, found.created) == (0, 0, 0)


@pytest.mark.slow
def test_a_large_file_of_mostly_simple_rows() -> None:
    """200,000 rows of two kinds; one row in a hundred is tangled with others."""
    count = 200_000
    number = pl.int_range(count, eager=True)
    rows = pl.DataFrame(
        {
            "_row": number + 1,
            "registered": pl.Series(number // 2).cast(pl.String),
            # Every hundredth row comes with the cookie of the customer before.
            "cookie": (number - (number % 100 == 0).cast(pl.Int64) * 3).cast(pl.String),
        }
    )
    found = resolve(rows, HARD_SOFT, pl.DataFrame(schema=STORED), 0)
    assert found.created == count // 2
    assert found.rows["customer_id"].to_list() == [n // 2 + 1 for n in range(count)]
