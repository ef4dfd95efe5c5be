"""The networks that a first architecture can have, as YAML over `width` and `depth`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from archbuilder.rules.packs.kinds.has import Has
from archbuilder.rules.packs.kinds.layout import CONV, GAP, LINEAR, POINT, POOL, Layout, channels_of, kind_of
from archbuilder.starter.answers import Wish


@dataclass(frozen=True)
class Template:
    """A family of networks: the title of its file, its blocks for a wish, and the depths to try in turn."""

    title: str
    blocks: Callable[[Wish], str]
    depths: tuple[int, ...] = (1,)

    def has_width(self, wish: Wish) -> bool:
        """Whether its networks can be wider or narrower."""
        return "width" in self.blocks(wish)


def asks_for(wish: Wish, *words: str) -> bool:
    """Whether the packs require one of these layers."""
    return any(set(words) & set(rule.layers) for rule in wish.rules(Has))


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
    """Stages of depthwise separable convs that halve the map until its sides have about 4 to 7 pixels."""
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


def _layout(wish: Wish) -> str:
    """The layers in the order of a pack's rule: twice as wide after every pool, with skips around pairs if required."""
    (layout, *_) = wish.rules(Layout)
    side, factor, parts, tokens = min(wish.input[1:]), 1, [], list(layout.order)
    pairs, before = asks_for(wish, "add", "skip"), ""
    while tokens:
        token = tokens.pop(0)
        kind, is_last = kind_of(token), not tokens
        out = str(channels_of(token) or (f"{factor} * width" if factor > 1 else "width"))
        if kind in (CONV, POINT) and is_last:
            parts.append("- classifier\n")
        elif kind == CONV and pairs and out == before and tokens and kind_of(tokens[0]) == CONV:
            tokens.pop(0)
            parts.append(f"- skip: {{blocks: [{{conv: {{out: {out}}}}}, {{conv: {{out: {out}}}}}]}}\n")
        elif kind in (CONV, POINT):
            parts.append(f"- {'conv' if kind == CONV else 'pointwise'}: {{out: {out}}}\n")
            before = out
        elif kind == POOL:
            window = side if tokens and kind_of(tokens[0]) == LINEAR else 2
            side, factor = side // window, 2 * factor
            parts.append(f"- max_pool: {window}\n")
        else:
            parts.append(
                "- gap\n" if kind == GAP else "- classifier: linear\n" if is_last else "- linear: 32 * width\n"
            )
    return "".join(parts)


def templates(wish: Wish) -> tuple[Template, ...]:
    """The networks to try in turn; only one if a pack requires an order of layers."""
    if wish.rules(Layout):
        return (Template("The order of layers that the rules ask for.", _layout),)
    return TEMPLATES


TEMPLATES = (
    Template("Stages of depthwise separable convs with skips around them.", _separable, (2, 1)),
    Template("Four stages and an output: C1 to C4, the first three each halve the map.", lambda wish: _ASSIGNMENT),
)
