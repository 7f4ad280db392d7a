"""What DuckDB says of full disks, files that cannot be written, and damaged ones, for people."""

from __future__ import annotations

from pathlib import Path

import duckdb

from import_assets.errors import WarehouseError
from import_assets.wording import room_in

# DuckDB has classes for few of these, and the words of the system stand in its own.
_FULL = ("No space left on device", "Disk quota exceeded", "File too large", "max_temp_directory")
_UNWRITABLE = (
    "Permission denied",
    "Read-only file system",
    "Operation not permitted",
    "opened in read-only mode",
)
_DAMAGED = (
    "Corrupt database file",
    "not a valid DuckDB database file",
    "Could not read enough bytes",
    "could not read all data",
    "Failed to load metadata pointer",
    "replaying WAL",
    "Failed to deserialize",
    "Serialization Error",
)


def trouble(path: Path, error: duckdb.Error) -> WarehouseError | None:
    """Return the error about the warehouse at `path` that an error of DuckDB stands for, if any.

    It says which file it is, what is wrong, and what is to be done.
    """
    text = str(error)
    if any(mark in text for mark in _FULL):
        return WarehouseError(
            f"there is too little room on the disk of the warehouse {path}: {room_in(path.parent)} "
            f"now. Nothing was written. Make room, and it is tried again ({_first_line(text)})"
        )
    if any(mark in text for mark in _UNWRITABLE):
        return WarehouseError(
            f"the warehouse {path} cannot be written: {_first_line(text)}. Mend the permissions of "
            f"the file and of the folder {path.parent}, and it is tried again"
        )
    if any(mark in text for mark in _DAMAGED):
        return WarehouseError(
            f"cannot open the warehouse {path}, which is damaged: {_first_line(text)}. Put the "
            f"newest copy of it in its place, remove {path.name}.wal if there is one, and run "
            "`import-assets recover`, which imports again what the copy lacks"
        )
    return None


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0].rstrip("!.")
