"""The arena of a microcontroller: planners against the plainest reading of their rules, and what a check says of it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archbuilder import check_text
from archbuilder.device.arena import Buffer, arena, buffers, place
from archbuilder.device.kernels import program_of
from archbuilder.device.program import Program
from archbuilder.ir.graph import Graph
from archbuilder.pipeline import Report, check
from archbuilder.remedies import Budget, investigate
from archbuilder.reporting.json import render as render_json
from archbuilder.reporting.text import render

HEAD = "archbuilder: 1\nname: net\ninput: [3, 8, 8]\n"


def report_of(*blocks: str, limits: str = "") -> Report:
    return check_text(f"{HEAD}limits: {{{limits}}}\nnetwork:\n" + "".join(f"  - {block}\n" for block in blocks))


def graph_of(*blocks: str) -> Graph:
    graph = report_of(*blocks).graph
    assert graph
    return graph


def said(program: Program) -> list[str]:
    return [f"{operator.kernel} {operator.activation} {operator.output}" for operator in program.operators]


def test_norms_are_folded_activations_fused_dropouts_gone():
    program = program_of(graph_of("conv: {out: 4, dropout: 0.1}", "scale: 1", "activation: relu6"))
    assert said(program) == ["CONV_2D RELU conv.activation", "DEPTHWISE_CONV_2D RELU6 activation"]
    program = program_of(graph_of("conv: {out: 4, activation: none}", "dropout: 0.1", "scale: 1", "activation: relu6"))
    assert said(program) == ["CONV_2D RELU6 activation"]
    filter, bias = (program.tensors[name].content for name in program.operators[0].inputs[1:])
    assert [node.name for node in filter.folded] == [node.name for node in bias.folded] == ["conv.norm", "scale"]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "second", ["activation: relu", "scale: 1", "pad: 1"], ids=["an activation", "a scale", "a padding"]
)
def test_what_is_read_twice_is_not_taken_in(second: str):
    """The join reads the conv's result as it is, also where a dropout stands between."""
    plain = "conv: {out: 4, norm: none, activation: none, name: early}"
    for between in ([], ["dropout: 0.5"]):
        blocks = [plain, *between, second, "conv: {out: 4, kernel: 1, padding: valid}", "adaptive_avg_pool: 4"]
        program = program_of(graph_of(*blocks, "upsample: 2", "join: {from: early, merge: add}"))
        assert program.operators[0].output == "early.conv"
        assert program.operators[-1].kernel == "ADD" and "early.conv" in program.operators[-1].inputs


def test_a_padding_that_the_runtime_has_is_no_operator():
    """Torch pads a stride of 2 on both sides; one pixel after an even map is what SAME adds."""
    assert said(program_of(graph_of("strided: {out: 4, norm: none}"))) == [
        "PAD NONE strided.conv.pad",
        "CONV_2D RELU strided.activation",
    ]
    (operator,) = program_of(graph_of("pad: [0, 1, 0, 1]", "strided: {out: 4, padding: valid}")).operators
    assert operator.options["padding"] == "SAME"
    pad, _ = program_of(graph_of("strided: {out: 4, norm: none}")).operators
    assert pad.output == "strided.conv.pad"
    program = program_of(graph_of("strided: 4"))
    assert program.tensors["strided.conv.pad"].shape == (1, 9, 9, 3)  # no more than the last window reads


def test_shared_weights_are_stored_once():
    program = program_of(graph_of("conv: {out: 3, name: twice}", "use: twice"))
    first, second = program.operators
    assert first.inputs[1] == second.inputs[1] and first.inputs[2] != second.inputs[2]


def test_scratch_of_a_mean_is_planned_by_the_runtime():
    found = buffers(program_of(graph_of("conv: 5", "gap")))
    assert found == [
        Buffer("input", 192, 0, 0),
        Buffer("conv.activation", 320, 0, 1),
        Buffer("gap", 16, 1, 1),
        Buffer("gap.scratch1", 32, 1, 1, planned=False),
    ]


sizes = st.integers(1, 8).map(lambda size: 16 * size)
lives = st.tuples(st.integers(0, 9), st.integers(0, 9)).map(sorted)
drawn = st.lists(st.tuples(sizes, lives), min_size=1, max_size=14).map(
    lambda each: [Buffer(str(n), size, first, last) for n, (size, (first, last)) in enumerate(each)]
)


def greedily(found: list[Buffer]) -> list[int]:
    """The runtime's rule, byte by byte: the largest first, of equal ones the last; the lowest place that is free."""
    taken: dict[int, int] = {}
    for number in sorted(range(len(found)), key=lambda n: (-found[n].size, -n)):
        size, first, last = found[number][1:4]
        beside = [n for n in taken if found[n].first <= last and found[n].last >= first]
        ends = sorted({0, *(taken[n] + found[n].size for n in beside)})
        taken[number] = next(
            at for at in ends if all(at + size <= taken[n] or at >= taken[n] + found[n].size for n in beside)
        )
    return [taken[n] for n in range(len(found))]


@given(found=drawn)
def test_the_greedy_plan_is_the_runtimes(found: list[Buffer]):
    assert [placed.offset for placed in place(found)] == greedily(found)


NETWORKS = ["architectures/fast85.yaml", "architectures/known/resnet20.yaml", "architectures/known/densenet_bc_40.yaml"]


@pytest.mark.parametrize("file", NETWORKS)
def test_no_two_lie_on_each_other(file: str):
    graph = check(file).graph
    assert graph
    found = arena(graph)
    assert found and found.bound <= found.head <= found.greedy
    for one in found.placed:
        for other in found.placed:
            apart = one.end <= other.offset or other.end <= one.offset
            assert one is other or apart or one.buffer.last < other.buffer.first or other.buffer.last < one.buffer.first


HEADS = {  # bound and head by our plan; head by the runtime's, which the first three also have as TensorFlow made them
    "mlperf_tiny_resnet8": (49_152, 49_152),
    "mlperf_tiny_vww": (55_296, 73_728),
    "mlperf_tiny_kws": (16_000, 16_000),
    "resnet20": (49_152, 66_576),
}


@pytest.mark.parametrize("name", HEADS)
def test_a_fragmented_plan_is_beaten(name: str):
    graph = check(f"architectures/known/{name}.yaml").graph
    assert graph
    found = arena(graph)
    assert found and found.head == found.bound and (found.head, found.greedy) == HEADS[name]


def test_limits():
    report = report_of("conv: 8", "gap", limits='arena: "< 1 KiB", arena_total: "< 2 KiB"')
    assert [limit.value for limit in report.limits] == [192 + 512, 192 + 512 + arena(report.graph).tail[1]]  # type: ignore[union-attr,arg-type]
    assert report.limits[0].ok and report.limits[0].unit == " bytes in int8"
    assert "bytes, estimated, in int8" in report.limits[1].words
    report = report_of("conv: 8", "gap", limits='arena: "< 700 B", arena_total: "< 900 B"')
    assert [d.code.id for d in report.diagnostics] == ["AB503", "AB503"]
    assert "while conv.activation runs: " in report.diagnostics[0].hint
    assert "input (192)" in report.diagnostics[0].hint and "conv.activation (512)" in report.diagnostics[0].hint
    (limit,) = report_of("conv: 8", "gap", limits='arena: "< 4 KiB float32"').limits
    assert limit.value == 4 * (192 + 512)


def test_a_layer_without_a_kernel_has_no_arena():
    report = report_of("conv: 8", "activation: gelu", limits='arena: "< 1 KiB"')
    (problem,) = report.diagnostics
    assert (problem.code.id, problem.span.line) == ("AB590", 7)
    assert "activation (gelu) does not run in this runtime: there is no kernel for GELU" in problem.message
    assert json.loads(render_json([report]))["files"][0]["totals"]["memory"]["arena"] is None


def test_a_report_says_what_lies_where():
    report = report_of("conv: 8", "gap")
    shown = render(report, per_op=True)
    assert "704 bytes (int8, TensorFlow Lite Micro), in conv.activation: " in shown
    assert "704 with the runtime's own planner, at least 704 with any plan" in shown and "estimated" in shown
    found = json.loads(render_json([report]))["files"][0]["totals"]["memory"]["arena"]
    assert (found["head"], found["head_by_runtime"], found["bound"]) == (704, 704, 704)
    assert {each["name"] for each in found["peak_tensors"]} == {"input", "conv.activation"}


def test_suggest_finds_a_smaller_arena():
    text = f'{HEAD}limits: {{arena: "< 1 KiB"}}\nnetwork: [{{conv: 16}}, gap]\n'
    proposals = investigate(text, budget=Budget(seconds=60)).proposals
    assert proposals and all(check_text(proposal.text).ok for proposal in proposals)
