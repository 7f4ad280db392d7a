"""The command as a process: exit codes, pipes, terminals, quick starts."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from import_assets_tests.cli.shop import Shop

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-c", "from import_assets.cli.main import main; main()"]


def _run(shop: Shop, *words: str, **how: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *words],
        cwd=shop.root / "exports",
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        **how,  # pyright: ignore[reportArgumentType, reportCallIssue]  # passed through
    )


def test_the_project_is_found_from_a_folder_inside(imported: Shop):
    done = _run(imported, "list", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(json.loads(done.stdout)) == 5


def test_no_project_is_said(tmp_path: Path):
    (tmp_path / "exports").mkdir()
    done = _run(Shop(tmp_path), "list")
    assert done.returncode == 2
    assert "no project here" in done.stderr
    done = _run(Shop(tmp_path), "--project", str(tmp_path), "list")
    assert done.returncode == 2
    assert "holds neither project.yaml nor imports/" in done.stderr


def test_the_variable_names_the_project(imported: Shop, tmp_path: Path):
    (tmp_path / "exports").mkdir()
    environment = {**os.environ, "IMPORT_ASSETS_PROJECT": str(imported.root)}
    assert _run(Shop(tmp_path), "show", env=environment).stdout.startswith("table\trows\t")


def test_exit_codes(shop: Shop):
    assert _run(shop, "check").returncode == 0
    shop.define("broken", "kind: x\n")
    assert _run(shop, "check").returncode == 1
    assert _run(shop, "run", "nothing").returncode == 2
    assert _run(shop, "frobnicate").returncode == 2


def test_no_escape_codes_without_a_terminal(shop: Shop):
    done = _run(shop, "run", "prices")
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    heads, values = (line.split("\t") for line in done.stdout.splitlines()[:2])
    assert dict(zip(heads, values, strict=True))["inserted"] == "2"
    # Neither Dagster's own log nor its warnings.
    assert done.stderr.splitlines() == ["1 file matches: 1 taken", "Starting Dagster ..."]


def test_a_reader_that_stops_reading_is_no_error(imported: Shop):
    done = subprocess.run(
        [
            "sh",
            "-c",
            '"$@" query "SELECT repeat(\'x\', 100) FROM range(100000)" | head -1',
            "sh",
            *COMMAND,
        ],
        cwd=imported.root,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert "Traceback" not in done.stderr
    assert len(done.stdout.splitlines()) == 1


def test_help_comes_quickly(shop: Shop):
    _run(shop, "--help")
    times = []
    for _ in range(3):
        began = os.times()
        assert "Commands:" in _run(shop, "--help").stdout
        ended = os.times()
        times.append(
            ended.children_user
            + ended.children_system
            - began.children_user
            - began.children_system
        )
    assert min(times) < 0.5, "seconds of computing"


def test_help_loads_none_of_the_big_libraries():
    script = (
        "import sys\nfrom import_assets.cli.main import main\n"
        "main(['run', '--help'], standalone_mode=False)\n"
        "print(sorted({'dagster', 'polars', 'duckdb', 'pydantic', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_tables_are_drawn_on_a_terminal(imported: Shop):
    ours, theirs = pty.openpty()
    environment = {**os.environ, "COLUMNS": "60", "TERM": "xterm"}
    process = subprocess.Popen(
        [*COMMAND, "query", "SELECT repeat('x', 100) AS long, 1234 AS number"],
        cwd=imported.root, stdout=theirs, stderr=theirs, env=environment,
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 10_000)
        except OSError:
            break
        if not part:
            break
        shown += part
    os.close(ours)
    assert process.wait(60) == 0
    text = shown.decode("utf-8")
    assert "\x1b[1m" in text
    assert "1,234" in text
    assert "…" in text
    assert "x" * 61 not in text


def test_ctrl_c_ends_a_run_cleanly(imported: Shop):
    rows = "".join(f"{number % 1000},{1_600_000_000 + number},1\n" for number in range(600_000))
    imported.write("exports/orders_3.csv", "id,ts,total\n" + rows)
    process = subprocess.Popen(
        [*COMMAND, "run", "orders"], cwd=imported.root, stderr=subprocess.PIPE, text=True,
        stdout=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    staging = imported.root / "data/staging"
    deadline = time.monotonic() + 90
    while not list(staging.glob(".tmp/orders-*")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130, said
    assert said.splitlines()[-1].startswith("Interrupted. What was imported stays")
    assert not list(staging.glob(".runs/*.lock"))
    assert imported.query("SELECT count(*) AS n FROM events.purchase") == [{"n": 3}]
    assert imported.json("run", "orders")[0]["read"] == 600_000
