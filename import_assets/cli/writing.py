"""Results that may go into a file: as CSV or JSON, there as a whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import polars as pl

from import_assets.cli.exactjson import encode_list
from import_assets.cli.output import spooled
from import_assets.cli.replacing import replacing
from import_assets.cli.session import Session
from import_assets.errors import DefinitionError, ImportAssetsError, UnknownName
from import_assets.formats.csvwriter import CsvStyle, CsvWriter, Written
from import_assets.wording import counted, room_in

Write = Callable[[IO[bytes]], Written]
"""Writes everything into a stream and tells what was written."""


def csv_of(frames: Iterable[pl.DataFrame], names: Sequence[str], style: CsvStyle) -> Write:
    """Return what writes frames with columns of these names as CSV."""

    def write(target: IO[bytes]) -> Written:
        writer = CsvWriter(target, names, style)
        for frame in frames:
            writer.write(frame)
        return writer.written

    return write


def json_of(records: Iterable[Mapping[str, Any]]) -> Write:
    """Return what writes records as a JSON list, their values exact."""

    def write(target: IO[bytes]) -> Written:
        written = Written()
        for piece in encode_list(_counted(records, written)):
            target.write(piece.encode())
        return written

    return write


def check_target(session: Session, out: Path | None, option: str) -> None:
    """Refuse to write over the warehouse, if there is a project; `option` names the file.

    Raises ImportAssetsError.
    """
    if out is None:
        return
    try:
        warehouse = session.project.warehouse_path
    except (UnknownName, DefinitionError):
        return
    if out.resolve() == warehouse.resolve():
        raise ImportAssetsError(f"{out} is the warehouse: name another file with {option}")


def put(write: Write, out: Path | None) -> tuple[Callable[[], None], Written]:
    """Have everything written into a file, or taken in to be printed.

    A file of that name is replaced when the new one is whole.

    Returns:
        The function that prints, if anything is to be printed, and what was written.

    Raises:
        ImportAssetsError: the file cannot be written.
    """
    if out is None:
        told: list[Written] = []
        show = spooled(lambda target: told.append(write(target)))
        return show, told[0]
    return lambda: None, put_into(write, out)


def put_into(write: Write, out: Path) -> Written:
    """Have everything written into a file, which replaces one of that name when it is whole.

    Raises ImportAssetsError where it cannot be written.
    """
    try:
        with replacing(out) as file:
            return write(file)
    except OSError as error:
        raise ImportAssetsError(
            f"{out} cannot be written: {error.strerror or error}; {room_in(out.parent)}"
        ) from error


def changes(written: Written) -> Iterator[str]:
    """Yield a sentence for each way in which cells are not written as their values are."""
    if written.line_breaks:
        yield (
            f"{counted(written.line_breaks, 'cell')} had line breaks in "
            f"{_it(written.line_breaks)}; each became a space"
        )
    if written.defused:
        yield (
            f"{counted(written.defused, 'cell')} would run as a formula in a spreadsheet; an "
            f"apostrophe was put before {_it(written.defused)}"
        )


def _counted(records: Iterable[Mapping[str, Any]], written: Written) -> Iterator[Mapping[str, Any]]:
    for record in records:
        written.rows += 1
        yield record


def _it(number: int) -> str:
    return "it" if number == 1 else "them"
