"""A module with weights from a file; to export it with those of a run or a checkpoint, or with fresh ones."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from archbuilder.diagnostics import ArchbuilderError, Span, declare
from archbuilder.files import MAX_WEIGHTS, regular
from archbuilder.ir.graph import Graph
from archbuilder.modules import Network, build

SEED = 0  # of fresh weights: the same file every time
OF_A_RUN = ("weights.safetensors", "last.pt")  # what it ended with; where it has not ended, its last epoch
SHOWN = 3  # tensors that do not fit, named in a message
TAKEN = "name a run folder, its last.pt or best.pt, a .safetensors, or a torch.save(module.state_dict(), ...)"
OWN = "export the architecture.yaml of the weights' own run"

UNREADABLE = declare(
    "AB855",
    "weights that cannot be read",
    exit_status=2,
    why=(
        "The file is missing or damaged, or holds something else than tensors by name. Files are read with "
        "weights_only: a pickle in them cannot run code."
    ),
    bad="""\
$ echo 'not weights' > weights.pt
$ archbuilder export net.yaml --to torch --out net.pt2 --weights weights.pt""",
    good="$ archbuilder export net.yaml --to torch --out net.pt2",
)
MISFIT = declare(
    "AB856",
    "weights of another network",
    why=(
        "Names and shapes of the weights must be those of the network. A file that differs in a width or a "
        "name is of another network, or of another version of this one."
    ),
    bad="""\
$ python -c "import torch; torch.save({'conv.weight': torch.zeros(3)}, 'weights.pt')"
$ archbuilder export net.yaml --to torch --out net.pt2 --weights weights.pt""",
    good="""\
$ python -c "import archbuilder, torch; torch.save(archbuilder.build('net.yaml').state_dict(), 'weights.pt')"
$ archbuilder export net.yaml --to torch --out net.pt2 --weights weights.pt""",
)

State = Mapping[str, Tensor]


def ready(graph: Graph, weights: Path | None) -> Network:
    """The module of a graph, to be exported, in evaluation mode.

    weights: a run folder, a checkpoint, a .safetensors, or a file with a state_dict; None for fresh weights.
    Raises ArchbuilderError AB855 (missing, damaged), AB856 (of another network).
    """
    if weights is None:
        return _fresh(graph).eval()
    path = _in_folder(weights) if weights.is_dir() else weights
    return loaded(graph, read(path), path)


def loaded(graph: Graph, state: State, path: Path, hint: str = OWN) -> Network:
    """The module of a graph with the weights of a file that has been read, in evaluation mode.

    hint: what helps where they do not fit.
    Raises ArchbuilderError AB856 (of another network).
    """
    module = _fresh(graph)
    if problems := list(_misfits(module.state_dict(), state)):
        more = f" and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        message = f"these weights do not fit {graph.name}: {'; '.join(problems[:SHOWN])}{more}"
        raise ArchbuilderError(MISFIT.at(Span(str(path)), message, hint))
    module.load_state_dict(state)
    return module.eval()


def _fresh(graph: Graph) -> Network:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        return build(graph)


def _in_folder(run: Path) -> Path:
    return next((path for name in OF_A_RUN if (path := run / name).is_file()), run / OF_A_RUN[-1])


def read(path: Path, hint: str = TAKEN) -> State:
    """The tensors of a checkpoint, a .safetensors or a saved state_dict, by name.

    hint: what helps where there are none.
    Raises ArchbuilderError AB855.
    """
    try:
        regular(path, MAX_WEIGHTS)
        if path.suffix == ".safetensors":
            from safetensors.torch import load

            return load(path.read_bytes())
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:  # torch itself does not look at the checksums
                if torn := archive.testzip():
                    raise ValueError(f"the checksum of {torn} is wrong")
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise unreadable(path, error.strerror or str(error), hint) from None
    except Exception as error:  # whatever a file of any content makes zipfile, pickle or torch raise
        raise unreadable(path, f"it is damaged, or holds no weights ({type(error).__name__})", hint) from None
    state = _state(content)
    if not state:
        raise unreadable(path, "it holds no weights", hint)
    return state


def _state(content: Any) -> dict[str, Tensor]:
    """The weights in what a file holds: a checkpoint's `model`, or the whole of it."""
    if isinstance(content, Mapping) and isinstance(content.get("model"), Mapping):
        content = content["model"]
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        return {}
    return {str(name): value for name, value in content.items()}


def _misfits(wanted: State, found: State) -> Iterator[str]:
    """What keeps weights from fitting a module, in words."""
    for name, tensor in wanted.items():
        if name not in found:
            yield f"there is no {name}"
        elif tensor.shape != found[name].shape:
            yield f"{name} is {_size(found[name])}, the network has {_size(tensor)}"
    yield from (f"the network has no {name}" for name in sorted(found) if name not in wanted)


def _size(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "one number"


def unreadable(path: Path, reason: str, hint: str) -> ArchbuilderError:
    """AB855, in words."""
    return ArchbuilderError(UNREADABLE.at(Span(str(path)), f"cannot be read: {reason}", hint))
