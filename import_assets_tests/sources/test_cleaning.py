"""What killed processes left in the spool folder is removed by its age, and nothing else is."""

from __future__ import annotations

import datetime as dt
import errno
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from import_assets.sources.cleaning import Removed, clean_spool
from import_assets_tests.builders import NOW

DAY = dt.timedelta(days=1)


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    folder = tmp_path / "spool"
    folder.mkdir()
    return folder


def aged(path: Path, age: dt.timedelta) -> Path:
    """The same path, as if nobody had written to it for so long."""
    then = (NOW.replace(tzinfo=dt.UTC) - age).timestamp()
    os.utime(path, (then, then), follow_symlinks=False)
    return path


def copy(spool: Path, name: str, age: dt.timedelta) -> Path:
    path = spool / name
    path.write_bytes(b"12345")
    return aged(path, age)


def rows(spool: Path, name: str, age: dt.timedelta) -> Path:
    folder = spool / name
    folder.mkdir()
    for number in range(2):
        (folder / f"{number:08d}.arrow").write_bytes(b"123")
    return aged(folder, age)


def test_what_is_old_is_removed(spool: Path) -> None:
    old = DAY + dt.timedelta(seconds=1)
    gone = [
        copy(spool, "delivery-a", old),
        copy(spool, "delivery-b.part", old),
        rows(spool, "rows-a", old),
    ]
    kept = [copy(spool, "delivery-c", DAY), rows(spool, "rows-c", DAY)]
    assert clean_spool(spool, DAY, NOW) == Removed(files=4, bytes=16)
    assert [path for path in gone if path.exists()] == []
    assert [path for path in kept if not path.exists()] == []
    assert clean_spool(spool, DAY, NOW) == Removed(0, 0)


def test_what_is_not_ours_stays(spool: Path, tmp_path: Path) -> None:
    """Links are not followed: what they lead to may be anybody's."""
    elsewhere = rows(tmp_path, "rows-elsewhere", 9 * DAY)
    (spool / "rows-link").symlink_to(elsewhere)
    kept = [
        copy(spool, "notes.txt", 9 * DAY),
        copy(spool, "rows-file", 9 * DAY),
        rows(spool, "delivery-folder", 9 * DAY),
        aged(spool / "rows-link", 9 * DAY),
    ]
    assert clean_spool(spool, DAY, NOW) == Removed(0, 0)
    assert [path for path in (*kept, elsewhere) if not path.exists()] == []


def test_no_spool_folder(tmp_path: Path) -> None:
    assert clean_spool(tmp_path / "none", DAY, NOW) == Removed(0, 0)


def test_what_cannot_be_removed_stops_nothing(spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stuck = rows(spool, "rows-a", 9 * DAY)
    copy(spool, "delivery-b", 9 * DAY)

    def fail(_: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(shutil, "rmtree", fail)
    assert clean_spool(spool, DAY, NOW) == Removed(1, 5)
    assert stuck.exists()


KILLED = """
import os, signal, sys
from contextlib import ExitStack
from pathlib import Path
import polars as pl
from import_assets.sources.rows import spool_rows
from import_assets.sources.spool import fetch
from import_assets.sources.storage.local import LocalStorage
folder, spool = map(Path, sys.argv[1:])
storage = LocalStorage(folder)
def blocks():
    yield pl.DataFrame({"a": [1]})
    os.kill(os.getpid(), signal.SIGKILL)
with fetch(storage, storage.stat("a.csv"), spool, 100), ExitStack() as stack:
    stack.enter_context(spool_rows(blocks(), spool, file="q", max_rows=9))
"""


@pytest.mark.slow
def test_what_a_killed_process_left_is_removed(spool: Path, tmp_path: Path) -> None:
    """Whatever copying a file and reading rows leave: names are known to both sides."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.csv").write_bytes(b"id\n1\n")
    done = subprocess.run(
        [sys.executable, "-c", KILLED, tmp_path / "in", spool], check=False, timeout=60
    )
    assert done.returncode == -signal.SIGKILL
    assert len(list(spool.iterdir())) == 2
    later = dt.datetime.now(dt.UTC).replace(tzinfo=None) + dt.timedelta(hours=2)
    assert clean_spool(spool, dt.timedelta(hours=3), later) == Removed(0, 0)
    removed = clean_spool(spool, dt.timedelta(hours=1), later)
    assert (removed.files, list(spool.iterdir())) == (2, [])
