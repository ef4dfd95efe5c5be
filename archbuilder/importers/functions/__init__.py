"""Translates torch's functions: one reader per function, found by its name.

A reader has the same parameters as its torch function, so that positional and keyword calls, `F.relu(x)`,
`torch.relu(x)` and `x.relu_()` all fit. It gets a `Value` for each tensor that comes from the image, and the tensor
itself for every other one (a weight), and returns the value of the result. It raises Unsupported for calls that the
language cannot express.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, TypeVar

_readers: dict[str, Callable[..., Any]] = {}
R = TypeVar("R", bound=Callable[..., Any])


def reads(*names: str) -> Callable[[R], R]:
    """Declare the torch functions of a reader, without the underscore of in-place forms.

    Raises ValueError if one already has a reader."""

    def keep(reader: R) -> R:
        for name in names:
            if name in _readers:
                raise ValueError(f"{name} has two readers")
            _readers[name] = reader
        return reader

    return keep


def reader(name: str) -> Callable[..., Any] | None:
    """The reader of a torch function, or None."""
    if not _readers:
        for module in iter_modules(__path__):
            import_module(f"{__name__}.{module.name}")
    return _readers.get(name)
