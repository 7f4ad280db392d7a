"""Whether a document is well-formed: expat says it, before anything is made of the bytes (M106)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self
from xml.parsers import expat

from import_assets.errors import SourceError
from import_assets.formats.xml import beside, faults
from import_assets.formats.xml.beside import framed, parser

BESIDE_BYTES = 4 << 20
"""Up to so many bytes, a document is judged before the next step is taken, in this process."""

_PIECE_BYTES = 1 << 20


@dataclass(frozen=True)
class Fault:
    """What expat says of a document: its `code`, where it is, and in hexadecimal what is `here`."""

    code: int
    line: int
    offset: int
    here: str


class Judge:
    """Takes the UTF-8 of a document piece by piece.

    No entity can be defined, since a document with a DOCTYPE is refused. Prefixes are not looked
    at: names are read as they are written.

    A long document is judged in a process of its own, and its faults are told a little later: when
    more is taken, or at the end of a `with` block, where they go before whatever else was raised.

    `roots` is 1 once a root element was met, else 0.
    """

    def __init__(self, file: str, encoding: str) -> None:
        self._file = file
        self._encoding = encoding
        self._parser = parser()
        self._parser.StartDoctypeDeclHandler = self._refuse_doctype
        self._parser.StartElementHandler = self._meet_root
        self.roots = 0
        self._taken = 0
        self._kept: list[bytes] | None = []
        self._beside: _Beside | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Tell a fault that was not told yet.

        Raises:
            FileRefused: `malformed_xml`.
            SourceError: the process that judges was ended by somebody.
        """
        if self._beside is not None:
            with self._beside as beside:
                if kind is None or issubclass(kind, Exception):
                    self._tell(beside.verdict(last=False))

    def take(self, data: bytes) -> None:
        """Take the next bytes; raises as in the end, and FileRefused `doctype`."""
        if not data:
            # To the process beside, a piece of no bytes is the end, and that may be told twice.
            return
        if self._kept is not None and self._taken + len(data) > BESIDE_BYTES:
            # Nothing but bytes before a root can be so many, and who knows what they are.
            self._beside = _Beside.started(self._kept) if self.roots else None
            self._kept = None
        if self._beside is not None:
            self._tell(self._beside.take(data))
            return
        for at in range(0, len(data), _PIECE_BYTES):
            piece = data[at : at + _PIECE_BYTES]
            self._parse(piece, last=False)
            self._taken += len(piece)
        if self._kept is not None:
            self._kept.append(data)

    def end(self) -> None:
        """Take it that nothing follows; raises as at the end of a `with` block."""
        if self._beside is None:
            self._parse(b"", last=True)
        else:
            self._tell(self._beside.verdict(last=True))

    def _parse(self, piece: bytes, *, last: bool) -> None:
        try:
            self._parser.Parse(piece, last)
        except expat.ExpatError as error:
            at = self._parser.ErrorByteIndex - self._taken
            here = piece[at : at + 4] if 0 <= at < len(piece) else b""
            self._tell(Fault(error.code, error.lineno, error.offset, here.hex()))

    def _tell(self, fault: Fault | None) -> None:
        if fault is None:
            return
        line, column = fault.line, fault.offset + 1
        if _is_broken(bytes.fromhex(fault.here)):
            reason = f"here stands a byte that {self._encoding} does not know"
            raise faults.malformed_as(self._file, reason, line, column)
        raise faults.malformed(self._file, fault.code, line, column)

    def _meet_root(self, *_: object) -> None:
        self.roots = 1
        self._parser.StartElementHandler = None

    def _refuse_doctype(self, *_: object) -> None:
        raise faults.doctype(self._file, self._parser.CurrentLineNumber)


class _Beside:
    """The process in which `beside` judges, and a thread that writes to it.

    While one piece is written, the next one can be made; no more than one waits.
    """

    def __init__(self, process: subprocess.Popen[bytes], pieces: Iterable[bytes]) -> None:
        self._process = process
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="judge")
        self._writing = self._writer.submit(self._write, *pieces)
        self._fault: Fault | None = None

    @classmethod
    def started(cls, pieces: Iterable[bytes]) -> Self:
        """Start a process, and give it these pieces.

        Raises:
            SourceError: none can be started.
        """
        command = [sys.executable, "-I", "-S", beside.__file__]
        try:
            process = subprocess.Popen(  # noqa: S603 - nothing in it comes from elsewhere
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                # Ctrl-C is for the one who reads; this one ends with what is written to it.
                start_new_session=True,
            )
        except OSError as error:
            raise SourceError(
                f"no process can be started to look at XML: {error.strerror}; it is tried again"
            ) from error
        return cls(process, list(pieces))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the process, if it still runs."""
        self._process.kill()
        self._writer.shutdown()
        self._process.__exit__(None, None, None)

    def take(self, piece: bytes) -> Fault | None:
        """Give it the next piece; returns the fault if it found one before."""
        if not self._writing.result():
            return self.verdict(last=False)
        self._writing = self._writer.submit(self._write, piece)
        return None

    def verdict(self, *, last: bool) -> Fault | None:
        """Return the fault in what was taken, which is all if it is the `last`.

        Raises:
            SourceError: the process ended without a word.
        """
        if self._process.returncode is None:
            if last and self._writing.result():
                self._writing = self._writer.submit(self._write, b"")
            self._writing.result()
            said, _ = self._process.communicate()
            if self._process.returncode:
                raise SourceError("the process that looks at XML was ended; it is tried again")
            found = json.loads(said)
            self._fault = Fault(**found) if found else None
        return self._fault

    def _write(self, *pieces: bytes) -> bool:
        """Write pieces; tells whether they are taken, which they are not behind a fault."""
        stdin = self._process.stdin
        if stdin is None:
            return False
        try:
            for piece in pieces:
                stdin.write(framed(piece))
            stdin.flush()
        except OSError:
            return False
        return True


def _is_broken(data: bytes) -> bool:
    """Tell whether there is a character that is no UTF-8; it may be cut off behind."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start == 0 and error.reason != "unexpected end of data"
    return False
