"""What `import archbuilder` offers, and how its values look where somebody types them."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

import archbuilder
from archbuilder.reporting.json import dumps

ARCHITECTURES = Path(__file__).parents[1] / "architectures"


def test_dir_lists_what_there_is():
    assert dir(archbuilder) == sorted(archbuilder.__all__)
    assert all(hasattr(archbuilder, name) for name in dir(archbuilder))


@pytest.mark.parametrize("name", ["c1c2c3c40", "known/mobilenet_v2"])
def test_values_show_themselves_in_one_line(name: str):
    report = archbuilder.check(ARCHITECTURES / f"{name}.yaml")
    for value in (report, report.graph, report.facts, report.document):
        assert len(repr(value)) < 160 and "\n" not in repr(value)
    assert f"{report.facts.params:,} parameters" in repr(report) and "ok" in repr(report)


def test_a_report_of_a_wrong_file_shows_what_was_found():
    assert repr(archbuilder.check("no.yaml")) == "<Report 'no': 1 error>"
    text = "archbuilder: 1\ninput: [3, 8, 8]\nclasses: 2\nlimits: {params: '< 2'}\nnetwork: [gap, classifier]\n"
    assert repr(archbuilder.check(text)).startswith("<Report 'string': 1 error, 3 layers, ")


def test_a_notebook_shows_columns_as_columns():
    shown = archbuilder.check(ARCHITECTURES / "c1c2c3c40.yaml")._repr_html_()
    assert "<pre" in shown and shown.count("<pre") == shown.count('<pre style="font-family:monospace">')


def test_json_has_no_nan():
    """A network that diverged gives such numbers; most programs that read JSON refuse them."""
    found = {"a": [math.nan, 1.5, {"b": -math.inf}], "c": (math.inf, "nan")}
    assert dumps(found).split() == '{ "a": [ null, 1.5, { "b": null } ], "c": [ null, "nan" ] }'.split()
