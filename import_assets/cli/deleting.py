"""`delete`: an import's definition, and with it its memory (M019)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from import_assets.cli.asking import answered_yes
from import_assets.cli.exits import DONE, NOT_DONE
from import_assets.cli.session import Session, unknown
from import_assets.errors import ImportAssetsError
from import_assets.pipeline.stage import utc_now
from import_assets.spec.loading import Loaded
from import_assets.spec.names import import_name_fault
from import_assets.staging.batch import Staging
from import_assets.warehouse import contracts, ledger, refusals
from import_assets.warehouse.sql import number, parse_table_label, table_sql
from import_assets.warehouse.tables import exists
from import_assets.wording import counted

if TYPE_CHECKING:
    from import_assets.orchestration.launch import Wiped


@dataclass(frozen=True)
class _Remembered:
    """What the warehouse has of an import: deliveries, refusals, and rows by table."""

    deliveries: int = 0
    refused: int = 0
    rows: Mapping[str, int] | None = None


def delete(session: Session, name: str, *, confirmed: bool) -> int:
    """Delete an import after asking.

    Raises UnknownName if neither a definition nor the warehouse knows the name.
    """
    loaded = session.loaded
    file = _file(loaded, name)
    remembered = _remembered(session, name)
    if file is None and not remembered.deliveries and not remembered.refused:
        raise unknown("import", name, [*loaded.imports, *loaded.invalid])
    if not confirmed and not answered_yes(_question(session, name, file, remembered), "delete"):
        session.output.note("Nothing was deleted.")
        return NOT_DONE
    wiped = _delete(session, name, file)
    _tell(session, name, file, remembered, wiped)
    return DONE


def _file(loaded: Loaded, name: str) -> Path | None:
    """Return the file of a definition; misnamed ones are known by their whole file name."""
    if name in loaded.imports:
        return loaded.imports[name].file
    if name not in loaded.invalid:
        return None
    misnamed = loaded.project.imports_dir / name
    named = misnamed.with_name(f"{name}.yaml")
    return next((one for one in (named, misnamed) if one.is_file() or one.is_symlink()), None)


def _remembered(session: Session, name: str) -> _Remembered:
    if not session.has_warehouse:
        return _Remembered()
    with session.reading() as connection:
        tables = {entry.table_name for entry in ledger.entries(connection, name)}
        rows = {table: _rows(connection, table, name) for table in sorted(tables)}
        return _Remembered(
            deliveries=len(ledger.imported(connection, name)),
            refused=len(refusals.of_import(connection, name)),
            rows={table: count for table, count in rows.items() if count},
        )


def _rows(connection: duckdb.DuckDBPyConnection, label: str, name: str) -> int:
    table = parse_table_label(label)
    if not exists(connection, table):
        return 0
    return number(connection, f"SELECT count(*) FROM {table_sql(table)} WHERE _import = ?", [name])


def _question(session: Session, name: str, file: Path | None, remembered: _Remembered) -> str:
    what = f"its definition {_shown(session, file)}" if file else "no definition, which is gone"
    return (
        f"Delete import {name}: {what}, and its memory of {_deliveries(remembered)}? "
        "The rows that it brought stay."
    )


def _delete(session: Session, name: str, file: Path | None) -> Wiped:
    """Delete, the ledger's memory last: as long as that is there, the command can be repeated."""
    # Dagster takes seconds to load; a question should not have to wait for it.
    from import_assets.orchestration.launch import Wiped, open_instance, wipe

    # A name that cannot be that of an import was never known to anybody but its file.
    if import_name_fault(name) is not None:
        _unlink(file)
        return Wiped(0, 0)
    with open_instance(session.root, session.output.note) as instance:
        _unlink(file)
        wiped = wipe(instance, name, session.output.note)
    Staging(session.project.staging_path).remove_all(name)
    if session.has_warehouse:
        with session.warehouse.write() as connection:
            connection.execute("BEGIN")
            ledger.forget(connection, name, None, utc_now())
            refusals.clear(connection, name, None)
            contracts.clear(connection, name)
            connection.execute("COMMIT")
    return wiped


def _unlink(file: Path | None) -> None:
    if file is None:
        return
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        raise ImportAssetsError(f"{file} cannot be deleted: {error.strerror}") from error


def _tell(
    session: Session, name: str, file: Path | None, remembered: _Remembered, wiped: Wiped
) -> None:
    output = session.output
    rows = dict(remembered.rows or {})
    output.json(
        [
            {
                "import": name,
                "definition": str(file) if file else None,
                "deliveries_forgotten": remembered.deliveries,
                "refusals_forgotten": remembered.refused,
                "partitions_deleted": wiped.partitions,
                "sensor_states_deleted": wiped.states,
                "rows_left": rows,
            }
        ]
    )
    gone = f"{_shown(session, file)} is deleted" if file else f"{name} is forgotten"
    output.say(
        f"{gone}, with its memory of {_deliveries(remembered)}, {wiped.partitions:,} "
        f"partitions and {wiped.states:,} states of sensors in Dagster."
    )
    for table, count in rows.items():
        output.say(f"The {count:,} rows that it brought last stay in {table}.")
    uploads = session.project.uploads_dir(name)
    if import_name_fault(name) is None and uploads.is_dir() and any(uploads.iterdir()):
        output.say(f"The files in {_shown(session, uploads)} stay, too.")
    if file is not None:
        output.say("A running Dagster still knows it: reload definitions there.")


def _shown(session: Session, path: Path) -> str:
    root = session.root
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def _deliveries(remembered: _Remembered) -> str:
    return counted(remembered.deliveries, "delivery", "deliveries")
