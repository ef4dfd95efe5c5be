"""What blocks of the conv family and skips become, word by word of the language."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import archbuilder
from archbuilder.ir import ops
from archbuilder.ir.graph import Graph, Node
from archbuilder.ir.op import Op
from tests.ir import cases
from tests.ir.oracle import disagreements

BATCH, RELU = ops.BatchNorm2d(), ops.Activation("relu")


def graph(*items: Any, input: tuple[int, int, int] = (16, 16, 16), **top: Any) -> Graph:
    file = {"archbuilder": 1, "input": list(input), "network": list(items), **top}
    return archbuilder.load(yaml.safe_dump(file))


def layers(*items: Any, **top: Any) -> list[Op]:
    return [node.op for node in graph(*items, **top).nodes.values()]


def node(g: Graph, name: str) -> Node:
    return g.nodes[name]


def conv(out: int, kernel: int = 3, padding: int | None = None, **fields: Any) -> ops.Conv2d:
    padding = kernel // 2 if padding is None else padding
    return ops.Conv2d(out, (kernel, kernel), padding=(padding, padding), **fields)


# ---- presets and defaults ----

PRESETS = {
    "conv: 8": [conv(8), BATCH, RELU],
    "dilated: 8": [conv(8, padding=2, dilation=(2, 2)), BATCH, RELU],
    "strided: 8": [conv(8, stride=(2, 2)), BATCH, RELU],
    "pointwise: 8": [conv(8, 1), BATCH, RELU],
    "grouped: {out: 8, groups: 4}": [conv(8, groups=4), BATCH, RELU],
    "depthwise": [conv(16, groups=16), BATCH, RELU],
    "depthwise: {multiplier: 2, kernel: 5}": [conv(32, 5, groups=16), BATCH, RELU],
    "depthwise_separable: 8": [conv(16, groups=16), BATCH, RELU, conv(8, 1), BATCH, RELU],
    "depthwise_separable: {out: 8, depthwise_order: conv}": [conv(16, groups=16), conv(8, 1), BATCH, RELU],
    "depthwise_separable: {out: 8, depthwise_order: conv, bias: true}": [
        conv(16, groups=16, bias=True), conv(8, 1, bias=True), BATCH, RELU,
    ],
    "depthwise_separable: {out: 8, depthwise_order: conv-act}": [
        conv(16, groups=16, bias=True), RELU, conv(8, 1), BATCH, RELU,
    ],
    "depthwise_separable: {out: 8, depthwise_order: conv-norm, order: conv-act}": [
        conv(16, groups=16), BATCH, conv(8, 1, bias=True), RELU,
    ],
    "depthwise_separable: {out: 8, depthwise_order: conv, order: conv}": [
        conv(16, groups=16, bias=True), conv(8, 1, bias=True),
    ],
    "depthwise_separable: {out: 8, depthwise_order: conv, order: act-conv-norm}": [
        conv(16, groups=16, bias=True), RELU, conv(8, 1), BATCH,
    ],
    "depthwise_separable: {out: 8, stride: 2, dilation: 3, multiplier: 2}": [
        conv(32, padding=3, groups=16, stride=(2, 2), dilation=(3, 3)), BATCH, RELU, conv(8, 1), BATCH, RELU,
    ],
    "conv: {out: 8, padding: valid}": [conv(8, padding=0), BATCH, RELU],
    "conv: {out: 8, padding: 3}": [conv(8, padding=3), BATCH, RELU],
    "conv: {out: 8, padding: [1, 2]}": [ops.Conv2d(8, padding=(1, 2)), BATCH, RELU],
    "conv: {out: 8, padding: [1, 1, 2, 2]}": [ops.Conv2d(8, padding=(1, 2)), BATCH, RELU],
    "conv: {out: 8, padding: [0, 1, 2, 3]}": [ops.Pad2d(0, 1, 2, 3), conv(8, padding=0), BATCH, RELU],
    "conv: {out: 8, kernel: 4}": [ops.Pad2d(1, 2, 1, 2), conv(8, 4, 0), BATCH, RELU],
    "conv: {out: 8, kernel: [1, 5]}": [ops.Conv2d(8, (1, 5), padding=(0, 2)), BATCH, RELU],
    "conv: {out: 8, frozen: true}": [conv(8, frozen=True), BATCH, RELU],
    "conv: {out: 8, padding_mode: reflect}": [conv(8, padding_mode="reflect"), BATCH, RELU],
    "conv: {out: 8, dropout: 0.1}": [conv(8), BATCH, RELU, ops.Dropout(0.1)],
    "conv: {out: 8, dropout: {p: 0.1, channels: true}}": [conv(8), BATCH, RELU, ops.Dropout(0.1, True)],
    "conv: {out: 8, norm: none}": [conv(8, bias=True), RELU],
    "conv: {out: 8, activation: none}": [conv(8), BATCH],
    "conv: {out: 8, norm: group}": [conv(8), ops.GroupNorm(8), RELU],
    "conv: {out: 12, norm: group}": [conv(12), ops.GroupNorm(6), RELU],
    "conv: {out: 8, norm: layer}": [conv(8), ops.GroupNorm(1), RELU],
    "conv: {out: 8, norm: {kind: layer, over: channels}}": [conv(8), ops.ChannelNorm(), RELU],
    "conv: {out: 8, norm: instance}": [conv(8), ops.InstanceNorm2d(), RELU],
    "conv: {out: 8, norm: {kind: batch, eps: 0.001, momentum: 0.05}}": [conv(8), ops.BatchNorm2d(0.001, 0.05), RELU],
    "conv: {out: 8, bias: true}": [conv(8, bias=True), BATCH, RELU],
    "conv: {out: 8, bias: false, norm: none}": [conv(8), RELU],
    "conv: {out: 8, order: conv}": [conv(8, bias=True)],
    "conv: {out: 8, order: conv-act-norm}": [conv(8), RELU, BATCH],
    "conv: {out: 8, order: norm-act-conv}": [BATCH, RELU, conv(8, bias=True)],
    "conv: {out: 8, order: conv-norm-act-norm}": [conv(8), BATCH, RELU, BATCH],
    "conv: {out: 8, order: norm-dropout-act-conv, dropout: 0.1}": [BATCH, ops.Dropout(0.1), RELU, conv(8, bias=True)],
    "max_pool: 2": [ops.MaxPool2d((2, 2), (2, 2))],
    "avg_pool: {kernel: 3, stride: 2, padding: 1}": [ops.AvgPool2d((3, 3), (2, 2), (1, 1))],
    "gap": [ops.AdaptivePool()],
    "norm": [BATCH],
    "activation": [RELU],
    "activation: {kind: leaky_relu, slope: 0.2}": [ops.Activation("leaky_relu", 0.2)],
    "dropout": [ops.Dropout(0.5)],
}  # fmt: skip


@pytest.mark.parametrize("item", PRESETS)
def test_block_becomes(item: str):
    assert layers(yaml.safe_load(item)) == PRESETS[item]


def test_defaults_reach_the_conv_family_and_bias_the_heads():
    defaults = {"norm": "none", "activation": "gelu", "dropout": 0.1, "padding": "valid", "bias": False}
    items = [{"conv": 8}, {"max_pool": 2}, "activation", "norm", "gap", "flatten", {"linear": 3}]
    found = layers(*items, defaults=defaults)
    gelu = ops.Activation("gelu")
    pool = ops.MaxPool2d((2, 2), (2, 2))
    tail = [ops.AdaptivePool(), ops.Flatten(), ops.Linear(3, bias=False)]
    assert found == [conv(8, padding=0), gelu, ops.Dropout(0.1), pool, RELU, BATCH, *tail]


def test_own_field_wins_over_defaults():
    item = {"conv": {"out": 8, "norm": "batch", "order": "norm-conv"}}
    found = layers(item, defaults={"norm": "none", "order": "conv"})
    assert found == [BATCH, conv(8, bias=True)]


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ("classifier", [conv(10, 1, bias=True)]),
        ({"classifier": "linear"}, [ops.Linear(10)]),
        ({"classifier": {"bias": False}}, [conv(10, 1)]),
    ],
)
def test_classifier(item: Any, expected: list[Op]):
    found = layers("gap", item, classes=10)
    assert [op for op in found if not isinstance(op, ops.Flatten)] == [ops.AdaptivePool(), *expected]
    assert graph("gap", item, classes=10).shape(graph("gap", item, classes=10).output).dims == (10,)


def test_classifier_before_the_pool_makes_class_maps():
    g = graph("classifier", "gap", classes=10)
    assert [node.shape.dims for node in g.nodes.values()] == [(10, 16, 16), (10, 1, 1), (10,)]


# ---- padding ----


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@settings(max_examples=60)
@given(kernel=cases.pairs(1, 6), dilation=cases.pairs(1, 3), groups=st.sampled_from([1, 2]))
def test_same_is_torchs_same(kernel: tuple[int, int], dilation: tuple[int, int], groups: int):
    """Number for number, even kernels included."""
    fields = {"out": 4, "kernel": list(kernel), "dilation": list(dilation), "groups": groups, "order": "conv"}
    g = graph({"conv": fields}, input=(2, 9, 8))
    torch.manual_seed(0)
    module, x = archbuilder.build(g), torch.randn(1, 2, 9, 8)
    theirs = nn.Conv2d(2, 4, kernel, padding="same", dilation=dilation, groups=groups)
    theirs.load_state_dict(module.get_submodule("conv.conv").state_dict())
    torch.testing.assert_close(module(x), theirs(x))


@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("stride", [2, 3])
def test_same_pads_alike_at_every_stride(kernel: int, stride: int):
    fields = {"out": 8, "kernel": kernel}
    still, strided = (layers({"conv": {**fields, "stride": s}}) for s in (1, stride))
    assert [op for op in still if isinstance(op, ops.Pad2d)] == [op for op in strided if isinstance(op, ops.Pad2d)]
    (one,), (other,) = ([op for op in found if isinstance(op, ops.Conv2d)] for found in (still, strided))
    assert one.padding == other.padding
    assert other.stride == (stride, stride)


# ---- skip ----


def shortcut(item: Any, side: int = 16, channels: int = 16) -> tuple[str, list[Op]]:
    """The remark on a skip's shortcut, and the shortcut's ops."""
    g = graph({"skip": item}, input=(channels, side, side))
    assert disagreements(g) == []
    last = g.nodes[g.output]
    return last.note, [node.op for node in g.nodes.values() if ".shortcut." in node.name]


def test_auto_is_the_identity_where_shapes_allow():
    assert shortcut({"blocks": [{"conv": 16}]}) == ("shortcut: identity", [])
    assert shortcut({"blocks": [{"conv": 5}], "merge": "concat"}) == ("shortcut: identity", [])


@pytest.mark.parametrize(
    ("body", "side", "stride"),
    [
        ([{"conv": 8}], 16, 1),
        ([{"strided": 16}], 16, 2),
        ([{"strided": 8}, {"strided": 8}], 15, 4),
        ([{"strided": {"out": 8, "stride": 3}}], 16, 3),
        ([{"strided": {"out": 8, "stride": 3}}], 4, 3),  # 4 -> 2, as at stride 2
        ([{"strided": {"out": 8, "stride": 4}}], 10, 4),
        ([{"strided": {"out": 8, "stride": 16}}], 10, 16),  # one pixel is left
        ([{"skip": {"blocks": [{"strided": 8}, {"strided": 8}]}}, {"strided": 8}], 16, 8),
    ],
)
def test_auto_projects_with_the_strides_of_the_body(body: list[Any], side: int, stride: int):
    """Not with any strides that give the same size: the two would not look at the same place."""
    found = shortcut({"blocks": body}, side)
    channels = 16 if body == [{"strided": 16}] else 8
    assert found[0] == "shortcut: 1x1 projection"
    assert found[1][-2:] == [conv(channels, 1, stride=(stride, stride)), BATCH]


def test_projection_has_a_bias_where_no_norm_follows():
    _, found = shortcut({"blocks": [{"conv": 8}], "norm": "none"})
    assert found == [conv(8, 1, bias=True)]


def test_projection_of_a_concatenation_keeps_the_channels():
    _, found = shortcut({"blocks": [{"strided": 5}], "merge": "concat"})
    assert found == [conv(16, 1, stride=(2, 2)), BATCH]


def test_shortcut_of_blocks():
    note, found = shortcut({"blocks": [{"conv": 8}], "shortcut": [{"pointwise": 8}]})
    assert (note, found) == ("shortcut: blocks", [conv(8, 1), BATCH, RELU])


def test_a_body_that_crops_has_no_projection():
    """Even where one pixel is left, of which any stride would do."""
    item = "skip: {blocks: [{conv: {out: 8, kernel: 5, padding: valid}}]}"
    (diagnostic,) = archbuilder.check(f"archbuilder: 1\ninput: [4, 5, 5]\nnetwork:\n  - {item}\n").diagnostics
    assert diagnostic.code.id == "AB203"
    assert "4x5x5" in diagnostic.message
    assert "8x1x1" in diagnostic.message


@pytest.mark.parametrize(("merge", "expected"), [("add", "add"), ("concat", "concat"), ("multiply", "multiply")])
def test_merge_meets_body_first(merge: str, expected: str):
    g = graph({"skip": {"blocks": [{"conv": 16}], "merge": merge}})
    last = node(g, g.output)
    assert (last.op.describe(), last.inputs) == (expected, ("skip.conv.activation", "input"))


# ---- paths ----


def test_paths_are_made_of_names_and_numbers():
    body = {"conv": {"out": 16, "order": "conv"}}
    g = graph(
        body,
        body,
        {"repeat": {"times": 2, "blocks": [body]}},
        {"stage": {"name": "C1", "blocks": [body, body, {"conv": {"out": 16, "order": "conv", "name": "last"}}]}},
        {"repeat": {"times": 2, "name": "twin", "blocks": [body]}},
        {"stage": {"blocks": ["activation", "activation"]}},
    )
    assert list(g.nodes) == [
        "conv.conv", "conv2.conv", "conv3.conv", "conv4.conv", "C1.conv.conv", "C1.conv2.conv", "C1.last.conv",
        "twin.conv.conv", "twin.conv2.conv", "stage.activation", "stage.activation2",
    ]  # fmt: skip


def test_a_numbered_path_does_not_take_a_written_name():
    bare = {"out": 16, "order": "conv"}
    g = graph({"conv": {**bare, "name": "conv2"}}, {"conv": bare}, {"conv": bare}, {"conv": bare})
    assert list(g.nodes) == ["conv2.conv", "conv.conv", "conv3.conv", "conv4.conv"]
