"""Where a network can be changed is found in the time that it takes to look at each place once."""

from __future__ import annotations

import time

from archbuilder.pipeline import check
from archbuilder.remedies.edits import Source
from archbuilder.remedies.sites import MAX_SITES, find_sites
from archbuilder.remedies.writing import _COMMA

SECONDS = 1.0  # of processor time; with every total summed anew for each place it is ten


def test_the_sites_of_a_long_network():
    blocks = "- conv: {out: 8, norm: none, activation: none}\n" * 6_000
    text = f"archbuilder: 1\ninput: [8, 8, 8]\nclasses: 10\nnetwork:\n{blocks}- gap\n- classifier\n"
    report, source = check(text), Source("<string>", text)
    start = time.process_time()
    assert len(find_sites(report, source)) == MAX_SITES
    assert time.process_time() - start < SECONDS


def test_a_comment_of_number_signs_where_a_comma_is_expected():
    start = time.process_time()
    assert _COMMA.match("#" * 5_000 + "x") is None
    assert _COMMA.match(f" {'#' * 5_000}\n , x", 0)
    assert time.process_time() - start < SECONDS
