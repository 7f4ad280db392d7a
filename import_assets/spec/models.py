"""What the user writes, as strict models: one import a file, one project file (design of the YAML).

Models say what is allowed in one document. What needs more than one document (identifiers,
connections, attribute types shared by imports) is checked in `import_assets.spec.agreement`.

The description of each field is what users read: in the JSON Schema, in their editor and in the
reference of definitions. Rule ids therefore stand in comments and docstrings, not there.
"""

from __future__ import annotations

import datetime as dt
import difflib
import re
import zoneinfo
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from import_assets.spec.base import LocalPath, StrictModel
from import_assets.spec.connections import Connection
from import_assets.spec.formats import CsvFormat, Format
from import_assets.spec.misfits import DocumentPath, Misfit, refuse
from import_assets.spec.names import (
    AttributeName,
    PoolName,
    TableName,
    attribute_name_fault,
)
from import_assets.spec.scalars import shown, written
from import_assets.spec.sources import Source

AttributeType = Literal[
    "text", "long text", "number", "integer", "boolean", "date", "datetime", "list", "url", "json"
]
"""The data types of attributes (M036, b.3)."""

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

CatalogMode = Literal["partial", "replace", "full"]
"""What a file says of what it does not have (b.7): nothing, of its items all, of all items all."""

_EMARSYS_CSV = {
    "delimiter": ",",
    "encoding": "utf-8",
    "trim": True,
    "line_breaks": "reject",
    "duplicate_headers": "refuse",
}


def emarsys_csv(said: CsvFormat, *, contacts: bool) -> CsvFormat:
    """Return how CSV is written by the conventions of Emarsys where `said` leaves it open.

    M114, M116, M118, M121, b.8; M135: what is said goes before. The delimiter of contacts is found
    in the file, since they may take others.
    """
    usual = {name: value for name, value in _EMARSYS_CSV.items() if name != "delimiter"}
    update = usual if contacts else _EMARSYS_CSV
    left_open = {name: update[name] for name in update if name not in said.model_fields_set}
    return said.model_copy(update=left_open)


MAX_SEARCHABLE = 20
MAX_DROP = "20%"
"""By what share the number of a catalog's items may drop, unless the definition says otherwise."""

CONSENT = ("events", "consent")
"""The table of the events that say what customers agree to (b.5)."""

CONSENT_TYPES: dict[str, tuple[AttributeType, ...]] = {
    "action": ("text",),
    "category": ("text",),
    "valid_until": ("text", "datetime"),
}
"""The attributes of consents that have a meaning, and the types that can have it (b.5)."""

CATALOG_IDS = ("item_id", "product_id")
VOUCHER_ID = "code"

_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9]"
_DAGSTERS_OWN = ("io_manager",)
"""What Dagster calls a resource of its own; connections are resources too."""

_IDENTIFIER = "[a-z][a-z0-9_]{0,62}"
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_SHARE = r"(100(\.0+)?|[0-9]{1,2}(\.[0-9]+)?)%"
TIME_PATTERN = rf"^{_TIME}$"
SHARE_PATTERN = rf"^{_SHARE}$"
# What Dagster takes for an owner; anything else would take the whole code location down.
_OWNER = r"team:.+|[A-Za-z0-9_][A-Za-z0-9._%+-]*@[A-Za-z0-9.-]+\.[A-Za-z]{2,7}"

# Files in the time zone database that are no zones of their own, or differ from machine to machine.
_NO_ZONES = ("posix/", "right/", "localtime", "posixrules", "Factory")


def _check_timezone(name: str) -> str:
    try:
        zoneinfo.ZoneInfo(name)
        known = not name.startswith(_NO_ZONES)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        known = False
    if not known:
        raise ValueError(
            f"unknown time zone {shown(name)}: write an IANA name such as Europe/Bratislava or UTC"
            + _similar_zone(name)
        )
    return name


def _similar_zone(name: str) -> str:
    zones = {zone.lower(): zone for zone in zoneinfo.available_timezones()}
    close = difflib.get_close_matches(name.lower()[:60], zones, n=1, cutoff=0.75)
    return f"; did you mean {zones[close[0]]}?" if close else ""


def _check_time(value: Any) -> Any:
    text = written(value) if isinstance(value, int | float) else value
    if isinstance(text, str) and not re.fullmatch(_TIME, text):
        raise ValueError(
            f"{shown(text)} is not a time of day: write it as HH:MM on a 24-hour clock, such as "
            + _padded(text)
        )
    return text


def _padded(text: str) -> str:
    hour_and_minute = re.fullmatch(r"([0-9]):?([0-5][0-9])", text)
    return f'"{int(hour_and_minute[1]):02}:{hour_and_minute[2]}"' if hour_and_minute else '"07:30"'


def _check_share(value: Any) -> Any:
    text = written(value) if isinstance(value, int | float) else value
    if isinstance(text, str) and not re.fullmatch(_SHARE, text):
        raise ValueError(
            f"{shown(text)} is not a share: write a percentage from 0% to 100%, such as 5% or 0.5%"
        )
    return text


def _check_day(value: Any) -> Any:
    if isinstance(value, dt.date):
        return value
    text = written(value) if isinstance(value, int | float) else value
    if not isinstance(text, str):
        raise ValueError("write a day as YYYY-MM-DD, such as 2027-01-31")  # noqa: TRY004 pydantic
    if not re.fullmatch(_DAY, text):
        raise ValueError(f"{shown(text)} is not a day: write it as YYYY-MM-DD, such as 2027-01-31")
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{shown(text)} is not a day of the calendar") from None


def _check_month_day(value: Any) -> Any:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if value != "last" and not (whole and 1 <= value <= 31):
        raise ValueError("write a day of the month, 1 to 31 without quotes, or last")
    return value


def _check_owner(text: str) -> str:
    if not re.fullmatch(_OWNER, text):
        raise ValueError(f"{shown(text)} is not an owner: write an e-mail address or team:NAME")
    return text


def _twice(values: list[Any], path: DocumentPath = ()) -> Iterator[Misfit]:
    """Yield a misfit for each value of a list that stood before."""
    seen: set[Any] = set()
    for index, value in enumerate(values):
        if value in seen:
            yield Misfit((*path, index), f"{shown(written(value))} is listed twice")
        seen.add(value)


def _check_distinct(values: list[Any]) -> list[Any]:
    refuse(_twice(values))
    return values


TimezoneName = Annotated[str, AfterValidator(_check_timezone)]
TimeOfDay = Annotated[str, Field(pattern=TIME_PATTERN), BeforeValidator(_check_time)]
Share = Annotated[str, Field(pattern=SHARE_PATTERN), BeforeValidator(_check_share)]
Day = Annotated[dt.date, BeforeValidator(_check_day)]
MonthDay = Annotated[
    int | Literal["last"],
    BeforeValidator(_check_month_day),
    WithJsonSchema(
        {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 31}, {"const": "last"}]}
    ),
]
Owner = Annotated[str, AfterValidator(_check_owner)]
NotEmpty = Field(min_length=1, json_schema_extra={"uniqueItems": True})
Distinct = AfterValidator(_check_distinct)


# --- kind ---------------------------------------------------------------------------------------


class CustomersKind(StrictModel):
    """Rows are customers; each row updates the customer that its identifiers name (M004, M100)."""

    @property
    def table(self) -> tuple[str, ...]:
        """Parts of the table's name."""
        return ("customers",)


class EventsKind(StrictModel):
    """Rows are events of one type; append-only (M057, M064, M065)."""

    events: TableName = Field(
        description="The event type, which also names the table: events of one type only.",
        examples=["purchase"],
    )

    @property
    def table(self) -> tuple[str, ...]:
        """Parts of the table's name."""
        return ("events", self.events)

    @property
    def is_consent(self) -> bool:
        """Whether the events say what customers agree to (b.5)."""
        return self.events == CONSENT[1]


class CatalogKind(StrictModel):
    """Rows are items of a catalog, keyed by item_id (M071-M079)."""

    catalog: TableName = Field(
        description="The name of the catalog, which also names the table.", examples=["products"]
    )
    product: bool = Field(
        default=False,
        description="`true` for a catalog of products: its columns may hold `product_id` beside "
        "`item_id`, one product having several items.",
    )
    # M077, M078, D34
    searchable: list[AttributeName] = Field(
        default=[],
        description="The attributes that search and recommendations use, at most 20; `item_id` "
        "does not count. They are fixed by the first import of the catalog: to change them, "
        "import into a new catalog.",
        examples=[["title", "brand"]],
    )
    # M100, M101, b.7, D52
    mode: CatalogMode | None = Field(
        default=None,
        description="What a file says of items and columns that it does not have. `partial`: "
        "nothing, only its columns of its items change; `replace`: an item of the file becomes "
        "what the file says, columns that the file lacks become empty; `full`: the file is the "
        "whole catalog, and other items are removed. Left out: `partial`, and `full` under the "
        "conventions of Emarsys.",
    )
    max_drop: Share | None = Field(
        default=None,
        description=f"For `mode: full`: by what share of the items there now their number may "
        f"drop; a file that would take more away is refused. Left out: `{MAX_DROP}`.",
        examples=["50%"],
    )

    @property
    def table(self) -> tuple[str, ...]:
        """Parts of the table's name."""
        return ("catalogs", self.catalog)


class VouchersKind(StrictModel):
    """Rows are voucher codes of one pool (M080, D39)."""

    vouchers: PoolName = Field(
        description="The name of the pool, without white space. A code can be in one pool only.",
        examples=["SUMMER10"],
    )

    @property
    def table(self) -> tuple[str, ...]:
        """Parts of the table's name."""
        return ("vouchers", self.vouchers)


_KINDS = "write customers, {events: TYPE}, {catalog: NAME} or {vouchers: POOL}"
_KIND_WORDS = ("events", "catalog", "vouchers")


def _check_kind(value: Any) -> Any:
    if isinstance(value, dict):
        if "customers" in value:
            raise ValueError("write `kind: customers`, with nothing behind the word")
        known = any(word in value for word in _KIND_WORDS)
    elif isinstance(value, str):
        if value in _KIND_WORDS:
            raise ValueError(f"say which: `kind: {{{value}: NAME}}`")
        known = value == "customers"
    else:
        known = isinstance(value, CustomersKind | EventsKind | CatalogKind | VouchersKind)
    if not known:
        raise ValueError(_KINDS)
    return value


def _customers_from_word(value: Any) -> Any:
    return CustomersKind() if value == "customers" else value


def _kind_tag(value: Any) -> str | None:
    if isinstance(value, CustomersKind) or value == "customers":
        return "customers"
    for word in _KIND_WORDS:
        if (isinstance(value, dict) and word in value) or hasattr(value, word):
            return word
    return None


Kind = Annotated[
    Annotated[
        CustomersKind,
        BeforeValidator(_customers_from_word, json_schema_input_type=Literal["customers"]),
        Tag("customers"),
    ]
    | Annotated[EventsKind, Tag("events")]
    | Annotated[CatalogKind, Tag("catalog")]
    | Annotated[VouchersKind, Tag("vouchers")],
    Discriminator(_kind_tag, custom_error_type="kind", custom_error_message=_KINDS),
    BeforeValidator(_check_kind),
]


# --- columns ------------------------------------------------------------------------------------


class Column(StrictModel):
    """One rule for one column (M005, M031-M041, M057-M060)."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": ["from"]}, {"required": ["to", "value"]}]}
    )

    # Two aliases instead of one `alias`, which would make type checkers ask for `from` in Python.
    from_: str | None = Field(
        default=None,
        validation_alias="from",
        serialization_alias="from",
        description="The column's name in the file.",
        examples=["fn"],
    )
    # M032, M041
    to: AttributeName | None = Field(
        default=None,
        description="The attribute it becomes; left out, it keeps its name. With `id`, the "
        "identifier is kept as an attribute too.",
        examples=["first_name"],
    )
    # M034, M035, M061, M075
    id: str | None = Field(
        default=None,
        description="The identifier it holds: one of the project's for customers and events, "
        "`item_id` (or `product_id` in a catalog of products), `code` for vouchers. At least one "
        "column of an import has it.",
        examples=["registered"],
    )
    # M036
    type: AttributeType = Field(
        default="text",
        description="The attribute's data type; a table has one type per attribute. Left out: "
        "text, or, for a database or an analysis, the type that the column has there.",
    )
    format: str | None = Field(
        default=None,
        description="How values are written: strptime terms for dates, an example such as "
        "'1 234,50' for numbers, 'yes/no' for booleans, the separator for lists.",
        examples=["%d.%m.%Y", "1 234,50", "yes/no", "|"],
    )
    # M057, M058
    timestamp: bool = Field(
        default=False,
        description="`true`: the column holds the time of the event; every event needs one.",
    )
    # b.4
    update_timestamp: bool = Field(
        default=False,
        description="`true`, for customers: the column says when the row was true; an attribute is "
        "overwritten only by newer data.",
    )
    discard: bool = Field(default=False, description="`true`: the column is not imported.")
    # M005, M039
    value: str | None = Field(
        default=None,
        description="Instead of `from`: a new column with this value in every row.",
        examples=["crm"],
    )
    # D25
    exclude_from_dedup: bool = Field(
        default=False,
        description="`true`, for events: events that differ in this attribute alone are the same, "
        "as with the date of the import.",
    )

    @field_validator("value", mode="before", json_schema_input_type=str | float | bool)
    @classmethod
    def _value_as_text(cls, value: Any) -> Any:
        return written(value) if isinstance(value, bool | int | float) else value

    @model_validator(mode="after")
    def _one_rule(self) -> Self:
        refuse(self._misfits())
        return self

    def _misfits(self) -> Iterator[Misfit]:
        role, allowed = self._role
        for key in type(self).model_fields:
            if key not in allowed and self._says(key):
                yield Misfit((key.rstrip("_"),), f"{role} cannot also say `{key.rstrip('_')}`")
        if self.value is not None:
            if self.to is None:
                yield Misfit((), "a static `value` needs `to:`, the attribute it fills")
        elif self.from_ is None or not self.from_.strip():
            where = () if self.from_ is None else ("from",)
            yield Misfit(where, "say `from:` which column of the file, or give a static `value:`")
        elif self.attribute is not None and (fault := attribute_name_fault(self.attribute)):
            yield Misfit(("from",), f"{fault}; name the attribute with `to:`")

    @property
    def _role(self) -> tuple[str, frozenset[str]]:
        """What the rule makes of the column, and the keys that go with it."""
        if self.value is not None:
            return "a static value", frozenset(
                {"value", "to", "type", "format", "exclude_from_dedup"}
            )
        if self.discard:
            return "a discarded column", frozenset({"from_", "discard"})
        if self.timestamp:
            return "the timestamp", frozenset({"from_", "timestamp", "format"})
        if self.update_timestamp:
            return "the update timestamp", frozenset({"from_", "update_timestamp", "format"})
        if self.id is not None and self.to is None:
            return "an identifier without `to:`", frozenset({"from_", "id"})
        return "a column", frozenset({"from_", "to", "id", "type", "format", "exclude_from_dedup"})

    def _says(self, key: str) -> bool:
        """Tell whether the user wrote `key`; `false` and nothing are the same as leaving it out."""
        return key in self.model_fields_set and getattr(self, key) not in (None, False)

    @property
    def attribute(self) -> str | None:
        """The attribute that this rule fills, or None for a pure identifier, timestamp, discard."""
        if self.discard or self.timestamp or self.update_timestamp:
            return None
        if self.id is not None and self.to is None:
            return None
        return self.to or (self.from_ or "").strip()


def column_path(columns: Sequence[Column], index: int) -> DocumentPath:
    """Return where the rule at `index` names its attribute: at its `to`, or else at its `from`."""
    return ("columns", index, "to" if columns[index].to is not None else "from")


# --- run ----------------------------------------------------------------------------------------


class Weekly(StrictModel):
    """One time on several weekdays (M048)."""

    on: Annotated[list[Weekday], NotEmpty, Distinct] = Field(
        description="The weekdays.", examples=[["mon", "thu"]]
    )
    at: TimeOfDay = Field(description="The time of day.", examples=["07:30"])


class Monthly(StrictModel):
    """One time on several days of the month (M048)."""

    on: Annotated[list[MonthDay], NotEmpty, Distinct] = Field(
        description="The days: 1 to 31, or `last`.", examples=[[1, 15, "last"]]
    )
    at: TimeOfDay = Field(description="The time of day.", examples=["04:00"])
    # D11
    short_months: Literal["last_day", "skip"] = Field(
        default="last_day",
        description="A month without that day. `last_day`: it starts on the month's last "
        "day; `skip`: it does not start in that month.",
    )


class Run(StrictModel):
    """When the import starts by itself. At most one of the first four (M022, M048)."""

    on_new_file: bool = Field(
        default=False,
        description="`true`: the folder is looked at every five minutes, and new files are "
        "imported.",
    )
    daily: Annotated[list[TimeOfDay], NotEmpty, Distinct] | None = Field(
        default=None, description="Times of day.", examples=[["06:00", "12:30"]]
    )
    weekly: Weekly | None = Field(default=None, description="One time on several weekdays.")
    monthly: Monthly | None = Field(
        default=None, description="One time on several days of the month."
    )
    # M049
    until: Day | None = Field(
        default=None, description="The last day on which it starts.", examples=["2027-01-31"]
    )

    @model_validator(mode="after")
    def _at_most_one(self) -> Self:
        given = [
            word for word in ("on_new_file", "daily", "weekly", "monthly") if getattr(self, word)
        ]
        refuse(
            Misfit((word,), f"cannot stand beside {given[0]}: take one, or write a second import")
            for word in given[1:]
        )
        if self.until and not given:
            refuse([Misfit(("until",), "needs on_new_file, daily, weekly or monthly beside it")])
        return self

    @property
    def repeats(self) -> bool:
        """True where the clock starts the import."""
        return bool(self.daily or self.weekly or self.monthly)


BARE_WORDS: frozenset[DocumentPath] = frozenset(
    {
        *(("source", word) for word in ("storage", "paste", "upload", "url", "database")),
        ("format", "csv"),
        ("format", "xml"),
    }
)
"""Keys of an import that choose something even with nothing behind them: `paste:` is `paste: {}`.

`storage:` alone is wrong all the same, but for what is missing below it."""


# --- import -------------------------------------------------------------------------------------


class ImportSpec(StrictModel):
    """One import: what it brings, from where, and how columns become attributes."""

    kind: Kind = Field(
        description="What it brings: `customers`, `{events: TYPE}`, `{catalog: NAME}` or "
        "`{vouchers: POOL}`."
    )
    source: Source = Field(description="Where it comes from: exactly one of the sources.")
    format: Format = Field(default=Format(), description="How it is written.")
    timezone: TimezoneName | None = Field(
        default=None,
        description="IANA zone of times without an offset, and of `run`; the project's if left "
        "out.",
        examples=["Europe/Bratislava"],
    )
    columns: list[Column] = Field(
        min_length=1,
        description="One rule a column; a column of the file without a rule becomes a text "
        "attribute of its own name.",
    )
    # M044, D18, D19
    empty: Literal["overwrite", "keep"] | None = Field(
        default=None,
        description="An empty cell. `overwrite`: it blanks the stored value; `keep`: it leaves it "
        "as it is. Left out: `overwrite`, and `keep` for customers under the conventions of "
        "Emarsys. For events it always means that the attribute is left out.",
    )
    # M113-M138, D52
    conventions: Literal["emarsys"] | None = Field(
        default=None,
        description="`emarsys`: the file follows the CSV conventions of Emarsys for products "
        "(a catalog of products), sales (events) or contacts (customers), and records that break "
        "them are rejected.",
    )
    # M115
    contract: Literal["evolve", "warn", "freeze"] = Field(
        default="warn",
        description="What a change of the columns means, measured by those of the first delivery. "
        "`evolve`: new columns are agreed to as they come; `warn`: the import goes on, and its "
        "check warns; `freeze`: the delivery is refused. `import-assets agree` agrees to a change. "
        "A catalog takes new columns under `evolve` only.",
    )
    run: Run = Field(
        default=Run(), description="When it starts by itself: at most one way; left out, never."
    )
    warn_above: Share = Field(
        default="5%",
        description="Share of rejected records above which the check on rejects warns.",
    )
    fail_above: Share | None = Field(
        default=None,
        description="Share of rejected records above which a delivery is refused as a whole. Left "
        "out: however many are rejected, the others are imported.",
        examples=["20%"],
    )
    description: str | None = Field(
        default=None,
        description="Shown in the UI.",
        examples=["All customers, each night from the CRM"],
    )
    owners: list[Owner] = Field(
        default=[],
        description="E-mail addresses or team:NAME, shown in the UI.",
        examples=[["crm@example.com", "team:crm"]],
    )

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        refuse(
            [
                *self._run_misfits(),
                *self._column_misfits(),
                *self._kind_misfits(),
                *self._convention_misfits(),
                *self._share_misfits(),
            ]
        )
        return self

    def _run_misfits(self) -> Iterator[Misfit]:
        """Yield what the source cannot do by itself (M023, M047)."""
        source, run = self.source, self.run
        if (source.paste or source.upload) and run.repeats:
            word = next(word for word in ("daily", "weekly", "monthly") if getattr(run, word))
            yield Misfit(
                ("run", word), f"source {source.word} cannot repeat: nothing new comes by itself"
            )
        if not run.on_new_file:
            return
        if source.paste:
            yield Misfit(
                ("run", "on_new_file"), "source paste has no files to wait for: take it out"
            )
        elif source.feed is not None:
            yield Misfit(
                ("run", "on_new_file"),
                f"source {source.word} has no files to wait for: say daily, weekly or monthly",
            )
        elif source.storage is not None and source.storage.select == "all":
            yield Misfit(
                ("source", "storage", "select"),
                "all with on_new_file would import the whole folder again for each new file: "
                "take not_imported_yet",
            )

    def _column_misfits(self) -> Iterator[Misfit]:
        yield from self._identifier_misfits()
        yield from self._timestamp_misfits()
        yield from self._update_timestamp_misfits()
        yield from self._event_misfits()
        seen: set[str] = set()
        repeated: set[int] = set()
        for index, column in enumerate(self.columns):
            name = (column.from_ or "").strip()
            if name and name in seen:
                repeated.add(index)
                yield Misfit(
                    ("columns", index, "from"),
                    f"a second rule for the column {shown(name)}: write one",
                )
            seen.add(name)
        yield from self._attribute_misfits(repeated)

    def _identifier_misfits(self) -> Iterator[Misfit]:
        """Yield what is wrong with the identifiers (M034, M072, M075, D39)."""
        allowed = self.identifier_names
        seen: set[str] = set()
        for index, column in enumerate(self.columns):
            if column.id is None:
                continue
            where = ("columns", index, "id")
            if allowed is not None and column.id not in allowed:
                yield Misfit(
                    where, f"the identifier here is {' or '.join(allowed)}, not {shown(column.id)}"
                )
            elif column.id in seen:
                yield Misfit(
                    where, f"a second column for the identifier {shown(column.id)}: take one"
                )
            seen.add(column.id)
        if not seen:
            example = allowed[0] if allowed else "registered"
            yield Misfit(
                ("columns",),
                "say which column holds an identifier: at least one rule needs `id:`, such as "
                f"{{from: id, id: {example}}}",
            )

    def _timestamp_misfits(self) -> Iterator[Misfit]:
        """Events have one time, other kinds none (M057)."""
        stamps = [index for index, column in enumerate(self.columns) if column.timestamp]
        if not isinstance(self.kind, EventsKind):
            for index in stamps:
                yield Misfit(
                    ("columns", index, "timestamp"),
                    "belongs to events only: say `type: datetime` to keep the column as a time",
                )
            return
        if not stamps:
            yield Misfit(
                ("columns",),
                "say which column holds the time of the event: one rule needs `timestamp: true`",
            )
        for index in stamps[1:]:
            yield Misfit(
                ("columns", index, "timestamp"),
                "a second timestamp: say `type: datetime` to keep the column as a time",
            )

    def _update_timestamp_misfits(self) -> Iterator[Misfit]:
        """Customers have one time of their update at most, other kinds none (b.4)."""
        stamps = [index for index, column in enumerate(self.columns) if column.update_timestamp]
        if not isinstance(self.kind, CustomersKind):
            for index in stamps:
                yield Misfit(
                    ("columns", index, "update_timestamp"),
                    "belongs to customers only: say `type: datetime` to keep the column as a time",
                )
            return
        for index in stamps[1:]:
            yield Misfit(
                ("columns", index, "update_timestamp"),
                "a second update timestamp: say `type: datetime` to keep the column as a time",
            )

    def _event_misfits(self) -> Iterator[Misfit]:
        """Yield what belongs to events only, and types that consents cannot have (D25, b.5)."""
        if not isinstance(self.kind, EventsKind):
            for index, column in enumerate(self.columns):
                if column.exclude_from_dedup:
                    yield Misfit(
                        ("columns", index, "exclude_from_dedup"),
                        "belongs to events only: take it out",
                    )
            return
        if not self.kind.is_consent:
            return
        for index, column in enumerate(self.columns):
            allowed = CONSENT_TYPES.get(column.attribute or "")
            if allowed is not None and self.says_type(column) and column.type not in allowed:
                yield Misfit(
                    ("columns", index, "type"),
                    f"{column.attribute!r} of a consent is {' or '.join(allowed)}, not "
                    f"{column.type}",
                )

    def _attribute_misfits(self, repeated: set[int]) -> Iterator[Misfit]:
        vouchers = isinstance(self.kind, VouchersKind)
        reserved = {name.lower() for name in self.reserved_names}
        seen: dict[str, str] = {}
        for index, column in enumerate(self.columns):
            name = column.attribute
            if name is None or index in repeated:
                continue
            where = column_path(self.columns, index)
            folded = name.lower()
            if vouchers:
                # D39
                yield Misfit(where[:2], "vouchers take one column only, the one with `id: code`")
            elif folded in reserved:
                yield Misfit(
                    where, f"{name!r} is a column of the table itself: rename it with `to:`"
                )
            elif seen.get(folded) == name:
                yield Misfit(where, f"a second column for the attribute {name!r}: take one")
            elif folded in seen:
                yield Misfit(
                    where, f"{name!r} and {seen[folded]!r} differ only by case: rename one"
                )
            seen.setdefault(folded, name)

    def _kind_misfits(self) -> Iterator[Misfit]:
        """Yield what is wrong with the settings of a catalog."""
        if isinstance(self.kind, CatalogKind):
            yield from self._searchable_misfits(self.kind)
            yield from self._mode_misfits(self.kind)

    def _mode_misfits(self, kind: CatalogKind) -> Iterator[Misfit]:
        """Yield what does not go with the mode of a catalog (b.7, D52)."""
        if self.catalog_mode != "full":
            if kind.max_drop is not None:
                yield Misfit(("kind", "max_drop"), "needs `mode: full` beside it")
            return
        storage = self.source.storage
        if storage is not None and storage.select == "all" and not storage.pattern.is_exact:
            yield Misfit(
                ("source", "storage", "select"),
                "with `mode: full` each file is the whole catalog and replaces the one before: "
                "take last_modified or last_alphabetically, or name one file in `files`",
            )
        database = self.source.database
        if database is not None and database.cursor is not None:
            yield Misfit(
                ("source", "database", "cursor"),
                "gives new rows only, which `mode: full` would take for the whole catalog: take "
                "it out, or `mode: replace`",
            )

    def _searchable_misfits(self, kind: CatalogKind) -> Iterator[Misfit]:
        """Yield what is wrong with the searchable attributes (M078, D34)."""
        path = ("kind", "searchable")
        searchable = kind.searchable
        yield from _twice(searchable, path)
        counted = len(set(searchable) - {CATALOG_IDS[0]})
        if counted > MAX_SEARCHABLE:
            yield Misfit(path, f"{counted} searchable attributes: at most {MAX_SEARCHABLE}")
        renamed = {(column.from_ or "").strip(): column for column in self.columns if column.from_}
        attributes = {column.attribute for column in self.columns}
        for index, name in enumerate(searchable):
            column = renamed.get(name)
            # A name that no rule knows can still be a column of the file that keeps its name.
            if name in attributes or name in CATALOG_IDS or column is None:
                continue
            fate = f"becomes {column.attribute!r}" if column.attribute else "is no attribute"
            yield Misfit((*path, index), f"{name!r} {fate} by its rule in `columns`")

    def _share_misfits(self) -> Iterator[Misfit]:
        """Yield a limit for refusing that is below the one for warning."""
        if self.fail_above is not None and _share(self.fail_above) < _share(self.warn_above):
            yield Misfit(
                ("fail_above",),
                f"is below warn_above, which is {self.warn_above}: a delivery would be refused "
                "before the check warns; raise it, or lower warn_above",
            )

    def _convention_misfits(self) -> Iterator[Misfit]:
        """Yield what the conventions of Emarsys do not go with (M114, M120, D52)."""
        if self.conventions is None:
            return
        where, kinds = ("conventions",), "contacts (customers), sales (events) and products"
        if isinstance(self.kind, VouchersKind):
            yield Misfit(where, f"emarsys is for {kinds}, not for vouchers: take it out")
        elif isinstance(self.kind, CatalogKind) and not self.kind.product:
            yield Misfit(
                where, f"emarsys is for {kinds}: say `product: true` of the catalog, or take it out"
            )
        if self.source.database is not None or self.source.analysis is not None:
            yield Misfit(where, f"emarsys is for files: source {self.source.word} gives rows")
        if self.format.xml is not None:
            yield Misfit(where, "emarsys is for CSV: take it out, or `xml` in `format`")
        csv = self.format.csv or CsvFormat()
        if csv.encoding not in (None, "utf-8"):
            yield Misfit(
                ("format", "csv", "encoding"), "files of Emarsys are in utf-8: save them so"
            )
        for key, said in (("header", not csv.header), ("skip_lines", csv.skip_lines)):
            if said:
                yield Misfit(
                    ("format", "csv", key),
                    "the first line of a file of Emarsys names the columns: take this out",
                )

    def says_type(self, column: Column) -> bool:
        """Tell whether the type of a column's attribute is known from the definition alone.

        What comes from a database or an analysis is typed; a rule may leave that as it is.
        """
        typed = self.source.database is not None or self.source.analysis is not None
        return not typed or column.value is not None or "type" in column.model_fields_set

    @property
    def csv(self) -> CsvFormat:
        """How CSV is written: as the definition says, and else as its conventions do."""
        said = self.format.csv or CsvFormat()
        if self.conventions is None:
            return said
        return emarsys_csv(said, contacts=isinstance(self.kind, CustomersKind))

    @property
    def by(self) -> Literal["version", "name"]:
        """What makes a file a new one (D01): as the source says, or its conventions do.

        To Emarsys a sales file of the same name is the same file (b.8).
        """
        storage = self.source.storage
        if storage is not None and "by" in storage.model_fields_set:
            return storage.by
        sales = self.conventions is not None and isinstance(self.kind, EventsKind)
        return "name" if sales else "version"

    @property
    def empty_cells(self) -> Literal["overwrite", "keep"]:
        """What an empty cell does: as the definition says, or its conventions do (D18)."""
        if self.empty is not None:
            return self.empty
        contacts = self.conventions is not None and isinstance(self.kind, CustomersKind)
        return "keep" if contacts else "overwrite"

    @property
    def catalog_mode(self) -> CatalogMode:
        """What a file says of what it does not have: as the definition says, or its conventions do.

        To Emarsys a file of products is the whole catalog (b.8, D52). `partial` for other kinds.
        """
        if not isinstance(self.kind, CatalogKind):
            return "partial"
        return self.kind.mode or ("full" if self.conventions is not None else "partial")

    @property
    def max_drop(self) -> Decimal:
        """By how many percent the number of a catalog's items may drop."""
        said = self.kind.max_drop if isinstance(self.kind, CatalogKind) else None
        return Decimal((said or MAX_DROP).removesuffix("%"))

    @property
    def warn_share(self) -> float:
        """`warn_above` as a share of 1: 0.05 for 5%."""
        return _share(self.warn_above)

    @property
    def identifier_names(self) -> tuple[str, ...] | None:
        """The identifiers that this kind has by itself, or None where they are the project's."""
        if isinstance(self.kind, CatalogKind):
            return CATALOG_IDS if self.kind.product else CATALOG_IDS[:1]
        return (VOUCHER_ID,) if isinstance(self.kind, VouchersKind) else None

    @property
    def excluded(self) -> frozenset[str]:
        """The attributes that do not tell events apart (D25)."""
        return frozenset(
            column.attribute
            for column in self.columns
            if column.exclude_from_dedup and column.attribute is not None
        )

    @property
    def reserved_names(self) -> tuple[str, ...]:
        """Names that attributes of this kind cannot have, identifiers of the project aside.

        A column called `rowid` would hide the place of a row, by which rows are told apart.
        """
        if isinstance(self.kind, CatalogKind):
            return (*CATALOG_IDS, "rowid")
        if isinstance(self.kind, EventsKind):
            return ("customer_id", "timestamp", "rowid")
        return ("customer_id", "rowid")


def _share(percentage: str) -> float:
    return float(percentage.removesuffix("%")) / 100


# --- project ------------------------------------------------------------------------------------


class Identifier(StrictModel):
    """One kind of customer identifier (b.4)."""

    hard: bool = Field(
        description="`true`: a customer has one value of it, and it decides who the customer is; "
        "`false` (soft): a customer can have several, such as cookies."
    )
    # M093, D23
    trim: bool = Field(default=False, description="Take white space off both ends.")
    lowercase: bool = Field(default=False, description="Turn into lower case.")


class Limits(StrictModel):
    """Limits of one delivery and its rows (M024, M043, M078, M079, M085-M087, D12)."""

    file_bytes: int = Field(default=1_000_000_000, ge=1, description="Bytes of a file, unpacked.")
    columns: int = Field(default=260, ge=1, description="Columns of a file.")
    rows: int = Field(
        default=1_000_000,
        ge=1,
        description="Records of a file; a larger one is refused as a whole.",
    )
    files: int = Field(
        default=200,
        ge=1,
        description="Files that one start of a scheduled import takes; if more are "
        "waiting, it takes none and says so.",
    )
    id_bytes: int = Field(
        default=256, ge=1, description="Bytes of a customer's identifier in UTF-8."
    )
    catalog_value_bytes: int = Field(
        default=28_672, ge=1, description="Bytes of one value of a catalog item in UTF-8."
    )
    searchable: int = Field(
        default=MAX_SEARCHABLE,
        ge=0,
        le=MAX_SEARCHABLE,
        description="Searchable attributes of a catalog.",
    )
    dedup_days: int = Field(
        default=90, ge=1, description="Days within which an equal event is a duplicate."
    )
    paste_bytes: int = Field(default=500_000, ge=1, description="Bytes of a pasted text.")
    unpack_ratio: int = Field(
        default=200,
        ge=1,
        description="How many times its packed size an unpacked file may have; beyond the first "
        "10 MB, a larger one is refused.",
    )


class Retention(StrictModel):
    """How long what nobody needs any more is kept."""

    days: int = Field(
        default=7,
        ge=1,
        le=3_650,
        description="Days after which copies and batches that interrupted runs left behind are "
        "removed; a batch that is not in its table yet is never removed.",
    )
    undo_days: int = Field(
        default=30,
        ge=1,
        le=3_650,
        description="Days for which a batch can be undone: as long, what it changed is kept as it "
        "was before. No longer than `dedup_days` of `limits`.",
    )


class ProjectSpec(StrictModel):
    """project.yaml: what all imports share."""

    timezone: TimezoneName = Field(
        default="UTC", description="IANA zone of imports that name none."
    )
    identifiers: dict[str, Identifier] = Field(
        default={"registered": Identifier(hard=True), "cookie": Identifier(hard=False)},
        min_length=1,
        json_schema_extra={"propertyNames": {"pattern": f"^{_IDENTIFIER}$"}},
        description="Kinds of customer identifier by name, in order of priority. A name has "
        "lower-case letters, digits and _, beginning with a letter.",
    )
    warehouse: LocalPath = Field(
        default="data/warehouse.duckdb",
        description="The DuckDB file with the tables, made when missing; relative to the project, "
        "or absolute.",
    )
    staging: LocalPath = Field(
        default="data/staging",
        description="Folder of batches on their way to the tables; relative to the project, or "
        "absolute.",
    )
    limits: Limits = Field(default=Limits(), description="Limits of one file and its rows.")
    retention: Retention = Field(
        default=Retention(), description="When what interrupted runs left behind is removed."
    )
    mask_rejects: bool = Field(
        default=True,
        description="`true`: of the values of rejected records, the UI and its logs show the first "
        "characters only; `false`: they show them whole. The command always shows them whole.",
    )
    connections: dict[str, Connection] = Field(
        default={},
        json_schema_extra={"propertyNames": {"pattern": f"^{_IDENTIFIER}$"}},
        description="Accounts of other systems by name. A name has lower-case letters, digits and "
        "_, beginning with a letter.",
    )

    @field_validator("identifiers")
    @classmethod
    def _identifiers_usable(cls, identifiers: dict[str, Identifier]) -> dict[str, Identifier]:
        refuse(
            Misfit((name,), message)
            for name in identifiers
            if (message := _identifier_fault(name)) is not None
        )
        return identifiers

    @field_validator("connections")
    @classmethod
    def _connections_named(cls, connections: dict[str, Connection]) -> dict[str, Connection]:
        refuse(
            Misfit(
                (name,),
                f"{shown(name)} cannot name a connection: take lower-case letters, digits and _, "
                "beginning with a letter, at most 63",
            )
            for name in connections
            if not re.fullmatch(_IDENTIFIER, name) or name in _DAGSTERS_OWN
        )
        return connections


def _identifier_fault(name: str) -> str | None:
    if not re.fullmatch(_IDENTIFIER, name):
        return (
            f"{shown(name)} cannot name an identifier: take lower-case letters, digits and _, "
            "beginning with a letter, at most 63"
        )
    if name in ("customer_id", "timestamp"):
        return f"{shown(name)} cannot name an identifier: it is a column of the tables themselves"
    return None
