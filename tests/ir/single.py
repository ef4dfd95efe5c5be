"""Single blocks of random networks: convs, pools, norms and what they have of fields."""

from __future__ import annotations

from dataclasses import replace
from math import gcd
from typing import Any

from tests.ir.choices import Choices, Map, Named, Pair, Window

Item = Any  # one entry of a list of blocks, as YAML has it

WIDEST = 12  # channels
FIELD = 100  # pixels that the field may span before the writer stops to widen it
COARSEST = 8  # effective stride before the writer stops to stride


class Single:
    """Writes one block at a time, sized to fit the current map."""

    window: Window | None = None  # of the conv that was written last

    def __init__(self, choices: Choices) -> None:
        self.among = choices.among
        self.map = Map(self.among([1, 2, 3, 4]), (self.among(range(5, 25)), self.among(range(5, 25))))
        self.variables: dict[str, int] = {}
        self.defaults: dict[str, Any] = {}
        self.names = 0
        self.named: list[Named] = []
        self.cell: list[Item] = []  # the blocks of the definition, where the file has one

    def chance(self, percent: int) -> bool:
        return self.among(range(100)) >= 100 - percent  # the simplest choice is no

    def expression(self, number: int) -> Any:
        """A number as it is, or as arithmetic over the variables that comes to it."""
        if not self.variables or not self.chance(40):
            return number
        name = self.among(sorted(self.variables))
        value = self.variables[name]
        if self.chance(30):
            return f"({number * 3} + {name} - {value}) // 3"
        return name if value == number else f"{number // value} * {name} + {number % value}"

    # ---- single blocks ----

    def conv(self, depth: int, still: bool, repeated: bool) -> Item:
        kind = self.among(["conv", "conv", "dilated", "strided", "grouped", "conv"])
        if still and kind == "strided":
            kind = "conv"
        out = self.among(range(1, 9))
        fields: dict[str, Any] = {}
        common = [n for n in range(2, WIDEST + 1) if gcd(self.map.c, out) % n == 0]
        if kind == "grouped" and (repeated or not common):
            kind = "conv"
        if kind == "grouped":
            fields["groups"] = self.among(common)
        elif common and kind == "conv" and not repeated and self.chance(15):
            fields["groups"] = self.among([1, *common])
        self.slide(kind, fields, still, repeated)
        fields |= self.decoration(out)
        self.map = replace(self.map, c=out)
        if not fields and self.chance(60):
            return {kind: self.expression(out)}
        return {kind: {"out": self.expression(out), **fields}}

    def separable(self, depth: int, still: bool, repeated: bool) -> Item:
        fields: dict[str, Any] = {}
        if self.chance(30):
            fields["multiplier"] = self.among([1, 2])
        self.slide("depthwise_separable", fields, still, repeated)
        out = self.among(range(1, 9))
        self.map = replace(self.map, c=out)
        fields |= self.decoration(out)
        return {"depthwise_separable": {"out": self.expression(out), **fields} if fields else out}

    def depthwise(self, depth: int, still: bool, repeated: bool) -> Item:
        fields: dict[str, Any] = {}
        if not repeated and 2 * self.map.c <= WIDEST and self.chance(50):
            fields["multiplier"] = self.expression(2)
            self.map = replace(self.map, c=2 * self.map.c)
        self.slide("depthwise", fields, still, repeated)
        fields |= self.decoration(1 if repeated else self.map.c)
        return {"depthwise": fields} if fields else "depthwise"

    def pointwise(self, depth: int, still: bool, repeated: bool) -> Item:
        out = self.among(range(1, 9))
        fields = self.decoration(out)
        if not still and max(self.map.stride) < COARSEST and self.chance(15):
            fields["stride"] = 2
        stride = (fields.get("stride", 1),) * 2
        pads = self.pads(self.defaults.get("padding", "same"), (1, 1), (1, 1))
        if pads != (0, 0) and (still or repeated or self.chance(80)):
            fields["padding"], pads = "same", (0, 0)
        self.window = ((1, 1), stride, (1, 1), pads)
        self.map = replace(self.map.window(*self.window) or self.map, c=out)
        return {"pointwise": {"out": self.expression(out), **fields} if fields else out}

    def pool(self, depth: int, still: bool, repeated: bool) -> Item:
        kernel = self.among([(2, 2), (3, 3), (2, 1), (1, 3), (3, 2)])
        stride = self.among([None, (1, 1), (2, 2), (2, 1)])
        padding = self.among([(0, 0), (0, 0), tuple(k // 2 for k in kernel)])
        kind = self.among(["max_pool", "avg_pool"])
        dilation = (2, 1) if kind == "max_pool" and self.chance(20) else (1, 1)
        pads = (2 * padding[0], 2 * padding[1])
        ceil = self.chance(40)
        after = self.map.window(kernel, stride or kernel, dilation, pads, ceil)
        if after is None or max(after.stride) > COARSEST:
            return "activation"
        self.map = after
        fields: dict[str, Any] = {"kernel": self.size(kernel)}
        if stride:
            fields["stride"] = self.size(stride)
        if padding != (0, 0):
            fields["padding"] = self.size(padding)
        if dilation != (1, 1):
            fields["dilation"] = self.size(dilation)
        if ceil:
            fields["ceil_mode"] = True
        if kind == "avg_pool" and self.chance(20):
            fields["count_include_pad"] = False
        return {kind: fields if len(fields) > 1 else fields["kernel"]}

    def pad(self) -> Any:
        """Pixels around the map, channels of zeros, or both."""
        fields: dict[str, Any] = {}
        if self.chance(50):
            self.map = replace(self.map, c=self.map.c + 2)
            fields["channels"] = self.among([1, [0, 2], [2, 0]])
        if not fields or self.chance(30):
            top, bottom, left, right = sides = self.among([(1, 1, 1, 1), (0, 1, 0, 1), (2, 0, 0, 3)])
            height, width = self.map.size
            self.map = replace(self.map, size=(height + top + bottom, width + left + right), halved=False)
            fields["padding"] = list(sides)
            if min(height, width) > max(sides):
                fields["padding_mode"] = self.among(["zeros", "reflect", "replicate", "circular"])
        return fields

    def resize(self, depth: int, still: bool, repeated: bool) -> Item:
        """A pool to a size, or a larger map; no window slides over these."""
        if max(self.map.size) <= 12 and self.chance(40):
            self.map = replace(self.map, size=(2 * self.map.size[0], 2 * self.map.size[1]), halved=False)
            return {"upsample": {"factor": 2, "mode": self.among(["nearest", "bilinear"])} if self.chance(50) else 2}
        parts = [self.among([d for d in (2, 3, 1) if n % d == 0]) for n in self.map.size]
        if self.chance(30):
            parts = [self.among([2, 3]) for _ in self.map.size]
        size = tuple(max(1, n // part) for n, part in zip(self.map.size, parts, strict=True))
        strides = tuple(s * part for s, part in zip(self.map.stride, parts, strict=True))
        if max(strides) > COARSEST:
            return "norm"
        self.map = replace(self.map, size=size, stride=strides, halved=False)
        return {self.among(["adaptive_avg_pool", "adaptive_max_pool"]): list(size)}

    def single(self, depth: int, still: bool, repeated: bool) -> Item:
        kind = self.among(
            ["norm", "activation", "dropout", "scale", "squeeze_excite", "channel_shuffle", "rescale", "pad"]
        )
        if kind == "scale":
            return {kind: 0.1} if self.chance(70) else kind
        if kind == "squeeze_excite":
            fields = {"ratio": self.among([1, 2, 3]), "gate": "hardsigmoid"}
            fields |= {"activation": self.activation()} if self.chance(30) else {}
            fields |= {"bias": False} if self.chance(30) else {}
            return {kind: fields} if self.chance(70) else kind
        if kind == "rescale":
            each = [[0.5] * self.map.c] if not repeated else []
            return {kind: self.among([0.5, {"scale": 2, "offset": -0.25}, *each])}
        if kind == "pad":
            if still or repeated or self.map.c + 2 > WIDEST:
                return "activation"
            return {kind: self.pad()}
        if kind == "channel_shuffle":
            divisors = [n for n in range(1, self.map.c + 1) if self.map.c % n == 0]
            return {kind: 1 if repeated else self.among(divisors)}
        if kind == "activation" and self.map.c > 1 and self.chance(20):
            return {kind: {"kind": "prelu", "channels": True}}
        if kind == "activation":
            return {kind: self.activation()} if self.chance(70) else kind
        if kind == "dropout":
            return {kind: self.dropout()} if self.chance(70) else kind
        return {kind: self.norm(1 if repeated else self.map.c)} if self.chance(70) else kind

    # ---- fields ----

    def slide(self, kind: str, fields: dict[str, Any], still: bool, repeated: bool) -> None:
        """Adds kernel, stride, dilation and padding that fit the current map; makes the new map."""
        before = self.map
        kernel = self.kernel() if self.chance(60) else (3, 3)
        dilation = (2, 2) if kind == "dilated" else (1, 1)
        stride = (2, 2) if kind == "strided" else (1, 1)
        written: dict[str, Any] = {} if kernel == (3, 3) else {"kernel": self.size(kernel)}
        if self.chance(50) and (kind == "dilated" or self.chance(20)):
            dilation = self.among([(2, 2), (3, 3), (2, 1), (1, 3)])
            written["dilation"] = self.size(dilation)
        if kind == "strided" and max(before.stride) > COARSEST / 2:
            stride = (1, 2)
            written["stride"] = [1, 2]
        elif not still and max(before.stride) <= COARSEST / 3 and self.chance(50 if kind == "strided" else 8):
            stride = self.among([(2, 2), (3, 3), (2, 1), (1, 2), (3, 2)])
            written["stride"] = self.size(stride)
        total = tuple(d * (k - 1) for k, d in zip(kernel, dilation, strict=True))
        padding = self.defaults.get("padding", "same")
        if self.chance(30):
            padding = self.padding(total, keep=still or repeated)
            written["padding"] = padding
        after = before.window(kernel, stride, dilation, self.pads(padding, kernel, dilation))
        if after is None or (not after.halved and (still or repeated)) or max(after.size) > 40:
            padding = written["padding"] = "same"
            after = before.window(kernel, stride, dilation, total)
        assert after is not None  # padded by the whole span, every window fits
        if not repeated and max(total) < min(before.size) and padding == "same" and self.chance(10):
            written["padding_mode"] = self.among(["reflect", "replicate", "circular"])
        self.map, self.window = after, (kernel, stride, dilation, self.pads(padding, kernel, dilation))
        fields |= written

    def kernel(self) -> Pair:
        return self.among([(3, 3), (1, 1), (2, 2), (5, 5), (4, 4), (1, 3), (3, 2), (5, 1), (1, 1), (7, 3)])

    def padding(self, total: Pair, keep: bool) -> Any:
        """A padding, uneven ones among them; with `keep` its sum is `total` along each axis."""
        (top, left) = (self.among(range(n + 1)) for n in total)
        uneven = [top, total[0] - top, left, total[1] - left]
        if keep:
            return self.among(["same", uneven])
        sides = [self.among([0, 1, 2, 3]) for _ in range(4)]
        return self.among(["same", "valid", 0, 1, [1, 2], [2, 0], uneven, sides])

    def pads(self, padding: Any, kernel: Pair, dilation: Pair) -> Pair:
        """The pixels that a padding adds along each axis."""
        if padding in ("same", "valid"):
            return tuple((padding == "same") * d * (k - 1) for k, d in zip(kernel, dilation, strict=True))
        if isinstance(padding, int):
            return (2 * padding, 2 * padding)
        if len(padding) == 2:
            return (2 * padding[0], 2 * padding[1])
        return (padding[0] + padding[1], padding[2] + padding[3])

    def size(self, pair: Pair) -> Any:
        if pair[0] == pair[1] and self.chance(70):
            return self.expression(pair[0])
        return [self.expression(pair[0]), pair[1]]

    def decoration(self, channels: int) -> dict[str, Any]:
        """Fields of a conv that leave its map alone."""
        fields: dict[str, Any] = {}
        if self.chance(25):
            fields["norm"] = self.norm(channels)
        if self.chance(25):
            fields["activation"] = self.activation()
        if self.chance(10):
            fields["dropout"] = self.dropout()
        if self.chance(15):
            fields["order"] = self.order()
        if self.chance(15):
            fields["bias"] = self.among([True, False, "auto"])
        if self.chance(8):
            fields["frozen"] = True
        if self.chance(20):
            fields["name"] = self.name("n")
        return fields

    def norm(self, channels: int) -> Any:
        common = [n for n in range(1, channels + 1) if channels % n == 0 and n < channels] or [1]
        group = {"kind": "group", "groups": self.among(common)} if channels != WIDEST else {"kind": "group"}
        instance = self.among(["instance", {"kind": "instance", "affine": True}])
        plain = self.among([{"kind": "batch", "affine": False}, {"kind": "batch", "eps": 0.001, "momentum": 0.03}])
        return self.among(["batch", "none", "batch", "none", "layer", group, plain, "group", instance])

    def activation(self) -> Any:
        kinds = "none relu relu6 leaky_relu prelu elu selu gelu silu mish hardswish hardsigmoid sigmoid tanh".split()
        return self.among([*kinds, {"kind": "leaky_relu", "slope": 0.2}])

    def dropout(self) -> Any:
        return self.among([0, 0.1, {"p": 0.25, "channels": True}])

    def order(self) -> str:
        orders = "conv-norm-act-dropout conv-act-norm norm-act-conv conv act-conv norm-dropout-act-conv"
        return self.among([*orders.split(), "conv-norm-act-norm"])

    def name(self, letter: str) -> str:
        self.names += 1
        return f"{letter}{self.names}"
