"""What a repeated import runs at a scheduled moment (M024, M026-M030, M048, M049)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from import_assets.errors import SourceError
from import_assets.orchestration.keys import ASSET_JOB
from import_assets.orchestration.schedules import evaluate
from import_assets.sources.discovery import TooManyFilesError
from import_assets_tests.orchestration.site import (
    CUSTOMERS,
    RUN_KEY,
    START,
    Run,
    Site,
    partitions_of,
)

SIX = datetime(2026, 3, 1, 6, 0, tzinfo=UTC)
"""The moment of a tick; a day later is the next."""

DAY = timedelta(days=1)


def repeated(select: str, *, until: str = "", zone: str = "UTC") -> str:
    """A definition that repeats at six."""
    text = CUSTOMERS.replace('files: "*.csv"', f'files: "*.csv", select: {select}')
    run = f'run: {{daily: ["06:00"]{until and f", until: {until}"}}}\ntimezone: {zone}\n'
    return text.replace("run: {on_new_file: true}\n", run)


@pytest.fixture
def crm(site: Site) -> Site:
    """Three files; in the order of their time c, a, b."""
    for number, name in enumerate("cab"):
        site.put(f"in/{name}.csv", f"id,age\n1,{number}\n")
    return site


def tick(site: Site, moment: datetime = SIX) -> tuple[list[dg.RunRequest], str | None]:
    """What the schedule asks for at a moment, or why it does not."""
    said = evaluate(site.instance, site.definition(), moment)
    return ([], said.skip_message) if isinstance(said, dg.SkipReason) else (said, None)


def asked(site: Site, moment: datetime = SIX) -> list[tuple[str, ...]]:
    return [partitions_of(request) for request in tick(site, moment)[0]]


def start(site: Site, request: dg.RunRequest) -> Run:
    tags = {**request.tags, RUN_KEY: str(request.run_key)}
    return site.materialize(request.asset_selection or [], tags)


def test_the_job_of_schedules_is_there(crm: Site) -> None:
    """Dagster's own job of all assets, known by an internal name."""
    crm.define("crm", repeated("all"))
    assert crm.definitions.resolve_implicit_global_asset_job_def().name == ASSET_JOB
    schedule = crm.definitions.resolve_schedule_def("crm_repeat")
    assert schedule.job_name == ASSET_JOB


def test_the_schedule_asks_for_its_moment(tmp_path: Path) -> None:
    with dg.instance_for_test() as instance:
        site = Site(tmp_path, instance)
        site.define("crm", repeated("all"))
        site.put("in/a.csv", "id\n1\n")
        schedule = site.definitions.resolve_schedule_def("crm_repeat")
        context = dg.build_schedule_context(instance, scheduled_execution_time=SIX)
        said: Any = schedule(context)
        (request,) = said
        assert request.asset_selection == [
            dg.AssetKey(["imports", "crm"]),
            dg.AssetKey("customers"),
        ]
        assert partitions_of(request) == ("a.csv",)
        assert str(request.run_key).startswith("crm:2026-03-01T06:00:00+00:00:")
        assert instance.get_dynamic_partitions("crm_files") == ["a.csv"]


def test_all_takes_every_file_again_at_each_slot(crm: Site) -> None:
    """M027; a tick that is repeated is no new slot."""
    crm.define("crm", repeated("all"))
    (first,), _ = tick(crm)
    assert partitions_of(first) == ("c.csv", "b.csv")
    assert first.tags["import"] == "crm"
    run = start(crm, first)
    assert run.success
    assert run.tables["customers"]["dagster/row_count"] == 1

    (doubled,), _ = tick(crm)
    assert (doubled.run_key, doubled.tags) == (first.run_key, first.tags)
    again = start(crm, doubled)
    assert all(values["imported_before"] for values in again.partitions.values())
    assert crm.rows("SELECT count(*) FROM import_assets.batches") == [(3,)]

    (second,), _ = tick(crm, SIX + DAY)
    assert second.run_key != first.run_key
    assert partitions_of(second) == ("c.csv", "b.csv")
    run = start(crm, second)
    assert not any(values["imported_before"] for values in run.partitions.values())
    slots = crm.rows("SELECT slot, count(*) FROM import_assets.batches GROUP BY slot ORDER BY slot")
    assert slots == [("2026-03-01T06:00:00+00:00", 3), ("2026-03-02T06:00:00+00:00", 3)]


@pytest.mark.parametrize(
    ("select", "file"), [("last_modified", "b.csv"), ("last_alphabetically", "c.csv")]
)
def test_rules_for_one_file_take_it_at_each_slot(crm: Site, select: str, file: str) -> None:
    """M028, M029; whether it was imported before is not asked (D03)."""
    crm.define("crm", repeated(select))
    (first,), _ = tick(crm)
    assert partitions_of(first) == (file,)
    assert start(crm, first).partitions[file]["inserted"] == 1
    (second,), _ = tick(crm, SIX + DAY)
    assert start(crm, second).partitions[file]["unchanged"] == 1


def test_not_imported_yet_takes_what_is_new(crm: Site) -> None:
    """M030: what the ledger holds is left out, by whichever way it came in."""
    crm.define("crm", repeated("not_imported_yet"))
    crm.run("crm", "a.csv")
    (request,), _ = tick(crm)
    assert partitions_of(request) == ("c.csv", "b.csv")
    assert start(crm, request).success
    requests, note = tick(crm, SIX + DAY)
    assert requests == []
    assert note == "3 files match: 3 imported already"


def test_a_file_that_is_still_written_is_left_for_the_next_start(crm: Site) -> None:
    crm.define("crm", repeated("all"))
    crm.put("in/d.csv", "id,a", modified=datetime.now(UTC))
    assert asked(crm) == [("c.csv", "b.csv")]


def test_nothing_to_do_is_said(crm: Site) -> None:
    crm.define("crm", repeated("all").replace("*.csv", "*.txt"))
    assert tick(crm) == ([], "no file matches *.txt, 3 others lie there")


def test_a_missing_folder_is_an_error(crm: Site) -> None:
    crm.define("crm", repeated("all").replace("folder: in", "folder: gone"))
    with pytest.raises(SourceError, match=f"{crm.root}/gone"):
        tick(crm)


@pytest.mark.parametrize("select", ["all", "not_imported_yet"])
def test_more_than_200_files_are_left_alone(site: Site, select: str) -> None:
    """M024, D06."""
    site.define("crm", repeated(select))
    for number in range(201):
        site.put(f"in/{number:03}.csv", "id\n1\n")
    with pytest.raises(TooManyFilesError, match="limit of 200"):
        tick(site)
    assert site.instance.get_dynamic_partitions("crm_files") == []
    (site.root / "in" / "200.csv").unlink()
    assert asked(site) == [("000.csv", "199.csv")]


def test_rules_for_one_file_know_no_limit(site: Site) -> None:
    site.define("crm", repeated("last_modified"))
    site.configure("limits: {files: 1}\n")
    for name in "ab":
        site.put(f"in/{name}.csv", "id\n1\n")
    assert asked(site) == [("b.csv",)]


@pytest.mark.parametrize(
    ("zone", "last"),
    [
        ("UTC", datetime(2027, 1, 31, 23, 59, tzinfo=UTC)),
        ("Europe/Bratislava", datetime(2027, 1, 31, 22, 59, tzinfo=UTC)),
        ("Pacific/Kiritimati", datetime(2027, 1, 31, 9, 59, tzinfo=UTC)),
        ("America/Los_Angeles", datetime(2027, 2, 1, 7, 59, tzinfo=UTC)),
    ],
)
def test_the_last_day_is_one_of_the_import_s_own_calendar(
    crm: Site, zone: str, last: datetime
) -> None:
    """M049: it still runs on that day, and not a minute after it."""
    crm.define("crm", repeated("all", until="2027-01-31", zone=zone))
    assert asked(crm, last) == [("c.csv", "b.csv")]
    assert tick(crm, last + timedelta(minutes=1)) == ([], "ended 2027-01-31")
    schedule = crm.definitions.resolve_schedule_def("crm_repeat")
    assert schedule.description == f"Starts the import by the clock of {zone}, until 2027-01-31."


def test_an_older_file_that_changed_comes_after_the_newer_ones(crm: Site) -> None:
    """Files are taken in the order of their time, whatever the order of their partitions."""
    crm.define("crm", repeated("all"))
    tick(crm)
    crm.put("in/c.csv", "id,age\n1,99\n", modified=START + timedelta(days=1))
    requests, _ = tick(crm, SIX + DAY)
    assert [partitions_of(one) for one in requests] == [("a.csv", "b.csv"), ("c.csv",)]
    assert len({one.run_key for one in requests}) == 2
