"""Which tables a query reads."""

from __future__ import annotations


def tables_read(query: str, grammar: str) -> set[tuple[str, ...]]:
    """Return the names of the tables in a query that `check_select` let pass, by their parts.

    Names that the query itself gives to parts of it are none.
    """
    from sqlglot import exp, parse_one

    tree = parse_one(query, read=grammar)
    own = {(one.alias_or_name,) for one in tree.find_all(exp.CTE)}
    named = {tuple(part.name for part in table.parts) for table in tree.find_all(exp.Table)}
    return {name for name in named if name not in own and all(name)}
