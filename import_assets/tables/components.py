"""Connected components of a graph, as array operations."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Nodes = NDArray[np.int64]


def components(count: int, left: Nodes, right: Nodes) -> Nodes:
    """Label each of `count` nodes with the smallest node it is connected to.

    `left` and `right` give the two ends of each edge. Labels shrink towards the minimum along the
    edges and are shortened by pointer jumping, which takes about log(count) rounds.
    """
    labels = np.arange(count, dtype=np.int64)
    while True:
        lowest = np.minimum(labels[left], labels[right])
        before = labels.copy()
        # Hooking the roots, not only the ends, lets whole trees move in one round.
        np.minimum.at(labels, before[left], lowest)
        np.minimum.at(labels, before[right], lowest)
        np.minimum.at(labels, left, lowest)
        np.minimum.at(labels, right, lowest)
        jumped = labels[labels]
        while not np.array_equal(jumped, labels):
            labels, jumped = jumped, jumped[jumped]
        if np.array_equal(labels, before):
            return labels
