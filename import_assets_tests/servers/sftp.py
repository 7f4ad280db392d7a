"""SFTP servers on this machine, serving a local folder: asyncssh always, Debian's sshd if there."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import asyncssh
from cryptography.hazmat.primitives import serialization

from import_assets.spec.connections import SftpConnection
from import_assets_tests.servers.required import require

USER = "importer"
PASSWORD = "correct horse battery staple"
PASSPHRASE = "a phrase for the key"
PASSWORD_ENV = "TEST_SFTP_PASSWORD"
PASSPHRASE_ENV = "TEST_SFTP_PASSPHRASE"
KEY_ENV = "TEST_SFTP_KEY"

_NOBODY = 65_534
_SECONDS_TO_START = 30


@dataclass(frozen=True)
class SftpServer:
    """A running server: where it is, what it serves, and how to log in.

    `folder` is what it serves, here; `remote` is the same folder as clients name it. All users of
    this machine have to be able to reach `folder`, since sshd serves it as one of them.
    """

    folder: Path
    remote: str
    host: str
    port: int
    user: str
    known_hosts: Path
    key_file: Path
    encrypted_key_file: Path
    host_key: str
    """Its public host key, as `TYPE BASE64`."""

    @property
    def connection(self) -> SftpConnection:
        """A connection that works, with a key."""
        return self.connect(key_file=str(self.key_file))

    def connect(self, **changes: Any) -> SftpConnection:
        """Return a connection without any way to log in, with some things set otherwise."""
        values = {
            "host": self.host,
            "port": self.port,
            "user": self.user,
            "known_hosts": str(self.known_hosts),
            "timeout": 20,
        }
        return SftpConnection.model_validate(values | changes)


@contextmanager
def asyncssh_server(
    folder: Path,
    port: int = 0,
    host_key: asyncssh.SSHKey | None = None,
    client_keys: Sequence[asyncssh.SSHKey] = (),
    sftp: type[asyncssh.SFTPServer] = asyncssh.SFTPServer,
) -> Iterator[SftpServer]:
    """Serve a folder by asyncssh, in a thread, as `/`; log in with password or key.

    Args:
        folder: what is served, an existing folder.
        port: a port of 127.0.0.1; 0 for a free one.
        host_key: the server's key; left out, the same one in the whole process.
        client_keys: more keys that log in.
        sftp: what answers, to be another than usual.
    """
    own = host_key or _key("host")
    lets_in = [public_line(key) for key in (_key("client"), *client_keys)]
    inside: set[asyncssh.SSHServerConnection] = set()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="asyncssh", daemon=True)
    thread.start()
    try:
        acceptor = asyncio.run_coroutine_threadsafe(
            _listen(folder, port, own, lets_in, inside, sftp), loop
        ).result(30)
        try:
            with _server(folder, "/", acceptor.get_port(), USER, own) as server:
                yield server
        finally:
            asyncio.run_coroutine_threadsafe(_stop(acceptor, inside), loop).result(30)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=30)
        loop.close()


@contextmanager
def sshd_server(folder: Path) -> Iterator[SftpServer]:
    """Serve a folder by OpenSSH; log in with a key only. Skips the test where there is no sshd.

    As superuser it is served to the user nobody, for whom permissions count.
    """
    sshd = require("sshd", "sshd")
    as_root = os.geteuid() == 0
    if as_root:
        Path("/run/sshd").mkdir(parents=True, exist_ok=True)
    user = "nobody" if as_root else Path("~").expanduser().owner()
    own = _key("host")
    port = free_port()
    with _server(folder, str(folder.resolve()), port, user, own) as server:
        conf = server.known_hosts.parent
        config = conf / "sshd_config"
        config.write_text(_sshd_config(conf, folder, port))
        process = subprocess.Popen([sshd, "-D", "-f", config, "-E", conf / "log"])
        try:
            _wait_for(port, process, conf / "log")
            yield server
        finally:
            process.kill()
            process.wait()


def free_port() -> int:
    """Return a port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@cache
def _key(purpose: str) -> asyncssh.SSHKey:
    """Return the key of this process for a purpose."""
    return asyncssh.generate_private_key("ssh-ed25519", comment=purpose)


@cache
def _encrypted(key: asyncssh.SSHKey) -> bytes:
    """Return a key in OpenSSH's format; as asyncssh writes it, it takes a second to open."""
    plain = serialization.load_pem_private_key(key.export_private_key("pkcs8-pem"), None)
    return plain.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.BestAvailableEncryption(PASSPHRASE.encode()),
    )


def public_line(key: asyncssh.SSHKey) -> str:
    """Return a key as `TYPE BASE64`."""
    return " ".join(key.export_public_key().decode().split()[:2])


@contextmanager
def _server(
    folder: Path, remote: str, port: int, user: str, host_key: asyncssh.SSHKey
) -> Iterator[SftpServer]:
    """Write the files that go with a server, and set the variables with the secrets."""
    client = _key("client")
    conf = Path(tempfile.mkdtemp(prefix="sftp-"))
    known = {name: os.environ.get(name) for name in (PASSWORD_ENV, PASSPHRASE_ENV, KEY_ENV)}
    try:
        # sshd reads the keys as the user who logs in.
        conf.chmod(0o755)
        client.write_private_key(conf / "key")
        (conf / "encrypted_key").write_bytes(_encrypted(client))
        host_key.write_private_key(conf / "host_key")
        for name in ("key", "encrypted_key", "host_key"):
            (conf / name).chmod(0o600)
        client.write_public_key(conf / "authorized_keys")
        (conf / "known_hosts").write_text(f"[127.0.0.1]:{port} {public_line(host_key)}\n")
        os.environ[PASSWORD_ENV] = PASSWORD
        os.environ[PASSPHRASE_ENV] = PASSPHRASE
        os.environ[KEY_ENV] = (conf / "key").read_text()
        yield SftpServer(
            folder=folder,
            remote=remote,
            host="127.0.0.1",
            port=port,
            user=user,
            known_hosts=conf / "known_hosts",
            key_file=conf / "key",
            encrypted_key_file=conf / "encrypted_key",
            host_key=public_line(host_key),
        )
    finally:
        for name, value in known.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        shutil.rmtree(conf, ignore_errors=True)


class _Doorkeeper(asyncssh.SSHServer):
    """Lets in the one user, by password or by some keys, and notes who is there."""

    def __init__(self, keys: Sequence[str], inside: set[asyncssh.SSHServerConnection]) -> None:
        self._keys = keys
        self._inside = inside

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._inside.add(conn)

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == (USER, PASSWORD)

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username == USER and public_line(key) in self._keys


async def _listen(
    folder: Path,
    port: int,
    host_key: asyncssh.SSHKey,
    keys: Sequence[str],
    inside: set[asyncssh.SSHServerConnection],
    sftp: type[asyncssh.SFTPServer],
) -> asyncssh.SSHAcceptor:
    root = os.fsencode(folder.resolve())
    return await asyncssh.listen(
        "127.0.0.1",
        port,
        server_factory=lambda: _Doorkeeper(keys, inside),
        server_host_keys=[host_key],
        sftp_factory=lambda channel: sftp(channel, chroot=root),
        reuse_address=True,
    )


async def _stop(acceptor: asyncssh.SSHAcceptor, inside: set[asyncssh.SSHServerConnection]) -> None:
    acceptor.close()
    for connection in inside:
        connection.abort()
    await asyncio.gather(*(connection.wait_closed() for connection in inside))
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def _sshd_config(conf: Path, folder: Path, port: int) -> str:
    return f"""\
Port {port}
ListenAddress 127.0.0.1
HostKey {conf}/host_key
PidFile {conf}/pid
AuthorizedKeysFile {conf}/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
MaxStartups 100
Subsystem sftp internal-sftp
ForceCommand internal-sftp -d {folder.resolve()}
"""


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the server says who it is."""
    until = time.monotonic() + _SECONDS_TO_START
    while time.monotonic() < until and process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as probe:
                if probe.recv(4) == b"SSH-":
                    return
        except OSError:
            time.sleep(0.05)
    said = log.read_text() if log.exists() else ""
    raise AssertionError(f"sshd did not start: {said}")
