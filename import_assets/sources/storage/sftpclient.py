"""Reading by SFTP, version 3, over a channel of SSH: for several threads and files at once.

The client that comes with paramiko stops listing at a name that is not UTF-8, dies noisily when a
connection breaks while it reads ahead, and gives answers to the wrong thread where two share it.
Of paramiko this uses the channel and the encoding of messages.
"""

from __future__ import annotations

import io
import itertools
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import paramiko

from import_assets.errors import Disconnected

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_INIT, _VERSION, _OPEN, _CLOSE, _READ, _LSTAT = 1, 2, 3, 4, 5, 7
_OPENDIR, _READDIR, _REALPATH, _STAT = 11, 12, 16, 17
_STATUS, _HANDLE, _DATA, _NAME, _ATTRS = 101, 102, 103, 104, 105
_END, _NO_SUCH_FILE, _BAD_MESSAGE = 1, 2, 5
_TEXTS = {
    2: "No such file",
    3: "Permission denied",
    4: "Failure",
    5: "Bad message",
    8: "Operation not supported",
}
_HAS_SIZE, _HAS_OWNER, _HAS_MODE, _HAS_TIMES = 1, 2, 4, 8
_HAS_MORE = 0x8000_0000
_READ_FLAG = 1

_LARGEST_ANSWER = 1 << 24
_READ_BYTES = 1 << 15  # what every server grants in one answer
_READS = 64  # as much as the window of the channel holds
_READDIRS = 8
_BLOCK_BYTES = 1 << 20


class SftpFault(OSError):
    """The server answered that it cannot do what it was asked."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(" ".join(text.split()) or _TEXTS.get(code, f"fault {code}"))
        self.code = code

    @property
    def is_gone(self) -> bool:
        """Whether nothing can be under that path: OpenSSH calls names that are too long bad."""
        return self.code in (_NO_SUCH_FILE, _BAD_MESSAGE)


@dataclass(frozen=True, slots=True)
class Status:
    """What a server tells of a file: mode, size in bytes, and whole seconds from 1970; or not."""

    mode: int | None
    size: int | None
    modified: int | None


class _Reply:
    """Where the answer to a request is put when it comes: of some kind, with a message."""

    __slots__ = ("kind", "message")

    def __init__(self) -> None:
        self.kind = 0
        self.message: paramiko.Message | None = None


class SftpClient:
    """SFTP on a channel, with paths in bytes. Any number of threads may use it.

    Answers are put where they belong, whichever thread receives them. When one stays out for longer
    than the channel's timeout, or makes no sense, the whole connection is closed.
    """

    def __init__(
        self, channel: paramiko.Channel, lost: Callable[[Exception], Disconnected]
    ) -> None:
        """Begin SFTP on a channel that has asked for it.

        Args:
            channel: the channel, with its timeout set.
            lost: makes the error of what broke the connection.

        Raises:
            Disconnected: the connection broke, or the server does not speak SFTP.
        """
        self._channel = channel
        self._lost = lost
        self._sending = threading.Lock()
        self._receiving = threading.Lock()
        self._numbers = itertools.count(1)
        self._waiting: dict[int, _Reply] = {}
        with self._on_the_line():
            self._send(_INIT, 3)
            kind, _ = self._receive()
            if kind != _VERSION:
                raise EOFError("the server does not speak SFTP")

    @property
    def is_alive(self) -> bool:
        """Whether requests may still be answered."""
        return not self._channel.closed and self._channel.get_transport().is_active()

    def real_path(self, path: bytes) -> bytes:
        """Return a path as the server resolves it: without links and relative parts.

        Raises:
            SftpFault: the server cannot resolve it.
            Disconnected: the connection broke.
        """
        answer = self._answer(self._ask(_REALPATH, path), _NAME)
        answer.get_int()
        return answer.get_binary()

    def status(self, path: bytes, *, follow: bool) -> Status:
        """Return the status of a path: of what a link leads to if `follow`, else of the link.

        Raises:
            SftpFault: the server cannot tell it.
            Disconnected: the connection broke.
        """
        return _status(self._answer(self._ask(_STAT if follow else _LSTAT, path), _ATTRS))

    def entries(self, folder: bytes) -> Iterator[tuple[bytes, Status]]:
        """Yield what is in a folder: names, and the status of each without following links.

        Raises:
            SftpFault: the folder cannot be listed.
            Disconnected: the connection broke.
        """
        handle = self._answer(self._ask(_OPENDIR, folder), _HANDLE).get_binary()
        asked: deque[_Reply] = deque()
        ended = False
        try:
            while asked or not ended:
                while not ended and len(asked) < _READDIRS:
                    asked.append(self._ask(_READDIR, handle))
                try:
                    answer = self._answer(asked.popleft(), _NAME)
                except SftpFault as fault:
                    if fault.code != _END:
                        raise
                    ended = True
                else:
                    yield from _names(answer)
        finally:
            self.release(handle)

    def open(self, path: bytes, size: int) -> io.BufferedReader:
        """Open a file for reading; up to `size` bytes, it is read ahead.

        Raises:
            SftpFault: the server cannot open it.
            Disconnected: the connection broke.
        """
        request = self._ask(_OPEN, path, _READ_FLAG, 0)
        handle = self._answer(request, _HANDLE).get_binary()
        return io.BufferedReader(_File(self, handle, size), _BLOCK_BYTES)

    def ask_to_read(self, handle: bytes, offset: int, length: int) -> _Reply:
        """Ask for a part of a file; `read` returns it."""
        return self._ask(_READ, handle, offset >> 32, offset & 0xFFFF_FFFF, length)

    def read(self, reply: _Reply) -> bytes:
        """Return the part of a file that was asked for: less than asked for, or at the end nothing.

        Raises:
            SftpFault: the server cannot read it.
            Disconnected: the connection broke.
        """
        try:
            return self._answer(reply, _DATA).get_binary()
        except SftpFault as fault:
            if fault.code == _END:
                return b""
            raise

    def release(self, handle: bytes) -> None:
        """Tell the server that a file or folder is done with; what it says to that is ignored."""
        with suppress(Disconnected):
            self._ask(_CLOSE, handle)

    def _ask(self, command: int, *parts: bytes | int) -> _Reply:
        """Send a request without waiting for the answer."""
        reply = _Reply()
        with self._on_the_line(), self._sending:
            number = next(self._numbers)
            self._waiting[number] = reply
            self._send(command, number, *parts)
        return reply

    def _answer(self, reply: _Reply, expected: int) -> paramiko.Message:
        """Wait for the answer to a request."""
        with self._on_the_line():
            while reply.message is None:
                with self._receiving:
                    # While this thread waited for its turn, another may have received it.
                    if reply.message is None:
                        self._receive_one()
            if reply.kind not in (expected, _STATUS):
                raise EOFError(f"the server gave an answer of kind {reply.kind}")
        if reply.kind == _STATUS:
            code = reply.message.get_int()
            raise SftpFault(code, reply.message.get_binary().decode("utf-8", "replace"))
        return reply.message

    def _receive_one(self) -> None:
        kind, message = self._receive()
        reply = self._waiting.pop(message.get_int(), None)
        if reply is not None:
            reply.kind, reply.message = kind, message

    def _send(self, command: int, *parts: bytes | int) -> None:
        message = paramiko.Message()
        message.add_byte(bytes([command]))
        for part in parts:
            if isinstance(part, int):
                message.add_int(part)
            else:
                message.add_string(part)
        packet = message.asbytes()
        self._channel.sendall(len(packet).to_bytes(4, "big") + packet)

    def _receive(self) -> tuple[int, paramiko.Message]:
        size = int.from_bytes(self._exactly(4), "big")
        if not 0 < size < _LARGEST_ANSWER:
            raise EOFError("the server does not speak SFTP")
        packet = self._exactly(size)
        return packet[0], paramiko.Message(packet[1:])

    def _exactly(self, size: int) -> bytes:
        blocks = []
        while size:
            block = self._channel.recv(size)
            if not block:
                raise EOFError
            blocks.append(block)
            size -= len(block)
        return b"".join(blocks)

    @contextmanager
    def _on_the_line(self) -> Iterator[None]:
        try:
            yield
        except (paramiko.SSHException, EOFError, OSError) as error:
            # Half an answer may have been read, so that nothing that follows could be understood.
            self._channel.get_transport().close()
            raise self._lost(error) from error


class _File(io.RawIOBase):
    """A file being read from its beginning, with many requests on their way."""

    def __init__(self, client: SftpClient, handle: bytes, size: int) -> None:
        self._client = client
        self._handle = handle
        self._size = size
        self._offset = 0
        self._asked: deque[tuple[int, int, _Reply]] = deque()
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill a buffer as far as the next bytes that came reach; 0 at the end."""
        if not self._rest:
            self._rest = memoryview(self._next())
        target = memoryview(buffer).cast("B")
        taken = min(len(target), len(self._rest))
        target[:taken] = self._rest[:taken]
        self._rest = self._rest[taken:]
        return taken

    def close(self) -> None:
        if not self.closed:
            self._asked.clear()
            self._client.release(self._handle)
        super().close()

    def _next(self) -> bytes:
        self._ask_ahead()
        offset, length, reply = self._asked.popleft()
        block = self._client.read(reply)
        if not block:
            self._asked.clear()
            self._offset = offset
        elif len(block) < length:
            self._ask(offset + len(block), length - len(block), first=True)
        return block

    def _ask_ahead(self) -> None:
        # One request more than it has bytes: only an answer without bytes is the end of a file.
        while len(self._asked) < _READS and (self._offset <= self._size or not self._asked):
            length = _READ_BYTES
            if self._offset < self._size:
                length = min(length, self._size - self._offset)
            self._ask(self._offset, length)
            self._offset += length

    def _ask(self, offset: int, length: int, *, first: bool = False) -> None:
        request = (offset, length, self._client.ask_to_read(self._handle, offset, length))
        if first:
            self._asked.appendleft(request)
        else:
            self._asked.append(request)


def _names(answer: paramiko.Message) -> Iterator[tuple[bytes, Status]]:
    for _ in range(answer.get_int()):
        name = answer.get_binary()
        answer.get_binary()  # the line of `ls -l`
        status = _status(answer)
        if name not in (b".", b".."):
            yield name, status


def _status(answer: paramiko.Message) -> Status:
    flags = answer.get_int()
    size = answer.get_int64() if flags & _HAS_SIZE else None
    if flags & _HAS_OWNER:
        answer.get_bytes(8)
    mode = answer.get_int() if flags & _HAS_MODE else None
    if flags & _HAS_TIMES:
        answer.get_bytes(4)
    modified = answer.get_int() if flags & _HAS_TIMES else None
    if flags & _HAS_MORE:
        for _ in range(2 * answer.get_int()):
            answer.get_binary()
    return Status(mode, size, modified)
