"""What became of the records of a delivery, in numbers that add up."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Counts:
    """Numbers of records; `read` is the sum of the five outcomes (blank lines are not records)."""

    read: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    duplicate: int = 0
    rejected: int = 0
    blank: int = 0
    customers_created: int = 0
    removed: int = 0
    """Items that were in a catalog and are not in the file that replaced it; not records."""

    @property
    def accounted(self) -> int:
        """Records with a known outcome."""
        return self.inserted + self.updated + self.unchanged + self.duplicate + self.rejected

    @property
    def add_up(self) -> bool:
        """True when every record read has exactly one outcome."""
        return self.read == self.accounted

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            **{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(Counts)}
        )

    def as_dict(self) -> dict[str, int]:
        """Return the numbers by name, in the order of their fields."""
        return {f.name: getattr(self, f.name) for f in fields(Counts)}
