"""What the name of a column says about its values, in the languages that files often speak.

A name never makes a type by itself: it only decides between readings that the values allow.
"""

from __future__ import annotations

import re
import unicodedata

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


def _set(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


_CODE = _set(
    "id ids uid uuid guid leid euid sku ean gtin isbn upc mpn barcode zip postcode postal psc plz "
    "phone mobile tel telefon telephone fax iban bic swift account card code kod ico dic ref "
    "reference number no nr cislo ucet ucel vs ss ks ssn passport serial"
)
_TIME = _set(
    "timestamp ts time date day datetime unix epoch created updated modified at on since until "
    "datum cas den birthday birth born expires valid vytvorene published"
)
_FLAG = _set(
    "is has was can active enabled disabled available visible published subscribed unsubscribed "
    "newsletter consent opt optin optout gdpr deleted archived featured verified flag taxable "
    "gift stocked aktivny suhlas agreed allowed confirmed"
)
_AMOUNT = _set(
    "price amount total sum cost costs revenue discount rate weight rating tax vat cena suma "
    "balance value subtotal shipping fee score percent share length width height lat lng lon "
    "latitude longitude zostatok ciastka castka"
)


def plain(name: str) -> str:
    """Return a name as names are compared: small letters and digits, `_` for all between them."""
    return "_".join(words(name))


def words(name: str) -> tuple[str, ...]:
    """Return the words of a name in small letters without accents: `g:itemId` is g, item, id."""
    decomposed = unicodedata.normalize("NFD", name)
    letters = "".join(char for char in decomposed if not unicodedata.combining(char))
    return tuple(word.lower() for word in _WORD.findall(letters))


def names_code(name: str) -> bool:
    """Tell whether a name says that values are codes, however much they look like numbers (D29)."""
    return not _CODE.isdisjoint(words(name))


def names_time(name: str) -> bool:
    """Tell whether a name says that values are times or days."""
    return not _TIME.isdisjoint(words(name))


def names_flag(name: str) -> bool:
    """Tell whether a name says that values are true or false."""
    return not _FLAG.isdisjoint(words(name))


def names_amount(name: str) -> bool:
    """Tell whether a name says that values may have a fraction, even where none has one yet."""
    return not _AMOUNT.isdisjoint(words(name))
