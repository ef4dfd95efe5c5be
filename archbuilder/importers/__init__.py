"""torch.nn.Module -> YAML: an existing model is converted to an architecture and verified against it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archbuilder.importers.conversion import Imported as Imported
    from archbuilder.importers.conversion import Unused as Unused
    from archbuilder.importers.conversion import convert as convert
    from archbuilder.importers.conversion import to_yaml as to_yaml

__all__ = ["Imported", "Unused", "convert", "to_yaml"]


def __getattr__(name: str) -> Any:
    """Torch takes seconds to import: bad arguments are reported before that."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from archbuilder.importers import conversion

    return getattr(conversion, name)
