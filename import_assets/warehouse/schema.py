"""The warehouse's own bookkeeping tables, in the schema `import_assets`."""

from __future__ import annotations

import duckdb

_STATEMENTS = (
    "CREATE SCHEMA IF NOT EXISTS import_assets",
    "CREATE SCHEMA IF NOT EXISTS events",
    "CREATE SCHEMA IF NOT EXISTS catalogs",
    "CREATE SCHEMA IF NOT EXISTS vouchers",
    # The ledger: one row for each batch applied, written in the transaction of its rows.
    """
    CREATE TABLE IF NOT EXISTS import_assets.batches (
        sequence BIGINT NOT NULL,
        batch_id VARCHAR NOT NULL,
        import VARCHAR NOT NULL,
        table_name VARCHAR NOT NULL,
        key VARCHAR NOT NULL,
        fingerprint VARCHAR NOT NULL,
        modified TIMESTAMP,
        slot VARCHAR,
        definition_hash VARCHAR NOT NULL,
        sha256 VARCHAR NOT NULL,
        bytes BIGINT NOT NULL,
        state VARCHAR NOT NULL,
        header VARCHAR[] NOT NULL,
        written VARCHAR NOT NULL,
        read BIGINT NOT NULL,
        inserted BIGINT NOT NULL,
        updated BIGINT NOT NULL,
        unchanged BIGINT NOT NULL,
        duplicate BIGINT NOT NULL,
        rejected BIGINT NOT NULL,
        blank BIGINT NOT NULL,
        customers_created BIGINT NOT NULL,
        removed BIGINT NOT NULL,
        applied_at TIMESTAMP NOT NULL,
        forgotten_at TIMESTAMP,
        undone_at TIMESTAMP,
        replay_of BIGINT,
        clock BIGINT NOT NULL,
        clock_end BIGINT NOT NULL
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS import_assets.rejects (
        sequence BIGINT NOT NULL,
        batch_id VARCHAR NOT NULL,
        import VARCHAR NOT NULL,
        file VARCHAR NOT NULL,
        record BIGINT NOT NULL,
        line BIGINT NOT NULL,
        faults STRUCT(
            "column" VARCHAR, "value" VARCHAR, reason VARCHAR, message VARCHAR)[] NOT NULL,
        raw VARCHAR NOT NULL,
        cells VARCHAR[],
        replayed_in BIGINT
    )
    """,
    # The rejects of deliveries that were refused for having too many of them.
    """
    CREATE TABLE IF NOT EXISTS import_assets.refused_rejects (
        import VARCHAR NOT NULL,
        key VARCHAR NOT NULL,
        batch_id VARCHAR NOT NULL,
        header VARCHAR[] NOT NULL,
        file VARCHAR NOT NULL,
        record BIGINT NOT NULL,
        line BIGINT NOT NULL,
        faults STRUCT(
            "column" VARCHAR, "value" VARCHAR, reason VARCHAR, message VARCHAR)[] NOT NULL,
        raw VARCHAR NOT NULL,
        cells VARCHAR[]
    )
    """,
    # Deliveries refused as a whole, so that a trigger does not ask for them again.
    """
    CREATE TABLE IF NOT EXISTS import_assets.refusals (
        import VARCHAR NOT NULL,
        key VARCHAR NOT NULL,
        fingerprint VARCHAR NOT NULL,
        definition_hash VARCHAR NOT NULL,
        reason VARCHAR NOT NULL,
        message VARCHAR NOT NULL,
        refused_at TIMESTAMP NOT NULL
    )
    """,
    # The columns agreed for each import, and those of the last delivery that had others.
    """
    CREATE TABLE IF NOT EXISTS import_assets.contracts (
        import VARCHAR NOT NULL,
        header VARCHAR[] NOT NULL,
        key VARCHAR NOT NULL,
        agreed_at TIMESTAMP NOT NULL,
        seen VARCHAR[],
        seen_key VARCHAR
    )
    """,
    # One type for each attribute of a table, set by the import that first brought it.
    """
    CREATE TABLE IF NOT EXISTS import_assets.attributes (
        table_name VARCHAR NOT NULL,
        attribute VARCHAR NOT NULL,
        type VARCHAR NOT NULL,
        import VARCHAR NOT NULL,
        file VARCHAR NOT NULL,
        created_at TIMESTAMP NOT NULL
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS import_assets.catalogs (
        catalog VARCHAR NOT NULL,
        product BOOLEAN NOT NULL,
        searchable VARCHAR[],
        import VARCHAR NOT NULL
    )
    """,
    # Which customer an identifier belongs to. `added` orders the soft ones of a customer, `used` is
    # the clock of the last record that gave it (b.4); hard ones need none.
    """
    CREATE TABLE IF NOT EXISTS import_assets.customer_ids (
        kind VARCHAR NOT NULL,
        value VARCHAR NOT NULL,
        customer_id BIGINT NOT NULL,
        added BIGINT NOT NULL,
        used BIGINT
    )
    """,
    # Since when each attribute of a customer has its value; two columns an attribute.
    """
    CREATE TABLE IF NOT EXISTS import_assets.customer_versions (
        customer_id BIGINT NOT NULL
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS import_assets.merges (
        sequence BIGINT NOT NULL,
        merged_id BIGINT NOT NULL,
        customer_id BIGINT NOT NULL,
        batch_id VARCHAR NOT NULL,
        merged_at TIMESTAMP NOT NULL
    )
    """,
    # What batches changed, as it was before, for as long as they can be undone.
    "CREATE SCHEMA IF NOT EXISTS undo",
    """
    CREATE TABLE IF NOT EXISTS undo.batches (
        sequence BIGINT NOT NULL,
        brought VARCHAR[] NOT NULL,
        written VARCHAR[],
        replaces BOOLEAN NOT NULL
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS undo.touched_items (
        sequence BIGINT NOT NULL,
        catalog VARCHAR NOT NULL,
        item_id VARCHAR NOT NULL,
        made BOOLEAN NOT NULL
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS undo.touched_customers (
        sequence BIGINT NOT NULL,
        customer_id BIGINT NOT NULL,
        made BOOLEAN NOT NULL,
        whole BOOLEAN NOT NULL
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS undo.customer_ids (
        sequence BIGINT NOT NULL,
        kind VARCHAR NOT NULL,
        value VARCHAR NOT NULL,
        customer_id BIGINT,
        added BIGINT,
        used BIGINT
    )
    """,
    # The soft identifiers that a batch used, and `used` of them before; null for those that nobody
    # had.
    """
    CREATE TABLE IF NOT EXISTS undo.used_ids (
        sequence BIGINT NOT NULL,
        kind VARCHAR NOT NULL,
        value VARCHAR NOT NULL,
        used BIGINT
    )
    """,
    # Those that a batch took from a customer who had too many.
    """
    CREATE TABLE IF NOT EXISTS undo.dropped_ids (
        sequence BIGINT NOT NULL,
        kind VARCHAR NOT NULL,
        value VARCHAR NOT NULL,
        customer_id BIGINT NOT NULL
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS undo.moved_events (
        sequence BIGINT NOT NULL,
        table_name VARCHAR NOT NULL,
        _batch VARCHAR NOT NULL,
        _row BIGINT NOT NULL,
        _imported_at TIMESTAMP NOT NULL,
        customer_id BIGINT NOT NULL
    )
    """,
)


def create_schema(connection: duckdb.DuckDBPyConnection) -> None:
    """Create what is missing of the warehouse's bookkeeping; safe to repeat."""
    connection.execute("BEGIN")
    for statement in _STATEMENTS:
        connection.execute(statement)
    connection.execute("COMMIT")
