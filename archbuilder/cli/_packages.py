"""Which packages beyond the base installation a command may need, and what to install for them."""

from __future__ import annotations

from archbuilder.diagnostics import ArchbuilderError, Span, declare

# what is imported, by the extra of setup.cfg that installs it; a test compares the two
EXTRAS = {
    "train": "accelerate albumentations cv2 jinja2 matplotlib numpy PIL safetensors torch torchinfo torchvision tqdm",
    "onnx": "onnx onnxruntime onnxscript",
    "lsp": "lsprotocol pygls",
    "live": "starlette uvicorn watchfiles",
    "mcp": "mcp",
    "search": "optuna",
    "ray": "ray",
}

ABSENT = declare(
    "AB907",
    "a package that a command needs is not installed",
    exit_status=2,
    why="The base installation has only what `check` needs. The hint says how to install the rest.",
    bad="$ archbuilder summary net.yaml  # without archbuilder[train]",
    good="$ archbuilder check net.yaml",
)


def explain(error: ModuleNotFoundError, command: str) -> ArchbuilderError | None:
    """AB907 for a package of an extra that is missing; None for a package of no extra."""
    name = (error.name or "").partition(".")[0]
    extra = next((extra for extra, names in EXTRAS.items() if name in names.split()), None)
    if extra is None:
        return None
    message, hint = f"this needs {name}, which is not installed", f"pip install 'archbuilder[{extra}]'"
    return ArchbuilderError(ABSENT.at(Span(f"archbuilder {command}"), message, hint))
