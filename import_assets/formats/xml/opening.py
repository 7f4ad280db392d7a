"""The text of a document, whatever encoding it is in, and whether a file is one (M082, M104)."""

from __future__ import annotations

import codecs
import re
from typing import get_args

from import_assets.errors import FileRefused
from import_assets.formats.encodings import LimitedStream, Utf8Stream, open_decoded, read_first
from import_assets.spec.formats import Encoding

HEAD_BYTES = 4096
"""Bytes from which it is told whether a file is XML."""

_UTF16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_UNMARKED_UTF16 = {b"<\0": "utf-16-le", b"\0<": "utf-16-be"}
_SPACE = b" \t\r\n"
_DECLARED = re.compile(rb"""<\?xml\s[^>]*?\sencoding\s*=\s*["']([^"'>]*)["']""")
_NAME = rb"[A-Za-z_:\x80-\xff][-\w:.\x80-\xff]*"
_DECISIVE = re.compile(
    rb"<(?:\?xml\s|!--|!DOCTYPE\s|" + _NAME + rb"\s+" + _NAME + rb"""\s*=\s*["'])"""
)
_ROOT = re.compile(rb"<(" + _NAME + rb")\s*/?>(\s*)")

_ALIASES = {
    "utf8": "utf-8",
    "us-ascii": "utf-8",
    "ascii": "utf-8",
    "utf-16le": "utf-16",
    "utf-16be": "utf-16",
    "utf16": "utf-16",
    "iso-8859-1": "latin1",
    "iso8859-1": "latin1",
    "iso_8859-1": "latin1",
    "latin-1": "latin1",
    "l1": "latin1",
    "iso8859-2": "iso-8859-2",
    "iso_8859-2": "iso-8859-2",
    "latin2": "iso-8859-2",
    "latin-2": "iso-8859-2",
    "l2": "iso-8859-2",
}


def looks_like_xml(head: bytes) -> bool:
    """Tell whether a file is XML, by its beginning.

    It is where it begins, behind a byte order mark and white space, with `<?xml`, a comment, a
    DOCTYPE or a tag with an attribute; or with a tag behind which another one follows, at once or
    on a line of its own, or whose end tag is in sight. A CSV file whose first column is called
    `<id>` is none.
    """
    text = _as_bytes(head).lstrip(_SPACE)
    if _DECISIVE.match(text):
        return True
    root = _ROOT.match(text)
    if root is None:
        return False
    behind = text[root.end() :]
    # White space between two tags of one line can be what separates the columns of CSV.
    apart = root[2] and b"\n" not in root[2] and b"\r" not in root[2]
    follows = behind.startswith(b"<") and not apart
    return not behind or follows or b"</" + root[1] in behind


def begins_like_xml(head: bytes) -> bool:
    """Tell whether anything but white space comes first that is no `<`."""
    return _as_bytes(head).lstrip(_SPACE)[:1] in (b"", b"<")


def open_text(stream: LimitedStream, said: Encoding | None, file: str) -> Utf8Stream:
    """Open a document as UTF-8.

    Its encoding is the one that its source knows it has (`said`), else that of its byte order
    mark, else that of its XML declaration, else UTF-8.

    Raises:
        FileRefused: `empty_file`, `wrong_encoding` or `too_many_bytes`.
    """
    first = read_first(stream)
    if not first.strip(_SPACE):
        raise FileRefused(file, "empty_file", "the file is empty: a document has a root element")
    if first[:2] in _UNMARKED_UTF16 and first[:4].count(0) == 2:
        raise FileRefused(
            file,
            "wrong_encoding",
            "the file is UTF-16 without a byte order mark: save it with one, or as UTF-8",
        )
    if said is None:
        said = _marked(first) or _declared(first, file)
    return open_decoded(stream, said, first, file)


def _as_bytes(head: bytes) -> bytes:
    """Return the beginning of a file as bytes in which markup is ASCII."""
    codec = _UTF16.get(head[:2]) or _UNMARKED_UTF16.get(head[:2])
    if codec is None:
        return head.removeprefix(codecs.BOM_UTF8)
    text = head[: len(head) // 2 * 2].decode(codec, "replace")
    return text.removeprefix("\ufeff").encode("utf-8", "replace")


def _marked(first: bytes) -> Encoding | None:
    if first.startswith(codecs.BOM_UTF8):
        return "utf-8"
    return "utf-16" if first[:2] in _UTF16 else None


def _declared(first: bytes, file: str) -> Encoding:
    found = _DECLARED.match(first)
    if found is None:
        return "utf-8"
    written = found[1].decode("ascii", "replace")
    name = written.lower().removeprefix("windows-")
    name = _ALIASES.get(name, f"cp{name}" if name.isdecimal() else name)
    encoding = next((one for one in get_args(Encoding) if one == name), None)
    if encoding is None:
        raise FileRefused(
            file,
            "wrong_encoding",
            f"the XML declaration says encoding {written!r}, which is not read: save the document "
            f"in one of {', '.join(get_args(Encoding))}",
            1,
        )
    if encoding == "utf-16":
        raise FileRefused(
            file,
            "wrong_encoding",
            f"the XML declaration says encoding {written!r}, but it is not written in it itself: "
            "write what the encoding is, such as utf-8, or leave it out",
            1,
        )
    return encoding
