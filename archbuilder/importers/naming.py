"""Names for blocks, from the names that the user's modules have."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from archbuilder.blocks import is_reserved
from archbuilder.importers.flow import Step

# names that say no more than the block's word
_EMPTY = re.compile(r"(conv|block|layer|convblock|conv_block|gap|pool|fc|linear|c|l|x|net)?_?[0-9]*")


def is_name(text: str) -> bool:
    """Whether the language takes a name."""
    return bool(re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", text)) and not is_reserved(text)


def says_something(name: str, word: str) -> bool:
    """Whether a name tells a reader of the file more than the block's word does."""
    return is_name(name) and not _EMPTY.fullmatch(name.lower()) and name.lower().rstrip("0123456789_") != word


class Names:
    """The names that are taken, and how the modules' own names are shortened."""

    def __init__(self, steps: Iterable[Step]) -> None:
        self.taken: set[str] = set()
        paths = [step.path.split(".") for step in steps if step.path]
        self._skip = 0  # leading components that all paths have, such as the model in a wrapper
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
        """Whether the step's module lies inside the attribute, which then is a container."""
        return len(step.path.split(".")) > self._skip + 1

    def attributes(self, steps: Sequence[Step]) -> set[str]:
        """The attributes that steps belong to: those with weights where there are any, for a dropout or a
        pool is often one object for all."""
        weighted = [step for step in steps if step.layer]
        return set(map(self.attribute, weighted or steps)) - {""}

    def attribute_of(self, steps: Sequence[Step]) -> str:
        """The attribute that all steps belong to that belong to one; empty where there are several."""
        found = self.attributes(steps)
        return found.pop() if len(found) == 1 else ""

    def take(self, wish: str) -> str:
        """A free name as near to the wish as can be."""
        base = re.sub(r"[^A-Za-z0-9_]", "_", wish).strip("_")
        base = base if is_name(base) else f"block_{base}".rstrip("_")
        name, number = base, 2
        while name in self.taken:
            name, number = f"{base}_{number}", number + 1
        self.taken.add(name)
        return name
