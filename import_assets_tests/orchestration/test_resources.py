"""Connections to buckets as Dagster's resources: secrets stay where they are (D42)."""

from __future__ import annotations

import json
import subprocess
import sys
import traceback
from typing import Any

import dagster as dg
import pytest

from import_assets.errors import SourceError
from import_assets.orchestration.resources import ObjectStores, resources
from import_assets.spec.connections import GcsConnection, S3Connection
from import_assets.spec.models import ProjectSpec

SECRET = "what nobody may see"
VARIABLES = ("CRM_KEY", "CRM_SECRET", "CRM_TOKEN", "CRM_ACCOUNT")

S3 = S3Connection(
    bucket="exports",
    region="eu-central-1",
    access_key_id_env="CRM_KEY",
    secret_access_key_env="CRM_SECRET",
    session_token_env="CRM_TOKEN",
    timeout=7,
)
GCS = GcsConnection(bucket="exports", project="shop", service_account_env="CRM_ACCOUNT")


@pytest.fixture
def project() -> ProjectSpec:
    return ProjectSpec.model_validate(
        {
            "connections": {
                "crm_s3": {"s3": S3.model_dump()},
                "crm_gcs": {"gcs": GCS.model_dump()},
                "shop_feed": {"http": {"address": "https://shop.example.com"}},
            }
        }
    )


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*VARIABLES, "STORAGE_EMULATOR_HOST", "GOOGLE_APPLICATION_CREDENTIALS"):
        monkeypatch.delenv(name, raising=False)


def hide_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, f"{SECRET} in {name}")


def fault_of(make: Any, *about: Any) -> str:
    with pytest.raises(SourceError) as caught:
        make(*about)
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    return str(caught.value)


def test_each_bucket_is_a_resource(project: ProjectSpec) -> None:
    """Also while the variables are not set, as on a machine that only shows them."""
    found = resources(project)
    assert set(found) == {"crm_s3", "crm_gcs"}
    shown = dg.Definitions(resources=found).get_repository_def().get_top_level_resources()
    assert set(shown) == {"crm_s3", "crm_gcs"}


def test_what_is_shown_are_names_of_variables(
    project: ProjectSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    hide_secrets(monkeypatch)
    definitions = dg.Definitions(resources=resources(project))
    shown = definitions.get_repository_def().get_top_level_resources()
    s3 = shown["crm_s3"].config_schema.default_value
    assert s3["aws_access_key_id"] == {"env": "CRM_KEY"}
    assert s3["aws_secret_access_key"] == {"env": "CRM_SECRET"}
    assert s3["aws_session_token"] == {"env": "CRM_TOKEN"}
    assert s3["region_name"] == "eu-central-1"
    gcs = shown["crm_gcs"].config_schema.default_value
    assert gcs["service_account"] == {"env": "CRM_ACCOUNT"}


def test_nothing_repeats_a_secret(project: ProjectSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    hide_secrets(monkeypatch)
    for resource in resources(project).values():
        with resource.process_config_and_initialize_cm() as opened:
            for one in (resource, opened):
                assert SECRET not in repr(one)
                assert SECRET not in str(one)


def test_client_of_s3_is_made_from_the_resource(monkeypatch: pytest.MonkeyPatch) -> None:
    """M110: region and keys; and it gives up in time."""
    hide_secrets(monkeypatch)
    client = ObjectStores().s3("crm_s3", S3)
    assert client.meta.region_name == "eu-central-1"
    assert client.meta.endpoint_url == "https://s3.eu-central-1.amazonaws.com"
    assert (client.meta.config.connect_timeout, client.meta.config.read_timeout) == (7, 7)
    assert client.meta.config.retries["total_max_attempts"] == 2
    given = client._request_signer._credentials.get_frozen_credentials()
    assert given.secret_key == f"{SECRET} in CRM_SECRET"
    assert SECRET not in repr(client)


@pytest.mark.parametrize("missing", ["CRM_KEY", "CRM_SECRET", "CRM_TOKEN"])
def test_variable_of_s3_that_is_not_set(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    hide_secrets(monkeypatch)
    monkeypatch.delenv(missing)
    said = fault_of(ObjectStores().s3, "crm_s3", S3)
    assert said.startswith(f"connection crm_s3: the environment variable {missing} is not set")


def test_endpoint_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    hide_secrets(monkeypatch)
    wrong = S3.model_copy(update={"endpoint": "storage.example.com"})
    said = fault_of(ObjectStores().s3, "crm_s3", wrong)
    assert said.startswith("connection crm_s3: `endpoint:`, `region:` or this machine's own")


def test_variable_of_gcs_that_is_not_set() -> None:
    said = fault_of(ObjectStores().gcs, "crm_gcs", GCS)
    assert said.startswith("connection crm_gcs: the environment variable CRM_ACCOUNT is not set")


@pytest.mark.parametrize(
    "value",
    [
        SECRET,
        f'"{SECRET}"',
        json.dumps({"type": "authorized_user", "refresh_token": SECRET}),
        json.dumps({"type": "service_account", "private_key": SECRET}),
        json.dumps(
            {
                "type": "service_account",
                "private_key": f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----",
                "client_email": "importer@shop.example.com",
                "token_uri": "https://oauth2.example.com/token",
            }
        ),
    ],
    ids=["no JSON", "no object", "another kind", "parts are missing", "no key"],
)
def test_what_is_no_service_account(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_ACCOUNT", value)
    said = fault_of(ObjectStores().gcs, "crm_gcs", GCS)
    assert "CRM_ACCOUNT does not hold the key of a service account: set it to the whole" in said


def test_machine_without_credentials_for_google(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    said = fault_of(ObjectStores().gcs, "crm_gcs", GcsConnection(bucket="exports"))
    assert "this machine has no credentials for Google Cloud: name the variable" in said


def test_emulator_needs_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:9")
    client = ObjectStores().gcs("crm_gcs", GcsConnection(bucket="exports"))
    assert client.project == "emulator"


@pytest.mark.slow
def test_projects_without_buckets_do_not_wait_for_them() -> None:
    """What Amazon and Google bring takes longer to load than all the rest."""
    code = (
        "import sys; from import_assets.orchestration import resources as r;"
        "from import_assets.spec.models import ProjectSpec;"
        "assert r.resources(ProjectSpec()) == {};"
        "print({'boto3', 'google.cloud', 'dagster_aws', 'dagster_gcp'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
