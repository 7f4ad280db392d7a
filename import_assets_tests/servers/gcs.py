"""A server of Google Cloud Storage, which comes as a package."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from import_assets_tests.servers import gcs_paged
from import_assets_tests.servers.buckets import BUCKET, GcsServer
from import_assets_tests.servers.processes import serving
from import_assets_tests.servers.sftp import free_port


@contextmanager
def gcs_server() -> Iterator[GcsServer]:
    """Run a server that has one bucket."""
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    command = [sys.executable, gcs_paged.__file__, str(port)]
    with (
        tempfile.TemporaryDirectory(prefix="gcs-") as folder,
        serving(command, f"{endpoint}/", Path(folder) / "log"),
    ):
        server = GcsServer(endpoint)
        server.client().create_bucket(BUCKET)
        yield server
