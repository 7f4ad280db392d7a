"""Show what detection makes of the corpus of the tests: what is right, wrong and refused.

`python -m benchmarks.detect [wrong]` prints for the encoding a table of what was found beside what
is true, for every key the numbers of right, wrong and refused by quirk, and the time for a file.
With `wrong`, each wrong answer too. Encodings that read a file alike count as the same.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from import_assets.formats.detection.detect import Detected, detect_csv
from import_assets.formats.detection.encoding import find_encoding
from import_assets.spec.formats import CsvFormat
from import_assets_tests.formats.corpus import Case, corpus, single_values

KEYS = ("encoding", "delimiter", "quote", "header", "skip_lines")


def verdict(case: Case, found: Detected, key: str) -> str:
    """Return `right`, `wrong` or `refused` for one key of a file."""
    value = found.findings[key].value
    if value is None:
        return "refused"
    if key == "encoding":
        same = case.data.decode(value, "replace") == case.data.decode(case.encoding, "replace")
        return "right" if same or value == case.encoding else "wrong"
    return "right" if value == getattr(case, key) else "wrong"


def main(*, show_wrong: bool) -> None:
    """Detect everything and print."""
    cases = list(corpus())
    detect_csv(cases[0].data, whole=True, said=CsvFormat())
    times: list[float] = []
    results: list[tuple[Case, Detected]] = []
    for case in cases:
        begun = time.perf_counter()
        found = detect_csv(case.data, whole=True, said=CsvFormat())
        times.append((time.perf_counter() - begun) * 1000)
        results.append((case, found))
    _encodings(results)
    _keys(results)
    _single()
    if show_wrong:
        _wrong(results)
    quick, slow = statistics.median(times), max(times)
    _say(f"{len(cases)} files; {quick:.1f} ms a file at the median, {slow:.1f} ms at most")


def _encodings(results: Sequence[tuple[Case, Detected]]) -> None:
    table: dict[str, Counter[str]] = defaultdict(Counter)
    for case, found in results:
        right = verdict(case, found, "encoding") == "right"
        value = "same text" if right else str(found.encoding.value or "refused")
        table[case.encoding][value] += 1
    columns = ["same text", "refused"]
    columns += sorted({name for row in table.values() for name in row} - set(columns))
    _say(_line("true \\ found", columns))
    for name, row in sorted(table.items()):
        _say(_line(name, [row[column] or "·" for column in columns]))
    _say("")


def _keys(results: Sequence[tuple[Case, Detected]]) -> None:
    table: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for case, found in results:
        for key in KEYS:
            for group in (case.quirk, "ALL"):
                table[group][key, verdict(case, found, key)] += 1
    _say(_line("right/wrong/refused", KEYS))
    for quirk, counts in table.items():
        if quirk != "ALL":
            _say(_line(quirk, [_counts(counts, key) for key in KEYS]))
    _say(_line("ALL", [_counts(table["ALL"], key) for key in KEYS]))
    _say("")


def _single() -> None:
    """Files of a single value are the hardest: here a refusal is no failure, a wrong one is."""
    table: dict[str, Counter[str]] = defaultdict(Counter)
    for _, encoding, data in single_values():
        found = find_encoding(data, whole=True).value
        if found is None:
            table[encoding]["refused"] += 1
        elif data.decode(found, "replace") == data.decode(encoding):
            table[encoding]["same text"] += 1
        else:
            table[encoding][found] += 1
    columns = ["same text", "refused"]
    columns += sorted({name for row in table.values() for name in row} - set(columns))
    _say(_line("one value only", columns))
    for name, row in sorted(table.items()):
        _say(_line(name, [row[column] or "·" for column in columns]))
    _say("")


def _counts(counts: Counter[tuple[str, str]], key: str) -> str:
    return "/".join(str(counts[key, kind]) for kind in ("right", "wrong", "refused"))


def _wrong(results: Sequence[tuple[Case, Detected]]) -> None:
    for case, found in results:
        for key in KEYS:
            if (kind := verdict(case, found, key)) != "right":
                finding = found.findings[key]
                _say(f"{kind} {key}: {case.name}")
                _say(f"    {finding.value!r}, {finding.confidence:.2f}: {finding.why}")


def _line(first: str, cells: Iterable[object]) -> str:
    return f"{first:<20}" + "".join(f"{cell!s:>12}" for cell in cells)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main(show_wrong="wrong" in sys.argv[1:])
