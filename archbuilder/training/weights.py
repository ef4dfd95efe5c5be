"""The weights of a finished run as safetensors: tensors by name, readable without torch and without trust."""

from __future__ import annotations

from collections.abc import Mapping

from safetensors.torch import save
from torch import Tensor


def weights(state: Mapping[str, Tensor]) -> bytes:
    """The content of weights.safetensors, of a state_dict."""
    tensors = {name: value.detach().cpu().contiguous().clone() for name, value in state.items()}
    return save(tensors, {"format": "pt"})  # of more entries the order, and so the bytes, would be left to chance
