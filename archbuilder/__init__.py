"""archbuilder: small convolutional networks as checked YAML files.

report = archbuilder.check("architectures/c1c2c3c40.yaml")   # no torch needed
graph = archbuilder.load("architectures/c1c2c3c40.yaml")     # raises ArchbuilderError if invalid
module = archbuilder.build(graph)                            # an ordinary torch.nn.Module
result = archbuilder.train("architectures/quickstart.yaml")  # a run folder that can be continued
run = archbuilder.open_run(result.path)                      # its network with the weights, classes, metrics
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archbuilder.version import __version__

if TYPE_CHECKING:
    from archbuilder.diagnostics import ArchbuilderError
    from archbuilder.exporters import export
    from archbuilder.importers import to_yaml
    from archbuilder.ir.graph import Graph
    from archbuilder.modules import build
    from archbuilder.pipeline import Report, check, check_text, load, load_text
    from archbuilder.remedies import suggest
    from archbuilder.reporting.compare import compare
    from archbuilder.run.options import Options
    from archbuilder.trained.open import open_run
    from archbuilder.trained.shipped import open_trained
    from archbuilder.training import repeat, train

__all__ = [
    "ArchbuilderError",
    "Graph",
    "Options",
    "Report",
    "__version__",
    "build",
    "check",
    "check_text",
    "compare",
    "export",
    "load",
    "load_text",
    "open_run",
    "open_trained",
    "repeat",
    "suggest",
    "to_yaml",
    "train",
]

# name -> where it lives; imported on first use, so that importing archbuilder costs nothing
_HOMES = {
    "ArchbuilderError": "archbuilder.diagnostics",
    "Graph": "archbuilder.ir.graph",
    "Options": "archbuilder.run.options",
    "Report": "archbuilder.pipeline",
    "build": "archbuilder.modules",
    "check": "archbuilder.pipeline",
    "check_text": "archbuilder.pipeline",
    "compare": "archbuilder.reporting.compare",
    "export": "archbuilder.exporters",
    "load": "archbuilder.pipeline",
    "load_text": "archbuilder.pipeline",
    "open_run": "archbuilder.trained.open",
    "open_trained": "archbuilder.trained.shipped",
    "repeat": "archbuilder.training",
    "suggest": "archbuilder.remedies",
    "to_yaml": "archbuilder.importers",
    "train": "archbuilder.training",
}


def __dir__() -> list[str]:
    return sorted(__all__)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
