"""Names for blocks, derived from the names of the user's modules."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from archbuilder.blocks import is_reserved
from archbuilder.importers.flow import Step

# names that add nothing to the block's word
_EMPTY = re.compile(r"(conv|block|layer|convblock|conv_block|gap|pool|fc|linear|c|l|x|net)?_?[0-9]*")


def is_name(text: str) -> bool:
    """Whether the language allows a name."""
    return bool(re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", text)) and not is_reserved(text)


def says_something(name: str, word: str) -> bool:
    """Whether a name tells readers more than the block's word."""
    return is_name(name) and not _EMPTY.fullmatch(name.lower()) and name.lower().rstrip("0123456789_") != word


class Names:
    """The names in use, and the shortening of module names."""

    def __init__(self, steps: Iterable[Step]) -> None:
        self.taken: set[str] = set()
        paths = [step.path.split(".") for step in steps if step.path]
        self._skip = 0  # number of leading components common to all paths, such as the model in a wrapper
        while (
            paths
            and all(len(path) > self._skip + 1 for path in paths)
            and len({path[self._skip] for path in paths}) == 1
        ):
            self._skip += 1

    def attribute(self, step: Step) -> str:
        """The module's attribute that a step belongs to; empty for the module's own code."""
        parts = step.path.split(".")[self._skip :]
        return parts[0] if parts else ""

    def inner(self, step: Step) -> bool:
        """Whether the step's module is inside the attribute, which then is a container."""
        return len(step.path.split(".")) > self._skip + 1

    def attributes(self, steps: Sequence[Step]) -> set[str]:
        """The attributes to which steps belong. Only steps with weights count, if there are any, because a dropout or a
        pool is often one object used everywhere."""
        weighted = [step for step in steps if step.layer]
        return set(map(self.attribute, weighted or steps)) - {""}

    def attribute_of(self, steps: Sequence[Step]) -> str:
        """The single attribute of all steps that belong to one; empty if there are several."""
        found = self.attributes(steps)
        return found.pop() if len(found) == 1 else ""

    def take(self, wish: str) -> str:
        """A free name as similar to the wish as possible."""
        base = re.sub(r"[^A-Za-z0-9_]", "_", wish).strip("_")
        base = base if is_name(base) else f"block_{base}".rstrip("_")
        name, number = base, 2
        while name in self.taken:
            name, number = f"{base}_{number}", number + 1
        self.taken.add(name)
        return name
