"""The reference of the command is what the command says."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from import_assets.cli.main import main
from import_assets.cli.reference import FILE, commands, reference, write
from import_assets_tests.cli.shop import REPOSITORY


def test_the_committed_reference_is_fresh():
    """Where this fails: python -m import_assets.cli.reference."""
    assert (REPOSITORY / "docs" / FILE).read_text(encoding="utf-8") == reference()


def test_every_command_and_option_is_in_it():
    text = reference()
    for name, command in commands(main):
        assert f"## `{name}`" in text
        for parameter in command.params:
            assert all(word in text for word in parameter.opts if word.startswith("--"))


def test_checking_and_writing(tmp_path: Path):
    folder = str(tmp_path)
    assert CliRunner().invoke(write, ["--check", "--folder", folder]).exit_code == 1
    assert CliRunner().invoke(write, ["--folder", folder]).exit_code == 0
    assert CliRunner().invoke(write, ["--check", "--folder", folder]).exit_code == 0


def test_each_command_has_help():
    for name, _ in commands(main):
        result = CliRunner().invoke(main, [*name.split(), "--help"])
        assert result.exit_code == 0
        assert "--json" in result.stdout
