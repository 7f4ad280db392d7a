"""Dagster's resource for Google Cloud Storage, with the key of a service account."""

from __future__ import annotations

import json
import os

from dagster_gcp.gcs.resources import GCSResource
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
from pydantic import Field

_EMULATOR = "STORAGE_EMULATOR_HOST"


class GcsBucketResource(GCSResource):
    """The client that `GCSResource` makes, for a service account where one is given."""

    service_account: str | None = Field(
        default=None,
        description="Key of the service account, as JSON; the machine's own if left out.",
        repr=False,
    )

    def get_client(self) -> storage.Client:
        """Return a client of google-cloud-storage.

        Raises:
            ValueError, TypeError: `service_account` is not the key of a service account.
            google.auth.exceptions.DefaultCredentialsError: the machine has no credentials.
        """
        if os.environ.get(_EMULATOR):
            return storage.Client(
                project=self.project or "emulator", credentials=AnonymousCredentials()
            )
        if self.service_account is None:
            return super().get_client()
        info = json.loads(self.service_account)
        if not isinstance(info, dict):
            raise TypeError("not an object")
        project = {"project": self.project} if self.project else {}
        return storage.Client.from_service_account_info(info, **project)
