"""A slow, obvious CSV parser: one character at a time, after RFC 4180 and the house rules."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Parsed:
    """A record, or a blank line, as the parser saw it."""

    line: int
    raw: str
    cells: tuple[str, ...]
    fault: str | None = None
    blank: bool = False


class Parser:
    """Parses text; `line_end` is LF (CR LF too) or CR."""

    def __init__(self, text: str, delimiter: str, line_end: str) -> None:
        self.text = text
        self.delimiter = delimiter
        self.line_end = line_end
        self.at = 0

    def parse(self) -> list[Parsed]:
        found: list[Parsed] = []
        while self.at < len(self.text):
            start = self.at
            line = self.text[:start].count(self.line_end) + 1
            cells, fault = self.record()
            raw = self.text[start : self.at]
            if fault != "quote_not_closed":
                self.skip_line_end()
            found.append(Parsed(line, raw, tuple(cells), fault, blank=raw == ""))
        return found

    def record(self) -> tuple[list[str], str | None]:
        cells: list[str] = []
        stray = None
        while True:
            if self.text[self.at : self.at + 1] == '"':
                cell, fault = self.quoted()
                if fault:
                    return cells, fault
            else:
                cell = self.unquoted()
                if self.line_end == "\n" and "\r" in cell:
                    stray = "stray_carriage_return"
            cells.append(cell)
            if self.at_line_end():
                return cells, stray
            self.at += 1

    def quoted(self) -> tuple[str, str | None]:
        cell = ""
        self.at += 1
        while self.at < len(self.text):
            char = self.text[self.at]
            self.at += 1
            if char != '"':
                cell += char
            elif self.text[self.at : self.at + 1] == '"':
                cell += '"'
                self.at += 1
            elif self.at_line_end() or self.text[self.at] == self.delimiter:
                return cell, None
            else:
                while not self.at_line_end():
                    self.at += 1
                return cell, "bad_quote"
        return cell, "quote_not_closed"

    def unquoted(self) -> str:
        cell = ""
        while not self.at_line_end() and self.text[self.at] != self.delimiter:
            cell += self.text[self.at]
            self.at += 1
        return cell

    def at_line_end(self) -> bool:
        rest = self.text[self.at : self.at + 2]
        if self.line_end == "\n" and rest in ("\r", "\r\n"):
            return True
        return rest == "" or rest[0] == self.line_end

    def skip_line_end(self) -> None:
        rest = self.text[self.at : self.at + 2]
        self.at += 2 if rest == "\r\n" and self.line_end == "\n" else min(1, len(rest))
