"""Buckets of S3: what can go wrong with them, and what the user is told (M109, M110)."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from import_assets.errors import Disconnected, SourceError, UnknownName
from import_assets.sources import retry
from import_assets.sources.delivery import Delivery
from import_assets.sources.spool import fetch
from import_assets.sources.storage.s3 import S3Storage
from import_assets.sources.storage.s3pages import read_pages_quickly
from import_assets_tests.servers.buckets import BUCKET, S3Server
from import_assets_tests.servers.moto import checking_keys, make_key
from import_assets_tests.servers.proxy import Proxy, proxy
from import_assets_tests.servers.seaweed import ELSEWHERE, LISTER, READER
from import_assets_tests.servers.sftp import free_port
from import_assets_tests.servers.stub import Answer, StubServer, stub_server

SECRET = "the secret access key nobody may see"
TOKEN = "the session token nobody may see"


def storage(client: Any, bucket: str = BUCKET, prefix: str = "") -> S3Storage:
    return S3Storage(client, "crm", bucket, prefix)


def listed(from_storage: S3Storage) -> list[Delivery]:
    reports: list[str] = []
    found = list(from_storage.list(recursive=True, report=reports.append))
    assert not reports
    return found


def fault_of(client: Any, bucket: str = BUCKET, key: str | None = None) -> SourceError:
    """Return the error of listing, or of reading a key."""
    asked = storage(client, bucket)
    with pytest.raises(SourceError) as caught:
        listed(asked) if key is None else asked.open(key)
    said = "".join(traceback.format_exception(caught.value))
    assert SECRET not in said
    assert TOKEN not in said
    assert str(caught.value).startswith("connection crm: ")
    return caught.value


def is_passing(fault: SourceError) -> bool:
    """Tell whether trying again at once can help."""
    return isinstance(fault, Disconnected)


# --- keys and rights ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Guarded:
    """A server that checks keys: one that may list and read a bucket, one that may only list it."""

    server: S3Server
    reader: tuple[str, str]
    lister: tuple[str, str]
    admin: tuple[str, str]
    closed: str
    """A bucket that the reader may not list."""


def policy(*actions: str, buckets: str = BUCKET) -> str:
    resources = [f"arn:aws:s3:::{buckets}", f"arn:aws:s3:::{buckets}/*"]
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": resources}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture(scope="module")
def guarded_moto(moto: S3Server) -> Guarded:
    client = moto.client()
    client.put_object(Bucket=BUCKET, Key="rights/a.csv", Body=b"x")
    client.create_bucket(Bucket="closed")
    reader = make_key(moto, policy("s3:ListBucket", "s3:GetObject"))
    lister = make_key(moto, policy("s3:ListBucket"))
    admin = make_key(moto, policy("s3:*", buckets="*"))
    return Guarded(moto, reader, lister, admin, "closed")


@pytest.fixture(scope="module")
def guarded_seaweed(seaweed: S3Server) -> Guarded:
    seaweed.client().put_object(Bucket=BUCKET, Key="rights/a.csv", Body=b"x")
    admin = (seaweed.access_key_id, seaweed.secret_access_key)
    return Guarded(seaweed, READER, LISTER, admin, ELSEWHERE)


@pytest.fixture(params=["moto", "seaweed"])
def guarded(request: pytest.FixtureRequest) -> Iterator[Guarded]:
    if request.param == "seaweed":
        yield request.getfixturevalue("guarded_seaweed")
        return
    guarded_moto: Guarded = request.getfixturevalue("guarded_moto")
    with checking_keys(guarded_moto.server):
        yield guarded_moto


def test_rights_to_list_and_to_read_are_enough(guarded: Guarded) -> None:
    """M110."""
    reader = storage(guarded.server.client(*guarded.reader), prefix="rights/")
    (delivery,) = listed(reader)
    assert reader.stat(delivery.key) == delivery
    with reader.open(delivery.key) as file:
        assert file.read() == b"x"


def test_key_without_the_right_to_list(guarded: Guarded) -> None:
    """M110."""
    fault = fault_of(guarded.server.client(*guarded.reader), guarded.closed)
    assert f"listing bucket {guarded.closed} is not permitted" in str(fault)
    assert "grant it the right s3:ListBucket" in str(fault)
    assert not is_passing(fault)


def test_key_without_the_right_to_read(guarded: Guarded) -> None:
    """M110: also where a version is asked for, whose answer has no body that says why."""
    lister = storage(guarded.server.client(*guarded.lister), prefix="rights/")
    assert [delivery.key for delivery in listed(lister)] == ["a.csv"]
    for ask in (lister.open, lister.stat):
        with pytest.raises(
            SourceError, match=r"reading a\.csv is not permitted .* the right s3:GetObject"
        ):
            ask("a.csv")


def test_wrong_secret(guarded: Guarded) -> None:
    """D42: what is wrong is said, and not shown."""
    fault = fault_of(guarded.server.client(guarded.reader[0], SECRET))
    assert "mend what `secret_access_key_env` names" in str(fault)
    assert not is_passing(fault)


def test_unknown_key(guarded: Guarded) -> None:
    fault = fault_of(guarded.server.client("AKNOBODY", SECRET))
    assert "mend what `access_key_id_env` names" in str(fault)
    assert not is_passing(fault)


def test_missing_bucket(guarded: Guarded) -> None:
    """An empty listing would hide a misspelled bucket."""
    client = guarded.server.client(*guarded.admin)
    fault = fault_of(client, "exprots")
    assert "there is no bucket exprots: mend `bucket:`" in str(fault)
    with pytest.raises(SourceError, match="there is no bucket exprots"):
        storage(client, "exprots").stat("a.csv")


@pytest.mark.parametrize("bucket", ["no bucket", "UPPER/slash", "x"])
def test_what_cannot_be_a_bucket(moto: S3Server, bucket: str) -> None:
    fault = fault_of(moto.client(), bucket)
    assert "bucket" in str(fault)
    assert not is_passing(fault)


def test_no_credentials_at_all(moto: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    own = moto.client(access_key_id_env=None, secret_access_key_env=None)
    assert "there is no access key: name its environment variables" in str(fault_of(own))


# --- names ----------------------------------------------------------------------------------------


def test_dots_and_slashes_are_letters_of_a_name(moto: S3Server) -> None:
    """What is above or below a folder is a matter of folders, which a bucket has not."""
    client = moto.client()
    names = ["letters//a.csv", "letters/b//c.csv", "letters/d..e/f.csv", "letters/g;h=1/i~.csv"]
    hidden = ["letters/../up.csv", "letters/./here.csv", "letters/.git/config"]
    for name in (*names, *hidden, "letters/", "letters/b/", "lettersx"):
        client.put_object(Bucket=BUCKET, Key=name, Body=name.encode())
    found = listed(storage(client, prefix="letters/"))
    assert {delivery.key for delivery in found} == {name.removeprefix("letters/") for name in names}
    for delivery in found:
        with storage(client, prefix="letters/").open(delivery.key) as file:
            assert file.read() == f"letters/{delivery.key}".encode()
    with pytest.raises(UnknownName):
        storage(client, prefix="letters/").open("../up.csv")


def test_names_that_cannot_be_keys_are_reported_and_do_not_stop_the_rest(moto: S3Server) -> None:
    client = moto.client()
    for name in ("odd/nul\0.csv", "odd/z.csv"):
        client.put_object(Bucket=BUCKET, Key=name, Body=b"x")
    reports: list[str] = []
    found = list(storage(client, prefix="odd/").list(False, reports.append))
    assert [delivery.key for delivery in found] == ["z.csv"]
    (report,) = reports
    assert report.startswith("nul%00.csv in folder odd/ of bucket exports (connection crm) is left")


@dataclass
class Stub:
    """A server that says what it is told to, and a client of it with temporary keys."""

    server: StubServer
    client: Any

    def says(self, answer: Answer) -> None:
        self.server.answer = lambda _: answer


@pytest.fixture(scope="module")
def stub() -> Iterator[Stub]:
    with stub_server() as server:
        yield Stub(server, stub_client(server.address))


def stub_client(address: str) -> Any:
    return S3Server(address, "AKSTUB", SECRET).client(token=TOKEN, timeout=5)


def page_of(*keys: str, more: str = "<IsTruncated>false</IsTruncated>") -> Answer:
    contents = "".join(
        f"<Contents><Key>{key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
        f"<ETag>&quot;e&quot;</ETag><Size>1</Size></Contents>"
        for key in keys
    )
    return page_with(f"<EncodingType>url</EncodingType>{more}{contents}")


def page_with(inside: str) -> Answer:
    answer = f"<ListBucketResult><Name>{BUCKET}</Name>{inside}</ListBucketResult>"
    return Answer(200, answer.encode(), {"Content-Type": "application/xml"})


@pytest.mark.parametrize("blank", ["+", "%20"])
def test_blanks_are_read_as_any_server_writes_them(stub: Stub, blank: str) -> None:
    stub.says(page_of(f"a{blank}b%2Bc.csv"))
    (delivery,) = listed(storage(stub.client))
    assert delivery.key == "a b+c.csv"


def test_names_of_servers_that_do_not_encode_them(stub: Stub) -> None:
    """What they answer does not have the element that says so."""
    time = "<LastModified>2026-01-01T00:00:00.000Z</LastModified>"
    names = ["50%25 a+b.csv", "caf%E9.csv", "é.csv"]
    objects = [f"<Contents><Key>{name}</Key>{time}<Size>1</Size></Contents>" for name in names]
    stub.says(page_with("".join(objects)))
    found = listed(storage(stub.client))
    assert [delivery.key for delivery in found] == ["50%2525 a+b.csv", "caf%25E9.csv", "é.csv"]


def test_names_not_in_utf8_are_reported_and_do_not_stop_the_rest(stub: Stub) -> None:
    reports: list[str] = []
    stub.says(page_of("caf%E9.csv", "z.csv"))
    found = list(storage(stub.client).list(False, reports.append))
    assert [delivery.key for delivery in found] == ["z.csv"]
    assert len(reports) == 1
    assert "caf%E9.csv" in reports[0]


@pytest.fixture(scope="module")
def plain_and_quick(stub: Stub) -> tuple[Any, Any]:
    """Two clients, of which one reads pages as botocore does."""
    plain, quick = stub_client(stub.server.address), stub_client(stub.server.address)
    read_pages_quickly(quick)
    return plain, quick


@pytest.mark.parametrize("space", ["", ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'])
@pytest.mark.parametrize("folders", ["", "<CommonPrefixes><Prefix>sub/</Prefix></CommonPrefixes>"])
@pytest.mark.parametrize(
    "written",
    [
        "2026-01-01T00:00:00.123Z",
        "2026-01-01T00:00:00Z",
        "2026-01-01T01:00:00+01:00",
        "Wed, 01 Jan 2026 00:00:00 GMT",
        "1767225600",
    ],
)
def test_pages_are_read_as_botocore_reads_them(
    stub: Stub, plain_and_quick: tuple[Any, Any], written: str, folders: str, space: str
) -> None:
    objects = "".join(
        f"<Contents><Key>{key}</Key><LastModified>{written}</LastModified>{etag}<Size>12</Size>"
        "<StorageClass>STANDARD</StorageClass></Contents>"
        for key, etag in [("a.csv", "<ETag>&quot;e&quot;</ETag>"), ("&#xe9;&amp;.csv", "")]
    )
    inside = f"<Name>{BUCKET}</Name><KeyCount>2</KeyCount>{objects}{folders}"
    page = f"<ListBucketResult{space}>{inside}</ListBucketResult>"
    stub.says(Answer(200, page.encode(), {"Content-Type": "application/xml"}))
    whole, other = (client.list_objects_v2(Bucket=BUCKET) for client in plain_and_quick)
    for answer in (whole, other):
        del answer["ResponseMetadata"]
        for one in answer["Contents"]:
            one.pop("StorageClass", None)
            one.setdefault("ETag", "")
    assert other == whole


@pytest.mark.parametrize("other", ["", "Contents", "Key"])
def test_namespaces_hide_no_object(stub: Stub, other: str) -> None:
    """botocore does not look at them."""
    text = page_of("a.csv", "b.csv").body.decode()
    stub.says(Answer(200, text.replace(f"<{other}>", f'<{other} xmlns="urn:other">').encode()))
    assert [delivery.key for delivery in listed(storage(stub.client))] == ["a.csv", "b.csv"]


def test_empty_prefix_of_a_bucket_is_no_error(moto: S3Server) -> None:
    assert listed(storage(moto.client(), prefix="nothing/here/")) == []


def test_place_names_folder_bucket_and_connection(moto: S3Server) -> None:
    client = moto.client()
    assert storage(client).place == "bucket exports (connection crm)"
    assert storage(client, prefix="a/").place == "folder a/ of bucket exports (connection crm)"


# --- servers that answer something else -----------------------------------------------------------


def refusal(status: int, code: str, inside: str = "") -> Answer:
    body = f"<Error><Code>{code}</Code><Message>about {code}</Message>{inside}</Error>"
    return Answer(status, body.encode(), {"Content-Type": "application/xml"})


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (
            refusal(400, "AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>"),
            "is not in region us-east-1 but in eu-west-1: mend `region:`",
        ),
        (refusal(400, "IllegalLocationConstraintException"), "is not in region us-east-1: mend"),
        (refusal(301, "PermanentRedirect"), "is not in region us-east-1: mend `region:`"),
        (Answer(301, b"<html>Moved</html>"), "is not in region us-east-1: mend `region:`"),
        (refusal(400, "ExpiredToken"), "session token is wrong or has expired"),
        (refusal(400, "InvalidToken"), "session token is wrong or has expired"),
        (refusal(403, "RequestTimeTooSkewed"), "the clock of this machine is wrong"),
        (refusal(400, "Unheard"), "is refused by the server, which answered Unheard"),
        (Answer(404, b"<html>Not here</html>"), "is refused by the server, which answered 404"),
        (page_of("a.csv", more="<IsTruncated>true</IsTruncated>"), "it lacks ListObjectsV2"),
    ],
)
def test_what_the_user_has_to_mend(stub: Stub, answer: Answer, sentence: str) -> None:
    """M110: each fault has its own sentence, and is not tried again at once."""
    stub.says(answer)
    fault = fault_of(stub.client)
    assert sentence in str(fault)
    assert not is_passing(fault)


@pytest.mark.parametrize(
    ("lacking", "instead"),
    [
        ("<Key>a.csv</Key>", ""),
        ("<Size>1</Size>", ""),
        ("<Size>1</Size>", "<Size>one</Size>"),
        ("<LastModified>2026-01-01T00:00:00.000Z</LastModified>", ""),
        ("2026-01-01T00:00:00.000Z", "lately"),
    ],
)
def test_objects_without_a_name_a_size_or_a_time(stub: Stub, lacking: str, instead: str) -> None:
    answer = page_of("a.csv")
    stub.says(replace(answer, body=answer.body.replace(lacking.encode(), instead.encode())))
    fault = fault_of(stub.client)
    assert "name, size or time of change is missing or cannot be read" in str(fault)
    assert not is_passing(fault)


def test_objects_in_an_archive(stub: Stub) -> None:
    stub.says(refusal(403, "InvalidObjectState"))
    fault = fault_of(stub.client, key="a.csv")
    assert "lies in an archive: restore it there" in str(fault)


@pytest.mark.parametrize(
    ("status", "code"),
    [(503, "SlowDown"), (500, "InternalError"), (400, "RequestTimeout"), (429, "Busy")],
)
def test_what_passes_by_itself(stub: Stub, status: int, code: str) -> None:
    stub.says(refusal(status, code))
    for fault in (fault_of(stub.client), fault_of(stub.client, key="a.csv")):
        assert is_passing(fault)
        assert f"the server answered {code}; it is tried again" in str(fault)
    with pytest.raises(Disconnected):
        storage(stub.client).stat("a.csv")


def test_server_that_is_none_of_s3(stub: Stub) -> None:
    """Other servers at the endpoint are no empty bucket."""
    stub.says(Answer(200, b"<html><p>Welcome</html>"))
    assert "the server answered 500" in str(fault_of(stub.client))


def test_pages_for_people_are_no_empty_bucket(stub: Stub) -> None:
    """A proxy or a web server whose page happens to be XML."""
    stub.says(Answer(200, b"<html><body><p>Welcome</p></body></html>"))
    fault = fault_of(stub.client)
    assert "answers with something else than a listing of bucket exports: mend `endpoint:`" in str(
        fault
    )
    assert not is_passing(fault)


def test_server_without_https(stub: Stub) -> None:
    fault = fault_of(stub_client(stub.server.address.replace("http:", "https:")))
    assert "there is no secure connection to the server" in str(fault)
    assert not is_passing(fault)


def test_nobody_at_the_endpoint() -> None:
    fault = fault_of(stub_client(f"http://127.0.0.1:{free_port()}"))
    assert is_passing(fault)
    assert "the server cannot be reached: check `endpoint:`" in str(fault)


# --- a network that misbehaves --------------------------------------------------------------------

BIG = bytes(range(256)) * (3 << 12)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "PAUSES", (0.0, 0.0))


@pytest.fixture
def way(moto: S3Server) -> Iterator[Proxy]:
    """A way to the server, which holds one big file."""
    moto.client().put_object(Bucket=BUCKET, Key="net/a.csv", Body=BIG)
    with proxy("127.0.0.1", moto.port) as running:
        yield running


def by(way: Proxy, server: S3Server, timeout: int = 20) -> S3Storage:
    through = replace(server, endpoint=f"http://127.0.0.1:{way.port}")
    return storage(through.client(timeout=timeout), prefix="net/")


def test_server_that_never_answers(way: Proxy, moto: S3Server) -> None:
    """It ends within about two times the timeout."""
    silent = by(way, moto, timeout=1)
    way.stall_after = 0
    began = time.monotonic()
    with pytest.raises(Disconnected, match="the server does not answer in time"):
        listed(silent)
    assert time.monotonic() - began < 15


def test_connection_refused_by_the_network(way: Proxy, moto: S3Server) -> None:
    client = by(way, moto)
    way.refuse = True
    with pytest.raises(Disconnected, match="connection crm: listing"):
        listed(client)
    way.mend()
    assert len(listed(client)) == 1


def test_connection_cut_once_while_a_file_is_read(
    way: Proxy, moto: S3Server, tmp_path: Path
) -> None:
    """What came of it is thrown away, and the whole is read again."""
    cut = by(way, moto)
    (delivery,) = listed(cut)
    way.cut_after, way.cuts = 2_000_000, 1
    with fetch(cut, delivery, tmp_path, len(BIG)) as spooled:
        assert spooled.path.read_bytes() == BIG
    assert way.cuts == 0


def test_connection_cut_for_good_while_a_file_is_read(
    way: Proxy, moto: S3Server, tmp_path: Path
) -> None:
    """What came of it is never taken for the whole."""
    cut = by(way, moto)
    (delivery,) = listed(cut)
    way.cut_after, way.cuts = 2_000_000, 1_000_000
    with (
        pytest.raises(Disconnected, match=r"reading a\.csv broke off"),
        fetch(cut, delivery, tmp_path, len(BIG)),
    ):
        pass
    assert not list(tmp_path.iterdir())


def test_connection_stalled_while_a_file_is_read(way: Proxy, moto: S3Server) -> None:
    stalled = by(way, moto, timeout=1)
    way.stall_after = 1_000_000
    with (
        stalled.open("a.csv") as file,
        pytest.raises(Disconnected, match="the server does not answer in time"),
    ):
        file.read()


def test_leaving_a_file_half_read(moto: S3Server, way: Proxy) -> None:
    half = by(way, moto)
    with half.open("a.csv") as file:
        assert file.read(10) == BIG[:10]
    assert len(listed(half)) == 1
