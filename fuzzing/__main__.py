"""The command: `python -m fuzzing TARGET`, see the package."""

from __future__ import annotations

import sys
import time
from importlib.util import find_spec
from pathlib import Path

import click

from fuzzing import plain, rounds
from fuzzing.places import PLACES, load
from fuzzing.target import Target

_FOLDER = Path("/tmp/import_assets_fuzzing")  # noqa: S108 - what lies there is of no worth


@click.command()
@click.argument("name", metavar="TARGET", type=click.Choice(tuple(PLACES)))
@click.option("--runs", default=100_000, show_default=True, help="Inputs to judge.")
@click.option("--seed", default=1, show_default=True, help="The first seed of chance.")
@click.option("--folder", default=_FOLDER, show_default=True, type=click.Path(path_type=Path))
@click.option("--plain", "unguided", is_flag=True, help="Without atheris: mutate seeds only.")
@click.option(
    "--repeat",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Judge the input in this file, and nothing else.",
)
def main(
    name: str, *, runs: int, seed: int, folder: Path, unguided: bool, repeat: Path | None
) -> None:
    """Fuzz one target; exit with 1 at a finding."""
    target = load(name)
    if repeat is not None:
        units = target.judge(repeat.read_bytes())
        click.echo(f"{name}: no finding, {units} {target.units} judged")
    elif unguided:
        _plain(target, runs, seed, folder / name)
    elif find_spec("atheris") is None:
        raise click.ClickException("atheris is missing: pip install -e '.[fuzz]', or take --plain")
    else:
        _guided(target, runs, seed, folder / name)


def _guided(target: Target, runs: int, seed: int, folder: Path) -> None:
    for now in rounds.fuzz(target, runs, folder, seed):
        click.echo(
            f"{target.name}: {now.inputs:,} inputs, {now.units:,} {target.units}, "
            f"{now.seconds:,.0f} s, {now.branches:,} branches, {now.corpus:,} kept"
        )
        if now.finding is not None:
            click.echo(now.told, err=True)
            _tell(target, now.finding)


def _plain(target: Target, runs: int, seed: int, folder: Path) -> None:
    start = time.monotonic()
    try:
        units = plain.run(target, runs, seed)
    except plain.Failed as failed:
        folder.mkdir(parents=True, exist_ok=True)
        finding = folder / "finding-plain"
        finding.write_bytes(failed.data)
        _tell(target, finding)
    else:
        seconds = time.monotonic() - start
        click.echo(f"{target.name}: {runs:,} inputs, {units:,} {target.units}, {seconds:,.0f} s")


def _tell(target: Target, finding: Path) -> None:
    click.echo(
        f"A finding. Repeat it: python -m fuzzing {target.name} --repeat {finding}", err=True
    )
    sys.exit(1)


if __name__ == "__main__":
    main()
