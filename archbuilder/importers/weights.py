"""Loads weights trained elsewhere into their module, from common forms of checkpoints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from archbuilder.diagnostics import ArchbuilderError, Span, declare

WRAPPERS = ("module.", "_orig_mod.")  # of DataParallel and of torch.compile, anywhere in a name
COUNTERS = ("num_batches_tracked", "total_ops", "total_params")  # missing in old checkpoints, or added by profilers
SHOWN = 3  # tensors that do not fit, named in a message

MISFIT = declare(
    "AB811",
    "weights of another module",
    why=(
        "Names and shapes of the weights must match the imported module, as load_state_dict requires; a prefix that "
        "all names share, such as that of DataParallel, is removed. A checkpoint of a wider or deeper network does not "
        "match."
    ),
    bad="""\
$ python -c "import model, torch; torch.save(model.net(16).state_dict(), 'trained.pt')"
$ archbuilder import model.py:net --input 3x32x32 --arg width=8 --weights trained.pt --out net.yaml""",
    good="""\
$ python -c "import model, torch; torch.save(model.net(16).state_dict(), 'trained.pt')"
$ archbuilder import model.py:net --input 3x32x32 --arg width=16 --weights trained.pt --out net.yaml""",
)


def load_weights(module: nn.Module, state: Mapping[str, Tensor], file: Path) -> list[str]:
    """Load the weights of a file, whose names may have a prefix, into a module; returns the names that do not belong to
    it.

    Raises ArchbuilderError AB811 if weights are missing, unexpected or of other shapes."""
    wanted = module.state_dict()
    state, others = _renamed(wanted, state)
    if problems := list(_misfits(wanted, state)):
        more = f" and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        message = f"these weights do not fit {type(module).__name__}: {'; '.join(problems[:SHOWN])}{more}"
        hint = "build the module with which they were trained; give its arguments with --arg NAME=VALUE"
        raise ArchbuilderError(MISFIT.at(Span(str(file)), message, hint))
    module.load_state_dict({name: tensor for name, tensor in state.items() if name in wanted}, strict=False)
    return others


def _renamed(wanted: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> tuple[Mapping[str, Tensor], list[str]]:
    """The weights under the module's names, and the names of weights outside of it (for example of a loss)."""
    for names in ({name: name for name in state}, {_unwrapped(name): name for name in state}):
        for prefix in _prefixes(wanted, names):
            if all(prefix + name in names for name in wanted if not name.endswith(COUNTERS)):
                inside = {n.removeprefix(prefix): state[own] for n, own in names.items() if n.startswith(prefix)}
                return inside, [own for n, own in names.items() if not n.startswith(prefix)]
    return state, []


def _prefixes(wanted: Mapping[str, Tensor], names: Mapping[str, str]) -> list[str]:
    """The possible prefixes of the module's names: none, or that of its first name."""
    first = next((name for name in wanted if not name.endswith(COUNTERS)), "")
    found = [name.removesuffix(first) for name in names if first and name.endswith(f".{first}")]
    return ["", *dict.fromkeys(found)]


def _unwrapped(name: str) -> str:
    for wrapper in WRAPPERS:
        name = name.removeprefix(wrapper).replace(f".{wrapper}", ".")
    return name


def _misfits(wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> Iterator[str]:
    for name, tensor in wanted.items():
        if name not in found:
            if not name.endswith(COUNTERS):
                yield f"there is no {name}"
        elif not is_lazy(tensor) and tensor.shape != found[name].shape:
            yield f"{name} is {_size(found[name])}, but the module has {_size(tensor)}"
    yield from (f"the module has no {name}" for name in found if name not in wanted and not name.endswith(COUNTERS))


def _size(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "one number"
