"""Random networks as YAML text, written so that most of them are valid.

The writer keeps its own account of the map that each block makes, only to choose sizes that fit;
nothing is tested against it.  It draws from `random.Random` (tests.fuzz) or from Hypothesis.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import yaml
from hypothesis import strategies as st

from tests.ir.choices import Drawn, Map, Named
from tests.ir.single import COARSEST, FIELD, WIDEST, Item, Single


@st.composite
def networks(draw: Callable[..., Any]) -> str:
    """YAML texts of networks, most of them valid."""
    return Writer(Drawn(draw)).network()


class Writer(Single):
    """Writes one network."""

    # ---- the file ----

    def network(self) -> str:
        file: dict[str, Any] = {"archbuilder": 1, "input": [self.map.c, *self.map.size]}
        if self.chance(60):
            file["vars"] = self.vars()
        if self.chance(30):
            file["defaults"] = self.defaults = self.some_defaults()
        if self.chance(25):
            file["define"] = {"cell": {"params": {"n": None, "k": 3}, "blocks": self.cell_blocks()}}
        blocks = self.blocks(self.among([1, 2, 3, 4, 5, 6, 7, 8]), depth=0)
        if self.chance(50):
            classes = self.among([2, 3, 10])
            file["classes"] = self.expression(classes)
            blocks += self.head(classes)
        elif self.chance(40):
            blocks += self.among([["gap"], ["flatten"], [self.whole_pool()], [self.whole_pool(), "flatten"]])
        file["network"] = blocks
        return yaml.safe_dump(file, sort_keys=False, default_flow_style=self.among([None, False, True]), width=100)

    def vars(self) -> dict[str, Any]:
        self.variables = {"a": self.among(range(1, 7))}
        written: dict[str, Any] = dict(self.variables)
        if self.chance(50):
            self.variables["b"] = 2 * self.variables["a"] - 1
            written["b"] = self.among(["2 * a - 1", "a + a - 1", "(a * 4 - 2) // 2"])
        return written

    def cell_blocks(self) -> list[Item]:
        """The blocks of a definition with the parameters n, its channels, and k, a kernel."""
        first = {"conv": {"out": "n + 1", "kernel": "k", "padding": "same"}}
        last = {self.among(["pointwise", "depthwise_separable"]): {"out": "n", "padding": "same"}}
        self.cell = [{"skip": {"blocks": [first, last]}}] if self.chance(40) else [first, last]
        return self.cell

    def some_defaults(self) -> dict[str, Any]:
        options: dict[str, Any] = {
            "norm": self.norm(WIDEST),
            "activation": self.activation(),
            "dropout": self.dropout(),
            "order": self.order(),
            "padding": self.among(["same", 1, "valid", [1, 2]]),
            "bias": self.among([True, False, "auto"]),
        }
        return {key: value for key, value in options.items() if self.chance(30)}

    def head(self, classes: int) -> list[Item]:
        flat = [self.whole_pool(), "gap", "gap"]
        return self.among(
            [
                ["gap", "classifier"],
                ["classifier", "gap"],
                [self.among(flat), {"classifier": "linear"}],
                ["flatten", {"linear": self.expression(classes)}],
                ["gap", "flatten", {"linear": {"out": 5, "bias": False}}, "activation", {"linear": {"out": classes}}],
                ["classifier", self.whole_pool(), "flatten"],
                [{"classifier": {"kind": "linear", "bias": False}}],
            ]
        )

    def whole_pool(self) -> Item:
        return {self.among(["avg_pool", "max_pool"]): {"kernel": list(self.map.size)}}

    # ---- lists of blocks ----

    def blocks(self, count: int, depth: int, still: bool = False, repeated: bool = False) -> list[Item]:
        """So many blocks, one after the other.  `still` ones keep height and width; `repeated` ones
        must fit whatever stands before them."""
        return [self.block(depth, still, repeated) for _ in range(count)]

    def block(self, depth: int, still: bool, repeated: bool) -> Item:
        wide = self.map.field > FIELD
        kinds = [self.pointwise] if wide else [self.conv] * 6 + [self.separable, self.depthwise]
        kinds += [self.pointwise, self.single]
        if not still and not repeated and not wide:
            kinds += [self.pool, self.pool, self.resize]
        if depth <= 2:
            kinds += [self.skip, self.skip, self.stage, self.repeat, self.branches]
        if self.cell and not wide:
            kinds += [self.composite, self.composite]
        if self.named and not repeated:
            kinds += [self.join] + [self.use] * 4 * bool(self.usable(still))
        before, named = self.map, len(self.named)
        item = self.among(kinds)(depth, still, repeated)
        fields = next(iter(item.values())) if isinstance(item, dict) else {}
        if isinstance(fields, dict) and "name" in fields and not repeated and len(self.named) == named:
            self.named.append(Named(fields["name"], before, self.map, self.window))
        self.window = None
        return item

    def composite(self, depth: int, still: bool, repeated: bool) -> Item:
        channels, kernel = self.among(range(1, 9)), self.among([3, 3, 1, 2, 5])
        steps = 2 * max(self.map.stride) * (kernel - 1)
        self.map = replace(self.map, c=channels, field=self.map.field + steps)
        if kernel == 3:
            return {"cell": self.among([channels, {"n": self.expression(channels)}])}
        return {"cell": {"n": self.expression(channels), "k": kernel}}

    def use(self, depth: int, still: bool, repeated: bool) -> Item:
        """The layers of an earlier block once more."""
        named, after = self.among(self.usable(still))
        self.map = after
        return {"use": named.name}

    def usable(self, still: bool) -> list[tuple[Named, Map]]:
        """Earlier blocks that fit here, where the channels are what they were, and the maps that they would make."""
        found = []
        for named in self.named:
            after = self.map.window(*named.window) if named.window else None
            if after is None or named.before.c != self.map.c or (still and after.size != self.map.size):
                continue
            after = replace(after, c=named.after.c, field=self.map.field + named.after.field - named.before.field)
            if max(after.stride) <= COARSEST and after.field < 2 * FIELD:
                found.append((named, after))
        return found

    def join(self, depth: int, still: bool, repeated: bool) -> Item:
        """The current map with earlier ones of its size and stride."""
        earlier = [n for n in self.named if n.after is not self.map]  # a value meets itself once
        alike = [n for n in earlier if (n.after.size, n.after.stride) == (self.map.size, self.map.stride)]
        equal = [n for n in alike if n.after.c == self.map.c]
        if equal and self.chance(70):
            names = [n.name for n in equal[-self.among([1, 2]) :]]
            self.map = replace(self.map, field=max(self.map.field, *(n.after.field for n in equal)))
            return {"join": {"from": names, "merge": self.among(["add", "add", "multiply"])}}
        if alike and self.map.c + alike[-1].after.c <= WIDEST:
            other = alike[-1].after
            self.map = replace(self.map, c=self.map.c + other.c, field=max(self.map.field, other.field))
            return {"join": {"from": [alike[-1].name], "merge": "concat"}}
        return "norm"

    def stage(self, depth: int, still: bool, repeated: bool) -> Item:
        if not repeated and self.chance(25):
            return {"stage": self.reusable(depth, self.map)}
        blocks = self.blocks(self.among([1, 2, 3]), depth + 1, still, repeated)
        return {"stage": {"name": self.name("C"), "blocks": blocks} if self.chance(80) else {"blocks": blocks}}

    def reusable(self, depth: int, before: Map) -> dict[str, Any]:
        """A stage that gives back the shape that it takes, so that `use` can run it again."""
        blocks = self.blocks(self.among([1, 2]), depth + 1, still=True, repeated=True)
        stage = {"name": self.name("C"), "blocks": [*blocks, self.closing(before.c)]}
        self.named.append(Named(stage["name"], before, self.map, ((1, 1), (1, 1), (1, 1), (0, 0))))
        return stage

    def repeat(self, depth: int, still: bool, repeated: bool) -> Item:
        """Blocks that fit again on what they made: only such as make ceil(n / stride) of n."""
        before = self.map
        self.map = replace(before, halved=True)
        blocks = self.blocks(self.among([1, 2]), depth + 1, still, repeated=True)
        growth, strides = self.map.field - before.field, self.map.over(before)
        self.map = replace(before, c=self.map.c)
        times = 0
        for _ in range(self.among([2, 2, 3])):
            after = self.map.window((1, 1), strides, (1, 1), (0, 0))
            if after is None or (times and (after.field + growth > 2 * FIELD or max(after.stride) > COARSEST)):
                break
            self.map = replace(after, field=after.field + growth)
            growth *= max(strides)
            times += 1
        return {"repeat": {"times": self.expression(times), "blocks": blocks}}

    def branches(self, depth: int, still: bool, repeated: bool) -> Item:
        """Paths of equal strides; for add and multiply of equal channels."""
        before, count = self.map, self.among([2, 2, 3])
        merge = self.among(["concat", "concat", "add", "multiply"])
        stride = (2, 2) if not still and max(before.stride) < COARSEST and self.chance(25) else (1, 1)
        parts = self.parts(before.c, count) if not repeated and self.chance(30) else ()
        paths, channels, field = [], 0, before.field
        out = before.c if self.chance(30) else self.among([1, 2, 3, 4])
        for number in range(count):
            self.map = replace(before, c=parts[number]) if parts else before
            if stride == (1, 1) and not repeated and self.chance(25) and (merge == "concat" or out == self.map.c):
                path = []
            elif stride == (1, 1) and not repeated and max(before.size) <= 12 and self.chance(20):
                path = self.whole_image(out)
            else:
                path = self.blocks(self.among([0, 0, 1, 2]), depth + 1, still=True, repeated=True)
                path.append({"conv": self.plain(out, list(self.kernel()), list(stride), "same")})
                self.map = replace(self.map, c=out)
            channels = self.map.c + (channels if merge == "concat" else 0)
            field = max(field, self.map.field + 6 * max(before.stride))
            paths.append(path)
        self.map = replace(before.window((1, 1), stride, (1, 1), (0, 0)) or before, c=channels, field=field)
        fields: dict[str, Any] = {"paths": paths}
        if merge != "concat" or self.chance(20):
            fields["merge"] = merge
        if parts:
            fields["split"] = True if len(set(parts)) == 1 and self.chance(50) else list(parts)
        return {"branches": fields}

    def parts(self, channels: int, count: int) -> tuple[int, ...]:
        """How many channels each of so many paths gets; none where there are too few."""
        if channels % count == 0 and self.chance(50):
            return (channels // count,) * count
        first = (1,) * (count - 1)
        return (*first, channels - sum(first)) if channels >= count else ()

    def whole_image(self, out: int) -> list[Item]:
        """What the whole map looks like, at every unit: a global pool that ends nothing, as in ASPP."""
        size, stride = self.map.size, max(self.map.stride)
        self.map = replace(self.map, c=out, field=self.map.field + 3 * stride * max(size))
        return ["gap", {"conv": self.plain(out, [1, 1], [1, 1], "same")}, {"upsample": list(size)}]

    def skip(self, depth: int, still: bool, repeated: bool) -> Item:
        before = self.map
        self.map = replace(before, halved=True)
        # repeated, a concatenation would grow each time
        merge = self.among(["add", "add", "multiply"] if repeated else ["add", "add", "concat", "multiply"])
        body = self.blocks(self.among([1, 1, 2, 3]), depth + 1, still or self.chance(40), repeated or self.chance(85))
        if self.chance(35):
            body.append(self.closing(before.c))
        made = self.map
        shortcut = self.shortcut(before, made, merge, depth, repeated)
        channels = made.c
        if merge == "concat":
            channels += self.map.c if isinstance(shortcut, list) else before.c
        field = max(made.field, self.map.field)
        self.map = Map(channels, made.size, made.stride, field, before.halved and made.halved)
        fields: dict[str, Any] = {"blocks": body}
        if shortcut != "auto" or self.chance(30):
            fields["shortcut"] = shortcut
        if merge != "add" or self.chance(30):
            fields["merge"] = merge
        if shortcut == "auto" and self.chance(30):
            fields["norm"] = self.norm(made.c)
        return {"skip": fields}

    def closing(self, channels: int) -> Item:
        """A 1x1 conv back to the channels of the block's input, so that the identity fits."""
        self.map = replace(self.map, c=channels)
        return {"pointwise": {"out": channels, "padding": 0}}

    def shortcut(self, before: Map, made: Map, merge: str, depth: int, repeated: bool) -> Any:
        """A shortcut from `before` that meets what the body made; the current map is its end."""
        strides = made.over(before)
        fits = strides == (1, 1) and made.size == before.size and (merge == "concat" or made.c == before.c)
        if fits and not repeated and self.chance(50):
            self.map = before
            return "identity"
        channels = made.c if merge != "concat" else self.among([made.c, 1, 3])
        lost = tuple(n - m for n, m in zip(before.size, made.size, strict=True))
        self.map = before
        if made.halved and self.chance(40):
            path = self.blocks(self.among([0, 1]), depth + 1, still=True, repeated=True)
            path.append({"conv": self.plain(channels, list(self.kernel()), list(strides), "same")})
        elif not made.halved and strides == (1, 1) and min(lost) >= 0:
            path = [{"conv": self.plain(channels, [1 + n for n in lost], [1, 1], "valid")}]
        else:
            return "auto"
        self.map = replace(self.map, c=channels)
        return path

    def plain(self, out: int, kernel: list[int], stride: list[int], padding: str) -> dict[str, Any]:
        return {"out": self.expression(out), "kernel": kernel, "stride": stride, "padding": padding}
