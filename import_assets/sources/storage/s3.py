"""A bucket of Amazon S3, or of a system that speaks like it (M109, M110).

Loads botocore, and so is itself loaded only where a connection asks for it.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from typing import Any, BinaryIO
from urllib.parse import quote_from_bytes, unquote_to_bytes

from botocore import exceptions as aws

from import_assets.errors import SourceError
from import_assets.sources.storage.base import Report
from import_assets.sources.storage.buckets import BucketStorage, StoredObject
from import_assets.sources.storage.s3pages import read_pages_quickly

_BLOCK_BYTES = 1 << 20

_NEEDED = {"Key", "LastModified", "Size"}
"""What a listing has to say of each object."""

_LISTING = {"Name", "IsTruncated", "KeyCount", "Contents"}
"""What tells a listing, of which an empty one has little, from other answers in XML."""

_GONE = {"404", "NoSuchKey", "NoSuchVersion"}
_PASSING = {
    "InternalError",
    "OperationAborted",
    "RequestLimitExceeded",
    "RequestTimeout",
    "ServiceUnavailable",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}
_ELSEWHERE = {
    "301",
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
    "PermanentRedirect",
    "TemporaryRedirect",
}
_TOKENS = {"ExpiredToken", "InvalidToken", "TokenRefreshRequired"}
_DENIED = {"403", "AccessDenied", "AllAccessDisabled", "AccountProblem"}
_SENTENCES = {
    "InvalidAccessKeyId": "the server does not know the access key id: mend what "
    "`access_key_id_env` names",
    "SignatureDoesNotMatch": "the secret access key does not belong to the access key id: mend "
    "what `secret_access_key_env` names",
    "RequestTimeTooSkewed": "the clock of this machine is wrong, and the server therefore refuses "
    "every request: set it",
    "InvalidObjectState": "the object lies in an archive: restore it there, and it is taken at the "
    "next look",
}
_NO_CREDENTIALS = (
    aws.NoCredentialsError,
    aws.PartialCredentialsError,
    aws.CredentialRetrievalError,
    aws.NoAuthTokenError,
    aws.TokenRetrievalError,
    aws.SSOError,
    aws.LoginError,
)
_BROKEN = (
    aws.HTTPClientError,
    aws.ConnectionError,
    aws.IncompleteReadError,
    aws.FlexibleChecksumError,
)


class S3Storage(BucketStorage):
    """A bucket of S3. Fingerprints are made of the etag and the size."""

    def __init__(self, client: Any, name: str, bucket: str, prefix: str) -> None:
        """Take a client of boto3 for S3, and what `BucketStorage` takes.

        How long the server is waited for, and how often it is asked again, is the client's matter.
        """
        super().__init__(name, bucket, prefix)
        self._client = client
        read_pages_quickly(client)

    def _listed(self, prefix: str, recursive: bool, report: Report) -> Iterator[StoredObject]:
        # Encoded, since XML cannot hold some of the characters that names may.
        asked = {"Bucket": self.bucket, "Prefix": prefix, "EncodingType": "url"}
        if not recursive:
            asked["Delimiter"] = "/"
        while True:
            page = self._page(asked)
            # Some servers do not know the encoding: their names stand as they are.
            is_coded = page.get("EncodingType") == "url"
            for entry in page.get("Contents", ()):
                if not entry.keys() >= _NEEDED:
                    raise self._unreadable()
                name = entry["Key"]
                if is_coded and ("%" in name or "+" in name):
                    coded = unquote_to_bytes(name.replace("+", " "))
                    try:
                        name = coded.decode()
                    except UnicodeDecodeError:
                        self._report_name(quote_from_bytes(coded), report)
                        continue
                yield _stored(name, entry, entry["Size"])
            if not page.get("IsTruncated"):
                return
            asked["ContinuationToken"] = self._next_page(page)

    def _page(self, asked: dict[str, Any]) -> dict[str, Any]:
        with self._faults(f"listing bucket {self.bucket}"):
            try:
                page = self._client.list_objects_v2(**asked)
            except ValueError as error:  # of botocore, about a size or a time
                raise self._unreadable() from error
        if page.keys().isdisjoint(_LISTING):
            raise self._error(
                f"the server answers with something else than a listing of bucket {self.bucket}: "
                "mend `endpoint:`, which seems to be the address of a server that is none of S3"
            )
        return page

    def _unreadable(self) -> SourceError:
        return self._error(
            f"the server lists bucket {self.bucket} with an object whose name, size or time of "
            "change is missing or cannot be read: it does not speak as S3 does, and cannot be "
            "read from"
        )

    def _next_page(self, page: dict[str, Any]) -> str:
        token = page.get("NextContinuationToken")
        if not token:
            raise self._error(
                f"the server lists a part of bucket {self.bucket} and does not say how to go on: "
                "it lacks ListObjectsV2, and cannot be read from"
            )
        return token

    def _found(self, name: str, key: str) -> StoredObject | None:
        with self._faults(f"reading {key}"):
            try:
                answer = self._client.head_object(Bucket=self.bucket, Key=name)
            except aws.ClientError as error:
                if _status(error) >= 500:
                    raise
                # Answers to HEAD have no body, which is where S3 says what is wrong.
                answer = self._get(name)
        if answer is None:
            return None
        if "Body" in answer:
            answer["Body"].close()
        return _stored(name, answer, answer["ContentLength"])

    def _opened(self, name: str, key: str) -> BinaryIO | None:
        with self._faults(f"reading {key}"):
            answer = self._get(name)
        if answer is None:
            return None
        body = answer["Body"]

        def read(most: int) -> bytes:
            with self._faults(f"reading {key}"):
                return body.read(most)

        reader = self._reader(key, answer["ContentLength"], read, body.close)
        return io.BufferedReader(reader, _BLOCK_BYTES)

    def _get(self, name: str) -> dict[str, Any] | None:
        try:
            return self._client.get_object(Bucket=self.bucket, Key=name)
        except aws.ClientError as error:
            if _code(error) in _GONE:
                return None
            raise

    @contextmanager
    def _faults(self, doing: str) -> Iterator[None]:
        """Turn errors of the client into sentences of ours."""
        try:
            yield
        except aws.ClientError as error:
            raise self._refused(error, doing) from error
        except aws.SSLError as error:
            raise self._error(
                "there is no secure connection to the server: mend `endpoint:`, or if it has a "
                "certificate of its own, name that with the environment variable AWS_CA_BUNDLE"
            ) from error
        except _BROKEN as error:
            raise self._broken(doing, _REASONS.get(type(error), type(error).__name__)) from error
        except _NO_CREDENTIALS as error:
            raise self._error(
                "there is no access key: name its environment variables with `access_key_id_env` "
                "and `secret_access_key_env`, or give this machine credentials of its own"
            ) from error
        except aws.ParamValidationError as error:
            raise self._error(
                f"{self.bucket} cannot be the name of a bucket: mend `bucket:` in project.yaml"
            ) from error
        except aws.BotoCoreError as error:
            raise self._error(
                f"{doing} failed ({type(error).__name__}): check the connection in project.yaml"
            ) from error

    def _refused(self, error: aws.ClientError, doing: str) -> SourceError:
        code = _code(error)
        if code in _PASSING or _status(error) >= 500 or _status(error) == 429:
            return self._broken(doing, f"the server answered {code}")
        return self._error(self._sentence(error, code, doing))

    def _sentence(self, error: aws.ClientError, code: str, doing: str) -> str:
        if code in _SENTENCES:
            return _SENTENCES[code]
        if code == "NoSuchBucket":
            return f"there is no bucket {self.bucket}: mend `bucket:` in project.yaml, or make it"
        if code in _TOKENS:
            return (
                "the session token is wrong or has expired: make temporary keys anew and set all "
                "three variables"
            )
        if code in _ELSEWHERE:
            return self._elsewhere(error)
        if code in _DENIED:
            right = "s3:ListBucket" if doing.startswith("listing") else "s3:GetObject"
            return f"{doing} is not permitted to its key: grant it the right {right}"
        return f"{doing} is refused by the server, which answered {code}"

    def _elsewhere(self, error: aws.ClientError) -> str:
        headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        region = error.response["Error"].get("Region") or headers.get("x-amz-bucket-region")
        known = f" but in {region}" if region else ""
        return (
            f"bucket {self.bucket} is not in region {self._client.meta.region_name}{known}: mend "
            "`region:` in project.yaml"
        )


_REASONS: dict[type[Exception], str] = {
    aws.EndpointConnectionError: "the server cannot be reached: check `endpoint:` and the network",
    aws.ConnectTimeoutError: "the server cannot be reached in time",
    aws.ReadTimeoutError: "the server does not answer in time",
    aws.ConnectionClosedError: "the server closed the connection",
    aws.ResponseStreamingError: "the connection was lost",
    aws.FlexibleChecksumError: "the bytes do not have the checksum that the server promised",
}


def _stored(name: str, entry: dict[str, Any], size: int) -> StoredObject:
    etag = entry.get("ETag", "").strip('"')
    modified = entry["LastModified"]
    if modified.tzinfo is not UTC:
        modified = modified.astimezone(UTC)
    return StoredObject(name, size, modified, f"{etag}-{size}")


def _code(error: aws.ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code") or _status(error))


def _status(error: aws.ClientError) -> int:
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
