"""What the lints claim, held against torch."""

from __future__ import annotations

import torch
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

import archbuilder
from archbuilder.modules import build

HEAD = "archbuilder: 1\ninput: [2, 9, 11]\n"
Pair = tuple[int, int]

pairs = st.one_of(st.integers(1, 4).map(lambda n: (n, n)), st.tuples(st.integers(1, 4), st.integers(1, 4)))
sides = st.integers(0, 9)
paddings = st.one_of(st.tuples(sides, sides).map(lambda p: (p[0], p[0], p[1], p[1])), st.tuples(*[sides] * 4))


def findings(*blocks: str, head: str = HEAD) -> dict[str, str]:
    """The messages of the warnings on a network, by code."""
    report = archbuilder.check(f"{head}network: [{', '.join(blocks)}]\n")
    assume(report.ok)
    return {d.code.id: d.message for d in report.diagnostics}


@settings(max_examples=250)
@example((2, 2), (4, 4), (1, 1), (0, 0, 1, 1), (2, 3))  # a single window
@given(kernel=pairs, stride=pairs, dilation=pairs, padding=paddings, side=st.tuples(*[st.integers(1, 12)] * 2))
def test_taps_and_padding(kernel: Pair, stride: Pair, dilation: Pair, padding: tuple[int, int, int, int], side: Pair):
    """Windows cut out of a map of ones: a tap that is 0 in all of them only sees padding."""
    assume(kernel != (1, 1))
    top, bottom, left, right = padding
    padded = functional.pad(torch.ones(1, 1, *side), (left, right, top, bottom))
    assume(all(n > d * (k - 1) for n, d, k in zip(padded.shape[2:], dilation, kernel, strict=True)))
    conv = f"conv: {{out: 2, kernel: {list(kernel)}, stride: {list(stride)}, dilation: {list(dilation)}"
    head = f"archbuilder: 1\ninput: [1, {side[0]}, {side[1]}]\n"
    found = findings(f"{{{conv}, padding: {list(padding)}, norm: none}}}}", head=head)
    windows = functional.unfold(padded, kernel, dilation, 0, stride)[0]
    dead, share = int((windows.sum(1) == 0).sum()), 1 - float(windows.mean())
    if dead:
        assert f"{dead} of the {kernel[0] * kernel[1]} taps" in found["AB407"]
        assert "AB408" not in found
    else:
        assert "AB407" not in found
        assert ("AB408" in found) == (share > 2 / 3 + 1e-6) or abs(share - 2 / 3) < 1e-6
        if "AB408" in found:
            assert abs(int(found["AB408"].split(" %")[0].split()[-1]) - 100 * share) < 0.51


@settings(max_examples=200)
@given(kernel=pairs, stride=pairs, dilation=pairs, padding=st.tuples(*[st.integers(0, 3)] * 2))
def test_unread_pixels_have_no_gradient(kernel: Pair, stride: Pair, dilation: Pair, padding: Pair):
    """Of the map before a strided conv, whose weights are all 1."""
    conv = f"conv: {{out: 2, kernel: {list(kernel)}, stride: {list(stride)}, dilation: {list(dilation)}"
    found = findings("{conv: 2}", f"{{{conv}, padding: {list(padding)}, norm: none}}}}").get("AB411", "")
    x = torch.ones(1, 1, 9, 11, requires_grad=True)
    functional.conv2d(x, torch.ones(1, 1, *kernel), None, stride, padding, dilation).sum().backward()
    unread = x.grad[0, 0] == 0
    rows, columns = int(unread.all(1).sum()), int(unread.all(0).sum())
    if stride == (1, 1) and (rows or columns):
        assert found == ""  # padding that is too small, not a stride, leaves nothing over
    else:
        assert bool(found) == bool(rows or columns)
        for count, word in ((rows, "row"), (columns, "column")):
            assert (word in found) == bool(count)
            assert count < 2 or f"{count} {word}s" in found


def test_a_bias_before_a_norm_changes_nothing():
    for norm in ("batch", "instance"):
        text = f"{HEAD}network: [{{conv: {{out: 4, bias: true, norm: {norm}}}}}]\n"
        assert "AB409" in {d.code.id for d in archbuilder.check(text).diagnostics}
        module, x = build(text).train(), torch.randn(3, 2, 9, 11)
        before = module(x)
        nn.init.normal_(module.conv.conv.bias, std=5)
        torch.testing.assert_close(module(x), before, rtol=1e-3, atol=1e-4)


@settings(max_examples=60)
@given(
    kernels=st.tuples(pairs, pairs),
    stride=pairs,
    dilations=st.tuples(pairs, pairs),
    widths=st.tuples(*[st.integers(1, 6)] * 2),
)
def test_two_linear_convs_are_one(kernels, stride, dilations, widths):
    """The one conv that the message names has the weights it says, and computes the same where no border is near."""
    blocks = [
        f"{{conv: {{out: {out}, kernel: {list(kernel)}, stride: {list(s)}, dilation: {list(dilation)}, "
        "order: conv, bias: false, padding: valid}}"
        for out, kernel, s, dilation in zip(widths, kernels, (stride, (1, 1)), dilations, strict=True)
    ]
    head = "archbuilder: 1\ninput: [2, 40, 40]\n"
    found = findings(*blocks, head=head).get("AB412")
    span = [
        dilations[0][a] * (kernels[0][a] - 1) + stride[a] * dilations[1][a] * (kernels[1][a] - 1) + 1 for a in (0, 1)
    ]
    module = build(f"{head}network: [{', '.join(blocks)}]\n").double()
    merged = nn.Conv2d(2, widths[1], tuple(span), stride, bias=False).double()
    pair = sum(p.numel() for p in module.parameters())
    assert bool(found) == (merged.weight.numel() <= pair)
    if not found:
        return
    assert f"one {span[0]}x{span[1]} conv of {merged.weight.numel():,} weights, not {pair:,}" in found
    impulses = torch.zeros(2, 2, 2 * span[0] - 1, 2 * span[1] - 1, dtype=torch.float64)
    impulses[range(2), range(2), span[0] - 1, span[1] - 1] = 1
    one, two = module.conv.conv, module.conv2.conv
    inner = functional.conv2d(impulses, one.weight, None, 1, 0, dilations[0])
    widened = [stride[a] * dilations[1][a] for a in (0, 1)]
    response = functional.conv2d(inner, two.weight, None, 1, 0, widened)
    with torch.no_grad():
        merged.weight.copy_(response.flip(2, 3).transpose(0, 1))
    x = torch.randn(1, 2, 40, 40, dtype=torch.float64)
    torch.testing.assert_close(merged(x), module(x))
