"""A YAML file as plain values, with the line and column of every key and item.

Of YAML only what a definition needs is read: one document of mappings, lists and scalars. Anchors,
aliases, tags, repeated keys and keys that are not text are refused, because each of them makes a
file mean something else than what it shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import yaml

from import_assets.errors import DefinitionError, Problem
from import_assets.spec.misfits import DocumentPath, dotted
from import_assets.spec.scalars import on_one_line, resolve, shown

LARGEST_FILE = 1_000_000
"""Bytes."""

DEEPEST_NESTING = 20
"""Levels of mappings and lists; a definition has four."""

# The C parser is several times faster; without libyaml the Python one yields the same events.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# YAML forbids most control characters. U+0085, U+2028 and U+2029 are line breaks for YAML and for
# nothing else, a byte order mark inside the text is invisible: both would mislead.
_FORBIDDEN = re.compile(
    r"[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_LINE_BREAK = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class Place:
    """A line and a column, both counted from 1; the column in characters."""

    line: int
    column: int


@dataclass(frozen=True)
class Document:
    """A parsed file. `places` knows every key and item, `empty` those with nothing behind them."""

    file: Path
    value: dict[str, Any]
    places: dict[DocumentPath, Place]
    empty: tuple[DocumentPath, ...]

    def place(self, path: DocumentPath) -> Place:
        """Return where `path` stands, or the nearest key or item above it that exists."""
        while path not in self.places:
            path = path[:-1]
        return self.places[path]

    def problem(self, path: DocumentPath, message: str) -> Problem:
        """Return a problem at `path`."""
        return _problem(self.file, self.place(path), path, message)


def _problem(file: Path, place: Place, path: DocumentPath, message: str) -> Problem:
    """Return a problem whose path and message, which repeat parts of the file, are one line."""
    return Problem(file, place.line, place.column, on_one_line(dotted(path)), on_one_line(message))


def read_document(file: Path, *, may_be_empty: bool = False) -> Document:
    """Read and parse `file`.

    Args:
        file: A file of at most `LARGEST_FILE` bytes of UTF-8.
        may_be_empty: Take a file without any key as an empty mapping.

    Raises:
        DefinitionError: The file cannot be read, or is not YAML of the kind described above.
    """
    try:
        if not file.is_file():
            _refuse(file, "not a file that can be read")
        with file.open("rb") as stream:
            data = stream.read(LARGEST_FILE + 1)
    except OSError as error:
        _refuse(file, f"cannot be read: {error.strerror}")
    return parse_document(file, data, may_be_empty=may_be_empty)


def parse_document(file: Path, data: bytes, *, may_be_empty: bool = False) -> Document:
    """Parse `data`, the content of `file`, which itself is not opened; see `read_document`."""
    text = _decode(file, data)
    builder = _Builder(file)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        builder.problems.append(_syntax_problem(file, text, error))
    except yaml.YAMLError as error:
        builder.problems.append(Problem(file, 1, 1, "", f"not valid YAML: {error}"))
    if builder.problems:
        raise DefinitionError(builder.problems)
    if builder.value is None:
        if not may_be_empty:
            _refuse(file, "the file is empty: write at least kind, source and columns")
        return Document(file, {}, {(): Place(1, 1)}, ())
    if not isinstance(builder.value, dict):
        _refuse(file, "write keys with values, such as `kind: customers`")
    return Document(file, builder.value, builder.places, tuple(builder.empty))


def _refuse(file: Path, message: str, line: int = 1, column: int = 1) -> NoReturn:
    raise DefinitionError([Problem(file, line, column, "", message)])


def _decode(file: Path, data: bytes) -> str:
    if len(data) > LARGEST_FILE:
        _refuse(file, f"larger than {LARGEST_FILE:,} bytes: a definition is a small file")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        place = _place_after(before)
        byte = data[error.start]
        _refuse(
            file,
            f"byte 0x{byte:02x} is not UTF-8: save the file with the encoding UTF-8",
            place.line,
            place.column,
        )
    text = text.removeprefix("\ufeff")
    if wrong := _FORBIDDEN.search(text):
        place = _place_after(text[: wrong.start()])
        _refuse(
            file,
            f"the character U+{ord(wrong.group()):04X} may not stand in a definition: take it "
            f'out, or write it in double quotes as "\\u{ord(wrong.group()):04x}"',
            place.line,
            place.column,
        )
    return text


def _place_after(text: str) -> Place:
    lines = _LINE_BREAK.split(text)
    return Place(len(lines), len(lines[-1]) + 1)


@dataclass
class _Level:
    """A mapping or list that is being filled."""

    container: dict[str, Any] | list[Any]
    path: DocumentPath
    key: str | None = None


@dataclass
class _Builder:
    """Turns the parser's events into values and places, without recursion."""

    file: Path
    value: Any = None
    places: dict[DocumentPath, Place] = field(default_factory=dict)
    empty: list[DocumentPath] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    levels: list[_Level] = field(default_factory=list)
    documents: int = 0

    def take(self, event: Any) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._open(event)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self.levels.pop()
        elif isinstance(event, yaml.AliasEvent):
            self._stop(event, f"*{event.anchor}: aliases are not read, write the value out again")
        elif isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                self._stop(event, "a second document begins here: write one import a file")

    def _scalar(self, event: Any) -> None:
        self._check_properties(event)
        level = self.levels[-1] if self.levels else None
        if level and isinstance(level.container, dict) and level.key is None:
            self._take_key(level, event)
            return
        path = self._place(event)
        value = resolve(event.value) if event.implicit[0] else event.value
        if value is None:
            self.empty.append(path)
        self._put(value)

    def _take_key(self, level: _Level, event: Any) -> None:
        # Keys are text whatever they look like: `on` is a key of ours, and so could be `1`.
        key: str = event.value
        path = (*level.path, key)
        if key in level.container:
            first = self.places[path].line
            self._note(event, f"{shown(key)} is written twice, first on line {first}")
        else:
            self.places[path] = _mark(event)
        level.key = key

    def _open(self, event: Any) -> None:
        self._check_properties(event)
        level = self.levels[-1] if self.levels else None
        if level and isinstance(level.container, dict) and level.key is None:
            self._stop(event, "a key has to be one word, not a list or a mapping")
        if len(self.levels) == DEEPEST_NESTING:
            self._stop(event, f"nested more than {DEEPEST_NESTING} levels deep")
        path = self._place(event)
        container: dict[str, Any] | list[Any]
        container = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._put(container)
        self.levels.append(_Level(container, path))

    def _place(self, event: Any) -> DocumentPath:
        """Return the path of the value that begins here; note where, unless its key was noted."""
        if not self.levels:
            self.places[()] = _mark(event)
            return ()
        level = self.levels[-1]
        if level.key is not None:
            return (*level.path, level.key)
        path = (*level.path, len(level.container))
        self.places[path] = _mark(event)
        return path

    def _put(self, value: Any) -> None:
        if not self.levels:
            self.value = value
            return
        level = self.levels[-1]
        if isinstance(level.container, list):
            level.container.append(value)
        elif level.key is not None:
            level.container.setdefault(level.key, value)
            level.key = None

    def _check_properties(self, event: Any) -> None:
        if event.anchor is not None:
            self._note(event, f"&{event.anchor}: anchors are not read, take it out")
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self._note(event, f"{tag}: tags are not read, take it out; quotes make text")

    def _note(self, event: Any, message: str) -> None:
        path = self.levels[-1].path if self.levels else ()
        self.problems.append(_problem(self.file, _mark(event), path, message))

    def _stop(self, event: Any, message: str) -> NoReturn:
        self._note(event, message)
        raise DefinitionError(self.problems)


def _mark(event: Any) -> Place:
    return Place(event.start_mark.line + 1, event.start_mark.column + 1)


_ADVICE = {
    "mapping values are not allowed": (
        "a `:` that is not expected here: check the indentation, "
        "and put text that holds `: ` in quotes"
    ),
    "did not find expected key": "the indentation does not fit the lines above",
    "expected <block end>": "the indentation does not fit the lines above",
    "did not find expected '-' indicator": "the indentation does not fit the list above",
    "did not find expected ','": "a comma or a closing bracket is missing",
    "expected ',' or": "a comma or a closing bracket is missing",
    "unexpected end of stream": "a quote is opened and never closed",
    "could not find expected ':'": "a `:` is missing behind the key",
    "unknown escape": (
        "inside double quotes a backslash begins an escape: take single quotes for a text with "
        "backslashes, such as a regular expression"
    ),
    "expected <document start>": "the file goes on behind the end of its document",
}


def _syntax_problem(file: Path, text: str, error: yaml.MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    place = Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)
    end = _place_after(text)
    if place.line > end.line:
        # libyaml counts one more line behind a last one that has no line end.
        place = end
    return Problem(file, place.line, place.column, "", "".join(_advice(text, place, error)))


def _advice(text: str, place: Place, error: yaml.MarkedYAMLError) -> Iterator[str]:
    said = error.problem or error.context or "cannot be parsed"
    yield "not valid YAML: "
    if "cannot start any token" in said:
        line = _LINE_BREAK.split(text)[place.line - 1]
        char = line[place.column - 1 : place.column]
        if char == "\t":
            yield "a tab: indent with spaces"
        else:
            yield f"a text may not begin with {char}: write it in quotes"
    else:
        yield next((advice for sign, advice in _ADVICE.items() if sign in said), said)
    opened = error.context_mark
    if opened and (opened.line + 1, opened.column + 1) != (place.line, place.column):
        yield f"; it began on line {opened.line + 1}"
