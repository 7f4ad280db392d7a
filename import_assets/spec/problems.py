"""What pydantic finds wrong in a document, as sentences at the line and column of each key.

`validated` is the way from a parsed document to a model. All problems of a document are found at
once and come in the order of its lines.
"""

from __future__ import annotations

import difflib
import json
import re
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal, TypeVar, Union, cast, get_args, get_origin

from pydantic import BaseModel, Tag, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from import_assets.errors import DefinitionError, Problem
from import_assets.spec.document import Document
from import_assets.spec.misfits import MISFITS, DocumentPath, Misfit
from import_assets.spec.scalars import shown, written

Model = TypeVar("Model", bound=BaseModel)

_SECRET = re.compile(
    r"(?!.*_env$).*(password|passwd|passphrase|pwd|secret|token|credential|private_?key"
    r"|api_?key|access_?key).*"
)
_MOST_ERRORS = 100
"""Errors of one document that are told one by one."""

_LONGEST_ECHO = 60
"""Characters of a value that a message repeats."""


def validated(
    model: type[Model], document: Document, bare_words: frozenset[DocumentPath] = frozenset()
) -> Model:
    """Return the document as a model.

    Args:
        model: The model of the whole document.
        document: The document; its value is not changed.
        bare_words: Keys that may have nothing behind them, which then means `{}`.

    Raises:
        DefinitionError: Carries every problem, in the order of the lines.
    """
    empty = [path for path in document.empty if path not in bare_words]
    problems = {path: document.problem(path, _EMPTY) for path in empty}
    try:
        spec = model.model_validate(
            _filled(document.value, bare_words), by_alias=True, by_name=False
        )
    except ValidationError as error:
        misfits = _misfits(model, error.errors(include_url=False))
    else:
        if not problems:
            return spec
        misfits = iter(())
    # An empty key is often wrong for the model too; to say so once, and plainly, is enough.
    found = [
        document.problem(misfit.path, misfit.message)
        for misfit in misfits
        if misfit.path not in problems
    ]
    raise DefinitionError(in_order([*problems.values(), *found]))


def refused(document: Document, misfits: Iterable[Misfit]) -> DefinitionError | None:
    """Return the misfits as an error of the document, or None where there are none."""
    problems = [document.problem(misfit.path, misfit.message) for misfit in misfits]
    return DefinitionError(in_order(problems)) if problems else None


def in_order(problems: list[Problem]) -> list[Problem]:
    """Return the problems in the order of their lines, each once."""
    return sorted(dict.fromkeys(problems), key=lambda one: (one.line, one.column, one.message))


def did_you_mean(word: str, allowed: Iterator[str] | list[str]) -> str:
    """Return `; did you mean …?` where one of the allowed words is close, or nothing."""
    by_shape = {_shape(one): one for one in allowed}
    close = difflib.get_close_matches(_shape(word[:_LONGEST_ECHO]), by_shape, n=1)
    return f"; did you mean {quoted(by_shape[close[0]])}?" if close else ""


def quoted(value: str) -> str:
    """Return a text as it can be written in YAML: bare if it is a plain word, else in quotes."""
    if len(value) > _LONGEST_ECHO:
        value = value[:_LONGEST_ECHO] + "…"
    plain = re.fullmatch(r"[A-Za-z_][\w %./-]*", value) and value == value.strip()
    return value if plain else json.dumps(value, ensure_ascii=False)


def _shape(word: str) -> str:
    return re.sub(r"[\s-]", "_", word.lower())


def _filled(value: dict[str, Any], bare_words: frozenset[DocumentPath]) -> dict[str, Any]:
    """Return the document's value with `{}` behind bare words, which stand one level deep."""
    filled = dict(value)
    for outer, inner in bare_words:
        part = filled.get(str(outer))
        if isinstance(part, dict) and inner in part and part[inner] is None:
            filled[str(outer)] = {**part, inner: {}}
    return filled


# --- from pydantic's errors to misfits ----------------------------------------------------------


def _misfits(model: type[BaseModel], errors: list[ErrorDetails]) -> Iterator[Misfit]:
    for error in errors[:_MOST_ERRORS]:
        path, annotation = _locate(model, error["loc"])
        if error["type"] == MISFITS:
            for misfit in error.get("ctx", {})[MISFITS]:
                yield Misfit((*path, *misfit.path), misfit.message)
        elif error["type"] == "missing":
            yield Misfit(path[:-1], _missing(model, path, error))
        elif error["type"] == "extra_forbidden":
            yield Misfit(path, _unknown_key(model, path, error))
            yield from _secrets_in(error["input"], path)
        else:
            yield Misfit(path, _sentence(error, annotation))
            yield from _secrets_in(error["input"], path)
    if len(errors) > _MOST_ERRORS:
        path, _ = _locate(model, errors[_MOST_ERRORS]["loc"])
        yield Misfit(path, f"and {len(errors) - _MOST_ERRORS} more problems from here on")


def _locate(model: type[BaseModel], loc: tuple[str | int, ...]) -> tuple[DocumentPath, Any]:
    """Return the path in the document that pydantic's `loc` speaks of, and the type there.

    `loc` also names the members of unions, which do not stand in the document.
    """
    annotation: Any = model
    path: DocumentPath = ()
    for part in loc:
        members = _members(annotation)
        tagged = [member for member in members if part in _tags(member)]
        if tagged:
            annotation = tagged[0]
            continue
        annotation = next((inner for member in members for inner in _inside(member, part)), None)
        if part != "[key]":
            path = (*path, part)
    return path, annotation


def _members(annotation: Any) -> list[Any]:
    """Return the members of a union, or the type itself, without None and `Annotated`."""
    bare = _unannotated(annotation)
    if get_origin(bare) in (Union, types.UnionType):
        return [member for member in get_args(bare) if member is not types.NoneType]
    return [bare]


def _unannotated(annotation: Any) -> Any:
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return annotation


def _tags(member: Any) -> list[str]:
    if get_origin(member) is not Annotated:
        return []
    return [extra.tag for extra in get_args(member)[1:] if isinstance(extra, Tag)]


def _inside(member: Any, part: str | int) -> Iterator[Any]:
    """Yield the type that stands at the key or item `part` of a value of type `member`."""
    bare = _unannotated(member)
    if get_origin(bare) is list:
        yield get_args(bare)[0]
    elif get_origin(bare) is dict:
        yield get_args(bare)[1]
    elif _is_model(bare):
        for name, info in bare.model_fields.items():
            if part == key_of(name, info):
                yield info.annotation


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def key_of(name: str, info: FieldInfo) -> str:
    """Return how the field called `name` is written in YAML."""
    return info.validation_alias if isinstance(info.validation_alias, str) else name


def keys_of(annotation: Any) -> list[str]:
    """Return the keys that a mapping of this type can have, as they are written."""
    models = [_unannotated(member) for member in _members(annotation)]
    return [
        key_of(name, info)
        for model in models
        if _is_model(model)
        for name, info in model.model_fields.items()
    ]


# --- sentences ----------------------------------------------------------------------------------

_EMPTY = "nothing stands behind it: write a value, or take the line out"


def _missing(model: type[BaseModel], path: DocumentPath, error: ErrorDetails) -> str:
    _, parent = _locate(model, error["loc"][:-1])
    member = next(one for one in _members(parent) if path[-1] in keys_of(one))
    info = next(
        info
        for name, info in _unannotated(member).model_fields.items()
        if path[-1] == key_of(name, info)
    )
    meaning = re.split(r"[.:;] ?", info.description or "")[0]
    return f"`{path[-1]}` is missing" + (f" ({meaning})" if meaning else "")


def _unknown_key(model: type[BaseModel], path: DocumentPath, error: ErrorDetails) -> str:
    key = str(path[-1])
    if _is_secret(key):
        return _secret(key)
    _, parent = _locate(model, error["loc"][:-1])
    allowed = keys_of(parent)
    sentence = f"`{key[:_LONGEST_ECHO]}` is not known here; allowed: {', '.join(allowed)}"
    hint = did_you_mean(key, allowed)
    if hint:
        return sentence + hint
    elsewhere = [place for place in _places(model) if place[-1] == key and place != path]
    return sentence + (f"; it belongs under {_under(elsewhere[0])}" if elsewhere else "")


def _under(place: DocumentPath) -> str:
    return f"`{': '.join(str(part) for part in place[:-1])}:`" if place[:-1] else "no other key"


def _places(annotation: Any, path: DocumentPath = ()) -> Iterator[DocumentPath]:
    """Yield the path of every key that a document of this type can have; lists count as one."""
    for member in _members(annotation):
        bare = _unannotated(member)
        if get_origin(bare) is list:
            yield from _places(get_args(bare)[0], path)
        elif _is_model(bare):
            for name, info in bare.model_fields.items():
                yield (*path, key_of(name, info))
                yield from _places(info.annotation, (*path, key_of(name, info)))


def _is_secret(key: str) -> bool:
    return _SECRET.fullmatch(_shape(key)) is not None


def _secret(key: str) -> str:
    return (
        f"`{key[:_LONGEST_ECHO]}`: a secret is never written in a definition; put it into an "
        "environment variable and name that variable in project.yaml"
    )


def _secrets_in(value: Any, path: DocumentPath) -> Iterator[Misfit]:
    """Yield the secrets inside a part of the document that is not read because it is wrong."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if _is_secret(key):
                yield Misfit((*path, key), _secret(key))
            yield from _secrets_in(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _secrets_in(inner, (*path, index))


def _sentence(error: ErrorDetails, annotation: Any) -> str:
    write = _SENTENCES.get(error["type"])
    return write(error, annotation) if write else error["msg"]


def _literal(error: ErrorDetails, annotation: Any) -> str:
    allowed = [
        str(value)
        for member in _members(annotation)
        if get_origin(_unannotated(member)) is Literal
        for value in get_args(_unannotated(member))
    ]
    given = error["input"]
    listed = ", ".join(quoted(value) for value in allowed)
    if not isinstance(given, str | int | float):
        return f"write one of: {listed}"
    text = written(given)
    return f"{quoted(text)} is not allowed here; allowed: {listed}{did_you_mean(text, allowed)}"


def _text(error: ErrorDetails, _annotation: Any) -> str:
    given = error["input"]
    if isinstance(given, str | int | float):
        return f"write text, that is, put it in quotes: {json.dumps(written(given))}"
    return f"write one text here, not {_shape_of(given)}"


def _integer(error: ErrorDetails, _annotation: Any) -> str:
    return f"write a whole number without quotes, not {_shown(error['input'])}"


def _boolean(error: ErrorDetails, _annotation: Any) -> str:
    return f"write true or false without quotes, not {_shown(error['input'])}"


def _list(error: ErrorDetails, _annotation: Any) -> str:
    return f"write a list, one `- …` a line or […, …], not {_shown(error['input'])}"


def _mapping(error: ErrorDetails, annotation: Any) -> str:
    keys = keys_of(annotation)
    below = (
        f"write keys below it ({', '.join(keys)})" if keys else "write keys with values below it"
    )
    return f"{below}, not {_shown(error['input'])}"


def _bound(error: ErrorDetails, _annotation: Any) -> str:
    bounds: Mapping[str, Any] = error.get("ctx", {})
    allowed = f"at least {bounds['ge']}" if "ge" in bounds else f"at most {bounds['le']}"
    return f"{_shown(error['input'])} is not allowed here: {allowed}"


def _shown(given: Any) -> str:
    return shown(given) if isinstance(given, str) else _shape_of(given)


def _shape_of(given: Any) -> str:
    if isinstance(given, dict):
        return "keys with values"
    return "a list" if isinstance(given, list) else written(given)


def _raised(error: ErrorDetails, _annotation: Any) -> str:
    return str(cast("Mapping[str, Any]", error.get("ctx", {}))["error"])


_SENTENCES: dict[str, Callable[[ErrorDetails, Any], str]] = {
    "literal_error": _literal,
    "string_type": _text,
    "int_type": _integer,
    "bool_type": _boolean,
    "list_type": _list,
    "dict_type": _mapping,
    "model_type": _mapping,
    "greater_than_equal": _bound,
    "less_than_equal": _bound,
    "too_short": lambda _error, _annotation: "give at least one",
    "value_error": _raised,
}
