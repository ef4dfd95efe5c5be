"""What each part of a recipe does, against a second way to the same result."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from archbuilder import pipeline
from archbuilder.data.datasets import load
from archbuilder.modules import build
from archbuilder.spec.train import Train
from archbuilder.spec.train.objectives import CrossEntropy, Cutmix, Distill, Mixup
from archbuilder.spec.train.optimizers import Muon, Sgd
from archbuilder.spec.train.recipe import Ema, Lookahead
from archbuilder.spec.train.schedules import Constant
from archbuilder.trained.evaluation import Mirrored
from archbuilder.training.learning.averages import Ema as Average
from archbuilder.training.learning.averages import Lookahead as Slow
from archbuilder.training.learning.initial_weights import initialise, kaiming, whiten
from archbuilder.training.learning.loop import Meter
from archbuilder.training.learning.objectives import Mixer, Objective
from archbuilder.training.learning.optimizers import make_optimizer
from archbuilder.training.learning.schedule import Schedule
from archbuilder.training.learning.step import TrainStep, Turn
from tests.training.conftest import Train as Run
from tests.training.test_features import RESIDUAL

CPU = torch.device("cpu")
EXAMPLES = Path(__file__).parents[2] / "examples"


def layers() -> nn.Sequential:
    torch.manual_seed(4)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 10))


def images(count: int = 8, seed: int = 5) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, 3, 12, 12, generator=generator), torch.randint(10, (count,), generator=generator)


def step(module: nn.Module, train: Train, epochs: int = 1, steps: int = 10) -> TrainStep:
    optimizer = make_optimizer(Sgd(lr=0.1, momentum=0.0, weight_decay=0.0), module)
    schedule = Schedule(Constant(), epochs, steps)
    return TrainStep(train, module, module, Mixer(train, 10), Objective(train.loss), optimizer, schedule, CPU)


def weights(module: nn.Module) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in module.parameters()]


# -- steps ----------------------------------------------------------------------------------------------------


def test_accumulated_batches_are_one_large_batch():
    """Of unequal sizes too: each counts by its images."""
    pixels, labels = images(12)
    whole, parts = layers(), layers()
    step(whole, Train())(pixels, labels, Turn(1, 0))
    by_parts = step(parts, Train(accumulate=3))
    for number, part in enumerate((slice(0, 5), slice(5, 10), slice(10, 12))):
        by_parts(pixels[part], labels[part], Turn(1, number, len(labels[part]) / 12, number == 2))
    assert by_parts.optimizer.steps == by_parts.schedule.taken == 1
    torch.testing.assert_close(weights(parts), weights(whole))


def test_a_long_gradient_is_scaled_to_the_norm_that_is_allowed():
    pixels, labels = images()
    before = layers()
    free, held = layers(), layers()
    step(free, Train())(pixels, labels, Turn(1, 0))
    step(held, Train(clip_gradient=0.05))(pixels, labels, Turn(1, 0))
    move = [
        torch.cat([(a - b).flatten() for a, b in zip(weights(m), weights(before), strict=True)]) for m in (free, held)
    ]
    assert float(move[1].norm()) == pytest.approx(0.1 * 0.05, rel=1e-3)
    assert float(F.cosine_similarity(*move, dim=0)) == pytest.approx(1, abs=1e-5)


def test_ema_is_the_recurrence_written_out():
    module = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 10)
    )
    training = step(module, Train(ema=Ema(decay=0.6)))
    expected: dict[str, Tensor] = {}
    for number in range(6):
        training(*images(seed=number), Turn(1, number))
        decay = min(0.6, number / (number + 10))
        for name, value in module.state_dict().items():
            old = expected.get(name, value)
            expected[name] = decay * old + (1 - decay) * value if value.is_floating_point() else value.clone()
    assert training.ema is not None
    torch.testing.assert_close(dict(training.ema.module.state_dict()), expected)
    assert not training.ema.module.training and module.training
    assert "1.running_var" in expected and int(expected["1.num_batches_tracked"]) == 6


def test_ema_of_a_long_run_keeps_its_decay():
    module = nn.Linear(1, 1)
    average = Average(Ema(decay=0.9), module)
    average.updates = 1000
    with torch.no_grad():
        module.weight.fill_(1.0)
        average.module.weight.fill_(0.0)
    average.update()
    assert float(average.module.weight) == pytest.approx(0.1)


@pytest.mark.parametrize("grow", [0.0, 3.0])
def test_lookahead_is_the_algorithm_written_out(grow: float):
    fast, total = layers(), 7
    training = step(fast, Train(lookahead=Lookahead(every=3, share=0.4, grow=grow)), steps=total)
    plain = layers()
    slow = weights(plain)
    optimizer = torch.optim.SGD(plain.parameters(), lr=0.1)
    for number in range(total):
        pixels, labels = images(seed=number)
        training(pixels, labels, Turn(1, number))
        optimizer.zero_grad()
        F.cross_entropy(plain(pixels), labels).backward()
        optimizer.step()
        if number in (2, 5, 6):  # every third one, and the last
            share = 1 - 0.6 * ((number + 1) / total) ** grow
            with torch.no_grad():
                for held, moving in zip(slow, plain.parameters(), strict=True):
                    held += share * (moving - held)
                    moving.copy_(held)
    torch.testing.assert_close(weights(fast), weights(plain))


def test_lookahead_moves_running_statistics_along():
    module = nn.BatchNorm2d(2)
    module.running_mean = torch.ones(2)
    slow = Slow(Lookahead(every=1, share=0.25), module)
    slow.start()
    with torch.no_grad():
        module.running_mean.fill_(5.0)
    slow.update(0.5)
    assert module.running_mean.tolist() == [2.0, 2.0]


def test_an_epoch_is_trained_on_images_of_its_side(tmp_path: Path):
    seen: list[tuple[int, ...]] = []

    class Seeing(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            seen.append(tuple(x.shape[2:]))
            return module(x)

    module = layers()
    train = Train(resolution=((2, 6), (3, 12)))
    training = TrainStep(
        train,
        module,
        Seeing(),
        Mixer(train, 10),
        Objective(CrossEntropy()),
        make_optimizer(Sgd(), module),
        Schedule(Constant(), 4, 1),
        CPU,
    )
    for epoch in range(1, 5):
        training(*images(), Turn(epoch, 0))
    assert seen == [(12, 12), (6, 6), (12, 12), (12, 12)]
    wide, _ = training._resized(torch.zeros(1, 3, 12, 16), 2).shape[2:], None
    assert wide == (6, 8)


def test_smaller_images_keep_what_they_show():
    """At half the size, each pixel is the mean of 2x2 pixels, except for the tails of the filter."""
    smooth = torch.linspace(0, 1, 12).repeat(1, 3, 12, 1)
    training = step(layers(), Train(resolution=((1, 6),)))
    small = training._resized(smooth, 1)
    torch.testing.assert_close(small[..., 1:-1], F.avg_pool2d(smooth, 2)[..., 1:-1], rtol=0, atol=1e-5)


@pytest.mark.parametrize(("precision", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_precision_is_that_of_convs_and_products_and_weights_stay_whole(precision: Any, dtype: torch.dtype):
    module, found = layers(), []
    module[0].register_forward_hook(lambda layer, inputs, output: found.append(output.dtype))
    loss, logits, _ = step(module, Train(precision=precision))(*images(), Turn(1, 0))
    assert found == [dtype] and logits.dtype == dtype
    assert loss.dtype == torch.float32 and {w.dtype for w in weights(module)} == {torch.float32}


def test_half_precision_scales_its_loss_and_leaves_out_what_overflows():
    """The very scaler of a GPU run, on a CPU: `train` itself refuses fp16 there, for it is slow."""
    module, plain = layers(), layers()
    training, whole = step(module, Train(precision="fp16", clip_gradient=0.5)), step(plain, Train(clip_gradient=0.5))
    for number in range(3):
        training(*images(seed=number), Turn(1, number))
        whole(*images(seed=number), Turn(1, number))
    torch.testing.assert_close(weights(module), weights(plain), rtol=1e-2, atol=1e-3)
    before, scale = weights(module), training.state_dict()["scaler"]["scale"]
    pixels, labels = images()
    training(pixels * 1e7, labels, Turn(1, 3))
    torch.testing.assert_close(weights(module), before, rtol=0, atol=0)
    state = training.state_dict()
    assert state["scaler"]["scale"] == scale / 2 and training.schedule.taken == 4
    again = step(layers(), Train(precision="fp16"))
    again.load_state_dict(state)
    assert again.state_dict()["scaler"] == state["scaler"]


def test_a_step_that_overflows_counts_in_the_schedule_and_in_no_average():
    train = Train(precision="fp16", ema=Ema(decay=0.5), lookahead=Lookahead(every=2, share=0.5))
    training, (pixels, labels) = step(layers(), train, steps=4), images()
    training(pixels, labels, Turn(1, 0))
    before = training.state_dict()
    training(pixels * 1e7, labels, Turn(1, 1))
    after = training.state_dict()
    assert (training.schedule.taken, training.optimizer.steps) == (2, 1)
    assert (before["ema_updates"], after["ema_updates"]) == (1, 1)
    assert (before["lookahead"]["updates"], after["lookahead"]["updates"]) == (1, 1)
    training(pixels, labels, Turn(1, 2))
    assert training.state_dict()["ema_updates"] == 2


def test_lookahead_ends_with_the_run_though_its_last_step_overflows():
    train = Train(precision="fp16", lookahead=Lookahead(every=9, share=0.5))
    module = layers()
    start, training, (pixels, labels) = weights(module), step(module, train, steps=2), images()
    training(pixels, labels, Turn(1, 0))
    fast = weights(module)
    training(pixels * 1e7, labels, Turn(1, 1))
    expected = [slow.lerp(quick, 0.5) for slow, quick in zip(start, fast, strict=True)]
    torch.testing.assert_close(weights(module), expected)


SMALL = """\
archbuilder: 1
name: small
input: [1, 8, 8]
classes: 10
network:
  - conv: {out: 4, norm: none}
  - branches: {paths: [[{pointwise: {out: 2, norm: none}}], []], split: true}
  - gap
  - classifier
data: {dataset: digits, batch_size: 721, engine: tensor}
train: {epochs: 1}
"""


def test_compiled_code_computes_the_same(quick: Run):
    """A network with a slice of the channels, which has a custom gradient (modules/faster_on_cpu.py)."""
    if not shutil.which(os.environ.get("CXX", "g++")):
        pytest.skip("torch.compile needs a compiler of C++")
    first, second = (quick("train.epochs=1", f"train.compile={flag}", text=SMALL) for flag in ("false", "true"))
    assert second.last["train_loss"] == pytest.approx(first.last["train_loss"], rel=1e-4)
    assert second.last["test_loss"] == pytest.approx(first.last["test_loss"], rel=1e-4)
    assert "torch._inductor" in sys.modules


# -- mixed images ---------------------------------------------------------------------------------------------


def mixer(**fields: Any) -> Mixer:
    return Mixer(Train(**fields), 10)


def test_mixup_blends_images_and_the_loss_with_one_share():
    pixels, labels = images()
    mixed, targets = mixer(mixup=Mixup())(pixels, labels, 1, 0, 0.0)
    share = float(1 - targets[0, labels[0]]) if labels[0] != labels[-1] else None
    assert share is not None and 0 < share < 1
    torch.testing.assert_close(mixed, (1 - share) * pixels + share * pixels.roll(1, 0))
    logits = torch.randn(8, 10)
    loss = Objective(CrossEntropy(label_smoothing=0.1)).labelled(logits, targets)
    own, other = (F.cross_entropy(logits, y, label_smoothing=0.1) for y in (labels, labels.roll(1, 0)))
    torch.testing.assert_close(loss, (1 - share) * own + share * other)


def test_a_mixed_image_is_what_it_shows_most_of():
    """Logits for the previous image are correct if its share is the larger one, else wrong."""
    train = Train(mixup=Mixup(alpha=1.0, most=1.0))
    pixels, labels = torch.zeros(4, 3, 2, 2), torch.arange(4)
    other = F.one_hot(labels.roll(1, 0), 10).float()
    seen = set()
    for batch in range(20):
        _, targets = Mixer(train, 10)(pixels, labels, 1, batch, 0.0)
        share = float(targets[0, 3])
        meter = Meter(CPU)
        meter.add(torch.tensor(0.0), other, targets)
        assert meter.score().accuracy == (100.0 if share > 0.5 else 0.0)
        seen.add(share > 0.5)
    assert seen == {True, False}


def test_cutmix_pastes_one_window_and_shares_the_label_by_area():
    pixels, labels = torch.arange(8.0).repeat_interleave(3 * 20 * 30).reshape(8, 3, 20, 30), torch.arange(8)
    sizes = set()
    for batch in range(30):
        mixed, targets = mixer(cutmix=Cutmix())(pixels, labels, 1, batch, 0.0)
        pasted = mixed != pixels
        assert torch.equal(mixed[pasted], pixels.roll(1, 0)[pasted])
        assert (pasted == pasted[:1, :1]).all()  # the same window in every image and channel
        rows, columns = pasted[0, 0].any(1).nonzero(), pasted[0, 0].any(0).nonzero()
        area = len(rows) * len(columns)
        assert int(pasted[0, 0].sum()) == area  # a full rectangle
        if targets.ndim == 2:
            share = area / 600
            own, other = F.one_hot(labels, 10), F.one_hot(labels.roll(1, 0), 10)
            torch.testing.assert_close(targets, (1 - share) * own + share * other)
        sizes.add(area)
    assert len(sizes) > 15


def shares(mixing: Mixer, progress: float, count: int = 3000) -> list[float]:
    """The share of the second image in many batches, read off their targets."""
    pixels, labels = torch.zeros(2, 1, 1, 1), torch.tensor([0, 1])
    found = []
    for batch in range(count):
        _, targets = mixing(pixels, labels, 1, batch, progress)
        found.append(float(targets[0, 1]) if targets.ndim == 2 else 0.0)
    return found


@pytest.mark.parametrize(("alpha", "most"), [(1.0, 1.0), (0.2, 1.0), (1.0, 0.5)])
def test_shares_follow_the_beta_distribution(alpha: float, most: float):
    """Kolmogorov's distance to a sample of numpy's own legacy generator."""
    found = np.sort(shares(mixer(mixup=Mixup(alpha=alpha, most=most)), 1.0))
    reference = np.sort(most * np.random.RandomState(0).beta(alpha, alpha, len(found)))
    grid = np.linspace(0, most, 200)
    distance = np.abs(np.searchsorted(found, grid) - np.searchsorted(reference, grid)).max() / len(found)
    assert distance < 1.63 * (2 / len(found)) ** 0.5  # the 1 % point


@pytest.mark.parametrize(("progress", "highest"), [(0.0, 0.0), (0.2, 0.2), (0.5, 0.5), (1.0, 0.5)])
def test_mixup_may_grow_over_the_run(progress: float, highest: float):
    found = max(shares(mixer(mixup=Mixup(most=0.5, grow=0.5)), progress, 400))
    assert 0.95 * highest <= found <= highest


def test_each_way_of_mixing_gets_its_share_of_the_batches():
    pixels, labels = torch.stack([torch.zeros(1, 9, 9), torch.ones(1, 9, 9)]), torch.tensor([0, 1])
    mixing = mixer(mixup=Mixup(p=0.3), cutmix=Cutmix(p=0.5, alpha=8.0))
    ways = {"none": 0, "mixup": 0, "cutmix": 0}
    for batch in range(2000):
        mixed, targets = mixing(pixels, labels, 2, batch, 0.0)
        way = "none" if targets.ndim == 1 else "cutmix" if set(mixed.unique().tolist()) <= {0.0, 1.0} else "mixup"
        ways[way] += 1
    assert ways["mixup"] / 2000 == pytest.approx(0.3, abs=0.04)
    assert ways["cutmix"] / 2000 == pytest.approx(0.5, abs=0.04)


def test_draws_depend_on_seed_epoch_and_batch_alone():
    pixels, labels = images()

    def draw(seed: int = 1, epoch: int = 1, batch: int = 1) -> Tensor:
        return mixer(mixup=Mixup(), seed=seed)(pixels, labels, epoch, batch, 0.5)[0]

    assert torch.equal(draw(), draw())
    assert not any(torch.equal(draw(), other) for other in (draw(seed=2), draw(epoch=2), draw(batch=2)))


# -- first weights --------------------------------------------------------------------------------------------


def first_weights(text: str, *overrides: str) -> tuple[nn.Module, nn.Module]:
    """The network as torch makes it, and as the recipe wants it."""
    report = pipeline.check(text, overrides)
    assert report.graph is not None and report.spec is not None and report.ok, report.diagnostics
    data, train = report.spec.data, report.spec.train
    assert data is not None and train is not None
    made = []
    for _ in range(2):
        torch.manual_seed(0)
        made.append(build(report.graph))
    initialise(made[1], report.graph, train, data, load(data, (1, 8, 8), 10))
    return made[0], made[1]


def test_kaiming_gives_every_conv_but_the_classifier_its_variance():
    plain, made = first_weights(RESIDUAL.replace("frozen: true", "frozen: false"), "train.init=kaiming")
    changed = {name for name, value in plain.state_dict().items() if not torch.equal(value, made.state_dict()[name])}
    convs = {name for name, layer in made.named_modules() if isinstance(layer, nn.Conv2d)}
    assert changed == {f"{name}.weight" for name in convs if "classifier" not in name}
    for shape, groups in [((64, 32, 3, 3), 1), ((512, 1, 5, 5), 512), ((256, 8, 3, 3), 4)]:
        weight = torch.empty(shape)
        torch.manual_seed(0)
        kaiming(weight, groups)
        fan_out = shape[0] // groups * shape[2] * shape[3]
        assert float(weight.std()) == pytest.approx((2 / fan_out) ** 0.5, rel=0.03)


def test_kaiming_is_torchs_own_for_an_ordinary_conv():
    ours, theirs = torch.empty(8, 4, 3, 3), torch.empty(8, 4, 3, 3)
    torch.manual_seed(0)
    kaiming(ours, 1)
    torch.manual_seed(0)
    nn.init.kaiming_normal_(theirs, mode="fan_out", nonlinearity="relu")
    torch.testing.assert_close(ours, theirs)


WIDE = """\
archbuilder: 1
input: [1, 8, 8]
classes: 10
network: [{conv: {out: 6, norm: none}}, {conv: {out: 9, norm: none, activation: none, bias: false}}, gap, classifier]
data: {dataset: digits, batch_size: 64}
train: {epochs: 1}
"""


def test_dirac_passes_the_first_channels_on():
    plain, made = first_weights(WIDE, "train.init=dirac")
    x = torch.rand(2, 6, 8, 8)
    inner = [layer for layer in made.modules() if isinstance(layer, nn.Conv2d)][1]
    torch.testing.assert_close(inner(x)[:, :6], x)
    same = [layer for layer in plain.modules() if isinstance(layer, nn.Conv2d)][1]
    torch.testing.assert_close(inner(x)[:, 6:], same(x)[:, 6:])  # the others as torch drew them
    first = [layer.weight for m in (plain, made) for layer in m.modules() if isinstance(layer, nn.Conv2d)][::3]
    assert torch.equal(*first)


def test_zero_gamma_makes_residual_branches_nothing_at_first():
    plain, made = first_weights(RESIDUAL, "train.zero_gamma=true")
    x = torch.rand(4, 1, 8, 8)
    for module, equal in ((plain, False), (made, True)):
        kept: dict[str, Tensor] = {}
        adding = module.get_submodule("skip.add")
        adding.register_forward_hook(lambda layer, inputs, output, kept=kept: kept.update(i=inputs[1], o=output))
        module(x)
        assert torch.equal(kept["i"], kept["o"]) == equal


def test_batch_norm_momentum_is_that_of_every_norm():
    _, made = first_weights(RESIDUAL, "train.batch_norm_momentum=0.37")
    found = {layer.momentum for layer in made.modules() if isinstance(layer, nn.BatchNorm2d)}
    assert found == {0.37}


def test_whitening_makes_outputs_uncorrelated_in_pairs():
    torch.manual_seed(0)
    base = torch.randn(200, 3, 10, 10)
    pixels = F.avg_pool2d(base, 3, 1, 1) + 0.2 * base[:, [1, 2, 0]]  # neighbours and channels go together
    conv = nn.Conv2d(3, 24, 2, stride=2)
    with torch.no_grad():
        whiten(conv, pixels.split(64), eps=0.0)
        conv.stride = (1, 1)
        out = conv(pixels)
    assert torch.equal(conv.bias, torch.zeros(24))
    torch.testing.assert_close(out[:, :12], -out[:, 12:])
    values = out[:, :12].transpose(0, 1).reshape(12, -1).double()
    torch.testing.assert_close(values @ values.T / values.shape[1], torch.eye(12).double(), rtol=0, atol=1e-3)


def test_whitening_takes_the_largest_eigenvectors_and_damps_small_ones():
    """By numpy's singular value decomposition of the patches."""
    torch.manual_seed(0)
    pixels = F.avg_pool2d(torch.randn(100, 1, 9, 9), 3, 1, 1)
    conv = nn.Conv2d(1, 6, 3, bias=False)
    with torch.no_grad():
        whiten(conv, [pixels], eps=0.01)
    patches = pixels.unfold(2, 3, 1).unfold(3, 3, 1).reshape(-1, 9).double().numpy()
    _, singular, vectors = np.linalg.svd(patches, full_matrices=False)
    expected = vectors[:3] / np.sqrt(singular[:3, None] ** 2 / len(patches) + 0.01)
    found = conv.weight[:3].detach().reshape(3, 9).double().numpy()
    signs = np.sign((found * expected).sum(1, keepdims=True))
    np.testing.assert_allclose(found, expected * signs, atol=1e-4)


def test_a_whitened_stem_that_is_frozen_stays(quick: Run):
    result = quick("train.whiten=300", "train.epochs=2", text=RESIDUAL)
    _, first = first_weights(RESIDUAL, "train.whiten=300")
    trained = torch.load(result.path / "last.pt", weights_only=True)["model"]
    assert torch.equal(trained["conv.conv.weight"], first.state_dict()["conv.conv.weight"])


# -- results --------------------------------------------------------------------------------------------------


def test_flip_averaging_is_a_figure_of_its_own(quick: Run, capsys: Any):
    result = quick("train.tta=flip", "train.epochs=2", "train.ema=0.5")
    assert "flip_averaged_test_accuracy" not in result.metrics[0]
    report = pipeline.check(result.path / "architecture.yaml")
    assert report.graph is not None and report.spec is not None and report.spec.data is not None
    module = build(report.graph).eval()
    module.load_state_dict(torch.load(result.path / "last.pt", weights_only=True)["model"])
    splits = load(report.spec.data, (1, 8, 8), 10)
    pixels = (np.asarray(splits.test.images, dtype=np.float64) - splits.mean) / splits.std
    x, labels = torch.tensor(pixels.transpose(0, 3, 1, 2), dtype=torch.float32), torch.tensor(splits.test.labels)
    with torch.no_grad():
        plain, both = module(x), module(x) + module(torch.from_numpy(x.numpy()[..., ::-1].copy()))
        torch.testing.assert_close(Mirrored(module)(x), both / 2)
    for key, logits in (("test_accuracy", plain), ("flip_averaged_test_accuracy", both)):
        assert result.last[key] == pytest.approx(100 * (logits.argmax(1) == labels).float().mean().item())
    out = capsys.readouterr().out
    assert f"result: test accuracy {result.last['test_accuracy']:.2f} %" in out
    assert f"apart:  {result.last['flip_averaged_test_accuracy']:.2f} % with the logits of each image" in out


def test_plateau_watches_the_validation_loss_where_there_is_one(quick: Run):
    """The threshold is so large that no later epoch counts as better: the rate is reduced after every epoch."""
    schedule = "train.schedule={plateau: {patience: 0, threshold: 0.9, gamma: 0.5}}"
    for more in ((), ("data.validation=0.2",)):
        result = quick(schedule, *more)
        assert [record["lr"] for record in result.metrics] == pytest.approx([0.2, 0.2, 0.1, 0.05])


# -- a teacher ------------------------------------------------------------------------------------------------


def test_the_teachers_part_is_the_divergence_of_softened_probabilities():
    torch.manual_seed(0)
    teacher, logits, (pixels, labels) = layers(), torch.randn(8, 10), images()
    found = Objective(CrossEntropy(), Distill(run="x", temperature=3.0, weight=0.7), teacher)(pixels, logits, labels)
    told, said = (torch.softmax(z.double() / 3, 1) for z in (teacher(pixels), logits))
    divergence = (told * (told.log() - said.log())).sum(1).mean()
    expected = 0.3 * F.cross_entropy(logits, labels) + 0.7 * 9 * divergence
    torch.testing.assert_close(found, expected.to(found.dtype))
    found = Objective(CrossEntropy(), Distill(run="x", temperature=3.0, weight=1.0), teacher)(
        pixels, teacher(pixels), labels
    )
    assert float(found.detach()) == pytest.approx(0, abs=1e-6)


# -- the example ----------------------------------------------------------------------------------------------


def test_the_example_of_a_short_run_is_the_network_that_was_measured():
    report = pipeline.check(EXAMPLES / "short_run.yaml")
    assert report.ok and report.facts is not None and report.spec is not None and report.spec.train is not None
    assert report.facts.params == 188_874
    assert isinstance(report.spec.train.optimizer, Muon) and report.spec.train.whiten is not None
