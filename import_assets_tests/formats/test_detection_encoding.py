"""Encodings by the letters of a text: right, or refused, and never wrong and sure."""

from __future__ import annotations

import codecs
import random
from collections import Counter

import pytest

from import_assets.formats.detection.encoding import HEAD_BYTES, find_encoding
from import_assets.formats.detection.findings import Finding
from import_assets.spec.formats import Encoding
from import_assets_tests.formats.corpus import TONGUES, encoded, single_values
from import_assets_tests.formats.reading import first_fault, read_csv


def find(text: str, encoding: Encoding) -> Finding[Encoding]:
    return find_encoding(encoded(text, encoding), whole=True)


def values(language: str) -> list[str]:
    tongue = TONGUES[language]
    return [
        value
        for texts in (tongue.names, tongue.towns, tongue.notes)
        for value in texts.split("|")
        if not value.isascii()
    ]


def test_single_values() -> None:
    """D15: even a file of one name is mostly read rightly, refused else, and hardly ever wrong."""
    counts: Counter[str] = Counter()
    for _, encoding, data in single_values():
        found = find_encoding(data, whole=True).value
        if found is None:
            counts["refused"] += 1
        else:
            counts[str(data.decode(found, "replace") == data.decode(encoding))] += 1
    assert counts.total() > 450
    assert counts["True"] > 0.75 * counts.total()
    assert counts["False"] <= 2


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ("cp1252", "Zürich, Höllenfahrt, Übersee, Müßiggang"),
        ("cp1252", "Almería, mañana, Güemes, señorita"),
        ("cp1252", "Færøerne, Tromsø, Ålesund"),
        ("cp1250", "Žďár nad Sázavou, Litoměřice"),
        ("cp1250", "Świebodzin, Szczęśny, Krzyżanowski"),
        ("cp1250", "Petőfi utca, Nyíregyháza, Újpest"),
        ("cp1251", "Подъячих, улица Ленина"),
        ("cp1253", "Πάτρα, οδός Ερμού"),
        ("cp1254", "Kadıköy, Beşiktaş, Çiğdem Yücel"),
        ("cp1255", "ירושלים, רחוב הרצל"),
        ("cp1256", "القاهرة, شارع النيل"),
        ("cp1257", "Jēkabpils, Raiņa bulvāris"),
        ("cp1257", "Klaipėda, Žemaitė, Čiurlionis"),
        ("cp1258", "Điện Biên Phủ, Quảng Ngãi"),
        ("iso-8859-2", "Šumperk, Třebíč, Žižkov"),
    ],
)
def test_words(encoding: Encoding, words: str) -> None:
    """M082, D15: a few words are enough in any of them; capitals do not matter."""
    for text in (words, words.upper()):
        if encoding == "cp1254":
            # Turkish has capitals of its own.
            text = words  # noqa: PLW2901 - only for this language
        data = encoded(text, encoding)
        found = find_encoding(data, whole=True)
        assert found.value is not None, found.why
        assert data.decode(found.value) == data.decode(encoding)
        assert found.confidence > 0.75


@pytest.mark.parametrize(
    ("text", "encoding", "right"),
    [
        ("Müller", "latin1", "cp1252"),
        ("Jiří Novák", "iso-8859-2", "cp1250"),
        ("12 €", "cp1250", "cp1252"),
        ("25 °C", "latin1", "cp1252"),
        ("£50", "latin1", "cp1252"),
        ("O’Brien", "cp1250", "cp1250"),
    ],
)
def test_the_more_common_of_those_that_read_alike(
    text: str, encoding: Encoding, right: Encoding
) -> None:
    """D15: encodings that give the same text are no rivals, and are named."""
    found = find(text, encoding)
    assert found.value == right
    assert found.rivals
    assert "would give the same text" in found.why
    for one in found.rivals:
        assert text.encode(encoding).decode(one) == text


@pytest.mark.parametrize(
    ("text", "encoding"),
    [("é", "cp1252"), ("Ł", "cp1250"), ("Řehoř", "cp1250"), ("Zoë", "cp1252"), ("µm", "cp1250")],
)
def test_equals_are_refused(text: str, encoding: Encoding) -> None:
    """D15: a letter or two say too little; each rival reads it in its own way."""
    found = find(text, encoding)
    assert found.value is None
    assert found.confidence <= 0.5
    readings = {encoded(text, encoding).decode(one, "replace") for one in found.rivals}
    assert len(readings) == len(found.rivals) > 1
    assert all(reading in found.why for reading in readings)


@pytest.mark.parametrize(
    ("encoding", "language"),
    [
        ("koi8-r", "Russian"), ("iso-8859-5", "Russian"), ("iso-8859-5", "Serbian"),
        ("cp866", "Russian"), ("cp852", "Czech"), ("cp852", "Slovak"), ("cp852", "Polish"),
        ("cp850", "German"), ("cp850", "French"), ("mac_roman", "German"), ("cp737", "Greek"),
        ("cp862", "Hebrew"), ("iso-8859-6", "Arabic"),
    ],
)  # fmt: skip
def test_other_encodings_are_refused(encoding: str, language: str) -> None:
    """M082: a file in none of the thirteen is not taken for one of them."""
    data = "\n".join(values(language)).encode(encoding, "ignore")
    assert find_encoding(data, whole=True).value is None


@pytest.mark.parametrize(
    ("encoding", "text"),
    [("shift_jis", "名前,住所\n山田太郎,東京都\n"), ("gbk", "姓名,城市\n王小明,北京市\n")],
)
def test_other_scripts_are_refused(encoding: str, text: str) -> None:
    """M082: neither are scripts that none of the thirteen has."""
    found = find_encoding(text.encode(encoding), whole=True)
    assert found.value is None


def test_noise_is_refused() -> None:
    """D15: bytes that are no text."""
    noise = random.Random(7).randbytes(5_000).replace(b"\0", b"")
    found = find_encoding(noise, whole=True)
    assert found.value is None
    assert "words in no encoding" in found.why


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ],
)
def test_marks(mark: bytes, encoding: str) -> None:
    """D15: a byte order mark is the last word."""
    found = find_encoding(mark + b"\xe9", whole=True)
    assert (found.value, found.confidence) == (encoding, 1.0)


def test_utf_16_without_a_mark_is_refused() -> None:
    """D15: the order of its bytes is unknown."""
    found = find_encoding("a,b\n1,2\n".encode("utf-16-le"), whole=True)
    assert (found.value, found.rivals) == (None, ("utf-16",))
    assert "byte order mark" in found.why


def test_mostly_utf_8_stays_utf_8() -> None:
    """D15: a few bytes of another encoding reject their records, not the file."""
    good = "Žilina;Košice\n".encode() * 40
    found = find_encoding(good + b"caf\xe9;x\n", whole=True)
    assert found.value == "utf-8"
    assert "their records will be rejected" in found.why
    rows = read_csv(b"a;b\n" + good + b"caf\xe9;x\n")
    assert (len(rows.rows), rows.reasons) == (40, [("undecodable",)])


def test_the_same_word_counts_once() -> None:
    """D15: a doubtful value does not become sure by standing in every row."""
    found = find("Řehoř;x\n" * 5_000, "cp1250")
    assert found.value is None


def test_a_foreign_word_does_not_decide() -> None:
    """D15: a text may hold names of another language, and a byte that the encoding lacks."""
    text = "\n".join(values("Czech")) + "\nGrzegorz Brzęczyszczykiewicz\nMüller\n"
    data = text.encode("cp1250") + b"x\x81y\n"
    assert find_encoding(data, whole=True).value == "cp1250"


def test_what_follows_the_first_mebibyte_decides_nothing() -> None:
    """D15: the file stays UTF-8, and its records with other bytes are rejected with the reason."""
    row = b"1,plain\n"
    data = b"id,town\n" + row * (HEAD_BYTES // len(row) + 1)
    late = "2,Žilina\n".encode("cp1250")
    assert find_encoding(data + late * 9, whole=True).value == "utf-8"
    found = read_csv(data + late * 9)
    assert found.reader.encoding == "utf-8"
    assert found.reasons == [("undecodable",)] * 9
    assert "name the encoding" in first_fault(data + late)["message"]


def test_all_of_the_first_mebibyte_counts() -> None:
    """D15: a run looks as far, however little a stream hands out at a time."""
    row = b"1,plain\n"
    early = b"id,town\n" + row * (HEAD_BYTES // len(row) - 40)
    data = early + "2,Košice nad Hornádom Ťažká\n".encode("cp1250")
    found = read_csv(data, step=10_000)
    assert found.reader.encoding == "cp1250"
    assert found.rows[-1] == ("2", "Košice nad Hornádom Ťažká")


def test_a_run_refuses_an_unclear_encoding() -> None:
    """D15: a name in the wrong letters would be imported without a trace."""
    with pytest.raises(Exception, match=r'reads "Řehoř".*csv: \{encoding: …\} \(encoding_unclear'):
        read_csv("id;name\n1;Řehoř\n".encode("cp1250"))
    found = read_csv("id;name\n1;Řehoř\n".encode("cp1250"), encoding="cp1250")
    assert found.rows == [("1", "Řehoř")]
