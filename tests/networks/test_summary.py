"""`summary`: torchsummary's table as the originals' authors printed it, and torchinfo's; both explained."""

from __future__ import annotations

import json

import pytest

from archbuilder.cli import main
from tests.networks.reference import CALLS, NAMES, REFERENCE, in_order_of, load, path

SHARED = {"soutrik71": 2_048, "soutrik71-2": 2_048}  # what torchsummary counts again


@pytest.mark.parametrize("name", NAMES)
def test_torchsummary_table_equals_the_published_one(name, capsys):
    graph, _ = load(name)
    assert main(["summary", str(path(name)), "--style", "torchsummary"]) == 0
    table = capsys.readouterr().out.splitlines()
    rows = table[3 : table.index("=" * 64, 3)]
    printed = [printed_row(row) for row in rows]
    counted = {layer["name"]: layer["params"] for layer in reversed(REFERENCE[name]["layers"])}  # of the first call
    published = [
        {"type": layer["type"], "out": layer["out"], "params": counted[layer["name"]]}
        for layer in REFERENCE[name]["layers"]
        if layer["type"] != "LogSoftmax"
    ]
    leaves = dict(zip(graph.nodes, printed, strict=True))
    assert [leaves[node.name] for node in in_order_of(published, graph, leaves, CALLS[name])] == published
    assert f"Total params: {REFERENCE[name]['torchsummary_total']:,}" in table
    assert [row.split()[0].rpartition("-")[2] for row in rows] == [str(n + 1) for n in range(len(rows))]


def printed_row(row: str) -> dict[str, object]:
    """A row `Conv2d-1  [-1, 32, 32, 32]  864`, which is read by its columns."""
    kind, dims, params = row[:20].strip(), row[22:47].strip(), row[48:].strip()
    batch, *out = json.loads(dims)
    assert batch == -1
    return {"type": kind.rpartition("-")[0], "out": out, "params": int(params.replace(",", ""))}


@pytest.mark.parametrize("name", NAMES)
def test_torchsummary_total_is_explained_where_it_is_not_the_true_one(name, capsys):
    _, facts = load(name)
    main(["summary", str(path(name)), "--style", "torchsummary"])
    *_, last = capsys.readouterr().out.split("-" * 64)
    assert REFERENCE[name]["torchsummary_total"] - facts.params == SHARED.get(name, 0)
    if name in SHARED:
        assert f"{facts.params:,} parameters" in last
        assert f"{SHARED[name]:,} too many" in last
        assert "transition.conv 3 times" in last
    else:
        assert last.strip() == ""


def test_torchsummary_layout(tmp_path, capsys):
    """The lines that torchsummary 1.5.1 prints for this network, but for the frozen conv's split."""
    file = tmp_path / "net.yaml"
    file.write_text(
        "archbuilder: 1\ninput: [3, 32, 32]\nclasses: 10\n"
        "network: [{conv: {out: 16, frozen: true}}, gap, {classifier: linear}]\n"
    )
    main(["summary", str(file), "--style", "torchsummary"])
    assert capsys.readouterr().out == (
        "----------------------------------------------------------------\n"
        "        Layer (type)               Output Shape         Param #\n"
        "================================================================\n"
        "            Conv2d-1           [-1, 16, 32, 32]             432\n"
        "       BatchNorm2d-2           [-1, 16, 32, 32]              32\n"
        "              ReLU-3           [-1, 16, 32, 32]               0\n"
        " AdaptiveAvgPool2d-4             [-1, 16, 1, 1]               0\n"
        "           Flatten-5                   [-1, 16]               0\n"
        "            Linear-6                   [-1, 10]             170\n"
        "================================================================\n"
        "Total params: 634\n"
        "Trainable params: 202\n"
        "Non-trainable params: 432\n"
        "----------------------------------------------------------------\n"
        "Input size (MB): 0.01\n"
        "Forward/backward pass size (MB): 0.38\n"
        "Params size (MB): 0.00\n"
        "Estimated Total Size (MB): 0.39\n"
        "----------------------------------------------------------------\n"
    )


# ---- torchinfo's table ----

SHARED_NORM = """
archbuilder: 1
input: [3, 8, 8]
network: [{conv: 4}, {conv: {name: again, out: 4, activation: prelu}}, {use: again}, {scale: 2}, {use: again}]
"""


@pytest.mark.parametrize("name", NAMES)
def test_torchinfo_agrees_and_what_it_counts_beside_is_explained(name, capsys):
    _, facts = load(name)
    assert main(["summary", str(path(name))]) == 0
    *_, parameters, macs = capsys.readouterr().out.splitlines()
    assert parameters == f"parameters: {facts.params:,}, as torchinfo says"
    assert macs.startswith(f"MACs: {facts.macs:,}; torchinfo says ")
    assert macs.endswith(" for biases and norms")


def test_shared_norms_are_explained_call_by_call(tmp_path, capsys):
    file = tmp_path / "net.yaml"
    file.write_text(SHARED_NORM)
    main(["summary", str(file)])
    *_, macs = capsys.readouterr().out.splitlines()
    # norms of 4 channels: 2 * 4 each in 4 calls; one PReLU slope in 3 calls; a factor per channel
    assert macs.endswith(f"torchinfo also counts {4 * 8 + 3 + 4} for biases and norms")
