"""Files on real servers through sensors and runs: M015-M030, and what happens in faults."""

from __future__ import annotations

import gzip
import io
import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from import_assets.errors import SourceError
from import_assets.orchestration import sensors
from import_assets.orchestration.connected import connections
from import_assets.sources.listing import ListingCache
from import_assets_tests.orchestration.site import CUSTOMERS, Site
from import_assets_tests.servers.https import HttpsServer, https_server, sends
from import_assets_tests.servers.proxy import Proxy, proxy
from import_assets_tests.servers.sftp import PASSWORD_ENV, SftpServer, asyncssh_server

FILES = CUSTOMERS.replace(
    '{folder: in, files: "*.csv"}', '{connection: crm, folder: /, files: "*.csv*"}'
)
FEED = """\
kind: {catalog: products}
source: {url: {connection: shop, path: products.csv}}
columns: [{from: id, id: item_id}, {from: price, type: number}]
run: {daily: ["06:00"]}
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SftpServer]:
    served = tmp_path / "served"
    served.mkdir()
    with asyncssh_server(served) as running:
        yield running


@pytest.fixture
def line(server: SftpServer) -> Iterator[Proxy]:
    with proxy(server.host, server.port) as between:
        yield between


@pytest.fixture
def far(site: Site, server: SftpServer, line: Proxy) -> Iterator[Site]:
    """An import of what lies on an SFTP server, behind a line that can be cut."""
    known = server.known_hosts.read_text(encoding="utf-8")
    hosts = site.root / "known_hosts"
    hosts.write_text(known.replace(f":{server.port}", f":{line.port}"), encoding="utf-8")
    settings = server.connect(
        port=line.port, known_hosts="known_hosts", password_env=PASSWORD_ENV, timeout=5
    ).model_dump(mode="json", exclude_defaults=True)
    site.configure(json.dumps({"connections": {"crm": {"sftp": settings}}}))
    site.define("crm", FILES)
    yield site
    connections(site.definition().project).close()


def put(server: SftpServer, name: str, content: bytes, minute: int = 0) -> None:
    file = server.folder / name
    file.write_bytes(content)
    moment = 1_767_225_600 + minute * 60
    os.utime(file, (moment, moment))


def look(site: Site) -> Any:
    """Look anew: listings are shared for a minute, and looks are five minutes apart."""
    connections(site.definition().project).listings = ListingCache()
    return site.look()


def packed(files: dict[str, bytes]) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return written.getvalue()


def test_new_files_come_in_once(far: Site, server: SftpServer) -> None:
    """M016, M017, M022, M030, D01."""
    put(server, "a.csv", b"id,age\n1,10\n")
    put(server, "b.csv", b"id,age\n2,20\n3,x\n", 1)
    (run,) = look(far).runs
    assert run.success
    assert {key: told["read"] for key, told in run.partitions.items()} == {"a.csv": 1, "b.csv": 2}
    assert look(far).runs == []
    put(server, "b.csv", b"id,age\n2,21\n", 2)
    (again,) = look(far).runs
    assert list(again.partitions) == ["b.csv"]
    assert far.rows("SELECT registered, age FROM customers ORDER BY 1") == [("1", 10), ("2", 21)]


def test_packed_files_are_unpacked(far: Site, server: SftpServer) -> None:
    """Rejects name the file inside the archive, with its own line."""
    put(server, "a.csv.gz", gzip.compress(b"id,age\n1,10\n"))
    files = {"x.csv": b"id,age\n2,20\n3,x\n", "y/y.csv": b"age,id\n30,4\ny,5\n", "z.txt": b"no"}
    put(server, "b.csv.zip", packed(files))
    far.define("crm", FILES.replace("format: {csv", "format: {members: '/.*csv/', csv"))
    (run,) = look(far).runs
    assert run.success, run.unexpected
    assert far.rows("SELECT registered, age FROM customers ORDER BY 1") == [
        ("1", 10),
        ("2", 20),
        ("4", 30),
    ]
    assert far.rows("SELECT file, record, line, raw FROM import_assets.rejects ORDER BY 2") == [
        ("b.csv.zip!x.csv", 2, 3, "3,x"),
        ("b.csv.zip!y/y.csv", 4, 3, "y,5"),
    ]


def test_files_of_an_archive_that_differ_are_refused(far: Site, server: SftpServer) -> None:
    put(server, "b.csv.zip", packed({"x.csv": b"id,age\n2,20\n", "y.csv": b"id,city\n3,Nitra\n"}))
    (run,) = look(far).runs
    assert not run.success
    assert run.failure is not None
    assert "b.csv.zip!y.csv: the files of one archive are one delivery" in str(
        run.failure.description
    )
    assert far.rows("SELECT count(*) FROM import_assets.batches") == [(0,)]
    assert look(far).runs == []  # refused, and not asked for again


def test_a_line_that_breaks_delays_and_loses_nothing(
    far: Site, server: SftpServer, line: Proxy
) -> None:
    content = b"id,age\n" + b"".join(b"%d,%d\n" % (n, n % 90) for n in range(60_000))
    put(server, "a.csv", content)
    # Broken on the way of each attempt: the run fails and says so.
    line.cut_after, line.cuts = 200_000, 99
    (run,) = look(far).runs
    assert not run.success
    assert run.failure is not None
    assert "broke" in str(run.failure.description)
    assert list((far.root / "data" / "staging" / "spool").iterdir()) == []
    line.mend()
    (again,) = look(far).runs
    assert again.success
    assert far.rows("SELECT count(*) FROM customers") == [(60_000,)]


def test_a_server_that_is_down_fails_the_look_and_not_the_next(
    far: Site, server: SftpServer, line: Proxy
) -> None:
    put(server, "a.csv", b"id,age\n1,10\n")
    line.refuse = True
    line.reset()
    with pytest.raises(SourceError, match="connection crm: "):
        look(far)
    line.mend()
    assert len(look(far).runs) == 1


def test_a_file_that_vanishes_after_the_look(far: Site, server: SftpServer) -> None:
    put(server, "a.csv", b"id,age\n1,10\n")
    put(server, "b.csv", b"id,age\n2,20\n", 1)
    connections(far.definition().project).listings = ListingCache()
    (request,) = far.look(start=False).requests
    (server.folder / "a.csv").unlink()
    run = far.start(request, "crm_new_file")
    assert run is not None
    assert list(run.partitions) == ["b.csv"]
    assert "there is no file 'a.csv'" in str(run.failure and run.failure.description)
    assert far.rows("SELECT registered FROM customers") == [("2",)]
    put(server, "a.csv", b"id,age\n1,11\n", 2)
    (again,) = look(far).runs
    assert again.success
    assert far.rows("SELECT age FROM customers ORDER BY 1") == [(11,), (20,)]


def test_imports_of_one_folder_share_a_connection_and_a_listing(
    far: Site, server: SftpServer, line: Proxy
) -> None:
    put(server, "a.csv", b"id,age\n1,10\n")
    far.define("other", FILES.replace('"*.csv*"', '"b*.csv"'))
    shared = connections(far.definition().project)
    assert far.look("crm_new_file", start=False).asked == [("a.csv",)]
    put(server, "b.csv", b"id,age\n1,10\n")
    # Within the minute, the other import sees the folder as the first one did.
    assert far.look("other_new_file", start=False).asked == []
    assert line.connections == 1
    shared.listings = ListingCache()
    assert far.look("other_new_file", start=False).asked == [("b.csv",)]
    assert line.connections == 1


def test_a_long_listing_takes_several_looks(
    far: Site, server: SftpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(250):
        put(server, f"{number:03}.txt", b"")
    put(server, "a.csv", b"id,age\n1,10\n")
    monkeypatch.setattr(sensors, "LISTING_SECONDS", sensors.LISTING_SECONDS * 0)
    notes = []
    while not (tick := far.look()).runs:
        notes.append(tick.note)
        assert len(notes) < 9
    assert len(notes) >= 1
    assert all("the next look goes on from there" in str(note) for note in notes)


def test_a_feed_that_has_not_changed_is_not_imported_again(site: Site) -> None:
    """M011, D40."""
    with https_server() as shop:
        shop.script = sends(b"id,price\na,1.5\nb,x\n", headers={"ETag": '"1"'})
        _feed(site, shop)
        first = site.run("feed", "monday")
        assert first.partitions["monday"]["inserted"] == 1
        assert first.partitions["monday"]["rejected"] == 1
        again = site.run("feed", "tuesday")
        assert again.success
        assert again.partitions["tuesday"]["unchanged_since"] == "monday"
        shop.script = sends(b"id,price\na,2.5\n", headers={"ETag": '"2"'})
        assert site.run("feed", "wednesday").partitions["wednesday"]["updated"] == 1
        assert site.rows("SELECT item_id, price FROM catalogs.products") == [("a", 2.5)]
        phases = {one.headers.get("x-exponea-import-phase") for one in shop.requests}
        assert phases == {"download"}


def test_a_feed_that_cannot_be_had_says_why(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("import_assets.orchestration.imports.FEED_RETRY_SECONDS", 0)
    with https_server() as shop:
        shop.script = sends(b"gone", 404)
        _feed(site, shop)
        run = site.run("feed", "monday")
        assert run.failure is not None
        assert "answered 404 (Not Found)" in str(run.failure.description)
        shop.script = sends(b"id,price\na,1.5\n")
        assert site.run("feed", "monday").success


def _feed(site: Site, shop: HttpsServer) -> None:
    settings = shop.connection().model_dump(mode="json", exclude_defaults=True)
    site.configure(json.dumps({"connections": {"shop": {"http": settings}}}))
    site.define("feed", FEED)


def test_connections_are_resources_by_the_names_of_their_variables(site: Site) -> None:
    """D42: the UI shows which variables a bucket needs."""
    bucket = {"bucket": "b", "access_key_id_env": "AN_ID", "secret_access_key_env": "A_SECRET"}
    site.configure(json.dumps({"connections": {"lake": {"s3": bucket}}}))
    site.define("crm", CUSTOMERS)
    found = site.definitions.resources or {}
    assert isinstance(found["lake"], dg.ConfigurableResource)
    dg.Definitions.validate_loadable(site.definitions)
