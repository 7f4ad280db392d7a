"""Letters of one encoding that are valid in another by chance (D14, D15)."""

from __future__ import annotations

import pytest

from import_assets.formats.detection.encoding import find_encoding
from import_assets.formats.dialect import judge_delimiter
from import_assets.formats.layout import Dialect

_ROWS = "".join(f"{number};FIRMA {number} SPÓŁKA Z O.O.;KRAKOW\n" for number in range(200))


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (f"nip;firma;miasto\n{_ROWS}", "cp1250"),
        (f"nip;firma;miasto\n{_ROWS}1;SPÓŁKA;KRAKÓW\n", "cp1250"),
        (f"nip;firma;miasto\n{_ROWS}1;X;POZNAŃ\n2;Y;POZNAŃ\n", "cp1250"),
        ("id;VÝŠKA;DĹŽKA\n1;2;3\n", "cp1250"),
    ],
)
def test_d15_pairs_of_capitals_are_not_taken_for_utf_8(text: str, encoding: str) -> None:
    data = text.encode(encoding)
    finding = find_encoding(data, whole=True)
    assert finding.value in (encoding, "iso-8859-2", None)
    if finding.value is not None:
        assert data.decode(finding.value) == text


@pytest.mark.parametrize(
    "word",
    [
        *(
            "Žilina",
            "café",
            "€",
            "Straße",
            "Łódź",
            "Đorđe",
            "Þór",
            "İzmir",
            "ÅSA",
            "SPÓŁKA",
            "VÝŠKA",
        ),
        *(
            "Москва",
            "Ελλάδα",
            "שלום",
            "سلام",
            "東京",
            "한국",
            "😀",
            "ไทย",
            "½",
            "Việt",
            "Äänekoski",
        ),
        *("naïve", "Ñandú", "GÖTEBORG", "ČSOB", "ŽĎÁR", "Məmmədov", "Ŵyr", "Tbilisi – თბილისი"),
    ],
)
def test_d15_one_word_of_utf_8_is_that(word: str) -> None:
    data = f"id,n\n1,{word}\n2,{word}\n".encode()
    assert find_encoding(data, whole=True).value == "utf-8"


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("1;1,50;3\n" * 20 + "21;4,00\n", ";"),
        ("id;name, first;city\n" + "0;Doe, John;X\n" * 20 + "1;Doe, Jane\n", None),
        ("id\tname, first\tcity\n" + "0\tDoe, John\tX\n" * 20, "\t"),
        ("id,name,city\n" + "0,Doe; John,X\n" * 20, ","),
    ],
)
def test_d14_one_torn_record_does_not_let_another_delimiter_win(
    text: str, delimiter: str | None
) -> None:
    found = judge_delimiter(text.encode(), Dialect(";", "\n"), whole=True)
    assert found.value in (delimiter, None)
    if ";" in text or delimiter is None:
        assert found.value == delimiter
