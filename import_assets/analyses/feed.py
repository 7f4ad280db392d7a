"""An analysis as a feed: its rows, at the moment it is asked (M013, D44)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from import_assets.analyses.python import run_python
from import_assets.errors import SourceError
from import_assets.sources.delivery import Delivery
from import_assets.sources.feeds.base import Feed, Pulled, Since
from import_assets.sources.rows import SpooledRows, spool_rows
from import_assets.sources.sql.duckdb import DuckdbSession
from import_assets.sources.sql.faults import Faults
from import_assets.sources.sql.select import trimmed
from import_assets.spec.analyses import Analysis
from import_assets.spec.loading import Project
from import_assets.spec.models import Limits
from import_assets.warehouse.warehouse import Warehouse

TIMEOUT_SECONDS = 3_600.0
"""How long an analysis may take."""

_GRAMMAR = "duckdb"


class AnalysisFeed(Feed):
    """The rows that an analysis gives, each time all of them.

    The warehouse is read while it is asked: imports wait for the analysis, and it for them.
    """

    def __init__(self, analysis: Analysis, project: Project) -> None:
        """Nothing is opened yet.

        Args:
            analysis: what is asked.
            project: whose tables it asks.
        """
        self.analysis = analysis
        self.project = project

    @property
    def place(self) -> str:
        """The analysis."""
        return f"analysis {self.analysis.name}"

    @contextmanager
    def pull(
        self,
        key: str,
        since: Since | None,  # noqa: ARG002 - an analysis has no memory
        spool_dir: Path,
        limits: Limits,
    ) -> Iterator[Pulled | None]:
        """See `Feed.pull`."""
        with self.rows(key, spool_dir, limits) as spooled:
            now = datetime.now(UTC)
            yield Pulled(Delivery(key, spooled.sha256, spooled.size, now), spooled)

    @contextmanager
    def preview(self, records: int, spool_dir: Path, limits: Limits) -> Iterator[Pulled]:
        """See `Feed.preview`."""
        key = "preview"
        with self.rows(key, spool_dir, limits, most=records) as spooled:
            now = datetime.now(UTC)
            yield Pulled(Delivery(key, spooled.sha256, spooled.size, now), spooled)

    @contextmanager
    def rows(
        self, file: str, spool_dir: Path, limits: Limits, most: int | None = None
    ) -> Iterator[SpooledRows]:
        """Run the analysis and spool its rows; remove them when the block is left.

        Args:
            file: what errors call it.
            spool_dir: a folder of this machine, made when missing.
            limits: of rows and bytes.
            most: how many rows to read, None for all.

        Raises:
            SourceError: it failed; its sentence says why.
            FileRefused: it gives too many rows, or what no attribute can hold.
        """
        spooling = self._sql if self.analysis.language == "sql" else self._python
        with spooling(file, spool_dir, limits, most) as spooled:
            yield spooled

    @contextmanager
    def _sql(
        self, file: str, spool_dir: Path, limits: Limits, most: int | None
    ) -> Iterator[SpooledRows]:
        faults = Faults(self.analysis.name, file, TIMEOUT_SECONDS, what="analysis")
        query = trimmed(self.analysis.text, _GRAMMAR)
        with ExitStack() as stack:
            with (
                self._warehouse().read(),
                closing(DuckdbSession(self.project.warehouse_path, faults)) as session,
            ):
                asked = query if most is None else session.limited(query, most)
                result = session.select(asked, most=limits.rows + 1)
                spooled = stack.enter_context(
                    spool_rows(
                        result.blocks,
                        spool_dir,
                        file=file,
                        max_rows=limits.rows,
                        max_bytes=limits.file_bytes,
                        json=result.json,
                        declared=result.declared,
                    )
                )
            # The warehouse is free again while the rows are mapped.
            yield spooled

    @contextmanager
    def _python(
        self, file: str, spool_dir: Path, limits: Limits, most: int | None
    ) -> Iterator[SpooledRows]:
        found = run_python(self.analysis, self._warehouse(), file)
        with spool_rows(
            [found.frame if most is None else found.frame.head(most)],
            spool_dir,
            file=file,
            max_rows=limits.rows,
            max_bytes=limits.file_bytes,
            json=found.json,
        ) as spooled:
            yield spooled

    def _warehouse(self) -> Warehouse:
        if not self.project.warehouse_path.exists():
            raise SourceError(
                f"analysis {self.analysis.name}: there is no warehouse yet at "
                f"{self.project.warehouse_path}: import something first"
            )
        return Warehouse(self.project.warehouse_path)
