"""A request to import a delivery, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Literal

from import_assets.sources.delivery import Delivery

MAX_ATTEMPTS = 3
"""How often a delivery is asked for before it is given up."""

Outcome = Literal["running", "failed", "refused", "gone"]
"""Where an ask is: its run is queued or runs; ended without applying the batch; refused the file,
so that another try is pointless; or no run is known for it."""


@dataclass(frozen=True)
class Ask:
    """A delivery to import, and which attempt at it this is, counted from 1."""

    delivery: Delivery
    attempt: int

    def run_key(self, import_name: str) -> str:
        """Return the text that tells this attempt from all others, of all imports.

        The attempt is part of it because a run key never starts a second run, not even after
        the first one failed.
        """
        return f"{import_name}:{self.delivery.key}:{self.delivery.fingerprint}:{self.attempt}"


Imported = Mapping[str, Set[str]]
"""What the ledger remembers of an import: keys, and the fingerprints applied under each (D02)."""

ReadLedger = Callable[[], Imported]
"""Reads the ledger. Costs a connection to the warehouse, so it is called only when needed."""

AskOutcome = Callable[[Sequence[Ask]], Mapping[str, Outcome]]
"""Tells the outcome of asks by the keys of their deliveries; a missing one counts as gone."""


def is_imported(delivery: Delivery, imported: Imported, by: Literal["version", "name"]) -> bool:
    """Tell whether the ledger holds this version, or by name any version, of the file (D01)."""
    versions = imported.get(delivery.key)
    return bool(versions) and (by == "name" or delivery.fingerprint in versions)
