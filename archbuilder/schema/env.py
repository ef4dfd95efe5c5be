"""What holds where a node is validated, and what is known of nodes that are read again and again."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TYPE_CHECKING, Any

from archbuilder.diagnostics import MAX_PROBLEMS, ArchbuilderError, Code, Diagnostic, Span, too_many
from archbuilder.document.nodes import Node
from archbuilder.remedy import Hint

if TYPE_CHECKING:
    from archbuilder.schema.model import Model


@dataclass(frozen=True)
class Env:
    """What holds where a node is validated: variables, defaults, and the sink for problems."""

    diagnostics: list[Diagnostic] = field(default_factory=list)
    variables: Mapping[str, int] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    definitions: Mapping[str, Any] = field(default_factory=dict)
    expanding: tuple[str, ...] = ()  # the definitions that are being read, outermost first
    elsewhere: Callable[[str, type[Model]], str] = lambda name, model: ""  # says which other section has a key
    level: int = 0  # of the list of blocks that is being read: the network's is the first
    counter: Iterator[int] = field(default_factory=count)  # of blocks read, shared by all that derive from this
    known: Known | None = None  # of what is read again and again, as the candidates of a search are

    def report(self, code: Code, span: Span, message: str, hint: Hint = "") -> None:
        """Note a problem.  Raises ArchbuilderError AB010 where there are too many to go on."""
        if len(self.diagnostics) >= MAX_PROBLEMS:
            raise ArchbuilderError(too_many(span))
        self.diagnostics.append(code.at(span, message, hint))

    def inside(self, definition: str, parameters: dict[str, int]) -> Env:
        """What holds in the blocks of a definition."""
        expanding = (*self.expanding, definition)
        outer = self.variables.maps if isinstance(self.variables, ChainMap) else [self.variables]
        return replace(self, variables=ChainMap(parameters, *outer), expanding=expanding)

    def deeper(self) -> Env:
        """What holds one level further in."""
        env = object.__new__(Env)  # at each block that holds blocks, where `replace` took a tenth of a file's time
        env.__dict__.update(self.__dict__, level=self.level + 1)
        return env

    def with_variables(self, variables: Mapping[str, int]) -> Env:
        return replace(self, variables={**self.variables, **variables})

    def with_defaults(self, defaults: Mapping[str, Any]) -> Env:
        return replace(self, defaults=defaults)

    def with_definitions(self, definitions: Mapping[str, Any]) -> Env:
        return replace(self, definitions=definitions)


Reader = Callable[[Node, Env], Any]


class Known:
    """What nodes were read as, for many trees that share them.

    It depends on the values of the variables that the texts of a node name, and on nothing else that may differ
    between the trees.

    words: those of a node's texts that may be variables.
    """

    MOST = 20_000  # nodes; of trees that share little, all would be kept for nothing

    def __init__(self, words: Callable[[Node], frozenset[str]]) -> None:
        self._words = words
        self._of: dict[int, tuple[Node, tuple[str, ...]]] = {}  # with the node, so that no other gets its id
        self._read: dict[tuple[Any, ...], Any] = {}

    def read(self, reader: Reader, node: Node, env: Env) -> Any:
        """What a node is read as.  Where there is something to report, it is read again to report it again."""
        if (of := self._of.get(id(node))) is None:
            if len(self._of) >= self.MOST:
                self._of.clear()
                self._read.clear()
            of = self._of[id(node)] = node, tuple(self._words(node))
        key = (reader, id(node), *map(env.variables.get, of[1]))
        if (found := self._read.get(key)) is None:
            problems = len(env.diagnostics)
            found = reader(node, env)
            if len(env.diagnostics) == problems:
                self._read[key] = found
        return found
