"""Graph -> torch.nn.Module."""

from archbuilder.modules.network import Network, build

__all__ = ["Network", "build"]
