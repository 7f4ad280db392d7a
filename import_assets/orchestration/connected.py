"""The open connections of this process: one set for a project, shared by ticks and runs."""

from __future__ import annotations

from pathlib import Path

from import_assets.orchestration.resources import ObjectStores
from import_assets.sources.connect import Connections
from import_assets.spec.loading import Project

_open: dict[Path, Connections] = {}


def connections(project: Project) -> Connections:
    """Return the connections of a project; those of an older project file are closed."""
    known = _open.get(project.root)
    if known is not None and known.project.spec.connections == project.spec.connections:
        return known
    if known is not None:
        known.close()
    _open[project.root] = Connections(project, ObjectStores())
    return _open[project.root]
