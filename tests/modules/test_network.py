"""The built module is an ordinary torch module: it does what any nn.Module does."""

from __future__ import annotations

import copy
import pickle
import weakref
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import archbuilder
from archbuilder.diagnostics import ArchbuilderError
from archbuilder.modules.network import Network

TEXT = """\
archbuilder: 1
name: small
input: [3, 12, 12]
classes: 4
defaults: {dropout: 0.2}
network:
  - conv: {out: 8, frozen: true, name: stem}
  - stage:
      name: C1
      blocks:
        - skip: {blocks: [{depthwise_separable: 8}, {dilated: 8}]}
        - strided: {out: 12, kernel: 4, activation: prelu}
  - skip: {blocks: [{strided: {out: 12, norm: group}}], merge: concat}
  - squeeze_excite: 4
  - branches: {paths: [[{grouped: {out: 12, groups: 4}}], [{pointwise: 12}], []], split: true}
  - channel_shuffle: 4
  - conv: {out: 8, activation: gelu}
  - conv: {out: 8, name: twice}
  - conv: 8
  - use: twice
  - join: {from: [twice], merge: multiply}
  - scale: 0.5
  - max_pool: {kernel: 2, stride: 1}
  - gap
  - classifier
"""
INVALID = """\
archbuilder: 1
input: [3, 8, 8]
network:
  - conv: {out: 8, kernel: 99, padding: valid}
  - dilatd: 8
"""


@pytest.fixture
def module() -> Network:
    torch.manual_seed(0)
    return archbuilder.build(TEXT)


@pytest.fixture
def images() -> Tensor:
    return torch.randn(5, 3, 12, 12, generator=torch.Generator().manual_seed(1))


def test_names_are_paths_of_blocks(module: Network):
    keys = [key.rpartition(".")[0] for key in module.state_dict()]
    assert list(dict.fromkeys(keys))[:8] == [
        "stem.conv",
        "stem.norm",
        "C1.skip.depthwise_separable.depthwise.conv",
        "C1.skip.depthwise_separable.depthwise.norm",
        "C1.skip.depthwise_separable.pointwise.conv",
        "C1.skip.depthwise_separable.pointwise.norm",
        "C1.skip.dilated.conv",
        "C1.skip.dilated.norm",
    ]
    assert {"C1.strided.activation", "skip.shortcut.conv", "squeeze_excite.reduce", "classifier.conv"} <= set(keys)
    assert module.get_submodule("C1.skip.dilated.conv").dilation == (2, 2)
    assert [name for name, _ in module.named_children()][:3] == ["stem", "C1", "skip"]


def test_every_layer_of_the_graph_is_there_under_its_name(module: Network):
    graph = archbuilder.load(TEXT)
    leaves = [name for name, leaf in module.named_modules() if not list(leaf.children())]
    assert sorted(leaves) == sorted(node.name for node in graph.nodes.values() if not node.shared)


def test_state_dict_goes_from_one_module_to_another(module: Network, images: Tensor):
    other = archbuilder.build(TEXT)
    assert not torch.equal(other.eval()(images), module.eval()(images))
    other.load_state_dict(module.state_dict())
    assert torch.equal(other(images), module(images))


def test_a_shared_block_is_one_module(module: Network, images: Tensor):
    calls = []
    module.get_submodule("twice.conv").register_forward_hook(lambda *_: calls.append(1))
    module(images)
    assert len(calls) == 2
    assert len({id(p) for p in module.parameters()}) == len(list(module.parameters()))
    assert archbuilder.check(TEXT).facts.params == sum(p.numel() for p in module.parameters())


def test_copy_is_deep(module: Network, images: Tensor):
    copied = copy.deepcopy(module).eval()
    expected = module.eval()(images)
    assert torch.equal(copied(images), expected)
    with torch.no_grad():
        for parameter in copied.parameters():
            parameter.zero_()
    assert torch.equal(module(images), expected)
    assert not copied(images).any()


def test_pickle_and_torch_save(module: Network, images: Tensor, tmp_path: Path):
    expected = module.eval()(images)
    assert torch.equal(pickle.loads(pickle.dumps(module))(images), expected)
    torch.save(module.state_dict(), tmp_path / "weights.pt")
    other = archbuilder.build(TEXT)
    other.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    assert torch.equal(other.eval()(images), expected)


def test_compile_in_one_graph(module: Network, images: Tensor):
    torch.compiler.reset()
    compiled = torch.compile(module.eval(), backend="eager", fullgraph=True)
    assert torch.equal(compiled(images), module(images))


def test_compile_trains(module: Network, images: Tensor):
    torch.compiler.reset()
    compiled = torch.compile(module.train(), backend="eager", fullgraph=True)
    compiled(images).sum().backward()
    assert module.get_submodule("classifier.conv").weight.grad.any()


def test_export(module: Network, images: Tensor):
    batch = torch.export.Dim("batch", min=2, max=64)
    exported = torch.export.export(module.eval(), (images,), dynamic_shapes=({0: batch},))
    assert torch.equal(exported.module()(images), module(images))
    assert torch.equal(exported.module()(images[:3]), module(images[:3]))
    assert set(exported.state_dict) == set(module.state_dict())


def test_fx_trace(module: Network, images: Tensor):
    traced = torch.fx.symbolic_trace(module.eval())
    assert torch.equal(traced(images), module(images))
    called = [node.target for node in traced.graph.nodes if node.op == "call_module"]
    assert called.count("twice.conv") == 2
    assert "C1.skip.dilated.conv" in called


def test_data_parallel(module: Network, images: Tensor, tmp_path: Path):
    """One process of one: the wrapper reduces every gradient, and would complain of an unused parameter."""
    store = torch.distributed.FileStore(str(tmp_path / "store"), 1)
    torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    try:
        parallel = nn.parallel.DistributedDataParallel(module)
        for _ in range(2):  # the second forward fails if the first left a parameter without gradient
            parallel(images).sum().backward()
    finally:
        torch.distributed.destroy_process_group()
    assert all(p.grad is not None for p in module.parameters() if p.requires_grad)


def test_training_step_changes_all_but_the_frozen(module: Network, images: Tensor):
    before = {name: p.detach().clone() for name, p in module.named_parameters()}
    labels = torch.tensor([0, 1, 2, 3, 0])
    optimizer = torch.optim.SGD((p for p in module.parameters() if p.requires_grad), lr=1.0)
    nn.functional.cross_entropy(module.train()(images), labels).backward()
    optimizer.step()
    unchanged = {name for name, p in module.named_parameters() if torch.equal(before[name], p)}
    assert unchanged == {"stem.conv.weight"}
    assert not module.get_parameter("stem.conv.weight").requires_grad
    assert module.get_parameter("stem.conv.weight").grad is None


def test_training_and_evaluation_differ_as_they_should(module: Network, images: Tensor):
    module.train()
    assert not torch.equal(module(images), module(images)), "dropout draws anew in training"
    module.eval()
    assert torch.equal(module(images), module(images))
    torch.testing.assert_close(module(images)[:2], module(images[:2]))  # an image does not see the others


def test_running_statistics_move_in_training_only(module: Network, images: Tensor):
    norm = module.get_submodule("C1.skip.dilated.norm")
    module.eval()(images)
    assert not norm.running_mean.any()
    module.train()(images)
    assert norm.running_mean.any()
    assert norm.num_batches_tracked == 1


def test_dtype_and_meta_device(images: Tensor):
    module = archbuilder.build(TEXT).double().eval()
    assert module(images.double()).dtype == torch.float64
    with torch.device("meta"):
        meta = archbuilder.build(TEXT)
    assert {p.device.type for p in meta.parameters()} == {"meta"}
    assert meta(torch.empty(2, 3, 12, 12, device="meta")).shape == (2, 4)


def test_output_is_one_vector_per_image(module: Network, images: Tensor):
    assert module(images).shape == (5, 4)
    assert module.eval()(images[:1]).shape == (1, 4)


def test_values_are_freed_when_nothing_needs_them_any_more(images: Tensor):
    """Else the peak of memory would be the sum of all maps."""
    # without dropout, which in evaluation hands its input on, and slices, which are views of theirs
    graph = archbuilder.load(TEXT.replace("dropout: 0.2", "dropout: 0").replace(", split: true", ""))
    module = archbuilder.build(graph).eval()
    nodes = list(graph.nodes.values())
    last_use = {name: position for position, node in enumerate(nodes) for name in node.inputs}
    made: dict[str, weakref.ref[Tensor]] = {}
    alive: list[set[str]] = []
    steps = iter(nodes)

    def before(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        alive.append({name for name, value in made.items() if value() is not None})

    def after(_: nn.Module, inputs: tuple[Tensor, ...], out: Tensor) -> None:
        made[next(steps).name] = weakref.ref(out)

    for name in {node.module for node in nodes}:
        leaf = module.get_submodule(name)
        leaf.register_forward_pre_hook(before)
        leaf.register_forward_hook(after)
    with torch.no_grad():
        module(images)
    assert len(alive) == len(nodes)
    for position, names in enumerate(alive):
        made_before = {node.name for node in nodes[:position]}
        assert names == {name for name in made_before if last_use[name] >= position}
    assert max(map(len, alive)) <= 4


def test_input_is_not_changed(module: Network, images: Tensor):
    kept = images.clone()
    module.train()(images)
    assert torch.equal(images, kept)


# ---- where a module is built from ----


def test_path_text_and_graph_give_the_same_module(tmp_path: Path, images: Tensor):
    path = tmp_path / "small.yaml"
    path.write_text(TEXT, encoding="utf-8")
    outputs = []
    for source in (TEXT, path, str(path), archbuilder.load(path)):
        torch.manual_seed(0)
        outputs.append(archbuilder.build(source).eval()(images))
    assert all(torch.equal(out, outputs[0]) for out in outputs)


def test_overrides_change_what_is_built():
    module = archbuilder.build(TEXT, ["classes=7"])
    assert module.get_submodule("classifier.conv").out_channels == 7


def test_invalid_source_raises_every_error():
    with pytest.raises(ArchbuilderError) as caught:
        archbuilder.build(INVALID)
    found = [(d.code.id, d.span.line) for d in caught.value.diagnostics]
    assert found == [("AB302", 4), ("AB101", 5)]
    assert "did you mean dilated?" in str(caught.value)
    assert caught.value.exit_status == 1


def test_missing_file_raises_with_its_own_status(tmp_path: Path):
    with pytest.raises(ArchbuilderError, match=r"nowhere\.yaml") as caught:
        archbuilder.build(tmp_path / "nowhere.yaml")
    assert caught.value.exit_status == 2


def test_missed_limit_is_an_error_too():
    with pytest.raises(ArchbuilderError, match="params is"):
        archbuilder.build(TEXT + 'limits: {params: "< 10"}\n')


def test_network_of_no_layers_returns_its_input(images: Tensor):
    module = archbuilder.build("archbuilder: 1\ninput: [3, 12, 12]\nnetwork: [{activation: none}]\n")
    assert torch.equal(module(images), images)
    assert list(module.parameters()) == []
