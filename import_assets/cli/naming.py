"""From the names and paths that people give to deliveries."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from import_assets.errors import FileRefused, SourceError, UnknownName
from import_assets.sources.delivery import Delivery
from import_assets.sources.listing import list_matching
from import_assets.sources.paste import DEFAULT_KEY
from import_assets.sources.storage.base import Storage
from import_assets.sources.storage.keys import encode_path, shorten
from import_assets.spec.loading import Import
from import_assets.spec.patterns import FilePattern
from import_assets.spec.problems import did_you_mean

STDIN = Path("-")


def key_of(path: Path, folder: Path) -> str | None:
    """Return the key of a file inside a folder, or None if it lies elsewhere.

    A link inside the folder counts as lying there.
    """
    for file, root in ((path.absolute(), folder.absolute()), (path.resolve(), folder.resolve())):
        # `..` is left in absolute paths; behind a link it does not lead back.
        if file.is_relative_to(root) and ".." not in file.parts and file != root:
            return shorten(encode_path(os.fsencode(file.relative_to(root))))
    return None


def stat_named(storage: Storage, key: str) -> Delivery:
    """Return a delivery that was named by its key; raises UnknownName with what it may mean."""
    try:
        return storage.stat(key)
    except UnknownName as error:
        listing = list_matching(storage, FilePattern("/.*/"))
        nested = list_matching(storage, FilePattern("/.*/.*/")) if "/" in key else listing
        names = [delivery.key for delivery in (*listing.deliveries, *nested.deliveries)]
        raise UnknownName(f"{error}{did_you_mean(key, names)}") from error


def pasted_text(path: Path, definition: Import) -> tuple[str, str]:
    """Return the text of a file for an import whose source is `paste`, and what to call it.

    The text is read by the encoding of the definition, or as UTF-8.

    Raises:
        FileRefused: It is not in that encoding, or far too long.
        SourceError: It cannot be read.
    """
    most = definition.project.spec.limits.paste_bytes
    # No encoding takes more than four bytes for what takes one in UTF-8; and a mark in front.
    limit = most * 4 + 5
    name = DEFAULT_KEY if path == STDIN else path.name
    try:
        if path == STDIN:
            data = sys.stdin.buffer.read(limit)
        else:
            with path.open("rb") as stream:
                data = stream.read(limit)
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}") from error
    if len(data) == limit:
        raise FileRefused(
            name,
            "too_many_bytes",
            f"at most {most:,} bytes can be pasted: define an upload for files of this size",
        )
    encoding = definition.spec.csv.encoding or "utf-8-sig"
    try:
        return data.decode(encoding), name
    except UnicodeDecodeError as error:
        raise FileRefused(
            name,
            "wrong_encoding",
            f"byte {error.start + 1:,} is not {encoding.removesuffix('-sig')}: say `encoding:` in "
            "the definition, or save the text as UTF-8",
        ) from error
