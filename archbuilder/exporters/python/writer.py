"""Classes as source."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping

from archbuilder.exporters.python.classes import Class
from archbuilder.exporters.python.conventions import Convention
from archbuilder.exporters.python.expressions import Make, Parameter, Ref
from archbuilder.exporters.python.formatting import INDENT, Argument, Call, lines
from archbuilder.exporters.python.forward import Forward

BODY = 2 * INDENT


class Writer:
    """Writes classes, given the conventions of each class and the comments for values."""

    def __init__(self, conventions: Mapping[str, Convention], labels: Mapping[str, str]) -> None:
        self.conventions, self.labels = conventions, labels

    def write(self, cls: Class) -> str:
        """The source of a class."""
        return "".join(f"{line}\n" for line in self._class(cls))

    def _class(self, cls: Class) -> Iterator[str]:
        yield f"class {cls.name}({'nn.Module' if cls.forward else 'Chain'}):"
        yield f'{INDENT}"""{cls.doc}"""'
        yield ""
        yield from _signature("__init__", map(_parameter, cls.common.parameters), "None")
        body = self._call(cls.common.body)
        if cls.forward is None:
            yield from lines("", Call("super().__init__", body.arguments), BODY)
            return
        yield f"{BODY}super().__init__()"
        for argument in body.arguments:
            yield from lines(f"self.{argument.keyword} = ", argument.value, BODY)
        yield ""
        yield from self._forward(cls.forward, {} if cls.shared else self.labels)

    def _forward(self, forward: Forward, labels: Mapping[str, str]) -> Iterator[str]:
        result = "Tensor" if forward.results == 1 else f"tuple[{', '.join(['Tensor'] * forward.results)}]"
        yield from _signature("forward", (f"{name}: Tensor" for name in forward.parameters), result)
        before = ""
        for line in forward.lines:
            label = labels.get(line.value, "")
            yield from lines(line.prefix, line.expression, BODY, comment=label if label != before else "")
            before = label

    def _call(self, make: Make) -> Call:
        """The call of a construction, in its usual form."""
        convention = self.conventions.get(make.cls, Convention())
        comments = make.comments or ("",) * len(make.arguments)
        given = dict(make.arguments)
        arguments, keywords = [], False
        for (name, value), comment in zip(make.arguments, comments, strict=True):
            if _left_out(name, value, convention) or (make.cls.endswith("Pool2d") and _is_kernel(name, given)):
                continue
            keywords = keywords or name not in convention.positional
            arguments.append(Argument(name if keywords else "", self._value(value), comment))
        return Call(make.cls, tuple(arguments), ".requires_grad_(False)" * make.frozen)

    def _value(self, value: object) -> str | Call:
        if isinstance(value, Make):
            return self._call(value)
        return value.name if isinstance(value, Ref) else literal(value)


def literal(value: object) -> str:
    """A value as ruff writes it: text in double quotes."""
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    return json.dumps(value) if isinstance(value, str) else repr(value)


def _left_out(name: str, value: object, convention: Convention) -> bool:
    """Whether a value is the default (False is different from 0, and 1 from 1.0)."""
    default = convention.defaults.get(name)
    return default is not None and value == default and not isinstance(value, (Make, Ref))


def _is_kernel(name: str, given: Mapping[str, object]) -> bool:
    """Whether this is the default stride of a pool."""
    return name == "stride" and given[name] == given["kernel_size"]


def _signature(name: str, parameters: Iterator[str], result: str) -> Iterator[str]:
    arguments = tuple(Argument("", text) for text in ("self", *parameters))
    return lines("def ", Call(name, arguments, f" -> {result}:"), INDENT)


def _parameter(parameter: Parameter) -> str:
    default = "" if parameter.default is None else f" = {literal(parameter.default)}"
    return f"{parameter.name}: {parameter.annotation}{default}"
