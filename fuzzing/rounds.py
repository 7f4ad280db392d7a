"""A long run of one target: rounds of processes that atheris drives, over one growing corpus.

A process under atheris takes more memory with every input, so it ends after some ten thousand and
the next one goes on with the corpus that it leaves.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fuzzing.places import TALLY
from fuzzing.target import Target

ROUND = 50_000
"""Inputs that one process judges."""

_STUCK_SECONDS = 60
"""Seconds after which libFuzzer ends an input that never comes back; see `HANG_SECONDS`, too."""
_MEMORY_MB = 4096
_STATUS = re.compile(r"cov: (\d+) ft: (\d+) corp: (\d+)")


@dataclass(frozen=True)
class Progress:
    """How far a run is: inputs and units judged, seconds, branches covered, corpus.

    `finding` is the file of the input that is one, if there is; `told` the end of what the process
    wrote about it.
    """

    inputs: int = 0
    units: int = 0
    seconds: float = 0.0
    branches: int = 0
    corpus: int = 0
    finding: Path | None = None
    told: str = ""


def fuzz(target: Target, runs: int, folder: Path, seed: int) -> Iterator[Progress]:
    """Judge so many inputs, and give the progress after each round; stop at a finding.

    Raises:
        RuntimeError: A process ended for a reason that is no finding.
    """
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for data in target.seeds():
        (corpus / hashlib.sha1(data, usedforsecurity=False).hexdigest()).write_bytes(data)
    words = folder / "words.dict"
    words.write_text("".join(map(_entry, target.words)), encoding="ascii")
    done = Progress()
    while done.inputs < runs and done.finding is None:
        done = _round(target, min(ROUND, runs - done.inputs), folder, seed, done)
        seed += 1
        yield done


def _round(target: Target, runs: int, folder: Path, seed: int, before: Progress) -> Progress:
    tally, log = folder / "tally", folder / "log"
    tally.write_bytes(bytes(TALLY.size))
    options = (
        f"-runs={runs}",
        f"-seed={seed}",
        f"-max_len={target.longest}",
        f"-timeout={_STUCK_SECONDS}",
        f"-rss_limit_mb={_MEMORY_MB}",
        f"-dict={folder / 'words.dict'}",
        f"-artifact_prefix={folder}/finding-",
        str(folder / "corpus"),
    )
    known = set(folder.glob("finding-*"))
    start = time.monotonic()
    with log.open("wb") as stream:
        ended = subprocess.run(  # noqa: S603 - our own module
            [sys.executable, "-m", "fuzzing.guided", target.name, str(tally), *options],
            stdout=stream,
            stderr=subprocess.STDOUT,
            # One input is too small to be shared among threads.
            env={**os.environ, "POLARS_MAX_THREADS": "1"},
            cwd=Path(__file__).parents[1],
            check=False,
        )
    seconds = time.monotonic() - start
    told = log.read_text(encoding="utf-8", errors="replace")
    found = sorted(set(folder.glob("finding-*")) - known)
    if ended.returncode and not found:
        raise RuntimeError(f"the process ended with {ended.returncode}, see {log}:\n{told[-2000:]}")
    inputs, units = TALLY.unpack(tally.read_bytes())
    status = _STATUS.findall(told)
    branches, _, kept = map(int, status[-1]) if status else (0, 0, 0)
    return Progress(
        before.inputs + inputs,
        before.units + units,
        before.seconds + seconds,
        branches,
        kept,
        found[0] if found else None,
        told[-6000:] if found else "",
    )


def _entry(word: bytes) -> str:
    return '"' + "".join(f"\\x{byte:02x}" for byte in word) + '"\n'
