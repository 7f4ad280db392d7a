"""What the command prints: tables for people, tables for programs, JSON.

===============  ==========================================================================
on a terminal    tables with lines; long cells are cut to fit
elsewhere        values between tabs, a line a row, the first line names the columns; whole
with `--json`    a list of objects and nothing else; sentences go to standard error
===============  ==========================================================================
"""

from __future__ import annotations

import datetime as dt
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Any

import click

from import_assets.cli.exactjson import as_text, encode, encode_list

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

LONGEST_CELL = 200
"""Characters of a cell on a terminal."""

_BETWEEN = 3
"""Characters that a column takes beside its values."""

_NARROWEST = 10
"""Characters to which columns are cut down at most."""

_SPOOL_BYTES = 8 << 20
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_NAMED = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}


@dataclass(frozen=True)
class Column:
    """A column of a table: the key of its values and what it is headed by.

    A text of many words may `wrap` over several lines of a terminal instead of being cut.
    """

    key: str
    heading: str
    wrap: bool = False


def column(key: str, heading: str | None = None, *, wrap: bool = False) -> Column:
    """Return a column, headed by its key with spaces unless told otherwise."""
    return Column(key, key.replace("_", " ") if heading is None else heading, wrap)


def columns(*keys: str) -> list[Column]:
    """Return columns headed by their keys."""
    return [column(key) for key in keys]


def harmless(text: str) -> str:
    """Return a text without characters that a terminal would obey instead of showing them."""
    return _CONTROL.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    code = ord(character)
    return _NAMED.get(character) or (f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}")


def cell(value: Any) -> str:
    """Return a value as the text of a cell, whole."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple | Mapping):
        return harmless(encode(value))
    return harmless(as_text(value))


class Output:
    """Prints for whoever reads: a person at a terminal, a program, or one that wants JSON."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self._titled = False

    @property
    def terminal(self) -> bool:
        """True where tables are drawn for a person."""
        return not self.as_json and sys.stdout.isatty()

    def say(self, text: str) -> None:
        """Print a sentence of the result."""
        lines = [harmless(line) for line in text.split("\n")]
        click.echo("\n".join(lines), err=self.as_json)

    def note(self, text: str) -> None:
        """Print a sentence beside the result, to standard error."""
        click.echo("\n".join(harmless(line) for line in text.split("\n")), err=True)

    def records(self, records: Iterable[Mapping[str, Any]], *, of: Sequence[Column]) -> None:
        """Print records: all of each with `--json`, else the columns `of` them as a table."""
        self.prepared(records, of=of)()

    def prepared(
        self, records: Iterable[Mapping[str, Any]], *, of: Sequence[Column]
    ) -> Callable[[], None]:
        """Take all records in and return the function that prints them, see `records`.

        A reader may be slow (a pager is), and must not keep the warehouse open meanwhile.
        """
        if self.terminal:
            taken = list(records)
            return lambda: self._draw(taken, of)
        pieces = encode_list(records) if self.as_json else _plain_lines(records, of)
        return spooled(lambda target: _write_text(target, pieces))

    def json(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Print records with `--json`; else nothing."""
        if self.as_json:
            self.records(records, of=())

    def table(
        self,
        records: Iterable[Mapping[str, Any]],
        *,
        of: Sequence[Column],
        title: str | None = None,
    ) -> None:
        """Print a table unless `--json` is wanted, under its title if it has one."""
        if self.as_json:
            return
        if title is not None:
            click.echo(("\n" if self._titled else "") + harmless(title))
            self._titled = True
        self.records(records, of=of)

    @cached_property
    def _console(self) -> Console:
        from rich.console import Console

        return Console(file=sys.stdout, highlight=False, markup=False, emoji=False)

    def _draw(self, records: Sequence[Mapping[str, Any]], of: Sequence[Column]) -> None:
        """Draw a table, or where the terminal is too narrow for it, the records one by one."""
        rows = [[_short(record.get(one.key)) for one in of] for record in records]
        widths = _fitted(_widths(rows, of), self._console.width)
        if widths is None:
            self._draw_one_by_one(rows, of)
            return
        from rich.text import Text

        table = _empty_table()
        for index, one in enumerate(of):
            numeric = any(_is_number(record.get(one.key)) for record in records)
            table.add_column(
                Text(one.heading),
                justify="right" if numeric else "left",
                width=widths[index],
                no_wrap=not one.wrap,
                overflow="fold" if one.wrap else "ellipsis",
            )
        for row in rows:
            table.add_row(*map(Text, row))
        self._console.print(table)

    def _draw_one_by_one(self, rows: Sequence[Sequence[str]], of: Sequence[Column]) -> None:
        from rich.text import Text

        table = _empty_table(show_header=False)
        table.add_column(no_wrap=True, style="bold")
        table.add_column(overflow="fold")
        for row in rows:
            for one, text in zip(of, row, strict=True):
                table.add_row(Text(one.heading), Text(text))
            table.add_section()
        self._console.print(table)


def _empty_table(*, show_header: bool = True) -> Table:
    from rich import box
    from rich.table import Table

    return Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, show_header=show_header)


def _widths(rows: Sequence[Sequence[str]], of: Sequence[Column]) -> list[int]:
    """Return how wide each column would like to be."""
    from rich.cells import cell_len

    lines = [[one.heading for one in of], *rows]
    return [max(cell_len(line[index]) for line in lines) for index in range(len(of))]


def _fitted(widths: Sequence[int], room: int) -> list[int] | None:
    """Return widths that fit, the widest columns cut down first; None if they would be stumps."""
    room -= _BETWEEN * len(widths)
    widest = max(widths, default=0)
    while sum(min(width, widest) for width in widths) > room:
        widest -= 1
        if widest < _NARROWEST:
            return None
    return [min(width, widest) for width in widths]


def spooled(write: Callable[[IO[bytes]], None]) -> Callable[[], None]:
    """Have bytes written into a temporary file; return the function that prints them."""
    spool = SpooledTemporaryFile(_SPOOL_BYTES)  # noqa: SIM115  # closed when it is printed
    try:
        write(spool)
    except BaseException:
        spool.close()
        raise
    return lambda: _print_out(spool)


def _print_out(spool: IO[bytes]) -> None:
    with spool:
        spool.seek(0)
        sys.stdout.flush()
        shutil.copyfileobj(spool, sys.stdout.buffer)
        sys.stdout.buffer.flush()


def _write_text(target: IO[bytes], pieces: Iterable[str]) -> None:
    for piece in pieces:
        target.write(piece.encode("utf-8", "backslashreplace"))


def _plain_lines(records: Iterable[Mapping[str, Any]], of: Sequence[Column]) -> Iterable[str]:
    yield "\t".join(harmless(one.heading) for one in of) + "\n"
    for record in records:
        yield "\t".join(cell(record.get(one.key)) for one in of) + "\n"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _short(value: Any) -> str:
    """Return a value for the eye."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, dt.datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    text = cell(value)
    return text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - 1] + "…"
