"""One suite for every storage: what is listed can be opened, whatever it is called (M021)."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from import_assets.errors import FileRefused, SourceError, UnknownName
from import_assets.sources.delivery import Delivery
from import_assets.sources.listing import list_matching
from import_assets.sources.storage.base import Storage
from import_assets.sources.storage.keys import MAX_KEY_BYTES
from import_assets.sources.storage.local import LocalStorage
from import_assets.spec.patterns import FilePattern
from import_assets_tests.fakes.storage import LONG_AGO, FakeStorage


@dataclass(frozen=True)
class Rig:
    """A storage under test, and the means to change what lies in it."""

    storage: Storage
    put: Callable[[bytes, bytes, datetime], None]
    remove: Callable[[bytes], None]
    deny: Callable[[str], AbstractContextManager[None]]


def local_rig(folder: Path) -> Rig:
    def put(path: bytes, content: bytes, modified: datetime = LONG_AGO) -> None:
        whole = folder / os.fsdecode(path)
        whole.parent.mkdir(parents=True, exist_ok=True)
        whole.write_bytes(content)
        os.utime(whole, (modified.timestamp(), modified.timestamp()))

    @contextmanager
    def deny(path: str) -> Iterator[None]:
        (folder / path).chmod(0)
        user = os.geteuid()
        if user == 0:  # nothing is denied to the superuser
            os.seteuid(65_534)
        try:
            yield
        finally:
            os.seteuid(user)
            (folder / path).chmod(0o755)

    def remove(path: bytes) -> None:
        (folder / os.fsdecode(path)).unlink()

    return Rig(LocalStorage(folder), put, remove, deny)


def fake_rig() -> Rig:
    storage = FakeStorage()

    @contextmanager
    def deny(path: str) -> Iterator[None]:
        storage.unreadable.add(path)
        yield
        storage.unreadable.remove(path)

    return Rig(storage, storage.put, storage.remove, deny)


@pytest.fixture(params=["local", "fake"])
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    if request.param == "fake":
        yield fake_rig()
        return
    # Not tmp_path: the folders above it are closed to the user as whom permission is denied.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield local_rig(Path(folder))


def listed(storage: Storage, recursive: bool = False) -> dict[str, Delivery]:
    reports: list[str] = []
    found = list(storage.list(recursive, reports.append))
    assert not reports
    assert len({delivery.key for delivery in found}) == len(found)
    return {delivery.key: delivery for delivery in found}


def read(storage: Storage, key: str) -> bytes:
    with storage.open(key) as file:
        return file.read()


def test_lists_size_time_and_fingerprint(rig: Rig) -> None:
    """M015, D01."""
    modified = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    rig.put(b"a.csv", b"12345", modified)
    (delivery,) = listed(rig.storage).values()
    assert (delivery.key, delivery.size, delivery.modified) == ("a.csv", 5, modified)
    assert rig.storage.stat("a.csv") == delivery


def test_fingerprint_tells_versions_apart(rig: Rig) -> None:
    """D01: another size or another time is another version; nothing else is."""
    rig.put(b"a.csv", b"1", LONG_AGO)
    first = rig.storage.stat("a.csv").fingerprint
    assert rig.storage.stat("a.csv").fingerprint == first
    rig.put(b"a.csv", b"12", LONG_AGO)
    longer = rig.storage.stat("a.csv").fingerprint
    rig.put(b"a.csv", b"1", LONG_AGO + timedelta(milliseconds=1))
    later = rig.storage.stat("a.csv").fingerprint
    assert len({first, longer, later}) == 3


ODD_NAMES = [
    b"with blank.csv",
    b" leading and trailing .csv ",
    b"a+b&c=d%e?f#g.csv",
    b"100%25.csv",
    "žluťoučký kůň.csv".encode(),
    "e\u0301 is not \u00e9.csv".encode(),
    b"tab\there.csv",
    b"new\nline.csv",
    "emoji 😀👩‍👩‍👧.csv".encode(),
    b"latin1 caf\xe9.csv",
    b"dots...csv",
    b"comma,and|pipe'\"\\.csv",
    b"-rf",
    b"a" * 251 + b".csv",
    b"\x01" * 255,
    "line\u2028separator.csv".encode(),
    "\u202eright-to-left.csv".encode(),
]


@pytest.mark.parametrize("name", ODD_NAMES, ids=repr)
def test_odd_names_are_listed_and_open(rig: Rig, name: bytes) -> None:
    rig.put(name, b"content", LONG_AGO)
    rig.put(b"plain.csv", b"plain", LONG_AGO)
    (key,) = listed(rig.storage).keys() - {"plain.csv"}
    assert read(rig.storage, key) == b"content"
    assert rig.storage.stat(key).key == key
    assert len(key.encode("utf-8")) <= MAX_KEY_BYTES
    assert "\n" not in key
    assert "..." not in key


def test_paths_too_long_for_a_key_are_listed_and_open(rig: Rig) -> None:
    folder = b"/".join([b"f" * 200] * 6)
    rig.put(folder + b"/a.csv", b"a", LONG_AGO)
    rig.put(folder + b"/b.csv", b"b", LONG_AGO)
    found = listed(rig.storage, recursive=True)
    assert sorted(read(rig.storage, key) for key in found) == [b"a", b"b"]
    for key, delivery in found.items():
        assert len(key.encode()) <= MAX_KEY_BYTES
        assert delivery.path.encode() in (folder + b"/a.csv", folder + b"/b.csv")
        assert rig.storage.stat(key) == delivery


def test_sub_folders_on_request_only(rig: Rig) -> None:
    """D07: a filter with a slash inside speaks of the path below the folder."""
    for path in (b"a.csv", b"2026/a.csv", b"2026/01/b.csv"):
        rig.put(path, path, LONG_AGO)
    assert set(listed(rig.storage)) == {"a.csv"}
    found = listed(rig.storage, recursive=True)
    assert {key: read(rig.storage, key) for key in found} == {
        "a.csv": b"a.csv",
        "2026/a.csv": b"2026/a.csv",
        "2026/01/b.csv": b"2026/01/b.csv",
    }


@pytest.mark.parametrize(
    ("pattern", "taken"),
    [
        (r"/.*\.csv/", {"a.csv", "b.csv"}),
        ("a.csv", {"a.csv"}),
        (r"/[0-9]+/a\.csv/", {"2026/a.csv"}),
        ("2026/*.csv", {"2026/a.csv"}),
        ("nothing", set()),
    ],
)
def test_filter(rig: Rig, pattern: str, taken: set[str]) -> None:
    """M015, M020, D07, D08."""
    for path in (b"a.csv", b"b.csv", b"2026/a.csv", b"2026/01/c.csv", b"a.csv.bak"):
        rig.put(path, path, LONG_AGO)
    listing = list_matching(rig.storage, FilePattern(pattern))
    assert {delivery.key for delivery in listing.deliveries} == taken
    assert listing.others == (5 if "/" in pattern[1:-1] else 3) - len(taken)


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        (b"100%25.csv", "100%25.csv"),
        (b"a\tb.csv", r"/a\tb\.csv/"),
        (b"caf\xe9.csv", "caf?.csv"),
        (b"a...b.csv", "a...b.csv"),
        ("e\u0301.csv".encode(), "\u00e9.csv"),
    ],
    ids=repr,
)
def test_filter_goes_by_true_names(rig: Rig, name: bytes, pattern: str) -> None:
    """M020: a user writes the name as it is, not as keys encode it."""
    rig.put(name, b"x", LONG_AGO)
    assert len(list_matching(rig.storage, FilePattern(pattern)).deliveries) == 1


def test_filter_goes_by_the_whole_path(rig: Rig) -> None:
    """D07, also where the key had to be shortened."""
    rig.put(b"/".join([b"f" * 200] * 6) + b"/a.csv", b"x", LONG_AGO)
    pattern = FilePattern("/" + "/".join(["f+"] * 6) + r"/a\.csv/")
    assert len(list_matching(rig.storage, pattern).deliveries) == 1


@pytest.mark.parametrize("name", [b".a.csv", b"a.csv.part", b"a.csv.TMP", b"a.swp", b".git/a.csv"])
def test_hidden_and_half_written_files_are_left_out(rig: Rig, name: bytes) -> None:
    rig.put(name, b"x", LONG_AGO)
    rig.put(b"b.csv", b"x", LONG_AGO)
    assert set(listed(rig.storage, recursive=True)) == {"b.csv"}
    if b"/" not in name:
        with pytest.raises(UnknownName):
            rig.storage.open(name.decode())


def test_file_vanishing_between_listing_and_opening(rig: Rig) -> None:
    rig.put(b"a.csv", b"x", LONG_AGO)
    (key,) = listed(rig.storage)
    rig.remove(b"a.csv")
    for ask in (rig.storage.stat, rig.storage.open):
        with pytest.raises(UnknownName, match=r"a\.csv"):
            ask(key)


@pytest.mark.parametrize(
    "key", ["", "/", "a.csv/", "no.csv", "a.csv/b.csv", "f", "%61.csv", "a%00"]
)
def test_what_is_no_key_is_unknown(rig: Rig, key: str) -> None:
    rig.put(b"a.csv", b"x", LONG_AGO)
    rig.put(b"f/b.csv", b"x", LONG_AGO)
    for ask in (rig.storage.stat, rig.storage.open):
        with pytest.raises(UnknownName):
            ask(key)


def test_closed_sub_folder_is_reported_and_does_not_stop_the_rest(rig: Rig) -> None:
    for path in (b"a.csv", b"closed/b.csv", b"open/c.csv"):
        rig.put(path, b"x", LONG_AGO)
    with rig.deny("closed"):
        listing = list_matching(rig.storage, FilePattern(r"/(.*/)?.*\.csv/"))
    assert {delivery.key for delivery in listing.deliveries} == {"a.csv", "open/c.csv"}
    (fault,) = listing.faults
    assert "closed" in fault
    assert "Permission denied" in fault


def test_empty_folder_has_no_deliveries(rig: Rig) -> None:
    assert listed(rig.storage, recursive=True) == {}


def test_listing_stops_itself(rig: Rig) -> None:
    """A listing that takes too long is an error that says so, never a part of the files."""
    fake = FakeStorage()
    for number in range(2_500):
        fake.put(f"{number}.csv", b"")
    seconds = iter([0.0, 30.0, 50.0])
    with pytest.raises(SourceError, match=r"longer than 40 s, after 2,000 files"):
        list_matching(fake, FilePattern("*"), timedelta(seconds=40), lambda: next(seconds))


# --- local folders only ---------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "inside"
    inside.mkdir()
    return inside


def faults_of(folder: Path) -> tuple[set[str], list[str]]:
    reports: list[str] = []
    found = LocalStorage(folder).list(recursive=True, report=reports.append)
    return {delivery.key for delivery in found}, reports


def test_missing_folder_is_an_error(tmp_path: Path) -> None:
    """An empty listing would hide a misspelled folder."""
    storage = LocalStorage(tmp_path / "exprots")
    for use in (lambda: list(storage.list(False, print)), lambda: storage.stat("a.csv")):
        with pytest.raises(SourceError, match=r"exprots does not exist: .*`folder:`"):
            use()


def test_file_in_place_of_the_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.csv").touch()
    with pytest.raises(SourceError, match="is not a folder"):
        list(LocalStorage(tmp_path / "a.csv").list(False, print))


def test_closed_folder_is_an_error() -> None:
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        rig = local_rig(Path(name))
        rig.put(b"f/a.csv", b"", LONG_AGO)
        with rig.deny("f"), pytest.raises(SourceError, match="Permission denied"):
            list(LocalStorage(Path(name) / "f").list(False, print))


def test_folder_may_itself_be_a_link(folder: Path, tmp_path: Path) -> None:
    (folder / "a.csv").write_bytes(b"x")
    (tmp_path / "current").symlink_to(folder)
    assert faults_of(tmp_path / "current") == ({"a.csv"}, [])
    assert read(LocalStorage(tmp_path / "current"), "a.csv") == b"x"


def test_links_inside_the_folder_are_followed(folder: Path) -> None:
    (folder / "2026").mkdir()
    (folder / "2026/a.csv").write_bytes(b"x")
    (folder / "latest").symlink_to("2026")
    (folder / "b.csv").symlink_to("2026/a.csv")
    storage = LocalStorage(folder)
    assert faults_of(folder) == ({"2026/a.csv", "latest/a.csv", "b.csv"}, [])
    assert read(storage, "latest/a.csv") == read(storage, "b.csv") == b"x"
    assert storage.stat("b.csv").fingerprint == storage.stat("2026/a.csv").fingerprint


@pytest.mark.parametrize("absolute", [True, False])
def test_links_out_of_the_folder_are_left_out_and_refused(
    folder: Path, tmp_path: Path, absolute: bool
) -> None:
    outside = tmp_path / "inside too"  # begins like the folder itself
    outside.mkdir()
    (outside / "secret.csv").write_bytes(b"secret")
    up = tmp_path if absolute else Path("..")
    (folder / "file.csv").symlink_to(up / "inside too/secret.csv")
    (folder / "all").symlink_to(up / "inside too")
    (folder / "a.csv").write_bytes(b"x")
    found, reports = faults_of(folder)
    assert found == {"a.csv"}
    assert len(reports) == 2
    assert all("out of the folder" in report for report in reports)
    for key in ("file.csv", "all/secret.csv", "../inside too/secret.csv", "..", "a/../../x.csv"):
        for ask in (LocalStorage(folder).stat, LocalStorage(folder).open):
            with pytest.raises(FileRefused, match="outside_folder"):
                ask(key)


@pytest.mark.parametrize("key", ["%2E%2E/secret.csv", "..%2Fsecret.csv", "f%2Fa.csv", "./a.csv"])
def test_encoded_detours_are_unknown(folder: Path, tmp_path: Path, key: str) -> None:
    (tmp_path / "secret.csv").write_bytes(b"secret")
    (folder / "f").mkdir()
    (folder / "f/a.csv").touch()
    (folder / "a.csv").touch()
    with pytest.raises(UnknownName):
        LocalStorage(folder).open(key)


@pytest.mark.timeout(10)
def test_loops_of_links_end(folder: Path) -> None:
    (folder / "a").mkdir()
    (folder / "b").mkdir()
    (folder / "a/x.csv").touch()
    (folder / "a/up").symlink_to("..")
    (folder / "a/self").symlink_to(".")
    (folder / "a/other").symlink_to("../b")
    (folder / "b/other").symlink_to("../a")
    (folder / "round.csv").symlink_to("round.csv")
    found, reports = faults_of(folder)
    assert found == {"a/x.csv", "b/other/x.csv"}
    (report,) = reports
    assert "round.csv" in report
    with pytest.raises(UnknownName):
        LocalStorage(folder).open("round.csv")


@pytest.mark.timeout(10)
def test_links_that_multiply_end(folder: Path) -> None:
    for name in "abcdefghijkl":
        (folder / name).mkdir()
        (folder / name / "x.csv").touch()
        for other in "abcdefghijkl".replace(name, ""):
            (folder / name / f"to_{other}").symlink_to(f"../{other}")
    found, reports = faults_of(folder)
    assert len(found) == 12 + 12 * 11
    assert not reports


def test_dangling_link_is_reported(folder: Path) -> None:
    (folder / "a.csv").symlink_to("gone.csv")
    found, reports = faults_of(folder)
    assert not found
    assert len(reports) == 1


def test_closed_file_is_an_error_that_may_pass() -> None:
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        rig = local_rig(Path(name))
        rig.put(b"a.csv", b"", LONG_AGO)
        with rig.deny("a.csv"):
            assert set(listed(rig.storage)) == {"a.csv"}
            with pytest.raises(
                SourceError, match=r"a\.csv in .* cannot be read: Permission denied"
            ):
                rig.storage.open("a.csv")


def test_file_turned_into_a_link_while_it_is_opened(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between looking where a path leads and opening it, a link may take its place."""
    (tmp_path / "secret.csv").write_bytes(b"secret")
    (folder / "a.csv").write_bytes(b"x")
    real_open = os.open

    def swap_and_open(path: bytes, flags: int) -> int:
        (folder / "a.csv").unlink()
        (folder / "a.csv").symlink_to(tmp_path / "secret.csv")
        return real_open(path, flags)

    monkeypatch.setattr(os, "open", swap_and_open)
    with pytest.raises(FileRefused, match="outside_folder"):
        LocalStorage(folder).open("a.csv")


def test_file_replaced_while_it_is_opened(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "a.csv").write_bytes(b"x")
    (folder / "b.csv").write_bytes(b"y")
    real_open = os.open

    def open_and_swap(path: bytes, flags: int) -> int:
        descriptor = real_open(path, flags)
        (folder / "b.csv").rename(folder / "a.csv")
        return descriptor

    monkeypatch.setattr(os, "open", open_and_swap)
    with pytest.raises(SourceError, match="replaced while it was opened"):
        LocalStorage(folder).open("a.csv")


@pytest.mark.timeout(10)
def test_pipes_are_no_deliveries(folder: Path) -> None:
    """Opening a pipe would wait for ever."""
    os.mkfifo(folder / "a.csv")
    assert faults_of(folder) == (set(), [])
    with pytest.raises(UnknownName):
        LocalStorage(folder).open("a.csv")


def test_times_beyond_the_calendar_do_not_stop_the_rest(folder: Path) -> None:
    (folder / "a.csv").touch()
    os.utime(folder / "a.csv", ns=(0, 2**62))
    (folder / "b.csv").touch()
    os.utime(folder / "b.csv", ns=(0, -(2**61)))
    assert faults_of(folder) == ({"a.csv", "b.csv"}, [])
