"""The figures of an evaluation against plain ways to them; Grad-CAM against the case that has a closed form."""

from __future__ import annotations

import json
import tracemalloc
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.stats import binomtest

from archbuilder.analysis.facts import Facts
from archbuilder.data.batches import eval_batches
from archbuilder.evidence.mistakes import grad_cam
from archbuilder.modules import build
from archbuilder.pipeline import check
from archbuilder.trained.evaluation import Predictions, figures, interval, joined, predicted_by, predictions
from archbuilder.trained.open import Run
from tests.evidence.conftest import CPU


@pytest.fixture(scope="module")
def found(run: Run) -> Predictions:
    return predictions(run.network(), run.splits.test, run.plan.data, run.card.mean, run.card.std, CPU)


def test_predictions_are_those_of_every_test_image_in_order(run: Run, found: Predictions):
    images, labels = run.splits.test.images, run.splits.test.labels
    pixels = (np.asarray(images, np.float64) - run.card.mean) / run.card.std
    with torch.no_grad():
        logits = run.network()(torch.tensor(pixels.transpose(0, 3, 1, 2), dtype=torch.float32))
    assert len(found) == 355 and np.array_equal(found.labels, labels)
    assert np.array_equal(found.predicted, logits.argmax(1))
    assert np.allclose(found.sureness, logits.softmax(1).amax(1), atol=1e-4)
    assert np.allclose(found.losses, F.cross_entropy(logits, torch.from_numpy(labels), reduction="none"), atol=1e-4)
    assert found.accuracy == pytest.approx(run.metrics[-1]["test_accuracy"])


def test_figures_follow_from_the_predictions(found: Predictions):
    pairs = list(zip(found.labels.tolist(), found.predicted.tolist(), strict=True))
    outcome = figures(found, tuple("abcdefghij"))
    for truth in range(10):
        row = [pairs.count((truth, predicted)) for predicted in range(10)]
        assert list(outcome.confusion[truth]) == row
        result = outcome.classes[truth]
        assert (result.images, result.right) == (sum(row), row[truth])
        others = [0 if predicted == truth else count for predicted, count in enumerate(row)]
        assert result.taken == max(others)
        assert result.rival == ("abcdefghij"[others.index(max(others))] if max(others) else "")
    assert found.right == outcome.right == sum(a == b for a, b in pairs)
    assert found.loss == pytest.approx(found.losses.mean())
    wrong = Counter((a, b) for a, b in pairs if a != b)
    assert [pair.count for pair in outcome.pairs] == sorted(wrong.values(), reverse=True)[: len(outcome.pairs)]


def test_twenty_thousand_classes_take_no_matrix():
    """A dense one of whole numbers has 400 million entries."""
    random = np.random.default_rng(0)
    parts = []
    for _ in range(4):
        labels = random.integers(0, 20_000, 250)
        logits = random.normal(size=(250, 20_000))
        logits[np.arange(0, 250, 2), labels[::2]] = 10
        parts.append(predicted_by(logits, labels))
    tracemalloc.start()
    outcome = figures(joined(parts), tuple(map(str, range(20_000))))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert outcome.right >= 500 and outcome.confusion is None and outcome.to_dict()["confusion"] is None
    assert len(outcome.classes) == 20_000 and peak < 50e6


def test_mistakes_are_wrong_and_the_surest_come_first(found: Predictions):
    chosen = found.mistakes(5)
    wrong = {int(index) for index in np.flatnonzero(found.predicted != found.labels)}
    sureness = found.sureness
    assert chosen == sorted(wrong, key=lambda index: -sureness[index])[:5]
    assert len(found.mistakes(1000)) == len(wrong) > 5


@pytest.mark.parametrize(("right", "images"), [(1, 10), (9500, 10000), (0, 10), (10, 10), (1, 1)])
def test_interval_is_wilsons(right: int, images: int):
    expected = binomtest(right, images).proportion_ci(0.95, method="wilson")
    assert interval(right, images) == pytest.approx((100 * expected.low, 100 * expected.high), abs=1e-4)


def test_a_networks_mode_and_dropout_do_not_matter(run: Run, found: Predictions):
    module = run.network().train()
    again = predictions(module, run.splits.test, run.plan.data, run.card.mean, run.card.std, CPU)
    assert np.array_equal(again.losses, found.losses) and not module.training


def test_grad_cam_is_cam_where_the_network_ends_in_gap_and_a_classifier(run: Run):
    """Zhou et al. 2016: there the heat is the map weighted by the classifier's weights, up to a factor."""
    facts, module = run.plan.report.facts, run.network()
    assert isinstance(facts, Facts) and facts.value == "strided.activation"
    images, labels = next(
        eval_batches(run.splits.test, run.plan.data, mean=run.card.mean, std=run.card.std, batch_size=16)
    )
    heat = grad_cam(module, facts.graph, facts.value, images, labels)
    maps: list[torch.Tensor] = []
    handle = module.get_submodule("strided.activation").register_forward_hook(lambda m, i, out: maps.append(out))
    with torch.no_grad():
        module(images)
    handle.remove()
    weight = module.get_submodule("classifier.conv").get_parameter("weight")[labels]  # (16, 16, 1, 1)
    cam = (weight * maps[0]).sum(1, keepdim=True).clamp_min(0)
    cam = F.interpolate(cam, size=(8, 8), mode="bilinear", align_corners=False)[:, 0]
    cam = cam / cam.amax((1, 2), keepdim=True).clamp_min(1e-30)
    assert heat is not None and heat.shape == (16, 8, 8) and heat.min() >= 0 and heat.max() == 1
    assert np.allclose(heat, cam.detach(), atol=1e-5)


def test_grad_cam_takes_the_last_run_of_a_shared_layer_and_needs_no_gradients_of_weights():
    network = "[{conv: 4}, {conv: {out: 4, name: again}}, {use: again}, gap, classifier]"
    report = check(f"archbuilder: 1\ninput: [1, 8, 8]\nclasses: 3\nnetwork: {network}\n")
    assert report.facts is not None and report.graph is not None, report.diagnostics
    module = build(report.graph).eval().requires_grad_(False)
    x, classes = torch.randn(2, 1, 8, 8), torch.tensor([0, 2])
    last = report.facts.value
    shared = report.graph.nodes[last].module
    outputs: list[torch.Tensor] = []
    module.get_submodule(shared).register_forward_hook(lambda m, i, out: outputs.append(out))
    heat = grad_cam(module, report.graph, last, x, classes)
    assert len(outputs) == 2 and heat is not None
    weight = module.get_submodule("classifier.conv").get_parameter("weight")[classes]
    cam = (weight * outputs[1]).sum(1).clamp_min(0)
    cam = cam / cam.amax((1, 2), keepdim=True).clamp_min(1e-30)
    assert np.allclose(heat, cam.detach(), atol=1e-5)


def test_there_is_no_grad_cam_of_the_image_itself():
    report = check("archbuilder: 1\ninput: [1, 4, 4]\nclasses: 3\nnetwork: [gap, classifier]")
    assert report.facts is not None and report.graph is not None
    module, x = build(report.graph), torch.randn(2, 1, 4, 4)
    assert grad_cam(module, report.graph, report.facts.value, x, torch.tensor([0, 1])) is None


def test_evaluation_json_is_the_matrix(finished: Path, found: Predictions):
    noted = json.loads((finished / "evaluation.json").read_text())
    assert noted["confusion"] == [list(row) for row in figures(found, tuple(noted["classes"])).confusion]
    assert (noted["images"], noted["right"], noted["epoch"], noted["split"]) == (355, found.right, 3, "test")
