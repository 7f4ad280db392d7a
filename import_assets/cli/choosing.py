"""Which deliveries `run` takes: those named, or those that the definition's rule chooses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import click

from import_assets.cli import dropping
from import_assets.cli.naming import STDIN, key_of, pasted_text, stat_named
from import_assets.cli.session import Session
from import_assets.errors import SourceError, UnknownName
from import_assets.orchestration.selection import select
from import_assets.pipeline.feeds import open_feed
from import_assets.sources.delivery import Delivery
from import_assets.sources.feeds.base import Feed
from import_assets.sources.listing import list_matching
from import_assets.sources.open import open_source
from import_assets.sources.storage.base import Storage
from import_assets.sources.storage.keys import true_path
from import_assets.sources.storage.local import LocalStorage
from import_assets.spec.loading import Import
from import_assets.spec.patterns import FilePattern
from import_assets.spec.sources import PasteSource, StorageSource, UploadSource
from import_assets.warehouse.warehouse import Warehouse


@dataclass(frozen=True)
class Choice:
    """The deliveries to import, in order, each once, and how; of a feed, the slots.

    `storages` holds, by key, where a delivery lies that is not in the import's own folder yet;
    `note` says what was left and why; `text` is what was pasted; `slot` the occasion, where files
    are taken again (M027).
    """

    storage: Storage | None
    deliveries: Sequence[Delivery] = ()
    feed: Feed | None = None
    slots: Sequence[str] = ()
    note: str | None = None
    text: str | None = None
    slot: str | None = None
    storages: Mapping[str, Storage] = field(default_factory=dict)

    @property
    def keys(self) -> list[str]:
        """The keys of what is to be imported."""
        return [*self.slots, *(delivery.key for delivery in self.deliveries)]

    def storage_of(self, delivery: Delivery) -> Storage:
        """Return where a delivery lies."""
        found = self.storages.get(delivery.key, self.storage)
        if found is None:
            raise ValueError(f"{delivery.key} is of a feed and lies nowhere")
        return found


def choose(
    session: Session,
    definition: Import,
    files: Sequence[Path],
    keys: Sequence[str],
    warehouse: Warehouse,
    *,
    copy: bool,
) -> Choice:
    """Return what to import; files for a drop folder are copied there only if `copy`.

    Raises:
        click.UsageError: The options do not go together, or with the source.
        UnknownName: There is no such delivery or file.
        SourceError: The folder cannot be read, or the file cannot be taken from where it is.
        FileRefused: The pasted text cannot be one.
    """
    source = definition.spec.source.only
    if isinstance(source, PasteSource):
        return _pasted(definition, source, files, keys)
    if definition.spec.source.feed is not None:
        return _slots(session, definition, files, keys)
    if files and keys:
        raise click.UsageError("say --file or --key, not both")
    if STDIN in files:
        raise click.UsageError(
            "standard input can only be pasted, and this import takes files: name one"
        )
    slot = None
    if isinstance(source, StorageSource) and source.select != "not_imported_yet":
        slot = datetime.now(UTC).isoformat()
    if isinstance(source, UploadSource) and files:
        return _dropped(session, definition, files, copy=copy)
    storage = open_source(definition, connections=session.connections)
    if isinstance(source, StorageSource) and files:
        keys = [_key_in(definition, source, file, session) for file in files]
    if keys:
        named = {key: stat_named(storage, key) for key in keys}
        return Choice(storage, list(named.values()), slot=slot)
    selected = select(definition, None, connections=session.connections, warehouse=warehouse)
    return Choice(storage, selected.deliveries, note=selected.note, slot=slot)


def _slots(
    session: Session,
    definition: Import,
    files: Sequence[Path],
    keys: Sequence[str],
) -> Choice:
    """Return the slots of a feed that were named, or one called after the present time."""
    if files:
        raise click.UsageError(
            f"this import comes from {definition.spec.source.word}: --file goes with files"
        )
    slots = list(dict.fromkeys(keys)) or [datetime.now(UTC).isoformat(timespec="seconds")]
    return Choice(None, feed=open_feed(definition, session.connections), slots=slots)


def _pasted(
    definition: Import, source: PasteSource, files: Sequence[Path], keys: Sequence[str]
) -> Choice:
    if len(files) > 1 or len(keys) > 1:
        raise click.UsageError("one text at a time can be pasted")
    text, key = None, None
    if files:
        if files[0] != STDIN and not files[0].is_file():
            raise UnknownName(f"there is no file {files[0]}")
        text, key = pasted_text(files[0], definition)
    elif source.text is None:
        raise click.UsageError(
            f"there is no text to import: give it with --file F, send it with --file -, or write "
            f"`text: |` in imports/{definition.name}.yaml"
        )
    storage = open_source(definition, text, keys[0] if keys else key)
    return Choice(storage, list_matching(storage, FilePattern("*")).deliveries, text=text)


def _dropped(session: Session, definition: Import, files: Sequence[Path], *, copy: bool) -> Choice:
    drops = {drop.key: drop for drop in _plans(session, definition, files)}
    storage = open_source(definition)
    if copy:
        for drop in drops.values():
            dropping.put(drop)
        return Choice(storage, [storage.stat(key) for key in drops])
    elsewhere = {
        key: LocalStorage(drop.file.parent) for key, drop in drops.items() if not drop.there
    }
    deliveries = [elsewhere.get(key, storage).stat(key) for key in drops]
    return Choice(storage, deliveries, storages=elsewhere)


def _plans(session: Session, definition: Import, files: Sequence[Path]) -> Iterator[dropping.Drop]:
    names: dict[str, Path] = {}
    for file in files:
        other = names.setdefault(file.name, file)
        if other != file:
            raise click.UsageError(f"{other} and {file} have the same name: rename one")
        yield dropping.plan(session, definition, file)


def _key_in(definition: Import, source: StorageSource, file: Path, session: Session) -> str:
    """Return the key of a file that has to lie in the folder of a storage."""
    if source.connection is not None:
        raise click.UsageError(
            f"the files of this import lie on connection {source.connection}: name one by --key"
        )
    folder = definition.project.root / source.folder
    if not file.is_file():
        raise UnknownName(f"there is no file {file}")
    key = key_of(file, folder)
    if key is None:
        raise SourceError(
            f"{file} does not lie in {folder}, where this import takes its files from: copy it "
            "there, or define an import with `source: {upload: {}}` for files from anywhere"
        )
    if not source.pattern.matches(true_path(key)):
        session.output.note(
            f"{key} does not match {source.pattern.text} and is taken because you named it"
        )
    return key
