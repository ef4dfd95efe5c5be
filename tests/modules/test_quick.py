"""The faster ways to run a layer are the same layer."""

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from archbuilder.modules import build
from archbuilder.modules.faster_on_cpu import PhasedConv2d, QuickSlice, quicken
from archbuilder.modules.own_layers import ChannelSlice

NETWORK = """
archbuilder: 1
input: [3, 16, 16]
classes: 4
network:
  - conv: 6
  - skip: {blocks: [{depthwise: {dilation: 2}}, {depthwise: {kernel: [3, 5], dilation: [1, 3], norm: none}}]}
  - dilated: {out: 6}
  - gap
  - classifier
"""


@settings(max_examples=60)
@given(
    kernel=st.tuples(st.sampled_from([1, 2, 3, 5]), st.sampled_from([1, 2, 3, 5])),
    dilation=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    steps=st.tuples(st.integers(0, 2), st.integers(0, 2)),
    side=st.tuples(st.integers(1, 14), st.integers(1, 14)),
    multiplier=st.integers(1, 2),
    bias=st.booleans(),
)
def test_phases_equal_the_convolution(kernel, dilation, steps, side, multiplier, bias):
    padding = tuple(step * d for step, d in zip(steps, dilation, strict=True))
    conv = nn.Conv2d(4, 4 * multiplier, kernel, padding=padding, dilation=dilation, groups=4, bias=bias).double()
    assume(PhasedConv2d.fits(conv))
    assume(all(n + 2 * p > d * (k - 1) for n, p, d, k in zip(side, padding, dilation, kernel, strict=True)))
    phased = PhasedConv2d.of(conv)
    x = torch.randn(2, 4, *side, dtype=torch.float64, requires_grad=True)
    theirs, ours = conv(x), phased(x)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)
    wanted = torch.autograd.grad(theirs.square().sum(), [x, *conv.parameters()])
    found = torch.autograd.grad(ours.square().sum(), [x, *phased.parameters()])
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    "keywords",
    [
        {"groups": 1, "dilation": 2},
        {"groups": 2, "dilation": 2},
        {"groups": 4},
        {"groups": 4, "dilation": 2, "stride": 2},
        {"groups": 4, "dilation": 2, "padding": 1},
        {"groups": 4, "dilation": 2, "padding": 2, "padding_mode": "reflect"},
    ],
)
def test_other_convolutions_are_left_alone(keywords):
    module = nn.Sequential(nn.Conv2d(4, 4, 3, **keywords))
    quicken(module)
    assert type(module[0]) is nn.Conv2d


def test_a_network_keeps_its_parameters_and_its_output():
    torch.manual_seed(0)
    module = build(NETWORK)
    before, parameters = module.state_dict(), list(module.parameters())
    x = torch.randn(5, 3, 16, 16)
    wanted = module.eval()(x)
    quicken(module)
    assert sum(isinstance(layer, PhasedConv2d) for layer in module.modules()) == 2
    assert [id(p) for p in module.parameters()] == [id(p) for p in parameters]
    assert list(module.state_dict()) == list(before)
    torch.testing.assert_close(module(x), wanted, rtol=0, atol=1e-5)


@pytest.mark.parametrize("form", [torch.channels_last, torch.contiguous_format])
def test_a_slice_equals_the_plain_one_and_keeps_the_memory_format(form):
    x = torch.randn(2, 6, 5, 5).contiguous(memory_format=form).requires_grad_()
    plain, quick = ChannelSlice(1, 3), nn.Sequential(ChannelSlice(1, 3))
    quicken(quick)
    assert type(quick[0]) is QuickSlice
    gradients = []
    for module in (plain, quick):
        y = module(x)
        (gradient,) = torch.autograd.grad(y.square().sum(), x)
        gradients.append(gradient)
        assert torch.equal(y, x[:, 2:4])
    assert torch.equal(*gradients)
    assert y.is_contiguous(memory_format=form)
    assert gradient.is_contiguous(memory_format=form)


def test_a_slice_of_a_vector_learns_as_well():
    x = torch.randn(3, 4, requires_grad=True)
    quick = QuickSlice(1, 2)(x)
    (gradient,) = torch.autograd.grad(quick.sum(), x)
    assert torch.equal(gradient, torch.tensor([[0.0, 0.0, 1.0, 1.0]] * 3))
