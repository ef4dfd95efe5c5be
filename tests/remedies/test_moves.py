"""Every move on every form of writing: it does to the network what its title says, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from archbuilder.blocks import Block
from archbuilder.pipeline import Report, check
from archbuilder.remedies.edits import Source, splice
from archbuilder.remedies.moves import Context, Move, all_moves
from archbuilder.remedies.sites import descend, find_sites, find_variables
from tests.remedies.samples import FORMS, REACHABLE, SEED001, SEED002, SIX_LINES

TEXTS = {
    "forms": FORMS,
    "forms with CRLF": FORMS.replace("\n", "\r\n"),
    "six lines": SIX_LINES.read_text(),
    "seed001": SEED001.read_text(),
    "seed002": SEED002.read_text(),
    "variable": REACHABLE["variable"],
}


def scene_of(text: str) -> Context:
    report = check(text)
    assert report.facts is not None
    source = Source(text, report.file)
    return Context(source, report.facts, tuple(find_sites(report, source)), tuple(find_variables(report, source)), 10)


SCENES = {name: scene_of(text) for name, text in TEXTS.items()}


def blocks(report: Report) -> list[tuple[str, dict[str, Any]]]:
    """The blocks as they are written, each once: word and fields, without the blocks in them."""
    assert report.spec is not None
    found: dict[Any, tuple[str, dict[str, Any]]] = {}
    for block in descend(report.spec.network):
        found.setdefault((block.span().line, block.span().column), (block.word, fields(block)))
    return [found[place] for place in sorted(found)]


def fields(block: Block) -> dict[str, Any]:
    values = {name: getattr(block, name, None) for name in type(block).model_fields}
    return {name: repr(value) for name, value in values.items() if name not in ("blocks", "shortcut", "paths", "name")}


def test_there_are_enough_of_them():
    kinds = {move.kind for context in SCENES.values() for move in all_moves(context)}
    assert kinds == {
        "channels", "dilation", "kernel", "multiplier", "one less", "one more", "pool", "repeat", "separable", "stride",
        "stride moved",
    }  # fmt: skip
    assert sum(len(all_moves(context)) for context in SCENES.values()) > 500


@pytest.mark.parametrize("name", TEXTS)
def test_a_move_changes_what_it_says_and_nothing_else(name: str):
    context, before = SCENES[name], check(TEXTS[name])
    for move in all_moves(context)[:: 1 if name == "forms" else 4]:
        text = splice(context.source.text, move.patches)
        report = check(text)
        if move.kind == "one less" and "&shape" not in text and "*shape" in text:
            continue  # the anchor has gone: a check says so
        assert not [d for d in report.diagnostics if d.code.id < "AB2" or d.code.id == "AB209"], move.title
        if report.spec is not None:
            _expect(move, blocks(before), blocks(report))


def _expect(move: Move, old: list[Any], new: list[Any]) -> None:
    if move.kind == "one more":
        assert len(new) == len(old) + 1, move.title
        assert _without(new, old), move.title
    elif move.kind == "one less":
        assert len(new) == len(old) - 1, move.title
        assert _without(old, new), move.title
    elif "vars" not in move.ladder and move.ladder[:10] != "everywhere":
        assert len(new) == len(old), move.title
        changed = [(a, b) for a, b in zip(old, new, strict=True) if a != b]
        # the fields of an anchor are those of its two aliases, too; a parameter is that of two blocks
        shared = 2 * ("C2.skip.conv (line 35)" in move.title or "twofold (line" in move.title)
        later = "twofold (line 47)" in move.title  # a second use of the same blocks
        assert (not later) <= len(changed) <= len(move.places) + shared, (move.title, changed)
        for a, b in changed:
            _expect_fields(move, a, b)


def _without(longer: list[Any], shorter: list[Any]) -> bool:
    """Whether one block of a list left out gives the other."""
    return any(longer[:i] + longer[i + 1 :] == shorter for i in range(len(longer)))


ALLOWED = {
    "dilation": {"dilation", "padding"},
    "stride": {"stride"},
    "stride moved": {"stride"},
    "kernel": {"kernel", "padding"},
    "channels": {"out"},
    "multiplier": {"multiplier"},
    "repeat": {"times"},
    "separable": {"groups", "multiplier", "out"},
    "pool": {"kernel", "stride", "padding", "dilation"},
}


def _expect_fields(move: Move, old: Any, new: Any) -> None:
    names = [name for name in old[1] if name in new[1] and old[1][name] != new[1][name]]
    assert set(names) <= ALLOWED[move.kind], (move.title, names)
    if move.kind == "dilation":
        assert str(move.value) in new[1]["dilation"]


@pytest.mark.parametrize("name", TEXTS)
def test_comments_and_blank_lines_stay(name: str):
    context = SCENES[name]
    for move in all_moves(context):
        text = splice(context.source.text, move.patches)
        comments = [line.partition("#")[2] for line in context.source.text.splitlines() if "#" in line]
        left = [line.partition("#")[2] for line in text.splitlines() if "#" in line]
        if move.kind == "one less":  # those in the block go with it
            rest = iter(comments)
            assert len(comments) - len(left) <= 2 and all(comment in rest for comment in left), move.title
        else:
            assert left == comments, move.title
