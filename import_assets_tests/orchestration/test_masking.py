"""What is seen in the UI of the values of rejected records."""

from __future__ import annotations

import pytest

from import_assets.orchestration import masking
from import_assets_tests.orchestration.site import CUSTOMERS, Site

SECRET = "Novotna"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Jana Novotna", "J*** N***"),
        ("jana.n@example.com;19900131", "j***@***;1***"),
        ("F", "***"),
        ("", ""),
    ],
)
def test_of_a_value_first_characters_are_left(text: str, shown: str) -> None:
    assert masking.value(text) == shown


def test_a_sentence_keeps_what_is_no_value() -> None:
    told = "a.csv: customer 'Jana N' and jana@x.com, 123456789: write `type: text`; it's not old."
    shown = masking.sentence(told, ["old"])
    assert (
        shown == "a.csv: customer 'J*** ***' and j***@***, 1***: write `type: text`; it's not o***."
    )


@pytest.mark.parametrize("masked", [True, False])
def test_no_value_of_a_reject_reaches_the_ui(site: Site, masked: bool) -> None:
    """Neither in metadata nor in the log nor in what the failed run says."""
    site.configure(f"mask_rejects: {str(masked).lower()}\n")
    site.define("crm", CUSTOMERS + "fail_above: 60%\n")
    site.put("in/a.csv", f"id,age\n1,30\n2,{SECRET}\n")
    site.put("in/b.csv", f"id,age\n1,{SECRET}\n2,{SECRET}\n")
    run = site.run("crm", "a.csv", "b.csv")
    assert run.failure is not None
    told = [
        str(run.partitions["a.csv"]["rejects"]),
        site.logged(run),
        str(run.failure.description),
        str(run.checks["files_imported"].description),
    ]
    assert [SECRET in one for one in told] == [not masked] * 4
    assert "too_many_rejects" in told[2]
