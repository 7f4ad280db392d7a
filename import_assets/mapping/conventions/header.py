"""Rules of the header and of the name of a file (M114, M116, M120, M138, b.8)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from import_assets.mapping.conventions.findings import Finding, Rule
from import_assets.mapping.conventions.profile import Profile

NOT_CSV_NAME = Rule(
    "not_csv_name",
    "error",
    "The name of the file does not end with .csv.",
    "Name it so: products.csv.",
)
WRONG_DELIMITER = Rule(
    "wrong_delimiter",
    "error",
    "The header is not separated by commas.",
    "Separate the cells of all lines by commas.",
)
MISSING_COLUMN = Rule(
    "missing_column",
    "error",
    "The header lacks a column.",
    "Add the column; the first line of the file names the columns.",
)
COLUMN_CASE = Rule(
    "column_case",
    "error",
    "The name of a column has other capitals than Emarsys knows it by.",
    "Write it as Emarsys does: capitals count.",
)
UNKNOWN_COLUMN = Rule(
    "unknown_column",
    "warning",
    "The column is none that Emarsys is known to have.",
    "Begin the name of a column of your own with c_, and confirm it with Emarsys.",
)

_PACKED = (".gz", ".zip")
_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "pipes"}


def name_findings(file: str) -> Iterator[Finding]:
    """Yield what is wrong with the name of a file; the ending of a packed one is left out."""
    name = file.lower()
    for ending in _PACKED:
        name = name.removesuffix(ending)
    packed = name != file.lower()
    # That of an archive is not the name of what is inside.
    if not name.endswith(".csv") and not (packed and file.lower().endswith(".zip")):
        yield Finding.of(NOT_CSV_NAME, value=file)


def header_findings(
    profile: Profile, header: Sequence[str], delimiter: str | None
) -> Iterator[Finding]:
    """Yield what is wrong with a header.

    Args:
        profile: what the header should be like.
        header: the names of the columns.
        delimiter: the character between cells; None where the definition says it (M135).
    """
    if delimiter is not None and (wrong := _wrong_delimiter(profile, header, delimiter)):
        yield wrong
        return
    misspelt = {name: known for name in header if (known := profile.same_but_for_case(name))}
    for name, known in misspelt.items():
        yield Finding.of(
            COLUMN_CASE,
            line=1,
            column=name,
            value=name,
            message=f"The column is called {name}, Emarsys knows it as {known}.",
        )
    present = {*header, *misspelt.values()}
    for names in profile.required:
        if not present.intersection(names):
            wanted = " or ".join(names)
            yield Finding.of(
                MISSING_COLUMN,
                line=1,
                value=wanted,
                message=f"The header lacks the column {wanted}.",
            )
    for name in header:
        if name not in misspelt and not profile.knows(name):
            yield Finding.of(UNKNOWN_COLUMN, line=1, column=name, value=name)


def _wrong_delimiter(profile: Profile, header: Sequence[str], delimiter: str) -> Finding | None:
    allowed = " or ".join(_NAMES[one] for one in profile.delimiters)
    if delimiter not in profile.delimiters:
        used = _NAMES.get(delimiter, f"`{delimiter}`")
    elif len(header) == 1:
        used = next((_NAMES[one] for one in ";\t|" if one in header[0]), None)
    else:
        used = None
    if used is None:
        return None
    return Finding.of(
        WRONG_DELIMITER,
        line=1,
        message=f"The cells seem to be separated by {used}; Emarsys takes {allowed}.",
        advice=f"Separate the cells of all lines by {allowed}.",
    )
