"""A bucket of Google Cloud Storage.

Loads Google's client, and so is itself loaded only where a connection asks for it.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from typing import Any, BinaryIO

import requests
import urllib3
from google.api_core import exceptions as api
from google.auth import exceptions as auth
from google.cloud.storage.exceptions import DataCorruption, InvalidResponse
from google.cloud.storage.retry import DEFAULT_RETRY

from import_assets.errors import SourceError
from import_assets.sources.storage.base import Report
from import_assets.sources.storage.buckets import BucketStorage, StoredObject

_BLOCK_BYTES = 8 << 20
_PAGE = 1_000
_FIELDS = "items(name,size,updated,generation),nextPageToken"

_BROKEN = (
    api.RetryError,
    api.TooManyRequests,
    api.ServerError,
    auth.TransportError,
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    urllib3.exceptions.HTTPError,
    DataCorruption,
    ConnectionError,
)


class GcsStorage(BucketStorage):
    """A bucket of Google Cloud Storage. The fingerprint is the object's generation."""

    def __init__(self, client: Any, name: str, bucket: str, prefix: str, timeout: float) -> None:
        """Take a client of google-cloud-storage, and what `BucketStorage` takes.

        Args:
            client: the client.
            name: the connection's name.
            bucket: the bucket's name.
            prefix: what the names of the objects begin with.
            timeout: seconds to wait for each answer, and in which failed requests are repeated.
        """
        super().__init__(name, bucket, prefix)
        self._client = client
        self._patience = {"timeout": timeout, "retry": DEFAULT_RETRY.with_timeout(timeout)}

    def _listed(self, prefix: str, recursive: bool, report: Report) -> Iterator[StoredObject]:  # noqa: ARG002  # names here are always UTF-8
        with self._faults(f"listing bucket {self.bucket}"):
            pages = self._client.list_blobs(
                self.bucket,
                prefix=prefix or None,
                delimiter=None if recursive else "/",
                page_size=_PAGE,
                fields=_FIELDS,
                **self._patience,
            ).pages
        while True:
            # Only while a page is fetched, since what is done with its objects is not our fault.
            with self._faults(f"listing bucket {self.bucket}"):
                page = next(pages, None)
            if page is None:
                return
            yield from map(_stored, page)

    def _found(self, name: str, key: str) -> StoredObject | None:
        blob = self._blob(name, key)
        return None if blob is None else _stored(blob)

    def _opened(self, name: str, key: str) -> BinaryIO | None:
        found = self._found(name, key)
        if found is None:
            return None
        # The version is named in each request: a later one is never read in the midst of another.
        blob = self._client.bucket(self.bucket).blob(name, generation=int(found.version))
        position = 0

        def read(most: int) -> bytes:
            nonlocal position
            end = min(position + most, found.size)
            if position == end:
                return b""
            block = self._range(blob, position, end, key)
            position += len(block)
            return block

        return io.BufferedReader(self._reader(key, found.size, read, lambda: None), _BLOCK_BYTES)

    def _range(self, blob: Any, start: int, end: int, key: str) -> bytes:
        with self._faults(f"reading {key}"):
            try:
                # Raw: as it is stored, of which the size is known, and not unpacked on the way.
                return blob.download_as_bytes(
                    start=start, end=end - 1, raw_download=True, checksum=None, **self._patience
                )
            except api.NotFound as error:
                raise SourceError(
                    f"{key} in {self.place} has changed while it was read; it is taken at the next "
                    "look"
                ) from error

    def _blob(self, name: str, key: str) -> Any:
        """Return what the server says of an object, or None if it has none of that name."""
        blob = self._client.bucket(self.bucket).blob(name)
        with self._faults(f"reading {key}"):
            try:
                blob.reload(**self._patience)
            except api.NotFound:
                self._check_bucket()
                return None
        return blob

    def _check_bucket(self) -> None:
        """Raise NotFound if what is missing is the bucket itself."""
        next(self._client.list_blobs(self.bucket, max_results=1, **self._patience).pages, None)

    @contextmanager
    def _faults(self, doing: str) -> Iterator[None]:
        """Turn errors of the client into sentences of ours."""
        try:
            yield
        except _BROKEN as error:
            raise self._broken(doing, _reason(error)) from error
        except InvalidResponse as error:
            raise self._refused(error, error.response.status_code, doing) from error
        except api.GoogleAPICallError as error:
            raise self._refused(error, error.code or 0, doing) from error
        except auth.GoogleAuthError as error:
            raise self._error(_NO_LOGIN) from error
        except ValueError as error:
            raise self._error(
                f"{doing} failed: what answers is not Google Cloud Storage, or `bucket:` in "
                "project.yaml is no name of a bucket"
            ) from error

    def _refused(self, error: Exception, status: int, doing: str) -> SourceError:
        match int(status):
            case 401:
                return self._error(_NO_LOGIN)
            case 403:
                right = "list" if doing.startswith("listing") else "get"
                return self._error(
                    f"{doing} is not permitted to its service account: grant it the right "
                    f"storage.objects.{right}"
                )
            case 404:
                return self._error(
                    f"there is no bucket {self.bucket}: mend `bucket:` in project.yaml, or make it"
                )
            case 408:
                return self._broken(doing, _reason(error))
            case other:
                return self._error(f"{doing} is refused by the server, which answered {other}")


_NO_LOGIN = (
    "Google does not accept the credentials: make a new key of the service account and set the "
    "variable that `service_account_env` names to it"
)


def _reason(error: BaseException) -> str:
    """Return in words why something broke; the client's own words may repeat what was sent."""
    cause = error.cause if isinstance(error, api.RetryError) and error.cause else error
    if isinstance(cause, requests.Timeout | urllib3.exceptions.TimeoutError):
        return "the server does not answer in time"
    if isinstance(cause, api.GoogleAPICallError):
        return f"the server answered {int(cause.code or 0)}"
    if isinstance(cause, DataCorruption):
        return "the bytes do not have the checksum that the server promised"
    return "the connection was lost, or the server cannot be reached"


def _stored(blob: Any) -> StoredObject:
    modified = blob.updated.astimezone(UTC)
    return StoredObject(blob.name, int(blob.size), modified, str(blob.generation))
