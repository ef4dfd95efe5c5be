"""Node -> validated model.  Children first, so that a file builds only the models that it uses.

A model's field that holds other models says how its children are read, in its annotation:

    norm: Annotated[Norm | None, Child(one(Norm))]

`validate` reads those children, hands pydantic the finished instances together with the plain
values, and turns pydantic's errors into diagnostics with the place of the very field.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import count
from typing import Any, ClassVar, Literal, TypeVar, get_origin

from pydantic import BaseModel, ConfigDict, PrivateAttr, ValidationError
from pydantic_core import core_schema

from archbuilder.diagnostics import (
    MAX_PROBLEMS,
    ArchbuilderError,
    Code,
    Diagnostic,
    Span,
    declare,
    did_you_mean,
    like,
    nearest,
    shorten,
    show,
    too_many,
)
from archbuilder.document.nodes import Node
from archbuilder.remedy import Change, Hint, Layout, Remedy, Rename, Write, number_of, percent, share_of, written
from archbuilder.synonyms import synonym

UNKNOWN = declare(
    "AB101",
    "an unknown name",
    why=(
        "If a misspelt field were silently skipped, the network would not be the one that was meant. The hint shows "
        "the most similar known name."
    ),
    bad="- conv: {out: 16, kernal: 5}",
    good="- conv: {out: 16, kernel: 5}",
)
REQUIRED = declare(
    "AB102",
    "a missing field",
    why=(
        "This field has no sensible default: for example, only the author knows how many output channels a convolution "
        "should have."
    ),
    bad="- conv: {kernel: 5}",
    good="- conv: {out: 16, kernel: 5}",
)
VALUE = declare(
    "AB103",
    "a value of the wrong type or out of range",
    why=(
        "Torch would accept some of these values and fail much later, or train a different network. The message states "
        "the allowed range."
    ),
    bad="- conv: {out: 16, dropout: 1.5}",
    good="- conv: {out: 16, dropout: 0.15}",
)
FORM = declare(
    "AB104",
    "a mapping or list of the wrong form",
    why=(
        "Indentation decides which values belong together. Here it gives a form that this place does not allow, for "
        "example two blocks in one list item because a dash is missing."
    ),
    bad="""\
- conv: 16
  strided: 32""",
    good="""\
- conv: 16
- strided: 32""",
)

# what pydantic's kinds of error expect, in the language's words
_EXPECTED = {
    "bool_type": "true or false",
    "float_type": "a number",
    "finite_number": "a finite number",
    "int_type": "a whole number",
    "string_type": "text",
    "literal_error": "{expected}",
    "none_required": "none",
    "too_short": "a list of at least {min_length}",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
}
_BOUNDS = {"greater_than", "greater_than_equal", "less_than", "less_than_equal"}


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


class Model(BaseModel):
    """Base of everything that a user writes: strict types, no unknown keys, immutable.

    `POSITIONAL` names the field that a bare value stands for (`dropout: 0.1`).  Where none does, `MEANT` may say what
    somebody who wrote one has most likely meant, with {} for the value.
    `STAND_INS` are values for required fields that are missing or bad, with which the rest can still be checked.
    A model with such values may also have `MEANT_FIELD`, the field that a bare value is then of, and `SAMPLES`, for a
    required field an example and what it says: declared here, they would cost every model some time.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, defer_build=True, arbitrary_types_allowed=True)

    POSITIONAL: ClassVar[str] = ""
    MEANT: ClassVar[str] = ""
    STAND_INS: ClassVar[Mapping[str, Any]] = {}
    _node: Node | None = PrivateAttr(default=None)
    _bad: frozenset[str] = PrivateAttr(default=frozenset())

    def span(self, field: str = "") -> Span:
        """The place of a field, or of the whole where the field was not written."""
        if self._node is None:
            return Span("<built in>")
        if field and self._node.is_mapping:
            return self._node.place(field)
        return self._node.span

    def is_known(self, field: str) -> bool:
        """Whether a field has the value that the user meant; else it was reported, and another one stands in for it."""
        return field not in self._bad


M = TypeVar("M", bound=Model)
Reader = Callable[[Node, Env], Any]


@dataclass(frozen=True)
class Child:
    """Marks a field whose value is read by `read` instead of by pydantic.

    `form` is the JSON Schema of what it takes, in which a model or a Family stands for its own."""

    read: Reader
    form: Any = None

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        # the child is an instance already: building its model's schema here would cost start-up time
        return core_schema.any_schema()


class Invalid:
    """What a reader returns for a child that has been reported already."""


INVALID = Invalid()


def validate(model: type[M], node: Node, env: Env, recover: bool = False) -> M | Invalid:
    """The instance that a node describes; problems go to `env`, every one that can be found.

    With `recover` a bad field falls back to its default or stand-in after it has been reported, so that
    what does not depend on it can still be checked.
    """
    fields = _fields(model, node)
    if fields is None:
        shown = "a list" if node.is_list else show(node.value)
        env.report(FORM, node.span, f"expected a mapping of fields, found {shown}", _form_hint(model, node))
        return INVALID
    values: dict[str, Any] = {}
    readers = _readers(model)
    for key, child in _bounded(model, fields):
        reader = readers.get(key)
        values[key] = reader(child, env) if reader else child.plain()
    for key in takes_defaults(model):
        if key not in fields and key in env.defaults:
            values[key] = env.defaults[key]
    reported = {key for key, value in values.items() if value is INVALID}
    good = {key: value for key, value in values.items() if key not in reported}
    instance, errors = _attempt(model, good, env)
    _report(errors, reported, model, node, env)
    bad = reported | {str(error["loc"][0]) for error in errors if error["loc"]}
    if errors and recover:
        stand_ins = {key: value for key, value in model.STAND_INS.items() if key in bad}
        instance, _ = _attempt(model, {key: value for key, value in good.items() if key not in bad} | stand_ins, env)
    if instance is None or (reported and not recover):
        return INVALID
    instance._node, instance._bad = node, frozenset(bad)
    return instance


def _bounded(model: type[Model], fields: Mapping[str, Node]) -> Iterator[tuple[str, Node]]:
    """A mapping's fields, of the unknown ones no more than will be reported: a file may be full of them."""
    unknown = 0
    for key, child in fields.items():
        unknown += key not in model.model_fields
        if unknown <= MAX_PROBLEMS + 1 or key in model.model_fields:
            yield key, child


def _attempt(model: type[M], values: Mapping[str, Any], env: Env) -> tuple[M | None, list[Any]]:
    try:
        return model.model_validate(dict(values), context=env), []
    except ValidationError as error:
        return None, list(error.errors(include_url=False, include_input=False))


def takes_defaults(model: type[Model]) -> tuple[str, ...]:
    """The fields of a model that a file's `defaults:` section sets."""
    found: tuple[str, ...] = getattr(model, "DEFAULTS", ())
    return found


def _fields(model: type[Model], node: Node) -> dict[str, Node] | None:
    if node.is_mapping:
        found: dict[str, Node] = node.value
        return found
    if node.value is None:
        return {}
    return {model.POSITIONAL: node} if model.POSITIONAL else None


@cache
def _readers(model: type[Model]) -> dict[str, Reader]:
    """The fields that read their nodes themselves."""
    found = ((key, item) for key, info in model.model_fields.items() for item in info.metadata)
    return {key: item.read for key, item in found if isinstance(item, Child)}


def _report(errors: Sequence[Any], reported: set[str], model: type[Model], node: Node, env: Env) -> None:
    """pydantic's errors in the language's words, one for each field: at its key, or at the value that is wrong."""
    if not errors:  # nearly always: a file may stand for 20,000 blocks
        return
    by_field: dict[str, list[Any]] = {}
    for error in errors:
        by_field.setdefault(str(error["loc"][0]) if error["loc"] else "", []).append(error)
    written = {re.split("[:=]", name)[0].strip() for name in by_field if ":" in name or "=" in name}  # as {out:32} has
    unknown = (name for name, found in by_field.items() if found[0]["type"] == "extra_forbidden")
    meant = {like(name, _names(model)) for name in unknown}  # {filters: 32} as well: one slip is reported once
    taken = set(node.value) if node.is_mapping else set()
    for name, found in by_field.items():
        kind, child = found[0]["type"], node.get(name) or node  # a bare value, as in norm: batch, is the node itself
        span = node.place(name) if child.value is None else child.span
        label = f"{name}: " if child is not node else ""
        if kind == "extra_forbidden":
            hint = _unknown_field(name, model, () if node.place(name).is_option else taken, env)
            if isinstance(hint, Rename) and ":" in hint.to and child.value is not None:
                hint = str(hint)  # {out=16: 3} would have two values
            taken |= {hint.to} if isinstance(hint, Rename) else set()
            env.report(UNKNOWN, node.place(name), f"there is no field {name} here", hint)
        elif kind == "missing":
            if name not in reported | written | meant:
                env.report(REQUIRED, node.span, f"the field {name} is missing", _missing_hint(name, model))
        elif kind == "archbuilder":
            context = found[0]["ctx"]
            env.report(context["code"] or VALUE, span, label + context["text"], context["hint"])
        else:
            value = child.plain()
            wanted = " or ".join(map(expected, found))
            hint = _value_hint(value, wanted, {error["type"] for error in found})
            if name == model.POSITIONAL and type(value) is int and model.MEANT:
                hint = model.MEANT.format(value)
            env.report(VALUE, span, f"{label}expected {wanted}, found {show(value)}", hint)


def expected(error: Any) -> str:
    """What one of pydantic's errors expects, in the language's words."""
    text = _EXPECTED.get(error["type"])
    context = {key: str(value).replace("'", "") for key, value in error.get("ctx", {}).items()}
    return text.format(**context) if text else str(error["msg"]).replace("Input should be ", "")


OFF = ("off", "no", "false", "0", "null", "nothing", "identity", "linear")  # what people write for none
SOFTMAX = ("softmax", "Softmax", "log_softmax", "LogSoftmax", "logsoftmax")
_TRUTH = {"yes": "true", "on": "true", "no": "false", "off": "false"}


def _value_hint(value: Any, expected: str, kinds: set[str]) -> Hint:
    if kinds <= _BOUNDS:
        return f"write a number that is {expected}" + (percent(value, 1) if expected.endswith((" 1", " 1.0")) else "")
    if "true or false" in expected and isinstance(value, str) and value in _TRUTH:
        return Write(_TRUTH[value], say=f"YAML knows true and false; {value} is text")
    if "true or false" in expected and value in (0, 1):
        return Write("true" if value else "false")
    if value is True and expected.endswith("or none"):
        return Write(expected.partition(",")[0], say="true does not say which: write {}, for example", guess=True)
    if "number" in expected and (number := number_of(value)):
        return Write(number)
    if expected.endswith("none") and (value is False or value in OFF):
        return Write("none", say="write none, which leaves it out")
    if value in SOFTMAX and "softplus" in expected:
        return Write("none", say="write none: the loss brings the softmax")
    if share := share_of(value):
        return Write(share, say="a part of a hundred is written as a number: {}")
    return nearest(value, re.split(", | or ", expected), is_value=True) if isinstance(value, str) else ""


def _form_hint(model: type[Model], node: Node) -> Hint:
    """The remedy for a value in the place of a mapping."""
    slip = re.fullmatch(r"([A-Za-z_]\w*) *[:=] *([\w.%-]+)", node.value) if isinstance(node.value, str) else None
    if slip and slip[1] in _names(model):
        return Write(f"{{{slip[1]}: {slip[2]}}}", say="put a colon and a blank after the name: {}")
    if model.MEANT and not node.is_list:
        shown = shorten(node.value, 60) if isinstance(node.value, str) else show(node.value)
        words = model.MEANT.format(shown)
        name = getattr(model, "MEANT_FIELD", "")
        return Write(f"{{{name}: {written(node.value)}}}", say=words) if name else words
    if node.is_list and "blocks" in model.model_fields:
        return Layout("list without a key", "blocks", say="put {}: before its list of blocks")
    return f"its fields are {', '.join(_names(model))}"


def _missing_hint(name: str, model: type[Model]) -> Hint:
    if name in (samples := getattr(model, "SAMPLES", {})):
        sample, words = samples[name]
        return Change({name: sample}, say=f"say {words}: {{}}", guess=True)
    example = getattr(model, "EXAMPLE", "")
    if example and "\n" not in example:
        return f"as in {example}"
    field = next(info for key, info in model.model_fields.items() if name in (key, info.alias))
    if not field.examples:
        return f"add {name}: ... ({field.description})"
    return Change({name: str(field.examples[0])}, say="add {}", guess=get_origin(field.annotation) is not Literal)


def _unknown_field(name: str, model: type[Model], taken: Collection[str], env: Env) -> Hint:
    """The remedy for a field that a model does not have, where it has those that are taken."""
    if reason := getattr(model, "LEFT_OUT", {}).get(name):
        return Change(drop=(name,), say=f"leave it out: {reason}")
    names = _names(model)
    elsewhere = "" if synonym(name, names) else env.elsewhere(name, model)
    hint = elsewhere or unknown_hint(name, names)
    if isinstance(hint, Rename) and hint.to in taken:  # renamed, it would stand there twice
        return f"{hint.to} is given, too: keep one of the two"
    return hint


_VALUED = r"([A-Za-z_][\w.]*)(?: *= *| +|( *\( *))([A-Za-z0-9_.]+%?)(?(2)\))"  # conv=16, conv 16 or conv(16)


def unknown_hint(name: str, known: Sequence[str]) -> Hint:
    """The remedy for a name that is none of those that are known: a slip of the pen, or the nearest of them."""
    if ":" in name:
        return Rename(name.replace(":", ": ", 1), say="put a blank after the colon: {}")
    if "{" in name:
        return Rename(name.replace(" {", ": {"), say="put a colon before the bracket: {}")
    if (valued := re.fullmatch(_VALUED, name)) and valued[1] in known:
        return Rename(f"{valued[1]}: {valued[3]}", say="put a colon after the name: {}")
    return did_you_mean(name, known)


def _names(model: type[Model]) -> list[str]:
    """The fields of a model as a user writes them."""
    return [info.alias or key for key, info in model.model_fields.items()]


def one(model: type[M]) -> Reader:
    """Reads a child that is one model."""

    def read(node: Node, env: Env) -> Any:
        if node.value is None:  # the default, or none?  The two differ
            hint = "leave the field out for its default; none switches a layer off"
            env.report(VALUE, node.span, "a value is missing here", hint)
            return INVALID
        return validate(model, node, env)

    return read


class Family:
    """A set of models chosen by name: `{sgd: {lr: 0.1}}`, or the bare `sgd`.

    `find` gives the model of a name, None where there is none; `noun` is the word in messages.
    """

    def __init__(self, noun: str, find: Callable[[str], type[Model] | None], names: Callable[[], list[str]]) -> None:
        self.noun = noun
        self.find = find
        self.names = names

    @classmethod
    def of(cls, noun: str, members: Mapping[str, type[Model]]) -> Family:
        return cls(noun, members.get, lambda: sorted(members))

    def read(self, node: Node, env: Env, in_list: bool = False) -> Any:
        """The validated member that a node names, or INVALID."""
        if env.known is not None:
            return env.known.read(self._read_listed if in_list else self._read, node, env)
        return self._read(node, env, in_list)

    def _read_listed(self, node: Node, env: Env) -> Any:
        return self._read(node, env, in_list=True)

    def _read(self, node: Node, env: Env, in_list: bool = False) -> Any:
        split = self.split(node, env, in_list)
        if split is None:
            return INVALID
        name, body, span = split
        model = self.find(name)
        if model is None:
            env.report(UNKNOWN, span, f"there is no {self.noun} {name}", self.hint(name, env, body.value is None))
            return INVALID
        if model.POSITIONAL and body.value is not None and not body.is_mapping:
            value = node.value[name]  # conv: 16 means conv: {out: 16}
            body = Node({model.POSITIONAL: value}, span, {model.POSITIONAL: value.span})
        return validate(model, body, env)

    def hint(self, name: str, env: Env, is_bare: bool) -> Hint:
        """The remedy for a name that is not known, which stands there alone or with fields."""
        valued = re.fullmatch(_VALUED, name)
        word = synonym(valued[1], self.names()) if valued else ""
        if valued and is_bare and word and (model := self.find(word)) and model.POSITIONAL:
            return Rename(f"{word}: {valued[3]}", say="put a colon after the name: {}")
        hint = did_you_mean(name, self.names()) if valued else unknown_hint(name, self.names())
        return hint if isinstance(hint, Remedy) else env.elsewhere(name, Model) or hint

    def read_list(self, node: Node, env: Env) -> Any:
        """A tuple of members; every bad one is reported."""
        if not node.is_list:
            shown = "a mapping" if node.is_mapping else show(node.value)
            hint: Hint = Layout("list without dashes", say="start each one with a dash")
            if not node.is_mapping:
                is_name = isinstance(node.value, str) and node.value in self.names()
                hint = (
                    Write(f"[{node.value}]") if is_name else "write a list, each one behind a dash; [] is an empty one"
                )
            env.report(FORM, node.span, f"expected a list of {self.noun}s, found {shown}", hint)
            return INVALID
        members = [self.read(item, env, in_list=True) for item in node.value]
        return INVALID if INVALID in members else tuple(members)

    def split(self, node: Node, env: Env, in_list: bool = False) -> tuple[str, Node, Span] | None:
        """(name, body, place of the name) of a member, None where there is no name."""
        if isinstance(node.value, str):
            return node.value, Node(None, node.span), node.span
        if named := self._named(node):
            message = f"expected the name of {self._one} as the key, found {next(iter(node.value))}"
            env.report(FORM, node.place(next(iter(node.value))), message, f"write {named}")
            return None
        if node.is_mapping and len(node.value) == 1:
            ((name, body),) = node.value.items()
            span = node.place(name)
            return name, Node(body.value, span, body.keys), span  # its place as a whole is its name
        if node.is_mapping and len(node.value) > 1:
            second = list(node.value)[1]
            message = f"expected one {self.noun} here, found a second key {second}"
            env.report(FORM, node.place(second), message, self._second(node, second, in_list))
        else:
            shown = "a list" if node.is_list else show(node.value)
            known = did_you_mean("", self.names())
            env.report(FORM, node.span, f"expected the name of {self._one}, found {shown}", known)
        return None

    @property
    def _one(self) -> str:
        return f"{'an' if self.noun[0] in 'aeiou' else 'a'} {self.noun}"

    def _named(self, node: Node) -> str:
        """`{type: conv, out: 16}` as it is written here; empty for what is no such mapping."""
        values = {key: child.plain() for key, child in node.value.items()} if node.is_mapping else {}
        if next(iter(values), "") not in ("type", "kind", "name"):
            return ""
        for word in ("type", "kind", "name"):
            if isinstance(value := values.get(word), str) and (name := synonym(value, self.names())):
                fields = {key: value for key, value in values.items() if key != word}
                return f"{{{name}: {shorten(written(fields), 200)}}}" if fields else name
        return ""

    def _second(self, node: Node, second: str, in_list: bool) -> Hint:
        """The remedy for a second key where one stands alone, as a name."""
        first, value = next(iter(node.value.items()))
        model = self.find(first)
        if model and synonym(second, _names(model)) and not self.find(second):
            say = f"indent {{}}: it is a field of {first}"
            if value.value is not None and model.POSITIONAL:
                say = f"write {first}: {{{model.POSITIONAL}: {show(value.plain())}, {second}: ...}}"
            elif model.MEANT and isinstance(value.value, (str, int)):
                return model.MEANT.format(value.value)
            return Layout("item without a dash", second, say=say)
        if not in_list:
            return f"leave one of them out, or indent {second} to make it a field"
        say = "start a new item with a dash before {}, or indent it to make it a field"
        return Layout("item without a dash", second, say=say)
