"""What the layers compute, where a wrong keyword or order would leave every shape and count right."""

from __future__ import annotations

from typing import get_args

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from archbuilder.blocks import activation
from archbuilder.ir import ops
from archbuilder.ir.op import Op
from archbuilder.ir.shape import Shape
from archbuilder.modules.layers import rule
from archbuilder.modules.network import make_layer

FUNCTIONS = {
    "relu": torch.relu,
    "relu6": lambda x: x.clamp(0, 6),
    "leaky_relu": lambda x: functional.leaky_relu(x, 0.3),
    "prelu": lambda x: functional.leaky_relu(x, 0.25),
    "elu": functional.elu,
    "selu": functional.selu,
    "gelu": lambda x: x * (1 + torch.erf(x / 2**0.5)) / 2,
    "gelu_tanh": lambda x: x * (1 + torch.tanh((2 / torch.pi) ** 0.5 * (x + 0.044715 * x**3))) / 2,
    "silu": lambda x: x * torch.sigmoid(x),
    "mish": lambda x: x * torch.tanh(functional.softplus(x)),
    "hardswish": lambda x: x * ((x + 3).clamp(0, 6) / 6),
    "hardsigmoid": lambda x: (x + 3).clamp(0, 6) / 6,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "tanhexp": lambda x: x * torch.tanh(torch.exp(x)),
    "softplus": lambda x: torch.log(1 + torch.exp(x)),
}
X = Shape(4, 5, 6)


@pytest.fixture
def x() -> Tensor:
    return 3 * torch.randn(2, *X.dims, generator=torch.Generator().manual_seed(0))


def run(op: Op, *inputs: Tensor) -> Tensor:
    shapes = tuple(Shape(*value.shape[1:]) for value in inputs)
    with torch.no_grad():
        return make_layer(op, shapes).eval()(*inputs)


@pytest.mark.parametrize("kind", [kind for kind in get_args(activation.Kind) if kind != "none"])
def test_activation_is_the_function_of_its_name(kind: str, x: Tensor):
    torch.testing.assert_close(run(ops.Activation(kind, 0.3), x), FUNCTIONS[kind](x))


def test_pad_knows_its_sides(x: Tensor):
    padded = run(ops.Pad2d(1, 2, 3, 0), x)
    assert padded.shape == (2, 4, 8, 9)
    assert torch.equal(padded[:, :, 1:6, 3:], x)
    assert padded.abs().sum() == pytest.approx(x.abs().sum().item(), rel=1e-5)


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_pad_modes(mode: str, x: Tensor):
    expected = functional.pad(x, (2, 0, 1, 2), mode=mode)
    assert torch.equal(run(ops.Pad2d(1, 2, 2, 0, mode), x), expected)
    conv = ops.Conv2d(3, (3, 1), padding=(1, 0), padding_mode=mode)
    layer = make_layer(conv, (X,))
    padded = functional.pad(x, (0, 0, 1, 1), mode=mode)
    torch.testing.assert_close(layer(x), functional.conv2d(padded, layer.weight, layer.bias))


def test_merges(x: Tensor):
    y, z = x + 1, 2 * x
    assert torch.equal(run(ops.Add(), x, y, z), x + y + z)
    assert torch.equal(run(ops.Multiply(), x, y, z), x * y * z)
    assert torch.equal(run(ops.Concat(), x, y, z), torch.cat([x, y, z], 1))


def test_gate_weighs_channels(x: Tensor):
    factors = torch.rand(2, 4, 1, 1)
    assert torch.equal(run(ops.Gate(), x, factors), x * factors)


def test_channels_are_cut_and_shuffled(x: Tensor):
    assert torch.equal(run(ops.ChannelSlice(1, 2), x), x[:, 2:])
    assert torch.equal(run(ops.ChannelSlice(0, 4), x), x[:, :1])
    assert torch.equal(run(ops.ChannelSlice(1, 3, (1, 2, 1)), x), x[:, 1:3])
    assert torch.equal(run(ops.ChannelShuffle(2), x), x[:, [0, 2, 1, 3]])


def test_channel_scale_starts_at_its_factor(x: Tensor):
    assert torch.equal(run(ops.ChannelScale(0.25), x), x / 4)


def test_constants_of_all_channels_and_of_each(x: Tensor):
    assert torch.equal(run(ops.Rescale(0.5, -1.0), x), x / 2 - 1)
    scale, offset = torch.tensor([1.0, 2, 3, 4]), torch.tensor([0.5, 0, -1, 2])
    expected = x * scale[:, None, None] + offset[:, None, None]
    assert torch.equal(run(ops.Rescale((1, 2, 3, 4), (0.5, 0, -1, 2)), x), expected)
    vector = make_layer(ops.Rescale((1, 2, 3, 4), 1.0), (Shape(4, flat=True),))
    assert torch.equal(vector(x[:, :, 0, 0]), x[:, :, 0, 0] * scale + 1)


def test_channels_of_zeros(x: Tensor):
    padded = run(ops.ChannelPad(1, 2), x)
    assert torch.equal(padded, torch.cat([0 * x[:, :1], x, 0 * x[:, :2]], 1))


def test_a_slope_per_channel(x: Tensor):
    layer = make_layer(ops.Activation("prelu", channels=True), (X,))
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([0.0, 1, 2, 3]))
        assert torch.equal(layer(x), torch.where(x > 0, x, x * layer.weight[:, None, None]))


@pytest.mark.parametrize("op", [ops.BatchNorm2d(), ops.GroupNorm(2), ops.GroupNorm(1), ops.ChannelNorm()], ids=str)
def test_norms_of_a_vector_are_those_of_a_map_of_one_pixel(op: Op, x: Tensor):
    vector = x[:, :, 0, 0]
    flat = make_layer(op, (Shape(4, flat=True),)).eval()(vector)
    torch.testing.assert_close(flat, make_layer(op, (Shape(4, 1, 1),)).eval()(vector[:, :, None, None])[:, :, 0, 0])


def test_channel_norm_is_over_the_channels_of_a_pixel(x: Tensor):
    mean, variance = x.mean(1, keepdim=True), x.var(1, correction=0, keepdim=True)
    torch.testing.assert_close(run(ops.ChannelNorm(1e-3), x), (x - mean) / (variance + 1e-3).sqrt())


@pytest.mark.parametrize("groups", [1, 2])
def test_group_norm_is_over_groups_and_the_whole_map(groups: int, x: Tensor):
    grouped = x.reshape(2, groups, -1)
    mean, variance = grouped.mean(2, keepdim=True), grouped.var(2, correction=0, keepdim=True)
    expected = ((grouped - mean) / (variance + 1e-3).sqrt()).reshape(x.shape)
    torch.testing.assert_close(run(ops.GroupNorm(groups, 1e-3), x), expected)


def test_instance_norm_is_over_a_channel(x: Tensor):
    mean, variance = x.mean((2, 3), keepdim=True), x.var((2, 3), correction=0, keepdim=True)
    torch.testing.assert_close(run(ops.InstanceNorm2d(1e-3), x), (x - mean) / (variance + 1e-3).sqrt())


def test_batch_norm_takes_a_share_of_a_batch(x: Tensor):
    layer = make_layer(ops.BatchNorm2d(eps=1e-3, momentum=0.2), (X,)).train()
    mean, variance = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), correction=0, keepdim=True)
    torch.testing.assert_close(layer(x), (x - mean) / (variance + 1e-3).sqrt())
    torch.testing.assert_close(layer.running_mean, 0.2 * mean.flatten())


@pytest.mark.parametrize("channels", [False, True])
def test_dropout_drops_its_share(channels: bool):
    torch.manual_seed(0)
    ones = torch.ones(64, 32, 4, 4)
    dropped = make_layer(ops.Dropout(0.25, channels), (Shape(32, 4, 4),)).train()(ones)
    assert dropped.unique().tolist() == pytest.approx([0, 1 / 0.75])
    assert (dropped == 0).float().mean() == pytest.approx(0.25, abs=0.03)
    whole = (dropped == 0).flatten(2).float().mean(2)
    assert (set(whole.unique().tolist()) == {0.0, 1.0}) == channels


def test_pools(x: Tensor):
    window = ((2, 1), (1, 2), (1, 0), (2, 1))  # kernel, stride, padding, dilation
    assert torch.equal(run(ops.MaxPool2d(*window), x), functional.max_pool2d(x, *window))
    assert torch.equal(run(ops.AdaptivePool(), x), x.mean((2, 3), keepdim=True))
    assert torch.equal(run(ops.AdaptivePool(maximum=True), x), x.amax((2, 3), keepdim=True))
    assert run(ops.AdaptivePool((5, 3)), x).shape == (2, 4, 5, 3)
    padded = run(ops.AvgPool2d((3, 3), (1, 1), (1, 1)), torch.ones(1, 1, 3, 3))
    assert padded[0, 0, 0, 0].item() == pytest.approx(4 / 9)  # padding counts as zeros


def test_upsampling_repeats_or_interpolates(x: Tensor):
    assert torch.equal(run(ops.Upsample((2, 3)), x), x.repeat_interleave(2, 2).repeat_interleave(3, 3))
    line = torch.tensor([[[[0.0, 4.0]]]])
    assert run(ops.Upsample((1, 2), bilinear=True), line).flatten().tolist() == [0.0, 1.0, 3.0, 4.0]


def test_frozen_conv_takes_no_gradient():
    layer = make_layer(ops.Conv2d(3, bias=True, frozen=True), (X,))
    assert [p.requires_grad for p in layer.parameters()] == [False, False]


def test_an_op_has_one_rule():
    with pytest.raises(ValueError, match="Conv2d has two rules"):
        rule(ops.Conv2d)(lambda op, inputs: None)
