"""A trained network in one file: it says of images what its run says, is used by name, and no damage goes unseen."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import archbuilder
from archbuilder.cli import main
from archbuilder.diagnostics import ArchbuilderError
from archbuilder.modules.weights import DEEPEST, KEY, checksum
from archbuilder.pipeline import check
from archbuilder.trained import shipped
from archbuilder.trained.open import Run, open_run
from archbuilder.trained.pack import open_packed, pack
from archbuilder.training import Interrupted, repeat, train
from tests.evidence.conftest import ALONE, NETWORK

CPU = ["--device", "cpu", "--threads", "1"]
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def packed(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of the finished run.  Not to be changed."""
    return pack(run, tmp_path_factory.mktemp("weights"))


@pytest.fixture
def by_name(packed: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file as one that comes with archbuilder."""
    monkeypatch.setattr(shipped, "FOLDER", packed.parent)
    return packed


# what the files hold


def test_the_file_has_all_that_the_run_has(run: Run, packed: Path):
    found = open_packed(packed)
    assert found.plan.identity == run.plan.identity and found.card == run.card and found.epoch == 3
    own, there = run.network().state_dict(), found.network().state_dict()
    assert own.keys() == there.keys() and all(torch.equal(own[name], there[name]) for name in own)
    stored = load_file(packed)
    assert {tensor.dtype for tensor in stored.values()} == {torch.float32, torch.int64}
    assert "conv.norm.running_var" in stored


def test_the_same_run_gives_the_same_bytes(run: Run, packed: Path, tmp_path: Path):
    again = pack(run, tmp_path)
    for suffix in (".safetensors", ".json"):
        assert again.with_suffix(suffix).read_bytes() == packed.with_suffix(suffix).read_bytes()


def test_facts_are_those_of_the_run(run: Run, packed: Path):
    facts = json.loads(packed.with_suffix(".json").read_text())
    analysed = run.plan.report.facts
    assert analysed is not None
    assert (facts["name"], facts["dataset"], facts["epochs"], facts["seed"]) == ("tiny", "digits", 3, 0)
    assert facts["test_accuracy"] == run.metrics[-1]["test_accuracy"] and facts["test_images"] == 355
    assert (facts["params"], facts["macs"]) == (analysed.params, analysed.macs)
    assert facts["receptive_field"] == list(analysed.field.size)
    assert facts["seconds"] == pytest.approx(sum(record["seconds"] for record in run.metrics))
    images, training = 3 * 1442, sum(1442 / record["images_per_second"] for record in run.metrics)
    assert facts["images_per_second"] == pytest.approx(images / training, rel=1e-6)
    assert facts["versions"]["torch"] == torch.__version__.split("+")[0]
    assert facts["machine"]["threads"] == 1 and facts["all_seeds"] is None
    assert facts["command"] == "archbuilder train tiny.yaml --device cpu --threads 1"
    assert facts["sha256"] == hashlib.sha256(packed.read_bytes()).hexdigest()


def test_nothing_names_a_place_on_the_machine(run: Run, tmp_path: Path, capsys):
    file = tmp_path / "placed.yaml"
    file.write_text(NETWORK.replace("name: tiny\n", ""))
    given = ["--out", str(tmp_path / "runs"), "--data-dir", str(tmp_path), "--init", str(run.path), "--no-report"]
    assert main(["train", str(file), *given, *CPU]) == 0
    (folder,) = (tmp_path / "runs" / "placed").iterdir()
    assert main(["weights", str(folder), "--out", str(tmp_path)]) == 0
    capsys.readouterr()
    for path in (tmp_path / "placed.safetensors", tmp_path / "placed.json"):
        content = path.read_bytes()
        assert b"placed" in content and str(tmp_path).encode() not in content
        assert platform.node().encode() not in content and platform.release().encode() not in content
    command = json.loads((tmp_path / "placed.json").read_text())["command"]
    assert command == f"archbuilder train placed.yaml --device cpu --threads 1 --init {run.path.name}"
    assert open_packed(tmp_path / "placed.safetensors").name == "placed"


def test_overrides_are_part_of_the_architecture_and_other_seeds_of_the_facts(tmp_path: Path):
    repeated = repeat(NETWORK, 2, overrides=["train.epochs=1"], out=tmp_path / "runs", report=False, **ALONE)
    path = pack(open_run(repeated.runs[1].path), tmp_path)
    facts, train = json.loads(path.with_suffix(".json").read_text()), open_packed(path).plan.train
    assert (train.epochs, train.seed, facts["seed"]) == (1, 1, 1)
    assert "--set train.epochs=1 --set train.seed=1" in facts["command"]
    assert facts["all_seeds"]["seeds"] == [0, 1]
    assert facts["all_seeds"]["test_accuracy"]["each"] == list(repeated.accuracies)


def test_a_run_that_is_not_finished_is_refused(tmp_path: Path, capsys):
    def stop(record: dict) -> None:
        raise KeyboardInterrupt

    with pytest.raises(Interrupted) as stopped:
        train(NETWORK, out=tmp_path / "runs", on_epoch=stop, **ALONE)
    assert main(["weights", str(stopped.value.path), "--out", str(tmp_path)]) == 1
    assert "AB765 1 of 3 epochs are trained" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


def test_a_log_and_weights_of_two_epochs_are_refused(copy: Path, tmp_path: Path, capsys):
    """Three epochs in the log, and last.pt as it was after the second: --resume makes them one again."""
    (copy / "weights.safetensors").unlink()
    (copy / "last-1.pt").replace(copy / "last.pt")
    command = ["weights", str(copy), "--out", str(tmp_path)]
    assert main(command) == 1
    err = capsys.readouterr().err
    assert "AB765 its log has all 3 epochs, but its weights are those of epoch 2" in err
    assert f"archbuilder train --resume {copy}" in err and not list(tmp_path.glob("*.safetensors"))
    assert main(["train", "--resume", str(copy), "--no-report"]) == 0
    assert main(command) == 0


@pytest.mark.parametrize("suffix", [".safetensors", ".json"])
@pytest.mark.parametrize("content", [b"{}", b"[]", b"my own", None])
def test_a_file_of_another_origin_is_not_overwritten(run: Run, tmp_path: Path, suffix: str, content: bytes | None):
    """None: one of another network."""
    path = pack(run, tmp_path).with_suffix(suffix)
    if content is None:
        content = path.read_bytes().replace(b'"tiny"', b'"mine"').replace(b'\\"tiny\\"', b'\\"mine\\"')
    path.write_bytes(content)
    with pytest.raises(ArchbuilderError, match="AB766 this is not a file that archbuilder made from a run of tiny"):
        pack(run, tmp_path)
    assert path.read_bytes() == content
    path.unlink()
    assert pack(run, tmp_path).is_file() and path.is_file()


@pytest.mark.parametrize(
    "words", [["RUN", "--format", "json"], ["RUN", "--format", "text"], ["--out", "."], ["--data-dir", "."]]
)
def test_options_that_would_do_nothing_are_refused(words: list[str], run: Run, tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["weights", *(str(run.path) if word == "RUN" else word for word in words)]) == 2
    assert f"{words[-2]}: AB946" in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_images_that_are_needed_are_looked_for_where_it_is_said(tmp_path: Path):
    """A run that has lost its note of them."""
    for name in ("cat", "dog"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for level in range(5):
            Image.new("L", (8, 8), 50 * level).save(tmp_path / "photos" / name / f"{level}.png")
    given = [f"data.dataset={tmp_path / 'photos'}", "classes=2", "data.batch_size=4", "train.epochs=1"]
    options = {"out": tmp_path / "runs", "data_dir": tmp_path / "first", "report": False, **ALONE}
    run = train(NETWORK, overrides=given, **options).path
    (run / "dataset.json").unlink()
    shelf = tmp_path / "shelf"
    assert main(["weights", str(run), "--out", str(tmp_path), "--data-dir", str(shelf)]) == 0
    assert list(shelf.iterdir()) and open_packed(tmp_path / "tiny.safetensors").card.classes == ("cat", "dog")


def test_a_folder_that_cannot_be_written_is_named(run: Run, tmp_path: Path, capsys):
    assert main(["weights", str(run.path), "--out", str(tmp_path / "none")]) == 1
    assert "AB701" in capsys.readouterr().err


# their use


@pytest.mark.parametrize("given", ["tiny", "path"])
def test_evaluate_says_what_the_run_says(given: str, by_name: Path, run: Run, capsys):
    assert main(["evaluate", str(by_name) if given == "path" else given, "--format", "json", *CPU]) == 0
    found = json.loads(capsys.readouterr().out)
    assert main(["evaluate", str(run.path), "--format", "json", *CPU]) == 0
    assert found == {**json.loads(capsys.readouterr().out), "run": str(by_name)}


def test_evaluate_takes_another_data_set(by_name: Path, run: Run, capsys):
    assert main(["evaluate", "tiny", "--dataset", "digits", *CPU]) == 0
    out = capsys.readouterr().out
    assert out.startswith("tiny: the weights after epoch 3 (last), on digits\n")
    assert f"{run.metrics[-1]['test_accuracy']:.2f} % on all 355 test images" in out
    assert main(["evaluate", "tiny", "--dataset", "cifar10", *CPU]) == 2
    assert "--dataset: AB601" in capsys.readouterr().err


def test_predict_answers_as_the_run(by_name: Path, run: Run, tmp_path: Path, capsys):
    images = [str(tmp_path / f"{index}.png") for index in range(5)]
    for index, path in enumerate(images):
        Image.fromarray(run.splits.test.images[index][..., 0]).save(path)
    answers = []
    for trained in ("tiny", str(by_name), str(run.path)):
        assert main(["predict", trained, *images, "--format", "json", *CPU]) == 0
        answers.append(json.loads(capsys.readouterr().out)["answers"])
    assert answers[0] == answers[1] == answers[2] and len(answers[0]) == 5


def test_from_python(by_name: Path, run: Run):
    assert archbuilder.open_trained("tiny").card == run.card
    assert archbuilder.open_trained(run.path).name == run.name


def test_a_list_of_what_there_is(by_name: Path, run: Run, monkeypatch, tmp_path: Path, capsys):
    assert main(["weights"]) == 0
    head, row = capsys.readouterr().out.splitlines()
    assert head.split()[:3] == ["name", "data", "test"]
    assert row.split()[:4] == ["tiny", "digits", f"{run.metrics[-1]['test_accuracy']:.2f}", "%"]
    assert main(["weights", "--format", "json"]) == 0
    facts = json.loads(by_name.with_suffix(".json").read_text())
    assert json.loads(capsys.readouterr().out)["networks"] == [facts]
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    assert main(["weights"]) == 0
    assert "no trained networks" in capsys.readouterr().err


def test_an_unknown_name_gets_the_nearest_one(by_name: Path, capsys):
    for command in (["evaluate", "tinny"], ["predict", "tinny", "cat.png"]):
        assert main([*command, *CPU]) == 2
        err = capsys.readouterr().err
        assert "tinny: AB763" in err and "did you mean tiny?" in err


def test_a_name_that_no_file_may_have_and_a_closed_folder_are_explained(tmp_path: Path, capsys):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    paths = ["x" * 300, *([str(closed / "run")] if os.geteuid() else [])]  # nothing is closed to root
    for path in paths:
        assert main(["evaluate", path, *CPU]) == 2
        assert f"{path}: AB702 architecture.yaml cannot be read" in capsys.readouterr().err


def test_a_run_folder_goes_before_a_name_and_any_other_folder_does_not(by_name: Path, copy: Path, monkeypatch):
    monkeypatch.chdir(copy.parent.parent)  # where `tiny` is the folder of the runs
    assert archbuilder.open_trained("tiny").path == by_name
    copy.rename("run")
    Path("tiny").rmdir()
    Path("run").rename("tiny")
    assert isinstance(archbuilder.open_trained("tiny"), Run)


# damage


def refused(path: Path) -> str:
    """The code and the message of a file that is not taken; what helps is always the same."""
    with pytest.raises(ArchbuilderError) as error:
        open_packed(path).network()
    (found,) = error.value.diagnostics
    assert error.value.exit_status == 2 or found.code.id == "AB856"
    assert found.hint == "name a run folder, or make such a file from one: archbuilder weights RUN"
    return f"{found.code.id} {found.message}"


def test_a_bit_of_every_97th_byte_turned_over_is_found(packed: Path, tmp_path: Path):
    content, path = packed.read_bytes(), tmp_path / "turned.safetensors"
    for index in range(0, len(content), 97):
        path.write_bytes(content[:index] + bytes([content[index] ^ 1]) + content[index + 1 :])
        assert refused(path)[:5] in ("AB764", "AB855"), index


@pytest.mark.parametrize("size", [0, 7, 100, 3000, -1])
def test_a_cut_file(packed: Path, tmp_path: Path, size: int):
    path = tmp_path / "cut.safetensors"
    path.write_bytes(packed.read_bytes()[:size])
    assert refused(path).startswith("AB855")


def forged(packed: Path, path: Path, change: Callable[[dict], object]) -> Path:
    """The file with other metadata, whose checksum fits."""
    with safe_open(packed, "pt") as file:
        facts, state = json.loads(file.metadata()[KEY]), load_file(packed)
    del facts["sha256"]
    change(facts)
    save_file(state, path, {KEY: json.dumps({**facts, "sha256": checksum(facts, state)})})
    return path


CHANGES: dict[str, tuple[Callable[[dict], object], str]] = {
    "format": (lambda facts: facts.update(format=2), "it has format 2, but this version reads 1"),
    "no architecture": (lambda facts: facts.pop("architecture"), "it does not say to which network it belongs"),
    "no images": (lambda facts: facts.pop("images"), "its images"),
    "a class less": (lambda facts: facts["images"]["classes"].pop(), "its images"),
    "a class that is no name": (lambda facts: facts["images"]["classes"].__setitem__(0, 1), "its images"),
    "a deviation of 0": (lambda facts: facts["images"].update(std=[0.0]), "its images"),
    "a mean in words": (lambda facts: facts["images"].update(mean=["dark"]), "its images"),
    "two channels": (lambda facts: facts["images"].update(mean=[1.0, 1.0], std=[1.0, 1.0]), "its images"),
    "a wider network": (lambda facts: facts["architecture"]["network"].insert(0, {"conv": 9}), "AB856"),
}


@pytest.mark.parametrize("case", CHANGES)
def test_metadata_that_do_not_fit(packed: Path, tmp_path: Path, case: str):
    change, expected = CHANGES[case]
    assert expected in refused(forged(packed, tmp_path / "forged.safetensors", change))


def test_a_file_that_is_not_there(tmp_path: Path):
    assert refused(tmp_path / "none.safetensors").startswith("AB855 cannot be read: No such file")


def test_what_has_been_read_is_what_is_used(packed: Path, tmp_path: Path):
    """Whatever becomes of the file after its checksum was held against it."""
    path = tmp_path / "moved.safetensors"
    path.write_bytes(packed.read_bytes())
    found = open_packed(path)
    path.unlink()
    assert found.network().state_dict().keys() == load_file(packed).keys()


@pytest.mark.parametrize("character", list("\x7f\x85\x9f\xe9\u2028\u2029\ufeff\ufffe\uffff\U0001f600"), ids=ascii)
def test_characters_that_yaml_reads_otherwise_than_json(packed: Path, tmp_path: Path, character: str):
    images = f"one{character}two.npz"

    def change(facts: dict) -> None:
        facts["architecture"]["data"].update(dataset=images)

    assert open_packed(forged(packed, tmp_path / "forged.safetensors", change)).card.dataset == images


def test_an_architecture_that_is_none_is_said_at_its_place(packed: Path, tmp_path: Path, capsys):
    path = forged(packed, tmp_path / "forged.safetensors", lambda facts: facts["architecture"].update(network=["conf"]))
    assert main(["evaluate", str(path), *CPU]) == 1
    assert "forged.safetensors:" in (err := capsys.readouterr().err) and "conf" in err


def lists(depth: int) -> dict:
    """An architecture whose network is a list in a list in a list ..."""
    inner: list = []
    for _ in range(depth):
        inner = [inner]
    return {"network": inner}


def chain(length: int) -> dict:
    """Definitions each of which is made of the one before it."""
    made = {f"d{n}": {"blocks": [f"d{n - 1}"]} for n in range(1, length)}
    return {"define": {"d0": {"blocks": [{"conv": 8}]}, **made}, "network": [f"d{length - 1}", "gap", "classifier"]}


@pytest.mark.parametrize("change", [lists(20), lists(DEEPEST - 5), chain(60), chain(240), chain(2000)])
def test_an_architecture_that_nests_too_deep(packed: Path, tmp_path: Path, change: dict, capsys):
    """As deep as the checksum takes it."""
    path = forged(packed, tmp_path / "forged.safetensors", lambda facts: facts["architecture"].update(change))
    assert main(["predict", str(path), "any.png", *CPU]) in (1, 2)
    assert "forged.safetensors" in (err := capsys.readouterr().err)
    assert len(re.findall("AB212|AB855|AB007|AB104", err)) == 1 and "Traceback" not in err


@pytest.mark.parametrize("text", ["[" * 100_000, "[]", "{}", "{", '{"format": 1, "sha256": 5}'])
def test_metadata_that_are_something_else(tmp_path: Path, text: str):
    path = tmp_path / "other.safetensors"
    save_file({"weight": torch.zeros(2)}, path, {KEY: text})
    assert refused(path).startswith("AB855")


def test_weights_alone_and_best_ones_are_refused_with_what_to_do(run: Run, packed: Path, capsys):
    assert main(["evaluate", str(run.path / "weights.safetensors"), *CPU]) == 2
    assert "archbuilder weights RUN" in capsys.readouterr().err
    assert main(["evaluate", str(packed), "--weights", "best", *CPU]) == 2
    assert "AB764 this file has the weights of the last epoch" in capsys.readouterr().err


# those that come with archbuilder


def test_shipped_networks_are_those_of_their_yaml_and_of_their_facts():
    folder = ROOT / "archbuilder" / "weights"
    assert {path.stem for path in folder.glob("*.json")} == set(shipped.names()) >= {"fast85", "fast90", "tiny"}
    for name, facts in zip(shipped.names(), shipped.listing(), strict=True):
        content, found = (folder / f"{name}.safetensors").read_bytes(), open_packed(folder / f"{name}.safetensors")
        assert len(content) < 1_000_000 and facts["sha256"] == hashlib.sha256(content).hexdigest()
        yaml = check(ROOT / "architectures" / f"{name}.yaml", facts["overrides"])
        assert yaml.document is not None and found.plan.values == yaml.document.root.plain(), name
        assert (found.name, facts["name"], found.card.dataset) == (name, name, facts["dataset"])
        assert sum(p.numel() for p in found.network().parameters()) == facts["params"]
