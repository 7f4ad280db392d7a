"""Checks as Dagster shows them, evaluated in the step that brought the rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
import duckdb

from import_assets.orchestration.keys import import_key, table_key
from import_assets.pipeline.deliver import Delivered, terms_of
from import_assets.spec.loading import Import
from import_assets.tables import checks as table_checks
from import_assets.tables.outcome import Counts
from import_assets.warehouse import contracts, refusals
from import_assets.warehouse.ledger import Entry
from import_assets.wording import counted

_FILES_IMPORTED = "files_imported"
_COUNTS_ADD_UP = "counts_add_up"
_REJECTS_BELOW_THRESHOLD = "rejects_below_threshold"
_IMPORT_CHECKS = {
    _COUNTS_ADD_UP: "Every record read was inserted, updated, unchanged, duplicate or rejected.",
    _REJECTS_BELOW_THRESHOLD: "The share of rejected records is not above `warn_above`.",
    "columns_unchanged": "The columns are those that were agreed, and those of the rules.",
    _FILES_IMPORTED: "No delivery was refused or given up after three attempts.",
}


def import_specs(definition: Import) -> list[dg.AssetCheckSpec]:
    """Return the checks of an import."""
    key = import_key(definition.name)
    return [
        dg.AssetCheckSpec(name, asset=key, description=text)
        for name, text in _IMPORT_CHECKS.items()
    ]


def table_specs(table: tuple[str, ...]) -> list[dg.AssetCheckSpec]:
    """Return the checks of a table."""
    return [
        dg.AssetCheckSpec(name, asset=table_key(table), description=text)
        for name, text in table_checks.described(table).items()
    ]


def of_import(
    connection: duckdb.DuckDBPyConnection,
    definition: Import,
    delivered: Sequence[Delivered],
    failures: Sequence[str],
) -> list[dg.AssetCheckResult]:
    """Evaluate the checks of an import over the deliveries of one run.

    `failures` are sentences about deliveries that were not imported.
    """
    return [
        _counts_add_up(definition, delivered),
        _rejects_below_threshold(definition, delivered),
        _columns_unchanged(connection, definition, delivered),
        _result(
            definition,
            _FILES_IMPORTED,
            passed=not failures,
            sentence="\n\n".join(failures)
            or f"{counted(len(delivered), 'delivery', 'deliveries')} imported",
            metadata={"imported": len(delivered), "failed": len(failures)},
            severity=dg.AssetCheckSeverity.ERROR,
        ),
    ]


def evaluations(results: Sequence[dg.AssetCheckResult]) -> Iterator[dg.AssetCheckEvaluation]:
    """Yield the outcome of checks as it is told outside of runs."""
    for one in results:
        if one.asset_key is None or one.check_name is None:
            raise ValueError("a check of no asset cannot be told outside of its run")
        yield dg.AssetCheckEvaluation(
            asset_key=one.asset_key,
            check_name=one.check_name,
            passed=one.passed,
            metadata=one.metadata,
            severity=one.severity,
            description=one.description,
        )


def files_key(definition: Import) -> dg.AssetCheckKey:
    """Return the key of the check on files that were not imported."""
    return dg.AssetCheckKey(import_key(definition.name), _FILES_IMPORTED)


def files_given_up(definition: Import, keys: Sequence[str]) -> dg.AssetCheckEvaluation:
    """Return the check about files whose attempts are used up; it passes if there are none left."""
    told = (
        "Refused, or given up after three attempts; the log of the last run of each says why. "
        "Mend the file or the definition, or import it by hand."
    )
    return dg.AssetCheckEvaluation(
        asset_key=import_key(definition.name),
        check_name=_FILES_IMPORTED,
        passed=not keys,
        metadata={"failed": len(keys), "files": ", ".join(keys[:20])},
        severity=dg.AssetCheckSeverity.ERROR,
        description=told if keys else "No file that was given up lies there any more.",
    )


def of_table(
    table: tuple[str, ...], checks: Sequence[table_checks.Check]
) -> list[dg.AssetCheckResult]:
    """Return the outcome of a table's checks."""
    return [
        dg.AssetCheckResult(
            asset_key=table_key(table),
            check_name=check.name,
            passed=check.failures == 0,
            severity=dg.AssetCheckSeverity.ERROR if check.severe else dg.AssetCheckSeverity.WARN,
            description=check.sentence,
            metadata={
                "failures": check.failures,
                "query": dg.MetadataValue.md(f"```sql\n{check.query}\n```"),
            },
        )
        for check in checks
    ]


def of_gone_table(table: tuple[str, ...]) -> list[dg.AssetCheckResult]:
    """Return the checks of a table that is gone: nothing in it can be wrong."""
    return [
        dg.AssetCheckResult(
            asset_key=table_key(table),
            check_name=name,
            passed=True,
            description="The table is gone: its deliveries were undone.",
        )
        for name in table_checks.described(table)
    ]


def of_undone(definition: Import, entry: Entry) -> list[dg.AssetCheckEvaluation]:
    """Return the checks of an import whose last delivery is no longer in its table."""
    return [
        dg.AssetCheckEvaluation(
            asset_key=import_key(definition.name),
            check_name=name,
            passed=True,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"{entry.key} was undone (batch {entry.batch_id}).",
        )
        for name in (_COUNTS_ADD_UP, _REJECTS_BELOW_THRESHOLD)
    ]


def _result(
    definition: Import,
    name: str,
    *,
    passed: bool,
    sentence: str,
    metadata: dict[str, Any],
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.WARN,
) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=import_key(definition.name),
        check_name=name,
        passed=passed,
        severity=severity,
        description=sentence,
        metadata=metadata,
    )


def _total(delivered: Sequence[Delivered]) -> Counts:
    total = Counts()
    for one in delivered:
        total += one.counts
    return total


def _counts_add_up(definition: Import, delivered: Sequence[Delivered]) -> dg.AssetCheckResult:
    wrong = [one.delivery.key for one in delivered if not one.counts.add_up]
    total = _total(delivered)
    return _result(
        definition,
        _COUNTS_ADD_UP,
        passed=not wrong,
        sentence=f"{total.read:,} records read = {total.inserted:,} inserted + {total.updated:,} "
        f"updated + {total.unchanged:,} unchanged + {total.duplicate:,} duplicate + "
        f"{total.rejected:,} rejected" + (f"; not so in {', '.join(wrong)}" if wrong else ""),
        metadata={**total.as_dict(), "deliveries": len(delivered)},
        severity=dg.AssetCheckSeverity.ERROR,
    )


def _rejects_below_threshold(
    definition: Import, delivered: Sequence[Delivered]
) -> dg.AssetCheckResult:
    limit = definition.spec.warn_share
    above = [
        f"{one.delivery.key}: {one.counts.rejected / one.counts.read:.1%}"
        for one in delivered
        if one.counts.read and one.counts.rejected / one.counts.read > limit
    ]
    total = _total(delivered)
    sentence = f"{total.rejected:,} of {total.read:,} records rejected"
    if above:
        sentence += f"; above {definition.spec.warn_above} in {', '.join(above[:10])}"
    return _result(
        definition,
        _REJECTS_BELOW_THRESHOLD,
        passed=not above,
        sentence=sentence,
        metadata={"rejected": total.rejected, "read": total.read, "files_above": len(above)},
    )


def _columns_unchanged(
    connection: duckdb.DuckDBPyConnection,
    definition: Import,
    delivered: Sequence[Delivered],
) -> dg.AssetCheckResult:
    """Compare the columns of each delivery with the agreed ones (M115)."""
    agreed = contracts.agreed(connection, definition.name)
    ordered = terms_of(definition).ordered
    refused = [*_refused_for_columns(connection, definition, agreed)]
    changed: list[str] = []
    lacking: list[str] = []
    mode = definition.spec.catalog_mode
    blank = f"; items become empty there (mode: {mode})" if mode in ("replace", "full") else ""
    for one in delivered:
        header = _header(one, agreed)
        if agreed is not None and header is not None and definition.spec.contract != "evolve":
            change = contracts.change(agreed.header, header, ordered=ordered)
            if change:
                changed.append(f"{one.delivery.key}: {change.sentence()}")
        if one.manifest is not None and one.manifest.missing:
            named = ", ".join(one.manifest.missing)
            lacking.append(f"{one.delivery.key}: no column {named}, which the rules name{blank}")
    told = [*refused, *changed, *lacking]
    advice = (
        f"; to agree to a change: import-assets agree {definition.name}"
        if refused or changed
        else ""
    )
    return _result(
        definition,
        "columns_unchanged",
        passed=not told,
        sentence=("; ".join(told[:10]) or "the columns are as agreed") + advice,
        metadata={
            "changes": len(told),
            "agreed": ", ".join(agreed.header) if agreed is not None else "",
        },
        severity=dg.AssetCheckSeverity.ERROR if refused else dg.AssetCheckSeverity.WARN,
    )


def _header(one: Delivered, agreed: contracts.Agreed | None) -> tuple[str, ...] | None:
    """Return the columns of a delivery; of one imported before, only if they were others."""
    if one.manifest is not None:
        return one.manifest.header
    if agreed is not None and agreed.seen_key == one.delivery.key:
        return agreed.seen
    return None


def _refused_for_columns(
    connection: duckdb.DuckDBPyConnection, definition: Import, agreed: contracts.Agreed | None
) -> Iterator[str]:
    for key, refusal in refusals.of_import(connection, definition.name).items():
        if refusal.reason == contracts.CHANGED:
            yield f"{key} was refused for its columns{_change(definition, agreed, key)}"


def _change(definition: Import, agreed: contracts.Agreed | None, key: str) -> str:
    """Return how the columns of a refused delivery differ; of the last one only, it is known."""
    if agreed is None or agreed.seen is None or agreed.seen_key != key:
        return ""
    ordered = terms_of(definition).ordered
    return f": {contracts.change(agreed.header, agreed.seen, ordered=ordered).sentence()}"
