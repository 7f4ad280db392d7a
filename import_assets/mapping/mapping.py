"""Records to typed rows and rejects: the way of one block through an import's rules.

M005, M033-M046, M055, M057-M063, M079, D18-D20, D31, D35.
"""

from __future__ import annotations

import json
from collections.abc import Mapping as Kinds
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import polars as pl

from import_assets.errors import FileRefused
from import_assets.mapping.columns import FileColumn, Layout, lay_out
from import_assets.mapping.consents import Consents
from import_assets.mapping.conventions.values import with_pipes
from import_assets.mapping.faults import FaultLog
from import_assets.mapping.identifiers import IdRules
from import_assets.mapping.lists import list_parser
from import_assets.mapping.localtime import Zone
from import_assets.mapping.parsing import Parser, Why, evaluate
from import_assets.mapping.typed import NATURAL, Direct, direct
from import_assets.mapping.types import check_static, parser
from import_assets.records import ColumnKind, Records, as_text
from import_assets.spec.models import (
    CATALOG_IDS,
    AttributeType,
    CatalogKind,
    Column,
    EventsKind,
    ImportSpec,
    ProjectSpec,
    VouchersKind,
)

ROW = "_row"
TIMESTAMP = "_timestamp"
UPDATED = "_updated"
ATTRIBUTE_PREFIX = "attr:"

_LIST_GROWTH = 9
"""A list's JSON text has at most nine bytes for each byte of its cell (one byte escaped as six,
quotes and a comma around it), and a few more for the brackets."""


@dataclass(frozen=True)
class Attribute:
    """An attribute that a delivery carries.

    One that is made of an identifier's column is `identifying`: its empty cells stand for an
    identifier that is absent, and blank nothing (D18). One that is `excluded` tells no events
    apart (D25).
    """

    name: str
    type: AttributeType
    identifying: bool = False
    excluded: bool = False


@dataclass(frozen=True)
class Mapped:
    """A block after mapping: every record is in one of the two frames.

    `rows` has `_row` (Int64, record number), `id:<kind>` (String, null = absent) for each
    identifier, `_timestamp` (naive UTC, for events) or `_updated` (naive UTC, for customers whose
    import has an update timestamp; null = none given), and `attr:<name>` for each attribute, typed.
    `rejects` has the columns `import_assets.records.REJECTS`, sorted by record, and includes those
    of the format. `refused` has `_row` and the identifiers of those that the mapping refused.
    """

    rows: pl.DataFrame
    rejects: pl.DataFrame
    refused: pl.DataFrame


@dataclass(frozen=True)
class _Typed:
    """A column of the file with its parser; `output` names it in the frame of rows.

    `direct` takes over cells that are typed already, what it leaves goes to the parser as text.
    """

    output: str
    column: str
    place: int
    parser: Parser
    direct: Direct | None = None

    def expression(self, texts: pl.DataFrame, taken: Kinds[str, pl.Series]) -> pl.Expr:
        """The first reading of the cells, as typed as it gets."""
        if self.output in taken:
            return pl.lit(taken[self.output])
        return self.parser.expression(texts[self.column])


@dataclass(frozen=True)
class _Static:
    """An attribute with the same value in each row."""

    output: str
    value: Any
    dtype: pl.DataType


_ALL_TEXT: Kinds[str, ColumnKind] = {}

# M057
_NO_TIMESTAMP = Why(
    "missing_timestamp", "The event has no time; fill it in: events are kept by time."
)


@dataclass(frozen=True)
class Mapping:
    """The rules of one import, applied to the columns of one file.

    `attributes` are those that the delivery carries, in order of the file's columns and then of
    the static ones; `identifiers` the kinds present, in order of priority; `missing` the columns
    that the definition names and the file lacks (their attributes are not touched, M042, D18);
    `unmapped` the columns of the file without a rule (attributes of their own name, of type text
    unless they came typed, or, for vouchers, ignored).
    """

    attributes: tuple[Attribute, ...]
    identifiers: tuple[str, ...]
    missing: tuple[str, ...]
    unmapped: tuple[str, ...]
    _ids: IdRules
    _timestamp: _Typed | None
    _typed: tuple[_Typed, ...]
    _statics: tuple[_Static, ...]
    _value_limit: int | None
    _consents: Consents | None

    @classmethod
    def build(
        cls,
        spec: ImportSpec,
        project: ProjectSpec,
        timezone: str,
        header: Sequence[str],
        file: str,
        *,
        kinds: Kinds[str, ColumnKind] = _ALL_TEXT,
        declared: Kinds[str, ColumnKind] = _ALL_TEXT,
    ) -> Self:
        """Fit an import's rules to the header of a file, or to the columns of a query.

        Args:
            spec: the import; its formats and identifiers are checked already.
            project: gives the identifiers and limits.
            timezone: IANA name of the zone of times without an offset.
            header: names of the file's columns, as in `Records.frame`.
            file: name of the file, for errors.
            kinds: what the cells of columns are, by the names of `header`; text where left out.
            declared: what columns are by their database, whatever some of their cells are; it says
                the type of attributes that no rule says.

        Raises:
            FileRefused: `no_identifier_column`, `no_timestamp_column`, `bad_column_name`,
                `bad_static_value`, or for consents `no_consent_column` or `bad_consent_type`.
        """
        layout = lay_out(with_pipes(spec), project, header, file)
        zone = Zone(timezone)
        said: dict[str, ColumnKind] = {**kinds, **declared}
        limit = project.limits.catalog_value_bytes if isinstance(spec.kind, CatalogKind) else None
        statics = tuple(_static(rule, zone, limit, file) for rule in layout.statics)
        attributes = _attributes(layout, said)
        consents = None
        if isinstance(spec.kind, EventsKind) and spec.kind.is_consent:
            types: dict[str, AttributeType] = {one.name: one.type for one in attributes}
            values = {one.output.removeprefix(ATTRIBUTE_PREFIX): one.value for one in statics}
            consents = Consents.build(layout, types, values, zone, file)
        return cls(
            attributes=attributes,
            identifiers=tuple(column.kind for column in layout.ids),
            missing=layout.missing,
            unmapped=layout.unmapped,
            _ids=_id_rules(spec, project, layout),
            _timestamp=_timestamp(layout, zone, kinds),
            _typed=_typed_columns(layout, zone, kinds, said),
            _statics=statics,
            _value_limit=limit,
            _consents=consents,
        )

    def apply(self, records: Records, log: FaultLog | None = None) -> Mapped:
        """Type a block of records; the same records always give the same frames.

        `log` holds what was found wrong with them before.
        """
        timestamps = [self._timestamp] if self._timestamp else []
        read = [*timestamps, *self._typed]
        taken = _taken(read, records.frame)
        frame = self._texts(records.frame, read, taken)
        ids = [column.value() for column in self._ids.columns]
        typed = (column.expression(frame, taken).alias(column.output) for column in read)
        block = evaluate(frame, [*ids, *typed])
        log = log or FaultLog()
        self._ids.check(block, frame, log)
        columns = [
            records.record.cast(pl.Int64).alias(ROW),
            *(block[column.name] for column in self._ids.columns),
            *(
                self._if_present(column, _finish(column, block, frame, log), block)
                for column in read
            ),
        ]
        if self._timestamp and self._timestamp.output == TIMESTAMP:
            _check_timestamps(self._timestamp, frame, log)
        if self._value_limit is not None:
            first = len(columns) - len(self._typed)
            sizes = _largest(frame)
            for column, values in zip(self._typed, columns[first:], strict=True):
                if (
                    sizes.get(column.column, self._value_limit) * _LIST_GROWTH + 8
                    > self._value_limit
                ):
                    _check_size(column, values, frame[column.column], self._value_limit, log)
        if self._consents is not None:
            named = {values.name.removeprefix(ATTRIBUTE_PREFIX): values for values in columns}
            self._consents.check(named, frame, log)
        return self._divide(records, pl.DataFrame(columns), log)

    def _if_present(self, column: _Typed, values: pl.Series, block: pl.DataFrame) -> pl.Series:
        """Leave out of an identifier's attribute what is no identifier: white space only (D18)."""
        own = next((one.name for one in self._ids.columns if one.column == column.column), None)
        if own is None or not block[own].null_count():
            return values
        return pl.select(pl.when(block[own].is_not_null()).then(values)).to_series()

    def _texts(
        self, frame: pl.DataFrame, columns: Sequence[_Typed], taken: Kinds[str, pl.Series]
    ) -> pl.DataFrame:
        """Turn into text what was not taken over whole, and what is looked at as text."""
        done = {
            column.column
            for column in columns
            if column.output in taken
            and taken[column.output].null_count() == frame[column.column].null_count()
            and (self._value_limit is None or not isinstance(frame[column.column].dtype, pl.List))
        }
        done -= {column.column for column in self._ids.columns}
        typed = {name for name, dtype in frame.schema.items() if dtype != pl.String} - done
        return frame.with_columns(as_text(frame[name]) for name in typed) if typed else frame

    def _divide(self, records: Records, rows: pl.DataFrame, log: FaultLog) -> Mapped:
        rejects = records.rejects
        refused = rows.select(ROW, *(column.name for column in self._ids.columns)).clear()
        if not log.is_empty:
            bad, own = log.rejects(records)
            keep = pl.repeat(True, rows.height, dtype=pl.Boolean(), eager=True).scatter(bad, False)
            refused = rows.filter(~keep).select(refused.columns)
            rows = rows.filter(keep)
            rejects = pl.concat([rejects, own]) if rejects.height else own
        rows = rows.with_columns(
            pl.Series(static.output, [static.value], dtype=static.dtype).new_from_index(
                0, rows.height
            )
            for static in self._statics
        )
        return Mapped(rows, rejects.sort("record", maintain_order=True), refused)


# --- build --------------------------------------------------------------------------------------


def _attributes(layout: Layout, kinds: Kinds[str, ColumnKind]) -> tuple[Attribute, ...]:
    return (
        *(
            Attribute(
                column.attribute or "",
                _type(column, kinds),
                column.identifying,
                excluded=column.rule is not None and column.rule.exclude_from_dedup,
            )
            for column in layout.attributes
        ),
        *(
            Attribute(rule.to or "", rule.type, excluded=rule.exclude_from_dedup)
            for rule in layout.statics
        ),
    )


def _id_rules(spec: ImportSpec, project: ProjectSpec, layout: Layout) -> IdRules:
    kinds = [column.kind for column in layout.ids]
    what = "customer ID"
    if isinstance(spec.kind, CatalogKind):
        kinds, what = [CATALOG_IDS[0]], "item ID"
    elif isinstance(spec.kind, VouchersKind):
        what = "voucher code"
    return IdRules(layout.ids, kinds, what, project.limits.id_bytes)


def _type(column: FileColumn, kinds: Kinds[str, ColumnKind]) -> AttributeType:
    """Return the type that the rule says, or else the one that the cells have."""
    rule = column.rule
    if rule is not None and ("type" in rule.model_fields_set or rule.format is not None):
        return rule.type
    return NATURAL[kinds.get(column.name, "text")]


def _timestamp(layout: Layout, zone: Zone, kinds: Kinds[str, ColumnKind]) -> _Typed | None:
    column = layout.timestamp
    if column is None or column.rule is None:
        return None
    output = TIMESTAMP if column.rule.timestamp else UPDATED
    return _typed_column(column, output, "datetime", zone, kinds)


def _typed_columns(
    layout: Layout, zone: Zone, kinds: Kinds[str, ColumnKind], said: Kinds[str, ColumnKind]
) -> tuple[_Typed, ...]:
    return tuple(
        _typed_column(
            column, f"{ATTRIBUTE_PREFIX}{column.attribute}", _type(column, said), zone, kinds
        )
        for column in layout.attributes
    )


def _typed_column(
    column: FileColumn,
    output: str,
    type_: AttributeType,
    zone: Zone,
    kinds: Kinds[str, ColumnKind],
) -> _Typed:
    kind = kinds.get(column.name, "text")
    # How texts are written says nothing about cells that were never texts.
    is_text = kind in ("text", "json", "element")
    written = column.rule.format if column.rule and is_text else None
    single = kind == "element" and type_ == "list"
    return _Typed(
        output,
        column.name,
        column.place,
        list_parser(written, single=True) if single else parser(type_, written, zone),
        direct(kind, type_, zone),
    )


def _static(rule: Column, zone: Zone, limit: int | None, file: str) -> _Static:
    if fault := check_static(rule, zone.name):
        raise FileRefused(file, "bad_static_value", f"static column {rule.to!r}: {fault}")
    found = parser(rule.type, rule.format, zone)
    value = found.one(rule.value or "")
    if limit is not None and _text_bytes(value) > limit:
        raise FileRefused(
            file,
            "bad_static_value",
            f"static column {rule.to!r}: the value has more than {limit} bytes; shorten it",
        )
    return _Static(f"{ATTRIBUTE_PREFIX}{rule.to}", value, found.dtype)


# --- apply --------------------------------------------------------------------------------------


def _taken(columns: Sequence[_Typed], frame: pl.DataFrame) -> dict[str, pl.Series]:
    """Take over the cells that are typed already, by output; null where they are not taken."""
    return {
        column.output: column.direct(frame[column.column])
        for column in columns
        if column.direct is not None
    }


def _finish(column: _Typed, block: pl.DataFrame, frame: pl.DataFrame, log: FaultLog) -> pl.Series:
    raw = frame[column.column]
    typed, bad = column.parser.finish(raw, block[column.output])
    if bad is not None:
        log.add(bad, column.parser.explain, place=column.place, column=column.column, raw=raw)
    return typed


def _check_timestamps(column: _Typed, frame: pl.DataFrame, log: FaultLog) -> None:
    raw = as_text(frame[column.column])
    blank = raw.is_null() | (raw.str.strip_chars() == "")
    if blank.any():
        log.add(blank, _NO_TIMESTAMP, place=column.place, column=column.column, raw=raw)


def _largest(frame: pl.DataFrame) -> dict[str, int]:
    """Return the bytes of the longest text of each column of texts."""
    texts = [name for name, dtype in frame.schema.items() if dtype == pl.String]
    found = evaluate(
        pl.DataFrame([frame[name].alias(str(at)) for at, name in enumerate(texts)]),
        [pl.all().str.len_bytes().max()],
    )
    return {name: found[str(at)][0] or 0 for at, name in enumerate(texts)}


def _check_size(
    column: _Typed, values: pl.Series, raw: pl.Series, limit: int, log: FaultLog
) -> None:
    """Note values of a catalog that have too many bytes, lists as JSON text (M079, D35)."""
    if values.dtype == pl.String:
        too_long = values.str.len_bytes() > limit
    elif isinstance(values.dtype, pl.List):
        doubtful = (raw.str.len_bytes() * _LIST_GROWTH + 8 > limit).arg_true()
        sizes = [_text_bytes(items) > limit for items in values.gather(doubtful).to_list()]
        too_long = pl.repeat(False, len(values), dtype=pl.Boolean(), eager=True).scatter(
            doubtful, pl.Series(sizes, dtype=pl.Boolean)
        )
    else:
        return
    if too_long.any():
        why = Why(
            "value_too_long",
            f"A value of a catalog has at most {limit} bytes in UTF-8, a list as JSON; "
            "shorten or split it.",
        )
        log.add(too_long, why, place=column.place, column=column.column, raw=raw)


def _text_bytes(value: Any) -> int:
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, list):
        return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
    return 0
