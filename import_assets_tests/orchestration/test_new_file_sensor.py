"""The sensor that imports new files: what it asks for, waits for, repeats and gives up (M022)."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from import_assets.errors import SourceError
from import_assets.orchestration import sensors
from import_assets.orchestration.checks import files_key
from import_assets.pipeline import deliver
from import_assets.pipeline.stage import stage
from import_assets.sources.discovery import TooManyFilesError
from import_assets.warehouse.lock import hold
from import_assets_tests.orchestration.site import CUSTOMERS, START, Site

Break = Callable[[str], None]


@pytest.fixture
def crm(site: Site) -> Site:
    """Three files, in order of their time c, a, b; nothing imported yet."""
    site.define("crm")
    for number, name in enumerate("cab"):
        site.put(f"in/{name}.csv", f"id,age\n1,{number}\n{name},1\n")
    return site


@pytest.fixture
def break_(monkeypatch: pytest.MonkeyPatch) -> Break:
    """Makes every run fail at this delivery, as if its source were down."""

    def broken(key: str) -> None:
        def failing(definition: Any, storage: Any, delivery: Any, *args: Any) -> Any:
            if delivery.key == key:
                raise SourceError("the line is down")
            return stage(definition, storage, delivery, *args)

        monkeypatch.setattr(deliver, "stage", failing)

    return broken


def passes(site: Site) -> bool | None:
    """What the UI shows of the check on files: passed, failed, or nothing yet."""
    record = site.instance.get_latest_asset_check_evaluation_record(files_key(site.definition()))
    return {"SUCCEEDED": True, "FAILED": False}[record.status.value] if record else None


def test_all_new_files_come_in_one_run(crm: Site) -> None:
    """In the order of their time; the next look has nothing to do (M017, M018)."""
    tick = crm.look()
    assert tick.added == ["c.csv", "a.csv", "b.csv"]
    assert tick.asked == [("c.csv", "b.csv")]
    assert tick.requests[0].tags["import"] == "crm"
    assert tick.note is None
    (run,) = tick.runs
    assert run.success
    assert set(run.partitions) == {"a.csv", "b.csv", "c.csv"}
    assert crm.rows("SELECT age FROM customers WHERE registered = '1'") == [(2,)]
    assert run.tables["customers"]["dagster/row_count"] == 4

    for _ in range(2):
        tick = crm.look()
        assert (tick.asked, tick.added, tick.evaluations) == ([], [], [])
        assert tick.note == "3 files match: 3 imported already"

    crm.put("in/d.csv", "id,age\n5,5\n")
    tick = crm.look()
    assert tick.asked == [("d.csv",)]
    assert tick.added == ["d.csv"]


def test_what_came_while_nobody_looked_comes_in_once(crm: Site) -> None:
    """A sensor that was off for a week: in the order of their time, each as it is now (M017)."""
    crm.look()
    week = [START + timedelta(days=day) for day in range(1, 8)]
    for day, moment in enumerate(week, start=1):
        crm.put(f"in/day_{day}.csv", f"id,age\n9,{day}\n", moment)
        crm.put("in/a.csv", f"id,age\n1,{10 * day}\n", moment + timedelta(hours=1))
    # Brought late, and as old as the files of the first look.
    crm.put("in/late.csv", "id,age\n9,99\n", START)
    names = ["late.csv", *(f"day_{day}.csv" for day in range(1, 8))]
    tick = crm.look()
    assert tick.asked == [(names[0], names[-1]), ("a.csv",)]
    assert [sorted(run.partitions) for run in tick.runs] == [sorted(names), ["a.csv"]]
    ages = "SELECT registered, age FROM customers WHERE registered IN ('1', '9') ORDER BY 1"
    assert crm.rows(ages) == [("1", 70), ("9", 7)]
    assert crm.look().note == "11 files match: 11 imported already"
    assert crm.rows("SELECT count(*) FROM import_assets.batches") == [(3 + 9,)]


@pytest.mark.parametrize("status", ["NOT_STARTED", "STARTING", "STARTED", "CANCELING"])
def test_files_on_their_way_are_waited_for(crm: Site, status: str) -> None:
    first = crm.look(start=False)
    crm.pretend(first.requests[0], dg.DagsterRunStatus(status))
    tick = crm.look()
    assert tick.asked == []
    assert tick.note == "3 files match: 3 asked for and not finished"


def test_a_doubled_look_asks_under_the_same_run_key(crm: Site) -> None:
    """The daemon was killed before it had written the cursor down: Dagster starts one run."""
    first = crm.look(start=False)
    crm.cursors.clear()
    crm.pretend(first.requests[0])
    second = crm.look()
    assert [one.run_key for one in second.requests] == [one.run_key for one in first.requests]
    assert second.runs == []


def test_a_run_that_was_lost_is_asked_for_again(crm: Site) -> None:
    first = crm.look(start=False)
    tick = crm.look()
    assert tick.asked == first.asked
    assert tick.added == []
    assert tick.requests[0].run_key != first.requests[0].run_key
    assert tick.runs[0].success


def test_a_failed_file_is_asked_for_three_times(crm: Site, break_: Break) -> None:
    """Its neighbours are in at the first. Then it is given up, and a check says so."""
    break_("a.csv")
    first = crm.look()
    assert set(first.runs[0].partitions) == {"b.csv", "c.csv"}
    assert first.runs[0].checks["files_imported"].passed is False

    keys = []
    for _ in range(2):
        tick = crm.look()
        assert tick.asked == [("a.csv",)]
        assert len(tick.runs) == 1
        assert tick.evaluations == []
        keys.append(str(tick.requests[0].run_key))
    second, third = keys
    assert second.startswith("crm:a.csv:")
    assert second.removesuffix(":2") == third.removesuffix(":3")

    tick = crm.look()
    assert tick.asked == []
    assert tick.note == "3 files match: 1 given up (a.csv), 2 imported already"
    (event,) = tick.evaluations
    assert event.passed is False
    assert event.severity == dg.AssetCheckSeverity.ERROR
    assert event.metadata["files"].value == "a.csv"
    assert passes(crm) is False

    assert crm.look().evaluations == [], "said once, not at every look"


@pytest.fixture
def given_up(crm: Site) -> Site:
    """The three files after three runs each that came to nothing."""
    for _ in range(3):
        crm.pretend(crm.look(start=False).requests[0], dg.DagsterRunStatus.FAILURE)
    assert str(crm.look().note) == "3 files match: 3 given up (a.csv, b.csv, c.csv)"
    return crm


def test_given_up_files_stay_visible_after_others_went_well(given_up: Site) -> None:
    given_up.put("in/d.csv", "id,age\n5,5\n")
    assert given_up.look().runs[0].success
    assert passes(given_up) is True
    (event,) = given_up.look().evaluations
    assert event.passed is False
    assert passes(given_up) is False
    assert given_up.look().evaluations == []


def test_given_up_files_that_were_taken_away_are_forgotten(given_up: Site) -> None:
    (given_up.root / "in" / "a.csv").unlink()
    (event,) = given_up.look().evaluations
    assert event.metadata["files"].value == "b.csv, c.csv"
    for name in "bc":
        (given_up.root / "in" / f"{name}.csv").unlink()
    (event,) = given_up.look().evaluations
    assert event.passed is True
    assert passes(given_up) is True
    assert given_up.look().evaluations == []


def test_a_given_up_file_that_changed_is_a_new_one(given_up: Site) -> None:
    given_up.put("in/a.csv", "id,age\n9,9\n")
    tick = given_up.look()
    assert tick.asked == [("a.csv",)]
    assert str(tick.requests[0].run_key).endswith(":1")
    assert tick.runs[0].success
    assert given_up.look().note == "3 files match: 2 given up (b.csv, c.csv), 1 imported already"


def test_given_up_files_imported_by_hand_are_done(given_up: Site) -> None:
    assert given_up.run("crm", "c.csv", "a.csv", "b.csv").success
    # The next new file makes the sensor look into the ledger.
    given_up.put("in/d.csv", "id,age\n5,5\n")
    assert given_up.look(start=False).asked == [("d.csv",)]
    assert given_up.look(start=False).note is None
    assert "given up" not in str(given_up.look(start=False).note)


@pytest.mark.parametrize("change", ["definition", "cursor"])
def test_what_was_given_up_gets_new_runs(given_up: Site, change: str) -> None:
    """Dagster starts one run for a run key, however that ended; attempts count from 1 again."""
    if change == "definition":
        text = CUSTOMERS.replace("type: integer", "type: integer, format: '1 234'")
        given_up.define("crm", text)
    else:
        given_up.cursors.clear()
    tick = given_up.look()
    assert tick.asked == [("c.csv", "b.csv")]
    assert len(tick.runs) == 1, "the run key had been used"
    assert given_up.look().note == "3 files match: 3 imported already"


def test_a_refused_file_is_not_asked_for_again(crm: Site) -> None:
    """Trying again does not help, and its neighbours are in."""
    crm.put("in/a.csv", "number,age\n1,2\n")
    assert set(crm.look().runs[0].partitions) == {"b.csv", "c.csv"}
    tick = crm.look()
    assert tick.asked == []
    assert tick.note == "3 files match: 1 given up (a.csv), 2 imported already"
    assert [event.passed for event in tick.evaluations] == [False]
    assert crm.look().asked == []

    crm.define("crm", CUSTOMERS.replace("from: id", "from: number"))
    tick = crm.look()
    assert tick.asked == [("a.csv",)], "the definition was mended"
    assert tick.runs[0].success
    assert crm.look().note == "3 files match: 3 imported already"


@pytest.mark.parametrize("change", ["file", "definition"])
def test_a_refusal_says_nothing_of_what_came_later(crm: Site, change: str) -> None:
    """The run for the mended file was lost: it is asked for again, not given up."""
    crm.put("in/a.csv", "number,age\n1,2\n")
    crm.look()
    crm.look()
    if change == "file":
        crm.put("in/a.csv", "id,age\n1,2\n")
    else:
        crm.define("crm", CUSTOMERS.replace("from: id", "from: number"))
    assert crm.look(start=False).asked == [("a.csv",)]
    assert crm.look(start=False).asked == [("a.csv",)]


def test_a_changed_file_comes_alone(crm: Site) -> None:
    """Another version under the same name is a new delivery (D01)."""
    before = str(crm.look().requests[0].run_key)
    crm.put("in/a.csv", "id,age\n1,77\n")
    tick = crm.look()
    assert tick.asked == [("a.csv",)]
    assert tick.added == []
    assert str(tick.requests[0].run_key) not in before
    assert crm.rows("SELECT age FROM customers WHERE registered = '1'") == [(77,)]


def test_changed_and_new_files_keep_their_order(crm: Site) -> None:
    """Known partitions stand where they stand: the order of the files needs more runs."""
    crm.look()
    crm.put("in/b.csv", "id,age\n1,10\n")
    crm.put("in/d.csv", "id,age\n1,11\n")
    crm.put("in/c.csv", "id,age\n1,12\n")
    crm.put("in/e.csv", "id,age\n1,13\n")
    tick = crm.look()
    assert tick.asked == [("b.csv", "d.csv"), ("c.csv",), ("e.csv",)]
    assert [run.success for run in tick.runs] == [True] * 3
    assert crm.rows("SELECT age FROM customers WHERE registered = '1'") == [(13,)]


def test_a_lost_cursor_is_rebuilt_from_the_ledger(crm: Site) -> None:
    """Nothing is imported twice (M018, D03), and what was broken is said to be."""
    crm.look()
    crm.look()
    good = str(crm.cursors["crm_new_file"])
    older = json.dumps({key: value for key, value in json.loads(good).items() if key != "told"})
    memory = json.loads(good)["memory"]
    other = good.replace('"v":1', '"v":9')
    broken = ["[]", "{", '"x"', "\x00", memory, good[:-9], other]
    for cursor in (None, "", older, *broken):
        crm.cursors["crm_new_file"] = cursor
        tick = crm.look()
        assert tick.asked == [], cursor
        anew = "; what was remembered could not be read and was made anew from the ledger"
        told = anew if cursor in broken else ""
        assert tick.note == f"3 files match: 3 imported already{told}", cursor
    assert json.loads(str(crm.cursors["crm_new_file"])).keys() == json.loads(good).keys()
    assert crm.rows("SELECT count(*) FROM import_assets.batches") == [(3,)]


def test_a_busy_warehouse_is_looked_at_later(crm: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    crm.look()
    crm.put("in/d.csv", "id,age\n5,5\n")
    before = crm.cursors.copy()
    monkeypatch.setattr(sensors, "_WAREHOUSE_WAIT_SECONDS", 0.0)
    lock = crm.warehouse.with_name("warehouse.duckdb.lock")
    with hold(lock, exclusive=True, wait_seconds=1, log=print):
        tick = crm.look()
    assert tick.asked == []
    assert str(tick.note).startswith("the warehouse is in use by process ")
    assert str(tick.note).endswith("; looked at again at the next tick")
    assert crm.cursors == before
    assert crm.look().asked == [("d.csv",)]


def test_more_files_than_the_limit_are_left_alone(site: Site) -> None:
    """M024, D06: it fails so that all can see it, and imports none rather than some."""
    site.define("crm")
    for number in range(201):
        site.put(f"in/{number}.csv", "id\n1\n")
    with pytest.raises(TooManyFilesError, match=r"201 files that match .* limit of 200"):
        site.look()
    assert site.instance.get_dynamic_partitions("crm_files") == []
    (site.root / "in" / "0.csv").unlink()
    assert site.look(start=False).asked == [("1.csv", "200.csv")]


def test_a_missing_folder_is_an_error(site: Site) -> None:
    site.define("crm")
    with pytest.raises(SourceError, match=rf"{site.root}/in"):
        site.look()


def test_a_file_that_is_still_written_is_left_for_later(crm: Site) -> None:
    crm.put("in/d.csv", "id,ag", modified=datetime.now(UTC) - timedelta(seconds=20))
    tick = crm.look()
    assert tick.asked == [("c.csv", "b.csv")]
    assert crm.look().note == "4 files match: 1 still settling, 3 imported already"


@pytest.mark.parametrize(("days", "ended"), [(-2, True), (2, False)])
def test_after_its_last_day_it_looks_no_more(crm: Site, days: int, ended: bool) -> None:
    """M049."""
    until = (datetime.now(UTC) + timedelta(days=days)).date()
    crm.define("crm", CUSTOMERS.replace("on_new_file: true", f"on_new_file: true, until: {until}"))
    tick = crm.look(start=False)
    assert (tick.note == f"ended {until}") is ended
    assert bool(tick.asked) is not ended


def test_imports_remember_by_themselves(crm: Site) -> None:
    """The memory is the import's: another one takes the same files anew (M019)."""
    crm.look()
    crm.define("second")
    tick = crm.look("second_new_file")
    assert tick.asked == [("c.csv", "b.csv")]
    assert tick.runs[0].partitions["c.csv"]["unchanged"] == 1


SALES = """\
kind: {events: purchase}
source: {storage: {folder: in, files: "*.csv"}}
conventions: emarsys
columns: [{from: customer, id: registered}, {from: timestamp, timestamp: true}]
run: {on_new_file: true}
"""


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        (SALES, []),
        (SALES.replace("{folder: in,", "{folder: in, by: version,"), [("sales.csv",)]),
        (SALES.replace("conventions: emarsys\n", ""), [("sales.csv",)]),
    ],
)
def test_a_sales_file_of_the_same_name_is_the_same_file(
    site: Site, text: str, taken: list[tuple[str, ...]]
) -> None:
    """So it is to Emarsys (b.8), and to nobody else unless the source says so (D01)."""
    site.define("crm", text)
    header = "item,price,order,timestamp,customer\n"
    site.put("in/sales.csv", f"{header}A,1.5,1,2026-11-01T10:00:00Z,7\n")
    assert site.look().asked == [("sales.csv",)]
    assert site.rows("SELECT count(*) FROM events.purchase") == [(1,)]
    site.put("in/sales.csv", f"{header}A,1.5,1,2026-11-01T10:00:00Z,7\nB,2,1,2026-11-02,7\n")
    assert site.look().asked == taken
    assert site.look().asked == []
