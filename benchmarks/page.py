"""What the page of `archbuilder page` takes, in a browser without a screen, against what it must take.

    python benchmarks/page.py [--runs 3]

- its start, from opening the file to the first facts, against a bare page that loads the same Pyodide and imports
  pydantic, in turn: both as they come, and, for what the front end and the analyser add, compiled as the page's are;
- a check in the page against the same check by CPython with the same pure-Python YAML;
- a network of 1,000 layers, and the size of the file.

Of each the least of several is taken: whatever else the machine does only adds to it.

Needs Chromium, the package playwright, and the parts of a page.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from archbuilder.live import bytecode
from archbuilder.live.page import page
from archbuilder.live.page_parts import fetched
from archbuilder.pipeline import check

ROOT = Path(__file__).parent.parent
NETWORK = ROOT / "architectures" / "c1c2c3c40.yaml"
START = re.compile(r"from archbuilder\.live import answer_json\nanswer_json\n")
BARE = """<!doctype html><title>bare</title><body>{parts}<script>
const blocks = [...document.querySelectorAll("script[data-part]")];
const {{worker: source, ...parts}} = Object.fromEntries(blocks.map((block) => [block.dataset.part, block.textContent]));
const worker = new Worker(URL.createObjectURL(new Blob([source], {{type: "text/javascript"}})));
worker.onmessage = ({{data}}) => {{
  const words = {{id: data.ready ? "done" : "failed", textContent: JSON.stringify(data)}};
  document.body.append(Object.assign(document.createElement("p"), words));
}};
worker.postMessage({{parts}});
</script>"""
# the worker of the page, kept by a script that runs before it
KEEP = "window.kept = []; window.Worker = class extends Worker { constructor(...a) { super(...a); kept.push(this); } };"
ASK = """async ([text, times]) => {
  const took = [];
  for (let i = 0; i < times; i++) {
    const question = JSON.stringify({ask: "check", file: "net.yaml", text: text + "\\n# " + Math.random()});
    const start = performance.now();
    await new Promise((done) => {
      const hear = ({data}) => { if (data.id === -1) { kept[0].removeEventListener("message", hear); done(); } };
      kept[0].addEventListener("message", hear);
      kept[0].postMessage({id: -1, question});
    });
    took.push(performance.now() - start);
  }
  return took;
}"""
CPYTHON = """\
import json, sys, time, yaml
del yaml.CSafeLoader  # as in a browser
from archbuilder.live import answer_json
text, times = json.load(sys.stdin)
took = []
for number in range(times):
    question = json.dumps({"ask": "check", "file": "net.yaml", "text": f"{text}\\n# {number}"})
    start = time.perf_counter()
    answer_json(question)
    took.append((time.perf_counter() - start) * 1000)
print(json.dumps(took))
"""


def thousand() -> str:
    """A network of 1,000 layers, in stages."""
    stage = "  - stage: {{name: s{0}, blocks: [{{repeat: {{times: 33, blocks: [{{conv: 8}}]}}}}]}}\n"
    return "archbuilder: 1\ninput: [3, 16, 16]\nnetwork:\n" + "".join(map(stage.format, range(10))) + "  - conv: 8\n"


def bare(made: str) -> str:
    """The page without front end and analyser: it imports pydantic, and that is all."""
    blocks = re.findall(r'<script type="text/plain" data-part="[^"]+">[^<]*(?:<(?!/script)[^<]*)*</script>', made)
    text = START.sub("from pydantic import BaseModel\nlambda question: question\n", "\n".join(blocks))
    return BARE.format(parts=text)


def opening(browser, file: Path, ready: str):
    """A page, and the seconds until it is ready."""
    opened = browser.new_page()
    opened.add_init_script(KEEP)
    start = time.perf_counter()
    opened.goto(file.as_uri())
    opened.wait_for_selector(ready, timeout=120_000)
    return opened, time.perf_counter() - start


def cpython(text: str, times: int) -> float:
    """Milliseconds of a check by this Python."""
    command = [sys.executable, "-c", CPYTHON]
    done = subprocess.run(command, input=json.dumps([text, times]), capture_output=True, text=True, check=True)
    return min(json.loads(done.stdout))


def told(name: str, words: str, value: float, bound: float) -> None:
    print(f"{name:44} {words:>22} {value:6.2f}   at most {bound:5.2f}  {'ok' if value <= bound else 'MISSED'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=3, help="how often both pages are opened, in turn")
    parser.add_argument("--checks", type=int, default=30, help="checks of which the least is taken")
    args = parser.parse_args()
    from playwright.sync_api import sync_playwright

    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    made = page(check(NETWORK), NETWORK.read_text(), fetched())
    node, bytecode.node = bytecode.node, lambda: None
    plain = page(check(NETWORK), NETWORK.read_text(), fetched())
    bytecode.node = node
    with tempfile.TemporaryDirectory() as name, sync_playwright() as play:
        pages = {"own": (made, ".state.ok"), "bare": (bare(plain), "#done"), "compiled": (bare(made), "#done")}
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage"])
        starts: dict[str, list[float]] = {each: [] for each in pages}
        for _ in range(args.runs):
            for each, (html, ready) in pages.items():
                file = Path(name) / f"{each}.html"
                file.write_text(html)
                opened, seconds = opening(browser, file, ready)
                starts[each].append(seconds)
                opened.close()
        first, least, compiled = (min(starts[each]) for each in ("own", "bare", "compiled"))
        opened, _ = opening(browser, Path(name) / "own.html", ".state.ok")
        here = min(opened.evaluate(ASK, [NETWORK.read_text(), args.checks]))
        there = cpython(NETWORK.read_text(), args.checks)
        large = min(opened.evaluate(ASK, [thousand(), max(3, args.checks // 10)]))
        browser.close()
    megabytes = len(made.encode()) / 1e6
    told("first facts, against Pyodide with pydantic", f"{first:.2f} s / {least:.2f} s =", first / least, 1.3)
    print(f"{'    against both compiled':44} {f'{first:.2f} s / {compiled:.2f} s =':>22} {first / compiled:6.2f}")
    told("a check, against CPython", f"{here:.1f} ms / {there:.1f} ms =", here / there, 4)
    told("a check of 1,000 layers, seconds", "", large / 1000, 0.8)
    told("the file, MB", "", megabytes, 13)


if __name__ == "__main__":
    main()
