"""The customer files of the sample shop, as a CRM exports them once a month."""

from __future__ import annotations

import unicodedata
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

from sample_shop import reasons
from sample_shop.dice import Dice
from sample_shop.sheet import Dialect, Sheet
from sample_shop.words import CITIES, FIRST_NAMES, LAST_NAMES, NOTES

COLUMNS = (
    "id",
    "web_cookie",
    "fn",
    "ln",
    "email",
    "phone",
    "birthday",
    "city",
    "newsletter",
    "internal_note",
)
CRM = Dialect(delimiter=";", encoding="cp1250", newline="\r\n")
FIRST_FILE = "shop/customers/customers_2026-10.csv"
SECOND_FILE = "shop/customers/customers_2026-11.csv"
LONGEST_ID = 256
UNDEFINED_BYTE = b"\x81"
"""A byte to which cp1250 gives no character."""


@dataclass(frozen=True)
class Person:
    """One row of a customer file; every field is the text of its cell."""

    id: str
    web_cookie: str
    fn: str
    ln: str
    email: str
    phone: str
    birthday: str
    city: str
    newsletter: str
    internal_note: str

    @property
    def cells(self) -> tuple[str, ...]:
        """The cells in the order of `COLUMNS`."""
        return tuple(getattr(self, column) for column in COLUMNS)


def customer_key(cell: str) -> str:
    """Return a registered id as project.yaml has it stored: trimmed and in lower case."""
    return cell.strip().lower()


@dataclass
class CustomerBook:
    """What the table of customers should hold at the end."""

    latest: dict[str, Person] = field(default_factory=dict)
    cookies: dict[str, set[str]] = field(default_factory=dict)
    from_events: set[str] = field(default_factory=set)

    def take(self, person: Person) -> None:
        """Apply one accepted row: every cell overwrites, cookies gather."""
        key = customer_key(person.id) or f"cookie {person.web_cookie}"
        self.latest[key] = person
        self.cookies.setdefault(key, set()).update({person.web_cookie} - {""})

    def facts(self) -> dict[str, Any]:
        """Return the figures of the table."""
        only_events = self.from_events - set(self.latest)
        people = self.latest.values()
        cities = Counter(person.city for person in people if person.city)
        return {
            "rows": len(self.latest) + len(only_events),
            "from_customer_files": len(self.latest),
            "only_from_events": len(only_events),
            "without_registered": sum(key.startswith("cookie ") for key in self.latest),
            "cookies": sum(len(cookies) for cookies in self.cookies.values()),
            "with_several_cookies": sum(len(cookies) > 1 for cookies in self.cookies.values()),
            "without_city": len(only_events) + sum(not person.city for person in people),
            "without_birthday": len(only_events) + sum(not person.birthday for person in people),
            "newsletter_true": sum(person.newsletter == "áno" for person in people),
            "phones_with_leading_zero": sum(person.phone.startswith("0") for person in people),
            "by_city": dict(sorted(cities.items())),
        }


class Crm:
    """Makes people and their monthly rows."""

    def __init__(self, seed: int) -> None:
        self._dice = Dice(seed)
        self._number = 0

    def person(self) -> Person:
        """Return somebody new."""
        dice = self._dice
        self._number += 1
        first, last = dice.pick(FIRST_NAMES), dice.pick(LAST_NAMES)
        return Person(
            id=f"C-{self._number:06d}",
            web_cookie=self.cookie() if dice.chance(80) else "",
            fn=first,
            ln=last,
            email=f"{_plain(first)}.{_plain(last)}.{self._number}@example.com",
            phone=self._phone(),
            birthday=self._birthday(),
            city=dice.pick(CITIES) if dice.chance(93) else "",
            newsletter=dice.pick(("áno", "nie", "nie", "")),
            internal_note=dice.pick(NOTES) if dice.chance(8) else "",
        )

    def cookie(self) -> str:
        """Return a cookie that nobody else has."""
        return f"wc-{self._dice.letters('0123456789abcdef', 20)}"

    def people(self, count: int) -> list[Person]:
        """Return that many new people."""
        return [self.person() for _ in range(count)]

    def changed(self, person: Person) -> Person:
        """Return the person's row of a later month."""
        dice = self._dice
        return replace(
            person,
            id=dice.pick((person.id, person.id, person.id, f" {person.id.lower()} ")),
            web_cookie=dice.pick((person.web_cookie, self.cookie(), "")),
            phone=self._phone() if dice.chance(40) else person.phone,
            birthday=person.birthday if dice.chance(90) else "",
            city=dice.pick((*CITIES[:6], "", "")),
            newsletter=dice.pick(("áno", "nie", "")),
        )

    def several(self, people: list[Person], count: int) -> list[Person]:
        """Return some of the people, each once."""
        return self._dice.several(people, count)

    def _phone(self) -> str:
        digits = self._dice.letters("0123456789", 8)
        spaced = f"{digits[:2]} {digits[2:5]} {digits[5:]}"
        return self._dice.pick((f"+421 9{spaced}", f"09{digits}", f"+420 7{spaced}", ""))

    def _birthday(self) -> str:
        if self._dice.chance(10):
            return ""
        day, month = self._dice.between(1, 28), self._dice.between(1, 12)
        return f"{day}.{month}.{self._dice.between(1945, 2007)}"


def october(crm: Crm, book: CustomerBook) -> tuple[Sheet, list[Person]]:
    """Return the first file and the people in it, those of refused rows included."""
    sheet = Sheet(FIRST_FILE, COLUMNS, CRM)
    people = crm.people(1150)
    spoiled = crm.people(11)
    nobody = replace(spoiled[0], id="", web_cookie="")
    faulty = iter(
        (
            (nobody, reasons.MISSING_ID),
            (replace(nobody, id="   ", email="bez.id@example.com"), reasons.MISSING_ID),
            (replace(spoiled[1], id="C-" + "7" * (LONGEST_ID - 1)), reasons.ID_TOO_LONG),
            (replace(spoiled[2], id="č" * (LONGEST_ID // 2 + 1)), reasons.ID_TOO_LONG),
            (replace(spoiled[3], birthday="31.2.1999"), reasons.IMPOSSIBLE_DATE),
            (replace(spoiled[4], birthday="asi 1980"), reasons.NOT_A_DATE),
            (replace(spoiled[5], birthday="02/04/2017"), reasons.AMBIGUOUS_DATE),
            (replace(spoiled[6], newsletter="možno"), reasons.NOT_A_BOOLEAN),
        )
    )
    broken = iter(
        (
            (_too_many(sheet, spoiled[7]), reasons.TOO_MANY_CELLS),
            (_too_few(sheet, spoiled[8]), reasons.TOO_FEW_CELLS),
            (_stray_quote(sheet, spoiled[9]), reasons.BAD_QUOTE),
            (_undecodable(sheet, spoiled[10]), reasons.UNDECODABLE),
        )
    )
    for number, person in enumerate(people, start=1):
        _accept(sheet, book, person)
        if number % 130 == 0:
            row, reason = next(faulty)
            sheet.reject(row.cells, reason)
        if number % 277 == 0:
            sheet.reject_line(*next(broken))
        if number % 500 == 0:
            sheet.blank()
    for person in crm.several(people[:900], 6):
        _accept(sheet, book, crm.changed(person))
    anonymous = [replace(person, id="", web_cookie=crm.cookie()) for person in crm.people(3)]
    longest = replace(crm.person(), id="C-" + "7" * (LONGEST_ID - 2))
    for person in (*anonymous, longest):
        _accept(sheet, book, person)
    return sheet, people + spoiled


def november(crm: Crm, book: CustomerBook, known: list[Person]) -> tuple[Sheet, list[Person]]:
    """Return the second file, which changes some of the known and adds new people."""
    sheet = Sheet(SECOND_FILE, COLUMNS, CRM)
    newcomers, spoiled = crm.people(120), crm.people(4)
    rows = [crm.changed(person) for person in crm.several(known, 180)] + newcomers
    for number, person in enumerate(rows, start=1):
        _accept(sheet, book, person)
        if number == 40:
            lost = replace(spoiled[0], id="", web_cookie="", birthday="30.2.1988")
            sheet.reject(lost.cells, reasons.MISSING_ID, reasons.IMPOSSIBLE_DATE)
        if number == 90:
            wrong = replace(person, birthday="1.13.1990", city="Nikde")
            sheet.reject(wrong.cells, reasons.IMPOSSIBLE_DATE)
        if number == 150:
            sheet.reject_line(_too_few(sheet, spoiled[1]), reasons.TOO_FEW_CELLS)
        if number == 200:
            sheet.reject_line(_undecodable(sheet, spoiled[2]), reasons.UNDECODABLE)
        if number == 250:
            endless = replace(spoiled[3], id="C-" + "9" * 400)
            sheet.reject(endless.cells, reasons.ID_TOO_LONG)
    sheet.blank()
    return sheet, newcomers


def _accept(sheet: Sheet, book: CustomerBook, person: Person) -> None:
    sheet.accept(person.cells)
    book.take(person)


def _plain(name: str) -> str:
    decomposed = unicodedata.normalize("NFD", name)
    return "".join(char for char in decomposed if char.isascii()).lower()


def _too_many(sheet: Sheet, person: Person) -> str:
    return sheet.line_of(replace(person, internal_note="").cells) + "zavolať; neskôr"


def _too_few(sheet: Sheet, person: Person) -> str:
    return sheet.line_of(person.cells[:5])


def _stray_quote(sheet: Sheet, person: Person) -> str:
    plain = replace(person, fn="Fany", internal_note="")
    return sheet.line_of(plain.cells).replace(";Fany;", ';"Fany"nka;')


def _undecodable(sheet: Sheet, person: Person) -> bytes:
    plain = replace(person, city="Nitra", internal_note="")
    line = sheet.line_of(plain.cells).encode(CRM.encoding)
    return line.replace(b";Nitra;", b";Nit" + UNDEFINED_BYTE + b"ra;")
