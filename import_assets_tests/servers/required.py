"""Programs that a test needs and that no package brings."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest

REQUIRED = "IMPORT_ASSETS_REQUIRE"
"""Environment variable: words of what may not be missing, with commas between."""


def require(word: str, binary: str) -> str:
    """Return the path of a program; skip the test where it is missing, or fail if it is required.

    Args:
        word: what `IMPORT_ASSETS_REQUIRE` calls it.
        binary: its name, or its path.
    """
    # Programs of the system are not on the PATH of ordinary users.
    found = shutil.which(binary) or shutil.which(binary, path="/usr/sbin:/usr/local/sbin:/sbin")
    if found is None:
        missing(word, f"{binary} is not installed")
    return found


def missing(word: str, reason: str) -> NoReturn:
    """Skip the test for a reason, or fail if what is missing is required.

    Args:
        word: what `IMPORT_ASSETS_REQUIRE` calls it.
        reason: what is missing.
    """
    if word in os.environ.get(REQUIRED, "").split(","):
        pytest.fail(f"{reason}, and {REQUIRED} asks for it")
    pytest.skip(reason)
