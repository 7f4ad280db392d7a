"""One SELECT and nothing else, proven by a parser (D43).

The parser knows the grammars of the databases, not their every version: what it cannot read is
refused as well. It is the first of two fences; the second is the read-only transaction.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.tokenizer_core import Token

_ADVICE = "an import reads with one SELECT"
_BEGINNINGS = ("SELECT", "WITH", "(", "FROM", "TABLE")


def check_select(query: str, grammar: str) -> str | None:
    """Return what is wrong with a query, in a sentence, or None if it is one SELECT that reads.

    Args:
        query: the SQL; semicolons at its end do no harm.
        grammar: `Dialect.grammar`.
    """
    from sqlglot import parse_one
    from sqlglot.errors import ParseError, SqlglotError, TokenError

    try:
        tokens = _tokens(query, grammar)
        wrong = _token_fault(tokens, grammar)
        if wrong is not None:
            return wrong
        tree = parse_one(_cut(query, tokens), read=grammar)
    except ParseError as error:
        return _unreadable(error)
    except TokenError as error:
        return f"the query cannot be read as SQL: {str(error).splitlines()[0]}"
    except SqlglotError as error:
        return f"the query cannot be read as SQL: {error}"
    except RecursionError:
        return "the query is nested too deeply: put it into a view of the database"
    return next(_tree_faults(tree), None)


def trimmed(query: str, grammar: str) -> str:
    """Return a query that `check_select` let pass without semicolons and comments at its end."""
    return _cut(query, _tokens(query, grammar))


def _tokens(query: str, grammar: str) -> list[Token]:
    from sqlglot import tokenize

    return tokenize(query, read=grammar)


def _cut(query: str, tokens: list[Token]) -> str:
    """Return a query up to the last token that is no semicolon."""
    ends = [token.end for token in tokens if not _is_semicolon(token)]
    return query[: ends[-1] + 1] if ends else ""


def _is_semicolon(token: Token) -> bool:
    return token.token_type.name == "SEMICOLON"


def _token_fault(tokens: list[Token], grammar: str) -> str | None:
    """Return what can be seen before parsing.

    What the parser does not know by its first word it would take for a command, with a warning.
    """
    words = [token for token in tokens if not _is_semicolon(token)]
    if not words:
        return "the query is empty: write a SELECT"
    first = words[0].text.upper()
    if first not in _BEGINNINGS:
        return f"the query begins with {first}: {_ADVICE}"
    after = next((index for index, token in enumerate(tokens) if _is_semicolon(token)), None)
    if after is not None and any(not _is_semicolon(token) for token in tokens[after:]):
        return f"the query is more than one statement: {_ADVICE}"
    comments = (comment for token in tokens for comment in token.comments)
    if grammar == "mysql" and any(comment.startswith(("!", "M!")) for comment in comments):
        return "the query has a comment that the database executes (/*! … */): leave it out"
    return None


def _tree_faults(tree: exp.Expr) -> Iterator[str]:
    from sqlglot import exp

    if not isinstance(tree, exp.Select | exp.SetOperation | exp.Subquery):
        yield f"the query is no SELECT: {_ADVICE}"
    for node in tree.walk():
        if isinstance(node, exp.Into):
            yield "the query writes its result with INTO: leave that out"
        elif isinstance(node, exp.Lock):
            yield f"the query locks rows with FOR {_lock(node)}: leave that out"
        elif isinstance(node, _statements()):
            yield f"the query holds {_word(node)}: {_ADVICE}"
        elif isinstance(node, exp.Placeholder):
            yield "the query has a placeholder (? or :name): write the value itself"


def _statements() -> tuple[type[exp.Expr], ...]:
    """Everything that is a statement of its own and no query."""
    from sqlglot import exp

    return (
        exp.Insert,
        exp.Update,
        exp.Delete,
        exp.Merge,
        exp.Create,
        exp.Drop,
        exp.Alter,
        exp.Copy,
        exp.Command,
        exp.Set,
        exp.Pragma,
        exp.Attach,
        exp.Detach,
        exp.Use,
        exp.Transaction,
        exp.Commit,
        exp.Rollback,
        exp.TruncateTable,
        exp.LoadData,
        exp.Export,
        exp.Kill,
        exp.Execute,
        exp.Declare,
        exp.Show,
        exp.Describe,
        exp.Analyze,
        exp.Grant,
        exp.Revoke,
    )


def _word(node: exp.Expr) -> str:
    return type(node).__name__.upper()


def _lock(node: exp.Lock) -> str:
    return "UPDATE" if node.args.get("update") else "SHARE"


def _unreadable(error: Exception) -> str:
    found = getattr(error, "errors", None) or [{}]
    place = found[0]
    near = str(place.get("highlight") or "")
    where = f" in line {place['line']}, column {place['col']}" if place.get("line") else ""
    return (
        f"the query cannot be read as SQL{where}{f', at {near!r}' if near else ''}: "
        f"{place.get('description') or 'it is not complete'}; mend it, or put it into a view of "
        "the database"
    )
