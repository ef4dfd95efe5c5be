"""Models written by hand become YAML that computes the same."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
import torch
from torch import nn

import archbuilder
from archbuilder.importers import Imported, convert, to_yaml
from tests.importers.catalogue import FOLDER, MODELS, Model

GOLDEN = Path(__file__).parent / "golden"


def total(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@cache
def imported(name: str) -> Imported:
    model = next(model for model in MODELS if str(model) == name)
    return convert(model.module(), model.input)


def test_there_are_enough_models():
    files = {model.file for model in MODELS}
    assert files == {path.stem for path in FOLDER.glob("*.py")}
    assert len(files) >= 22


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_import_gives_the_same_network(model: Model):
    module, found = model.module(), imported(str(model))
    assert found.ok, "\n".join(map(str, found.diagnostics))
    compared = [one.what for one in found.proof.comparisons]
    assert compared == ["original weights", "perturbed weights", "perturbed weights, float64"]
    assert found.proof.difference < 1e-5
    assert not found.proof.training.notes, found.proof.training.notes
    assert total(archbuilder.build(found.text)) == found.params == total(module) - model.unused
    assert sum(one.params for one in found.unused) == model.unused


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_outputs_agree_where_all_weights_are_equal(model: Model):
    """A comparison beside the product's own, which copies nothing: every weight of the two is the same number.

    Constants stay as they are; those of a tensor are written with the digits that float32 has."""
    text = imported(str(model)).text
    module, built = model.module().eval(), archbuilder.build(text).eval()
    image = torch.rand(3, *model.input, generator=torch.Generator().manual_seed(0)).double()
    outputs = []
    with torch.no_grad():
        for network in (module, built):
            statistics = [tensor for name, tensor in network.named_buffers() if "running_" in name]
            for tensor in [*network.parameters(), *statistics]:
                tensor.fill_(0.05)
            outputs.append(network.double()(image))
    if ending := re.search(r"^# Left out: (\w+) at the end", text, re.M):
        outputs[1] = getattr(torch, ending[1])(outputs[1], 1)
    rounded = "rescale: {scale: [" in text
    torch.testing.assert_close(*outputs, rtol=1e-6 if rounded else 1e-9, atol=1e-12)


@pytest.mark.parametrize("name", sorted(path.stem for path in GOLDEN.glob("*.yaml")))
def test_the_text_is_what_a_person_would_write(name: str):
    model = next(model for model in MODELS if model.file == name)
    source = f"{name}.py, {model.name}()"
    found = convert(model.module(), model.input, name=model.name, source=source)
    assert found.text == (GOLDEN / f"{name}.yaml").read_text()


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_the_text_is_short(model: Model):
    """Shorter than the Python file that it comes from, which is written as tersely as people do."""
    assert len(imported(str(model)).text) < 0.85 * len((FOLDER / f"{model.file}.py").read_text())


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


@pytest.mark.parametrize("layers", [2, 4, 8, 16])
def test_the_order_is_that_of_the_network_however_deep_it_is(layers: int):
    """Biases that a norm follows can also be read as convs that a norm precedes: the shorter text is the better one."""
    body: list[nn.Module] = []
    for number in range(layers):
        body += [nn.Conv2d(32 if number else 3, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU()]
    text = to_yaml(nn.Sequential(*body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10)), (3, 8, 8))
    assert "order" not in text
