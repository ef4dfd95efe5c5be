"""Layers that a rule pack asks for and that are not there: a norm or a dropout in a conv, a block more."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import get_args

from archbuilder.blocks import find
from archbuilder.blocks.activation import Kind
from archbuilder.remedies.edits import Patch, Patches
from archbuilder.remedies.moves import ALL, Context, Move, written
from archbuilder.remedies.moves.stages import INSIDE, indented
from archbuilder.remedies.sites import Site
from archbuilder.remedies.writing import Unwritable, change, change_mapping, dash_of, insert_after
from archbuilder.rules.packs.kinds.has import Has
from archbuilder.rules.packs.kinds.one_of import OneOf
from archbuilder.rules.packs.words import NORMS

MERGES = {"add", "skip"}
DROPOUT = "0.1"


def moves(context: Context) -> Iterator[Move]:
    """For every word that would satisfy a rule of layers which does not hold."""
    if context.network is None:
        return
    asked = [rule for rule in context.rules if isinstance(rule, (Has, OneOf)) and rule.judge(context.network).misses]
    for word in dict.fromkeys(word for rule in asked for word in rule.layers):
        yield from _of(word, context)


def _of(word: str, context: Context) -> Iterator[Move]:
    norm = next((kind for kind, name in NORMS.items() if name == word), "")
    activation = word if word in get_args(Kind) else ""
    convs = [site for site in context.sites if site.conv]
    if norm or activation or word == "dropout":
        field, value = ("norm", norm) if norm else ("activation", activation) if activation else ("dropout", DROPOUT)
        yield from _default(context, field, value)
        for site in convs:
            yield from _field(site, field, value)
    elif word in MERGES:
        yield from _merged(context)
        for site, other in pairwise(convs):
            yield from _around(site, other)
    else:
        for site in [*convs[:1], *convs[1:][-1:]]:
            yield from _behind(site, word)


def _default(context: Context, field: str, value: str) -> Iterator[Move]:
    """Where the defaults say another: these, for all blocks at once."""
    network = context.network
    node = network.spec._node.get("defaults") if network and network.spec._node else None
    if node is None or node.get(field) is None or node.span.file != context.source.file:
        return
    if patches := written(change_mapping, context.source, node, {field: value}, ()):
        place = min(patch.start for patch in patches)
        yield Move("default", f"{field}: {value} by default", patches, frozenset({place}), ALL, ALL, form=True)


def _field(site: Site, field: str, value: str) -> Iterator[Move]:
    if patches := written(change, site.written, fields={field: value}):
        title = f"{field}: {value} in {site.label}"
        yield Move(field, title, patches, frozenset({site.place}), ALL, ALL, form=True)


def _behind(site: Site, word: str) -> Iterator[Move]:
    """A block of that word behind a conv, with as many channels as there are."""
    kind = find(word)
    if kind is None:
        return
    text = f"{word}: {site.after.c}" if kind.POSITIONAL == "out" else f"{word}: 2" if word.endswith("_pool") else word
    if patches := written(insert_after, site.written, text):
        yield Move(word, f"{text} after {site.label}", patches, frozenset({site.place}), ALL, ALL, form=True)


def _merged(context: Context) -> Iterator[Move]:
    """A skip that adds, instead of another merge."""
    for site in context.sites:
        if site.word != "skip" or site.written.text_of("merge") in ("", "add"):
            continue
        if patches := written(change, site.written, fields={"merge": "add"}):
            title = f"merge: add in {site.label}"
            yield Move("merge", title, patches, frozenset({site.place}), ALL, ALL, form=True)


def _around(site: Site, other: Site) -> Iterator[Move]:
    """A skip around two convs that stand one behind the other."""
    one, two = site.written, other.written
    if one.holder is not two.holder or two.index != one.index + 1:
        return
    if patches := written(_wrapped, site, other):
        title = f"a skip around {site.label} and {other.label}"
        yield Move("skip", title, patches, frozenset({site.place, other.place}), ALL, ALL, form=True)


def _wrapped(site: Site, other: Site) -> Patches:
    """Raises Unwritable for an item that shares its line."""
    first, last = site.written, other.written
    source = first.source
    end = source.range(last.item.span)[1]
    if first.in_flow:
        start = source.offset(first.item.span.line, first.item.span.column)
        return Patch(start, start, "{skip: {blocks: ["), Patch(end, end, "]}}")
    dash = dash_of(first)
    line = source.line_start(dash)
    if source.text[line:dash].strip():
        raise Unwritable("a block that shares its line")
    own, end = source.text[line:dash], source.line_end(end)
    head = f"- skip:{source.newline}{own}    blocks:{source.newline}{own}{' ' * INSIDE}"
    return Patch(dash, dash, head), *indented(first, dash, end)
