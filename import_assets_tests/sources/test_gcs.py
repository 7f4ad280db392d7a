"""Buckets of Google Cloud Storage: what can go wrong with them, and what the user is told."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from import_assets.errors import Disconnected, SourceError, UnknownName
from import_assets.orchestration.resources import ObjectStores
from import_assets.sources import retry
from import_assets.sources.delivery import Delivery
from import_assets.sources.spool import fetch
from import_assets.sources.storage.gcs import GcsStorage
from import_assets.spec.connections import GcsConnection
from import_assets_tests.fakes.storage import MeddlingStorage
from import_assets_tests.servers.buckets import BUCKET, GcsServer, environment
from import_assets_tests.servers.proxy import Proxy, proxy
from import_assets_tests.servers.sftp import free_port
from import_assets_tests.servers.stub import Answer, StubServer, stub_server

BIG = bytes(range(256)) * (20 << 12)
"""Twenty megabytes, so that it is read in three requests."""


@pytest.fixture(scope="module")
def client(gcs: GcsServer) -> Any:
    return gcs.client()


def storage(client: Any, bucket: str = BUCKET, prefix: str = "", timeout: float = 20) -> GcsStorage:
    return GcsStorage(client, "crm", bucket, prefix, timeout)


def put(client: Any, name: str, content: bytes) -> None:
    client.bucket(BUCKET).blob(name).upload_from_string(content)


def listed(from_storage: GcsStorage) -> list[Delivery]:
    reports: list[str] = []
    found = list(from_storage.list(recursive=True, report=reports.append))
    assert not reports
    return found


def fault_of(asked: GcsStorage, key: str | None = None) -> SourceError:
    """Return the error of listing, or of reading a key."""
    with pytest.raises(SourceError) as caught:
        listed(asked) if key is None else asked.open(key)
    assert str(caught.value).startswith("connection crm: ")
    return caught.value


# --- names and versions ---------------------------------------------------------------------------


def test_dots_and_slashes_are_letters_of_a_name(client: Any) -> None:
    names = ["letters//a.csv", "letters/b//c.csv", "letters/d..e/f.csv"]
    for name in (*names, "letters/.git/config", "letters/b/", "lettersx"):
        put(client, name, name.encode())
    found = listed(storage(client, prefix="letters/"))
    assert {delivery.key for delivery in found} == {name.removeprefix("letters/") for name in names}
    for delivery in found:
        with storage(client, prefix="letters/").open(delivery.key) as file:
            assert file.read() == f"letters/{delivery.key}".encode()


def test_missing_bucket(client: Any) -> None:
    """An empty listing would hide a misspelled bucket."""
    for fault in (fault_of(storage(client, "exprots")), fault_of(storage(client, "exprots"), "a")):
        assert "there is no bucket exprots: mend `bucket:`" in str(fault)
        assert not isinstance(fault, Disconnected)


def test_empty_prefix_of_a_bucket_is_no_error(client: Any) -> None:
    assert listed(storage(client, prefix="nothing/here/")) == []
    with pytest.raises(UnknownName, match=r"a\.csv"):
        storage(client, prefix="nothing/here/").open("a.csv")


def test_fingerprint_is_the_generation(client: Any) -> None:
    """D01: the same content written again is a version of its own."""
    put(client, "versions/a.csv", b"same")
    (first,) = listed(storage(client, prefix="versions/"))
    put(client, "versions/a.csv", b"same")
    (second,) = listed(storage(client, prefix="versions/"))
    assert int(first.fingerprint) < int(second.fingerprint)


def test_big_file_is_copied_whole(client: Any, tmp_path: Path) -> None:
    put(client, "big/a.csv", BIG)
    (delivery,) = listed(storage(client, prefix="big/"))
    with fetch(storage(client, prefix="big/"), delivery, tmp_path, len(BIG)) as spooled:
        assert spooled.path.read_bytes() == BIG


def test_file_replaced_between_two_requests(client: Any, tmp_path: Path) -> None:
    """D01: never half of one version and half of another."""
    put(client, "replaced/a.csv", BIG)
    original = storage(client, prefix="replaced/")
    (delivery,) = listed(original)
    meddling = MeddlingStorage(
        original, while_read=lambda: put(client, "replaced/a.csv", BIG[::-1])
    )
    with (
        pytest.raises(SourceError, match=r"a\.csv in .* has changed while it was read"),
        fetch(meddling, delivery, tmp_path, len(BIG)),
    ):
        pass


def test_file_vanishing_between_two_requests(client: Any) -> None:
    put(client, "vanishing/a.csv", BIG)
    with storage(client, prefix="vanishing/").open("a.csv") as file:
        assert file.read(10) == BIG[:10]
        client.bucket(BUCKET).blob("vanishing/a.csv").delete()
        with pytest.raises(SourceError, match=r"a\.csv in .* has changed while it was read"):
            file.read()


# --- servers that refuse --------------------------------------------------------------------------


@dataclass
class Stub:
    """A server that says what it is told to, and a storage on it."""

    server: StubServer
    storage: GcsStorage

    def says(self, status: int, message: str = "no") -> None:
        body = json.dumps({"error": {"code": status, "message": message}}).encode()
        self.server.answer = lambda _: Answer(status, body, {"Content-Type": "application/json"})


@pytest.fixture(scope="module")
def stub() -> Iterator[Stub]:
    with stub_server() as server:
        yield Stub(server, storage(GcsServer(server.address).client(), timeout=1))


@pytest.mark.parametrize(
    ("status", "listing", "reading"),
    [
        (401, "Google does not accept the credentials", "Google does not accept the credentials"),
        (403, "grant it the right storage.objects.list", "grant it the right storage.objects.get"),
        (404, "there is no bucket exports: mend `bucket:`", "there is no bucket exports: mend"),
        (400, "refused by the server, which answered 400", "refused by the server, which answered"),
    ],
)
def test_what_the_user_has_to_mend(stub: Stub, status: int, listing: str, reading: str) -> None:
    """Each fault has its own sentence, and is not tried again at once."""
    stub.says(status)
    for fault, sentence in (
        (fault_of(stub.storage), listing),
        (fault_of(stub.storage, "a.csv"), reading),
    ):
        assert sentence in str(fault)
        assert not isinstance(fault, Disconnected)


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_what_passes_by_itself(stub: Stub, status: int) -> None:
    stub.says(status)
    for fault in (fault_of(stub.storage), fault_of(stub.storage, "a.csv")):
        assert isinstance(fault, Disconnected)
        assert f"the server answered {status}; it is tried again" in str(fault)


def test_listing_that_is_none(stub: Stub) -> None:
    stub.server.answer = lambda _: Answer(200, b"<html>Welcome</html>")
    fault = fault_of(stub.storage)
    assert "what answers is not Google Cloud Storage" in str(fault)


def test_service_account_that_google_does_not_know(stub: Stub) -> None:
    """D42: neither its key nor what Google says about it is shown."""
    refusal = {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
    stub.server.answer = lambda _: Answer(
        400, json.dumps(refusal).encode(), {"Content-Type": "application/json"}
    )
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    account = {
        "type": "service_account",
        "project_id": "shop",
        "private_key_id": "1",
        "private_key": key.decode(),
        "client_email": "importer@shop.example.com",
        "token_uri": f"{stub.server.address}/token",
    }
    connection = GcsConnection(bucket=BUCKET, service_account_env="TEST_GCS_ACCOUNT")
    with environment({"TEST_GCS_ACCOUNT": json.dumps(account), "STORAGE_EMULATOR_HOST": None}):
        client = ObjectStores().gcs("crm", connection)
    fault = fault_of(storage(client, timeout=2))
    assert "make a new key of the service account" in str(fault)
    assert not isinstance(fault, Disconnected)
    said = "".join(traceback.format_exception(fault))
    assert key.decode().splitlines()[1] not in said


# --- a network that misbehaves --------------------------------------------------------------------


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "PAUSES", (0.0, 0.0))


@pytest.fixture
def way(gcs: GcsServer, client: Any) -> Iterator[Proxy]:
    """A way to the server, which holds one big file."""
    put(client, "net/a.csv", BIG)
    with proxy("127.0.0.1", gcs.port) as running:
        yield running


def by(way: Proxy, server: GcsServer, timeout: float = 20) -> GcsStorage:
    through = replace(server, endpoint=f"http://127.0.0.1:{way.port}")
    return storage(through.client(), prefix="net/", timeout=timeout)


def test_server_that_never_answers(way: Proxy, gcs: GcsServer) -> None:
    """It ends within about two times the timeout."""
    silent = by(way, gcs, timeout=1)
    way.stall_after = 0
    began = time.monotonic()
    with pytest.raises(Disconnected, match="the server does not answer in time"):
        listed(silent)
    assert time.monotonic() - began < 15


def test_nobody_at_the_endpoint() -> None:
    nobody = storage(GcsServer(f"http://127.0.0.1:{free_port()}").client(), timeout=1)
    fault = fault_of(nobody)
    assert isinstance(fault, Disconnected)
    assert "the server cannot be reached" in str(fault)


def test_connection_cut_once_while_a_file_is_read(
    way: Proxy, gcs: GcsServer, tmp_path: Path
) -> None:
    """What is missing is asked for again."""
    cut = by(way, gcs)
    (delivery,) = listed(cut)
    way.cut_after, way.cuts = 2_000_000, 1
    with fetch(cut, delivery, tmp_path, len(BIG)) as spooled:
        assert spooled.path.read_bytes() == BIG
    assert way.cuts == 0


def test_connection_cut_for_good_while_a_file_is_read(
    way: Proxy, gcs: GcsServer, tmp_path: Path
) -> None:
    """What came of it is never taken for the whole."""
    cut = by(way, gcs, timeout=1)
    (delivery,) = listed(cut)
    way.cut_after, way.cuts = 4_000, 1_000_000
    with (
        pytest.raises(Disconnected, match=r"reading a\.csv broke off"),
        fetch(cut, delivery, tmp_path, len(BIG)),
    ):
        pass
    assert not list(tmp_path.iterdir())
