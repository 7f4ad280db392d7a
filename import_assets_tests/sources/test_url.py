"""Feeds by HTTPS, from real servers, through every fault that they have (M009-M011, D40-D42)."""

from __future__ import annotations

import base64
import gzip
import hashlib
import ipaddress
import os
import shutil
import socket
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import trustme

from import_assets.errors import Disconnected, FileRefused, ImportAssetsError, SourceError
from import_assets.sources.feeds import wire
from import_assets.sources.feeds.base import Since, State
from import_assets.sources.feeds.url import UrlFeed, joined
from import_assets.sources.feeds.wire import is_public
from import_assets.spec.connections import HttpConnection
from import_assets.spec.models import Limits
from import_assets_tests.servers.https import (
    Exchange,
    HttpsServer,
    full_server,
    https_server,
    sends,
    silent_server,
)

KEY = "2027-01-31T06:00"
CSV = b"id,name\n" + b"".join(b"%d,Anna\n" % number for number in range(30_000))
PASSWORD = "hunter2 \u017elu\u0165ou\u010dk\u00fd"
USER = "d\u00edl\u010d\u00edk"
SINCE = datetime(2027, 1, 30, 5, 0, tzinfo=UTC)
DATE = "Sat, 30 Jan 2027 05:00:00 GMT"


@dataclass(frozen=True)
class Got:
    """A delivery, after its copy was removed."""

    content: bytes
    sha256: str
    fingerprint: str
    modified: datetime
    state: State

    @property
    def since(self) -> Since:
        return Since(KEY, self.fingerprint, self.sha256, self.state)


@pytest.fixture(scope="module")
def running() -> Iterator[HttpsServer]:
    with https_server() as server:
        yield server


@pytest.fixture
def server(running: HttpsServer) -> HttpsServer:
    running.requests.clear()
    running.says_goodbye = True
    running.script = sends(CSV)
    return running


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", PASSWORD)


def feed(server: HttpsServer, path: str = "/feed.csv", **changes: Any) -> UrlFeed:
    connection = server.connection(**changes)
    return UrlFeed(
        "shop_feed", joined(connection.address, path), connection, Path(), pauses=(0.0, 0.0)
    )


def pulled(
    feed: UrlFeed, spool: Path, since: Since | None = None, limits: Limits | None = None
) -> Got | None:
    try:
        with feed.pull(KEY, since, spool, limits or Limits()) as found:
            if found is None:
                return None
            content = found.content.path.read_bytes()  # pyright: ignore[reportAttributeAccessIssue]
            delivery = found.delivery
            assert delivery.key == KEY
            assert delivery.size == found.content.size == len(content)
            return Got(
                content,
                found.content.sha256,
                delivery.fingerprint,
                delivery.modified,
                found.state,
            )
    finally:
        assert list(spool.iterdir()) == [], "a copy was left behind"


def got(feed: UrlFeed, spool: Path, since: Since | None = None) -> Got:
    found = pulled(feed, spool, since)
    assert found is not None
    return found


def refused(feed: UrlFeed, spool: Path, limits: Limits | None = None) -> str:
    """Return what the user reads, in which no secret may be, in no error of the chain."""
    with pytest.raises(ImportAssetsError) as caught:
        pulled(feed, spool, limits=limits)
    error: BaseException | None = caught.value
    login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    while error is not None:
        for secret in (PASSWORD, login, "t0ken"):
            assert secret not in f"{error} {error!r}"
        error = error.__cause__
    return str(caught.value)


def dropping(bytes_before: int, **headers: str) -> Callable[[Exchange], None]:
    """Return the script that sends a part of CSV and breaks off."""

    def script(exchange: Exchange) -> None:
        exchange.head(200, {"Content-Length": str(len(CSV))} | headers)
        exchange.wfile.write(CSV[:bytes_before])

    return script


def in_turn(*scripts: Callable[[Exchange], None]) -> Callable[[Exchange], None]:
    """Return the script that answers each request by the next of several, the rest by the last."""
    left = list(scripts)

    def script(exchange: Exchange) -> None:
        (left.pop(0) if len(left) > 1 else left[0])(exchange)

    return script


def after(seconds: float, script: Callable[[Exchange], None]) -> Callable[[Exchange], None]:
    """Return the script that answers late, if the server still runs."""

    def late(exchange: Exchange) -> None:
        if exchange.wait(seconds):
            script(exchange)

    return late


def test_takes_what_there_is(server: HttpsServer, spool: Path) -> None:
    """M009: the file behind the address becomes a delivery of the slot."""
    found = got(feed(server), spool)
    assert found.content == CSV
    assert found.sha256 == hashlib.sha256(CSV).hexdigest()
    assert server.requests[0].path == "/feed.csv"
    assert server.requests[0].headers["host"] == f"127.0.0.1:{server.port}"
    assert "import_assets" in server.requests[0].headers["user-agent"]


@pytest.mark.parametrize(
    ("address", "path", "whole"),
    [
        ("https://h/feeds", "/feed.csv", "https://h/feeds/feed.csv"),
        ("https://h/feeds/", "feed.csv", "https://h/feeds/feed.csv"),
        ("https://h", "/a/b.csv?x=1", "https://h/a/b.csv?x=1"),
        ("https://h/f?token=t", "/a.csv?x=1", "https://h/f/a.csv?token=t&x=1"),
        ("https://h/f?token=t", "?x=1", "https://h/f?token=t&x=1"),
        ("https://h/f.csv?x=1", None, "https://h/f.csv?x=1"),
        ("https://h", "//other.example/a.csv", "https://h//other.example/a.csv"),
    ],
)
def test_path_is_added_to_the_address(address: str, path: str | None, whole: str) -> None:
    assert joined(address, path) == whole


def test_the_phase_is_said_in_every_request(server: HttpsServer, spool: Path) -> None:
    """M011: three phases; in retries and after redirects too."""
    server.script = in_turn(
        sends(status=302, headers={"Location": "/moved.csv"}), dropping(100), sends(CSV)
    )
    got(feed(server), spool)
    with feed(server).preview(5, spool, Limits()):
        pass
    feed(server).sample()
    phases = [request.headers["x-exponea-import-phase"] for request in server.requests]
    assert phases == ["download", "download", "download", "preview", "sample"]


def test_the_phase_header_may_be_called_otherwise(server: HttpsServer, spool: Path) -> None:
    """D40: its name can be configured."""
    got(feed(server, phase_header="X-Why"), spool)
    assert server.requests[0].headers["x-why"] == "download"
    assert "x-exponea-import-phase" not in server.requests[0].headers
    assert "`phase_header` is not the name" in refused(feed(server, phase_header="X Why"), spool)


def test_logs_in_by_basic(server: HttpsServer, spool: Path) -> None:
    """M009, M089: any letters, as UTF-8."""
    got(feed(server, user=USER, password_env="SHOP_PASSWORD"), spool)
    kind, login = server.requests[0].headers["authorization"].split()
    assert (kind, base64.b64decode(login).decode()) == ("Basic", f"{USER}:{PASSWORD}")


def test_wrong_password(server: HttpsServer, spool: Path) -> None:
    """M010, D42: the sentence names the variable, never the password."""
    server.script = sends(status=401)
    said = refused(feed(server, "/f.csv?key=t0ken", user=USER, password_env="SHOP_PASSWORD"), spool)
    assert said == (
        f"connection shop_feed: {server.address}/f.csv?… answered 401 (Unauthorized): check "
        "`user`, and the password that the variable SHOP_PASSWORD holds"
    )
    assert len(server.requests) == 1
    assert "give the connection `user`" in refused(feed(server), spool)


def test_password_that_is_not_set(
    server: HttpsServer, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """D42: secrets come from the environment, at the moment they are needed."""
    monkeypatch.delenv("SHOP_PASSWORD")
    said = refused(feed(server, user="anna", password_env="SHOP_PASSWORD"), spool)
    assert "SHOP_PASSWORD is not set" in said
    assert server.requests == []
    assert "may not hold a colon" in refused(
        feed(server, user="an:na", password_env="SHOP_PASSWORD"), spool
    )


def test_line_ends_in_an_address_are_not_shown_as_such(server: HttpsServer, spool: Path) -> None:
    server.script = sends(status=404)
    assert "/a%0Ab.csv answered 404" in refused(feed(server, "/a%0Ab.csv"), spool)


def test_nothing_shows_a_secret(server: HttpsServer) -> None:
    """D42: neither the password nor what the query holds."""
    shown = repr(feed(server, "/f.csv?key=t0ken", user=USER, password_env="SHOP_PASSWORD"))
    assert shown == f"UrlFeed('shop_feed', '{server.address}/f.csv?…')"


def test_says_where_it_is() -> None:
    connection = HttpConnection(address="https://shop.example.com/f.csv")
    for name in ("shop.example.com", ""):
        alone = UrlFeed(name, connection.address, connection, Path())
        assert alone.place == "server shop.example.com"
    assert UrlFeed("shop_feed", connection.address, connection, Path()).place == (
        "connection shop_feed"
    )


@pytest.mark.parametrize(
    ("status", "said", "times"),
    [
        (404, "answered 404 (Not Found): there is no such file: mend the address", 1),
        (410, "answered 410 (Gone): there is no such file", 1),
        (403, "answered 403 (Forbidden)", 1),
        (429, "answered 429 (Too Many Requests); it is tried again", 3),
        (500, "answered 500 (Internal Server Error); it is tried again", 3),
        (503, "answered 503 (Service Unavailable); it is tried again", 3),
        (204, "answered 204 (No Content): a file comes with 200 (OK) only", 1),
        (299, "answered 299: a file comes", 1),
        (206, "answered 206 (Partial Content) unasked", 1),
        (304, "answered 304 (Not Modified) unasked", 1),
        (416, "answered 416 (Requested Range Not Satisfiable) unasked", 1),
        (302, "answered 302 (Found) without saying where to", 1),
    ],
)
def test_status(server: HttpsServer, spool: Path, status: int, said: str, times: int) -> None:
    server.script = sends(b"", status)
    assert said in refused(feed(server), spool)
    assert len(server.requests) == times


def test_a_busy_server_is_asked_again(server: HttpsServer, spool: Path) -> None:
    server.script = in_turn(sends(status=503, headers={"Retry-After": "1"}), sends(CSV))
    begun = time.monotonic()
    assert got(feed(server), spool).content == CSV
    assert time.monotonic() - begun >= 1


@pytest.mark.parametrize("wait", ["3600", "Fri, 31 Dec 2100 23:59:59 GMT"])
def test_a_server_that_wants_hours_is_left_alone(
    server: HttpsServer, spool: Path, wait: str
) -> None:
    server.script = sends(status=503, headers={"Retry-After": wait})
    assert "asks to be left alone for" in refused(feed(server), spool)
    assert len(server.requests) == 1


# Certificates


def test_untrusted_ca(spool: Path) -> None:
    """M088: the certificate has to be one of a trusted CA."""
    with https_server(ca=trustme.CA()) as server:
        said = refused(feed(server), spool)
        assert server.requests == []
    assert said == (
        f"connection shop_feed: {server.address}/feed.csv: its certificate is refused: unable to "
        "get local issuer certificate; have the server use one of a known CA, or name its own CA "
        "with `ca_file`"
    )


def test_a_ca_of_ones_own_is_trusted_only_where_it_is_named(
    server: HttpsServer, spool: Path
) -> None:
    """M088"""
    assert "certificate is refused" in refused(feed(server, ca_file=None), spool)
    assert server.requests == []


def test_wrong_host_name(spool: Path) -> None:
    """M088"""
    with https_server("127.0.0.1") as server:
        own = server.connection(address=f"https://localhost:{server.port}")
        said = refused(UrlFeed("shop_feed", own.address, own, Path()), spool)
    assert "its certificate is refused: Hostname mismatch" in said
    assert "have the server's certificate mended" in said


def test_expired_certificate(spool: Path) -> None:
    """M088"""
    with https_server(expired=True) as server:
        said = refused(feed(server), spool)
    assert "certificate has expired; have the server's certificate mended" in said


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_ca_file_that_is_none(
    server: HttpsServer, tmp_path: Path, spool: Path, content: str | None
) -> None:
    if content is not None:
        (tmp_path / "ca.pem").write_text(content)
    own = server.connection(ca_file="ca.pem")
    said = refused(UrlFeed("shop_feed", own.address, own, tmp_path), spool)
    assert f"`ca_file` {tmp_path / 'ca.pem'} cannot be used" in said


def test_certificates_of_the_environment_count_for_nothing(
    server: HttpsServer, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither does a proxy: what is trusted and where requests go stands in the project."""
    monkeypatch.setenv("SSL_CERT_FILE", str(server.ca_file))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    assert "certificate is refused" in refused(feed(server, ca_file=None), spool)
    assert got(feed(server), spool).content == CSV


# Addresses


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1"])
def test_private_addresses_are_refused(server: HttpsServer, spool: Path, host: str) -> None:
    """D40: however they are written, and whatever name leads to them."""
    own = server.connection(
        address=f"https://{host}:{server.port}/f.csv", private_addresses="refuse"
    )
    said = refused(UrlFeed("shop_feed", own.address, own, Path()), spool)
    assert "which is no address of the internet: set `private_addresses: allow`" in said
    assert server.requests == []


@pytest.mark.parametrize(
    "address",
    [
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "127.0.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "100.100.100.200",
        "168.63.129.16",
        "0.0.0.0",
        "224.0.0.1",
        "239.1.1.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "64:ff9b::a00:1",
        "2002:a00:1::1",
        "2001:0:5ef5:79fb::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "fd00:ec2::254",
        "ff02::1",
        "2001:db8::1",
    ],
)
def test_what_is_no_address_of_the_internet(address: str) -> None:
    """D40"""
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_what_is_an_address_of_the_internet(address: str) -> None:
    """D40"""
    assert is_public(ipaddress.ip_address(address))


def names_lead_to(*addresses: str, port: int) -> Callable[..., list[Any]]:
    return lambda *_, **__: [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses
    ]


def test_one_private_address_among_several_is_enough(
    server: HttpsServer, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """D40"""
    monkeypatch.setattr(
        socket, "getaddrinfo", names_lead_to("8.8.8.8", "127.0.0.1", port=server.port)
    )
    own = server.connection(address="https://shop.example/f.csv", private_addresses="refuse")
    said = refused(UrlFeed("shop_feed", own.address, own, Path()), spool)
    assert "leads to 127.0.0.1, which is no address of the internet" in said


def test_the_address_that_was_checked_is_the_one_that_is_asked(
    spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """D40: a name is looked up once; certificate and Host go by the name all the same."""
    with https_server("shop.example") as server:
        lookups: list[object] = []

        def look_up(host: object, *_: object, **__: object) -> list[Any]:
            lookups.append(host)
            return names_lead_to("127.0.0.1", port=server.port)()

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        assert got(feed(server), spool).content == b"id\n1\n"
        assert lookups == ["shop.example"]
        assert server.requests[0].headers["host"] == f"shop.example:{server.port}"


def test_an_address_that_is_dead_does_not_hide_the_others(
    server: HttpsServer, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with full_server() as dead:

        def look_up(*_: object, **__: object) -> list[Any]:
            return [
                *names_lead_to("127.0.0.1", port=dead)(),
                *names_lead_to("127.0.0.1", port=server.port)(),
            ]

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        assert got(feed(server, connect_timeout=4), spool).content == CSV


def test_a_name_that_does_not_exist(spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    own = HttpConnection(address="https://no.example/f.csv")
    said = refused(UrlFeed("no.example", own.address, own, Path()), spool)
    assert said == (
        "server no.example: https://no.example/f.csv: there is no server of the name no.example: "
        "mend the address"
    )


def test_a_look_up_that_hangs(spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """M053: the name counts among the 30 seconds."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(5))
    own = HttpConnection(address="https://no.example/f.csv", connect_timeout=1)
    said = refused(UrlFeed("no.example", own.address, own, Path()), spool)
    assert "was not connected within 1 s" in said


def test_plain_http_is_for_this_machine_alone(spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """M088, D40: and only where it is allowed."""
    with https_server(plain=True) as server:
        server.script = sends(CSV)
        own = server.connection(plain_http="allow", private_addresses="refuse")
        assert got(UrlFeed("shop_feed", own.address, own, Path()), spool).content == CSV
        monkeypatch.setattr(socket, "getaddrinfo", names_lead_to("8.8.8.8", port=80))
        said = refused(UrlFeed("shop_feed", own.address, own, Path()), spool)
        assert "8.8.8.8, which is not this machine" in said
        strict = HttpConnection(address="https://127.0.0.1")
        said = refused(UrlFeed("shop_feed", server.address, strict, Path()), spool)
        assert "feeds come by https:// only" in said


# Redirects


def test_follows_redirects(server: HttpsServer, spool: Path) -> None:
    server.script = in_turn(
        sends(status=301, headers={"Location": f"{server.address}/a/one.csv"}),
        sends(status=302, headers={"Location": "two.csv"}),
        sends(status=303, headers={"Location": "/three.csv"}),
        sends(status=307, headers={"Location": f"//127.0.0.1:{server.port}/four.csv"}),
        sends(status=308, headers={"Location": "?x=1"}),
        sends(CSV),
    )
    assert got(feed(server), spool).content == CSV
    assert [request.path for request in server.requests] == [
        "/feed.csv",
        "/a/one.csv",
        "/a/two.csv",
        "/three.csv",
        "/four.csv",
        "/four.csv?x=1",
    ]


def test_redirects_without_end(server: HttpsServer, spool: Path) -> None:
    server.script = sends(status=302, headers={"Location": "/feed.csv"})
    assert "leads on more than 5 times" in refused(feed(server), spool)
    assert len(server.requests) == 6


@pytest.mark.parametrize(
    ("location", "said"),
    [
        ("http://127.0.0.1:1/f.csv?key=t0ken", "leads to http://127.0.0.1:1/f.csv?…: no way leads"),
        ("ftp://127.0.0.1/f.csv", "no way leads from https:// to ftp://"),
        ("https://[::1", "leads to what is no address"),
    ],
)
def test_redirects_that_are_not_followed(
    server: HttpsServer, spool: Path, location: str, said: str
) -> None:
    """D40: never from https to http."""
    server.script = sends(status=302, headers={"Location": location})
    assert said in refused(feed(server, plain_http="allow"), spool)
    assert len(server.requests) == 1


def test_another_host_gets_no_credentials(server: HttpsServer, spool: Path) -> None:
    """D40: nor another port; the phase goes on; back at the first server they count again."""
    own: dict[str, Any] = {"user": USER, "password_env": "SHOP_PASSWORD"}
    with https_server() as other:
        away = f"https://x:y@127.0.0.1:{other.port}/other.csv"
        back = f"{server.address}/back.csv"
        to_other = sends(status=302, headers={"Location": away})
        server.script = in_turn(to_other, sends(CSV), to_other)
        other.script = in_turn(sends(status=302, headers={"Location": back}), sends(status=401))
        assert got(feed(server, **own), spool).content == CSV
        (asked,), (first, last) = other.requests, server.requests
        assert "authorization" not in asked.headers
        assert asked.headers["x-exponea-import-phase"] == "download"
        assert first.headers["authorization"] == last.headers["authorization"]
        said = refused(feed(server, **own), spool)
        assert "authorization" not in other.requests[1].headers
    assert said.endswith("led there, and user and password go to that server alone")


def test_each_address_on_the_way_is_checked(
    server: HttpsServer, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """D40: a server of the internet cannot lead into the own network."""
    server.script = sends(status=302, headers={"Location": "https://10.0.0.1/secrets"})
    # As if the server were one of the internet.
    monkeypatch.setattr(
        wire, "is_public", lambda address: str(address) == "127.0.0.1" or is_public(address)
    )
    said = refused(feed(server, private_addresses="refuse"), spool)
    assert "https://10.0.0.1/secrets leads to 10.0.0.1, which is no address" in said


# Clocks


def test_a_server_that_is_full(spool: Path) -> None:
    """M053: no connection in time; the import is dropped until its next start."""
    with full_server() as port:
        own = HttpConnection(
            address=f"https://127.0.0.1:{port}", private_addresses="allow", connect_timeout=1
        )
        with pytest.raises(SourceError) as caught:
            pulled(UrlFeed("shop_feed", own.address, own, Path()), spool)
    assert not isinstance(caught.value, Disconnected)
    assert str(caught.value) == (
        f"connection shop_feed: https://127.0.0.1:{port}/ was not connected within 1 s "
        "(`connect_timeout`): see that the server is up and lets this machine in; the next start "
        "tries again"
    )


def test_a_server_that_never_begins_tls(spool: Path) -> None:
    """M053: TLS counts among the time to connect."""
    with silent_server() as port:
        own = HttpConnection(
            address=f"https://127.0.0.1:{port}", private_addresses="allow", connect_timeout=1
        )
        said = refused(UrlFeed("shop_feed", own.address, own, Path()), spool)
    assert "was not connected within 1 s (`connect_timeout`)" in said


def test_a_port_where_nobody_listens(spool: Path) -> None:
    with silent_server() as port:
        pass
    own = HttpConnection(address=f"https://127.0.0.1:{port}", private_addresses="allow")
    said = refused(UrlFeed("shop_feed", own.address, own, Path(), pauses=()), spool)
    assert "cannot be connected: Connection refused; it is tried again" in said


def test_a_server_without_tls(spool: Path) -> None:
    """M088"""
    with https_server(plain=True) as server:
        own = server.connection(address=f"https://127.0.0.1:{server.port}")
        said = refused(UrlFeed("shop_feed", own.address, own, Path(), pauses=()), spool)
    assert "does not answer by TLS" in said


def test_a_slow_first_byte(server: HttpsServer, spool: Path) -> None:
    """M054: the import is cancelled, and not tried again at once."""
    server.script = after(30, sends(CSV))
    said = refused(feed(server, first_byte_timeout=1), spool)
    assert said.endswith(
        "feed.csv did not begin to answer within 1 s (`first_byte_timeout`); the next start tries "
        "again"
    )
    assert len(server.requests) == 1


def test_the_first_byte_may_be_slower_than_the_connection(server: HttpsServer, spool: Path) -> None:
    """M053, M054: the clocks are two."""
    server.script = after(2.2, sends(CSV))
    assert got(feed(server, connect_timeout=2), spool).content == CSV


def drips(exchange: Exchange, first: bytes, drop: bytes) -> None:
    exchange.wfile.write(first)
    while exchange.wait(0.05):
        exchange.wfile.write(drop)


@pytest.mark.parametrize(
    ("first", "drop"),
    [
        (b"HTTP/1.1 200 OK\r\nX-Drip: ", b"x"),
        (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    ],
    ids=["in headers", "before headers", "in the body", "in chunks"],
)
def test_a_server_that_drips(server: HttpsServer, spool: Path, first: bytes, drop: bytes) -> None:
    """M090, D40: a byte now and then keeps no transfer alive beyond its time."""
    server.script = lambda exchange: drips(exchange, first, drop)
    said = refused(feed(server, total_timeout=1), spool)
    assert "had not come whole within 1 s (`total_timeout`): " in said
    assert said.endswith("bytes had come; the next start tries again")
    assert len(server.requests) <= 1


def test_retries_count_among_the_time_of_the_whole(server: HttpsServer, spool: Path) -> None:
    """M090: one hour for the download, however often it breaks."""
    server.script = sends(status=503, headers={"Retry-After": "9"})
    own = feed(server, total_timeout=1)
    begun = time.monotonic()
    assert "had not come whole within 1 s" in refused(own, spool)
    assert time.monotonic() - begun < 8


# Bodies


def test_cut_and_reset_are_tried_again(server: HttpsServer, spool: Path) -> None:
    def resets(exchange: Exchange) -> None:
        dropping(150_000)(exchange)
        exchange.reset()

    server.script = in_turn(dropping(70_000), resets, sends(CSV))
    assert got(feed(server), spool).content == CSV
    assert [request.headers.get("range") for request in server.requests] == [None] * 3


def test_a_body_that_is_shorter_than_stated(server: HttpsServer, spool: Path) -> None:
    """D40: Content-Length that does not fit is a failure."""
    server.script = dropping(1_000)
    said = refused(feed(server), spool)
    assert f"broke off after 1,000 of {len(CSV):,} bytes; it is tried again" in said
    assert len(server.requests) == 3


@pytest.mark.parametrize("late", [False, True])
def test_a_body_that_is_longer_than_stated(server: HttpsServer, spool: Path, late: bool) -> None:
    """D40: its end would be lost without a word; servers that count characters state too little."""

    def script(exchange: Exchange) -> None:
        exchange.head(200, {"Content-Length": str(len(CSV) - 3)})
        if late:
            exchange.wfile.write(CSV[:-3])
            exchange.wait(0.1)
        exchange.wfile.write(CSV[-3:] if late else CSV)

    server.script = script
    said = refused(feed(server), spool)
    assert f"is longer than the {len(CSV) - 3:,} bytes of its Content-Length" in said


def test_answers_in_between_are_no_body(server: HttpsServer, spool: Path) -> None:
    def script(exchange: Exchange) -> None:
        exchange.wfile.write(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        exchange.send(CSV)

    server.script = script
    assert got(feed(server), spool).content == CSV


def test_chunks_without_length(server: HttpsServer, spool: Path) -> None:
    def script(exchange: Exchange) -> None:
        exchange.head(200, {"Transfer-Encoding": "chunked"})
        for start in range(0, len(CSV), 10_000):
            exchange.chunk(CSV[start : start + 10_000])
        exchange.chunk(b"")

    server.script = script
    assert got(feed(server), spool).content == CSV


def test_chunks_without_end(server: HttpsServer, spool: Path) -> None:
    def script(exchange: Exchange) -> None:
        exchange.head(200, {"Transfer-Encoding": "chunked"})
        exchange.chunk(CSV)

    server.script = script
    assert f"broke off after {len(CSV):,} bytes" in refused(feed(server), spool)


def test_neither_chunks_nor_length(server: HttpsServer, spool: Path) -> None:
    """D40: whole only where the server says goodbye; else the end may have been lost."""

    def script(exchange: Exchange) -> None:
        exchange.head()
        exchange.wfile.write(CSV)

    server.script = script
    assert got(feed(server), spool).content == CSV
    server.says_goodbye = False
    said = refused(feed(server), spool)
    assert f"broke off after {len(CSV):,} bytes: it ended without a word" in said


def test_an_answer_that_is_none(server: HttpsServer, spool: Path) -> None:
    server.script = lambda exchange: drips(exchange, b"SSH-2.0-OpenSSH\r\n\r\n", b"")
    assert "without an answer that can be understood" in refused(feed(server), spool)
    server.script = lambda exchange: exchange.reset()
    assert "broke off" in refused(feed(server), spool)


def test_a_stated_length_needs_no_goodbye(server: HttpsServer, spool: Path) -> None:
    server.says_goodbye = False
    assert got(feed(server), spool).content == CSV


def test_an_empty_body(server: HttpsServer, spool: Path) -> None:
    server.script = sends(b"")
    assert got(feed(server), spool).content == b""


def test_limit_is_inclusive(server: HttpsServer, spool: Path) -> None:
    """M085, D12: by the stated length before anything is read, and while it comes."""
    assert pulled(feed(server), spool, limits=Limits(file_bytes=len(CSV))) is not None
    less = Limits(file_bytes=len(CSV) - 1)
    assert "(too_many_bytes)" in refused(feed(server), spool, less)

    def chunks(exchange: Exchange) -> None:
        exchange.head(200, {"Transfer-Encoding": "chunked"})
        while exchange.wait(0):
            exchange.chunk(CSV)

    server.script = chunks
    assert f"{KEY}: it has more than" in refused(feed(server), spool, less)


def test_no_room(server: HttpsServer, spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=99))
    assert f"has {len(CSV):,} bytes and" in refused(feed(server), spool)


# Packed on the way


@pytest.mark.parametrize("packing", ["gzip", "x-gzip", "GZIP"])
def test_packed_by_gzip(server: HttpsServer, spool: Path, packing: str) -> None:
    packed = gzip.compress(CSV[:100_000]) + gzip.compress(CSV[100_000:])
    server.script = sends(packed, headers={"Content-Encoding": packing})
    assert got(feed(server), spool).content == CSV
    assert server.requests[0].headers["accept-encoding"] == "identity"


def test_a_file_that_is_packed_itself_stays_so(server: HttpsServer, spool: Path) -> None:
    packed = gzip.compress(CSV)
    server.script = sends(packed)
    assert got(feed(server), spool).content == packed


def test_limit_counts_unpacked_bytes(server: HttpsServer, spool: Path) -> None:
    """D12: a little that unpacks to a lot is stopped, and never unpacked at once."""
    packer = zlib.compressobj(wbits=31)
    packed = b"".join(packer.compress(bytes(1_000_000)) for _ in range(50)) + packer.flush()
    assert len(packed) < 1_000_000
    server.script = sends(packed, headers={"Content-Encoding": "gzip"})
    said = refused(feed(server), spool, Limits(file_bytes=3_000_000))
    assert "(too_many_bytes)" in said


@pytest.mark.parametrize(
    ("body", "packing", "said"),
    [
        (gzip.compress(CSV)[:-9], "gzip", "comes packed by gzip and lacks its end"),
        (b"\x1f\x8b" + bytes(99), "gzip", "comes packed by gzip and is damaged"),
        (CSV, "gzip", "comes packed by gzip and is damaged"),
        (CSV, "br", "comes packed as 'br' although it was asked for as it is"),
    ],
)
def test_packed_badly(
    server: HttpsServer, spool: Path, body: bytes, packing: str, said: str
) -> None:
    server.script = sends(body, headers={"Content-Encoding": packing})
    assert said in refused(feed(server), spool)


# Unchanged, and taken up again


def versions(content: bytes, **headers: str) -> Callable[[Exchange], None]:
    """Return the script of a server that knows its versions."""

    def script(exchange: Exchange) -> None:
        etag, date = headers.get("ETag"), headers.get("Last-Modified")
        asked = exchange.headers.get("If-None-Match"), exchange.headers.get("If-Modified-Since")
        same = asked[0] == etag if asked[0] else asked[1] and asked[1] == date
        exchange.send(b"" if same else content, 304 if same else 200, headers)

    return script


def named(**headers: str) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


@pytest.mark.parametrize(
    ("headers", "fingerprint"),
    [
        ({"ETag": '"v1"', "Last-Modified": DATE}, '"v1"'),
        ({"ETag": 'W/"v1"'}, 'W/"v1"'),
        ({"Last-Modified": DATE}, f"{DATE} {len(CSV)}"),
    ],
    ids=["etag", "weak etag", "date"],
)
def test_unchanged_by_the_server_s_word(
    server: HttpsServer, spool: Path, headers: dict[str, str], fingerprint: str
) -> None:
    """A version that was imported is not fetched again; another one is."""
    server.script = versions(CSV, **headers)
    first = got(feed(server), spool)
    assert first.fingerprint == fingerprint
    assert first.modified == SINCE or "Last-Modified" not in headers
    assert pulled(feed(server), spool, first.since) is None
    other = {
        name: value.replace("v1", "v2").replace("05:", "06:") for name, value in headers.items()
    }
    server.script = versions(CSV + b"7,New\n", **other)
    again = got(feed(server), spool, first.since)
    assert again.content.endswith(b"New\n")
    assert again.fingerprint != first.fingerprint


def test_unchanged_by_content(server: HttpsServer, spool: Path) -> None:
    """A feed whose server knows no versions, or invents new ones, is not imported twice either."""
    first = got(feed(server), spool)
    assert first.fingerprint == first.sha256
    assert pulled(feed(server), spool, first.since) is None
    server.script = sends(CSV, headers={"ETag": '"new"'})
    assert pulled(feed(server), spool, first.since) is None


def test_versions_of_another_address_say_nothing(server: HttpsServer, spool: Path) -> None:
    server.script = versions(CSV, ETag='"v1"')
    first = got(feed(server), spool)
    server.script = versions(b"other", ETag='"v1"')
    assert got(feed(server, "/other.csv"), spool, first.since).content == b"other"
    secret = got(feed(server, "/f.csv?key=t0ken"), spool)
    assert "t0ken" not in str(secret.state), "the state is stored: it may hold no secret (D42)"


def test_a_date_that_is_none(server: HttpsServer, spool: Path) -> None:
    server.script = sends(CSV, headers={"Last-Modified": "yesterday"})
    before = datetime.now(UTC)
    assert got(feed(server), spool).modified >= before


def test_a_long_etag_is_shortened(server: HttpsServer, spool: Path) -> None:
    server.script = sends(CSV, headers={"ETag": f'"{"x" * 5_000}"'})
    assert len(got(feed(server), spool).fingerprint) == 64


def resuming(
    cut: int, etag: str = '"v1"', rest: Callable[[Exchange, int], None] | None = None
) -> Callable[[Exchange], None]:
    """Return the script of a server that breaks off, and can send the rest."""

    def script(exchange: Exchange) -> None:
        if (asked := exchange.headers.get("Range")) is None:
            return dropping(cut, **{"ETag": etag, "Accept-Ranges": "bytes"})(exchange)
        assert exchange.headers["If-Range"] == etag
        return (rest or sends_rest)(exchange, int(asked.removeprefix("bytes=").rstrip("-")))

    return script


def sends_rest(exchange: Exchange, first: int) -> None:
    span = f"bytes {first}-{len(CSV) - 1}/{len(CSV)}"
    exchange.send(CSV[first:], 206, {"Content-Range": span, "ETag": '"v1"'})


def test_goes_on_where_it_broke_off(server: HttpsServer, spool: Path) -> None:
    server.script = resuming(150_000)
    found = got(feed(server), spool)
    assert found.content == CSV
    assert found.sha256 == hashlib.sha256(CSV).hexdigest()
    assert found.fingerprint == '"v1"'
    assert [request.headers.get("range") for request in server.requests] == [None, "bytes=150000-"]


def test_a_rest_that_breaks_off_too(server: HttpsServer, spool: Path) -> None:
    def half(exchange: Exchange, first: int) -> None:
        if first > 150_000:
            return sends_rest(exchange, first)
        span = f"bytes {first}-{len(CSV) - 1}/{len(CSV)}"
        exchange.head(206, {"Content-Range": span, "Content-Length": str(len(CSV) - first)})
        exchange.wfile.write(CSV[first:200_000])
        return None

    server.script = resuming(150_000, rest=half)
    assert got(feed(server), spool).content == CSV
    assert server.requests[-1].headers["range"] == "bytes=200000-"


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (416, {}),
        (206, {}),
        (206, {"Content-Range": f"bytes 0-{len(CSV) - 1}/{len(CSV)}"}),
        (206, {"Content-Range": f"bytes 150000-{len(CSV)}/{len(CSV) + 1}"}),
        (206, {"Content-Range": "bytes 0-4/5"}),
        (206, {"Content-Range": "bytes 150000-150004/150005"}),
        (206, {"Content-Range": "bytes 150000-150009/*"}),
        (206, {"Content-Range": f"bytes 150000-{len(CSV) - 1}/{len(CSV)}", "ETag": '"v2"'}),
    ],
)
def test_a_rest_that_does_not_fit(
    server: HttpsServer, spool: Path, status: int, headers: dict[str, str]
) -> None:
    """Two versions are never made one file: it is fetched from the start."""
    broken = resuming(150_000, rest=lambda exchange, _: exchange.send(b"wrong", status, headers))
    server.script = in_turn(broken, broken, sends(CSV))
    assert got(feed(server), spool).content == CSV
    assert [request.headers.get("range") for request in server.requests] == [
        None,
        "bytes=150000-",
        None,
    ]


def test_a_file_that_was_replaced_meanwhile(server: HttpsServer, spool: Path) -> None:
    """The server sends all of the new one, as the condition of the request says."""
    server.script = resuming(
        150_000, rest=lambda exchange, _: exchange.send(b"new", 200, {"ETag": '"v2"'})
    )
    found = got(feed(server), spool)
    assert (found.content, found.fingerprint) == (b"new", '"v2"')


@pytest.mark.parametrize(
    "headers",
    [
        {"ETag": 'W/"v1"', "Accept-Ranges": "bytes"},
        {"ETag": '"v1"', "Accept-Ranges": "none"},
        {"ETag": '"v1"'},
        {"Accept-Ranges": "bytes", "Last-Modified": DATE},
    ],
)
def test_starts_again_where_the_rest_cannot_be_asked_for(
    server: HttpsServer, spool: Path, headers: dict[str, str]
) -> None:
    server.script = in_turn(dropping(150_000, **headers), sends(CSV))
    assert got(feed(server), spool).content == CSV
    assert "range" not in server.requests[1].headers


# Beginnings


def previewed(own: UrlFeed, spool: Path, records: int = 10, limits: Limits | None = None) -> bytes:
    with own.preview(records, spool, limits or Limits()) as found:
        content = found.content.path.read_bytes()  # pyright: ignore[reportAttributeAccessIssue]
        assert found.delivery.size == len(content)
    assert list(spool.iterdir()) == []
    return content


def endless(start: bytes, block: bytes) -> Callable[[Exchange], None]:
    def script(exchange: Exchange) -> None:
        exchange.head(200, {"Content-Length": str(10**12)})
        exchange.wfile.write(start)
        while exchange.wait(0):
            exchange.wfile.write(block)

    return script


def test_preview_of_a_small_file_is_all_of_it(server: HttpsServer, spool: Path) -> None:
    server.script = sends(b"id,name\n1,Anna\n2,Eva")
    assert previewed(feed(server), spool) == b"id,name\n1,Anna\n2,Eva"
    server.script = in_turn(dropping(100), sends(CSV))
    assert previewed(feed(server), spool) == CSV


def test_preview_of_a_large_file_stops(server: HttpsServer, spool: Path) -> None:
    """M011, D41: the server is left in the middle; the last line is whole."""
    server.script = endless(b"id,name\n", b"1,Anna Nov\xc3\xa1kov\xc3\xa1\n" * 5_000)
    content = previewed(feed(server), spool)
    assert content.endswith(b"\n")
    assert 1_000_000 < len(content) < 3_000_000


def test_preview_of_long_records(server: HttpsServer, spool: Path) -> None:
    """As many records as are wanted, though a megabyte holds fewer."""
    server.script = endless(b"id,text\n", b"1," + b"x" * 9_998 + b"\n")
    assert previewed(feed(server), spool, records=300).count(b"\n") >= 300


def test_preview_of_one_line_without_end(server: HttpsServer, spool: Path) -> None:
    server.script = endless(b"<items>", b"<item/>" * 10_000)
    content = previewed(feed(server), spool)
    assert content.startswith(b"<items><item/>")
    assert len(content) < 3_000_000


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_preview_in_utf_16(server: HttpsServer, spool: Path, encoding: str) -> None:
    """Letters whose bytes look like line ends are none."""
    line = "1,\u0a0a\u0a00\u000a".encode(encoding)
    server.script = endless("\ufeffid,name\n".encode(encoding), line * 5_000)
    content = previewed(feed(server), spool)
    assert content.decode("utf-16").endswith("1,\u0a0a\u0a00\n")


def test_preview_of_a_packed_file_is_all_of_it(server: HttpsServer, spool: Path) -> None:
    packed = gzip.compress(os.urandom(3_000_000))
    server.script = sends(packed)
    assert previewed(feed(server), spool) == packed
    with (
        pytest.raises(FileRefused, match="too_many_bytes"),
        feed(server).preview(10, spool, Limits(file_bytes=2_000_000)),
    ):
        pass


def test_preview_keeps_to_the_limit(server: HttpsServer, spool: Path) -> None:
    server.script = sends(CSV)
    content = previewed(feed(server), spool, limits=Limits(file_bytes=1_003))
    assert CSV.startswith(content)
    assert content.endswith(b"\n")
    assert 900 < len(content) <= 1_003


def test_sample_is_64_kib(server: HttpsServer, spool: Path) -> None:
    """M011, D41: reading stops on our side, whatever the server sends."""
    server.script = endless(CSV, CSV)
    assert feed(server).sample() == CSV[: 1 << 16]
    server.script = in_turn(dropping(100), sends(b"id\n1\n"))
    assert feed(server).sample() == b"id\n1\n"
    server.script = sends(gzip.compress(CSV), headers={"Content-Encoding": "gzip"})
    assert feed(server).sample() == CSV[: 1 << 16]
