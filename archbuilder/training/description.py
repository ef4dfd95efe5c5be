"""What a run folder says of its run before the first epoch."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import torch

from archbuilder.data.arrays import Splits
from archbuilder.data.grid import sample_grid
from archbuilder.reporting.json import to_dict
from archbuilder.run.environment import choices, environment
from archbuilder.run.folder import ARCHITECTURE, DATASET, ENVIRONMENT, FACTS, SAMPLES, RunFolder
from archbuilder.run.plan import Plan
from archbuilder.run.processes import Processes
from archbuilder.schema.model import Model
from archbuilder.trained.open import DataCard, images_of


def describe(folder: RunFolder, plan: Plan, place: torch.device, processes: Processes) -> Splits:
    """Write the network, its facts, the environment and the images, which are read for it and given back."""
    folder.write(ARCHITECTURE, plan.text)
    for name, text in plan.copies.items():
        folder.write(name, text)
    folder.write_json(FACTS, {**to_dict(plan.report), "data": plain(plan.data), "train": plain(plan.train)})
    folder.write_json(ENVIRONMENT, {**environment(place, processes.count), **choices(plan)})
    splits = images_of(plan)
    folder.write_json(DATASET, asdict(DataCard.of(plan.data.dataset, splits)))
    if processes.main:
        folder.write(SAMPLES, sample_grid(splits, plan.data, plan.train.seed))
    return splits


def plain(value: Any) -> Any:
    """A section of the YAML with every default filled in, as plain data; models under their class's names."""
    if isinstance(value, Model):
        return {name: _named(getattr(value, name)) for name in type(value).model_fields}
    return value


def _named(value: Any) -> Any:
    if isinstance(value, Model):
        return {type(value).__name__: plain(value)}
    return [_named(item) for item in value] if isinstance(value, (list, tuple)) else value
