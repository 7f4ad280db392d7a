"""From an import's definition to the storage that its deliveries come from."""

from __future__ import annotations

from import_assets.errors import SourceError
from import_assets.sources.connect import Connections
from import_assets.sources.paste import DEFAULT_KEY, PasteStorage
from import_assets.sources.storage.base import Storage
from import_assets.sources.storage.local import LocalStorage
from import_assets.spec.loading import Import
from import_assets.spec.sources import PasteSource, StorageSource, UploadSource


def open_source(
    definition: Import,
    text: str | None = None,
    key: str | None = None,
    *,
    connections: Connections | None = None,
) -> Storage:
    """Return the storage that an import reads from.

    The folder of a local storage is relative to the project, unless it is absolute. The drop
    folder of an upload is made when missing.

    Args:
        definition: the import.
        text: the pasted text, before the one in the definition; for source `paste` only.
        key: what the pasted text is called; for source `paste` only.
        connections: the project's; for a storage with a connection.

    Raises:
        FileRefused: the pasted text is missing, too long or no text.
        SourceError: the drop folder cannot be made, or the connection cannot be used.
        TypeError: the source is a feed, which has no files.
    """
    source = definition.spec.source.only
    project = definition.project
    if isinstance(source, StorageSource) and source.connection is not None:
        if connections is None:
            raise ValueError(f"{definition.name} reads through a connection, and none was given")
        return connections.storage(source)
    if isinstance(source, StorageSource):
        return LocalStorage(project.root / source.folder)
    if isinstance(source, PasteSource):
        pasted = text if text is not None else source.text
        return PasteStorage(pasted or "", key or DEFAULT_KEY, project.spec.limits.paste_bytes)
    if not isinstance(source, UploadSource):
        raise TypeError(f"{definition.name} reads from a feed, which has no files")
    folder = project.uploads_dir(definition.name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SourceError(
            f"the drop folder {folder} cannot be made: {error.strerror or error}"
        ) from error
    return LocalStorage(folder)
