"""Blocks in blocks as deep as they may be, and one level deeper: the server answers both, and goes on."""

from archbuilder.blocks import MAX_LEVELS
from tests.language.test_nesting import KINDS, nested


def test_every_request_is_answered_at_the_bound(open_):
    for kind in KINDS:
        editor = open_(nested(kind, MAX_LEVELS))
        assert editor.codes() == []
        lines = editor.text.splitlines()
        assert len(editor.hints()) > 3
        assert editor.hover(len(lines) - 1, len("network: [d")) and isinstance(
            editor.complete(len(lines) - 1, 12), dict
        )
        assert list(editor.ask_for_fixes(5).result()) == []


def test_one_level_deeper_is_one_finding(open_):
    for kind in KINDS:
        editor = open_(nested(kind, MAX_LEVELS + 1))
        assert [code for code, *_ in editor.codes()] == ["AB212"]
