"""Asking the user before something is done."""

from __future__ import annotations

import sys

import click

from import_assets.errors import ImportAssetsError


def answered_yes(question: str, verb: str) -> bool:
    """Ask on the terminal.

    Raises:
        ImportAssetsError: nobody is there to answer; `verb` is what --yes does without asking.
    """
    click.echo(f"{question} [y/N] ", nl=False, err=True)
    answer = sys.stdin.readline()
    if not answer:
        raise ImportAssetsError(f"there is nobody to answer: say --yes to {verb} without asking")
    return answer.strip().lower() in ("y", "yes")
