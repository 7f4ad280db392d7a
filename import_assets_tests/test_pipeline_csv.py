"""What a definition says about a CSV is heeded on the whole way, from the preview to the table."""

from __future__ import annotations

from pathlib import Path

import pytest

from import_assets.tables.outcome import Counts
from import_assets.warehouse import rejects
from import_assets_tests.test_pipeline import Yard

STATEMENT = """\
kind: {events: payment}
source: {storage: {folder: in, files: "*"}}
format: {csv: {quote: "'", header: false, skip_lines: 2, trim: true, line_breaks: reject}}
columns:
  - {from: column_1, id: registered}
  - {from: column_2, timestamp: true}
  - {from: column_3, to: note}
  - {from: column_4, to: total, type: number}
"""


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_statement_of_a_bank(tmp_path: Path, end: str) -> None:
    """M081, M118, M121, M135, D46, D47: all keys at once; lines are those of the file."""
    yard = Yard(tmp_path, STATEMENT)
    lines = [
        "Account 'of Anna",
        "",
        "anna; 2026-01-01T00:00:00Z; 'rent; January' ; 1.5",
        "ben;2026-01-02T00:00:00Z; 'two",
        "lines' ;2",
        " 'cid' ;2026-01-03T00:00:00Z;' it''s \"mine\"';much",
        "'dan';2026-01-04T00:00:00Z;' a ';4",
        "",
    ]
    yard.put(end.join(lines))
    seen, tried, done = yard.preview(), yard.dry_run(), yard.deliver()
    counts = Counts(read=4, inserted=2, rejected=2, customers_created=2)
    assert tried.counts == done.counts == counts
    assert (seen.rows.height, seen.rejects.height) == (2, 2)
    assert yard.rows("SELECT note, total FROM events.payment ORDER BY timestamp") == [
        ("rent; January", 1.5),
        (" a ", 4.0),
    ]
    with yard.warehouse.read() as connection:
        rows = rejects.of_batch(connection, done.batch_id).to_dicts()
    faults = [(row["line"], row["faults"][0]["reason"], row["faults"][0]["column"]) for row in rows]
    assert faults == [(4, "line_break", "column_3"), (6, "not_a_number", "column_4")]
