"""A network that was trained elsewhere and imported -> a .safetensors like that of a run, which is used as one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from os.path import exists
from pathlib import Path

from torch import Tensor

from archbuilder import pipeline
from archbuilder.diagnostics import ArchbuilderError, Span, declare
from archbuilder.run import plan as plans
from archbuilder.run.folder import RunFolder
from archbuilder.run.options import Options
from archbuilder.trained.open import DataCard, images_of
from archbuilder.trained.pack import FOREIGN, IMPORTED, name_in, packed

Scale = tuple[float, ...] | None  # per channel, or one value for all, in 0..1; None for the data set's own

SCALES = declare(
    "AB813",
    "a mean or deviation for another number of channels",
    exit_status=2,
    why="Each channel of an image is normalised by one mean and one standard deviation.",
    bad="""\
$ python -c "import model, torch; torch.save(model.Digits.state_dict(), 'w.pt')"
$ archbuilder import model.py:Digits --input 1x8x8 --weights w.pt --data digits --mean .4,.4 --out n.yaml""",
    good="""\
$ python -c "import model, torch; torch.save(model.Digits.state_dict(), 'w.pt')"
$ archbuilder import model.py:Digits --input 1x8x8 --weights w.pt --data digits --mean .4 --out n.yaml""",
)


def content(
    text: str, file: Path, state: Mapping[str, Tensor], mean: Scale, std: Scale, data_dir: Path | None
) -> bytes:
    """The .safetensors of a network that was trained elsewhere.

    text, file: its YAML and where that will lie; of a `data:` section the images are read, for classes and scales.
    Raises ArchbuilderError where the YAML, its data or the scales are wrong.
    """
    report = pipeline.check_text(text, str(file))
    if report.spec is None or report.document is None:
        raise ArchbuilderError(*report.errors)
    architecture, card = {**report.document.root.plain(), "name": report.name}, None
    if report.spec.data is not None:
        plan = plans.trained(report, Options(data_dir=data_dir))
        card = DataCard.of(plan.data.dataset, images_of(plan))
        card = replace(card, mean=_scale(mean, card.mean, "--mean"), std=_scale(std, card.std, "--std"))
    return packed(state, IMPORTED, architecture, card)


def _scale(given: Scale, own: tuple[float, ...], option: str) -> tuple[float, ...]:
    """In 0..255, one value per channel."""
    if given is None:
        return own
    values = given * len(own) if len(given) == 1 else given
    if len(values) != len(own):
        message = f"{len(given)} values for images of {len(own)} channels"
        raise ArchbuilderError(SCALES.at(Span(option), message, "give one per channel, or one for all"))
    return tuple(255 * value for value in values)


def write(path: Path, data: bytes) -> None:
    """Raises ArchbuilderError AB766 where the file is none of ours, AB701 where it cannot be written."""
    if exists(path) and name_in(path) is None:
        message = "this is not a file made by archbuilder"
        raise ArchbuilderError(FOREIGN.at(Span(str(path)), message, "move it away, or choose another file: --out"))
    RunFolder(path.parent, published=False).write(path.name, data)
