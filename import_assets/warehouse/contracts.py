"""The columns that were agreed for each import, and what a change of them means (M115)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import duckdb

from import_assets.errors import FileRefused
from import_assets.staging.manifest import Manifest
from import_assets.warehouse.sql import first_row

Contract = Literal["evolve", "warn", "freeze"]

CHANGED = "columns_changed"
"""The reason code of a delivery that is refused for its columns."""


@dataclass(frozen=True)
class Terms:
    """What a delivery is held to: its columns, and how many of its records may be rejected.

    `contract` is that on the columns, whose order counts where it is `ordered`. `fail_above` is a
    percentage such as `5%`, None where any number may be rejected.
    """

    contract: Contract
    ordered: bool = False
    fail_above: str | None = None

    @property
    def fail_share(self) -> float | None:
        """`fail_above` as a share of 1."""
        return None if self.fail_above is None else float(self.fail_above.removesuffix("%")) / 100


USUAL = Terms("warn")


@dataclass(frozen=True)
class Agreed:
    """The columns agreed for an import.

    `key` is the delivery that they are of. `seen` are the columns of the last delivery that had
    others, and `seen_key` that delivery; None where there was none since.
    """

    header: tuple[str, ...]
    key: str
    seen: tuple[str, ...] | None = None
    seen_key: str | None = None


@dataclass(frozen=True)
class Change:
    """How columns differ from the agreed ones; `moved` where only their order does."""

    new: tuple[str, ...]
    gone: tuple[str, ...]
    moved: bool

    def __bool__(self) -> bool:
        return bool(self.new or self.gone or self.moved)

    def sentence(self) -> str:
        """Say what is different."""
        told = []
        if self.new:
            told.append(f"new column{'s' * (len(self.new) > 1)} {_names(self.new)}")
        if self.gone:
            told.append(f"no column {_names(self.gone)} any more")
        if self.moved:
            told.append("the columns are in another order")
        return ", ".join(told)


def change(agreed: Sequence[str], header: Sequence[str], *, ordered: bool = False) -> Change:
    """Compare the columns of a delivery with the agreed ones.

    Their order counts only where it is `ordered`: columns are found by name.
    """
    new = tuple(name for name in header if name not in set(agreed))
    gone = tuple(name for name in agreed if name not in set(header))
    moved = ordered and not new and not gone and tuple(agreed) != tuple(header)
    return Change(new, gone, moved)


def agreed(connection: duckdb.DuckDBPyConnection, import_name: str) -> Agreed | None:
    """Return what is agreed for an import, or None before its first delivery."""
    row = first_row(
        connection,
        "SELECT header, key, seen, seen_key FROM import_assets.contracts WHERE import = ?",
        [import_name],
    )
    if row is None:
        return None
    header, key, seen, seen_key = row
    return Agreed(tuple(header), key, tuple(seen) if seen is not None else None, seen_key)


def agree(
    connection: duckdb.DuckDBPyConnection,
    import_name: str,
    header: Sequence[str],
    key: str,
    now: dt.datetime,
) -> None:
    """Agree to columns, in place of those agreed before; `now` is naive UTC."""
    clear(connection, import_name)
    connection.execute(
        "INSERT INTO import_assets.contracts (import, header, key, agreed_at) VALUES (?, ?, ?, ?)",
        [import_name, list(header), key, now],
    )


def see(
    connection: duckdb.DuckDBPyConnection, import_name: str, header: Sequence[str], key: str
) -> None:
    """Remember other columns than the agreed ones, so that they can be agreed to."""
    connection.execute(
        "UPDATE import_assets.contracts SET seen = ?, seen_key = ? WHERE import = ?",
        [list(header), key, import_name],
    )


def clear(connection: duckdb.DuckDBPyConnection, import_name: str) -> None:
    """Forget what was agreed for an import."""
    connection.execute("DELETE FROM import_assets.contracts WHERE import = ?", [import_name])


def keep(
    connection: duckdb.DuckDBPyConnection, manifest: Manifest, terms: Terms, now: dt.datetime
) -> None:
    """Hold a delivery to the contract, and remember its columns as far as that allows.

    The columns of the first delivery with a record are agreed to. Later, `evolve` agrees to new
    ones too, and `warn` remembers that there were others.

    Raises:
        FileRefused: `columns_changed`, under `freeze`.
    """
    import_name, header, key = manifest.import_name, manifest.header, manifest.key
    known = agreed(connection, import_name)
    if known is None and not manifest.read:
        return  # a file that is not filled yet says nothing about those to come
    if known is None:
        agree(connection, import_name, header, key, now)
        return
    found = change(known.header, header, ordered=terms.ordered)
    if not found:
        return
    if terms.contract == "freeze":
        raise FileRefused(
            key,
            CHANGED,
            f"{found.sentence()}: the columns agreed are those of {known.key}, and the contract is "
            f"frozen. Have the file mended, or agree to the change: import-assets agree "
            f"{import_name}",
        )
    if terms.contract == "evolve":
        agree(connection, import_name, [*known.header, *found.new], key, now)
    else:
        see(connection, import_name, header, key)


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:10])
    return f"{shown} and {len(names) - 10:,} more" if len(names) > 10 else shown
