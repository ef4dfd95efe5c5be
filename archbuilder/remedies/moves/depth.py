"""One block more or less; one repetition more or less."""

from __future__ import annotations

from collections.abc import Iterator

from archbuilder.remedies.moves import ALL, MEMORY, WORK, Context, Move, conv_sites, written
from archbuilder.remedies.moves._conv import set_fields
from archbuilder.remedies.sites import Site
from archbuilder.remedies.writing import insert_after, remove

ADDED = ("depthwise_separable", "conv", "dilated", "strided")


def moves(context: Context) -> Iterator[Move]:
    convs = list(conv_sites(context))
    for site in convs:
        for word in ADDED:
            yield from _more(site, word)
    for site in context.sites:
        if site.layers and (site.conv or site.word in ("max_pool", "avg_pool", "activation", "dropout", "norm")):
            yield from _less(site)
        if site.word == "repeat":
            yield from _times(site)


def _more(site: Site, word: str) -> Iterator[Move]:
    """A new block after an existing one, with the same number of channels."""
    out = site.written.text_of("out") or str(site.after.c)
    body = site.written.body
    text = f"{word}: {{out: {out}}}" if body is not None and body.is_mapping else f"{word}: {out}"
    if patches := written(insert_after, site.written, text):
        down = WORK | MEMORY if word == "strided" else frozenset[str]()
        title = f"one more {word} after {site.label}"
        yield Move("one more", title, patches, frozenset({site.place}), ALL - down, down, form=True)


def _less(site: Site) -> Iterator[Move]:
    if patches := written(remove, site.written):
        title = f"without {site.label}"
        yield Move("one less", title, patches, frozenset({site.place}), frozenset(), ALL, form=bool(not site.conv))


def _times(site: Site) -> Iterator[Move]:
    text = site.written.text_of("times")
    for by in (1, -1) if text.isdigit() else ():
        if int(text) + by < 1:
            continue
        value = str(int(text) + by)
        if patches := written(set_fields, site, {"times": value}):
            up, down = (ALL, frozenset[str]()) if by > 0 else (frozenset[str](), ALL)
            title = f"repeat {value} times, not {text} (line {site.line})"
            yield Move("repeat", title, patches, frozenset({site.place}), up, down, form=True)
