"""The page as somebody meets it: opened from a disk in a browser that has no network."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from archbuilder.live.page import page as made_page
from archbuilder.pipeline import check
from tests.live.pages import packed

pytestmark = [pytest.mark.needs("browser"), pytest.mark.timeout(240)]

ROOT = Path(__file__).parent.parent.parent
NETWORK = ROOT / "architectures" / "c1c2c3c40.yaml"
SIX_LINES = ROOT / "examples" / "six_lines.yaml"
WAIT = 60_000  # milliseconds: other tests run at the same time
# so that a test can see, and end, the workers of a page
NOTE_WORKERS = """
window.workers = [];
window.Worker = class extends Worker { constructor(...given) { super(...given); window.workers.push(this); } };
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> str:
    file = tmp_path_factory.mktemp("page") / "net.html"
    file.write_text(made_page(check(NETWORK), NETWORK.read_text(), packed()))
    return file.as_uri()


@pytest.fixture(scope="module")
def browser():
    sync = pytest.importorskip("playwright.sync_api")
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def opened(browser, address):
    """One page for all tests: its start takes seconds.  What it asked for from outside, and its faults, are noted."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, offline=True, color_scheme="light")
    context.set_default_timeout(WAIT)
    context.add_init_script(NOTE_WORKERS)
    page = context.new_page()
    page.asked, page.faults = [], []
    page.on("request", lambda request: page.asked.append(request.url))
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.on("console", lambda message: message.type == "error" and page.faults.append(message.text))
    page.goto(address)
    page.wait_for_selector(".state.ok")
    yield page
    context.close()


@pytest.fixture
def page(opened, tmp_path) -> Iterator:
    """The page with the network in its editor, as it was opened."""
    give(opened, NETWORK)
    opened.wait_for_selector(".state.ok")
    opened.click("#tab-drawing")
    yield opened
    assert opened.faults == []
    assert [url for url in opened.asked if not url.startswith(("file:", "blob:", "data:"))] == []


def give(page, file: Path) -> None:
    page.set_input_files("header input[type=file]", file)
    said = page.locator(f'.notice:has-text("{file.name} is in the editor")')
    said.locator('[aria-label="Dismiss"]').click()


def line_of(page, text: str):
    return page.locator(".cm-line", has_text=text).first


def test_the_facts_are_those_of_check(page):
    facts = check(NETWORK).facts
    assert facts
    assert page.inner_text(".figure dd >> nth=0") == f"{facts.params:,}"
    assert page.inner_text(".figure:has-text('Receptive field') dd >> nth=0") == str(facts.field.size[0])
    assert "20x32x32 · 580 · RF 3" in line_of(page, "conv: {out: width}").inner_text()
    page.click("#tab-layers")
    assert page.locator(".layers tbody tr").count() == 22
    page.click('.layers th button:has-text("params")')
    assert "C3.strided" in page.inner_text(".layers tbody tr >> nth=0")
    assert page.locator('.layers th[aria-sort="descending"]').count() == 1


def test_a_mistake_is_shown_in_its_place_and_mended(page):
    line_of(page, "dilated: {out: width").click()
    page.keyboard.press("Home")
    for _ in range(len("- dilated")):
        page.keyboard.press("ArrowRight")
    page.keyboard.type("x")
    page.wait_for_selector(".state.bad")
    assert page.inner_text(".cm-lintRange-error") == "dilatedx"
    assert page.locator(".figure").count() and page.locator(".facts.old").count() == 1
    page.wait_for_selector('.aside:has-text("this is what can be drawn of it")')
    page.click('.findings button:has-text("dilated")')
    page.wait_for_selector('.findings button:has-text("Write dilated")')
    page.click('.findings button:has-text("Write dilated")')
    page.wait_for_selector(".state.ok")
    page.click('.notice button:has-text("Undo")')
    page.wait_for_selector(".state.bad")
    page.click('.findings button:has-text("AB101")')
    page.wait_for_selector('dialog h2:has-text("AB101")')
    page.keyboard.press("Escape")


def test_boxes_rows_and_lines_are_tied(page):
    page.locator(".box", has_text="strided").first.click()
    assert "strided: {out: 2 * width}" in page.inner_text(".cm-line.cm-chosen")
    line_of(page, "dilated: {out: width").click()
    page.wait_for_selector('.box.chosen:has-text("dilated")')
    page.click("#tab-layers")
    assert page.inner_text(".layers tr.chosen th").startswith("C1.dilated")
    page.hover('.layers tr:has-text("C1.conv")')
    assert "conv: {out: width}" in page.inner_text(".cm-line.cm-pointed")


def test_stages_and_repeats_fold_by_mouse_and_keys(page):
    boxes = page.locator(".box").count()
    page.click('[data-fold="C2"]')
    page.wait_for_selector('.box.is-folded:has-text("C2")')
    assert page.locator(".box").count() < boxes
    page.locator(".box").first.focus()
    for _ in range(20):
        if page.evaluate("document.activeElement.classList.contains('is-folded')"):
            break
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_selector('[data-fold="C2"]')
    page.wait_for_selector('.box:has-text("depthwise_separable.pointwise")')
    assert page.locator(".box").count() == boxes


def test_a_file_that_misses_a_limit_is_brought_within_it(page):
    give(page, SIX_LINES)
    page.wait_for_selector(".state.bad")
    assert "missed by 15" in page.inner_text(".budget.missed")
    page.click(".budget.missed")
    assert (
        "receptive_field" in page.evaluate("getSelection().toString()")
        or page.locator(".cm-selectionBackground").count()
    )
    page.click('button:has-text("Find edits that mend it")')
    page.click(".suggestion >> nth=0 >> button:has-text('Apply')")
    page.wait_for_selector(".state.ok")
    page.click('.notice button:has-text("Undo")')
    page.wait_for_selector(".state.bad")


def test_field_and_memory_by_the_keyboard(page):
    page.keyboard.press("Alt+3")
    page.wait_for_selector('.field .words:has-text("A unit sees")')
    page.focus(".field input[type=range]")
    page.keyboard.press("Home")
    page.wait_for_selector('.field .words:has-text("A unit sees 3 × 3 pixels")')
    page.keyboard.press("Alt+4")
    page.wait_for_selector('.memory:has-text("peak 160.0 KiB")')


def test_the_list_to_start_from_is_there_at_once(page):
    page.click('button:has-text("New…")')
    page.wait_for_selector('.start .card:has-text("quickstart")', timeout=WAIT)
    assert page.locator(".start .card").count() > 20
    page.wait_for_selector('.start .card:has-text("tiny") i:has-text("49,954 parameters")')
    page.click('.start .card:has-text("tiny")')
    page.wait_for_selector('.figure dd:has-text("49,954")')
    assert page.input_value("input.file") == "tiny.yaml"
    page.click('.notice button:has-text("Undo")')
    page.wait_for_selector('.cm-line:has-text("name: c1c2c3c40")')


def test_a_first_file_is_written_within_a_budget(page):
    page.click('button:has-text("New…")')
    page.fill(".start input[name=params]", "10")
    page.click('.start button:has-text("Write a first file")')
    page.wait_for_selector('.start [role=alert]:has-text("smallest network")')
    assert page.evaluate("document.activeElement.name") == "params"
    page.fill(".start input[name=params]", "50k")
    page.fill(".start input[name=name]", "mine")
    page.click('.start button:has-text("Write a first file")')
    page.wait_for_selector('.cm-line:has-text("name: mine")')
    page.wait_for_selector('.figure dd:has-text("172,910")', state="detached")
    page.wait_for_selector(".state.ok")
    assert 0 < int(page.inner_text(".figure dd >> nth=0").replace(",", "")) < 50_000


def test_two_files_are_compared(page):
    page.click("#tab-compare")
    page.wait_for_selector('.compare h3:has-text("The blocks are the same")')
    line_of(page, "classes: 10").click()
    page.keyboard.press("End")
    line_of(page, "- conv: {out: width}").click()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    page.keyboard.type(", kernel: 5")
    page.wait_for_selector(".compare tr.changed")
    assert "C1.conv" in page.inner_text(".compare tr.changed")
    page.click(".compare tr.changed .link")
    assert "kernel: 5" in page.inner_text(".cm-line.cm-activeLine")
    page.select_option(".compare select", "quickstart")
    page.wait_for_selector('.compare th:has-text("quickstart")')


def test_a_large_and_a_hostile_file(page, tmp_path):
    many = tmp_path / "many.yaml"
    many.write_text(
        "archbuilder: 1\ninput: [3, 8, 8]\nnetwork:\n"
        + "".join(f"  - conv: {{out: 8, name: c{n}}}\n" for n in range(334))
    )
    give(page, many)
    page.wait_for_selector('.figure dd:has-text("1,002")')
    page.wait_for_selector('.box:has-text("c333")')
    huge = tmp_path / "huge.yaml"
    huge.write_text("# " + "x" * 5_500_000)
    give(page, huge)
    page.wait_for_selector('.findings:has-text("the file is larger than")')
    page.wait_for_selector('.notice:has-text("cannot keep a draft")')
    hostile = tmp_path / "hostile.yaml"
    hostile.write_text(
        'archbuilder: 1\ninput: [3, 8, 8]\nnetwork: [{conv: {out: 8, name: "<img src=x onerror=workers.push(0)>"}}]\n'
    )
    workers = page.evaluate("workers.length")
    give(page, hostile)
    page.wait_for_selector('.findings:has-text("<img src=x")')
    assert page.evaluate("workers.length") == workers and page.locator("#app img").count() == 0


@pytest.mark.needs("time")
def test_typing_does_not_wait_for_the_largest_file(page, tmp_path):
    """12,000 layers in 4 MB: what is typed while they are checked is there at once, and in the facts in the end."""
    largest = tmp_path / "largest.yaml"
    layers = "".join(f"  - conv: {{out: 8, name: c{n}}} # {'x' * 900}\n" for n in range(4000))
    largest.write_text(f"archbuilder: 1\ninput: [3, 8, 8]\nname: largest\nnetwork:\n{layers}")
    give(page, largest)
    page.wait_for_selector('.figure dd:has-text("12,000")')
    line_of(page, "name: largest").click()
    page.keyboard.press("End")
    answered = "workers[0].heard = 0; workers[0].addEventListener('message', () => workers[0].heard++)"
    page.evaluate(answered)
    page.keyboard.type("_of_all:")
    assert line_of(page, "name: largest_of_all:").count() == 1
    assert page.evaluate("workers[0].heard") <= 1  # most of it was typed while the analyser was still at work
    page.wait_for_selector(".state.bad")
    page.keyboard.press("Backspace")
    page.wait_for_selector(".state.ok")
    assert page.locator('.figure dd:has-text("12,000")').count() == 1


def test_a_worker_that_dies_costs_no_text(page):
    page.evaluate("workers[0].dispatchEvent(new ErrorEvent('error', {message: 'out of memory'}))")
    page.wait_for_selector('.state:has-text("out of memory")')
    line_of(page, "classes: 10").click()
    page.keyboard.press("End")
    page.keyboard.type("0")
    page.wait_for_selector('.findings:has-text("cifar10 has 10 classes, but the network has 100")')
    assert line_of(page, "classes: 100").count() == 1


def test_a_network_is_a_link(page, browser, address):
    line_of(page, "name: c1c2c3c40").click()
    page.keyboard.press("End")
    page.keyboard.type("_mine")
    page.click('header button:has-text("Share")')
    page.wait_for_selector('.notice:has-text("fragment is copied")')
    link = page.url
    assert re.search(r"#archbuilder=1&by=[\d.]+&file=c1c2c3c40\.yaml&text=", link)
    context = browser.new_context(offline=True, color_scheme="dark", viewport={"width": 390, "height": 844})
    other = context.new_page()
    other.goto(link)
    other.wait_for_selector('.cm-line:has-text("name: c1c2c3c40_mine")')
    assert other.evaluate("document.documentElement.scrollWidth") <= 390
    assert other.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(15, 18, 22)"
    for fragment, words in {
        link.partition("#")[2][:-9]: "This link is broken",
        "archbuilder=1&text=!!": "This link is broken",
        "archbuilder=2&by=9.0&text=x": "of form 2 (archbuilder 9.0), which this page does not know",
    }.items():
        other.evaluate("fragment => { location.hash = fragment }", fragment)
        other.wait_for_selector(f'.notice:has-text("{words}")')
        assert other.locator('.cm-line:has-text("name: c1c2c3c40_mine")').count() == 1
    context.close()
