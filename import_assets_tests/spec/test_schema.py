"""The generated files: fresh, strict, and of one mind with the models."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from click.testing import CliRunner

from import_assets.errors import DefinitionError
from import_assets.spec import examples
from import_assets.spec.document import parse_document
from import_assets.spec.loading import load_project
from import_assets.spec.models import AttributeType, Column, ImportSpec, ProjectSpec
from import_assets.spec.problems import key_of
from import_assets.spec.reference import reference
from import_assets.spec.schema import (
    import_schema,
    main,
    plain,
    project_schema,
    stale_schemas,
    write_schemas,
)
from import_assets_tests.spec.definitions import (
    CATALOG,
    EVENTS,
    GOOD,
    STORED,
    VOUCHERS,
    problems_of,
    write_example_project,
)

DOCS = Path(__file__).parents[2] / "docs"

DESIGN = [
    STORED + "timezone: Europe/Bratislava\nempty: keep\nrun: {on_new_file: true}\n",
    STORED + 'run: {daily: ["06:00", "12:30"], until: 2027-01-31}\n',
    STORED + 'run: {weekly: {on: [mon, thu], at: "07:30"}}\n',
    STORED + 'run: {monthly: {on: [1, 15, last], at: "04:00"}}\n',
    GOOD.replace("upload:", "paste: {}"),
    GOOD.replace("upload:", "paste:"),
    GOOD + "  - {to: source, value: 5}\n  - {to: b, value: true}\n  - {to: c, value: 1.5}\n",
    CATALOG.replace("products}", "products, product: true,\n  searchable: [title, brand]}"),
    *(EVENTS, CATALOG, VOUCHERS, GOOD),
]


# --- a small validator: the part of JSON Schema that the schemas use ----------------------------

TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "null": type(None),
}
ANNOTATIONS = {"description", "examples", "default", "title", "$schema", "$defs", "format"}


def faults(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> Iterator[str]:
    """Yield why `value` does not fit `schema`; unknown words of the schema are an error."""
    for word, said in schema.items():
        if word not in ANNOTATIONS:
            yield from WORDS[word](value, said, schema, root)


def fits(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> bool:
    return not list(faults(value, schema, root))


def check_type(value: Any, said: str, _schema: Any, _root: Any) -> Iterator[str]:
    wrong_bool = isinstance(value, bool) and said != "boolean"
    if wrong_bool or not isinstance(value, TYPES[said]):
        yield f"{value!r} is not of type {said}"


def check_ref(value: Any, said: str, _schema: Any, root: dict[str, Any]) -> Iterator[str]:
    yield from faults(value, root["$defs"][said.removeprefix("#/$defs/")], root)


def check_properties(value: Any, said: dict[str, Any], _schema: Any, root: Any) -> Iterator[str]:
    for key, inner in said.items():
        if isinstance(value, dict) and key in value:
            yield from faults(value[key], inner, root)


def check_more(value: Any, said: Any, schema: dict[str, Any], root: Any) -> Iterator[str]:
    for key in set(value) - set(schema.get("properties", ())) if isinstance(value, dict) else ():
        if said is False:
            yield f"{key} is not allowed"
        else:
            yield from faults(value[key], said, root)


def check_items(value: Any, said: dict[str, Any], _schema: Any, root: Any) -> Iterator[str]:
    for item in value if isinstance(value, list) else ():
        yield from faults(item, said, root)


def wrong_if(wrong: Any) -> Any:
    return lambda value, said, _schema, root: ["wrong"] if wrong(value, said, root) else []


WORDS: dict[str, Any] = {
    "type": check_type,
    "$ref": check_ref,
    "properties": check_properties,
    "additionalProperties": check_more,
    "items": check_items,
    "enum": wrong_if(lambda value, said, root: value not in said),
    "const": wrong_if(lambda value, said, root: value != said),
    "required": wrong_if(
        lambda value, said, root: isinstance(value, dict) and not set(said) <= set(value)
    ),
    "anyOf": wrong_if(lambda value, said, root: not any(fits(value, one, root) for one in said)),
    "oneOf": wrong_if(lambda value, said, root: sum(fits(value, one, root) for one in said) != 1),
    "minimum": wrong_if(lambda value, said, root: isinstance(value, int) and value < said),
    "maximum": wrong_if(lambda value, said, root: isinstance(value, int) and value > said),
    "minItems": wrong_if(lambda value, said, root: isinstance(value, list) and len(value) < said),
    "uniqueItems": wrong_if(
        lambda value, said, root: isinstance(value, list) and len(set(map(str, value))) < len(value)
    ),
    "minProperties": wrong_if(lambda value, said, root: len(value) < said),
    "maxProperties": wrong_if(lambda value, said, root: len(value) > said),
    "propertyNames": wrong_if(
        lambda value, said, root: not all(re.search(said["pattern"], key) for key in value)
    ),
    "minLength": wrong_if(lambda value, said, root: isinstance(value, str) and len(value) < said),
    "pattern": wrong_if(
        lambda value, said, root: isinstance(value, str) and not re.search(said, value)
    ),
}


def value_of(text: str) -> Any:
    return parse_document(Path("one.yaml"), text.encode()).value


def faults_of(text: str, schema: dict[str, Any]) -> list[str]:
    return list(faults(value_of(text), schema, schema))


# --- of one mind with the models ----------------------------------------------------------------


@pytest.mark.parametrize("text", [*examples.KINDS.values(), *examples.SOURCES.values(), *DESIGN])
def test_good_definitions_fit_the_schema(tmp_path: Path, text: str):
    write_example_project(tmp_path)
    assert problems_of(tmp_path, text) == []
    assert faults_of(text, import_schema()) == []


@pytest.mark.parametrize(
    "text",
    [
        "kind: customers\n",
        GOOD + "foo: 1\n",
        GOOD + "run:\n",
        GOOD + "run: {daily: []}\n",
        GOOD + 'run: {daily: ["7:30"]}\n',
        GOOD + "run: {monthly: {on: [32], at: 04:00}}\n",
        GOOD + "run: {monthly: {on: [1, 1], at: 04:00}}\n",
        GOOD + "warn_above: 5\n",
        GOOD + "format: {csv: {delimiter: x}}\n",
        GOOD + "format: {csv: {pad_short: 1}}\n",
        GOOD + "  - {from: a, type: int}\n",
        GOOD + "  - {to: a}\n",
        GOOD + "  - {value: a}\n",
        GOOD + "  - {from: a, to: }\n",
        GOOD.replace("customers", "purchase"),
        GOOD.replace("customers", "{}"),
        GOOD.replace("customers", "{events: a, catalog: b}"),
        GOOD.replace("  upload:", "  upload:\n  paste:"),
        GOOD.replace("\n  upload:", " {}"),
        GOOD.replace("upload:", "storage:"),
        GOOD.replace("upload:", "upload: {settle: -1}"),
        GOOD.replace("upload:", 'upload: {settle: "5"}'),
    ],
)
def test_wrong_definitions_fit_neither(tmp_path: Path, text: str):
    assert problems_of(tmp_path, text) != []
    assert faults_of(text, import_schema()) != []


def test_the_project_file_fits_its_schema(tmp_path: Path):
    (tmp_path / "project.yaml").write_text(examples.PROJECT, encoding="utf-8")
    assert load_project(tmp_path).spec.limits.rows == 2_000_000
    assert faults_of(examples.PROJECT, project_schema()) == []


@pytest.mark.parametrize("text", ["limits: {rows: 0}", "identifiers: {A: {hard: true}}", "x: 1"])
def test_wrong_project_files_fit_neither(tmp_path: Path, text: str):
    (tmp_path / "project.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(DefinitionError):
        load_project(tmp_path)
    assert faults_of(text, project_schema()) != []


@pytest.mark.parametrize("schema", [import_schema(), project_schema()])
def test_schemas_are_strict_and_described(schema: dict[str, Any]):
    mappings = [schema, *schema["$defs"].values()]
    for mapping in mappings:
        assert mapping["additionalProperties"] is False
        for key, inner in mapping["properties"].items():
            assert inner["description"].endswith("."), key
    text = str(schema)
    assert not re.search(r"\b[MD][0-9]{2,3}\b", text)
    for example in examples_in(schema):
        assert fits(example[0], example[1], schema), example


def examples_in(schema: dict[str, Any]) -> Iterator[tuple[Any, dict[str, Any]]]:
    for mapping in [schema, *schema["$defs"].values()]:
        for inner in mapping["properties"].values():
            yield from ((example, inner) for example in inner.get("examples", ()))


def test_a_third_party_agrees():
    """Where a full validator is installed, it has the last word."""
    jsonschema = pytest.importorskip("jsonschema")
    for schema in (import_schema(), project_schema()):
        jsonschema.Draft202012Validator.check_schema(schema)
    for text in (*examples.KINDS.values(), *examples.SOURCES.values(), *DESIGN):
        jsonschema.validate(value_of(text), import_schema())


# --- the files ----------------------------------------------------------------------------------


def test_generated_files_are_fresh():
    """Mend by `python -m import_assets.spec.schema`."""
    assert stale_schemas(DOCS) == []


def test_check_names_stale_files(tmp_path: Path):
    runner = CliRunner()
    assert runner.invoke(main, ["--folder", str(tmp_path), "--check"]).exit_code == 1
    assert runner.invoke(main, ["--folder", str(tmp_path)]).exit_code == 0
    assert runner.invoke(main, ["--folder", str(tmp_path), "--check"]).exit_code == 0
    stale = tmp_path / "schema" / "import.schema.json"
    stale.write_text("{}", encoding="utf-8")
    result = runner.invoke(main, ["--folder", str(tmp_path), "--check"])
    assert result.exit_code == 1
    assert f"stale: {stale}" in result.output
    assert "project.schema.json" not in result.output


def test_writing_twice_changes_nothing(tmp_path: Path):
    first = {path: path.read_bytes() for path in write_schemas(tmp_path)}
    assert {path: path.read_bytes() for path in write_schemas(tmp_path)} == first


# --- the reference ------------------------------------------------------------------------------


def test_the_reference_names_every_key():
    text = reference()
    for model in (ImportSpec, ProjectSpec, Column):
        for name, info in model.model_fields.items():
            assert f"| `{key_of(name, info)}` |" in text
    for name in get_args(AttributeType):
        assert f"| `{name}` |" in text
    assert not re.search(r"\b[MD][0-9]{2,3}\b", text)


def test_the_tables_of_the_reference_are_whole():
    """A stray pipe would shift the cells of a row."""
    width = 0
    for line in reference().splitlines():
        cells = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0
        assert width in (0, cells) or cells == 0, line
        width = cells


def test_rule_ids_are_taken_out_of_texts_for_users():
    assert plain("One rule (M005, M031-M041, b.4).") == "One rule."
    assert plain("An example (such as M5 (x)).") == "An example (such as M5 (x))."
