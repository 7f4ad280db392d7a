"""JSON Schemas of the definitions, for editors, and the reference, for people.

All three files are generated and committed; `python -m import_assets.spec.schema` writes them,
`--check` fails where one is stale.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from pydantic import BaseModel

from import_assets.spec.models import BARE_WORDS, ImportSpec, ProjectSpec

IMPORT_SCHEMA = "schema/import.schema.json"
PROJECT_SCHEMA = "schema/project.schema.json"
REFERENCE = "reference-definitions.md"

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_RULE_IDS = re.compile(
    r" \((?:[MD][0-9]{2,3}|b\.[0-9]+)(?:(?:, |-)(?:[MD][0-9]{2,3}|b\.[0-9]+))*\)"
)


def import_schema() -> dict[str, Any]:
    """Return the JSON Schema of `imports/<name>.yaml`."""
    schema = _schema(ImportSpec, "An import: imports/<name>.yaml")
    for outer, inner in sorted(BARE_WORDS):
        _allow_bare(schema, str(outer), str(inner))
    return schema


def project_schema() -> dict[str, Any]:
    """Return the JSON Schema of `project.yaml`."""
    return _schema(ProjectSpec, "The project: project.yaml")


def plain(text: str) -> str:
    """Return a description without the ids of rules, which mean nothing to users."""
    return _RULE_IDS.sub("", text)


def generated() -> dict[str, str]:
    """Return the generated files: text by path below the folder of the documentation."""
    # The reference is made from these very schemas.
    from import_assets.spec.reference import reference

    return {
        IMPORT_SCHEMA: _as_json(import_schema()),
        PROJECT_SCHEMA: _as_json(project_schema()),
        REFERENCE: reference(),
    }


def write_schemas(folder: Path) -> list[Path]:
    """Write the generated files into `folder` and return their paths."""
    written = []
    for name, text in generated().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
        written.append(path)
    return written


def stale_schemas(folder: Path) -> list[Path]:
    """Return the generated files in `folder` that are missing or not as they would be written."""
    return [
        folder / name
        for name, text in generated().items()
        if not (folder / name).is_file() or (folder / name).read_bytes() != text.encode()
    ]


def _as_json(schema: Mapping[str, Any]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _schema(model: type[BaseModel], title: str) -> dict[str, Any]:
    generated_by_pydantic = model.model_json_schema(by_alias=True, mode="validation")
    return {"$schema": _DIALECT, "title": title, **_tidy(generated_by_pydantic)}


def _tidy(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema without titles, rule ids, null, and defaults that only say `nothing`.

    Nothing behind a key is refused when a definition is loaded, so null is not allowed here either.
    """
    tidy: dict[str, Any] = {}
    for word, value in schema.items():
        if word == "title" or (word == "default" and (value is None or isinstance(value, dict))):
            continue
        if word == "description":
            tidy[word] = plain(value)
        elif word in ("properties", "$defs"):
            tidy[word] = {name: _tidy(inner) for name, inner in value.items()}
        elif word == "anyOf":
            tidy.update(_one_or_any(value))
        elif isinstance(value, dict):
            tidy[word] = _tidy(value)
        elif word == "oneOf":
            tidy[word] = [_tidy(inner) for inner in value]
        else:
            tidy[word] = value
    return tidy


def _one_or_any(members: list[dict[str, Any]]) -> dict[str, Any]:
    left = [_tidy(member) for member in members if member != {"type": "null"}]
    return left[0] if len(left) == 1 else {"anyOf": left}


def _allow_bare(schema: dict[str, Any], outer: str, inner: str) -> None:
    """Let nothing stand behind the key `inner` below `outer`, unless keys are required there."""
    definitions = schema["$defs"]
    holder = definitions[_reference(schema["properties"][outer])]["properties"]
    target = holder[inner]
    if not definitions[_reference(target)].get("required"):
        rest = {word: value for word, value in target.items() if word != "$ref"}
        holder[inner] = {"anyOf": [{"$ref": target["$ref"]}, {"type": "null"}], **rest}


def _reference(schema: Mapping[str, Any]) -> str:
    return str(schema["$ref"]).removeprefix("#/$defs/")


@click.command()
@click.option("--check", is_flag=True, help="Change nothing; fail where a file is stale.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(__file__).parents[2] / "docs",
    show_default="docs",
    help="Folder of the documentation.",
)
def main(check: bool, folder: Path) -> None:
    """Write the JSON Schemas and the reference of definitions."""
    if not check:
        for path in write_schemas(folder):
            click.echo(f"written: {path}")
        return
    stale = stale_schemas(folder)
    for path in stale:
        click.echo(f"stale: {path}; run python -m import_assets.spec.schema", err=True)
    if stale:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
