"""Why a document is refused, in sentences."""

from __future__ import annotations

from collections.abc import Iterable
from xml.parsers.expat import errors

from import_assets.errors import FileRefused
from import_assets.formats.layout import RECORD_BYTES

MOST_DEPTH = 100
"""Levels of elements that a document may have, the root's included."""

MOST_PATHS = 2_000
"""Different paths of elements and attributes that a document may have."""

_NAMED = 10

_REASONS = {
    errors.XML_ERROR_SYNTAX: "this is no markup",
    errors.XML_ERROR_NO_ELEMENTS: "it ends before its elements are closed",
    errors.XML_ERROR_INVALID_TOKEN: "here stands a character that may not stand here, such as a "
    "bare & or <, or one that XML does not know",
    errors.XML_ERROR_UNCLOSED_TOKEN: "a tag, a comment or another piece of markup is not closed",
    errors.XML_ERROR_PARTIAL_CHAR: "it ends in the middle of a character",
    errors.XML_ERROR_TAG_MISMATCH: "an end tag does not fit the element that is open",
    errors.XML_ERROR_DUPLICATE_ATTRIBUTE: "an element has two attributes of one name",
    errors.XML_ERROR_JUNK_AFTER_DOC_ELEMENT: "something follows the end of the root element: a "
    "document has one root",
    errors.XML_ERROR_UNDEFINED_ENTITY: "this entity is not defined: XML itself knows &amp; &lt; "
    "&gt; &quot; and &apos; only",
    errors.XML_ERROR_BAD_CHAR_REF: "this reference names a character that XML does not know",
    errors.XML_ERROR_MISPLACED_XML_PI: "the XML declaration does not stand at the very beginning: "
    "take away what stands before it",
    errors.XML_ERROR_UNCLOSED_CDATA_SECTION: "a CDATA section is not closed",
    errors.XML_ERROR_XML_DECL: "the XML declaration is not written well",
}


def malformed(file: str, code: int, line: int, column: int) -> FileRefused:
    """The document is not well-formed (M106); `code` is that of expat."""
    told = errors.messages.get(code, "it is not well-formed")
    return malformed_as(file, _REASONS.get(told, told), line, column)


def malformed_as(file: str, reason: str, line: int, column: int) -> FileRefused:
    """The document is not well-formed, for a reason that stands in words."""
    return FileRefused(
        file,
        "malformed_xml",
        f"the XML is not well-formed at column {column}: {reason}: nothing was imported, mend it "
        "where it is written",
        line,
    )


def doctype(file: str, line: int) -> FileRefused:
    """The document has a document type declaration (D33)."""
    return FileRefused(
        file,
        "doctype",
        "here stands a <!DOCTYPE, with which a document can define entities and draw in other "
        "files: it is not read, leave it out (if this is a web page, the address or the login is "
        "wrong)",
        line,
    )


def too_deep(file: str, line: int) -> FileRefused:
    """Elements nest too deep."""
    return FileRefused(
        file,
        "too_deep",
        f"the element that begins here lies deeper than {MOST_DEPTH} levels: such a document is "
        "not read",
        line,
    )


def too_long(file: str, what: str, line: int) -> FileRefused:
    """An element that is a row, a tag or another piece of markup is too long."""
    return FileRefused(
        file,
        "record_too_long",
        f"the {what} that begins here has more than {RECORD_BYTES:,} bytes: name the element that "
        "is a row in `format: {xml: {row: …}}`, or make it shorter",
        line,
    )


def too_many_paths(file: str) -> FileRefused:
    """A document has more names at different places than any table has columns."""
    return FileRefused(
        file,
        "too_many_columns",
        f"the document has more than {MOST_PATHS:,} different elements and attributes: use "
        "attributes or texts, not names, for what differs from row to row",
    )


def too_many_columns(file: str, limit: int, line: int | None) -> FileRefused:
    """The rows have more columns than allowed (M086)."""
    return FileRefused(
        file,
        "too_many_columns",
        f"the rows have more than {limit:,} columns, the first too many in the row that begins "
        "here: leave out elements, or take those inside of one as JSON by "
        "`format: {xml: {json: [NAME]}}`",
        line,
    )


def row_unclear(file: str, why: str) -> FileRefused:
    """Which element is a row cannot be found (D33)."""
    return FileRefused(
        file,
        "row_unclear",
        f"which element is a row is not clear: {why}; name it in `format: {{xml: {{row: …}}}}`",
    )


def row_not_found(file: str, row: str, paths: Iterable[str]) -> FileRefused:
    """The row that the definition names does not occur."""
    return FileRefused(
        file,
        "row_not_found",
        f"no element is {row}, which the definition says is a row; there are "
        f"{listed(paths)}: mend `format: {{xml: {{row: …}}}}`",
    )


def no_rows(file: str, row: str) -> FileRefused:
    """A feed of a known kind without any item."""
    return FileRefused(
        file,
        "no_rows",
        f"the document has no {row}, and so neither a row nor a column: nothing was imported",
    )


def listed(names: Iterable[str]) -> str:
    """Return the first of some names."""
    found = list(names)
    return ", ".join(found[:_NAMED]) + (", …" if len(found) > _NAMED else "")
