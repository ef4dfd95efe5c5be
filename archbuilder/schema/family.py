"""A set of models chosen by name: blocks, optimizers, losses, augmentations."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from archbuilder.diagnostics import Span, did_you_mean, shorten, show
from archbuilder.document.nodes import Node
from archbuilder.remedy import Hint, Layout, Remedy, Rename, Write, written
from archbuilder.schema.env import Env
from archbuilder.schema.hints import VALUED, names_of, unknown_hint
from archbuilder.schema.model import FORM, INVALID, UNKNOWN, Model, validate
from archbuilder.synonyms import synonym


class Family:
    """A set of models chosen by name: `{sgd: {lr: 0.1}}`, or the bare `sgd`.

    `find` returns the model of a name, or None; `noun` is the word in messages.
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
        """The remedy for an unknown name, which is alone or has fields."""
        valued = re.fullmatch(VALUED, name)
        word = synonym(valued[1], self.names()) if valued else ""
        if valued and is_bare and word and (model := self.find(word)) and model.POSITIONAL:
            return Rename(f"{word}: {valued[3]}", say="put a colon after the name: {}")
        hint = did_you_mean(name, self.names()) if valued else unknown_hint(name, self.names())
        return hint if isinstance(hint, Remedy) else env.elsewhere(name, Model) or hint

    def read_list(self, node: Node, env: Env) -> Any:
        """A tuple of members; invalid ones are reported."""
        if not node.is_list:
            shown = "a mapping" if node.is_mapping else show(node.value)
            hint: Hint = Layout("list without dashes", say="start each one with a dash")
            if not node.is_mapping:
                is_name = isinstance(node.value, str) and node.value in self.names()
                hint = (
                    Write(f"[{node.value}]") if is_name else "write a list, each item after a dash; [] is an empty list"
                )
            env.report(FORM, node.span, f"expected a list of {self.noun}s, found {shown}", hint)
            return INVALID
        members = [self.read(item, env, in_list=True) for item in node.value]
        return INVALID if INVALID in members else tuple(members)

    def split(self, node: Node, env: Env, in_list: bool = False) -> tuple[str, Node, Span] | None:
        """(name, body, place of the name) of a member, or None if it has no name."""
        if isinstance(node.value, str):
            return node.value, Node(None, node.span), node.span
        if named := self._named(node):
            message = f"expected the name of {self._one} as the key, found {next(iter(node.value))}"
            env.report(FORM, node.place(next(iter(node.value))), message, f"write {named}")
            return None
        if node.is_mapping and len(node.value) == 1:
            ((name, body),) = node.value.items()
            span = node.place(name)
            return name, Node(body.value, span, body.keys), span  # the place of the whole member is its name
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
        """The correct form of `{type: conv, out: 16}`; empty for other mappings."""
        values = {key: child.plain() for key, child in node.value.items()} if node.is_mapping else {}
        if next(iter(values), "") not in ("type", "kind", "name"):
            return ""
        for word in ("type", "kind", "name"):
            if isinstance(value := values.get(word), str) and (name := synonym(value, self.names())):
                fields = {key: value for key, value in values.items() if key != word}
                return f"{{{name}: {shorten(written(fields), 200)}}}" if fields else name
        return ""

    def _second(self, node: Node, second: str, in_list: bool) -> Hint:
        """The remedy for a second key beside the name."""
        first, value = next(iter(node.value.items()))
        model = self.find(first)
        if model and synonym(second, names_of(model)) and not self.find(second):
            say = f"indent {{}}: it is a field of {first}"
            if value.value is not None and model.POSITIONAL:
                say = f"write {first}: {{{model.POSITIONAL}: {show(value.plain())}, {second}: ...}}"
            elif model.MEANT and isinstance(value.value, (str, int)):
                return model.MEANT.format(value.value)
            return Layout("item without a dash", second, say=say)
        if not in_list:
            return f"remove one of them, or indent {second} to make it a field"
        say = "start a new item with a dash before {}, or indent it to make it a field"
        return Layout("item without a dash", second, say=say)
