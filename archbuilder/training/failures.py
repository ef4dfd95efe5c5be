"""What torch raises in the middle of an epoch for a recipe or a machine that cannot work, in words that help."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from archbuilder.diagnostics import ArchbuilderError, Diagnostic, Span, declare
from archbuilder.training.plan import Plan

MEMORY = declare("AB713", "not enough memory to train")
LOST = declare("AB734", "a process that has lost the others")
SINGLE = declare("AB714", "a batch too small for batch normalisation")


@contextmanager
def explained(plan: Plan) -> Iterator[None]:
    """Turns torch's errors about memory, batch size and lost processes into ArchbuilderError AB713, AB714, AB734."""
    try:
        yield
    except (RuntimeError, ValueError, MemoryError) as error:
        found = _explain(error, plan)
        if found is None:
            raise
        raise ArchbuilderError(found) from None


def _explain(error: Exception, plan: Plan) -> Diagnostic | None:
    text, size = str(error), plan.data.batch_size
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)) or "can't allocate memory" in text:
        reason = text.splitlines()[0] if text else "out of memory"
        same = f"batch_size: {max(size // 2, 1)} with accumulate: 2 takes the same steps"
        hint = f"lower batch_size ({size} now; {same}), or make the network's maps smaller"
        return MEMORY.at(plan.data.span("batch_size"), reason, hint)
    if any(word in text for word in ("gloo", "NCCL", "ProcessGroup")):
        message = f"another process of this run has ended or cannot be reached: {text.splitlines()[0]}"
        hint = "see what that one says; the run keeps its last checkpoint, and --resume goes on with it"
        return LOST.at(Span("archbuilder train"), message, hint)
    if "Expected more than 1 value per channel" in text:
        message = f"batch normalisation cannot learn from one value per channel, as batch_size: {size} leaves it here"
        return SINGLE.at(plan.data.span("batch_size"), message, "set batch_size: 2 or more, or norm: group")
    return None
