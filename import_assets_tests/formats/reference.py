"""A slow, obvious CSV parser: one character at a time, after RFC 4180 and the house rules."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Parsed:
    """A record, or a blank line, as the parser saw it; so many cells are `broken`."""

    line: int
    raw: str
    cells: tuple[str, ...]
    fault: str | None = None
    blank: bool = False
    broken: int = 0


@dataclass(frozen=True)
class Way:
    """How a file is written; `quote` may be `none`."""

    delimiter: str
    quote: str = '"'
    trim: bool = False
    skip_lines: int = 0

    @property
    def white(self) -> str:
        """What is taken off at the ends of cells."""
        return " \t".replace(self.delimiter, "") if self.trim else ""


class Parser:
    """Parses text; lines end with LF (CR LF too), with CR where there is no LF."""

    def __init__(self, text: str, way: Way) -> None:
        self.text = text
        self.way = way
        self.line_end = "\r" if "\r" in text and "\n" not in text else "\n"
        self.at = 0
        for _ in range(way.skip_lines):
            self.at = text.index(self.line_end, self.at) + 1

    def parse(self) -> list[Parsed]:
        found: list[Parsed] = []
        while self.at < len(self.text):
            start = self.at
            line = self.text[:start].count(self.line_end) + 1
            self.broken = 0
            cells, fault = self.record()
            raw = self.text[start : self.at]
            if fault != "quote_not_closed":
                self.skip_line_end()
            blank = raw.strip(self.way.white) == ""
            found.append(Parsed(line, raw, tuple(cells), fault, blank, self.broken))
        return found

    def record(self) -> tuple[list[str], str | None]:
        cells: list[str] = []
        stray = None
        while True:
            if self.quote_opens():
                cell, fault = self.quoted()
                if fault:
                    return cells, fault
                self.broken += "\n" in cell or "\r" in cell
            else:
                cell = self.unquoted()
                if self.line_end == "\n" and "\r" in cell:
                    stray = "stray_carriage_return"
            cells.append(cell)
            if self.at_line_end():
                return cells, stray
            self.at += 1

    def quote_opens(self) -> bool:
        start = self.at
        self.skip_white()
        if self.text[self.at : self.at + 1] == self.way.quote:
            return True
        self.at = start
        return False

    def quoted(self) -> tuple[str, str | None]:
        cell = ""
        self.at += 1
        while self.at < len(self.text):
            char = self.text[self.at]
            self.at += 1
            if char != self.way.quote:
                cell += char
            elif self.text[self.at : self.at + 1] == self.way.quote:
                cell += char
                self.at += 1
            else:
                self.skip_white()
                if self.at_line_end() or self.text[self.at] == self.way.delimiter:
                    return cell, None
                while not self.at_line_end():
                    self.at += 1
                return cell, "bad_quote"
        return cell, "quote_not_closed"

    def unquoted(self) -> str:
        cell = ""
        while not self.at_line_end() and self.text[self.at] != self.way.delimiter:
            cell += self.text[self.at]
            self.at += 1
        return cell.strip(self.way.white)

    def skip_white(self) -> None:
        while self.at < len(self.text) and self.text[self.at] in self.way.white:
            self.at += 1

    def at_line_end(self) -> bool:
        rest = self.text[self.at : self.at + 2]
        if self.line_end == "\n" and rest in ("\r", "\r\n"):
            return True
        return rest == "" or rest[0] == self.line_end

    def skip_line_end(self) -> None:
        rest = self.text[self.at : self.at + 2]
        self.at += 2 if rest == "\r\n" and self.line_end == "\n" else min(1, len(rest))
