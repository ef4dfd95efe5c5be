"""Every op against torch, over generated hyper-parameters."""

from __future__ import annotations

from dataclasses import fields, replace
from importlib import import_module
from inspect import isabstract
from pkgutil import iter_modules

import pytest
import torch
from hypothesis import assume, given, note, settings
from hypothesis import strategies as st

from archbuilder.analysis.facts import analyse
from archbuilder.ir import ops
from archbuilder.ir.builder import GraphBuilder
from archbuilder.ir.graph import INPUT
from archbuilder.ir.op import Op, OpError
from archbuilder.ir.reach import Axis, Reach
from archbuilder.ir.shape import Shape
from archbuilder.modules import build
from archbuilder.modules.gradient_field import touched
from archbuilder.modules.layers import has_rule
from archbuilder.modules.network import make_layer
from tests.ir import cases
from tests.ir.oracle import disagreements, mirrors
from tests.ir.walk import reads


def every_op() -> list[type[Op]]:
    """Each class of op that the package defines, wherever in ir/ops it stands."""
    for module in iter_modules(ops.__path__):
        import_module(f"{ops.__name__}.{module.name}")
    found, waiting = [], [Op]
    while waiting:
        op = waiting.pop()
        waiting.extend(op.__subclasses__())
        if op.__module__.startswith(f"{ops.__name__}.") and not isabstract(op) and "__dataclass_fields__" in vars(op):
            found.append(op)
    return sorted(found, key=lambda op: op.__name__)


each_op = pytest.mark.parametrize("kind", every_op(), ids=lambda op: op.__name__)


@each_op
def test_op_is_known_everywhere(kind: type[Op]):
    assert kind in cases.OPS, "tests/ir/cases.py draws no hyper-parameters for it"
    assert has_rule(kind), "modules/layers.py has no torch class for it"
    assert getattr(ops, kind.__name__, None) is kind
    assert kind.__name__ in ops.__all__


@each_op
@settings(max_examples=10)
@given(data=st.data())
def test_ops_are_equal_by_their_fields(kind: type[Op], data: st.DataObject):
    op = data.draw(cases.OPS[kind](data.draw(cases.maps(8, 8))))
    assert replace(op) == op and hash(replace(op)) == hash(op)
    for field in fields(op):
        assert replace(op, **{field.name: "another value"}) != op
    assert op.__eq__("another type") is NotImplemented


@each_op
@settings(max_examples=100)
@given(data=st.data())
def test_op_equals_torch(kind: type[Op], data: st.DataObject):
    """Shape, parameters, buffers, MACs, and what one unit sees."""
    graph = data.draw(cases.graphs(kind))
    note(str([node.op for node in graph.nodes.values()]))
    assert disagreements(graph) == []


def picks(op: Op) -> bool:
    """Whether a unit depends on few of the pixels that it looks at: a maximum, or a conv after a gate that skips."""
    return isinstance(op, (ops.MaxPool2d, ops.Conv2d)) or (isinstance(op, ops.AdaptivePool) and op.maximum)


@each_op
@settings(max_examples=25)
@given(data=st.data())
def test_what_a_unit_depends_on_is_inside_its_field(kind: type[Op], data: st.DataObject):
    """By the gradient of the layer as it is, with random weights on a random image: nothing lies
    outside of the field, and with `whole input` every pixel has a part in it."""
    graph = data.draw(cases.graphs(kind, stem=False))
    assume(not any(mirrors(node.op) for node in graph.nodes.values()))
    note(str([node.op for node in graph.nodes.values()]))
    reach, out = analyse(graph, []).field_with_gap, graph.shape(graph.output)
    torch.manual_seed(0)
    module = build(graph).double().eval()
    units = tuple(data.draw(st.integers(0, n - 1)) for n in (out.h, out.w))
    image = torch.rand(1, *graph.input.dims, dtype=torch.float64) + 0.1
    seen = touched(module, image, units)
    for axis, pixels, n, unit in zip((reach.h, reach.w), seen, graph.input[1:3], units, strict=True):
        first, last = axis.stride * unit + axis.lo, axis.stride * unit + axis.hi
        if reach.status != "whole input":
            assert all(first <= pixel <= last for pixel in pixels)
        elif not picks(graph.nodes[graph.output].op):
            assert pixels == list(range(n))


@settings(max_examples=150)
@given(n=st.integers(1, 24), data=st.data())
def test_bins_and_enlarged_pixels_see_what_torch_says(n: int, data: st.DataObject):
    """Adaptive pools and upsampling have no window that slides: every unit of theirs is looked at."""
    bins = st.builds(lambda size: ops.AdaptivePool((size, 1)), st.integers(1, n))
    enlarged = st.builds(lambda factor, smooth: ops.Upsample((factor, 1), smooth), st.integers(1, 4), st.booleans())
    op, x = data.draw(st.one_of(bins, enlarged)), Shape(1, n, 1)
    reach = op.reach((Reach(),), (x,))
    for unit in range(op.shape((x,)).h):
        seen, _ = touched(make_layer(op, (x,)), torch.ones(1, *x.dims, dtype=torch.float64), (unit, 0))
        # at a border its last pixel stands in
        walked = {min(max(index, 0), n - 1) for index in reads((op, x), 0, {unit})}
        assert set(seen) <= walked
        assert {min(walked), max(walked)} <= {*seen, *(walked if getattr(op, "bilinear", False) else ())}
        first, last = reach.h.stride * unit + reach.h.lo, reach.h.stride * unit + reach.h.hi
        assert first <= min(seen) <= max(seen) <= last
        if reach.status != "upper bound":
            assert (first, last) == (min(seen), max(seen))


@each_op
@pytest.mark.filterwarnings("ignore:input's size at dim=1 does not match num_features")  # which it does not use
@settings(max_examples=60)
@given(data=st.data())
def test_a_layer_runs_on_other_inputs_where_its_op_says_so(kind: type[Op], data: st.DataObject):
    """The basis of `use`: a layer made for one shape is run on a shape with other channels or another size."""
    x, y = data.draw(cases.maps(8, 8)), data.draw(cases.maps(8, 8))
    if kind is ops.Linear:
        x, y = Shape(x.c, flat=True), Shape(y.c, flat=True)
    assume(kind is not ops.ChannelScale or 1 not in (x.c, y.c))  # torch would stretch a single one
    op = data.draw(cases.OPS[kind](x))
    made_for, inputs = ((shape, shape._replace(h=1, w=1)) if kind is ops.Gate else (shape,) for shape in (x, y))
    try:
        op.shape(inputs)
    except OpError:
        assume(False)
    layer = make_layer(op, made_for).eval()
    note(f"{op}, made for {x}, on {y}")
    try:
        layer(*(torch.ones(1, *shape.dims) for shape in inputs))
    except (RuntimeError, ValueError):
        assert not op.is_shareable(made_for, inputs)
    else:
        assert op.is_shareable(made_for, inputs)


def windows(pool: bool) -> st.SearchStrategy[dict[str, tuple[int, int]]]:
    """Windows of any kind, such as do not fit among them."""
    fields = {"kernel": cases.pairs(1, 7), "stride": cases.pairs(1, 3), "padding": cases.pairs(0, 3)}
    return st.fixed_dictionaries(fields | ({} if pool else {"dilation": cases.pairs(1, 3)}))


modes = st.sampled_from(["zeros", "reflect", "replicate", "circular"])
numbers = st.integers(1, 6)
ANY: dict[type[Op], st.SearchStrategy[Op]] = {
    ops.AdaptivePool: st.builds(ops.AdaptivePool, cases.pairs(1, 6), st.booleans()),
    ops.AvgPool2d: st.builds(
        lambda fields, ceil, count: ops.AvgPool2d(**fields, ceil_mode=ceil, count_include_pad=count),
        windows(pool=True), st.booleans(), st.booleans(),
    ),
    ops.ChannelShuffle: st.builds(ops.ChannelShuffle, numbers),
    ops.Conv2d: st.builds(
        lambda out, groups, mode, fields: ops.Conv2d(out, groups=groups, padding_mode=mode, **fields),
        numbers, numbers, modes, windows(pool=False),
    ),
    ops.GroupNorm: st.builds(ops.GroupNorm, numbers),
    ops.InstanceNorm2d: st.builds(ops.InstanceNorm2d, affine=st.booleans()),
    ops.MaxPool2d: st.builds(
        lambda fields, ceil: ops.MaxPool2d(**fields, ceil_mode=ceil), windows(pool=False), st.booleans()
    ),
    ops.Pad2d: st.builds(ops.Pad2d, *[st.integers(0, 4)] * 4, modes),
}  # fmt: skip


def stricter(op: Op, x: Shape) -> bool:
    """Where archbuilder refuses what torch runs, and why."""
    if isinstance(op, ops.AdaptivePool):
        return op.size[0] > x.h or op.size[1] > x.w  # more bins than pixels: enlarging, under another name
    return False


@pytest.mark.parametrize("kind", sorted(ANY, key=lambda op: op.__name__), ids=lambda op: op.__name__)
@settings(max_examples=80)
@given(data=st.data())
def test_op_takes_what_torch_takes(kind: type[Op], data: st.DataObject):
    op = data.draw(ANY[kind])
    x = data.draw(cases.maps(6, 7))
    try:
        ours = op.shape((x,)).dims
    except OpError as error:
        ours = None if error.message and error.hint else "no words"
    try:
        truth = tuple(make_layer(op, (x,)).eval()(torch.zeros(1, *x.dims)).shape[1:])
    except (RuntimeError, ValueError):
        truth = None
    assert ours == (None if stricter(op, x) else truth)


TAKE_VECTORS = {
    ops.Activation,
    ops.BatchNorm2d,
    ops.ChannelNorm,
    ops.Dropout,
    ops.Flatten,
    ops.GroupNorm,
    ops.Linear,
    ops.Rescale,
}


@each_op
@settings(max_examples=3)
@given(data=st.data())
def test_op_over_a_map_refuses_a_vector(kind: type[Op], data: st.DataObject):
    """The builder reports a code, not a traceback."""
    x = Shape(4, 3, 3)
    single = {ops.Dropout: ops.Dropout(0.5), ops.Rescale: ops.Rescale(2.0, (1.0,) * x.elements)}
    op = single.get(kind) or data.draw(cases.OPS[kind](x))
    inputs = 2 if kind in (ops.Add, ops.Concat, ops.Gate, ops.Multiply) else 1
    g = GraphBuilder(x, [], cases.Nowhere())
    flat = g.add(ops.Flatten(), "flatten")
    g.add(op, "op", (flat,) * inputs)
    if kind in TAKE_VECTORS | {ops.Add, ops.Concat, ops.Multiply}:
        assert g.diagnostics == []
        assert disagreements(g.finish()) == []
    else:
        assert [d.code.id for d in g.diagnostics] == ["AB305" if kind is ops.Gate else "AB303"]


def test_channels_of_a_vector_cannot_be_dropped():
    with pytest.raises(OpError, match="needs a map") as caught:
        ops.Dropout(0.5, channels=True).shape((Shape(4, flat=True),))
    assert caught.value.code.id == "AB303"


def test_linear_layer_refuses_a_map():
    with pytest.raises(OpError, match="needs a vector") as caught:
        ops.Linear(10).shape((Shape(4, 2, 2),))
    assert caught.value.code.id == "AB304"


@settings(max_examples=60)
@given(shapes=st.lists(cases.maps(6, 6), min_size=2, max_size=3), data=st.data())
def test_merge_refuses_what_torch_refuses(shapes: list[Shape], data: st.DataObject):
    op = data.draw(st.sampled_from([ops.Add(), ops.Multiply(), ops.Concat()]))
    if data.draw(st.booleans()):
        shapes = [shapes[0]._replace(c=shape.c if isinstance(op, ops.Concat) else shapes[0].c) for shape in shapes]
    try:
        ours = op.shape(tuple(shapes)).dims
    except OpError as error:
        ours = None if all(str(shape) in error.message for shape in shapes) else error.message
    unequal = isinstance(op, (ops.Add, ops.Multiply)) and len(set(shapes)) > 1  # torch would stretch a side of 1
    try:
        truth = tuple(make_layer(op, tuple(shapes))(*[torch.zeros(1, *shape.dims) for shape in shapes]).shape[1:])
    except RuntimeError:
        truth = None
    assert ours == (None if unequal else truth)


def test_merge_of_unequal_strides_is_refused():
    """Equal shapes are not enough: 4 pixels are both every second of 8 and the first 4 of 6."""
    g = GraphBuilder(Shape(1, 8, 8), [], cases.Nowhere())
    halved = g.add(ops.Conv2d(1, (1, 1), stride=(2, 2)), "halved")
    cropped = g.add(ops.Conv2d(1, (5, 5)), "cropped", (INPUT,))
    g.add(ops.Add(), "add", (halved, cropped))
    assert g.diagnostics == []
    diagnostics = []
    facts = analyse(g.finish(), diagnostics)
    assert [d.code.id for d in diagnostics] == ["AB306"]
    assert "2x2 and 1x1" in diagnostics[0].message
    assert facts.field.status == "unknown"


@pytest.mark.parametrize("order", [["strided", "cropped"], ["cropped", "strided"]])
def test_a_merge_of_single_pixels_may_have_unequal_strides_and_is_a_bound(order: list[str]):
    """The field of a neighbour of a single pixel is a convention."""
    g = GraphBuilder(Shape(1, 5, 5), [], cases.Nowhere())
    g.add(ops.Conv2d(1, (1, 1), stride=(8, 8)), "strided")
    g.add(ops.Conv2d(1, (5, 5)), "cropped", (INPUT,))
    g.add(ops.Add(), "add", tuple(order))
    facts = analyse(g.finish(), [])
    assert (facts.field.h, facts.field.status) == (Axis(8, 0, 4, 1), "upper bound")
    assert disagreements(g.graph) == []


@pytest.mark.parametrize(
    ("before", "status"),
    [
        ([], "upper bound"),
        ([ops.ChannelShuffle(2)], "upper bound"),
        ([ops.Conv2d(4, (1, 1), groups=2)], "upper bound"),
        ([ops.Conv2d(4, (1, 1))], "exact"),
    ],
)
def test_a_slice_of_channels_that_see_unlike_fields_is_a_bound(before: list[Op], status: str):
    """Half of the channels of a concatenation see one pixel, the others nine: a slice may have either."""
    g = GraphBuilder(Shape(2, 6, 6), [], cases.Nowhere())
    conv = g.add(ops.Conv2d(2, padding=(1, 1)), "conv")
    g.add(ops.Concat(), "concat", (INPUT, conv))
    for op in before:
        g.add(op, "op")
    g.add(ops.ChannelSlice(0, 2), "slice")
    facts = analyse(g.finish(), [])
    assert (facts.field.size, facts.field.status) == ((3, 3), status)
    assert disagreements(g.graph) == []


def test_a_slice_of_like_channels_is_exact():
    g = GraphBuilder(Shape(2, 6, 6), [], cases.Nowhere())
    g.add(ops.Concat(), "concat", (INPUT, INPUT))
    g.add(ops.ChannelSlice(1, 2), "slice")
    assert analyse(g.finish(), []).field.status == "exact"


def test_hull_keeps_the_shortest_path():
    """A skip makes a range of receptive fields."""
    assert Axis(2, -3, 4, 8).hull(Axis(2, -1, 6, 5)) == Axis(2, -3, 6, 5)
