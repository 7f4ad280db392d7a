"""A CSV file that keeps account of what it holds while it is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

BOM = "\ufeff"


@dataclass(frozen=True)
class Dialect:
    """How a file is written."""

    delimiter: str = ","
    encoding: str = "utf-8"
    newline: str = "\n"
    bom: bool = False


@dataclass(frozen=True)
class Rejection:
    """A record that an import has to refuse, and every reason for it.

    `record` counts from 1 without header and blank lines; `line` is the physical line, from 1, on
    which the record begins.
    """

    record: int
    line: int
    reasons: tuple[str, ...]


class Sheet:
    """One CSV file: its bytes so far, and what an import should make of them."""

    def __init__(self, path: str, columns: Sequence[str], dialect: Dialect | None = None) -> None:
        self.path = path
        self.accepted = 0
        self.duplicates = 0
        self.blank_lines = 0
        self.rejections: list[Rejection] = []
        self._columns = tuple(columns)
        self._dialect = dialect or Dialect()
        self._blocks: list[bytes] = []
        self._line = 1
        self._write((BOM if self._dialect.bom else "") + self.line_of(columns))

    @property
    def content(self) -> bytes:
        """The bytes of the file."""
        return b"".join(self._blocks)

    @property
    def records(self) -> int:
        """Number of records, refused ones included, header and blank lines not."""
        return self.accepted + self.duplicates + len(self.rejections)

    def line_of(self, cells: Sequence[str]) -> str:
        """Return the cells as one line, quoted where RFC 4180 asks for it."""
        return self._dialect.delimiter.join(self._quoted(cell) for cell in cells)

    def accept(self, cells: Sequence[str]) -> None:
        """Write a record that an import takes."""
        self.accepted += 1
        self._write_cells(cells)

    def repeat(self, cells: Sequence[str]) -> None:
        """Write a record that says again what was said before."""
        self.duplicates += 1
        self._write_cells(cells)

    def reject(self, cells: Sequence[str], *reasons: str) -> None:
        """Write a well-formed record with values that an import refuses."""
        self._reject(reasons)
        self._write_cells(cells)

    def reject_line(self, line: str | bytes, reason: str) -> None:
        """Write a line that no CSV writer would write; bytes go in as they are."""
        self._reject((reason,))
        self._write(line)

    def blank(self) -> None:
        """Write an empty line."""
        self.blank_lines += 1
        self._write("")

    def facts(self) -> dict[str, Any]:
        """Return the account of the file."""
        reasons = Counter(reason for each in self.rejections for reason in each.reasons)
        return {
            "bytes": len(self.content),
            "records": self.records,
            "blank_lines": self.blank_lines,
            "accepted": self.accepted,
            "duplicates": self.duplicates,
            "rejected": len(self.rejections),
            "reasons": dict(sorted(reasons.items())),
            "rejects": [
                {"record": each.record, "line": each.line, "reasons": list(each.reasons)}
                for each in self.rejections
            ],
        }

    def _reject(self, reasons: Sequence[str]) -> None:
        self.rejections.append(Rejection(self.records + 1, self._line, tuple(reasons)))

    def _write_cells(self, cells: Sequence[str]) -> None:
        if len(cells) != len(self._columns):
            raise ValueError(f"{self.path}: {len(cells)} cells for {len(self._columns)} columns")
        self._write(self.line_of(cells))

    def _write(self, line: str | bytes) -> None:
        encoding = self._dialect.encoding
        block = line if isinstance(line, bytes) else line.encode(encoding)
        self._blocks.append(block + self._dialect.newline.encode(encoding))
        self._line += 1 + block.count(b"\n")

    def _quoted(self, cell: str) -> str:
        if any(mark in cell for mark in (self._dialect.delimiter, '"', "\r", "\n")):
            return '"' + cell.replace('"', '""') + '"'
        return cell
