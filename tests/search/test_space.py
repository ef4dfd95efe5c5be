"""`space:`: choices for fields of a file, by paths that `--set` shares."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archbuilder.cli import main
from archbuilder.diagnostics import ArchbuilderError
from archbuilder.document.overrides import apply
from archbuilder.document.parser import parse
from archbuilder.pipeline import Report, check_text
from archbuilder.remedy import written
from archbuilder.search.judge import Judge, opened
from archbuilder.search.survey import draw, every, lines, survey
from archbuilder.search.writing import start_of, text_of, without_space
from archbuilder.spec.space import Range

FILE = """\
archbuilder: 1
input: [3, 32, 32]
classes: 10
limits: {{params: "< 20k"}}
vars: {{width: 8, depth: 1}}
network:
  - stage:
      name: C1
      blocks:
        - conv: {{out: width, kernel: 3}}
        - skip: {{blocks: [{{conv: {{out: width, name: inner}}}}]}}
  - repeat: {{times: depth, blocks: [{{strided: {{out: 2 * width}}}}]}}
  - gap
  - classifier
data: {{dataset: cifar10, augment: [{{horizontal_flip: {{p: 0.5}}}}]}}
space:
{space}
"""
SPACE = """\
  vars.width: {from: 8, to: 32, step: 8}
  vars.depth: {from: 1, to: 3}
  network.C1.blocks.0.kernel: [3, 5]
  network.C1.blocks.1: [{skip: {blocks: [{conv: width}]}}, [{conv: width}, {dilated: {out: width, dilation: 2}}], []]
  network.1: [{strided: {out: 2 * width}}, {repeat: {times: depth, blocks: [{strided: {out: 2 * width}}]}}]
  data.augment.0.p: [0.25, 0.5]
  train.optimizer.sgd.lr: {from: 0.01, to: 0.3, log: true}
"""


def checked(space: str) -> Report:
    return check_text(FILE.format(space=space), "net.yaml")


def found(space: str) -> list[str]:
    return [f"{d.code.id} {d.message}" for d in checked(space).diagnostics]


@pytest.fixture(scope="module")
def judge() -> Judge:
    return opened(checked(SPACE))


# path -> the steps that it stands for
PATHS = {
    "network.C1": ("network", 0),
    "network.C1.name": ("network", 0, "stage", "name"),
    "network.C1.blocks.0.kernel": ("network", 0, "stage", "blocks", 0, "conv", "kernel"),
    "network.0.stage.blocks.0.conv.kernel": ("network", 0, "stage", "blocks", 0, "conv", "kernel"),
    "network.inner.out": ("network", 0, "stage", "blocks", 1, "skip", "blocks", 0, "conv", "out"),
    "network.C1.blocks.inner.out": ("network", 0, "stage", "blocks", 1, "skip", "blocks", 0, "conv", "out"),
    "network.1.times": ("network", 1, "repeat", "times"),
    "data.augment.0.p": ("data", "augment", 0, "horizontal_flip", "p"),
    "train.schedule.one_cycle.warmup": ("train", "schedule", "one_cycle", "warmup"),
}


@pytest.mark.parametrize("path", PATHS)
def test_a_path_is_the_same_in_a_space_and_for_set(path: str):
    (choice,) = checked(f"  {path}: [3, 5]").spec.space.choices
    assert choice.steps == PATHS[path]
    document = parse(FILE.format(space="  vars.width: [8, 16]"))
    apply(document, [f"{path}=7"])
    node: Any = document.root.plain()
    for step in choice.steps:
        node = node[step]
    assert node == 7


BARE = """\
archbuilder: 1
input: [1, 8, 8]
classes: 10
define: {pair: {params: {out: 4, k: 3}, blocks: [{conv: {out: out, kernel: k}}]}}
network:
  - conv: 16  # the first
  - pair: 6
  - gap
  - classifier
data: {dataset: digits, augment: [{horizontal_flip: 0.5}]}
"""


@pytest.mark.parametrize("path", ["network.0.out", "network.0.conv.kernel", "network.1.out", "network.1.k"])
def test_fields_of_a_bare_value_are_reached(path: str):
    choice = check_text(f"{BARE}space: {{{path}: [3, 5]}}\n")
    judge = opened(choice)
    sets = [check_text(BARE, overrides=[f"{path}={value}"]) for value in (3, 5)]
    assert [judge(picks).value("params") for picks in every(judge.space)] == [each.facts.params for each in sets]
    texts = [text_of(judge.document, judge.space, picks, judge.tree(picks)) for picks in every(judge.space)]
    assert [check_text(text).facts.params for text in texts] == [each.facts.params for each in sets]
    assert all("# the first" in text for text in texts)
    assert sets[0].facts.params != sets[1].facts.params
    twice = f"{BARE}space: {{network.0.out: [3, 5], network.0.conv: [3, 5]}}\n"
    assert [d.code.id for d in check_text(twice).errors] == ["AB562"]
    assert check_text(BARE, overrides=["data.augment.0.p=0.25"]).ok


def test_a_search_starts_with_the_comments_of_its_file():
    """This holds for all overrides and variations; a file in flow style has no lines to keep and is rewritten."""
    sets = ["network.0.kernel=5", "train.epochs=3", "space={network.1.k: [1, 3], vars.w: [2]}"]
    head = f"{BARE.strip()}  # the data\nvars: {{w: 4}}\n"
    flow = "{archbuilder: 1, input: [1, 8, 8], network: [{conv: w}, gap], vars: {w: 4}, space: {vars.w: [4, 8]}}"
    for text, kept in ((head.replace("pair: 6", "pair: w"), True), (flow, False)):
        overrides = sets if kept else ["space={network.0.kernel: [1, 3]}"]
        report = check_text(text, overrides=overrides)
        start = start_of(report.document, overrides)
        spaces = [{c.steps: c.labels for c in each.spec.space.choices} for each in (check_text(start), report)]
        assert spaces[0] == spaces[1] and ("# the first" in start) == kept
        assert repr(check_text(start).facts) == repr(report.facts) and ("# the data" in start) == kept
        judge = opened(check_text(start))
        picks = [1, 0][: len(judge.space.choices)]
        assert "space" not in without_space(judge.document)
        assert ("# the first" in text_of(judge.document, judge.space, picks, judge.tree(picks))) == kept


BAD = {
    "": "AB561 there is nothing to choose",
    "  vars.width: []": "AB561 vars.width has no options",
    "  vars.width: 8": "AB104 expected a list of options, or a range",
    "  vars.width: {from: 8}": "AB102 the field to is missing",
    "  vars.width: {from: 8, to: 4}": "AB103 there is no number from 8 to 4",
    "  vars.width: {from: 0, to: 4, log: true}": "AB103 log needs a range from a number over 0, without a step",
    "  vars.width: {from: 8, to: many}": "AB103 to: expected a whole number or a number, found 'many'",
    "  vars.width: [8, 16, 8]": "AB563 8 is listed twice",
    "  vars.widht: [8, 16]": "AB563 nothing uses the variable widht",
    "  network.C2.blocks.0.kernel: [3, 5]": "AB560 network is a list of 4, C2 is not one of its positions",
    "  network.2.kernel: [3, 5]": "AB560 network.2 is 'gap', which has no fields",
    "  network.C1.blocks.1.blocks.0.inner.kernel: [3, 5]": "AB101 there is no field inner here",
    "  network.C1.blocks.0.out.x: [3, 5]": "AB560 network.C1.blocks.0.out is 'width', which has no fields",
    "  limits.params: [1, 2]": "AB560 limits cannot be searched",
    "  network.C1.blocks.0.kernel: [3, 5]\n  network.0.stage.blocks.0.conv.kernel: [3]": "AB562 network.0.stage",
    "  network.C1.blocks.0: [{conv: 8}]\n  network.C1.blocks.0.kernel: [3]": "AB562 network.C1.blocks.0.kernel and",
    # what no file can have, wherever else the search goes
    "  network.C1.blocks.0.kernel: [3, 0]": "AB103 kernel: 0 is out of range",
    "  network.C1.blocks.0.kernel: {from: 0, to: 3}": "AB103 kernel: 0 is out of range",
    "  network.C1.blocks.0.kernal: [3, 5]": "AB101 there is no field kernal here",
    "  network.C1.blocks.1: [[{conv: 8}, {cnv: 8}]]": "AB101 there is no block cnv",
    "  data.augment.0.p: [0.5, 1.5]": "AB103 p: 1.5 is out of range",
}


@pytest.mark.parametrize("space", BAD)
def test_a_bad_choice_is_told_at_its_place(space: str):
    report = checked(space)
    found = {f"{d.code.id} {d.message}" for d in report.diagnostics}
    assert found and all(text.startswith(BAD[space]) for text in found), found
    first = FILE.split("space:")[0].count("\n") + 1
    assert all(d.span.line >= first for d in report.diagnostics)


def test_a_file_with_a_space_is_the_network_that_it_is_without():
    with_space, without = checked(SPACE), check_text(FILE.format(space=SPACE).split("space:")[0], "net.yaml")
    assert with_space.ok and repr(with_space.facts) == repr(without.facts)


def test_the_size(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert checked(SPACE).spec.space.size is None
    space = checked("\n".join(SPACE.splitlines()[:-1])).spec.space
    assert space.size == 4 * 3 * 2 * 3 * 2 * 2 == len(set(every(space)))
    file = tmp_path / "net.yaml"
    file.write_text(FILE.format(space=SPACE))
    assert main(["check", str(file), "-q"]) == 0
    said = "space            7 choices, infinitely many networks: train.optimizer.sgd.lr has no step"
    assert said in capsys.readouterr().out


@given(
    first=st.integers(-50, 50),
    count=st.integers(2, 40),
    step=st.integers(1, 9),
    share=st.floats(0, 1, exclude_max=True),
)
def test_a_range_gives_each_of_its_numbers(first: int, count: int, step: int, share: float):
    found = Range.model_validate({"from": first, "to": first + (count - 1) * step, "step": step})
    assert found.count == count and found.at(share) in range(first, first + count * step, step)
    assert {found.at((number + 0.5) / count) for number in range(count)} == {
        first + number * step for number in range(count)
    }


def test_judging_is_what_check_says(judge: Judge):
    """Random candidates have the same totals, the same verdict and the same codes."""
    random, held = Random(1), 0
    for _ in range(60):
        picks = draw(judge.space, random)
        verdict, report = judge(picks), check_text(written(judge.tree(picks).plain()))
        assert {d.code.id for d in verdict.excluded} == {d.code.id for d in report.errors}
        assert repr(verdict.facts and verdict.facts.layers[-1].reach) == repr(
            report.facts and report.facts.layers[-1].reach
        )
        assert verdict.value("params") == (report.facts.params if report.facts else 0)
        held += verdict.ok
    assert 0 < held < 60


SHARED = """\
archbuilder: 1
input: [3, 16, 16]
classes: n
limits: {receptive_field: ">= 9", macs: "< 3M"}
vars: {w: 8, n: 4, g: 2}
defaults: {norm: {kind: group, groups: g}}
define:
  pair: {params: {out: 4, k: 3}, blocks: [{conv: {out: out, kernel: k}}, {conv: out}]}
network:
  - conv: {out: w, name: stem}
  - pair: w
  - repeat: {times: 2, blocks: [{conv: w}, {skip: {blocks: [{conv: w}], merge: add}}]}
  - branches: {paths: [[{conv: 8}, {pair: {out: 8, name: twice}}, {use: twice}], [{conv: {out: 8, kernel: 1}}], []]}
  - conv: {out: w, kernel: 1}
  - join: stem
  - squeeze_excite: 2
  - stage: {name: conv, blocks: [{strided: 2 * w}, {max_pool: 2}]}
  - gap
  - classifier
space:
  vars.w: [6, 8, 12]
  vars.n: [4, 10]
  vars.g: [2, 1, 3]
  network.0.kernel: {from: 1, to: 7}
  network.1.k: [1, 3, 5]
  network.2.times: [1, 2, 3, 4]
  network.2.blocks.1.merge: [add, concat, multiply]
  network.3.paths.0.1: [{pair: {out: 8, name: twice}}, {conv: {out: w, name: twice}}]
  network.4: [{conv: {out: w, kernel: 1}}, [], [{conv: w}, {conv: {out: w, norm: group}}]]
  network.conv.blocks.1: [{max_pool: 2}, {avg_pool: 2}, {conv: {out: 8, groups: 5}}]
  define.pair.blocks.1: [{conv: out}, {depthwise_separable: {out: out, kernel: k}}]
"""


def test_what_candidates_share_is_what_each_has_alone():
    """Parts that other candidates have given: every layer, its name, place and numbers, every finding and its place."""
    without = SHARED.replace(
        "  define.pair.blocks.1: [{conv: out}, {depthwise_separable: {out: out, kernel: k}}]\n", ""
    )
    for text, count in ((SHARED, 40), (without, 160)):
        judge, random, held = opened(check_text(text)), Random(2), 0
        for _ in range(count):
            picks = draw(judge.space, random)
            verdict, alone = judge(picks), Judge(Report(judge.document.name, judge.document), judge.space)(picks)
            assert [(d.code.id, d.span, d.message) for d in verdict.excluded] == [
                (d.code.id, d.span, d.message) for d in alone.excluded
            ]
            assert (verdict.facts is None) == (alone.facts is None) and verdict.limits == alone.limits
            if verdict.facts and alone.facts:
                assert verdict.facts.value == alone.facts.value and verdict.facts.reaches == alone.facts.reaches
                for layer, other in zip(verdict.facts.layers, alone.facts.layers, strict=True):
                    assert layer[1:] == other[1:] and layer.node.span == other.node.span
                    assert {**vars(layer.node), "place": 0} == {**vars(other.node), "place": 0}
            report = check_text(written(judge.tree(picks).plain()))
            assert {d.code.id for d in verdict.excluded} == {d.code.id for d in report.errors}
            assert repr(verdict.facts) == repr(report.facts)
            held += verdict.ok
        assert 0 < held < count


def test_a_list_stands_for_its_blocks_and_moves_those_behind_it(judge: Judge):
    picks = [8, 1, 1, 2, 1, 0, 0.1]
    tree = judge.tree(picks).plain()
    assert "space" not in tree and len(tree["network"][0]["stage"]["blocks"]) == 1
    assert tree["network"][0]["stage"]["blocks"][0]["conv"]["kernel"] == 5
    assert list(tree["network"][1]) == ["repeat"] and tree["train"]["optimizer"] == {"sgd": {"lr": 0.1}}


def test_what_defaults_and_definitions_decide_is_read_anew():
    """Blocks are cached by what their texts name, and these decide over all of them."""
    text = """\
archbuilder: 1
input: [3, 16, 16]
vars: {k: 3}
defaults: {bias: true}
define: {pair: {params: {out: 4}, blocks: [{conv: {out: out, kernel: k}}, {conv: out}]}}
network: [{conv: 8}, {pair: 6}]
space:
  vars.k: [3, 5]
  defaults.bias: [true, false]
"""
    for kept in (text, text.replace("  defaults.bias: [true, false]\n", "")):
        judge = opened(check_text(kept))
        for picks in (*every(judge.space), *every(judge.space)):
            assert judge(picks).value("params") == check_text(written(judge.tree(picks).plain())).facts.params


def test_a_definition_is_read_anew_where_it_stands_deeper():
    def nested(stages: int, block: str) -> str:
        return "{stage: {blocks: [" * stages + block + "]}}" * stages

    text = f"""\
archbuilder: 1
input: [3, 16, 16]
classes: 4
define:
  d: {{blocks: [{nested(18, "{conv: 8}")}]}}
  e: {{blocks: [{nested(18, "d")}]}}
network: [e, {{conv: 8}}, gap, classifier]
space:
  network.1: [{{conv: 8}}, {nested(18, "e")}]
"""
    judge = opened(check_text(text))
    shallow, deep = map(judge, every(judge.space))
    assert shallow.ok and [d.code.id for d in deep.excluded] == ["AB212"]


def test_a_dry_run_says_what_excludes(judge: Judge, capsys: pytest.CaptureFixture[str], tmp_path: Path):
    found = survey(judge, 200)
    said = "\n".join(lines(found))
    assert f"{len(found.held)} hold all limits and rules" in said and "excluded by      params < 20k: " in said
    path, option, good, of = found.options()[0]
    assert (path, option) == ("vars.width", "32") and good < of / 4
    assert found.reach("params")[1] < 20_000
    assert survey(judge, 200).verdicts[7].picks == found.verdicts[7].picks
    file = tmp_path / "net.yaml"
    file.write_text(FILE.format(space=SPACE).replace("20k", "90"))
    assert main(["search", str(file), "--dry-run", "--samples", "50"]) == 1
    out, err = capsys.readouterr()
    assert "though none holds" in out and "AB564 none of 50 candidates" in err and "the nearest is vars.width=8" in err


def test_nothing_holds(judge: Judge):
    report = check_text(FILE.format(space="  vars.width: [8, 16]").replace("20k", "9"), "net.yaml")
    found = survey(opened(report))
    with pytest.raises(ArchbuilderError) as caught:
        found.insist(judge.place)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.message == "none of 2 candidates holds: params < 9 excludes 2 of them"
    assert str(diagnostic.span) == "net.yaml:4:10" and "the nearest is vars.width=8: params is " in diagnostic.hint


@settings(max_examples=30)
@given(seed=st.integers(0, 10**6))
def test_any_pick_is_a_tree_of_its_own(judge: Judge, seed: int):
    """Parts that candidates share are unchanged, whatever the order of the candidates."""
    random = Random(seed)
    several = [draw(judge.space, random) for _ in range(3)]
    alone = [Judge(checked(SPACE), judge.space).tree(picks).plain() for picks in several[:1]]
    together = [judge.tree(picks).plain() for picks in several]
    assert together[0] == alone[0]
    assert [judge.tree(picks).plain() for picks in several] == together
