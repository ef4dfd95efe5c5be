"""Blocks in blocks, definitions written out: what the bound lets through works everywhere, one level more nowhere.

The stack of Python is as deep as ever, and already holds what a test runner and a program around it take.
"""

from __future__ import annotations

import copy
import pickle
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
import torch

from archbuilder import exporters
from archbuilder.blocks import MAX_LEVELS, find
from archbuilder.cli import main
from archbuilder.cli.check import STAGES
from archbuilder.diagnostics import Diagnostic, Span
from archbuilder.ir.builder import MAX_PATH, GraphBuilder, Stopped
from archbuilder.ir.shape import Shape
from archbuilder.modules import build
from archbuilder.pipeline import Report, check
from archbuilder.reporting import concise, github, html, sarif, stages, text
from archbuilder.reporting import json as as_json
from archbuilder.schema.fields import MAX_NAME

HEAD = "archbuilder: 1\nname: deep\ninput: [8, 6, 6]\nclasses: 3\n"
AROUND = 60  # frames of a program that calls, beside those of the test runner

# what puts blocks into blocks: the text around them, and how many levels that is
KINDS = {
    "definitions": ("{blocks}", 0),
    "stages": ("{{stage: {{blocks: [{blocks}]}}}}", 1),
    "repeats": ("{{repeat: {{times: 1, name: again, blocks: [{blocks}]}}}}", 1),
    "repeats without a name": ("{{repeat: {{times: 1, blocks: [{blocks}]}}}}", 1),
    "skips": ("{{skip: {{blocks: [{blocks}]}}}}", 1),
    "shortcuts": ("{{skip: {{blocks: [{{conv: 8}}], shortcut: [{blocks}]}}}}", 2),
    "paths": ("{{branches: {{merge: add, paths: [[], [{blocks}]]}}}}", 2),
}
RENDER: dict[str, Callable[[Report], str]] = {
    "text": text.render,
    "html": html.render,
    "concise": lambda report: concise.render([report]),
    "github": lambda report: github.render([report]),
    "json": lambda report: as_json.render([report]),
    "sarif": lambda report: sarif.render([report]),
}

R = TypeVar("R")


def nested(kind: str, levels: int) -> str:
    """A file whose conv stands so many levels deep, each definition with one piece of the kind."""
    around, each = KINDS[kind]
    level, body, definitions = 1, "{conv: 8}", []  # the network's own list
    while level < levels:
        if level + each + 1 <= levels:
            body, level = around.format(blocks=body), level + each
        definitions.append(f"  d{len(definitions)}: {{blocks: [{body}]}}\n")
        body, level = f"d{len(definitions) - 1}", level + 1
    return f"{HEAD}define:\n{''.join(definitions)}network: [{body}, gap, classifier]\n"


def from_afar(call: Callable[[], R], frames: int = AROUND) -> R:
    return call() if frames == 0 else from_afar(call, frames - 1)


@pytest.mark.parametrize("kind", KINDS)
class TestOfEveryKind:
    def test_at_the_bound_the_module_is_built_and_copied(self, kind: str):
        report = from_afar(lambda: check(nested(kind, MAX_LEVELS)))
        assert report.ok and report.graph and report.facts
        graph, facts, x = report.graph, report.facts, torch.rand(2, 8, 6, 6)
        module = build(graph).eval()
        expected = module(x)
        for copied in (
            from_afar(lambda: copy.deepcopy(module)),
            from_afar(lambda: pickle.loads(pickle.dumps(module))),
        ):
            assert torch.equal(copied(x), expected)
        for name in exporters.TEXTS:
            written: Any = exporters.exporter(name)
            assert from_afar(lambda written=written: written.export(graph, facts))
        for show in (*RENDER.values(), *(lambda r, stage=stage: stages.render(r, stage) for stage in STAGES)):
            assert isinstance(from_afar(lambda show=show: show(report)), str)

    def test_one_level_more_is_one_finding_in_every_format(self, kind: str):
        report = from_afar(lambda: check(nested(kind, MAX_LEVELS + 1)))
        (found,) = report.diagnostics
        assert found.code.id == "AB212" and found.span.line > 5 and found.hint
        for show in RENDER.values():
            assert "AB212" in from_afar(lambda show=show: show(report))


@pytest.mark.parametrize("kind", ["definitions", "paths"])
class TestWhatTakesLonger:
    """The two extremes: the most definitions, and the most scopes that are no definitions."""

    def test_it_is_exported(self, kind: str, tmp_path: Path):
        graph = check(nested(kind, MAX_LEVELS)).graph
        assert graph
        for name in exporters.BINARIES:
            made: Any = exporters.exporter(name)
            assert from_afar(lambda made=made: made.export(graph)).difference < 1e-4

    def test_its_exported_class_is_the_network(self, kind: str):
        report = check(nested(kind, MAX_LEVELS))
        scope: dict[str, Any] = {}
        exec(exporters.exporter("python").export(report.graph, report.facts), scope)
        module, written = build(report.graph).eval(), scope["Deep"]().eval()
        written.load_state_dict(module.state_dict())
        x = torch.rand(2, 8, 6, 6)
        assert torch.allclose(written(x), module(x), atol=1e-6)

    def test_it_is_compiled(self, kind: str):
        module = build(nested(kind, MAX_LEVELS)).eval()
        torch._dynamo.reset()
        compiled: Any = torch.compile(module, backend="eager", fullgraph=True)
        x = torch.rand(2, 8, 6, 6)
        assert torch.equal(from_afar(lambda: compiled(x)), module(x))


def test_commands_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.chdir(tmp_path)
    Path("deep.yaml").write_text(nested("paths", MAX_LEVELS))
    Path("deeper.yaml").write_text(nested("paths", MAX_LEVELS + 1))
    commands = ("check --suggest", "rf", "summary --style torchsummary", "compare deep.yaml", "export --to mermaid")
    for words in map(str.split, commands):
        assert main([words[0], "deep.yaml", *words[1:]]) == 0
        assert main([words[0], "deeper.yaml", *words[1:]]) == 1
        shown = capsys.readouterr()
        assert "deeper.yaml:" in shown.out + shown.err and "AB212" in shown.out + shown.err


# names


def named(levels: int, length: int, times: int = 1) -> str:
    block = f"{{repeat: {{times: {times}, blocks: [{{activation: relu}}]}}}}"
    for level in range(levels):
        block = f"{{stage: {{name: {'n' * (length - 2)}{level:02}, blocks: [{block}]}}}}"
    return f"{HEAD}network: [{block}, gap, classifier]\n"


def test_a_path_is_as_long_as_it_may_be_and_no_longer():
    levels = MAX_PATH // (MAX_NAME + 1)
    report = check(named(levels, MAX_NAME))
    assert report.ok and report.graph and max(map(len, report.graph.nodes)) > MAX_PATH - MAX_NAME
    (found,) = check(named(levels + 1, MAX_NAME)).diagnostics
    assert found.code.id == "AB213" and len(found.message) < 200 and found.hint


def defined(name: str) -> Report:
    text = f"define: {{{name}: {{blocks: [conv: 4]}}}}\nnetwork: [{name}, gap, classifier]\n"
    return check(f"archbuilder: 1\ninput: [3, 8, 8]\nclasses: 2\n{text}")


@pytest.mark.parametrize("name", ["\ufb01", "\u017fkip2", "a\u0308b", "\u2115"])
def test_a_definition_has_the_name_that_python_gives_it(name: str):
    """Else the exported model.py has another state_dict key than the network: Python normalises identifiers."""
    composed = unicodedata.normalize("NFKC", name)
    assert composed != name and name.isidentifier()
    (found,) = defined(name).errors
    assert found.code.id == "AB202" and str(found.hint) == f"write {composed}"
    assert defined(composed).ok


def test_a_definition_has_a_name_as_long_as_that_of_a_stage():
    def codes(length: int) -> list[str]:
        name = "n" * length
        return [
            d.code.id
            for d in check(f"{HEAD}define: {{{name}: {{blocks: [gap]}}}}\nnetwork: [{name}, classifier]\n").diagnostics
        ]

    assert codes(MAX_NAME) == [] and codes(MAX_NAME + 1) == ["AB103"]


def test_a_path_that_is_too_long_is_told_at_a_block_that_was_written():
    """Not at one that stands in for a block with a mistake, or that another block makes: these are in no file."""

    class Written:
        def span(self, field: str = "") -> Span:
            return Span("net.yaml", 7, 3, 7, 9)

    found: list[Diagnostic] = []
    g = GraphBuilder(Shape(3, 8, 8), found, Written())
    made = find("conv").model_construct()
    assert not made.span().line
    with pytest.raises(Stopped), g.writing(Written(), "skip"), g.writing(made, "conv"):
        g.unique("n" * (MAX_PATH + 1))
    assert [(d.code.id, d.span) for d in found] == [("AB213", Written().span())]
