"""Packed files come out as their makers packed them, or are refused (D12)."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import struct
import tarfile
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from import_assets.errors import FileRefused
from import_assets.formats.archive import UNCHECKED_BYTES, open_members
from import_assets.formats.encodings import LimitedStream
from import_assets.spec.models import Limits
from import_assets.spec.patterns import FilePattern
from import_assets_tests.builders import examples

CSV = b"id;name\n1;Anna\n2;Bob\n"
LONG = b"".join(b"%d;%d\n" % (n, n * n) for n in range(60_000))

Contents = list[tuple[str | None, bytes]]


def read(path: Path, members: str | None = None, *, step: int = 1 << 16, **limits: int) -> Contents:
    """Every member, read to its end in steps of `step` bytes."""
    pattern = FilePattern(members) if members else None
    contents: Contents = []
    for member in open_members(path, pattern, Limits(**limits), "feed"):
        pieces = []
        while piece := member.stream.read(step):
            assert len(piece) <= step
            pieces.append(piece)
        assert member.stream.read(step) == b""
        contents.append((member.name, b"".join(pieces)))
    return contents


def refusal(path: Path, members: str | None = None, **limits: int) -> FileRefused:
    with pytest.raises(FileRefused) as caught:
        read(path, members, **limits)
    assert caught.value.file == "feed"
    return caught.value


@pytest.fixture
def file(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(data: bytes) -> Path:
        path = tmp_path / "delivery-x"
        path.write_bytes(data)
        return path

    return write


Write = Callable[[bytes], Path]


def zipped(files: Iterable[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files:
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return out.getvalue()


def streamed_zip(name: str, data: bytes) -> bytes:
    """A zip archive written to a pipe: sizes stand behind the bytes."""

    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.written = b""

        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            self.written += bytes(data)
            return len(data)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return pipe.written


# --- plain and gzip -------------------------------------------------------------------------------


def test_a_plain_file_is_opened_as_it_is(file: Write) -> None:
    assert read(file(CSV)) == [(None, CSV)]
    assert read(file(b"")) == [(None, b"")]
    assert read(file(CSV), "*.csv") == [(None, CSV)]


@pytest.mark.parametrize("step", [1, 7, 1 << 20])
def test_gzip(file: Write, step: int) -> None:
    assert read(file(gzip.compress(CSV)), step=step) == [(None, CSV)]


def test_gzip_of_nothing(file: Write) -> None:
    assert read(file(gzip.compress(b""))) == [(None, b"")]


def test_gzip_in_several_parts(file: Write) -> None:
    """As `cat a.gz b.gz` makes it; zeros behind it come from tapes and blocks."""
    parts = [LONG, b"", CSV, b"x" * 300_000]
    packed = b"".join(map(gzip.compress, parts))
    for padding in (0, 1, 511, 300_000):
        assert read(file(packed + bytes(padding))) == [(None, b"".join(parts))]


def test_gzip_with_every_optional_field(file: Write) -> None:
    header = b"\x1f\x8b\x08\x1e" + bytes(6) + b"\x03\x00abc" + b"name.csv\x00" + b"comment\x00"
    checksum = struct.pack("<H", zlib.crc32(header) & 0xFFFF)
    assert read(file(header + checksum + gzip.compress(CSV)[10:])) == [(None, CSV)]


@pytest.mark.parametrize("behind", [b"x", b"\x00\x00x", b"\x1f", b"\x1f\x8b\x08", CSV])
def test_gzip_with_something_behind_it(file: Write, behind: bytes) -> None:
    """It could be a damaged further part, so it is not passed over."""
    assert refusal(file(gzip.compress(CSV) + behind)).reason == "damaged_archive"


def test_gzip_that_is_cut_off(file: Write) -> None:
    packed = gzip.compress(LONG)
    for size in (2, 9, 10, 11, len(packed) // 2, len(packed) - 8, len(packed) - 1):
        told = refusal(file(packed[:size]))
        assert told.reason == "damaged_archive"
        assert "its content ends too early: send it again" in told.message


def test_gzip_with_a_wrong_checksum(file: Write) -> None:
    """What was read before counts only when the stream has ended without an error."""
    packed = bytearray(gzip.compress(LONG))
    packed[-8] ^= 1
    told = refusal(file(bytes(packed)))
    assert (told.reason, "does not fit its checksum" in told.message) == ("damaged_archive", True)


def test_a_refused_stream_stays_refused(file: Write) -> None:
    packed = bytearray(gzip.compress(LONG))
    packed[-8] ^= 1
    members = open_members(file(bytes(packed)), None, Limits(), "feed")
    (member,) = take(members, 1)
    for _ in range(3):
        with pytest.raises(FileRefused):
            member.stream.read(len(LONG) + 1)


def take(members: Any, count: int) -> list[Any]:
    return [next(members) for _ in range(count)]


# --- zip ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("step", [1, 1000, 1 << 20])
def test_zip(file: Write, method: int, step: int) -> None:
    packed = zipped([("a.csv", CSV), ("b.csv", CSV * 99), ("empty.csv", b"")], method)
    expected = [("a.csv", CSV), ("b.csv", CSV * 99), ("empty.csv", b"")]
    assert read(file(packed), step=step) == expected


def test_zip_members_come_in_the_order_of_their_paths(file: Write) -> None:
    names = ["b.csv", "a/z.csv", "B.csv", "a.csv", "é.csv", "a10.csv", "a2.csv"]
    packed = zipped((name, name.encode()) for name in names)
    assert [name for name, _ in read(file(packed))] == sorted(names)


def test_zip_members_that_are_no_data_are_left_out(file: Write) -> None:
    left_out = ["folder/", ".hidden.csv", ".git/a.csv", "__MACOSX/._a.csv", "x/__MACOSX/a.csv", "/"]
    packed = zipped([(name, b"" if name.endswith("/") else b"x") for name in left_out])
    assert refusal(file(packed)).reason == "no_member"
    packed = zipped([*((name, b"") for name in left_out), ("x/a.csv", CSV)])
    assert read(file(packed)) == [("x/a.csv", CSV)]


@pytest.mark.parametrize("name", ["../../etc/a.csv", "/etc/a.csv", "./a.csv", "C:\\a.csv"])
def test_zip_paths_that_lead_out_are_only_names(file: Write, tmp_path: Path, name: str) -> None:
    path = file(zipped([(name, CSV)]))
    assert read(path, "*a.csv") == [(name, CSV)]
    assert list(tmp_path.iterdir()) == [path]


def test_zip_paths_are_fit_to_be_shown(file: Write) -> None:
    path = file(zipped([("a\x1b[31m\n\u202e.csv", CSV)]))
    assert read(path) == [(r"a\x1b[31m\n\u202e.csv", CSV)]


def test_zip_paths_in_other_encodings(file: Write) -> None:
    """UTF-8 without its flag, as macOS writes it, and an old code page."""
    for raw, shown in (("ä.csv".encode(), "ä.csv"), (b"\x84.csv", "ä.csv")):
        packed = zipped([("#" * len(raw), CSV)]).replace(b"#" * len(raw), raw)
        assert read(file(packed), "ä.csv") == [(shown, CSV)]


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ("a.csv", ["a.csv", "x/a.csv"]),
        ("*.csv", ["a.csv", "b.csv", "x/a.csv"]),
        ("x/*", ["x/a.csv"]),
        (r"/[ab]\.csv/", ["a.csv", "b.csv", "x/a.csv"]),
        (r"/x\/.*/", ["x/a.csv"]),
    ],
)
def test_zip_members_are_chosen_as_files_of_a_folder_are(
    file: Write, members: str, expected: list[str]
) -> None:
    """M020: exact names, globs and regular expressions, on names or on paths."""
    path = file(zipped([(name, CSV) for name in ("a.csv", "b.csv", "x/a.csv", "readme.txt")]))
    assert [name for name, _ in read(path, members)] == expected


def test_zip_without_a_matching_member_says_what_is_there(file: Write) -> None:
    path = file(zipped([(f"{n}.txt", CSV) for n in range(6)]))
    told = refusal(path, "*.csv")
    assert told.reason == "no_member"
    assert "`members: *.csv`" in told.message
    assert told.message.endswith("which holds '0.txt', '1.txt', '2.txt', '3.txt', '4.txt', …")


@pytest.mark.parametrize("comment", [b"", b"made by hand", b"x" * 65_535])
def test_zip_with_a_comment(file: Write, comment: bytes) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.csv", CSV)
        archive.comment = comment
    assert read(file(out.getvalue())) == [("a.csv", CSV)]


def test_zip_that_is_empty(file: Write) -> None:
    assert refusal(file(zipped([]))).reason == "no_member"


def test_zip_written_to_a_pipe(file: Write) -> None:
    assert read(file(streamed_zip("a.csv", LONG))) == [("a.csv", LONG)]


def test_zip64(file: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sizes and places are written as those are that need more than 32 bits."""
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 10)
    packed = zipped([("a.csv", CSV), ("b.csv", LONG)])
    assert b"PK\x06\x06" in packed
    assert read(file(packed)) == [("a.csv", CSV), ("b.csv", LONG)]
    for at in (packed.rindex(b"PK\x06\x06") + 40, packed.rindex(b"PK\x06\x07") + 8):
        wrong = bytearray(packed)
        wrong[at] ^= 1
        assert refusal(file(bytes(wrong))).reason == "damaged_archive"


def test_zip_of_very_many_files(file: Write) -> None:
    """More than the 65,535 that fit without zip64, each checked without many seconds or bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number in range(66_000):
            archive.writestr(zipfile.ZipInfo(f"{number}.csv"), b"")
    assert len(read(file(out.getvalue()), "1*.csv")) == sum(
        str(number).startswith("1") for number in range(66_000)
    )


def test_zip_of_too_many_files(file: Write) -> None:
    """Its directory would not fit into memory."""
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 9, 9, 20_000_000, 4, 0)
    told = refusal(file(b"PK\x03\x04" + bytes(20_000_000) + end))
    assert told.reason == "too_many_members"


def test_a_stream_is_closed_when_the_next_member_is_asked_for(file: Write) -> None:
    members = open_members(file(zipped([("a", LONG), ("b", CSV)])), None, Limits(), "feed")
    first, second = take(members, 2)
    assert second.stream.read(100) == CSV
    with pytest.raises(ValueError, match="closed"):
        first.stream.read(1)
    members.close()
    with pytest.raises(ValueError, match="closed"):
        second.stream.read(1)


# --- limits ---------------------------------------------------------------------------------------


def test_unpacked_bytes_of_gzip_are_limited(file: Write) -> None:
    """D12: exactly as many as the limit says pass, one more does not; parts count together."""
    packed = gzip.compress(LONG) + gzip.compress(CSV)
    total = len(LONG) + len(CSV)
    path = file(packed)
    assert read(path, file_bytes=total) == [(None, LONG + CSV)]
    assert refusal(path, file_bytes=total - 1).reason == "too_many_bytes"


def test_unpacked_bytes_of_zip_are_limited(file: Write) -> None:
    """D12: the files that are taken count together, the others do not."""
    path = file(zipped([("a.csv", LONG), ("b.csv", CSV), ("c.txt", LONG * 9)]))
    total = len(LONG) + len(CSV)
    assert len(read(path, "*.csv", file_bytes=total)) == 2
    told = refusal(path, "*.csv", file_bytes=total - 1)
    assert told.reason == "too_many_bytes"


def test_bytes_of_plain_files_are_limited(file: Write) -> None:
    """M085, D12."""
    assert read(file(CSV), file_bytes=len(CSV)) == [(None, CSV)]
    assert refusal(file(CSV), file_bytes=len(CSV) - 1).reason == "too_many_bytes"


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lambda data: zipped([("a", data)])])
def test_too_many_bytes_are_refused_in_the_words_of_the_readers(
    file: Write, pack: Callable[[bytes], bytes]
) -> None:
    """Which of the two notices it first makes no difference to the user."""
    with pytest.raises(FileRefused) as caught:
        LimitedStream(io.BytesIO(CSV), 10, "feed").read(100)
    assert str(refusal(file(pack(CSV)), file_bytes=10)) == str(caught.value)


@pytest.mark.parametrize("pack", [gzip.compress, lambda data: zipped([("a", data)])])
def test_a_file_that_is_packed_too_tightly(file: Write, pack: Callable[[bytes], bytes]) -> None:
    """D12: the ratio counts only beyond the first bytes: short texts may be packed tightly."""
    assert len(read(file(pack(bytes(UNCHECKED_BYTES))))[0][1]) == UNCHECKED_BYTES
    path = file(pack(bytes(UNCHECKED_BYTES + 1)))
    told = refusal(path)
    assert told.reason == "packed_too_tightly"
    assert "more than 200 times" in told.message
    assert "unpack_ratio" in told.message
    assert len(read(path, unpack_ratio=2_000)[0][1]) == UNCHECKED_BYTES + 1


def test_the_limit_that_is_met_first_is_named(file: Write) -> None:
    path = file(gzip.compress(bytes(30_000_000)))
    assert refusal(path, file_bytes=9_000_000).reason == "too_many_bytes"
    assert refusal(path, file_bytes=20_000_000).reason == "packed_too_tightly"
    path = file(zipped([("a", bytes(30_000_000))]))
    assert refusal(path, file_bytes=9_000_000).reason == "too_many_bytes"
    assert refusal(path, file_bytes=20_000_000).reason == "packed_too_tightly"


def test_a_zip_that_states_fewer_bytes_than_it_unpacks_to(file: Write) -> None:
    data = bytes(50_000_000)
    packed = zipped([("a.csv", data)])
    lying = packed.replace(struct.pack("<I", len(data)), struct.pack("<I", 1_000))
    told = refusal(file(lying))
    assert told.reason == "damaged_archive"
    assert "'a.csv' has another size than the archive states" in told.message


@pytest.mark.parametrize("kind", ["gzip", "zip"])
@pytest.mark.parametrize("step", [1 << 12, 1 << 22])
def test_memory_stays_bounded(file: Write, kind: str, step: int) -> None:
    """However tightly a file is packed, no more is unpacked than is asked for."""
    data = bytes(60_000_000)
    path = file(gzip.compress(data) if kind == "gzip" else zipped([("a", data)]))
    del data
    tracemalloc.start()
    try:
        for member in open_members(path, None, Limits(unpack_ratio=2_000), "feed"):
            while member.stream.read(step):
                pass
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 12_000_000


# --- refused --------------------------------------------------------------------------------------


def test_an_encrypted_member(file: Write) -> None:
    packed = bytearray(zipped([("a.csv", CSV), ("b.csv", CSV)]))
    packed[packed.rindex(b"PK\x01\x02") + 8] |= 1
    path = file(bytes(packed))
    told = refusal(path)
    assert (told.reason, told.message) == (
        "encrypted_archive",
        "'b.csv' in the zip archive has a password: pack it without one",
    )
    assert read(path, "a.csv") == [("a.csv", CSV)]


@pytest.mark.parametrize(
    ("method", "name"), [(zipfile.ZIP_BZIP2, "bzip2"), (zipfile.ZIP_LZMA, "LZMA")]
)
def test_a_member_packed_in_another_way(file: Write, method: int, name: str) -> None:
    told = refusal(file(zipped([("a.csv", CSV)], method)))
    assert told.reason == "unsupported_archive"
    assert f"'a.csv' in the zip archive is packed by {name}: pack it with gzip" in told.message


def tarred() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo("a.csv")
        info.size = len(CSV)
        archive.addfile(info, io.BytesIO(CSV))
    return out.getvalue()


OTHERS = {
    "bzip2": bz2.compress(CSV),
    "xz": lzma.compress(CSV),
    "tar": tarred(),
    "7z": b"7z\xbc\xaf\x27\x1c" + bytes(100),
    "RAR": b"Rar!\x1a\x07\x01\x00" + bytes(100),
    "Zstandard": b"\x28\xb5\x2f\xfd" + bytes(100),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_a_file_packed_in_another_way(file: Write, kind: str) -> None:
    told = refusal(file(OTHERS[kind]))
    assert told.reason == "unsupported_archive"
    assert kind in told.message


@pytest.mark.parametrize(
    "inner",
    [gzip.compress(CSV), zipped([("a", CSV)]), tarred()],
    ids=["gzip", "zip", "tar"],
)
def test_an_archive_in_an_archive(file: Write, inner: bytes) -> None:
    for packed in (gzip.compress(inner), zipped([("x.csv", inner)]), zipped([("x", inner)], 0)):
        told = refusal(file(packed))
        assert told.reason == "nested_archive"
        assert "is itself" in told.message


@pytest.mark.parametrize("name", ["[Content_Types].xml", "mimetype"])
def test_a_workbook(file: Write, name: str) -> None:
    """Whatever `members` says: its sheets are not in it as CSV."""
    told = refusal(file(zipped([(name, b"x"), ("xl/workbook.xml", b"x")])), "*.xml")
    assert told.reason == "workbook"
    assert told.message.endswith("save it as CSV")


def test_two_members_of_one_name(file: Write) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        packed = zipped([("a.csv", CSV), ("a.csv", LONG)])
    told = refusal(file(packed))
    assert (told.reason, told.message) == (
        "damaged_archive",
        "the zip archive holds 'a.csv' more than once: pack each file once",
    )


def test_members_that_overlap(file: Write) -> None:
    """A few bytes that many entries claim could unpack to any size."""
    packed = zipped([("a", bytes(1_000))])
    start = packed.index(b"PK\x01\x02")
    entry, end = packed[start:-22], bytearray(packed[-22:])
    struct.pack_into("<2HI", end, 8, 2, 2, len(entry) * 2)
    doubled = packed[:start] + entry * 2 + bytes(end)
    assert "files in it overlap" in refusal(file(doubled)).message


def test_one_part_of_several(file: Write) -> None:
    packed = bytearray(zipped([("a", CSV)]))
    struct.pack_into("<2H", packed, len(packed) - 18, 1, 1)
    assert refusal(file(bytes(packed))).reason == "unsupported_archive"


def test_a_zip_that_is_cut_off(file: Write) -> None:
    packed = zipped([("a.csv", LONG), ("b.csv", CSV)])
    for size in (4, 21, 30, len(packed) // 2, len(packed) - 22, len(packed) - 1):
        assert refusal(file(packed[:size])).reason == "damaged_archive"


# --- any damage -----------------------------------------------------------------------------------


def samples() -> dict[str, tuple[bytes, int]]:
    """Archives, and behind which byte they may be damaged: what is one, its first bytes say."""
    noise = random.Random(1).randbytes(500)
    files = [("data/a.csv", CSV), ("b.csv", LONG[:1_000]), ("c.bin", noise), ("empty", b"")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zipfile, "ZIP64_LIMIT", 10)
        zip64, small = zipped(files[:2]), zipped([("a", CSV)])
    return {
        "gzip": (gzip.compress(LONG[:1_000], mtime=0), 2),
        "gzip of nothing": (gzip.compress(b"", mtime=0), 2),
        "zip": (zipped(files), 4),
        "stored zip": (zipped(files, zipfile.ZIP_STORED), 4),
        "streamed zip": (streamed_zip("a.csv", LONG[:1_000]), 4),
        "zip64": (zip64, 4),
        "small zip64": (small, 4),
    }


SAMPLES = samples()


def check_same_or_refused(path: Path, damaged: bytes, whole: Contents) -> None:
    path.write_bytes(damaged)
    try:
        contents = read(path)
    except FileRefused:
        return
    assert contents == whole


@pytest.mark.parametrize("kind", SAMPLES)
@given(data=st.data())
@examples(150)
def test_damage_never_passes_unnoticed(tmp_path: Path, kind: str, data: st.DataObject) -> None:
    """Bytes altered, cut out, put in or cut off: the same content, or a refusal; nothing else."""
    packed, first = SAMPLES[kind]
    path = tmp_path / "delivery-x"
    path.write_bytes(packed)
    whole = read(path)
    damaged = bytearray(packed[first:])
    for _ in range(data.draw(st.integers(1, 2))):
        at = data.draw(st.integers(0, max(0, len(damaged) - 1)))
        how = data.draw(st.sampled_from(["alter", "alter", "cut", "remove", "insert"]))
        if how == "alter":
            damaged[at : at + 1] = data.draw(st.binary(min_size=1, max_size=1))
        elif how == "cut":
            del damaged[at:]
        elif how == "remove":
            del damaged[at : at + data.draw(st.integers(1, 100))]
        else:
            damaged[at:at] = data.draw(st.binary(min_size=1, max_size=30))
    check_same_or_refused(path, packed[:first] + bytes(damaged), whole)


@pytest.mark.parametrize("kind", ["gzip of nothing", "small zip64"])
def test_no_altered_bit_passes_unnoticed(tmp_path: Path, kind: str) -> None:
    """Every single bit of small archives, which are headers for the most part."""
    packed, first = SAMPLES[kind]
    path = tmp_path / "delivery-x"
    path.write_bytes(packed)
    whole = read(path)
    for at in range(first, len(packed)):
        for bit in range(8):
            damaged = bytearray(packed)
            damaged[at] ^= 1 << bit
            check_same_or_refused(path, bytes(damaged), whole)


@given(
    files=st.dictionaries(
        st.text("abc/é", min_size=1, max_size=8).filter(lambda name: name[-1] != "/"),
        st.binary(max_size=300).map(lambda data: b";" + data),
        min_size=1,
        max_size=5,
    ),
    method=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]),
)
@examples(150)
def test_zip_gives_what_the_standard_library_gives(
    tmp_path: Path, files: dict[str, bytes], method: int
) -> None:
    path = tmp_path / "delivery-x"
    path.write_bytes(zipped(files.items(), method))
    with zipfile.ZipFile(path) as archive:
        expected = [(name, archive.read(name)) for name in sorted(archive.namelist())]
    assert read(path) == expected
