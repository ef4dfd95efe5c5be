"""Custom blocks that a file's `define:` section makes of other blocks, with parameters."""

from dataclasses import dataclass
from typing import Any

from pydantic import PrivateAttr

from archbuilder.blocks import BLOCK_LIST, BLOCKS, NAME_TAKEN, Block, Blocks, is_reserved, lower_blocks, read_blocks
from archbuilder.diagnostics import Span, declare, did_you_mean
from archbuilder.document.nodes import Node
from archbuilder.ir.builder import GraphBuilder
from archbuilder.remedy import Rename
from archbuilder.schema.env import Env
from archbuilder.schema.expressions import MAX_VALUE, PATTERN, ExpressionError, evaluate
from archbuilder.schema.fields import MAX_NAME, MAX_NAMES
from archbuilder.schema.model import FORM, INVALID, REQUIRED, UNKNOWN, VALUE, validate

_DEFAULT = {"type": ["integer", "string", "null"], "pattern": PATTERN}  # of a parameter; null: it has no default
DEFINITIONS = {  # as JSON Schema
    "type": ["object", "null"],
    "propertyNames": {"pattern": "^[A-Za-z][A-Za-z0-9_]*$", "maxLength": MAX_NAME},
    "additionalProperties": {
        "type": "object",
        "properties": {
            "params": {
                "type": ["object", "null"],
                "additionalProperties": _DEFAULT,
                "maxProperties": MAX_NAMES,
                "description": "each parameter with its default; null: no default",
            },
            "blocks": {**BLOCK_LIST, "description": "the blocks that it is expanded to"},
        },
        "required": ["blocks"],
        "additionalProperties": False,
    },
}

RECURSION = declare(
    "AB208",
    "a definition that uses itself",
    why=(
        "A definition is expanded where it is used. One that uses itself, directly or through another definition, "
        "would never end."
    ),
    bad="""\
define:
  pair: {blocks: [{conv: 16}, pair]}
network: [pair]""",
    good="""\
define:
  pair: {blocks: [{conv: 16}, {conv: 16}]}
network: [pair]""",
)


@dataclass(frozen=True)
class Definition:
    """A custom block; `params` maps each parameter to its default, None if it has none."""

    name: str
    params: dict[str, int | None]
    blocks: Node
    span: Span

    def read(self, body: Node, env: Env) -> Any:
        """Expand one use of this definition to a composite, or INVALID."""
        if self.name in env.expanding:
            chain = " -> ".join([*env.expanding, self.name])
            env.report(
                RECURSION,
                self.span,
                f"{self.name} uses itself: {chain}",
                "a definition can use only blocks and definitions before it",
            )
            return INVALID
        given = self._given(body)
        if given is None:
            env.report(FORM, body.span, f"{self.name} takes a mapping of its parameters", self._usage())
            return INVALID
        values = self._values(given, body, env)
        named = validate(Block, Node({"name": given["name"]} if "name" in given else {}, body.span, body.keys), env)
        if values is None or not isinstance(named, Block):
            return INVALID
        blocks = read_blocks(self.blocks, env.inside(self.name, values))
        if not isinstance(blocks, tuple):
            return INVALID
        composite = Composite.model_construct(name=named.name, blocks=blocks)
        composite._node, composite._kind = body, self.name
        return composite

    def _given(self, body: Node) -> dict[str, Node] | None:
        if body.value is None:
            return {}
        if body.is_mapping:
            given: dict[str, Node] = body.value
            return given
        return {next(iter(self.params)): body} if self.params else None

    def _values(self, given: dict[str, Node], body: Node, env: Env) -> dict[str, int] | None:
        """The value of each parameter, or None if one is wrong; every problem is reported."""
        before = len(env.diagnostics)
        for key in given:
            if key not in self.params and key != "name":
                env.report(
                    UNKNOWN, body.place(key), f"{self.name} has no parameter {key}", did_you_mean(key, self.params)
                )
        values: dict[str, int] = {}
        for key, default in self.params.items():
            if key in given:
                values[key] = _evaluate(key, given[key], body.place(key), env)
            elif default is not None:
                values[key] = default
            else:
                env.report(REQUIRED, body.span, f"the parameter {key} of {self.name} is missing", self._usage())
        return values if len(env.diagnostics) == before else None

    def _usage(self) -> str:
        shown = (f"{key}: {'...' if default is None else default}" for key, default in self.params.items())
        return f"write {self.name}: {{{', '.join(shown)}}}"


class Composite(Block):
    """One use of a definition: a scope with its blocks."""

    blocks: Blocks
    _kind: str = PrivateAttr(default="")

    @property
    def word(self) -> str:
        return self._kind

    def lower(self, g: GraphBuilder) -> None:
        with g.scope(self.name or self.word):
            lower_blocks(self.blocks, g)


def read_definitions(node: Node | None, env: Env) -> dict[str, Definition]:
    """The definitions of a `define:` section; invalid ones are reported and left out."""
    if node is None or node.value is None:
        return {}
    if not node.is_mapping:
        env.report(
            FORM, node.span, "expected a mapping of definitions", "write define: {NAME: {params: {...}, blocks: [...]}}"
        )
        return {}
    found = (_definition(name, child, node.place(name), env) for name, child in node.value.items())
    return {definition.name: definition for definition in found if definition}


def _definition(name: str, node: Node, span: Span, env: Env) -> Definition | None:
    if name in BLOCKS.names() or is_reserved(name) or not name.isidentifier() or name.startswith("_"):
        message = f"a definition cannot be called {name}"
        env.report(
            NAME_TAKEN,
            span,
            message,
            "use letters, digits and underscores, and no name of a block or of an attribute of torch modules",
        )
        return None
    if not name.isascii() and (composed := _as_python_reads(name)) != name:
        message = f"Python, and so an exported model.py, reads {name} as {composed}"
        env.report(NAME_TAKEN, span, message, Rename(composed, say="write {}"))
    if len(name) > MAX_NAME:
        env.report(VALUE, span, f"a name of {len(name):,} characters", f"write one of at most {MAX_NAME}")
    blocks = node.get("blocks")
    if blocks is None:
        env.report(
            FORM, span, f"the definition {name} has no blocks", "write blocks: [...] under it, params: {...} before"
        )
        return None
    for key in node.value:
        if key not in ("params", "blocks"):
            env.report(
                UNKNOWN, node.place(key), f"a definition has no field {key}", did_you_mean(key, ("params", "blocks"))
            )
    return Definition(name, _params(node.get("params"), env), blocks, span)


def _as_python_reads(name: str) -> str:
    """An identifier as Python normalises it: characters that are compatible become the same one.

    Source: The Python Language Reference, Identifiers and keywords (NFKC)."""
    from unicodedata import normalize

    return normalize("NFKC", name)


def _params(node: Node | None, env: Env) -> dict[str, int | None]:
    if node is None or node.value is None:
        return {}
    if not node.is_mapping:
        env.report(
            FORM, node.span, "expected a mapping from parameter to default", "write params: {out: null, times: 2}"
        )
        return {}
    if len(node.value) > MAX_NAMES:  # every use of the definition evaluates all of them
        env.report(VALUE, node.span, f"{len(node.value):,} parameters, at most {MAX_NAMES} are read", "use vars")
        return {}
    return {
        key: None if child.value is None else _evaluate(key, child, node.place(key), env)
        for key, child in node.value.items()
    }


def _evaluate(key: str, node: Node, span: Span, env: Env) -> int:
    value = node.value
    try:
        if (
            isinstance(value, bool)
            or not isinstance(value, (int, str))
            or abs(value if isinstance(value, int) else 0) > MAX_VALUE
        ):
            raise ExpressionError(f"{key}: expected an integer", "a whole number or arithmetic over vars")
        return value if isinstance(value, int) else evaluate(value, env.variables)
    except ExpressionError as error:
        env.report(VALUE, span, str(error), error.hint)
        return 1
