"""What databases say when something goes wrong, in sentences that name the connection."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote, quote_plus

from import_assets.errors import Disconnected, FileRefused, ImportAssetsError, SourceError

FaultKind = Literal[
    "login",
    "unknown_database",
    "unknown_host",
    "unreachable",
    "denied",
    "timeout",
    "lost",
    "writes",
    "query",
    "driver",
    "other",
]

Classify = Callable[[Exception], tuple[FaultKind, str]]
"""Tells what an error of a driver means, and which of its words say so."""

_SENTENCES: Mapping[FaultKind, str] = {
    "login": "the database refuses the user or the password: {detail}; mend the user in `url`"
    "{password}",
    "unknown_database": "the database does not exist: {detail}; mend `url`",
    "unknown_host": "the host of the database is not known: {detail}; mend `url`, or see whether "
    "this machine can look names up",
    "unreachable": "the database cannot be reached: {detail}; see whether it runs and lets this "
    "machine in",
    "denied": "the user may not read this: {detail}; let the right to SELECT be granted",
    "timeout": "the query took longer than {timeout} seconds and was ended: narrow it, give it an "
    "index, or raise `timeout` of the connection",
    "lost": "the database broke the connection: {detail}; it is tried again",
    "writes": "the query writes, which an import may not: {detail}; read only",
    "query": "the database refuses the query: {detail}; mend the query",
    "driver": "the driver for `url` cannot be loaded: {detail}; install its package where "
    "Dagster runs, or mend `url`",
    "other": "the database reports: {detail}",
}
_AGAIN = ("unknown_host", "unreachable", "lost")
_REFUSED: Mapping[FaultKind, str] = {"writes": "query_writes", "query": "query_refused"}


@dataclass(frozen=True)
class Faults:
    """Makes errors for one connection.

    Args:
        name: the connection's.
        file: what refusals call the delivery.
        timeout: in seconds, of a query.
        variable: the environment variable of the password.
        password: to be kept out of everything.
        what: `name` is the name of.
    """

    name: str
    file: str
    timeout: float
    variable: str | None = None
    password: str | None = field(default=None, repr=False)
    what: Literal["connection", "analysis"] = "connection"

    def error(self, kind: FaultKind, detail: str) -> ImportAssetsError:
        """Return the error to raise.

        A `Disconnected` where trying again at once can help, a `FileRefused` where only another
        query helps, else a `SourceError`.
        """
        set_it = f", or the password in the environment variable {self.variable}"
        sentence = _SENTENCES[kind].format(
            detail=self.clean(detail),
            timeout=f"{self.timeout:g}",
            password=set_it if self.variable else ", or name its password with `password_env`",
        )
        text = f"{self.what} {self.name}: {sentence}"
        if kind in _REFUSED:
            return FileRefused(self.file, _REFUSED[kind], text)
        return Disconnected(text) if kind in _AGAIN else SourceError(text)

    def clean(self, detail: str) -> str:
        """Return the first line of what a driver says, without the password."""
        lines = [line.strip() for line in detail.strip().splitlines()]
        said = next((line for line in lines if line), "no reason given")
        if self.password:
            for secret in {self.password, quote(self.password), quote_plus(self.password)}:
                said = said.replace(secret, "***")
        return said.rstrip(".;")

    @contextmanager
    def translated(self, classify: Classify, errors: tuple[type[Exception], ...]) -> Iterator[None]:
        """Turn errors of a driver that arise in the block into errors of this package."""
        try:
            yield
        except errors as error:
            kind, detail = classify(error)
            # The driver's own error stays out of the trace where it shows the password.
            shown = self.password is not None and self.password in str(error)
            raise self.error(kind, detail) from (None if shown else error)
