"""The text of a first architecture: the blocks of a template with all other sections and comments."""

from __future__ import annotations

import json
import re
from textwrap import indent

from archbuilder.analysis.facts import Facts
from archbuilder.ir.op import by
from archbuilder.starter.answers import Wish
from archbuilder.starter.networks import Template, asks_for
from archbuilder.starter.recipes import data, train


def page(template: Template, wish: Wish, depth: int, width: int, facts: Facts | None = None) -> str:
    """The YAML of a network. With `facts`, comments state them, and the packs are listed under rules:."""
    top = _TOP.format(
        title=template.title,
        command=wish.command,
        name=_scalar(wish.name),
        input=str(list(wish.input)),
        classes=wish.classes,
        limits=_limits(wish, facts),
        rules=_rules(wish) if facts else "",
        vars=_vars(template, depth, width) if template.has_width(wish) else "",
        dropout=", dropout: 0.05" if asks_for(wish, "dropout") else "",
    )
    return top + indent(template.blocks(wish), "  ") + _TAIL.format(data=data(wish), train=train(wish))


def _limits(wish: Wish, facts: Facts | None) -> str:
    lines = [f'  params: "{wish.params}"']
    if facts:
        lines[0] = _with(lines[0], f"{facts.params:,} as it is")
        field, side = min(facts.field.size), min(wish.input[1:])
        if facts.field.status == "exact" and field >= side:
            remark = f"{by(facts.field.size)} as it is: before the global pool a unit can see all"
            lines.append(_with(f'  receptive_field: ">= {side}"', remark))
    return "\n".join(lines)


def _rules(wish: Wish) -> str:
    if not wish.names:
        return ""
    names = list(map(_scalar, wish.names))
    packs = names[0] if len(names) == 1 else f"[{', '.join(names)}]"
    return _with(f"rules: {packs}", "archbuilder check says rule by rule what satisfies it") + "\n\n"


def _scalar(text: str) -> str:
    """A text as a YAML scalar: quoted if it would otherwise be read as a number, a word of YAML or a mapping."""
    plain = re.fullmatch(r"[A-Za-z./][\w./-]*", text) and text.lower() not in ("true", "false", "null")
    return text if plain else json.dumps(text)


def _vars(template: Template, depth: int, width: int) -> str:
    lines = [_with("vars:", "any integer below may be arithmetic over these")]
    lines.append(_with(f"  width: {width}", "channels of the first layer: the most that the limits and rules allow"))
    if len(template.depths) > 1:
        lines.append(_with(f"  depth: {depth}", "blocks in each stage"))
    return "\n".join([*lines, "", ""])


def _with(line: str, remark: str) -> str:
    """A line with a comment, aligned with the other comments."""
    return f"{line:28}  # {remark}"


_TOP = """\
# {title}
# Written by {command}
# Change it as you like, and run archbuilder check: its table shows the cost and the receptive field of each block.
archbuilder: 1
name: {name}
input: {input:<21}  # channels, height, width
classes: {classes}

limits:                       # checked before anything is trained
{limits}

{rules}{vars}defaults: {{norm: batch, activation: relu{dropout}}}

network:
"""

_TAIL = """
{data}
{train}"""
