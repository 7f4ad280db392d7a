"""What the user writes, as strict models: one import a file, one project file (design of the YAML).

Models say what is allowed in one document. What needs more than one document (identifiers,
connections, attribute types shared by imports) is checked in `import_assets.spec.loading`.
"""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    field_validator,
    model_validator,
)

from import_assets.spec.names import AttributeName, PoolName, TableName, case_clashes
from import_assets.spec.patterns import FilePattern

Encoding = Literal[
    "utf-8",
    "utf-16",
    "cp1250",
    "cp1251",
    "cp1252",
    "cp1253",
    "cp1254",
    "cp1255",
    "cp1256",
    "cp1257",
    "cp1258",
    "latin1",
    "iso-8859-2",
]
"""The encodings of M082 and no others."""

Delimiter = Literal[" ", "\t", ",", ".", ";", ":", "-", "|", "~"]
"""The delimiters of M083 and no others."""

AttributeType = Literal[
    "text", "long text", "number", "integer", "boolean", "date", "datetime", "list", "url", "json"
]
"""The data types of attributes (M036, b.3)."""

Selection = Literal["all", "last_modified", "last_alphabetically", "not_imported_yet"]
"""Which of several matching files are taken (M027-M030)."""

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def _check_timezone(name: str) -> str:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"unknown time zone {name!r}: write an IANA name such as Europe/Bratislava or UTC"
        ) from None
    return name


def _check_time(text: str) -> str:
    if not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", text):
        raise ValueError(f"{text!r} is not a time of day: write it in quotes as HH:MM")
    return text


def _check_share(text: str) -> str:
    if not re.fullmatch(r"(100(\.0+)?|[0-9]{1,2}(\.[0-9]+)?)%", text):
        raise ValueError(f"{text!r} is not a share: write 5% or 0.5%")
    return text


TimezoneName = Annotated[str, AfterValidator(_check_timezone)]
TimeOfDay = Annotated[str, AfterValidator(_check_time)]
Share = Annotated[str, AfterValidator(_check_share)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, populate_by_name=True)


# --- kind ---------------------------------------------------------------------------------------


class CustomersKind(_Model):
    """Rows are customers; each row updates the customer that its identifiers name (M004, M100)."""

    @property
    def table(self) -> tuple[str, ...]:
        """Parts of the table's name."""
        return ("customers",)


class EventsKind(_Model):
    """Rows are events of one type; append-only (M057, M064, M065)."""

    events: TableName = Field(description="The event type, such as purchase.")

    @property
    def table(self) -> tuple[str, ...]:
        """Parts of the table's name."""
        return ("events", self.events)


class CatalogKind(_Model):
    """Rows are items of a catalog, keyed by item_id (M071-M079)."""

    catalog: TableName = Field(description="The name of the catalog.")
    product: bool = Field(False, description="A product catalog: product_id may be given too.")
    searchable: list[AttributeName] = Field(
        [], description="At most 20 attributes, fixed by the first import (M077, M078)."
    )

    @property
    def table(self) -> tuple[str, ...]:
        """Parts of the table's name."""
        return ("catalogs", self.catalog)


class VouchersKind(_Model):
    """Rows are voucher codes of one pool (M080, D39)."""

    vouchers: PoolName = Field(description="The name of the pool.")

    @property
    def table(self) -> tuple[str, ...]:
        """Parts of the table's name."""
        return ("vouchers", self.vouchers)


def _customers_from_word(value: Any) -> Any:
    return CustomersKind() if value == "customers" else value


def _kind_tag(value: Any) -> str | None:
    if isinstance(value, CustomersKind) or value == "customers":
        return "customers"
    for word in ("events", "catalog", "vouchers"):
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
    Discriminator(
        _kind_tag,
        custom_error_type="kind",
        custom_error_message="write customers, {events: TYPE}, {catalog: NAME} or {vouchers: POOL}",
    ),
]


# --- source -------------------------------------------------------------------------------------


class StorageSource(_Model):
    """Files lying in a folder."""

    connection: str | None = Field(
        None, description="A connection of project.yaml; left out, the folder is on this machine."
    )
    folder: str = Field(description="The folder; on this machine relative to the project.")
    files: str = Field(
        description="/regular expression/ between slashes, an exact name, or a glob (M020, D08)."
    )
    select: Selection = Field(
        "not_imported_yet", description="Which of several matching files are taken (M027-M030)."
    )
    by: Literal["version", "name"] = Field(
        "version",
        description="version: a changed file under the same name is a new one; "
        "name: it is the same file (D01).",
    )
    settle: int = Field(
        60, ge=0, le=86_400, description="Seconds for which a file must have lain unchanged."
    )

    @field_validator("files")
    @classmethod
    def _files_compile(cls, text: str) -> str:
        FilePattern(text)
        return text

    @property
    def pattern(self) -> FilePattern:
        """The file filter, compiled."""
        return FilePattern(self.files)


class PasteSource(_Model):
    """Text given in the launchpad, or here (M006)."""

    text: str | None = Field(None, description="The text itself, at most 500,000 bytes.")


class UploadSource(_Model):
    """Files put into the import's drop folder, uploads/<name>, or named on the command line."""

    settle: int = Field(
        5, ge=0, le=86_400, description="Seconds for which a file must have lain unchanged."
    )


class Source(_Model):
    """Where the bytes come from: exactly one of the keys."""

    storage: StorageSource | None = None
    paste: PasteSource | None = None
    upload: UploadSource | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("give exactly one source: storage, paste or upload")
        return self

    @property
    def only(self) -> StorageSource | PasteSource | UploadSource:
        """The source that was given."""
        given = self.storage or self.paste or self.upload
        assert given is not None
        return given


# --- format -------------------------------------------------------------------------------------


class CsvFormat(_Model):
    """How the CSV is written; what is left out is found in the file."""

    delimiter: Delimiter | None = Field(None, description="One of nine characters (M083).")
    encoding: Encoding | None = Field(None, description="One of thirteen encodings (M082).")
    duplicate_headers: Literal["merge", "refuse"] = Field(
        "merge", description="merge: the last non-empty value wins; refuse the file (M091, D16)."
    )
    pad_short: bool = Field(
        False, description="Fill records that end too early with empty cells (D17)."
    )


class Format(_Model):
    """How the bytes are written."""

    csv: CsvFormat = CsvFormat()


# --- columns ------------------------------------------------------------------------------------


class Column(_Model):
    """One rule for one column (M005, M031-M041, M057-M060)."""

    from_: str | None = Field(None, alias="from", description="The column's name in the file.")
    to: AttributeName | None = Field(
        None, description="The attribute it becomes; left out, it keeps its name."
    )
    id: str | None = Field(
        None,
        description="The identifier it holds: one of the project's for customers and events, "
        "item_id or product_id for catalogs, code for vouchers.",
    )
    type: AttributeType = Field("text", description="The attribute's data type (M036).")
    format: str | None = Field(
        None,
        description="How values are written: strptime terms for dates, an example such as "
        "'1 234,50' for numbers, 'yes/no' for booleans, the separator for lists.",
    )
    timestamp: bool = Field(False, description="The column holds the time of the event (M057).")
    discard: bool = Field(False, description="The column is not imported (M005).")
    value: str | None = Field(None, description="A new column with this static value (M005).")

    @field_validator("value", mode="before")
    @classmethod
    def _value_as_text(cls, value: Any) -> Any:
        if isinstance(value, bool):
            return "true" if value else "false"
        return str(value) if isinstance(value, int | float) else value

    @model_validator(mode="after")
    def _one_rule(self) -> Self:
        given = self.model_fields_set
        if self.value is not None:
            self._refuse(given - {"value", "to", "type", "format"}, "a static value")
            if self.to is None:
                raise ValueError("a static value needs `to:`, the attribute it fills")
            return self
        if self.from_ is None or not self.from_.strip():
            raise ValueError("say `from:` which column of the file, or give a static `value:`")
        if self.discard:
            self._refuse(given - {"from_", "discard"}, "a discarded column")
        elif self.timestamp:
            self._refuse(given - {"from_", "timestamp", "format"}, "the timestamp")
        elif self.id is not None and self.to is None:
            self._refuse(given - {"from_", "id"}, "an identifier without `to:`")
        return self

    @staticmethod
    def _refuse(others: set[str], what: str) -> None:
        if others:
            words = ", ".join(sorted(name.rstrip("_") for name in others))
            raise ValueError(f"{what} cannot also say {words}")

    @property
    def attribute(self) -> str | None:
        """The attribute that this rule fills, or None for a pure identifier, timestamp, discard."""
        if self.discard or self.timestamp or (self.id is not None and self.to is None):
            return None
        return self.to or (self.from_ or "").strip()


# --- run ----------------------------------------------------------------------------------------


class Weekly(_Model):
    """One time on several weekdays (M048)."""

    on: list[Weekday] = Field(min_length=1)
    at: TimeOfDay


MonthDay = Annotated[int, Field(ge=1, le=31)] | Literal["last"]


class Monthly(_Model):
    """One time on several days of the month (M048)."""

    on: list[MonthDay] = Field(min_length=1)
    at: TimeOfDay
    short_months: Literal["last_day", "skip"] = Field(
        "last_day", description="What happens in a month without that day (D11)."
    )


class Run(_Model):
    """When the import starts by itself. At most one of the first four (M022, M048)."""

    on_new_file: bool = Field(False, description="Five minutes after a new file appears (M022).")
    daily: list[TimeOfDay] | None = Field(None, min_length=1, description="Times of day (M048).")
    weekly: Weekly | None = None
    monthly: Monthly | None = None
    until: dt.date | None = Field(None, description="The last day on which it starts (M049).")

    @model_validator(mode="after")
    def _at_most_one(self) -> Self:
        given = [
            word for word in ("on_new_file", "daily", "weekly", "monthly") if getattr(self, word)
        ]
        if len(given) > 1:
            raise ValueError(
                f"{' and '.join(given)} cannot be combined: take one, or write a second import"
            )
        if self.until and not given:
            raise ValueError("`until:` needs on_new_file, daily, weekly or monthly beside it")
        return self

    @property
    def repeats(self) -> bool:
        """True where the clock starts the import."""
        return bool(self.daily or self.weekly or self.monthly)


# --- import -------------------------------------------------------------------------------------

MAX_SEARCHABLE = 20
CATALOG_IDS = ("item_id", "product_id")
VOUCHER_ID = "code"


class ImportSpec(_Model):
    """One import: what it brings, from where, and how columns become attributes."""

    kind: Kind = Field(description="What it brings.")
    source: Source = Field(description="Where it comes from.")
    format: Format = Field(Format(), description="How it is written.")
    timezone: TimezoneName | None = Field(
        None,
        description="Zone of times without an offset, and of `run`; the project's if left out.",
    )
    columns: list[Column] = Field(
        min_length=1,
        description="One rule a column; a column of the file without a rule becomes a text "
        "attribute of its own name.",
    )
    empty: Literal["overwrite", "keep"] = Field(
        "overwrite",
        description="An empty cell blanks the stored value, or leaves it as it is (M044, D18).",
    )
    run: Run = Field(Run(), description="When it starts by itself.")
    warn_above: Share = Field(
        "5%", description="Share of rejected records above which the check on rejects warns."
    )
    description: str | None = Field(None, description="Shown in the UI.")
    owners: list[str] = Field([], description="E-mail addresses or team:NAME, shown in the UI.")

    @model_validator(mode="after")
    def _source_and_run_agree(self) -> Self:
        storage, run = self.source.storage, self.run
        if storage is None:
            what = "paste" if self.source.paste else "upload"
            if run.repeats:
                raise ValueError(f"source {what} cannot repeat: nothing new comes by itself (M047)")
            if run.on_new_file and self.source.paste:
                raise ValueError(
                    "source paste has no files to wait for: leave out on_new_file (M047)"
                )
        elif run.on_new_file and storage.select == "all":
            raise ValueError(
                "select: all with on_new_file would import the whole folder again for each new "
                "file (M023): take select: not_imported_yet"
            )
        return self

    @model_validator(mode="after")
    def _columns_fit_the_kind(self) -> Self:
        ids = [column.id for column in self.columns if column.id is not None]
        if not ids:
            raise ValueError("columns: pair at least one column with an identifier, `id:` (M034)")
        if double := {name for name in ids if ids.count(name) > 1}:
            raise ValueError(f"columns: two columns for the identifier {', '.join(sorted(double))}")
        stamps = sum(column.timestamp for column in self.columns)
        if isinstance(self.kind, EventsKind) and stamps != 1:
            raise ValueError("columns: events need exactly one column with timestamp: true (M057)")
        if not isinstance(self.kind, EventsKind) and stamps:
            raise ValueError("columns: timestamp: true belongs to events only")
        self._check_catalog_and_voucher_ids(ids)
        self._check_attributes()
        return self

    def _check_catalog_and_voucher_ids(self, ids: list[str]) -> None:
        allowed: tuple[str, ...] | None = None
        if isinstance(self.kind, CatalogKind):
            allowed = CATALOG_IDS if self.kind.product else CATALOG_IDS[:1]
            if len(self.kind.searchable) > MAX_SEARCHABLE:
                raise ValueError(
                    f"kind: {len(self.kind.searchable)} searchable attributes, "
                    f"at most {MAX_SEARCHABLE} are allowed (M078)"
                )
        elif isinstance(self.kind, VouchersKind):
            allowed = (VOUCHER_ID,)
            if any(column.attribute is not None for column in self.columns):
                raise ValueError("columns: vouchers take one column only, the code (D39)")
        for name in ids if allowed is not None else ():
            if name not in (allowed or ()):
                raise ValueError(
                    f"columns: the identifier here is {' or '.join(allowed or ())}, not {name}"
                )

    def _check_attributes(self) -> None:
        names = [column.attribute for column in self.columns if column.attribute is not None]
        if double := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"columns: two columns for the attribute {', '.join(sorted(double))}")
        for one, other in case_clashes(names):
            raise ValueError(f"columns: {one!r} and {other!r} differ only by case")
        sources = [column.from_.strip() for column in self.columns if column.from_ is not None]
        if double := {name for name in sources if sources.count(name) > 1}:
            raise ValueError(f"columns: two rules for the column {', '.join(sorted(double))}")
        reserved = {name.casefold() for name in self.reserved_names}
        for name in names:
            if name.casefold() in reserved:
                raise ValueError(
                    f"columns: {name!r} is a column of the table itself; rename it with `to:`"
                )
        for name in getattr(self.kind, "searchable", ()):
            if name not in names and name not in sources and name not in CATALOG_IDS:
                raise ValueError(f"kind: searchable {name!r} is not among the columns")

    @property
    def reserved_names(self) -> tuple[str, ...]:
        """Names that attributes of this kind cannot have, identifiers of the project aside."""
        if isinstance(self.kind, CatalogKind):
            return CATALOG_IDS
        if isinstance(self.kind, EventsKind):
            return ("customer_id", "timestamp")
        return ("customer_id",)


# --- project ------------------------------------------------------------------------------------


class Identifier(_Model):
    """One kind of customer identifier (b.4)."""

    hard: bool = Field(description="true: one value a customer; false: several (soft).")
    trim: bool = Field(False, description="Take white space off both ends (M093).")
    lowercase: bool = Field(False, description="Turn into lower case (M093).")


class Limits(_Model):
    """Limits of one delivery and its rows (M024, M043, M078, M079, M085-M087, D12)."""

    file_bytes: int = Field(1_000_000_000, ge=1, description="Bytes of a file, unpacked.")
    columns: int = Field(260, ge=1)
    rows: int = Field(1_000_000, ge=1)
    files: int = Field(200, ge=1, description="Files that one start of a scheduled import takes.")
    id_bytes: int = Field(256, ge=1, description="Bytes of an identifier in UTF-8.")
    catalog_value_bytes: int = Field(28_672, ge=1)
    searchable: int = Field(MAX_SEARCHABLE, ge=0, le=MAX_SEARCHABLE)
    dedup_days: int = Field(
        90, ge=1, description="Days within which an equal event is a duplicate."
    )
    paste_bytes: int = Field(500_000, ge=1)


class ProjectSpec(_Model):
    """project.yaml: what all imports share."""

    timezone: TimezoneName = Field("UTC", description="Zone of imports that name none.")
    identifiers: dict[str, Identifier] = Field(
        {"registered": Identifier(hard=True), "cookie": Identifier(hard=False)},
        description="Kinds of customer identifier, in order of priority.",
    )
    warehouse: str = Field(
        "data/warehouse.duckdb", description="The DuckDB file, made when missing."
    )
    staging: str = Field("data/staging", description="Folder of staged batches.")
    limits: Limits = Limits()

    @field_validator("identifiers")
    @classmethod
    def _identifiers_usable(cls, identifiers: dict[str, Identifier]) -> dict[str, Identifier]:
        if not identifiers:
            raise ValueError("declare at least one identifier")
        for name in identifiers:
            if not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", name):
                raise ValueError(f"identifier {name!r}: take lower-case letters, digits and _")
            if name in ("customer_id", "timestamp"):
                raise ValueError(f"identifier {name!r}: the name is taken by the tables")
        return identifiers
