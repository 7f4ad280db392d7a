"""Whether the first record names the columns (M081, `header`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from import_assets.formats.detection.findings import Finding
from import_assets.formats.detection.sample import Record
from import_assets.formats.detection.shapes import TEXT, shape

_MOSTLY = 0.8
_TELLING = ("date", "time", "e-mail address", "link", "phone number")
"""Shapes that names of columns do not have."""
_NAMES = """
id name email e-mail mail phone date time created updated price amount total quantity qty sku ean
code city country zip address street title brand category currency status type url link first_name
last_name firstname lastname surname gender birthday note description value order order_id customer
customer_id product product_id image stock language payer account
meno priezvisko jméno příjmení datum dátum částka suma cena mesto město ulica ulice psč stav nazev
název názov popis poznámka množství množstvo mena měna kód telefon telefón účet
vorname nachname preis betrag menge straße ort plz land kunde bezeichnung nom prénom prix ville
nombre apellido precio ciudad fecha nome cognome prezzo città data cidade preço
imię nazwisko miasto kwota név város ár összeg имя фамилия город дата цена сумма όνομα πόλη
"""
_COMMON = frozenset(_NAMES.split())
"""Names that columns often have."""
_LOWEST, _HIGHEST = 0.55, 0.99


def find_header(records: Sequence[Record]) -> Finding[bool]:
    """Tell whether the first record is a header, by what stands below it.

    Names are texts over columns of numbers, dates or addresses; a first record that looks like the
    others there is one of them. Where nothing tells, it is taken for a header, as it usually is,
    and not for sure.
    """
    if not records:
        return Finding(True, _LOWEST, "the file has no record")
    first = records[0].cells
    rest = [record.cells for record in records[1:] if len(record.cells) == len(first)]
    names, values = _by_columns(first, rest)
    known = _by_words(first)
    shaped, names = names > 0, names + known
    values += 0.5 * (_repeats(first) + _gaps(first))
    weight = abs(names - values)
    sure = min(_HIGHEST, _LOWEST + weight / (weight + 1) * 0.45)
    if values > names:
        return Finding(False, sure, "the first record looks like those below it, not like names")
    if names > values:
        why = "is of words, and below it stand numbers, dates or addresses"
        return Finding(
            True, sure, f"the first record {why if shaped else 'holds usual names of columns'}"
        )
    return Finding(
        True, _LOWEST, "nothing tells names from values, and a file usually has a header"
    )


def _by_columns(first: Sequence[str], rest: Sequence[Sequence[str]]) -> tuple[float, float]:
    """Weigh each column: what speaks for a name on top of it, and what for a value."""
    names = values = 0.0
    for at, cell in enumerate(first):
        if not cell.strip():
            continue
        top = shape(cell)
        below = [row[at].strip() for row in rest if row[at].strip()]
        usual, share = _usual_shape(below)
        if usual != TEXT and share >= _MOSTLY:
            names += top == TEXT
            values += top == usual
        elif top in _TELLING or (top != TEXT and not rest):
            values += 0.5
        elif below and cell.strip() in below:
            values += 0.6
    return names, values


def _usual_shape(cells: Sequence[str]) -> tuple[str, float]:
    if not cells:
        return TEXT, 0.0
    usual, times = Counter(map(shape, cells)).most_common(1)[0]
    return usual, times / len(cells)


def _by_words(first: Sequence[str]) -> float:
    """Names that many files have; an underscore inside a word is a name's too."""
    words = [cell.strip().lower() for cell in first]
    return sum(
        0.5
        for word in words
        if word in _COMMON or ("_" in word and word.replace("_", "").isalpha())
    )


def _repeats(first: Sequence[str]) -> int:
    filled = [cell.strip() for cell in first if cell.strip()]
    return len(filled) - len(set(filled))


def _gaps(first: Sequence[str]) -> int:
    """Empty cells between others; at the end, a delimiter too many is common."""
    filled = [bool(cell.strip()) for cell in first]
    while filled and not filled[-1]:
        filled.pop()
    return filled.count(False)
