"""What looks at a folder decide, played over several looks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from import_assets.errors import SourceError
from import_assets.sources.ask import Ask
from import_assets.sources.delivery import Delivery
from import_assets.sources.discovery import (
    MAX_OPEN,
    TooManyFilesError,
    look,
    over_limit,
    select_scheduled,
)
from import_assets.sources.listing import Listing, list_matching
from import_assets.spec.sources import Selection
from import_assets_tests.sources.world import START, World, rules

LAST: list[Selection] = ["last_modified", "last_alphabetically"]


# --- new files ------------------------------------------------------------------------------------


def test_new_file_is_asked_for_once() -> None:
    """M016, M017, M022: not again while it runs, nor after it was imported."""
    world = World(rules())
    world.put("a.csv")
    assert world.asked() == ["a.csv"]
    assert world.asked() == []
    world.succeed()
    assert world.asked() == []
    world.put("b.csv")
    assert world.asked() == ["b.csv"]


def test_only_matching_files_are_asked_for() -> None:
    """M015, M020, M025: the warehouse's daily export, named otherwise every day."""
    world = World(rules(pattern=r"/export_[0-9]{8}\.csv/"))
    world.put("export_20260101.csv", "old_export_20260101.csv", "export_20260101.csv.bak")
    assert world.asked() == ["export_20260101.csv"]


def test_asks_are_ordered_by_time_then_path() -> None:
    world = World(rules())
    world.put("b.csv", "c.csv", age=100)
    world.put("a.csv", age=100)
    world.put("z.csv", age=900)
    assert world.asked() == ["z.csv", "a.csv", "b.csv", "c.csv"]


def test_late_file_with_an_earlier_time_is_not_skipped() -> None:
    """c.2: files are remembered, not the latest time among them."""
    world = World(rules())
    world.put("new.csv", age=100)
    assert world.asked() == ["new.csv"]
    world.succeed()
    world.put("old.csv", age=86_400 * 365)
    world.put("same.csv", age=100 + 300)  # the very second of new.csv
    assert world.asked() == ["old.csv", "same.csv"]


@pytest.mark.parametrize(("by", "expected"), [("version", ["a.csv"]), ("name", [])])
def test_changed_file_under_the_same_name(by: str, expected: list[str]) -> None:
    """D01: a new delivery, unless files are told apart by name."""
    world = World(rules(by="name" if by == "name" else "version"))
    world.put("a.csv")
    world.tick()
    world.succeed()
    world.put("a.csv", size=2)
    assert world.asked() == expected


def test_file_that_comes_back_unchanged_is_not_imported_twice() -> None:
    """M017: though what left the folder is forgotten, the ledger knows it."""
    world = World(rules())
    world.put("a.csv", "b.csv")
    content = world.storage.files[b"a.csv"]
    world.tick()
    world.succeed()
    world.remove("a.csv")
    assert world.asked(7_200) == []
    world.storage.put("a.csv", *content)
    assert world.asked() == []


def test_file_imported_by_hand_is_not_asked_for() -> None:
    """D03: the ledger counts, however a file came into it."""
    world = World(rules())
    world.put("a.csv")
    world.import_by_hand("a.csv")
    assert world.asked() == []


def test_next_version_waits_for_the_one_on_its_way() -> None:
    """D22: versions of one file are imported one after the other."""
    world = World(rules())
    world.put("a.csv")
    assert world.asked() == ["a.csv"]
    world.put("a.csv", size=2)
    assert world.asked() == []
    world.succeed()  # fails: the file has changed
    assert world.asked() == ["a.csv"]
    world.succeed()
    assert world.asked() == []
    assert world.holds(world.storage.stat("a.csv"))


def test_ask_for_a_file_that_left_is_dropped() -> None:
    world = World(rules())
    world.put("a.csv")
    world.tick()
    world.remove("a.csv")
    world.fail()
    assert world.asked() == []
    assert '"asks":[]' in str(world.cursor)


# --- failures -------------------------------------------------------------------------------------


def test_failed_file_is_asked_for_three_times() -> None:
    """D02: a failed file stays not imported and is asked for again, with a limit."""
    world = World(rules())
    world.put("a.csv", "b.csv")
    assert world.asked() == ["a.csv", "b.csv"]
    world.fail()
    assert world.asked() == ["a.csv#2", "b.csv#2"]
    (first, _) = world.running()
    world.succeed(first)
    world.fail()
    assert world.asked() == ["b.csv#3"]
    assert world.asked() == []
    world.fail()
    tick = world.tick()
    assert tick.asks == ()
    assert [file.key for file in tick.given_up] == ["b.csv"]
    assert "1 given up (b.csv)" in tick.note
    assert world.tick(86_400).asks == ()


def test_lost_run_is_asked_for_again() -> None:
    """A killed machine: nobody's help is needed."""
    world = World(rules())
    world.put("a.csv")
    world.tick()
    world.lose()
    assert world.asked() == ["a.csv#2"]


def test_refused_file_is_given_up_at_once() -> None:
    world = World(rules())
    world.put("a.csv")
    world.tick()
    world.fail("refused")
    assert world.asked() == []
    assert "given up (a.csv)" in world.tick().note


def given_up_world() -> World:
    world = World(rules())
    world.put("a.csv")
    world.tick()
    world.fail("refused")
    world.tick()
    return world


def test_new_version_of_a_given_up_file_starts_afresh() -> None:
    world = given_up_world()
    world.put("a.csv", size=2)
    assert world.asked() == ["a.csv"]
    assert "given up" not in world.tick().note


def test_given_up_file_imported_by_hand_is_done() -> None:
    world = given_up_world()
    world.import_by_hand("a.csv")
    tick = world.tick(7_200)
    assert tick.given_up == ()
    assert tick.note == "1 file matches: 1 imported already"


def test_given_up_file_forgotten_by_hand_after_its_import_comes_back() -> None:
    world = given_up_world()
    world.import_by_hand("a.csv")
    world.tick(7_200)
    world.ledger.clear()
    assert world.asked(7_200) == ["a.csv"]


def test_tick_whose_runs_were_never_started() -> None:
    """The cursor is saved before runs are started, and a crash may lie in between."""
    world = World(rules())
    world.put("a.csv")
    world.cursor = world.look().cursor
    assert world.asked() == ["a.csv#2"]


def test_tick_whose_cursor_was_never_saved() -> None:
    world = World(rules())
    world.put("a.csv")
    world.submit(world.look())
    world.tick()
    assert len(world.runs) == 1


# --- settling -------------------------------------------------------------------------------------


def test_young_file_waits() -> None:
    """c.2, half-written files: a minimum age."""
    world = World(rules(settle=60))
    world.put("a.csv", age=0)
    assert "1 still settling" in world.tick(59).note
    assert world.asked(1) == ["a.csv"]


def test_growing_file_waits_until_two_looks_agree() -> None:
    """c.2: a slow upload, seen young once, has to stay the same."""
    world = World(rules(settle=60))
    world.put("a.csv", size=1, age=0)
    assert world.asked(30) == []
    world.now += timedelta(seconds=170)
    world.put("a.csv", size=2, age=0)
    assert world.asked(100) == []  # old enough, but it grew
    assert world.asked(100) == ["a.csv"]


def test_clock_of_the_storage_runs_ahead() -> None:
    """A file of the future has no age: it has to be the same at two looks."""
    world = World(rules(settle=60))
    world.put("a.csv", age=-86_400)
    assert world.asked() == []
    world.put("a.csv", size=2, age=-86_400)
    assert world.asked() == []
    assert world.asked() == ["a.csv"]
    world.succeed()
    assert world.asked() == []


def test_settling_can_be_switched_off() -> None:
    world = World(rules(settle=0))
    world.put("a.csv", age=0)
    world.put("b.csv", age=-86_400)
    assert world.asked(0) == ["a.csv", "b.csv"]


# --- one file only --------------------------------------------------------------------------------


@pytest.mark.parametrize("select", LAST)
def test_last_of_the_new_ones_is_taken_and_older_ones_never(select: Selection) -> None:
    """M028, M029, D04: no falling back to the files passed over."""
    world = World(rules(select))
    world.put("a.csv", age=300)
    world.put("b.csv", age=200)
    world.put("c.csv", age=100)
    assert world.asked() == ["c.csv"]
    world.succeed()
    assert world.asked() == []
    assert "2 passed over" in world.tick().note
    world.put("d.csv", age=80)
    assert world.asked() == ["d.csv"]
    world.succeed()
    assert world.asked() == []


@pytest.mark.parametrize("select", LAST)
def test_imported_files_are_left_out_before_one_is_chosen(select: Selection) -> None:
    """D04: a new file is taken though an imported one comes after it."""
    world = World(rules(select))
    world.put("m.csv", age=200)
    world.tick()
    world.succeed()
    world.put("k.csv", age=5_000)
    assert world.asked() == ["k.csv"]


@pytest.mark.parametrize("select", LAST)
def test_rewritten_file_is_taken_each_time(select: Selection) -> None:
    """D01: the daily export under one name."""
    world = World(rules(select))
    for size in range(1, 4):
        world.put("feed.csv", size=size, age=100)
        assert world.asked() == ["feed.csv"]
        world.succeed()
        assert world.asked() == []


@pytest.mark.parametrize("select", LAST)
def test_last_file_failing_does_not_lead_back_to_older_ones(select: Selection) -> None:
    world = World(rules(select))
    world.put("a.csv", age=300)
    world.put("b.csv", age=200)
    for attempt in ("b.csv", "b.csv#2", "b.csv#3"):
        assert world.asked() == [attempt]
        world.fail()
    assert world.asked() == []
    assert world.asked(7_200) == []


@pytest.mark.parametrize("select", LAST)
@pytest.mark.parametrize("fails_late", [True, False])
def test_failed_file_is_not_tried_after_a_later_one(select: Selection, fails_late: bool) -> None:
    world = World(rules(select))
    world.put("a.csv", age=300)
    assert world.asked() == ["a.csv"]
    (first,) = world.running()
    world.put("b.csv", age=100)
    if not fails_late:
        first.state = "failed"
    assert world.asked() == ["b.csv"]
    for run in world.running():
        if run is not first:
            world.succeed(run)
    first.state = "failed"
    assert world.asked() == []


@pytest.mark.parametrize("select", LAST)
def test_new_file_earlier_than_one_on_its_way_is_passed_over(select: Selection) -> None:
    """D02: what is asked for is not imported yet, so it is among those chosen from."""
    world = World(rules(select))
    world.put("m.csv", age=100)
    assert world.asked() == ["m.csv"]
    world.put("k.csv", age=5_000)
    assert world.asked() == []
    world.fail()
    assert world.asked() == ["m.csv#2"]


@pytest.mark.parametrize("select", LAST)
def test_version_held_back_is_passed_over_too(select: Selection) -> None:
    """A version that waits for an earlier one of its file does not come after a later file."""
    world = World(rules(select))
    world.put("b.csv", age=300)
    assert world.asked() == ["b.csv"]
    world.put("b.csv", size=2, age=200)
    assert world.asked() == []
    world.put("c.csv", age=100)
    assert world.asked() == ["c.csv"]
    world.succeed()
    assert world.asked() == []


@pytest.mark.parametrize("select", LAST)
def test_ask_with_a_shortened_key_is_followed(select: Selection) -> None:
    path = "/".join(["f" * 200] * 6) + "/a.csv"
    world = World(rules(select, pattern="/.*\\/a.csv/"))
    world.put(path)
    assert len(world.asked()) == 1
    assert world.asked() == []
    world.fail()
    (again,) = world.asked()
    assert again.endswith("a.csv#2")


@pytest.mark.parametrize("select", LAST)
def test_folder_empty_for_a_moment(select: Selection) -> None:
    """A drive that is not mounted must not make files new that were passed over."""
    world = World(rules(select))
    world.put("a.csv", age=300)
    world.put("b.csv", age=200)
    world.tick()
    world.succeed()
    files, world.storage.files = world.storage.files, {}
    assert world.asked(7_200) == []
    world.storage.files = files
    assert world.asked(7_200) == []


@pytest.mark.parametrize("select", LAST)
def test_lost_cursor_and_one_file_only(select: Selection) -> None:
    """D04: without a cursor, only what comes after the last imported file is new."""
    world = World(rules(select))
    world.put("a.csv", age=300)
    world.put("b.csv", age=200)
    world.tick()
    world.succeed()
    world.cursor = None
    assert world.asked() == []
    world.put("a2.csv", age=1_000)
    world.put("c.csv", age=100)
    world.cursor = None
    assert world.asked() == ["c.csv"]
    world.succeed()
    world.put("c.csv", size=2, age=90)
    world.cursor = None
    assert world.asked() == ["c.csv"]


def test_lost_cursor_and_imported_file_gone() -> None:
    """By name the ledger alone tells where to go on."""
    world = World(rules("last_alphabetically"))
    world.put("a.csv", "b.csv")
    world.tick()
    world.succeed()
    world.remove("b.csv")
    world.cursor = None
    assert world.asked() == []


def test_lost_cursor_and_files_of_the_same_second() -> None:
    """c.2: storages keep times to the second; a file of the same one may be new."""
    world = World(rules("last_modified"))
    world.put("b.csv", age=100)
    world.tick()
    world.succeed()
    world.put("a.csv", age=400)
    assert world.storage.stat("a.csv").modified == world.storage.stat("b.csv").modified
    world.cursor = None
    assert world.asked() == ["a.csv"]


def test_trigger_with_rule_all_is_refused() -> None:
    """M023."""
    with pytest.raises(ValueError, match="cannot be combined with on_new_file"):
        World(rules("all")).look()


# --- the cursor -----------------------------------------------------------------------------------

DAMAGE: dict[str, Callable[[str], str | None]] = {
    "lost": lambda _: None,
    "empty": lambda _: "",
    "no json": lambda _: "2026-01-01T00:00:00",
    "other json": lambda _: "[1, null]",
    "older": lambda cursor: cursor.replace('"v":1', '"v":0'),
    "newer": lambda cursor: cursor.replace('"v":1', '"v":2,"more":[]'),
    "cut off": lambda cursor: cursor[: len(cursor) // 2],
    "set cut off": lambda cursor: cursor.replace('"passed_over":"', '"passed_over":"x'),
    "asks damaged": lambda cursor: cursor.replace('"asks":[', '"asks":[["a.csv","v",9,1,1],'),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_lost_cursor_is_rebuilt_from_the_ledger(damage: Callable[[str], str | None]) -> None:
    """c.2, dagster.md 3: nothing is imported twice and nothing is lost."""
    world = World(rules())
    world.put("a.csv", "b.csv")
    world.tick()
    world.succeed()
    world.put("c.csv")
    world.tick()
    world.cursor = damage(str(world.cursor))
    world.put("d.csv")
    assert world.asked() == ["c.csv", "d.csv"]  # c.csv runs: its run key starts no second run
    assert len(world.running()) == 2
    world.succeed()
    assert world.asked() == []
    assert all(map(world.holds, world.listed().values()))


def test_lost_cursor_while_a_second_attempt_runs() -> None:
    """Used run keys start nothing; the look finds its way to the attempt that runs."""
    world = World(rules())
    world.put("a.csv")
    world.tick()
    world.fail()
    world.tick()
    world.cursor = None
    assert world.asked() == ["a.csv"]
    assert world.asked() == ["a.csv#2"]
    assert len(world.runs) == 2
    assert world.asked() == []
    world.succeed()
    assert world.asked() == []


@pytest.mark.parametrize(
    "change", [{"select": "last_modified"}, {"by": "name"}, {"pattern": rules(pattern="*").pattern}]
)
def test_cursor_of_other_rules_is_rebuilt(change: dict[str, object]) -> None:
    """Digests of one rule mean nothing to another; open asks stand."""
    world = World(rules())
    world.put("a.csv", age=100)
    world.tick()
    world.succeed()
    world.put("b.csv", age=200)
    world.tick()
    world.fail()
    world.rules = replace(world.rules, **change)
    reads = world.ledger_reads
    assert world.asked() == ["b.csv#2"]
    assert world.ledger_reads == reads + 1


def test_passed_over_files_are_new_when_all_are_wanted() -> None:
    """M030: what was passed over is not imported yet."""
    world = World(rules("last_modified"))
    world.put("a.csv", age=200)
    world.put("b.csv", age=100)
    world.tick()
    world.succeed()
    world.rules = replace(world.rules, select="not_imported_yet")
    assert world.asked() == ["a.csv"]


def test_ledger_is_read_only_when_needed() -> None:
    world = World(rules())
    world.put("a.csv")
    world.tick()
    assert world.ledger_reads == 1  # no cursor
    world.tick()
    assert world.ledger_reads == 1  # everything asked for runs
    world.succeed()
    world.tick()
    assert world.ledger_reads == 2  # a run has ended
    world.tick()
    assert world.ledger_reads == 2  # nothing is new
    world.put("b.csv")
    world.tick()
    assert world.ledger_reads == 3  # something is


def test_changed_file_is_the_same_by_name_without_asking_the_ledger() -> None:
    """D01."""
    world = World(rules(by="name"))
    world.put("a.csv")
    world.import_by_hand("a.csv")
    world.tick()
    world.put("a.csv", size=2)
    world.tick()
    assert world.ledger_reads == 1


def test_file_forgotten_by_hand_comes_back() -> None:
    """D02: within the hour, also after the warehouse was restored from a copy."""
    world = World(rules())
    world.put("a.csv", "b.csv")
    world.import_by_hand("a.csv")
    world.import_by_hand("b.csv")
    assert world.asked() == []
    del world.ledger["a.csv"]
    assert [world.asked() for _ in range(12)] == [[]] * 11 + [["a.csv"]]


def test_clock_set_back_does_not_keep_the_ledger_unread() -> None:
    world = World(rules())
    world.put("a.csv")
    world.import_by_hand("a.csv")
    world.tick()
    world.tick(-86_400)
    assert world.ledger_reads == 2


def many(count: int) -> list[Delivery]:
    return [
        Delivery(f"customers_{i:06}.csv", f"{i * 37}-17{i:017}", i * 37, START - timedelta(days=2))
        for i in range(count)
    ]


def test_cursor_stays_small() -> None:
    """dagster.md 3: it is stored with every tick; well under 1 MB at 100,000 keys."""
    files = many(20_000)
    ledger = {file.key: {file.fingerprint} for file in files}
    tick = look(
        Listing(files), rules(), None, now=START, imported=lambda: ledger, outcome=lambda _: {}
    )
    assert len(tick.cursor) < 8 * len(files)
    assert tick.note == "20,000 files match: 20,000 imported already"
    again = look(
        Listing(files),
        rules(),
        tick.cursor,
        now=START + timedelta(minutes=5),
        imported=lambda: pytest.fail("the ledger was read"),
        outcome=lambda _: pytest.fail("runs were looked up"),
    )
    assert again.asks == ()
    assert again.cursor == tick.cursor


@pytest.mark.parametrize("settling", [True, False])
def test_cursor_stays_small_when_a_folder_fills_at_once(settling: bool) -> None:
    files = [file._replace(modified=START) for file in many(20_000)] if settling else many(20_000)
    tick = look(
        Listing(files),
        rules("not_imported_yet" if settling else "last_modified"),
        None,
        now=START,
        imported=dict,
        outcome=lambda _: {},
    )
    assert len(tick.cursor) < 16 * len(files)
    assert len(tick.asks) == (0 if settling else 1)


def test_new_files_wait_while_very_many_are_under_way() -> None:
    """The cursor stays bounded when runs stand still; the note says that files wait."""
    world = World(rules())
    asked = 0
    for batch in range(6):
        world.put(*(f"{batch}-{number}.csv" for number in range(200)))
        asked += len(world.tick().asks)
    assert asked == MAX_OPEN
    assert "200 waiting until fewer than 1,000 are under way" in world.tick().note
    world.succeed()
    assert len(world.tick().asks) == 200


# --- limits ---------------------------------------------------------------------------------------


def test_two_hundred_files_pass_and_one_more_does_not() -> None:
    """M024, D06: fail visibly and import nothing; never the first 200."""
    world = World(rules())
    world.put(*(f"{number}.csv" for number in range(201)))
    for _ in range(2):
        with pytest.raises(TooManyFilesError, match=r"201 files .*limit of 200, so none is: "):
            world.tick()
    assert world.cursor is None
    world.remove("0.csv")
    assert len(world.tick().asks) == 200
    world.put("201.csv")
    world.fail()
    assert len(world.tick().asks) == 201  # those asked for before do not count again


def test_too_many_files_are_a_source_error() -> None:
    assert issubclass(TooManyFilesError, SourceError)


@pytest.mark.parametrize("select", LAST)
def test_limit_does_not_concern_rules_for_one_file(select: Selection) -> None:
    """M024 names the rules `all` and `not_imported_yet` only."""
    world = World(rules(select))
    world.put(*(f"{number}.csv" for number in range(300)))
    assert len(world.tick().asks) == 1


# --- what the user reads --------------------------------------------------------------------------


def test_note_says_what_was_seen_taken_and_left() -> None:
    world = World(rules())
    world.put("done.csv", "bad.csv", "runs.csv")
    world.tick()
    for run in world.running():
        if run.ask.delivery.key == "done.csv":
            world.succeed(run)
        elif run.ask.delivery.key == "bad.csv":
            run.state = "refused"
    world.put("new1.csv", "new2.csv")
    world.put("young.csv", age=-290)
    assert world.tick().note == (
        "6 files match: 2 new, 1 asked for and not finished, 1 still settling, "
        "1 given up (bad.csv), 1 imported already"
    )


def test_note_says_that_nothing_matches() -> None:
    """c.2: a filter that silently matches nothing."""
    world = World(rules(pattern="*.csv"))
    assert world.tick().note == "no file matches *.csv"
    world.put("a.txt", "b.txt")
    assert world.tick().note == "no file matches *.csv, 2 others lie there"


def test_note_names_what_could_not_be_listed() -> None:
    world = World(rules(pattern="/(.*/)?a.csv/"))
    world.put("a.csv", "closed/a.csv")
    world.storage.unreadable.add("closed")
    tick = world.tick()
    assert [ask.delivery.key for ask in tick.asks] == ["a.csv"]
    assert tick.note.endswith("; closed in the fake storage cannot be listed: Permission denied")


def test_run_key_names_the_attempt() -> None:
    """c.2: a run key is used up for ever, even by a failed run."""
    file = Delivery("f/a.csv", "12-34", 12, START)
    assert Ask(file, 2).run_key("crm") == "crm:f/a.csv:12-34:2"


# --- starts by the clock and by hand --------------------------------------------------------------


def scheduled(world: World, limit: int | None = 200) -> list[str]:
    listing = list_matching(world.storage, world.rules.pattern)
    selected = select_scheduled(listing, world.rules, world._imported, world.now, limit)
    return [file.key for file in selected.deliveries]


@pytest.mark.parametrize(
    ("select", "expected", "reads"),
    [
        ("all", ["c.csv", "b.csv", "a.csv"], 0),
        ("not_imported_yet", ["c.csv", "b.csv"], 1),
        ("last_modified", ["a.csv"], 0),
        ("last_alphabetically", ["c.csv"], 0),
    ],
)
def test_scheduled_start(select: Selection, expected: list[str], reads: int) -> None:
    """M027-M030, D03: only `not_imported_yet` consults the memory."""
    world = World(rules(select))
    world.put("a.csv", age=100)
    world.put("b.csv", age=200)
    world.put("c.csv", age=300)
    world.put("d.csv", age=10)
    world.import_by_hand("a.csv")
    assert scheduled(world) == expected
    assert world.ledger_reads == reads


@pytest.mark.parametrize(("by", "expected"), [("version", ["a.csv"]), ("name", [])])
def test_scheduled_start_and_changed_file(by: str, expected: list[str]) -> None:
    """D01."""
    world = World(rules(by="name" if by == "name" else "version"))
    world.put("a.csv")
    world.import_by_hand("a.csv")
    world.put("a.csv", size=2)
    assert scheduled(world) == expected


def test_scheduled_start_and_the_limit() -> None:
    """M024, D06: a start by hand is not limited."""
    world = World(rules("all"))
    world.put(*(f"{number}.csv" for number in range(201)))
    with pytest.raises(TooManyFilesError, match="201 files"):
        scheduled(world)
    assert len(scheduled(world, limit=None)) == 201
    world.remove("0.csv")
    assert len(scheduled(world)) == 200


def test_scheduled_start_says_what_it_left() -> None:
    world = World(rules())
    world.put("a.csv", "b.csv")
    world.put("c.csv", age=0)
    world.import_by_hand("a.csv")
    listing = list_matching(world.storage, world.rules.pattern)
    selected = select_scheduled(listing, world.rules, world._imported, world.now, None)
    assert selected.note == (
        "3 files match: 1 taken, 1 still settling (changed less than 60 s ago), 1 imported already"
    )


def test_limit_is_told_before_an_import_is_saved() -> None:
    """M024, D06: more cannot be scheduled; imported files do not count."""
    world = World(rules("all"))
    world.put(*(f"{number}.csv" for number in range(201)), age=0)
    listing = list_matching(world.storage, world.rules.pattern)
    assert "201 files" in str(over_limit(listing, world.rules, world._imported))
    new = rules("not_imported_yet")
    assert "201 files" in str(over_limit(listing, new, world._imported))
    world.import_by_hand("7.csv")
    assert over_limit(listing, new, world._imported) is None
    assert over_limit(listing, rules("last_modified"), world._imported) is None
