"""Networks with weights that were drawn, for tests that compare computations."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from archbuilder import check, check_text
from archbuilder.device.kernels import program_of
from archbuilder.ir.graph import Graph
from archbuilder.modules import build
from archbuilder.quantized import floats
from archbuilder.quantized.scales import Quantized, observe, quantize

# one for each kernel and each way to it; all of 9x9 images of 3 channels
BLOCKS = {
    "a stride": ["conv: {out: 6, stride: 2}"],
    "reflect": ["conv: {out: 6, padding_mode: reflect}"],
    "hardswish": ["conv: {out: 6, activation: hardswish}"],
    "hardsigmoid": ["conv: {out: 6, activation: hardsigmoid}"],
    "slopes": [
        "conv: {out: 6, activation: {kind: prelu, channels: true}}",
        "conv: {out: 6, activation: {kind: leaky_relu, slope: 0.2}}",
    ],
    "curves": [
        "conv: {out: 6, activation: elu}",
        "conv: {out: 6, activation: tanh}",
        "conv: {out: 6, activation: silu}",
    ],
    "relu6": ["conv: {out: 6, activation: relu6}", "conv: {out: 6, order: norm-act-conv}"],
    "groups": ["conv: 8", "grouped: {out: 8, groups: 2}", "depthwise: {multiplier: 2}"],
    "dilation": ["dilated: {out: 8, dilation: 2}", "scale: 0.5", "activation: relu"],
    "max pools": ["conv: 8", "max_pool: {kernel: 3, stride: 1, padding: 1}", "max_pool: {kernel: 2, padding: 1}"],
    "avg pools": [
        "conv: 8",
        "avg_pool: {kernel: 3, stride: 2, padding: 1}",
        "avg_pool: {kernel: 3, stride: 1, padding: 1, count_include_pad: false}",
    ],
    "maximum": ["conv: 8", "adaptive_max_pool: 3", "adaptive_max_pool: 1"],
    "norm of a vector": ["conv: 8", "flatten", "norm: batch", "linear: 12", "activation: relu", "norm: batch"],
    "repeated pixels": ["conv: 8", "upsample: 2"],
    "bilinear": ["conv: 8", "upsample: {factor: [2, 3], mode: bilinear}"],
    "shuffle": ["conv: 8", "channel_shuffle: 2"],
    "split": ["conv: 8", "branches: {paths: [[], [{depthwise: {kernel: 5, activation: tanh}}]], split: true}"],
    "a fixed scale among others": ["conv: {out: 4, activation: sigmoid}", "branches: {paths: [[], [{conv: 4}]]}"],
    "a gate": ["conv: 8", "squeeze_excite: {ratio: 4, gate: hardsigmoid}", "skip: {blocks: [{conv: 8}]}"],
    "paddings": ["rescale: {scale: 2, offset: 0.3}", "pad: [1, 2, 0, 1]", "strided: {out: 4, padding: valid}"],
}


def network(blocks: list[str]) -> Graph:
    text = "archbuilder: 1\nname: net\ninput: [3, 9, 9]\nclasses: 5\nnetwork:\n"
    end = ["linear: 5"] if any("flatten" in block for block in blocks) else ["gap", "classifier"]
    graph = check_text(text + "".join(f"  - {block}\n" for block in [*blocks, *end])).graph
    assert graph
    return graph


def graph_of(file: str) -> Graph:
    graph = check(file).graph
    assert graph
    return graph


def drawn(graph: Graph) -> nn.Module:
    """The module with its first weights, and norms that have seen something."""
    torch.manual_seed(0)
    module = build(graph).eval()
    with torch.no_grad():
        for layer in module.modules():
            if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
                assert layer.running_mean is not None and layer.running_var is not None
                layer.running_mean.normal_()
                layer.running_var.uniform_(0.5, 2)
                if layer.affine:
                    layer.weight.normal_(1, 0.3)
                    layer.bias.normal_()
    return module


def images(graph: Graph, number: int) -> Tensor:
    return torch.randn(number, *graph.input.dims, generator=torch.Generator().manual_seed(number))


def in_int8(graph: Graph, x: Tensor) -> Quantized:
    """A network with drawn weights in int8, calibrated on these images."""
    program = program_of(graph)
    with torch.no_grad():
        constants = floats.constants(program, drawn(graph))
        return quantize(program, constants, observe(program, constants, [x]))
