"""Published receptive fields, parameter counts and MACs of well-known networks, written in the language.

Sources:
- size, effective stride and effective padding: the table of google-research/receptive_field for TF-slim at 224
  (Araujo, Norris and Sim, Distill 2019); TF-slim strides at the end of a ResNet block, and pads uneven sides last;
- torchvision's sizes: the same computation for its own placement of strides and padding;
- torchvision's parameters and billions of MACs: the `num_params` and `_ops` of its weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import yaml

import archbuilder
from archbuilder.analysis.facts import Facts
from archbuilder.ir.reach import Reach

Item = Any
EVEN = {"padding": [0, 1, 0, 1]}  # what TensorFlow's SAME pads for a kernel of 3 and stride 2 on an even side


def facts(network: Sequence[Item], side: int = 224, classes: int | None = None, **defaults: Any) -> Facts:
    """The facts of a network that checks without an error."""
    file: dict[str, Any] = {"archbuilder": 1, "input": [3, side, side], "network": list(network)}
    if defaults:
        file["defaults"] = defaults
    if classes:
        file["classes"] = classes
    report = archbuilder.check(yaml.safe_dump(file, sort_keys=False))
    assert [d for d in report.diagnostics if d.severity == "error"] == []
    assert report.facts is not None
    return report.facts


def table(reach: Reach) -> tuple[int, int, int]:
    """(size, effective stride, effective padding), equal on both axes."""
    rows = {(axis.size, axis.stride, -axis.lo) for axis in (reach.h, reach.w)}
    assert reach.status == "exact"
    (row,) = rows
    return row


def pool(kernel: int, stride: int, padding: int = 0) -> Item:
    return {"max_pool": {"kernel": kernel, "stride": stride, "padding": padding}}


# ---- TF-slim ----


def alexnet_v2() -> list[Item]:
    return [
        {"conv": {"out": 64, "kernel": 11, "stride": 4, "padding": "valid"}},
        pool(3, 2),
        {"conv": {"out": 192, "kernel": 5}},
        pool(3, 2),
        {"conv": 384},
        {"conv": 384},
        {"conv": 256},
        pool(3, 2),
    ]


def vgg(*stages: tuple[int, int]) -> list[Item]:
    """Stages of (convs, channels), each with a pool at its end."""
    items: list[Item] = []
    for number, (convs, out) in enumerate(stages, 1):
        blocks = [{"repeat": {"times": convs, "blocks": [{"conv": out}]}}, {"max_pool": {"kernel": 2, "name": "pool"}}]
        items.append({"stage": {"name": f"stage{number}", "blocks": blocks}})
    return items


VGG11 = vgg((1, 64), (1, 128), (2, 256), (2, 512), (2, 512))
VGG16 = vgg((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))
VGG19 = vgg((2, 64), (2, 128), (4, 256), (4, 512), (4, 512))


def mobilenet_v1() -> list[Item]:
    items: list[Item] = [{"strided": {"out": 32, **EVEN}}]
    rows = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1)]
    for out, stride in rows:
        items.append({"depthwise_separable": {"out": out, **({"stride": 2, **EVEN} if stride == 2 else {})}})
    return items


def bottleneck(width: int, stride: int = 1, times: int = 1) -> Item:
    """1x1, 3x3 with the stride, 1x1 to four times the width."""
    body = [{"pointwise": width}, {"conv": {"out": width, "stride": stride}}]
    body.append({"pointwise": {"out": 4 * width, "activation": "none"}})
    return {"repeat": {"times": times, "blocks": [{"skip": {"blocks": body}}, "activation"]}}


def slim_resnet(*units: int) -> list[Item]:
    """The stride of a block at its last unit, whose shortcut only subsamples."""
    items: list[Item] = [{"conv": {"out": 64, "kernel": 7, "stride": 2}}, *slim_pool()]
    for number, count in enumerate(units):
        width = 64 * 2**number
        if number == len(units) - 1:
            items.append(bottleneck(width, times=count))
            continue
        items.append(bottleneck(width, times=count - 1))
        body = bottleneck(width, stride=2)["repeat"]["blocks"][0]["skip"]["blocks"]
        items += [{"skip": {"blocks": body, "shortcut": [pool(1, 2)]}}, "activation"]
    return items


def slim_pool() -> list[Item]:
    """TensorFlow's SAME pool of 3 at stride 2 pads one pixel at the end; the window of a conv stands for it."""
    return [{"depthwise": {"kernel": 3, "stride": 2, "order": "conv", "bias": False, **EVEN}}]


def inception_v3() -> list[Item]:
    same3 = {"avg_pool": {"kernel": 3, "stride": 1, "padding": 1}}

    def conv(out: int, kernel: Any = 1, **fields: Any) -> Item:
        return {"conv": {"out": out, "kernel": kernel, **fields}}

    def strided(out: int) -> Item:
        return conv(out, 3, stride=2, padding="valid")

    def mixed(*paths: list[Item]) -> Item:
        return {"branches": {"paths": list(paths)}}

    def fork(out: int) -> Item:
        return mixed([conv(out, [1, 3])], [conv(out, [3, 1])])

    def square(out: int) -> Item:
        return mixed(
            [conv(64)],
            [conv(48), conv(64, 5)],
            [conv(64), conv(96, 3), conv(96, 3)],
            [same3, conv(out)],
        )

    def crossed(mid: int) -> Item:
        return mixed(
            [conv(192)],
            [conv(mid), conv(mid, [1, 7]), conv(192, [7, 1])],
            [conv(mid), conv(mid, [7, 1]), conv(mid, [1, 7]), conv(mid, [7, 1]), conv(192, [1, 7])],
            [same3, conv(192)],
        )

    def wide() -> Item:
        return mixed(
            [conv(320)],
            [conv(384), fork(384)],
            [conv(448), conv(384, 3), fork(384)],
            [same3, conv(192)],
        )

    return [
        strided(32),
        conv(32, 3, padding="valid"),
        conv(64, 3),
        pool(3, 2),
        conv(80),
        conv(192, 3, padding="valid"),
        pool(3, 2),
        *[square(out) for out in (32, 64, 64)],
        mixed([strided(384)], [conv(64), conv(96, 3), strided(96)], [pool(3, 2)]),
        *[crossed(mid) for mid in (128, 160, 160, 192)],
        mixed(
            [conv(192), strided(320)],
            [conv(192), conv(192, [1, 7]), conv(192, [7, 1]), strided(192)],
            [pool(3, 2)],
        ),
        wide(),
        wide(),
        "gap",  # without it the field would be read before the last average pool, which is inside a branch
    ]


SLIM = {
    "AlexNet-v2": (alexnet_v2(), (195, 32, 64)),
    "VGG-16": (VGG16, (212, 32, 90)),
    "MobileNet-v1": (mobilenet_v1(), (315, 32, 126)),
    "ResNet-v1-50": (slim_resnet(3, 4, 6, 3), (483, 32, 239)),
    "ResNet-v1-101": (slim_resnet(3, 4, 23, 3), (1027, 32, 511)),
    "ResNet-v1-152": (slim_resnet(3, 8, 36, 3), (1507, 32, 751)),
    "Inception-v3": (inception_v3(), (1311, 32, 618)),
}


@pytest.mark.parametrize("name", SLIM)
def test_field_of_tf_slim(name: str):
    network, published = SLIM[name]
    assert table(facts(network).field) == published


def test_fields_of_the_pools_of_vgg16():
    reaches = {layer.node.name: layer.reach.size for layer in facts(VGG16).layers}
    sizes = [reaches[f"stage{number}.pool"] for number in range(1, 6)]
    assert sizes == [(size, size) for size in (6, 16, 44, 100, 212)]


# ---- torchvision ----


def resnet(*units: int, deep: bool = False) -> list[Item]:
    """The stride of a stage at its first unit; in a bottleneck on the 3x3 conv."""
    items: list[Item] = [{"conv": {"out": 64, "kernel": 7, "stride": 2}}, pool(3, 2, 1)]
    for number, count in enumerate(units):
        width, stride = 64 * 2**number, 1 if number == 0 else 2
        unit = bottleneck if deep else basic
        items += [unit(width, stride), unit(width, times=count - 1)]
    return [*items, "gap", {"classifier": "linear"}]


def basic(width: int, stride: int = 1, times: int = 1) -> Item:
    body = [{"conv": {"out": width, "stride": stride}}, {"conv": {"out": width, "activation": "none"}}]
    return {"repeat": {"times": times, "blocks": [{"skip": {"blocks": body}}, "activation"]}}


def mobilenet_v2() -> list[Item]:
    items: list[Item] = [{"strided": 32}, *inverted(32, 1, 16, 1)]
    channels = 16
    for expand, out, count, stride in [
        (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
    ]:  # fmt: skip
        for number in range(count):
            items += inverted(channels, expand, out, stride if number == 0 else 1)
            channels = out
    return [*items, {"pointwise": 1280}, "gap", {"dropout": 0.2}, {"classifier": "linear"}]


def inverted(channels: int, expand: int, out: int, stride: int) -> list[Item]:
    body: list[Item] = [{"pointwise": expand * channels}] if expand > 1 else []
    body += [{"depthwise": {"stride": stride}}, {"pointwise": {"out": out, "activation": "none"}}]
    return [{"skip": {"blocks": body, "shortcut": "identity"}}] if stride == 1 and out == channels else body


def with_head(features: list[Item]) -> list[Item]:
    hidden = [{"linear": 4096}, "activation", "dropout"] * 2
    return [*features, "flatten", *hidden, {"linear": 1000}]


PLAIN = {"norm": "none"}
RELU6 = {"activation": "relu6"}
TORCHVISION: dict[str, tuple[list[Item], dict[str, str], int, int, float]] = {  # field, parameters, 1e9 MACs
    "ResNet-18": (resnet(2, 2, 2, 2), {}, 435, 11_689_512, 1.814),
    "ResNet-34": (resnet(3, 4, 6, 3), {}, 899, 21_797_672, 3.664),
    "ResNet-50": (resnet(3, 4, 6, 3, deep=True), {}, 427, 25_557_032, 4.089),
    "ResNet-101": (resnet(3, 4, 23, 3, deep=True), {}, 971, 44_549_160, 7.801),
    "ResNet-152": (resnet(3, 8, 36, 3, deep=True), {}, 1451, 60_192_808, 11.514),
    "VGG-11": (with_head(VGG11), PLAIN, 150, 132_863_336, 7.609),
    "VGG-16": (with_head(VGG16), PLAIN, 212, 138_357_544, 15.47),
    "VGG-19": (with_head(VGG19), PLAIN, 268, 143_667_240, 19.632),
    "MobileNetV2": (mobilenet_v2(), RELU6, 491, 3_504_872, 0.301),
}


@pytest.mark.parametrize("name", TORCHVISION)
def test_field_and_counts_of_torchvision(name: str):
    network, defaults, field, params, billions = TORCHVISION[name]
    found = facts(network, classes=1000, **defaults)
    assert found.field.size == (field, field)
    assert found.params == params
    assert round(found.macs / 1e9, 3) == billions


def test_field_with_the_global_pool_sees_the_map_and_more():
    """ResNet-18 at 224: 7 units of stride 32 side by side."""
    found = facts(resnet(2, 2, 2, 2), classes=1000)
    assert found.field_with_gap.size == (435 + 6 * 32, 435 + 6 * 32)
    assert found.field_with_gap.status == "whole input"
