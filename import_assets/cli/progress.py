"""How far the deliveries are: a bar on a terminal, now and then a line elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from import_assets.cli.output import Output, harmless

Watch = Callable[[str, int, int], None]

_LINE_SECONDS = 10.0


@contextmanager
def progress(output: Output, deliveries: int) -> Iterator[Watch]:
    """Give a function that is told the key of a delivery, the bytes of it read, and all its bytes.

    Everything goes to standard error. While a bar is shown, what `output` notes stands above it.
    """
    if sys.stderr.isatty():
        with _bar(deliveries) as watch:
            yield watch
    else:
        yield _lines(output)


def _lines(output: Output) -> Watch:
    """Say something only about what takes long."""
    last = time.monotonic()

    def watch(key: str, done: int, total: int) -> None:
        nonlocal last
        if total and time.monotonic() - last > _LINE_SECONDS:
            last = time.monotonic()
            output.note(f"{key}: {done / total:.0%} of {total:,} bytes read")

    return watch


@contextmanager
def _bar(deliveries: int) -> Iterator[Watch]:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True, markup=False, emoji=False, highlight=False),
        transient=True,
    )
    with bar:
        task = bar.add_task("starting", total=None)
        number, current = 0, ""

        def watch(key: str, done: int, total: int) -> None:
            nonlocal number, current
            if key != current:
                number, current = number + 1, key
                bar.reset(task)
            where = f"{number} of {deliveries}: " if deliveries > 1 else ""
            doing = ", writing" if total and done >= total else ""
            bar.update(task, description=where + harmless(key) + doing, completed=done, total=total)

        yield watch
