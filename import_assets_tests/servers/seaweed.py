"""An S3 server of another make, in Go; it comes as an optional package."""

from __future__ import annotations

import json
import random
import socket
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from import_assets_tests.servers.buckets import BUCKET, S3Server
from import_assets_tests.servers.processes import serving
from import_assets_tests.servers.required import require

ELSEWHERE = "other"
"""A bucket that the key of `READER` may not touch."""
READER = ("AKREADER", "secret of the reader")
"""A key that may list and read the bucket."""
LISTER = ("AKLISTER", "secret of the lister")
"""A key that may list the bucket only."""

_MASTER = ("AKMASTER", "secret of the master")


@contextmanager
def seaweed_server() -> Iterator[S3Server]:
    """Run a server that has one bucket. Skips the test where there is no `weed`."""
    # Beside the Python of the tests, which need not be on the PATH.
    beside = Path(sys.executable).with_name("weed")
    weed = require("weed", str(beside) if beside.exists() else "weed")
    with tempfile.TemporaryDirectory(prefix="seaweed-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "data").mkdir()
        (folder / "s3.json").write_text(json.dumps({"identities": _identities()}))
        master, volume, filer, s3 = _free_ports(4)
        command = [
            *(weed, "server", f"-dir={folder / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
            *(f"-master.port={master}", f"-volume.port={volume}", f"-filer.port={filer}"),
            *("-filer", "-s3", f"-s3.port={s3}", f"-s3.config={folder / 's3.json'}"),
            *("-s3.iam=false", "-s3.port.iceberg=0", "-s3.port.lance=0"),
            *("-master.telemetry=false", "-master.volumeSizeLimitMB=64"),
            *("-master.volumePreallocate=false", "-volume.max=0", "-volume.preStopSeconds=0"),
        ]
        endpoint = f"http://127.0.0.1:{s3}"
        with serving(command, f"{endpoint}/status", folder / "log"):
            server = S3Server(endpoint, *_MASTER)
            for bucket in (BUCKET, ELSEWHERE):
                server.client().create_bucket(Bucket=bucket)
            yield server


def _identities() -> list[dict[str, object]]:
    def identity(key: tuple[str, str], *actions: str) -> dict[str, object]:
        credentials = [{"accessKey": key[0], "secretKey": key[1]}]
        return {"name": key[0], "credentials": credentials, "actions": actions}

    return [
        identity(_MASTER, "Admin", "Read", "List", "Tagging", "Write"),
        identity(READER, f"Read:{BUCKET}", f"List:{BUCKET}"),
        identity(LISTER, f"List:{BUCKET}"),
    ]


def _free_ports(number: int) -> Sequence[int]:
    """Return free ports of which those 10,000 higher are free too: the server takes both."""
    found: list[int] = []
    while len(found) < number:
        port = random.randrange(11_000, 22_000)
        if port not in found and _is_free(port) and _is_free(port + 10_000):
            found.append(port)
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
