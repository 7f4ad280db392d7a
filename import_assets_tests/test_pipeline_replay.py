"""Rejects that are mended and replayed: each record once, with its place, and all counts add up."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from import_assets.errors import FileRefused
from import_assets.formats.csvwriter import CsvStyle, CsvWriter
from import_assets.pipeline.left_over import apply_pending
from import_assets.pipeline.mended import read_mended, shown, shown_names
from import_assets.pipeline.replay import Replay, bring_in, dry_run, handed_back, outstanding
from import_assets.staging.batch import Staging
from import_assets.tables.outcome import Counts
from import_assets.warehouse import ledger, rejects
from import_assets_tests.builders import examples
from import_assets_tests.test_pipeline import CATALOG, CUSTOMERS, VOUCHERS, Yard

Edit = Callable[[list[dict[str, str]]], None]


def exported(yard: Yard) -> list[dict[str, str]]:
    """What is outstanding, as the file of rejects has it."""
    with yard.warehouse.read() as connection:
        entries = [one for one in ledger.entries(connection, "it") if one.replay_of is None]
        names = list(dict.fromkeys(name for one in entries for name in one.header))
        target = io.BytesIO()
        writer = CsvWriter(target, shown_names(names), CsvStyle(defused=True))
        for one in entries:
            books = rejects.outstanding(connection, one.sequence)
            for sequence in books["sequence"].unique(maintain_order=True).to_list():
                (batch,) = ledger.of_sequences(connection, [sequence])
                rows = books.filter(books["sequence"] == sequence)
                writer.write(shown(rows, batch.batch_id, one.header, names))
    return list(csv.DictReader(io.StringIO(target.getvalue().decode(), newline="")))


def write(
    path: Path, rows: Sequence[dict[str, str]], *, delimiter: str = ",", bom: bool = False
) -> Path:
    """Save rows as a spreadsheet does."""
    with path.open("w", encoding="utf-8-sig" if bom else "utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return path


def planned(yard: Yard, file: Path | None = None) -> list[Replay]:
    with yard.warehouse.read() as connection:
        if file is None:
            return outstanding(connection, yard.definition, None)
        mended = read_mended(file, yard.definition.project.spec.limits)
        return handed_back(connection, yard.definition, mended)


def replay(yard: Yard, file: Path | None = None) -> list[Counts]:
    """Replay all that is outstanding, or a file; return the counts of each delivery."""
    staging = Staging(yard.definition.project.staging_path)
    found = planned(yard, file)
    for one in found:
        if one.done is None:
            one.staged(staging)
    return [bring_in(yard.definition, one.batch_id, yard.warehouse).counts for one in found]


def mended(yard: Yard, edit: Edit, **how: object) -> Path:
    rows = exported(yard)
    edit(rows)
    return write(yard.root / "mended.csv", rows, **how)  # pyright: ignore[reportArgumentType]


def total(yard: Yard) -> Counts:
    with yard.warehouse.read() as connection:
        return ledger.totals(connection, "it")


def refused(yard: Yard, edit: Edit) -> FileRefused:
    """The error about a file of rejects, with which nothing was done."""
    file = mended(yard, edit)
    before = yard.dump()
    with pytest.raises(FileRefused) as caught:
        planned(yard, file)
    assert yard.dump() == before
    return caught.value


FILE = "id,web,age\n1,c1,5\n2,c2,x\n,,7\n3,c3\n"


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    """Customers, of whom records 2, 3 and 4 were rejected: a value, no identifier, a cell."""
    made = Yard(tmp_path)
    made.put(FILE)
    made.deliver()
    return made


def test_m055_the_file_has_each_record_with_its_cells(yard: Yard) -> None:
    rows = exported(yard)
    assert list(rows[0]) == [
        *("_batch", "_file", "_record", "id", "web", "age"),
        *("_line", "_column", "_reason", "_message", "_raw"),
    ]
    assert [(row["_file"], row["_record"], row["id"], row["web"], row["age"]) for row in rows] == [
        ("a.csv", "2", "2", "c2", "x"),
        ("a.csv", "3", "", "", "7"),
        ("a.csv", "4", "3", "c3", ""),
    ]
    assert [(row["_line"], row["_column"], row["_reason"], row["_raw"]) for row in rows] == [
        ("3", "age", "not_an_integer", ""),
        ("4", "", "missing_id", ""),
        ("5", "", "too_few_cells", "3,c3"),
    ]
    assert rows[0]["_message"].startswith("age: The cell is not a whole number")


@pytest.mark.parametrize(("delimiter", "bom"), [(",", False), (";", True), ("\t", True)])
def test_m100_what_was_mended_comes_in_with_its_file_and_number(
    yard: Yard, delimiter: str, bom: bool
) -> None:
    def edit(rows: list[dict[str, str]]) -> None:
        rows[0]["age"] = "6"
        rows[2]["age"] = "7"
        del rows[1]

    (counts,) = replay(yard, mended(yard, edit, delimiter=delimiter, bom=bom))
    assert counts == Counts(read=2, inserted=2, customers_created=2)
    found = yard.rows("SELECT registered, age, _file, _row FROM customers ORDER BY _row")
    assert found == [("1", 5, "a.csv", 1), ("2", 6, "a.csv", 2), ("3", 7, "a.csv", 4)]
    assert [row["_record"] for row in exported(yard)] == ["3"], "what was deleted stays"
    assert total(yard) == Counts(read=4, inserted=3, rejected=1, customers_created=3)


def test_the_same_file_twice_is_the_same_replay(yard: Yard) -> None:
    def edit(rows: list[dict[str, str]]) -> None:
        rows[0]["age"] = "6"
        rows[1]["id"] = "9"

    file = mended(yard, edit)
    first = replay(yard, file)
    before = yard.dump()
    assert replay(yard, file) == first
    assert yard.dump() == before


def test_what_is_refused_again_can_be_replayed_again(yard: Yard) -> None:
    """With the record and line of its delivery, of which the second replay is too."""

    def once(rows: list[dict[str, str]]) -> None:
        rows[0]["age"] = "y"
        rows[1]["id"] = "9"

    (counts,) = replay(yard, mended(yard, once))
    assert counts == Counts(read=3, inserted=1, rejected=2, customers_created=1)
    rows = exported(yard)
    assert [(row["_record"], row["_line"], row["age"]) for row in rows] == [
        ("2", "3", "y"),
        ("4", "5", ""),
    ]

    def again(rows: list[dict[str, str]]) -> None:
        rows[0]["age"] = "8"
        rows[1]["age"] = "9"

    assert replay(yard, mended(yard, again)) == [Counts(read=2, inserted=2, customers_created=2)]
    assert exported(yard) == []
    assert yard.rows("SELECT replay_of FROM import_assets.batches ORDER BY sequence") == [
        (None,),
        (1,),
        (1,),
    ]
    assert total(yard) == Counts(read=4, inserted=4, customers_created=4)


def test_the_definition_was_mended_and_all_come_as_they_were(yard: Yard) -> None:
    """Also those that the format refused, as far as the definition takes them now."""
    yard.define(
        CUSTOMERS.replace("encoding: utf-8", "encoding: utf-8, pad_short: true").replace(
            "type: integer", "type: text, to: age_text"
        )
    )
    (counts,) = replay(yard)
    assert counts == Counts(read=3, inserted=2, rejected=1, customers_created=2)
    assert yard.rows("SELECT registered, age_text FROM customers ORDER BY _row") == [
        ("1", None),
        ("2", "x"),
        ("3", None),
    ]
    assert [row["_reason"] for row in exported(yard)] == ["missing_id"]


def test_what_stays_as_it_was_is_refused_as_it_was(yard: Yard) -> None:
    before = exported(yard)
    (counts,) = replay(yard)
    assert counts == Counts(read=3, rejected=3)
    after = exported(yard)
    assert [{**row, "_batch": ""} for row in after] == [{**row, "_batch": ""} for row in before]


def test_a_replay_killed_before_it_is_applied_comes_in_later(yard: Yard) -> None:
    """Whoever runs the import next brings it to its end, once."""
    file = mended(yard, lambda rows: rows[0].update(age="6"))
    (one,) = planned(yard, file)
    one.staged(Staging(yard.definition.project.staging_path))
    left = apply_pending([yard.definition], yard.warehouse)
    assert [(done.is_replay, done.counts.inserted) for done in left.delivered] == [(True, 1)]
    assert yard.staged == 0
    assert apply_pending([yard.definition], yard.warehouse).delivered == ()
    (counts,) = replay(yard, file)
    assert counts == left.delivered[0].counts


def test_of_two_replays_of_a_record_the_second_is_refused(yard: Yard) -> None:
    """Even where both were staged: nothing of it comes in, and no refusal of the file is kept."""
    staging = Staging(yard.definition.project.staging_path)
    batches = [
        planned(yard, mended(yard, lambda rows, age=age: rows[0].update(age=age)))[0]  # pyright: ignore
        for age in ("6", "7")
    ]
    for one in batches:
        one.staged(staging)
    bring_in(yard.definition, batches[0].batch_id, yard.warehouse)
    before = yard.dump()
    with pytest.raises(FileRefused, match="already_replayed"):
        bring_in(yard.definition, batches[1].batch_id, yard.warehouse)
    assert yard.dump() == before
    assert yard.staged == 0


def test_a_dry_run_foretells_and_writes_nothing(yard: Yard) -> None:
    file = mended(yard, lambda rows: rows[0].update(age="6"))
    (one,) = planned(yard, file)
    before = yard.dump()
    tried = dry_run(one, yard.warehouse)
    assert yard.dump() == before
    assert yard.staged == 0
    assert [tried.counts] == replay(yard, file)


def test_m017_m019_replays_disturb_no_memory(yard: Yard) -> None:
    replay(yard, mended(yard, lambda rows: rows[0].update(age="6")))
    assert yard.deliver().already
    with yard.warehouse.read() as connection:
        (fingerprints,) = ledger.imported(connection, "it").values()
    assert len(fingerprints) == 1


def test_m100_a_replay_is_newer_than_what_came_meanwhile(yard: Yard) -> None:
    yard.put("id,web,age\n2,c2,70\n", "b.csv")
    yard.deliver("b.csv")
    replay(yard, mended(yard, lambda rows: rows[0].update(age="6")))
    assert yard.rows("SELECT age FROM customers WHERE registered = '2'") == [(6,)]


# --- what cannot be handed back -------------------------------------------------------------------


def test_unknown_batches_and_records_are_named_by_their_line(yard: Yard) -> None:
    error = refused(yard, lambda rows: rows[1].update(_batch="zz"))
    assert (error.reason, error.line) == ("unknown_record", 3)
    assert "remembers no batch 'zz'" in str(error)
    error = refused(yard, lambda rows: rows[2].update(_record="1"))
    assert (error.reason, error.line) == ("already_replayed", 4)
    for number in ("2.5", "2.000", "two", ""):
        error = refused(yard, lambda rows, number=number: rows[0].update(_record=number))  # pyright: ignore[reportArgumentType]  # all tuples
        assert (error.reason, error.line) == ("unknown_record", 2)
    error = refused(yard, lambda rows: rows.append(rows[0]))
    assert (error.reason, error.line) == ("unknown_record", 5)
    assert "twice" in str(error)


def test_a_record_that_was_replayed_is_named(yard: Yard) -> None:
    old = exported(yard)
    replay(yard, mended(yard, lambda rows: rows[0].update(age="6")))
    old[1]["id"] = "10"
    file = write(yard.root / "old.csv", old)
    with pytest.raises(FileRefused, match="was replayed before") as caught:
        planned(yard, file)
    assert caught.value.line == 2


def test_columns_are_all_there_and_no_others(yard: Yard) -> None:
    def without(name: str) -> Edit:
        def edit(rows: list[dict[str, str]]) -> None:
            for row in rows:
                del row[name]

        return edit

    def more(rows: list[dict[str, str]]) -> None:
        for row in rows:
            row["more"] = "1"

    assert "no column 'age'" in str(refused(yard, without("age")))
    assert "_batch and _record" in str(refused(yard, without("_record")))
    error = refused(yard, more)
    assert "no delivery has a column 'more'" in str(error)


def test_columns_of_another_delivery_stay_empty(yard: Yard) -> None:
    yard.put("id,city\n,Brno\n", "b.csv")
    yard.deliver("b.csv")
    error = refused(yard, lambda rows: rows[0].update(city="Wien"))
    assert (error.line, error.reason) == (2, "unknown_column")
    assert "a.csv has no column 'city': empty the cell" in str(error)

    def edit(rows: list[dict[str, str]]) -> None:
        rows[0]["age"] = "6"
        rows[3]["id"] = "4"

    first, second = replay(yard, mended(yard, edit))
    assert (first.inserted, second.inserted) == (1, 1)
    assert yard.rows("SELECT city FROM customers WHERE registered = '4'") == [("Brno",)]


def test_a_file_that_spreadsheets_do_not_write_is_refused(yard: Yard, tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_text("_batch,_record,id\nb,1\n", encoding="utf-8")
    with pytest.raises(FileRefused, match="too_few_cells") as caught:
        planned(yard, file)
    assert caught.value.line == 2
    with pytest.raises(FileRefused, match="No such file"):
        planned(yard, tmp_path / "none.csv")


@pytest.mark.parametrize("number", ["2.0", "2,0", "2.00", " 2"])
def test_a_number_of_a_record_as_spreadsheets_write_it(yard: Yard, number: str) -> None:
    (counts,) = replay(yard, mended(yard, lambda rows: rows[0].update(_record=number, age="6")))
    assert (counts.inserted, counts.rejected) == (1, 2)
    assert yard.rows("SELECT age FROM customers WHERE _row = 2") == [(6,)]


def saved(yard: Yard, change: Callable[[list[str]], list[str]], encoding: str = "utf-8") -> Path:
    """The file of rejects, its lines changed by hand."""
    file = mended(yard, lambda rows: rows[0].update(age="6"))
    lines = file.read_text(encoding="utf-8").splitlines()
    file.write_text("\r\n".join(change(lines)) + "\r\n", encoding=encoding)
    return file


def wrong(yard: Yard, file: Path) -> FileRefused:
    with pytest.raises(FileRefused) as caught:
        planned(yard, file)
    return caught.value


@pytest.mark.parametrize("name", ["age", " age ", "_batch", "_line"])
def test_a_column_that_stands_twice_is_named(yard: Yard, name: str) -> None:
    """Which of its cells is meant nobody can tell."""

    def double(lines: list[str]) -> list[str]:
        return [f"{lines[0]},{name}", *(f"{line}," for line in lines[1:])]

    error = wrong(yard, saved(yard, double))
    assert (error.reason, error.line) == ("duplicate_headers", 1)
    assert f"column {name.strip()!r} stands 2 times in the header" in error.message
    assert "csv:" not in error.message


def test_columns_that_differ_by_an_apostrophe_only_are_the_same(yard: Yard) -> None:
    def double(lines: list[str]) -> list[str]:
        return [f"{lines[0]},=x,'=x", *(f"{line},," for line in lines[1:])]

    assert wrong(yard, saved(yard, double)).reason == "duplicate_headers"


def test_lines_without_anything_are_passed_over(yard: Yard) -> None:
    """As spreadsheets leave them behind a table, and in it where cells were emptied."""

    def emptied(lines: list[str]) -> list[str]:
        nothing = "," * lines[0].count(",")
        return [*lines[:2], nothing, *lines[2:], nothing, f'" "{nothing}'[:-1], ",,", ""]

    (counts,) = replay(yard, saved(yard, emptied))
    assert counts.read == 3


def test_a_line_that_says_something_and_not_of_which_record_is_named(yard: Yard) -> None:
    nowhere = "," * 5 + "7" + "," * 5
    error = wrong(yard, saved(yard, lambda lines: [*lines, nowhere]))
    assert (error.reason, error.line) == ("unknown_record", 5)
    assert "_batch is empty" in error.message


def test_columns_without_a_name_hold_nothing(yard: Yard) -> None:
    def more(cell: str) -> Callable[[list[str]], list[str]]:
        return lambda lines: [f"{lines[0]},", f"{lines[1]},", *(f"{x},{cell}" for x in lines[2:])]

    error = wrong(yard, saved(yard, more("note")))
    assert (error.reason, error.line) == ("unknown_column", 3)
    assert "column 12 has no name, and 'note' in a cell" in error.message
    (counts,) = replay(yard, saved(yard, more("")))
    assert counts.read == 3


@pytest.mark.parametrize("line", ["sep=;", '"sep=;"', "SEP=;;;;;;;;;;;"])
@pytest.mark.parametrize("bom", [False, True])
def test_excels_line_about_the_delimiter_is_passed_over(yard: Yard, line: str, bom: bool) -> None:
    def told(number: str) -> Path:
        file = mended(yard, lambda rows: rows[0].update(_record=number, age="6"), delimiter=";")
        text = f"{line}\r\n{file.read_text(encoding='utf-8')}"
        file.write_text(text, encoding="utf-8-sig" if bom else "utf-8", newline="")
        return file

    assert wrong(yard, told("two")).line == 3
    (counts,) = replay(yard, told("2"))
    assert (counts.read, counts.inserted) == (3, 1)


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16"])
def test_another_encoding_is_told_as_a_spreadsheet_can_mend_it(yard: Yard, encoding: str) -> None:
    def named(lines: list[str]) -> list[str]:
        return [line.replace("c2", "Bär") for line in lines]

    error = wrong(yard, saved(yard, named, encoding))
    assert error.reason == "undecodable"
    assert error.line == (2 if encoding == "cp1252" else 1)
    assert error.message.endswith("save it as CSV in UTF-8")
    assert "csv:" not in error.message


def test_of_our_columns_those_that_are_only_read_may_be_missing(yard: Yard) -> None:
    def fewer(rows: list[dict[str, str]]) -> None:
        rows[0]["age"] = "6"
        for row in rows:
            for name in ("_file", "_line", "_column", "_reason", "_message", "_raw"):
                del row[name]

    (counts,) = replay(yard, mended(yard, fewer))
    assert counts == Counts(read=3, inserted=1, rejected=2, customers_created=1)


# --- all kinds, all formats -----------------------------------------------------------------------


def test_rejects_of_the_table_have_their_cells(tmp_path: Path) -> None:
    """D21: who is in conflict is known only there."""
    yard = Yard(tmp_path, VOUCHERS)
    yard.put("code,note\na,x\n", "a.csv")
    yard.deliver()
    yard.define(VOUCHERS.replace("SUMMER", "WINTER"))
    yard.put("code,note\nb,y\na,z\n", "b.csv")
    yard.deliver("b.csv")
    (row,) = exported(yard)
    assert (row["code"], row["note"], row["_reason"]) == ("a", "z", "code_in_other_pool")
    (counts,) = replay(yard, mended(yard, lambda rows: rows[0].update(code="c")))
    assert counts == Counts(read=1, inserted=1)


@pytest.mark.parametrize("by_file", [False, True])
def test_what_the_table_refused_again_is_taken_once_it_can_be(
    tmp_path: Path, by_file: bool
) -> None:
    """D39: the same cells under the same rules, but the other pool has lost the code since."""
    yard = Yard(tmp_path, VOUCHERS)
    yard.put("code\na\n", "a.csv")
    yard.deliver()
    yard.define(VOUCHERS.replace("SUMMER", "WINTER"))
    yard.put("code\na\nb\n", "b.csv")
    yard.deliver("b.csv")

    def again() -> list[Counts]:
        return replay(yard, mended(yard, lambda _: None) if by_file else None)

    assert again() == [Counts(read=1, rejected=1)]
    with yard.warehouse.write() as connection:
        connection.execute('DELETE FROM vouchers."SUMMER"')
    assert again() == [Counts(read=1, inserted=1)]
    assert exported(yard) == []


def test_xml_cells_come_back_as_what_they_are(tmp_path: Path) -> None:
    text = CATALOG.replace('format: {csv: {delimiter: ",", encoding: utf-8}}\n', "")
    yard = Yard(tmp_path, text)
    yard.put(
        "<items><item><id>a</id><price>cheap</price><tags>x</tags><tags>y, z</tags></item>"
        "<item><id>b</id><price>1</price></item></items>"
    )
    yard.deliver()
    (row,) = exported(yard)
    assert (row["id"], row["price"], row["tags"]) == ("a", "cheap", '["x","y, z"]')
    replay(yard, mended(yard, lambda rows: rows[0].update(price="2")))
    assert yard.rows("SELECT price, tags FROM catalogs.products WHERE item_id = 'a'") == [
        (2.0, ["x", "y, z"])
    ]


def test_formulas_line_breaks_and_names_like_ours_come_back(tmp_path: Path) -> None:
    yard = Yard(
        tmp_path,
        CUSTOMERS.replace("encoding: utf-8", "encoding: utf-8, line_breaks: keep").replace(
            "}]", "}, {from: _batch, to: b}, {from: __raw, to: r}]"
        ),
    )
    yard.put('id,=sum,_batch,__raw,age\n1,=1+1,\'=x,"a\r\nb",x\n')
    yard.deliver()
    (row,) = exported(yard)
    assert (row["'=sum"], row["__batch"], row["___raw"]) == ("'=1+1", "''=x", "a\r\nb")
    replay(yard, mended(yard, lambda rows: rows[0].update(age="1", ___raw="a\nb")))
    assert yard.rows('SELECT "=sum", b, r FROM customers') == [("=1+1", "'=x", "a\r\nb")]


def test_m118_a_line_break_in_a_mended_cell_is_refused_as_in_a_file(tmp_path: Path) -> None:
    yard = Yard(tmp_path, CUSTOMERS.replace("utf-8", "utf-8, line_breaks: reject"))
    yard.put('id,web,age\n1,c1,x\n2,"c\n2",3\n')
    yard.deliver()
    (counts,) = replay(yard, mended(yard, lambda rows: rows[0].update(web="c\n1", age="1")))
    assert counts == Counts(read=2, rejected=2)
    assert [(row["_line"], row["_reason"], row["web"]) for row in exported(yard)] == [
        ("2", "line_break", "c\n1"),
        ("3", "line_break", "c\n2"),
    ]


@pytest.mark.parametrize("raw", ['1,"a"b,3', '2,"open,3', "4,\x81\xff,3"])
def test_records_that_are_torn_have_their_raw_text_and_can_be_filled_in(
    tmp_path: Path, raw: str
) -> None:
    yard = Yard(tmp_path)
    yard.put(b"id,web,age\n" + raw.encode("latin-1") + b"\n")
    yard.deliver()
    (row,) = exported(yard)
    assert (row["id"], row["web"], row["age"]) == ("", "", "")
    assert row["_raw"] != ""
    assert replay(yard) == [Counts(read=1, rejected=1)]
    (counts,) = replay(yard, mended(yard, lambda rows: rows[0].update(id="1", age="3")))
    assert counts == Counts(read=1, inserted=1, customers_created=1)


def test_too_many_cells_show_those_that_have_a_column(yard: Yard) -> None:
    yard.put("id,web,age\n7,c7,1,2\n8,,3,,\n", "b.csv")
    yard.deliver("b.csv")
    rows = exported(yard)[3:]
    assert [(row["id"], row["web"], row["age"], row["_raw"]) for row in rows] == [
        ("7", "c7", "1", "7,c7,1,2"),
        ("8", "", "3", "8,,3,,"),
    ]


_CELLS = st.tuples(
    st.sampled_from(["", "1", "2", "3"]),
    st.sampled_from(["", "c1", "=c2"]),
    st.sampled_from(["", "5", "x"]),
)
_FILES = st.lists(st.lists(_CELLS, min_size=1, max_size=5), min_size=1, max_size=3)


@examples(8)
@given(files=_FILES, picks=st.lists(st.sampled_from(["leave", "mend", "drop"]), max_size=15))
def test_counts_add_up_over_deliveries_and_replays(
    tmp_path_factory: pytest.TempPathFactory,
    files: Sequence[Sequence[tuple[str, ...]]],
    picks: Sequence[str],
) -> None:
    """Read = the outcomes, and what is rejected is what is outstanding, whatever is handed back."""
    yard = Yard(tmp_path_factory.mktemp("yard"))
    for number, rows in enumerate(files):
        yard.put("id,web,age\n" + "".join(",".join(row) + "\n" for row in rows), f"{number}.csv")
        yard.deliver(f"{number}.csv")
    read = total(yard).read
    rows = exported(yard)
    kept = []
    for row, pick in zip(rows, [*picks, *["leave"] * len(rows)], strict=False):
        if pick == "mend":
            row |= {"id": row["id"] or "9", "age": "4"}
        kept += [row] if pick != "drop" else []
    if kept:
        counts = replay(yard, write(yard.root / "mended.csv", kept))
        assert all(one.add_up for one in counts)
        assert sum(one.read for one in counts) == len(kept)
    after = total(yard)
    assert after.add_up
    assert (after.read, after.rejected) == (read, len(exported(yard)))
