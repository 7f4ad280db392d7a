"""Logging in to SSH servers: by password, by private key, or by both."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from import_assets.errors import SourceError
from import_assets.sources.secrets import secret
from import_assets.sources.storage.hosts import broken, server, unanswered
from import_assets.spec.connections import SftpConnection

_KINDS = (
    (Ed25519PrivateKey, paramiko.Ed25519Key),
    (EllipticCurvePrivateKey, paramiko.ECDSAKey),
    (RSAPrivateKey, paramiko.RSAKey),
)


@dataclass(frozen=True)
class Credentials:
    """What a connection logs in with; it does not show in texts."""

    key: paramiko.PKey | None = field(repr=False)
    password: str | None = field(repr=False)


def credentials(name: str, connection: SftpConnection, root: Path) -> Credentials:
    """Read what a connection logs in with (D42).

    Args:
        name: the connection's name, for errors.
        connection: the connection.
        root: the project's folder, to which the key file is relative.

    Raises:
        SourceError: a variable is not set, or the private key cannot be used.
    """
    password = connection.password_env and secret(name, connection.password_env)
    return Credentials(_private_key(name, connection, root), password)


class LoginRefused(SourceError):
    """A server does not let the user in by what it was given."""


def log_in(
    name: str, connection: SftpConnection, given: Credentials, transport: paramiko.Transport
) -> None:
    """Log in to a server whose host key was checked: with the key, and the password if it asks.

    Raises:
        LoginRefused: the server refuses the user.
        Disconnected: the connection broke, or the server does not answer in time.
    """
    user = connection.user
    left: list[str] = []
    key, password = given.key, given.password
    if key is not None:
        left = _step(name, connection, transport, lambda: transport.auth_publickey(user, key))
    if password is not None and not transport.is_authenticated():
        left = _step(name, connection, transport, lambda: transport.auth_password(user, password))
    if not transport.is_authenticated():
        raise LoginRefused(
            f"connection {name}: {server(connection)} wants more than that of the user {user}: "
            f"{', '.join(left)}"
        )


def _step(
    name: str,
    connection: SftpConnection,
    transport: paramiko.Transport,
    call: Callable[[], list[str]],
) -> list[str]:
    """Take one step of logging in; return what else the server wants."""
    began = time.monotonic()
    try:
        return call()
    except paramiko.BadAuthenticationType as error:
        raise LoginRefused(
            f"connection {name}: {server(connection)} does not let users in by what the "
            f"connection has; it takes: {', '.join(error.allowed_types)}"
        ) from error
    except (paramiko.SSHException, EOFError, OSError) as error:
        if not transport.is_active():
            raise broken(name, connection, error) from error
        if time.monotonic() - began >= connection.timeout:
            raise unanswered(name, connection) from error
        raise LoginRefused(_refused(name, connection)) from error


def _refused(name: str, connection: SftpConnection) -> str:
    ways = []
    if connection.key_file or connection.key_env:
        ways.append(f"that the server knows the public half of {_key_words(connection)}")
    if connection.password_env:
        ways.append(f"the password in {connection.password_env}")
    return (
        f"connection {name}: {server(connection)} refuses the user {connection.user}: "
        f"check `user`, and {', and '.join(ways)}"
    )


def _key_words(connection: SftpConnection) -> str:
    return (
        f"the key {connection.key_file}"
        if connection.key_file
        else (f"the key in {connection.key_env}")
    )


def _private_key(name: str, connection: SftpConnection, root: Path) -> paramiko.PKey | None:
    if connection.key_file is not None:
        path = root / connection.key_file
        try:
            data = path.read_bytes()
        except OSError as error:
            raise SourceError(
                f"connection {name}: the private key {path} cannot be read: "
                f"{error.strerror or error}"
            ) from error
    elif connection.key_env is not None:
        data = f"{secret(name, connection.key_env)}\n".encode()
    else:
        return None
    variable = connection.passphrase_env
    passphrase = secret(name, variable).encode() if variable else None
    try:
        return _usable(data, passphrase)
    except (TypeError, ValueError, UnsupportedAlgorithm) as error:
        fault = _key_fault(data, variable, error)
        # What the library says is left out: it may quote the key.
        raise SourceError(f"connection {name}: {_key_words(connection)} {fault}") from None


def _usable(data: bytes, passphrase: bytes | None) -> paramiko.PKey:
    """Return a private key from the text of its file, in any of the usual formats."""
    load = (
        serialization.load_ssh_private_key
        if b"BEGIN OPENSSH" in data
        else serialization.load_pem_private_key
    )
    try:
        key = load(data, passphrase)
    except TypeError:
        if passphrase is None:
            raise
        # A passphrase for a key that has none does no harm.
        key = load(data, None)
    for kind, own in _KINDS:
        if isinstance(key, kind):
            text = key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.OpenSSH,
                serialization.NoEncryption(),
            )
            return own.from_private_key(io.StringIO(text.decode("ascii")))
    raise UnsupportedAlgorithm("a kind of key that servers do not take any more")


def _key_fault(data: bytes, variable: str | None, error: Exception) -> str:
    if b"PuTTY" in data:
        return "is in the format of PuTTY: convert it with `puttygen KEY -O private-openssh -o NEW`"
    if isinstance(error, UnsupportedAlgorithm):
        return "is of a kind that cannot be used: make an Ed25519, ECDSA or RSA key"
    if isinstance(error, TypeError):
        return "is encrypted: name the variable with its passphrase with `passphrase_env`"
    if variable is not None:
        return f"cannot be opened with the passphrase in {variable}, or is damaged"
    return "is not a whole private key in the format of OpenSSH or PEM"
