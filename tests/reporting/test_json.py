"""--format json is exactly the object that is promised: version 1."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from archbuilder.pipeline import Report, check
from archbuilder.reporting.json import render

ROOT = Path(__file__).parents[2]

CLEAN = """\
archbuilder: 1
name: clean
input: [3, 32, 24]
classes: 10
limits: {params: "< 10k", receptive_field: "> 2"}
network:
  - conv: {out: 8, frozen: true}
  - skip: {blocks: [{strided: {out: 16, kernel: [3, 5]}}]}
  - gap
  - classifier
"""

STATUS = ("exact", "whole input", "upper bound", "unknown")
PAIR = (
    "a pair of positive numbers",
    lambda x: isinstance(x, list) and len(x) == 2 and all(_number(n) and n > 0 for n in x),
)


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _count(value: object) -> bool:
    return type(value) is int and value >= 0


# the shape of the object: a type, a tuple of allowed values, a predicate, a list of one shape, or a mapping of all keys
SHAPE: Any = {
    "version": (1,),
    "files": [
        {
            "file": str,
            "name": str,
            "ok": bool,
            "totals": {
                "params": _count,
                "frozen_params": _count,
                "macs": _count,
                "receptive_field": PAIR,
                "receptive_field_with_gap": PAIR,
                "receptive_field_status": STATUS,
            },
            "limits": [{"name": str, "limit": str, "value": int, "ok": bool, "left": int, "line": _count}],
            "layers": [
                {
                    "name": str,
                    "block": str,
                    "op": str,
                    "out": lambda x: isinstance(x, list) and len(x) == 3 and all(map(_count, x)),
                    "params": _count,
                    "macs": _count,
                    "receptive_field": PAIR,
                    "receptive_field_status": STATUS,
                    "stride": PAIR,
                    "line": _count,
                }
            ],
            "diagnostics": [
                {
                    "code": str,
                    "severity": ("error", "warning"),
                    "message": str,
                    "file": str,
                    "line": _count,
                    "column": _count,
                    "end_line": _count,
                    "end_column": _count,
                    "hint": str,
                }
            ],
        }
    ],
}


def fits(value: Any, shape: Any, path: str = "$") -> None:
    """Asserts that a value has a shape: every key, no other, and of the right type.

    Version 1 grows in a file and in its totals only: later issues add to them, a list of records stays as it is."""
    if isinstance(shape, dict):
        assert isinstance(value, dict), path
        assert shape.keys() <= value.keys(), f"{path} lacks {shape.keys() - value.keys()}"
        assert shape.keys() == value.keys() or shape.keys() & {"totals", "frozen_params"}, path
        for key, inner in shape.items():
            if not (key == "totals" and value[key] is None):  # a file that cannot be analysed
                fits(value[key], inner, f"{path}.{key}")
    elif isinstance(shape, list):
        assert isinstance(value, list), path
        for number, item in enumerate(value):
            fits(item, shape[0], f"{path}[{number}]")
    elif shape is PAIR:
        assert PAIR[1](value), f"{path} is {value!r}, not {PAIR[0]}"
    elif isinstance(shape, tuple):
        assert value in shape, f"{path} is {value!r}"
    elif isinstance(shape, type):
        assert type(value) is shape, f"{path} is {value!r}, not {shape}"
    else:
        assert shape(value), f"{path} is {value!r}"


def rendered(*reports: Report) -> Any:
    value = json.loads(render(reports), parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    fits(value, SHAPE)
    return value


def test_the_shape_refuses_what_is_not_promised():
    """The checker itself: a missing key, one too many, a wrong type, a wrong word."""
    good = rendered(check(CLEAN))
    for spoil in (
        lambda v: v.pop("version"),
        lambda v: v["files"][0]["layers"][0].update(extra=1),
        lambda v: v["files"][0].pop("limits"),
        lambda v: v["files"][0]["totals"].update(params="12"),
        lambda v: v["files"][0]["totals"].update(receptive_field=[3]),
        lambda v: v["files"][0]["layers"][0].update(receptive_field_status="maybe"),
        lambda v: v["files"][0].update(ok=1),
    ):
        value = json.loads(json.dumps(good))
        spoil(value)
        with pytest.raises(AssertionError):
            fits(value, SHAPE)


def test_a_clean_file():
    (file,) = rendered(check(CLEAN))["files"]
    assert (file["file"], file["name"], file["ok"], file["diagnostics"]) == ("<string>", "clean", True, [])
    conv = 8 * 3 * 9
    strided = 16 * 8 * 15
    projection = 16 * 8
    head = 16 * 10
    assert file["totals"]["params"] == conv + strided + projection + head + 10 + 2 * (8 + 16 + 16)
    assert file["totals"]["frozen_params"] == conv
    assert file["totals"]["macs"] == conv * 32 * 24 + (strided + projection) * 16 * 12 + head
    assert file["totals"]["receptive_field"] == [5, 7]
    assert file["totals"]["receptive_field_with_gap"] == [5 + 2 * 15, 7 + 2 * 11]
    assert file["totals"]["receptive_field_status"] == "exact"


def test_layers_and_their_sums():
    (file,) = rendered(check(CLEAN))["files"]
    layers = file["layers"]
    assert layers[0] == {
        "name": "conv.conv",
        "block": "conv",
        "op": "conv 3x3 frozen",
        "out": [8, 32, 24],
        "params": 216,
        "macs": 216 * 32 * 24,
        "receptive_field": [3, 3],
        "receptive_field_status": "exact",
        "stride": [1, 1],
        "line": 7,
    }
    assert sum(layer["params"] for layer in layers) == file["totals"]["params"]
    assert sum(layer["macs"] for layer in layers) == file["totals"]["macs"]
    assert layers[-1]["out"] == [10, 1, 1]


def test_limits():
    (file,) = rendered(check(CLEAN, ["limits.params=< 1k"]))["files"]
    params = file["totals"]["params"]
    assert file["limits"] == [
        {"name": "params", "limit": "< 1k", "value": params, "ok": False, "left": 1000 - params, "line": 1},
        {"name": "receptive_field", "limit": "> 2", "value": 5, "ok": True, "left": 3, "line": 5},
    ]
    assert not file["ok"] and file["diagnostics"][0]["code"] == "AB503"


def test_a_file_that_cannot_be_analysed():
    (file,) = rendered(check(CLEAN.replace("- gap", "- gapp")))["files"]
    assert file["totals"] is None and file["layers"] == file["limits"] == [] and not file["ok"]
    assert file["diagnostics"] == [
        {
            "code": "AB101",
            "severity": "error",
            "message": "there is no block gapp",
            "file": file["file"],
            "line": 9,
            "column": 5,
            "end_line": 9,
            "end_column": 9,
            "hint": "did you mean gap?",
        }
    ]


@pytest.mark.parametrize("source", ["nothing.yaml", "a: [\n", "\n", "- x\n", "a: \ud800\n", "archbuilder: 1\n"])
def test_files_that_are_nothing(source: str):
    (file,) = rendered(check(source))["files"]
    assert file["totals"] is None and not file["ok"] and file["diagnostics"]


def test_warnings_leave_a_file_ok():
    text = CLEAN.replace("- gap", "- pointwise: {out: 16, padding: 1}\n  - gap")
    (file,) = rendered(check(text))["files"]
    assert file["ok"] and {d["severity"] for d in file["diagnostics"]} == {"warning"}


def test_several_files_keep_their_order():
    assert [file["name"] for file in rendered(check(CLEAN), check("no.yaml"), check(CLEAN))["files"]] == [
        "clean",
        "no",
        "clean",
    ]


def test_no_files():
    assert rendered() == {"version": 1, "files": []}


@pytest.mark.parametrize("path", sorted((ROOT / "architectures").rglob("*.yaml")), ids=lambda path: path.stem)
def test_what_we_ship(path: Path):
    rendered(check(path))


def test_a_finding_names_the_file_that_it_stands_in(tmp_path):
    (tmp_path / "base.yaml").write_text(CLEAN.replace("- gap", "- gapp"))
    variant = tmp_path / "variant.yaml"
    variant.write_text("archbuilder: 1\nextends: base.yaml\n")
    (file,) = rendered(check(variant))["files"]
    assert file["file"] == str(variant)
    assert [d["file"] for d in file["diagnostics"]] == [str(tmp_path / "base.yaml")]
