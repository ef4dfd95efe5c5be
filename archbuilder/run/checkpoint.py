"""Checkpoints: tensors and plain data only, so that `torch.load(..., weights_only=True)` reads them.

A checkpoint carries a SHA-256 of its own content, and the values of the YAML that it was trained with.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from archbuilder.diagnostics import ArchbuilderError, Diagnostic, Span, declare, show
from archbuilder.files import MAX_WEIGHTS, read_regular
from archbuilder.modules.weights import digest
from archbuilder.run import json_files
from archbuilder.run.folder import ARCHITECTURE, BEST, LAST, MIDWAY, NO_RUN, older
from archbuilder.run.plan import Plan

KIND = "archbuilder checkpoint"
FORMAT = 2
MAX_CHANGES = 10  # values of a changed YAML that are shown

DAMAGED = declare(
    "AB704",
    "a checkpoint that cannot be read",
    why=(
        "The checksum does not match: the file is truncated, changed or not a checkpoint. If the run has an older "
        "intact checkpoint, that one is used instead."
    ),
    bad="""\
$ archbuilder train net.yaml --no-report
$ for file in runs/net/*/*.pt; do echo damaged > $file; done
$ archbuilder train --resume runs/net/*""",
    good="""\
$ archbuilder train net.yaml --no-report
$ archbuilder train --resume runs/net/*""",
)
FOREIGN = declare(
    "AB705",
    "a checkpoint that does not belong to this run",
    why=(
        "The file can be read, but it is not a checkpoint of this network, or its version is unknown. Resuming from it "
        "would mix two trainings."
    ),
    bad="""\
$ archbuilder train net.yaml --no-report
$ python -c "import glob, torch; torch.save({}, glob.glob('runs/net/*/last.pt')[0])"
$ archbuilder train --resume runs/net/*""",
    good="""\
$ archbuilder train net.yaml --no-report
$ archbuilder train --resume runs/net/*""",
)
CHANGED = declare(
    "AB731",
    "a run whose YAML file was changed",
    why=(
        "A resumed run must give the same result as without the interruption. With other values in its YAML it would "
        "be neither the old run nor a new one."
    ),
    bad="""\
$ archbuilder train net.yaml --no-report
$ sed -i.old 's/epochs: 1/epochs: 2/' runs/net/*/architecture.yaml
$ archbuilder train --resume runs/net/*""",
    good="""\
$ archbuilder train net.yaml --no-report
$ archbuilder train --resume runs/net/*""",
)

State = dict[str, Any]
ABSENT = object()


class Restorable(Protocol):
    """What can be saved as a checkpoint and restored from one."""

    def state(self) -> State: ...

    def restore(self, state: State) -> None: ...


class Found(NamedTuple):
    """A checkpoint that is intact, and the newer files that are damaged."""

    state: State
    path: Path
    damaged: tuple[Path, ...]


def dump(state: State, plan: Plan) -> bytes:
    """The content of a checkpoint file.  Made in memory: a full disk then is an OSError like any other."""
    buffer = io.BytesIO()
    state = {**state, "run": plan.identity, "yaml": plan.values}
    torch.save({"kind": KIND, "format": FORMAT, "sha256": digest(state), **state}, buffer)
    return buffer.getvalue()


def load(path: Path, plan: Plan) -> State | None:
    """A checkpoint of this run, on the CPU; None where there is no file.

    Raises ArchbuilderError AB704 (damaged), AB705 (of something else), AB731 (of a YAML with other values).
    """
    if not path.exists():
        return None
    state = read(path)
    if state["run"] != plan.identity:
        raise ArchbuilderError(*_changes(path, plan, state.get("yaml")))
    if state["epoch"] > plan.train.epochs:
        raise _foreign(path, f"this is from epoch {state['epoch']}, but the run has {plan.train.epochs}")
    return state


def read(path: Path) -> State:
    """A checkpoint of any run, on the CPU.  Raises ArchbuilderError AB702 (unreadable), AB704, AB705."""
    try:
        content = read_regular(path, MAX_WEIGHTS)
    except OSError as error:
        message = f"{path.name} cannot be read: {error.strerror}"
        raise ArchbuilderError(NO_RUN.at(Span(str(path)), message, "check its permissions and its disk")) from None
    try:
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a file of any content makes zipfile, pickle or torch raise
        raise _damaged(path, type(error).__name__) from None
    if not isinstance(state, dict) or state.pop("kind", None) != KIND:
        raise _foreign(path, "this is not a checkpoint of archbuilder")
    if (version := state.pop("format", None)) != FORMAT:
        raise _foreign(path, f"this has format {version}, but this version reads {FORMAT}")
    try:
        noted, own = state.pop("sha256", None), digest(state)
    except (ValueError, RuntimeError, MemoryError) as error:  # for a file that no run has saved
        raise _damaged(path, str(error)) from None
    if noted != own:
        raise _damaged(path, "its SHA-256 does not match")
    try:
        json_files.State.model_validate(state)
        if len(list(json_files.epochs(state["metrics"]))) != state["epoch"]:
            raise ValueError(f"epoch is {state['epoch']}, metrics has {len(state['metrics'])}")
        if not all(isinstance(value, Tensor) for value in state["model"].values()):
            raise ValueError("model contains something other than tensors")
    except ValueError as error:
        raise _foreign(path, f"this is not the state of a training{json_files.reason(error)}") from None
    return state


def newest(folder: Path, plan: Plan) -> Found | None:
    """The newest whole checkpoint of a run, None where it has none at all.

    Raises ArchbuilderError AB704 where there are some, but none is whole; and as `load` does.
    """
    best: tuple[State, Path] | None = None
    damaged: list[ArchbuilderError] = []
    paths = [folder / name for name in (LAST, *older(folder), MIDWAY, BEST)]
    for path in paths:
        try:
            state = load(path, plan)
        except ArchbuilderError as error:
            if error.diagnostics[0].code is not DAMAGED:
                raise
            damaged.append(error)
            continue
        if state and (best is None or _age(state) > _age(best[0])):
            best = state, path
    if best is None and damaged:
        raise damaged[0]
    if best is None:
        return None
    return Found(*best, tuple(Path(error.diagnostics[0].span.file) for error in damaged))


def _age(state: State) -> tuple[int, int]:
    return state["epoch"], state["batch"]


def restore(target: Restorable, state: State, path: Path) -> None:
    """Restore a state that `load` returned.  Raises ArchbuilderError AB705 where it does not fit."""
    mine = target.state()
    if "ranges" in mine and "ranges" not in state:
        message = "this is of a training with int8 rounding by an earlier version, which fixed no ranges"
        hint = "start it anew from the float run: archbuilder train --init RUN --set train.quantize=int8"
        raise ArchbuilderError(FOREIGN.at(Span(str(path)), message, hint))
    try:
        if unlike := next(_unlike(mine, state), None):
            raise ValueError(unlike)
        if state["batch"] and not any(own["meter"]["images"] for own in state["processes"]):
            raise ValueError("there are batches without images")
        target.restore(state)
    except ArchbuilderError:
        raise
    except Exception as error:  # whatever a state of any content makes torch raise
        words = [
            line.strip() for line in str(error).splitlines()
        ]  # torch heads its list of keys with a line of its own
        reason = words[1] if len(words) > 1 else str(error) or type(error).__name__
        raise _foreign(path, f"this does not fit the network: {reason}") from None


def _unlike(mine: Any, theirs: Any, place: str = "") -> Iterator[str]:
    """Why a state cannot be of the same training: other keys, types or sizes, or counters out of range."""
    if isinstance(mine, Tensor):
        alike = (
            isinstance(theirs, Tensor)
            and theirs.shape == mine.shape
            and theirs.is_floating_point() == mine.is_floating_point()
        )
    elif type(mine) is float:
        alike = type(theirs) in (int, float) and theirs == theirs
    elif type(mine) is int:
        alike = type(theirs) is int and 0 <= theirs < 2**63
    else:
        alike = type(theirs) is type(mine) or (isinstance(theirs, dict) and isinstance(mine, dict))
    if not alike:
        yield f"{place or 'it'} is {_kind(theirs)}, not {_kind(mine)}"
    elif isinstance(mine, dict):
        for key, own in mine.items():
            name = f"{place}.{key}" if place else str(key)
            if key in theirs:
                yield from _unlike(own, theirs[key], name)
            elif key != "device":  # random numbers of a GPU, which a run that was trained without one has not
                yield f"there is no {name}"
    elif isinstance(mine, list) and mine:  # the states of several processes have one form
        for number, each in enumerate(theirs):
            yield from _unlike(mine[min(number, len(mine) - 1)], each, f"{place}.{number}")


def _kind(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"a tensor of {'x'.join(map(str, value.shape)) or 'one number'}"
    return show(value)


def _changes(path: Path, plan: Plan, trained: Any) -> Iterator[Diagnostic]:
    """Every value of the YAML that is not what the checkpoint was trained with, at its place."""
    assert plan.report.document is not None  # a plan has one
    root = plan.report.document.root
    changes = list(differences(trained, plan.values))
    if not changes:
        yield from _foreign(path, "this belongs to another run").diagnostics
    hint = f"undo the change, or start a new run with these weights: archbuilder train FILE --init {path.parent}"
    for keys, was, now in changes[:MAX_CHANGES]:
        name = ".".join(map(str, keys)) or ARCHITECTURE
        message = f"{name} is {_show(now)}, but {path.name} was trained with {_show(was)}"
        yield CHANGED.at(root.place(*keys), message, hint)
        hint = ""
    if len(changes) > MAX_CHANGES:
        yield CHANGED.at(Span(str(path)), f"and {len(changes) - MAX_CHANGES} more values")


def differences(before: Any, now: Any, keys: tuple[str | int, ...] = ()) -> Iterator[tuple[Any, Any, Any]]:
    """(path, value before, value now) of all that differs between two pieces of plain data."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in [*before, *(key for key in now if key not in before)]:
            yield from differences(before.get(key, ABSENT), now.get(key, ABSENT), (*keys, key))
    elif isinstance(before, list) and isinstance(now, list):
        for number, (one, other) in enumerate(zip_longest(before, now, fillvalue=ABSENT)):
            yield from differences(one, other, (*keys, number))
    elif type(before) is not type(now) or before != now:
        yield keys, before, now


def _show(value: Any) -> str:
    return "not there" if value is ABSENT else show(value)


def _foreign(path: Path, message: str) -> ArchbuilderError:
    hint = "restore the run's own architecture.yaml and last.pt, or start a new run"
    return ArchbuilderError(FOREIGN.at(Span(str(path)), message, hint))


def _damaged(path: Path, found: str) -> ArchbuilderError:
    message = f"this file is damaged, or not a checkpoint ({found})"
    hint = f"restore it from a copy; without any {path.suffix} file the run starts again at epoch 1"
    return ArchbuilderError(DAMAGED.at(Span(str(path)), message, hint))
