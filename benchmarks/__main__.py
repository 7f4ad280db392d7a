"""The command: `python -m benchmarks [JOB…]`, see the package."""

from __future__ import annotations

import sys
import tempfile
from importlib import import_module
from pathlib import Path

import click

from benchmarks import page, rounds
from benchmarks.job import Job, WrongResult
from benchmarks.measuring import MeasuredFailed

JOBS = (
    "events",
    "customers",
    "rejects",
    "xml",
    "memory",
    "history",
    "sensor",
    "location",
    "small",
    "many",
)
_FOLDER = Path(tempfile.gettempdir()) / "import_assets_benchmarks"


@click.command()
@click.argument("jobs", metavar="[JOB]...", nargs=-1, type=click.Choice(JOBS))
@click.option("--runs", default=5, show_default=True, type=click.IntRange(min=1))
@click.option(
    "--folder",
    default=_FOLDER,
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Where files and histories lie; what is missing is made.",
)
@click.option("--write", is_flag=True, help="Write docs/benchmarks.md of the last results.")
def main(jobs: tuple[str, ...], *, runs: int, folder: Path, write: bool) -> None:
    """Measure jobs, all of them if none is named; exit with 1 where a result is wrong."""
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    failed = [name for name in jobs or JOBS if not _measure(name, runs, folder)]
    if write and not failed:
        results = [rounds.kept(folder / "results", name) for name in JOBS]
        page.PAGE.write_text(page.page([one for one in results if one]), encoding="utf-8")
    if failed:
        raise click.ClickException(f"no figures, for the results were wrong: {', '.join(failed)}")


def _measure(name: str, runs: int, folder: Path) -> bool:
    click.echo(f"{name}: making what is missing")
    try:
        job: Job = import_module(f"benchmarks.jobs.{name}").job(folder)
        click.echo(job.about)
        result = rounds.measure(job, runs, click.echo)
    except (WrongResult, MeasuredFailed) as error:
        click.echo(f"{name}: {error}", err=True)
        return False
    rounds.keep(result, folder / "results")
    for one in result.judged:
        met = "met   " if one.met else "MISSED"
        click.echo(f"  {met} {one.text}: {page.reached(one)}")
    return True


if __name__ == "__main__":
    sys.exit(main())
