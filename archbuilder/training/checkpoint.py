"""Checkpoints: tensors and plain data only, so that `torch.load(..., weights_only=True)` reads them."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any, Protocol

import torch

from archbuilder.diagnostics import ArchbuilderError, Span, declare
from archbuilder.training.folder import BEST, LAST

KIND = "archbuilder checkpoint"
FORMAT = 1

DAMAGED = declare("AB704", "a checkpoint that cannot be read")
FOREIGN = declare("AB705", "a checkpoint of something else")

State = dict[str, Any]


class Restorable(Protocol):
    """What a checkpoint is of."""

    def restore(self, state: State) -> None: ...


def dump(state: State) -> bytes:
    """The content of a checkpoint file.  Made in memory: a full disk then is an OSError like any other."""
    buffer = io.BytesIO()
    torch.save({"kind": KIND, "format": FORMAT, **state}, buffer)
    return buffer.getvalue()


def load(path: Path, run: str) -> State | None:
    """A checkpoint of this run, on the CPU; None where there is no file.

    run: the run's identity; a checkpoint of another one is refused.
    Raises ArchbuilderError AB704 (damaged), AB705 (of something else).
    """
    if not path.exists():
        return None
    try:
        with zipfile.ZipFile(path) as archive:  # torch itself does not look at the checksums
            torn = archive.testzip()
        state = None if torn else torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a file of any content makes zipfile, pickle or torch raise
        raise _damaged(path, type(error).__name__) from None
    if torn:
        raise _damaged(path, f"checksum of {torn}")
    if not isinstance(state, dict) or state.get("kind") != KIND:
        raise _foreign(path, "this is no checkpoint of archbuilder")
    if state.get("format") != FORMAT:
        raise _foreign(path, f"this has format {state.get('format')}, this version reads {FORMAT}")
    if state.get("run") != run:
        raise _foreign(path, "this belongs to another network or recipe than architecture.yaml says")
    return state


def restore(target: Restorable, state: State, path: Path) -> None:
    """Bring a state from `load` back.  Raises ArchbuilderError AB705 where it does not fit."""
    try:
        target.restore(state)
    except (RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
        words = [
            line.strip() for line in str(error).splitlines()
        ]  # torch heads its list of keys with a line of its own
        reason = words[1] if len(words) > 1 else str(error) or type(error).__name__
        raise _foreign(path, f"this does not fit the network: {reason}") from None


def _foreign(path: Path, message: str) -> ArchbuilderError:
    hint = "bring back the run's own architecture.yaml and last.pt, or start a new run"
    return ArchbuilderError(FOREIGN.at(Span(str(path)), message, hint))


def _damaged(path: Path, found: str) -> ArchbuilderError:
    message = f"this file is damaged, or no checkpoint at all ({found})"
    best = path.with_name(BEST)
    if path.name == LAST and best.exists():
        hint = f"continue from the best epoch: copy {BEST} over {LAST}; or remove {LAST} to begin at epoch 1"
    else:
        hint = f"remove {path.name} to begin at epoch 1"
    return ArchbuilderError(DAMAGED.at(Span(str(path)), message, hint))
