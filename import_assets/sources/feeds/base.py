"""What every feed can do: hand over what there is at the moment it is asked.

A feed has no files of its own. Each start of its import is a *slot*, which is also the key of the
delivery and the partition: the scheduled time, or a name that the user gives.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from import_assets.sources.delivery import Delivery
from import_assets.sources.rows import SpooledRows
from import_assets.sources.spool import Spooled
from import_assets.spec.models import Limits

State = Mapping[str, Any]
"""What a feed wants to know when it is asked again, as JSON can hold it."""


@dataclass(frozen=True)
class Since:
    """The last delivery of an import that was applied: what to tell a feed that is asked again.

    `sha256` is that of its content; `state` is what the feed itself said then.
    """

    key: str
    fingerprint: str
    sha256: str
    state: State


@dataclass(frozen=True)
class Pulled:
    """What a feed handed over: the delivery, its content on this machine, and the feed's state.

    The state counts only once the batch of this delivery is applied.
    """

    delivery: Delivery
    content: Spooled | SpooledRows
    state: State = field(default_factory=dict)


class Feed(ABC):
    """A source that is asked by the clock. Errors come out as those of a storage do."""

    @property
    @abstractmethod
    def place(self) -> str:
        """Where this is, in words that stand after "in" or "of": `connection shop_feed`."""

    @abstractmethod
    def pull(
        self, key: str, since: Since | None, spool_dir: Path, limits: Limits
    ) -> AbstractContextManager[Pulled | None]:
        """Fetch what there is now; the copy is removed when the block is left.

        Args:
            key: the slot, which becomes the key of the delivery.
            since: the last delivery that was applied, or None for the first.
            spool_dir: a folder of this machine, made when missing.
            limits: of bytes and rows.

        Returns:
            What was fetched, or None where it is the same as at `since`.

        Raises:
            SourceError: it cannot be had; a later try can help.
            FileRefused: it has too many bytes or rows, or is nothing that can be imported.
        """

    @abstractmethod
    def preview(
        self, records: int, spool_dir: Path, limits: Limits
    ) -> AbstractContextManager[Pulled]:
        """Fetch the beginning: at least `records` records, where there are as many.

        Raises:
            SourceError: it cannot be had.
            FileRefused: it is nothing that can be imported.
        """
