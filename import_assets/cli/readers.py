"""Which statements only read: a warehouse open for reading keeps no other file from being written.

What a statement is, DuckDB's own parser says. Where it does not, the words do, and what is not
known to read is refused.
"""

from __future__ import annotations

import re

import duckdb

from import_assets.errors import ImportAssetsError

_GAP = r"(?:\s|--[^\n]*(?:\n|$)|/\*.*?\*/)*"
_FLAGS = re.IGNORECASE | re.DOTALL
_WORD = re.compile(rf"(?:{_GAP}\()*{_GAP}(\w+)", _FLAGS)
_EXPLAIN = re.compile(
    rf"{_GAP}explain\b{_GAP}(?:analyze\b{_GAP}|\({_GAP}(?:analyze|format)\b[^)]*\))?", _FLAGS
)
_PRAGMA = re.compile(rf"{_GAP}pragma\s+(\w+)", _FLAGS)
_READING_PRAGMAS = frozenset(
    [
        "collations",
        "database_list",
        "database_size",
        "functions",
        "metadata_info",
        "platform",
        "show",
        "show_databases",
        "show_tables",
        "show_tables_expanded",
        "storage_info",
        "table_info",
        "user_agent",
        "version",
    ]
)
_READING_WORDS = frozenset(["from", "pivot", "pivot_wider", "select", "values", "with"])

# They are functions, and so a part of SELECTs, and write files.
_WRITING_FUNCTIONS = re.compile(r"\b(enable_logging|enable_profiling)\b", re.IGNORECASE)


class QueryError(ImportAssetsError):
    """A statement cannot be run, or would do more than read."""


def shut(connection: duckdb.DuckDBPyConnection) -> None:
    """Let a connection neither fetch or load extensions nor be set up otherwise."""
    for setting in ("autoinstall_known_extensions", "autoload_known_extensions"):
        connection.execute(f"SET {setting} = false")
    connection.execute("SET lock_configuration = true")


def check_reads(connection: duckdb.DuckDBPyConnection, text: str) -> None:
    """Raise QueryError unless the text is of statements that only read.

    Raises:
        QueryError: One of them does more, or there is none.
        duckdb.Error: It cannot be parsed.
    """
    statements = connection.extract_statements(text)
    if not statements:
        raise QueryError("there is no statement: write SQL, such as SELECT * FROM customers")
    for statement in statements:
        _check(connection, statement)
    if found := _WRITING_FUNCTIONS.search(text):
        raise _refusal(found[1])


def _check(connection: duckdb.DuckDBPyConnection, statement: duckdb.Statement) -> None:
    types = duckdb.StatementType
    text = statement.query
    if statement.type == types.SELECT:
        return
    if statement.type == types.EXPLAIN and (found := _EXPLAIN.match(text)):
        # With ANALYZE, what is explained is done.
        check_reads(connection, text[found.end() :])
        return
    if statement.type == types.PRAGMA and (found := _PRAGMA.match(text)):
        if found[1].lower() in _READING_PRAGMAS:
            return
        raise _refusal(f"PRAGMA {found[1]}")
    if statement.type == types.CREATE and not text:
        return  # the list of values for the columns of a PIVOT; what is written has its text
    word = _WORD.match(text)
    if statement.type == types.MULTI and word and word[1].lower() in _READING_WORDS:
        return  # a PIVOT too, in DuckDB 2
    raise _refusal(word[1].upper() if word else "this")


def _refusal(what: str) -> QueryError:
    return QueryError(
        f"{what} is refused, for a query only reads: say SELECT, FROM, WITH, VALUES, PIVOT, "
        "DESCRIBE, SHOW, SUMMARIZE or EXPLAIN; change tables by importing, or open the file with "
        "DuckDB itself"
    )
