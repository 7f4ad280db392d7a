"""`validate` and an import say the same of every record: which ones are bad (M113)."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from import_assets.spec.loading import Import
from import_assets_tests.builders import examples
from import_assets_tests.conventions.files import DEFINITIONS, hold, judge, shop

URLS = [
    "//h/x",
    "https://shop.sk/a?b=[1]",
    "HTTP://h",
    "h/x",
    "https://",
    "//h:80a/x",
    "//ž.sk/ž",
    "//h/ x",
    " //h/x ",
]
NUMBERS = ["1", "1.50", "-0.5", "+3", '"1,5"', "1e5", ".5", "5.", "1 000", "x", "0007"]
CATEGORIES = ["A", "A > B", "A>B|C", "A >", "|", "A||B", '"[""A"", ""B""]"', "[A", "a|b|c|d|e|f"]
TIMES = [
    "2026-06-06",
    "2026-06-06T14:02:00Z",
    "2026-06-06T14:02:60Z",
    "2026-06-06T14:02:00",
    "2026-02-30",
    "06.06.2026",
    "1781000000",
    "0000-01-01",
]
TEXTS = ["t", "a | b", '21" tv', '"21"" tv"', ' "t"', "NULL", '"a\nb"', '"a"b', "é", '" "', "''"]
IDS = ["1", "2", "3", "A", "a", '" 1"']
DATES = ["1990-01-31", "31.01.1990", "25/12/1990", "12/25/1990", "02/04/1990", "1.1.90", "x"]

COLUMNS = {
    "products": {
        "item": IDS,
        "title": TEXTS,
        "link": URLS,
        "category": CATEGORIES,
        "available": ["true", "FALSE", "1", "yes", "2"],
        "price": NUMBERS,
        "c_x": TEXTS,
    },
    "sales": {
        "item": IDS,
        "price": NUMBERS,
        "order": IDS,
        "timestamp": TIMES,
        "customer": IDS,
        "email": ["a@x.sk", "b@x.sk"],
        "quantity": NUMBERS,
    },
    "contacts": {"email": ["a@x.sk", "b@x.sk", '" "'], "name": TEXTS},
}


def files(profile: str) -> st.SearchStrategy[str]:
    """Files whose cells are good ones mostly, and records too short or too long now and then."""
    usual = [st.just(values[0]) for values in COLUMNS[profile].values()]
    any_ = [st.sampled_from(["", *values]) for values in COLUMNS[profile].values()]
    cells = [good | other for good, other in zip(usual, any_, strict=True)]
    records = st.tuples(*cells).map(",".join) | st.sampled_from(["1,2", "1,2,3,4,5,6,7,8,9"])
    header = ",".join(COLUMNS[profile]) + "\n"
    return st.lists(records, max_size=8).map(
        lambda lines: header + "".join(f"{line}\n" for line in lines)
    )


@cache
def definition(profile: str) -> Import:
    with shop(DEFINITIONS[profile]) as it:
        return it.definition


@pytest.mark.parametrize("profile", COLUMNS)
@examples(60)
@given(data=st.data())
def test_m113_validate_and_import_agree_on_which_records_are_bad(profile: str, data: st.DataObject):
    """But for limits of the tables themselves, such as on the digits of a number."""
    text = data.draw(files(profile))
    held = hold(profile, text)
    read, rejected, warnings = judge(definition(profile), text)
    bad = held.findings.filter(severity="error")["line"].unique().sort().to_list()
    assert bad == rejected
    assert (held.summary.records, held.summary.bad) == (read, len(rejected))
    warned = {code for code, (severity, _) in held.summary.codes.items() if severity == "warning"}
    told = {one.rsplit("[", 1)[1].rstrip("]") for one in warnings}
    assert warned == told


@pytest.mark.parametrize("date", DATES)
def test_m131_what_an_import_makes_of_dates_validate_cannot_know(date: str):
    """Which columns of contacts are dates, only a definition says."""
    text = f"email,birthday,points\na@x.sk,{date},1\n"
    assert hold("contacts", text).summary.bad == 0
    _, rejected, _ = judge(definition("contacts"), text)
    assert bool(rejected) == (date in ("02/04/1990", "1.1.90", "x"))
