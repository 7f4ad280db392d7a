"""The analyses of a project: `analyses/<name>.sql` and `.py` (M013, D44).

An analysis asks the project's own tables. One in SQL is one SELECT of DuckDB; one in Python has a
function `analysis(read_table)` that returns a frame of polars or pandas, and may say in a list
`TABLES` which tables it reads. Nothing of it is run here.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from import_assets.errors import DefinitionError, Problem
from import_assets.spec.names import import_name_fault

ANALYSES_FOLDER = "analyses"
FUNCTION = "analysis"
TABLES = "TABLES"

_SUFFIXES: dict[str, Literal["sql", "python"]] = {".sql": "sql", ".py": "python"}
_GRAMMAR = "duckdb"


@dataclass(frozen=True)
class Analysis:
    """A checked analysis: its name, its file and its text, and the tables that it reads.

    `tables` are parts of tables' names, `("events", "purchase")`, whether these exist or not.
    """

    name: str
    file: Path
    language: Literal["sql", "python"]
    text: str
    tables: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Analyses:
    """The analyses of a project by name, and what is wrong with those that cannot be used."""

    usable: dict[str, Analysis]
    invalid: dict[str, DefinitionError]


def find_analyses(root: Path) -> Analyses:
    """Read the analyses of the project in the folder `root`; without that folder there are none."""
    folder = root / ANALYSES_FOLDER
    usable: dict[str, Analysis] = {}
    invalid: dict[str, DefinitionError] = {}
    if not folder.is_dir():
        return Analyses(usable, invalid)
    for file in sorted(folder.iterdir()):
        if file.suffix not in _SUFFIXES or file.name.startswith((".", "_")):
            continue
        name = file.stem
        try:
            if name in usable:
                raise _error(file, 1, f"there is {usable[name].file.name} too: rename one")
            usable[name] = _read(file)
        except DefinitionError as error:
            invalid[name] = error
            usable.pop(name, None)
    return Analyses(usable, invalid)


def _read(file: Path) -> Analysis:
    if fault := import_name_fault(file.stem):
        raise _error(file, 1, fault.replace("an import", "an analysis"))
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _error(file, 1, f"it cannot be read as UTF-8: {error}") from None
    language = _SUFFIXES[file.suffix]
    tables = _sql_tables(file, text) if language == "sql" else _python_tables(file, text)
    return Analysis(file.stem, file, language, text, tables)


def _sql_tables(file: Path, text: str) -> tuple[tuple[str, ...], ...]:
    # Loaded here, and only where needed, since the parser of SQL is large.
    from import_assets.sources.sql.lineage import tables_read
    from import_assets.sources.sql.select import check_select

    if wrong := check_select(text, _GRAMMAR):
        raise _error(file, 1, wrong)
    return tuple(sorted(filter(None, map(_table, tables_read(text, _GRAMMAR)))))


def _table(name: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return the table of the warehouse that SQL calls by a name, or None if it is none of them."""
    *before, last = name
    schema = before[-1] if before else "main"
    if schema == "main":
        return (last,) if last == "customers" else None
    return (schema, last) if schema in ("events", "catalogs", "vouchers") else None


def _python_tables(file: Path, text: str) -> tuple[tuple[str, ...], ...]:
    try:
        tree = ast.parse(text, str(file))
    except SyntaxError as error:
        raise _error(file, error.lineno or 1, f"it is no Python: {error.msg}") from None
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    if FUNCTION not in {one.name for one in functions}:
        raise _error(file, 1, f"it has no function `{FUNCTION}(read_table)`, which returns a frame")
    for node in tree.body:
        if isinstance(node, ast.Assign) and [ast.unparse(one) for one in node.targets] == [TABLES]:
            return _listed(file, node)
    return ()


def _listed(file: Path, node: ast.Assign) -> tuple[tuple[str, ...], ...]:
    try:
        labels = list(ast.literal_eval(node.value))
    except (ValueError, TypeError):
        labels = [None]
    if not all(isinstance(label, str) for label in labels):
        raise _error(
            file, node.lineno, f'`{TABLES}` lists tables by name: ["customers", "events/purchase"]'
        )
    return tuple(tuple(str(label).split("/", 1)) for label in labels)


def _error(file: Path, line: int, message: str) -> DefinitionError:
    return DefinitionError([Problem(file, line, 1, "", message)])
