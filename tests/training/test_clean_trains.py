"""What check finds clean trains: random recipes (tests/recipes), and the mistakes of which check says so itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from archbuilder.diagnostics import ArchbuilderError
from archbuilder.pipeline import check
from archbuilder.trained.open import open_run
from archbuilder.training import train
from archbuilder.training.learning.trainer import Trainer
from tests import fuzz_recipes
from tests.recipes import files
from tests.recipes.drawing import named
from tests.recipes.images import Images
from tests.recipes.trial import fault

CASES, AT_ONCE = 60, 10


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("recipes")


@pytest.mark.parametrize("first", range(0, CASES, AT_ONCE))
def test_random_recipes(folder: Path, first: int):
    """`python -m tests.fuzz_recipes --cases 2000` tries more."""
    images = Images(folder)
    for number in range(first, first + AT_ONCE):
        file = files.drawn(2026, number, images)
        found = fault(file, folder) if file else ""
        assert not found, f"{file.text if file else ''}\n{found}"


def test_every_word_of_the_language_is_drawn(folder: Path, monkeypatch: pytest.MonkeyPatch):
    """Each block, each augmentation, each field of a recipe comes through check, most of them often."""
    monkeypatch.setattr(Images, "teacher", lambda *_: str(folder))
    wanted = {*named("train")["properties"], *named("data")["properties"]} - {"workers", "compile"}
    for family in ("block", "augmentation", "optimizer", "schedule", "loss"):
        wanted |= set(named(family)["anyOf"][0]["properties"])
    images, drawn, kept = Images(folder), 0, 0
    while wanted and drawn < 1000:
        if file := files.drawn(7, drawn, images):
            kept += 1
            wanted -= set(_words(file.tree))
        drawn += 1
    assert not sorted(wanted)
    assert kept > 0.85 * drawn > 50


def _words(tree: Any) -> Iterator[str]:
    if isinstance(tree, dict):
        yield from tree
        yield from (word for value in tree.values() for word in _words(value))
    elif isinstance(tree, list):
        yield from (word for value in tree for word in _words(value))
    elif isinstance(tree, str):
        yield tree


def test_what_fails_is_printed_cut_down(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def broken(*_: Any) -> None:
        raise ZeroDivisionError("whatever it is")

    monkeypatch.setattr(Trainer, "check_finite", broken)
    assert fuzz_recipes.main(["--cases", "2", "--seed", "1"]) == 1
    said = capsys.readouterr().out
    assert "whatever it is" in said and "2 ZeroDivisionError" in said
    assert said.count("Traceback") == 1
    shown = said[: said.index("Traceback")].splitlines()
    assert len(shown) < 12 and not any(word in line for word in ("augment", "optimizer") for line in shown)


NETWORK = "{conv: 8}, gap, classifier"


def written(network: str = NETWORK, train: str = "", batch: int = 512, classes: int = 10, **more: str) -> str:
    """A file on digits, or on an .npz where digits has other classes; `more` are further sections."""
    lines = ["archbuilder: 1", "input: [1, 8, 8]", f"classes: {classes}", f"network: [{network}]"]
    lines.append(f"data: {{dataset: {'digits' if classes == 10 else 'a.npz'}, batch_size: {batch}}}")
    lines += [f"train: {{{train}}}"] * bool(train) + [f"{key}: {value}" for key, value in more.items()]
    return "\n".join(lines) + "\n"


POINTS = "schedule: {piecewise: {points: [[0, %s], [10, 0]]}}"


@pytest.mark.parametrize(
    ("text", "place", "found"),
    [
        # numbers that float32 does not hold, wherever they stand
        (written(train="optimizer: {adam: {lr: 1e39}}"), "1e39", "AB103 lr: 1e+39 is outside the range"),
        (written(train="optimizer: {sgd: {weight_decay: 1e39}}"), "1e39", "AB103 weight_decay: 1e+39 is outside"),
        (written(train="optimizer: {adam: {eps: 1e-39}}"), "1e-39", "AB103 eps: 1e-39 is outside the range"),
        (written(train="clip_gradient: 1e39"), "1e39", "AB103 clip_gradient: 1e+39 is outside the range"),
        (written(train="mixup: 1e-40"), "1e-40", "AB103 1e-40 is outside the range"),
        (written(train="schedule: {step: {gamma: 1e39}}"), "1e39", "AB103 gamma: 1e+39 is outside the range"),
        (written(train=POINTS % "1e39"), "[[", "AB103 points: 1e+39 is outside the range"),
        (written("{conv: {out: 8, norm: {eps: 1e-39}}}, gap, classifier"), "1e-39", "AB103 eps: 1e-39 is outside"),
        (written(defaults="{norm: {eps: 1e-39}}"), "1e-39", "AB103 eps: 1e-39 is outside the range"),
        # training that comes to nothing
        (written("{conv: {out: 8, norm: {momentum: 0}}}, gap, classifier"), "momentum", "AB747 conv.norm: with"),
        (written("{conv: 8}, {norm: {momentum: 0}}, gap, classifier"), "momentum", "AB747 norm: with momentum 0"),
        (written(defaults="{norm: {momentum: 0}}"), "momentum", "AB747 conv.norm: with momentum 0"),
        (written(train="epochs: 3", defaults="{norm: {momentum: 0.0}}"), "momentum", "AB747 conv.norm: with"),
        (written("{conv: {out: 8, dropout: 1}}, gap, classifier"), "1}}", "AB747 conv.dropout: dropout of 1"),
        (written("{conv: 8}, {dropout: {p: 1.0}}, gap, classifier"), "p: 1.0", "AB747 dropout: dropout of 1"),
        (written(classes=1), "classes", "AB747 with one class every answer is right"),
        (written(train=POINTS % 0), "[[", "AB103 points: expected a factor over 0"),
        (written(classes=3, network="gap").replace("[1,", "[3,"), "network", "AB711 the network has no parameters"),
        # layers that do not run on the images as training shows them
        (written("flatten, {linear: 10}", "resolution: [[1, 4]]"), "resolution", "AB742 at side 4"),
        (written("{conv: 8}, {classifier: linear}", "resolution: [[9, 7]]"), "resolution", "AB742 at side 7"),
        (written("{norm: instance}, gap, classifier", "resolution: [[9, 1]]"), "resolution", "AB742 at side 1"),
        (written("{conv: {out: 8, kernel: 9}}, gap, classifier", "whiten: true"), "whiten", "AB741 whiten: conv.conv"),
        (written("{conv: 8}, gap, norm, classifier", batch=1), "batch_size", "AB714 batch normalisation cannot learn"),
        (written(train="resolution: [[1, 1], [2, 8]]", batch=1), "batch_size", "per channel, as conv.norm gets"),
    ],
)  # fmt: skip
def test_check_says_what_training_could_not_do(text: str, place: str, found: str):
    (error,) = check(text).errors
    assert found in str(error) and error.hint
    start = text.index(place)
    assert error.span.line == text[:start].count("\n") + 1
    assert error.span.column == start - text.rfind("\n", 0, start)


STILL = "{conv: {out: 8, norm: {momentum: 0}}}, gap, classifier"


def test_momentum_0_is_no_finding_where_the_recipe_sets_another_or_nothing_is_trained():
    assert check(written(STILL, "batch_norm_momentum: 0.2")).ok
    assert check(written(STILL).partition("data:")[0]).ok


def test_what_comes_to_nothing_is_trained_all_the_same_where_that_is_asked_for(tmp_path: Path):
    text = written(STILL, "epochs: 1")
    run = train(text, out=tmp_path, device="cpu", threads=1, report=False, check=False)
    state = torch.load(run.path / "last.pt", weights_only=True)["model"]
    assert not state["conv.norm.running_mean"].any()
    assert open_run(run.path).network() is not None  # as those of earlier versions are


@pytest.mark.parametrize(
    "recipe",
    [
        "sgd: {lr: 3e38, decoupled: true, weight_decay: 3e38}",
        "adam: {lr: 3e38, betas: [0.999999, 0.9]}",
        "muon: {lr: 3e38, weight_decay: 3e38}",
        "sgd: {lr: 3e38, bias_lr_factor: 3e38}",
    ],
)
def test_rates_that_only_together_are_beyond_float32_diverge(tmp_path: Path, recipe: str):
    """The run reports this itself, although torch would also reject such a factor."""
    for schedule in ("none", "{step: {every: 1, gamma: 3e38}}"):
        text = written(train=f"epochs: 12, optimizer: {{{recipe}}}, schedule: {schedule}")
        with pytest.raises(ArchbuilderError, match="AB712"):
            train(text, out=tmp_path, device="cpu", threads=1, report=False)
