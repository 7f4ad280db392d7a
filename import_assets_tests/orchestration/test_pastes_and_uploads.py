"""Text pasted in the launchpad or written in the definition, and files put into a drop folder."""

from __future__ import annotations

from import_assets_tests.orchestration.site import Run, Site

PASTE = """\
kind: customers
source: {paste: {}}
format: {csv: {delimiter: ","}}
columns: [{from: id, id: registered}]
"""
WRITTEN = PASTE.replace("{paste: {}}", '{paste: {text: "id,name\\n7,Žofia\\n"}}')
UPLOAD = PASTE.replace("{paste: {}}", "{upload: {}}")


def refusal(run: Run) -> str:
    """Why the only delivery of a run was refused."""
    assert not run.success
    assert run.partitions == {}
    assert run.failure is not None
    return str(run.failure.description)


def test_text_from_the_launchpad(site: Site) -> None:
    """M006; `;`, `#` and line ends are text, not YAML."""
    site.define("news", PASTE)
    run = site.run("news", "june 2026", text='id,name\n1,"a; b # c: d\n- e"\n2,Ľuboš\n')
    assert run.success
    assert run.partitions["june 2026"]["inserted"] == 2
    assert site.rows("SELECT name, _file FROM customers ORDER BY customer_id") == [
        ("a; b # c: d\n- e", "june 2026"),
        ("Ľuboš", "june 2026"),
    ]


def test_text_from_the_definition(site: Site) -> None:
    site.define("news", WRITTEN)
    assert site.run("news", "first").success
    assert site.rows("SELECT registered, name FROM customers") == [("7", "Žofia")]


def test_the_launchpad_comes_before_the_definition(site: Site) -> None:
    site.define("news", WRITTEN)
    assert site.run("news", "first", text="id,name\n8,Ján\n").success
    assert site.rows("SELECT registered, name FROM customers") == [("8", "Ján")]


def test_pasted_text_is_utf_8_whatever_files_are(site: Site) -> None:
    site.define("news", WRITTEN.replace('delimiter: ","', 'delimiter: ",", encoding: cp1250'))
    assert site.run("news", "first").success
    assert site.rows("SELECT name FROM customers") == [("Žofia",)]


def test_the_same_text_under_the_same_key_is_imported_once(site: Site) -> None:
    """Under another key, it is another delivery, and its rows are looked at again."""
    site.define("news", PASTE)
    text = "id,name\n1,a\n"
    first = site.run("news", "one", text=text).partitions["one"]
    again = site.run("news", "one", text=text).partitions["one"]
    other = site.run("news", "two", text=text).partitions["two"]
    assert (again["inserted"], again["imported_before"]) == (1, True)
    assert (other["unchanged"], other["imported_before"]) == (1, False)
    assert again["batch_id"] == first["batch_id"] != other["batch_id"]


def test_no_text_is_refused(site: Site) -> None:
    site.define("news", PASTE)
    assert "no text was given: paste it in the launchpad" in refusal(site.run("news", "one"))
    assert "(no_text)" in refusal(site.run("news", "one", text=""))


def test_a_paste_has_at_most_500_000_bytes(site: Site) -> None:
    """Rule b.1: bytes, not characters."""
    site.define("news", PASTE)
    header, row = "id,žena\n", "1,x\n"
    whole = header + row * ((500_000 - len(header.encode())) // len(row)) + "1,xy"
    whole = whole[:-1] + "y" * (500_000 - len(whole.encode()) + 1)
    assert len(whole.encode()) == 500_000
    assert len(whole) < 500_000
    assert site.run("news", "one", text=whole).success
    assert "has 500,001 bytes and at most 500,000" in refusal(
        site.run("news", "two", text=whole + "\n")
    )


def test_a_key_that_cannot_be_one_is_refused(site: Site) -> None:
    site.define("news", PASTE)
    run = site.run("news", "a...b", text="id\n1\n")
    assert "a...b: there is no delivery 'a...b'" in refusal(run)


def test_an_uploaded_file_is_imported(site: Site) -> None:
    """What lies in the drop folder was put there to be imported, said or not (M007)."""
    site.define("partners", UPLOAD)
    assert site.look("partners_new_file").note == "no file matches *"
    assert (site.root / "uploads" / "partners").is_dir()
    site.put("uploads/partners/March 2026.csv", "id,name\n1,a\n")
    tick = site.look("partners_new_file")
    assert tick.asked == [("March 2026.csv",)]
    assert tick.runs[0].success
    assert site.rows("SELECT name, _import, _file FROM customers") == [
        ("a", "partners", "March 2026.csv")
    ]
