"""Keys of deliveries: paths made fit to be partition keys, and back again.

A path is kept as it is, so that users recognise it, except for what a partition key cannot hold:
control characters and line separators, bytes that are not UTF-8, and three or more dots in a row.
These are percent-encoded. A percent sign is encoded only where two hexadecimal digits follow it,
so `50%.csv` stays `50%.csv` and decoding still gives back the very bytes of the path.
"""

from __future__ import annotations

import hashlib
import re

MAX_KEY_BYTES = 1_024
"""Bytes of a key in UTF-8; the databases behind partitions index no more than about 2,700."""

_SURELY_SHORT = MAX_KEY_BYTES // 4
"""Characters that fit, whatever they are."""

PARTIAL_SUFFIXES = (".part", ".tmp", ".filepart", ".crdownload", ".swp")
"""Endings by which programs mark files that they have not finished writing."""

_UNFIT = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]"  # control, line separators, odd bytes
    "|%(?=[0-9A-Fa-f]{2})"
    r"|\.{3,}"
)
_ENCODED = re.compile(rb"%([0-9A-Fa-f]{2})")
_HEAD_BYTES = 400
_HASH = re.compile(r"~[0-9a-f]{32}~")


def encode_path(path: bytes) -> str:
    """Return a path, or one part of it, as text that a key may hold. See `decode_path`."""
    text = path.decode("utf-8", "surrogateescape")
    return text if is_plain(text) else _UNFIT.sub(_percent, text)


def is_plain(text: str) -> bool:
    """Tell whether nothing is to be encoded or decoded; several times faster than to do it."""
    return text.isascii() and text.isprintable() and "%" not in text and "..." not in text


def decode_path(encoded: str) -> bytes | None:
    """Return the path that `encode_path` turned into `encoded`, or None if there is no such path.

    Only one text stands for each path: `%41` for `A` is refused rather than accepted as a second
    key for the same file.
    """
    if is_plain(encoded):
        return encoded.encode()
    try:
        plain = encoded.encode("utf-8")
    except UnicodeEncodeError:
        return None
    path = _ENCODED.sub(lambda match: bytes.fromhex(match[1].decode("ascii")), plain)
    return path if b"\0" not in path and encode_path(path) == encoded else None


def true_path(encoded: str) -> str:
    """Return an encoded path as the storage itself shows it, which is what file filters go by.

    Bytes that are not UTF-8 come out as lone surrogates.
    """
    path = decode_path(encoded) if "%" in encoded else None
    return encoded if path is None else path.decode("utf-8", "surrogateescape")


def shorten(path: str) -> str:
    """Return the key for an encoded path: itself, or where too long, a shorter one with a digest.

    The middle is what is left out, because users know a file by its folder and its ending.
    """
    if len(path) <= _SURELY_SHORT:
        return path
    whole = path.encode("utf-8")
    if len(whole) <= MAX_KEY_BYTES:
        return path
    digest = f"~{hashlib.blake2b(whole, digest_size=16).hexdigest()}~"
    tail_bytes = MAX_KEY_BYTES - _HEAD_BYTES - len(digest)
    head = whole[:_HEAD_BYTES].decode("utf-8", "ignore")
    tail = whole[-tail_bytes:].decode("utf-8", "ignore")
    return f"{head}{digest}{tail}"


def may_be_shortened(key: str) -> bool:
    """Tell whether a key may have come out of `shorten` as other than the path itself."""
    # Cutting between bytes of one character may lose up to three of them at each of two ends.
    return len(key.encode("utf-8", "replace")) >= MAX_KEY_BYTES - 6 and bool(_HASH.search(key))


def is_delivery_name(name: str) -> bool:
    """Tell whether a file can be a delivery: not hidden and not half-written.

    The name is encoded, see `encode_path`.
    """
    name = _with_dots(name)
    return not name.startswith(".") and not name.casefold().endswith(PARTIAL_SUFFIXES)


def is_entered(name: str) -> bool:
    """Tell whether a sub-folder of this name, which is encoded, is looked into.

    Folders that begin with a dot hold what programs keep for themselves, among it the half-written
    files of rsync (`.~tmp~`) and the older copies of file servers (`.snapshot`).
    """
    return not _with_dots(name).startswith(".")


def _with_dots(encoded: str) -> str:
    """Return an encoded name with its dots, of which several in a row are encoded too."""
    return encoded.replace("%2E", ".")


def listed_path(encoded: str) -> bytes | None:
    """Return the path that an encoded one stands for, or None if no listing can hold it.

    A part may hide a slash (`%2F`), be empty, or be a name that is never listed.
    """
    path = decode_path(encoded)
    *folders, name = encoded.split("/")
    if path is None or path.count(b"/") != len(folders):
        return None
    whole = name and all(folders) and is_delivery_name(name) and all(map(is_entered, folders))
    return path if whole else None


def _percent(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode("utf-8", "surrogateescape"))
