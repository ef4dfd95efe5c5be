"""Networks of the literature: their published counts, and their outputs against torch's on the same weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn
from torchvision import models

import archbuilder
from archbuilder.ir.ops import BatchNorm2d
from tests.architectures import by_hand
from tests.networks.gradient import with_gradient

KNOWN = Path(__file__).parent.parent.parent / "architectures" / "known"

# parameters, and where they are published, millions of MACs (chenyaofo/pytorch-cifar-models)
PUBLISHED = {
    "cifar10_tiniest": (97_530, None),
    "convmixer": (594_186, None),
    "densenet_bc_40": (176_122, None),
    "mlperf_tiny_kws": (23_756, 2.66),
    "mlperf_tiny_resnet8": (78_186, 12.50),
    "mlperf_tiny_vww": (216_322, 7.49),
    "mobilenet_v2": (2_236_682, 87.98),
    "resnet20": (272_474, 40.81),
    "shufflenet_v2": (352_042, 10.90),
    "squeezenet": (727_626, None),
}
FIELDS = {  # before the global pool, as the gradient shows it
    "cifar10_tiniest": 186,
    "convmixer": 66,
    "densenet_bc_40": 90,
    "mlperf_tiny_kws": (26, 20),
    "mlperf_tiny_resnet8": 25,
    "mlperf_tiny_vww": 315,
    "mobilenet_v2": 127,
    "resnet20": 81,
    "shufflenet_v2": 133,
    "squeezenet": 105,
}
IMAGES = {"mlperf_tiny_kws": ((1, 49, 10), 12), "mlperf_tiny_vww": ((3, 96, 96), 2)}  # others are CIFAR-10's
KERAS = {"mlperf_tiny_kws": 24_908, "mlperf_tiny_resnet8": 78_666, "mlperf_tiny_vww": 221_794}  # of the references
X1_0 = ("vars.width=116", "limits.params=== 1_263_854")  # shufflenet_v2 of twice the width


def mobilenet_v2() -> nn.Module:
    """torchvision's, with the first two strides 1."""
    model = models.mobilenet_v2(num_classes=10)
    model.features[0][0].stride = model.features[2].conv[1][0].stride = (1, 1)
    return model


def shufflenet_v2(model: nn.Module) -> nn.Module:
    """torchvision's, its first conv at stride 1 and without the pool after it."""
    model.conv1[0].stride = (1, 1)
    model.maxpool = nn.Identity()
    return model


def squeezenet() -> nn.Module:
    """torchvision's, its first conv at stride 1 with padding and its pools padded."""
    model = models.squeezenet1_1(num_classes=10)
    model.features[0].stride = model.features[0].padding = (1, 1)
    for layer in model.features:
        if isinstance(layer, nn.MaxPool2d):
            layer.padding, layer.ceil_mode = 1, False
    return model


TORCH: dict[str, tuple[str, tuple[str, ...], Callable[[], nn.Module]]] = {
    "cifar10_tiniest": ("cifar10_tiniest", (), by_hand.cifar10_tiniest),
    "convmixer": ("convmixer", (), by_hand.convmixer),
    "densenet_bc_40": ("densenet_bc_40", (), by_hand.densenet_bc_40),
    "resnet20": ("resnet20", (), by_hand.resnet20),
    "mobilenet_v2": ("mobilenet_v2", (), mobilenet_v2),
    "shufflenet_v2": ("shufflenet_v2", (), lambda: shufflenet_v2(models.shufflenet_v2_x0_5(num_classes=10))),
    "shufflenet_v2_x1_0": ("shufflenet_v2", X1_0, lambda: shufflenet_v2(models.shufflenet_v2_x1_0(num_classes=10))),
    "squeezenet": ("squeezenet", (), squeezenet),
}


def path(name: str) -> Path:
    return KNOWN / f"{name}.yaml"


def test_each_has_its_published_count():
    assert {file.stem for file in KNOWN.glob("*.yaml")} == set(PUBLISHED) == set(FIELDS)


@pytest.mark.parametrize("name", PUBLISHED)
def test_checks_clean_with_its_published_count_as_limit(name):
    report = archbuilder.check(path(name))
    params, millions = PUBLISHED[name]
    assert report.diagnostics == ()
    assert report.name == name
    assert (report.spec.input, report.spec.classes) == IMAGES.get(name, ((3, 32, 32), 10))
    limits = {measured.limit.name: measured.limit for measured in report.limits}
    assert (limits["params"].relation, limits["params"].bound) == ("==", params)
    assert report.facts.params == params
    assert millions is None or round(report.facts.macs / 1e6, 2) == millions


@pytest.mark.parametrize("name", PUBLISHED)
def test_names_its_paper_or_repository_and_its_count(name):
    text = path(name).read_text()
    assert "# Paper: " in text or "# The network of the repository " in text
    assert f"# Count: {PUBLISHED[name][0]:,}, " in text


@pytest.mark.parametrize("name", KERAS)
def test_counts_as_keras_counts(name):
    """It counts running statistics as parameters that are not trained, and not how many batches there were."""
    facts = archbuilder.check(path(name)).facts
    norms = len(facts.nodes_of(BatchNorm2d))
    assert facts.params + facts.buffers - norms == KERAS[name]


@pytest.mark.parametrize("name", TORCH)
def test_equals_torch(name):
    """As many parameters, weights of the same shapes in the same order, and with the same weights the same output."""
    file, overrides, make = TORCH[name]
    torch.manual_seed(0)
    ours, theirs = archbuilder.build(path(file), overrides).eval(), make().eval()
    assert sum(p.numel() for p in ours.parameters()) == sum(p.numel() for p in theirs.parameters())
    for weight in theirs.state_dict().values():
        if weight.is_floating_point():
            weight.uniform_(0.5, 1.5) if weight.ndim == 1 else nn.init.kaiming_normal_(weight)
    weights = ours.state_dict()
    assert [w.shape for w in weights.values()] == [w.shape for w in theirs.state_dict().values()]
    ours.load_state_dict(dict(zip(weights, theirs.state_dict().values(), strict=True)))
    x = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        expected = theirs(x)
        assert expected.std() > 0
        torch.testing.assert_close(ours(x), expected, rtol=1e-4, atol=1e-4 * expected.abs().max().item())


@pytest.mark.parametrize("name", FIELDS)
def test_receptive_field_is_what_has_a_gradient(name):
    report = archbuilder.check(path(name))
    field = report.facts.field
    expected = FIELDS[name]
    assert field.size == (expected if isinstance(expected, tuple) else (expected, expected))
    for axis, reach in enumerate((field.h, field.w)):
        side = -(-reach.size // reach.stride) * reach.stride + 3 * reach.stride  # whole strides: branches stay alike
        unit, first, last = with_gradient(report.graph, axis, side)
        assert (first, last) == (reach.stride * unit + reach.lo, reach.stride * unit + reach.hi)
