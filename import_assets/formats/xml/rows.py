"""Which element is a row (D33)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from import_assets.formats.xml import faults

Path = tuple[str, ...]
"""The names of an element's ancestors and its own, from the root, as they are written."""

_KNOWN: dict[str, Path] = {
    "rss": ("rss", "channel", "item"),
    "feed": ("feed", "entry"),
    "SHOP": ("SHOP", "SHOPITEM"),
    "urlset": ("urlset", "url"),
}


def local(name: str) -> str:
    """Return a name without its prefix; `@` stays before that of an attribute."""
    if name.startswith("@"):
        return "@" + name[1:].rpartition(":")[2]
    return name.rpartition(":")[2]


@dataclass(frozen=True)
class RowRule:
    """Says which elements are rows: those of a path from the root, or of one name anywhere.

    `known` is set where the kind of the document says it, whether or not it has such an element.
    """

    names: Path
    known: bool = False

    @classmethod
    def of(cls, row: str) -> RowRule:
        """Return the rule that a definition says."""
        return cls(tuple(row.split("/")))

    def fits(self, path: Path) -> bool:
        """Tell whether an element is a row unless it lies in one; prefixes may be left out."""
        if len(self.names) == 1:
            path = path[-1:]
        return len(path) == len(self.names) and all(
            said in (name, local(name)) for said, name in zip(self.names, path, strict=True)
        )

    def __str__(self) -> str:
        return "/".join(self.names)


def find_row(counts: Mapping[Path, int], file: str) -> RowRule:
    """Find the row by how many elements of each path the beginning of a document has, root first.

    Feeds of a known kind have their known row, so that one item is read as many are. Else it is
    the most frequent path at the least depth at which any repeats.

    Raises:
        FileRefused: `row_unclear`.
    """
    known = _KNOWN.get("/".join(next(iter(counts))))
    if known is not None:
        return RowRule(known, known=True)
    repeated = [path for path, count in counts.items() if count > 1]
    if not repeated:
        names = faults.listed("/".join(path) for path in counts)
        raise faults.row_unclear(file, f"none repeats at its beginning ({names})")
    depth = min(map(len, repeated))
    ranked = Counter({path: counts[path] for path in repeated if len(path) == depth}).most_common(2)
    if len(ranked) > 1 and ranked[0][1] == ranked[1][1]:
        one, other = ("/".join(path) for path, _ in ranked)
        raise faults.row_unclear(file, f"{one} and {other} are equally frequent at its beginning")
    return RowRule(ranked[0][0])
