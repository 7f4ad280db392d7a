"""Target `definitions`: the bytes of a definition, or of a project file, to a model or problems.

Every outcome is a model or a `DefinitionError` whose problems have places that the file has (b.4).
The same file with a comment above has the same outcome, one line below. The first byte chooses
which of the two files it is, and whether it is read with a comment, too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fuzzing.target import Finding, Target, agree, split
from import_assets.errors import DefinitionError, Problem
from import_assets.spec import examples
from import_assets.spec.agreement import Agreement, analysis_misfits, project_misfits
from import_assets.spec.analyses import Analyses
from import_assets.spec.document import parse_document
from import_assets.spec.loading import Import, Project
from import_assets.spec.models import BARE_WORDS, ImportSpec, ProjectSpec
from import_assets.spec.problems import refused, validated

_ROOT = Path("/nonexistent/project")
_FILE = _ROOT / "imports" / "fuzzed.yaml"
_COMMENT = b"# a comment\n"
_BOM = b"\xef\xbb\xbf"
_SAMPLE = Path(__file__).parents[1]

_PROJECT = Project(
    _ROOT,
    validated(ProjectSpec, parse_document(_ROOT / "project.yaml", examples.PROJECT.encode())),
    _ROOT / "project.yaml",
)
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_UNTOLD = re.compile("[A-Z][a-z]+ should |Value error|Field required")
_ANALYSES = Analyses({}, {})


@dataclass(frozen=True)
class Outcome:
    """What became of a file: what it says, or the problems, as line, column, path and message."""

    said: str = ""
    problems: tuple[tuple[int, int, str, str], ...] = ()


def check(data: bytes) -> int:
    """Judge one definition; see `Target.check`."""
    (kind,), body = split(data, 1)
    read = _project if kind & 1 else _import
    found = _outcome(read, body)
    if found.problems:
        _check_places(found.problems, body)
    if kind & 2 and not body.startswith(_BOM):
        below = _outcome(read, _COMMENT + body)
        agree(f"below a comment: {body!r}", _placeless(below, 1), _placeless(found, 0))
    return 1


def _outcome(read: Callable[[bytes], str], body: bytes) -> Outcome:
    try:
        said = read(body)
    except DefinitionError as error:
        return Outcome(problems=tuple(map(_plain, error.problems)))
    return Outcome(said)


def _placeless(outcome: Outcome, above: int) -> Outcome:
    """Return the same of a file with so many more lines above; what is said of the whole stays."""
    problems = tuple(
        (line - above if line > 1 else 1, column, path, re.sub(r"line \d+", "line N", message))
        for line, column, path, message in outcome.problems
    )
    return Outcome(outcome.said, problems)


def _plain(problem: Problem) -> tuple[int, int, str, str]:
    return problem.line, problem.column, problem.path, problem.message


def _import(body: bytes) -> str:
    document = parse_document(_FILE, body)
    spec = validated(ImportSpec, document, BARE_WORDS)
    misfits = [
        *project_misfits(spec, _PROJECT.spec),
        *analysis_misfits(spec, _ROOT, _ANALYSES),
        *Agreement().take(spec, "imports/fuzzed.yaml", document.place),
    ]
    if error := refused(document, misfits):
        raise error
    return Import("fuzzed", _FILE, spec, _PROJECT).definition_hash


def _project(body: bytes) -> str:
    document = parse_document(_PROJECT.file, body, may_be_empty=True)
    return repr(validated(ProjectSpec, document))


def _check_places(problems: tuple[tuple[int, int, str, str], ...], body: bytes) -> None:
    """Every problem stands in the file, in order, and can be shown."""
    lines = body.count(b"\n") + body.count(b"\r") + 1
    for line, column, _, message in problems:
        if not (1 <= line <= lines and 1 <= column <= len(body) + 1):
            raise Finding(f"no such place: {line}:{column} in {body!r}")
        if not message.strip() or _CONTROL.search(message):
            raise Finding(f"not one line of words: {message!r} for {body!r}")
        if _UNTOLD.search(message):
            raise Finding(f"told in the words of a library: {message!r} for {body!r}")
        message.encode()
    if len(problems) != len(set(problems)):
        raise Finding(f"told twice: {problems}")


def seeds() -> Iterator[bytes]:
    """Give the definitions of the sample and of the documentation."""
    for path in sorted((_SAMPLE / "imports").glob("*.yaml")):
        yield b"\2" + path.read_bytes()
    for text in (*examples.KINDS.values(), *examples.SOURCES.values()):
        yield b"\0" + text.encode()
    yield b"\1" + examples.PROJECT.encode()
    yield b"\1" + (_SAMPLE / "project.yaml").read_bytes()
    yield b"\0kind: customers\nsource: {upload: }\ncolumns:\n- {from: id, id: registered}\n"


def _words() -> Iterator[bytes]:
    texts = "".join([*examples.KINDS.values(), *examples.SOURCES.values(), examples.PROJECT])
    yield from (word.encode() for word in sorted(set(re.findall(r"\w+: ?|[\w/%.-]{4,}", texts))))
    yield from b"\n  - |{|}|[|]|\"|'|: |, |&a |*a|!!str |\\0|\\ud800|---\n|...\n|? |# |\t|~".split(
        b"|"
    )
    yield from b"true 1 -1 1e400 0x1 1_000 07:30 \xc2\x85 \xef\xbb\xbf a..z /a/ team: 1%".split()


DEFINITIONS = Target(
    name="definitions",
    units="definitions",
    check=check,
    seeds=seeds,
    words=tuple(_words()),
    longest=900,
)
"""See the module."""
