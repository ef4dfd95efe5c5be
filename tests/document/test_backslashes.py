"""A path of Windows in double quotes: YAML takes its backslashes for escapes."""

from __future__ import annotations

import pytest

from archbuilder.diagnostics import ArchbuilderError
from archbuilder.document.parser import parse

WRITTEN = [
    r"C:\Users\me\data",  # no escape of YAML
    r"C:\data\images.npz",
    r"D:\new\train",  # \n and \t are escapes: nothing is wrong with the YAML
    r"..\base.yaml",  # \b too
    r".\new\nets.yaml",
    r"\\server\share",
    r"C:\xylophone",
]


@pytest.mark.parametrize("path", WRITTEN)
@pytest.mark.parametrize("form", ['data: {{dataset: "{}"}}', 'extends: "{}"\nname: x', 'rules: ["{}"]'])
def test_the_escapes_are_the_mistake(path: str, form: str):
    with pytest.raises(ArchbuilderError) as error:
        parse(form.format(path) + "\n")
    (found,) = error.value.diagnostics
    assert found.code.id == "AB003" and found.span.line == 1
    assert "a backslash in double quotes begins an escape" in found.hint
    assert found.hint.endswith(f": '{path}' or {path.replace(chr(92), '/')}")


@pytest.mark.parametrize(
    "text", [r"'C:\Users\me'", r"C:\new\data", r'"C:\\Users\\new"', "C:/new", r'"two\nlines"', r'"\t"']
)
def test_what_is_meant_is_read(text: str):
    assert isinstance(parse(f"a: {text}\n").root.plain()["a"], str)
