"""From `run:` to the clock: cron strings and the last day (M048, M049, D10, D11)."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from import_assets.spec.loading import Import
from import_assets.spec.models import Monthly, Run, Weekday

_WEEKDAYS: dict[Weekday, int] = {
    "sun": 0,
    "mon": 1,
    "tue": 2,
    "wed": 3,
    "thu": 4,
    "fri": 5,
    "sat": 6,
}
_SHORTEST = {29: (2,), 30: (2,), 31: (2, 4, 6, 9, 11)}
"""Months that lack a day; February counts as lacking the 29th."""


def cron_strings(run: Run) -> list[str]:
    """Return the cron strings of a repeated import, at least one."""
    if run.daily:
        return [f"{_time(at)} * * *" for at in sorted(set(run.daily))]
    if run.weekly:
        days = sorted(_WEEKDAYS[day] for day in set(run.weekly.on))
        return [f"{_time(run.weekly.at)} * * {','.join(map(str, days))}"]
    if run.monthly:
        return _monthly(run.monthly)
    raise ValueError("this import does not repeat")


def has_ended(definition: Import, moment: datetime) -> bool:
    """Tell whether the last day on which an import starts is over, by its own clock (M049)."""
    until = definition.spec.run.until
    return until is not None and moment.astimezone(ZoneInfo(definition.timezone)).date() > until


def _time(at: str) -> str:
    hour, minute = at.split(":")
    return f"{int(minute)} {int(hour)}"


def _monthly(monthly: Monthly) -> list[str]:
    """Cron strings for days of the month; `L` is the last day.

    A day that a month lacks falls on its last day, unless the definition skips it. Day and month
    fields are combined, never day and weekday, which cron would join by "or".
    """
    time = _time(monthly.at)
    crons: list[str] = []
    for day in dict.fromkeys(monthly.on):
        if day == "last":
            crons.append(f"{time} L * *")
        elif day < 29 or monthly.short_months == "skip":
            crons.append(f"{time} {day} * *")
        else:
            lacking = _SHORTEST[day]
            others = [str(month) for month in range(1, 13) if month not in lacking]
            crons.append(f"{time} {day} {','.join(others)} *")
            crons.append(f"{time} L {','.join(map(str, lacking))} *")
    return list(dict.fromkeys(crons))
