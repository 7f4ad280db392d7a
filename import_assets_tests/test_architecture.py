"""Who may know whom: data goes one way, and no step reaches back."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import import_assets

ROOT = Path(import_assets.__file__).parent
PACKAGE = "import_assets"

WORDS = {"ahead", "errors", "records", "wording"}
"""What every folder may speak of."""

KNOWS = {
    "ahead": set[str](),
    "errors": set[str](),
    "records": set[str](),
    "wording": set[str](),
    "spec": WORDS,
    "sources": WORDS | {"spec"},
    "formats": WORDS | {"spec"},
    "mapping": WORDS | {"spec"},
    "staging": WORDS | {"spec"},
    "warehouse": WORDS | {"spec", "staging"},
    "tables": WORDS | {"spec", "staging", "warehouse"},
    "analyses": WORDS | {"spec", "sources", "warehouse"},
    "pipeline": WORDS
    | {"spec", "sources", "formats", "mapping", "staging", "tables", "warehouse", "analyses"},
    "orchestration": WORDS
    | {"spec", "sources", "formats", "mapping", "staging", "tables", "warehouse", "pipeline"}
    | {"analyses"},
    "cli": WORDS
    | {"spec", "sources", "formats", "mapping", "staging", "tables", "warehouse", "pipeline"}
    | {"orchestration"},
    "definitions": {"orchestration"},
}
"""Each folder, or module at the top, and what it may import of the others."""

EXCEPTIONS = {
    # What becomes of records, in numbers: a word of its own without any import.
    ("warehouse.ledger", "tables.outcome"),
    # How a result of DuckDB becomes a frame, whatever holds the rows.
    ("staging.digest", "warehouse.sql"),
    # Whether a format fits a data type is asked where a definition is checked, and only then.
    ("spec.agreement", "mapping.types"),
    # And so is whether a query only reads, and which tables it reads.
    ("spec.agreement", "sources.sql.dialects"),
    ("spec.agreement", "sources.sql.select"),
    ("spec.analyses", "sources.sql.lineage"),
    ("spec.analyses", "sources.sql.select"),
}


@dataclass(frozen=True)
class Imported:
    """One import statement: which module it is in, which it names, and whether it runs at once."""

    by: str
    module: str
    names: tuple[str, ...]
    at_once: bool

    @property
    def is_own(self) -> bool:
        return top(self.module) == PACKAGE

    @property
    def targets(self) -> set[str]:
        """The modules of this package that it may load, without the package's name."""
        named = {f"{self.module}.{name}" for name in self.names} & set(modules())
        found = named or {self.module}
        return {module.removeprefix(f"{PACKAGE}.") for module in found}


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of the package by its name."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = ast.parse(path.read_text(encoding="utf-8"), str(path))
    return found


def _walk(node: ast.AST, *, at_once: bool) -> Iterator[tuple[ast.AST, bool]]:
    """Yield all nodes below, and whether they are run when the module is loaded."""
    for child in ast.iter_child_nodes(node):
        inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        typing_only = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
        runs = at_once and not inside and not typing_only
        yield child, runs
        yield from _walk(child, at_once=runs)


@cache
def imports() -> tuple[Imported, ...]:
    """Every import statement of the package."""
    found = []
    for name, tree in modules().items():
        own = name.removeprefix(f"{PACKAGE}.")
        for node, at_once in _walk(tree, at_once=True):
            if isinstance(node, ast.Import):
                found += [Imported(own, alias.name, (), at_once) for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = tuple(alias.name for alias in node.names)
                found.append(Imported(own, "." * node.level + (node.module or ""), names, at_once))
    return tuple(found)


def own_imports() -> set[tuple[str, str]]:
    """Pairs of modules of this package, the first of which imports the second."""
    return {(one.by, target) for one in imports() if one.is_own for target in one.targets}


def top(module: str) -> str:
    return module.split(".", maxsplit=1)[0]


def test_every_folder_has_its_place() -> None:
    tops = {top(name.removeprefix(f"{PACKAGE}.")) for name in modules()} - {PACKAGE}
    assert tops == set(KNOWS)


@pytest.mark.parametrize("folder", KNOWS)
def test_a_folder_knows_only_those_before_it(folder: str) -> None:
    """source → format → mapping → staging → tables and warehouse; none of them what follows."""
    wrong = {
        (by, target)
        for by, target in own_imports() - EXCEPTIONS
        if top(by) == folder != top(target) and top(target) not in KNOWS[folder]
    }
    assert wrong == set()


def test_exceptions_are_still_needed() -> None:
    assert own_imports() >= EXCEPTIONS


def test_folders_stand_in_an_order() -> None:
    """No folder leads back to itself by way of another."""
    assert len(list(TopologicalSorter(KNOWS).static_order())) == len(KNOWS)


def test_modules_load_in_an_order() -> None:
    """No module leads back to itself by what it imports when it is loaded."""
    graph: dict[str, set[str]] = {}
    for one in imports():
        if one.is_own and one.at_once:
            graph.setdefault(one.by, set()).update(one.targets - {one.by})
    assert list(TopologicalSorter(graph).static_order())


def test_only_orchestration_knows_dagster() -> None:
    users = {one.by for one in imports() if top(one.module).startswith("dagster")}
    assert users
    assert {user for user in users if top(user) not in ("orchestration", "definitions")} == set()


def test_the_command_starts_without_dagster() -> None:
    """It takes seconds to load, which `check` or `show` should not: it is loaded when needed."""
    graph: dict[str, set[str]] = {}
    for one in imports():
        if one.at_once and one.is_own:
            graph.setdefault(one.by, set()).update(one.targets)
    heavy = {one.by for one in imports() if one.at_once and top(one.module).startswith("dagster")}
    reached: set[str] = set()
    waiting = {module for module in graph if top(module) == "cli"}
    while waiting:
        module = waiting.pop()
        reached.add(module)
        waiting |= graph.get(module, set()) - reached
    assert "pipeline.trial" in reached
    assert reached & heavy == set()


def test_formats_know_nothing_of_kinds() -> None:
    """Nor of columns: they give text records, whatever these are about to become."""
    used = {
        name
        for one in imports()
        if top(one.by) == "formats" and one.is_own
        for name in (*one.names, *one.targets)
    }
    forbidden = {"Column", "ImportSpec", "AttributeType", "spec.loading"}
    assert {
        name
        for name in used
        if (name.endswith("Kind") and name != "ColumnKind") or name in forbidden
    } == set()


def test_tables_know_nothing_of_files() -> None:
    used = {target for by, target in own_imports() if top(by) == "tables"}
    assert not used & {"spec.loading", "spec.patterns"}
    third = {top(one.module) for one in imports() if top(one.by) == "tables"}
    assert not third & {"csv", "io", "os", "shutil", "tempfile", "zipfile"}


def test_imports_are_absolute() -> None:
    assert [one for one in imports() if one.module.startswith(".")] == []


def test_packages_are_empty() -> None:
    """A name has one home, and loading one module does not load its neighbours."""
    full = [name for name, tree in modules().items() if _is_package(name) and tree.body]
    assert full == []


def _is_package(name: str) -> bool:
    return (ROOT.parent / Path(*name.split(".")) / "__init__.py").is_file()
