"""Connections in `project.yaml`: accounts of other systems, with secrets by variable name only.

A connection is named once and used by any number of imports. What is secret is never written: the
definition names the environment variable that holds it (D42).
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from import_assets.spec.base import CONTROL, LocalPath, StrictModel
from import_assets.spec.misfits import Misfit, refuse
from import_assets.spec.scalars import shown

ConnectionType = Literal["sftp", "s3", "gcs", "http", "sql"]
"""The systems that can be connected to."""

STORAGES: tuple[ConnectionType, ...] = ("sftp", "s3", "gcs")
"""Those that hold files, and so serve `source: {storage: …}`."""

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _check_variable(text: str) -> str:
    if not _VARIABLE.fullmatch(text):
        raise ValueError(
            "write the name of an environment variable, such as CRM_SFTP_PASSWORD, not the secret"
        )
    return text


def _check_text(text: str) -> str:
    if not text.strip() or text != text.strip() or CONTROL.search(text):
        raise ValueError("may not be empty, hold control characters, or begin or end with a blank")
    return text


def _check_host(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._:\-\[\]]+", text):
        raise ValueError(f"{shown(text)} is not a host: write its name or address alone")
    return text


EnvironmentVariable = Annotated[str, AfterValidator(_check_variable)]
Text = Annotated[str, AfterValidator(_check_text)]
Host = Annotated[str, AfterValidator(_check_host)]
Seconds = Annotated[int, Field(ge=1, le=86_400)]


class SftpConnection(StrictModel):
    """An SFTP server. Its host key has to be known before anything is sent to it."""

    host: Host = Field(description="Name or address of the server.", examples=["sftp.example.com"])
    port: int = Field(default=22, ge=1, le=65_535, description="The port.")
    user: Text = Field(description="The name to log in with.", examples=["importer"])
    password_env: EnvironmentVariable | None = Field(
        default=None, description="Environment variable that holds the password."
    )
    key_file: LocalPath | None = Field(
        default=None,
        description="File with the private key, relative to the project, or absolute.",
        examples=["conf/sftp_key"],
    )
    key_env: EnvironmentVariable | None = Field(
        default=None, description="Environment variable that holds the text of the private key."
    )
    passphrase_env: EnvironmentVariable | None = Field(
        default=None,
        description="Environment variable that holds the passphrase of the private key.",
    )
    known_hosts: LocalPath = Field(
        default="conf/known_hosts",
        description="File with the host keys of servers, as OpenSSH writes it; relative to the "
        "project, or absolute. `import-assets connections trust NAME` shows a server's key and "
        "adds it.",
    )
    timeout: Seconds = Field(
        default=30, description="Seconds to wait for the server, at each step."
    )

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        ways = [name for name in ("password_env", "key_file", "key_env") if getattr(self, name)]
        if not ways:
            refuse([Misfit((), "say how to log in: password_env, key_file or key_env")])
        if "key_file" in ways and "key_env" in ways:
            refuse([Misfit(("key_env",), "beside key_file: give the key once")])
        if self.passphrase_env and not {"key_file", "key_env"} & set(ways):
            refuse([Misfit(("passphrase_env",), "needs key_file or key_env beside it")])
        return self


class S3Connection(StrictModel):
    """A bucket of Amazon S3, or of a system that speaks like it (M109-M110)."""

    bucket: Text = Field(description="The bucket.", examples=["acme-exports"])
    region: Text | None = Field(
        default=None,
        description="The bucket's region; the machine's own if left out.",
        examples=["eu-central-1"],
    )
    prefix: str = Field(
        default="",
        description="What the keys begin with below which folders are; left out, the whole bucket.",
        examples=["crm/"],
    )
    endpoint: str | None = Field(
        default=None,
        description="Address of a system other than Amazon's.",
        examples=["https://storage.example.com"],
    )
    access_key_id_env: EnvironmentVariable | None = Field(
        default=None,
        description="Environment variable that holds the access key id. Left out, the machine's "
        "own credentials are used. The key needs the rights to list and to read.",
    )
    secret_access_key_env: EnvironmentVariable | None = Field(
        default=None, description="Environment variable that holds the secret access key."
    )
    session_token_env: EnvironmentVariable | None = Field(
        default=None, description="Environment variable that holds the token of temporary keys."
    )
    timeout: Seconds = Field(
        default=30, description="Seconds to wait for the server, at each step."
    )

    @model_validator(mode="after")
    def _whole_key(self) -> Self:
        if bool(self.access_key_id_env) != bool(self.secret_access_key_env):
            given = "access_key_id_env" if self.access_key_id_env else "secret_access_key_env"
            refuse([Misfit((given,), "access_key_id_env and secret_access_key_env go together")])
        if self.session_token_env and not self.access_key_id_env:
            refuse([Misfit(("session_token_env",), "needs access_key_id_env beside it")])
        return self


class GcsConnection(StrictModel):
    """A bucket of Google Cloud Storage."""

    bucket: Text = Field(description="The bucket.", examples=["acme-exports"])
    project: Text | None = Field(
        default=None, description="The Google Cloud project; that of the credentials if left out."
    )
    prefix: str = Field(
        default="",
        description="What the names begin with below which folders are; left out, the whole "
        "bucket.",
        examples=["crm/"],
    )
    service_account_env: EnvironmentVariable | None = Field(
        default=None,
        description="Environment variable that holds the service account's key, as JSON. Left "
        "out, the machine's own credentials are used.",
    )
    timeout: Seconds = Field(
        default=30, description="Seconds to wait for the server, at each step."
    )


class HttpConnection(StrictModel):
    """A server of feeds, by HTTPS (M009-M011, M053-M054, M088-M090, D40)."""

    address: str = Field(
        description="Where the feeds are; `path` of an import is added to it.",
        examples=["https://shop.example.com/feeds"],
    )
    user: Text | None = Field(default=None, description="The name to log in with.")
    password_env: EnvironmentVariable | None = Field(
        default=None, description="Environment variable that holds the password."
    )
    ca_file: LocalPath | None = Field(
        default=None,
        description="File with the certificates to trust instead of the usual ones, relative to "
        "the project, or absolute.",
    )
    private_addresses: Literal["refuse", "allow"] = Field(
        default="refuse",
        description="Servers of the own network. `refuse`: feeds come from public addresses only.",
    )
    plain_http: Literal["refuse", "allow"] = Field(
        default="refuse",
        description="`allow`: `http://` to this very machine, to try things out.",
    )
    phase_header: Text = Field(
        default="X-Exponea-Import-Phase",
        description="Header that tells the server why it is asked: `sample`, `preview` or "
        "`download`.",
    )
    connect_timeout: Seconds = Field(default=30, description="Seconds to be connected.")
    first_byte_timeout: Seconds = Field(
        default=3_600, description="Seconds until the answer begins."
    )
    total_timeout: Seconds = Field(
        default=3_600, description="Seconds until the whole answer has arrived."
    )

    @model_validator(mode="after")
    def _usable(self) -> Self:
        refuse(
            Misfit(("address",), fault) for fault in address_faults(self.address, self.plain_http)
        )
        if bool(self.user) != bool(self.password_env):
            given = "user" if self.user else "password_env"
            refuse([Misfit((given,), "user and password_env go together")])
        return self


def address_faults(address: str, plain_http: Literal["refuse", "allow"] = "refuse") -> list[str]:
    """Return what is wrong with the address of a feed (M088, D40, D42)."""
    try:
        parts = urlsplit(address)
        host, user = parts.hostname, parts.username
        # Raises where it is no number up to 65,535.
        _ = parts.port
    except ValueError:
        return [f"{shown(address)} is not an address"]
    local = host in ("localhost", "127.0.0.1", "::1")
    if user is not None or parts.password is not None:
        # The address is not repeated here: it holds the password.
        return ["no user or password in the address: name them with `user` and `password_env`"]
    if parts.scheme == "http" and not (local and plain_http == "allow"):
        return ["feeds come by https:// only"]
    if parts.scheme not in ("https", "http") or not host or re.search(r"[\s\x00-\x1f]", address):
        return [f"{shown(address)} is not an address: write https://HOST/PATH"]
    return ["leave out what follows the #"] if parts.fragment else []


class SqlConnection(StrictModel):
    """A SQL database, by SQLAlchemy (M008)."""

    url: str = Field(
        description="SQLAlchemy's URL of the database, without the password.",
        examples=["postgresql+psycopg://reader@db.example.com/erp"],
    )
    password_env: EnvironmentVariable | None = Field(
        default=None, description="Environment variable that holds the password."
    )
    timeout: Seconds = Field(
        default=3_600, description="Seconds that a query may take; the database ends it then."
    )
    connect_timeout: Seconds = Field(default=30, description="Seconds to be connected.")

    @model_validator(mode="after")
    def _no_secret(self) -> Self:
        if not re.match(r"[a-z][a-z0-9_]*(\+[a-z0-9_]+)?:", self.url):
            refuse([Misfit(("url",), "write DIALECT://USER@HOST/DATABASE")])
        try:
            password = urlsplit(self.url).password
        except ValueError:
            # The URL is not repeated here: it may hold a password.
            refuse([Misfit(("url",), "not a URL: write DIALECT://USER@HOST/DATABASE")])
            return self
        if password is not None or re.search(r"(?i)[?&]pass(word|wd)?=", self.url):
            refuse([Misfit(("url",), "no password in the URL: name it with `password_env`")])
        return self


class Connection(StrictModel):
    """An account of another system: exactly one of the keys."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    sftp: SftpConnection | None = Field(default=None, description="An SFTP server.")
    s3: S3Connection | None = Field(default=None, description="A bucket of Amazon S3.")
    gcs: GcsConnection | None = Field(default=None, description="A bucket of Google Cloud Storage.")
    http: HttpConnection | None = Field(default=None, description="A server of feeds, by HTTPS.")
    sql: SqlConnection | None = Field(default=None, description="A SQL database.")

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if not given:
            refuse([Misfit((), "say what it is: sftp, s3, gcs, http or sql")])
        refuse(
            Misfit((name,), f"beside {given[0]}: give one only, or name a second connection")
            for name in given[1:]
        )
        return self

    @property
    def type(self) -> ConnectionType:
        """Which system it is."""
        names: tuple[ConnectionType, ...] = ("sftp", "s3", "gcs", "http", "sql")
        return next(name for name in names if getattr(self, name) is not None)

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables that hold its secrets."""
        only = getattr(self, self.type)
        names = [name for name in type(only).model_fields if name.endswith("_env")]
        return tuple(value for name in names if (value := getattr(only, name)) is not None)
