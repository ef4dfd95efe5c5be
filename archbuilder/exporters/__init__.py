"""Graph -> files, one module per format, each with a function `export`.

Texts are written from a graph and its facts, without torch; binaries hold weights:

    python.export(graph, facts) -> str         and json, mermaid, svg
    torch.export(graph, weights) -> Exported   and onnx
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from archbuilder.diagnostics import ArchbuilderError, Span, declare, did_you_mean

# each format with the ending of its files
TEXTS = {"python": ".py", "json": ".json", "mermaid": ".mmd", "svg": ".svg"}
BINARIES = {"onnx": ".onnx", "torch": ".pt2"}

NEEDS = {"onnx": ("torch", "onnx", "onnxscript", "onnxruntime"), "torch": ("torch",)}
EXTRAS = {"onnx": "onnx", "torch": "train"}

UNKNOWN_FORMAT = declare(
    "AB851",
    "a format that nothing is exported to",
    exit_status=2,
    why="Each format has an exporter of its own, and there is none of that name.",
    bad="$ archbuilder export net.yaml --to pyhton",
    good="$ archbuilder export net.yaml --to python",
)
EXTRA = declare(
    "AB854",
    "a package that an export needs is not installed",
    exit_status=2,
    why=("A check needs neither torch nor onnx, so the base installation has neither. The hint says how to get them."),
    bad="$ archbuilder export net.yaml --to onnx --out net.onnx  # without archbuilder[onnx]",
    good="$ archbuilder export net.yaml --to python  # needs no package",
)


def exporter(name: str) -> Any:
    """The module of a format.  Raises ArchbuilderError AB851 (no such format), AB854 (a package is missing)."""
    known = [*TEXTS, *BINARIES]
    if name not in known:
        message = f"there is no format {name}"
        raise ArchbuilderError(UNKNOWN_FORMAT.at(Span("--to"), message, did_you_mean(name, known)))
    if missing := [package for package in NEEDS.get(name, ()) if find_spec(package) is None]:
        message = f"an export to {name} needs {', '.join(missing)}, not installed here"
        raise ArchbuilderError(EXTRA.at(Span("--to"), message, f"pip install 'archbuilder[{EXTRAS[name]}]'"))
    return import_module(f"{__name__}.{name}")
