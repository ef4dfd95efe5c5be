"""Graph -> torch.nn.Module.  `layers` needs no torch, so torch is imported only with the first use of the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archbuilder.modules.network import Network, build

__all__ = ["Network", "build"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from archbuilder.modules import network

    return getattr(network, name)
