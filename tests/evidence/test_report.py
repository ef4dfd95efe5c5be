"""The report of a run: complete, true, self-contained, and never markup of somebody else's."""

from __future__ import annotations

import ast
import base64
import io
import json
import re
import shutil
import zlib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import numpy as np
import pytest
import torch
from PIL import Image

from archbuilder import check_text, evidence
from archbuilder.cli import main
from archbuilder.evidence.report import write_report
from archbuilder.exporters import exporter
from archbuilder.modules.torchsummary import torchsummary
from archbuilder.reporting.markdown import escaped, fenced
from archbuilder.run.progress import line
from archbuilder.trained.open import Run, open_run
from archbuilder.training import Interrupted, train
from tests.evidence.conftest import ALONE, CPU, NETWORK

FILES = {
    "report.html",
    "report.md",
    "model.py",
    "evaluation.json",
    "network.svg",
    "receptive_field.png",
    "mistakes.png",
}
FIXTURES = Path(__file__).parents[1] / "fixtures" / "0.1.0" / "trained"
ADDRESS_TS = Path(__file__).parents[2] / "web" / "src" / "address.ts"
HOSTILE = '<script>alert("x")</script> | *a* [b](http://c) & ${1}'


class Page(HTMLParser):
    """What a browser would find in a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def html(finished: Path) -> str:
    return (finished / "report.html").read_text()


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_a_finished_run_has_its_report_and_what_goes_with_it(finished: Path):
    assert {path.name for path in finished.iterdir()} >= FILES
    assert (
        "Each row shows a training image and its augmented versions in the first epochs of this run"
        in (finished / "report.html").read_text()
    )


def test_the_page_needs_no_other_file_and_runs_no_script(html: str, page: Page):
    assert not {tag for tag, _ in page.tags} & {"script", "link", "iframe", "object", "embed", "base", "form"}
    assert page.all("img") and all((image["src"] or "").startswith("data:") for image in page.all("img"))
    assert all(image["alt"] for image in page.all("img"))
    assert {(anchor["href"] or "")[0] for anchor in page.all("a")} == {"#"}
    assert "url(" not in html and "@import" not in html
    policy = next(meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def test_pictures_are_whole(page: Page):
    for image in page.all("img"):
        head, _, content = (image["src"] or "").partition(";base64,")
        data = base64.b64decode(content, validate=True)
        if head == "data:image/png":
            assert data.startswith(b"\x89PNG") and data.endswith(b"IEND\xaeB`\x82")
        else:
            assert head == "data:image/svg+xml" and data.rstrip().endswith(b"</svg>")


def test_links_within_the_page_lead_somewhere(page: Page):
    ids = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
    assert {(anchor["href"] or "")[1:] for anchor in page.all("a")} <= ids


def test_the_result_is_that_of_the_last_epoch_on_all_test_images(run: Run, page: Page):
    accuracy = f"{run.metrics[-1]['test_accuracy']:.2f} %"
    assert f"{accuracy}test accuracy after the last epoch, on all 355 test images" in page.text
    assert "were evaluated again for this report, with the same result as in the log" in page.text


def test_the_best_epoch_is_named_as_what_it_is(copy: Path):
    """The metrics are those of a run whose best epoch was an earlier one."""
    records = [json.loads(text) for text in (copy / "metrics.jsonl").read_text().splitlines()]
    records[0]["test_accuracy"] = 99.5
    (copy / "metrics.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    write_report(open_run(copy), CPU)
    expected = "The best epoch was 1, with test accuracy 99.50 %: chosen on the test images, so not a fair result."
    assert expected in Page((copy / "report.html").read_text()).text


def test_a_log_that_says_something_else_than_the_weights_is_no_secret(copy: Path):
    records = [json.loads(text) for text in (copy / "metrics.jsonl").read_text().splitlines()]
    true, records[-1]["test_accuracy"] = records[-1]["test_accuracy"], 99.99
    (copy / "metrics.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    assert write_report(open_run(copy), CPU).accuracy == pytest.approx(true)
    assert "The log says 99.99 %; this figure is that of the weights" in (copy / "report.md").read_text()


def test_the_five_answers_stand_in_the_order_of_the_course(run: Run, page: Page):
    facts = run.plan.report.facts
    assert facts is not None
    code = exporter("python").export(run.plan.graph, facts)
    log = "\n".join(line(record, 3) for record in run.metrics)
    answers = ["1. Model code", code, "2. Summary", torchsummary(run.plan.graph, facts), "3. Augmentation code"]
    answers += ["4. Training log", log, "5. README"]
    places = [page.text.find(answer) for answer in answers]
    assert -1 not in places and places == sorted(places)
    assert log.count("test ") == 3


def test_limits_rules_layers_and_field_are_there(page: Page):
    for words in ("params < 5k", "receptive_field > 6", "C1" and "dilated", "n_out = floor(", "before the global pool"):
        assert words in page.text


def test_every_class_has_its_accuracy_and_the_matrix_every_image(finished: Path, html: str):
    noted = json.loads((finished / "evaluation.json").read_text())
    table = html[html.index("Class by class") : html.index('id="demands"')]
    shown = [int(number) for number in re.findall(r'<th class="row">\d</th><td>(\d+)</td>', table)]
    assert shown == [sum(row) for row in noted["confusion"]]
    matrix = html[html.index('class="confusion"') : html.index("Most frequent")]
    counts = [int(number or 0) for number in re.findall(r'<td style="[^"]*">(\d*)</td>', matrix)]
    assert counts == [count for row in noted["confusion"] for count in row] and sum(counts) == 355


def test_the_gallery_shows_the_surest_mistakes(run: Run, page: Page):
    found = re.findall(r"(\d), taken for (\d)\s*([\d.]+) %, test image (\d+)", page.text)
    assert len(found) > 10
    sureness = [float(share) for _, _, share, _ in found]
    assert sureness == sorted(sureness, reverse=True)
    assert all(int(run.splits.test.labels[int(index)]) == int(truth) != int(taken) for truth, taken, _, index in found)


def test_the_code_in_the_report_takes_the_weights_of_the_run(finished: Path, run: Run):
    scope: dict[str, Any] = {"__name__": "model"}
    exec(compile((finished / "model.py").read_text(), "model.py", "exec"), scope)
    module = scope["Tiny"]()
    module.load_state_dict(torch.load(finished / "last.pt", weights_only=True)["model"])
    x = torch.randn(4, 1, 8, 8)
    with torch.no_grad():
        assert torch.allclose(module.eval()(x), run.network()(x), atol=1e-5)


def test_the_augmentation_code_compiles(html: str):
    page = Page(html[html.index('id="augmentation"') : html.index('id="log"')])
    assert ast.parse(page.text.partition("\n")[2]).body
    assert "RandomCrop" in page.text


def test_environment_seed_and_the_command_that_gives_the_same_again(finished: Path, page: Page):
    assert f"archbuilder train {finished}/architecture.yaml --device cpu --threads 1" in page.text
    assert "this gives the same weights, bit for bit" in page.text
    assert re.search(r"torch\s*" + re.escape(torch.__version__.split("+")[0]), page.text)
    assert NETWORK in page.text


def test_the_same_report_comes_out_again(copy: Path, finished: Path):
    (copy / "report.html").unlink()
    assert main(["report", str(copy), "--device", "cpu", "--threads", "1"]) == 0
    assert (copy / "report.html").read_text() == (finished / "report.html").read_text().replace(
        str(finished), str(copy)
    )


def test_a_readme_can_be_named(copy: Path):
    assert main(["report", str(copy), "--device", "cpu", "--readme", "https://example.org/me/readme"]) == 0
    assert {"href": "https://example.org/me/readme"} in Page((copy / "report.html").read_text()).all("a")
    assert "<https://example.org/me/readme>" in (copy / "report.md").read_text()


def test_a_report_links_to_a_page_with_its_network(copy: Path, capsys):
    """To the page that is named, else to that of the rule pack, whose link the page itself reads."""
    page = "https://example.org/net.html"
    pack = f"archbuilder_rules: 1\nname: mine\npage: {page}\nrules: [{{limit: {{of: params, bound: '< 1M'}}}}]\n"
    (copy / "mine.yaml").write_text(pack)
    text = (copy / "architecture.yaml").read_text()
    (copy / "architecture.yaml").write_text(f"{text}rules: ./mine.yaml\n")
    assert main(["report", str(copy), "--device", "cpu"]) == 0
    fields = linked(copy, page)
    assert fields["text"] == f"{text}rules: ./mine.yaml\n"
    assert fields["archbuilder"] == re.findall(r"FORM = (\d+)", ADDRESS_TS.read_text())[0]
    assert main(["report", str(copy), "--page", "my.page"]) == 2
    assert "AB864" in capsys.readouterr().err


def test_the_link_holds_the_network_that_was_trained(tmp_path: Path):
    run = shutil.copytree(FIXTURES / "overridden" / "run", tmp_path / "run")
    page = "https://example.org/net.html"
    assert main(["report", str(run), "--device", "cpu", "--threads", "1", "--page", page]) == 0
    fields = linked(run, page)
    found, facts = check_text(fields["text"]), json.loads((run / "facts.json").read_text())
    assert fields["file"] == "overridden.yaml" and found.name == "overridden"
    assert found.facts and found.facts.params == facts["totals"]["params"]


def linked(run: Path, page: str) -> dict[str, str]:
    """What the link to a page says in both reports of a run, with its text unpacked."""
    [link] = [a["href"] for a in Page((run / "report.html").read_text()).all("a") if a["href"].startswith(page)]
    assert f"<{link}>" in (run / "report.md").read_text()
    fields = dict(parse_qsl(link.partition("#")[2]))
    packed = base64.urlsafe_b64decode(fields["text"] + "==")
    return fields | {"text": zlib.decompress(packed, -zlib.MAX_WBITS).decode()}


def test_names_are_words_and_never_markup(copy: Path):
    card = json.loads((copy / "dataset.json").read_text())
    card["classes"] = [f"{number}{HOSTILE}" for number in range(10)]
    card["dataset"] = HOSTILE
    (copy / "dataset.json").write_text(json.dumps(card))
    environment = json.loads((copy / "environment.json").read_text())
    (copy / "environment.json").write_text(json.dumps({**environment, "command": HOSTILE, "platform": HOSTILE}))
    write_report(open_run(copy), CPU)
    page = Page((copy / "report.html").read_text())
    assert not page.all("script") and f"0{HOSTILE}" in page.text
    outside_code = re.sub(r"(?ms)^```+\w*$.*?^```+$", "", (copy / "report.md").read_text())
    assert "<script" not in outside_code and not re.search(r"(?<!\\)\]\(http", outside_code)
    rows = [text for text in outside_code.splitlines() if text.startswith("| 0&lt;")]
    assert rows and all(len(re.findall(r"(?<!\\)\|", row)) in (6, 12) for row in rows)


def test_control_characters_of_names_are_visible(copy: Path):
    """A class, a file or a command may have them in its name: they would turn the text around it, or steer a pager."""
    steering = "\x1b[31m\x07 \u202e cat \x00"
    card = json.loads((copy / "dataset.json").read_text())
    card["classes"] = [f"{number}{steering}" for number in range(10)]
    (copy / "dataset.json").write_text(json.dumps(card))
    environment = json.loads((copy / "environment.json").read_text())
    (copy / "environment.json").write_text(json.dumps({**environment, "command": steering, "platform": steering}))
    write_report(open_run(copy), CPU)
    for name in ("report.html", "report.md"):
        text = (copy / name).read_text()
        assert "".join(c for c in set(text) if not c.isprintable() and c not in "\n\xa0") in ("", "\t")
        assert "u202e cat" in text


def test_markdown_keeps_code_as_it_is():
    assert fenced("a\n````\nb", "text") == "`````text\na\n````\nb\n`````"
    assert escaped("a_b|c\nd <e>") == "a\\_b\\|c d &lt;e&gt;"


def test_the_pictures_of_the_markdown_are_there(finished: Path):
    names = re.findall(r"!\[[^]]*\]\(([^)]*)\)", (finished / "report.md").read_text())
    assert len(names) >= 4 and all((finished / name).is_file() for name in names)


def test_a_validation_split_is_told(tmp_path: Path):
    path = train(NETWORK, overrides=["data.validation=0.2", "train.epochs=2"], out=tmp_path, **ALONE).path
    text = Page((path / "report.html").read_text()).text
    assert "its test images were used once, after the last epoch" in text
    assert "288 for validation (cut from the training images)" in text
    assert "validation images" in text or "chosen on the validation split" in text


def test_flip_averaging_stands_apart(tmp_path: Path):
    result = train(NETWORK, overrides=["train.epochs=1", "train.tta=flip"], out=tmp_path, **ALONE)
    averaged, plain = result.last["flip_averaged_test_accuracy"], result.last["test_accuracy"]
    assert averaged != plain
    for name in ("report.html", "report.md"):
        text = Page((result.path / name).read_text()).text
        assert f"Apart from that: {averaged:.2f} % where the logits" in text and f"{plain:.2f} %" in text


def test_an_interrupted_run_can_be_reported_and_says_so(tmp_path: Path):
    def stop(record: dict[str, Any]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(Interrupted) as stopped:
        train(NETWORK, out=tmp_path, on_epoch=stop, **ALONE)
    path = stopped.value.path
    assert not (path / "report.html").exists()
    assert main(["report", str(path), "--threads", "1"]) == 0
    assert "This run is not finished: 1 of 3 epochs are trained" in (path / "report.html").read_text()


@pytest.mark.parametrize(("logged", "kept"), [(3, 2), (1, 2), (0, 2), (2, 3)])
def test_after_a_kill_the_epochs_are_those_of_the_weights(logged: int, kept: int, copy: Path):
    """A kill may come between the checkpoint and the log, and a disk may lose the newer of them."""
    (copy / "weights.safetensors").unlink()
    if kept == 2:
        (copy / "last-1.pt").replace(copy / "last.pt")
    lines = (copy / "metrics.jsonl").read_text().splitlines(keepends=True)
    (copy / "metrics.jsonl").write_text("".join(lines[:logged]))
    outcome = write_report(open_run(copy), CPU)
    assert json.loads((copy / "evaluation.json").read_text())["epoch"] == kept
    text = Page((copy / "report.html").read_text()).text
    assert (f"{kept} of 3 epochs are trained" in text) == (kept < 3)
    assert f"epoch {kept + 1}" not in text and line(json.loads(lines[kept - 1]), 3) in text
    assert (
        "with the same result as in the log" in text
        and outcome.accuracy == json.loads(lines[kept - 1])["test_accuracy"]
    )


@pytest.mark.raises_code("AB761")
def test_a_report_that_fails_does_not_cost_the_run(tmp_path: Path, monkeypatch, capsys):
    def fail(*_: Any) -> None:
        raise OSError("the disk\nhas gone")

    monkeypatch.setattr("archbuilder.evidence.report.write_report", fail)
    result = train(NETWORK, overrides=["train.epochs=1"], out=tmp_path, **ALONE)
    said = capsys.readouterr()
    assert result.last["epoch"] == 1 and (result.path / "weights.safetensors").exists()
    assert "AB761 the run is finished, but its report could not be written" in said.err
    assert f"archbuilder report {result.path}" in said.err and evidence.REPORT not in said.out
    monkeypatch.undo()
    train(resume=result.path)  # nothing to train, but what is missing is made up for
    assert (result.path / "report.html").exists()


def test_without_a_report_there_is_none(tmp_path: Path):
    path = train(NETWORK, overrides=["train.epochs=1"], out=tmp_path, report=False, **ALONE).path
    train(resume=path)
    assert not {found.name for found in path.iterdir()} & FILES


def images_file(path: Path, classes: int, clear: bool) -> Path:
    """Ten images of each class: of one level that tells the class, or of noise."""
    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(classes), 10)
    levels = np.broadcast_to((labels * (255 // classes))[:, None, None, None], (len(labels), 8, 8, 1))
    images = levels if clear else random.integers(0, 256, levels.shape)
    pixels = images.astype(np.uint8)
    np.savez(path, x_train=pixels, y_train=labels, x_test=pixels, y_test=labels)
    return path


def test_many_classes_have_their_matrix_as_a_picture(tmp_path: Path):
    file = images_file(tmp_path / "many.npz", 25, clear=False)
    text = NETWORK.replace("classes: 10", "classes: 25").replace("digits", str(file))
    path = train(text, overrides=["train.epochs=1"], out=tmp_path, **ALONE).path
    page = Page((path / "report.html").read_text())
    assert "A row of pixels for each true class" in page.text and not re.search("confusion", str(page.all("table")))
    (source,) = [image["src"] for image in page.all("img") if image["alt"] == "confusion matrix"]
    with Image.open(io.BytesIO(base64.b64decode((source or "").partition(",")[2]))) as picture:
        assert picture.size == (25, 25)
    outcome = json.loads((path / "evaluation.json").read_text())
    assert np.sum(outcome["confusion"]) == outcome["images"] == 250


def test_a_network_without_mistakes_has_no_gallery(tmp_path: Path):
    file = images_file(tmp_path / "clear.npz", 2, clear=True)
    text = NETWORK.replace("classes: 10", "classes: 2").replace("digits", str(file))
    path = train(
        text, overrides=["train.epochs=20", "data.batch_size=5", "data.augment=[]"], out=tmp_path, **ALONE
    ).path
    assert json.loads((path / "evaluation.json").read_text())["right"] == 20
    assert "None: every test image is right." in Page((path / "report.html").read_text()).text
    assert not (path / "mistakes.png").exists() and "mistakes.png" not in (path / "report.md").read_text()
