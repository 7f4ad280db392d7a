"""From an import's definition to the feed that it asks."""

from __future__ import annotations

from import_assets.analyses.feed import AnalysisFeed
from import_assets.errors import SourceError
from import_assets.sources.connect import Connections
from import_assets.sources.feeds.base import Feed
from import_assets.spec.analyses import find_analyses
from import_assets.spec.loading import Import, load_project
from import_assets.spec.sources import AnalysisSource


def open_feed(definition: Import, connections: Connections) -> Feed:
    """Return what an import asks whose source is a URL, a database or an analysis.

    Raises:
        SourceError: the connection cannot be used, or the analysis is gone.
        TypeError: the source has files.
    """
    source = definition.spec.source.feed
    if source is None:
        raise TypeError(f"{definition.name} reads files and asks no feed")
    if not isinstance(source, AnalysisSource):
        return connections.feed(source)
    project = definition.project
    if source.project is not None:
        project = load_project(project.root / source.project)
    analysis = find_analyses(project.root).usable.get(source.name)
    if analysis is None:
        raise SourceError(f"the analysis {source.name} of {project.root} cannot be used any more")
    return AnalysisFeed(analysis, project)
