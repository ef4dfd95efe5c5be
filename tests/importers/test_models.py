"""Models written by hand become YAML that computes the same."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import archbuilder
from archbuilder.importers import convert, to_yaml
from tests.importers.catalogue import FOLDER, MODELS, Model

GOLDEN = Path(__file__).parent / "golden"


def total(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_there_are_enough_models():
    files = {model.file for model in MODELS}
    assert files == {path.stem for path in FOLDER.glob("*.py")}
    assert len(files) >= 22


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_import_gives_the_same_network(model: Model):
    module = model.module()
    imported = convert(module, model.input)
    assert imported.ok, "\n".join(map(str, imported.diagnostics))
    assert [one.what for one in imported.proof.comparisons] == [
        "weights as they are",
        "weights shaken",
        "weights shaken, float64",
    ]
    assert imported.proof.difference < 1e-5
    built = archbuilder.build(imported.text)
    assert total(built) == imported.params == total(module) - model.unused
    assert sum(one.params for one in imported.unused) == model.unused


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_outputs_agree_where_the_weights_are_constant(model: Model):
    """A comparison that needs no copying: every weight and statistic of the two is the same number."""
    module = model.module().eval()
    built = archbuilder.build(to_yaml(module, model.input)).eval()
    torch.manual_seed(0)
    image = torch.rand(3, *model.input).double()
    with torch.no_grad():
        for network in (module, built):
            for tensor in [*network.parameters(), *network.buffers()]:
                if tensor.is_floating_point():
                    tensor.fill_(0.03)
        theirs, ours = module.double()(image), built.double()(image)
    # a softmax, which is left out, is the same for outputs that are all alike
    assert ours.shape == theirs.shape
    if "Left out: " not in to_yaml(model.module(), model.input):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", sorted(path.stem for path in GOLDEN.glob("*.yaml")))
def test_the_text_is_what_a_person_would_write(name: str):
    model = next(model for model in MODELS if model.file == name)
    source = f"{name}.py, {model.name}()"
    imported = convert(model.module(), model.input, name=model.name, source=source)
    assert imported.text == (GOLDEN / f"{name}.yaml").read_text()


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_the_text_is_short(model: Model):
    """Every line earns its place: fewer lines than the module has layers and calls of its own."""
    module = model.module()
    leaves = sum(not list(child.children()) for child in module.modules())
    assert len(to_yaml(module, model.input).splitlines()) < leaves + 14


def test_the_module_is_left_as_it_was():
    module = next(model for model in MODELS if model.file == "stages").module()
    module.train()
    module.gap.eval()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    modes = [child.training for child in module.modules()]
    to_yaml(module, (3, 32, 32))
    assert [child.training for child in module.modules()] == modes
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())


def test_the_same_text_every_time():
    model = next(model for model in MODELS if model.file == "resnet")
    assert to_yaml(model.module(), model.input) == to_yaml(model.module(), model.input)
