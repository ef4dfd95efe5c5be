"""The one function that pages and agents ask: every number is that of the check, every edit does what it says."""

import itertools
import json
import os
import random
import re
import time
from pathlib import Path
from typing import Any

import pytest

from archbuilder.analysis.lifetimes import live
from archbuilder.device.arena import arena
from archbuilder.ir.graph import INPUT
from archbuilder.live import answer, answer_json
from archbuilder.pipeline import check, check_text
from archbuilder.reporting.json import to_dict

ROOT = Path(__file__).parents[2]
ARCHITECTURES = [
    f"architectures/{name}.yaml"
    for name in ("c1c2c3c40", "tiny", "known/shufflenet_v2", "known/densenet_bc_40", "seeds/seed003")
]
SMALL = """\
archbuilder: 1  # 😀
name: small
input: [3, 16, 16]
classes: 4
limits: {params: "< 2k", receptive_field: "> 12"}
define:
  pair: {params: {out: null}, blocks: [{conv: {out: out}}, {conv: {out: out}}]}
network:
  - conv: 8
  - repeat: {times: 3, blocks: [{skip: {blocks: [{conv: 8}]}}]}
  - pair: 8
  - gap
  - classifier
"""


def ask(kind: str, text: str = SMALL, **more: Any) -> dict[str, Any]:
    found = json.loads(answer_json(json.dumps({"ask": kind, "text": text, **more})))
    assert found["version"] == 1
    return found


def changed(text: str, changes: list[dict[str, Any]]) -> str:
    """The text after changes, as a browser makes them: in UTF-16."""
    units = text.encode("utf-16-le")
    for change in sorted(changes, key=lambda change: -change["from"]):
        new = change["insert"].encode("utf-16-le")
        units = units[: 2 * change["from"]] + new + units[2 * change["to"] :]
    return units.decode("utf-16-le")


def stretch(text: str, place: dict[str, Any]) -> str:
    return text.encode("utf-16-le")[2 * place["from"] : 2 * place["to"]].decode("utf-16-le")


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_number_is_that_of_the_check(name):
    report = check(ROOT / name)
    plain, found = to_dict(report), ask("check", (ROOT / name).read_text("utf-8"), file=name, folder=str(ROOT))
    for key in ("params", "macs", "receptive_field", "receptive_field_with_gap"):
        assert found["totals"][key] == plain["totals"][key]
    for key in ("params", "macs"):
        assert sum(row[key] for row in found["rows"]) == plain["totals"][key]
        assert sum(row[f"{key}_share"] for row in found["rows"]) == pytest.approx(1)
    assert [d["code"] for d in found["diagnostics"]] == [d["code"] for d in plain["diagnostics"]]
    limits = [(each["name"], each["value"], each["ok"]) for each in found["budgets"] if each["kind"] == "limit"]
    assert limits == [(each["name"], each["value"], each["ok"]) for each in plain["limits"]]
    assert found["field"]["steps"][found["field"]["last"]]["size"] == plain["totals"]["receptive_field"]

    alive, memory = live(report.graph), found["memory"]
    for position, scalars in enumerate(alive.scalars):
        there = [each["bytes"] for each in memory["tensors"] if each["from"] <= position <= each["to"]]
        assert sum(there) == 4 * scalars == memory["layers"][position]["live"]
    assert memory["layers"][memory["peak"]]["live"] == memory["peak_bytes"] == max(x["live"] for x in memory["layers"])


@pytest.mark.parametrize("name", [*ARCHITECTURES, None])
def test_a_drawing_has_every_row_once_folded_or_not(name):
    text, where = SMALL, {}
    if name:
        text, where = (ROOT / name).read_text("utf-8"), {"file": name, "folder": str(ROOT)}
    found = ask("check", text, folded=[], **where)
    seen = [group["id"] for group in found["drawing"]["groups"]]
    assert len(set(seen)) == len(seen)
    for folded in ([], seen, seen[:1]):
        shown = ask("drawing", text, folded=folded, **where)
        drawing, boxes = shown["drawing"], {box["id"]: box for box in shown["drawing"]["boxes"]}
        assert sorted(row for box in boxes.values() for row in box["rows"]) == [row["id"] for row in found["rows"]]
        assert {edge[end] for edge in drawing["edges"] for end in ("from", "to")} == set(boxes)
        assert all(box["x"] >= 0 and box["x"] + box["width"] <= drawing["width"] + 0.1 for box in boxes.values())
        assert all(box["y"] + box["height"] <= drawing["height"] + 0.1 for box in boxes.values())
        assert not any(overlap(a, b) for a in boxes.values() for b in boxes.values() if a["id"] < b["id"])
        for edge in drawing["edges"]:
            (x, y), box = edge["points"][-1], boxes[edge["to"]]
            assert (
                box["x"] - 0.2 <= x <= box["x"] + box["width"] + 0.2 and box["y"] - 0.2 <= y <= box["y"] + box["height"]
            )
        if folded == seen:
            outermost = {group["id"] for group in found["drawing"]["groups"] if group["parent"] is None}
            assert {group["id"] for group in drawing["groups"]} == outermost


def overlap(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return (
        a["x"] < b["x"] + b["width"]
        and b["x"] < a["x"] + a["width"]
        and a["y"] < b["y"] + b["height"]
        and b["y"] < a["y"] + a["height"]
    )


def test_groups_are_what_is_written():
    groups = {group["id"]: group for group in ask("check")["drawing"]["groups"]}
    assert [(each["kind"], each["title"], each["times"], each["line"]) for each in groups.values()] == [
        ("repeat", "3 × skip", 3, 10),
        ("definition", "pair", 1, 11),
    ]
    resnet = ask("check", (ROOT / "architectures/known/resnet20.yaml").read_text("utf-8"))["drawing"]["groups"]
    assert {(each["kind"], each["times"]) for each in resnet} >= {("stage", 1), ("definition", 1)}
    assert [each["title"] for each in resnet if each["times"] > 1] == ["stage1: 3 × basic", "2 × basic", "2 × basic"]


def test_a_large_network_is_folded_by_itself():
    text = SMALL.replace("times: 3", "times: 60")
    found = ask("check", text)
    (group,) = [group for group in found["drawing"]["groups"] if group["kind"] == "repeat"]
    assert group["folded"] and found["folded"] and len(found["drawing"]["boxes"]) < 20
    assert ask("drawing", text, folded=[])["folded"] == []


def test_what_can_be_drawn_of_a_broken_file_is_drawn():
    text = SMALL.replace("  - pair: 8\n", "  - pair: 8\n  - convv: 9\n")
    drawing = ask("check", text)["drawing"]
    assert drawing["partial"] and {box["line"] for box in drawing["boxes"]} == {0, 7, 9, 10}
    (end,) = [box for box in drawing["boxes"] if box["kind"] == "end" and box["id"] != INPUT]
    assert end["title"] == "…"
    assert ask("check", "archbuilder: [")["drawing"] is None
    assert ask("check", "archbuilder: 1\ninput: [3, 8, 8]\nnetwork: [convv]")["drawing"]["partial"]


def test_places_are_those_of_a_browser():
    text = SMALL.replace("- conv: 8", "- conv: {out: 8, kernal: 3}").replace("name: small", "name: 'small'  # 😀😀")
    found = ask("check", text)
    (finding,) = found["diagnostics"]
    assert stretch(text, finding) == "kernal" and finding["line"] == 9 and finding["quick"]
    rows = ask("check")["rows"]
    assert [stretch(SMALL, row) for row in rows] == [row["block"] for row in rows]
    assert [stretch(SMALL, each) for each in ask("check")["budgets"]] == ["params", "receptive_field"]
    at = len(text[: text.index("kernal")].encode("utf-16-le")) // 2
    options = {each["label"]: each for each in ask("complete", text, at=at + 3)["options"]}
    assert options["kernel"]["insert"] == "kernel" and options["kernel"]["info"]
    at = len(SMALL[: SMALL.index("conv: 8\n  - repeat")].encode("utf-16-le")) // 2
    found = ask("hover", at=at + 1)
    assert "makes **8x16x16**" in found["markdown"] and stretch(SMALL, found) == "conv"


def test_hints_stay_while_the_text_is_broken():
    good = ask("check", file="hints.yaml")["hints"]
    assert {"line": 9, "text": "8x16x16 · 232 · RF 3"} in good
    broken = SMALL.replace("- conv: 8\n", "- conv: {out: 8, \n", 1)
    assert ask("check", broken, file="hints.yaml")["hints"][0]["text"] == good[0]["text"]


def test_a_fix_mends_its_finding():
    text = SMALL.replace("- conv: 8", "- conv: {out: 8, kernal: 3}").replace("- gap", "- gapp")
    for _ in range(2):
        fix = next(each for each in ask("fixes", text)["fixes"] if each["preferred"])
        finding = ask("check", text)["diagnostics"][fix["diagnostic"]]
        text = changed(text, fix["changes"])
        assert finding["message"] not in [each["message"] for each in ask("check", text)["diagnostics"]]
    assert "kernel: 3" in text and "- gap\n" in text
    assert ask("fixes", text)["fixes"] == []


def test_a_suggestion_satisfies_every_limit():
    text = (ROOT / "examples" / "six_lines.yaml").read_text("utf-8")
    assert not ask("check", text)["ok"]
    found = ask("suggest", text)
    assert len(found["suggestions"]) > 1
    for each in found["suggestions"]:
        after = ask("check", changed(text, each["changes"]))
        assert after["ok"]
        assert (after["totals"]["params"], after["totals"]["macs"]) == (each["after"]["params"], each["after"]["macs"])
    impossible = ask("suggest", text.replace("< 200k", "< 10"))
    assert not impossible["suggestions"] and impossible["nearest"] and impossible["missing"]


def test_rules_are_budgets_too():
    text = (ROOT / "architectures" / "c1c2c3c40.yaml").read_text("utf-8")
    rules = [each for each in ask("check", text, rules=["era-s9"])["budgets"] if each["kind"] == "rule"]
    verdicts = check_text(text, rules=["era-s9"]).rules
    assert [(each["name"], each["ok"]) for each in rules] == [(verdict.rule, verdict.ok) for verdict in verdicts]
    bounded = {each["name"]: each for each in rules if each["value"] is not None}
    assert bounded["params"]["value"] == 172_910 and 0.8 < bounded["params"]["share"] < 0.9


def test_goals_are_open_till_a_run_shows_them():
    text = f'{SMALL}goals: {{accuracy: ">= 85%"}}\n'
    (goal,) = [each for each in ask("check", text)["budgets"] if each["kind"] == "goal"]
    assert goal["open"] and not goal["ok"] and goal["bound"] == ">= 85%" and goal["line"] == 14


def test_what_comes_along():
    found = ask("starters")
    names = [each["name"] for each in found["starters"]]
    assert "c1c2c3c40" in names and set(ARCHITECTURES) <= {f"architectures/{name}.yaml" for name in names}
    facts = {each["name"]: check_text(each["text"]).facts for each in found["starters"]}
    assert all(facts.values()) and all(each["title"] for each in found["starters"])
    assert not any(re.search(r"(?m)^extends:", each["text"]) for each in found["starters"])
    (known,) = [each for each in found["starters"] if each["name"] == "c1c2c3c40"]
    assert ask("starter", known["text"])["params"] == facts["c1c2c3c40"].params
    assert "cannot be analysed" in ask("starter", "nonsense")["error"]
    assert {"era-s9", "mcu"} <= {each["name"] for each in found["packs"]}
    assert "Bad:" in ask("explain", code="AB503")["markdown"]
    assert "error" in ask("explain", code="AB000")


@pytest.mark.parametrize("packs", [[], ["era-s9"], ["mcu"]])
def test_a_first_file_checks_clean(packs):
    defaults = ask("init_defaults", packs=packs)
    text = ask("init", packs=packs, params="20k" if packs == ["mcu"] else defaults["params"], name="first")["text"]
    assert check_text(text, rules=packs).ok


def test_an_answer_that_cannot_be_read_is_named():
    assert ask("init", params="many")["field"] == "params"
    assert ask("init", input="32x32x3")["field"] == "input"
    assert ask("init", packs=["no"])["field"] == "packs"
    assert "smallest network" in ask("init", params="10")["error"]


def test_two_texts_are_compared():
    wider = SMALL.replace("- conv: 8\n", "- conv: {out: 8, kernel: 5}\n", 1)
    found = ask("compare", wider, other=SMALL)
    (parameters,) = [row for row in found["table"]["rows"] if row[0] == "parameters"]
    assert parameters[-1].startswith("+384")
    assert [row[0] for row in found["changes"]["rows"]] == ["~", ""]
    assert "cannot be analysed" in ask("compare", other="nonsense")["error"]


def test_no_file_outside_the_folder_is_read(tmp_path):
    secret, folder = tmp_path / "secret.yaml", tmp_path / "open"
    folder.mkdir()
    secret.write_text(SMALL, encoding="utf-8")
    os.symlink(secret, folder / "link.yaml")
    (folder / "base.yaml").write_text(SMALL, encoding="utf-8")
    for path in ("../secret.yaml", str(secret), "link.yaml", "x/../../secret.yaml", "/etc/passwd"):
        for text in (f"extends: {path}\n", f"{SMALL}rules: [{path}]\n".replace("[/etc/passwd]", "[/etc/passwd.yaml]")):
            found = ask("check", text, folder=str(folder), file="net.yaml")
            assert "outside the folder" in json.dumps(found["diagnostics"]), path
            assert "small" not in json.dumps(found["diagnostics"])
    assert ask("check", "extends: base.yaml\n", folder=str(folder), file="net.yaml")["totals"]


def test_a_base_that_changes_is_read_anew(tmp_path):
    base = tmp_path / "base.yaml"
    base.write_text(SMALL, encoding="utf-8")
    before = ask("check", "extends: base.yaml\n", folder=str(tmp_path))["totals"]["params"]
    base.write_text(SMALL.replace("  - pair: 8\n", ""), encoding="utf-8")
    assert ask("check", "extends: base.yaml\n", folder=str(tmp_path))["totals"]["params"] < before


def test_whatever_is_asked_there_is_an_answer():
    kinds = ["check", "drawing", "fixes", "complete", "hover", "explain", "compare", "version", "none", 3]
    values = [None, True, 3, -1, 1e9, "", "x" * 99, "\0", "a: [", SMALL, [], ["x"], [3], {}, {"a": [1]}]
    names = ["text", "file", "folder", "at", "other", "code", "folded", "widths", "diagnostic", "rules", "overrides"]
    draw = random.Random(0)
    for _ in range(150):
        question = {"ask": draw.choice(kinds)} | {name: draw.choice(values) for name in draw.sample(names, 4)}
        found = answer(question)
        assert "has a fault" not in found.get("error", ""), question
        json.dumps(found)
    for text in ("", "[]", "null", "{", "[" * 100_000, '{"ask": "check", "text": 1e999}'):
        assert "error" in json.loads(answer_json(text))


@pytest.mark.parametrize("times", [996, 11_000])
def test_a_large_file_is_answered(times):
    text = SMALL.replace("blocks: [{skip: {blocks: [{conv: 8}]}}]", "blocks: [{conv: {out: 8, order: conv}}]")
    text = text.replace("times: 3", f"times: {times}")
    start = time.process_time()
    found = ask("check", text)
    assert found["totals"]["layers"] > times and len(found["rows"]) > times
    assert (found["drawing"] is None) == (times > 2000) == ("drawing_note" in found)
    assert (found["memory"] is None) == (times > 3000) == ("memory_note" in found)
    assert time.process_time() - start < 0.5 + times / 2000  # seconds; quadratic would be minutes
    too_large = ask("check", "#" * (2**22 + 1))
    assert [d["code"] for d in too_large["diagnostics"]] == ["AB007"]


def test_the_arena_says_what_lies_where():
    """Its places overlap only in time; of a network that the runtime cannot run the answer says that."""
    text = (ROOT / "examples" / "six_lines.yaml").read_text()
    found = answer({"ask": "arena", "text": text})["arena"]
    facts = check(ROOT / "examples" / "six_lines.yaml").facts
    plan = arena(facts.graph) if facts else None
    assert plan and found["head"] == plan.head
    assert max(each["offset"] + each["bytes"] for each in found["placed"]) == found["head"] >= found["bound"]
    at_peak = [each for each in found["placed"] if each["at_peak"]]
    assert at_peak and all(each["from"] <= found["peak"] <= each["to"] for each in at_peak)
    ends = sorted((each["offset"], each["offset"] + each["bytes"]) for each in at_peak)
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(ends))
    gelu = "archbuilder: 1\ninput: [3, 8, 8]\nnetwork: [{conv: {out: 4, activation: gelu}}]\n"
    none = answer({"ask": "arena", "text": gelu})
    assert none["arena"] is None and "no kernel" in none["arena_note"]
    assert "error" in answer({"ask": "arena", "text": "network: ["})["arena_note"]


def test_compared_files_are_named_from_the_folder(tmp_path):
    asked = {"ask": "compare", "file": "a.yaml", "other_name": "b.yaml", "folder": str(tmp_path)}
    head = answer({**asked, "text": SMALL, "other": SMALL})["table"]["head"]
    assert head[:3] == ["", "b.yaml", "a.yaml"]
    assert str(tmp_path) not in answer({**asked, "text": SMALL, "other": "network: ["})["error"]
