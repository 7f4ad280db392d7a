"""Which customer a row belongs to (D19-D22, M045, M061, M102, b.4).

`resolve` is held against `Shop`, a slow model that is written from the rules in words and shares no
code with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from import_assets.tables import identity
from import_assets.tables.compiled import compiled
from import_assets.tables.identity import STORED, IdKind, Resolution, resolve
from import_assets_tests.builders import examples
from import_assets_tests.tables.shop import Customer, Ids, Key, Shop

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
    """What a warehouse keeps of identifiers between files."""

    kinds: tuple[IdKind, ...]
    limit: int = 64
    owner: dict[Key, int] = field(default_factory=dict)
    used: dict[Key, int] = field(default_factory=dict)
    added: dict[Key, int] = field(default_factory=dict)
    last_id: int = 0
    clock: int = 0
    bound: int = 0

    def stored(self, rows: list[Ids]) -> pl.DataFrame:
        hit = {self.owner[key] for ids in rows for key in ids.items() if key in self.owner}
        return pl.DataFrame(
            [
                (*key, owner, self.used.get(key))
                for key, owner in self.owner.items()
                if owner in hit
            ],
            schema=STORED,
            orient="row",
        )

    def apply(self, rows: list[Ids]) -> Resolution:
        resolution = resolve(
            frame(rows, self.kinds),
            self.kinds,
            self.stored(rows),
            self.last_id,
            clock=self.clock,
            limit=self.limit,
        )
        self.keep(resolution)
        self.clock += len(rows)
        return resolution

    def keep(self, resolution: Resolution) -> None:
        """Write down what a warehouse would, from what `resolve` says alone."""
        for kind, value, customer, _row in resolution.dropped.iter_rows():
            assert self.owner.pop((kind, value)) == customer
            del self.used[kind, value]
        by_row = resolution.ids.sort("_row", "kind", "value")
        for kind, value, customer, _row, followed in by_row.iter_rows():
            assert not followed or self.owner[kind, value] != customer
            self.owner[kind, value] = customer
            if not followed:
                self.bound += 1
                self.added[kind, value] = self.bound
        for kind, value, row in resolution.used.iter_rows():
            assert (kind, value) in self.owner
            self.used[kind, value] = self.clock + row
        self.last_id += resolution.created

    def listed(self) -> dict[tuple[int, str], list[str]]:
        """The identifiers of each customer and kind, those first that were added first."""
        lists: dict[tuple[int, str], list[str]] = {}
        for kind, value in sorted(self.owner, key=lambda key: self.added[key]):
            lists.setdefault((self.owner[kind, value], kind), []).append(value)
        return lists


def frame(rows: list[Ids], kinds: tuple[IdKind, ...]) -> pl.DataFrame:
    """Rows as `resolve` takes them, with the kinds that at least one of them has."""
    present = [kind.name for kind in kinds if any(kind.name in ids for ids in rows)]
    return pl.DataFrame(
        [
            {"_row": number, **{name: ids.get(name) for name in present}}
            for number, ids in enumerate(rows, 1)
        ],
        schema={"_row": pl.Int64, **dict.fromkeys(present, pl.String)},
    )


# --- histories ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class History:
    """Rows that arrive in several files."""

    kinds: tuple[IdKind, ...]
    limit: int
    files: list[list[Ids]]


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Rows that share few values, cut into files anywhere."""
    kinds = draw(st.sampled_from(list(KINDS.values())))
    cell = st.sampled_from(draw(st.sampled_from(["ab", "abc", "abcdef", "abcdefghijkl"])))
    row = st.fixed_dictionaries({}, optional={kind.name: cell for kind in kinds}).filter(bool)
    rows = draw(st.lists(row, min_size=1, max_size=30))
    cuts = draw(st.sets(st.integers(1, len(rows)), max_size=9))
    ends = sorted({*cuts, len(rows)})
    files = [rows[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    return History(kinds, draw(st.sampled_from([1, 2, 3, 64])), files)


def hold_against_the_rules(history: History) -> None:
    """Let the model and `resolve` take the same files, and compare all that is said of each."""
    shop = Shop(history.kinds, history.limit)
    books = Books(history.kinds, history.limit)
    hard = {kind.name for kind in history.kinds if kind.hard}
    number: dict[Customer, int] = {}
    for rows in history.files:
        before, known = shop.rows, list(shop.customers)
        owned = {key: customer for customer in known for key in customer.ids}
        shop.since.clear()
        for ids in rows:
            shop.take(ids)
        found = books.apply(rows)

        for customer in shop.customers:
            number.setdefault(customer, len(number) + 1)
        now = {key: customer for customer in shop.customers for key in customer.ids}
        assert found.created == len(set(shop.customers) - set(known))
        assert found.rows.rows() == [
            (row - before, number[customer.remaining])
            for row, customer in shop.customer_of_row.items()
            if row > before
        ]
        assert found.conflicts.drop("message").rows() == [
            (row - before, *key) for row, key in shop.conflicts.items() if row > before
        ]
        assert sorted(found.merged.rows()) == [
            (number[one], number[one.remaining], one.merged_at - before)
            for one in known
            if one.merged_into is not None
        ]
        assert sorted(found.ids.rows()) == sorted(
            (*key, number[customer], shop.since[key] - before, shop.added[key] <= before)
            for key, customer in now.items()
            if customer is not owned.get(key) or shop.added[key] > before
        )
        assert sorted(found.dropped.rows()) == sorted(
            (*key, number[customer], shop.dropped[key] - before)
            for key, customer in owned.items()
            if key not in now
        )
        assert sorted(found.used.rows()) == sorted(
            (*key, shop.used[key] - before)
            for key in now
            if key[0] not in hard and shop.used[key] > before
        )
        assert books.owner == {key: number[customer] for key, customer in now.items()}
        lists = {(number[one], kind): values for (one, kind), values in shop.listed().items()}
        assert books.listed() == lists
    _hold_what_always_holds(shop, history, hard)


def _hold_what_always_holds(shop: Shop, history: History, hard: set[str]) -> None:
    """Every row is accepted or refused; limits and hard kinds hold for every customer."""
    assert shop.customer_of_row.keys().isdisjoint(shop.conflicts)
    assert len(shop.customer_of_row) + len(shop.conflicts) == sum(map(len, history.files))
    for customer in shop.customers:
        for kind in {kind for kind, _ in customer.ids}:
            held = sum(kind == other for other, _ in customer.ids)
            assert held <= (1 if kind in hard else history.limit)


@examples(250)
@given(histories())
def test_histories_give_what_the_rules_say_however_they_are_cut_into_files(
    history: History,
) -> None:
    """D19-D22, M045, M061, b.4: in each file rows, owners, conflicts, merges, drops and uses."""
    hold_against_the_rules(history)


@pytest.mark.slow
@examples(100)
@given(histories())
def test_compiled_rules_are_the_same_rules(history: History) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(identity, "COMPILED_FROM", 0)
        hold_against_the_rules(history)


@pytest.mark.slow
def test_rules_are_compiled_where_nothing_can_be_kept() -> None:
    """An installation that only reads, and no home: there is no place for machine code."""
    names: dict[str, Callable[..., Any]] = {}
    text = "def double(n):\n    return 2 * n\n\ndef entry(n):\n    return double(n) + 1\n"
    exec(compile(text, "/nowhere/rules.py", "exec"), names)
    assert compiled(names["entry"], (names["double"],))(20) == 41


# --- examples -------------------------------------------------------------------------------------

HARD_SOFT = KINDS["hard, soft"]
HARD_SOFT_SOFT = KINDS["hard, soft, soft"]
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
    assert found.merged.rows() == [(2, 1, 1)]
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
    assert found.merged.rows() == [(2, 1, 1)]
    assert set(books.owner.values()) == {1}


def test_a_cookie_that_goes_and_comes_back_is_added_anew() -> None:
    """D22: in one file as in two."""
    rows: list[Ids] = [{"registered": "1", "cookie": cookie} for cookie in "gh"]
    wandering: list[Ids] = [{"registered": "2", "cookie": "g"}, {"registered": "1", "cookie": "g"}]
    whole, parted = Books(HARD_SOFT), Books(HARD_SOFT)
    for books, files in ((whole, [rows, wandering]), (parted, [rows, *([r] for r in wandering)])):
        for file in files:
            books.apply(file)
        assert books.listed()[1, "cookie"] == ["h", "g"]


def test_a_merge_adds_nothing_anew() -> None:
    """D22: the cookies of both profiles stand in the order in which they came."""
    first: list[Ids] = [
        {"device": "d"},
        {"registered": "1", "cookie": "x"},
        {"device": "d", "cookie": "a"},
    ]
    whole, parted = Books(HARD_SOFT_SOFT), Books(HARD_SOFT_SOFT)
    merging: list[Ids] = [{"registered": "1", "device": "d"}]
    for books, files in ((whole, [first + merging]), (parted, [first, merging])):
        for file in files:
            books.apply(file)
        assert books.listed()[1, "cookie"] == ["x", "a"]


def test_of_65_cookies_the_longest_unused_is_dropped() -> None:
    """b.4: a row that has a cookie uses it; who comes back with a dropped one begins anew."""
    books = Books(HARD_SOFT)
    cookies = [{"registered": "1", "cookie": str(number)} for number in range(64)]
    books.apply(cookies)
    found = books.apply([{"cookie": "0"}, {"registered": "1", "cookie": "new"}, {"cookie": "1"}])
    assert found.dropped.is_empty()
    assert found.ids.rows() == [("cookie", "new", 1, 2, False), ("cookie", "1", 2, 3, False)]
    assert found.rows["customer_id"].to_list() == [1, 1, 2]
    assert "cookie=0" in owners(books)


def test_a_merge_keeps_the_64_cookies_used_last() -> None:
    """b.4: of both profiles; what is dropped is told with the row that did it."""
    books = Books(HARD_SOFT_SOFT)
    books.apply([{"device": "d", "cookie": f"anonymous {number}"} for number in range(50)])
    books.apply([{"registered": "1", "cookie": f"known {number}"} for number in range(50)])
    found = books.apply([{"registered": "1", "device": "d"}])
    assert found.merged.rows() == [(2, 1, 1)]
    assert found.dropped.select("value", "customer_id", "_row").rows() == [
        (f"anonymous {number}", 1, 1) for number in range(36)
    ]
    assert found.used.rows() == [("device", "d", 1)]
    assert sum(key.startswith("cookie") for key in owners(books)) == 64


def test_identifiers_whose_last_use_nobody_noted_go_first() -> None:
    stored = pl.DataFrame(
        [("cookie", "b", 1, 5), ("cookie", "a", 1, None), ("registered", "1", 1, None)],
        schema=STORED,
        orient="row",
    )
    rows = frame([{"registered": "1", "cookie": "c"}], HARD_SOFT)
    found = resolve(rows, HARD_SOFT, stored, 1, clock=9, limit=2)
    assert found.dropped.rows() == [("cookie", "a", 1, 1)]


def test_identifiers_of_a_kind_that_the_project_gave_up_follow_their_customer() -> None:
    stored = pl.DataFrame(
        [("device", "d", 2, 1), ("cookie", "a", 2, 1), ("registered", "1", 1, None)],
        schema=STORED,
        orient="row",
    )
    rows = frame([{"registered": "1", "cookie": "a"}], HARD_SOFT)
    found = resolve(rows, HARD_SOFT, stored, 2, clock=9)
    assert sorted(found.ids.rows()) == [("cookie", "a", 1, 1, True), ("device", "d", 1, 1, True)]


def test_values_are_quoted_in_sentences() -> None:
    """A value may hold anything, and the sentence stays on its line."""
    books = Books(HARD_HARD_SOFT)
    found = books.apply(
        [{"registered": "it's"}, {"email": "a\nb"}, {"registered": "it's", "email": "a\nb"}]
    )
    assert found.conflicts["message"].to_list() == [
        "registered \"it's\" and email 'a\\nb' belong to two different customers"
    ]


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
def test_a_large_file_whose_cookies_wander() -> None:
    """200,000 rows; every hundredth has the cookie that the customer before had."""
    count = 200_000
    number = pl.int_range(count, eager=True)
    rows = pl.DataFrame(
        {
            "_row": number + 1,
            "registered": pl.Series(number // 2).cast(pl.String),
            "cookie": (number - (number % 100 == 0).cast(pl.Int64) * 3).cast(pl.String),
        }
    )
    found = resolve(rows, HARD_SOFT, pl.DataFrame(schema=STORED), 0)
    assert found.created == count // 2
    assert found.rows["customer_id"].to_list() == [n // 2 + 1 for n in range(count)]
