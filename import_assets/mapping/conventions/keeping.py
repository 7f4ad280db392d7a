"""An import under the conventions of Emarsys: what they make of its records before the mapping.

Errors of a record reject it, with all that is wrong; warnings are counted and told for the file.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from import_assets.errors import FileRefused
from import_assets.mapping.conventions.checker import Checker
from import_assets.mapping.conventions.findings import Finding, Tally, located
from import_assets.mapping.conventions.profiles import profile_of
from import_assets.mapping.conventions.roles import Roles
from import_assets.mapping.conventions.values import as_kept
from import_assets.mapping.faults import FaultLog
from import_assets.records import Records
from import_assets.spec.models import ImportSpec


class Keeping:
    """The conventions for one file of one import; takes the blocks in their order, each once."""

    def __init__(self, spec: ImportSpec, checker: Checker, roles: Roles) -> None:
        """See `keeping_of`."""
        self._spec = spec
        self._checker = checker
        self._roles = roles
        self._tally = Tally()
        for finding in checker.header:
            self._tally.add_one(finding)

    def take(self, records: Records) -> tuple[Records, FaultLog]:
        """Return a block with its values as Emarsys keeps them, and the faults of its records."""
        findings = self._checker.check(records)
        errors = pl.col("severity") == "error"
        self._tally.add(located(findings.filter(~errors), records))
        log = FaultLog()
        log.add_found(
            findings.filter(errors).with_columns(
                pl.col("code").alias("reason"),
                pl.concat_str("message", "advice", separator=" ").alias("message"),
            )
        )
        return as_kept(records, self._roles, self._spec), log

    def warnings(self, *, whole: bool = True) -> tuple[str, ...]:
        """Return what the user should know about the file; `whole` says that all was taken."""
        for finding in self._checker.end() if whole else ():
            self._tally.add_one(finding)
        return tuple(self._tally.sentences())


def keeping_of(
    spec: ImportSpec, header: Sequence[str], delimiter: str, file: str
) -> Keeping | None:
    """Return the conventions of an import for a file with this header; None if it has none.

    Args:
        spec: the import.
        header: the names of the file's columns.
        delimiter: the character between its cells.
        file: its name, for errors.

    Raises:
        FileRefused: the header breaks a rule; `missing_column`, `column_case`, `wrong_delimiter`.
    """
    profile = profile_of(spec)
    if profile is None:
        return None
    roles = Roles.by_definition(profile, header, spec)
    said = (spec.format.csv is not None) and spec.format.csv.delimiter is not None
    checker = Checker(
        profile, header, roles, delimiter=None if said else delimiter, quote=spec.csv.quote
    )
    errors = [finding for finding in checker.header if finding.severity == "error"]
    if errors:
        raise FileRefused(file, errors[0].code, _refusal(errors), errors[0].line)
    return Keeping(spec, checker, roles)


def _refusal(errors: Sequence[Finding]) -> str:
    words = [f"{one.message.removesuffix('.')}: {one.advice.removesuffix('.')}" for one in errors]
    return "; ".join(dict.fromkeys(words))
