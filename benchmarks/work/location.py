"""`location WHAT COUNT ROOT`: load a code location as Dagster's server of code does.

WHAT is `imports` (the project in ROOT), `assets` (COUNT plain ones, made in a loop), `triggered`
(the same, each with partitions and a sensor), or `nothing`. Prints how many assets there are.
"""

# Dagster reads the annotations of assets at run time: no `from __future__ import annotations`.
import sys
import warnings
from pathlib import Path

import dagster as dg
from dagster._core.remote_representation.external_data import RepositorySnap

warnings.simplefilter("ignore", dg.BetaWarning)


def plain(number: int) -> dg.AssetsDefinition:
    """Return an asset that does nothing."""

    @dg.asset(name=f"asset_{number}")
    def nothing() -> None:
        return None

    return nothing


def triggered(number: int) -> tuple[dg.AssetsDefinition, dg.SensorDefinition]:
    """Return an asset with partitions of its own, and a sensor that asks for it."""

    @dg.asset(
        name=f"asset_{number}",
        partitions_def=dg.DynamicPartitionsDefinition(name=f"files_{number}"),
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def nothing() -> None:
        return None

    @dg.sensor(name=f"sensor_{number}", target=[nothing], minimum_interval_seconds=300)
    def look() -> dg.SkipReason:
        return dg.SkipReason("nothing new")

    return nothing, look


def definitions(what: str, count: int, root: Path) -> dg.Definitions:
    """Return the definitions of the location."""
    if what == "imports":
        from import_assets.orchestration.build import build_definitions

        return build_definitions(root)
    if what == "triggered":
        pairs = [triggered(number) for number in range(count)]
        return dg.Definitions(
            assets=[asset for asset, _ in pairs],
            sensors=[sensor for _, sensor in pairs],
            executor=dg.in_process_executor,
        )
    wanted = count if what == "assets" else 0
    assets = [plain(number) for number in range(wanted)]
    return dg.Definitions(assets=assets, executor=dg.in_process_executor)


def main(what: str, count: str, root: str) -> None:
    """Load it, and describe it as the server of code does to those who ask."""
    repository = definitions(what, int(count), Path(root)).get_repository_def()
    snap = RepositorySnap.from_def(repository)
    sys.stdout.write(str(len(snap.asset_nodes)))


if __name__ == "__main__":
    main(*sys.argv[1:])
