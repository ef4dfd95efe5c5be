"""The second way to every number: torch is asked, and index sets are walked.

`disagreements` holds all that archbuilder states of a graph against
- torch: the shape, parameters, buffers and MACs of each layer, from a run of the built module;
- torch: the pixels that have a gradient from one unit, on an input so large that no border is met;
- a walk from that unit back to the image with sets of indices, per axis, merged by union.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction

import torch
from torch.utils.flop_counter import FlopCounterMode

from archbuilder.analysis.coverage import views
from archbuilder.analysis.facts import Facts, analyse
from archbuilder.analysis.visible_pixels import Touched
from archbuilder.analysis.visible_pixels import touched as touched_pixels
from archbuilder.ir import ops
from archbuilder.ir.graph import INPUT, Graph, Node
from archbuilder.ir.op import Op
from archbuilder.ir.reach import Reach
from archbuilder.modules import build
from archbuilder.modules.gradient_field import central, linear, roomy, touched
from tests.ir.walk import MAX_PATHS, MERGES, Step, chains, sources, span, walk

# one unit of these depends on the whole map; the axes of a field leave that out, and its status says so
GLOBAL = (ops.GroupNorm, ops.InstanceNorm2d, ops.Gate)


def disagreements(graph: Graph, facts: Facts | None = None) -> list[str]:
    """A description of the differences between archbuilder and the oracles; empty if there are none."""
    facts = facts or analyse(graph, [])
    return [*counts(graph, facts), *fields(graph, facts)]


def differ(what: str, ours: object, truth: object) -> Iterator[str]:
    """A sentence where two values are unequal."""
    if ours != truth:
        yield f"{what}: archbuilder says {ours}, the oracle {truth}"


# ---- shapes, parameters, buffers and MACs: a run of the module ----


def counts(graph: Graph, facts: Facts) -> Iterator[str]:
    """Every layer's shape, parameters, buffers and MACs against the built module's."""
    module = build(graph).eval()
    paths = {node.module for node in graph.nodes.values()}
    shapes: dict[str, list[tuple[int, ...]]] = defaultdict(list)  # per layer, of each of its calls
    for path in paths:
        module.get_submodule(path).register_forward_hook(
            lambda _, __, out, path=path: shapes[path].append(tuple(out.shape[1:]))
        )
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        out = module(torch.zeros(1, *graph.input.dims))
    flops = {name: sum(count.values()) for name, count in counter.get_flop_counts().items()}
    macs: dict[str, int] = defaultdict(int)
    for layer in facts.layers:
        node, leaf = layer.node, module.get_submodule(layer.node.module)
        parameters = [] if node.shared else list(leaf.parameters())
        buffers = [] if node.shared else list(leaf.buffers())
        frozen = [p for p in parameters if not p.requires_grad]
        yield from differ(f"shape of {node.name}", node.shape.dims, shapes[node.module].pop(0))
        yield from differ(f"parameters of {node.name}", layer.params, sum(p.numel() for p in parameters))
        yield from differ(f"frozen parameters of {node.name}", layer.frozen_params, sum(p.numel() for p in frozen))
        yield from differ(f"buffers of {node.name}", layer.buffers, sum(b.numel() for b in buffers))
        macs[node.module] += layer.macs
    for path, number in macs.items():
        yield from differ(f"twice the MACs of {path}", 2 * number, flops.get(f"Network.{path}", 0))
    yield from differ("shape of the output", graph.shape(graph.output).dims, tuple(out.shape[1:]))
    yield from differ("parameters", facts.params, sum(p.numel() for p in module.parameters()))
    frozen = [p for p in module.parameters() if not p.requires_grad]
    yield from differ("frozen parameters", facts.frozen_params, sum(p.numel() for p in frozen))
    yield from differ("buffers", facts.buffers, sum(b.numel() for b in module.buffers()))
    stored = sum(value.numel() * value.element_size() for value in module.state_dict().values())
    yield from differ("bytes of the weights", facts.weight_bytes(), stored)
    yield from differ("twice the MACs", 2 * facts.macs, counter.get_total_flops())


# ---- receptive fields ----


def fields(graph: Graph, facts: Facts) -> Iterator[str]:
    """The field before the global pool by gradient and by walk; that of the output by walk."""
    value = before_gap(graph)
    head_off = cut(graph, value)
    sliced = any(isinstance(node.op, ops.ChannelSlice) for node in graph.nodes.values())
    # archbuilder does not follow single channels: where they are cut it may call an exact field a bound
    if not sliced or facts.field.status != "upper bound":
        yield from differ("status of the field", facts.field.status, status(head_off))
    yield from by_walk(head_off, facts.field, "the field")
    yield from by_walk(graph, facts.field_with_gap, "the field with GAP")
    for layer in facts.layers[:: max(1, len(facts.layers) // 3)]:
        yield from by_walk(cut(graph, layer.node.name), layer.reach, f"the field of {layer.node.name}")
    if value == INPUT:
        return
    if facts.field.status != "unknown" and not sliced:
        yield from at_home(head_off, facts)
    if facts.field.status == "upper bound":
        yield from bounded(head_off, facts.field)
    else:
        yield from pixels_touched(head_off, facts)
        yield from by_gradient(head_off, facts.field)


def before_gap(graph: Graph) -> str:
    """The value that enters the global pools without which no path leads to the output; else the average pools that
    only single units follow; else the last map.  Of several values the one that sees most."""
    open_values = without_global_pool(graph)
    whole = met_backwards(graph, lambda node: is_global(graph, node) and node.inputs[0] in open_values, open_values)
    average = met_backwards(
        graph,
        lambda node: isinstance(node.op, (ops.AvgPool2d, ops.AdaptivePool)),
        {INPUT} | {node.name for node in graph.nodes.values() if is_window(node)},
    )
    maps = {INPUT} | {node.name for node in graph.nodes.values() if not node.shape.flat}
    vectors = met_backwards(graph, lambda node: node.shape.flat and set(node.inputs) <= maps, maps)
    found = whole or average or vectors or [graph.output]
    return max(found, key=lambda value: sum(extent(cut(graph, value), axis) for axis in (0, 1)))


def without_global_pool(graph: Graph) -> set[str]:
    """The values to which a path leads from the image that passes no global pool."""
    found = {INPUT}
    for node in graph.nodes.values():
        if not is_global(graph, node) and not found.isdisjoint(sources(node)):
            found.add(node.name)
    return found


def met_backwards(graph: Graph, wanted: Callable[[Node], bool], forbidden: set[str]) -> list[str]:
    """What enters the wanted layers that the paths back from the output meet first; nothing where one of these
    paths comes to a forbidden value before."""
    waiting, found = [graph.output], []
    for name in waiting:
        node = graph.nodes.get(name)
        if node and wanted(node):
            found += sources(node)
        elif name in forbidden or node is None:
            return []
        else:
            waiting += [source for source in sources(node) if source not in waiting]
    return sorted(found, key=[INPUT, *graph.nodes].index)


def is_global(graph: Graph, node: Node) -> bool:
    whole = graph.inputs(node)[0][1:3]
    if isinstance(node.op, (ops.AvgPool2d, ops.MaxPool2d)):
        dilation = getattr(node.op, "dilation", (1, 1))
        return (node.op.kernel, node.op.padding, dilation) == (whole, (0, 0), (1, 1)) and whole != (1, 1)
    return isinstance(node.op, ops.AdaptivePool) and node.op.size == (1, 1)


def is_window(node: Node) -> bool:
    """Whether a unit sees its neighbours; where one pixel is left it has none."""
    enlarged = isinstance(node.op, ops.Upsample)
    slid = isinstance(node.op, (ops.Conv2d, ops.MaxPool2d)) and max(node.op.kernel) > 1
    return (enlarged or slid) and node.shape.h * node.shape.w > 1


def extent(graph: Graph, axis: int) -> int:
    """The number of pixels that unit 0 of the output spans."""
    seen = walk(graph, axis, 0)
    return max(seen) - min(seen) + 1


def cut(graph: Graph, value: str, gates: bool = True) -> Graph:
    """The part of a graph that computes one of its values, with or without what only computes gates."""
    needed: set[str] = {value}
    for node in reversed(graph.nodes.values()):
        if node.name in needed:
            needed.update(node.inputs if gates else sources(node))
    nodes = {name: node for name, node in graph.nodes.items() if name in needed}
    return replace(graph, nodes=nodes, output=value)


def status(graph: Graph) -> str:
    """The kind of receptive field of the output of this graph."""
    steps = [(node.op, x) for node in graph.nodes.values() for x in graph.inputs(node)]
    if any(varies(step) for step in steps) or ambiguous(graph):
        return "upper bound"
    return "whole input" if any(isinstance(op, GLOBAL) for op, _ in steps) else "exact"


def varies(step: Step) -> bool:
    """Whether what a unit sees depends on its position, beyond being moved with it."""
    op, x = step
    if isinstance(op, ops.Upsample):
        return op.factor != (1, 1)
    return isinstance(op, ops.AdaptivePool) and (x.h % op.size[0] or x.w % op.size[1]) != 0


def ambiguous(graph: Graph) -> bool:
    """Whether branches of unequal strides meet, which one pixel can: the field of its neighbour is a convention."""
    strides: dict[str, list[Fraction]] = {INPUT: [Fraction(1), Fraction(1)]}
    found = False
    for node in graph.nodes.values():
        met = [strides[name] for name in sources(node)]
        found |= isinstance(node.op, MERGES) and not node.shape.flat and any(stride != met[0] for stride in met)
        steps = [step((node.op, graph.inputs(node)[0]), axis) for axis in (0, 1)]
        strides[node.name] = [max(axis) * by for axis, by in zip(zip(*met, strict=True), steps, strict=True)]
    return found


def step(of: Step, axis: int) -> Fraction:
    """The stride of one op."""
    op, x = of
    if isinstance(op, (ops.Conv2d, ops.MaxPool2d, ops.AvgPool2d)):
        return Fraction(op.stride[axis])
    if isinstance(op, ops.AdaptivePool):
        return Fraction(x[1 + axis], op.size[axis])
    return 1 / Fraction(op.factor[axis]) if isinstance(op, ops.Upsample) else Fraction(1)


def by_gradient(graph: Graph, reach: Reach) -> Iterator[str]:
    """The pixels with a gradient from one central unit: exactly those of the walk, from lo to hi."""
    axes = (reach.h, reach.w)
    sides = tuple(roomy(n, axis) for n, axis in zip((graph.input.h, graph.input.w), axes, strict=True))
    units = tuple(central(n, axis) for n, axis in zip(sides, axes, strict=True))
    image = torch.ones(1, graph.input.c, *sides, dtype=torch.float64)
    for number, found in enumerate(touched(linear(graph), image, units)):
        name, axis, unit = ("rows", "columns")[number], axes[number], units[number]
        ends = (axis.stride * unit + axis.lo, axis.stride * unit + axis.hi)
        yield from differ(f"{name} that unit {unit} sees, by gradient", ends, (min(found), max(found)))
        yield from differ(f"{name} of the walk (first) and of the gradient", sorted(walk(graph, number, unit)), found)


def pixels_touched(graph: Graph, facts: Facts) -> Iterator[str]:
    """Which pixels of the field are touched, as the lint for gaps between taps has them."""
    for axis in (0, 1):
        found = (touched_pixels(facts, axis) or {}).get(graph.output, Touched(0, 0))
        pixels = [found.start + bit for bit in range(found.span) if found.bits >> bit & 1]
        yield from differ(f"pixels touched along {'hw'[axis]}", pixels, sorted(walk(graph, axis, 0)))


def bounded(graph: Graph, reach: Reach) -> Iterator[str]:
    """Nothing outside of an upper bound has a gradient, on the network's own input: of three units."""
    if any(mirrors(node.op) for node in graph.nodes.values()):
        return  # at a border such a padding brings pixels from elsewhere, and here borders are met
    module, shape = linear(graph, at_home=True), graph.shape(graph.output)
    image = torch.ones(1, *graph.input.dims, dtype=torch.float64)
    for share in (0, 1, 2):
        units = ((shape.h - 1) * share // 2, (shape.w - 1) * share // 2)
        found = touched(module, image, units)
        for name, axis, pixels, unit in zip(("rows", "columns"), (reach.h, reach.w), found, units, strict=True):
            lo, hi = axis.stride * unit + axis.lo, axis.stride * unit + axis.hi
            if pixels and not lo <= min(pixels) <= max(pixels) <= hi:
                yield f"{name} that unit {unit} sees: archbuilder says at most {lo} to {hi}, the gradient {pixels}"


def mirrors(op: Op) -> bool:
    """Whether an op pads with pixels of the map; fields are of units that meet no border."""
    return getattr(op, "mode", getattr(op, "padding_mode", "zeros")) != "zeros"


def at_home(graph: Graph, facts: Facts) -> Iterator[str]:
    """The pixels of an image of the network's input size that have a gradient from the middle unit, without padding."""
    found = views(facts)
    image = torch.ones(1, *graph.input.dims, dtype=torch.float64)
    seen = touched(linear(graph, at_home=True), image, tuple(view.unit for view in found))
    for word, view, pixels in zip(("rows", "columns"), found, seen, strict=True):
        ends = (pixels[0], pixels[-1]) if pixels else (0, -1)
        ours, truth = (view.first, view.last, view.touched), (*ends, len(pixels))
        yield from differ(f"{word} of the image that the middle unit sees: first, last, how many", ours, truth)


def by_walk(graph: Graph, reach: Reach, what: str) -> Iterator[str]:
    """The hull of the touched indices of some units, and the shortest of all paths."""
    for number, axis in enumerate((reach.h, reach.w)):
        name = f"{what} along {'hw'[number]}"
        # a single pixel has no neighbour, so there the stride is a matter of convention
        for unit in (0, 1, 2, 5) if graph.shape(graph.output)[1 + number] > 1 else (0,):
            seen = walk(graph, number, unit)
            lo, hi = axis.stride * unit + axis.lo, axis.stride * unit + axis.hi
            if reach.status != "upper bound":
                yield from differ(f"{name} of unit {unit}", (lo, hi), (min(seen), max(seen)))
            elif not lo <= min(seen) <= max(seen) <= hi:
                yield f"{name} of unit {unit}: archbuilder says at most {lo} to {hi}, but {min(seen)} to {max(seen)}"
        if reach.status != "upper bound":
            paths = list(chains(graph, graph.output))
            if len(paths) < MAX_PATHS:
                yield from differ(f"{name}, the shortest path", axis.least, min(span(path, number) for path in paths))
