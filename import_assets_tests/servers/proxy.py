"""A network that misbehaves: a TCP proxy between a client and a server of a test."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_BLOCK_BYTES = 1 << 16


@dataclass
class Proxy:
    """Passes bytes on both ways; the switches may be set at any time.

    Bytes are those from the server to the client, counted anew in each connection.
    """

    host: str
    port: int
    latency: float = 0.0
    """Seconds by which each block is late, both ways."""
    cut_after: int | None = None
    """Bytes after which a connection is reset; `cuts` says how many are."""
    cuts: int = 1
    """Connections that are still to be reset at `cut_after`."""
    stall_after: int | None = None
    """Bytes after which nothing comes any more, while the connection stays; 0: never an answer."""
    refuse: bool = False
    """New connections are reset at once."""
    connections: int = 0
    """Connections that were made so far."""
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop, repr=False)
    _open: set[asyncio.StreamWriter] = field(default_factory=set, repr=False)
    _target: tuple[str, int] = field(default=("", 0), repr=False)

    def reset(self) -> None:
        """Reset all connections that are open now; new ones work."""
        self._run(self._reset_all())

    def mend(self) -> None:
        """Switch everything off."""
        self.latency, self.refuse = 0.0, False
        self.cut_after = self.stall_after = None
        self.cuts = 1

    def _run(self, coroutine: Coroutine[Any, Any, object]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout=10)

    async def _reset_all(self) -> None:
        for writer in list(self._open):
            _reset(writer)

    async def _serve(self, client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if self.refuse:
            _reset(answer)
            return
        try:
            server, request = await asyncio.open_connection(*self._target)
        except OSError:
            _reset(answer)
            return
        self._open |= {answer, request}
        try:
            with suppress(ConnectionError, asyncio.CancelledError):
                await asyncio.gather(
                    self._pump(client, request, to_client=False),
                    self._pump(server, answer, to_client=True),
                )
        finally:
            for writer in (answer, request):
                self._open.discard(writer)
                _reset(writer)

    async def _pump(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, to_client: bool
    ) -> None:
        passed = 0
        while block := await source.read(_BLOCK_BYTES):
            if self.latency:
                await asyncio.sleep(self.latency)
            passing = await self._within(block, passed) if to_client else block
            passed += len(passing)
            sink.write(passing)
            await sink.drain()
            if to_client and self._cuts_at(passed):
                raise ConnectionAbortedError
        sink.write_eof()

    async def _within(self, block: bytes, passed: int) -> bytes:
        """Return as much of a block as may pass; wait while nothing may."""
        if self.cut_after is not None and self.cuts:
            block = block[: max(self.cut_after - passed, 0)]
        while self.stall_after is not None and passed + len(block) > self.stall_after:
            await asyncio.sleep(0.02)
        return block

    def _cuts_at(self, passed: int) -> bool:
        if self.cut_after is None or not self.cuts or passed < self.cut_after:
            return False
        self.cuts -= 1
        return True


def _reset(writer: asyncio.StreamWriter) -> None:
    own: socket.socket | None = writer.get_extra_info("socket")
    if own is not None:
        with suppress(OSError):
            own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    writer.transport.abort()


@contextmanager
def proxy(host: str, port: int) -> Iterator[Proxy]:
    """Run a proxy before a server, on a free port of 127.0.0.1, in a thread of its own."""
    running = Proxy("127.0.0.1", 0, _target=(host, port))
    loop = running._loop
    thread = threading.Thread(target=loop.run_forever, name="proxy", daemon=True)
    thread.start()

    async def start() -> asyncio.Server:
        return await asyncio.start_server(running._serve, "127.0.0.1", 0)

    try:
        server = asyncio.run_coroutine_threadsafe(start(), loop).result(timeout=10)
        running.port = server.sockets[0].getsockname()[1]
        yield running
        running._run(_stop(server))
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=10)
        loop.close()


async def _stop(server: asyncio.Server) -> None:
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
