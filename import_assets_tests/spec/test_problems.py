"""Every fault of a definition, with its line, its column and what is allowed there."""

from __future__ import annotations

from pathlib import Path

import pytest

from import_assets.errors import DefinitionError
from import_assets.spec.loading import load_project
from import_assets_tests.spec.definitions import (
    CATALOG,
    EVENTS,
    GOOD,
    STORED,
    VOUCHERS,
    load_text,
    problems_of,
)

Expected = list[tuple[int, str]]


def check(root: Path, text: str | bytes, expected: Expected) -> None:
    problems = problems_of(root, text)
    told = "\n".join(str(problem) for problem in problems)
    assert [problem.line for problem in problems] == [line for line, _ in expected], told
    for problem, (_, fragment) in zip(problems, expected, strict=True):
        assert fragment in problem.message, told


def kind(text: str) -> str:
    return GOOD.replace("customers", text, 1)


def source(text: str) -> str:
    return GOOD.replace("  upload:", f"  {text}", 1)


@pytest.mark.parametrize("text", [GOOD, STORED, EVENTS, CATALOG, VOUCHERS])
def test_good_definitions_have_no_problems(tmp_path: Path, text: str):
    check(tmp_path, text, [])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kind: customers\n", [(1, "`columns` is missing"), (1, "`source` is missing")]),
        (GOOD + "foo: 1\n", [(6, "`foo` is not known here; allowed: kind, source, format")]),
        (GOOD + "timezon: UTC\n", [(6, "did you mean timezone?")]),
        (GOOD + 'delimiter: ";"\n', [(6, "it belongs under `format: csv:`")]),
        (GOOD + "on_new_file: true\n", [(6, "it belongs under `run:`")]),
        (GOOD + "from_: x\n", [(6, "`from_` is not known here")]),
        (GOOD + "  - {from_: x}\n", [(6, "did you mean from?")]),
        (GOOD + "  - {From: x}\n", [(6, "did you mean from?")]),
        (GOOD + "<<: {a: 1}\n", [(6, "`<<` is not known here")]),
        (
            source("ftp: {path: x}"),
            [(3, "`ftp` is not known here; allowed: storage, paste, upload, url, database")],
        ),
        (source("uplod: {}"), [(3, "did you mean upload?")]),
        (GOOD + "empty: keeep\nformat: {csv: {pad: true}}\n", [(6, "mean keep?"), (7, "`pad`")]),
    ],
)
def test_unknown_and_missing_keys(tmp_path: Path, text: str, expected: Expected):
    check(tmp_path, text, expected)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (GOOD + "time\tzone: UTC\n", r"`time\tzone` is not known here"),
        (GOOD + '"\\e[31m": {a: 1}\n', r"`\x1b[31m` is not known here"),
        (STORED.replace("customers.csv", "'/[\n\n  a/'"), r"missing ]: [\na"),
    ],
)
def test_a_message_is_one_line_whatever_it_repeats(tmp_path: Path, text: str, told: str):
    (problem,) = problems_of(tmp_path, text)
    assert told in problem.message
    assert str(problem).isprintable()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (kind("purchase"), [(1, "write customers, {events: TYPE}, {catalog: NAME} or")]),
        (kind("events"), [(1, "say which: `kind: {events: NAME}`")]),
        (kind("{customers: {}}"), [(1, "write `kind: customers`")]),
        (kind("{}"), [(1, "write customers")]),
        (kind("[customers]"), [(1, "write customers")]),
        (kind("5"), [(1, "write customers")]),
        (kind(""), [(1, "nothing stands behind it")]),
        (kind("{events: 2024}"), [(1, 'put it in quotes: "2024"')]),
        (kind("{events: a/b}"), [(1, 'may not hold control characters, "/"')]),
        (kind("{events: a, catalog: b}"), [(1, "`catalog` is not known here; allowed: events")]),
        (
            kind("{catalog: a, product: yes}"),
            [(1, "write true or false without quotes, not 'yes'")],
        ),
        (kind("{catalog: a, searchable: b}"), [(1, "write a list")]),
        (kind("{catalog: a, searchable: [b, 5]}"), [(1, 'put it in quotes: "5"')]),
        (kind("{vouchers: A B}"), [(1, "may not hold white space")]),
        (CATALOG.replace("products", "p, searchable: [a, b, a]"), [(1, "'a' is listed twice")]),
    ],
)
def test_m002_kinds(tmp_path: Path, text: str, expected: Expected):
    check(tmp_path, text, expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            GOOD.replace("\n  upload:", " upload"),
            [(2, "write keys below it (storage, paste, upload, url, database, analysis)")],
        ),
        (GOOD.replace("\n  upload:", " {}"), [(2, "say where it comes from: storage, paste")]),
        (source("upload: {}\n  paste:"), [(3, "beside paste: give one source only")]),
        (source("storage:"), [(3, "`files` is missing"), (3, "`folder` is missing")]),
        (
            source("storage: {folder: ~, files: [a]}"),
            [(3, "nothing stands behind it"), (3, "write one text here, not a list")],
        ),
        (source('storage: {folder: "", files: a}'), [(3, "it may not be empty")]),
        (source("storage: {folder: ~/x, files: a}"), [(3, "~ is not replaced")]),
        (source('storage: {folder: "a\\0", files: a}'), [(3, "control characters")]),
        (source("storage: {folder: a, files: /a}"), [(3, "a slash at one end only")]),
        (source("storage: {folder: a, files: /a(/}"), [(3, "not a regular expression")]),
        (source("storage: {folder: a, files: b, select: newest}"), [(3, "allowed: all, last_mod")]),
        (source("storage: {folder: a, files: b, by: hash}"), [(3, "allowed: version, name")]),
        (source('storage: {folder: a, files: b, settle: "5"}'), [(3, "a whole number without")]),
        (source("storage: {folder: a, files: b, settle: true}"), [(3, "whole number")]),
        (source("storage: {folder: a, files: b, settle: 1.5}"), [(3, "not 1.5")]),
        (
            source("storage: {folder: a, files: b, settle: -1}"),
            [(3, "-1 is not allowed here: at le")],
        ),
        (source("upload: {settle: 100_000}"), [(3, "100_000 is not allowed here: at most 86400")]),
        (source("upload: 5"), [(3, "write keys below it (settle), not 5")]),
        (source("paste: {text: 5}"), [(3, 'put it in quotes: "5"')]),
        (source('paste: {text: " "}'), [(3, "the text is empty")]),
        (
            source("storage: {folder: a, files: b, connection: crm}"),
            [(3, "'crm' is not a connection of project.yaml; it declares none")],
        ),
        (source("url: {}"), [(3, "say where it is: `connection`, or the whole `address`")]),
        (source("url: {address: 'http://a.example/f.csv'}"), [(3, "by https:// only")]),
        (source("url: {address: 'https://u:secret@a.example/f'}"), [(3, "no user or password")]),
        (source("url: {address: 'https://a.example/f', path: x}"), [(3, "needs connection")]),
        (source("url: {connection: a, address: 'https://a.example'}"), [(3, "take `path`")]),
        (source("database: {connection: erp}"), [(3, "`query` is missing")]),
        (
            source("database: {connection: erp, query: SELECT 1, lag: 5}"),
            [(3, "needs `cursor` beside it")],
        ),
        (
            source("database: {connection: erp, query: DELETE FROM a}"),
            [(3, "'erp' is not a connection"), (3, "begins with DELETE: an import reads with one")],
        ),
        (source("analysis: Top buyers"), [(3, "'Top buyers' cannot name an analysis: take its")]),
        (source(f"analysis: {{name: a, project: {300 * 'a'}}}"), [(3, "File name too long")]),
        (source("url: {address: 'https://a.example:port/f'}"), [(3, "is not an address")]),
        (source("analysis: top_buyers"), [(3, "there is no analysis 'top_buyers' in analyses/")]),
        (
            source("url: {address: 'https://a.example/f'}") + "run: {on_new_file: true}\n",
            [(6, "source url has no files to wait for")],
        ),
    ],
)
def test_sources(tmp_path: Path, text: str, expected: Expected):
    check(tmp_path, text, expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GOOD + "format: csv\n", [(6, "write keys below it (csv, xml, members)")]),
        (GOOD + "format: {csv: {delimiter: x}}\n", [(6, '" ", "\\t", ",", "."')]),
        (GOOD + "format: {csv: {delimiter: '\\t'}}\n", [(6, '" ", "\\t"')]),
        (GOOD + "format: {csv: {encoding: UTF-8}}\n", [(6, "did you mean utf-8?")]),
        (GOOD + "format: {csv: {encoding: cp852}}\n", [(6, "latin1, iso-8859-2; did you")]),
        (GOOD + "format: {csv: {delimiter: [x]}}\n", [(6, "write one of:")]),
        (
            GOOD + "format: {csv: {pad_short: 1}}\n",
            [(6, "write true or false without quotes, not 1")],
        ),
        (GOOD + "format: {csv: {}, xml: {}}\n", [(6, "beside csv: take one")]),
        (GOOD + "format: {xml: {row: a//b}}\n", [(6, "is no element: write its name")]),
        (GOOD + "format: {json: {}}\n", [(6, "`json` is not known here; allowed: csv, xml")]),
    ],
)
def test_m082_m083_formats(tmp_path: Path, text: str, expected: Expected):
    check(tmp_path, text, expected)


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (["{}"], [(6, "say `from:` which column")]),
        (["id"], [(6, "write keys below it (from, to, id, type, format")]),
        (['{from: " "}'], [(6, "say `from:` which column")]),
        (["{from: 2024}"], [(6, 'put it in quotes: "2024"')]),
        (["{from: a, to: }"], [(6, "nothing stands behind it")]),
        (["{value: 1}"], [(6, "needs `to:`")]),
        (["{from: a, to: b, value: 1}"], [(6, "a static value cannot also say `from`")]),
        (["{value: 1, to: a, id: cookie}"], [(6, "a static value cannot also say `id`")]),
        (["{from: a, discard: true, to: b}"], [(6, "a discarded column cannot also say `to`")]),
        (["{from: a, id: cookie, type: number}"], [(6, "an identifier without `to:` cannot also")]),
        (["{from: a, type: datum}"], [(6, "datum is not allowed here; allowed: text, long text")]),
        (["{from: a, type: int}"], [(6, "did you mean integer?")]),
        (["{from: a, discard: yes}"], [(6, "write true or false")]),
        (["{from: _a}"], [(6, "name the attribute with `to:`")]),
        (["{from: a, to: _file}"], [(6, "may not begin with _")]),
        (["{from: a}", "{from: b, to: a}"], [(7, "a second column for the attribute 'a'")]),
        (["{from: a}", "{from: A}"], [(7, "'A' and 'a' differ only by case")]),
        (["{from: a}", "{from: ' a'}"], [(7, "a second rule for the column 'a'")]),
        (["{from: a, discard: true}", "{from: a}"], [(7, "a second rule for the column 'a'")]),
        (["{from: a, to: customer_id}"], [(6, "is a column of the table itself")]),
        (["{from: Customer_ID}"], [(6, "is a column of the table itself")]),
        (["{from: a, to: RowId}"], [(6, "is a column of the table itself")]),
        (["{from: a, id: registered}"], [(6, "a second column for the identifier 'registered'")]),
        (
            ["{from: a, id: regstered}"],
            [(6, "known: registered, cookie; did you mean registered?")],
        ),
        (['{from: a, id: ""}'], [(6, "'' is not an identifier of the project")]),
        (["{from: a, to: Cookie}"], [(6, "'Cookie' is an identifier of the project")]),
        (["{from: a, timestamp: true}"], [(6, "belongs to events only")]),
        (
            ["{from: a, update_timestamp: true}", "{from: b, update_timestamp: true}"],
            [(7, "a second update timestamp")],
        ),
        (
            ["{from: a, update_timestamp: true, to: b}"],
            [(6, "the update timestamp cannot also say `to`")],
        ),
        (["{from: a, exclude_from_dedup: true}"], [(6, "belongs to events only")]),
        (["{to: a, value: x, exclude_from_dedup: true}"], [(6, "belongs to events only")]),
        (["{from: a, format: x}"], [(6, "takes no format")]),
        (["{from: a, type: boolean, format: x}"], [(6, "not two words such as yes/no")]),
        (["{to: a, type: number, value: x}"], [(6, "'x' is not of type number")]),
        (["{from: a, id: x}", "{from: b, type: list, format: x}"], [(6, "'x' is not"), (7, "'x'")]),
    ],
)
def test_columns(tmp_path: Path, rules: list[str], expected: Expected):
    check(tmp_path, GOOD + "".join(f"  - {rule}\n" for rule in rules), expected)


@pytest.mark.parametrize(
    "rule",
    [
        "{from: a, id: cookie, discard: false, timestamp: false, type: text}",
        "{from: a, id: cookie, to: b, type: number}",
        "{from: a, discard: true, timestamp: false}",
        "{to: a, type: boolean, value: true}",
        '{to: a, type: number, value: "1 234,50", format: "1 234,50"}',
        "{from: long text, type: long text}",
        "{from: with/slash}",
    ],
)
def test_columns_that_are_right(tmp_path: Path, rule: str):
    wrong = "type: text" in rule
    check(
        tmp_path,
        GOOD + f"  - {rule}\n",
        [(6, "an identifier without `to:` cannot also say `type`")] if wrong else [],
    )


def test_m005_static_values_stay_as_written(tmp_path: Path):
    values = ["1.50", "007", "1_000", "+5", "true", "07:30", "1e5", "Import_11 June 2019"]
    rules = "".join(f"  - {{to: a{n}, value: {value}}}\n" for n, value in enumerate(values))
    columns = load_text(tmp_path, GOOD + rules).spec.columns[1:]
    assert [column.value for column in columns] == values


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GOOD.replace(", id: registered", ""), [(4, "at least one rule needs `id:`")]),
        (CATALOG.replace(", id: item_id", ""), [(3, "such as {from: id, id: item_id}")]),
        (GOOD.replace("\n  - {from: id, id: registered}", " []"), [(4, "give at least one")]),
        (EVENTS.replace(", timestamp: true", ""), [(3, "one rule needs `timestamp: true`")]),
        (EVENTS + "  - {from: t2, timestamp: true}\n", [(6, "a second timestamp")]),
        (
            EVENTS + "  - {from: t2, update_timestamp: true}\n",
            [(6, "belongs to customers only")],
        ),
        (EVENTS + "  - {from: t2, to: timestamp}\n", [(6, "is a column of the table itself")]),
        (
            EVENTS.replace("ts,", "ts, exclude_from_dedup: true,"),
            [(5, "the timestamp cannot also say `exclude_from_dedup`")],
        ),
        (EVENTS + "  - {to: day, value: mon, exclude_from_dedup: true}\n", []),
        (EVENTS + "  - {from: x, exclude_from_dedup: true}\n", []),
        (
            EVENTS.replace("purchase", "consent") + "  - {from: action, type: boolean}\n",
            [(6, "'action' of a consent is text, not boolean")],
        ),
        (
            EVENTS.replace("purchase", "consent") + "  - {from: x, to: valid_until, type: date}\n",
            [(6, "'valid_until' of a consent is text or datetime, not date")],
        ),
        (EVENTS.replace("purchase", "consent") + "  - {from: action}\n", []),
        (
            EVENTS.replace("ts,", "ts, type: datetime,"),
            [(5, "the timestamp cannot also say `type`")],
        ),
        (EVENTS.replace("ts,", "ts, format: nonsense,"), [(5, "")]),
        (
            CATALOG.replace("item_id", "product_id"),
            [(4, "the identifier here is item_id, not 'pro")],
        ),
        (CATALOG.replace("item_id", "registered"), [(4, "the identifier here is item_id")]),
        (CATALOG + "  - {from: product_id}\n", [(5, "is a column of the table itself")]),
        (VOUCHERS.replace("code", "item_id"), [(4, "the identifier here is code")]),
        (VOUCHERS + "  - {from: x}\n", [(5, "vouchers take one column only")]),
        (VOUCHERS + "  - {from: x, discard: true}\n", []),
        (
            VOUCHERS.replace("}\nsource", ", product: true}\nsource"),
            [(1, "`product` is not known")],
        ),
    ],
)
def test_m034_m057_m072_d39_columns_of_each_kind(tmp_path: Path, text: str, expected: Expected):
    check(tmp_path, text, expected)


def test_d37_a_product_catalog_can_have_product_id_only(tmp_path: Path):
    text = CATALOG.replace("products}", "products, product: true}").replace("item_id", "product_id")
    check(tmp_path, text, [])


def searchable(count: int, *more: str) -> str:
    names = [*(f"a{n}" for n in range(count)), *more]
    return CATALOG.replace("products}", f"products, searchable: [{', '.join(names)}]}}")


def test_m078_d34_at_most_twenty_searchable_item_id_aside(tmp_path: Path):
    check(tmp_path, searchable(20), [])
    check(tmp_path, searchable(20, "item_id"), [])
    check(tmp_path, searchable(21), [(1, "21 searchable attributes: at most 20")])


def test_m078_the_project_can_allow_fewer(tmp_path: Path):
    (tmp_path / "project.yaml").write_text("limits: {searchable: 2}\n", encoding="utf-8")
    check(tmp_path, searchable(2), [])
    check(tmp_path, searchable(3), [(1, "project.yaml allows at most 2")])


def test_m078_searchable_attributes_are_attributes(tmp_path: Path):
    text = searchable(0, "title", "sku", "gone", "brand", "elsewhere") + (
        "  - {from: title, to: name}\n  - {from: gone, discard: true}\n  - {from: brand}\n"
    )
    check(
        tmp_path,
        text,
        [
            (1, "'title' becomes 'name'"),
            (1, "'sku' is no attribute"),
            (1, "'gone' is no attribute"),
        ],
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("run: {}", []),
        ("run: {on_new_file: false}", []),
        ("run: {on_new_file: true, until: 2027-01-31}", []),
        ("run:", [(6, "nothing stands behind it")]),
        ("run: daily", [(6, "write keys below it (on_new_file, daily, weekly, monthly, until)")]),
        ('run: {on_new_file: "true"}', [(6, "not 'true'")]),
        ("run: {on_new_file: true, until: soon}", [(6, "'soon' is not a day")]),
        ("run: {on_new_file: true, until: 2027-02-30}", [(6, "is not a day of the calendar")]),
        ("run: {on_new_file: true, until: 20270131}", [(6, "'20270131' is not a day")]),
        ("run: {until: 2027-01-31}", [(6, "needs on_new_file, daily, weekly or monthly")]),
        (
            "run: {daily: [07:30], weekly: {on: [mon], at: 07:30}}",
            [(6, "cannot stand beside daily")],
        ),
        (
            "run:\n  weekly: {on: [mon], at: 07:30}\n  monthly: {on: [1], at: 07:30}",
            [(8, "cannot stand beside weekly")],
        ),
    ],
)
def test_m022_m048_m049_when_it_runs(tmp_path: Path, text: str, expected: Expected):
    check(tmp_path, GOOD + text + "\n", expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{daily: [07:30, 12:00]}", []),
        ("{daily: []}", [(6, "give at least one")]),
        ("{daily: 07:30}", [(6, "write a list")]),
        (
            "{daily: [7:30]}",
            [(6, "'7:30' is not a time of day: write it as HH:MM on a 24-hour cl")],
        ),
        ("{daily: [7:30]}", [(6, 'such as "07:30"')]),
        ("{daily: [24:00]}", [(6, "'24:00' is not a time of day")]),
        ("{daily: [07:30:00]}", [(6, "is not a time of day")]),
        ("{daily: [630]}", [(6, 'such as "06:30"')]),
        ("{daily: [07:30, 08:00, 07:30]}", [(6, "'07:30' is listed twice")]),
        ("{weekly: {on: [mon, thu], at: 07:30}}", []),
        ("{weekly: {on: [Monday], at: 07:30}}", [(6, "did you mean mon?")]),
        ("{weekly: {on: [mon, mon], at: 07:30}}", [(6, "'mon' is listed twice")]),
        ("{weekly: {on: mon, at: 07:30}}", [(6, "write a list")]),
        ("{weekly: {on: [mon]}}", [(6, "`at` is missing (The time of day)")]),
        ("{weekly: [mon]}", [(6, "write keys below it (on, at)")]),
        ("{monthly: {on: [1, 31, last], at: 07:30}}", []),
        ("{monthly: {on: [0], at: 07:30}}", [(6, "1 to 31 without quotes, or last")]),
        ("{monthly: {on: [32], at: 07:30}}", [(6, "1 to 31")]),
        ("{monthly: {on: ['1'], at: 07:30}}", [(6, "1 to 31")]),
        ("{monthly: {on: [true], at: 07:30}}", [(6, "1 to 31")]),
        ("{monthly: {on: [last, last], at: 07:30}}", [(6, "'last' is listed twice")]),
        (
            "{monthly: {on: 31, at: 07:30}}",
            [(6, "write a list, one `- …` a line or […, …], not 31")],
        ),
        ("{monthly: {on: [31], at: 07:30, short_months: skip}}", []),
        ("{monthly: {on: [31], at: 07:30, short_months: no}}", [(6, "allowed: last_day, skip")]),
    ],
)
def test_m048_d10_d11_schedules(tmp_path: Path, text: str, expected: Expected):
    check(tmp_path, STORED + f"run: {text}\n", expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GOOD + "run: {daily: [07:30]}\n", [(6, "source upload cannot repeat")]),
        (
            source("paste:") + "run: {monthly: {on: [1], at: 07:30}}\n",
            [(6, "source paste cannot rep")],
        ),
        (source("paste:") + "run: {on_new_file: true}\n", [(6, "has no files to wait for")]),
    ],
)
def test_m047_paste_and_upload_do_not_repeat(tmp_path: Path, text: str, expected: Expected):
    check(tmp_path, text, expected)


def test_m023_all_with_on_new_file(tmp_path: Path):
    text = STORED.replace("customers.csv}", "customers.csv, select: all}")
    check(tmp_path, text + "run: {daily: [07:30]}\n", [])
    check(tmp_path, text + "run: {on_new_file: true}\n", [(3, "take not_imported_yet")])


@pytest.mark.parametrize("select", ["last_modified", "last_alphabetically", "not_imported_yet"])
def test_d04_other_selections_go_with_on_new_file(tmp_path: Path, select: str):
    text = STORED.replace("customers.csv}", f"customers.csv, select: {select}}}")
    check(tmp_path, text + "run: {on_new_file: true}\n", [])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("warn_above: 5%", []),
        ("warn_above: 0.5%", []),
        ("warn_above: 100%", []),
        ("warn_above: 5", [(6, "'5' is not a share")]),
        ("warn_above: 0.05", [(6, "'0.05' is not a share")]),
        ("warn_above: 101%", [(6, "is not a share")]),
        ("timezone: europe/bratislava", [(6, "did you mean Europe/Bratislava?")]),
        ("timezone: CEST", [(6, "unknown time zone 'CEST'")]),
        ("timezone: +02:00", [(6, "unknown time zone")]),
        ("timezone: ../UTC", [(6, "unknown time zone")]),
        ("timezone: localtime", [(6, "unknown time zone")]),
        ("timezone: right/UTC", [(6, "unknown time zone")]),
        ('timezone: ""', [(6, "unknown time zone")]),
        ("timezone: 5", [(6, "put it in quotes")]),
        ("owners: [crm@example.com, team:crm]", []),
        ("owners: [me]", [(6, "'me' is not an owner: write an e-mail address or team:NAME")]),
        ("owners: ['team:']", [(6, "is not an owner")]),
        ("owners: me@example.com", [(6, "write a list")]),
        ("empty: yes", [(6, "yes is not allowed here; allowed: overwrite, keep")]),
        ("description: 5", [(6, 'put it in quotes: "5"')]),
    ],
)
def test_the_other_keys(tmp_path: Path, text: str, expected: Expected):
    check(tmp_path, f"{GOOD}{text}\n", expected)


def test_all_problems_of_a_file_at_once_in_the_order_of_its_lines(tmp_path: Path):
    text = """\
empty: no
kind: {events: purchase}
source:
  storage:
    folder: exports
    files: /a
    settle: soon
columns:
  - {from: id, id: registered}
  - {form: a}
run: {daily: [6:00, 07:00, 8:00]}
tmezone: UTC
"""
    problems = problems_of(tmp_path, text)
    assert [(problem.line, problem.column, problem.path) for problem in problems] == [
        (1, 1, "empty"),
        (6, 5, "source.storage.files"),
        (7, 5, "source.storage.settle"),
        (10, 6, "columns[1].form"),
        (11, 15, "run.daily[0]"),
        (11, 28, "run.daily[2]"),
        (12, 1, "tmezone"),
    ]
    file = tmp_path.resolve() / "imports" / "one.yaml"
    assert str(problems[0]).startswith(f"{file}:1:1: empty: no is not allowed here")


@pytest.mark.parametrize(
    "key",
    ["password", "Password", "secret", "api_key", "apiKey", "access-key", "auth_token", "db_pwd"],
)
def test_d42_secrets_are_never_written_in_a_definition(tmp_path: Path, key: str):
    sentence = "put it into an environment variable and name that variable in project.yaml"
    for text in (
        f"{GOOD}{key}: hunter2\n",
        GOOD.replace("  upload:", f"  upload:\n    {key}: hunter2"),
        f"{GOOD}sftp: {{hosts: [{{{key}: hunter2}}]}}\n",
        STORED.replace("customers.csv}", f"a.csv, connection: {{{key}: hunter2}}}}"),
    ):
        problems = problems_of(tmp_path, text)
        assert any(sentence in problem.message for problem in problems)
        assert not any("hunter2" in str(problem) for problem in problems)


def test_d42_names_of_variables_are_no_secrets(tmp_path: Path):
    (problem,) = problems_of(tmp_path, GOOD + "password_env: CRM_PASSWORD\n")
    assert "is not known here" in problem.message


def test_an_endless_list_of_faults_is_cut(tmp_path: Path):
    problems = problems_of(tmp_path, GOOD + "  - {x: 1}\n" * 5_000)
    assert len(problems) == 101
    assert "4900 more problems from here on" in problems[-1].message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("timezone: Nowhere/City\n", [(1, "unknown time zone")]),
        ("identifiers: {}\n", [(1, "give at least one")]),
        ("identifiers: [registered]\n", [(1, "write keys with values below it, not a list")]),
        ("identifiers:\n  registered:\n", [(2, "nothing stands behind it")]),
        ("identifiers:\n  registered: {}\n", [(2, "`hard` is missing")]),
        ("identifiers:\n  registered: {hard: 1}\n", [(2, "write true or false")]),
        ("identifiers:\n  Registered: {hard: true}\n", [(2, "cannot name an identifier: take")]),
        (
            "identifiers:\n  a: {hard: true}\n  timestamp: {hard: true}\n",
            [(3, "it is a column of")],
        ),
        ("identifiers:\n  a: {hard: true, trimm: true}\n", [(2, "did you mean trim?")]),
        ("limits: {rows: 0}\n", [(1, "0 is not allowed here: at least 1")]),
        ("limits: {searchable: 21}\n", [(1, "at most 20")]),
        ('limits: {rows: "5"}\n', [(1, "write a whole number")]),
        ("rows: 5\n", [(1, "it belongs under `limits:`")]),
        ('warehouse: ""\n', [(1, "may not be empty")]),
        ("connections: {}\n", []),
        ("connections: {Crm: {sql: {url: 'sqlite:///a'}}}\n", [(1, "cannot name a connection")]),
        ("connections: {crm: {}}\n", [(1, "say what it is: sftp, s3, gcs, http or sql")]),
        (
            "connections: {crm: {sftp: {host: a, user: b, password: c}}}\n",
            [(1, "secret")],
        ),
        (
            "connections: {crm: {sftp: {host: a, user: b, password_env: 'my secret!'}}}\n",
            [(1, "write the name of an environment variable")],
        ),
        ("connections: {erp: {sql: {url: 'postgresql://u:p@h/d'}}}\n", [(1, "no password in")]),
        ("connections: {erp: {sql: {url: 'postgresql://[h/d'}}}\n", [(1, "not a URL: write")]),
        (
            "connections: {shop: {http: {address: 'http://shop.example/'}}}\n",
            [(1, "feeds come by https:// only")],
        ),
        (
            "connections: {lake: {s3: {bucket: b, access_key_id_env: A}}}\n",
            [(1, "access_key_id_env and secret_access_key_env go together")],
        ),
        ("identifiers:\n  push_token: {hard: false}\n", []),
        ("limits: {rows: 2_000_000}\n", []),
        ("", []),
        ("# only a comment\n", []),
    ],
)
def test_the_project_file(tmp_path: Path, text: str, expected: Expected):
    (tmp_path / "project.yaml").write_text(text, encoding="utf-8")
    try:
        load_project(tmp_path)
        problems = []
    except DefinitionError as error:
        problems = error.problems
    assert [problem.line for problem in problems] == [line for line, _ in expected]
    for problem, (_, fragment) in zip(problems, expected, strict=True):
        assert fragment in problem.message
