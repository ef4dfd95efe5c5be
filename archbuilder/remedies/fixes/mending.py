"""What the writers of remedies give."""

from __future__ import annotations

from typing import NamedTuple

from archbuilder.remedies.source import Patches


class Mending(NamedTuple):
    """What a fix does, in words and as patches."""

    title: str
    patches: Patches
