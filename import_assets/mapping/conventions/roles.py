"""What the cells of each column are: by its name, and by what a definition makes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from import_assets.mapping.conventions.cells import Role
from import_assets.mapping.conventions.profile import Profile
from import_assets.spec.models import Column, CustomersKind, ImportSpec

_BY_TYPE: Mapping[str, Role] = {
    "number": "number",
    "integer": "number",
    "url": "url",
    "date": "date",
    "datetime": "timestamp",
    "json": "other",
}


@dataclass(frozen=True)
class Roles:
    """The columns of a file: their roles by name, in order, and those that no rule looks at."""

    by_name: Mapping[str, Role]
    ignored: frozenset[str] = frozenset()

    @classmethod
    def by_header(cls, profile: Profile, header: Sequence[str]) -> Roles:
        """Return the roles of columns of which only the names are known."""
        return cls({name: profile.role(name) for name in header})

    @classmethod
    def by_definition(cls, profile: Profile, header: Sequence[str], spec: ImportSpec) -> Roles:
        """Return the roles of columns of which a definition says something.

        A column whose `format` is said is written as the definition says, and one that is discarded
        is nobody's business.
        """
        rules = {(rule.from_ or "").strip(): rule for rule in spec.columns if rule.from_}
        ignored = {name for name in header if (rule := rules.get(name.strip())) and rule.discard}
        roles: dict[str, Role] = {
            name: _role(profile, name, rules.get(name.strip()), spec) for name in header
        }
        return cls(roles, frozenset(ignored))


def _role(profile: Profile, name: str, rule: Column | None, spec: ImportSpec) -> Role:
    named = profile.role(name)
    if rule is None:
        return named
    if rule.discard or rule.format is not None:
        return "other"
    if rule.id is not None:
        return "id"
    if rule.timestamp:
        return named if named == "date" else "timestamp"
    return _by_type(named, rule, spec)


def _by_type(named: Role, rule: Column, spec: ImportSpec) -> Role:
    if isinstance(spec.kind, CustomersKind) and rule.type in ("date", "datetime"):
        # Contacts have more ways of writing dates than one; which of them fit, the type tells.
        return named
    if rule.type == "boolean" and named != "boolean":
        return "other"
    return _BY_TYPE.get(rule.type, named)
