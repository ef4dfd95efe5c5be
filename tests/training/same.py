"""What two equal runs have in common, bit for bit: checkpoints and metrics, without what a clock measured."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

TIMES = {"seconds", "images_per_second", "waiting"}  # of a record: measured by a clock


def end(run: Path) -> list[Any]:
    """All that must be equal in two runs of one recipe."""
    found: list[Any] = []
    for name in ("last.pt", "best.pt"):
        state = load(run / name)
        found += [name, state["epoch"], *flat(state["model"]), *flat(state["optimizer"])]
    return [*found, *metrics(run), (run / "weights.safetensors").read_bytes(), files(run)]


def flat(value: Any) -> Iterator[Any]:
    """Tensors as bytes: equality of tensors would call 0.0 and -0.0 the same."""
    if isinstance(value, dict):
        for key in value:
            yield key
            yield from flat(value[key])
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from flat(item)
    else:
        yield value.contiguous().numpy().tobytes() if isinstance(value, torch.Tensor) else value


def load(path: Path) -> dict[str, Any]:
    state: dict[str, Any] = torch.load(path, weights_only=True)
    return state


def metrics(run: Path) -> list[dict[str, Any]]:
    """metrics.jsonl without times."""
    records = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in record.items() if key not in TIMES} for record in records]


def files(run: Path) -> list[str]:
    return sorted(str(path.relative_to(run)) for path in run.rglob("*") if path.is_file())
