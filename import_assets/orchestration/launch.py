"""Starting an import through Dagster from a terminal, in this process, so that the UI shows it.

Also takes the traces of a deleted import out of Dagster. Nothing else of the command knows Dagster.
"""

from __future__ import annotations

import contextlib
import logging
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import dagster as dg
import yaml
from dagster._check import CheckError
from dagster._core.errors import DagsterExecutionInterruptedError
from dagster._core.instance.ref import InstanceRef
from dagster._core.utils import make_new_run_id
from dagster_shared.error import SerializableErrorInfo
from sqlalchemy.exc import SQLAlchemyError

from import_assets.errors import ImportAssetsError
from import_assets.orchestration import alive
from import_assets.orchestration.imports import WATCH, build_import, run_assets
from import_assets.orchestration.keys import (
    IMPORT_TAG,
    REPLAY_TAG,
    SLOT_TAG,
    import_key,
    partitions_name,
)
from import_assets.orchestration.requests import partition_tags, stretches
from import_assets.orchestration.tables import build_table
from import_assets.spec.loading import Import, Loaded
from import_assets.tables.outcome import Counts
from import_assets.warehouse.lock import hold
from import_assets.wording import room_in

HOME_VARIABLE = "DAGSTER_HOME"
CONFIG_FILE = "dagster.yaml"
OWN_FOLDER = ".dagster"
"""Where runs are kept if neither DAGSTER_HOME nor a dagster.yaml says it."""

Say = Callable[[str], None]
Watch = Callable[[str, int, int], None]

# Steps of this process print nothing, and catching what they print starts a process for each.
_NO_COMPUTE_LOGS: Any = {
    "compute_logs": {
        "module": "dagster._core.storage.noop_compute_log_manager",
        "class": "NoOpComputeLogManager",
    }
}
_OWN_SETTINGS: Any = {**_NO_COMPUTE_LOGS, "telemetry": {"enabled": False}}
_INSTIGATORS = ("new_file", "files", "repeat")
_PARTITION_SETS = ("files", "pastes", "slots")
_MANY_PARTITIONS = 500
_OPENING_SECONDS = 300.0
_RETRIES_TAG = "dagster/max_retries"
_DAGSTERS_OWN = ("Dependencies for step ",)
"""How messages of Dagster begin that it does not mark as its own."""

_SHOWN_ELSEWHERE = ("files_imported",)
"""Checks whose outcome is told by the results themselves."""


class InstanceError(ImportAssetsError):
    """Dagster's own storage cannot be opened, or a run in it broke off."""


@dataclass(frozen=True)
class Arrival:
    """What became of one delivery in a run.

    `counts`, `batch_id` and `already` (the ledger had it before) are set where it was imported,
    `seconds` where it was read for that. A feed is `unchanged` where it had nothing new. `failure`
    is the sentence about why it was not imported.
    """

    key: str
    counts: Counts | None = None
    batch_id: str | None = None
    already: bool = False
    unchanged: bool = False
    seconds: float | None = None
    failure: str | None = None


@dataclass(frozen=True)
class Launched:
    """What became of all deliveries, in the order in which they were asked for.

    `warnings` are sentences of checks that did not pass. `failure` is why the runs broke off or the
    table could not be refreshed, if so.
    """

    arrivals: tuple[Arrival, ...]
    warnings: tuple[str, ...]
    failure: str | None = None


@contextmanager
def open_instance(root: Path, say: Say) -> Iterator[dg.DagsterInstance]:
    """Open the instance that the UI of the project uses, with the project as the current folder.

    It is that of DAGSTER_HOME if set, else that of `dagster.yaml` in `root`, else one of the
    project's own in `.dagster`, which `say` tells.

    Raises:
        InstanceError: DAGSTER_HOME is no folder, or the storage cannot be opened, or be used by
            what is done inside.
        WarehouseError: Another process has been opening it for minutes.
    """
    folder, settings = _home(root, say)
    # The folders named in dagster.yaml are relative to the current one.
    with contextlib.chdir(root), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with _alone(root, folder, say):
                reference = InstanceRef.from_dir(str(folder), overrides=settings)
                instance = dg.DagsterInstance.from_ref(reference)
        except (dg.DagsterError, CheckError, SQLAlchemyError, yaml.YAMLError, OSError) as error:
            raise InstanceError(
                f"Dagster's storage, set up in {folder}, cannot be opened: {_about(error, folder)}"
            ) from error
        try:
            with instance:
                yield instance
        except SQLAlchemyError as error:
            raise InstanceError(
                f"Dagster's storage, set up in {folder}, cannot be written or read: "
                f"{_about(error, folder)}"
            ) from error


def _about(error: Exception, folder: Path) -> str:
    """Return what is wrong with the storage, without its statements, and how much room it has."""
    if not isinstance(error, SQLAlchemyError):
        return str(error)
    lines = str(error).splitlines()
    return f"{lines[0]}; {room_in(folder)}" if lines else type(error).__name__


def _alone(root: Path, folder: Path, say: Say) -> AbstractContextManager[None]:
    """Let one process after the other open the storage: the first one makes its tables."""
    own = root / OWN_FOLDER if folder == root else folder
    if not os.access(own if own.exists() else folder, os.W_OK):
        # Nothing is made in there, so nothing can be made twice.
        return contextlib.nullcontext()
    return hold(
        own / "opening.lock",
        exclusive=True,
        wait_seconds=_OPENING_SECONDS,
        log=say,
        what="Dagster's storage",
    )


def _home(root: Path, say: Say) -> tuple[Path, Any]:
    home = os.environ.get(HOME_VARIABLE)
    if home:
        folder = Path(home).expanduser()
        if not folder.is_absolute() or not folder.is_dir():
            raise InstanceError(
                f"{HOME_VARIABLE} is {home!r}, which is no folder's whole path: mend it, or unset "
                f"it to use the project's {CONFIG_FILE}"
            )
        return folder, _NO_COMPUTE_LOGS
    if (root / CONFIG_FILE).is_file():
        return root, _NO_COMPUTE_LOGS
    folder = root / OWN_FOLDER
    say(f"No {HOME_VARIABLE} and no {CONFIG_FILE}: the runs are kept in {folder}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InstanceError(f"{folder} cannot be made: {error.strerror}") from error
    return folder, _OWN_SETTINGS


def launch(
    instance: dg.DagsterInstance,
    loaded: Loaded,
    definition: Import,
    keys: Sequence[str],
    *,
    text: str | None = None,
    slot: str | None = None,
    replays: Mapping[str, str] | None = None,
    watch: Watch | None = None,
    say: Say,
) -> Launched:
    """Import deliveries in runs of their own in this process, in the order of `keys`.

    Args:
        instance: Where the runs are kept.
        loaded: All definitions; the other imports of the same table are looked up in it.
        definition: The import.
        keys: The deliveries, each once.
        text: The pasted text, where the source is `paste` and the definition does not hold it.
        slot: The occasion, for a start that takes files again (M027).
        replays: Where records are replayed, the staged batch of each delivery, by its key.
        watch: Told how far each delivery is, see `WATCH`.
        say: Told what the runs say beside the outcome of deliveries, such as what they wait for.

    Raises:
        KeyboardInterrupt: Ctrl-C; Dagster has marked the run as failed by then.
    """
    name = partitions_name(definition)
    instance.add_dynamic_partitions(name, list(keys))
    listener = _Listener(keys, say)
    job = _job(loaded, definition, listener)
    tags = {IMPORT_TAG: definition.name, _RETRIES_TAG: "0", **({SLOT_TAG: slot} if slot else {})}
    config: dict[str, Any] = {"loggers": {"console": {}}}
    if text is not None:
        config["ops"] = {_step(definition): {"config": {"text": text}}}
    arrivals: dict[str, Arrival] = {}
    warned: list[str] = []
    failure: str | None = None
    token = WATCH.set(watch)
    try:
        for stretch in stretches(instance.get_dynamic_partitions(name), keys):
            result = _execute(
                instance,
                definition,
                job,
                asset_selection=run_assets(definition),
                tags={**tags, **partition_tags(stretch), **_replay_tag(replays, stretch)},
                run_config=config,
            )
            found = _Reading(result.all_events, definition)
            if found.interrupted():
                raise KeyboardInterrupt
            arrivals |= found.arrived()
            warned += found.warnings()
            failure = found.broken()
            if failure is not None and not set(stretch) <= set(arrivals):
                break
    finally:
        WATCH.reset(token)
    missing = [key for key in keys if key not in arrivals]
    arrivals |= {key: Arrival(key, failure=listener.about(key)) for key in missing}
    return Launched(tuple(arrivals[key] for key in keys), tuple(warned), failure)


def _replay_tag(replays: Mapping[str, str] | None, stretch: Sequence[str]) -> dict[str, str]:
    return {REPLAY_TAG: " ".join(replays[key] for key in stretch)} if replays else {}


def _step(definition: Import) -> str:
    return import_key(definition.name).to_python_identifier()


def _job(loaded: Loaded, definition: Import, listener: _Listener) -> dg.JobDefinition:
    """Return the implicit job of the import and its table alone; a project may have thousands."""
    of_table = [one for one in loaded.imports.values() if one.table == definition.table]

    @dg.logger
    def console(_context: dg.InitLoggerContext) -> logging.Logger:
        logger = logging.Logger(__name__, logging.INFO)
        logger.addHandler(listener)
        return logger

    definitions = dg.Definitions(
        assets=[build_import(definition, retries=0), build_table(definition.table, of_table)],
        loggers={"console": console},
        executor=dg.in_process_executor,
    )
    return definitions.resolve_implicit_global_asset_job_def()


def _execute(
    instance: dg.DagsterInstance, definition: Import, job: dg.JobDefinition, **how: Any
) -> dg.ExecuteInProcessResult:
    run_id = make_new_run_id()
    try:
        return job.execute_in_process(instance=instance, run_id=run_id, raise_on_error=False, **how)
    finally:
        _end(instance, definition, run_id)


def _end(instance: dg.DagsterInstance, definition: Import, run_id: str) -> None:
    """Let go of a run, which this process may outlive; one that was broken off counts as failed."""
    run = instance.get_run_by_id(run_id)
    if run is not None and not run.is_finished:
        instance.report_run_failed(run, "It was interrupted from the terminal.")
    alive.release(definition.project, run_id)


class _Listener(logging.Handler):
    """Hears what the runs say themselves, without Dagster's events.

    What begins with the key of a delivery is about its outcome: errors among it are kept, the rest
    is told by the results.
    """

    def __init__(self, keys: Sequence[str], say: Say) -> None:
        super().__init__()
        self._keys = tuple(f"{key}:" for key in keys)
        self._say = say
        self._errors: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        meta: dict[str, Any] = getattr(record, "dagster_meta", {})
        message = meta.get("orig_message")
        if message is None or meta.get("dagster_event") or message.startswith(_DAGSTERS_OWN):
            return
        if not message.startswith(self._keys):
            self._say(message)
        elif record.levelno >= logging.ERROR:
            self._errors.append(message)

    def about(self, key: str) -> str | None:
        """Return what was said about a delivery that was not imported."""
        return next((one for one in self._errors if one.startswith(f"{key}:")), None)


class _Reading:
    """Reads the outcome of a run off its events."""

    def __init__(self, events: Sequence[dg.DagsterEvent], definition: Import) -> None:
        self._events = events
        self._key = import_key(definition.name)
        self._step = _step(definition)

    def arrived(self) -> dict[str, Arrival]:
        """Return the deliveries that were imported, by key."""
        found = [
            event.step_materialization_data.materialization
            for event in self._events
            if event.is_step_materialization
        ]
        return {
            one.partition: _arrival(one.partition, one.metadata)
            for one in found
            if one.asset_key == self._key and one.partition is not None
        }

    def warnings(self) -> list[str]:
        """Return what checks say that did not pass."""
        evaluations = [
            event.asset_check_evaluation_data
            for event in self._events
            if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION
        ]
        return [
            f"{one.check_name}: {one.description}"
            for one in evaluations
            if not one.passed and one.check_name not in _SHOWN_ELSEWHERE
        ]

    def interrupted(self) -> bool:
        """Tell whether the run was ended from the terminal."""
        errors = [event.step_failure_data.error for event in self._events if event.is_step_failure]
        ended = [event.job_failure_data.error for event in self._events if event.is_job_failure]
        names = {DagsterExecutionInterruptedError.__name__, KeyboardInterrupt.__name__}
        found = [error for error in map(_innermost, (*errors, *ended)) if error]
        return any(error.cls_name in names for error in found)

    def broken(self) -> str | None:
        """Return why the run ended otherwise than by refusing deliveries, or None."""
        failures = [event for event in self._events if event.is_step_failure]
        for event in failures:
            told = event.step_failure_data.user_failure_data
            if told is None:
                return _sentence(event.step_failure_data.error)
            if event.step_key != self._step:
                return told.description
        ended = [event for event in self._events if event.is_job_failure]
        return _sentence(ended[0].job_failure_data.error) if ended and not failures else None


def _arrival(key: str, metadata: Mapping[str, dg.MetadataValue]) -> Arrival:
    values: dict[str, Any] = {name: value.value for name, value in metadata.items()}
    return Arrival(
        key=key,
        counts=Counts(**{field.name: values[field.name] for field in fields(Counts)}),
        batch_id=values["batch_id"],
        already=values["imported_before"],
        unchanged="unchanged_since" in values,
        seconds=values.get("seconds"),
    )


def _innermost(error: SerializableErrorInfo | None) -> SerializableErrorInfo | None:
    while error is not None and error.cause is not None:
        error = error.cause
    return error


def _sentence(error: SerializableErrorInfo | None) -> str:
    """Return what went wrong in the first place, without the layers of Dagster around it."""
    error = _innermost(error)
    if error is None:
        return "the run failed, and Dagster does not say why"
    name, _, message = error.message.strip().partition(": ")
    ours = name.startswith(f"{ImportAssetsError.__module__}.")
    return message if ours else f"the run failed unexpectedly: {error.message.strip()}"


@dataclass(frozen=True)
class Wiped:
    """How much of an import Dagster had: partitions, and states of its sensors and schedule."""

    partitions: int
    states: int


def wipe(instance: dg.DagsterInstance, name: str, say: Say) -> Wiped:
    """Forget the partitions of an import and what its sensors and schedule remember (M019).

    Runs and materializations stay as history. `name` need not be that of a usable definition.
    """
    sets = {one: instance.get_dynamic_partitions(f"{name}_{one}") for one in _PARTITION_SETS}
    partitions = sum(map(len, sets.values()))
    if partitions > _MANY_PARTITIONS:  # Dagster deletes them one by one, some 200 a second
        say(f"Taking {partitions:,} partitions out of Dagster ...")
    for one, keys in sets.items():
        for key in keys:
            instance.delete_dynamic_partition(f"{name}_{one}", key)
    own = {f"{name}_{what}" for what in _INSTIGATORS}
    states = [one for one in instance.all_instigator_state() if one.instigator_name in own]
    for state in states:
        instance.delete_instigator_state(state.instigator_origin_id, state.selector_id)
    return Wiped(partitions, len(states))
