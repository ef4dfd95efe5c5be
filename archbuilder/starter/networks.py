"""The networks that a first architecture can have, as YAML over `width` and `depth`, and their data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from archbuilder.starter.answers import Wish

CIFAR10 = (3, 32, 32)


@dataclass(frozen=True)
class Template:
    """A family of networks: the words that head its file, its blocks for a wish, and the depths to try in turn."""

    title: str
    blocks: Callable[[Wish], str]
    depths: tuple[int, ...] = (1,)


_CIFAR10 = """\
data:
  dataset: cifar10
  batch_size: 128
  augment:                    # random changes of the training images
    - horizontal_flip: {p: 0.5}
    - shift_scale_rotate: {shift: 0.0625, scale: 0.1, rotate: 15, p: 0.5}
    - coarse_dropout: {holes: 1, height: 16, width: 16, fill: mean, p: 0.5}
"""

_DIGITS = """\
data:
  dataset: digits             # 1,797 handwritten digits that come with archbuilder
  batch_size: 64
  augment:                    # random changes of the training images
    - shift_scale_rotate: {shift: 0.1, scale: 0.1, rotate: 10, p: 0.5}
"""

_OWN = """\
# data:                       # without it the network can be checked and built, but not trained
#   dataset: images.npz       # arrays x_train, y_train, x_test and y_test
#   batch_size: 128
#   augment: [horizontal_flip]
"""


def data(wish: Wish) -> str:
    """The data: section for a wish's images; in comments where no known data set has such."""
    if (wish.input, wish.classes) == (CIFAR10, 10):
        return _CIFAR10
    return _DIGITS if (wish.input[0], wish.classes) == (1, 10) else _OWN


_ASSIGNMENT = """\
- stage:
    name: C1
    blocks:
      - conv: {out: width}
      - dilated: {out: width, dilation: 2}    # sees farther for the same parameters
      - strided: {out: 2 * width}             # halves the map, in place of max pooling
- stage:
    name: C2
    blocks:
      - skip:                                 # the body's result plus its input
          blocks:
            - depthwise_separable: {out: 2 * width}
            - dilated: {out: 2 * width, dilation: 2}
      - conv: {out: 2 * width}
      - strided: {out: 4 * width}
- stage:
    name: C3
    blocks:
      - skip:
          blocks:
            - repeat: {times: 2, blocks: [{depthwise_separable: {out: 4 * width}}]}
      - strided: {out: 4 * width}
- stage:
    name: C4
    blocks:
      - skip:                                 # a 1x1 conv fits the shortcut where channels differ
          blocks:
            - depthwise_separable: {out: 8 * width}
- gap                                         # the mean of each channel over the whole map
- classifier                                  # a 1x1 conv to `classes`
"""


def _separable(wish: Wish) -> str:
    """Stages of depthwise separable convs, each half as large, until the map has some 4 to 7 pixels a side."""
    side = min(wish.input[1:])
    first = "strided" if side >= 64 else "conv"
    halvings = max(0, (side // 4).bit_length() - 1 - (first == "strided"))
    parts = [f"- {first}: {{name: stem, out: width}}\n"]
    for number in range(halvings + 1):
        factor = min(2**number, 8)
        out = f"{factor} * width" if factor > 1 else "width"
        following = min(2 * factor, 8)
        last = f"{following} * width" if number < halvings else ""
        parts.append(_stage(number + 1, out, last))
    return "".join(parts) + "- gap\n- classifier\n"


def _stage(number: int, out: str, then: str) -> str:
    down = f"      - strided: {{out: {then}}}\n" if then else ""
    return f"""\
- stage:
    name: stage{number}
    blocks:
      - repeat:
          times: depth
          blocks:
            - skip: {{blocks: [{{depthwise_separable: {{out: {out}}}}}, {{depthwise_separable: {{out: {out}}}}}]}}
{down}"""


TEMPLATES = (
    Template("Stages of depthwise separable convs with skips around them.", _separable, (2, 1)),
    Template("Four stages and an output: C1 to C4, the first three each halve the map.", lambda wish: _ASSIGNMENT),
)
