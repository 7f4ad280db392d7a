"""Any document gives the rows that a slow and obvious reader finds in it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from import_assets_tests.builders import examples
from import_assets_tests.formats.xml_reading import flatten, parse, read_xml

_NAMES = st.sampled_from(["a", "b", "g:a", "longer-name.of_élement", "g:longer_name_than_sixteen"])
_SPACE = st.sampled_from(["", "", " ", "\n", "\r\n", "\r", "\t", "\n        ", " " * 200])
_PIECES = st.sampled_from(
    [
        "x",
        "žluťoučký",
        "a text longer than twelve bytes",
        "&amp;lt;",
        "&lt;",
        "&#38;amp;",
        "&#x41;",
        "&quot;'\"",
        ">",
        "]]x",
        "\\",
        " ",
        "&#32;",
        "&#13;",
        "\r\n",
        "\r",
        "\t",
        "=",
        "/>",
        "😀",
        "<![CDATA[]]>",
        "<![CDATA[ <b>&amp;</b> ]]>",
        "<![CDATA[x]]>",
        "<![CDATA[<!-- \r\n]]>",
        "<![CDATA[&amp;\r\n&#65;]]>",
        "<!-- <a> & ' -->",
        "<!---->",
        "<?pi <a> ?>",
        "<!--<![CDATA[-->",
    ]
)
_TEXTS = st.builds(
    lambda before, pieces, behind: before + "".join(pieces) + behind,
    _SPACE,
    st.lists(_PIECES, max_size=4),
    _SPACE,
)
_VALUES = st.sampled_from(
    [
        '""',
        '"v"',
        "'v'",
        "'\"'",
        '"\'"',
        '">"',
        "'&lt;'",
        '"/>"',
        '" a\tb\r\nc "',
        '"&amp;&#10;"',
        "\"a = 'b' >\"",
        "'&lt;!--'",
        '"žluťoučký kůň úpěl"',
    ]
)
_ATTRIBUTES = st.dictionaries(
    st.sampled_from(["k", "lang", "g:k", "xmlns", "xmlns:g"]),
    st.tuples(_VALUES, st.sampled_from(["=", " = ", "\n=\r\n"]), st.sampled_from([" ", "\n  "])),
    max_size=3,
).map(lambda found: "".join(f"{gap}{k}{eq}{v}" for k, (v, eq, gap) in found.items()))
_ENDS = st.sampled_from(["", " ", "\n"])


def _element(name: str, attributes: str, inside: list[str], gap: str) -> str:
    content = "".join(inside)
    if not content and gap:
        return f"<{name}{attributes}{gap}/>"
    return f"<{name}{attributes}{gap}>{content}</{name}{gap}>"


def _elements(inside: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    parts = st.lists(st.one_of(inside, _TEXTS, _SPACE), max_size=6)
    return st.builds(_element, _NAMES, _ATTRIBUTES, parts, _ENDS)


_LEAVES = st.builds(
    _element, _NAMES, st.just("") | _ATTRIBUTES, st.lists(_TEXTS, max_size=1), _ENDS
)
_TREES = st.recursive(_LEAVES, _elements, max_leaves=6)
_BETWEEN = st.sampled_from(
    ["", "\n", "\r\n  ", "\r", "<!-- <row> -->", "<?x ?>", "text > text", "<b>y</b>"]
)
_ROWS = st.builds(
    _element,
    st.just("row"),
    _ATTRIBUTES,
    st.lists(st.one_of(_TREES, _TREES, _TEXTS), max_size=6),
    _ENDS,
)


@st.composite
def _documents(draw: st.DrawFn) -> str:
    parts = [draw(_BETWEEN)]
    for row in draw(st.lists(_ROWS, min_size=1, max_size=4)):
        parts += [row, draw(_BETWEEN)]
    head = draw(st.sampled_from(["", '<?xml version="1.0"?>\r\n', "<!-- <r> -->\n"]))
    # At least 256 bytes are read at first: so that they end anywhere.
    head += f"<!--{' ' * draw(st.integers(0, 250))}-->"
    return f"{head}<r a='>'><l>{''.join(parts)}</l></r>\n"


@examples(80)
@given(text=_documents(), block_bytes=st.sampled_from([256, 1 << 20]))
def test_rows_are_those_of_a_slow_reader(text: str, block_bytes: int) -> None:
    """M107, D33: whatever stands in a row, and wherever a block ends in it."""
    found = read_xml(text, row="row", prefixes="keep", block_bytes=block_bytes)
    rows = parse(text).findall("l/row")
    assert found.rows == [flatten(row) for row in rows]
    assert [flatten(parse(raw)) for raw in found.raw] == found.rows
    breaks = text.replace("\r\n", "\0\n").replace("\r", "\n").replace("\0\n", "\r\n")
    starts = [text.index(raw) for raw in found.raw[:1]]
    assert found.lines[:1] == [breaks.count("\n", 0, at) + 1 for at in starts]


@examples(40)
@given(text=_documents())
def test_a_row_is_read_the_same_whatever_others_there_are(text: str) -> None:
    """D33: a document and its parts give the same rows."""
    whole = read_xml(text, row="row", prefixes="keep")
    alone = [read_xml(f"<r>{raw}</r>", row="row", prefixes="keep") for raw in whole.raw]
    assert whole.rows == [one.rows[0] for one in alone]
    assert set(whole.header) >= {name for one in whole.rows for name in one}
