"""Static values that look as if they changed with every import (D25)."""

from __future__ import annotations

import re

from import_assets.spec.models import Column

_WORD = re.compile(
    "(?:batch|date|day|file|import|imported|load|loaded|run|time|timestamp|upload|uploaded|version)"
)
"""A word in the names of attributes that say when, or in which load, a row came."""

_MONTH = "(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_YEAR = "(?:19|20)[0-9]{2}"
_DATE = re.compile(
    rf"(?<![0-9])(?:{_YEAR}-?(?:0[1-9]|1[0-2])-?[0-3][0-9]|[0-3]?[0-9][./-][01]?[0-9][./-]{_YEAR}"
    rf"|{_MONTH}\.? (?:[0-9]{{1,2}}, )?{_YEAR})(?![0-9])",
    re.IGNORECASE,
)


def looks_changing(column: Column) -> bool:
    """Tell whether a rule gives a static value that the next import is likely to have otherwise.

    Its type is a date or a time, a date stands in it, or its name has a word such as `import`,
    `batch` or `date`.
    """
    if column.value is None:
        return False
    words = re.findall("[A-Z]?[a-z]+|[A-Z]+", column.to or "")
    return (
        column.type in ("date", "datetime")
        or any(_WORD.fullmatch(word.lower()) for word in words)
        or _DATE.search(column.value) is not None
    )
