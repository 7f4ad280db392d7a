"""Where each target is, in names only: they are loaded when atheris can watch."""

from __future__ import annotations

import struct
from importlib import import_module

from fuzzing.target import Target

TALLY = struct.Struct("<QQ")
"""Inputs and units judged so far, as a process that atheris drives writes them down."""

PLACES = {
    "csv": ("fuzzing.csvfiles", "CSV"),
    "layouts": ("fuzzing.layouts", "LAYOUTS"),
    "xml": ("fuzzing.xmlfiles", "XML"),
    "dates": ("fuzzing.dates", "DATES"),
    "definitions": ("fuzzing.definitions", "DEFINITIONS"),
    "cursors": ("fuzzing.cursors", "CURSORS"),
    "archives": ("fuzzing.archives", "ARCHIVES"),
}
"""The module and variable of each target."""

MODULES = {
    "csv": tuple(
        f"import_assets.formats.{name}"
        for name in (
            "blanks",
            "block",
            "cellquotes",
            "columns",
            "csv",
            "dialect",
            "encodings",
            "faults",
            "header",
            "layout",
            "opening",
            "quotes",
            "utf8",
            "verdicts",
            "views",
        )
    ),
    "layouts": tuple(
        f"import_assets.formats.{name}" for name in ("blanks", "layout", "quotes", "utf8")
    ),
    "xml": ("import_assets.formats",),
    "dates": ("import_assets.mapping",),
    "definitions": ("import_assets.spec",),
    "archives": ("import_assets.formats.archive", "import_assets.formats.zipdirectory"),
    "cursors": ("import_assets.sources.memory", "import_assets.sources.delivery"),
}
"""The modules whose branches count as covered by each target; more would be slower."""

COMPARED = frozenset({"definitions", "cursors"})
"""Targets of which the values in comparisons are watched: those that compare texts, not arrays."""


def load(name: str) -> Target:
    """Return the target of this name, loading it and what it fuzzes."""
    module, variable = PLACES[name]
    return getattr(import_module(module), variable)
