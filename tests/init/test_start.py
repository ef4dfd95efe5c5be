"""What a first file is: clean under its packs, the widest that keeps its budget, and readable."""

from __future__ import annotations

from pathlib import Path

import pytest

from archbuilder.diagnostics import ArchbuilderError
from archbuilder.pipeline import check
from archbuilder.starter import answers, start
from archbuilder.starter.answers import Wish

OWN = """
archbuilder_rules: 1
name: own
rules:
  - has: {layers: skip, at_least: 2}
  - without: max_pool
  - limit: {of: macs, bound: "< 2M"}
"""


def wish(params: str, *packs: str, shape: str = "3x32x32", classes: int = 10) -> Wish:
    return Wish("mine", answers.image(shape), classes, answers.params(params), packs, packs)


CASES = [
    ("200k", ("era-s9",), "3x32x32", 10),
    ("100k", ("era-s9",), "3x32x32", 10),
    ("10k", ("era-s9",), "3x32x32", 10),
    ("1k", ("era-s9",), "3x32x32", 10),
    ("5M", ("era-s9",), "3x32x32", 10),
    ("150k", ("era-s9", "mcu"), "3x32x32", 10),
    ("100k", ("mcu",), "3x32x32", 10),
    ("5M", ("mcu",), "3x96x96", 2),
    ("50k", ("mcu",), "1x28x28", 10),
    ("20k", (), "1x8x8", 10),
    ("1M", (), "3x32x32", 100),
    ("300k", (), "3x224x160", 5),
    ("30k", (), "2x13x37", 3),
    ("1k", (), "1x4x4", 2),
]


@pytest.mark.parametrize(("params", "packs", "shape", "classes"), CASES)
def test_it_is_clean_and_the_widest(params: str, packs: tuple[str, ...], shape: str, classes: int):
    found = start(wish(params, *packs, shape=shape, classes=classes))
    report = check(found.text)  # the packs stand in it
    assert report.diagnostics == ()
    assert report.facts and found.report.facts and report.facts.params == found.report.facts.params
    assert {verdict.pack for verdict in report.rules} == set(packs)
    assert all(verdict.ok for verdict in report.rules)
    assert report.spec and (report.spec.classes, report.spec.name) == (classes, "mine")
    assert report.spec.input == answers.image(shape)
    wider = check(found.text, [f"vars.width={found.width + 1}"])
    assert wider.errors, "a wider network keeps everything, too"


def test_the_comments_say_the_numbers():
    text = start(wish("100k", "era-s9")).text
    report = check(text)
    assert report.facts
    assert f"# {report.facts.params:,} as it is" in text and f"# {report.facts.field.size[0]} as it is" in text
    assert "# Written by archbuilder init --rules era-s9 --params 100k --classes 10 --input 3x32x32\n" in text
    assert max(map(len, text.splitlines())) <= 120


def test_the_budget_is_used():
    for params in (50_000, 100_000, 200_000):
        report = start(wish(str(params), "era-s9")).report
        assert report.facts and report.facts.params > 0.85 * params


def test_images_that_a_data_set_has_are_trained_on_it():
    assert "\n  dataset: cifar10\n" in start(wish("50k")).text
    assert "\n  dataset: digits " in start(wish("50k", shape="1x16x16")).text
    assert "\n#   dataset: images.npz " in start(wish("50k", classes=7)).text


def test_a_budget_that_cannot_be_met_names_the_smallest_that_can():
    with pytest.raises(ArchbuilderError) as caught:
        start(wish("500", "era-s9"))
    (found,) = caught.value.diagnostics
    assert found.code.id == "AB520" and caught.value.exit_status == 1
    assert found.message == "params < 500 cannot be met: the smallest network has 770 parameters"
    assert found.hint == 'allow more, for example --params "<= 770"'
    report = start(wish("<= 770", "era-s9")).report
    assert report.facts and report.facts.params == 770


def test_a_pack_of_ones_own(tmp_path: Path):
    (tmp_path / "own.yaml").write_text(OWN)
    found = start(wish("500k", str(tmp_path / "own.yaml")))
    assert found.report.facts and 1_000_000 < found.report.facts.macs < 2_000_000
    assert [verdict.rule for verdict in check(found.text).rules] == ["skip", "no max_pool", "macs"]


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("has: gelu", "there is no gelu"),
        ("image: {classes: 3}", "10 classes, but 3 are required"),
        ('limit: {of: receptive_field, bound: "> 5000"}', "receptive_field is"),
    ],
)
def test_a_pack_that_no_template_satisfies(tmp_path: Path, rule: str, words: str):
    (tmp_path / "own.yaml").write_text(f"archbuilder_rules: 1\nname: own\nrules:\n  - {rule}\n")
    with pytest.raises(ArchbuilderError) as caught:
        start(wish("100k", str(tmp_path / "own.yaml")))
    assert "no template satisfies all requirements" in str(caught.value) and words in str(caught.value)


def test_images_too_large_for_a_microcontroller():
    with pytest.raises(ArchbuilderError, match="peak_activations is"):
        start(wish("100k", "mcu", shape="3x1000x1000"))


# ---- answers ----

GOOD = {
    answers.params: {"100k": "< 100k", " 98_560 ": "< 98_560", "< 0.1M": "< 0.1M", "<=1k": "<=1k"},
    answers.image: {"3x32x32": (3, 32, 32), "[1, 28, 28]": (1, 28, 28), "3, 96,64": (3, 96, 64)},
    answers.classes: {"10": 10, " 2 ": 2},
    answers.name: {"my-net.1": "my-net.1"},
}
BAD = {
    answers.params: ["", "many", "-3", "> 100k", "0", "100 k k", "1" * 60],
    answers.image: ["", "32x32", "3x0x32", "3x32x32x3", "3xx32", "3x32x99999", "0x3x3", "32x32x3"],
    answers.classes: ["", "1", "ten", "-1", "1.5", "9999999"],
    answers.name: ["", "-a", "a b", "a\nb", "x" * 101],
    answers.packs: ["era-s8", "./none.yaml", "era-s9, nope"],
}


@pytest.mark.parametrize(("read", "text"), [(read, text) for read, texts in GOOD.items() for text in texts])
def test_good_answers(read, text: str):
    value = read(text)
    assert getattr(value, "text", value) == GOOD[read][text]


@pytest.mark.parametrize(("read", "text"), [(read, text) for read, texts in BAD.items() for text in texts])
def test_bad_answers(read, text: str):
    with pytest.raises(ValueError, match=r".+"):
        read(text)


def test_packs_give_defaults():
    found = answers.packs("mcu, era-s9")
    assert found.texts == ("mcu", "era-s9")
    assert (found.image, found.params) == (((3, 32, 32), 10), "200k")
    assert answers.packs("none").texts == () and answers.packs("none").params == "200k"


def test_a_pack_beside_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert answers.beside("mcu", Path("a.yaml")) == "mcu"
    assert answers.beside("own.yaml", Path("a.yaml")) == "./own.yaml"
    assert answers.beside("own.yaml", Path("nets/a.yaml")) == "../own.yaml"
    assert answers.beside("packs/own.yaml", Path("nets/a.yaml")) == "../packs/own.yaml"
