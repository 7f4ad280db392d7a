"""The process that atheris drives: `python -m fuzzing.guided TARGET TALLY [options of libFuzzer]`.

Nothing of the product may be loaded before atheris is, since it instruments modules as they are
loaded; so the target is named, and imported under its eyes. `TALLY` is a file of 16 bytes into which
the number of inputs and of units judged so far is written, for libFuzzer ends the process itself.
"""

from __future__ import annotations

import mmap
import sys
from pathlib import Path

import atheris  # pyright: ignore[reportMissingImports] - in the extra `fuzz`

from fuzzing.places import MODULES, TALLY, load


def main(arguments: list[str]) -> None:
    """Fuzz a target until libFuzzer ends the process."""
    name, tally_file, *options = arguments
    with atheris.instrument_imports(include=list(MODULES[name])):
        target = load(name)
    with Path(tally_file).open("r+b") as stream:
        tally = mmap.mmap(stream.fileno(), TALLY.size)
    inputs = units = 0

    def judge(data: bytes) -> None:
        nonlocal inputs, units
        found = target.judge(data)
        inputs, units = inputs + 1, units + found
        TALLY.pack_into(tally, 0, inputs, units)

    atheris.Setup([sys.argv[0], *options], judge)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
