"""What every command starts from: the project, its definitions, its warehouse, where to print."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
from dotenv import load_dotenv

from import_assets.cli.output import Output
from import_assets.errors import UnknownName, WarehouseError
from import_assets.sources.connect import Connections
from import_assets.spec.connections import GcsConnection, S3Connection
from import_assets.spec.loading import IMPORTS_FOLDER, PROJECT_FILE, Import, Loaded, Project, load
from import_assets.spec.problems import did_you_mean
from import_assets.warehouse.warehouse import Warehouse


class Session:
    """One call of the command. Everything is found and loaded when first asked for."""

    def __init__(self, folder: Path | None, output: Output) -> None:
        self._folder = folder
        self.output = output

    @cached_property
    def root(self) -> Path:
        """The folder of the project: the one named, else the current one or the nearest above.

        Raises UnknownName where no project is found.
        """
        named = self._folder
        candidates = [named.resolve()] if named else [Path.cwd(), *Path.cwd().parents]
        found = next((folder for folder in candidates if _is_project(folder)), None)
        if found is not None:
            return found
        if named is not None:
            what = "holds neither" if named.is_dir() else "is no folder with"
            raise UnknownName(
                f"{named} {what} {PROJECT_FILE} {'nor' if named.is_dir() else 'or'} "
                f"{IMPORTS_FOLDER}/: name the folder of a project"
            )
        raise UnknownName(
            f"no project here: neither {candidates[0]} nor a folder above it holds {PROJECT_FILE} "
            f"or {IMPORTS_FOLDER}/; change into the project's folder, or name it with --project"
        )

    @cached_property
    def loaded(self) -> Loaded:
        """All definitions; raises DefinitionError where project.yaml is wrong.

        The project's `.env` is read too, as Dagster does: it may hold the secrets of connections.
        """
        load_dotenv(self.root / ".env")
        return load(self.root)

    @property
    def project(self) -> Project:
        """The project; raises like `loaded`."""
        return self.loaded.project

    def definition(self, name: str) -> Import:
        """Return an import.

        Raises:
            DefinitionError: There is such an import, and it is wrong.
            UnknownName: There is none.
        """
        if name in self.loaded.invalid:
            raise self.loaded.invalid[name]
        if name not in self.loaded.imports:
            raise unknown("import", name, [*self.loaded.imports, *self.loaded.invalid])
        return self.loaded.imports[name]

    @cached_property
    def connections(self) -> Connections:
        """The connections of the project; none is opened before something is asked of it."""
        return Connections(self.project, _ObjectStores())

    @property
    def warehouse(self) -> Warehouse:
        """The warehouse; whoever is waited for is said."""
        return Warehouse(self.project.warehouse_path, log=self.output.note)

    @property
    def has_warehouse(self) -> bool:
        """True where something was imported before; looking at nothing must not make a file."""
        return self.project.warehouse_path.exists()

    @contextmanager
    def reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open the warehouse for reading.

        Raises WarehouseError where there is none yet, or it is not one of ours.
        """
        if not self.has_warehouse:
            raise WarehouseError(
                f"there is no warehouse yet at {self.project.warehouse_path}: import something "
                "first, with `import-assets run`"
            )
        with self.warehouse.read() as connection:
            try:
                yield connection
            except duckdb.Error as error:
                raise WarehouseError(f"the warehouse {self.warehouse.path}: {error}") from error


class _ObjectStores:
    """Makes clients of buckets as runs do, but loads what that takes only when one is needed."""

    def s3(self, name: str, connection: S3Connection) -> Any:
        from import_assets.orchestration.resources import ObjectStores

        return ObjectStores().s3(name, connection)

    def gcs(self, name: str, connection: GcsConnection) -> Any:
        from import_assets.orchestration.resources import ObjectStores

        return ObjectStores().gcs(name, connection)


def _is_project(folder: Path) -> bool:
    return (folder / PROJECT_FILE).is_file() or (folder / IMPORTS_FOLDER).is_dir()


def unknown(what: str, name: str, known: Iterable[str]) -> UnknownName:
    """Return the error about a name that does not exist, with what it may have been meant to be."""
    names = list(known)
    hint = did_you_mean(name, names)
    if not names:
        listed = "there is none yet"
    elif len(names) > 20:
        listed = f"there are {len(names):,}, such as {', '.join(names[:5])}"
    else:
        listed = f"there {'is' if len(names) == 1 else 'are'}: {', '.join(names)}"
    return UnknownName(f"no {what} {name!r}{hint}; {listed}")


def as_utc(moment: dt.datetime) -> dt.datetime:
    """Return a time as the warehouse keeps it, naive UTC, with its zone."""
    return moment.replace(tzinfo=dt.UTC)
