"""From a definition to the storage behind it (M006, M007, M012)."""

from __future__ import annotations

from pathlib import Path

import pytest

from import_assets.errors import FileRefused, SourceError
from import_assets.sources.open import open_source
from import_assets.sources.paste import PasteStorage
from import_assets.sources.rules import rules_of
from import_assets.sources.storage.local import LocalStorage
from import_assets.spec.loading import Import, Project
from import_assets.spec.models import ImportSpec, ProjectSpec


def definition(root: Path, **source: object) -> Import:
    spec = ImportSpec.model_validate(
        {"kind": "customers", "source": source, "columns": [{"from": "id", "id": "registered"}]}
    )
    project = Project(root, ProjectSpec(), root / "project.yaml")
    return Import("crm", root / "imports/crm.yaml", spec, project)


def keys(one: Import) -> list[str]:
    return [file.key for file in open_source(one).list(recursive=False, report=pytest.fail)]


@pytest.mark.parametrize("absolute", [True, False])
def test_folder_is_relative_to_the_project(tmp_path: Path, absolute: bool) -> None:
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports/a.csv").touch()
    folder = str(tmp_path / "exports") if absolute else "exports"
    assert keys(definition(tmp_path, storage={"folder": folder, "files": "*.csv"})) == ["a.csv"]


def test_drop_folder_is_made(tmp_path: Path) -> None:
    one = definition(tmp_path, upload={})
    assert keys(one) == []
    (tmp_path / "uploads/crm/.gitkeep").touch()
    (tmp_path / "uploads/crm/a.csv").touch()
    assert keys(one) == ["a.csv"]


def test_drop_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "uploads").touch()
    with pytest.raises(SourceError, match=r"uploads/crm cannot be made"):
        open_source(definition(tmp_path, upload={}))


def test_text_given_comes_before_text_in_the_definition(tmp_path: Path) -> None:
    one = definition(tmp_path, paste={"text": "in the file"})
    assert open_source(one).open("paste").read() == b"in the file"
    given = open_source(one, text="given", key="by hand")
    assert given.open("by hand").read() == b"given"
    assert isinstance(given, PasteStorage)


def test_paste_without_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match=r"no text was given: .*launchpad"):
        open_source(definition(tmp_path, paste={}))


def test_rules_of_sources(tmp_path: Path) -> None:
    limits = ProjectSpec().limits
    storage = {"folder": "f", "files": "/f/[a-z]+.csv/", "select": "last_modified", "by": "name"}
    rules = rules_of(definition(tmp_path, storage=storage).spec, limits)
    assert (rules.select, rules.by, rules.files, rules.recursive) == (
        "last_modified",
        "name",
        200,
        True,
    )
    upload = rules_of(definition(tmp_path, upload={}).spec, limits)
    assert (upload.select, upload.by, upload.recursive) == ("not_imported_yet", "version", False)
    assert upload.pattern.matches("anything at all.xml")
    assert upload.settle.total_seconds() == 5


def test_storages_have_no_encoding_of_their_own(tmp_path: Path) -> None:
    assert LocalStorage(tmp_path).encoding is None
