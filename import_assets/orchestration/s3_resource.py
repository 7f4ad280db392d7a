"""Dagster's resource for S3, with timeouts, and without secrets where it is shown."""

from __future__ import annotations

from typing import Any

from boto3.session import Session
from botocore.config import Config
from botocore.exceptions import ClientError
from dagster_aws.s3 import S3Resource
from dagster_aws.utils import construct_boto_client_retry_config
from pydantic import Field


class S3BucketResource(S3Resource):
    """The client that `S3Resource` makes, which ends when a server does not answer."""

    max_attempts: int = Field(default=1, description="How often a failed request is repeated.")
    timeout: int = Field(default=30, description="Seconds to be connected, and for each answer.")
    aws_access_key_id: str | None = Field(
        default=None, description="Access key id; the machine's own if left out.", repr=False
    )
    aws_secret_access_key: str | None = Field(
        default=None, description="Secret access key.", repr=False
    )
    aws_session_token: str | None = Field(
        default=None, description="Token of temporary keys.", repr=False
    )

    def get_client(self) -> Any:
        """Return a client of boto3."""
        config = construct_boto_client_retry_config(self.max_attempts).merge(
            Config(connect_timeout=self.timeout, read_timeout=self.timeout, s3=self._addressing)
        )
        client = Session(profile_name=self.profile_name).client(
            "s3",
            region_name=self.region_name,
            use_ssl=self.use_ssl,
            verify=self.verify,
            endpoint_url=self.endpoint_url,
            aws_access_key_id=self.aws_access_key_id,
            aws_secret_access_key=self.aws_secret_access_key,
            aws_session_token=self.aws_session_token,
            config=config,
        )
        client.meta.events.register("before-call.s3.HeadBucket", _refuse_head)
        return client

    @property
    def _addressing(self) -> dict[str, str]:
        # Few systems but Amazon's have a host name for each bucket.
        return {"addressing_style": "path" if self.endpoint_url else "auto"}


def _refuse_head(**_: Any) -> None:
    """Say that a bucket does not tell its region.

    A server that redirects without saying where is asked so by the client, whose question is
    redirected in turn, and so on without end. Amazon's servers say it with the redirect.
    """
    raise ClientError({"ResponseMetadata": {"HTTPHeaders": {}}}, "HeadBucket")  # pyright: ignore[reportArgumentType]
