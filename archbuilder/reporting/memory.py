"""The memory of one image in words."""

from __future__ import annotations

from collections.abc import Iterator

from archbuilder.analysis.facts import Facts
from archbuilder.analysis.memory import BYTES, DTYPE
from archbuilder.ir.graph import INPUT

# of the table of ops: bytes alive while an op runs, and bytes it saves for the backward pass
COLUMNS = ("live", "kept")


def memory_cells(facts: Facts) -> list[tuple[str, str]]:
    found = facts.memory
    size = BYTES[DTYPE]
    return [(size_of(live * size), size_of(kept)) for live, kept in zip(found.live, found.kept_by_layer(), strict=True)]


def memory_lines(facts: Facts) -> Iterator[str]:
    """The memory of one image, with the assumptions."""
    found, size = facts.memory, BYTES[DTYPE]
    live = " + ".join(f"{name} {size_of(scalars * size)}" for name, scalars in found.tensors)
    at = facts.layers[found.peak].node.name if facts.layers else INPUT
    yield f"inference        {size_of(found.peak_bytes())} at the peak ({DTYPE}, one image), in {at}: {live}"
    yield f"training         {size_of(found.training_bytes())} kept for backward ({DTYPE}, one image)"
    yield "weights          " + ", ".join(f"{size_of(facts.weight_bytes(dtype))} in {dtype}" for dtype in BYTES)
    yield f"{'':16} lower bounds: norms and activations in place in inference, not in training; no workspaces"
    yield from arena_lines(facts)


def arena_lines(facts: Facts) -> Iterator[str]:
    """The arena on a microcontroller in int8, with the tensors at its peak; nothing if a layer has no kernel."""
    from archbuilder.device.arena import arena

    found = arena(facts.graph)
    if found is None:
        return
    operator, placed = found.peak
    at = f", in {operator.output}" if operator else ""
    there = ", ".join(f"{each.buffer.name} {each.offset:,} to {each.end - 1:,}" for each in placed)
    least, most = map(size_of, found.total)
    yield f"arena            {found.head:,} bytes (int8, TensorFlow Lite Micro){at}: {there}"
    yield f"{'':16} {found.greedy:,} with the runtime's own planner, at least {found.bound:,} with any plan"
    yield f"{'':16} including the runtime's own data {least} to {most}, estimated"


def size_of(number: int) -> str:
    """Bytes in a suitable unit: 512 B, 1.5 KiB, 3.2 MiB."""
    for suffix, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if number >= size:
            return f"{number / size:.1f} {suffix}"
    return f"{number} B"
