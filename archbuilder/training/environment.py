"""What a run was made with: versions, seed, device, threads, command."""

from __future__ import annotations

import platform
import shlex
import sys
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from archbuilder.version import __version__

PACKAGES = ("torch", "torchvision", "numpy", "albumentations", "pydantic")


def environment(device: torch.device) -> dict[str, Any]:
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
        "command": _command(),
    }


def _command() -> str:
    program = Path(sys.argv[0]).name
    return shlex.join(["archbuilder" if program == "__main__.py" else program, *sys.argv[1:]])


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
