"""Whether a document is well-formed: expat says it, before anything is made of the bytes (M106)."""

from __future__ import annotations

from xml.parsers import expat

from import_assets.errors import FileRefused
from import_assets.formats.xml import faults

_PIECE_BYTES = 1 << 20


class Judge:
    """Takes the UTF-8 of a document piece by piece.

    No entity can be defined, since a document with a DOCTYPE is refused. Prefixes are not looked
    at: names are read as they are written.

    `roots` is 1 once a root element was met, else 0.
    """

    def __init__(self, file: str, encoding: str) -> None:
        self._file = file
        self._encoding = encoding
        self._parser = expat.ParserCreate(encoding="utf-8")
        self._parser.StartDoctypeDeclHandler = self._refuse_doctype
        self._parser.StartElementHandler = self._meet_root
        if hasattr(self._parser, "SetReparseDeferralEnabled"):
            # Newer versions of expat may wait for more bytes before they say what they could say.
            self._parser.SetReparseDeferralEnabled(False)
        self.roots = 0
        self._taken = 0

    def take(self, data: bytes) -> None:
        """Take the next bytes.

        Raises:
            FileRefused: `malformed_xml` or `doctype`.
        """
        for at in range(0, len(data), _PIECE_BYTES):
            piece = data[at : at + _PIECE_BYTES]
            self._parse(piece, last=False)
            self._taken += len(piece)

    def end(self) -> None:
        """Take it that nothing follows.

        Raises:
            FileRefused: `malformed_xml`.
        """
        self._parse(b"", last=True)

    def _parse(self, piece: bytes, *, last: bool) -> None:
        try:
            self._parser.Parse(piece, last)
        except expat.ExpatError as error:
            raise self._fault(error, piece) from None

    def _fault(self, error: expat.ExpatError, piece: bytes) -> FileRefused:
        line, column = error.lineno, error.offset + 1
        at = self._parser.ErrorByteIndex - self._taken
        if 0 <= at < len(piece) and _is_broken(piece[at : at + 4]):
            reason = f"here stands a byte that {self._encoding} does not know"
            return faults.malformed_as(self._file, reason, line, column)
        return faults.malformed(self._file, error.code, line, column)

    def _meet_root(self, *_: object) -> None:
        self.roots = 1
        self._parser.StartElementHandler = None

    def _refuse_doctype(self, *_: object) -> None:
        raise faults.doctype(self._file, self._parser.CurrentLineNumber)


def _is_broken(data: bytes) -> bool:
    """Tell whether the first character is no UTF-8; it may be cut off behind."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start == 0 and error.reason != "unexpected end of data"
    return False
