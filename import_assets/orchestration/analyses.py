"""Analyses as assets between the tables that they read and the imports that read them (D44)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg

from import_assets.analyses.feed import AnalysisFeed
from import_assets.errors import ImportAssetsError
from import_assets.orchestration.keys import ANALYSES_GROUP, analysis_key, table_key
from import_assets.orchestration.metadata import of_rows
from import_assets.spec.analyses import Analysis
from import_assets.spec.loading import Import, Project
from import_assets.warehouse.sql import table_label

_ROWS = 20


def build_analysis(
    analysis: Analysis,
    project: Project,
    tables: Sequence[tuple[str, ...]],
    own: Sequence[tuple[str, ...]],
) -> dg.AssetsDefinition:
    """Return the asset of an analysis; to materialize it shows what it gives now.

    Args:
        analysis: the analysis.
        project: its project.
        tables: those of its tables that it depends on in the graph.
        own: those that it reads and, by way of an import, also fills: a graph may hold no circle.
    """

    @dg.asset(
        key=analysis_key(analysis.name),
        group_name=ANALYSES_GROUP,
        deps=[table_key(table) for table in tables],
        description=_description(analysis, project, own),
        kinds={analysis.language, "duckdb"},
    )
    def analyse(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        feed = AnalysisFeed(analysis, project)
        limits = project.spec.limits
        try:
            with (
                TemporaryDirectory(prefix="analysis-") as folder,
                feed.rows(feed.place, Path(folder), limits) as spooled,
            ):
                values = of_rows(spooled.blocks(), spooled.columns, spooled.rows, _ROWS)
        except ImportAssetsError as error:
            raise dg.Failure(description=str(error), allow_retries=False) from error
        context.log.info(f"{analysis.name}: {spooled.rows:,} rows")
        return dg.MaterializeResult(metadata=values)

    return analyse


def _description(analysis: Analysis, project: Project, own: Sequence[tuple[str, ...]]) -> str:
    file = analysis.file.relative_to(project.root)
    told = f"Defined in `{file}`.\n\n```{analysis.language}\n{analysis.text.strip()}\n```"
    if not own:
        return told
    names = " and ".join(f"`{table_label(table)}`" for table in own)
    return (
        f"{told}\n\nIt reads {names} too, which an import fills from it; the graph leaves that out."
    )


def divided(
    analyses: Mapping[str, Analysis], imports: Sequence[Import]
) -> dict[str, tuple[list[tuple[str, ...]], list[tuple[str, ...]]]]:
    """Return, for each analysis, the tables it depends on, and those that depend on it.

    Tables that no import fills are none. An analysis of customers that fills customers would close
    a circle, which Dagster refuses for all definitions at once.
    """
    there = {one.table for one in imports}
    found: dict[str, tuple[list[tuple[str, ...]], list[tuple[str, ...]]]] = {}
    for name, analysis in analyses.items():
        filled = _filled(name, analyses, imports)
        read = [table for table in analysis.tables if table in there]
        found[name] = (
            [table for table in read if table not in filled],
            [table for table in read if table in filled],
        )
    return found


def _filled(
    name: str, analyses: Mapping[str, Analysis], imports: Sequence[Import]
) -> set[tuple[str, ...]]:
    """Return the tables that an analysis fills, by way of imports and of other analyses."""
    filled: set[tuple[str, ...]] = set()
    waiting, seen = [name], {name}
    while waiting:
        current = waiting.pop()
        tables = {one.table for one in imports if _reads(one, current)} - filled
        filled |= tables
        after = [
            other
            for other, analysis in analyses.items()
            if other not in seen and tables & set(analysis.tables)
        ]
        seen.update(after)
        waiting += after
    return filled


def _reads(definition: Import, analysis: str) -> bool:
    source = definition.spec.source.analysis
    return source is not None and source.project is None and source.name == analysis
