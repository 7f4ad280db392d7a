"""Requests by HTTPS: headers, redirects, what is answered, and the body as it comes (D40)."""

from __future__ import annotations

import base64
import email.utils
import re
import ssl
import zlib
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from typing import Literal

import httpcore
import httpx

from import_assets.errors import Disconnected, SourceError
from import_assets.sources.feeds.wire import Backend, Clock, Reach, Stream
from import_assets.sources.secrets import secret
from import_assets.spec.connections import HttpConnection

Phase = Literal["sample", "preview", "download"]
"""Why a server is asked, as the phase header tells it (M011)."""

MOST_REDIRECTS = 5

_REDIRECTS = (301, 302, 303, 307, 308)
_PASSED = (200, 206, 304, 416)
_MOST_PATIENCE = 10.0
_BLOCK_BYTES = 1 << 20
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OWN_MACHINE = ("localhost", "127.0.0.1", "::1")


class Answer:
    """What a server answered: its status, its headers, and its body while it comes."""

    def __init__(
        self, response: httpcore.Response, address: httpx.URL, subject: str, *, redirected: bool
    ) -> None:
        self._response = response
        self._subject = subject
        self._headers: dict[str, str] = {}
        for name, value in response.headers:
            key, text = name.decode("latin-1").lower(), value.decode("latin-1")
            self._headers[key] = f"{self._headers[key]}, {text}" if key in self._headers else text
        self.status = response.status
        self.address = address
        self.redirected = redirected

    def header(self, name: str) -> str | None:
        """Return the value of a header, or None without it or where it is empty."""
        return self._headers.get(name) or None

    @property
    def is_packed(self) -> bool:
        """Whether the body is packed on its way, although it was asked for as it is."""
        return (self.header("content-encoding") or "identity").lower() != "identity"

    @property
    def length(self) -> int | None:
        """The bytes of the body as it comes, where the server says how many they are."""
        text = self.header("content-length") or ""
        return int(text) if text.isdecimal() and self.header("transfer-encoding") is None else None

    @property
    def strong_etag(self) -> str | None:
        """The server's mark of this very content, byte for byte."""
        etag = self.header("etag")
        return etag if etag is not None and etag.startswith('"') else None

    @property
    def modified(self) -> datetime | None:
        """When the content was changed, as the server says, in UTC."""
        try:
            when = email.utils.parsedate_to_datetime(self.header("last-modified") or "")
            return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            return None

    def blocks(self) -> Iterator[bytes]:
        """Yield the body, unpacked, in blocks of no more than about a megabyte.

        Raises:
            SourceError: the time is over, it is packed in an unknown way or damaged, or it is
                longer than the server said.
            Disconnected: it broke off, or is shorter than the server said.
        """
        packing = (self.header("content-encoding") or "identity").lower()
        if packing == "identity":
            return self._raw()
        if packing in ("gzip", "x-gzip"):
            return _unpacked(self._raw(), self._subject)
        raise SourceError(
            f"{self._subject} comes packed as {packing[:40]!r} although it was asked for as it is: "
            "have the server send it unpacked, or by gzip"
        )

    def _raw(self) -> Generator[bytes]:
        received = 0
        try:
            for block in self._response.iter_stream():
                received += len(block)
                yield block
        except httpcore.ProtocolError as error:
            of = "" if self.length is None else f" of {self.length:,}"
            raise Disconnected(
                f"{self._subject} broke off after {received:,}{of} bytes; it is tried again"
            ) from error
        self._check_end()

    def _check_end(self) -> None:
        """Refuse a body that goes on behind its stated length: its end would be lost silently."""
        stream = self._response.extensions["network_stream"]
        if self.length is None or not isinstance(stream, Stream):
            return
        if stream.body_bytes > self.length or stream.has_more():
            raise SourceError(
                f"{self._subject} is longer than the {self.length:,} bytes of its Content-Length: "
                "have the server state the right length, in bytes"
            )

    def unexpected(self) -> SourceError:
        """Return the error of an answer that fits no question."""
        return SourceError(f"{self._subject} answered {shown_status(self.status)} unasked")

    def unfitting(self) -> Disconnected:
        """Return the error of a rest that does not belong to its beginning."""
        return Disconnected(
            f"{self._subject} broke off, and what it sends as the rest does not fit to its "
            "beginning; it is tried again"
        )


class Client:
    """Asks a server as a connection says.

    Args:
        name: the connection's, for errors.
        place: what errors begin with.
        connection: how to ask.
        root: what `ca_file` is relative to.
    """

    def __init__(self, name: str, place: str, connection: HttpConnection, root: Path) -> None:
        self._name = name
        self._place = place
        self._connection = connection
        self._root = root

    @contextmanager
    def get(
        self,
        address: str,
        phase: Phase,
        clock: Clock,
        conditions: Mapping[str, str],
    ) -> Iterator[Answer]:
        """Ask for an address, and again for where it leads, and yield the answer.

        Each request carries the phase (M011). User and password go to the first server alone, and
        no way leads from https to http (D40). Answers other than 200, 206, 304 and 416 are errors.

        Raises:
            SourceError: it leads where it may not, or the answer is an error.
            Disconnected: the connection broke, or the server cannot answer now.
        """
        first = here = self._parsed(address)
        for _ in range(MOST_REDIRECTS + 1):
            with self._exchange(here, first, phase, clock, conditions) as answer:
                if answer.status not in _REDIRECTS:
                    self._check_status(answer, first, clock)
                    yield answer
                    return
                here = self._next(here, answer)
        raise SourceError(
            f"{self._subject(first)} leads on more than {MOST_REDIRECTS} times: mend the address"
        )

    @contextmanager
    def _exchange(
        self,
        here: httpx.URL,
        first: httpx.URL,
        phase: Phase,
        clock: Clock,
        conditions: Mapping[str, str],
    ) -> Iterator[Answer]:
        subject = self._subject(here)
        secured = here.scheme == "https"
        port = here.port or (443 if secured else 80)
        connection = httpcore.HTTPConnection(
            httpcore.Origin(here.raw_scheme, here.raw_host, port),
            ssl_context=self._tls if secured else None,
            network_backend=Backend(subject, clock, self._reach(here)),
        )
        headers = self._headers(here, first, phase) | dict(conditions)
        url = httpcore.URL(
            scheme=here.raw_scheme, host=here.raw_host, port=port, target=here.raw_path
        )
        request = httpcore.Request(
            "GET", url, headers=[(name, value.encode("latin-1")) for name, value in headers.items()]
        )
        with connection:
            try:
                response = connection.handle_request(request)
            except httpcore.ProtocolError as error:
                raise Disconnected(
                    f"{subject} ended without an answer that can be understood; it is tried again"
                ) from error
            yield Answer(response, here, subject, redirected=here != first)

    def _headers(self, here: httpx.URL, first: httpx.URL, phase: Phase) -> dict[str, str]:
        own = self._connection
        if not _TOKEN.fullmatch(own.phase_header):
            raise SourceError(f"{self._place}: `phase_header` is not the name of a header: mend it")
        headers = {
            "Host": here.netloc.decode("ascii"),
            "User-Agent": "import_assets",
            "Accept": "*/*",
            # As it is, servers state its length and can send the rest of it, which tells a whole
            # file from a part; packed on the fly they mostly cannot.
            "Accept-Encoding": "identity",
            "Connection": "close",
            own.phase_header: phase,
        }
        if (
            own.user is not None
            and own.password_env is not None
            and _origin(here) == _origin(first)
        ):
            if ":" in own.user:
                raise SourceError(f"{self._place}: `user` may not hold a colon, by RFC 2617")
            login = f"{own.user}:{secret(self._name, own.password_env)}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(login).decode('ascii')}"
        return headers

    def _next(self, here: httpx.URL, answer: Answer) -> httpx.URL:
        subject = self._subject(here)
        location = answer.header("location")
        if location is None:
            raise SourceError(
                f"{subject} answered {shown_status(answer.status)} without saying where to"
            )
        try:
            target = here.join(location)
        except httpx.InvalidURL as error:
            raise SourceError(f"{subject} leads to what is no address") from error
        if target.scheme not in ("https", here.scheme):
            raise SourceError(
                f"{subject} leads to {shown_address(target)}: no way leads from https:// to "
                f"{target.scheme}://; name the right address"
            )
        return target

    def _reach(self, here: httpx.URL) -> Reach:
        if here.scheme == "https":
            return "any" if self._connection.private_addresses == "allow" else "public"
        if self._connection.plain_http != "allow" or here.host not in _OWN_MACHINE:
            raise SourceError(f"{self._subject(here)}: feeds come by https:// only")
        return "own machine"

    def _check_status(self, answer: Answer, first: httpx.URL, clock: Clock) -> None:
        status = answer.status
        if status in _PASSED:
            return
        said = f"{self._subject(answer.address)} answered {shown_status(status)}"
        if status in (401, 403):
            raise SourceError(f"{said}: {self._login_advice(answer.address, first)}")
        if status in (404, 410):
            raise SourceError(f"{said}: there is no such file: mend the address, or have it put up")
        if status == 429 or status >= 500:
            wait = _retry_after(answer.header("retry-after"))
            if wait > _MOST_PATIENCE:
                raise SourceError(
                    f"{said} and asks to be left alone for {wait:,.0f} s; the next start tries "
                    "again"
                )
            clock.be_patient(wait)
            raise Disconnected(f"{said}; it is tried again")
        raise SourceError(f"{said}: a file comes with 200 (OK) only")

    def _login_advice(self, here: httpx.URL, first: httpx.URL) -> str:
        own = self._connection
        if own.user is None:
            return "if it wants a login, give the connection `user` and `password_env`"
        if _origin(here) != _origin(first):
            return (
                f"{shown_address(first)} led there, and user and password go to that server alone"
            )
        return f"check `user`, and the password that the variable {own.password_env} holds"

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """The certificates to trust: those of `ca_file`, or those that browsers trust (M088)."""
        if self._connection.ca_file is None:
            return httpx.create_ssl_context(verify=True, trust_env=False)
        path = self._root / self._connection.ca_file
        try:
            return ssl.create_default_context(cafile=path)
        except OSError as error:
            said = error.strerror if not isinstance(error, ssl.SSLError) else None
            raise SourceError(
                f"{self._place}: `ca_file` {path} cannot be used: "
                f"{said or 'it holds no certificates in PEM'}"
            ) from error

    def _parsed(self, address: str) -> httpx.URL:
        try:
            return httpx.URL(address)
        except httpx.InvalidURL:
            # The error itself would show the query.
            raise SourceError(f"{self._place}: its address cannot be used: mend it") from None

    def _subject(self, address: httpx.URL) -> str:
        return f"{self._place}: {shown_address(address)}"


def shown_address(address: httpx.URL | str) -> str:
    """Return an address as errors show it: the query may hold a secret (D42)."""
    url = httpx.URL(address)
    port = "" if url.port is None else f":{url.port}"
    host = f"[{url.host}]" if ":" in url.host else url.host
    # The path as it is sent: decoded, it could hold line ends.
    path, asked, _ = url.raw_path.decode("ascii").partition("?")
    return f"{url.scheme}://{host}{port}{path}{'?…' if asked else ''}"


def shown_status(status: int) -> str:
    """Return a status with the words that belong to it."""
    try:
        return f"{status} ({HTTPStatus(status).phrase})"
    except ValueError:
        return str(status)


def _origin(address: httpx.URL) -> tuple[str, str, int]:
    port = address.port or (443 if address.scheme == "https" else 80)
    return address.scheme, address.host, port


def _retry_after(text: str | None) -> float:
    """Return the seconds that a server asks for; 0 where it asks for none."""
    if text is None:
        return 0.0
    if text.isdecimal():
        return float(text)
    try:
        when = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max((when - datetime.now(UTC)).total_seconds(), 0.0)


def _unpacked(blocks: Iterable[bytes], subject: str) -> Generator[bytes]:
    """Unpack gzip, never more than a block at once, however little was sent for it."""
    whole = True
    unpacker = zlib.decompressobj(wbits=31)
    for block in blocks:
        rest = block
        while rest:
            try:
                unpacked = unpacker.decompress(rest, _BLOCK_BYTES)
            except zlib.error as error:
                raise SourceError(
                    f"{subject} comes packed by gzip and is damaged; the next start tries again"
                ) from error
            if unpacked:
                yield unpacked
            whole = unpacker.eof
            rest = unpacker.unused_data if whole else unpacker.unconsumed_tail
            if whole:
                unpacker = zlib.decompressobj(wbits=31)
    if not whole:
        raise Disconnected(f"{subject} comes packed by gzip and lacks its end; it is tried again")
