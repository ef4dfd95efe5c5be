"""What a run was made with: versions, seed, device, threads, command."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from archbuilder.blocks._external import files
from archbuilder.run.plan import Plan
from archbuilder.sources import TYPED_IN
from archbuilder.version import __version__

PACKAGES = ("torch", "torchvision", "numpy", "albumentations", "pydantic")


SAME_BITS = ("torch", "device", "device_name", "threads", "processes")  # what the last bits of the weights depend on


def environment(device: torch.device, processes: int = 1) -> dict[str, Any]:
    """Plain data about this process; nothing is imported for it."""
    return {
        "started": datetime.now().astimezone().isoformat(timespec="seconds"),
        "archbuilder": __version__,
        "python": platform.python_version(),
        **{name: _version(name) for name in PACKAGES},
        "platform": platform.platform(),
        "device": device.type,
        "device_name": torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine(),
        "threads": torch.get_num_threads(),
        "processes": processes,
        "command": _command(),
    }


def choices(plan: Plan) -> dict[str, Any]:
    """What was chosen for a run outside its YAML, and where that came from."""
    return {
        "seed": plan.train.seed,
        "overrides": list(plan.overrides),
        "blocks": list(map(str, files().values())),
        TYPED_IN: plan.opened.origins.get(TYPED_IN) or os.getcwd(),
        "source": str(plan.opened.read_from(plan.report.file)),
        **plan.options.model_dump(exclude={"device", "threads"}),  # `environment` notes those that were really used
    }


def resumed(first: dict[str, Any], now: dict[str, Any], done: int, batch: int) -> tuple[dict[str, Any], list[str]]:
    """A run's environment with the entry that it goes on, and what may change its last bits.

    first, now: of the run when it was started, and of this process; where nothing is trained yet it starts now, but
    what was typed to start it stays.
    """
    if not done and not batch:
        return {**first, **now, "command": first.get("command", now["command"])}, []
    entry = {"after_epoch": done, "after_batch": batch, **now}
    notes = [
        f"{key} was {first.get(key)} when the run started, and is {now[key]} now: "
        "the weights may differ in their last bits from those of an uninterrupted run"
        for key in SAME_BITS
        if first.get(key, 1 if key == "processes" else None) != now[key]
    ]
    return {**first, "resumed": [*first.get("resumed", []), entry]}, notes


def _command() -> str:
    program = Path(sys.argv[0]).name
    return shlex.join(["archbuilder" if program == "__main__.py" else program, *sys.argv[1:]])


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
