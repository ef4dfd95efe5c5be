"""augment: random changes of the training images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Annotated, ClassVar

from pydantic import Field

from archbuilder.diagnostics import Span
from archbuilder.remedy import Change, Hint, Insert, written
from archbuilder.rules.packs.kinds import register
from archbuilder.rules.packs.kinds.dataset import Dataset
from archbuilder.rules.packs.kinds.image import Image
from archbuilder.rules.packs.network import Network
from archbuilder.rules.packs.rule import DATA, Evidence, Miss, Outcome, Rule, are_required, missed
from archbuilder.schema.model import Child
from archbuilder.spec.architecture import Architecture
from archbuilder.spec.augmentations import AUGMENTATIONS, Augmentation, CoarseDropout, ShiftScaleRotate
from archbuilder.spec.data import DATASETS, Data

# the mean of a data set's training images in grey levels, for files that state it instead of `fill: mean`
MEANS = {"cifar10": (125.3, 123.0, 113.9)}
LEVEL = 1.0  # how far a stated level may be from the mean


@register
class Augment(Rule):
    """The file must have each of these augmentations, with any probability over 0.

    Fields given in the rule must have these values, in either spelling; other fields are free, but a shift_scale_rotate
    must change something. There must be exactly one coarse_dropout (a second one would add holes), with this number and
    size of holes and this fill.
    """

    POSITIONAL: ClassVar[str] = "has"
    EXAMPLE: ClassVar[str] = (
        "augment: [horizontal_flip, {coarse_dropout: {holes: 1, height: 16, width: 16, fill: mean}}]"
    )
    REJECTS: ClassVar[dict[str, str]] = {
        "augment": "AB102",
        "augment: [flip]": "AB101",
        "augment: [{coarse_dropout: {holes: 1}}]": "AB103",
    }

    has: Annotated[
        tuple[Augmentation, ...],
        Child(AUGMENTATIONS.read_list, {"type": "array", "items": AUGMENTATIONS}),
        Field(min_length=1, description="augmentations as in data:"),
    ]

    def excludes(self, other: Rule) -> str:
        if isinstance(other, Augment):
            return next(_apart(self.has, other.has), "")
        shape = DATASETS[other.called][0] if isinstance(other, Dataset) else None
        shape = other.input if isinstance(other, Image) else shape
        misfits = (each.misfit(shape)[0] for each in self.has) if shape else ()
        return next(filter(None, misfits), "")

    def judge(self, net: Network) -> Outcome:
        data = net.spec.data
        if data is None:
            message = f"there is no data: section, {', '.join(map(word_of, self.has))} {are_required(len(self.has))}"
            return missed(DATA, message, _section(self.has, net.spec))
        by: list[Evidence] = []
        misses: list[Miss] = []
        for wanted in self.has:
            found = [each for each in data.augment if type(each) is type(wanted)]
            problems = list(_problems(wanted, found, data))
            misses += problems
            by += [Evidence(word_of(each), each.span().line) for each in found if not problems]
        return Outcome(tuple(by), misses=tuple(misses))


def _apart(mine: Sequence[Augmentation], theirs: Sequence[Augmentation]) -> Iterator[str]:
    """Why images cannot be augmented in both ways: only one coarse_dropout is allowed."""
    for one, other in product(mine, theirs):
        if isinstance(one, CoarseDropout) and isinstance(other, CoarseDropout):
            for name in ("holes", "height", "width"):
                ours, others = (getattr(each, f"{name}_range") for each in (one, other))
                if ours != others:
                    yield f"coarse_dropout with {name} {_range(ours)} and {_range(others)}"
            fills = {one.filling, other.filling}
            if len(fills) > 1 and not ("mean" in fills and any(isinstance(fill, tuple) for fill in fills)):
                yield f"coarse_dropout filled with {_level(one)} and {_level(other)}"


def word_of(augmentation: Augmentation) -> str:
    """The word for an augmentation in YAML."""
    return next(name for name in AUGMENTATIONS.names() if AUGMENTATIONS.find(name) is type(augmentation))


def _written(augmentation: Augmentation) -> str:
    """An augmentation as the pack writes it."""
    fields = augmentation._node.plain() if augmentation._node else None
    word = word_of(augmentation)
    return f"{word}: {written(fields)}" if isinstance(fields, dict) and fields else word


def _section(wanted: Sequence[Augmentation], spec: Architecture) -> Hint:
    """The remedy for a missing section: a data set whose images fit the network, and the augmentations."""
    fitting = [name for name, (shape, classes) in DATASETS.items() if (shape, classes) == (spec.input, spec.classes)]
    if not fitting:
        return "add data: with dataset: and augment:"
    items = ", ".join(f"{{{text}}}" if ":" in text else text for text in map(_written, wanted))
    return Change({"data": f"{{dataset: {fitting[0]}, augment: [{items}]}}"}, at=(), say="add {}")


def _problems(wanted: Augmentation, found: Sequence[Augmentation], data: Data) -> Iterator[Miss]:
    """What is wrong with the augmentations of one kind."""
    word = word_of(wanted)
    active = [each for each in found if each.p > 0]
    if not found:
        hint = Insert((_written(wanted),), at=("data", "augment"), say="add {} under data: augment:")
        yield Miss(DATA, f"there is no {word}", hint, data.span("augment"))
    elif not active:
        yield Miss(DATA, f"{word} has p: 0 and is never applied", _set(p=0.5), found[0].span("p"))
    elif isinstance(wanted, CoarseDropout) and len(active) > 1:
        message = f"{len(active)} coarse_dropout can make holes in the same image"
        yield Miss(DATA, message, "keep one of them", active[1].span())
    else:
        misses = [list(_differences(wanted, each, data)) for each in active]
        yield from min(misses, key=len)  # the closest one


def _differences(wanted: Augmentation, found: Augmentation, data: Data) -> Iterator[Miss]:
    if isinstance(wanted, CoarseDropout) and isinstance(found, CoarseDropout):
        yield from _holes(wanted, found, data)
    elif isinstance(wanted, ShiftScaleRotate) and isinstance(found, ShiftScaleRotate):
        yield from _strengths(wanted, found)
    else:
        for name in sorted(wanted.model_fields_set - {"p"}):
            if getattr(wanted, name) != getattr(found, name):
                message = f"{word_of(found)} has another {name} than {getattr(wanted, name)}, which is required"
                yield Miss(DATA, message, _set(**{name: getattr(wanted, name)}), _place(found, name))


def _holes(wanted: CoarseDropout, found: CoarseDropout, data: Data) -> Iterator[Miss]:
    for name in ("holes", "height", "width"):
        want, have = getattr(wanted, f"{name}_range"), getattr(found, f"{name}_range")
        if want != have:
            message = f"coarse_dropout has {name} {_range(have)}, but {_range(want)} is required"
            others = (f"max_{name}", f"min_{name}")
            hint = _set(others, **{name: want[0] if want[0] == want[1] else want})
            yield Miss(DATA, message, hint, _place(found, name, *others))
    if wanted.filling != found.filling and not (wanted.filling == "mean" and _is_mean(found, data)):
        message = f"coarse_dropout fills its holes with {_level(found)}, but {_level(wanted)} is required"
        yield Miss(DATA, message, _set(("fill_value",), fill=wanted.filling), _place(found, "fill", "fill_value"))


def _strengths(wanted: ShiftScaleRotate, found: ShiftScaleRotate) -> Iterator[Miss]:
    names = ("shift", "scale", "rotate")
    if not any(any(getattr(found, f"{name}_range")) for name in names):
        message = "shift_scale_rotate has no effect: it shifts, scales and rotates by 0"
        yield Miss(DATA, message, _set(shift=0.0625, scale=0.1, rotate=15), found.span())
    for name in names:
        want, have = getattr(wanted, f"{name}_range"), getattr(found, f"{name}_range")
        if want != have and wanted.model_fields_set & {name, f"{name}_limit"}:
            message = f"shift_scale_rotate has {name} {_range(have)}, but {_range(want)} is required"
            hint = _set((f"{name}_limit",), **{name: want})
            yield Miss(DATA, message, hint, _place(found, name, f"{name}_limit"))


def _set(instead_of: Sequence[str] = (), **values: object) -> Change:
    """The remedy for other values: set these, and replace albumentations' names by ours."""
    return Change({name: written(value) for name, value in values.items()}, instead_of, say="{}")


def _place(found: Augmentation, *names: str) -> Span:
    """The place of the field in the file, under any of its names."""
    return found.span(next((name for name in names if name in found.model_fields_set), names[0]))


def _range(ends: tuple[float, float]) -> str:
    return f"{ends[0]:g}" if ends[0] == ends[1] else f"{ends[0]:g} to {ends[1]:g}"


def _level(dropout: CoarseDropout) -> str:
    filling = dropout.filling
    return "the data set's mean" if filling == "mean" else str(filling)


def _is_mean(found: CoarseDropout, data: Data) -> bool:
    """Whether stated levels are the mean of the data set."""
    mean, filling = MEANS.get(data.dataset), found.filling
    return (
        mean is not None
        and isinstance(filling, tuple)
        and len(filling) == len(mean)
        and all(abs(a - b) <= LEVEL for a, b in zip(filling, mean, strict=True))
    )
