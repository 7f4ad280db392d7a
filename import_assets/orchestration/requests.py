"""From deliveries to run requests: as few runs as the order of partitions allows."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import dagster as dg

from import_assets.orchestration.imports import run_assets
from import_assets.orchestration.keys import IMPORT_TAG, RUN_KEY_TAG, partitions_name
from import_assets.sources.ask import Ask
from import_assets.spec.loading import Import


def run_requests(
    instance: dg.DagsterInstance, definition: Import, asks: Sequence[Ask]
) -> tuple[list[dg.RunRequest], list[dg.AddDynamicPartitionsRequest]]:
    """Return run requests for the asks, in their order, and the partitions to add before.

    A run takes a range of partitions, and the order of dynamic partitions is the order in which
    they were added: all new files go into one run, known ones (a file that changed) into one run
    for each stretch. The order of asks is kept, since a later file may overwrite what an earlier
    one said.
    """
    if not asks:
        return [], []
    by_key = {ask.delivery.key: ask for ask in asks}
    known = instance.get_dynamic_partitions(partitions_name(definition))
    present = set(known)
    new = [key for key in by_key if key not in present]
    requests = [
        dg.RunRequest(
            run_key=_run_key(definition, [by_key[key] for key in stretch]),
            asset_selection=run_assets(definition),
            tags={IMPORT_TAG: definition.name, **partition_tags(stretch)},
        )
        for stretch in stretches([*known, *new], list(by_key))
    ]
    partitions = dg.DynamicPartitionsDefinition(name=partitions_name(definition))
    return requests, [partitions.build_add_request(new)] if new else []


def slot_request(definition: Import, slot: str) -> dg.RunRequest:
    """Return the request for one slot of a feed; asked twice for the same, one run is started."""
    return dg.RunRequest(
        run_key=f"{definition.name}:{slot}",
        asset_selection=run_assets(definition),
        tags={IMPORT_TAG: definition.name, **partition_tags([slot])},
    )


def stretches(known: Sequence[str], keys: Sequence[str]) -> list[list[str]]:
    """Return `keys`, in their order, cut where one does not follow the other in `known`."""
    place = {key: index for index, key in enumerate(known)}
    found: list[list[str]] = []
    for key in keys:
        if found and place[key] == place[found[-1][-1]] + 1:
            found[-1].append(key)
        else:
            found.append([key])
    return found


def renewed(instance: dg.DagsterInstance, request: dg.RunRequest) -> dg.RunRequest:
    """Return the request with a run key of which no run has ended yet.

    For one run key Dagster starts one run only, however that ends, and a sensor whose memory was
    lost, or whose definition has changed, counts the attempts from 1 again.
    """
    ended = [
        dg.DagsterRunStatus.SUCCESS,
        dg.DagsterRunStatus.FAILURE,
        dg.DagsterRunStatus.CANCELED,
    ]
    run_key, times = request.run_key, 1
    while instance.get_runs(dg.RunsFilter(tags={RUN_KEY_TAG: run_key or ""}, statuses=ended)):
        times += 1
        run_key = f"{request.run_key}~{times}"
    return dg.RunRequest(
        run_key=run_key, asset_selection=request.asset_selection, tags=dict(request.tags)
    )


def partition_tags(keys: Sequence[str]) -> dict[str, str]:
    """Return the run tags that select a stretch of partitions."""
    if len(keys) == 1:
        return {"dagster/partition": keys[0]}
    return {
        "dagster/asset_partition_range_start": keys[0],
        "dagster/asset_partition_range_end": keys[-1],
    }


def _run_key(definition: Import, asks: Sequence[Ask]) -> str:
    """Return the run key: that of the first ask, and how many follow with which attempts."""
    first = asks[0].run_key(definition.name)
    if len(asks) == 1:
        return first
    return f"{first}+{_digest(definition, asks)}"


def _digest(definition: Import, asks: Sequence[Ask]) -> str:
    text = "\0".join(ask.run_key(definition.name) for ask in asks)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
