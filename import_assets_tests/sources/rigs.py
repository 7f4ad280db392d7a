"""Storages under test, with the means to change what lies in them, and what each cannot do."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, Literal

import pytest

from import_assets.sources.storage.base import Storage
from import_assets.sources.storage.gcs import GcsStorage
from import_assets.sources.storage.local import LocalStorage
from import_assets.sources.storage.s3 import S3Storage
from import_assets.sources.storage.sftp import SftpSession, SftpStorage
from import_assets_tests.fakes.storage import LONG_AGO, FakeStorage
from import_assets_tests.servers.buckets import BUCKET, GcsServer, S3Server
from import_assets_tests.servers.sftp import SftpServer

Ability = Literal[
    "set times",
    "set milliseconds",
    "close folders",
    "names not in UTF-8",
    "names with a newline",
    "names with a backslash",
    "paths of 1,200 bytes",
]
"""What a test may want of a storage, beyond what all can do."""

_numbers = count()


@dataclass(frozen=True)
class Rig:
    """A storage under test. `lacks` says why it cannot do what some tests want.

    `many` is the number of files that fill more than one page of a listing, `longest` the bytes
    of the longest path below the folder.
    """

    storage: Storage
    write: Callable[[bytes, bytes, datetime], object]
    remove: Callable[[bytes], object]
    deny: Callable[[str], AbstractContextManager[None]]
    lacks: Mapping[Ability, str] = field(default_factory=dict)
    many: int = 1_200
    longest: int = 1_024

    def put(self, path: bytes, content: bytes, modified: datetime = LONG_AGO) -> None:
        """Write a file, or write it anew; the time counts where it can be set."""
        self.write(path, content, modified)

    def needs(self, *abilities: Ability) -> None:
        """Skip the test if the storage cannot do what it wants."""
        for ability in abilities:
            if ability in self.lacks:
                pytest.skip(f"cannot {ability}: {self.lacks[ability]}")


def local_rig(folder: Path) -> Rig:
    """A folder of this machine."""

    def put(path: bytes, content: bytes, modified: datetime = LONG_AGO) -> None:
        whole = folder / os.fsdecode(path)
        whole.parent.mkdir(parents=True, exist_ok=True)
        whole.write_bytes(content)
        os.utime(whole, (modified.timestamp(), modified.timestamp()))

    @contextmanager
    def deny(path: str) -> Iterator[None]:
        (folder / path).chmod(0)
        user = os.geteuid()
        if user == 0:  # nothing is denied to the superuser
            os.seteuid(65_534)
        try:
            yield
        finally:
            os.seteuid(user)
            (folder / path).chmod(0o755)

    def remove(path: bytes) -> None:
        (folder / os.fsdecode(path)).unlink()

    return Rig(LocalStorage(folder), put, remove, deny)


def fake_rig() -> Rig:
    """The storage in memory with which other tests work."""
    storage = FakeStorage()

    @contextmanager
    def deny(path: str) -> Iterator[None]:
        storage.unreadable.add(path)
        yield
        storage.unreadable.remove(path)

    return Rig(storage, storage.put, storage.remove, deny)


@dataclass(frozen=True)
class SftpFolder:
    """A folder that an SFTP server serves, and the one session that all its rigs share."""

    server: SftpServer
    session: SftpSession


@contextmanager
def sftp_folder(
    serve: Callable[[Path], AbstractContextManager[SftpServer]],
) -> Iterator[SftpFolder]:
    """Serve a new folder, and log in."""
    with reachable_folder() as folder, serve(folder) as server:
        session = SftpSession("crm", server.connection, folder)
        # Before a rig takes permissions away, with which the key could not be read.
        session.client()
        try:
            yield SftpFolder(server, session)
        finally:
            session.close()


def sftp_rig(served: SftpFolder) -> Rig:
    """A new folder in the one that is served."""
    name = f"test{next(_numbers)}"
    folder = served.server.folder / name
    folder.mkdir()
    storage = SftpStorage(served.session, f"{served.server.remote.rstrip('/')}/{name}")
    local = local_rig(folder)
    lacks: dict[Ability, str] = {"set milliseconds": "SFTP tells times in whole seconds"}
    return Rig(storage, local.write, local.remove, local.deny, lacks)


_BUCKETS_LACK: dict[Ability, str] = {
    "set times": "the server sets them",
    "set milliseconds": "the server sets them",
    "close folders": "a bucket has none",
    "names not in UTF-8": "those in a bucket always are",
    "paths of 1,200 bytes": "a bucket takes 1,024",
}


def s3_rig(server: S3Server, many: int, lacks: Mapping[Ability, str]) -> Rig:
    """A new prefix in a bucket of S3."""
    client, prefix = _client(server), f"test{next(_numbers)}/"

    def put(path: bytes, content: bytes, _: datetime) -> None:
        client.put_object(Bucket=BUCKET, Key=prefix + path.decode(), Body=content)

    def remove(path: bytes) -> None:
        client.delete_object(Bucket=BUCKET, Key=prefix + path.decode())

    storage = S3Storage(client, "crm", BUCKET, prefix)
    longest = 1_024 - len(prefix)
    return Rig(storage, put, remove, _never, {**_BUCKETS_LACK, **lacks}, many, longest)


def gcs_rig(server: GcsServer) -> Rig:
    """A new prefix in a bucket of Google Cloud Storage."""
    client, prefix = _client(server), f"test{next(_numbers)}/"
    bucket = client.bucket(BUCKET)

    def put(path: bytes, content: bytes, _: datetime) -> None:
        bucket.blob(prefix + path.decode()).upload_from_string(content)

    def remove(path: bytes) -> None:
        bucket.blob(prefix + path.decode()).delete()

    storage = GcsStorage(client, "crm", BUCKET, prefix, timeout=20)
    # The emulator gives 100 a page, and takes its time for each file that is put.
    return Rig(storage, put, remove, _never, _BUCKETS_LACK, 250, 1_024 - len(prefix))


@cache
def _client(server: S3Server | GcsServer) -> Any:
    """Return the client of a server that all its rigs share, since making one takes a while."""
    return server.client()


def _never(path: str) -> Any:
    raise AssertionError(f"{path} cannot be closed: say so in `lacks`")


RIGS = (
    "local",
    "fake",
    "sftp-asyncssh",
    "sftp-sshd",
    "s3-moto",
    "s3-seaweed",
    "gcs-emulator",
)
"""The storages that the suite runs over."""


@contextmanager
def open_rig(name: str, server: Callable[[str], Any]) -> Iterator[Rig]:
    """Make the rig of that name, empty.

    Args:
        name: one of `RIGS`.
        server: returns a running server by the name of its fixture.
    """
    match name:
        case "local":
            with reachable_folder() as folder:
                yield local_rig(folder)
        case "fake":
            yield fake_rig()
        case "sftp-asyncssh":
            yield sftp_rig(server("asyncssh_sftp"))
        case "sftp-sshd":
            yield sftp_rig(server("sshd_sftp"))
        case "s3-moto":
            no_newline = "this server does not find the bucket then"
            yield s3_rig(server("moto"), 250, {"names with a newline": no_newline})
        case "s3-seaweed":
            no_backslash = "this server turns it into a slash"
            yield s3_rig(server("seaweed"), 1_200, {"names with a backslash": no_backslash})
        case _:
            yield gcs_rig(server("gcs"))


@contextmanager
def reachable_folder() -> Iterator[Path]:
    """Make a folder that every user of this machine may enter, as those of `tmp_path` may not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)
