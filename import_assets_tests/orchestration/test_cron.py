"""Repeats against the calendar, by the clock by which Dagster itself goes (M048, D10, D11)."""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Sequence
from itertools import takewhile
from zoneinfo import ZoneInfo

import pytest
from dagster._utils.schedules import schedule_execution_time_iterator

from import_assets.orchestration.cron import cron_strings
from import_assets.spec.models import MonthDay, Monthly, Run, Weekday, Weekly

YEARS = [2027, 2028]
"""A usual year, and a leap year."""

BRATISLAVA = "Europe/Bratislava"


def starts(run: Run, first: dt.date, last: dt.date, zone: str = BRATISLAVA) -> list[dt.datetime]:
    """When Dagster starts a repeated import on these days, by the clock of `zone`."""
    clock = ZoneInfo(zone)
    begin = dt.datetime.combine(first, dt.time(), clock)
    end = dt.datetime.combine(last + dt.timedelta(days=1), dt.time(), clock)
    moments = schedule_execution_time_iterator(begin.timestamp(), cron_strings(run), zone)
    return list(takewhile(lambda moment: moment.timestamp() < end.timestamp(), moments))


def days_of(year: int) -> list[dt.date]:
    first = dt.date(year, 1, 1)
    return [first + dt.timedelta(days=n) for n in range(365 + calendar.isleap(year))]


def whole_year(run: Run, year: int) -> list[dt.datetime]:
    return starts(run, dt.date(year, 1, 1), dt.date(year, 12, 31))


@pytest.mark.parametrize("year", YEARS)
def test_daily_at_several_times(year: int) -> None:
    run = Run(daily=["18:30", "06:00", "12:05"])
    expected = [
        (day, dt.time(hour, minute))
        for day in days_of(year)
        for hour, minute in ((6, 0), (12, 5), (18, 30))
    ]
    assert [(start.date(), start.time()) for start in whole_year(run, year)] == expected


@pytest.mark.parametrize("year", YEARS)
@pytest.mark.parametrize(
    ("on", "weekdays"),
    [
        (["mon", "thu"], {0, 3}),
        (["sun"], {6}),
        (["sat", "tue", "fri"], {1, 4, 5}),
        (["mon", "tue", "wed", "thu", "fri", "sat", "sun"], set(range(7))),
    ],
)
def test_weekly_on_several_days(year: int, on: list[Weekday], weekdays: set[int]) -> None:
    run = Run(weekly=Weekly(on=on, at="07:30"))
    expected = [day for day in days_of(year) if day.weekday() in weekdays]
    moments = whole_year(run, year)
    assert [moment.date() for moment in moments] == expected
    assert {moment.time() for moment in moments} == {dt.time(7, 30)}


def monthly_days(year: int, on: Sequence[MonthDay], *, skip: bool) -> list[dt.date]:
    """The days of a year on which it has to start, worked out from the calendar."""
    days = set()
    for month in range(1, 13):
        last = calendar.monthrange(year, month)[1]
        for day in on:
            if day == "last":
                days.add(dt.date(year, month, last))
            elif day <= last:
                days.add(dt.date(year, month, day))
            elif not skip:
                days.add(dt.date(year, month, last))
    return sorted(days)


@pytest.mark.parametrize("year", YEARS)
@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize(
    "on",
    [
        [1, 15, "last"],
        [28],
        [29],
        [30],
        [31],
        [29, 30, 31],
        [31, "last"],
        [28, "last"],
        ["last"],
        list(range(1, 32)),
    ],
    ids=str,
)
def test_monthly_on_several_days(year: int, skip: bool, on: list[MonthDay]) -> None:
    """A day that a month lacks is its last one, or none (D11); no day is taken twice."""
    short = "skip" if skip else "last_day"
    run = Run(monthly=Monthly(on=on, at="04:00", short_months=short))
    moments = whole_year(run, year)
    assert [moment.date() for moment in moments] == monthly_days(year, on, skip=skip)
    assert {moment.time() for moment in moments} == {dt.time(4, 0)}


SPRING, AUTUMN = dt.date(2027, 3, 28), dt.date(2027, 10, 31)


def on_day(times: list[str], day: dt.date) -> list[str]:
    """The starts of a day as UTC."""
    moments = starts(Run(daily=times), day, day)
    return [moment.astimezone(dt.UTC).isoformat()[:16] for moment in moments]


def test_a_time_that_is_skipped_in_spring_comes_at_the_next_instant() -> None:
    """02:30 is not on that day's clock: it starts at 03:00 (D10)."""
    assert on_day(["02:30"], SPRING) == ["2027-03-28T01:00"]
    assert on_day(["01:59", "03:00"], SPRING) == ["2027-03-28T00:59", "2027-03-28T01:00"]


def test_two_times_that_fall_together_start_once() -> None:
    assert on_day(["02:00", "02:30", "03:00"], SPRING) == ["2027-03-28T01:00"]


def test_a_time_that_comes_twice_in_autumn_starts_once() -> None:
    """02:30 is on that day's clock two times (D10)."""
    assert on_day(["02:30"], AUTUMN) == ["2027-10-31T01:30"]
    assert on_day(["01:30", "03:30"], AUTUMN) == ["2027-10-30T23:30", "2027-10-31T02:30"]


def test_an_import_that_does_not_repeat_has_no_clock() -> None:
    with pytest.raises(ValueError, match="does not repeat"):
        cron_strings(Run(on_new_file=True))
