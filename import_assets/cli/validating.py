"""`validate`: a file held against the conventions of Emarsys, nothing imported (M113)."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from import_assets.cli.exits import DONE, FAULTS
from import_assets.cli.looking import said_format
from import_assets.cli.naming import STDIN
from import_assets.cli.output import Output, columns
from import_assets.cli.output import column as table_column
from import_assets.cli.progress import progress
from import_assets.cli.session import Session
from import_assets.cli.writing import changes, check_target, csv_of, put_into
from import_assets.errors import ImportAssetsError, SourceError
from import_assets.formats.csvwriter import CsvStyle
from import_assets.mapping.conventions.profiles import PROFILES
from import_assets.pipeline.content import Progress
from import_assets.pipeline.validation import COLUMNS, Summary, Validation
from import_assets.spec.formats import CsvFormat
from import_assets.wording import counted

_SHOWN_OF = [
    *columns("code", "severity", "line", "column", "value"),
    table_column("message", wrap=True),
    table_column("advice", wrap=True),
]
_COUNTED_OF = columns("code", "severity", "found", "shown")


def validate(
    session: Session,
    file: Path,
    profile: str,
    *,
    out: Path | None,
    limit: int,
    identifier: str | None,
    delimiter: str | None,
) -> int:
    """Print what in a file does not keep to a profile, and write all of it to `out` if given.

    Args:
        session: where to print to; no project is needed.
        file: the file, or standard input.
        profile: one of `PROFILES`.
        out: the CSV to be written.
        limit: how many findings of each code are shown.
        identifier: the column that says who a contact is.
        delimiter: the character between cells.

    Returns:
        `DONE` where there are no errors, else `FAULTS`.

    Raises:
        FileRefused: the file is nothing that can be read.
        SourceError: it is not there, or cannot be opened.
        ImportAssetsError: `out` cannot be written.
    """
    output = session.output
    check_target(session, out, "--csv")
    if out is not None and out.resolve() == file.resolve():
        raise ImportAssetsError(f"{out} is the file itself: name another one with --csv")
    csv = CsvFormat.model_validate(said_format(delimiter))
    summary, kept = Summary(PROFILES[profile].name), _Kept(limit)
    with (
        TemporaryDirectory(prefix="validate-") as folder,
        progress(output, 1) as watch,
    ):
        path = _lying(file, Path(folder))
        name = None if file == STDIN else file.name
        wanted = Validation(path, name, PROFILES[profile], identifier, csv)
        findings = kept.of(wanted.findings(summary, _watch(watch, name)))
        if out is None:
            for _ in findings:
                pass
            written = None
        else:
            written = put_into(csv_of(findings, list(COLUMNS), CsvStyle(defused=True)), out)
    _print(output, file, profile, summary, kept)
    if written is not None:
        output.note(f"{counted(written.rows, 'finding')} written to {out}")
        for sentence in changes(written):
            output.note(sentence)
    return FAULTS if summary.number_of("error") else DONE


class _Kept:
    """The first findings of each code, of those that pass by."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._by_code: dict[str, list[dict[str, Any]]] = {}

    def of(self, frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """Hand findings on, and keep what is to be shown of them."""
        for frame in frames:
            for group in frame.partition_by("code", maintain_order=True):
                known = self._by_code.setdefault(group["code"][0], [])
                known += group.head(self._limit - len(known)).to_dicts()
            yield frame

    def number_of(self, code: str) -> int:
        """Return how many findings of a code are shown."""
        return len(self._by_code.get(code, ()))

    def in_order(self, codes: Iterable[str]) -> list[dict[str, Any]]:
        """Return what is to be shown, code by code."""
        return [one for code in codes for one in self._by_code.get(code, ())]


def _watch(watch: Any, name: str | None) -> Progress:
    return lambda done, total: watch(name or "standard input", done, total)


def _lying(file: Path, folder: Path) -> Path:
    """Return where the file lies; standard input is copied into a folder.

    Raises SourceError where it cannot be read.
    """
    if file == STDIN:
        copy = folder / "standard-input"
        with copy.open("wb") as target:
            shutil.copyfileobj(sys.stdin.buffer, target)
        return copy
    try:
        with file.open("rb"):
            return file
    except OSError as error:
        raise SourceError(f"{file} cannot be read: {error.strerror or error}") from error


def _print(output: Output, file: Path, profile: str, summary: Summary, kept: _Kept) -> None:
    # Errors before warnings, each as they came up first.
    codes = sorted(summary.codes, key=lambda code: summary.codes[code][0])
    shown = kept.in_order(codes)
    counted = [
        {
            "code": code,
            "severity": summary.codes[code][0],
            "found": summary.codes[code][1],
            "shown": kept.number_of(code),
        }
        for code in codes
    ]
    output.json([_object(file, profile, summary, counted, shown)])
    if shown:
        output.table(shown, of=_SHOWN_OF, title="What was found")
        output.table(counted, of=_COUNTED_OF, title="How much of it")
    for one in counted:
        if more := one["found"] - one["shown"]:
            output.note(
                f"and {more:,} more of {one['code']}: raise --limit, or write them to a file"
            )
    _conclude(output, file, profile, summary)


def _conclude(output: Output, file: Path, profile: str, summary: Summary) -> None:
    if output.as_json:
        return
    called = "standard input" if file == STDIN else file.name
    if summary.broken_off is not None:
        output.say(f"{called}: not read to its end: {summary.broken_off}")
    errors, warnings = summary.number_of("error"), summary.number_of("warning")
    output.say(
        f"{called} as {profile}: {counted(summary.records, 'record')} read = "
        f"{summary.records - summary.bad:,} without errors + {summary.bad:,} with; "
        f"{counted(errors, 'error')}, {counted(warnings, 'warning')}"
    )
    if summary.own_columns:
        output.say(
            f"Columns of your own: {', '.join(summary.own_columns)}; confirm with Emarsys that "
            "your account has them"
        )


def _object(
    file: Path,
    profile: str,
    summary: Summary,
    counted: list[dict[str, Any]],
    shown: list[dict[str, Any]],
) -> Mapping[str, Any]:
    return {
        "file": str(file),
        "profile": profile,
        "records": summary.records,
        "without_errors": summary.records - summary.bad,
        "with_errors": summary.bad,
        "errors": summary.number_of("error"),
        "warnings": summary.number_of("warning"),
        "codes": counted,
        "own_columns": list(summary.own_columns),
        "broken_off": summary.broken_off,
        "findings": shown,
    }
