"""One suite for every storage: what is listed can be opened, whatever it is called (M021)."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from import_assets.errors import FileRefused, SourceError, UnknownName
from import_assets.sources.delivery import Delivery
from import_assets.sources.discovery import look, select_scheduled
from import_assets.sources.listing import ListingCache, ListingUnfinishedError, list_matching
from import_assets.sources.rules import Rules
from import_assets.sources.spool import fetch
from import_assets.sources.storage.base import Storage
from import_assets.sources.storage.keys import MAX_KEY_BYTES
from import_assets.sources.storage.local import LocalStorage
from import_assets.spec.patterns import FilePattern
from import_assets.spec.sources import Selection
from import_assets_tests.fakes.storage import LONG_AGO, FakeStorage, MeddlingStorage
from import_assets_tests.sources.rigs import RIGS, Ability, Rig, local_rig, reachable_folder
from import_assets_tests.sources.world import rules

each_storage = pytest.mark.parametrize("rig", RIGS, indirect=True)


def listed(storage: Storage, recursive: bool = False) -> dict[str, Delivery]:
    reports: list[str] = []
    found = list(storage.list(recursive, reports.append))
    assert not reports
    assert len({delivery.key for delivery in found}) == len(found)
    return {delivery.key: delivery for delivery in found}


def read(storage: Storage, key: str) -> bytes:
    with storage.open(key) as file:
        return file.read()


@each_storage
def test_lists_size_time_and_fingerprint(rig: Rig) -> None:
    """M015, D01."""
    before = datetime.now(UTC).replace(microsecond=0)
    rig.put(b"a.csv", b"12345")
    (delivery,) = listed(rig.storage).values()
    assert (delivery.key, delivery.size) == ("a.csv", 5)
    assert delivery.modified.tzinfo is UTC
    if "set times" in rig.lacks:
        assert before <= delivery.modified <= datetime.now(UTC) + timedelta(seconds=2)
    assert rig.storage.stat("a.csv") == delivery


@each_storage
def test_times_are_those_that_were_set(rig: Rig) -> None:
    """M028: also round the change of the clock."""
    rig.needs("set times")
    modified = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    rig.put(b"a.csv", b"1", modified)
    assert listed(rig.storage)["a.csv"].modified == modified


@each_storage
def test_fingerprint_tells_versions_apart(rig: Rig) -> None:
    """D01: another content is another version, of the same size too; nothing else is."""
    rig.put(b"a.csv", b"1")
    first = rig.storage.stat("a.csv").fingerprint
    assert rig.storage.stat("a.csv").fingerprint == first
    rig.put(b"a.csv", b"2", LONG_AGO + timedelta(seconds=1))
    other = rig.storage.stat("a.csv").fingerprint
    rig.put(b"a.csv", b"12")
    assert len({first, other, rig.storage.stat("a.csv").fingerprint}) == 3


@each_storage
def test_fingerprint_tells_milliseconds_apart(rig: Rig) -> None:
    """D01."""
    rig.needs("set milliseconds")
    rig.put(b"a.csv", b"1")
    first = rig.storage.stat("a.csv").fingerprint
    rig.put(b"a.csv", b"1", LONG_AGO + timedelta(milliseconds=1))
    assert rig.storage.stat("a.csv").fingerprint != first


ODD_NAMES: list[tuple[bytes, tuple[Ability, ...]]] = [
    (b"with blank.csv", ()),
    (b" leading and trailing .csv ", ()),
    (b"a+b&c=d%e?f#g.csv", ()),
    (b"+&=%25#?.csv", ()),
    (b"100%25.csv", ()),
    ("žluťoučký kůň.csv".encode(), ()),
    ("e\u0301 is not \u00e9.csv".encode(), ()),
    (b"tab\there.csv", ()),
    (b"new\nline.csv", ("names with a newline",)),
    ("emoji 😀👩‍👩‍👧.csv".encode(), ()),
    (b"latin1 caf\xe9.csv", ("names not in UTF-8",)),
    (b"dots...csv", ()),
    (b"comma,and|pipe'\".csv", ()),
    (b"back\\slash.csv", ("names with a backslash",)),
    (b"<&amp;>.csv", ()),
    (b"-rf", ()),
    (b"a" * 251 + b".csv", ()),
    (b"\x01" * 255, ()),
    ("line\u2028separator.csv".encode(), ()),
    ("\u202eright-to-left.csv".encode(), ()),
]


@each_storage
@pytest.mark.parametrize(("name", "needed"), ODD_NAMES, ids=repr)
def test_odd_names_are_listed_and_open(rig: Rig, name: bytes, needed: tuple[Ability, ...]) -> None:
    rig.needs(*needed)
    rig.put(name, b"content")
    rig.put(b"plain.csv", b"plain")
    (key,) = listed(rig.storage).keys() - {"plain.csv"}
    assert read(rig.storage, key) == b"content"
    assert rig.storage.stat(key) == listed(rig.storage)[key]
    assert len(key.encode("utf-8")) <= MAX_KEY_BYTES
    assert "\n" not in key
    assert "..." not in key


@each_storage
def test_longest_paths_are_listed_and_open(rig: Rig) -> None:
    path = b"/".join([b"f" * 200] * 5)[: rig.longest - 6].ljust(rig.longest - 6, b"g") + b"/a.csv"
    rig.put(path, b"content")
    (key,) = listed(rig.storage, recursive=True)
    assert len(key) == len(path) == rig.longest
    assert read(rig.storage, key) == b"content"


SHORTENED: list[tuple[bytes, tuple[Ability, ...]]] = [
    (b"/".join([b"f" * 200] * 6), ("paths of 1,200 bytes",)),
    (b"/".join([b"\x01" * 100] * 5), ()),
    (b"plain%/" + b"/".join([b"\x01" * 100] * 5), ()),
]
"""Folders whose files have keys too long to be one, the last ones for what has to be encoded."""


@each_storage
@pytest.mark.parametrize(("folder", "needed"), SHORTENED, ids=["long", "encoded", "plain first"])
def test_paths_too_long_for_a_key_are_listed_and_open(
    rig: Rig, folder: bytes, needed: tuple[Ability, ...]
) -> None:
    rig.needs(*needed)
    rig.put(folder + b"/a.csv", b"a")
    rig.put(folder + b"/b.csv", b"b")
    found = listed(rig.storage, recursive=True)
    assert sorted(read(rig.storage, key) for key in found) == [b"a", b"b"]
    for key, delivery in found.items():
        assert len(key.encode()) <= MAX_KEY_BYTES
        assert len(delivery.path) > MAX_KEY_BYTES
        assert delivery.path.endswith(("/a.csv", "/b.csv"))
        assert rig.storage.stat(key) == delivery
    rig.remove(folder + b"/a.csv")
    rig.remove(folder + b"/b.csv")
    for key in found:
        with pytest.raises(UnknownName):
            rig.storage.stat(key)


@each_storage
def test_many_files_are_all_listed(rig: Rig) -> None:
    """M015: also where a server hands them over page by page."""
    for number in range(rig.many):
        rig.put(f"f/{number}.csv".encode(), b"")
    rig.put(b"g.csv", b"")
    assert set(listed(rig.storage, recursive=True)) == {
        "g.csv",
        *(f"f/{number}.csv" for number in range(rig.many)),
    }
    assert set(listed(rig.storage)) == {"g.csv"}


@each_storage
def test_sub_folders_on_request_only(rig: Rig) -> None:
    """D07: a filter with a slash inside speaks of the path below the folder."""
    for path in (b"a.csv", b"2026/a.csv", b"2026/01/b.csv"):
        rig.put(path, path)
    assert set(listed(rig.storage)) == {"a.csv"}
    found = listed(rig.storage, recursive=True)
    assert {key: read(rig.storage, key) for key in found} == {
        "a.csv": b"a.csv",
        "2026/a.csv": b"2026/a.csv",
        "2026/01/b.csv": b"2026/01/b.csv",
    }


@each_storage
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
        rig.put(path, path)
    listing = list_matching(rig.storage, FilePattern(pattern))
    assert {delivery.key for delivery in listing.deliveries} == taken
    assert listing.others == (5 if "/" in pattern[1:-1] else 3) - len(taken)


TRUE_NAMES: list[tuple[bytes, str, tuple[Ability, ...]]] = [
    (b"100%25.csv", "100%25.csv", ()),
    (b"a\tb.csv", r"/a\tb\.csv/", ()),
    (b"caf\xe9.csv", "caf?.csv", ("names not in UTF-8",)),
    (b"a...b.csv", "a...b.csv", ()),
    ("e\u0301.csv".encode(), "\u00e9.csv", ()),
]


@each_storage
@pytest.mark.parametrize(("name", "pattern", "needed"), TRUE_NAMES, ids=repr)
def test_filter_goes_by_true_names(
    rig: Rig, name: bytes, pattern: str, needed: tuple[Ability, ...]
) -> None:
    """M020: a user writes the name as it is, not as keys encode it."""
    rig.needs(*needed)
    rig.put(name, b"x")
    assert len(list_matching(rig.storage, FilePattern(pattern)).deliveries) == 1


@each_storage
def test_filter_goes_by_the_whole_path(rig: Rig) -> None:
    """D07, also where the key had to be shortened."""
    rig.put(b"/".join([b"\x01" * 100] * 5) + b"/a.csv", b"x")
    pattern = FilePattern("/" + "/".join([r"\x01+"] * 5) + r"/a\.csv/")
    assert len(list_matching(rig.storage, pattern).deliveries) == 1


@each_storage
@pytest.mark.parametrize("name", [b".a.csv", b"a.csv.part", b"a.csv.TMP", b"a.swp", b".git/a.csv"])
def test_hidden_and_half_written_files_are_left_out(rig: Rig, name: bytes) -> None:
    rig.put(name, b"x")
    rig.put(b"b.csv", b"x")
    assert set(listed(rig.storage, recursive=True)) == {"b.csv"}
    for ask in (rig.storage.stat, rig.storage.open):
        with pytest.raises(UnknownName):
            ask(name.decode())


@each_storage
def test_file_vanishing_between_listing_and_opening(rig: Rig) -> None:
    rig.put(b"a.csv", b"x")
    (key,) = listed(rig.storage)
    rig.remove(b"a.csv")
    for ask in (rig.storage.stat, rig.storage.open):
        with pytest.raises(UnknownName, match=r"a\.csv"):
            ask(key)


@each_storage
def test_what_is_no_key_is_unknown(rig: Rig) -> None:
    rig.put(b"a.csv", b"x")
    rig.put(b"f/b.csv", b"x")
    for key in ("", "/", "a.csv/", "no.csv", "a.csv/b.csv", "f", "%61.csv", "a%00", "f%2Fb.csv"):
        for ask in (rig.storage.stat, rig.storage.open):
            with pytest.raises(UnknownName):
                ask(key)


@each_storage
def test_closed_sub_folder_is_reported_and_does_not_stop_the_rest(rig: Rig) -> None:
    rig.needs("close folders")
    for path in (b"a.csv", b"closed/b.csv", b"open/c.csv"):
        rig.put(path, b"x")
    with rig.deny("closed"):
        listing = list_matching(rig.storage, FilePattern(r"/(.*/)?.*\.csv/"))
    assert {delivery.key for delivery in listing.deliveries} == {"a.csv", "open/c.csv"}
    (fault,) = listing.faults
    assert "closed" in fault
    assert "permission denied" in fault.casefold()


@each_storage
def test_empty_folder_has_no_deliveries(rig: Rig) -> None:
    assert listed(rig.storage, recursive=True) == {}


# --- copies, and what happens meanwhile -----------------------------------------------------------

BIG = bytes(range(256)) * (3 << 12)
"""Three megabytes, so that reading takes several blocks."""


def copied(storage: Storage, delivery: Delivery, spool: Path) -> bytes:
    with fetch(storage, delivery, spool, len(BIG)) as spooled:
        content = spooled.path.read_bytes()
        assert (spooled.size, spooled.sha256) == (len(content), hashlib.sha256(content).hexdigest())
        return content


@each_storage
@pytest.mark.parametrize("content", [b"", b"a\n", BIG], ids=["empty", "small", "big"])
def test_whole_content_is_copied(rig: Rig, content: bytes, tmp_path: Path) -> None:
    rig.put(b"f/a b.csv", content)
    delivery = listed(rig.storage, recursive=True)["f/a b.csv"]
    assert copied(rig.storage, delivery, tmp_path) == content


@each_storage
def test_file_replaced_since_it_was_listed(rig: Rig, tmp_path: Path) -> None:
    """D01: what is imported is the version that was listed, or nothing."""
    rig.put(b"a.csv", b"old")
    delivery = listed(rig.storage)["a.csv"]
    rig.put(b"a.csv", b"new", LONG_AGO + timedelta(seconds=1))
    with pytest.raises(SourceError, match=r"a\.csv in .* has changed"):
        copied(rig.storage, delivery, tmp_path)
    assert copied(rig.storage, listed(rig.storage)["a.csv"], tmp_path) == b"new"


@each_storage
def test_file_replaced_while_it_is_read(rig: Rig, tmp_path: Path) -> None:
    """D01: never half of one version and half of another."""
    new = BIG[::-1]
    rig.put(b"a.csv", BIG)

    def replace() -> None:
        rig.put(b"a.csv", new, LONG_AGO + timedelta(seconds=1))

    delivery = listed(rig.storage)["a.csv"]
    with pytest.raises(SourceError, match=r"a\.csv in .* has changed while it was read"):
        copied(MeddlingStorage(rig.storage, while_read=replace), delivery, tmp_path)
    assert not list(tmp_path.iterdir())
    assert copied(rig.storage, listed(rig.storage)["a.csv"], tmp_path) == new


@each_storage
def test_file_vanishing_before_it_is_read(rig: Rig, tmp_path: Path) -> None:
    rig.put(b"a.csv", b"x")
    delivery = listed(rig.storage)["a.csv"]
    vanishing = MeddlingStorage(rig.storage, before_open=lambda: rig.remove(b"a.csv"))
    with pytest.raises(SourceError, match=r"a\.csv in .* before it was read"):
        copied(vanishing, delivery, tmp_path)


# --- rules of selection, over each storage --------------------------------------------------------


@dataclass
class Starts:
    """An import of a folder, started by hand or by a trigger; each start ends well."""

    storage: Storage
    rules: Rules
    ledger: dict[str, set[str]] = field(default_factory=dict)
    cursor: str | None = None

    def by_hand(self) -> list[str]:
        """Take what a start by hand takes, in its order."""
        listing = list_matching(self.storage, self.rules.pattern)
        chosen = select_scheduled(listing, self.rules, lambda: self.ledger, self._now(), None)
        return self._imported(chosen.deliveries)

    def triggered(self) -> list[str]:
        """Take what a trigger asks for at one look."""
        tick = look(
            list_matching(self.storage, self.rules.pattern),
            self.rules,
            self.cursor,
            now=self._now(),
            imported=lambda: self.ledger,
            outcome=lambda asks: {ask.delivery.key: "gone" for ask in asks},
        )
        self.cursor = tick.cursor
        return self._imported(ask.delivery for ask in tick.asks)

    def _imported(self, deliveries: Iterable[Delivery]) -> list[str]:
        taken = list(deliveries)
        for delivery in taken:
            self.ledger.setdefault(delivery.key, set()).add(delivery.fingerprint)
        return [delivery.key for delivery in taken]

    def _now(self) -> datetime:
        # Long after the times that servers set, so that everything has settled.
        return datetime.now(UTC) + timedelta(hours=1)


def put_three(rig: Rig) -> None:
    """Three files, of which the second is the newest where times can be set."""
    for path, day in ((b"f/a.csv", 1), (b"Z.csv", 3), (b"f/b.csv", 2)):
        rig.put(path, path, LONG_AGO + timedelta(days=day))


@each_storage
@pytest.mark.parametrize(
    ("select", "first", "second"),
    [
        ("all", {"Z.csv", "f/a.csv", "f/b.csv"}, {"Z.csv", "f/a.csv", "f/b.csv"}),
        ("not_imported_yet", {"Z.csv", "f/a.csv", "f/b.csv"}, set()),
        ("last_alphabetically", {"f/b.csv"}, {"f/b.csv"}),
    ],
)
def test_starts_by_hand(rig: Rig, select: Selection, first: set[str], second: set[str]) -> None:
    """M027, M029, M030, D03, D05: capitals sort before small letters."""
    put_three(rig)
    starts = Starts(rig.storage, rules(select, pattern=r"/(f/)?.\.csv/"))
    assert set(starts.by_hand()) == first
    assert set(starts.by_hand()) == second


@each_storage
def test_last_modified(rig: Rig) -> None:
    """M028."""
    rig.needs("set times")
    put_three(rig)
    starts = Starts(rig.storage, rules("last_modified", pattern=r"/(f/)?.\.csv/"))
    assert starts.by_hand() == ["Z.csv"]
    rig.put(b"Z.csv", b"older", LONG_AGO)
    assert starts.by_hand() == ["f/b.csv"]


@each_storage
def test_last_modified_takes_the_larger_path_of_equally_new_ones(rig: Rig) -> None:
    """M028, D05."""
    for path in (b"b.csv", b"a.csv", b"A.csv"):
        rig.put(path, path)
    found = listed(rig.storage)
    (taken,) = Starts(rig.storage, rules("last_modified")).by_hand()
    newest = max(delivery.modified for delivery in found.values())
    assert taken == max(key for key, delivery in found.items() if delivery.modified == newest)


@each_storage
def test_trigger_takes_new_files_and_new_versions_once(rig: Rig) -> None:
    """M016-M018, M022, M030, D01, D02."""
    rig.put(b"a.csv", b"1")
    trigger = Starts(rig.storage, rules())
    assert trigger.triggered() == ["a.csv"]
    assert trigger.triggered() == []
    rig.put(b"b.csv", b"1")
    assert trigger.triggered() == ["b.csv"]
    rig.put(b"a.csv", b"22", LONG_AGO + timedelta(seconds=1))
    assert trigger.triggered() == ["a.csv"]
    rig.remove(b"b.csv")
    assert trigger.triggered() == []


@each_storage
def test_trigger_by_name_takes_a_changed_file_once_only(rig: Rig) -> None:
    """D01."""
    rig.put(b"a.csv", b"1")
    trigger = Starts(rig.storage, rules(by="name"))
    assert trigger.triggered() == ["a.csv"]
    rig.put(b"a.csv", b"22", LONG_AGO + timedelta(seconds=1))
    assert trigger.triggered() == []


@each_storage
@pytest.mark.parametrize(
    ("pattern", "taken"),
    [
        (r"/filename[0-9]+\.csv/", ["filename1.csv"]),
        (r"/2026/filename[0-9]\.csv/", ["2026/filename1.csv"]),
        ("filename1.csv", ["filename1.csv"]),
        ("2026/filename?.csv", ["2026/filename1.csv"]),
    ],
)
def test_trigger_goes_by_names_or_by_paths(rig: Rig, pattern: str, taken: list[str]) -> None:
    """M020, D07, D08: the whole name, or with a slash inside the whole path."""
    for path in (b"filename1.csv", b"old_filename1.csv", b"filename1.csv.bak", b"filename.csv"):
        rig.put(path, b"x")
        rig.put(b"2026/" + path, b"x")
    assert Starts(rig.storage, rules(pattern=pattern)).triggered() == taken


def test_listing_stops_itself() -> None:
    """A listing that takes too long is an error that says so, never a part of the files."""
    fake = FakeStorage()
    for number in range(2_500):
        fake.put(f"{number}.csv", b"")
    seconds = iter(range(0, 1_000, 2))
    cache = ListingCache(clock=lambda: float(next(seconds)))
    with pytest.raises(ListingUnfinishedError, match=r"longer than 40 s: [0-9,]+ files so far"):
        list_matching(fake, FilePattern("*"), timedelta(seconds=40), cache)


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
    with reachable_folder() as folder:
        rig = local_rig(folder)
        rig.put(b"f/a.csv", b"")
        with rig.deny("f"), pytest.raises(SourceError, match="Permission denied"):
            list(LocalStorage(folder / "f").list(False, print))


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
    with reachable_folder() as folder:
        rig = local_rig(folder)
        rig.put(b"a.csv", b"")
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
