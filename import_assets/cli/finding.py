"""What is looked at: the beginning of the delivery of an import, or of a file that was named."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import click

from import_assets.cli.naming import STDIN, pasted_text, stat_named
from import_assets.errors import SourceError, UnknownName
from import_assets.formats.xml.opening import HEAD_BYTES, looks_like_xml
from import_assets.pipeline.content import Content
from import_assets.pipeline.feeds import open_feed
from import_assets.sources.connect import Connections
from import_assets.sources.delivery import Delivery
from import_assets.sources.head import fetch_head
from import_assets.sources.listing import list_matching
from import_assets.sources.open import open_source
from import_assets.sources.rules import rules_of
from import_assets.sources.spool import Spooled
from import_assets.sources.storage.base import Storage
from import_assets.sources.storage.local import LocalStorage
from import_assets.sources.storage.selection import by_age
from import_assets.spec.loading import Import
from import_assets.spec.models import Limits
from import_assets.spec.patterns import FilePattern

_GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class Found:
    """What is looked at: its content, and the delivery that it is of if it lies somewhere."""

    content: Content
    delivery: Delivery | None = None

    @property
    def cut(self) -> bool:
        """Whether the content is the beginning of the delivery only."""
        whole = self.delivery.size if self.delivery else 0
        return self.content.spooled.size < whole

    @property
    def name(self) -> str:
        """What it is called."""
        return self.content.file


@contextmanager
def found(
    definition: Import, connections: Connections, file: Path | None, folder: Path, records: int
) -> Iterator[Found]:
    """Fetch the beginning of the file that was named, or of what there is now, into a folder.

    Of what is no file, no more than `records` records are asked for.

    Raises:
        SourceError: it cannot be had.
        UnknownName: there is no such file, or none at all.
    """
    source = definition.spec.source
    limits = definition.project.spec.limits
    if source.feed is not None:
        if file is not None:
            raise click.UsageError(
                f"this import comes from {source.word}: there is no file to name"
            )
        feed = open_feed(definition, connections)
        with feed.preview(records, folder, limits) as pulled:
            yield Found(Content(pulled.content, pulled.delivery.key), pulled.delivery)
        return
    if source.paste is not None:
        text, key = pasted_text(file, definition) if file is not None else (None, None)
        storage = open_source(definition, text, key)
        delivery = next(iter(list_matching(storage, FilePattern("*")).deliveries))
        with fetch_head(storage, delivery, folder, limits.file_bytes) as spooled:
            yield Found(Content(spooled, delivery.key, storage.encoding))
        return
    if file is not None and (file == STDIN or file.is_file()):
        with lying(file, folder, limits) as seen:
            yield seen
        return
    storage = open_source(definition, connections=connections)
    delivery = (
        stat_named(storage, str(file))
        if file is not None
        else _newest(definition, storage, connections)
    )
    with fetch_head(storage, delivery, folder, limits.file_bytes) as spooled:
        yield Found(Content(spooled, delivery.key, storage.encoding), delivery)


def called(file: Path) -> str:
    """Return what a file of this machine is called in sentences."""
    return "standard input" if file == STDIN else file.name


@contextmanager
def lying(file: Path, folder: Path, limits: Limits) -> Iterator[Found]:
    """Give a file of this machine as it lies, or standard input; of XML, the beginning.

    Raises SourceError where it cannot be read.
    """
    path = file
    if file == STDIN:
        path = folder / "standard-input"
        path.write_bytes(sys.stdin.buffer.read())
    with _opened(path) as stream:
        head = stream.read(HEAD_BYTES)
        spooled = Spooled(path, "", path.stat().st_size)
    if not looks_like_xml(head) and not head.startswith(_GZIP):
        yield Found(Content(spooled, called(file)))
        return
    # Before the first row of XML can be shown, all that is there is read.
    storage = LocalStorage(path.absolute().parent)
    delivery = storage.stat(path.name)
    with fetch_head(storage, delivery, folder, limits.file_bytes) as beginning:
        yield Found(Content(beginning, called(file)), delivery)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        stream = path.open("rb")
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}") from error
    with stream:
        yield stream


def _newest(definition: Import, storage: Storage, connections: Connections) -> Delivery:
    rules = rules_of(definition.spec, definition.project.spec.limits)
    listing = list_matching(storage, rules.pattern, cache=connections.listings)
    newest = max(listing.deliveries, key=by_age, default=None)
    if newest is None:
        raise UnknownName(
            f"no file of {storage.place} matches {rules.pattern.text}: name one with --file"
        )
    return newest
