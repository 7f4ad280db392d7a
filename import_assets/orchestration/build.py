"""From a project's files to Dagster's definitions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import dagster as dg

from import_assets.errors import DefinitionError
from import_assets.orchestration.analyses import build_analysis, divided
from import_assets.orchestration.housekeeping import build_housekeeping
from import_assets.orchestration.imports import build_import
from import_assets.orchestration.invalid import build_invalid
from import_assets.orchestration.keys import ANALYSES_GROUP
from import_assets.orchestration.resources import resources
from import_assets.orchestration.schedules import build_schedule
from import_assets.orchestration.sensors import (
    build_files_sensor,
    build_interrupted_runs_sensor,
    build_new_file_sensor,
    build_tables_sensor,
)
from import_assets.orchestration.showing import build_ledger_sensor
from import_assets.orchestration.tables import build_table
from import_assets.spec.loading import Import, Loaded, load
from import_assets.tables.checks import references


def build_definitions(root: Path) -> dg.Definitions:
    """Return the definitions of the project in the folder `root`.

    A wrong definition becomes an asset of the group `invalid`; so does a wrong project file, which
    leaves nothing else to show.
    """
    try:
        loaded = load(root)
    except DefinitionError as error:
        return dg.Definitions(assets=[build_invalid("project", error)])
    return _definitions(loaded)


def _definitions(loaded: Loaded) -> dg.Definitions:
    definitions = list(loaded.imports.values())
    by_table: defaultdict[tuple[str, ...], list[Import]] = defaultdict(list)
    for definition in definitions:
        by_table[definition.table].append(definition)
    return dg.Definitions(
        assets=[
            *(build_import(definition) for definition in definitions),
            *(
                build_table(table, sources, [t for t in references(table) if t in by_table])
                for table, sources in by_table.items()
            ),
            *_analyses(loaded),
            *(build_invalid(name, error) for name, error in loaded.invalid.items()),
        ],
        sensors=[
            *(sensor for definition in definitions if (sensor := _sensor(definition))),
            build_interrupted_runs_sensor(loaded.project),
            build_tables_sensor(),
            *([build_ledger_sensor(loaded)] if definitions else []),
        ],
        schedules=[
            *(
                build_schedule(definition)
                for definition in definitions
                if definition.spec.run.repeats
            ),
            build_housekeeping(loaded.project),
        ],
        resources=resources(loaded.project.spec),
        executor=dg.in_process_executor,
    )


def _analyses(loaded: Loaded) -> Iterator[dg.AssetsDefinition | dg.AssetSpec]:
    tables = divided(loaded.analyses.usable, list(loaded.imports.values()))
    for name, analysis in loaded.analyses.usable.items():
        yield build_analysis(analysis, loaded.project, *tables[name])
    for name, error in loaded.analyses.invalid.items():
        yield build_invalid(name, error, ANALYSES_GROUP)


def _sensor(definition: Import) -> dg.SensorDefinition | None:
    """Return the sensor over an import's files, which pasted text and feeds do not have.

    What lies in a drop folder was put there to be imported.
    """
    source = definition.spec.source
    if source.paste is not None or source.feed is not None:
        return None
    if source.upload is not None or definition.spec.run.on_new_file:
        return build_new_file_sensor(definition)
    return build_files_sensor(definition)
