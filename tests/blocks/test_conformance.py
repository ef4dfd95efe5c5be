"""What every block promises, held against each block that is found: a new one needs no test of its own."""

from __future__ import annotations

import inspect
import textwrap
from importlib import import_module

import pytest
import torch

import archbuilder
from archbuilder import blocks, diagnostics
from archbuilder.diagnostics import ArchbuilderError
from archbuilder.modules.conformance import failures
from archbuilder.pipeline import Report
from tests.ir.oracle import disagreements

NAMES = blocks.names()
BEFORE = ["archbuilder: 1", "input: [16, 16, 16]", "classes: 10", "network:"]
each_block = pytest.mark.parametrize("name", NAMES)


def block(name: str) -> type[blocks.Block]:
    found = blocks.find(name)
    assert found is not None
    return found


def network(text: str) -> tuple[str, range]:
    """A file whose network is a text, one item or several, and the lines of that text in it.

    It has `classes` only where a classifier asks for them."""
    items = text if text.startswith("- ") else f"- {text}"
    before = BEFORE if "classifier" in text else [line for line in BEFORE if not line.startswith("classes")]
    file = "\n".join([*before, textwrap.indent(items, "  ")]) + "\n"
    first = len(before) + 1
    return file, range(first, first + len(items.splitlines()))


def rejected() -> list[tuple[str, str, str]]:
    return [(name, text, code) for name in NAMES for text, code in block(name).REJECTS.items()]


def errors(report: Report) -> list[str]:
    return [d.code.id for d in report.diagnostics if d.severity == "error"]


@each_block
def test_file_registers_its_own_name(name: str):
    module = import_module(f"archbuilder.blocks.{name}")
    own = [kind for kind, found in blocks._registered.items() if found.__module__ == module.__name__]
    assert own == [name]
    assert name == block(name).KIND
    assert block(name).__name__ == "".join(word.capitalize() for word in name.split("_"))
    assert module.__doc__ is not None
    assert module.__doc__.startswith(f"{name}: ")


@each_block
def test_block_has_a_manual(name: str):
    assert inspect.cleandoc(vars(block(name))["__doc__"]).endswith((".", "`", ")"))
    for field, info in block(name).model_fields.items():
        assert info.description, f"{name}.{field} has no description"
        assert info.description[0].islower() or not info.description[0].isalpha(), f"{name}.{field}"


@each_block
def test_block_names_fields_that_it_has(name: str):
    fields = {info.alias or field for field, info in block(name).model_fields.items()}
    defaults = set(blocks.find("conv").model_fields)
    assert block(name).POSITIONAL in fields | {""}
    assert set(getattr(block(name), "DEFAULTS", ())) <= fields & defaults


@each_block
def test_example_is_of_the_block_and_clean(name: str):
    text, _ = network(block(name).EXAMPLE)
    report = archbuilder.check(text)
    assert report.diagnostics == ()
    assert f"{name}" in block(name).EXAMPLE
    assert report.graph is not None
    assert report.graph.nodes
    assert report.spec is not None
    assert name in {part.KIND for part in report.spec.network} | {"scale", "rescale"}  # which stand in a skip


@each_block
def test_example_builds_and_equals_torch(name: str):
    text, _ = network(block(name).EXAMPLE)
    graph = archbuilder.load(text)
    assert disagreements(graph) == []
    module = archbuilder.build(graph)
    module(torch.randn(2, 16, 16, 16, requires_grad=True)).sum().backward()  # in training mode, two images
    unused = [name for name, weight in module.named_parameters() if weight.requires_grad and weight.grad is None]
    assert unused == []


@each_block
def test_the_command_that_tests_blocks_finds_nothing(name: str):
    assert list(failures(block(name))) == []


@pytest.mark.parametrize(("name", "text", "code"), rejected())
def test_rejected_example_gives_its_code_at_its_line(name: str, text: str, code: str):
    file, lines = network(text)
    report = archbuilder.check(file)
    assert code in errors(report)
    assert set(errors(report)) == {code}, "the example shows more than one mistake"
    for diagnostic in report.diagnostics:
        span = diagnostic.span
        assert span.line in lines
        written = file.splitlines()[span.line - 1]
        assert written[span.column - 1].strip(), "the place is a blank"
        assert diagnostic.message
        assert (span.line, span.column) < (span.end_line, span.end_column)
    with pytest.raises(ArchbuilderError):
        archbuilder.build(file)


@each_block
def test_block_is_rejected_for_a_field_it_does_not_have(name: str):
    """With the nearest field as a hint; every block forbids what it does not know."""
    file, lines = network(f"{name}: {{nam: x}}")
    unknown = [d for d in archbuilder.check(file).diagnostics if d.code.id == "AB101"]
    assert [d.span.line for d in unknown] == [lines[0]]
    assert "nam" in unknown[0].message
    assert "name" in unknown[0].hint


def test_every_code_of_an_op_is_shown_by_a_rejected_example():
    """A code that nobody can provoke would be dead; so would be one that no example shows."""
    declared = {code for code in diagnostics._declared if code.startswith("AB3")}  # what ops complain about
    shown = {code for _, _, code in rejected()}
    assert len(declared) >= 10
    assert declared - shown == {"AB306"}  # which needs two paths and has a test of its own beside the ops'


def test_reserved_names_cover_torch():
    """A stage called `train` would hide a method of nn.Module."""
    public = {name for name in dir(torch.nn.Module()) if not name.startswith("_")}
    assert public - blocks.RESERVED == set()
    assert {name for name in vars(torch.nn.Module()) if not name.startswith("_")} <= blocks.RESERVED


@pytest.mark.parametrize("name", sorted(blocks.RESERVED | {"class", "lambda", "None"}))
def test_reserved_name_is_refused(name: str):
    report = archbuilder.check(network(f"stage: {{name: '{name}', blocks: [activation]}}")[0])
    assert errors(report)
    assert set(errors(report)) <= {"AB103", "AB202"}


@pytest.mark.parametrize(
    "text",
    [
        "conv: {out: 8, norm: {kind: batch, name: NAME}}",
        "conv: {out: 8, activation: {kind: relu, name: NAME}}",
        "conv: {out: 8, dropout: {p: 0.1, name: NAME}}",
        "skip: {blocks: [{strided: 8}], norm: {kind: group, name: NAME}}",
        "norm: {name: NAME}",
        "repeat: {name: NAME, times: 2, blocks: [{conv: 8}]}",
        "branches: {paths: [[], [{skip: {name: NAME, blocks: [{conv: 16}]}}]]}",
    ],
)
@pytest.mark.parametrize("name", ["train", "lambda", "input"])
def test_reserved_name_is_refused_wherever_a_layer_gets_one(text: str, name: str):
    file, lines = network(text.replace("NAME", name))
    (diagnostic,) = archbuilder.check(file).diagnostics
    assert (diagnostic.code.id, diagnostic.span.line) == ("AB202", lines[0])
    assert file.splitlines()[diagnostic.span.line - 1][diagnostic.span.column - 1 :].startswith(name)
    assert name in diagnostic.message
    assert diagnostic.hint


@pytest.mark.parametrize("section", ["defaults: {norm: {kind: batch, name: half}}", "define: {a: {blocks: [gap]}}"])
def test_reserved_name_is_refused_in_other_sections(section: str):
    item = "conv: 8" if section.startswith("defaults") else "a: {name: half}"
    report = archbuilder.check(f"{section}\n{network(item)[0]}")
    assert [d.code.id for d in report.diagnostics] == ["AB202"]


def test_unknown_block_gets_the_nearest_as_a_hint():
    (diagnostic,) = archbuilder.check(network("dilatd: {out: 8}")[0]).diagnostics
    assert (diagnostic.code.id, diagnostic.hint) == ("AB101", "did you mean dilated?")


@pytest.mark.parametrize("name", ["__init__", "os", "a.b", "_composite", "", "Conv"])
def test_what_is_no_block_is_not_found(name: str):
    assert blocks.find(name) is None


def test_a_name_is_registered_once():
    with pytest.raises(ValueError, match="conv is defined twice"):
        blocks.register(block("conv"))
