"""What is wrong only beside the rest of its document, with the place where it is to be mended.

Pydantic stops at the first exception of a model's validator and places it at the whole model. A
`Misfit` carries its own place, and `refuse` raises any number of them at once, so that
`import_assets.spec.problems` can point at each offending key.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pydantic_core import PydanticCustomError

DocumentPath = tuple[str | int, ...]
"""The way from the top of a document to a key or an item: `("columns", 2, "to")`."""

MISFITS = "misfits"
"""The type of pydantic error that carries misfits, under the same name, in its context."""


@dataclass(frozen=True)
class Misfit:
    """One thing that does not fit; `path` begins at the model that found it."""

    path: DocumentPath
    message: str


def refuse(misfits: Iterable[Misfit]) -> None:
    """Raise one pydantic error for all `misfits`; do nothing where there are none."""
    found = tuple(misfits)
    if found:
        text = "; ".join(misfit.message for misfit in found)
        raise PydanticCustomError(MISFITS, "{text}", {"text": text, MISFITS: found})


def dotted(path: DocumentPath) -> str:
    """Return the path as text: `columns[2].to`, items counted from 0."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")
