"""A folder on this machine."""
# ruff: noqa: PTH112, PTH116, PTH118  # pathlib does not take paths that are bytes

from __future__ import annotations

import errno
import os
import stat as modes
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from import_assets.errors import FileRefused, SourceError, UnknownName
from import_assets.sources.delivery import Delivery, utc_from_microseconds
from import_assets.sources.storage.base import Report, Storage
from import_assets.sources.storage.keys import (
    encode_path,
    is_delivery_name,
    is_entered,
    listed_path,
    may_be_shortened,
    shorten,
)

_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP)
# Without O_NONBLOCK, opening a pipe that took a file's place would wait for ever.
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)


class LocalStorage(Storage):
    """A folder on this machine. Fingerprints are made of size and time of modification.

    Symbolic links to files and folders inside the folder are followed, one folder link a path;
    links that lead out of the folder are reported when listing and refused when opened. Paths are
    handled as bytes, so that names in any encoding can be listed and opened.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def place(self) -> str:
        """The folder as the user wrote it."""
        return f"folder {encode_path(os.fsencode(self.folder))}"

    def list(self, recursive: bool, report: Report) -> Iterator[Delivery]:
        """See `Storage.list`. Files that vanish meanwhile are left out."""
        for path, found in self._walk(recursive, report):
            yield _delivery(path, found)

    def stat(self, key: str) -> Delivery:
        """See `Storage.stat`."""
        path, real = self._locate(key)
        try:
            found = os.stat(real)
        except OSError as error:
            raise self._error(key, error) from error
        self._check_regular(key, found)
        return _delivery(path, found)

    def open(self, key: str) -> BinaryIO:
        """See `Storage.open`."""
        _, real = self._locate(key)
        try:
            descriptor = os.open(real, _READ)
        except OSError as error:
            raise self._error(key, error) from error
        try:
            self._check_opened(key, os.fstat(descriptor))
        except BaseException:
            os.close(descriptor)
            raise
        return os.fdopen(descriptor, "rb")

    def _check_opened(self, key: str, opened: os.stat_result) -> None:
        """Refuse a file whose path was turned into a link out of the folder while it was opened."""
        self._check_regular(key, opened)
        _, real = self._locate(key)
        try:
            now = os.stat(real)
        except OSError as error:
            raise self._error(key, error) from error
        if not os.path.samestat(opened, now):
            raise SourceError(
                f"{key} in {self.place} was replaced while it was opened; "
                "it is taken at the next look"
            )

    def _check_regular(self, key: str, found: os.stat_result) -> None:
        if not modes.S_ISREG(found.st_mode):
            raise UnknownName(f"{key} in {self.place} is not a file")

    def _locate(self, key: str) -> tuple[str, bytes]:
        """Return the encoded path of a delivery and its real one, checked to lie in the folder."""
        root = self._root()
        encoded = self._encoded(key)
        if ".." in encoded.split("/"):
            raise self._outside(key)
        path = listed_path(encoded)
        if path is None:
            raise self._unknown(key)
        try:
            real = os.path.realpath(_join(root, path), strict=True)
        except OSError as error:
            raise self._error(key, error) from error
        if not _is_inside(root, real):
            raise self._outside(key)
        return encoded, real

    def _encoded(self, key: str) -> str:
        """Return the encoded path that a key stands for; a shortened one has to be looked up."""
        if not may_be_shortened(key):
            return key
        for path, _ in self._walk(recursive=True, report=lambda _: None):
            if shorten(path) == key:
                return path
        return key

    def _root(self) -> bytes:
        try:
            root = os.path.realpath(os.fsencode(self.folder), strict=True)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR):
                raise SourceError(
                    f"{self.place} does not exist: create it, or mend `folder:` in the definition"
                ) from error
            raise self._unlistable(error) from error
        if not os.path.isdir(root):
            raise SourceError(f"{self.place} is not a folder: mend `folder:` in the definition")
        return root

    def _walk(self, recursive: bool, report: Report) -> Iterator[tuple[str, os.stat_result]]:
        """Yield the encoded path below the folder and the status of each file."""
        root = self._root()
        # A folder, and whether a link led there. Behind one link no second one is followed: links
        # that point at each other would otherwise multiply without end, and every folder inside
        # is reached by its own path anyway.
        waiting: list[tuple[bytes, bool]] = [(b"", False)]
        while waiting:
            folder, linked = waiting.pop()
            before = encode_path(folder) + "/" if folder else ""
            try:
                with os.scandir(_join(root, folder)) as entries:
                    for entry in entries:
                        path = _join(folder, entry.name)
                        link = entry.is_symlink()
                        found = self._status(root, path, entry, report)
                        if found is None:
                            continue
                        name = encode_path(entry.name)
                        if modes.S_ISDIR(found.st_mode):
                            loop = link and (linked or _leads_up(root, folder, path))
                            if recursive and is_entered(name) and not loop:
                                waiting.append((path, linked or link))
                        elif modes.S_ISREG(found.st_mode) and is_delivery_name(name):
                            # No part of a path changes how another one is encoded.
                            yield before + name, found
            except OSError as error:
                if not folder:
                    raise self._unlistable(error) from error
                if error.errno not in _GONE:  # a folder that has vanished holds nothing
                    report(_sentence(f"{encode_path(folder)} in {self.place}", error))

    def _status(
        self, root: bytes, path: bytes, entry: os.DirEntry[bytes], report: Report
    ) -> os.stat_result | None:
        """Return the status of an entry, or None, having reported why there is none."""
        try:
            if not entry.is_symlink():
                return entry.stat(follow_symlinks=False)
            real = os.path.realpath(_join(root, path), strict=True)
            if real == root or _is_inside(root, real):
                return os.stat(real)
        except OSError as error:
            if entry.is_symlink() or error.errno not in _GONE:
                report(_sentence(f"{encode_path(path)} in {self.place}", error))
            return None
        report(f"{encode_path(path)} in {self.place} is left out: it is a link out of the folder")
        return None

    def _error(self, key: str, error: OSError) -> UnknownName | SourceError:
        if error.errno in _GONE:
            return self._unknown(key)
        return SourceError(f"{key} in {self.place} cannot be read: {_reason(error)}")

    def _unknown(self, key: str) -> UnknownName:
        return UnknownName(f"there is no file {key!r} in {self.place}")

    def _outside(self, key: str) -> FileRefused:
        return FileRefused(
            key, "outside_folder", f"it leads out of {self.place}: put the file itself there"
        )

    def _unlistable(self, error: OSError) -> SourceError:
        return SourceError(_sentence(self.place, error))


def _delivery(path: str, found: os.stat_result) -> Delivery:
    key = shorten(path)
    return Delivery(
        key=key,
        fingerprint=f"{found.st_size}-{found.st_mtime_ns}",
        size=found.st_size,
        modified=utc_from_microseconds(found.st_mtime_ns // 1_000),
        long_path=None if key == path else path,
    )


def _join(folder: bytes, name: bytes) -> bytes:
    return os.path.join(folder, name) if folder and name else folder or name


def _is_inside(root: bytes, real: bytes) -> bool:
    return real.startswith(root.rstrip(b"/") + b"/")


def _leads_up(root: bytes, folder: bytes, link: bytes) -> bool:
    """Tell whether a link in a folder leads to that folder itself or to one above it."""
    here = os.path.realpath(_join(root, folder))
    target = os.path.realpath(_join(root, link))
    return here == target or _is_inside(target, here)


def _sentence(what: str, error: OSError) -> str:
    return f"{what} cannot be listed: {_reason(error)}"


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__
