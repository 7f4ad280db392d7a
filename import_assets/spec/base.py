"""What all models of the YAML have in common: their strictness, and paths on this machine."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

CONTROL = re.compile(r"[\x00-\x1f\x7f]")
"""Control characters, which no name or path may hold."""


class StrictModel(BaseModel):
    """A mapping of the YAML: unknown keys are refused, and values are taken as they are written."""

    # Strict: "5" is no number and 1 is no boolean. Aliases are for the YAML, where only `from` is
    # known, names for Python, where `from` is a keyword.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)


def _check_path(text: str) -> str:
    if not text.strip():
        raise ValueError("write a path; it may not be empty")
    if CONTROL.search(text):
        raise ValueError("a path may not hold control characters")
    if text.startswith("~"):
        raise ValueError("~ is not replaced by a home folder: write the whole path")
    return text


LocalPath = Annotated[str, AfterValidator(_check_path)]
