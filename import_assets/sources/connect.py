"""The open connections of a project: made when first needed, shared by all that need them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Protocol

from import_assets.errors import SourceError
from import_assets.sources.feeds.base import Feed
from import_assets.sources.listing import ListingCache
from import_assets.sources.storage.base import Storage
from import_assets.spec.connections import Connection, GcsConnection, HttpConnection, S3Connection
from import_assets.spec.loading import Project
from import_assets.spec.sources import DatabaseSource, StorageSource, UrlSource

if TYPE_CHECKING:
    from import_assets.sources.storage.sftp import SftpSession


class ObjectStores(Protocol):
    """Makes the clients of object stores; who runs imports brings it."""

    def s3(self, name: str, connection: S3Connection) -> Any:
        """Return a boto3 client of S3."""
        ...

    def gcs(self, name: str, connection: GcsConnection) -> Any:
        """Return a client of google.cloud.storage."""
        ...


class Connections:
    """The connections of one project, by name. One of each is opened, for all threads.

    Libraries that speak to other systems take long to load, so each is loaded when it is needed.
    """

    def __init__(self, project: Project, stores: ObjectStores) -> None:
        self.project = project
        self.listings = ListingCache()
        self._stores = stores
        self._lock = threading.Lock()
        self._sessions: dict[str, SftpSession] = {}
        self._clients: dict[str, Any] = {}

    def storage(self, source: StorageSource) -> Storage:
        """Return the folder that a source with a connection names.

        Raises:
            SourceError: the connection cannot be used, such as for want of its secret.
        """
        name = source.connection or ""
        connection = self._connection(name)
        if connection.sftp is not None:
            from import_assets.sources.storage.sftp import SftpStorage

            return SftpStorage(self._session(name, connection), source.folder)
        if connection.s3 is not None:
            from import_assets.sources.storage.s3 import S3Storage

            prefix = joined_prefix(connection.s3.prefix, source.folder)
            return S3Storage(self._client(name, connection), name, connection.s3.bucket, prefix)
        if connection.gcs is not None:
            from import_assets.sources.storage.gcs import GcsStorage

            prefix = joined_prefix(connection.gcs.prefix, source.folder)
            return GcsStorage(
                self._client(name, connection),
                name,
                connection.gcs.bucket,
                prefix,
                connection.gcs.timeout,
            )
        raise SourceError(f"connection {name} is {connection.type}, which holds no files")

    def feed(self, source: UrlSource | DatabaseSource) -> Feed:
        """Return what a source that is asked by the clock asks.

        Raises:
            SourceError: the connection cannot be used.
        """
        if isinstance(source, UrlSource):
            return self._url(source)
        from import_assets.sources.feeds.database import DatabaseFeed

        connection = self._connection(source.connection)
        if connection.sql is None:
            raise SourceError(
                f"connection {source.connection} is {connection.type}, which is no database"
            )
        return DatabaseFeed(source.connection, connection.sql, source, self.project.root)

    def close(self) -> None:
        """Close everything; what is needed again is opened again."""
        with self._lock:
            sessions, self._sessions, self._clients = self._sessions, {}, {}
        for session in sessions.values():
            session.close()

    def _url(self, source: UrlSource) -> Feed:
        from import_assets.sources.feeds.url import UrlFeed, joined

        root = self.project.root
        if source.address is not None:
            host = HttpConnection(address=source.address)
            return UrlFeed("", source.address, host, root)
        name = source.connection or ""
        http = self._connection(name).http
        if http is None:
            raise SourceError(f"connection {name} is no server of feeds")
        return UrlFeed(name, joined(http.address, source.path or ""), http, root)

    def _connection(self, name: str) -> Connection:
        known = self.project.spec.connections
        if name not in known:
            raise SourceError(f"connection {name} is not in project.yaml any more")
        return known[name]

    def _session(self, name: str, connection: Connection) -> SftpSession:
        from import_assets.sources.storage.sftp import SftpSession

        if connection.sftp is None:
            raise SourceError(f"connection {name} is {connection.type}, not sftp")
        with self._lock:
            if name not in self._sessions:
                self._sessions[name] = SftpSession(name, connection.sftp, self.project.root)
            return self._sessions[name]

    def _client(self, name: str, connection: Connection) -> Any:
        with self._lock:
            if name not in self._clients:
                if connection.s3 is not None:
                    self._clients[name] = self._stores.s3(name, connection.s3)
                elif connection.gcs is not None:
                    self._clients[name] = self._stores.gcs(name, connection.gcs)
            return self._clients[name]


def joined_prefix(prefix: str, folder: str) -> str:
    """Return what the names in a folder of a bucket begin with: nothing, or it ends with `/`."""
    parts = [part.removeprefix("./").strip("/") for part in (prefix, folder)]
    return "".join(f"{part}/" for part in parts if part not in ("", "."))
