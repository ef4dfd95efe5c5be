"""What definitions stand for is bounded in time too: each of these is a file of some kilobytes."""

from __future__ import annotations

import time

import pytest

from archbuilder.pipeline import check

HEAD = "archbuilder: 1\ninput: [8, 32, 32]\nclasses: 10\n"
SECONDS = 2.5  # of processor time; with each use paid for in full these take 5 to 70
USES = ", ".join(["d"] * 15_000)
LONG = "a" + " * 1" * 45
FIELDS = f"out: {LONG}, kernel: [{LONG} - 7, {LONG} - 7], stride: [{LONG} - 7, 1], dilation: {LONG} - 7"

FILES = {
    "long expressions": f"vars: {{a: 8}}\ndefine: {{d: {{blocks: [{{conv: {{{FIELDS}}}}}]}}}}\nnetwork: [{USES}]\n",
    "many variables": (
        f"vars: {{{', '.join(f'v{n}: 8' for n in range(15_000))}}}\n"
        f"define: {{d: {{params: {{q: 8}}, blocks: [{{norm: none}}]}}}}\nnetwork: [{USES}]\n"
    ),
    "many parameters": (
        f"define: {{d: {{params: {{{', '.join(f'p{n}: 8' for n in range(15_000))}}}, blocks: [{{norm: none}}]}}}}\n"
        f"network: [{USES}]\n"
    ),
}


@pytest.mark.parametrize("what", FILES)
def test_uses_of_a_definition(what: str):
    start = time.process_time()
    report = check(HEAD + FILES[what])
    assert not report.ok and len(report.diagnostics) <= 2
    assert time.process_time() - start < SECONDS


def test_parameters_are_known_inside_and_variables_of_the_file_too():
    inner = "  a: {params: {n: 2}, blocks: [{pointwise: n * w}]}\n"
    outer = "  b: {params: {w: 3}, blocks: [{a: {n: w + 1}}, a]}\n"
    graph = check(f"{HEAD}vars: {{w: 5}}\ndefine:\n{inner}{outer}network: [a, b, gap, classifier]\n").graph
    assert graph
    found = [node.shape.c for name, node in graph.nodes.items() if name.endswith("pointwise.conv")]
    assert found == [10, 12, 6]
