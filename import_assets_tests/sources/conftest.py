"""Servers of files, each started once for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from import_assets_tests.servers.buckets import GcsServer, S3Server
from import_assets_tests.servers.gcs import gcs_server
from import_assets_tests.servers.moto import moto_server
from import_assets_tests.servers.seaweed import seaweed_server
from import_assets_tests.servers.sftp import asyncssh_server, sshd_server
from import_assets_tests.sources.rigs import Rig, SftpFolder, open_rig, sftp_folder


@pytest.fixture(scope="session")
def moto() -> Iterator[S3Server]:
    """An S3 server that checks no keys until told to, and gives 100 objects a page."""
    with moto_server() as server:
        yield server


@pytest.fixture(scope="session")
def seaweed() -> Iterator[S3Server]:
    """An S3 server that checks keys, and gives 1,000 objects a page."""
    with seaweed_server() as server:
        yield server


@pytest.fixture(scope="session")
def gcs() -> Iterator[GcsServer]:
    """A server of Google Cloud Storage, which gives 100 objects a page."""
    with gcs_server() as server:
        yield server


@pytest.fixture(scope="session")
def asyncssh_sftp() -> Iterator[SftpFolder]:
    """A folder on an SFTP server in Python."""
    with sftp_folder(asyncssh_server) as served:
        yield served


@pytest.fixture(scope="session")
def sshd_sftp() -> Iterator[SftpFolder]:
    """A folder on the SFTP server that most have."""
    with sftp_folder(sshd_server) as served:
        yield served


@pytest.fixture
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    """A storage, empty; tests are to name which of `RIGS`."""
    with open_rig(request.param, request.getfixturevalue) as opened:
        yield opened
