"""Definitions with errors, shown in the UI instead of hidden in a log."""

from __future__ import annotations

import dagster as dg

from import_assets.errors import DefinitionError
from import_assets.orchestration.keys import IMPORTS_GROUP, INVALID_GROUP, plain


def build_invalid(name: str, error: DefinitionError, prefix: str = IMPORTS_GROUP) -> dg.AssetSpec:
    """Return an asset without code that carries a definition's errors in its description."""
    # As code, since the sentences name what is to be written in backticks of their own.
    problems = "\n".join(f"    {problem}" for problem in error.problems)
    return dg.AssetSpec(
        dg.AssetKey([prefix, plain(name)]),
        group_name=INVALID_GROUP,
        description=f"This definition cannot be used:\n\n{problems}\n\n"
        "Mend the file, then reload definitions. `import-assets check` says the same.",
        kinds={"yaml"} if prefix == IMPORTS_GROUP else set(),
        tags={"invalid": ""},
    )
