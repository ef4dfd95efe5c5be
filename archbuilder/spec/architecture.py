"""The top level of a file."""

import keyword
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from archbuilder.blocks import BROKEN, Blocks
from archbuilder.blocks.conv import ConvDefaults
from archbuilder.diagnostics import ArchbuilderError, Diagnostic, declare, show
from archbuilder.document.nodes import Document, Node
from archbuilder.document.text import stem_of
from archbuilder.remedy import Write, written
from archbuilder.schema.env import Env, Known, Reader
from archbuilder.schema.expressions import PATTERN, ExpressionError, evaluate
from archbuilder.schema.fields import MAX_PIXELS, Check, Positive, Variables, expected, failure, integer, reads
from archbuilder.schema.model import FORM, VALUE, Child, Invalid, Model, validate
from archbuilder.spec.limits import LIMITS, Limit, read_limits

if TYPE_CHECKING:
    from archbuilder.spec.data import Data
    from archbuilder.spec.goals import Goal
    from archbuilder.spec.rules import PackName
    from archbuilder.spec.space import Space
    from archbuilder.spec.train import Train
else:
    Data = Goal = PackName = Space = Train = Any  # the models of a section are imported only for a file that has it

NOT_AN_ARCHITECTURE = declare(
    "AB105",
    "a file that describes no network",
    why=(
        "The file is valid YAML, but it has none of the keys that every network has (archbuilder, input, network). It "
        "is probably a file for another program."
    ),
    bad="""\
$ echo 'services: {web: {image: nginx}}' > compose.yaml
$ archbuilder check compose.yaml""",
    good="$ archbuilder check net.yaml",
)
CHANNELS_LAST = declare(
    "AB106",
    "an input whose channels come last",
    why=(
        "Other tools write height, width, channels; here, as in torch, channels come first. [32, 32, 3] would be an "
        "image with 32 channels that is 3 pixels wide, and every later number would be wrong. If you mean a "
        "one-dimensional signal with as many channels as values, put the values along the width: [64, 1, 64]."
    ),
    bad="input: [32, 32, 3]",
    good="input: [3, 32, 32]",
)


def _data() -> type[Model]:
    from archbuilder.spec.data import Data

    return Data


def _train() -> type[Model]:
    from archbuilder.spec.train import Train

    return Train


def _once(read: Reader) -> Reader:
    """A reader of what many trees share, as the candidates of a search do."""
    return lambda node, env: env.known.read(read, node, env) if env.known else read(node, env)


def _late(load: Callable[[], type[Model]]) -> Child:
    """A section whose models are imported only when it is read."""

    def read(node: Node, env: Env) -> Any:
        return validate(load(), node, env)

    return Child(_once(read), load)


def _rules(node: Node, env: Env) -> Any:
    from archbuilder.spec.rules import read_rules

    return read_rules(node, env)


def _rules_form() -> Any:
    from archbuilder.spec.rules import RULES

    return RULES


def _space(node: Node, env: Env) -> Any:
    from archbuilder.spec.space import read_space

    return read_space(node, env)


def _space_form() -> Any:
    from archbuilder.spec.space import FORM_OF_SPACE

    return FORM_OF_SPACE


def _goals(node: Node, env: Env) -> Any:
    from archbuilder.spec.goals import read_goals

    return read_goals(node, env)


def _goals_form() -> Any:
    from archbuilder.spec.goals import GOALS

    return GOALS


def _definitions() -> Any:
    from archbuilder.blocks._composite import DEFINITIONS

    return DEFINITIONS


@reads(const=1)
def _version(value: Any, variables: Variables) -> int:
    if type(value) is not int or value != 1:  # true == 1 == 1.0
        raise failure(f"there is no version {show(value)} of the language", Write("1", say="write archbuilder: {}"))
    return value


_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"


@reads(type="string", pattern=f"^{_NAME}$")
def _name(value: Any, variables: Variables) -> str:
    if not isinstance(value, str) or not re.fullmatch(_NAME, value):
        raise expected("a name of letters, digits, dots, dashes and underscores", value)
    return value


# vars: as JSON Schema
_VARIABLE = "[A-Za-z_][A-Za-z0-9_]*"
_VALUE = {"title": "number or arithmetic", "type": ["integer", "string"], "pattern": PATTERN}
_VARS = {
    "type": ["object", "null"],
    "propertyNames": {"pattern": f"^{_VARIABLE}$"},
    "additionalProperties": _VALUE,
}

_extent = integer(1, MAX_PIXELS)
IMAGE_CHANNELS = (1, 3)  # of an ordinary image: grey, or red, green and blue
MOST_CHANNELS = 4  # of an ordinary image, with transparency


@reads(type="array", items=_extent.form, minItems=3, maxItems=3)
def _input(value: Any, variables: Variables) -> tuple[int, ...]:
    if not isinstance(value, (list, tuple)) or len(value) != 3:
        raise expected("[channels, height, width]", value, Write("[3, 32, 32]", say="write input: {}", guess=True))
    channels, height, width = (_extent(v, variables) for v in value)
    if meant := channels_first(channels, height, width):
        message = f"{[channels, height, width]} is {channels} channels of {height}x{width} pixels"
        raise failure(message, Write(written(meant), say="channels come first: {}"), CHANNELS_LAST)
    return channels, height, width


def channels_first(channels: int, height: int, width: int) -> tuple[int, int, int] | None:
    """The shape that was probably meant, if the last number must be the channels: a square image, grey or in colour."""
    is_last = channels == height > MOST_CHANNELS and width in IMAGE_CHANNELS
    return (width, channels, height) if is_last else None


class Architecture(Model):
    """A network, its limits, rules and goals, and how it is trained."""

    STAND_INS: ClassVar[Mapping[str, Any]] = {"archbuilder": 1, "input": (3, 32, 32), "network": (BROKEN,)}

    archbuilder: Annotated[Literal[1], Check(_version), Field(description="version of the language", examples=[1])]
    name: Annotated[
        str, Check(_name), Field(description="name of the network and its runs; by default that of the file")
    ] = "network"
    input: Annotated[
        tuple[int, int, int], Check(_input), Field(description="channels, height, width", examples=["[3, 32, 32]"])
    ]
    classes: Annotated[
        Positive | None, Field(description="number of classes; the network must end in so many values")
    ] = None
    limits: Annotated[
        tuple[Limit, ...], Child(_once(read_limits), LIMITS), Field(description="bounds on the totals")
    ] = ()
    rules: Annotated[tuple[PackName, ...], Child(_rules, _rules_form), Field(description="rule packs to satisfy")] = ()
    goals: Annotated[
        tuple[Goal, ...], Child(_goals, _goals_form), Field(description="what a run must reach: accuracy, time")
    ] = ()
    vars: Annotated[
        Mapping[str, int], Child(lambda node, env: env.variables, _VARS), Field(description="names for numbers")
    ] = {}
    defaults: Annotated[
        Any,
        Child(lambda node, env: env.defaults, ConvDefaults),
        Field(description="default values of fields of blocks"),
    ] = None
    define: Annotated[
        Any,
        Child(lambda node, env: env.definitions, _definitions),
        Field(description="custom blocks, made of other blocks"),
    ] = None
    network: Annotated[Blocks, Field(description="the blocks in order", examples=["[{conv: 16}, gap, classifier]"])]
    data: Annotated[Data | None, _late(_data), Field(description="data set and augmentation")] = None
    train: Annotated[Train | None, _late(_train), Field(description="how the network is trained")] = None
    space: Annotated[
        Space | None, Child(_space, _space_form), Field(description="other values that search and sweep may choose")
    ] = None


def read(document: Document, diagnostics: list[Diagnostic], known: Known | None = None) -> Architecture | None:
    """The validated file; None if it has no network that can be checked further.

    known: cached results for nodes that other trees share.

    Invalid fields are replaced by their defaults or stand-ins, so that the rest can be checked; `diagnostics` then has
    an error.
    """
    env = Env(diagnostics, elsewhere=_elsewhere, known=known)
    root = document.root
    if not root.is_mapping or not {"archbuilder", "input", "network"} & root.value.keys():
        shown = "a list" if root.is_list else show(", ".join(root.value) if root.is_mapping else root.value)
        message = f"expected a mapping with archbuilder, input and network, found {shown}"
        env.report(NOT_AN_ARCHITECTURE, root.span, message, "start from architectures/quickstart.yaml")
        return None
    try:
        spec = _validate(root, env)
    except ArchbuilderError as error:  # a bound was exceeded: stop
        diagnostics += error.diagnostics
        return None
    if not isinstance(spec, Architecture):
        return None
    if spec.space:
        from archbuilder.spec.space import bind  # loaded already, with the section

        spec = spec.model_copy(update={"space": bind(spec.space, root, diagnostics)})
    return spec if "name" in spec.model_fields_set else spec.model_copy(update={"name": stem_of(document.name)})


def _validate(root: Node, env: Env) -> Architecture | Invalid:
    """Validate first the sections that blocks refer to, then the rest."""
    env = env.with_variables(_variables(root.get("vars"), env))
    env = env.with_defaults(_defaults(root.get("defaults"), env))
    if (definitions := root.get("define")) is not None:
        from archbuilder.blocks._composite import read_definitions

        env = env.with_definitions(read_definitions(definitions, env))
    return validate(Architecture, root, env, recover=True)


def _elsewhere(name: str, model: type[Model]) -> str:
    """A hint that names the section to which a key belongs."""
    from archbuilder.spec.misplaced_keys import belongs  # needs every section's models

    return belongs(name, model)


def _variables(node: Node | None, env: Env) -> dict[str, int]:
    """The values of vars:, each an integer or an expression over those before it."""
    if node is None or node.value is None:
        return {}
    if not node.is_mapping:
        env.report(FORM, node.span, "expected a mapping from name to number", "write vars: {width: 20}")
        return {}
    values: dict[str, int] = {}
    for name, child in node.value.items():
        if not re.fullmatch(_VARIABLE, name) or keyword.iskeyword(name):
            hint = "use a letter, then letters, digits and underscores; no keyword of Python"
            env.report(VALUE, node.place(name), f"{show(name)} is not a name for a variable", hint)
        try:
            values[name] = evaluate(_expression(child.value), values)
        except ExpressionError as error:
            env.report(VALUE, node.place(name) if child.value is None else child.span, f"{name}: {error}", error.hint)
            values[name] = 1  # reported already: uses of the name cause no further errors
    return values


def _expression(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        hint = "write a whole number or arithmetic over earlier vars"
        raise ExpressionError(f"{show(value)} is not an integer", hint)
    return str(value)


def _read_defaults(node: Node, env: Env) -> Any:
    return validate(ConvDefaults, node, env, recover=True)


def _defaults(node: Node | None, env: Env) -> dict[str, Any]:
    if node is None:
        return {}
    defaults = env.known.read(_read_defaults, node, env) if env.known else _read_defaults(node, env)
    if not isinstance(defaults, ConvDefaults):
        return {}
    return {name: getattr(defaults, name) for name in defaults.model_fields_set}
