"""Exit codes of the command."""

from __future__ import annotations

DONE = 0
"""Everything that was asked for was done."""

FAULTS = 1
"""Done with faults: some deliveries were not imported, or a definition is wrong."""

NOT_DONE = 2
"""Nothing was done: bad usage, an unknown name, nothing could be imported."""

INTERRUPTED = 130
"""Ended by Ctrl-C."""
