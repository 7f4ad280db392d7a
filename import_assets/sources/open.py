"""From an import's definition to the storage that its deliveries come from."""

from __future__ import annotations

from import_assets.errors import SourceError
from import_assets.sources.paste import DEFAULT_KEY, PasteStorage
from import_assets.sources.storage.base import Storage
from import_assets.sources.storage.local import LocalStorage
from import_assets.spec.loading import Import
from import_assets.spec.sources import PasteSource, StorageSource


def open_source(definition: Import, text: str | None = None, key: str | None = None) -> Storage:
    """Return the storage that an import reads from.

    The folder of a local storage is relative to the project, unless it is absolute. The drop
    folder of an upload is made when missing.

    Args:
        definition: the import.
        text: the pasted text, before the one in the definition; for source `paste` only.
        key: what the pasted text is called; for source `paste` only.

    Raises:
        FileRefused: the pasted text is missing, too long or no text.
        SourceError: the drop folder cannot be made.
    """
    source = definition.spec.source.only
    project = definition.project
    if isinstance(source, StorageSource):
        return LocalStorage(project.root / source.folder)
    if isinstance(source, PasteSource):
        pasted = text if text is not None else source.text
        return PasteStorage(pasted or "", key or DEFAULT_KEY, project.spec.limits.paste_bytes)
    folder = project.uploads_dir(definition.name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SourceError(
            f"the drop folder {folder} cannot be made: {error.strerror or error}"
        ) from error
    return LocalStorage(folder)
