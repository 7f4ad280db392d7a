"""What was found out about a file, how sure it is, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Finding(Generic[T]):
    """One thing about how a file is written.

    `value`: what was found, None where several are as likely and a guess is refused.
    `confidence`: how sure that is, from 0 to 1; of a refusal, how sure the likeliest would be.
    `why`: what speaks for it, a sentence without a full stop that users read.
    `rivals`: what a refused guess would have chosen from. Where there is a value: what else would
    have read these bytes in the same way.
    """

    value: T | None
    confidence: float
    why: str
    rivals: tuple[T, ...] = ()

    @property
    def clear(self) -> bool:
        """Whether there is a value."""
        return self.value is not None


def said(value: T) -> Finding[T]:
    """Return what the definition says, which is not doubted."""
    return Finding(value, 1.0, "as the definition says")
