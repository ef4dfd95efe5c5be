"""Every key and value knows its line, column and end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archbuilder.diagnostics import Span
from archbuilder.document.nodes import Document, Node
from archbuilder.document.parser import parse


def at(document: Document, *path: str | int) -> str:
    """line:column-line:column of a key path."""
    return short(document.root.place(*path))


def short(span: Span) -> str:
    return f"{span.line}:{span.column}-{span.end_line}:{span.end_column}"


BLOCK = """\
# a comment
name: net      # another
stages:
  - conv:
      out: 16
      kernel: [3,  5]

  - {gap: ~, flow: {deep: "x y"}}
  -   text


end: |
  two
  lines
last:
"""


def test_keys_and_items_of_nested_collections():
    document = parse(BLOCK)
    assert at(document, "name") == "2:1-2:5"
    assert at(document, "stages") == "3:1-3:7"
    assert at(document, "stages", 0) == "4:5-6:22"
    assert at(document, "stages", 0, "conv") == "4:5-4:9"
    assert at(document, "stages", 0, "conv", "kernel") == "6:7-6:13"
    assert at(document, "stages", 0, "conv", "kernel", 1) == "6:20-6:21"
    assert at(document, "stages", 1) == "8:5-8:34"
    assert at(document, "stages", 1, "flow", "deep") == "8:21-8:25"
    assert at(document, "stages", 2) == "9:7-9:11"
    assert at(document, "last") == "15:1-15:5"


def test_values():
    root = parse(BLOCK).root
    value = root.value
    assert short(value["name"].span) == "2:7-2:10"
    assert short(value["stages"].value[1].value["flow"].value["deep"].span) == "8:27-8:32"
    assert short(value["stages"].value[0].value["conv"].value["kernel"].span) == "6:15-6:22"
    assert short(value["end"].span).startswith("12:6-15:1")
    assert short(value["last"].span) == "15:6-15:6"


def test_an_indented_collection_ends_with_its_last_value_not_at_the_next_key():
    root = parse(BLOCK).root
    assert short(root.value["stages"].span) == "4:3-9:11"
    assert short(root.span) == "2:1-15:6"
    assert short(parse("a:\n- b:\n\n# far\n\nc: 1\n").root.value["a"].span) == "2:1-2:5"


def test_a_path_that_leads_nowhere_gives_the_deepest_place_on_the_way():
    document = parse(BLOCK)
    assert at(document, "stages", 0, "conv", "nothing", "more") == at(document, "stages", 0, "conv")
    assert at(document, "stages", 9) == at(document, "stages")
    assert at(document, "name", 0) == at(document, "name")
    assert at(document) == "2:1-15:6"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_of_every_system(end: str):
    document = parse(f"a: 1{end}b:{end}  - x{end}  - y{end}")
    assert document.root.plain() == {"a": 1, "b": ["x", "y"]}
    assert at(document, "b", 1) == "4:5-4:6"


def test_columns_count_characters_not_bytes():
    assert at(parse("größe: {ü: 1, b: 2}\n"), "größe", "b") == "1:15-1:16"
    assert at(parse("{😀: 1, b: 2}\n"), "b") == "1:8-1:9"


def test_an_alias_has_a_place_of_its_own_and_its_contents_keep_theirs():
    document = parse("base: &b {out: 1}\nuse: *b\n")
    assert short(document.root.value["use"].span) == "2:6-2:8"
    assert at(document, "use", "out") == "1:11-1:14"


def test_a_merged_key_keeps_the_place_where_it_was_written():
    document = parse("base: &b {out: 1, in: 2}\nuse:\n  in: 3\n  <<: *b\n")
    assert at(document, "use", "out") == "1:11-1:14"
    assert at(document, "use", "in") == "3:3-3:5"


def test_an_explicit_key():
    document = parse("? long\n: value\n? set\n")
    assert at(document, "long") == "1:3-1:7"
    assert document.root.plain() == {"long": "value", "set": None}


def test_quoted_keys_and_values_include_their_quotes():
    root = parse("'a b': \"c d\"\n").root
    assert short(root.place("a b")) == "1:1-1:6"
    assert short(root.value["a b"].span) == "1:8-1:13"


trees = st.recursive(
    st.integers(0, 99) | st.sampled_from(["x", "some text", ""]),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3) | st.dictionaries(st.sampled_from("abcdef"), inner, min_size=1)
    ),
)


@given(tree=st.dictionaries(st.sampled_from("klm"), trees, min_size=1), flow=st.booleans())
def test_the_text_at_each_place_is_the_key_or_the_value(tree: object, flow: bool):
    """The text at the place of a node, parsed by itself, gives that node."""
    import yaml

    text = yaml.safe_dump(tree, default_flow_style=flow, sort_keys=False)
    lines = text.splitlines(keepends=True)

    def cut(span: Span) -> str:
        between = lines[span.line - 1 : span.end_line] or [""]
        last = between[-1][: span.end_column - 1]
        between = [*between[:-1], last] if span.end_line > span.line else [last]
        return " " * (span.column - 1) + between[0][span.column - 1 :] + "".join(between[1:])

    def check(node: Node) -> None:
        assert yaml.safe_load(cut(node.span)) == node.plain()
        if node.is_mapping:
            for key, child in node.value.items():
                assert cut(node.keys[key]).strip() == key
                check(child)
        elif node.is_list:
            for child in node.value:
                check(child)

    check(parse(text).root)
