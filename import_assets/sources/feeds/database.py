"""The rows of a query to a SQL database (M008, D43)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from import_assets.errors import FileRefused
from import_assets.sources.delivery import Delivery
from import_assets.sources.feeds.base import Feed, Pulled, Since, State
from import_assets.sources.retry import retrying
from import_assets.sources.rows import SpooledRows, spool_rows
from import_assets.sources.sql.dialects import dialect_of
from import_assets.sources.sql.open import open_session
from import_assets.sources.sql.select import check_select, trimmed
from import_assets.sources.sql.session import PLACEHOLDER, Result, Session
from import_assets.sources.sql.values import SqlColumn
from import_assets.sources.sql.window import Window, cursor_kind, unusable
from import_assets.spec.connections import SqlConnection
from import_assets.spec.models import Limits
from import_assets.spec.sources import DatabaseSource


class DatabaseFeed(Feed):
    """What a query gives at the moment it is asked.

    It is one SELECT, run in a transaction that may only read, for no longer than the connection's
    `timeout`, and read block by block. Without `cursor` each start gives all rows; with it those
    that are new since the last applied one, and those whose cursor is null, each time. A row that
    changed without its cursor growing counts as new where it lies within `lag`, else it is not
    seen.
    """

    def __init__(
        self, name: str, connection: SqlConnection, source: DatabaseSource, root: Path
    ) -> None:
        """Nothing is opened yet.

        Args:
            name: the connection's.
            connection: what `project.yaml` says about it.
            source: the query.
            root: the project's folder, to which files of SQLite and DuckDB are relative.
        """
        self.name = name
        self.connection = connection
        self.source = source
        self.root = root

    @property
    def place(self) -> str:
        """The connection."""
        return f"connection {self.name}"

    @contextmanager
    def pull(
        self, key: str, since: Since | None, spool_dir: Path, limits: Limits
    ) -> Iterator[Pulled | None]:
        """See `Feed.pull`. The connection is closed again before the block is entered.

        With `cursor`, nothing new since the last start gives None.
        """
        with ExitStack() as stack:
            yield retrying(lambda: stack.enter_context(self._pulled(key, since, spool_dir, limits)))

    @contextmanager
    def _pulled(
        self, key: str, since: Since | None, spool_dir: Path, limits: Limits
    ) -> Iterator[Pulled | None]:
        query = self._checked(key)
        with ExitStack() as stack:
            with open_session(self.name, self.connection, self.root, key) as session:
                if self.source.cursor is None:
                    result = session.select(query, most=limits.rows + 1)
                    rows = stack.enter_context(self._spooled(result, key, spool_dir, limits))
                    state: State = {}
                else:
                    window, result = self._opened(session, query, self.source.cursor, since, limits)
                    fresh = Result(result.columns, window.fresh(result.blocks))
                    rows = stack.enter_context(self._spooled(fresh, key, spool_dir, limits))
                    state = window.state_after(rows)
            nothing = self.source.cursor is not None and since is not None and not rows.rows
            yield None if nothing else Pulled(_delivery(key, rows), rows, state)

    @contextmanager
    def preview(self, records: int, spool_dir: Path, limits: Limits) -> Iterator[Pulled]:
        """See `Feed.preview`. The database is asked for no more rows than `records`."""
        file = "preview"
        query = self._checked(file)
        with ExitStack() as stack:
            with open_session(self.name, self.connection, self.root, file) as session:
                result = session.select(session.limited(query, records), most=records)
                rows = stack.enter_context(self._spooled(result, file, spool_dir, limits))
            yield Pulled(_delivery(file, rows), rows)

    def _checked(self, file: str) -> str:
        """Return the query, without what may stand at its end."""
        grammar = dialect_of(self.connection.url).grammar
        wrong = check_select(self.source.query, grammar)
        if wrong is not None:
            raise FileRefused(file, "query_refused", wrong)
        return trimmed(self.source.query, grammar)

    @contextmanager
    def _spooled(
        self, result: Result, file: str, spool_dir: Path, limits: Limits
    ) -> Iterator[SpooledRows]:
        _check_columns(result.columns, file, limits)
        with spool_rows(
            result.blocks,
            spool_dir,
            file=file,
            max_rows=limits.rows,
            max_bytes=limits.file_bytes,
            json=result.json,
            declared=result.declared,
            cursor=self.source.cursor,
        ) as rows:
            yield rows

    def _opened(
        self, session: Session, query: str, cursor: str, since: Since | None, limits: Limits
    ) -> tuple[Window, Result]:
        """Return what lets new rows through, and the rows to be put through it, in order."""
        file = session.faults.file
        columns = session.columns(query)
        _check_columns(columns, file, limits)
        column, name = _find(columns, cursor, file), f"q.{session.quoted(cursor)}"
        sample = _sample(session, query, name, column)
        state = since.state if since is not None else {}
        if sample is None and column.kind is None:
            # All there is, if anything, are rows without a value: any kind does.
            kind = state.get("kind", "integer")
        else:
            kind = cursor_kind(column, sample, file)
        window = Window(cursor, columns, kind, self.source.lag, file)
        followed = window.follow(state)
        if not followed and self.source.start is not None and (column.kind or sample is not None):
            window.begin(self.source.start, sample)
        where = "" if window.low is None else f"WHERE {name} >= {PLACEHOLDER} OR {name} IS NULL "
        result = session.select(
            f"SELECT * FROM ({query}\n) q {where}ORDER BY {name}",
            window.low,
            most=limits.rows + 1 + window.known.total(),
        )
        return window, result


def _find(columns: Sequence[SqlColumn], cursor: str, file: str) -> SqlColumn:
    found = next((column for column in columns if column.name == cursor), None)
    if found is None:
        names = ", ".join(column.name for column in columns)
        raise unusable(cursor, f"is no column of the query; it gives: {names}", file)
    return found


def _sample(session: Session, query: str, name: str, column: SqlColumn) -> pl.Series | None:
    """Return one value of the cursor where the driver does not say what it is, None for none."""
    if column.kind is not None:
        return None
    statement = f"SELECT {name} FROM ({query}\n) q WHERE {name} IS NOT NULL"
    blocks = [block for block in session.select(statement, most=1).blocks if block.height]
    return blocks[0].to_series() if blocks else None


def _check_columns(columns: Sequence[SqlColumn], file: str, limits: Limits) -> None:
    """Refuse too many columns, and two of one name (M086)."""
    names = [column.name for column in columns]
    if len(names) > limits.columns:
        raise FileRefused(
            file,
            "too_many_columns",
            f"the query gives {len(names):,} columns, at most {limits.columns:,} are allowed: "
            "leave out columns",
        )
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise FileRefused(
            file,
            "duplicate_headers",
            f"the query gives more than one column named {', '.join(map(repr, doubled))}: name "
            "them apart with AS",
        )


def _delivery(key: str, rows: SpooledRows) -> Delivery:
    return Delivery(key, rows.sha256, rows.size, datetime.now(UTC))
