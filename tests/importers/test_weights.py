"""`archbuilder import --weights`: what was trained elsewhere is evaluated, predicted with and exported."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import nn

import archbuilder
from archbuilder import pipeline
from archbuilder.cli import main
from archbuilder.data.arrays import Splits
from archbuilder.data.datasets import load as load_data
from archbuilder.importers.model_source import load

FILE = """\
from torch import nn


class Net(nn.Module):
    def __init__(self, width=12):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
            nn.Conv2d(width, width, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
        )
        self.head = nn.Linear(width * 16, 10)

    def forward(self, x):
        return self.head(self.body(x).flatten(1))
"""
MEAN, STD = 0.3, 0.4  # which are not those of the data


def digits() -> Splits:
    text = "archbuilder: 1\ninput: [1, 8, 8]\nnetwork: [gap]\ndata: {dataset: digits}\n"
    return load_data(pipeline.check_text(text, "digits").spec.data, (1, 8, 8), 10)


def normalised(images: np.ndarray) -> torch.Tensor:
    return (torch.tensor(images).float().permute(0, 3, 1, 2) / 255 - MEAN) / STD


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> tuple[Path, nn.Module]:
    """A network that plain torch has trained on digits, with another normalisation than the data's own."""
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "model.py").write_text(FILE)
    torch.manual_seed(0)
    net, train = load(folder / "model.py", "Net", {}), digits().train
    x, y = normalised(train.images), torch.tensor(train.labels)
    optimizer = torch.optim.Adam(net.parameters(), 0.01)
    for _ in range(40):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        optimizer.step()
    torch.save(net.state_dict(), folder / "trained.pt")
    return folder, net.eval()


@pytest.fixture
def folder(trained, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A current folder with the model and its weights."""
    for name in ("model.py", "trained.pt"):
        (tmp_path / name).write_bytes((trained[0] / name).read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words: str, weights: str = "trained.pt") -> int:
    return main(["import", "model.py:Net", "--input", "1x8x8", "--weights", weights, "--out", "net.yaml", *words])


DIGITS = ("--data", "digits", "--mean", str(MEAN), "--std", str(STD))


def test_what_was_trained_elsewhere_is_evaluated_predicted_with_and_exported(folder, trained, capsys):
    assert run(*DIGITS) == 0
    assert "net.safetensors: " in capsys.readouterr().out
    assert (folder / "net.yaml").read_text().endswith("data: {dataset: digits}\n")

    assert main(["evaluate", "net.safetensors", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    opened = archbuilder.open_trained("net.safetensors")
    test = opened.splits.test
    with torch.no_grad():
        x = normalised(test.images)
        right = int((trained[1](x).argmax(1).numpy() == np.asarray(test.labels)).sum())
    assert found["right"] == right > 0.9 * len(test)
    assert main(["evaluate", "net.safetensors"]) == 0
    assert "weights trained elsewhere, on digits" in capsys.readouterr().out

    Image.fromarray(np.asarray(test.images)[0, :, :, 0]).save("digit.png")
    assert main(["predict", "net.safetensors", "digit.png", "--format", "json"]) == 0
    best = json.loads(capsys.readouterr().out)
    assert str(int(trained[1](x[:1]).argmax())) in json.dumps(best)

    assert main(["export", "net.yaml", "--to", "onnx", "--weights", "net.safetensors", "--out", "net.onnx"]) == 0
    session = onnxruntime.InferenceSession("net.onnx")
    (logits,) = session.run(None, {session.get_inputs()[0].name: x[:4].numpy()})
    np.testing.assert_allclose(logits, trained[1](x[:4]).detach().numpy(), atol=1e-4)


def save(state, file: str) -> None:
    save_file(state, file) if file.endswith(".safetensors") else torch.save(state, file)


def old(state):
    return {name: tensor for name, tensor in state.items() if not name.endswith("num_batches_tracked")}


# how people keep the same weights
KEPT = {
    "safetensors": (lambda s: s, "kept.safetensors"),
    "a checkpoint": (lambda s: {"state_dict": s, "epoch": 3, "optimizer": {"state": {}, "lr": [0.1]}}, "kept.pth"),
    "another checkpoint": (lambda s: {"net": s, "acc": 93.1, "epoch": 3}, "kept.pth"),
    "of DataParallel": (lambda s: {f"module.{name}": t for name, t in s.items()}, "kept.pt"),
    "of both": (lambda s: {"model_state_dict": {f"module._orig_mod.{n}": t for n, t in s.items()}}, "kept.pt"),
    "compiled in part": (lambda s: {n.replace("body.", "body._orig_mod."): t for n, t in s.items()}, "kept.pt"),
    "of a wrapper with a loss": (
        lambda s: {"state_dict": {f"model.{n}": t for n, t in s.items()} | {"criterion.weight": torch.ones(10)}},
        "kept.ckpt",
    ),
    "without counters": (old, "kept.pt"),
    "in half precision": (lambda s: {n: t.half() if t.is_floating_point() else t for n, t in s.items()}, "kept.pt"),
}


@pytest.mark.parametrize("name", KEPT)
def test_weights_as_people_keep_them(folder, trained, name: str):
    wrap, file = KEPT[name]
    save(wrap(trained[1].state_dict()), file)
    assert run(weights=file) == 0
    state = load_file("net.safetensors")
    module = archbuilder.build("net.yaml").eval()
    module.load_state_dict(state)
    x = torch.rand(2, 1, 8, 8)
    tolerance = 0.05 if name == "in half precision" else 1e-5
    torch.testing.assert_close(module(x), trained[1](x), rtol=tolerance, atol=tolerance)


def test_weights_outside_of_the_module_are_told(folder, trained, capsys):
    save({f"model.{n}": t for n, t in trained[1].state_dict().items()} | {"loss.weight": torch.ones(10)}, "more.pt")
    assert run(weights="more.pt") == 0
    assert (
        "more.pt holds 1 tensors that do not belong to the module, for example loss.weight" in capsys.readouterr().out
    )


class Namespace:
    pass


BAD = {
    "no such file": (lambda s: None, (), "AB855", 2, "No such file"),
    "a whole module": (lambda s: torch.save(nn.Linear(3, 3), "bad.pt"), (), "AB855", 2, "it contains a torch.nn."),
    "an object too": (lambda s: torch.save({"model": s, "args": Namespace()}, "bad.pt"), (), "AB855", 2, "Namespace"),
    "no weights": (lambda s: torch.save([1, 2], "bad.pt"), (), "AB855", 2, "it contains no weights"),
    "another width": (
        lambda s: torch.save(s, "bad.pt"),
        ("--arg", "width=10"),
        "AB811",
        1,
        "body.0.weight is 12x1x3x3, but the module has 10x1x3x3; ",
    ),
    "of more": (lambda s: torch.save({**s, "tail.bias": s["head.bias"]}, "bad.pt"), (), "AB811", 1, "has no tail.bias"),
    "of fewer": (lambda s: torch.save({"head.bias": s["head.bias"]}, "bad.pt"), (), "AB811", 1, "there is no body.0."),
    "three means": (lambda s: torch.save(s, "bad.pt"), ("--data", "digits", "--mean", ".1,.2,.3"), "AB813", 2, "3 v"),
    "means of 255": (lambda s: torch.save(s, "bad.pt"), ("--data", "digits", "--mean", "123.7"), "AB802", 2, "0 to 1"),
    "a mean for nothing": (lambda s: torch.save(s, "bad.pt"), ("--mean", "0.5"), "AB812", 2, "add --data"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_weights_that_cannot_be_taken_are_one_diagnostic_and_nothing_is_written(folder, trained, capsys, name: str):
    make, words, code, status, told = BAD[name]
    make(trained[1].state_dict())
    assert run(*words, weights="bad.pt") == status
    err = capsys.readouterr().err
    assert f" {code} " in err and err.count(": AB") == 1
    assert told in err
    assert not (folder / "net.yaml").exists() and not (folder / "net.safetensors").exists()


def test_what_lies_there_stays(folder, capsys):
    (folder / "net.safetensors").write_bytes(b"mine")
    assert run() != 0
    assert "AB766" in capsys.readouterr().err
    assert (folder / "net.safetensors").read_bytes() == b"mine"
    (folder / "net.safetensors").unlink()
    assert run() == run() == 0  # its own it writes anew
    assert main(["evaluate", "net.safetensors"]) == 2
    assert "import it again, with --data NAME" in capsys.readouterr().err
    assert run(weights="net.safetensors") == 2
    assert "AB812" in capsys.readouterr().err
