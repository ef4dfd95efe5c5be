"""The exported file against the module that archbuilder builds: same keys, same weights, same outputs."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from archbuilder import blocks
from archbuilder.exporters import python
from archbuilder.exporters.python.classes import SEQUENTIAL
from archbuilder.exporters.python.conventions import CONVENTIONS
from archbuilder.modules import build, own_layers
from archbuilder.modules.conformance import network
from tests.exporters.samples import NETWORKS, analysed, random_networks

ROOT = Path(__file__).parent.parent.parent
FILES = sorted(ROOT.glob("architectures/**/*.yaml"))
RANDOM = 60


def sources() -> Iterator[tuple[str, str]]:
    """Name and exported source of the shipped networks and the samples."""
    for path in FILES:
        yield path.stem, python.export(*analysed(path))
    for name, text in NETWORKS.items():
        yield name, python.export(*analysed(text))


def loaded(source: str) -> nn.Module:
    """An instance of the network that a file ends with."""
    scope: dict[str, object] = {"__name__": "exported"}
    exec(compile(source, "model.py", "exec"), scope)
    cls = [value for value in scope.values() if isinstance(value, type) and value.__module__ == "exported"][-1]
    module = cls()
    assert isinstance(module, nn.Module)
    return module


def seeded(make: object) -> nn.Module:
    torch.manual_seed(7)
    module = make() if callable(make) else None
    assert isinstance(module, nn.Module)
    return module


def run(module: nn.Module, x: Tensor) -> Tensor:
    torch.manual_seed(8)  # of dropout
    output: Tensor = module(x)
    return output


def assert_equal(source: str, text: object) -> None:
    """An exported source makes the module of a file or a YAML text."""
    graph, facts = analysed(text)
    ours, theirs = seeded(lambda: build(graph)), seeded(lambda: loaded(source))
    assert list(theirs.state_dict()) == list(ours.state_dict())
    for name, tensor in ours.state_dict().items():
        assert torch.equal(theirs.state_dict()[name], tensor), f"{name} starts with other weights"
    assert sum(p.numel() for p in theirs.parameters()) == facts.params
    assert [p.requires_grad for p in theirs.parameters()] == [p.requires_grad for p in ours.parameters()]
    unlike(ours)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(2, *graph.input.dims)
    assert torch.equal(run(ours.eval(), x), run(theirs.eval(), x))
    try:
        expected = run(ours.train(), x)
    except ValueError:
        return  # a batch norm over a map of one value
    assert torch.equal(expected, run(theirs.train(), x))


def unlike(module: nn.Module) -> None:
    """Random weights and statistics, so that each of them affects the output."""
    with torch.no_grad():
        for name, tensor in module.state_dict().items():
            if tensor.is_floating_point():
                tensor.copy_(torch.rand_like(tensor) + 0.1 if "running" in name else torch.randn_like(tensor) * 0.3)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_shipped_networks(path: Path):
    assert_equal(python.export(*analysed(path)), path)


@pytest.mark.parametrize("name", NETWORKS)
def test_samples(name: str):
    assert_equal(python.export(*analysed(NETWORKS[name])), NETWORKS[name])


def test_every_block():
    for name in blocks.names():
        block = blocks.find(name)
        report = network(block.EXAMPLE, needs_classes=name == "classifier")
        assert report.graph and report.facts, name
        text = report.document.text
        assert_equal(python.export(report.graph, report.facts), text)


def test_random_networks():
    texts = list(random_networks(RANDOM, "export"))
    assert len(texts) > RANDOM * 0.9
    for text in texts:
        assert_equal(python.export(*analysed(text)), text)


def test_source_is_as_ruff_leaves_it(tmp_path: Path):
    for name, source in sources():
        (tmp_path / f"{name}.py").write_text(source, encoding="utf-8")
    ruff = [sys.executable, "-m", "ruff"]
    for arguments in (["format", "--check"], ["check", "--select", "E4,E7,E9,F,I,B,UP,RUF"]):
        done = subprocess.run([*ruff, *arguments, "--isolated", str(tmp_path)], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_source_needs_only_torch():
    for name, source in sources():
        imports = [line for line in source.splitlines() if line.startswith(("import ", "from "))]
        assert set(imports) <= {
            "from collections import OrderedDict",
            "import torch",
            "from torch import Tensor, nn",
        }, name


def test_classes_are_there_only_where_used():
    source = python.export(*analysed(NETWORKS["3-in.1"]))
    assert "class Chain" in source
    assert "class Layers" not in source
    assert "class ChannelScale" not in source
    assert "import torch\n" not in source
    assert "class Net3In1(nn.Module)" in source
    assert "class Chain" not in python.export(*analysed(NETWORKS["nothing"]))


def body(name: str) -> str:
    return python.export(*analysed(NETWORKS[name]))


def test_long_connections_are_arguments_and_results():
    source = body("joined")
    assert "        x, early = self.C1(x)  # 16x8x8, RF 7\n" in source
    assert "    def forward(self, x: Tensor, early: Tensor) -> Tensor:\n" in source
    assert "        x = self.C3(x, early)" in source
    assert "        x = torch.cat((early, x), dim=1)" in source


def test_shared_layers_are_called_again():
    source = body("shared")
    assert source.count("        x = self.twice(x)") == 2
    assert source.count("self.S(x)") == 4
    assert source.count("        x = self.act(x)\n") == 2


def test_layers_shared_across_stages_are_held_and_run_around_them():
    source = body("shared_across_stages")
    assert "self.C2 = Layers(" in source
    assert "        a = self.C1.a(x)" in source
    assert "self.C2.skip.conv(a)" in source


def test_skips_and_gates_read_as_written():
    source = body("gates")
    assert "        return body * x  #" in source
    assert "        return x * gate\n" in source
    assert ".requires_grad_(False)" in source
    assert 'padding_mode="reflect"' in source
    assert "nn.LeakyReLU(0.1)" in source


def test_a_split_is_one_line():
    assert "        path1, path2 = x.chunk(2, dim=1)\n        path2 = self.path2(path2)\n" in body("branches")


def test_blocks_that_are_alike_become_a_class_with_parameters():
    source = body("alike")
    assert source.count("nn.Conv2d(") == 1
    assert "class Twin(Chain):" in source
    assert "        self.last = Twin(8, 4)\n" in source


@pytest.mark.parametrize("name", CONVENTIONS)
def test_conventions_are_those_of_torch(name: str):
    convention = CONVENTIONS[name]
    cls = getattr(nn, name, None) or getattr(own_layers, name)
    parameters = inspect.signature(cls).parameters
    assert tuple(parameters)[: len(convention.positional)] == convention.positional
    for keyword, value in convention.defaults.items():
        assert parameters[keyword].default == value, keyword


def test_names_that_a_sequential_has_already():
    assert {name for name in set(dir(nn.Sequential)) - set(dir(nn.Module)) if not name.startswith("_")} == SEQUENTIAL
