"""Batches on disk are whole or not there (design: exactly once)."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from import_assets.records import rejects_frame
from import_assets.staging.batch import Batch, BatchWriter, Staging
from import_assets.staging.manifest import Manifest
from import_assets_tests.builders import NOW, manifest, reject

ROWS = pl.DataFrame({"_row": [1, 2], "id:registered": ["a", "b"]})
NO_ROWS = ROWS.clear()
REJECTS = rejects_frame([reject(3)])
NO_REJECTS = rejects_frame()
FACTS = manifest(read=3, rows=2, rejected=1)


@pytest.fixture
def staging(tmp_path: Path) -> Staging:
    return Staging(tmp_path / "staging")


def stage(staging: Staging, facts: Manifest = FACTS) -> Batch:
    with staging.writing(facts.import_name, facts.batch_id) as writer:
        writer.write(ROWS, REJECTS)
        return staging.finish(writer, facts)


def files(staging: Staging) -> list[str]:
    """Every file below the staging area."""
    return sorted(
        str(path.relative_to(staging.root)) for path in staging.root.rglob("*") if path.is_file()
    )


def read(paths: list[Path]) -> pl.DataFrame:
    return pl.concat(pl.read_parquet(path) for path in paths)


# --- a batch and back -----------------------------------------------------------------------------


def test_a_staged_batch_is_found_again(staging: Staging) -> None:
    staged = stage(staging)
    found = staging.find("crm", "b1")
    assert found == staged
    assert found is not None
    assert found.manifest == FACTS
    assert read(found.row_files).equals(ROWS)
    assert read(found.reject_files).equals(REJECTS)
    assert staging.find("crm", "b2") is None
    assert staging.find("other", "b1") is None


def test_parts_come_in_the_order_they_were_written(staging: Staging) -> None:
    """More than ten of them, so that their names have to sort as numbers."""
    blocks = [ROWS.with_columns(pl.col("_row") + 2 * n) for n in range(12)]
    with staging.writing("crm", "b1") as writer:
        for block in blocks:
            writer.write(block, NO_REJECTS)
        found = staging.finish(writer, manifest(read=24, rows=24))
    assert read(found.row_files).equals(pl.concat(blocks))
    assert found.reject_files == []


def test_empty_blocks_leave_no_parts_but_the_first_rows(staging: Staging) -> None:
    """The first one carries the columns."""
    with staging.writing("crm", "b1") as writer:
        writer.write(NO_ROWS, REJECTS)
        writer.write(NO_ROWS, NO_REJECTS)
        writer.write(ROWS, NO_REJECTS)
        found = staging.finish(writer, FACTS)
    assert [path.name for path in found.row_files] == [
        "rows-000000.parquet",
        "rows-000002.parquet",
    ]
    assert read(found.row_files).equals(ROWS)
    assert staging.find("crm", "b1") == found


def test_a_batch_without_any_block(staging: Staging) -> None:
    """A file with nothing but a header."""
    with staging.writing("crm", "b1") as writer:
        staging.finish(writer, manifest())
    found = staging.find("crm", "b1")
    assert found is not None
    assert found.row_files == []


def test_all_batches_oldest_first(staging: Staging) -> None:
    hours = {"b1": 3, "b2": 1, "b3": 2}
    for name, (batch_id, hour) in zip(("crm", "pos", "crm"), hours.items(), strict=True):
        at = NOW + dt.timedelta(hours=hour)
        stage(
            staging,
            FACTS.model_copy(update={"import_name": name, "batch_id": batch_id, "staged_at": at}),
        )
    assert [batch.manifest.batch_id for batch in staging.all()] == ["b2", "b3", "b1"]


def test_no_batches(staging: Staging) -> None:
    assert list(staging.all()) == []


# --- never half -----------------------------------------------------------------------------------


def test_an_error_while_writing_leaves_nothing(staging: Staging) -> None:
    def fail() -> None:
        with staging.writing("crm", "b1") as writer:
            writer.write(ROWS, REJECTS)
            raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        fail()
    assert staging.find("crm", "b1") is None
    assert list(staging.all()) == []
    assert files(staging) == []


KILLED = """
import os, signal, sys
from pathlib import Path
from import_assets.staging.batch import Staging
from import_assets_tests.staging.test_batch import FACTS, REJECTS, ROWS
die = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[2] == "before the rename":
    Path.rename = die
staging = Staging(Path(sys.argv[1]))
with staging.writing("crm", "b1") as writer:
    writer.write(ROWS, REJECTS)
    if sys.argv[2] == "before the manifest":
        die()
    staging.finish(writer, FACTS)
"""


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["before the manifest", "before the rename"])
def test_a_killed_process_leaves_nothing_to_be_found(staging: Staging, moment: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(staging.root), moment], check=False, timeout=60
    )
    assert done.returncode == -9
    assert files(staging) != []
    assert staging.find("crm", "b1") is None
    assert list(staging.all()) == []
    stage(staging)
    assert staging.find("crm", "b1") is not None


def test_leftovers_of_killed_processes_go_after_a_day(staging: Staging) -> None:
    old, young = (staging.root / ".tmp" / name for name in ("old", "young"))
    for folder, age in ((old, 86_500), (young, 86_000)):
        folder.mkdir(parents=True)
        (folder / "rows-000000.parquet").write_bytes(b"x")
        then = time.time() - age
        os.utime(folder, (then, then))
    stage(staging)
    assert not old.exists()
    assert young.exists()


def test_an_equal_batch_stays_as_it_is(staging: Staging) -> None:
    """Two processes that stage the same delivery."""
    first = stage(staging)
    before = {path: path.stat().st_mtime_ns for path in first.folder.iterdir()}
    assert stage(staging, FACTS.model_copy(update={"staged_at": NOW})) == first
    assert {path: path.stat().st_mtime_ns for path in first.folder.iterdir()} == before
    assert [name for name in files(staging) if name.startswith(".tmp")] == []


def test_a_batch_that_two_write_at_once(staging: Staging) -> None:
    with staging.writing("crm", "b1") as one, staging.writing("crm", "b1") as other:
        for writer in (one, other):
            writer.write(ROWS, REJECTS)
        staging.finish(one, FACTS)
        staging.finish(other, FACTS)
    assert len(list(staging.all())) == 1


# --- damaged --------------------------------------------------------------------------------------


def cut_manifest(batch: Batch) -> None:
    path = batch.folder / "manifest.json"
    path.write_bytes(path.read_bytes()[:100])


def empty_manifest(batch: Batch) -> None:
    (batch.folder / "manifest.json").write_bytes(b"")


def garbled_manifest(batch: Batch) -> None:
    (batch.folder / "manifest.json").write_bytes(b"\xff\xfe{}")


def manifest_of_another_version(batch: Batch) -> None:
    path = batch.folder / "manifest.json"
    path.write_text(path.read_text(encoding="utf-8").replace("slot", "spot"), encoding="utf-8")


def manifest_of_another_batch(batch: Batch) -> None:
    path = batch.folder / "manifest.json"
    other = FACTS.model_copy(update={"batch_id": "b2"})
    path.write_text(other.model_dump_json(), encoding="utf-8")


def no_manifest(batch: Batch) -> None:
    (batch.folder / "manifest.json").unlink()


def no_rows(batch: Batch) -> None:
    batch.row_files[0].unlink()


def no_rejects(batch: Batch) -> None:
    batch.reject_files[0].unlink()


def cut_rows(batch: Batch) -> None:
    path = batch.row_files[0]
    path.write_bytes(path.read_bytes()[:-20])


def flipped_rows(batch: Batch) -> None:
    """In a page, which the end of the file says nothing of: it is read as another value."""
    path = batch.row_files[0]
    content = bytearray(path.read_bytes())
    place = content.index(b"a", 4)
    content[place] ^= 1
    path.write_bytes(content)
    assert not read([path]).equals(ROWS)


def flipped_rejects(batch: Batch) -> None:
    path = batch.reject_files[0]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def flipped_manifest(batch: Batch) -> None:
    path = batch.folder / "manifest.json"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"bytes": ', '"bytes": 1'), encoding="utf-8")
    assert Manifest.model_validate_json(path.read_bytes()) != FACTS


def rows_of_another_batch(batch: Batch) -> None:
    ROWS.reverse().write_parquet(batch.row_files[0])


def one_part_more(batch: Batch) -> None:
    NO_ROWS.write_parquet(batch.folder / "rows-000001.parquet")


def no_sums(batch: Batch) -> None:
    (batch.folder / "sums.json").unlink()


def cut_sums(batch: Batch) -> None:
    (batch.folder / "sums.json").write_bytes(b'{"rows')


def nothing_but_the_folder(batch: Batch) -> None:
    for path in batch.folder.iterdir():
        path.unlink()


@pytest.mark.parametrize(
    "damage",
    [
        flipped_rows,
        flipped_rejects,
        flipped_manifest,
        rows_of_another_batch,
        one_part_more,
        no_sums,
        cut_sums,
        nothing_but_the_folder,
        cut_manifest,
        empty_manifest,
        garbled_manifest,
        manifest_of_another_version,
        manifest_of_another_batch,
        no_manifest,
        no_rows,
        no_rejects,
        cut_rows,
    ],
)
def test_a_damaged_batch_is_removed_and_can_be_staged_again(
    staging: Staging, damage: Callable[[Batch], None]
) -> None:
    batch = stage(staging)
    damage(batch)
    assert list(staging.all()) == []
    assert staging.find("crm", "b1") is None
    assert not batch.folder.exists()
    assert stage(staging) == staging.find("crm", "b1")


def test_a_damaged_batch_does_not_stand_in_the_way_of_a_whole_one(staging: Staging) -> None:
    """It was damaged while another process staged it again."""
    with staging.writing("crm", "b1") as writer:
        writer.write(ROWS, REJECTS)
        cut_manifest(stage(staging))
        staging.finish(writer, FACTS)
    assert staging.find("crm", "b1") is not None


# --- removing -------------------------------------------------------------------------------------


def test_removing_a_batch(staging: Staging) -> None:
    batch = stage(staging)
    staging.remove(batch)
    staging.remove(batch)
    assert files(staging) == []


def test_removing_all_batches_of_an_import(staging: Staging) -> None:
    stage(staging)
    stage(staging, FACTS.model_copy(update={"batch_id": "b2"}))
    other = stage(staging, FACTS.model_copy(update={"import_name": "pos"}))
    staging.remove_all("crm")
    staging.remove_all("nobody")
    assert list(staging.all()) == [other]


def test_a_writer_writes_nowhere_else(staging: Staging, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    BatchWriter(folder).write(ROWS, NO_REJECTS)
    assert [path.name for path in folder.iterdir()] == ["rows-000000.parquet"]
    assert not staging.root.exists()
