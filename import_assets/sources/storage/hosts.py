"""SSH servers: reaching one, and knowing that it is the right one.

Nothing secret is sent before a server has shown a host key that the file of known hosts holds.
Loads paramiko, and so is itself loaded only where it is needed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import logging
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import paramiko
from paramiko.ssh_exception import IncompatiblePeer

from import_assets.errors import Disconnected, SourceError
from import_assets.spec.connections import SftpConnection

_DEFAULT_PORT = 22
# Keys of one kind sign in several ways; known hosts are listed by kind.
_SIGNATURES = {"rsa-sha2-256": "ssh-rsa", "rsa-sha2-512": "ssh-rsa"}

LOG = f"{__name__}.paramiko"
"""The log of the library, which is quiet unless somebody listens to it.

It would write the traceback of every broken connection; what matters comes as an error.
"""
logging.getLogger(LOG).addHandler(logging.NullHandler())
logging.getLogger(LOG).propagate = False


@dataclass(frozen=True)
class HostKey:
    """The public key of a server: its kind, such as `ssh-ed25519`, and the key itself."""

    kind: str
    blob: bytes

    @property
    def fingerprint(self) -> str:
        """The fingerprint as OpenSSH shows it: `SHA256:…`."""
        digest = base64.b64encode(hashlib.sha256(self.blob).digest()).decode("ascii")
        return f"SHA256:{digest.rstrip('=')}"

    def line(self, connection: SftpConnection) -> str:
        """The line that makes it known for a server, as OpenSSH writes it."""
        return f"{_known_name(connection)} {self.kind} {base64.b64encode(self.blob).decode()}"


@dataclass(frozen=True)
class KnownKey:
    """A key in the file of known hosts, with its line, counted from 1."""

    key: HostKey
    line: int
    revoked: bool


def known_hosts_file(connection: SftpConnection, root: Path) -> Path:
    """Return the file of known hosts; its path is relative to the project's folder `root`."""
    return root / connection.known_hosts


def known_keys(name: str, connection: SftpConnection, root: Path) -> list[KnownKey]:
    """Return the keys that are known for the server of a connection; without the file, none.

    Raises:
        SourceError: the file cannot be read.
    """
    path = known_hosts_file(connection, root)
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise SourceError(
            f"connection {name}: the known hosts in {path} cannot be read: "
            f"{error.strerror or error}"
        ) from error
    return list(_parsed(text, _known_name(connection)))


def host_key(name: str, connection: SftpConnection, root: Path) -> HostKey:
    """Ask the server of a connection for its host key, without logging in.

    A server that has several shows the one that is known, if one is.

    Raises:
        Disconnected: it cannot be reached, or does not answer in time.
        SourceError: it does not speak SSH as this program does.
    """
    known = known_keys(name, connection, root)
    transport = reach(name, connection, known)
    try:
        return shown_key(transport)
    finally:
        hang_up(transport)


def trust(name: str, connection: SftpConnection, root: Path, key: HostKey) -> bool:
    """Add the host key of a server to the file of known hosts, which is made when missing.

    Args:
        name: the connection's name.
        connection: the connection.
        root: the project's folder.
        key: what `host_key` returned, and the user has agreed to.

    Returns:
        Whether it was added; False where it is known already.

    Raises:
        SourceError: another key is known for this server, it is revoked, or the file cannot be
            written.
    """
    known = known_keys(name, connection, root)
    if known:
        check_key(name, connection, root, known, key)
        return False
    path = known_hosts_file(connection, root)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.read_bytes() if path.exists() else b""
        end = b"\n" if before and not before.endswith(b"\n") else b""
        with path.open("ab") as file:
            file.write(end + f"{key.line(connection)}\n".encode())
    except OSError as error:
        raise SourceError(
            f"connection {name}: the host key cannot be written to {path}: "
            f"{error.strerror or error}"
        ) from error
    return True


def check_key(
    name: str, connection: SftpConnection, root: Path, known: list[KnownKey], key: HostKey
) -> None:
    """Raise SourceError unless the key that a server shows is one that is known for it."""
    path = known_hosts_file(connection, root)
    same = [one for one in known if one.key == key]
    where = f"connection {name}: {server(connection)}"
    if any(one.revoked for one in same):
        raise SourceError(
            f"{where} shows the host key {key.fingerprint}, which {path} (line {same[0].line}) "
            "revokes: nothing was sent to it"
        )
    if same:
        return
    others = [one for one in known if not one.revoked]
    if not others:
        raise unknown_host(name, connection, root)
    listed = ", ".join(f"{one.key.kind} {one.key.fingerprint} (line {one.line})" for one in others)
    raise SourceError(
        f"{where} shows another host key than the known one. Somebody may be in between, and "
        f"nothing was sent. It shows {key.kind} {key.fingerprint}; {path} knows {listed}. If the "
        "server was given a new key on purpose, remove the old line there and run "
        f"`import-assets connections trust {name}`"
    )


def unknown_host(name: str, connection: SftpConnection, root: Path) -> SourceError:
    """Return the error for a server whose host key nobody has agreed to so far."""
    path = known_hosts_file(connection, root)
    why = "does not hold it" if path.exists() else "does not exist"
    return SourceError(
        f"connection {name}: the host key of {server(connection)} is not known ({path} {why}): "
        f"look at it and accept it with `import-assets connections trust {name}`"
    )


def reach(name: str, connection: SftpConnection, known: list[KnownKey]) -> paramiko.Transport:
    """Connect to the server and agree on encryption; the caller checks its key and hangs up.

    Args:
        name: the connection's name.
        connection: the connection.
        known: the keys known for the server; it is asked for one of their kinds first.

    Raises:
        Disconnected: it cannot be reached, or does not answer in time.
        SourceError: it does not speak SSH as this program does.
    """
    transport = paramiko.Transport(_connected(name, connection))
    try:
        _negotiate(name, connection, transport, {one.key.kind for one in known if not one.revoked})
    except BaseException:
        hang_up(transport)
        raise
    return transport


def shown_key(transport: paramiko.Transport) -> HostKey:
    """Return the host key that the server of a connected transport has shown."""
    key = transport.get_remote_server_key()
    return HostKey(key.get_name(), key.asbytes())


def hang_up(transport: paramiko.Transport) -> None:
    """Close a transport, whatever state it is in."""
    transport.close()
    # Closing a transport leaves its socket open if it was never or is no longer active.
    transport.sock.close()


def server(connection: SftpConnection) -> str:
    """Return what sentences call a server."""
    return _known_name(connection)


def broken(name: str, connection: SftpConnection, error: BaseException) -> Disconnected:
    """Return the error for a connection that broke, from what the library said."""
    if isinstance(error, TimeoutError):
        return unanswered(name, connection)
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    reason = " ".join(said.split()) or "the server hung up"
    return Disconnected(
        f"connection {name}: the connection to {server(connection)} broke: {reason}"
    )


def unanswered(name: str, connection: SftpConnection) -> Disconnected:
    """Return the error for a server that does not answer in time."""
    return Disconnected(
        f"connection {name}: {server(connection)} did not answer within {connection.timeout} "
        "seconds; if it is slow, raise `timeout`"
    )


def _connected(name: str, connection: SftpConnection) -> socket.socket:
    address = (_bare(connection.host), connection.port)
    try:
        return socket.create_connection(address, connection.timeout)
    except socket.gaierror as error:
        raise Disconnected(
            f"connection {name}: there is no address for the host {connection.host}: "
            f"{error.strerror}; check `host`, and that names of servers are found from here"
        ) from error
    except TimeoutError as error:
        raise unanswered(name, connection) from error
    except OSError as error:
        raise Disconnected(
            f"connection {name}: {server(connection)} cannot be reached: {error.strerror or error}"
        ) from error


def _negotiate(
    name: str, connection: SftpConnection, transport: paramiko.Transport, kinds: set[str]
) -> None:
    timeout = connection.timeout
    transport.set_log_channel(LOG)
    # Their own limits would strike at 15 seconds, whatever is set; the one below covers them.
    transport.banner_timeout = transport.handshake_timeout = 2 * timeout
    transport.auth_timeout = timeout
    options = transport.get_security_options()
    options.key_types = sorted(
        options.key_types, key=lambda one: _SIGNATURES.get(one, one) not in kinds
    )
    try:
        transport.start_client(timeout=timeout)
        if transport.is_active():
            transport.get_remote_server_key()
    except IncompatiblePeer as error:
        raise SourceError(
            f"connection {name}: {server(connection)} speaks SSH in no way that is still safe: "
            f"{error}"
        ) from error
    # The library hands on whatever its thread died of.
    except Exception as error:
        # After the time is up, the client just returns, and there is no key.
        if transport.is_active():
            raise unanswered(name, connection) from error
        raise broken(name, connection, error) from error


def _known_name(connection: SftpConnection) -> str:
    """Return a server's name as files of known hosts have it: `host`, or `[host]:port`."""
    host = _bare(connection.host).lower()
    return host if connection.port == _DEFAULT_PORT else f"[{host}]:{connection.port}"


def _bare(host: str) -> str:
    """Return a host without the brackets that addresses of IPv6 may have."""
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host


def _parsed(text: str, name: str) -> Iterator[KnownKey]:
    """Yield the keys that a file of known hosts holds for a server; lines amiss are left out."""
    for number, line in enumerate(text.split("\n"), 1):
        fields = line.split()
        marker = fields.pop(0) if fields and fields[0].startswith("@") else None
        if len(fields) < 3 or fields[0].startswith("#") or marker not in (None, "@revoked"):
            continue
        hosts, kind, encoded = fields[:3]
        try:
            key = HostKey(kind, base64.b64decode(encoded, validate=True))
        except binascii.Error:
            continue
        if _fits(hosts, name):
            yield KnownKey(key, number, marker is not None)


def _fits(hosts: str, name: str) -> bool:
    """Tell whether a server is among the hosts of a line: names, patterns, or hashed names."""
    found = False
    for host in hosts.split(","):
        if host.startswith("|1|"):
            found = found or _is_hash_of(host, name)
        elif re.fullmatch(_expression(host.removeprefix("!")), name, re.IGNORECASE):
            if host.startswith("!"):
                return False
            found = True
    return found


def _expression(pattern: str) -> str:
    return re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")


def _is_hash_of(hashed: str, name: str) -> bool:
    try:
        salt, digest = (base64.b64decode(part) for part in hashed.split("|")[2:4])
    except ValueError:
        return False
    return hmac.compare_digest(hmac.digest(salt, name.encode(), "sha1"), digest)
