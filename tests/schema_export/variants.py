"""Files with one change each, and the reasons for which a schema cannot see all that check sees."""

import re
from collections.abc import Iterable, Iterator
from copy import deepcopy
from itertools import islice
from textwrap import indent
from typing import Any

from archbuilder.blocks import find
from archbuilder.document.parser import parse

HEAD = "archbuilder: 1\ninput: [16, 16, 16]\nclasses: 10\nnetwork:\n"

WORTH = "what an expression is worth"

# why check says more than a schema can -> what its messages look like
UNSEEN = {
    "the names of variables": "there is no variable",
    "a word could be a variable": "expected a padding, found '",
    WORTH: "[0-9]+ is out of range",
    "the names of blocks, where a file may define some": "there is no block",
    "the parameters of blocks that the file defines": "parameter .* is missing|has no parameter|of its parameters",
    "fields that need or exclude each other": (
        "the fields? (height|width|height and width) (is|are) missing|stands without|"
        "changes nothing|needs a momentum|runs backwards"
    ),
}

PROBES = [0, -1, 3, 1.5, True, None, "x y", "none", "2 * 3", [], [1, 1], [1, 2, 3], ["a"], {}, {"bogus": 1}, 10**7]

SECTIONS = """\
archbuilder: 1
name: x
input: [3, 16, 16]
classes: 10
rules: []
limits: {params: "< 200k"}
vars: {width: 20}
defaults: {norm: batch, activation: relu, dropout: 0.05, order: conv, padding: same, bias: auto}
define: {twice: {params: {out: null, k: 3}, blocks: [{conv: out}]}}
network: [{twice: 3}, {twice: {out: 3, name: q}}, {conv: {out: width, norm: {kind: group, groups: 3}}}]
data: {dataset: cifar10, batch_size: 128, validation: 0.1, normalize: true, workers: 0, augment: [horizontal_flip]}
"""
TRAINING = """\
archbuilder: 1
input: [3, 16, 16]
classes: 10
network: [gap, classifier]
train:
  epochs: 30
  seed: 1
  optimizer: {OPTIMIZER}
  schedule: {one_cycle: {warmup: 0.3, div: 3, final_div: 3, anneal: cosine}}
  loss: {cross_entropy: {label_smoothing: 0.1}}
"""
SGD = "sgd: {lr: 0.1, momentum: 0.9, nesterov: true, weight_decay: 5e-4}"
ADAMW = "adamw: {lr: 0.1, betas: [0.9, 0.99], weight_decay: 0.1, eps: 0.1}"
IMAGES = """\
archbuilder: 1
input: [3, 32, 32]
classes: 10
network: [gap, classifier]
data:
  dataset: cifar10
  augment:
  - vertical_flip: 0.1
  - shift_scale_rotate: {shift: 0.0625, scale: [-0.1, 0.1], rotate: 15, border: constant, fill: mean}
  - coarse_dropout: {holes: 1, height: [1, 16], width: 16, fill: mean, p: 0.5}
  - coarse_dropout: {max_holes: 1, max_height: 16, min_height: 3, max_width: 16, fill_value: [1, 2, 3]}
  - random_crop: {padding: 4, mode: reflect}
  - color_jitter: {hue: 0.1}
"""


def text_around(items: str) -> str:
    """A file around one block, or around several list items."""
    return HEAD + indent(items if items.startswith("- ") else f"- {items}", "  ") + "\n"


def around(items: str) -> Any:
    return parse(text_around(items)).root.plain()


def sources(blocks: Iterable[str]) -> dict[str, str]:
    """Files to change: one around each block's example, and some with every section."""
    examples = {name: text_around(found.EXAMPLE) for name in blocks if (found := find(name))}
    trained = {name: TRAINING.replace("OPTIMIZER", text) for name, text in (("sgd", SGD), ("adamw", ADAMW))}
    return {**examples, "sections": SECTIONS, **trained, "images": IMAGES}


def variants(file: Any, every: int) -> Iterator[Any]:
    """The file with one value replaced, one key added, or one left out; every so many-th of all of them."""
    return islice(_variants(file), 0, None, every)


def _variants(file: Any) -> Iterator[Any]:
    for path, value in _paths(file):
        if not path:  # no network at all is a matter of its own
            continue
        yield from (_put(file, path, probe) for probe in PROBES if probe != value)
        if isinstance(value, dict):
            yield _put(file, path, {**value, "bogus": 1})
            yield from (_put(file, path, {k: v for k, v in value.items() if k != left_out}) for left_out in value)
    for left_out in file:
        yield {key: value for key, value in file.items() if key != left_out}


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    yield path, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in items:
        yield from _paths(child, (*path, key))


def _put(file: Any, path: tuple[Any, ...], value: Any) -> Any:
    changed = deepcopy(file)
    *way, last = path
    parent = changed
    for step in way:
        parent = parent[step]
    parent[last] = value
    return changed


def reason(message: str, file: Any) -> str:
    """Why a schema cannot see this problem of a file; empty where it could."""
    why = next((why for why, pattern in UNSEEN.items() if re.search(pattern, message)), "")
    return "" if why == WORTH and not file.get("vars") and not file.get("define") else why
