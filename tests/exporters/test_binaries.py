"""Programs of torch.export and ONNX models: they load without archbuilder and compute what the module computes."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from archbuilder.diagnostics import ArchbuilderError
from archbuilder.exporters import onnx as to_onnx
from archbuilder.exporters import proof
from archbuilder.exporters import torch as to_torch
from archbuilder.ir.graph import Graph
from archbuilder.modules import build, weights
from archbuilder.run import folder
from archbuilder.training import train
from tests.exporters.samples import NETWORKS, analysed

ROOT = Path(__file__).parent.parent.parent
TINY = """\
archbuilder: 1
name: tiny
input: [1, 8, 8]
classes: 10
network: [{conv: 6}, {depthwise_separable: 12}, {strided: 12}, gap, classifier]
data: {dataset: digits, batch_size: 256}
train: {epochs: 1}
"""
# every kind of op that an exporter of torch's may stumble on
WIDE = """\
archbuilder: 1
name: wide
input: [3, 16, 16]
classes: 10
network:
  - conv: {out: 16, kernel: 4, norm: group, activation: gelu, padding_mode: circular}
  - conv: {name: early, out: 16, norm: {kind: layer, over: channels}, activation: hardswish}
  - branches: {paths: [[], [{depthwise: {kernel: 5, activation: mish}}]], split: true}
  - channel_shuffle: 2
  - squeeze_excite: {ratio: 4, gate: hardsigmoid}
  - skip: {blocks: [{conv: {out: 16, norm: instance, activation: prelu}}, {scale: 0.5}]}
  - conv: {out: 16, padding_mode: reflect, activation: {kind: leaky_relu, slope: 0.2}}
  - max_pool: {kernel: 3, stride: 2, padding: 1, dilation: 1}
  - upsample: {factor: 2, mode: bilinear}
  - join: {from: early, merge: concat}
  - adaptive_avg_pool: 7
  - adaptive_max_pool: [5, 4]
  - dropout: {p: 0.5, channels: true}
  - classifier: linear
"""


def test_the_batch_axis_is_called_batch():
    """In every value: a phase split multiplies it (4*batch)."""
    model = onnx.load_from_string(to_onnx.export(graph_of(WIDE)).data).graph
    values = [*model.input, *model.output, *model.value_info]
    sizes = {d.dim_param for value in values for d in value.type.tensor_type.shape.dim if d.dim_param}
    assert "batch" in sizes and all(set(re.findall(r"[a-z]\w*", size)) == {"batch"} for size in sizes)
    assert [model.input[0].type.tensor_type.shape.dim[0].dim_param] == ["batch"]
    assert [model.output[0].type.tensor_type.shape.dim[0].dim_param] == ["batch"]


def graph_of(text: object) -> Graph:
    return analysed(text)[0]


def images(graph: Graph, number: int) -> Tensor:
    return torch.randn(number, *graph.input.dims, generator=torch.Generator().manual_seed(number))


def saved(module: nn.Module, path: Path) -> Path:
    torch.save(module.state_dict(), path)
    return path


def trained(graph: Graph, path: Path) -> tuple[nn.Module, Path]:
    """A module with statistics and weights that matter, and a file of them."""
    module = build(graph)
    for _ in range(3):
        module(images(graph, 8) * 2 + 1)
    return module.eval(), saved(module, path)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(TINY, out=tmp_path_factory.mktemp("runs"), device="cpu", threads=1).path


def test_torch_program_has_the_weights_of_a_run(run: Path, tmp_path: Path):
    graph = graph_of(TINY)
    made = to_torch.export(graph, run)
    module = build(graph).eval()
    module.load_state_dict(torch.load(run / "last.pt", weights_only=True)["model"])
    (tmp_path / "tiny.pt2").write_bytes(made.data)
    program = torch.export.load(str(tmp_path / "tiny.pt2")).module()
    for number in (1, 2, 5):
        assert torch.equal(program(images(graph, number)), module(images(graph, number)))
    assert made.difference == 0


@pytest.mark.parametrize("text", [WIDE, NETWORKS["shared"]], ids=["wide", "shared"])
def test_torch_program_equals_the_module(text: str, tmp_path: Path):
    graph = graph_of(text)
    module, path = trained(graph, tmp_path / "weights.pt")
    program = torch.export.load(io.BytesIO(to_torch.export(graph, path).data)).module()
    for number in (1, 4):
        assert torch.equal(program(images(graph, number)), module(images(graph, number)))


@pytest.mark.parametrize(
    "text", [WIDE, (ROOT / "architectures" / "quickstart.yaml").read_text()], ids=["wide", "quickstart"]
)
def test_onnx_model_equals_the_module(text: str, tmp_path: Path):
    graph = graph_of(text)
    module, path = trained(graph, tmp_path / "weights.pt")
    made = to_onnx.export(graph, path)
    assert made.difference < 1e-4
    model = onnx.load_from_string(made.data)
    onnx.checker.check_model(model, full_check=True)
    assert (model.graph.name, model.producer_name) == (graph.name, "archbuilder")
    session = onnxruntime.InferenceSession(made.data, providers=["CPUExecutionProvider"])
    for number in (1, 2, 7):
        (found,) = session.run(["output"], {"image": images(graph, number).numpy()})
        assert np.abs(found - module(images(graph, number)).detach().numpy()).max() < 1e-4


def contents(data: bytes) -> bytes:
    """The content of a file; for a zip, the files in it."""
    if not zipfile.is_zipfile(io.BytesIO(data)):
        return data
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return b"".join(map(archive.read, archive.namelist()))


@pytest.mark.parametrize("exporter", [to_torch, to_onnx])
def test_no_path_of_this_machine_is_in_the_file(exporter):
    found = contents(exporter.export(graph_of(TINY)).data)
    for trace in ("site-packages", "network.py", str(ROOT), str(Path.home())):
        assert trace.encode() not in found


def test_fresh_weights_are_the_same_every_time_and_leave_the_seed_alone():
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first, second = (weights.ready(graph_of(TINY), None).state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert torch.equal(torch.random.get_rng_state(), before)


def problem(graph: Graph, path: Path) -> tuple[str, str]:
    with pytest.raises(ArchbuilderError) as caught:
        weights.ready(graph, path)
    (diagnostic,) = caught.value.diagnostics
    return diagnostic.code.id, diagnostic.message


def test_weights_from_every_kind_of_file(run: Path, tmp_path: Path):
    graph = graph_of(TINY)
    state = torch.load(run / "last.pt", weights_only=True)["model"]
    plain = tmp_path / "plain.pt"
    torch.save(state, plain)
    for path in (run, run / "last.pt", plain):
        found = weights.ready(graph, path).state_dict()
        assert all(torch.equal(found[name], state[name]) for name in state)


def test_weights_of_another_network(run: Path):
    code, message = problem(graph_of(TINY.replace("{conv: 6}", "{conv: 7}")), run)
    assert code == "AB856"
    assert "conv.conv.weight is 6x1x3x3, but the network has 7x1x3x3" in message
    code, message = problem(graph_of(TINY.replace("gap", "{conv: 12}, gap")), run)
    assert (code, "there is no conv2.conv.weight" in message) == ("AB856", True)
    code, message = problem(graph_of(TINY.replace("{strided: 12}, ", "")), run)
    assert (code, "the network has no strided.conv.weight" in message) == ("AB856", True)
    assert "and 3 more" in message


def test_weights_that_cannot_be_read(run: Path, tmp_path: Path):
    graph = graph_of(TINY)
    damaged = tmp_path / "damaged.pt"
    data = bytearray((run / "last.pt").read_bytes())
    weight = torch.load(run / "last.pt", weights_only=True)["model"]["conv.conv.weight"]
    data[data.index(weight.numpy().tobytes()) + 5] ^= 0xFF  # in a number, not in the padding of the file
    damaged.write_bytes(data)
    text, empty, other = tmp_path / "text.pt", tmp_path / "empty.pt", tmp_path / "other.pt"
    text.write_text("no weights")
    empty.write_bytes(b"")
    torch.save({"epoch": 3}, other)
    for path in (damaged, text, empty, other, tmp_path, tmp_path / "missing.pt"):
        assert problem(graph, path)[0] == "AB855", path


def test_code_in_a_checkpoint_is_not_run(tmp_path: Path):
    class Trap:
        def __reduce__(self):
            return (tmp_path.joinpath("trapped").touch, ())

    torch.save({"model": Trap()}, tmp_path / "trap.pt")
    assert problem(graph_of(TINY), tmp_path / "trap.pt")[0] == "AB855"
    assert not (tmp_path / "trapped").exists()


@pytest.mark.raises_code("AB858")
def test_an_export_that_differs_is_refused():
    graph = graph_of(TINY)
    module = weights.ready(graph, None)
    assert proof.compare(graph, module, module, 1e-6) == 0
    with pytest.raises(ArchbuilderError, match=r"AB858 the outputs .* differ by 1\.0e-03"):
        proof.compare(graph, module, lambda x: module(x) + 1e-3, 1e-4)
    with pytest.raises(ArchbuilderError, match="AB858"):
        proof.compare(graph, module, lambda x: module(x)[:1], 1e-4)
    with pytest.raises(ArchbuilderError, match="AB858"):
        proof.compare(graph, module, lambda x: module(x) * float("nan"), 1e-4)


@pytest.mark.raises_code("AB857")
def test_what_a_tracer_cannot_do_is_a_diagnostic(monkeypatch: pytest.MonkeyPatch):
    def fail(*args: object, **kwargs: object) -> None:
        raise RuntimeError("no such operator\nand a long story")

    monkeypatch.setattr(torch.export, "export", fail)
    for exporter in (to_torch, to_onnx):
        with pytest.raises(ArchbuilderError, match=r"AB857 cannot be exported: no such operator") as caught:
            exporter.export(graph_of(TINY))
        assert len(caught.value.diagnostics) == 1


def test_checkpoints_are_those_of_training():
    assert weights.OF_A_RUN == (folder.WEIGHTS, folder.LAST)
