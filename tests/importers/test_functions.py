"""What single torch calls become, and which calls are refused."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import archbuilder
from archbuilder.diagnostics import ArchbuilderError
from archbuilder.importers import Imported, convert
from archbuilder.importers.source_lines import shown
from archbuilder.ir.graph import INPUT, Graph


class Net(nn.Module):
    """A conv to 8 channels, then whatever a test says."""

    def __init__(self, call, **modules):
        super().__init__()
        self.start = nn.Conv2d(3, 8, 3, padding=1)
        for name, module in modules.items():
            setattr(self, name, module)
        self.call = call

    def forward(self, x):
        return self.call(self, self.start(x))


def blocks(found: Imported) -> str:
    """The blocks of the new file, on one line."""
    network = found.text.partition("network:\n")[2]
    return " ".join(line.strip().removeprefix("- ") for line in network.splitlines())


def meaning(graph: Graph) -> list[tuple[object, list[int]]]:
    """The ops of a graph, each with the numbers of those before it that it works on."""
    number = {name: count for count, name in enumerate([INPUT, *graph.nodes])}
    return [(node.op, sorted(number[value] for value in node.inputs)) for node in graph.nodes.values()]


BARE, RELU = "{conv: {out: 8, order: conv}}", "{conv: {out: 8, norm: none}}"
SAME = {  # what the model does after a bare conv, and the blocks that say the same
    "relu_ in place": (lambda m, x: x.relu_(), RELU),
    "torch.relu": (lambda m, x: torch.relu(x), RELU),
    "clamp_": (lambda m, x: x.clamp_(0, 6), BARE + ", activation: relu6"),
    "hardtanh 0 to 6": (lambda m, x: F.hardtanh(x, 0.0, 6.0), BARE + ", activation: relu6"),
    "a factor": (lambda m, x: x * 0.5, BARE + ", rescale: 0.5"),
    "a factor first": (lambda m, x: 0.5 * x, BARE + ", rescale: 0.5"),
    "a quotient": (lambda m, x: torch.div(x, 4), BARE + ", rescale: 0.25"),
    "in place": (lambda m, x: x.mul_(2).sub_(1), BARE + ", rescale: {scale: 2, offset: -1}"),
    "a sum with a constant": (lambda m, x: 1 + x, BARE + ", rescale: {offset: 1}"),
    "one minus": (lambda m, x: 1 - x, BARE + ", rescale: {scale: -1, offset: 1}"),
    "negative": (lambda m, x: -x, BARE + ", rescale: -1"),
    "a number in a tensor": (lambda m, x: x * torch.tensor(0.1), BARE + ", rescale: 0.1"),
    "divisors in single precision": (
        lambda m, x: x / torch.tensor([0.2, 0.3] * 4)[:, None, None],
        BARE + f", rescale: {[5, 3.3333332] * 4}",
    ),
    "constants per channel": (
        lambda m, x: (x - m.steps) / 2,
        BARE + ", rescale: {scale: 0.5, offset: [0, -0.5, -1, -1.5, -2, -2.5, -3, -3.5]}",
    ),
    "a sum with a multiple": (
        lambda m, x: x.add(m.more(x), alpha=0.1),
        BARE + f", skip: {{blocks: [{BARE}, {{rescale: 0.1}}]}}",
    ),
    "a difference": (lambda m, x: x - m.more(x), BARE + f", skip: {{blocks: [{BARE}, {{rescale: -1}}]}}"),
    "every second pixel": (lambda m, x: x[:, :, ::2, ::2], BARE + ", avg_pool: {kernel: 1, stride: 2}"),
    "every third row": (lambda m, x: x[..., ::3, :], BARE + ", avg_pool: {kernel: 1, stride: [3, 1]}"),
    "zero channels": (lambda m, x: F.pad(x, (0, 0, 0, 0, 2, 3)), BARE + ", pad: {channels: [2, 3]}"),
    "zero channels beside": (
        lambda m, x: torch.cat([x, torch.zeros_like(x), x.new_zeros(len(x), 1, 8, 8)], 1),
        BARE + ", pad: {channels: [0, 9]}",
    ),
    "a padding before a pool": (
        lambda m, x: F.max_pool2d(F.pad(x, (0, 1, 0, 1)), 3, 2),
        BARE + ", pad: [0, 1, 0, 1], max_pool: {kernel: 3, stride: 2}",
    ),
    "ceil mode": (
        lambda m, x: F.max_pool2d(x, 3, 2, ceil_mode=True),
        BARE + ", max_pool: {kernel: 3, stride: 2, ceil_mode: true}",
    ),
    "ceil mode that changes nothing": (lambda m, x: F.avg_pool2d(x, 2, ceil_mode=True), BARE + ", avg_pool: 2"),
    "count_include_pad": (
        lambda m, x: F.avg_pool2d(x, 3, 1, 1, count_include_pad=False),
        BARE + ", avg_pool: {kernel: 3, stride: 1, padding: 1, count_include_pad: false}",
    ),
    "prelu with many slopes": (lambda m, x: m.prelu(x), BARE + ", activation: {kind: prelu, channels: true}"),
    "unequal parts": (
        lambda m, x: torch.cat([(p := x.split([2, 6], 1))[0], F.relu(p[1])], 1),
        BARE + ", branches: {split: [2, 6], paths: [[], [activation]]}",
    ),
    "unequal slices": (
        lambda m, x: torch.cat([F.relu(x[:, :2]), x[:, 2:]], 1),
        BARE + ", branches: {split: [2, 6], paths: [[activation], []]}",
    ),
    "slices that are parts": (
        lambda m, x: torch.cat([x[:, :1], F.relu(x[:, 1:4]), x[:, 4:]], 1),
        BARE + ", branches: {split: [1, 3, 4], paths: [[], [activation], []]}",
    ),
    "batch norm of a vector": (lambda m, x: m.bn(x.mean((2, 3))), BARE + ", gap, flatten, norm"),
    "layer norm of a vector": (lambda m, x: m.norm(x.mean((2, 3))), BARE + ", gap, flatten, norm: layer"),
    "squeeze-excite without biases": (
        lambda m, x: x * m.up(F.silu(m.down0(x.mean((2, 3), keepdim=True)))).sigmoid(),
        BARE + ", squeeze_excite: {activation: silu, bias: false}",
    ),
    "tanhexp by hand": (lambda m, x: x * torch.tanh(torch.exp(x)), BARE + ", activation: tanhexp"),
    "mean in two steps": (lambda m, x: x.mean(3).mean(2), BARE + ", gap, flatten"),
    "mean of a view": (lambda m, x: x.view(x.size(0), 8, -1).mean(-1), BARE + ", gap, flatten"),
    "mean, its axes kept": (lambda m, x: x.mean((-1, -2), keepdim=True), BARE + ", gap"),
    "average pool over the map": (lambda m, x: F.avg_pool2d(x, 8).flatten(1), BARE + ", gap, flatten"),
    "a smaller window": (lambda m, x: F.avg_pool2d(x, 4, 2), BARE + ", avg_pool: {kernel: 4, stride: 2}"),
    "mean in two steps, the other way round": (
        lambda m, x: x.mean(2, keepdim=True).mean(3, keepdim=True),
        BARE + ", gap",
    ),
    "mean, channels at the end": (lambda m, x: x.permute(0, 2, 3, 1).mean((1, 2)), BARE + ", gap, flatten"),
    "mean, its axes kept, channels at the end": (
        lambda m, x: x.permute(0, 2, 3, 1).mean((1, 2), keepdim=True).permute(0, 3, 1, 2),
        BARE + ", gap",
    ),
    "amax": (lambda m, x: x.amax((2, 3)), BARE + ", adaptive_max_pool: 1, flatten"),
    "max in two steps": (lambda m, x: x.max(-1)[0].max(-1)[0], BARE + ", adaptive_max_pool: 1, flatten"),
    "max of a view": (
        lambda m, x: torch.max(x.flatten(2), dim=2).values,
        BARE + ", adaptive_max_pool: 1, flatten",
    ),
    "x + x": (lambda m, x: x + x, BARE + ", branches: {merge: add, paths: [[], []]}"),
    "x * f(x)": (lambda m, x: x * m.more(x), BARE + f", skip: {{blocks: [{BARE}], merge: multiply}}"),
    "sum of a list": (lambda m, x: sum([x, m.more(x)]), BARE + f", skip: {{blocks: [{BARE}]}}"),
    "x first in a concatenation": (
        lambda m, x: torch.cat([x, m.more(x)], 1),
        BARE + f", branches: {{paths: [[], [{BARE}]]}}",
    ),
    "x last in a concatenation": (
        lambda m, x: torch.cat([m.more(x), x], 1),
        BARE + f", skip: {{blocks: [{BARE}], merge: concat}}",
    ),
    "split by sizes": (
        lambda m, x: torch.cat([F.relu(part) for part in x.split(4, 1)], 1),
        BARE + ", branches: {split: true, paths: [[activation], [activation]]}",
    ),
    "slices of the channels": (
        lambda m, x: x[:, :4] + F.relu(x[:, 4:]),
        BARE + ", branches: {merge: add, split: true, paths: [[], [activation]]}",
    ),
    "shuffle": (lambda m, x: F.channel_shuffle(x, 4), BARE + ", channel_shuffle: 4"),
    "interpolate": (lambda m, x: F.interpolate(x, size=(16, 24)), BARE + ", upsample: [2, 3]"),
    "cast and back": (lambda m, x: x.to(torch.float64).to(x.dtype).contiguous().relu(), RELU),
    "layer norm at each pixel": (
        lambda m, x: m.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2),
        BARE + ", norm: {kind: layer, over: channels}",
    ),
    "group norm": (lambda m, x: m.group(x), BARE + ", norm: group"),
    "dropout2d": (lambda m, x: F.dropout2d(x, 0.2, m.training), BARE + ", dropout: {p: 0.2, channels: true}"),
    "a factor per channel": (lambda m, x: x * m.gamma.view(1, -1, 1, 1), BARE + ", scale: 0.1"),
    "a layer run twice": (
        lambda m, x: m.more(F.relu(m.more(x))),
        BARE + ", conv: {name: more, out: 8, order: conv}, activation, use: more",
    ),
}
MODULES = {
    "steps": lambda: nn.Buffer(torch.arange(8.0).view(8, 1, 1)),
    "prelu": lambda: nn.PReLU(8),
    "bn": lambda: nn.BatchNorm1d(8),
    "down": lambda: nn.Conv2d(8, 2, 1),
    "down0": lambda: nn.Conv2d(8, 2, 1, bias=False),
    "up": lambda: nn.Conv2d(2, 8, 1, bias=False),
    "more": lambda: nn.Conv2d(8, 8, 3, padding=1),
    "norm": lambda: nn.LayerNorm(8),
    "group": lambda: nn.GroupNorm(8, 8),
    "gamma": lambda: nn.Parameter(torch.full((8,), 0.1)),
}


@pytest.mark.parametrize("name", SAME)
def test_a_call_becomes_blocks(name: str):
    call, expected = SAME[name]
    found = convert(Net(call, **{key: make() for key, make in MODULES.items()}), (3, 8, 8))
    assert found.ok, "\n".join(map(str, found.diagnostics))
    assert found.proof.difference < 1e-5
    text = f"archbuilder: 1\ninput: [3, 8, 8]\nnetwork: [{expected}]\n"
    assert meaning(found.report.graph) == meaning(archbuilder.load(text)), found.text


REFUSED = {
    "fft": (lambda m, x: torch.fft.fft2(x).real, "fft_fft2 has no block"),
    "a corner of the map": (lambda m, x: x[:, :, 1:, 1:], "getitem: takes a part of the map"),
    "constants of another shape": (lambda m, x: x * torch.rand(9, 9), "mul: a constant of 9x9"),
    "a quotient": (lambda m, x: x / x.exp(), "div: divides by a value"),
    "a learnt summand": (lambda m, x: x + m.gamma.view(8, 1, 1), "add: a learnt tensor of 8x1x1"),
    "a learnt difference": (lambda m, x: x - m.gamma[:1], "sub: a learnt tensor of 1"),
    "a learnt divisor": (lambda m, x: x / m.gamma[0], "div: a learnt tensor of a number"),
    "computed from what is learnt": (lambda m, x: x * m.gamma[:1].exp().abs(), "mul: a learnt tensor of 1"),
    "mean, then maximum": (lambda m, x: x.mean(3).amax(2), "amax: takes a maximum over other axes"),
    "the larger of two": (lambda m, x: torch.max(x, x), "max: compares two values"),
    "the smallest": (lambda m, x: x.min(1)[0], "min has no block"),
    "cut from below": (lambda m, x: x.clamp(min=0.1), "clamp: clamps values to at least 0.1"),
    "a norm without a bias": (
        lambda m, x: F.group_norm(x, 2, m.gamma),
        "group_norm: uses a norm with only a weight or only a bias",
    ),
    "a batch that is moved": (
        lambda m, x: x.reshape(x.size(0) * 4, 2, -1),
        "reshape: mixes the images of a batch, or moves its axis",
    ),
    "another range": (lambda m, x: x.clamp(-2, 5), "clamp: clamps values to the range from -2 to 5"),
    "other axes": (lambda m, x: x.mean(1), "mean: takes a mean over other axes"),
    "softmax in the middle": (lambda m, x: F.relu(torch.softmax(x, 1)), "relu: works on the result of softmax"),
    "a batch of a fixed size": (lambda m, x: x.view(4, -1), "view: writes a batch of 4 into the shape"),
    "batch axis": (lambda m, x: x.transpose(0, 1), "transpose: mixes the images of a batch"),
    "weights from the image": (lambda m, x: F.conv2d(x, x), "conv2d: uses weights that are computed"),
    "batch statistics": (lambda m, x: nn.BatchNorm2d(8, track_running_stats=False)(x), "batch_norm: batch norm"),
    "elu with alpha": (lambda m, x: F.elu(x, 0.5), "elu: elu with other parameters"),
    "writing into a part": (lambda m, x: _written(x), "writes into a part of a value"),
}  # fmt: skip


def test_a_gate_with_one_bias_is_refused():
    def call(m, x):
        return x * m.up(F.relu(m.down(x.mean((2, 3), keepdim=True)))).sigmoid()

    found = convert(Net(call, down=nn.Conv2d(8, 2, 1), up=nn.Conv2d(2, 8, 1, bias=False)), (3, 8, 8))
    assert not found.ok
    assert "uses a gate with only one bias" in found.problems[0].message


BY_HAND = {  # ways to write an activation, and its name
    "x * relu6(x + 3) / 6": (lambda x: x * F.relu6(x + 3) / 6, "hardswish"),
    "x * (relu6(x + 3) / 6)": (lambda x: x * (F.relu6(x + 3.0) / 6.0), "hardswish"),
    "relu6(x + 3).mul(1 / 6) * x": (lambda x: F.relu6(x.add(3)).mul(1 / 6) * x, "hardswish"),
    "x * clamp(x / 6 + 0.5)": (lambda x: x * (x / 6 + 0.5).clamp(0, 1), "hardswish"),
    "x * hardsigmoid(x)": (lambda x: F.hardsigmoid(x).mul_(x), "hardswish"),
    "x.clone() * ...": (lambda x: x.clone().mul_(F.relu6(x + 3, inplace=True)).div_(6), "hardswish"),
    "relu6(x + 3) / 6": (lambda x: F.relu6(x + 3) / 6, "hardsigmoid"),
    "hardtanh(x + 3, 0, 6) / 6": (lambda x: F.hardtanh(x + 3, 0.0, 6.0) * (1.0 / 6), "hardsigmoid"),
    "x * sigmoid(x)": (lambda x: x * x.sigmoid(), "silu"),
    "x.mul(sigmoid(x))": (lambda x: x.mul(torch.sigmoid(x)), "silu"),
    "x / (1 + exp(-x))": (lambda x: x * (1 / (1 + torch.exp(-x))), "silu"),
    "1 / (1 + exp(-x))": (lambda x: 1 / (1 + torch.exp(-x)), "sigmoid"),
    "x * tanh(softplus(x))": (lambda x: x * torch.tanh(F.softplus(x)), "mish"),
    "x * tanh(log(1 + exp(x)))": (lambda x: x * torch.tanh(torch.log(1 + torch.exp(x))), "mish"),
    "x * tanh(log1p(exp(x)))": (lambda x: x.mul(x.exp().log1p().tanh()), "mish"),
    "x * tanh(exp(x))": (lambda x: x * torch.tanh(torch.exp(x)), "tanhexp"),
    "log(1 + exp(x))": (lambda x: torch.log(1 + torch.exp(x)), "softplus"),
    "gelu by erf": (lambda x: 0.5 * x * (1 + torch.erf(x / 2**0.5)), "gelu"),
    "gelu by erf, another way": (lambda x: x * 0.5 * (1.0 + torch.erf(x * 0.7071067811865476)), "gelu"),
    "gelu by tanh": (
        lambda x: 0.5 * x * (1 + torch.tanh((2 / torch.pi) ** 0.5 * (x + 0.044715 * torch.pow(x, 3)))),
        "gelu_tanh",
    ),
    "gelu by tanh, x * x": (
        lambda x: 0.5 * x * (1.0 + (x * 0.7978845608028654 * (1.0 + 0.044715 * x * x)).tanh()),
        "gelu_tanh",
    ),
    "gelu, approximate": (lambda x: F.gelu(x, approximate="tanh"), "gelu_tanh"),
    "relu by the absolute value": (lambda x: (x + x.abs()) / 2, "relu"),
    "leaky relu": (lambda x: 0.55 * x + 0.45 * x.abs(), "{kind: leaky_relu, slope: 0.1}"),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_an_activation_by_hand_is_known_by_its_curve(name: str):
    call, kind = BY_HAND[name]
    found = convert(Net(lambda m, x: call(x)), (3, 8, 8))
    assert found.ok, "\n".join(map(str, found.diagnostics))
    text = f"archbuilder: 1\ninput: [3, 8, 8]\nnetwork: [{BARE}, {{activation: {kind}}}]\n"
    assert meaning(found.report.graph) == meaning(archbuilder.load(text)), found.text


def test_what_is_nearly_an_activation_is_none():
    found = convert(Net(lambda m, x: x * F.relu6(x + 3) / 6.001), (3, 8, 8))
    assert found.ok
    assert "hardswish" not in found.text


NORMS = {  # norms by hand over some axes, and the blocks for them
    "channels": ((1,), "norm: {kind: layer, over: channels, eps: 0.001, affine: false}"),
    "map": ((2, 3), "norm: {kind: instance, eps: 0.001}"),
    "both": ((1, 2, 3), "norm: {kind: layer, eps: 0.001, affine: false}"),
}
WAYS = {
    "pow, sqrt": lambda x, a: (x - (u := x.mean(a, keepdim=True))) / torch.sqrt((x - u).pow(2).mean(a, True) + 1e-3),
    "square, rsqrt": lambda x, a: (d := x - x.mean(a, keepdim=True)) * torch.rsqrt(d.square().mean(a, True) + 1e-3),
    "d * d, power": lambda x, a: (d := x - x.mean(a, keepdim=True)) / ((d * d).mean(a, keepdim=True) + 1e-3) ** 0.5,
    "var": lambda x, a: (x - x.mean(a, True)) / (x.var(a, unbiased=False, keepdim=True) + 1e-3).sqrt(),
    "correction": lambda x, a: (x - x.mean(a, True)) * (x.var(a, correction=0, keepdim=True) + 1e-3).rsqrt(),
}


@pytest.mark.parametrize("axes", NORMS)
@pytest.mark.parametrize("way", WAYS)
def test_a_norm_by_hand(way: str, axes: str):
    dims, block = NORMS[axes]
    found = convert(Net(lambda m, x: WAYS[way](x, dims)), (3, 8, 8))
    assert found.ok, "\n".join(map(str, found.diagnostics))
    text = f"archbuilder: 1\ninput: [3, 8, 8]\nnetwork: [{BARE}, {{{block}}}]\n"
    assert meaning(found.report.graph) == meaning(archbuilder.load(text)), found.text


def test_a_part_of_a_norm_is_named():
    found = convert(Net(lambda m, x: x - x.mean(1, keepdim=True)), (3, 8, 8))
    assert not found.ok
    assert "a part of a norm (centred) has no block" in found.problems[0].message


def _written(x: Tensor) -> Tensor:
    x[:, 0] = 0
    return F.relu(x)


@pytest.mark.parametrize("name", REFUSED)
def test_a_call_without_a_block_is_named_with_its_place(name: str):
    call, message = REFUSED[name]
    found = convert(Net(call, **{key: make() for key, make in MODULES.items()}), (3, 9, 9))
    assert not found.ok
    first = found.problems[0]
    assert first.code.id == "AB807"
    assert message in first.message
    line = _written.__code__.co_firstlineno + 1 if name == "writing into a part" else call.__code__.co_firstlineno
    assert (first.span.file, first.span.line) == (shown(__file__), line)
    assert found.text.startswith(f"# INCOMPLETE: {first.span}: {first.message}\n")
    assert blocks(found) == "conv: {out: 8, order: conv}"
    assert found.report.ok


def test_dropout_that_is_never_off_is_noted():
    found = convert(Net(lambda m, x: F.dropout(x, 0.3)), (3, 8, 8))
    assert found.ok
    assert "dropout: 0.3" in found.text
    assert any("training=self.training" in note for note in found.notes)


def test_dropout_keeps_values_apart():
    """In evaluation torch returns the operand itself: the sum must still be of the value before the dropout."""
    found = convert(Net(lambda m, x: x + F.dropout(x, 0.3, m.training)), (3, 8, 8))
    assert found.ok
    assert blocks(found).endswith("skip: {blocks: [{dropout: 0.3}]}")


def test_operands_changed_in_place_keep_their_identity():
    """identity = x, then relu_ on x: both are the rectified value."""

    def call(m, x):
        identity = x
        x = F.relu(x, inplace=True)
        return m.more(x) + identity

    found = convert(Net(call, more=nn.Conv2d(8, 8, 1)), (3, 8, 8))
    assert found.ok
    assert blocks(found) == "conv: {out: 8, norm: none} skip: {blocks: [{pointwise: {out: 8, order: conv}}]}"


def test_views_change_with_what_they_show():
    def call(m, x):
        flat = x.view(x.shape[0], -1)
        x.relu_()
        return flat

    assert "flatten" in blocks(convert(Net(call), (3, 4, 4)))


def test_layers_that_do_nothing_in_evaluation_are_noted():
    class DropPath(nn.Module):
        def forward(self, x):
            return x if not self.training else x * 2

    found = convert(Net(lambda m, x: m.path(x).relu(), path=DropPath()), (3, 8, 8))
    assert found.ok
    assert found.notes == ("path (DropPath): has no effect in evaluation, left out",)


def test_a_projection_that_two_sums_share():
    """The second sum takes the projection by its name: it lies in a branch of the first."""

    def call(m, x):
        p = m.proj(x)
        return m.more(m.first(x) + p) + p

    layers = {name: nn.Conv2d(8, 8, 3, padding=1) for name in ("first", "more")}
    found = convert(Net(call, proj=nn.Conv2d(8, 8, 1), **layers), (3, 8, 8))
    assert found.ok
    assert "name: proj" in found.text
    assert found.text.endswith("- join: proj\n")


def test_lazy_layers_get_their_shapes():
    lazy = nn.Sequential(nn.LazyConv2d(4, 1), nn.LazyBatchNorm2d())
    found = convert(Net(lambda m, x: m.lazy(x), lazy=lazy), (3, 8, 8))
    assert found.ok
    assert found.params == 8 * 3 * 9 + 8 + 8 * 4 + 4 + 2 * 4


def test_a_module_that_insists_on_float32_is_compared_in_float32():
    found = convert(Net(lambda m, x: m.more(x.float()), more=nn.Conv2d(8, 8, 1)), (3, 8, 8))
    assert found.ok
    assert [one.what for one in found.proof.comparisons] == ["original weights", "perturbed weights"]
    assert found.proof.remarks[0].startswith("not compared with perturbed weights, float64: ")


def test_statistics_over_all_batches_are_noted():
    found = convert(Net(lambda m, x: m.norm(x), norm=nn.BatchNorm2d(8, momentum=None)), (3, 8, 8))
    assert found.ok
    assert "momentum=None" in found.notes[0]


def test_only_the_first_output_counts():
    found = convert(Net(lambda m, x: {"out": x.relu(), "aux": x}), (3, 8, 8))
    assert found.ok
    assert found.notes == ("forward returns a dict: ['out'] (8x8x8) is imported, ['aux'] (8x8x8) left out",)
    assert f"# {found.notes[0]}.\n" in found.text


def test_layers_of_an_output_that_is_left_out_are_left_out_too():
    found = convert(Net(lambda m, x: (x.relu(), m.more(x)), more=nn.Conv2d(8, 8, 1)), (3, 8, 8))
    assert found.ok
    assert [one.name for one in found.unused] == ["more"]
    assert found.notes == ("forward returns a tuple: [0] (8x8x8) is imported, [1] (8x8x8) left out",)


def test_what_is_computed_unseen_is_not_believed():
    """A change that no torch function makes: the outputs differ, and that is said."""

    def call(m, x):
        x.numpy()[:] *= 3
        return x.relu()

    found = convert(Net(call), (3, 8, 8))
    assert not found.ok
    assert [d.code.id for d in found.problems] == ["AB809"]
    assert "outputs differ by" in found.problems[0].message
    assert found.text.startswith("# NOT PROVEN: ")


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("norm", [nn.utils.parametrizations.weight_norm, nn.utils.weight_norm, nn.utils.spectral_norm])
def test_weights_that_are_computed_are_noted(norm):
    """They are counted as the file has them, however many parameters they are computed from."""
    found = convert(Net(lambda m, x: m.normed(x), normed=norm(nn.Conv2d(8, 8, 3))), (3, 8, 8))
    assert found.ok
    assert found.params == 2 * (8 * 8 * 9) - 5 * 8 * 9 + 2 * 8
    assert found.notes == ("normed computes its weights while it runs: the file has ordinary weights instead",)
    assert f"# {found.notes[0]}.\n" in found.text


BLUR = torch.ones(8, 1, 3, 3) / 9
FIXED = {
    "a buffer": (lambda m, x: F.conv2d(x, m.blur, groups=8), "frozen"),
    "a tensor": (lambda m, x: F.conv2d(x, BLUR.to(x.dtype), groups=8), "frozen"),
    "of a norm": (lambda m, x: F.group_norm(x, 2, *(BLUR.to(x.dtype)[:, 0, 0, :2].T)), "which learn"),
}


@pytest.mark.parametrize("name", FIXED)
def test_weights_that_are_no_parameters_are_noted(name: str):
    call, how = FIXED[name]
    found = convert(Net(call, blur=nn.Buffer(BLUR)), (3, 8, 8))
    assert found.ok, "\n".join(map(str, found.diagnostics))
    assert found.params == found.report.facts.params == 8 * 3 * 9 + 8 + (72 if how == "frozen" else 8 + 8)
    assert found.report.facts.frozen_params == (72 if how == "frozen" else 0)
    (note,) = found.notes
    assert note.endswith(f"weights that are not parameters of the module: they are parameters in the file, {how}")
    assert f"# {note}.\n" in found.text
    assert all(one.ok for one in found.proof.training.comparisons)


def test_a_parameter_that_the_file_has_not_is_seen():
    factor = nn.Parameter(torch.zeros(()))
    found = convert(Net(lambda m, x: x.add(1, alpha=int(m.factor > 1)), factor=factor), (3, 8, 8))
    assert "the file has 224 parameters, the module uses 225" in found.problems[0].message


def test_a_module_that_keeps_a_result_is_copied():
    def call(m, x):
        m.kept = m.more(x)
        return m.kept

    net = Net(call, more=nn.Conv2d(8, 8, 1))
    net(torch.zeros(1, 3, 8, 8))
    assert convert(net, (3, 8, 8)).ok


def test_a_network_of_nothing():
    with pytest.raises(ArchbuilderError) as raised:
        convert(nn.Identity(), (3, 8, 8))
    assert raised.value.diagnostics[0].code.id == "AB807"


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_scripted_module_cannot_be_seen():
    scripted = torch.jit.script(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU()))
    with pytest.raises(ArchbuilderError, match=r"(?s)model\.py: AB807 .*scripted or compiled"):
        convert(scripted, (3, 8, 8), origin="model.py")


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_scripted_part_has_its_line():
    scripted = torch.jit.script(nn.Sequential(nn.Conv2d(8, 8, 3), nn.ReLU()))

    def call(m, x):
        return m.part(x)

    with pytest.raises(ArchbuilderError, match="scripted or compiled") as raised:
        convert(Net(call, part=scripted), (3, 8, 8))
    span = raised.value.diagnostics[0].span
    assert (span.file, span.line) == (shown(__file__), call.__code__.co_firstlineno + 1)
