"""The images and the recipe of a first architecture: those of its rule packs, else suitable ones for its input."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from archbuilder.remedy import written
from archbuilder.rules.packs.kinds.augment import Augment, word_of
from archbuilder.rules.packs.kinds.dataset import Dataset
from archbuilder.rules.packs.kinds.recipe import Recipe
from archbuilder.spec.limits import Limit
from archbuilder.starter.answers import Wish

CIFAR10 = (3, 32, 32)
EPOCHS, BATCH, WARMUP = 30, 128, 0.3
SGD = "{sgd: {lr: 0.1, momentum: 0.9, nesterov: true, weight_decay: 5e-4}}"

Fields = dict[str, Any]  # of an augmentation

_COLOURED: dict[str, Fields] = {
    "horizontal_flip": {"p": 0.5},
    "shift_scale_rotate": {"shift": 0.0625, "scale": 0.1, "rotate": 15, "p": 0.5},
    "coarse_dropout": {"holes": 1, "height": 16, "width": 16, "fill": "mean", "p": 0.5},
}
_GREY: dict[str, Fields] = {"shift_scale_rotate": {"shift": 0.1, "scale": 0.1, "rotate": 10, "p": 0.5}}

_OWN = """\
# data:                       # without it the network can be checked and built, but not trained
#   dataset: images.npz       # arrays x_train, y_train, x_test and y_test
#   batch_size: 128
#   augment: [horizontal_flip]
"""


def data(wish: Wish) -> str:
    """The data: section for the images of a wish; commented out if no known data set has such images."""
    name = _dataset(wish)
    if not name:
        return _OWN
    said = "             # 1,797 handwritten digits that come with archbuilder" if name == "digits" else ""
    held_out = any(goal.of == "validation_accuracy" for pack in wish.asked for goal in pack.goals)
    lines = [f"  dataset: {name}{said}", f"  batch_size: {_batch(wish, 64 if name == 'digits' else BATCH)}"]
    if held_out:
        lines.append("  validation: 0.02            # of the training images, kept for the goal")
    lines.append("  augment:                    # random changes of the training images")
    lines += (f"    - {word}{f': {written(fields)}' if fields else ''}" for word, fields in _augment(wish, name))
    return "\n".join(["data:", *lines, ""])


def _dataset(wish: Wish) -> str:
    for rule in wish.rules(Dataset):
        return rule.called
    if (wish.input, wish.classes) == (CIFAR10, 10):
        return "cifar10"
    return "digits" if (wish.input[0], wish.classes) == (1, 10) else ""


def _augment(wish: Wish, dataset: str) -> Iterator[tuple[str, Fields]]:
    """The augmentations that the packs require, as written there if ours differ; else suitable ones for the images."""
    ours = _COLOURED if dataset.startswith("cifar") else _GREY
    wanted = [augmentation for rule in wish.rules(Augment) for augmentation in rule.has]
    if not wanted:
        yield from ours.items()
    for augmentation in wanted:
        word, node = word_of(augmentation), augmentation._node
        fields = node.plain() if node and node.is_mapping else {}
        mine = ours.get(word, {})
        yield word, mine if fields.items() <= mine.items() else fields


def train(wish: Wish) -> str:
    """The train: section."""
    rules = wish.rules(Recipe)
    epochs = _within([rule.epochs for rule in rules], min([EPOCHS, *_by_epoch(wish)]))
    warmup = next((f"{rule.peak / epochs:.4f}" for rule in rules if rule.peak), f"{WARMUP}")
    optimizers = [name for rule in rules for name in rule.optimizer[:1] if "sgd" not in rule.optimizer]
    schedules = [name for rule in rules for name in rule.schedule[:1] if "one_cycle" not in rule.schedule]
    return f"""\
train:
  epochs: {epochs}
  optimizer: {[*optimizers, SGD][0]}
  schedule: {[*schedules, f"{{one_cycle: {{warmup: {warmup}}}}}"][0]}
  loss: {{cross_entropy: {{label_smoothing: 0.1}}}}
"""


def _by_epoch(wish: Wish) -> list[int]:
    """The epochs by which goals must be reached, if there are enough for a training."""
    goals = (goal for pack in wish.asked for goal in pack.goals)
    return [goal.over.epochs for goal in goals if goal.over.kind == "by_epoch" and goal.over.epochs > 2]


def _batch(wish: Wish, usual: int) -> int:
    return _within([rule.batch_size for rule in wish.rules(Recipe)], usual)


def _within(bounds: list[Limit | None], usual: int) -> int:
    """The number within the bounds that is nearest to the usual one."""
    for bound in bounds:
        if bound:
            usual = int(max(bound.range[0], min(usual, bound.range[1])))
    return max(usual, 1)
