"""Dagster as `make run` starts it, in a process group of its own, and what its GraphQL tells.

Started by make itself, so that what users type is what is tested. All processes of a server (make,
the web server, the daemon, the code server, its runs) are in one group, which can be interrupted
as Ctrl-C does, or killed as a power cut does.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

WAIT_SECONDS = 180.0
"""How long anything may take before it counts as stuck; generous, since machines can be busy."""

_POLL_SECONDS = 0.2
_INTERRUPT_SECONDS = 60.0
_HOST = "127.0.0.1"
_LOCATION = "import_assets"
_REPOSITORY = "__repository__"
_UNFINISHED = ("QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_NOT_INHERITED = ("DAGSTER_", "IMPORT_ASSETS_", "MAKE", "MFLAGS")

T = TypeVar("T")


class ServerError(AssertionError):
    """The server did not do what was asked of it, or not in time."""


@dataclass(frozen=True)
class Run:
    """A run, as the page of runs shows it."""

    id: str
    status: str
    assets: tuple[str, ...]
    tags: dict[str, str]

    @property
    def finished(self) -> bool:
        return self.status not in _UNFINISHED

    @property
    def of_import(self) -> bool:
        return any(asset.startswith("imports/") for asset in self.assets)


@dataclass(frozen=True)
class Tick:
    """A tick of a sensor; `note` is why it asked for nothing, `error` why it failed."""

    status: str
    note: str | None
    error: str | None


@dataclass(frozen=True)
class Sensor:
    """A sensor with its last ticks, newest first."""

    name: str
    status: str
    ticks: tuple[Tick, ...]
    cursor: str | None


@dataclass(frozen=True)
class Look:
    """What a sensor would do at its next tick."""

    run_keys: tuple[str, ...]
    note: str | None
    error: str | None
    cursor: str | None


@dataclass(frozen=True)
class Partitions:
    """The partitions of an import by what became of them."""

    materialized: tuple[str, ...]
    failed: tuple[str, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True)
class CheckOutcome:
    """The last evaluation of a check."""

    passed: bool
    severity: str
    sentence: str


def wait_until(
    condition: Callable[[], T | None],
    what: str,
    seconds: float = WAIT_SECONDS,
    every: float = _POLL_SECONDS,
) -> T:
    """Return the first true value of `condition`; raise ServerError after so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise ServerError(f"waited {seconds:.0f} s, in vain: {what}")
        time.sleep(every)


class DagsterServer:
    """The server of a project's folder. `start` and `stop` may be called time and again."""

    def __init__(self, root: Path) -> None:
        """Take the folder, which has to hold the project's Makefile."""
        self.root = root
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._starts = 0

    @property
    def url(self) -> str:
        return f"http://{_HOST}:{self._port}"

    @property
    def running(self) -> bool:
        return self._process is not None

    @property
    def log(self) -> str:
        """What the last start has printed so far, without colours."""
        path = self._log_path
        if not path.exists():
            return ""
        return _COLOUR.sub("", path.read_text(encoding="utf-8", errors="replace"))

    @property
    def _log_path(self) -> Path:
        return self.root.parent / f"{self.root.name}-start-{self._starts}.log"

    def start(self) -> None:
        """Start the server and wait until definitions are loaded and the daemons are at work."""
        if self.running:
            raise ServerError("the server runs already")
        self._starts += 1
        self._port = _free_port()
        prefix = Path(sys.prefix)
        # The environment of these tests is there already: make is not to install it.
        ready = (prefix / ".ready-to-run", prefix / "bin" / "python")
        command = [
            "make",
            "--silent",
            *(f"--old-file={path}" for path in ready),
            "run",
            f"VENV={prefix}",
            f"HOST={_HOST}",
            f"PORT={self._port}",
        ]
        with _interruptible(), self._log_path.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self.root,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        wait_until(self._ready, "Dagster is up, with definitions and daemons")

    def _ready(self) -> bool:
        process = self._process
        if process is not None and process.poll() is not None:
            raise ServerError(f"`make run` ended with {process.returncode}:\n{self.log}")
        try:
            answer = self.query(
                "{workspaceOrError{... on Workspace{locationEntries{loadStatus "
                "locationOrLoadError{... on PythonError{message}}}}} "
                "instance{daemonHealth{allDaemonStatuses{healthy}}}}"
            )
        except (OSError, ServerError):
            return False
        entries = answer["workspaceOrError"].get("locationEntries", [])
        for entry in entries:
            message = (entry["locationOrLoadError"] or {}).get("message")
            if message:
                raise ServerError(f"the definitions cannot be loaded: {message}")
        daemons = answer["instance"]["daemonHealth"]["allDaemonStatuses"]
        return (
            bool(entries)
            and all(entry["loadStatus"] == "LOADED" for entry in entries)
            and all(daemon["healthy"] for daemon in daemons)
        )

    def stop(self) -> None:
        """Interrupt the server as Ctrl-C does, and wait until all of its processes are gone."""
        self._signal(signal.SIGINT)
        group = self._group()
        deadline = time.monotonic() + _INTERRUPT_SECONDS
        while _alive(group) and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
        left = _alive(group)
        self.kill()
        if left:
            raise ServerError(f"Ctrl-C did not end Dagster within {_INTERRUPT_SECONDS:.0f} s")

    def kill(self) -> None:
        """Kill all processes of the server at once, and wait until they are gone."""
        if self._process is None:
            return
        group = self._group()
        self._signal(signal.SIGKILL)
        self._process.wait(WAIT_SECONDS)
        wait_until(lambda: not _alive(group), "the killed server is gone")
        self._process = None

    def _group(self) -> int:
        if self._process is None:
            raise ServerError("the server does not run")
        return self._process.pid

    def _signal(self, number: signal.Signals) -> None:
        try:
            os.killpg(self._group(), number)
        except ProcessLookupError:
            return

    # --- GraphQL ---------------------------------------------------------------------------------

    def query(self, text: str, **variables: Any) -> dict[str, Any]:
        """Return the data of a GraphQL query.

        Raises OSError when the server cannot be reached, ServerError when it refuses the query.
        """
        request = urllib.request.Request(
            f"{self.url}/graphql",
            json.dumps({"query": text, "variables": variables}).encode(),
            {"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                answer = json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                told = error.read().decode("utf-8", "replace")
            raise ServerError(f"{told}\nwas the answer to {text}") from None
        if answer.get("errors"):
            raise ServerError(f"{answer['errors']}\nwas the answer to {text}")
        return answer["data"]

    def reload(self) -> None:
        """Reload the definitions, as the button in the UI does."""
        answer = self.query(
            "mutation($name: String!) {reloadRepositoryLocation(repositoryLocationName: $name) {"
            "... on WorkspaceLocationEntry{locationOrLoadError{... on PythonError{message}}} "
            "... on PythonError{message}}}",
            name=_LOCATION,
        )["reloadRepositoryLocation"]
        message = answer.get("message") or answer["locationOrLoadError"].get("message")
        if message:
            raise ServerError(f"the definitions cannot be reloaded: {message}")

    def runs(self) -> list[Run]:
        """Return all runs, newest first."""
        answer = self.query(
            "{runsOrError{... on Runs{results{runId status assetSelection{path} tags{key value}}}}}"
        )
        return [
            Run(
                run["runId"],
                run["status"],
                tuple("/".join(asset["path"]) for asset in run["assetSelection"] or ()),
                {tag["key"]: tag["value"] for tag in run["tags"]},
            )
            for run in answer["runsOrError"]["results"]
        ]

    def runs_of(self, name: str) -> list[Run]:
        """Return the runs that an import is part of, newest first."""
        return [run for run in self.runs() if f"imports/{name}" in run.assets]

    def finished_run(self, name: str) -> Run:
        """Wait until an import has run, and return its only run."""

        def ended() -> list[Run]:
            return [run for run in self.runs_of(name) if run.finished]

        wait_until(ended, f"a run of {name} has ended")
        (run,) = self.runs_of(name)
        return run

    def sensors(self) -> dict[str, Sensor]:
        """Return all sensors by name."""
        answer = self.query(
            "query($at: RepositorySelector!) {sensorsOrError(repositorySelector: $at) {"
            "... on Sensors{results{name sensorState{status "
            "ticks(limit: 100){status skipReason error{message}} "
            "typeSpecificData{... on SensorData{lastCursor}}}}}}}",
            at=_selector(),
        )
        return {
            sensor["name"]: Sensor(
                sensor["name"],
                sensor["sensorState"]["status"],
                tuple(
                    Tick(tick["status"], tick["skipReason"], (tick["error"] or {}).get("message"))
                    for tick in sensor["sensorState"]["ticks"]
                ),
                (sensor["sensorState"]["typeSpecificData"] or {}).get("lastCursor"),
            )
            for sensor in answer["sensorsOrError"]["results"]
        }

    def look(self, sensor: str, cursor: str | None) -> Look:
        """Return what a sensor would do at a tick with this cursor; nothing is started or kept."""
        answer = self.query(
            "mutation($at: SensorSelector!, $cursor: String) {"
            "sensorDryRun(selectorData: $at, cursor: $cursor) {"
            "... on DryRunInstigationTick{evaluationResult{"
            "cursor skipReason error{message} runRequests{runKey}}} "
            "... on PythonError{message} ... on SensorNotFoundError{message}}}",
            at={**_selector(), "sensorName": sensor},
            cursor=cursor,
        )["sensorDryRun"]
        if "message" in answer:
            raise ServerError(answer["message"])
        result = answer["evaluationResult"]
        return Look(
            tuple(request["runKey"] for request in result["runRequests"] or ()),
            result["skipReason"],
            (result["error"] or {}).get("message"),
            result["cursor"],
        )

    def partitions(self, name: str) -> Partitions:
        """Return the partitions of an import."""
        status = self._node(
            f"imports/{name}",
            "assetPartitionStatuses{... on DefaultPartitionStatuses{"
            "materializedPartitions failedPartitions unmaterializedPartitions}}",
        )["assetPartitionStatuses"]
        materialized, failed, missing = (
            tuple(sorted(status[f"{word}Partitions"]))
            for word in ("materialized", "failed", "unmaterialized")
        )
        return Partitions(materialized, failed, tuple(k for k in missing if k not in failed))

    def checks(self, asset: str) -> dict[str, CheckOutcome | None]:
        """Return the last outcome of each check of an asset, None where there is none yet."""
        checks = self._node(
            asset,
            "assetChecksOrError{... on AssetChecks{checks{name executionForLatestMaterialization{"
            "evaluation{success severity description}}}}}",
        )["assetChecksOrError"]["checks"]
        return {check["name"]: _outcome(check) for check in checks}

    def _node(self, asset: str, fields: str) -> dict[str, Any]:
        answer = self.query(
            "query($key: AssetKeyInput!) {assetNodeOrError(assetKey: $key) {"
            f"... on AssetNode{{{fields}}} ... on AssetNotFoundError{{message}}}}}}",
            key={"path": asset.split("/")},
        )["assetNodeOrError"]
        if "message" in answer:
            raise ServerError(answer["message"])
        return answer


def _outcome(check: dict[str, Any]) -> CheckOutcome | None:
    execution = check["executionForLatestMaterialization"]
    evaluation = execution and execution["evaluation"]
    if not evaluation:
        return None
    return CheckOutcome(
        evaluation["success"], evaluation["severity"], evaluation["description"] or ""
    )


def _selector() -> dict[str, str]:
    return {"repositoryName": _REPOSITORY, "repositoryLocationName": _LOCATION}


def _environment() -> dict[str, str]:
    """Return the environment without what belongs to whoever started the tests."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(_NOT_INHERITED)}
    return {**inherited, "PYTHONUNBUFFERED": "1"}


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind((_HOST, 0))
        return listener.getsockname()[1]


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let processes started inside obey Ctrl-C: a script's background jobs inherit ignoring it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _alive(group: int) -> bool:
    """Tell whether a process group has processes that are not only waiting to be buried."""
    processes = Path("/proc")
    if not processes.is_dir():
        try:
            os.killpg(group, 0)
        except (ProcessLookupError, PermissionError):
            return False
        return True
    for stat in processes.glob("[0-9]*/stat"):
        try:
            state, _parent, of, *_ = stat.read_text(encoding="utf-8").rpartition(")")[2].split()
        except OSError:
            continue  # it ended meanwhile
        if int(of) == group and state != "Z":
            return True
    return False
