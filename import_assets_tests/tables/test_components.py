"""Connected components as array operations."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from import_assets.tables.components import components
from import_assets_tests.builders import examples


@st.composite
def graphs(draw: st.DrawFn) -> tuple[int, list[tuple[int, int]]]:
    count = draw(st.integers(1, 30))
    node = st.integers(0, count - 1)
    return count, draw(st.lists(st.tuples(node, node), max_size=40))


def labels(count: int, edges: list[tuple[int, int]]) -> list[int]:
    left = np.array([one for one, _ in edges], dtype=np.int64)
    right = np.array([other for _, other in edges], dtype=np.int64)
    return components(count, left, right).tolist()


@examples(200)
@given(graphs())
def test_a_node_has_the_smallest_node_that_it_can_reach(
    graph: tuple[int, list[tuple[int, int]]],
) -> None:
    count, edges = graph
    expected = list(range(count))
    for _ in range(count):
        for one, other in edges:
            expected[one] = expected[other] = min(expected[one], expected[other])
    assert labels(count, edges) == expected


def test_no_nodes() -> None:
    assert labels(0, []) == []


def test_a_long_chain_takes_few_rounds() -> None:
    """Many nodes in a row: a walk along them would not come to an end in time."""
    order = np.random.default_rng(0).permutation(200_000)
    assert not components(200_000, order[:-1], order[1:]).any()
