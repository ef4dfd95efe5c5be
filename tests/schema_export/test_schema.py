"""`archbuilder schema`, held by a real validator against what `archbuilder check` says."""

import json
import subprocess
import sys
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from archbuilder import blocks
from archbuilder.blocks import Block, find
from archbuilder.cli import main
from archbuilder.document.parser import parse
from archbuilder.manual.jsonschema import DIALECT, render, schema
from archbuilder.pipeline import check
from tests.schema_export.variants import IMAGES, SECTIONS, UNSEEN, around, reason, sources, variants

ROOT = Path(__file__).parents[2]
BUILT_IN = sorted(module.name for module in iter_modules(blocks.__path__) if not module.name.startswith("_"))
NETWORKS = [*sorted(ROOT.glob("architectures/**/*.yaml")), *sorted(ROOT.glob("tests/networks/*.yaml"))]
FORM_CODES = {"AB101", "AB102", "AB103", "AB104", "AB105", "AB501", "AB502"}


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    return Draft202012Validator(schema(BUILT_IN))


def block(name: str) -> type[Block]:
    found = find(name)
    assert found
    return found


def test_is_valid_in_its_own_dialect():
    made = schema(BUILT_IN)
    assert made["$schema"] == DIALECT == Draft202012Validator.META_SCHEMA["$id"]
    assert made["$id"].startswith("urn:")
    Draft202012Validator.check_schema(made)


def test_the_committed_file_is_true():
    """Write it anew with: archbuilder schema --out docs/archbuilder.schema.json"""
    assert (ROOT / "docs" / "archbuilder.schema.json").read_text(encoding="utf-8") == render(BUILT_IN)


@pytest.mark.parametrize("path", NETWORKS, ids=lambda path: path.stem)
def test_accepts_every_network(validator, path):
    errors = list(validator.iter_errors(parse(path.read_text(encoding="utf-8")).root.plain()))
    assert errors == []


@pytest.mark.parametrize("name", BUILT_IN)
def test_accepts_the_example_of_a_block(validator, name):
    assert list(validator.iter_errors(around(block(name).EXAMPLE))) == []


# what no schema can see, and why
REJECTED_BY_CHECK_ALONE = {
    "conv: {out: many}": "many could be a variable",
    "adaptive_max_pool: x": "x could be a variable",
    "conv: {out: 32, padding: some}": "some could be a variable",
}


@pytest.mark.parametrize(("name", "bad"), [(name, bad) for name in BUILT_IN for bad in block(name).REJECTS])
def test_rejects_what_a_block_rejects_for_its_form(validator, name, bad):
    by_form = block(name).REJECTS[bad] in FORM_CODES and bad not in REJECTED_BY_CHECK_ALONE
    assert validator.is_valid(around(bad)) != by_form


def test_rejections_by_check_alone_are_all_in_use():
    assert set(REJECTED_BY_CHECK_ALONE) <= {bad for name in BUILT_IN for bad in block(name).REJECTS}


@pytest.mark.parametrize(("name", "text"), sources(BUILT_IN).items())
def test_agrees_with_check_on_files_with_one_change(validator, name, text):
    """What check accepts the schema accepts; what check rejects for its form it rejects, but for `UNSEEN`."""
    for changed in variants(parse(text).root.plain(), every=5):
        report = check(json.dumps(changed) + "\n")
        problems = [d for d in report.errors if d.code.id in FORM_CODES]
        valid = validator.is_valid(changed)
        assert valid or report.errors, f"the schema is too strict: {changed}"
        for problem in problems if valid else []:
            assert reason(problem.message, changed), f"the schema could see it: {problem} in {changed}"


def test_every_reason_is_in_use(validator):
    seen = set()
    for text in (SECTIONS, IMAGES):
        for changed in variants(parse(text).root.plain(), every=1):
            if validator.is_valid(changed):
                problems = check(json.dumps(changed) + "\n").errors
                seen |= {reason(d.message, changed) for d in problems if d.code.id in FORM_CODES}
    assert set(UNSEEN) <= seen


def file_with(**keys: Any) -> dict[str, Any]:
    return {"archbuilder": 1, "input": [3, 32, 32], "network": ["gap"], **keys}


@pytest.mark.parametrize(
    ("file", "valid"),
    [
        (file_with(network=[{"twice": 8}]), False),
        (file_with(network=[{"twice": 8}], define={"twice": {"params": {"n": 1}, "blocks": [{"conv": "n"}]}}), True),
        (file_with(network=["twice"], define={"twice": {"blocks": [{"stage": {"blocks": ["gap"]}}]}}), True),
        (file_with(network=[{"conv": {"bogus": 8}}], define={"twice": {"blocks": []}}), False),
        (file_with(network=[{"twice": 8}], extends="base.yaml"), True),
        ({"extends": "base.yaml", "data": {"batch_size": 64}}, True),
        (file_with(data={"batch_size": 64}), False),
        ({"network": ["gap"]}, False),
        (file_with(train=None, vars=None, limits=None, defaults=None), True),
        (file_with(data=None), False),
        (file_with(limits={"params": "< 5ki"}), False),
        (file_with(limits={"params": "< 5 000"}), False),
        (file_with(limits={"params": " >= 1.5Ki "}), True),
        (file_with(limits={"params": 5000}), False),
        (file_with(limits={"parms": "< 5k"}), False),
        (file_with(vars={"a b": 1}), False),
        (file_with(vars={"width": "2 * (3 + 4) // 2"}), True),
        (file_with(vars={"width": "2 ** 3"}), False),
        (file_with(vars={"width": "f(3)"}), False),
        (file_with(vars={"width": "3 / 2"}), False),
    ],
)
def test_the_sections_of_a_file(validator, file, valid):
    assert validator.is_valid(file) == valid
    found = {d.code.id for d in check(json.dumps(file) + "\n").errors}
    assert bool(found & FORM_CODES) != valid


def test_knows_a_users_own_block(tmp_path):
    """In a process of its own: a block stays registered."""
    own = str(ROOT / "examples" / "double_conv.py")
    path = tmp_path / "own.json"
    command = [sys.executable, "-m", "archbuilder", "schema", "--blocks", own, "--out", str(path)]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == ""
    network = parse((ROOT / "examples" / "double_conv.yaml").read_text(encoding="utf-8")).root.plain()
    made = json.loads(path.read_text(encoding="utf-8"))
    assert Draft202012Validator(made).is_valid(network)
    assert not Draft202012Validator(schema(BUILT_IN)).is_valid(network)


def test_prints_json(capsys):
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out)["$schema"] == DIALECT


def test_explains_blocks_and_fields():
    conv = schema(BUILT_IN)["$defs"]["block"]["anyOf"][0]["properties"]["conv"]
    assert "padding: same" in conv["markdownDescription"]
    assert block("conv").EXAMPLE in conv["markdownDescription"]
    fields = schema(BUILT_IN)["$defs"]["block.conv"]["anyOf"][1]["properties"]
    assert all(field["description"] for field in fields.values())
    assert (fields["kernel"]["default"], fields["groups"]["default"], fields["norm"]["default"]) == (3, 1, "batch")
