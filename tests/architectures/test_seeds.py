"""The five student networks, layer by layer, against facts that were read off the original modules."""

import json
from pathlib import Path

import pytest
import torch
from torch import nn

import archbuilder
from archbuilder.cli import main
from archbuilder.modules.own import Add

HERE = Path(__file__).parent
SEEDS = HERE.parent.parent / "architectures" / "seeds"
REFERENCE = {network["id"]: network for network in json.loads((HERE / "seeds.json").read_text())}
MISSED = {"seed001", "seed002"}  # their receptive fields are 27 and 31


def executed_leaves(module: nn.Module) -> list[tuple[nn.Module, tuple[int, ...]]]:
    """Every leaf that a forward pass calls, in order, with its output shape without the batch."""
    found = []
    hooks = [
        leaf.register_forward_hook(lambda leaf, _, out: found.append((leaf, tuple(out.shape[1:]))))
        for leaf in module.modules()
        if not list(leaf.children())
    ]
    module.eval()(torch.zeros(1, 3, 32, 32))
    for hook in hooks:
        hook.remove()
    return found


def pair(value: int | tuple[int, ...]) -> list[int]:
    return [value, value] if isinstance(value, int) else list(value)


def facts_of(leaf: nn.Module, out: tuple[int, ...]) -> dict[str, object]:
    """A leaf in the words of the reference."""
    facts: dict[str, object] = {"type": type(leaf).__name__, "out": list(out)}
    facts["params"] = sum(p.numel() for p in leaf.parameters())
    if isinstance(leaf, nn.Conv2d):
        facts |= {"cin": leaf.in_channels, "cout": leaf.out_channels, "k": pair(leaf.kernel_size)}
        facts |= {"s": pair(leaf.stride), "p": pair(leaf.padding), "d": pair(leaf.dilation)}
        facts |= {"groups": leaf.groups, "bias": leaf.bias is not None}
    elif isinstance(leaf, nn.BatchNorm2d):
        facts["n"] = leaf.num_features
    elif isinstance(leaf, nn.Dropout | nn.Dropout2d):
        facts["p"] = leaf.p
    elif isinstance(leaf, nn.AvgPool2d):
        facts |= {"k": pair(leaf.kernel_size), "s": pair(leaf.stride), "p": pair(leaf.padding)}
    elif isinstance(leaf, nn.AdaptiveAvgPool2d):
        facts["output_size"] = leaf.output_size
    return facts


def expected(layer: dict[str, object]) -> dict[str, object]:
    facts = {key: value for key, value in layer.items() if key != "name"}
    if facts["type"] == "AvgPool2d":
        facts |= {key: pair(facts[key]) for key in "ksp"}
    return facts


@pytest.mark.parametrize("name", sorted(REFERENCE))
def test_every_executed_leaf_equals_the_original(name):
    leaves = executed_leaves(archbuilder.build(archbuilder.pipeline.analyse_file(SEEDS / f"{name}.yaml")[0]))
    # the original adds and flattens with functional calls
    own = [facts_of(leaf, out) for leaf, out in leaves if not isinstance(leaf, Add | nn.Flatten)]
    assert own == [expected(layer) for layer in REFERENCE[name]["layers"]]


@pytest.mark.parametrize("name", sorted(REFERENCE))
def test_check_gives_the_published_facts(name, capsys):
    status = main(["check", str(SEEDS / f"{name}.yaml"), "--format", "json"])
    (report,) = json.loads(capsys.readouterr().out)["files"]
    assert status == (1 if name in MISSED else 0)
    assert report["totals"]["params"] == REFERENCE[name]["executed_params"]
    assert report["totals"]["receptive_field"] == REFERENCE[name]["true_rf"]
    assert report["totals"]["receptive_field_status"] == "exact"
    errors = [d for d in report["diagnostics"] if d["severity"] == "error"]
    assert [d["code"] for d in errors] == ["AB503"] * (name in MISSED)
    assert {limit["name"]: limit["ok"] for limit in report["limits"]} == {
        "params": True,
        "receptive_field": name not in MISSED,
    }


@pytest.mark.parametrize("name", sorted(REFERENCE))
def test_source_is_named(name):
    assert (SEEDS / f"{name}.yaml").read_text().startswith("# Source: ")


def test_seed001_says_why_the_original_holds_more():
    text = (SEEDS / "seed001.yaml").read_text()
    assert "192,672" in text
    assert 192_672 - REFERENCE["seed001"]["executed_params"] == 1_792
