"""`list`: every import with its last delivery and what is waiting (M050)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from import_assets.cli.exits import DONE
from import_assets.cli.folders import Books, Folder, look, read_books
from import_assets.cli.output import column, columns
from import_assets.cli.session import Session, as_utc
from import_assets.errors import DefinitionError
from import_assets.spec.loading import Import
from import_assets.spec.models import Monthly, Run, Weekly
from import_assets.spec.sources import AnalysisSource, DatabaseSource, StorageSource, UrlSource
from import_assets.tables.outcome import Counts
from import_assets.warehouse import ledger
from import_assets.warehouse.ledger import Entry
from import_assets.warehouse.refusals import Refusal
from import_assets.warehouse.sql import table_label
from import_assets.wording import counted

_COLUMNS = [
    *columns("import", "table", "source", "runs", "status"),
    column("last_delivery"),
    column("last_at", "at (UTC)"),
    *columns("read", "rejected", "outstanding", "remembered", "waiting", "refused"),
]

_AT_A_GLANCE = {
    *("import", "status", "last_delivery", "last_at"),
    *("read", "outstanding", "waiting", "refused"),
}
"""What a line of a terminal has room for."""


def list_imports(session: Session) -> int:
    """Print one record for each import; those with a wrong definition come last."""
    output = session.output
    records = list(_records(session))
    if not records:
        output.note("There are no imports yet: write imports/NAME.yaml")
    if records or output.as_json:
        glance = [one for one in _COLUMNS if one.key in _AT_A_GLANCE]
        output.records(records, of=glance if output.terminal else _COLUMNS)
    for one in records:
        if one["problem"] is not None:
            output.note(f"{one['import']}: {one['problem']}")
    return DONE


def _records(session: Session) -> Iterator[dict[str, Any]]:
    loaded = session.loaded
    books: dict[str, Books] = {}
    undefined: list[str] = []
    if session.has_warehouse:
        with session.reading() as connection:
            books = {name: read_books(connection, name) for name in loaded.imports}
            rest = ledger.latest(connection).keys() - loaded.imports.keys()
            undefined = sorted(
                name for name in rest - loaded.invalid.keys() if ledger.imported(connection, name)
            )
    for name, definition in loaded.imports.items():
        of_one = books.get(name, Books())
        yield _record(definition, of_one, look(definition, of_one, session.connections))
    for name, error in loaded.invalid.items():
        yield _without_definition(name, "invalid", _number_of_errors(error))
    for name in undefined:
        problem = f"its definition is gone; to forget it: import-assets delete {name}"
        yield _without_definition(name, "no definition", problem)


def _record(definition: Import, books: Books, folder: Folder) -> dict[str, Any]:
    refusal = _newest_refusal(books)
    # Beside `refused` stand no counts: those of the delivery before would be taken for its own.
    last = books.last if refusal is None else None
    counts = last.counts.as_dict() if last and last.undone_at is None else {}
    key, at = (refusal.key, refusal.refused_at) if refusal else (None, None)
    problems = [one for one in (folder.problem, refusal and refusal.message) if one]
    return {
        "import": definition.name,
        "table": table_label(definition.table),
        "source": source_words(definition),
        "runs": run_words(definition),
        "status": _status(books, last, refused=refusal is not None),
        "last_delivery": last.key if last else key,
        "last_at": as_utc(last.applied_at) if last else at and as_utc(at),
        **{name: counts.get(name) for name in Counts().as_dict()},
        "outstanding": sum(books.outstanding.values()),
        "remembered": len(books.imported),
        "waiting": folder.waiting,
        "refused": sum(one.state == "refused" for one in folder.files),
        "problem": "; ".join(problems) or None,
    }


def _without_definition(name: str, status: str, problem: str) -> dict[str, Any]:
    nothing = dict.fromkeys(
        (
            *("table", "source", "runs"),
            *("last_delivery", "last_at", *Counts().as_dict()),
            *("outstanding", "remembered", "waiting", "refused"),
        )
    )
    record = {"import": name, **nothing, "status": status, "problem": problem}
    order = ("import", "table", "source", "runs", "status")
    return {**{key: record[key] for key in order}, **record}


def _number_of_errors(error: DefinitionError) -> str:
    return f"{counted(len(error.problems), 'error')} in its definition: import-assets check"


def _newest_refusal(books: Books) -> Refusal | None:
    """Return the refusal of the newest delivery, None where that one was imported."""
    refusals = (books.refused or {}).values()
    newest = max(refusals, key=lambda one: one.refused_at, default=None)
    last = books.last
    if newest is None or (last is not None and newest.refused_at <= last.applied_at):
        return None
    return newest


def _status(books: Books, last: Entry | None, *, refused: bool) -> str:
    """Return the word for how the import stands, by what happened last."""
    if refused:
        return "refused"
    if last is None:
        return "never ran"
    if last.undone_at is not None:
        return "undone"
    return "partial" if books.outstanding.get(last.sequence) else "done"


def source_words(definition: Import) -> str:
    """Return where an import takes its deliveries from."""
    source = definition.spec.source
    match source.only:
        case StorageSource() as storage:
            where = f"{storage.connection}:" if storage.connection else ""
            return f"{where}{storage.folder}: {storage.files}"
        case UrlSource() as url:
            # What follows the ? is often a token.
            return (url.address or f"{url.connection}:{url.path or ''}").partition("?")[0]
        case DatabaseSource() as database:
            return f"{database.connection}: query"
        case AnalysisSource() as analysis:
            return f"analysis {analysis.name}"
        case _:
            return source.word


def run_words(definition: Import) -> str:
    """Return when an import starts by itself."""
    run = definition.spec.run
    until = f", until {run.until.isoformat()}" if run.until else ""
    zone = f" {definition.timezone}" if run.repeats else ""
    return _when(definition, run) + zone + until


def _when(definition: Import, run: Run) -> str:
    if run.daily:
        return f"daily {', '.join(sorted(run.daily))}"
    if run.weekly:
        return _on("weekly", run.weekly)
    if run.monthly:
        return _on("monthly", run.monthly)
    # What lies in a drop folder was put there to be imported.
    new_file = run.on_new_file or definition.spec.source.upload is not None
    return "on new file" if new_file else "by hand"


def _on(word: str, times: Weekly | Monthly) -> str:
    return f"{word} {', '.join(map(str, times.on))} {times.at}"
