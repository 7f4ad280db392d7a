"""A folder on an SFTP server (M012).

Loads paramiko, and so is itself loaded only where a connection asks for it.
"""

from __future__ import annotations

import stat as modes
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import paramiko

from import_assets.errors import Disconnected, FileRefused, SourceError, UnknownName
from import_assets.sources.delivery import Delivery, utc_from_microseconds
from import_assets.sources.storage import hosts
from import_assets.sources.storage.base import Report, Storage
from import_assets.sources.storage.keys import (
    encode_path,
    is_delivery_name,
    is_entered,
    listed_path,
    may_be_shortened,
    shorten,
)
from import_assets.sources.storage.logins import (
    Credentials,
    LoginRefused,
    credentials,
    log_in,
)
from import_assets.sources.storage.sftpclient import SftpClient, SftpFault, Status
from import_assets.spec.connections import SftpConnection

_SECONDS_BETWEEN_SIGNS_OF_LIFE = 30


class SftpSession:
    """The one connection to an SFTP server, for all storages and threads that need it.

    It is made when it is first needed, and anew when it broke. No key is taken but the one that is
    configured, and no server is talked to whose host key is not known.
    """

    def __init__(self, name: str, connection: SftpConnection, root: Path) -> None:
        """Take the name of the connection, itself, and the folder of the project."""
        self.name = name
        self.connection = connection
        self.root = root
        self._lock = threading.Lock()
        self._client: SftpClient | None = None
        self._transport: paramiko.Transport | None = None

    def client(self) -> SftpClient:
        """Return the client on the connection, which is made if there is none or it broke.

        Raises:
            Disconnected: the server cannot be reached, or does not answer in time.
            SourceError: its host key is not the known one, it refuses the user, or what the
                connection names (a key file, a variable) is missing.
        """
        with self._lock:
            if self._client is None or not self._client.is_alive:
                self._hang_up()
                self._client = self._open()
            return self._client

    def close(self) -> None:
        """Close the connection; it is made again when it is needed again."""
        with self._lock:
            self._hang_up()

    def _hang_up(self) -> None:
        if self._transport is not None:
            hosts.hang_up(self._transport)
        self._client = self._transport = None

    def _open(self) -> SftpClient:
        name, connection, root = self.name, self.connection, self.root
        known = hosts.known_keys(name, connection, root)
        if not known:
            # A name or a port that is wrong would be hidden behind the key.
            hosts.hang_up(hosts.reach(name, connection, known))
            raise hosts.unknown_host(name, connection, root)
        given = credentials(name, connection, root)
        try:
            return self._entered(known, given)
        except LoginRefused:
            if given.key is None or given.password is None:
                raise
        # Over the connection in which they refused the key, not all servers take a password.
        return self._entered(known, Credentials(None, given.password))

    def _entered(self, known: list[hosts.KnownKey], given: Credentials) -> SftpClient:
        name, connection, root = self.name, self.connection, self.root
        self._transport = hosts.reach(name, connection, known)
        try:
            hosts.check_key(name, connection, root, known, hosts.shown_key(self._transport))
            log_in(name, connection, given, self._transport)
            self._transport.set_keepalive(_SECONDS_BETWEEN_SIGNS_OF_LIFE)
            return SftpClient(self._channel(self._transport), self._lost)
        except BaseException:
            self._hang_up()
            raise

    def _channel(self, transport: paramiko.Transport) -> paramiko.Channel:
        """Return a channel with SFTP on it."""
        timeout = self.connection.timeout
        # Waiting for the subsystem has no limit of its own; this one is for all steps here.
        limit = threading.Timer(timeout, transport.close)
        limit.daemon = True
        limit.start()
        try:
            channel = transport.open_session(timeout=2 * timeout)
            channel.settimeout(timeout)
            channel.invoke_subsystem("sftp")
        except (paramiko.SSHException, EOFError, OSError) as error:
            if limit.finished.is_set():
                raise hosts.unanswered(self.name, self.connection) from error
            if not transport.is_active():
                raise self._lost(error) from error
            raise SourceError(
                f"connection {self.name}: {hosts.server(self.connection)} lets the user "
                f"{self.connection.user} in, but not by SFTP: have that allowed there"
            ) from error
        finally:
            limit.cancel()
        return channel

    def _lost(self, error: Exception) -> Disconnected:
        return hosts.broken(self.name, self.connection, error)


class SftpStorage(Storage):
    """A folder on an SFTP server. Fingerprints are made of size and time, in whole seconds.

    Links are followed as in a folder on this machine: those to files and folders inside the
    folder, one folder link a path; those that lead out of it are reported when listing and refused
    when opened. Paths are handled as bytes, so that names in any encoding can be listed and opened.
    """

    def __init__(self, session: SftpSession, folder: str) -> None:
        """Take the connection, and the folder as the server knows it."""
        self.session = session
        self.folder = folder

    @property
    def place(self) -> str:
        """The folder as the user wrote it, and the connection."""
        return f"folder {self.folder} on connection {self.session.name}"

    @property
    def is_remote(self) -> bool:
        """See `Storage.is_remote`."""
        return True

    def list(self, recursive: bool, report: Report) -> Iterator[Delivery]:
        """See `Storage.list`. Raises Disconnected when the connection breaks."""
        for path, found in self._walk(recursive, report):
            yield _delivery(encode_path(path), found)

    def stat(self, key: str) -> Delivery:
        """See `Storage.stat`. Raises Disconnected when the connection breaks."""
        encoded, _, found = self._locate(self.session.client(), key)
        return _delivery(encoded, found)

    def open(self, key: str) -> BinaryIO:
        """See `Storage.open`. It and reading raise Disconnected when the connection breaks."""
        client = self.session.client()
        _, real, found = self._locate(client, key)
        try:
            return client.open(real, found.size or 0)
        except SftpFault as fault:
            raise self._error(key, fault) from fault

    def _locate(self, client: SftpClient, key: str) -> tuple[str, bytes, Status]:
        """Return encoded path, real path and status of a delivery, checked to lie in the folder."""
        encoded = self._encoded(key)
        if ".." in encoded.split("/"):
            raise self._outside(key)
        path = listed_path(encoded)
        if path is None:
            raise self._unknown(key)
        root = self._root(client)
        try:
            real, found = self._followed(client, root, path, key)
        except SftpFault as fault:
            if fault.is_gone:
                self._check_folder(client, root)
            raise self._error(key, fault) from fault
        if not modes.S_ISREG(found.mode or 0) or not _is_told(found):
            raise UnknownName(f"{key} in {self.place} is not a file")
        return encoded, real, found

    def _followed(
        self, client: SftpClient, root: bytes, path: bytes, key: str
    ) -> tuple[bytes, Status]:
        """Return where a path leads and what is there."""
        whole = _join(root, path)
        here, found = root, Status(None, None, None)
        # Not every server takes links out of a path when it is asked to resolve it, so each part
        # is looked at.
        for part in path.split(b"/"):
            here = _join(here, part)
            found = client.status(here, follow=False)
            if modes.S_ISLNK(found.mode or 0):
                real = client.real_path(whole)
                if real == whole or not _is_inside(root, real):
                    raise self._outside(key)
                return real, client.status(real, follow=False)
        return here, found

    def _encoded(self, key: str) -> str:
        """Return the encoded path that a key stands for; a shortened one has to be looked up."""
        if not may_be_shortened(key):
            return key
        for path, _ in self._walk(recursive=True, report=lambda _: None):
            if shorten(encode_path(path)) == key:
                return encode_path(path)
        # Not all servers say of a name that is too long that there is no such file.
        raise self._unknown(key)

    def _root(self, client: SftpClient) -> bytes:
        """Return the real path of the folder, which may still be missing."""
        try:
            return client.real_path(self.folder.encode("utf-8", "surrogateescape"))
        except SftpFault as fault:
            raise self._missing() if fault.is_gone else self._unlistable(fault) from fault

    def _check_folder(self, client: SftpClient, root: bytes) -> None:
        """Raise SourceError if the folder is missing, or is something else."""
        try:
            found = client.status(root, follow=True)
        except SftpFault as fault:
            raise self._missing() if fault.is_gone else self._unlistable(fault) from fault
        if not modes.S_ISDIR(found.mode or 0):
            raise SourceError(f"{self.place} is not a folder: mend `folder:` in the definition")

    def _walk(self, recursive: bool, report: Report) -> Iterator[tuple[bytes, Status]]:
        """Yield path below the folder and status of each file."""
        client = self.session.client()
        root = self._root(client)
        # A folder, and whether a link led there; see `LocalStorage` for why one link is enough.
        waiting: list[tuple[bytes, bool]] = [(b"", False)]
        while waiting:
            folder, linked = waiting.pop()
            try:
                for name, entry in client.entries(_join(root, folder)):
                    path = _join(folder, name)
                    link = modes.S_ISLNK(entry.mode or 0)
                    real, found = self._target(client, root, path, entry, report)
                    if found is None:
                        continue
                    shown = encode_path(name)
                    if modes.S_ISDIR(found.mode or 0):
                        loop = link and (linked or _leads_up(_join(root, folder), real))
                        if recursive and is_entered(shown) and not loop:
                            waiting.append((path, linked or link))
                    elif modes.S_ISREG(found.mode or 0) and is_delivery_name(shown):
                        yield path, found
            except SftpFault as fault:
                if not folder:
                    self._check_folder(client, root)
                    raise self._unlistable(fault) from fault
                if not fault.is_gone:  # a folder that has vanished holds nothing
                    report(_sentence(f"{encode_path(folder)} in {self.place}", fault))

    def _target(
        self, client: SftpClient, root: bytes, path: bytes, entry: Status, report: Report
    ) -> tuple[bytes, Status | None]:
        """Return where an entry leads and what is there, or None, having reported why not."""
        whole = real = _join(root, path)
        found, fault = entry, None
        if modes.S_ISLNK(entry.mode or 0):
            try:
                real = client.real_path(whole)
                if real == root or (real != whole and _is_inside(root, real)):
                    found = client.status(real, follow=False)
                else:
                    fault = "is left out: it is a link out of the folder"
            except SftpFault as error:
                fault = f"cannot be listed: {error}"
        if not fault and not _is_told(found):
            fault = "is left out: the server does not tell what it is, or its size or time"
        if fault:
            report(f"{encode_path(path)} in {self.place} {fault}")
            return real, None
        return real, found

    def _error(self, key: str, fault: SftpFault) -> UnknownName | SourceError:
        if fault.is_gone:
            return self._unknown(key)
        return SourceError(f"{key} in {self.place} cannot be read: {fault}")

    def _unknown(self, key: str) -> UnknownName:
        return UnknownName(f"there is no file {key!r} in {self.place}")

    def _outside(self, key: str) -> FileRefused:
        return FileRefused(
            key, "outside_folder", f"it leads out of {self.place}: put the file itself there"
        )

    def _missing(self) -> SourceError:
        return SourceError(
            f"{self.place} does not exist: create it there, or mend `folder:` in the definition"
        )

    def _unlistable(self, fault: SftpFault) -> SourceError:
        return SourceError(_sentence(self.place, fault))


def _delivery(path: str, found: Status) -> Delivery:
    key = shorten(path)
    size, modified = found.size or 0, found.modified or 0
    return Delivery(
        key=key,
        fingerprint=f"{size}-{modified}",
        size=size,
        modified=utc_from_microseconds(modified * 1_000_000),
        long_path=None if key == path else path,
    )


def _is_told(found: Status) -> bool:
    """Tell whether the server said all that a delivery is made of; some leave things out."""
    if found.mode is None:
        return False
    return not modes.S_ISREG(found.mode) or None not in (found.size, found.modified)


def _join(folder: bytes, name: bytes) -> bytes:
    if not folder or not name:
        return folder or name
    return folder + name if folder.endswith(b"/") else folder + b"/" + name


def _is_inside(root: bytes, real: bytes) -> bool:
    return real.startswith(root.rstrip(b"/") + b"/")


def _leads_up(here: bytes, target: bytes) -> bool:
    """Tell whether a link in a folder leads to that folder itself or to one above it."""
    return here == target or _is_inside(target, here)


def _sentence(what: str, fault: SftpFault) -> str:
    return f"{what} cannot be listed: {fault}"
