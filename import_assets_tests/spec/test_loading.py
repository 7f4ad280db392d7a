"""Projects: what is found, what is named how, and that one wrong file never hides the others."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from import_assets.errors import DefinitionError, Problem
from import_assets.spec import examples
from import_assets.spec.formats import CsvFormat, Format
from import_assets.spec.loading import Import, Project, load, load_import, load_project
from import_assets.spec.models import Column, CustomersKind, ImportSpec, ProjectSpec, Run
from import_assets.spec.sources import Source, StorageSource
from import_assets_tests.spec.definitions import (
    CATALOG,
    EVENTS,
    GOOD,
    STORED,
    VOUCHERS,
    load_text,
    write_example_project,
    write_import,
)


def write_project(root: Path, text: str) -> None:
    (root / "project.yaml").write_text(text, encoding="utf-8")


# --- what is found ------------------------------------------------------------------------------


def test_an_empty_folder_is_a_project(tmp_path: Path):
    loaded = load(tmp_path)
    assert loaded.imports == {}
    assert loaded.invalid == {}
    assert loaded.project.spec == ProjectSpec()
    assert loaded.project.file == tmp_path.resolve() / "project.yaml"


def test_paths_are_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    project = load_project(Path())
    root = tmp_path.resolve()
    assert project.root == root
    assert project.imports_dir == root / "imports"
    assert project.warehouse_path == root / "data" / "warehouse.duckdb"
    assert project.staging_path == root / "data" / "staging"
    assert project.spool_path == root / "data" / "staging" / "spool"
    assert project.uploads_dir("crm") == root / "uploads" / "crm"


def test_the_project_can_put_its_data_elsewhere(tmp_path: Path):
    write_project(tmp_path, f"warehouse: {tmp_path}/w.duckdb\nstaging: batches\n")
    project = load_project(tmp_path)
    assert project.warehouse_path == tmp_path / "w.duckdb"
    assert project.spool_path == project.root / "batches" / "spool"


def test_the_order_of_identifiers_is_their_priority(tmp_path: Path):
    write_project(tmp_path, "identifiers: {z: {hard: true}, a: {hard: true}, m: {hard: false}}\n")
    assert list(load_project(tmp_path).spec.identifiers) == ["z", "a", "m"]


@pytest.mark.parametrize("name", ["project.yml", "project.yaml"])
def test_a_wrong_project_file_is_an_error(tmp_path: Path, name: str):
    (tmp_path / name).write_text("timezone: UTC\nx: 1\n", encoding="utf-8")
    with pytest.raises(DefinitionError, match=r"rename it to project\.yaml|`x` is not known"):
        load(tmp_path)


def test_a_project_file_that_leads_nowhere_is_an_error(tmp_path: Path):
    (tmp_path / "project.yaml").symlink_to(tmp_path / "nowhere")
    with pytest.raises(DefinitionError, match="not a file that can be read"):
        load(tmp_path)


def test_a_missing_folder_is_an_error(tmp_path: Path):
    with pytest.raises(DefinitionError, match="not a folder that can be listed"):
        load_project(tmp_path / "nowhere")


def test_imports_has_to_be_a_folder(tmp_path: Path):
    (tmp_path / "imports").write_text("", encoding="utf-8")
    with pytest.raises(DefinitionError, match="cannot be listed"):
        load(tmp_path)


def test_a_link_to_nowhere_is_no_empty_folder(tmp_path: Path):
    (tmp_path / "imports").symlink_to(tmp_path / "nowhere")
    with pytest.raises(DefinitionError, match="cannot be listed"):
        load(tmp_path)


def test_one_wrong_file_never_hides_the_others(tmp_path: Path):
    write_import(tmp_path, GOOD, "b.yaml")
    write_import(tmp_path, "kind: [", "a.yaml")
    write_import(tmp_path, b"\xff", "c.yaml")
    write_import(tmp_path, GOOD + "x: 1\n", "d.yaml")
    write_import(tmp_path, GOOD, "crm.yml")
    write_import(tmp_path, GOOD, "E.YAML")
    write_import(tmp_path, GOOD, "Bad Name.yaml")
    write_import(tmp_path, GOOD, "a.b.yaml")
    write_import(tmp_path, GOOD, os.fsdecode(b"caf\xe9.yaml"))
    (tmp_path / "imports" / "folder.yaml").mkdir()
    (tmp_path / "imports" / "nowhere.yaml").symlink_to(tmp_path / "nowhere")
    loaded = load(tmp_path)
    assert list(loaded.imports) == ["b"]
    messages = {name: str(error) for name, error in loaded.invalid.items()}
    assert list(messages) == sorted(messages)
    assert set(messages) == {
        *("a", "c", "d", "crm.yml", "E.YAML", "Bad Name.yaml", "a.b.yaml", "caf\\xe9.yaml"),
        *("folder", "nowhere"),
    }
    assert "rename it to crm.yaml" in messages["crm.yml"]
    assert "lower-case letters, digits and _" in messages["Bad Name.yaml"]
    for message in messages.values():
        message.encode()


def test_other_files_are_left_alone(tmp_path: Path):
    for name in (".swap.yaml", ".#lock.yaml", "README.md", "a.yaml.bak", "a.yaml~"):
        write_import(tmp_path, "no", name)
    write_import(tmp_path, "no", "folder/a.yaml")
    loaded = load(tmp_path)
    assert (loaded.imports, loaded.invalid) == ({}, {})


def test_imports_come_in_the_order_of_their_names(tmp_path: Path):
    for name in ("b", "a1", "a_", "a"):
        write_import(tmp_path, GOOD, f"{name}.yaml")
    assert list(load(tmp_path).imports) == ["a", "a1", "a_", "b"]


def test_a_thousand_imports(tmp_path: Path):
    for number in range(1_000):
        write_import(tmp_path, examples.KINDS["Customers"], f"import_{number:03}.yaml")
    loaded = load(tmp_path)
    assert len(loaded.imports) == 1_000
    assert not loaded.invalid


# --- an import ----------------------------------------------------------------------------------


def test_an_import_is_what_its_file_says(tmp_path: Path):
    one = load_text(tmp_path, examples.KINDS["Customers"])
    assert one.name == "one"
    assert one.file == tmp_path.resolve() / "imports" / "one.yaml"
    assert one.table == ("customers",)
    assert one.spec == ImportSpec(
        kind=CustomersKind(),
        source=Source(
            storage=StorageSource(folder="exports", files=r"/customers_[0-9]+\.csv/"),
        ),
        format=Format(csv=CsvFormat(delimiter=";", encoding="cp1250")),
        timezone="Europe/Bratislava",
        empty="overwrite",
        columns=[
            Column(from_="id", id="registered"),
            Column(from_="web_cookie", id="cookie"),
            Column(from_="fn", to="first_name"),
            Column(from_="birthday", type="date", format="%d.%m.%Y"),
            Column(from_="internal_note", discard=True),
            Column(to="source", value="crm"),
        ],
        run=Run(on_new_file=True),
    )


def test_tables(tmp_path: Path):
    assert load_text(tmp_path, EVENTS).table == ("events", "purchase")
    assert load_text(tmp_path, CATALOG).table == ("catalogs", "products")
    assert load_text(tmp_path, VOUCHERS).table == ("vouchers", "SUMMER10")


def test_d10_the_zone_is_the_imports_or_the_projects(tmp_path: Path):
    assert load_text(tmp_path, GOOD).timezone == "UTC"
    write_project(tmp_path, "timezone: Europe/Prague\n")
    assert load_text(tmp_path, GOOD).timezone == "Europe/Prague"
    assert load_text(tmp_path, GOOD + "timezone: Asia/Tokyo\n").timezone == "Asia/Tokyo"


def test_a_bare_word_chooses_a_source(tmp_path: Path):
    for bare, whole in (("upload:", "upload: {}"), ("paste:", "paste: {}")):
        text = GOOD.replace("upload:", bare)
        assert load_text(tmp_path, text).spec == load_text(tmp_path, text.replace(bare, whole)).spec
    for word in ("csv", "xml"):
        bare, whole = GOOD + f"format: {{{word}: }}\n", GOOD + f"format: {{{word}: {{}}}}\n"
        assert load_text(tmp_path, bare).spec == load_text(tmp_path, whole).spec


def test_a_pasted_text_has_a_limit(tmp_path: Path):
    write_project(tmp_path, "limits: {paste_bytes: 20}\n")
    text = GOOD.replace("upload:", 'paste: {text: "id\\nééééééééé"}')
    with pytest.raises(DefinitionError, match="21 bytes: a pasted text has at most 20"):
        load_text(tmp_path, text)
    assert load_text(tmp_path, text.replace("éé", "é", 1)).spec.source.paste is not None


@pytest.mark.parametrize("text", [*examples.KINDS.values(), *examples.SOURCES.values()])
def test_the_examples_of_the_reference_load(tmp_path: Path, text: str):
    write_example_project(tmp_path)
    assert load_text(tmp_path, text).spec


@pytest.mark.parametrize(
    "words",
    [
        'run: {daily: ["06:00", "12:30"], until: 2027-01-31}',
        'run: {weekly: {on: [mon, thu], at: "07:30"}}',
        'run: {monthly: {on: [1, 15, last], at: "04:00"}}',
        "run: {monthly: {on: [31], at: 04:00, short_months: skip}}",
    ],
)
def test_the_schedules_of_the_design_load(tmp_path: Path, words: str):
    assert load_text(tmp_path, f"{STORED}{words}\n").spec.run.repeats


def test_numbers_are_plain_numbers(tmp_path: Path):
    text = STORED.replace(".csv}", ".csv, settle: 1_0}") + (
        "run: {monthly: {on: [1, last], at: 04:00}}\n"
    )
    spec = load_text(tmp_path, text).spec
    assert spec.source.storage is not None
    assert spec.run.monthly is not None
    assert type(spec.source.storage.settle) is int
    assert [type(day) for day in spec.run.monthly.on] == [int, str]


def test_the_share_of_rejects(tmp_path: Path):
    assert load_text(tmp_path, GOOD).spec.warn_share == 0.05
    assert load_text(tmp_path, GOOD + "warn_above: 0.5%\n").spec.warn_share == 0.005


# --- the hash -----------------------------------------------------------------------------------


def changed(root: Path, text: str, project: str = "") -> str:
    write_project(root, project)
    return load_text(root, text).definition_hash


def test_the_hash_does_not_depend_on_libraries_or_processes(tmp_path: Path):
    """Golden value: another one would make every delivery of every import a new one."""
    one = load_text(tmp_path, examples.KINDS["Customers"])
    golden = "a02d8a8b7655de1bf13ada550f04e11bd021779f33659dca98baea434a29ead2"
    assert one.definition_hash == golden
    code = (
        "import sys; from pathlib import Path; from import_assets.spec.loading import load; "
        "sys.stdout.write(load(Path(sys.argv[1])).imports['one'].definition_hash)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert run.stdout == golden


@pytest.mark.parametrize(
    ("text", "project"),
    [
        (STORED + "run: {on_new_file: true}\n", ""),
        (STORED + "description: d\nowners: [team:a]\nwarn_above: 50%\n", ""),
        (STORED.replace("exports, files: customers.csv", "other, files: x.csv, settle: 5"), ""),
        (STORED.replace("storage: {folder: exports, files: customers.csv}", "upload:"), ""),
        (STORED + "empty: overwrite\nformat: {csv: {pad_short: false}}\ntimezone: UTC\n", ""),
        ("# comment\n" + STORED, ""),
        (STORED.replace("{from: id, id: registered}", "{id: registered, from: id}"), ""),
        (STORED, "warehouse: w.duckdb\nstaging: s\nlimits: {rows: 1_000_000}\n"),
        (STORED, "identifiers: {registered: {hard: true, trim: false}, cookie: {hard: false}}\n"),
    ],
)
def test_what_does_not_change_rows_does_not_change_the_hash(
    tmp_path: Path, text: str, project: str
):
    assert changed(tmp_path, text, project) == changed(tmp_path, STORED)


@pytest.mark.parametrize(
    ("text", "project"),
    [
        (STORED + "  - {from: x, discard: true}\n", ""),
        (STORED + "  - {to: source, value: crm}\n", ""),
        (STORED + "  - {from: a, type: number}\n", ""),
        (STORED + "empty: keep\n", ""),
        (STORED + "conventions: emarsys\n", ""),
        (STORED + "format: {xml: {}}\n", ""),
        (STORED + "format: {csv: {delimiter: ;}}\n", ""),
        (STORED + "timezone: Europe/Prague\n", ""),
        (STORED, "timezone: Europe/Prague\n"),
        (STORED, "limits: {rows: 5}\n"),
        (STORED, "identifiers: {registered: {hard: true}}\n"),
        (STORED, "identifiers: {registered: {hard: true, trim: true}, cookie: {hard: false}}\n"),
        (STORED, "identifiers: {cookie: {hard: false}, registered: {hard: true}}\n"),
        (EVENTS, ""),
        (CATALOG, ""),
        (CATALOG.replace("products}", "products, product: true}"), ""),
        (VOUCHERS, ""),
    ],
)
def test_what_changes_rows_changes_the_hash(tmp_path: Path, text: str, project: str):
    assert changed(tmp_path, text, project) != changed(tmp_path, STORED)


def test_hashes_of_kinds_differ(tmp_path: Path):
    texts = [GOOD, EVENTS, EVENTS.replace("purchase", "p"), CATALOG, VOUCHERS]
    assert len({changed(tmp_path, text) for text in texts}) == len(texts)


def test_the_order_of_columns_counts(tmp_path: Path):
    """Where two columns of a file merge into one, their order can decide (M091)."""
    more = ["  - {from: a}\n", "  - {from: b}\n"]
    one, other = GOOD + "".join(more), GOOD + "".join(reversed(more))
    assert changed(tmp_path, one) != changed(tmp_path, other)


def test_searchable_attributes_do_not_change_rows(tmp_path: Path):
    text = CATALOG.replace("products}", "products, searchable: [a]}")
    assert changed(tmp_path, text) == changed(tmp_path, CATALOG)


def test_values_of_two_types_never_meet_in_the_hash(tmp_path: Path):
    one = load_text(tmp_path, GOOD + "  - {to: a, value: 1}\n")
    assert one.spec.columns[1].value == "1"
    other = dataclasses.replace(one, spec=one.spec.model_copy(update={"empty": "keep"}))
    assert one.definition_hash != other.definition_hash


# --- whatever is in a file ----------------------------------------------------------------------

WORDS = [
    *("kind", "source", "columns", "format", "run", "storage", "paste", "upload", "csv", "folder"),
    *("files", "select", "from", "to", "id", "type", "value", "timestamp", "discard", "daily"),
    *("weekly", "monthly", "on", "at", "until", "customers", "events", "catalog", "searchable"),
    *("registered", "item_id", "all", "last", "mon", "07:30", "2027-01-31", "true", "null", "5"),
    *("5%", "1.5", "~", "/a+/", "&a", "*a", "!!str", "!x", "---", "...", "<<", "?", "|", ">", "%"),
]
PIECES = st.one_of(
    st.sampled_from(WORDS),
    st.sampled_from(
        [": ", "\n", "\n  ", "\n- ", "{", "}", "[", "]", ", ", "'", '"', "#", "\t", "\\"]
    ),
    st.text(max_size=5),
)
GOODS = st.sampled_from(
    [*examples.KINDS.values(), *examples.SOURCES.values(), EVENTS, CATALOG, VOUCHERS, GOOD]
)


@st.composite
def mutations(draw: st.DrawFn, goods: st.SearchStrategy[str] = GOODS) -> str:
    """A good definition with a few stretches replaced."""
    text = draw(goods)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = start + draw(st.integers(0, 12))
        text = text[:start] + "".join(draw(st.lists(PIECES, max_size=4))) + text[end:]
    return text


TREES = st.recursive(
    st.one_of(st.sampled_from(WORDS), st.integers(), st.booleans(), st.none(), st.floats()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(WORDS), inner, max_size=4)
    ),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    root = tmp_path_factory.mktemp("project")
    write_example_project(root)
    return load_project(root)


def try_to_load(project: Project, text: str | bytes) -> Import | None:
    file = write_import(project.root, text)
    problems: list[Problem] = []
    try:
        return load_import(project, file)
    except DefinitionError as error:
        problems = error.problems
    assert problems
    for problem in problems:
        assert problem.line >= 1
        assert problem.column >= 1
        str(problem).encode()
    return None


FUZZED = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)


@FUZZED
@given(data=st.binary())
def test_any_bytes_load_or_are_a_definition_error(project: Project, data: bytes):
    assert try_to_load(project, data) is None


@FUZZED
@given(text=st.lists(PIECES).map("".join))
def test_any_yaml_like_text_loads_or_is_a_definition_error(project: Project, text: str):
    try_to_load(project, text.encode("utf-8", "replace"))


@settings(FUZZED, max_examples=200)
@given(text=mutations())
def test_any_mutation_loads_or_is_a_definition_error(project: Project, text: str):
    one = try_to_load(project, text.encode("utf-8", "replace"))
    if one is not None:
        assert len(one.definition_hash) == 64


@FUZZED
@given(key=st.sampled_from(list(ImportSpec.model_fields)), tree=TREES)
def test_any_value_behind_any_key_loads_or_is_a_definition_error(
    project: Project, key: str, tree: object
):

    lines = [line for line in GOOD.splitlines() if not line.startswith(key)]
    text = "\n".join(lines) + f"\n{key}: {json.dumps(tree)}\n"
    try_to_load(project, text)


@FUZZED
@given(text=mutations(st.just(examples.PROJECT)))
def test_any_project_file_loads_or_is_a_definition_error(
    tmp_path_factory: pytest.TempPathFactory, text: str
):
    root = tmp_path_factory.mktemp("p")
    (root / "project.yaml").write_bytes(text.encode("utf-8", "replace"))
    (root / "imports").mkdir()
    (root / "imports" / "a.yaml").write_text(GOOD, encoding="utf-8")
    with contextlib.suppress(DefinitionError):
        load(root)


@FUZZED
@given(text=GOODS)
def test_good_files_give_equal_specs(project: Project, text: str):
    one, other = try_to_load(project, text), try_to_load(project, text)
    assert one is not None
    assert one == other
