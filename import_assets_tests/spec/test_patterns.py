"""The file filter (M020, D07, D08)."""

from __future__ import annotations

import pickle
import re
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from import_assets.spec.patterns import LONGEST_FILTER, FilePattern


def taken(pattern: str, *paths: str) -> list[str]:
    return [path for path in paths if FilePattern(pattern).matches(path)]


def test_m020_a_regular_expression_stands_between_slashes():
    assert taken("/file[0-9]+/", "file1", "file22", "file", "file[0-9]+") == ["file1", "file22"]
    assert taken("file[0-9]+", "file1", "file[0-9]+") == ["file[0-9]+"]


def test_d07_the_whole_name_has_to_match():
    names = ("file1", "old_file1.csv.bak", "xfile1", "file1x", "file1\n", "\nfile1")
    assert taken("/file[0-9]+/", *names) == ["file1"]
    assert taken("/^file1$/", *names) == ["file1"]
    assert taken("/file1|file2/", "file1", "file2", "file12", "xfile2") == ["file1", "file2"]


def test_d07_the_name_is_matched_and_not_its_folder():
    assert taken("/a.csv/", "a.csv", "sub/a.csv", "a.csv/b") == ["a.csv", "sub/a.csv"]
    assert taken("a.csv", "a.csv", "sub/deep/a.csv") == ["a.csv", "sub/deep/a.csv"]


def test_d07_a_slash_inside_means_the_path():
    paths = ("a.csv", "2024/a.csv", "2024/01/a.csv", "x/2024/a.csv")
    assert taken("/[0-9]+\\/a\\.csv/", *paths) == ["2024/a.csv"]
    assert taken("/[0-9]+/a.csv/", *paths) == ["2024/a.csv"]
    assert taken("/(.*/)?a.csv/", *paths) == list(paths)
    assert taken("2024/a.csv", *paths) == ["2024/a.csv"]
    assert taken("*/a.csv", *paths) == ["2024/a.csv"]
    assert FilePattern("*/a.csv").reaches_into_folders
    assert not FilePattern("/a.csv/").reaches_into_folders


def test_d08_an_exact_name_is_nothing_else():
    assert taken("a.csv", "a.csv", "axcsv", "A.csv", "a.csv.bak", "xa.csv", "a.csv\n") == ["a.csv"]
    assert taken("a+(1)[2]{3}|$^.csv", "a+(1)[2]{3}|$^.csv", "aa1") == ["a+(1)[2]{3}|$^.csv"]
    assert taken("a\\*", "a\\b", "ab") == ["a\\b"]


def test_d08_globs():
    names = ("a.csv", "ab.csv", "abc.csv", ".csv", "a.csv.gz", "a\nb.csv")
    assert taken("a*.csv", *names) == ["a.csv", "ab.csv", "abc.csv", "a\nb.csv"]
    assert taken("a?.csv", *names) == ["ab.csv"]
    assert taken("*", *names) == list(names)
    assert taken("2024/*.csv", "2024/a.csv", "2024/01/a.csv") == ["2024/a.csv"]
    assert taken("?", "é", "日", "ab", "") == ["é", "日"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("/", "a slash at one end only"),
        ("//", "no regular expression between the slashes"),
        ("/a", "a slash at one end only"),
        ("a/", "a slash at one end only"),
        ("/a/i", "(?i)"),
        ("/exports/a.csv", "belongs into `folder`"),
        ("../a.csv", "`..`"),
        ("a/../b", "`..`"),
        ("./a", "`.`"),
        ("a//b", "empty"),
        ("..", "`..`"),
        ("**/a.csv", "** is not known"),
        ("/a(/", "not a regular expression (RE2 syntax): missing )"),
        ("/[/", "not a regular expression"),
        ("/*/", "not a regular expression"),
        ("/(?=a)/", "not a regular expression"),
        ("/(a)\\1/", "not a regular expression"),
        ("/a{5000}/", "not a regular expression"),
        ("/(a{1000}){1000}/", "not a regular expression"),
        ("x" * (LONGEST_FILTER + 1), "at most 1000 characters"),
    ],
)
def test_d08_what_is_refused(text: str, message: str):
    with pytest.raises(ValueError, match=re.escape(message)):
        FilePattern(text)


@pytest.mark.parametrize("evil", ["/(a+)+b/", "/(a|aa)+$/", "/(.*a){20}/", "/(a*)*c/", "*a" * 30])
def test_evil_patterns_take_linear_time(evil: str):
    started = time.process_time()
    FilePattern(evil).matches("a" * 5_000 + "!")
    assert time.process_time() - started < 2


def test_unicode_matches_however_it_is_composed():
    """A Mac writes é as two characters, everybody else as one."""
    apart = unicodedata.normalize("NFD", "zákazníci_1.csv")
    assert apart != "zákazníci_1.csv"
    for pattern in (
        "zákazníci_*.csv",
        "/zákazníci_[0-9]\\.csv/",
        "z?kazn?ci_1.csv",
        apart[:-5] + "1.csv",
    ):
        assert taken(pattern, apart, "zákazníci_1.csv") == [apart, "zákazníci_1.csv"]


def test_names_that_are_not_utf8_do_no_harm():
    assert taken("*.csv", "caf\udce9.csv") == ["caf\udce9.csv"]
    assert taken("café.csv", "caf\udce9.csv") == []
    assert taken("/.*\\.csv/", "\ud800.csv") == ["\ud800.csv"]


def test_a_pattern_is_a_value():
    pattern = FilePattern("/a.*/")
    assert pattern.matches("ab")
    assert pattern == FilePattern("/a.*/")
    assert pickle.loads(pickle.dumps(pattern)).matches("ab")


@given(st.text(), st.text())
def test_any_text_is_a_pattern_or_a_value_error(text: str, name: str):
    try:
        pattern = FilePattern(text)
    except ValueError:
        return
    pattern.matches(name)


@given(
    st.text(alphabet=st.characters(exclude_characters="/*", exclude_categories=["Cs"]), min_size=1)
)
def test_d08_every_name_without_stars_is_a_pattern_that_takes_it(name: str):
    if name.strip() and name not in (".", ".."):
        assert FilePattern(name).matches(name)
        assert FilePattern(name).matches(f"folder/{name}")


@given(
    st.text(alphabet="ab.*\u00e9e\u0301\n", min_size=1, max_size=8),
    st.text(alphabet="ab.\u00e9e\u0301\n", max_size=12),
)
def test_d08_stars_stand_for_any_characters(glob: str, name: str):
    """As the same regular expression says it."""
    if "**" in glob or not glob.strip() or glob in (".", ".."):
        return
    composed, subject = (unicodedata.normalize("NFC", text) for text in (glob, name))
    regex = "(?s)" + ".*".join(map(re.escape, composed.split("*")))
    assert FilePattern(glob).matches(name) == (re.fullmatch(regex, subject) is not None)
