"""The process that atheris drives: `python -m fuzzing.guided TARGET TALLY [options of libFuzzer]`.

Nothing of the product may be loaded before atheris is, since it instruments modules as they are
loaded; so the target is named, and imported under its eyes. `TALLY` is a file of 16 bytes into
which the number of inputs and of units judged so far is written, for libFuzzer ends the process.
"""

from __future__ import annotations

import mmap
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import atheris  # pyright: ignore[reportMissingImports] - in the extra `fuzz`
from atheris.import_hook import AtherisMetaPathFinder  # pyright: ignore[reportMissingImports] - ditto

from fuzzing.places import COMPARED, MODULES, TALLY, load
from fuzzing.target import Target


def main(arguments: list[str]) -> None:
    """Fuzz a target until libFuzzer ends the process."""
    name, tally_file, *options = arguments
    target = _watched(name)
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


class _Finder(AtherisMetaPathFinder):
    """Instruments the modules of a target only; atheris itself takes a package as a whole."""

    def __init__(self, name: str) -> None:
        # Of arrays, values in comparisons teach nothing, and each would be kept for good.
        super().__init__({"import_assets"}, set(), True, trace_dataflow=name in COMPARED)
        self._modules = MODULES[name]

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        """Find a module if it is to be instrumented; else others find it."""
        if fullname in self._modules or fullname.startswith(
            tuple(f"{one}." for one in self._modules)
        ):
            return super().find_spec(fullname, path, target)
        return None


def _watched(name: str) -> Target:
    """Load a target, its modules instrumented."""
    finder = _Finder(name)
    sys.meta_path.insert(0, finder)
    target = load(name)
    sys.meta_path.remove(finder)
    return target


if __name__ == "__main__":
    main(sys.argv[1:])
