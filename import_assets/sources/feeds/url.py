"""A file that a server hands out by HTTPS (M009-M011, M053-M054, M088-M090, D40-D42)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from import_assets.sources.delivery import Delivery
from import_assets.sources.feeds.base import Feed, Pulled, Since
from import_assets.sources.feeds.http import Answer, Client, Phase, shown_address
from import_assets.sources.feeds.wire import Clock
from import_assets.sources.retry import PAUSES, retrying
from import_assets.sources.spool import Copy, Spooled, new_copy
from import_assets.spec.connections import HttpConnection
from import_assets.spec.models import Limits

SAMPLE_BYTES = 1 << 16
"""Bytes of a sample (D41)."""

PREVIEW_KEY = "preview"
"""The key of a delivery that is only looked at."""

_PREVIEW_BYTES = 1 << 20
_RECORD_BYTES = 1 << 14
_PACKED = (b"PK\x03\x04", b"\x1f\x8b")
_MAGIC_BYTES = 4
_CONTENT_RANGE = re.compile(r"bytes ([0-9]+)-([0-9]+)/([0-9]+)")
_LONGEST_FINGERPRINT = 200

_Ask = Callable[[Mapping[str, str]], AbstractContextManager[Answer]]


class UrlFeed(Feed):
    """A file behind an address; each start asks for it anew.

    Args:
        name: the connection's name; the host, or nothing, for an address that needs none.
        address: the whole address, see `joined`.
        connection: how to ask.
        root: the project's folder, which `ca_file` is relative to.
        pauses: seconds between attempts when a connection breaks.
    """

    def __init__(
        self,
        name: str,
        address: str,
        connection: HttpConnection,
        root: Path,
        *,
        pauses: tuple[float, ...] = PAUSES,
    ) -> None:
        self.name = name
        self._address = address
        self._connection = connection
        self._pauses = pauses
        self._client = Client(name, self.place, connection, root)

    @property
    def place(self) -> str:
        """See `Feed.place`."""
        host = urlsplit(self._address).hostname
        return f"server {host}" if self.name in ("", host) else f"connection {self.name}"

    def __repr__(self) -> str:
        return f"UrlFeed({self.name!r}, {shown_address(self._address)!r})"

    @contextmanager
    def pull(
        self, key: str, since: Since | None, spool_dir: Path, limits: Limits
    ) -> Iterator[Pulled | None]:
        """See `Feed.pull`. The server is asked in the phase `download` (M011).

        What is the same as at `since` is not fetched where the server knows its own versions, by
        ETag or date, and not handed over where the content has the same SHA-256. The fingerprint
        is the ETag, weak or strong; else date and size; else the SHA-256.
        A connection that breaks is taken up again where it broke, if the server can do so, within
        the one hour of the whole (M090).
        """
        clock = Clock(self._connection)
        with new_copy(key, spool_dir, limits.file_bytes) as copy:
            known = _known_versions(self._asker, since)
            download = _Download(self._asking("download", clock), copy, known)
            head = retrying(download.attempt, pauses=self._pauses, sleep=clock.sleep)
            if head is None:
                yield None
                return
            spooled = copy.finish()
            same = since is not None and spooled.sha256 == since.sha256
            yield None if same else self._pulled(key, head, spooled)

    @contextmanager
    def preview(self, records: int, spool_dir: Path, limits: Limits) -> Iterator[Pulled]:
        """See `Feed.preview`. The server is asked in the phase `preview` (M011).

        It is read until there are enough lines, and one megabyte, then it is left; the last line
        is whole. Files that are packed in themselves come whole, since no part can be unpacked.
        """
        clock = Clock(self._connection)
        ask = self._asking("preview", clock)
        with new_copy(PREVIEW_KEY, spool_dir, limits.file_bytes) as copy:

            def attempt() -> datetime | None:
                with ask({}) as answer:
                    _check_whole_answer(answer)
                    copy.restart()
                    _copy_beginning(answer, copy, records, limits.file_bytes)
                    return answer.modified

            modified = retrying(attempt, pauses=self._pauses, sleep=clock.sleep)
            spooled = copy.finish()
            delivery = Delivery(
                PREVIEW_KEY, spooled.sha256, spooled.size, modified or datetime.now(UTC)
            )
            yield Pulled(delivery, spooled)

    def sample(self) -> bytes:
        """Return the first 64 KiB, which tell the encoding; the phase is `sample` (M011, D41).

        Raises:
            SourceError: it cannot be had.
        """
        clock = Clock(self._connection)
        ask = self._asking("sample", clock)

        def attempt() -> bytes:
            found = bytearray()
            with ask({}) as answer:
                _check_whole_answer(answer)
                for block in answer.blocks():
                    found += block
                    if len(found) >= SAMPLE_BYTES:
                        break
            return bytes(found[:SAMPLE_BYTES])

        return retrying(attempt, pauses=self._pauses, sleep=clock.sleep)

    def _asking(self, phase: Phase, clock: Clock) -> _Ask:
        return lambda conditions: self._client.get(self._address, phase, clock, conditions)

    @property
    def _asker(self) -> str:
        """What stands for address and user in the state: the address may hold a secret (D42)."""
        asker = f"{self._connection.user or ''}\n{self._address}"
        return hashlib.sha256(asker.encode()).hexdigest()

    def _pulled(self, key: str, head: Answer, spooled: Spooled) -> Pulled:
        etag, modified = head.header("etag"), head.header("last-modified")
        if etag is not None:
            fingerprint = etag
        elif modified is not None:
            fingerprint = f"{modified} {spooled.size}"
        else:
            fingerprint = spooled.sha256
        if len(fingerprint) > _LONGEST_FINGERPRINT:
            fingerprint = hashlib.sha256(fingerprint.encode()).hexdigest()
        delivery = Delivery(key, fingerprint, spooled.size, head.modified or datetime.now(UTC))
        state = {"address": self._asker, "etag": etag, "modified": modified}
        return Pulled(delivery, spooled, {name: value for name, value in state.items() if value})


class _Download:
    """One download, in as many attempts as it takes.

    Args:
        ask: asks the server, under conditions.
        copy: where the content goes.
        known: the conditions by which the server tells that there is nothing new.
    """

    def __init__(self, ask: _Ask, copy: Copy, known: Mapping[str, str]) -> None:
        self._ask = ask
        self._copy = copy
        self._known = known
        self._head: Answer | None = None
        """The answer that the copy was begun with, where the rest of it can be asked for."""

    def attempt(self) -> Answer | None:
        """Fetch the whole, or the rest of it; return the answer, or None if it is unchanged.

        Raises:
            SourceError: it cannot be had.
            Disconnected: it broke off; the next attempt goes on from there, or from the start.
            FileRefused: it has too many bytes.
        """
        rest = self._rest()
        conditions = rest or self._known
        with self._ask(conditions) as answer:
            if answer.status == 304 and self._known and not rest:
                return None
            if answer.status == 200:
                head = self._begin(answer)
            elif rest and self._head is not None and self._goes_on(answer):
                head = self._head
            elif rest:
                self._head = None
                raise answer.unfitting()
            else:
                raise answer.unexpected()
            for block in answer.blocks():
                self._copy.write(block)
        return head

    def _begin(self, answer: Answer) -> Answer:
        self._copy.restart()
        if answer.length is not None and not answer.is_packed:
            self._copy.expect(answer.length)
        ranges = (answer.header("accept-ranges") or "").lower()
        can_go_on = (
            answer.strong_etag is not None
            and answer.length is not None
            and ranges == "bytes"
            and not answer.is_packed
            and not answer.redirected
        )
        self._head = answer if can_go_on else None
        return answer

    def _rest(self) -> dict[str, str]:
        """Return the headers that ask for the rest, if there is a beginning."""
        if self._head is None or not self._copy.size:
            return {}
        etag = self._head.strong_etag or ""
        return {"Range": f"bytes={self._copy.size}-", "If-Range": etag}

    def _goes_on(self, answer: Answer) -> bool:
        """Tell whether an answer is the rest, exactly, of what the copy was begun with."""
        head = self._head
        found = _CONTENT_RANGE.fullmatch(answer.header("content-range") or "")
        if head is None or answer.status != 206 or found is None:
            return False
        first, last, total = (int(number) for number in found.groups())
        return (
            (first, last + 1, total) == (self._copy.size, head.length, head.length)
            and answer.length in (None, total - first)
            and answer.header("etag") in (None, head.strong_etag)
            and not answer.is_packed
            and not answer.redirected
        )


def joined(address: str, path: str | None) -> str:
    """Return the address of a connection with the path of an import added; queries are kept."""
    if not path:
        return address
    base = urlsplit(address)
    added, _, query = path.partition("?")
    whole = f"{base.path.rstrip('/')}/{added.removeprefix('/')}" if added else base.path
    queries = "&".join(part for part in (base.query, query) if part)
    return urlunsplit((base.scheme, base.netloc, whole, queries, ""))


def _known_versions(asker: str, since: Since | None) -> dict[str, str]:
    """Return the headers that ask for it only if it is another version than the last one."""
    if since is None or since.state.get("address") != asker:
        return {}
    names = {"If-None-Match": "etag", "If-Modified-Since": "modified"}
    known = {header: since.state.get(name) for header, name in names.items()}
    return {header: value for header, value in known.items() if isinstance(value, str)}


def _check_whole_answer(answer: Answer) -> None:
    if answer.status != 200:
        raise answer.unexpected()


def _copy_beginning(answer: Answer, copy: Copy, records: int, file_bytes: int) -> None:
    """Write whole lines until there are enough; twice as many, as a record may have several."""
    blocks = answer.blocks()
    start = b""
    for block in blocks:
        start += block
        if len(start) >= _MAGIC_BYTES:
            break
    if start.startswith(_PACKED):
        for block in chain([start], blocks):
            copy.write(block)
        return
    line_end = _line_end(start)
    most = min(file_bytes, _PREVIEW_BYTES + records * _RECORD_BYTES)
    lines, rest = 0, b""
    for block in chain([start], blocks):
        rest += block
        cut = _after_last(rest[: most - copy.size], line_end)
        lines += rest.count(line_end, 0, cut)
        copy.write(rest[:cut])
        rest = rest[cut:]
        enough = copy.size >= _PREVIEW_BYTES and lines >= 2 * records
        if enough or copy.size + len(rest) > most:
            # One endless line is better than nothing: XML needs no line ends.
            copy.write(b"" if copy.size else rest[:most])
            return
    copy.write(rest)


def _line_end(start: bytes) -> bytes:
    if start.startswith(b"\xff\xfe"):
        return b"\n\0"
    return b"\0\n" if start.startswith(b"\xfe\xff") else b"\n"


def _after_last(text: bytes, line_end: bytes) -> int:
    """Return where the last line ends, which in UTF-16 is at whole characters only."""
    at = text.rfind(line_end)
    while at >= 0 and at % len(line_end):
        at = text.rfind(line_end, 0, at + len(line_end) - 1)
    return at + len(line_end) if at >= 0 else 0
