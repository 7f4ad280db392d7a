"""A delivery is copied whole and unchanged, or not at all (design: exactly once, step 1)."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import BinaryIO, cast

import pytest

from import_assets.errors import FileRefused, SourceError
from import_assets.sources.delivery import Delivery
from import_assets.sources.spool import Spooled, fetch
from import_assets.sources.storage.base import Storage
from import_assets.sources.storage.local import LocalStorage
from import_assets.spec.models import Limits
from import_assets_tests.fakes.storage import FakeStorage, MeddlingStorage

LIMIT = 5_000_000
CONTENT = os.urandom(2_500_000)  # more than two blocks


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "data/spool"


@pytest.fixture
def storage() -> FakeStorage:
    fake = FakeStorage()
    fake.put("f/a.csv", CONTENT)
    return fake


def fetched(
    storage: Storage, spool: Path, max_bytes: int = LIMIT, delivery: Delivery | None = None
) -> Spooled:
    with fetch(storage, delivery or storage.stat("f/a.csv"), spool, max_bytes) as spooled:
        return spooled


def test_copies_and_removes_the_copy(storage: FakeStorage, spool: Path) -> None:
    with fetch(storage, storage.stat("f/a.csv"), spool, LIMIT) as spooled:
        assert spooled.path.parent == spool
        assert spooled.path.read_bytes() == CONTENT
        assert spooled.size == len(CONTENT)
        assert spooled.sha256 == hashlib.sha256(CONTENT).hexdigest()
        storage.put("f/a.csv", b"replaced while it is parsed")
        assert spooled.path.read_bytes() == CONTENT
    assert list(spool.iterdir()) == []


def test_removes_the_copy_when_the_caller_fails(storage: FakeStorage, spool: Path) -> None:
    delivery = storage.stat("f/a.csv")
    with (
        pytest.raises(OSError, match="from the caller"),
        fetch(storage, delivery, spool, LIMIT),
    ):
        raise OSError(errno.ENOSPC, "from the caller")
    assert list(spool.iterdir()) == []


def test_the_same_delivery_twice_at_once(storage: FakeStorage, spool: Path) -> None:
    delivery = storage.stat("f/a.csv")
    with fetch(storage, delivery, spool, LIMIT) as one:
        with fetch(storage, delivery, spool, LIMIT) as other:
            assert one.path != other.path
        assert one.path.read_bytes() == CONTENT


def test_local_files_are_copied_too(tmp_path: Path, spool: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.csv").write_bytes(CONTENT)
    local = LocalStorage(tmp_path / "in")
    with fetch(local, local.stat("a.csv"), spool, LIMIT) as spooled:
        (tmp_path / "in/a.csv").write_bytes(b"")
        assert spooled.path.read_bytes() == CONTENT


def test_limit_is_inclusive(storage: FakeStorage, spool: Path) -> None:
    """M085, D12: exactly as many bytes as the limit says pass, one more does not."""
    assert fetched(storage, spool, len(CONTENT)).size == len(CONTENT)
    with pytest.raises(FileRefused, match="more than 2,499,999 bytes") as caught:
        fetched(storage, spool, len(CONTENT) - 1)
    assert (caught.value.file, caught.value.reason) == ("f/a.csv", "too_many_bytes")
    assert list(spool.iterdir()) == []


def test_a_gigabyte_and_one_byte_is_refused_before_it_is_copied(tmp_path: Path) -> None:
    """M085, D12: 1 GB is 10^9 bytes."""
    (tmp_path / "in").mkdir()
    with (tmp_path / "in/a.csv").open("wb") as file:
        file.truncate(1_000_000_001)  # a hole: no room is taken
    local = LocalStorage(tmp_path / "in")
    with pytest.raises(FileRefused, match="1,000,000,000"):
        fetched(local, tmp_path / "spool", Limits().file_bytes, local.stat("a.csv"))


class _Lying(FakeStorage):
    """Understates sizes, as a server may whose files grow."""

    def stat(self, key: str) -> Delivery:
        honest = super().stat(key)
        return Delivery(honest.key, "always the same", 10, honest.modified)


def test_limit_holds_while_streaming(spool: Path) -> None:
    """D12: the size that a storage states is not trusted."""
    lying = _Lying()
    lying.put("f/a.csv", CONTENT)
    with pytest.raises(FileRefused, match="too_many_bytes"):
        fetched(lying, spool, 1_500_000)
    with pytest.raises(SourceError, match="changed while it was read"):
        fetched(lying, spool)
    assert list(spool.iterdir()) == []


def _grow(storage: FakeStorage) -> None:
    storage.put("f/a.csv", CONTENT + b"more")


def _vanish(storage: FakeStorage) -> None:
    storage.remove("f/a.csv")


@pytest.mark.parametrize(
    ("meddle", "said"), [(_grow, "has changed while"), (_vanish, "has vanished while")]
)
def test_change_while_reading(
    storage: FakeStorage, spool: Path, meddle: Callable[[FakeStorage], None], said: str
) -> None:
    """A file that grows or goes while it is read is not imported in this state."""
    meddling = MeddlingStorage(storage, while_read=lambda: meddle(storage))
    with pytest.raises(SourceError, match=said + r".* next look"):
        fetched(meddling, spool)
    assert list(spool.iterdir()) == []


@pytest.mark.parametrize("meddle", [_grow, _vanish])
def test_change_since_listing(
    storage: FakeStorage, spool: Path, meddle: Callable[[FakeStorage], None]
) -> None:
    delivery = storage.stat("f/a.csv")
    meddle(storage)
    with pytest.raises(SourceError, match="since it was listed"):
        fetched(storage, spool, delivery=delivery)


def test_vanishing_before_opening(storage: FakeStorage, spool: Path) -> None:
    meddling = MeddlingStorage(storage, before_open=lambda: storage.remove("f/a.csv"))
    with pytest.raises(SourceError, match="next look"):
        fetched(meddling, spool)
    assert list(spool.iterdir()) == []


def test_growing_local_file(tmp_path: Path, spool: Path) -> None:
    (tmp_path / "in").mkdir()
    file = tmp_path / "in/a.csv"
    file.write_bytes(CONTENT)

    def grow() -> None:
        with file.open("ab") as more:
            more.write(b"more")

    local = LocalStorage(tmp_path / "in")
    with pytest.raises(SourceError, match="changed while it was read"):
        fetched(MeddlingStorage(local, while_read=grow), spool, delivery=local.stat("a.csv"))
    assert list(spool.iterdir()) == []


def test_reading_breaks_off(storage: FakeStorage, spool: Path) -> None:
    def break_off() -> None:
        raise OSError(errno.EIO, "Input/output error")

    with pytest.raises(SourceError, match=r"f/a\.csv.*broke off.*tried again"):
        fetched(MeddlingStorage(storage, while_read=break_off), spool)
    assert list(spool.iterdir()) == []


def test_no_room(storage: FakeStorage, spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Room is checked before anything is copied; the folder and the bytes are named."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=2_499_999))
    with pytest.raises(SourceError, match=r"2,500,000 bytes.*spool has room for 2,499,999"):
        fetched(storage, spool)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=2_500_000))
    assert fetched(storage, spool).size == 2_500_000


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")
def test_room_runs_out_while_copying(
    storage: FakeStorage, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fdopen = os.fdopen

    def full(descriptor: int, *args: object, **options: object) -> BinaryIO:
        os.close(descriptor)
        return cast("BinaryIO", Path("/dev/full").open("wb", buffering=0))

    monkeypatch.setattr(os, "fdopen", full)
    with pytest.raises(SourceError, match=r"2,500,000 bytes.*spool: No space left"):
        fetched(storage, spool)
    monkeypatch.setattr(os, "fdopen", fdopen)
    assert list(spool.iterdir()) == []


def test_spool_that_cannot_be_made(storage: FakeStorage, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SourceError, match=r"cannot be copied to .*file/spool"):
        fetched(storage, tmp_path / "file/spool")


def test_copies_left_behind_by_killed_processes_are_removed(
    storage: FakeStorage, spool: Path
) -> None:
    spool.mkdir(parents=True)
    for name, age in (("delivery-old", 90_000), ("delivery-old.part", 90_000), ("delivery-new", 5)):
        (spool / name).touch()
        os.utime(spool / name, (time.time() - age, time.time() - age))
    (spool / "somebody else's").touch()
    fetched(storage, spool)
    assert {path.name for path in spool.iterdir()} == {"delivery-new", "somebody else's"}


def test_empty_delivery(storage: FakeStorage, spool: Path) -> None:
    storage.put("f/a.csv", b"")
    assert fetched(storage, spool).size == 0
