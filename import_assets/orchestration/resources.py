"""Connections to buckets as Dagster's resources, and the clients that come from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg

from import_assets.errors import SourceError
from import_assets.sources.secrets import secret
from import_assets.spec.connections import GcsConnection, S3Connection
from import_assets.spec.models import ProjectSpec

if TYPE_CHECKING:
    from import_assets.orchestration.gcs_resource import GcsBucketResource
    from import_assets.orchestration.s3_resource import S3BucketResource


def resources(project: ProjectSpec) -> dict[str, dg.ConfigurableResource[Any]]:
    """Return a resource for each connection to a bucket, under the connection's name.

    Secrets are in them as the names of environment variables, which is also all the UI shows of
    them (D42); the variables need not be set until a client is made.
    """
    found: dict[str, dg.ConfigurableResource[Any]] = {}
    for name, connection in project.connections.items():
        if connection.s3 is not None:
            found[name] = _s3(connection.s3)
        elif connection.gcs is not None:
            found[name] = _gcs(connection.gcs)
    return found


class ObjectStores:
    """Makes clients of buckets, each from the resource that Dagster shows."""

    def s3(self, name: str, connection: S3Connection) -> Any:
        """Return a boto3 client for the connection called `name`.

        Raises:
            SourceError: a variable is not set, or the machine's configuration cannot be used.
        """
        from botocore.exceptions import BotoCoreError

        _check_variables(
            name,
            connection.access_key_id_env,
            connection.secret_access_key_env,
            connection.session_token_env,
        )
        try:
            # As a context: otherwise what Dagster makes beside it is closed late, with a log line.
            with _s3(connection).process_config_and_initialize_cm() as resource:
                return resource.get_client()
        except (BotoCoreError, ValueError) as error:
            raise SourceError(
                f"connection {name}: `endpoint:`, `region:` or this machine's own configuration "
                f"cannot be used ({type(error).__name__})"
            ) from error

    def gcs(self, name: str, connection: GcsConnection) -> Any:
        """Return a client of google-cloud-storage for the connection called `name`.

        Raises:
            SourceError: the variable is not set or does not hold the key of a service account, or
                the machine has no credentials of its own.
        """
        from google.auth.exceptions import DefaultCredentialsError

        variable = connection.service_account_env
        _check_variables(name, variable)
        try:
            with _gcs(connection).process_config_and_initialize_cm() as resource:
                return resource.get_client()
        except (DefaultCredentialsError, ValueError, TypeError):
            if variable is None:
                fault = (
                    "this machine has no credentials for Google Cloud: name the variable that "
                    "holds the key of a service account with `service_account_env`"
                )
            else:
                fault = (
                    f"the environment variable {variable} does not hold the key of a service "
                    "account: set it to the whole JSON file that Google Cloud made"
                )
            # Without the cause, whose words may be those of the key.
            raise SourceError(f"connection {name}: {fault}") from None


def _s3(connection: S3Connection) -> S3BucketResource:
    # Loaded here, since it takes longer than Dagster itself and few projects need it.
    from import_assets.orchestration.s3_resource import S3BucketResource

    return S3BucketResource(
        region_name=connection.region,
        endpoint_url=connection.endpoint,
        aws_access_key_id=_variable(connection.access_key_id_env),
        aws_secret_access_key=_variable(connection.secret_access_key_env),
        aws_session_token=_variable(connection.session_token_env),
        timeout=connection.timeout,
    )


def _gcs(connection: GcsConnection) -> GcsBucketResource:
    from import_assets.orchestration.gcs_resource import GcsBucketResource

    return GcsBucketResource(
        project=connection.project,
        service_account=_variable(connection.service_account_env),
    )


def _variable(name: str | None) -> dg.EnvVar | None:
    return None if name is None else dg.EnvVar(name)


def _check_variables(connection: str, *names: str | None) -> None:
    for name in names:
        if name is not None:
            secret(connection, name)
