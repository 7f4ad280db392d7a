"""Values as Emarsys keeps them, before their types are read (M125, M126, M127, M131, D50).

Only what a rule changes is changed: several values lose the white space around pipes and empty
ones among them, categories get one space on either side of `>`, and dates of contacts that can mean
one day only are turned into ISO dates. Names, numbers and URLs stay as they are written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import polars as pl

from import_assets.mapping.conventions.roles import Roles
from import_assets.mapping.parsing import WHITE_SPACE, evaluate
from import_assets.records import Records
from import_assets.spec.models import Column, CustomersKind, ImportSpec

LIST_SEPARATOR = "|"

_SLASHED = r"^([0-9]{2})/([0-9]{2})/([0-9]{4})$"
_MONTHS = 12


def with_pipes(spec: ImportSpec) -> ImportSpec:
    """Return an import whose lists are separated by pipes where it does not say how (M125)."""
    if spec.conventions is None:
        return spec
    return spec.model_copy(update={"columns": [_with_pipe(rule) for rule in spec.columns]})


def _with_pipe(rule: Column) -> Column:
    if rule.type != "list" or rule.format is not None or rule.from_ is None:
        return rule
    return rule.model_copy(update={"format": LIST_SEPARATOR})


def as_kept(records: Records, roles: Roles, spec: ImportSpec) -> Records:
    """Return records with their values as Emarsys keeps them."""
    changes = list(_changes(records.frame, roles, spec))
    if not changes:
        return records
    return replace(records, frame=records.frame.with_columns(changes))


def _changes(frame: pl.DataFrame, roles: Roles, spec: ImportSpec) -> Iterator[pl.Series]:
    rules = {(rule.from_ or "").strip(): rule for rule in spec.columns}
    contacts = isinstance(spec.kind, CustomersKind)
    for name, role in roles.by_name.items():
        rule = rules.get(name.strip())
        type_ = "text" if rule is None else rule.type
        if role == "category":
            yield from _changed(frame[name], r"[|>]", _levels, is_list=type_ == "list")
        elif role == "values" and type_ != "list":
            yield from _changed(frame[name], r"\|", _values)
        elif contacts and role == "text" and type_ in ("date", "datetime"):
            yield from _changed(frame[name], _SLASHED, _day)


def _changed(
    cells: pl.Series, pattern: str, change: Callable[[pl.Expr], pl.Expr], *, is_list: bool = False
) -> Iterator[pl.Series]:
    """Yield the cells with those changed that match a pattern, if there are any."""
    which = cells.str.contains(pattern)
    if is_list:
        which &= ~cells.str.starts_with("[")  # what begins so may be JSON
    if which.any():
        rows = which.fill_null(value=False).arg_true()
        chosen = cells.gather(rows).alias("cell").to_frame()
        changed = evaluate(chosen, [change(pl.col("cell"))]).to_series()
        yield cells.scatter(rows, changed)


def _levels(cell: pl.Expr) -> pl.Expr:
    return _values(cell).str.replace_all(r"\s*>\s*", " > ")


def _values(cell: pl.Expr) -> pl.Expr:
    values = cell.str.replace_all(r"\s*\|[\s|]*", "|").str.strip_chars(WHITE_SPACE + "|")
    return pl.when(values != "").then(values)


def _day(cell: pl.Expr) -> pl.Expr:
    """The day that a date with slashes means, where it can mean one only (M131, D28)."""
    one, two, year = (cell.str.extract(_SLASHED, group) for group in (1, 2, 3))
    first, second = one.cast(pl.Int64), two.cast(pl.Int64)
    day_first = pl.concat_str([year, two, one], separator="-")
    month_first = pl.concat_str([year, one, two], separator="-")
    iso = (
        pl.when((first > _MONTHS) | (first == second))
        .then(day_first)
        .when(second > _MONTHS)
        .then(month_first)
    )
    return (
        pl.when(iso.str.to_date("%Y-%m-%d", strict=False).is_not_null()).then(iso).otherwise(cell)
    )
