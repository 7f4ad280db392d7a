"""What repeats inside a row, and so becomes JSON there (D33)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from import_assets.formats.views import Positions
from import_assets.formats.xml.marks import Flags
from import_assets.formats.xml.nodes import Nodes
from import_assets.formats.xml.paths import INSIDE, Paths

NOWHERE = -1


@dataclass(frozen=True)
class Repeats:
    """For each node the path, its own or one above, that becomes JSON in its row, else -1.

    `says` tells which nodes say something: attributes, and elements that are not bare and empty.
    """

    top: Positions
    says: Flags


def find_repeats(nodes: Nodes, paths: Paths) -> Repeats:
    """Find the elements that occur twice at the same place of a row, and those wanted as JSON."""
    says = nodes.structured | (nodes.length > 0)
    says[nodes.elements :] = True
    count = len(paths)
    key = nodes.row * count + nodes.path
    roles = paths.roles
    counted = np.flatnonzero(
        says[: nodes.elements] & (roles[nodes.path[: nodes.elements]] == INSIDE)
    )
    keys = np.sort(key[counted])
    several = keys[1:][keys[1:] == keys[:-1]]
    wanted = paths.as_json
    if wanted.any():
        several = np.concatenate([several, key[counted[wanted[nodes.path[counted]]]]])
    top = np.full(len(key), NOWHERE, np.int64)
    several = np.unique(several)
    if not len(several):
        return Repeats(top, says)
    maybe = np.zeros(count, np.bool_)
    maybe[several % count] = True
    parents = paths.parents
    at, path = np.arange(len(key)), nodes.path
    while len(at):
        likely = np.flatnonzero(maybe[path])
        sought = nodes.row[at[likely]] * count + path[likely]
        place = np.minimum(np.searchsorted(several, sought), len(several) - 1)
        hit = likely[several[place] == sought]
        # What is nearest to the row comes last.
        top[at[hit]] = path[hit]
        path = parents[path]
        going = roles[path] == INSIDE
        at, path = at[going], path[going]
    return Repeats(top, says)
