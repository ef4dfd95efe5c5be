"""Which module is running."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

from archbuilder.importers.places import running_line
from archbuilder.importers.tape import Tape


@contextmanager
def following(module: nn.Module, tape: Tape, called: set[str], start: CodeType) -> Iterator[None]:
    """Keep the tape's path at the name of the module that is running; note modules that change nothing.

    start: the code that runs the module."""
    names = {id(child): name for name, child in module.named_modules()}
    stack: list[tuple[str, int]] = []
    idle: dict[str, list[str]] = {}

    def enter(child: nn.Module, _: Any) -> None:
        stack.append((tape.path, tape.calls))
        if id(child) in names:
            tape.path = names[id(child)]
            called.add(tape.path)
        if isinstance(child, torch.jit.ScriptModule) and tape.unseen is None:
            place = running_line(tape.path, start)
            tape.unseen = place if place.line else None

    def leave(child: nn.Module, inputs: Any, output: Any) -> None:
        path = tape.path
        tape.path, before = stack.pop()
        same = tape.calls == before and inputs and output is inputs[0] and not list(child.children())
        if same and not isinstance(child, (nn.Identity, nn.Sequential)):
            idle.setdefault(type(child).__name__, []).append(path)

    handles = [register_module_forward_pre_hook(enter), register_module_forward_hook(leave)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
    for kind, paths in idle.items():
        others = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        tape.note(f"{paths[0]}{others} ({kind}): does nothing in evaluation, left out")
