"""Graph -> files, one module per format, each with a function `export`.

Text formats are made from a graph and its facts, without torch; binary formats contain weights:

    python.export(graph, facts) -> str         and json, mermaid, svg
    torch.export(graph, weights) -> Exported   and onnx, tflite
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from archbuilder.diagnostics import ArchbuilderError, Span, declare, did_you_mean
from archbuilder.pipeline import Report, Source, check

# each format with its file ending
TEXTS = {"python": ".py", "json": ".json", "mermaid": ".mmd", "svg": ".svg"}
BINARIES = {"onnx": ".onnx", "tflite": ".tflite", "torch": ".pt2"}

NEEDS = {
    "onnx": ("torch", "onnx", "onnxscript", "onnxruntime"),
    "tflite": ("torch", "flatbuffers", "tflite"),
    "torch": ("torch",),
}
EXTRAS = {"onnx": "onnx", "tflite": "mcu", "torch": "train"}

UNKNOWN_FORMAT = declare(
    "AB851",
    "an unknown export format",
    exit_status=2,
    why="Each format has its own exporter, and none has this name.",
    bad="$ archbuilder export net.yaml --to pyhton",
    good="$ archbuilder export net.yaml --to python",
)
EXTRA = declare(
    "AB854",
    "a package that an export needs is not installed",
    exit_status=2,
    why=(
        "Checking needs neither torch nor onnx, so the base installation has neither. The hint says how to install "
        "them."
    ),
    bad="$ archbuilder export net.yaml --to onnx --out net.onnx  # without archbuilder[onnx]",
    good="$ archbuilder export net.yaml --to python  # needs no package",
)


def export(
    source: Source,
    to: str,
    *,
    weights: str | os.PathLike[str] | None = None,
    overrides: Sequence[str] = (),
    dtype: str | None = None,
) -> str | bytes:
    """A network in another format: text for python, json, mermaid and svg, bytes for onnx, tflite and torch.

    source:  a path, `-` or a run's folder; missed limits do not matter.
    weights: for binary formats a run's folder or a checkpoint; by default those of the run, else random ones.
    dtype:   for tflite: float32 or int8; by default int8 if the run has been quantised.

    Raises ArchbuilderError for a network that cannot be analysed or that the format cannot express, AB851 (no such
    format), AB854 (a package is missing).

        >>> archbuilder.export("architectures/quickstart.yaml", "mermaid").splitlines()[0]
        'flowchart TD'
    """
    made, report = exporter(to), check(source, overrides)
    if report.facts is None or report.graph is None:
        raise ArchbuilderError(*report.errors)
    if to in TEXTS:
        text: str = made.export(report.graph, report.facts)
        return text
    more = {"dtype": dtype} if dtype else {}
    data: bytes = made.export(report.graph, weights_for(report, weights, overrides), **more).data
    return data


def weights_for(report: Report, given: str | os.PathLike[str] | None, overrides: Sequence[str]) -> Path | None:
    """The weights for an export: the given ones, else those of the run unless an override changes the network."""
    if given or not report.run or overrides:
        return Path(given) if given else None
    from archbuilder.modules.weights import weights_of_run

    return weights_of_run(report.run)


def exporter(name: str) -> Any:
    """The module of a format.  Raises ArchbuilderError AB851 (no such format), AB854 (a package is missing)."""
    known = [*TEXTS, *BINARIES]
    if name not in known:
        message = f"there is no format {name}"
        raise ArchbuilderError(UNKNOWN_FORMAT.at(Span("--to"), message, did_you_mean(name, known)))
    if missing := [package for package in NEEDS.get(name, ()) if find_spec(package) is None]:
        message = f"an export to {name} needs {', '.join(missing)}, which is not installed"
        raise ArchbuilderError(EXTRA.at(Span("--to"), message, f"pip install 'archbuilder[{EXTRAS[name]}]'"))
    return import_module(f"{__name__}.{name}")
