"""How a CSV is written, as far as its beginning tells (M082-M084, M135, D14, D15).

What the definition says is not doubted, and what it leaves open is found from what it says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from import_assets.errors import FileRefused
from import_assets.formats.detection.encoding import find_encoding
from import_assets.formats.detection.findings import Finding, said
from import_assets.formats.detection.header import find_header
from import_assets.formats.detection.marks import UTF16_MARKS, find_mark, unmarked_utf16
from import_assets.formats.detection.preamble import separator_line
from import_assets.formats.detection.quote import find_quote
from import_assets.formats.detection.sample import take_sample
from import_assets.formats.detection.table import behind, find_table
from import_assets.formats.dialect import find_line_end
from import_assets.formats.layout import Dialect
from import_assets.spec.formats import CsvFormat, Delimiter, Encoding, Quote

_ANY_DELIMITER = ",;\t|"


@dataclass(frozen=True)
class Detected:
    """What was found, or said, about how a CSV is written."""

    encoding: Finding[Encoding]
    delimiter: Finding[Delimiter]
    quote: Finding[Quote]
    header: Finding[bool]
    skip_lines: Finding[int]
    said: CsvFormat

    @property
    def findings(self) -> Mapping[str, Finding[Any]]:
        """The findings by the keys of `format: csv`, in the order in which a user writes them."""
        keys = ("encoding", "delimiter", "quote", "header", "skip_lines")
        return MappingProxyType({key: getattr(self, key) for key in keys})

    def csv(self, file: str = "the file") -> CsvFormat:
        """Return what the definition says, with what was found for the keys it leaves open.

        Args:
            file: The name used in errors.

        Raises:
            FileRefused: `encoding_unclear` or `delimiter_unclear`.
        """
        found: dict[str, object] = {}
        for key, finding in self.findings.items():
            if not finding.clear:
                raise FileRefused(
                    file, f"{key}_unclear", f"{finding.why}; name the right one, csv: {{{key}: …}}"
                )
            found[key] = finding.value
        return self.said.model_copy(update=found)


def detect_csv(head: bytes, *, whole: bool, said: CsvFormat) -> Detected:
    """Find out how a CSV is written.

    Args:
        head: The first bytes of the unpacked file; a MiB is enough, and what a run decides by.
        whole: True when `head` is the whole file.
        said: What the definition says; what it leaves open is found.
    """
    encoding = _encoding(head, said, whole=whole)
    text = _as_utf8(head, encoding, whole=whole)
    line_end = find_line_end(text)
    quote = _quote(text, said)
    like = Dialect(",", line_end, quote.value or '"', said.trim)
    table = find_table(text, like, said, whole=whole)
    dialect = replace(like, delimiter=table.delimiter.value or ",")
    rest = behind(text, dialect, table.skip_lines.value or 0)
    header = _header(rest, dialect, said, whole=whole)
    return Detected(encoding, table.delimiter, quote, header, table.skip_lines, said)


def _encoding(head: bytes, csv: CsvFormat, *, whole: bool) -> Finding[Encoding]:
    if csv.encoding is not None:
        return said(csv.encoding)
    return find_encoding(head, whole=whole)


def _as_utf8(head: bytes, encoding: Finding[Encoding], *, whole: bool) -> bytes:
    """Return the text for those who look at delimiters, which all encodings but UTF-16 agree on."""
    mark = find_mark(head)
    order = UTF16_MARKS.get(mark) or unmarked_utf16(head)
    name = order or encoding.value or "latin1"
    text = head[len(mark) :].decode(name, "replace")
    # The last character may be cut.
    return (text if whole else text[:-1]).encode("utf-8", "replace")


def _quote(text: bytes, csv: CsvFormat) -> Finding[Quote]:
    if "quote" in csv.model_fields_set:
        return said(csv.quote)
    return find_quote(text, csv.delimiter or separator_line(text) or _ANY_DELIMITER)


def _header(rest: bytes, dialect: Dialect, csv: CsvFormat, *, whole: bool) -> Finding[bool]:
    if "header" in csv.model_fields_set:
        return said(csv.header)
    return find_header(take_sample(rest, dialect, whole=whole).records)
