"""What all servers of buckets have in common for a test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from import_assets.orchestration.resources import ObjectStores
from import_assets.spec.connections import GcsConnection, S3Connection

BUCKET = "exports"
"""The bucket that each server has."""


@dataclass(frozen=True)
class S3Server:
    """A running S3 server, with a key that may do everything."""

    endpoint: str
    access_key_id: str
    secret_access_key: str

    @property
    def port(self) -> int:
        """The port of 127.0.0.1 where it is."""
        return int(self.endpoint.rpartition(":")[2])

    def client(
        self,
        key: str | None = None,
        secret: str | None = None,
        token: str | None = None,
        **how: Any,
    ) -> Any:
        """Return a client as imports have it.

        Args:
            key: another access key id than that which may do everything.
            secret: the secret access key that goes with it.
            token: the session token.
            how: fields of the connection to set otherwise.
        """
        values = {
            "TEST_S3_KEY": key or self.access_key_id,
            "TEST_S3_SECRET": secret or self.secret_access_key,
            "TEST_S3_TOKEN": token,
        }
        fields = {
            "bucket": BUCKET,
            "region": "us-east-1",
            "endpoint": self.endpoint,
            "access_key_id_env": "TEST_S3_KEY",
            "secret_access_key_env": "TEST_S3_SECRET",
            "session_token_env": "TEST_S3_TOKEN" if token else None,
            "timeout": 20,
        }
        with environment(values):
            return ObjectStores().s3("crm", S3Connection.model_validate(fields | how))


@dataclass(frozen=True)
class GcsServer:
    """A running server of Google Cloud Storage, which checks nobody."""

    endpoint: str

    @property
    def port(self) -> int:
        """The port of 127.0.0.1 where it is."""
        return int(self.endpoint.rpartition(":")[2])

    def client(self) -> Any:
        """Return a client as imports have it."""
        with environment({"STORAGE_EMULATOR_HOST": self.endpoint}):
            return ObjectStores().gcs("crm", GcsConnection(bucket=BUCKET))


@contextmanager
def environment(values: dict[str, str | None]) -> Iterator[None]:
    """Set variables of the environment while the block runs; None removes one."""
    before = {name: os.environ.get(name) for name in values}
    _set(values)
    try:
        yield
    finally:
        _set(before)


def _set(values: dict[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
