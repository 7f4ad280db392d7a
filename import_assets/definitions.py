"""The code location: the project around the current folder, as Dagster's definitions."""

from __future__ import annotations

import os
from pathlib import Path

from import_assets.orchestration.build import build_definitions

PROJECT_VARIABLE = "IMPORT_ASSETS_PROJECT"
"""Environment variable that names the project's folder; the current folder if it is not set."""

defs = build_definitions(Path(os.environ.get(PROJECT_VARIABLE, ".")).resolve())
