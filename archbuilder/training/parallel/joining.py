"""Where a run takes place: the device, the other processes, and torch's settings for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from archbuilder.run.plan import Plan
from archbuilder.run.processes import ALONE, Processes, launched, said_once
from archbuilder.training.failures import explained
from archbuilder.training.learning import device
from archbuilder.training.learning import precision as numerics


@contextmanager
def joined(plan: Plan) -> Iterator[tuple[torch.device, Processes]]:
    """The device and the processes of a plan, with torch's settings for it."""
    place, processes = device.pick(plan.options.device), ALONE
    if launched():
        from archbuilder.training.parallel.several import check_batch, join

        with said_once():
            processes = join(place, plan.options.sync_batch_norm)
        place = processes.device
        with processes.agreed():
            check_batch(plan.data, processes)
    if plan.options.log:
        from archbuilder.training import trackers

        with processes.agreed():
            trackers.check(plan.options.log)
    with _settings(plan, place):
        yield place, processes


@contextmanager
def trial(plan: Plan) -> Iterator[torch.device]:
    """The device of a plan, with torch's settings for it, for a training of which nothing is kept.

    torch's random state and settings are as they were afterwards.
    """
    place = device.pick(plan.options.device)
    with torch.random.fork_rng(), _settings(plan, place), explained(plan):
        yield place


@contextmanager
def _settings(plan: Plan, place: torch.device) -> Iterator[None]:
    if place.type == "cpu":
        device.keep_freed_memory()
    with device.settings(place, plan.options.threads), numerics.settings(plan.train, place):
        yield
