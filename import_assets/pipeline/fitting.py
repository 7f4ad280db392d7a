"""The rules of an import fitted to one file: its conventions, if it has any, and its mapping."""

from __future__ import annotations

from dataclasses import dataclass

from import_assets.mapping.conventions.keeping import Keeping, keeping_of
from import_assets.mapping.mapping import Mapped, Mapping
from import_assets.pipeline.content import Reader
from import_assets.records import Records
from import_assets.spec.loading import Import
from import_assets.spec.models import EventsKind


@dataclass(frozen=True)
class Fitted:
    """What becomes of the records of one file; takes the blocks in their order, each once."""

    mapping: Mapping
    keeping: Keeping | None

    def apply(self, records: Records) -> Mapped:
        """Return a block after conventions and mapping: typed rows and rejects."""
        if self.keeping is None:
            return self.mapping.apply(records)
        kept, log = self.keeping.take(records)
        return self.mapping.apply(kept, log)

    def warnings(self, *, whole: bool = True) -> tuple[str, ...]:
        """Return what the conventions have to say of the file; `whole` if all was taken."""
        return () if self.keeping is None else self.keeping.warnings(whole=whole)


def fit(definition: Import, reader: Reader, file: str) -> Fitted:
    """Return the rules of the import, fitted to the columns that a reader has.

    Raises:
        FileRefused: the columns do not go with the rules.
    """
    keeping = keeping_of(definition.spec, reader.header, reader.delimiter, file)
    mapping = Mapping.build(
        definition.spec,
        definition.project.spec,
        _timezone(definition),
        reader.header,
        file,
        kinds=reader.kinds,
        declared=reader.declared,
    )
    return Fitted(mapping, keeping)


def _timezone(definition: Import) -> str:
    """Return the zone of times without an offset.

    The times of an analysis are those of the warehouse, UTC, whatever the zone of the import (b.1);
    a day of a sales file of Emarsys begins in UTC too, unless the import has a zone (M132).
    """
    spec = definition.spec
    sales = spec.conventions is not None and isinstance(spec.kind, EventsKind)
    if spec.source.analysis or (sales and spec.timezone is None):
        return "UTC"
    return definition.timezone
