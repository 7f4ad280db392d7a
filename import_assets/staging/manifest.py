"""The manifest of a staged batch: what it holds and where it came from."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from import_assets.records import ColumnKind
from import_assets.spec.models import AttributeType, CatalogMode


class Member(BaseModel):
    """A file of an archive: its path there, and the number of its first record in the delivery."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    first_record: int


class Manifest(BaseModel):
    """Facts of one staged batch. `rows`, `read`, `rejected` and `blank` count records."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    batch_id: str
    import_name: str
    table: tuple[str, ...]
    key: str
    fingerprint: str
    modified: dt.datetime | None
    """When the file was last modified, naive UTC."""
    slot: str | None
    """The occasion of a repeated import that takes the same file again, else None."""
    definition_hash: str
    sha256: str
    bytes: int
    format: str = "csv"
    """What was read: `csv`, `xml`, or the `rows` of a query."""
    row: str = ""
    """The element that is a row of XML."""
    delimiter: str
    encoding: str
    header: tuple[str, ...]
    kinds: dict[str, ColumnKind] = {}
    """What the columns are that hold no texts, by name."""
    members: tuple[Member, ...] = ()
    attributes: tuple[tuple[str, AttributeType], ...]
    identifying: tuple[str, ...] = ()
    """The attributes that are made of an identifier's column: empty ones blank nothing (D18)."""
    identifiers: tuple[str, ...]
    empty: Literal["overwrite", "keep"]
    product: bool = False
    searchable: tuple[str, ...] = ()
    mode: CatalogMode = "partial"
    max_drop: Decimal = Decimal(100)
    """By how many percent the number of a catalog's items may drop (b.7)."""
    new_columns: bool = False
    """Whether a catalog takes columns that its first import did not bring (D36)."""
    missing: tuple[str, ...]
    unmapped: tuple[str, ...]
    warnings: tuple[str, ...]
    state: dict[str, Any] = {}
    """What the feed that this came from wants to know when it is asked again."""
    read: int
    rows: int
    rejected: int
    blank: int
    replay_of: int | None = None
    """The ledger's sequence of the batch whose rejects these records were, else None."""
    last_record: int = 0
    """The highest record number where records keep the numbers of an earlier delivery, else 0."""
    staged_at: dt.datetime


def batch_id(
    import_name: str, key: str, fingerprint: str, definition_hash: str, slot: str | None
) -> str:
    """Return the id of the batch that this delivery gives under this definition.

    The same delivery under the same definition is the same batch, whichever process stages it, so
    a batch can be applied once and only once. A repeated import that is meant to take a file again
    (M027) says so by its `slot`.
    """
    parts = [import_name, key, fingerprint, definition_hash, slot]
    text = json.dumps(parts, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:24]
