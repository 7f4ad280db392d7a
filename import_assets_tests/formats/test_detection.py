"""Detection over a corpus of files, and as those who call it see it."""

from __future__ import annotations

import io
from collections import Counter, defaultdict
from functools import cache
from typing import Any

import pytest

from import_assets.errors import FileRefused
from import_assets.formats.csv import open_csv
from import_assets.formats.detection.detect import Detected, detect_csv
from import_assets.spec.formats import CsvFormat
from import_assets.spec.models import Limits
from import_assets_tests.formats.corpus import QUIRKS, WRITTEN, Case, corpus

KEYS = ("encoding", "delimiter", "quote", "header", "skip_lines")


def detect(data: bytes, *, whole: bool = True, **csv: Any) -> Detected:
    return detect_csv(data, whole=whole, said=CsvFormat(**csv))


@cache
def results() -> list[tuple[Case, Detected]]:
    return [(case, detect(case.data)) for case in corpus()]


def is_right(case: Case, key: str, value: object) -> bool:
    if key == "encoding" and isinstance(value, str):
        # Encodings that give the same text are all right.
        return case.data.decode(value, "replace") == case.data.decode(case.encoding, "replace")
    return value == getattr(case, key)


def test_the_corpus_is_broad() -> None:
    """M082, M083: all encodings and all delimiters that are found, each quirk many times."""
    cases = list(corpus())
    assert len(cases) >= 240
    assert len({case.encoding for case in cases}) == 13
    assert {case.delimiter for case in cases} == set(",;\t|")
    assert min(Counter(case.quirk for case in cases).values()) >= 15
    assert set(QUIRKS) == {case.quirk for case in cases}
    assert len({case.data for case in cases}) >= 0.95 * len(cases)


@pytest.mark.parametrize("key", KEYS)
def test_no_answer_is_wrong_and_sure(key: str) -> None:
    """D14, D15: what is not known is refused, or said to be unsure."""
    wrong = [
        (case.name, found.findings[key])
        for case, found in results()
        if found.findings[key].clear
        and found.findings[key].confidence > 0.75
        and not is_right(case, key, found.findings[key].value)
    ]
    assert wrong == []


@pytest.mark.parametrize("key", KEYS)
def test_nearly_all_answers_are_right(key: str) -> None:
    """D14, D15: of each value, so that always answering the same would not do."""
    right: dict[object, list[bool]] = defaultdict(list)
    for case, found in results():
        right[getattr(case, key)].append(is_right(case, key, found.findings[key].value))
    assert len(right) > 1
    shares = {value: sum(all_of) / len(all_of) for value, all_of in right.items()}
    assert min(shares.values()) >= 0.95, shares


def test_all_languages_are_read() -> None:
    """M082: in each of the encodings that they are written in."""
    right: Counter[tuple[str, str]] = Counter()
    for case, found in results():
        if case.quirk == "byte order mark":
            continue
        right[case.language, case.encoding] += is_right(case, "encoding", found.encoding.value)
    assert min(right[pair] for pair in WRITTEN) >= 8


def test_a_run_decides_as_detection_does() -> None:
    """D14, D15: what a preview shows is what an import does."""
    compared = 0
    for case, found in results():
        if case.skip_lines or case.quote != '"':
            continue
        reader = open_csv(
            io.BytesIO(case.data), CsvFormat(header=case.header), Limits(), "file.csv"
        )
        assert (reader.encoding, reader.delimiter) == (found.encoding.value, found.delimiter.value)
        compared += 1
    assert compared > 200


def test_what_was_found_reads_the_file() -> None:
    """M081-M084: all the keys together give the table, whatever stands before and around it."""
    for case, found in results():
        reader = open_csv(io.BytesIO(case.data), found.csv(), Limits(), "file.csv")
        assert len(reader.header) == (1 if case.quirk == "one column" else 6), case.name
        blocks = list(reader)
        bad = sum(block.rejects.height for block in blocks)
        assert bad == (2 if case.quirk == "ragged" else 0), case.name


def test_what_is_said_is_not_doubted() -> None:
    """M014: everything can be overridden, against all evidence."""
    said = CsvFormat(delimiter="|", encoding="cp1253", quote="none", header=False, skip_lines=1)
    found = detect_csv(b"a;b\n1;2\n", whole=True, said=said)
    assert found.csv() == said
    for finding in found.findings.values():
        assert (finding.confidence, finding.why) == (1.0, "as the definition says")
    assert list(found.findings) == list(KEYS)


def test_what_is_said_guides_what_is_found() -> None:
    """D14: the delimiter is looked for behind the lines that are skipped, under the quote said."""
    data = b"Exported; by, hand\n'id'|'a,b;c'\n'1'|'x,y;z'\n"
    found = detect(data, skip_lines=1, quote="'")
    assert (found.delimiter.value, found.header.value) == ("|", True)
    assert found.csv() == CsvFormat(encoding="utf-8", delimiter="|", skip_lines=1, quote="'")


def test_other_keys_are_kept() -> None:
    """M091, D17: what is not detected stays as the definition says."""
    csv = detect(b"a;b\n1;2\n", pad_short=True, duplicate_headers="refuse").csv()
    assert (csv.pad_short, csv.duplicate_headers, csv.delimiter) == (True, "refuse", ";")


def test_an_unclear_delimiter_is_refused() -> None:
    """D14: with the rivals and what to write."""
    found = detect(b"id,x;name\n1,x;y\n")
    assert (found.delimiter.value, found.delimiter.rivals) == (None, (",", ";"))
    with pytest.raises(FileRefused, match=r"shop\.csv: .*name the right one") as caught:
        found.csv("shop.csv")
    assert caught.value.reason == "delimiter_unclear"
    assert '"," (2 columns' in caught.value.message
    assert "csv: {delimiter: …}" in caught.value.message


def test_an_unclear_encoding_is_refused() -> None:
    """D15: with how a value of the file would read."""
    found = detect("id;name\n1;Řehoř\n".encode("cp1250"))
    assert found.encoding.value is None
    assert {"cp1250", "cp1252"} <= set(found.encoding.rivals)
    with pytest.raises(FileRefused, match="encoding_unclear") as caught:
        found.csv()
    assert 'cp1250 reads "Řehoř", cp1252 reads "Øehoø"' in caught.value.message
    assert "csv: {encoding: …}" in caught.value.message
    assert found.delimiter.value == ";"


@pytest.mark.parametrize("data", [b"", b"\n", b"\r\n\r\n", b"\xef\xbb\xbf", b"\x00", b'"', b"a"])
def test_next_to_nothing_is_no_accident(data: bytes) -> None:
    """D14: files without a table are for the reader to refuse."""
    found = detect(data)
    assert found.csv().delimiter == ","


def test_the_beginning_of_a_file_is_enough() -> None:
    """D15: it may end inside a character and inside a record."""
    data = ("jméno;město\n" + "Božena;Jičín\n" * 50).encode()
    cut = data[: data.rfind("č".encode()) + 1]
    found = detect(cut, whole=False)
    assert (found.encoding.value, found.delimiter.value) == ("utf-8", ";")
    assert "valid UTF-8" in found.encoding.why
    assert "at 1 places" not in found.encoding.why
