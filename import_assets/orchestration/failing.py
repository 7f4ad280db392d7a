"""What is said in the UI and its logs about a delivery that was not imported."""

from __future__ import annotations

from import_assets.orchestration import masking
from import_assets.tables.threshold import TooManyRejects


def sentence(error: Exception, *, masked: bool) -> str:
    """Return what an error says; values of records that it repeats are hidden where `masked`."""
    if masked and isinstance(error, TooManyRejects):
        return masking.sentence(str(error), error.values)
    return str(error)
