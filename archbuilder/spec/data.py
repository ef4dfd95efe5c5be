"""The `data:` section: the images, the batch size, the augmentation.

data:
  dataset: cifar10            # or digits, mnist ..., a file: images.npz, a folder: ./photos
  batch_size: 128
  engine: tensor              # who augments: albumentations (the default), or tensor code on whole batches
  augment: [horizontal_flip, {random_crop: {padding: 4}}]
"""

import re
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, SerializeAsAny

from archbuilder.diagnostics import Diagnostic, declare, nearest
from archbuilder.remedy import Change, written
from archbuilder.schema.fields import Check, Positive, Variables, bounded, failure, integer, number, reads
from archbuilder.schema.model import Child, Model
from archbuilder.spec.augmentations import AUGMENTATIONS, Augmentation, ColorJitter, HorizontalFlip, Shape, ToGray

MAX_WORKERS = 128

INPUT = declare(
    "AB601",
    "images that do not fit the network",
    why=(
        "The network is made for images of one size and for a number of classes, and the data set has others. Training "
        "would stop at the first batch, or count classes that do not exist."
    ),
    bad="""\
input: [3, 28, 28]
classes: 10
network: [{conv: 16}, gap, classifier]
data: {dataset: cifar10}""",
    good="""\
classes: 10
network: [{conv: 16}, gap, classifier]
data: {dataset: cifar10}""",
)
AUGMENT = declare(
    "AB602",
    "an augmentation that does not fit the images",
    why=(
        "Images of this size or with this number of channels cannot be changed in this way: for example, a hole is "
        "larger than the image, or a fill has three levels and the image one channel."
    ),
    bad="data: {dataset: cifar10, augment: [{coarse_dropout: {height: 40, width: 40}}]}",
    good="data: {dataset: cifar10, augment: [{coarse_dropout: {height: 16, width: 16}}]}",
)
ENGINE = declare(
    "AB614",
    "an augmentation that the engine does not support",
    why=(
        "albumentations sees one image at a time and does not know the epoch, so it cannot alternate between epochs; "
        "and it cannot turn images with a single row or column to grey."
    ),
    bad="data: {dataset: cifar10, augment: [{horizontal_flip: {alternate: true}}]}",
    good="data: {dataset: cifar10, engine: tensor, augment: [{horizontal_flip: {alternate: true}}]}",
)
WORKERS = declare(
    "AB615",
    "worker processes that would have nothing to do",
    severity="warning",
    why=(
        "Worker processes run albumentations. The engine tensor augments whole batches on the device of the network "
        "and needs none."
    ),
    bad="data: {dataset: cifar10, engine: tensor, workers: 2}",
    good="data: {dataset: cifar10, workers: 2}",
)

GREY = declare(
    "AB621",
    "a change of colour that has no effect on grey images",
    severity="warning",
    why="Grey images have brightness and contrast. Changing saturation or hue has no effect on them.",
    bad="""\
input: [1, 8, 8]
classes: 10
network: [{conv: 16}, gap, classifier]
data: {dataset: digits, augment: [{color_jitter: {contrast: 0.2, hue: 0.1}}]}""",
    good="""\
input: [1, 8, 8]
classes: 10
network: [{conv: 16}, gap, classifier]
data: {dataset: digits, augment: [{color_jitter: {contrast: 0.2}}]}""",
)

SUBSET = declare(
    "AB640",
    "a subset that cannot be taken from the training images",
    why=(
        "A subset has the same share of every class, so it needs at least one image of each class, and it cannot be "
        "larger than the data set."
    ),
    bad="$ archbuilder train net.yaml --no-report --set data.subset=5000",
    good="$ archbuilder train net.yaml --no-report --set data.subset=500",
)
BATCH = declare(
    "AB620",
    "a batch larger than the data set",
    why=(
        "Every epoch would be one step on all images, with a smaller batch than the file asks for. If the file has no "
        "batch_size, the size of the data set is used instead."
    ),
    bad="$ archbuilder train net.yaml --set data.batch_size=2000",
    good="$ archbuilder train net.yaml --set data.batch_size=1000",
)

AUGMENTATION_LIST = {"type": "array", "items": AUGMENTATIONS}  # as JSON Schema

# name -> its only shape (None: can be resized to any), number of classes
DATASETS: dict[str, tuple[Shape | None, int]] = {
    "cifar10": ((3, 32, 32), 10),
    "cifar100": ((3, 32, 32), 100),
    "mnist": ((1, 28, 28), 10),
    "fashion_mnist": ((1, 28, 28), 10),
    "svhn": ((3, 32, 32), 10),
    "digits": (None, 10),
}
PATH = r"[/\\]|^[.~]|\.[nN][pP][zZ]$"  # a path, not a name: it has a slash, or ends in .npz


@reads(anyOf=[{"enum": list(DATASETS)}, {"type": "string", "pattern": PATH}])
def _dataset(value: Any, variables: Variables) -> str:
    if isinstance(value, str) and (value in DATASETS or re.search(PATH, value)):
        return value
    known = list(DATASETS)
    path = f"known here: {', '.join(known)}; a path has a slash, for example ./photos"
    hint = nearest(str(value), known, is_value=True) or path
    raise failure(f"there is no data set {value!r}"[:100], hint)


_images, _share = integer(1), number(0, 1, exclusive=True)


@reads(title="subset", anyOf=[_images.form, _share.form])
def _subset(value: Any, variables: Variables) -> int | float:
    """A number of images, or a share of them."""
    is_share = isinstance(value, float) and (value <= 1 or not value.is_integer())
    is_percentage = isinstance(value, str) and value.rstrip().endswith("%")
    chosen: int | float = (_share if is_share or is_percentage else _images)(value, variables)
    return chosen


Subset = Annotated[int | float, Check(_subset)]


class Data(Model):
    """The images that a network is trained and tested on.

    `normalize` subtracts the mean of the training images and divides by their standard deviation, per channel; without
    it pixels are scaled to 0..1. `subset` is for quick tries: it keeps a part of the training images, with the same
    share of every class, and mean and deviation are those of this part; all test images are kept. `validation` is cut
    from the remaining training images, with the same share of every class.
    """

    MEANT: ClassVar[str] = "write data: {{dataset: {}}}"
    MEANT_FIELD: ClassVar[str] = "dataset"

    dataset: Annotated[str, Check(_dataset)] = Field(
        description="a name such as cifar10 or digits; the path of an .npz, or of a folder with one folder per class"
    )
    batch_size: Positive = Field(128, description="images per step")
    augment: Annotated[tuple[SerializeAsAny[Augmentation], ...], Child(AUGMENTATIONS.read_list, AUGMENTATION_LIST)] = (
        Field((), description="random changes of the training images, in order")
    )
    subset: Subset | None = Field(None, description="use so many of the training images, or such a share of them")
    validation: float = Field(0.0, ge=0.0, lt=1.0, description="share of the training images kept for validation")
    engine: Literal["albumentations", "tensor"] = Field(
        "albumentations", description="albumentations, image by image; tensor, batch by batch on the device"
    )
    normalize: bool = Field(True, description="scale each channel to mean 0 and deviation 1, else to 0..1")
    workers: Annotated[int, Check(bounded(0, MAX_WORKERS))] = Field(
        0, description="number of processes that run albumentations; 0: the main process"
    )


def problems(spec: Data, shape: Shape, classes: int | None) -> Iterator[Diagnostic]:
    """Problems that can be found before any image is read: whether the section fits the network.

    `shape` is the network's input (channels, height, width).
    """
    if spec.dataset in DATASETS:
        own_shape, own_classes = DATASETS[spec.dataset]
        place = spec.span("dataset")
        if own_shape and own_shape != shape:
            message = f"{spec.dataset} has images of {list(own_shape)}, but the network takes {list(shape)}"
            yield INPUT.at(place, message, Change({"input": written(own_shape)}, at=(), say="set {}"))
        if classes is not None and classes != own_classes:
            message = f"{spec.dataset} has {own_classes} classes, but the network has {classes}"
            yield INPUT.at(place, message, Change({"classes": str(own_classes)}, at=(), say="set {}"))
    for augmentation in spec.augment:
        message, hint = augmentation.misfit(shape)
        if message:
            yield AUGMENT.at(augmentation.span(), message, hint)
        if isinstance(augmentation, ColorJitter) and shape[0] == 1:
            for field in augmentation.of_colour:
                yield GREY.at(augmentation.span(field), f"{field} has no effect on grey images", "remove it")
    if isinstance(spec.subset, int):
        yield from _subset_problems(spec, spec.subset, classes)
    yield from _engine_problems(spec, shape)


def _subset_problems(spec: Data, subset: int, classes: int | None) -> Iterator[Diagnostic]:
    """Problems of a subset that is too small, whatever the data set is."""
    if classes is not None and subset < classes:
        message = f"subset: {subset} is less than the number of classes, {classes}; it needs an image of each"
        yield SUBSET.at(spec.span("subset"), message, f"take {classes} images or more")
    elif subset < spec.batch_size and "batch_size" in spec.model_fields_set:
        message = f"batch_size: {spec.batch_size} is more than subset: {subset}, the number of training images"
        yield BATCH.at(spec.span("batch_size"), message, f"set batch_size: {subset} or less")


def _engine_problems(spec: Data, shape: Shape) -> Iterator[Diagnostic]:
    """Settings that the chosen engine does not support or does not use."""
    if spec.engine == "tensor":
        if spec.workers:
            message = f"workers: {spec.workers} has no effect with engine: tensor, which augments on the device"
            yield WORKERS.at(spec.span("workers"), message, "remove it, or set engine: albumentations")
        return
    for augmentation in spec.augment:
        if isinstance(augmentation, HorizontalFlip) and augmentation.alternate:
            message = "albumentations does not know the epoch, so it cannot alternate flips"
            yield ENGINE.at(augmentation.span("alternate"), message, "set engine: tensor, or remove alternate")
        if isinstance(augmentation, ToGray) and 1 in shape[1:]:
            message = f"albumentations drops an axis of grey images of {shape[1]}x{shape[2]}"
            yield ENGINE.at(augmentation.span(), message, "set engine: tensor, or remove it")
