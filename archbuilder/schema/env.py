"""The environment in which a node is validated, and a cache for nodes that are read many times."""

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
    """The environment in which a node is validated: variables, defaults, and the list of problems."""

    diagnostics: list[Diagnostic] = field(default_factory=list)
    variables: Mapping[str, int] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    definitions: Mapping[str, Any] = field(default_factory=dict)
    expanding: tuple[str, ...] = ()  # the definitions that are being read, outermost first
    # a hint that names the section to which a key belongs
    elsewhere: Callable[[str, type[Model]], str] = lambda name, model: ""
    level: int = 0  # nesting level of the list of blocks that is being read, from 1
    # of blocks read; shared by all environments derived from this one
    counter: Iterator[int] = field(default_factory=count)
    known: Known | None = None  # the cache, for example for the candidates of a search

    def report(self, code: Code, span: Span, message: str, hint: Hint = "") -> None:
        """Report a problem. Raises ArchbuilderError AB010 if there are too many."""
        if len(self.diagnostics) >= MAX_PROBLEMS:
            raise ArchbuilderError(too_many(span))
        self.diagnostics.append(code.at(span, message, hint))

    def inside(self, definition: str, parameters: dict[str, int]) -> Env:
        """The environment for the blocks of a definition."""
        expanding = (*self.expanding, definition)
        outer = self.variables.maps if isinstance(self.variables, ChainMap) else [self.variables]
        return replace(self, variables=ChainMap(parameters, *outer), expanding=expanding)

    def deeper(self) -> Env:
        """The environment one level further in."""
        env = object.__new__(Env)  # called for each block that contains blocks; `replace` took a tenth of a file's time
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
    """Cached results for nodes that many trees share.

    A result depends on the values of some variables, on the nesting level, and on nothing else that may differ between
    the trees.

    words: the variables on which a node may depend: those in its texts, and in what it may refer to.
    """

    MOST = 20_000  # largest number of cached nodes, for trees that share little

    def __init__(self, words: Callable[[Node], frozenset[str]]) -> None:
        self._words = words
        # keeps the node alive, so that no other node gets its id
        self._of: dict[int, tuple[Node, tuple[str, ...]]] = {}
        self._read: dict[tuple[Any, ...], Any] = {}

    def read(self, reader: Reader, node: Node, env: Env) -> Any:
        """The result of reading a node. A node with problems is not cached, so that they are reported each time."""
        if (of := self._of.get(id(node))) is None:
            if len(self._of) >= self.MOST:
                self._of.clear()
                self._read.clear()
            of = self._of[id(node)] = node, tuple(self._words(node))
        key = (reader, id(node), env.level, *map(env.variables.get, of[1]))
        if (found := self._read.get(key)) is None:
            problems = len(env.diagnostics)
            found = reader(node, env)
            if len(env.diagnostics) == problems:
                self._read[key] = found
        return found
