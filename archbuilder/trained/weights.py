"""Weights as safetensors: tensors by name, readable without torch and without trust."""

from __future__ import annotations

from collections.abc import Mapping

from safetensors.torch import save
from torch import Tensor

from archbuilder.modules.weights import CHECKSUM, checksum


def weights(state: Mapping[str, Tensor], key: str = CHECKSUM, value: str = "") -> bytes:
    """The content of a .safetensors file, of a state_dict and one entry of metadata: the checksum unless said.

    Of more entries the order, and so the bytes, would be left to chance.
    """
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in state.items()}
    return save(tensors, {key: value or checksum({}, tensors)})
