"""The staging folder loses what is of no use, by its age, and never a batch that is yet to come."""

from __future__ import annotations

import datetime as dt
import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from import_assets.staging import cleaning
from import_assets.staging.batch import Batch, Staging
from import_assets.staging.cleaning import Removed, clean_staging
from import_assets_tests.builders import NOW
from import_assets_tests.staging.test_batch import (
    FACTS,
    cut_manifest,
    cut_rows,
    files,
    no_manifest,
    no_rejects,
    no_rows,
    stage,
)

DAY = dt.timedelta(days=1)
NOTHING = Removed(0, 0, ())


@pytest.fixture
def staging(tmp_path: Path) -> Staging:
    return Staging(tmp_path / "staging")


def aged(folder: Path, age: dt.timedelta = 9 * DAY) -> Path:
    """The same folder, as if nobody had written to it for so long."""
    then = (NOW.replace(tzinfo=dt.UTC) - age).timestamp()
    os.utime(folder, (then, then))
    return folder


def batch(staging: Staging, batch_id: str, age: dt.timedelta = 9 * DAY) -> Batch:
    staged = stage(staging, FACTS.model_copy(update={"batch_id": batch_id}))
    aged(staged.folder, age)
    return staged


def left_behind(staging: Staging, name: str, age: dt.timedelta) -> Path:
    folder = staging.root / ".tmp" / name
    folder.mkdir(parents=True)
    (folder / "rows-000000.parquet").write_bytes(b"12345")
    return aged(folder, age)


def size(batch: Batch) -> int:
    return sum(path.stat().st_size for path in batch.folder.iterdir())


def test_applied_batches_go(staging: Staging) -> None:
    old = batch(staging, "old", DAY + dt.timedelta(seconds=1))
    young = batch(staging, "young", DAY)
    expected = Removed(1, size(old), ())
    assert clean_staging(staging.root, DAY, {"old", "young"}, NOW) == expected
    assert list(staging.all()) == [young]


def test_batches_that_are_not_applied_stay(staging: Staging) -> None:
    """Their deliveries may be gone; those that wait for long are told."""
    waiting, applied = batch(staging, "waiting"), batch(staging, "applied")
    young = batch(staging, "young", dt.timedelta(0))
    removed = clean_staging(staging.root, DAY, lambda one: one == "applied", NOW)
    assert removed.kept == (waiting,)
    assert not applied.folder.exists()
    assert {one.manifest.batch_id for one in staging.all()} == {"waiting", "young"}
    assert young.folder.exists()


def test_what_killed_writers_left_goes(staging: Staging) -> None:
    """Even a whole batch that was not moved into place: a writer that lives would have done so."""
    old = left_behind(staging, "old", 9 * DAY)
    young = left_behind(staging, "young", DAY)
    assert clean_staging(staging.root, DAY, set(), NOW) == Removed(1, 5, ())
    assert (old.exists(), young.exists()) == (False, True)


@pytest.mark.parametrize("damage", [cut_manifest, no_manifest, no_rows, no_rejects, cut_rows])
def test_damaged_batches_go(staging: Staging, damage: Callable[[Batch], None]) -> None:
    old, young = batch(staging, "old"), batch(staging, "young")
    for one, age in ((old, 9 * DAY), (young, dt.timedelta(0))):
        damage(one)
        aged(one.folder, age)
    expected = Removed(1, size(old), ())
    assert clean_staging(staging.root, DAY, set(), NOW) == expected
    assert (old.folder.exists(), young.folder.exists()) == (False, True)


def test_what_is_not_ours_stays(staging: Staging, tmp_path: Path) -> None:
    """The staging folder may be one that is used for other things too."""
    applied = batch(staging, "applied")
    (tmp_path / "elsewhere").mkdir()
    moved = applied.folder.rename(tmp_path / "elsewhere/applied")
    applied.folder.symlink_to(moved)
    for name in ("crm/own/notes.txt", "crm/mixed/manifest.json", "crm/mixed/x", ".runs/a/x", "x"):
        path = staging.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine", encoding="utf-8")
        aged(path.parent)
    (staging.root / "crm/empty").mkdir()
    aged(staging.root / "crm/empty")
    before = files(staging)
    assert clean_staging(staging.root, DAY, {"applied"}, NOW) == NOTHING
    assert files(staging) == before
    assert (staging.root / "crm/empty").exists()
    assert moved.exists()


def test_a_batch_that_cannot_be_read_stays(
    staging: Staging, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Too many files are open, say: that makes no whole batch a damaged one."""
    whole = batch(staging, "b1")

    def fail(_: Path) -> bytes:
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", fail)
        assert clean_staging(staging.root, DAY, {"b1"}, NOW) == NOTHING
        with pytest.raises(OSError, match="Too many"):
            staging.find("crm", "b1")
    assert staging.find("crm", "b1") == whole


def test_what_cannot_be_removed_is_not_counted(
    staging: Staging, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are removed all the same."""
    stuck, other = batch(staging, "a"), batch(staging, "b")
    remove = cleaning.remove_folder

    def fail(folder: Path) -> None:
        if folder == stuck.folder:
            raise PermissionError(errno.EACCES, "Permission denied")
        remove(folder)

    monkeypatch.setattr(cleaning, "remove_folder", fail)
    assert clean_staging(staging.root, DAY, {"a", "b"}, NOW).folders == 1
    assert (stuck.folder.exists(), other.folder.exists()) == (True, False)


def test_no_staging_folder(tmp_path: Path) -> None:
    assert clean_staging(tmp_path / "none", DAY, set(), NOW) == NOTHING
