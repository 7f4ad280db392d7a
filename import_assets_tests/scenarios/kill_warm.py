"""What each forked process would do for itself, done once: imports, and the models of definitions.

Imported by the process that the others are forked from. Starts no thread, which would not be there
after the fork.
"""

from __future__ import annotations

import importlib
import tempfile
from contextlib import suppress
from pathlib import Path

from import_assets.spec.loading import load
from import_assets_tests.scenarios import kill_driver
from import_assets_tests.scenarios.kill_shop import write_project

__all__ = ["kill_driver"]

# DuckDB imports the first two as soon as it is given a frame, if they are there.
for _module in ("pandas", "pyarrow.dataset", "sqlalchemy"):
    with suppress(ImportError):
        importlib.import_module(_module)

with tempfile.TemporaryDirectory() as _folder:
    load(write_project(Path(_folder, "project")))
