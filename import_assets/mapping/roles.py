"""Which columns say who or what a row is about, and when an event happened (M034, M057, M072, D39).

Names decide, and values must bear them out: an identifier is filled, and where a row is a customer,
an item or a voucher, no two rows have the same. Where that leaves several or none, the user is
asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from import_assets.mapping.nameclues import plain
from import_assets.mapping.proposals import Proposal
from import_assets.records import as_text
from import_assets.spec.models import (
    CATALOG_IDS,
    VOUCHER_ID,
    CatalogKind,
    CustomersKind,
    EventsKind,
    Kind,
    ProjectSpec,
    VouchersKind,
)

_FILLED = 0.95
"""The share of rows that must have an identifier."""

_CUSTOMER = (
    "customer_id client_id user_id contact_id customerid userid clientid member_id crm_id "
    "external_id person_id subscriber_id id_customer id_user",
    "customer client user contact member card",
    "email e_mail email_address mail e_mail_address customer_email contact_email billing_email",
)
_OWN_ID = "id uid"
_COOKIE = ("cookie web_cookie cookie_id visitor_id device_id browser_id",)
_ITEM = (
    "item_id itemid id_item item",
    "id g_id",
    "product_id productid",
    "sku variant_sku item_sku product_sku",
    "code item_code product_code ean gtin isbn handle kod",
)
_PRODUCT = ("product_id productid item_group_id g_item_group_id itemgroup_id itemgroupid group_id "
            "parent_id parent handle",)  # fmt: skip
_VOUCHER = ("code voucher voucher_code coupon coupon_code promo_code kod kupon",)
_TIMESTAMP = (
    "timestamp ts event_time event_timestamp time datetime event_date",
    "created_at created createdat ordered_at order_date purchased_at purchase_date paid_at "
    "sent_at date datum date_time processed_at",
)


@dataclass(frozen=True)
class Role:
    """A column for a role, and what speaks for it."""

    column: str
    why: str


@dataclass(frozen=True)
class Open:
    """A role that nothing settles: what is to be asked, and the columns that come into question."""

    text: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Roles:
    """Which columns have a role.

    `ids` has them by identifier. `open_id` and `open_timestamp` are what is indispensable and not
    settled.
    """

    ids: Mapping[str, Role]
    timestamp: Role | None = None
    open_id: Open | None = None
    open_timestamp: Open | None = None


@dataclass(frozen=True)
class Said:
    """What the user said already: columns by identifier, and the one of the timestamp."""

    ids: Mapping[str, str] = field(default_factory=dict)
    timestamp: str | None = None


def main_identifier(kind: Kind, project: ProjectSpec) -> str:
    """Return the identifier that a column is meant for where nobody says which."""
    if isinstance(kind, CatalogKind):
        return CATALOG_IDS[0]
    if isinstance(kind, VouchersKind):
        return VOUCHER_ID
    hard = (name for name, settings in project.identifiers.items() if settings.hard)
    return next(hard, next(iter(project.identifiers)))


def propose_roles(
    frame: pl.DataFrame,
    kind: Kind,
    project: ProjectSpec,
    proposals: Mapping[str, Proposal],
    said: Said = Said(),
) -> Roles:
    """Find the identifiers of a file, and for events their timestamp.

    Args:
        frame: the first records, all columns.
        kind: what the import brings.
        project: gives the customers' identifiers.
        proposals: what each column may be, by name.
        said: what the user said already, which is not questioned.
    """
    ids = {name: Role(column, "as said") for name, column in said.ids.items()}
    taken = set(said.ids.values()) | ({said.timestamp} if said.timestamp else set())
    asked = None
    for name, tiers, unique in _wanted(kind, project, frame.columns):
        if name in ids:
            continue
        found = _identifier(frame, tiers, taken, unique=unique)
        if isinstance(found, Role):
            ids[name] = found
            taken.add(found.column)
        elif found is not None and name == main_identifier(kind, project):
            asked = found
    sparse = _sparse(frame, kind, project, {*ids}, taken)
    if ids and not (isinstance(kind, CatalogKind) and CATALOG_IDS[0] not in ids and asked):
        asked = None
    elif asked is None:
        asked = Open("no column is called as identifiers are", tuple(frame.columns))
    ids |= sparse
    taken |= {role.column for role in sparse.values()}
    if not isinstance(kind, EventsKind):
        return Roles(ids, open_id=asked)
    if said.timestamp is not None:
        return Roles(ids, Role(said.timestamp, "as said"), open_id=asked)
    found = _timestamp(frame.columns, proposals, taken)
    if isinstance(found, Role):
        return Roles(ids, found, open_id=asked)
    return Roles(ids, None, open_id=asked, open_timestamp=found)


def _sparse(
    frame: pl.DataFrame, kind: Kind, project: ProjectSpec, known: set[str], taken: set[str]
) -> dict[str, Role]:
    """Return columns called as identifiers of the project that few rows have: soft ones often are.

    By them alone a file is not understood: what else identifies a row is still to be found.
    """
    if not isinstance(kind, CustomersKind | EventsKind):
        return {}
    found: dict[str, Role] = {}
    for name in project.identifiers:
        columns = _named(frame.columns, plain(name), taken)
        if name in known or len(columns) != 1:
            continue
        doubt = _doubt(frame[columns[0]], unique=False)
        if name != main_identifier(kind, project) or isinstance(kind, EventsKind):
            found[name] = Role(columns[0], f"by its name; it {doubt}" if doubt else "by its name")
    return found


def _wanted(
    kind: Kind, project: ProjectSpec, columns: Sequence[str]
) -> Sequence[tuple[str, Sequence[str], bool]]:
    """Return each identifier with the names it goes by and whether no two rows share a value."""
    if isinstance(kind, CatalogKind):
        item = (CATALOG_IDS[0], _ITEM, True)
        return [item, (CATALOG_IDS[1], _PRODUCT, False)] if kind.product else [item]
    if isinstance(kind, VouchersKind):
        alone = tuple(plain(column) for column in columns if len(columns) == 1)
        return [(VOUCHER_ID, (*_VOUCHER, *alone), True)]
    customers = isinstance(kind, CustomersKind)
    main = main_identifier(kind, project)
    wanted: list[tuple[str, Sequence[str], bool]] = []
    for name in project.identifiers:
        tiers: tuple[str, ...] = (plain(name),)
        if name == main:
            # In a file of events, `id` is as likely the event's own.
            own = (_CUSTOMER[0], _OWN_ID, *_CUSTOMER[1:]) if customers else (*_CUSTOMER, _OWN_ID)
            tiers = (*tiers, *own)
        elif "cookie" in name:
            tiers = (*tiers, *_COOKIE)
        wanted.append((name, tiers, customers and name == main))
    return wanted


def _identifier(
    frame: pl.DataFrame, tiers: Sequence[str], taken: set[str], *, unique: bool
) -> Role | Open | None:
    """Return the column of the first tier that values bear out, or what is to be asked."""
    doubts: dict[str, str] = {}
    for tier in tiers:
        good: list[str] = []
        for column in _named(frame.columns, tier, taken):
            doubt = _doubt(frame[column], unique=unique)
            if not doubt and not unique and plain(column) in _OWN_ID.split():
                doubt = _doubt_of_own(frame[column])
            if doubt:
                doubts[column] = doubt
            else:
                good.append(column)
        if len(good) == 1:
            fact = "filled, and no value twice" if unique else "filled"
            return Role(good[0], f"by its name; {fact}")
        if good:
            return Open(f"{_or(good)} may each be the identifier", tuple(good))
    if doubts:
        told = ", ".join(f"{column} {doubt}" for column, doubt in doubts.items())
        return Open(f"no column identifies a row for certain: {told}", tuple(doubts))
    return None


def _named(columns: Sequence[str], tier: str, taken: set[str]) -> list[str]:
    names = tier.split()
    found = [column for column in columns if plain(column) in names and column not in taken]
    return sorted(found, key=lambda column: names.index(plain(column)))


def _doubt(values: pl.Series, *, unique: bool) -> str:
    """Return why the values speak against an identifier, or nothing."""
    texts = as_text(values).str.strip_chars()
    filled = texts.filter(texts.is_not_null() & (texts != ""))
    if len(filled) < _FILLED * len(texts) or not len(filled):
        return f"is empty in {len(texts) - len(filled):,} of {len(texts):,} rows"
    if unique and filled.n_unique() < len(filled):
        return f"has {filled.n_unique():,} values in {len(filled):,} rows"
    return ""


def _doubt_of_own(values: pl.Series) -> str:
    """Return why the column `id` of events is rather that of the event, or nothing."""
    if len(values) > 1 and values.n_unique() == len(values):
        return "has another value in every row, as the events' own numbers have"
    return ""


def _timestamp(
    columns: Sequence[str], proposals: Mapping[str, Proposal], taken: set[str]
) -> Role | Open:
    times = [column for column in columns if column not in taken and _is_time(proposals[column])]
    for tier in _TIMESTAMP:
        named = _named(times, tier, taken)
        if len(named) == 1:
            return Role(named[0], "by its name, and it holds times")
        if named:
            return Open(f"{_or(named)} may each be the time of the event", tuple(named))
    if len(times) == 1:
        return Role(times[0], "the only column with times")
    if times:
        return Open(f"{_or(times)} may each be the time of the event", tuple(times))
    named = [column for tier in _TIMESTAMP for column in _named(columns, tier, taken)]
    told = ", ".join(
        f"{column} ({proposals[column].why or 'not written as times are'})" for column in named
    )
    return Open("no column holds times" + (f": {told}" if told else ""), tuple(named or columns))


def _is_time(proposal: Proposal) -> bool:
    """Tell whether a column holds times, be it not settled how they are written."""
    question = proposal.question
    types = {choice.type for choice in question.choices} if question else {proposal.type}
    return proposal.filled > 0 and bool(types & {"date", "datetime"})


def _or(columns: Sequence[str]) -> str:
    return " or ".join(columns)
