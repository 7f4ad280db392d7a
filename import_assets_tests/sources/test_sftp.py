"""SFTP: who is let in, whom a server has to be, and what happens when the line breaks (M012)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import socket
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import asyncssh
import paramiko
import pytest
from asyncssh.misc import MaybeAwait
from paramiko.common import (
    AUTH_FAILED,
    AUTH_PARTIALLY_SUCCESSFUL,
    AUTH_SUCCESSFUL,
    OPEN_SUCCEEDED,
)

from import_assets.errors import Disconnected, FileRefused, SourceError, UnknownName
from import_assets.sources.spool import fetch
from import_assets.sources.storage.hosts import host_key, trust
from import_assets.sources.storage.logins import credentials
from import_assets.sources.storage.sftp import SftpSession, SftpStorage
from import_assets.spec.connections import SftpConnection
from import_assets_tests.servers.proxy import Proxy, proxy
from import_assets_tests.servers.sftp import (
    KEY_ENV,
    PASSPHRASE,
    PASSPHRASE_ENV,
    PASSWORD,
    PASSWORD_ENV,
    SftpServer,
    asyncssh_server,
    free_port,
    public_line,
    sshd_server,
)

LIMIT = 1 << 30
NAME = "crm_sftp"
PATIENCE = 30
"""Seconds within which something that takes about one has to be over on a loaded machine."""


@contextmanager
def served_folder() -> Iterator[Path]:
    """A folder that other users can reach, unlike those of pytest."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder).resolve()


@pytest.fixture(scope="module")
def server() -> Iterator[SftpServer]:
    with served_folder() as folder, asyncssh_server(folder) as running:
        yield running


@pytest.fixture(scope="module")
def openssh() -> Iterator[SftpServer]:
    with served_folder() as folder, sshd_server(folder) as running:
        yield running


@pytest.fixture(params=["asyncssh", "openssh"])
def either(request: pytest.FixtureRequest) -> SftpServer:
    return request.getfixturevalue("server" if request.param == "asyncssh" else "openssh")


@contextmanager
def opened(connection: SftpConnection, root: Path | None = None) -> Iterator[SftpSession]:
    session = SftpSession(NAME, connection, root or Path("/"))
    try:
        yield session
    finally:
        session.close()


@pytest.fixture
def session(either: SftpServer) -> Iterator[SftpSession]:
    with opened(either.connection) as one:
        yield one


@pytest.fixture
def folder(either: SftpServer) -> Path:
    """A folder of its own on the server."""
    name = tempfile.mkdtemp(dir=either.folder)
    Path(name).chmod(0o755)
    return Path(name)


@pytest.fixture
def storage(either: SftpServer, session: SftpSession, folder: Path) -> SftpStorage:
    return SftpStorage(session, f"{either.remote.rstrip('/')}/{folder.name}")


def listed(storage: SftpStorage, recursive: bool = True) -> tuple[set[str], list[str]]:
    reports: list[str] = []
    return {one.key for one in storage.list(recursive, reports.append)}, reports


def ignore(_: str) -> None:
    """Do nothing with what could not be listed."""


def lets_in(connection: SftpConnection, root: Path | None = None) -> bool:
    with opened(connection, root) as session:
        return session.client().is_alive


def refusal(connection: SftpConnection, root: Path | None = None) -> SourceError:
    """The error of connecting, which trying again at once does not mend."""
    with opened(connection, root) as session, pytest.raises(SourceError) as caught:
        session.client()
    assert not isinstance(caught.value, Disconnected)
    assert f"connection {NAME}" in str(caught.value)
    return caught.value


# --- logging in ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "way",
    [
        {"password_env": PASSWORD_ENV},
        {"key_file": "{key}"},
        {"key_file": "{encrypted}", "passphrase_env": PASSPHRASE_ENV},
        {"key_env": KEY_ENV},
        {"key_file": "{key}", "passphrase_env": PASSPHRASE_ENV},
        {"key_file": "{stranger}", "password_env": PASSWORD_ENV},
    ],
    ids=["password", "key", "encrypted key", "key in variable", "needless phrase", "either"],
)
def test_ways_to_log_in(server: SftpServer, tmp_path: Path, way: dict[str, str]) -> None:
    """D42: secrets come from variables and files only."""
    stranger = tmp_path / "stranger"
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(stranger)
    files = {
        "{key}": server.key_file,
        "{encrypted}": server.encrypted_key_file,
        "{stranger}": stranger,
    }
    assert lets_in(server.connect(**{key: str(files.get(way[key], way[key])) for key in way}))


@pytest.fixture(scope="module")
def client_keys() -> dict[str, asyncssh.SSHKey]:
    kinds = ["ssh-ed25519", "ssh-rsa", *(f"ecdsa-sha2-nistp{size}" for size in (256, 384, 521))]
    return {kind: asyncssh.generate_private_key(kind) for kind in kinds}


def test_kinds_and_formats_of_keys(
    client_keys: dict[str, asyncssh.SSHKey], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ways = [
        *((kind, "openssh", None) for kind in client_keys),
        *((kind, "pkcs8-pem", PASSPHRASE) for kind in client_keys),
        ("ssh-rsa", "pkcs1-pem", None),
        ("ssh-rsa", "pkcs1-pem", PASSPHRASE),
    ]
    with asyncssh_server(tmp_path, client_keys=list(client_keys.values())) as server:
        for kind, form, phrase in ways:
            text = client_keys[kind].export_private_key(form, passphrase=phrase).decode()
            monkeypatch.setenv("A_KEY", text)
            needs = {"passphrase_env": PASSPHRASE_ENV} if phrase else {}
            assert lets_in(server.connect(key_env="A_KEY", **needs)), (kind, form)


def test_key_file_is_relative_to_the_project(server: SftpServer) -> None:
    assert lets_in(server.connect(key_file="key"), root=server.key_file.parent)


def test_openssh_lets_in(openssh: SftpServer) -> None:
    assert lets_in(openssh.connect(key_file=str(openssh.key_file)))
    encrypted = str(openssh.encrypted_key_file)
    assert lets_in(openssh.connect(key_file=encrypted, passphrase_env=PASSPHRASE_ENV))


def test_wrong_password(server: SftpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD_ENV, "a wrong one")
    error = refusal(server.connect(password_env=PASSWORD_ENV))
    assert f"refuses the user importer: check `user`, and the password in {PASSWORD_ENV}" in str(
        error
    )


def test_unknown_user_and_key(server: SftpServer) -> None:
    error = refusal(server.connect(user="nobody_at_all", key_file=str(server.key_file)))
    assert "refuses the user nobody_at_all" in str(error)
    assert f"knows the public half of the key {server.key_file}" in str(error)


def test_server_that_takes_no_passwords(openssh: SftpServer) -> None:
    error = refusal(openssh.connect(password_env=PASSWORD_ENV))
    assert "it takes: publickey" in str(error)


@pytest.mark.parametrize(
    ("way", "sentence"),
    [
        ({"key_file": "{encrypted}"}, "is encrypted: name the variable with its passphrase"),
        ({"key_file": "{encrypted}", "passphrase_env": "WRONG"}, "passphrase in WRONG, or is"),
        ({"key_file": "{damaged}"}, "is not a whole private key"),
        ({"key_file": "{putty}"}, "is in the format of PuTTY: convert it"),
        ({"key_file": "{dsa}"}, "make an Ed25519, ECDSA or RSA key"),
        ({"key_file": "/nowhere/key"}, "/nowhere/key cannot be read: No such file"),
        ({"key_env": "NOT_SET"}, "variable NOT_SET is not set"),
        ({"password_env": "NOT_SET"}, "variable NOT_SET is not set"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_keys_that_cannot_be_used(
    server: SftpServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    way: dict[str, str],
    sentence: str,
) -> None:
    monkeypatch.setenv("WRONG", "not the phrase")
    whole = server.key_file.read_text()
    (tmp_path / "damaged").write_text(whole[: len(whole) // 2])
    (tmp_path / "putty").write_text("PuTTY-User-Key-File-3: ssh-ed25519\n")
    dsa = asyncssh.generate_private_key("ssh-dss")
    (tmp_path / "dsa").write_bytes(dsa.export_private_key("pkcs8-pem"))
    files = {f"{{{name}}}": str(tmp_path / name) for name in ("damaged", "putty", "dsa")}
    files["{encrypted}"] = str(server.encrypted_key_file)
    connection = server.connect(**{name: files.get(way[name], way[name]) for name in way})
    assert sentence in str(refusal(connection))


class Demanding(paramiko.ServerInterface):
    """Wants a key and a password, and has no SFTP."""

    def get_allowed_auths(self, username: str) -> str:
        return "publickey,password"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return AUTH_PARTIALLY_SUCCESSFUL

    def check_auth_password(self, username: str, password: str) -> int:
        right = password == PASSWORD
        return AUTH_SUCCESSFUL if right else AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return OPEN_SUCCEEDED


class Silent(Demanding):
    """Lets anybody in, and then does not answer when asked for SFTP."""

    def __init__(self) -> None:
        self.over = threading.Event()

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return AUTH_SUCCESSFUL

    def check_channel_subsystem_request(self, channel: paramiko.Channel, name: str) -> bool:
        self.over.wait(PATIENCE)
        return False


@contextmanager
def odd_server(
    server: SftpServer, tmp_path: Path, manners: paramiko.ServerInterface
) -> Iterator[SftpServer]:
    """A server for one connection, with manners of its own and the host key of another one."""
    own = paramiko.Ed25519Key(filename=str(server.known_hosts.parent / "host_key"))
    transports: list[paramiko.Transport] = []

    def serve() -> None:
        accepted, _ = listener.accept()
        transports.append(paramiko.Transport(accepted))
        transports[0].set_log_channel("quiet")
        transports[0].add_server_key(own)
        transports[0].start_server(server=manners)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        port = listener.getsockname()[1]
        known = tmp_path / "known_hosts"
        known.write_text(f"[127.0.0.1]:{port} {server.host_key}\n")
        try:
            yield moved(server, port, known)
        finally:
            thread.join(PATIENCE)
            for transport in transports:
                transport.close()


def moved(server: SftpServer, port: int, known_hosts: Path) -> SftpServer:
    """The same server as it is seen at another port."""
    return SftpServer(**(vars(server) | {"port": port, "known_hosts": known_hosts}))


def test_server_that_wants_key_and_password(server: SftpServer, tmp_path: Path) -> None:
    key = str(server.key_file)
    with odd_server(server, tmp_path, Demanding()) as other:
        assert "wants more than that of the user importer: publickey, password" in str(
            refusal(other.connect(key_file=key))
        )
    with odd_server(server, tmp_path, Demanding()) as other:
        # With both it is let in, and finds no SFTP there.
        error = refusal(other.connect(key_file=key, password_env=PASSWORD_ENV))
        assert "lets the user importer in, but not by SFTP" in str(error)


# --- knowing the server -------------------------------------------------------------------------


def test_unknown_host(server: SftpServer, tmp_path: Path) -> None:
    (tmp_path / "known_hosts").write_text(f"elsewhere.example.com {server.host_key}\n\n# note\n")
    for file in ("known_hosts", "missing"):
        error = refusal(server.connect(password_env=PASSWORD_ENV, known_hosts=file), tmp_path)
        assert f"accept it with `import-assets connections trust {NAME}`" in str(error)
        assert str(tmp_path / file) in str(error)


def test_changed_host_key(server: SftpServer, tmp_path: Path) -> None:
    """Somebody in between gets nothing: neither password nor the name of the user."""
    asked: list[str] = []

    class Listening(asyncssh.SFTPServer):
        def __init__(self, channel: asyncssh.SSHServerChannel, chroot: bytes) -> None:
            asked.append("let in")
            super().__init__(channel, chroot)

    other = asyncssh.generate_private_key("ssh-ed25519")
    with asyncssh_server(tmp_path, host_key=other, sftp=Listening) as running:
        known = tmp_path / "known_hosts"
        known.write_text(f"# ours\n[127.0.0.1]:{running.port} {server.host_key}\n")
        connection = running.connect(password_env=PASSWORD_ENV, known_hosts=str(known))
        said = str(refusal(connection))
        assert "shows another host key than the known one. Somebody may be in between" in said
        assert f"shows ssh-ed25519 {other.get_fingerprint()}" in said
        old = asyncssh.import_public_key(server.host_key).get_fingerprint()
        assert f"{known} knows ssh-ed25519 {old} (line 2)" in said
        assert f"remove the old line there and run `import-assets connections trust {NAME}`" in said
        with pytest.raises(SourceError, match="another host key"):
            trust(NAME, connection, tmp_path, host_key(NAME, connection, tmp_path))
        assert len(known.read_text().splitlines()) == 2
    assert not asked


def hashed(name: str) -> str:
    salt = os.urandom(20)
    digest = hmac.digest(salt, name.encode(), "sha1")
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"


@pytest.mark.parametrize(
    ("line", "known"),
    [
        ("{name} {key}", True),
        ("other.example.com,{name} {key} a comment", True),
        ("{hashed} {key}", True),
        ("[127.0.0.?]:* {key}", True),
        ("[127.*]:*,!{name} {key}", False),
        ("127.0.0.1 {key}", False),
        ("{name} {other}\n{name} {key}", True),
        ("{name} {rsa}\n{name} {key}", True),
        ("{name} not-a-kind !!!\n{name} {key}", True),
        ("@cert-authority {name} {key}", False),
    ],
)
def test_lines_of_known_hosts(server: SftpServer, tmp_path: Path, line: str, known: bool) -> None:
    """The file is one of OpenSSH: lists, patterns, hashed names, several keys for one host."""
    name = f"[127.0.0.1]:{server.port}"
    other = public_line(asyncssh.generate_private_key("ssh-ed25519"))
    rsa = public_line(asyncssh.generate_private_key("ssh-rsa", key_size=1024))
    path = tmp_path / "known_hosts"
    path.write_text(
        line.format(name=name, key=server.host_key, hashed=hashed(name), other=other, rsa=rsa)
    )
    connection = server.connect(key_file=str(server.key_file), known_hosts=str(path))
    if known:
        assert lets_in(connection)
    else:
        assert "is not known" in str(refusal(connection))


def test_revoked_host_key(server: SftpServer, tmp_path: Path) -> None:
    name = f"[127.0.0.1]:{server.port}"
    path = tmp_path / "known_hosts"
    path.write_text(f"@revoked {name} {server.host_key}\n{name} {server.host_key}\n")
    connection = server.connect(password_env=PASSWORD_ENV, known_hosts=str(path))
    assert "(line 1) revokes" in str(refusal(connection))
    with pytest.raises(SourceError, match="revokes"):
        trust(NAME, connection, tmp_path, host_key(NAME, connection, tmp_path))


def test_host_key_is_asked_for_without_logging_in(either: SftpServer, tmp_path: Path) -> None:
    connection = either.connect(password_env="NOT_SET", known_hosts="conf/known_hosts")
    key = host_key(NAME, connection, tmp_path)
    known = asyncssh.import_public_key(either.host_key)
    assert (key.kind, key.fingerprint) == ("ssh-ed25519", known.get_fingerprint())
    assert key.line(connection) == f"[127.0.0.1]:{either.port} {either.host_key}"


def test_trusting_a_server(either: SftpServer, tmp_path: Path) -> None:
    connection = either.connect(key_file=str(either.key_file), known_hosts="conf/known_hosts")
    key = host_key(NAME, connection, tmp_path)
    assert trust(NAME, connection, tmp_path, key)
    assert not trust(NAME, connection, tmp_path, key)
    text = (tmp_path / "conf/known_hosts").read_text()
    assert text == f"[127.0.0.1]:{either.port} {either.host_key}\n"
    assert lets_in(connection, tmp_path)


def test_trusting_adds_a_line_of_its_own(server: SftpServer, tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(f"elsewhere.example.com {server.host_key}")
    connection = server.connect(password_env=PASSWORD_ENV, known_hosts="known_hosts")
    trust(NAME, connection, tmp_path, host_key(NAME, connection, tmp_path))
    assert len(path.read_text().splitlines()) == 2
    usual = SftpConnection(host="SFTP.example.com", user="u", password_env="P")
    key = host_key(NAME, connection, tmp_path)
    assert key.line(usual).split()[0] == "sftp.example.com"


def test_known_hosts_that_cannot_be_read_or_written(server: SftpServer, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    connection = server.connect(password_env=PASSWORD_ENV, known_hosts="file")
    key = host_key(NAME, connection, tmp_path)
    below = server.connect(password_env=PASSWORD_ENV, known_hosts="file/known_hosts")
    with pytest.raises(SourceError, match=f"connection {NAME}: the .* cannot be"):
        trust(NAME, below, tmp_path, key)
    folder = server.connect(password_env=PASSWORD_ENV, known_hosts=".")
    assert "cannot be read: Is a directory" in str(refusal(folder, tmp_path))


# --- a network that breaks ----------------------------------------------------------------------


@pytest.fixture
def line(server: SftpServer) -> Iterator[Proxy]:
    with proxy(server.host, server.port) as running:
        yield running


@pytest.fixture
def far(server: SftpServer, line: Proxy, tmp_path: Path) -> SftpServer:
    """The server as it is seen through the proxy."""
    known = tmp_path / "known_hosts"
    known.write_text(f"[127.0.0.1]:{line.port} {server.host_key}\n")
    return moved(server, line.port, known)


def disconnection(connection: SftpConnection) -> str:
    """The sentence of connecting, which has to come in time."""
    began = time.monotonic()
    with opened(connection) as session, pytest.raises(Disconnected) as caught:
        session.client()
    assert time.monotonic() - began < PATIENCE
    return str(caught.value)


@pytest.mark.parametrize("after", [0, 25, 700, 2_300], ids=lambda size: f"after {size} bytes")
def test_server_that_stops_answering(far: SftpServer, line: Proxy, after: int) -> None:
    """Before it says who it is, while keys are agreed on, while logging in."""
    line.stall_after = after
    said = disconnection(far.connect(key_file=str(far.key_file), timeout=1))
    assert f"[127.0.0.1]:{far.port} did not answer within 1 seconds; if it is slow, raise" in said


def test_server_that_stops_answering_requests(far: SftpServer, line: Proxy) -> None:
    with opened(far.connect(key_file=str(far.key_file), timeout=1)) as session:
        storage = SftpStorage(session, "/")
        list(storage.list(False, ignore))
        line.stall_after = 0
        with pytest.raises(Disconnected, match="did not answer within 1 seconds"):
            list(storage.list(False, ignore))
        line.mend()
        list(storage.list(False, ignore))
    assert line.connections == 2


def test_server_that_never_begins_sftp(server: SftpServer, tmp_path: Path) -> None:
    silent = Silent()
    with odd_server(server, tmp_path, silent) as other:
        said = disconnection(other.connect(key_file=str(other.key_file), timeout=1))
        silent.over.set()
    assert "did not answer within 1 seconds" in said


def test_connections_that_are_reset(far: SftpServer, line: Proxy) -> None:
    line.refuse = True
    # It depends on which comes first, the reset or the end of connecting.
    assert re.search("broke|cannot be reached", disconnection(far.connection))
    line.mend()
    line.cut_after = 1_500
    assert "broke" in disconnection(far.connect(key_file=str(far.key_file)))
    assert lets_in(far.connect(key_file=str(far.key_file)))


def test_nobody_listens(server: SftpServer) -> None:
    port = free_port()
    known = server.known_hosts.parent / "other_hosts"
    known.write_text(f"[127.0.0.1]:{port} {server.host_key}\n")
    said = disconnection(moved(server, port, known).connect(password_env=PASSWORD_ENV))
    assert f"[127.0.0.1]:{port} cannot be reached: Connection refused" in said


def test_host_without_an_address(server: SftpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nothing)
    known = server.known_hosts.parent / "third_hosts"
    known.write_text(f"sftp.invalid {server.host_key}\n")
    connection = server.connect(
        host="sftp.invalid", port=22, password_env=PASSWORD_ENV, known_hosts=str(known)
    )
    assert "no address for the host sftp.invalid: Name or service" in disconnection(connection)


def test_what_is_no_ssh_server(server: SftpServer, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def answer() -> None:
            accepted, _ = listener.accept()
            with accepted:
                accepted.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 200)

        threading.Thread(target=answer, daemon=True).start()
        known = tmp_path / "known_hosts"
        known.write_text(f"[127.0.0.1]:{port} {server.host_key}\n")
        assert "broke" in disconnection(moved(server, port, known).connection)


def test_download_that_is_cut_is_taken_whole_at_the_second_try(
    far: SftpServer, line: Proxy, tmp_path: Path
) -> None:
    content = os.urandom(5_000_000)
    (far.folder / "cut.csv").write_bytes(content)
    spool = tmp_path / "spool"

    def take() -> bytes:
        with fetch(storage, storage.stat("cut.csv"), spool, LIMIT) as spooled:
            return spooled.path.read_bytes()

    with opened(far.connection) as session:
        storage = SftpStorage(session, "/")
        line.cut_after = 2_000_000
        line.cuts = 99
        with pytest.raises(Disconnected, match=r"the connection to \S+ broke"):
            take()
        assert list(spool.iterdir()) == []
        before = line.connections
        line.cuts = 1
        assert take() == content
        assert line.connections > before


def test_file_that_is_open_when_the_connection_breaks(far: SftpServer, line: Proxy) -> None:
    (far.folder / "open.csv").write_bytes(bytes(9_000_000))
    with opened(far.connection) as session:
        storage = SftpStorage(session, "/")
        file = storage.open("open.csv")
        file.read(10)
        line.reset()
        with pytest.raises(Disconnected):
            file.read()
        assert "open.csv" in listed(storage)[0]
        with pytest.raises(Disconnected):
            file.read()
        file.close()
        assert "open.csv" in listed(storage)[0]


def test_server_that_was_restarted(server: SftpServer, tmp_path: Path) -> None:
    (tmp_path / "a.csv").touch()
    with asyncssh_server(tmp_path) as first:
        known = tmp_path / "known_hosts"
        known.write_text(first.known_hosts.read_text())
        connection = first.connect(key_file=str(server.key_file), known_hosts=str(known))
        session = SftpSession(NAME, connection, tmp_path)
        storage = SftpStorage(session, "/")
        assert "a.csv" in listed(storage)[0]
    # The server is gone, which may be known already or not.
    with pytest.raises(Disconnected):
        listed(storage)
    with pytest.raises(Disconnected, match="cannot be reached: Connection refused"):
        listed(storage)
    with asyncssh_server(tmp_path, port=first.port):
        assert "a.csv" in listed(storage)[0]
        session.close()


def test_one_connection_for_all_threads(far: SftpServer, line: Proxy, tmp_path: Path) -> None:
    contents = {f"thread{number}.csv": os.urandom(900_000 + number) for number in range(6)}
    for name, content in contents.items():
        (far.folder / name).write_bytes(content)

    def take(name: str) -> bytes:
        with fetch(storage, storage.stat(name), tmp_path / "spool", LIMIT) as spooled:
            assert name in listed(storage)[0]
            return spooled.path.read_bytes()

    with opened(far.connection) as session, ThreadPoolExecutor(6) as pool:
        storage = SftpStorage(session, "/")
        assert list(pool.map(take, contents)) == list(contents.values())
    assert line.connections == 1


def test_closed_session_opens_again(session: SftpSession, storage: SftpStorage) -> None:
    listed(storage)
    session.close()
    session.close()
    assert listed(storage) == (set(), [])


# --- secrets ------------------------------------------------------------------------------------


def test_secrets_are_in_no_text(
    server: SftpServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """D42: neither in errors nor where objects are shown, and nothing is written to the screen."""
    secrets = ["wrong-password", "wrong-phrase", server.key_file.read_text().split("\n")[1]]
    monkeypatch.setenv(PASSWORD_ENV, secrets[0])
    monkeypatch.setenv(PASSPHRASE_ENV, secrets[1])
    key = str(server.encrypted_key_file)
    connections = [
        server.connect(password_env=PASSWORD_ENV),
        server.connect(key_file=key, passphrase_env=PASSPHRASE_ENV),
        server.connect(key_env=KEY_ENV, user="another"),
        server.connect(key_env=KEY_ENV, password_env=PASSWORD_ENV, user="another"),
    ]
    texts = []
    for connection in connections:
        error: BaseException | None = refusal(connection)
        while error is not None:
            texts += [str(error), repr(error)]
            error = error.__cause__
        session = SftpSession(NAME, connection, tmp_path)
        texts += [repr(session), repr(SftpStorage(session, "/")), repr(connection)]
    texts.append(repr(credentials(NAME, connections[3], tmp_path)))
    printed = capfd.readouterr()
    assert (printed.out, printed.err) == ("", "")
    assert [one for one in caplog.records if one.name.startswith("paramiko")] == []
    found = [text for text in [*texts, caplog.text] if any(secret in text for secret in secrets)]
    assert found == []


# --- what is listed and read --------------------------------------------------------------------

ODD_NAMES = [
    b"with blank.csv",
    b" leading and trailing .csv ",
    b"a+b&c=d%e?f#g.csv",
    b"100%25.csv",
    "žluťoučký kůň.csv".encode(),
    b"tab\there.csv",
    b"new\nline.csv",
    "emoji 😀.csv".encode(),
    b"latin1 caf\xe9.csv",
    b"\xff\xfe.csv",
    b"dots...csv",
    b"-rf",
    b"back\\slash.csv",
    b"a" * 251 + b".csv",
]


def test_odd_names(storage: SftpStorage, folder: Path) -> None:
    (folder / "žluť").mkdir()
    for sub in ("", "žluť/"):
        for name in ODD_NAMES:
            (folder / os.fsdecode(os.fsencode(sub) + name)).write_bytes(name)
    keys, reports = listed(storage)
    assert (len(keys), reports) == (2 * len(ODD_NAMES), [])
    found = []
    for key in keys:
        with storage.open(key) as file:
            found.append(file.read())
        assert storage.stat(key).key == key
    assert sorted(found) == sorted(2 * ODD_NAMES)


def test_folder_with_an_odd_name(either: SftpServer, session: SftpSession, folder: Path) -> None:
    (folder / "kůň & co").mkdir()
    (folder / "kůň & co/a.csv").touch()
    where = f"{either.remote.rstrip('/')}/{folder.name}/kůň & co"
    assert listed(SftpStorage(session, where)) == ({"a.csv"}, [])


def test_folder_as_the_server_knows_it(openssh: SftpServer) -> None:
    """A relative one is below the folder in which the user starts."""
    (openssh.folder / "relative").mkdir()
    (openssh.folder / "relative/a.csv").touch()
    with opened(openssh.connection) as session:
        assert listed(SftpStorage(session, "relative")) == ({"a.csv"}, [])
        assert "relative/a.csv" in listed(SftpStorage(session, "."))[0]


@pytest.mark.parametrize("name", ["gone", "gone/deeper"])
def test_folder_that_is_none(session: SftpSession, storage: SftpStorage, name: str) -> None:
    where = SftpStorage(session, f"{storage.folder}/{name}")
    with pytest.raises(SourceError, match=r"folder \S+ on connection crm_sftp .*`folder:`"):
        list(where.list(False, ignore))
    with pytest.raises(SourceError, match="`folder:`"):
        where.stat("a.csv")
    with pytest.raises(SourceError, match="`folder:`"):
        where.open("a.csv")


def test_file_in_place_of_the_folder(
    session: SftpSession, storage: SftpStorage, folder: Path
) -> None:
    (folder / "file").touch()
    with pytest.raises(SourceError, match=r"is not a folder: mend `folder:`"):
        list(SftpStorage(session, f"{storage.folder}/file").list(False, ignore))


def test_closed_folders_and_files(openssh: SftpServer) -> None:
    folder = Path(tempfile.mkdtemp(dir=openssh.folder))
    folder.chmod(0o755)
    (folder / "closed").mkdir()
    (folder / "closed").chmod(0)
    (folder / "a.csv").touch()
    (folder / "a.csv").chmod(0)
    with opened(openssh.connection) as session:
        storage = SftpStorage(session, str(folder))
        try:
            assert listed(storage) == (
                {"a.csv"},
                [f"closed in {storage.place} cannot be listed: Permission denied"],
            )
            with pytest.raises(SourceError, match=r"a\.csv in .* cannot be read: Permission"):
                storage.open("a.csv")
            with pytest.raises(SourceError, match="cannot be listed: Permission denied"):
                listed(SftpStorage(session, f"{folder}/closed"))
            with pytest.raises(SourceError, match=r"closed/b\.csv in .* Permission denied"):
                storage.stat("closed/b.csv")
        finally:
            (folder / "closed").chmod(0o755)


def test_links_inside_the_folder_are_followed(storage: SftpStorage, folder: Path) -> None:
    (folder / "real/deep").mkdir(parents=True)
    (folder / "real/a.csv").write_bytes(b"content")
    (folder / "real/deep/b.csv").write_bytes(b"deep")
    (folder / "link.csv").symlink_to("real/a.csv")
    (folder / "linked").symlink_to("real")
    keys, reports = listed(storage)
    below = {"real/a.csv", "real/deep/b.csv", "linked/a.csv", "linked/deep/b.csv"}
    assert (keys, reports) == (below | {"link.csv"}, [])
    assert listed(storage, recursive=False) == ({"link.csv"}, [])
    with storage.open("link.csv") as file:
        assert file.read() == b"content"
    assert storage.stat("linked/deep/b.csv").size == 4


def test_links_out_of_the_folder(session: SftpSession, storage: SftpStorage, folder: Path) -> None:
    (folder / "in").mkdir()
    (folder / "outside").mkdir()
    (folder / "outside/secret.csv").write_bytes(b"secret")
    (folder / "in/link.csv").symlink_to("../outside/secret.csv")
    (folder / "in/linked").symlink_to("../outside")
    (folder / "in/a.csv").touch()
    inner = SftpStorage(session, f"{storage.folder}/in")
    keys, reports = listed(inner)
    assert keys == {"a.csv"}
    assert sorted(reports) == [
        f"{name} in {inner.place} is left out: it is a link out of the folder"
        for name in ("link.csv", "linked")
    ]
    for key in ("link.csv", "linked/secret.csv", "../outside/secret.csv", "linked/../a.csv"):
        for call in (inner.open, inner.stat):
            with pytest.raises(FileRefused, match="outside_folder"):
                call(key)


def test_loops_of_links_end(storage: SftpStorage, folder: Path) -> None:
    (folder / "one").mkdir()
    (folder / "two").mkdir()
    for here, there in (("one", "two"), ("two", "one")):
        (folder / here / "x.csv").touch()
        (folder / here / "other").symlink_to(f"../{there}")
        (folder / here / "up").symlink_to("..")
        (folder / here / "self").symlink_to(".")
    (folder / "itself.csv").symlink_to("itself.csv")
    (folder / "dangling.csv").symlink_to("nothing.csv")
    keys, reports = listed(storage)
    assert keys == {"one/x.csv", "two/x.csv", "one/other/x.csv", "two/other/x.csv"}
    assert sorted(one.split()[0] for one in reports) == ["dangling.csv", "itself.csv"]
    with pytest.raises(UnknownName):
        storage.open("dangling.csv")


@pytest.mark.parametrize(
    "key",
    ["a", "a/b.csv", ".hidden", "half.part", "", "/", "/a.csv", "a.csv/", "x%2Fy", "%41", ".x/y"],
)
def test_what_is_no_delivery(storage: SftpStorage, folder: Path, key: str) -> None:
    (folder / "a").mkdir()
    for name in (".hidden", "half.part", "A"):
        (folder / name).touch()
    assert listed(storage) == ({"A"}, [])
    for call in (storage.open, storage.stat):
        with pytest.raises(UnknownName):
            call(key)


def test_pipes_are_no_deliveries(storage: SftpStorage, folder: Path) -> None:
    os.mkfifo(folder / "a.csv")
    assert listed(storage) == (set(), [])
    with pytest.raises(UnknownName):
        storage.open("a.csv")


def test_fingerprint_is_size_and_seconds(storage: SftpStorage, folder: Path) -> None:
    """D01."""
    (folder / "a.csv").write_bytes(b"12345")
    os.utime(folder / "a.csv", (1_700_000_000.75, 1_700_000_000.75))
    delivery = storage.stat("a.csv")
    assert delivery.fingerprint == "5-1700000000"
    assert list(storage.list(False, ignore)) == [delivery]


def test_five_thousand_files(storage: SftpStorage, folder: Path) -> None:
    for number in range(5_000):
        (folder / f"{number}.csv").touch()
    keys, reports = listed(storage)
    assert (len(keys), reports) == (5_000, [])


def test_other_requests_while_a_listing_is_on(storage: SftpStorage, folder: Path) -> None:
    """Listing and reading share a connection, and answers find their way."""
    for number in range(1_000):
        (folder / f"{number}.csv").write_bytes(str(number).encode())
    seen = 0
    for delivery in storage.list(False, ignore):
        seen += 1
        if seen % 100 == 0:
            with storage.open(delivery.key) as file:
                assert file.read() + b".csv" == delivery.key.encode()
    assert seen == 1_000


def test_listing_that_is_given_up(storage: SftpStorage, folder: Path) -> None:
    for number in range(300):
        (folder / f"{number}.csv").touch()
    assert next(iter(storage.list(False, ignore))).size == 0
    assert len(listed(storage)[0]) == 300


def test_large_file(storage: SftpStorage, folder: Path, tmp_path: Path) -> None:
    content = os.urandom(50_000_000)
    (folder / "large.csv").write_bytes(content)
    with fetch(storage, storage.stat("large.csv"), tmp_path, LIMIT) as spooled:
        assert spooled.sha256 == hashlib.sha256(content).hexdigest()
        assert spooled.size == len(content)


@pytest.mark.parametrize("size", [0, 1, 32_767, 32_768, 32_769, 1 << 20, (1 << 21) + 1])
def test_sizes_at_the_edges_of_blocks(storage: SftpStorage, folder: Path, size: int) -> None:
    content = os.urandom(size)
    (folder / "a.csv").write_bytes(content)
    with storage.open("a.csv") as file:
        assert file.read() == content
    with storage.open("a.csv") as file:
        assert file.read(1_000) == content[:1_000]
        assert file.read(1_000) == content[1_000:2_000]


def test_file_that_shrinks_while_it_is_read(storage: SftpStorage, folder: Path) -> None:
    (folder / "a.csv").write_bytes(bytes(9_000_000))
    with storage.open("a.csv") as file:
        file.read(1)
        os.truncate(folder / "a.csv", 100)
        assert len(file.read()) < 9_000_000


# --- servers of other habits --------------------------------------------------------------------


@contextmanager
def served(folder: Path, sftp: type[asyncssh.SFTPServer]) -> Iterator[SftpStorage]:
    with asyncssh_server(folder, sftp=sftp) as server, opened(server.connection) as session:
        yield SftpStorage(session, "/in")


def test_server_that_gives_less_than_asked_for(tmp_path: Path) -> None:
    class Stingy(asyncssh.SFTPServer):
        def read(self, file_obj: object, offset: int, size: int) -> MaybeAwait[bytes]:
            return super().read(file_obj, offset, min(size, 10_000))

    (tmp_path / "in").mkdir()
    content = os.urandom(1_000_000)
    (tmp_path / "in/a.csv").write_bytes(content)
    with served(tmp_path, Stingy) as storage, storage.open("a.csv") as file:
        assert file.read() == content


def test_server_that_does_not_resolve_links(tmp_path: Path) -> None:
    """Where a link leads is then unknown, so it is taken for one that leads out."""

    class Literal(asyncssh.SFTPServer):
        def realpath(self, path: bytes) -> bytes:
            return os.path.normpath(path)

    (tmp_path / "in").mkdir()
    (tmp_path / "secret.csv").touch()
    (tmp_path / "in/a.csv").touch()
    (tmp_path / "in/link.csv").symlink_to("../secret.csv")
    (tmp_path / "in/linked").symlink_to("..")
    with served(tmp_path, Literal) as storage:
        keys, reports = listed(storage)
        assert (keys, len(reports)) == ({"a.csv"}, 2)
        for key in ("link.csv", "linked/secret.csv"):
            with pytest.raises(FileRefused):
                storage.open(key)


def test_server_that_tells_little(tmp_path: Path) -> None:
    """What has neither size nor time cannot be told apart from what came before."""

    class Taciturn(asyncssh.SFTPServer):
        async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
            async for entry in super().scandir(path):
                if entry.filename == b"odd.csv":
                    entry.attrs = asyncssh.SFTPAttrs(size=1)
                yield entry

    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.csv").touch()
    (tmp_path / "in/odd.csv").touch()
    with served(tmp_path, Taciturn) as storage:
        keys, reports = listed(storage)
        assert keys == {"a.csv"}
        assert reports == [
            f"odd.csv in {storage.place} is left out: the server does not tell what it is, or its "
            "size or time"
        ]


def test_reading_that_fails_on_the_server(tmp_path: Path) -> None:
    class Failing(asyncssh.SFTPServer):
        def read(self, file_obj: object, offset: int, size: int) -> MaybeAwait[bytes]:
            if offset >= 100_000:
                raise asyncssh.SFTPFailure("disk on fire")
            return super().read(file_obj, offset, size)

    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.csv").write_bytes(bytes(200_000))
    with served(tmp_path, Failing) as storage:
        delivery = storage.stat("a.csv")
        with (
            pytest.raises(SourceError, match=r"a\.csv in .* reading broke off: disk on fire"),
            fetch(storage, delivery, tmp_path / "spool", LIMIT),
        ):
            pass
        assert listed(storage) == ({"a.csv"}, [])
