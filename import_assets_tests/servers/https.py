"""HTTPS servers on this machine that answer as a script says, faults included."""

from __future__ import annotations

import datetime as dt
import os
import socket
import ssl
import struct
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import trustme

from import_assets.spec.connections import HttpConnection

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Exchange(BaseHTTPRequestHandler):
    """One request and its answer, as a script sees it: `path`, `headers`, and what is below."""

    protocol_version = "HTTP/1.1"

    @property
    def _owner(self) -> HttpsServer:
        return cast("_Server", self.server).owner

    def do_GET(self) -> None:
        owner = self._owner
        owner.requests.append(Request(self.path, {k.lower(): v for k, v in self.headers.items()}))
        owner.script(self)

    def send(
        self, body: bytes = b"", status: int = 200, headers: Mapping[str, str] | None = None
    ) -> None:
        """Answer whole, with the right length unless `headers` state another one."""
        stated = {"Content-Length": str(len(body))} | dict(headers or {})
        self.head(status, stated)
        self.wfile.write(body)

    def head(self, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        """Send the head of an answer alone, and end the connection when the script ends."""
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.close_connection = True

    def chunk(self, block: bytes) -> None:
        """Send a part of an answer whose head says that it comes chunked; an empty one ends it."""
        self.wfile.write(b"%x\r\n%s\r\n" % (len(block), block))

    def reset(self) -> None:
        """Break the connection off, as a network does."""
        with suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.close_connection = True
        os.close(self.connection.detach())

    def wait(self, seconds: float) -> bool:
        """Wait, but not longer than the server runs; tell whether it still runs."""
        return not self._owner.stopping.wait(seconds)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


@dataclass(frozen=True)
class Request:
    """A request that came: its path with query, and its headers by their names in small letters."""

    path: str
    headers: dict[str, str]


Script = Callable[[Exchange], None]


def sends(body: bytes = b"", status: int = 200, headers: Mapping[str, str] | None = None) -> Script:
    """Return the script that always answers so."""
    return lambda exchange: exchange.send(body, status, headers)


@dataclass
class HttpsServer:
    """A running server. `script` may be set at any time; `requests` came so far."""

    host: str
    port: int
    ca_file: Path
    secured: bool = True
    script: Script = field(default_factory=lambda: sends(b"id\n1\n"))
    requests: list[Request] = field(default_factory=list)
    says_goodbye: bool = True
    """Whether TLS is ended by its own word, as good servers do, or the connection just ends."""
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def address(self) -> str:
        """Where it is, without a path."""
        return f"{'https' if self.secured else 'http'}://{self.host}:{self.port}"

    def connection(self, **changes: Any) -> HttpConnection:
        """Return a connection that works, with some things set otherwise."""
        values = {
            "address": self.address,
            "ca_file": str(self.ca_file),
            "private_addresses": "allow",
            "connect_timeout": 20,
            "first_byte_timeout": 20,
            "total_timeout": 40,
        }
        return HttpConnection.model_validate(values | changes)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    owner: HttpsServer
    tls: ssl.SSLContext | None

    def finish_request(self, request: Any, client_address: Any) -> None:
        if self.tls is None:
            Exchange(request, client_address, self)
            return
        # Here, in the thread of the request: a client that is slow to begin stops no other.
        request.settimeout(60)
        with self.tls.wrap_socket(request, server_side=True) as secured:
            Exchange(secured, client_address, self)
            if self.owner.says_goodbye:
                with suppress(OSError, ValueError):
                    secured.settimeout(1)
                    secured.unwrap().close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep silent: clients that leave are what is tested."""


@cache
def authority() -> trustme.CA:
    """Return the CA of this process, which nobody trusts but those who are told to."""
    return trustme.CA()


@contextmanager
def https_server(
    *names: str,
    ca: trustme.CA | None = None,
    expired: bool = False,
    plain: bool = False,
) -> Iterator[HttpsServer]:
    """Run a server on a free port of 127.0.0.1, in threads.

    Args:
        names: names and addresses of its certificate; `127.0.0.1` and `localhost` if left out. The
            first one is the host of its address.
        ca: who signs its certificate; the CA of this process if left out. The `ca_file` that the
            server hands out is always that of this process.
        expired: whether its certificate ended yesterday.
        plain: without TLS.
    """
    names = names or ("127.0.0.1", "localhost")
    with tempfile.TemporaryDirectory(prefix="https-") as folder:
        ca_file = Path(folder) / "ca.pem"
        authority().cert_pem.write_to_path(str(ca_file))
        listening = _Server(("127.0.0.1", 0), Exchange)
        listening.tls = None if plain else _tls(ca or authority(), names, expired=expired)
        port = listening.server_address[1]
        server = listening.owner = HttpsServer(names[0], port, ca_file, secured=not plain)
        thread = threading.Thread(
            target=listening.serve_forever, args=(0.02,), name="https", daemon=True
        )
        thread.start()
        try:
            yield server
        finally:
            server.stopping.set()
            listening.shutdown()
            listening.server_close()
            thread.join(timeout=10)


def _tls(ca: trustme.CA, names: tuple[str, ...], *, expired: bool) -> ssl.SSLContext:
    ended = dt.datetime.now(dt.UTC) - dt.timedelta(days=1) if expired else None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(*names, not_after=ended).configure_cert(context)
    return context


@contextmanager
def silent_server() -> Iterator[int]:
    """Yield a port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as listening:
        yield listening.getsockname()[1]


@contextmanager
def full_server() -> Iterator[int]:
    """Yield a port to which no connection can be made, and none is refused either."""
    waiting: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listening:
        try:
            for _ in range(8):
                one = socket.socket()
                one.setblocking(False)
                waiting.append(one)
                one.connect_ex(listening.getsockname())
            yield listening.getsockname()[1]
        finally:
            for one in waiting:
                one.close()
