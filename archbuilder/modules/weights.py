"""Weights: read from a file, compared with a network and their checksum, and written as safetensors."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from archbuilder.diagnostics import ArchbuilderError, Span, declare
from archbuilder.files import MAX_WEIGHTS, read_regular, regular
from archbuilder.ir.graph import Graph
from archbuilder.modules import Network, build
from archbuilder.sources import is_run

SEED = 0  # of random weights, so that the file is always the same
OF_A_RUN = ("weights.safetensors", "last.pt")  # the final weights, or those of the last epoch if it is not finished
# common keys of the weights in checkpoints; archbuilder's own is `model`
WEIGHTS_IN = ("model", "state_dict", "model_state_dict", "model_state", "net", "network", "weights", "params")
DEEPEST = 100  # levels of nesting in data with a checksum
SHOWN = 3  # tensors that do not fit, named in a message
TAKEN = "name a run folder, its last.pt or best.pt, a .safetensors, or a torch.save(module.state_dict(), ...)"
SAVE = "if you trust the file, save only its tensors: torch.save(module.state_dict(), 'weights.pt')"
OWN = "export the network to which the weights belong; for a run: archbuilder export RUN"
CHECKSUM, KEY = "sha256", "archbuilder"  # metadata of a run's own .safetensors, and of a packed one
FORMAT = 1  # of the metadata under KEY

UNREADABLE = declare(
    "AB855",
    "weights that cannot be read",
    exit_status=2,
    why=(
        "The file is missing or damaged, or does not contain named tensors. Files are read with weights_only, so a "
        "pickle in them cannot run code."
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
        "Names and shapes of the weights must match the network. A file with another width or name belongs to another "
        "network, or to another version of this one."
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
    run = next((str(folder) for folder in (weights, weights.parent) if is_run(folder)), None)
    return loaded(graph, read(path), path, f"export the run's own network: archbuilder export {run}" if run else OWN)


def loaded(graph: Graph, state: State, path: Path, hint: str = OWN) -> Network:
    """The module of a graph with the weights of a file that has been read, in evaluation mode.

    hint: the remedy if they do not fit.
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


def weights_of_run(run: Path) -> Path | None:
    """The weights for exporting a run: its folder, None if it has no weights yet."""
    return run if _in_folder(run).is_file() else None


def _in_folder(run: Path) -> Path:
    return next((path for name in OF_A_RUN if (path := run / name).is_file()), run / OF_A_RUN[-1])


def read(path: Path, hint: str = TAKEN) -> State:
    """The tensors of a checkpoint, a .safetensors or a saved state_dict, by name.

    hint: the remedy if there are none.
    Raises ArchbuilderError AB855.
    """
    try:
        if path.suffix == ".safetensors":
            return tensors(path, hint)[0]
        regular(path, MAX_WEIGHTS)
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:  # torch itself does not verify the checksums
                if torn := archive.testzip():
                    raise ValueError(f"the checksum of {torn} is wrong")
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise unreadable(path, error.strerror or str(error), hint) from None
    except ArchbuilderError:
        raise
    except UnpicklingError as error:
        if refused := re.search(r"GLOBAL (\S+) was not an allowed global", str(error)):
            message = f"it contains a {refused[1]}, which can only be read by running code"
            raise unreadable(path, message, SAVE) from None
        raise unreadable(path, "it is damaged, or holds no weights (UnpicklingError)", hint) from None
    except Exception as error:  # zipfile, pickle and torch may raise anything for a damaged file
        raise unreadable(path, f"it is damaged, or holds no weights ({type(error).__name__})", hint) from None
    state = _state(content)
    if not state:
        raise unreadable(path, "it contains no weights", hint)
    return state


def tensors(path: Path, hint: str = TAKEN) -> tuple[State, dict[str, Any] | None]:
    """The tensors of a .safetensors file, verified by its checksum, and the metadata under KEY.

    Raises ArchbuilderError AB855.
    """
    from safetensors.torch import load

    try:
        data = read_regular(path, MAX_WEIGHTS)
        state = load(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    except OSError as error:
        raise unreadable(path, error.strerror or str(error), hint) from None
    except Exception as error:  # the library may raise anything for a damaged file
        raise unreadable(path, f"it is damaged, or holds no weights ({type(error).__name__})", hint) from None
    metadata, facts = header.get("__metadata__", {}), None
    noted = metadata.get(CHECKSUM)
    if KEY in metadata:
        facts, noted = _facts(path, metadata[KEY], hint)
    try:
        fits = noted is None or noted == checksum(facts or {}, state)
    except ValueError:
        fits = False
    if not fits:
        raise unreadable(path, "its SHA-256 does not match", hint)
    return state, facts


def _facts(path: Path, text: str, hint: str) -> tuple[dict[str, Any], str]:
    """The metadata under KEY, and the checksum of it and of the tensors. Raises ArchbuilderError AB855."""
    try:
        facts: dict[str, Any] = json.loads(text)
        noted, version = str(facts.pop("sha256", None)), facts.get("format")
    except (ValueError, AttributeError, TypeError, RecursionError):
        raise unreadable(path, "its metadata is damaged", hint) from None
    if version != FORMAT:
        raise unreadable(path, f"it has format {version!r:.20}, but this version reads {FORMAT}", hint)
    return facts, noted


def checksum(facts: Mapping[str, Any], state: State) -> str:
    """SHA-256 of metadata and tensors."""
    return digest([dict(sorted(facts.items())), dict(sorted(state.items()))])


def digest(value: Any) -> str:
    """SHA-256 of tensors and plain data: their types, shapes and bytes, independent of the file format.

    Raises ValueError for data that archbuilder never writes: unbounded nesting, a number with thousands of digits, a
    tensor that is larger than its bytes or has none.
    """
    found = hashlib.sha256()
    try:
        for part in _parts(value, DEEPEST):
            found.update(part)
    except RecursionError:  # from a deeply nested key
        raise ValueError("nested too deep") from None
    return found.hexdigest()


def _parts(value: Any, depth: int) -> Iterator[bytes]:
    if depth == 0:
        raise ValueError("nested too deep")
    if isinstance(value, dict):
        yield b"{%d" % len(value)
        for key, item in value.items():
            yield repr(key).encode()
            yield from _parts(item, depth - 1)
    elif isinstance(value, (list, tuple)):
        yield b"[%d" % len(value)
        for item in value:
            yield from _parts(item, depth - 1)
    elif isinstance(value, Tensor):
        yield f"{value.dtype}{tuple(value.shape)}".encode()
        yield _bytes(value)
    else:
        yield f"{type(value).__name__} {value!r};".encode()


def _bytes(tensor: Tensor) -> bytes:
    if tensor.layout is not torch.strided or tensor.is_meta or tensor.is_quantized:
        raise ValueError("a tensor of a kind that is not trained")
    if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        # an expanded tensor: one number may represent any size
        raise ValueError("a tensor that is larger than its bytes")
    return tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()


def _state(content: Any) -> dict[str, Tensor]:
    """The weights in the content of a file: the `model` of a checkpoint, another common key, or the whole content."""
    if isinstance(content, Mapping):
        content = next((content[key] for key in WEIGHTS_IN if isinstance(content.get(key), Mapping)), content)
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        return {}
    return {str(name): value for name, value in content.items()}


def _misfits(wanted: State, found: State) -> Iterator[str]:
    """The reasons why weights do not fit a module, in words."""
    for name, tensor in wanted.items():
        if name not in found:
            yield f"there is no {name}"
        elif tensor.shape != found[name].shape:
            yield f"{name} is {_size(found[name])}, but the network has {_size(tensor)}"
        elif tensor.is_floating_point() != found[name].is_floating_point():
            yield f"{name} is {found[name].dtype}, but the network has {tensor.dtype}"
    yield from (f"the network has no {name}" for name in sorted(found) if name not in wanted)


def _size(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "one number"


def unreadable(path: Path, reason: str, hint: str) -> ArchbuilderError:
    """AB855, in words."""
    return ArchbuilderError(UNREADABLE.at(Span(str(path)), f"cannot be read: {reason}", hint))


def weights(state: Mapping[str, Tensor], key: str = CHECKSUM, value: str = "") -> bytes:
    """The content of a .safetensors file with a state_dict and one entry of metadata, by default the checksum.

    With more entries their order, and so the bytes, would not be reproducible.
    """
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in state.items()}
    return save(tensors, {key: value or checksum({}, tensors)})
