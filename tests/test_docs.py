"""Commands and snippets of the documentation are run, page by page, in a folder like a clone; some are only parsed.

What a page may say, and what is done with it:

    ```console   Commands.  After `$ ` a command whose output follows, which must be what it prints: `...` stands for
                 anything, seconds for any.  Without `$ ` a line is a command that must end well.
    ```python    Run, the blocks of a page one after the other in one namespace.
    ```yaml      A network whose findings the page speaks of; single sections or blocks are completed to one.
    ```json      Parsed, as ```bash is by the shell.  What is in other languages is only shown.
    <!-- file: net.yaml -->     The block after it is a file, which later commands of the page find.
    not run by the tests: ...   In the comment of a line, or in the paragraph before a block (*Not run ...*), so that a
                                reader sees it: the command is only parsed.  It must say why.

Commands that take long, or need a repository, are only parsed, too: ELSEWHERE names the tests that run them, or what
they call.  Of `pip install` only the extras are looked up.

A training ends after one epoch of a few digits; RUN, and a run of some date, are the newest one.
"""

from __future__ import annotations

import configparser
import contextlib
import csv
import io
import json
import re
import runpy
import shlex
import shutil
import statistics
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import yaml
from PIL import Image

import archbuilder
from archbuilder.cli import GROUPS, _parser, main
from archbuilder.pipeline import check
from archbuilder.spec.architecture import Architecture

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
GENERATED = {"codes.md", "language.md"}  # their examples have tests of their own
PAGES = [ROOT / "README.md", *(path for path in sorted(DOCS.rglob("*.md")) if path.name not in GENERATED)]
QUICK = "--set train.epochs=1 --set data.dataset=digits --set data.subset=64 --set data.batch_size=32".split()
SHORT = {  # what a command that trains gets besides, so that it ends soon
    "train": [*QUICK, "--device", "cpu", "--no-report"],
    "overfit": [*QUICK, "--steps", "2"],
    "lr-find": [*QUICK, "--steps", "4"],
}
NETWORK = (ROOT / "architectures" / "quickstart.yaml").read_text().replace("name: quickstart", "name: net")
ELSEWHERE = {  # what is only parsed here: the test that runs it, or the function behind it, and the call there
    r"archbuilder compare --against": ("compare/test_against.py", 'main(["compare", "--against", "main"]) == 1'),
    r"archbuilder blocks \S+ --test": ("test_own_block.py", 'main(["blocks", "double_conv", "--test"'),
    r"archbuilder export .*--to onnx": ("importers/test_weights.py", 'main(["export", "net.yaml", "--to", "onnx"'),
    r"archbuilder export .*--to torch": (
        "opening/test_commands.py",
        'program("export", wide, "--to", "torch", "--out"',
    ),
    r"archbuilder page ": ("live/test_page.py", "= page(None, text, packed()"),
    r"archbuilder search (?!.*--dry-run)": ("search/test_course.py", "search.start(check(file), HERE"),
    r"archbuilder sweep (?!.*--dry-run)": ("search/test_course.py", 'main(["sweep", *short'),
    r"archbuilder train .*--repeat": (
        "training/test_repeat.py",
        'main(["train", str(tmp_path / "net.yaml"), "--repeat"',
    ),
    r"torchrun ": ("training/test_several.py", 'crew(2, tmp_path, "train", "net.yaml"'),
}
FINDS = (  # commands that end with 1, for what they find here; all others end with 0
    r"archbuilder check architectures(/seeds)?\s",  # students' networks that miss limits
    r"archbuilder check submissions/",
    r"archbuilder check \S+ --set vars.width=24 --strict",
    r"archbuilder check RUN +# the rules again",  # its goal, after an epoch of digits
    r"archbuilder overfit ",  # after two steps
)
SHELL = {"cat", "cp", "mkdir"}  # other programs that a page may call
NOT_RUN = re.compile(r"[Nn]ot run by the tests: \w+ \w+|Ctrl-C ends it|starts it, you need not")
FENCE = re.compile(
    r"(?P<before>(?:^(?!```)[^\n]+\n)*\n*)^```(?P<language>[\w{}-]*)[^\n]*\n(?P<text>.*?)^```$", re.M | re.S
)
NUMBER = r"(?<![#\w])-?\d+(?:\.\d+)?"
SMALL = {"archbuilder": 1, "input": [3, 32, 32], "classes": 10, "network": ["gap", "classifier"]}


@dataclass(frozen=True)
class Block:
    language: str
    text: str
    file: str | None  # that it is
    unrun: bool


@dataclass(frozen=True)
class Command:
    line: str
    shown: str | None  # its output
    unrun: bool


def blocks(page: Path) -> Iterator[Block]:
    for found in FENCE.finditer(page.read_text(encoding="utf-8")):
        file = re.search(r"<!-- file: (\S+) -->\s*\Z", found["before"])
        unrun = found["before"].startswith("*") and NOT_RUN.search(found["before"])
        yield Block(found["language"], found["text"], file and file[1], bool(unrun))


def commands(block: Block) -> Iterator[Command]:
    text = re.sub(r"\\\n\s*", "", block.text)
    if not text.startswith("$ "):
        for line in filter(None, text.splitlines()):
            yield Command(line, None, block.unrun or bool(NOT_RUN.search(line.partition("#")[2])))
        return
    for session in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        line, _, shown = session.partition("\n")
        yield Command(line, shown, block.unrun)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    options: dict[str, Any] = {"device": "cpu", "report": False, "out": folder}
    (folder / "net.yaml").write_text(NETWORK)
    archbuilder.train(folder / "net.yaml", overrides=QUICK[1::2], **options)
    (folder / "net.yaml").unlink()
    return folder


class Place:
    """A folder in which the commands of a page are run."""

    def __init__(self, folder: Path, trained: Path) -> None:
        self.folder, self._trained = folder, trained
        for name in ("architectures", "examples", "benchmarks"):
            (folder / name).symlink_to(ROOT / name)
        (folder / "net.yaml").write_text(NETWORK)
        for name in ("photo.jpg", "photo.png", "cat.png", *(f"photos/{n % 2}/{n}.png" for n in range(4))):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (40, 30), "teal").save(folder / name)
        shutil.copytree(trained, folder / "submissions" / "one" / "runs")

    def run(self, command: Command) -> tuple[int, str]:
        """(exit status, output)"""
        program, *words = shlex.split(command.line, comments=True)
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            if program == "archbuilder":
                if words[0] == "runs":
                    self.known("RUN")
                assert words[0] not in GROUPS["edit"] or words[0] == "schema", f"it would not end: {command.line}"
                given = [each for word in words for each in self._expanded(word)]
                return main([*map(self.known, given), *self._short(words)]), said.getvalue()
            if program == "python" and words[0].endswith(".py"):
                runpy.run_path(words[0], run_name="__main__")
                return 0, said.getvalue()
        assert program in SHELL, f"{program} is no program that the tests run: {command.line}"
        done = subprocess.run([program, *words], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def _expanded(self, word: str) -> list[str]:
        """A word as the shell gives it to a program."""
        if not word.startswith("submissions/"):
            return [word]
        found = [str(path.relative_to(self.folder)) for path in self.folder.glob(word)]
        assert found, word
        return found

    @staticmethod
    def _short(words: list[str]) -> list[str]:
        if words[:2] == ["data", "prepare"]:
            return ["--data-dir", "data"]
        if words[0] not in SHORT or {"--resume", "--dry-run", "--help"} & set(words):
            return []
        return SHORT[words[0]]

    def known(self, word: str) -> str:
        """RUN, or a run of some date, is one that is here; NAME is a trained network."""
        if word == "NAME":
            return "tiny"
        found = re.fullmatch(r"(RUN|(?:runs|searches)/[\w.-]+/[\dT-]+)(.*)", word)
        if not found:
            return word
        here = [path for path in (self.folder / found[1].partition("/")[0]).glob("*/*") if path.is_dir()]
        if not here and not found[1].startswith("searches"):
            shutil.copytree(self._trained, self.folder / "runs", dirs_exist_ok=True)
        runs = here or list((self.folder / "runs").glob("*/*"))
        return str(max(runs, key=lambda path: path.stat().st_mtime)) + found[2]


def parsed(line: str) -> None:
    """A command that is not run is one that could be."""
    line = re.sub(r"^.*\btorchrun .*? -m (?=archbuilder)", "", line)
    program, *words = shlex.split(line.partition("||")[0], comments=True)
    if program == "archbuilder":
        _parser(words).parse_args(words)


def installs(line: str) -> bool:
    """Whether it is pip's; then what it installs exists."""
    found = re.search(r"\bpip install .*\.\[([\w,]+)\]", line)
    if found:
        config = configparser.ConfigParser()
        config.read(ROOT / "setup.cfg", encoding="utf-8")
        assert set(found[1].split(",")) <= set(config["options.extras_require"]), line
    return "pip install" in line


def is_only_parsed(command: Command) -> bool:
    return installs(command.line) or command.unrun or any(re.match(each, command.line) for each in ELSEWHERE)


def alike(text: str) -> str:
    return re.sub(r"\b\d+(\.\d+)? s\b", "_ s", text).strip()


def is_said(shown: str, said: str) -> bool:
    """Whether `said` is what is shown, `...` standing for anything."""
    parts = [re.escape(part) for part in re.split(r"\n?^\.\.\.$\n?|\.\.\.", alike(shown), flags=re.MULTILINE)]
    return re.fullmatch(r".*?".join(parts), alike(said), re.DOTALL) is not None


def is_well(command: Command, status: int, said: str) -> bool:
    if command.shown is not None:
        return is_said(command.shown, said)
    return status == int(any(re.match(each, command.line) for each in FINDS))


def judge_yaml(text: str, page: str) -> None:
    found = yaml.safe_load(text)
    if isinstance(found, list):
        found = {"network": [*found, "gap", "classifier"]}
    if {"archbuilder", "network"} <= found.keys() or "extends" in found:
        assert [str(d) for d in check(text).diagnostics if d.code.id not in page] == []
    elif found.keys() <= Architecture.model_fields.keys():
        report = check(yaml.safe_dump(SMALL | found))
        assert [d for d in report.diagnostics if d.severity == "error" and not d.code.verdict] == [], text


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_page_says_is_so(page: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    place, names = Place(tmp_path, trained), {"__name__": "__main__"}
    for block in blocks(page):
        if block.file:
            assert f"`{block.file}`" in page.read_text(encoding="utf-8").partition(f"<!-- file: {block.file} -->")[0]
            (tmp_path / block.file).write_text(block.text, encoding="utf-8")
        elif block.language == "console":
            for command in commands(block):
                if is_only_parsed(command):
                    parsed(command.line)
                    continue
                status, said = place.run(command)
                assert is_well(command, status, said), f"{command.line}\n{said}"
        elif block.language == "python" and not block.unrun:
            text = block.text.replace('"RUN"', repr(place.known("RUN")))
            exec(compile(text, str(page), "exec"), names)
        elif block.language == "yaml":
            judge_yaml(block.text, page.read_text(encoding="utf-8"))
        elif block.language == "json":
            json.loads(block.text)
        elif block.language == "bash":
            subprocess.run(["bash", "-n"], input=block.text, text=True, check=True)


def test_every_command_has_its_place():
    page = (DOCS / "commands.md").read_text(encoding="utf-8")
    assert re.findall(r"^### (\S+)\n\n(?:.+\n)+\n```\{command\} (\S+)$", page, re.MULTILINE) == [
        (word, word) for words in GROUPS.values() for word in words
    ]


def test_start_installs_as_the_readme_does():
    (shown,) = (block.text for block in blocks(DOCS / "start.md") if block.language == "bash")
    trained, _ = (block.text for block in blocks(ROOT / "README.md") if block.language == "bash")
    assert trained == f"{shown.strip()} && archbuilder train architectures/quickstart.yaml\n"


def test_what_is_run_elsewhere_is():
    for test, call in ELSEWHERE.values():
        assert call in (ROOT / "tests" / test).read_text(encoding="utf-8"), call


def test_most_commands_are_run():
    all = [each for page in PAGES for block in blocks(page) if block.language == "console" for each in commands(block)]
    assert len(all) > 100 and sum(map(is_only_parsed, all)) < 0.25 * len(all)


def seen(picture: Path) -> tuple[object, list[float]]:
    """What can be compared: of an SVG its words and its numbers, of a PNG its size and its pixels on 16x16."""
    if picture.suffix == ".svg":
        text = re.sub(r"<metadata>.*?</metadata>|\b[mp][0-9a-f]{10}\b", "", picture.read_text(), flags=re.DOTALL)
        return re.sub(NUMBER, "_", text), [float(number) for number in re.findall(NUMBER, text)]
    with Image.open(picture) as image:
        small = image.convert("L").resize((16, 16))
        return image.size, [float(level) for level in small.tobytes()]


def test_pictures_are_those_that_the_pages_show(tmp_path: Path):
    with contextlib.redirect_stdout(io.StringIO()):
        runpy.run_path(str(DOCS / "pictures.py"))["draw"](tmp_path)
    drawn = {path.name for path in tmp_path.iterdir()}
    assert drawn == {path.name for path in (DOCS / "pictures").iterdir()}
    for name in drawn:
        now, kept = seen(tmp_path / name), seen(DOCS / "pictures" / name)
        assert now[0] == kept[0] and now[1] == pytest.approx(kept[1], abs=1), f"{name}: python docs/pictures.py"
    shown = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert [name for name in drawn if f"pictures/{name})" not in shown] == []


def test_the_table_of_the_readme_is_that_of_the_curve():
    """Each figure that the front door promises is the mean of measured runs."""
    runs: dict[str, list[dict[str, str]]] = {}
    with (ROOT / "benchmarks" / "curve.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            runs.setdefault(row["network"], []).append(row)
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.findall(r"^\| `(\w+)` \| ([\d.]+) .*?\((\d) seeds?\) \| (\d+) min (\d+) s \|", text, re.MULTILINE)
    assert {network for network, *_ in shown} == runs.keys()
    for network, accuracy, seeds, minutes, seconds in shown:
        own = runs[network]
        assert int(seeds) == len(own)
        assert f"{statistics.mean(float(row['accuracy']) for row in own):.2f}" == accuracy
        assert round(statistics.mean(float(row["seconds"]) for row in own)) == 60 * int(minutes) + int(seconds)


class Links(HTMLParser):
    """The links of a page, and what they can lead to."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.links, self.anchors = set[str](), set[str]()
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.anchors |= {value for key in ("id", "name") if (value := found.get(key))}
        self.links |= {value for key in ("href", "src") if (value := found.get(key))}


def test_links_of_markdown_lead_to_files():
    """As a reader of the repository follows them; those between pages of the site it checks itself, anchors and all."""
    for page in [*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "architectures").rglob("*.md")]:
        text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
        for link in re.findall(r"\]\((?!\w+:|#)([^)#\s]+)", text):
            assert (page.parent / link).exists(), f"{page.relative_to(ROOT)}: {link}"


@pytest.mark.needs("docs")
def test_the_site_is_built_without_a_warning_and_no_link_leads_nowhere(tmp_path: Path):
    from sphinx.cmd.build import main as sphinx

    site = tmp_path / "site"
    assert sphinx(["-W", "--keep-going", "-q", "-d", str(tmp_path / "trees"), str(DOCS), str(site)]) == 0
    pages = {path: Links(path) for path in site.rglob("*.html") if path.name != "playground.html"}  # of its own
    assert {path.relative_to(DOCS).with_suffix(".html") for path in DOCS.rglob("*.md")} <= {
        path.relative_to(site) for path in pages
    }
    for page, found in pages.items():
        for link in found.links:
            if re.match(r"\w+:|//", link):
                continue
            name, _, anchor = unquote(link).partition("#")
            target = (page.parent / name.partition("?")[0]).resolve() if name else page
            assert target.exists(), f"{page.name}: {link}"
            assert not anchor or target not in pages or anchor in pages[target].anchors, f"{page.name}: {link}"
