"""An S3 server in Python, which comes as a package."""

from __future__ import annotations

import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import boto3

from import_assets_tests.servers.buckets import BUCKET, S3Server, environment
from import_assets_tests.servers.processes import serving
from import_assets_tests.servers.sftp import free_port

_users = count()


@contextmanager
def moto_server() -> Iterator[S3Server]:
    """Run a server that has one bucket and knows every key, until it is told to check them.

    It lists 100 objects a page.
    """
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with (
        tempfile.TemporaryDirectory(prefix="moto-") as folder,
        environment({"MOTO_S3_DEFAULT_MAX_KEYS": "100"}),
        serving(command, f"{endpoint}/moto-api/data.json", Path(folder) / "log"),
    ):
        server = S3Server(endpoint, "AKIDOFTHETESTS", "the secret of the tests")
        server.client().create_bucket(Bucket=BUCKET)
        yield server


@contextmanager
def checking_keys(server: S3Server) -> Iterator[None]:
    """Let a server know only the keys that were made with `make_key`."""
    _check_after(server, "0")
    try:
        yield
    finally:
        _check_after(server, "inf")


def make_key(server: S3Server, policy: str) -> tuple[str, str]:
    """Make a user with a policy; return an access key id and its secret access key."""
    user = f"user{next(_users)}"
    iam = boto3.client(
        "iam",
        region_name="us-east-1",
        endpoint_url=server.endpoint,
        aws_access_key_id=server.access_key_id,
        aws_secret_access_key=server.secret_access_key,
    )
    iam.create_user(UserName=user)
    iam.put_user_policy(UserName=user, PolicyName="only", PolicyDocument=policy)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


def _check_after(server: S3Server, requests: str) -> None:
    asked = urllib.request.Request(
        f"{server.endpoint}/moto-api/reset-auth",
        data=requests.encode(),
        headers={"Content-Type": "text/plain"},
    )
    with urllib.request.urlopen(asked, timeout=20):
        pass
