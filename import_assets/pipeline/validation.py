"""Holding a file against a profile of Emarsys without importing it (M113-M138).

The file is read in blocks like that of an import; what is found is handed on block by block.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

import polars as pl

from import_assets.errors import FileRefused
from import_assets.formats.archive import Member, open_members
from import_assets.formats.csv import CsvReader, open_csv
from import_assets.formats.xml.opening import HEAD_BYTES, looks_like_xml
from import_assets.mapping.conventions.checker import Checker
from import_assets.mapping.conventions.contacts import CONTACTS, email_column, identified
from import_assets.mapping.conventions.findings import Finding, Rule, located
from import_assets.mapping.conventions.header import WRONG_DELIMITER, name_findings
from import_assets.mapping.conventions.profile import Profile
from import_assets.mapping.conventions.roles import Roles
from import_assets.pipeline.content import Progress, no_progress, part_name
from import_assets.records import Records
from import_assets.spec.formats import CsvFormat
from import_assets.spec.models import Limits, emarsys_csv

COLUMNS: dict[str, pl.DataType] = {
    "line": pl.Int64(),
    "column": pl.String(),
    "code": pl.String(),
    "severity": pl.String(),
    "value": pl.String(),
    "message": pl.String(),
    "advice": pl.String(),
    "file": pl.String(),
}
"""The columns of findings; `line` counts from 1, null where the file as a whole is at fault."""

_UNREADABLE = frozenset(
    {
        "damaged_archive",
        "encrypted_archive",
        "unsupported_archive",
        "nested_archive",
        "no_member",
        "too_many_members",
        "packed_too_tightly",
        "workbook",
    }
)
"""Why a file cannot be read at all; for other reasons it breaks a rule."""

# Those of an import keep a project's tables small, which is no matter here.
_LIMITS = Limits(file_bytes=1 << 50, columns=10_000, rows=1 << 50)

_HEADER_WARNING = Rule("header", "warning", "", "Mend the header.")
_NO_IDENTIFIER = Rule(
    "no_identifier_column",
    "warning",
    "No column is known to say who a contact is.",
    "Name it with --id COLUMN, so that its cells can be looked at.",
)

_ADVICE: Mapping[str, str] = {
    "too_many_cells": "Put double quotes around values that hold a comma, or take off a comma too "
    "many.",
    "too_few_cells": "Add the missing cells, one comma for each.",
    "bad_quote": "Write a quote inside a quoted value twice.",
    "quote_not_closed": "Close the quote, or write a quote inside a quoted value twice.",
    "line_break": "Write the value on one line.",
    "stray_carriage_return": "End all lines alike, with LF or CR LF.",
    "undecodable": "Save the file as UTF-8.",
    "wrong_encoding": "Save the file as UTF-8.",
    "encoding_unclear": "Save the file as UTF-8.",
    "duplicate_headers": "Give each column a name of its own.",
    "empty_file": "Write a header and the records below it.",
    "header_broken": "Mend the first line, which names the columns, and save the file as UTF-8.",
    "not_csv": "Export it as CSV in UTF-8.",
    "not_text": "Save the file as CSV in UTF-8.",
    "record_too_long": "Close the quote that is open, or end the lines.",
    "mixed_line_ends": "End all lines alike, with LF or CR LF.",
    "delimiter_unclear": "Separate the cells by commas, or say --delimiter C.",
}
"""What to do about what the reader finds; its own words speak of definitions."""

_CELL = re.compile(r"^(?:header: )?(?:cell \d+: )?")
_RAW_CHARACTERS = 200


@dataclass
class Summary:
    """What was counted; complete when all findings were taken.

    `records` = those without errors + `bad`. `codes` has the severity and the number of findings by
    code. `broken_off` says why the file was not read to its end, if it was not.
    """

    profile: str
    records: int = 0
    bad: int = 0
    own_columns: tuple[str, ...] = ()
    codes: dict[str, tuple[str, int]] = field(default_factory=dict)
    broken_off: str | None = None

    def number_of(self, severity: str) -> int:
        """Return the number of findings of a severity."""
        return sum(count for found, count in self.codes.values() if found == severity)

    def count(self, findings: pl.DataFrame) -> pl.DataFrame:
        """Count findings and return them."""
        groups = findings.group_by("code", "severity", maintain_order=True).len()
        for code, severity, number in groups.iter_rows():
            _, before = self.codes.get(code, (severity, 0))
            self.codes[code] = (severity, before + number)
        return findings


@dataclass(frozen=True)
class Validation:
    """A file that is to be held against a profile.

    Attributes:
        path: where it lies; gzip and zip are unpacked.
        file: what it is called; None where it has no name, as standard input.
        profile: the rules.
        identifier: the column that says who a contact is, where the user says so.
        csv: what the user says of how it is written.
    """

    path: Path
    file: str | None
    profile: Profile
    identifier: str | None = None
    csv: CsvFormat = field(default_factory=CsvFormat)

    def findings(
        self, summary: Summary, progress: Progress = no_progress
    ) -> Iterator[pl.DataFrame]:
        """Yield what is found, in frames of the columns `COLUMNS`, and count it in a summary.

        Raises:
            FileRefused: it cannot be read, such as a damaged archive.
        """
        called = self.file or "standard input"
        if self.file is not None:
            yield from _told(summary, called, name_findings(self.file))
        size = self.path.stat().st_size
        with closing(open_members(self.path, None, _LIMITS, called)) as members:
            for member in members:
                name = part_name(called, member.name)
                try:
                    for findings in self._of_member(member, name, summary):
                        yield findings
                        if member.stream.seekable():
                            progress(member.stream.tell(), size)
                except FileRefused as error:
                    if error.reason in _UNREADABLE:
                        raise
                    summary.broken_off = error.message
                    yield from _told(summary, name, [_refusal(error)])

    def _of_member(self, member: Member, name: str, summary: Summary) -> Iterator[pl.DataFrame]:
        stream = BufferedReader(member.stream)  # pyright: ignore[reportArgumentType]  # any binary stream does
        try:
            if looks_like_xml(stream.peek(HEAD_BYTES)[:HEAD_BYTES]):
                raise FileRefused(name, "not_csv", "the content is XML: export it as CSV")
            yield from self._of_csv(stream, name, summary)
        finally:
            stream.detach()  # it is not for this one to close

    def _of_csv(self, stream: BinaryIO, name: str, summary: Summary) -> Iterator[pl.DataFrame]:
        csv = emarsys_csv(self.csv, contacts=self.profile.name == CONTACTS.name)
        reader = open_csv(stream, csv, _LIMITS, name)
        profile, missing = self._with_identifier(reader)
        said = self.csv.delimiter is not None
        checker = Checker(
            profile,
            reader.header,
            Roles.by_header(profile, reader.header),
            delimiter=None if said else reader.delimiter,
            quote=csv.quote,
        )
        custom = profile.custom
        own = [name for name in reader.header if custom and name.startswith(custom)]
        summary.own_columns = tuple(dict.fromkeys([*summary.own_columns, *own]))
        warnings = [Finding.of(_HEADER_WARNING, line=1, message=one) for one in reader.warnings]
        yield from _told(summary, name, [*warnings, *missing, *checker.header])
        if any(one.code == WRONG_DELIMITER.code for one in checker.header):
            summary.broken_off = "the header is not separated as Emarsys wants it"
            return
        for records in reader:
            yield summary.count(_of_block(checker, records, name, summary))
        yield from _told(summary, name, checker.end())

    def _with_identifier(self, reader: CsvReader) -> tuple[Profile, list[Finding]]:
        """Return the rules, with one for the column that says who a contact is."""
        if self.identifier is not None:
            return identified(self.profile, self.identifier), []
        if self.profile.name != CONTACTS.name:
            return self.profile, []
        column = email_column(reader.header)
        if column is None:
            return self.profile, [Finding.of(_NO_IDENTIFIER, line=1)]
        return identified(self.profile, column), []


def _of_block(checker: Checker, records: Records, file: str, summary: Summary) -> pl.DataFrame:
    found = located(checker.check(records), records)
    refused = _of_format(records.rejects)
    errors = found.filter(pl.col("severity") == "error")["record"].n_unique()
    summary.records += records.read
    summary.bad += errors + records.rejects.height
    columns = ["record", "place", *list(COLUMNS)[:-1]]
    together = pl.concat([found.select(columns), refused.select(columns)])
    return together.sort("record", "place", maintain_order=True).select(
        *list(COLUMNS)[:-1], pl.lit(file).alias("file")
    )


def _of_format(rejects: pl.DataFrame) -> pl.DataFrame:
    """Return the records that the format refused as findings."""
    faults = rejects.explode("faults").with_columns(pl.col("faults").struct.unnest())
    message = pl.col("message").str.replace(_CELL.pattern, "")
    return faults.select(
        "record",
        "line",
        "column",
        pl.lit(-1, dtype=pl.Int64).alias("place"),
        pl.coalesce("value", _shortened(pl.col("raw"))).alias("value"),
        pl.col("reason").alias("code"),
        pl.lit("error").alias("severity"),
        _sentence(message.str.extract(r"^(.*?)(?:: .*)?$")).alias("message"),
        pl.col("reason")
        .replace_strict(dict(_ADVICE), default="Mend the record.", return_dtype=pl.String)
        .alias("advice"),
    )


def _shortened(text: pl.Expr) -> pl.Expr:
    long = text.str.len_chars() > _RAW_CHARACTERS
    return pl.when(long).then(text.str.head(_RAW_CHARACTERS) + "…").otherwise(text)


def _sentence(text: pl.Expr) -> pl.Expr:
    return text.str.slice(0, 1).str.to_uppercase() + text.str.slice(1) + "."


def _refusal(error: FileRefused) -> Finding:
    said = _CELL.sub("", error.message)
    message, _, advice = said.partition(": ")
    return Finding(
        error.reason,
        "error",
        message[:1].upper() + message[1:].removesuffix(".") + ".",
        _ADVICE.get(error.reason) or f"{advice[:1].upper()}{advice[1:] or 'Mend the file'}.",
        error.line,
    )


def _told(
    summary: Summary, file: str, findings: Iterator[Finding] | list[Finding]
) -> Iterator[pl.DataFrame]:
    """Yield findings of the file as a whole, if there are any, and count them."""
    rows = [
        (one.line, one.column, one.code, one.severity, one.value, one.message, one.advice, file)
        for one in findings
    ]
    if rows:
        yield summary.count(pl.DataFrame(rows, schema=COLUMNS, orient="row"))
