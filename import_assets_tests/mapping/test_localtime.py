"""Local times around changes of clocks, and far from today (D27)."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from import_assets.mapping.localtime import UTC_TYPE, Zone
from import_assets_tests.mapping.building import read, reason

utc = dt.datetime


@pytest.mark.parametrize(
    ("zone", "cell", "value"),
    [
        ("Europe/Bratislava", "2024-03-31 01:59:59", utc(2024, 3, 31, 0, 59, 59)),
        ("Europe/Bratislava", "2024-03-31 03:00:00", utc(2024, 3, 31, 1, 0)),
        ("Europe/Bratislava", "2024-10-27 01:59:59", utc(2024, 10, 26, 23, 59, 59)),
        ("Europe/Bratislava", "2024-10-27 03:00:00", utc(2024, 10, 27, 2, 0)),
        ("America/Sao_Paulo", "2018-11-03 23:59:59", utc(2018, 11, 4, 2, 59, 59)),
        ("America/Sao_Paulo", "2018-11-04 01:00:00", utc(2018, 11, 4, 3, 0)),
        ("America/Sao_Paulo", "2019-02-16 22:59:59", utc(2019, 2, 17, 0, 59, 59)),
        ("America/Sao_Paulo", "2019-02-17 00:00:00", utc(2019, 2, 17, 3, 0)),
        ("America/Sao_Paulo", "2024-11-03 00:30:00", utc(2024, 11, 3, 3, 30)),
    ],
)
def test_times_beside_a_change_of_clocks_d27(zone: str, cell: str, value: dt.datetime) -> None:
    assert (
        read("datetime", [cell, cell.replace(" ", "T"), cell[:-3]], timezone=zone)[:2]
        == [value] * 2
    )


@pytest.mark.parametrize(
    ("zone", "day", "dotted"),
    [
        ("Europe/Bratislava", "2024-03-31 02:00:00", "31.3.2024 2:59"),
        # Midnight itself is skipped, so a date alone has no midnight.
        ("America/Sao_Paulo", "2018-11-04", "4.11.2018 0:30"),
    ],
)
def test_times_that_the_clocks_skip_are_refused_d27(zone: str, day: str, dotted: str) -> None:
    assert reason("datetime", day, timezone=zone) == "nonexistent_local_time"
    assert reason("datetime", dotted, timezone=zone) == "nonexistent_local_time"
    assert reason("datetime", dotted, "%d.%m.%Y %H:%M", zone) == "nonexistent_local_time"


@pytest.mark.parametrize(
    ("zone", "first", "last"),
    [
        ("Europe/Bratislava", "2024-10-27 02:00:00", "2024-10-27T02:59:59.999999"),
        ("America/Sao_Paulo", "2019-02-16 23:00:00", "2019-02-16T23:59:59.999999"),
    ],
)
def test_times_that_the_clocks_show_twice_are_refused_d27(zone: str, first: str, last: str) -> None:
    assert reason("datetime", first, timezone=zone) == "ambiguous_local_time"
    assert reason("datetime", last, timezone=zone) == "ambiguous_local_time"


def test_an_offset_or_unix_seconds_settle_it_d27() -> None:
    cells = ["2024-10-27 02:30:00+02:00", "2024-10-27 02:30:00+01:00", "1729989000", "1729992600"]
    assert read("datetime", cells, timezone="Europe/Bratislava") == [
        utc(2024, 10, 27, 0, 30),
        utc(2024, 10, 27, 1, 30),
        utc(2024, 10, 27, 0, 30),
        utc(2024, 10, 27, 1, 30),
    ]


def test_summers_after_2099_are_still_summers() -> None:
    """polars itself forgets summer time from 2100 on."""
    cells = ["2150-07-01 12:00:00", "2150-01-01 12:00:00", "9999-07-01T12:00:00", "1.7.2150 12:00"]
    assert read("datetime", cells, timezone="Europe/Bratislava") == [
        utc(2150, 7, 1, 10),
        utc(2150, 1, 1, 11),
        utc(9999, 7, 1, 10),
        utc(2150, 7, 1, 10),
    ]


def test_the_ends_of_the_calendar_are_out_of_range_where_utc_leaves_it() -> None:
    assert reason("datetime", "0001-01-01", timezone="Europe/Bratislava") == "out_of_range"
    assert read("datetime", ["0001-01-01"], timezone="America/Sao_Paulo") == [
        utc(1, 1, 1, 3, 6, 28)
    ]
    assert reason("datetime", "9999-12-31 22:00", timezone="America/Sao_Paulo") == "out_of_range"


def test_a_zone_that_polars_does_not_know_is_read_all_the_same() -> None:
    cells = ["2024-01-01 12:00:00", "2024-01-01T12:00:00Z", "1.1.2024 12:00", "1704110400"]
    assert read("datetime", cells, timezone="Factory") == [utc(2024, 1, 1, 12)] * 4


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(
        [
            "Europe/Bratislava",
            "America/Sao_Paulo",
            "Australia/Lord_Howe",
            "Africa/Casablanca",
            "UTC",
        ]
    ),
    st.lists(
        st.datetimes(dt.datetime(1, 1, 2), dt.datetime(9999, 12, 30)), min_size=1, max_size=20
    ),
    st.sampled_from([0, 2024, 1987, 2099, 2100]),
)
def test_utc_is_the_only_instant_that_shows_this_local_time(
    name: str, moments: list[dt.datetime], year: int
) -> None:
    """Against a round trip through zoneinfo, which shares no code with the reading."""
    zone = Zone(name)
    local = [m.replace(year=year) if year and (m.month, m.day) != (2, 29) else m for m in moments]
    found = zone.to_utc(pl.Series(local, dtype=UTC_TYPE)).to_list()
    info = zone._info
    for moment, instant in zip(local, found, strict=True):
        aware = [moment.replace(tzinfo=info, fold=fold) for fold in (0, 1)]
        shown = {moment - (a.utcoffset() or dt.timedelta()) for a in aware}
        instants = [
            instant
            for instant in shown
            if instant.replace(tzinfo=dt.UTC).astimezone(info).replace(tzinfo=None) == moment
        ]
        expected = instants[0] if len(instants) == 1 else None
        assert instant == expected
        assert (zone.fault(moment) is None) == (expected is not None)
