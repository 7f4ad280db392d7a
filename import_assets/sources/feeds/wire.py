"""The way to a server: whom it may lead to, and how long each step may take.

Names are looked up here, once, and the connection is made to the very address that was checked, so
that a name cannot lead elsewhere between the check and the connection. Each read and write gets the
time that is left as its own limit, so that a server that sends a byte now and then is stopped too.
"""
# ruff: noqa: ARG002  # httpcore hands over limits of its own; those of the clock are kept

from __future__ import annotations

import errno
import ipaddress
import queue
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Literal

import httpcore

from import_assets.errors import Disconnected, SourceError
from import_assets.spec.connections import HttpConnection

Reach = Literal["public", "any", "own machine"]
"""Where a connection may lead to: addresses of the internet only, any, or this machine alone."""

_IpAddress = IPv4Address | IPv6Address
_Target = tuple[int, Any]

_SHORTEST = 0.001
_PROBE_SECONDS = 1.0
_HEAD_END = re.compile(rb"\n\r?\n")
_INTERIM = re.compile(rb"HTTP/1\.[01] 1(?!01)")
_IPV4_IN_IPV6 = ipaddress.IPv6Network("64:ff9b::/96")
# It looks public and is not: a cloud's own service, reachable by its machines alone.
_OWN_SERVICES = frozenset({IPv4Address("168.63.129.16")})
# OpenSSL's codes for a chain that ends at no CA that is trusted.
_UNTRUSTED = (2, 18, 19, 20, 21)


class Clock:
    """The three clocks of one transfer, retries and redirects included (M053, M054, M090, D40)."""

    def __init__(self, connection: HttpConnection) -> None:
        self.connect_seconds = connection.connect_timeout
        self.first_byte_seconds = connection.first_byte_timeout
        self.total_seconds = connection.total_timeout
        self.end = time.monotonic() + connection.total_timeout
        self._at_least = 0.0

    def left(self) -> float:
        """Return the seconds until the whole has to be there; negative when they are over."""
        return self.end - time.monotonic()

    def be_patient(self, seconds: float) -> None:
        """Have the next pause last so long at least."""
        self._at_least = seconds

    def sleep(self, seconds: float) -> None:
        """Pause, but not beyond the end."""
        time.sleep(max(0.0, min(max(seconds, self._at_least), self.left())))
        self._at_least = 0.0


class Backend(httpcore.NetworkBackend):
    """Connects to one server. Its errors, and those of its streams, are sentences for the user.

    Args:
        subject: what the sentences begin with: connection and address, without any secret.
        clock: the clocks of the transfer.
        reach: where it may lead to.
    """

    def __init__(self, subject: str, clock: Clock, reach: Reach) -> None:
        self._subject = subject
        self._clock = clock
        self._reach: Reach = reach

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> Stream:
        """Look the name up, check all its addresses, and connect to the first that answers.

        Raises:
            SourceError: there is no such name, it leads where it may not, or the time was over.
            Disconnected: nobody listens there.
        """
        by = min(time.monotonic() + self._clock.connect_seconds, self._clock.end)
        targets = self._targets(host, port, by)
        problem: OSError = TimeoutError()
        for number, target in enumerate(targets):
            # What is left is shared, so that one address that swallows everything stops no other.
            seconds = (by - time.monotonic()) / (len(targets) - number)
            try:
                connected = _connected(target, max(seconds, _SHORTEST))
            except OSError as error:
                problem = error
            else:
                return Stream(connected, self._subject, self._clock, by)
        if isinstance(problem, TimeoutError):
            raise not_connected(self._subject, self._clock) from problem
        raise Disconnected(
            f"{self._subject} cannot be connected: {_reason(problem)}; it is tried again"
        ) from problem

    def _targets(self, host: str, port: int, by: float) -> list[_Target]:
        """Return what the name leads to, having checked all of it."""
        targets = self._looked_up(host, port, by)
        for _, address in targets:
            found = ipaddress.ip_address(address[0])
            if not _may_reach(found, self._reach):
                where = (
                    "which is not this machine: plain http:// is for this very machine only"
                    if self._reach == "own machine"
                    else "which is no address of the internet: set `private_addresses: allow` in "
                    "the connection if it is a server of your own network"
                )
                raise SourceError(f"{self._subject} leads to {found}, {where}")
        return targets

    def _looked_up(self, host: str, port: int, by: float) -> list[_Target]:
        # The look-up itself knows no time limit.
        answers: queue.SimpleQueue[list[Any] | Exception] = queue.SimpleQueue()

        def look_up() -> None:
            try:
                answers.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
            except (OSError, UnicodeError) as error:
                answers.put(error)

        threading.Thread(target=look_up, name=f"look-up of {host}", daemon=True).start()
        try:
            answer = answers.get(timeout=max(by - time.monotonic(), _SHORTEST))
        except queue.Empty:
            raise not_connected(self._subject, self._clock) from None
        if isinstance(answer, Exception):
            raise self._unknown_host(host, answer) from answer
        return list(dict.fromkeys((family, address) for family, _, _, _, address in answer))

    def _unknown_host(self, host: str, error: Exception) -> SourceError:
        if isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN:
            return Disconnected(
                f"{self._subject}: the name {host} cannot be looked up now; it is tried again"
            )
        return SourceError(
            f"{self._subject}: there is no server of the name {host}: mend the address"
        )


class Stream(httpcore.NetworkStream):
    """A connection whose every step gets the time that is left, of the clock that runs then."""

    def __init__(self, connected: socket.socket, subject: str, clock: Clock, by: float) -> None:
        self._socket = connected
        self._subject = subject
        self._clock = clock
        self._connect_by = by
        self._answer_by = time.monotonic() + clock.first_byte_seconds
        self._received = 0
        self._head: bytearray | None = bytearray()
        self.body_bytes = 0
        """Bytes that came after the head of the answer."""

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> Stream:
        """Begin TLS, within the time to connect.

        Raises:
            SourceError: the certificate is not trusted, or the time was over (M053, M088).
            Disconnected: the server broke off.
        """
        try:
            self._socket.settimeout(max(self._connect_by - time.monotonic(), _SHORTEST))
            # Without a word of goodbye, an answer of unknown length may have lost its end.
            secured = ssl_context.wrap_socket(
                self._socket, server_hostname=server_hostname, suppress_ragged_eofs=False
            )
        except BaseException as error:
            self.close()
            if isinstance(error, OSError):
                raise self._no_tls(error) from error
            raise
        return Stream(secured, self._subject, self._clock, self._connect_by)

    def _no_tls(self, error: OSError) -> SourceError:
        if isinstance(error, TimeoutError):
            return not_connected(self._subject, self._clock)
        if isinstance(error, ssl.SSLCertVerificationError):
            advice = (
                "have the server use one of a known CA, or name its own CA with `ca_file`"
                if error.verify_code in _UNTRUSTED
                else "have the server's certificate mended"
            )
            said = error.verify_message.rstrip(".")
            return SourceError(f"{self._subject}: its certificate is refused: {said}; {advice}")
        if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
            return SourceError(f"{self._subject} does not answer by TLS: {error.reason}")
        return Disconnected(
            f"{self._subject} broke off while TLS began: {_reason(error)}; it is tried again"
        )

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return what came, or nothing where the server has ended.

        Raises:
            SourceError: the time was over (M054, M090).
            Disconnected: the connection broke.
        """
        self._limit()
        try:
            data = self._socket.recv(max_bytes)
        except OSError as error:
            raise self._broken(error) from error
        self._received += len(data)
        self._skip_head(data)
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send bytes.

        Raises:
            SourceError: the time was over.
            httpcore.WriteError: the connection broke; the server may have answered before.
        """
        self._limit()
        try:
            self._socket.sendall(buffer)
        except OSError as error:
            if _is_late(error):
                raise self._late() from error
            raise httpcore.WriteError(str(error)) from error

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def get_extra_info(self, info: str) -> Any:
        """Say nothing: there is nothing that this kind of stream tells of itself."""
        return None

    def has_more(self) -> bool:
        """Tell whether more bytes follow, waiting for them a moment only."""
        try:
            self._socket.settimeout(max(min(_PROBE_SECONDS, self._clock.left()), _SHORTEST))
            return bool(self._socket.recv(1))
        except OSError:
            return False

    def _skip_head(self, data: bytes) -> None:
        """Count what comes after the head of the answer, which answers in between may precede."""
        if self._head is None:
            self.body_bytes += len(data)
            return
        self._head += data
        while end := _HEAD_END.search(self._head):
            interim = _INTERIM.match(self._head)
            del self._head[: end.end()]
            if not interim:
                self.body_bytes, self._head = len(self._head), None
                return

    def _limit(self) -> None:
        left = self._clock.left()
        if not self._received:
            left = min(left, self._answer_by - time.monotonic())
        if left <= 0:
            raise self._late()
        self._socket.settimeout(left)

    def _late(self) -> SourceError:
        if not self._received and self._answer_by < self._clock.end:
            return SourceError(
                f"{self._subject} did not begin to answer within "
                f"{self._clock.first_byte_seconds:,} s (`first_byte_timeout`); the next start "
                "tries again"
            )
        return out_of_time(self._subject, self._clock, self.body_bytes)

    def _broken(self, error: OSError) -> SourceError:
        if _is_late(error):
            return self._late()
        said = "it ended without a word" if isinstance(error, ssl.SSLEOFError) else _reason(error)
        return Disconnected(
            f"{self._subject} broke off after {self.body_bytes:,} bytes: {said}; it is tried again"
        )


def not_connected(subject: str, clock: Clock) -> SourceError:
    """Return the error of a server that did not answer the door in time (M053)."""
    if clock.left() <= 0:
        return out_of_time(subject, clock, 0)
    return SourceError(
        f"{subject} was not connected within {clock.connect_seconds:,} s (`connect_timeout`): see "
        "that the server is up and lets this machine in; the next start tries again"
    )


def out_of_time(subject: str, clock: Clock, received: int) -> SourceError:
    """Return the error of a transfer that was not over in time (M090)."""
    return SourceError(
        f"{subject} had not come whole within {clock.total_seconds:,} s (`total_timeout`): "
        f"{received:,} bytes had come; the next start tries again"
    )


def _connected(target: _Target, seconds: float) -> socket.socket:
    family, address = target
    connected = socket.socket(family, socket.SOCK_STREAM)
    try:
        connected.settimeout(seconds)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # An answer may be an hour in coming; what lies between forgets silent connections.
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if hasattr(socket, "TCP_KEEPIDLE"):
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60)
        connected.connect(address)
    except BaseException:
        connected.close()
        raise
    return connected


def _may_reach(address: _IpAddress, reach: Reach) -> bool:
    if reach == "any":
        return True
    inner = _inner(address)
    if reach == "own machine":
        return inner.is_loopback
    return is_public(address)


def is_public(address: _IpAddress) -> bool:
    """Tell whether an address is one of the internet, and no machine's or network's own (D40).

    An IPv6 address that stands for one of IPv4 is judged by that.
    """
    inner = _inner(address)
    if isinstance(inner, IPv6Address) and (inner.is_site_local or inner.teredo is not None):
        return False
    return (
        inner.is_global
        and not inner.is_multicast
        and not inner.is_reserved
        and not inner.is_unspecified
        and inner not in _OWN_SERVICES
    )


def _inner(address: _IpAddress) -> _IpAddress:
    """Return the IPv4 address that an IPv6 one stands for, or itself."""
    if isinstance(address, IPv4Address):
        return address
    if address in _IPV4_IN_IPV6:
        return IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address.sixtofour or address


def _is_late(error: OSError) -> bool:
    """Tell our own time limit from that of the system, which gave the connection up."""
    return isinstance(error, TimeoutError) and error.errno != errno.ETIMEDOUT


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason
    return error.strerror or type(error).__name__
