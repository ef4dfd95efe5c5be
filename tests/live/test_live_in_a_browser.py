"""`archbuilder live` in a real browser: what is typed, saved, changed on the disk, trained; a server that is gone."""

import asyncio
import shutil
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect, sync_playwright

from archbuilder.live.folder import Folder
from archbuilder.live.server.app import application, new_token
from archbuilder.pipeline import check
from tests.conftest import BROWSERS
from tests.live.test_server import a_run

pytestmark = pytest.mark.needs("browser")

ROOT = Path(__file__).parents[2]
WAIT = 20_000  # milliseconds: a check takes a few, a machine may be busy
expect.set_options(timeout=WAIT)


@dataclass
class Live:
    """A server of a folder, in a thread of its own."""

    folder: Path
    server: uvicorn.Server
    address: str
    thread: threading.Thread

    @classmethod
    def of(cls, folder: Path, file: str) -> "Live":
        listening = socket.socket()
        listening.bind(("127.0.0.1", 0))
        token, port = new_token(), listening.getsockname()[1]
        app = application(Folder(folder), token, port, file)
        config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])), daemon=True)
        thread.start()
        return cls(folder, server, f"http://127.0.0.1:{port}/{token}/", thread)

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(20)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = next(path for name in BROWSERS if (path := shutil.which(name)))
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-dev-shm-usage"]
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    shutil.copy(ROOT / "examples" / "six_lines.yaml", tmp_path / "net.yaml")
    found = Live.of(tmp_path, "net.yaml")
    yield found
    found.stop()


@pytest.fixture
def page(browser: Browser, live: Live) -> Iterator[Page]:
    """The page, at which nothing goes wrong on the way: no error in its console, no request to anywhere else."""
    wrong: list[str] = []
    with browser.new_context(viewport={"width": 1280, "height": 800}) as context:
        page = context.new_page()
        page.set_default_timeout(WAIT)
        answered = "Failed to load resource"  # by a refusal, which is the page's to tell, or by nobody
        page.on("console", lambda m: wrong.append(m.text) if m.type == "error" and answered not in m.text else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "request", lambda r: None if r.url.startswith((live.address, "data:", "blob:")) else wrong.append(r.url)
        )
        page.goto(live.address)
        expect(page.locator(".state")).to_have_text("1 error", timeout=WAIT)
        yield page
        assert wrong == []


def text_of(page: Page) -> str:
    return "\n".join(page.locator(".cm-line").all_inner_texts())


def typed(page: Page, text: str) -> None:
    """Types at the end of the file."""
    page.locator(".cm-content").click()
    page.keyboard.press("Control+End")
    page.keyboard.type(text)


def test_a_network_is_brought_within_its_limits_and_saved(page, live):
    page.get_by_role("button", name="Find edits that mend it").click()
    page.locator("#panel-suggestions").get_by_role("button", name="Apply").first.click()
    expect(page.locator(".state")).to_have_text("No problems")
    assert not check(live.folder / "net.yaml").ok  # nothing is written before it is saved
    page.keyboard.press("Control+s")
    expect(page.locator(".notices")).to_contain_text("is saved")
    assert check(live.folder / "net.yaml").ok


def test_an_edit_in_another_editor_shows_at_once(page, live):
    path = live.folder / "net.yaml"
    path.write_text(path.read_text("utf-8").replace("{conv: 32}", "{conv: 33}"), encoding="utf-8")
    expect(page.locator(".cm-content")).to_contain_text("conv: 33")
    typed(page, "# mine")
    path.write_text(path.read_text("utf-8").replace("{conv: 33}", "{conv: 34}"), encoding="utf-8")
    expect(page.locator(".notice.bad")).to_contain_text("changed on the disk")
    assert "# mine" in text_of(page) and "conv: 33" in text_of(page)
    page.keyboard.press("Control+s")  # still over what was read here
    expect(page.locator(".notice.bad")).to_contain_text("nothing was written")
    assert "conv: 34" in path.read_text("utf-8")
    page.get_by_role("button", name="Save mine").click()
    expect(page.locator(".notices")).to_contain_text("is saved")
    assert "# mine" in path.read_text("utf-8") and "conv: 33" in path.read_text("utf-8")


def test_another_file_and_a_new_one_are_opened(page, live):
    (live.folder / "base.yaml").write_text("archbuilder: 1\n", encoding="utf-8")
    typed(page, "# mine")
    page.get_by_role("button", name="Open…").click()
    page.get_by_role("link", name="base.yaml").click()
    expect(page.locator("input.file")).to_have_value("base.yaml")
    page.get_by_role("button", name="Open…").click()
    page.locator(".files input").fill("new.yaml")
    page.keyboard.press("Enter")
    expect(page.locator(".notices")).to_contain_text("is made when you save")
    typed(page, "# new")
    page.keyboard.press("Control+s")
    expect(page.locator(".notices")).to_contain_text("new.yaml is saved")
    assert (live.folder / "new.yaml").read_text("utf-8") == "# new"
    page.goto(live.address)
    page.get_by_role("button", name="Take it").click()  # what was typed before and not saved
    expect(page.locator(".cm-content")).to_contain_text("# mine")


def test_a_file_that_is_deleted_loses_no_text(page, live):
    path = live.folder / "net.yaml"
    typed(page, "# mine")
    path.unlink()
    expect(page.locator(".notice.bad")).to_contain_text("gone from the disk")
    assert "# mine" in text_of(page)
    page.get_by_role("button", name="Save mine").click()
    expect(page.locator(".notices")).to_contain_text("is saved")
    assert "# mine" in path.read_text("utf-8")


def test_a_server_that_is_gone_is_said_and_no_text_is_lost(page, live):
    typed(page, "# mine")
    live.stop()
    expect(page.locator(".state")).to_contain_text("The server is gone")
    typed(page, " and more")
    page.keyboard.press("Control+s")
    expect(page.locator(".notices")).to_contain_text("nothing was saved")
    assert "# mine and more" in text_of(page)
    with page.expect_download() as download:
        page.locator(".notices").get_by_role("button", name="Download").first.click()
    assert "# mine and more" in Path(download.value.path()).read_text("utf-8")


def test_runs_show_as_they_train(page, live):
    page.get_by_role("tab", name="Runs").click()
    expect(page.locator(".runs")).to_contain_text("no runs")
    run = a_run(live.folder / "runs" / "net" / "2026-01-01", epochs=4, done=1)
    expect(page.locator(".runs tbody tr")).to_contain_text("1 / 4")
    a_run(run, epochs=4, done=3)
    expect(page.locator(".runs tbody tr")).to_contain_text("3 / 4")
    points = page.locator(".runs .curve.held").first.get_attribute("points")
    assert points and len(points.split()) == 3
    a_run(live.folder / "runs" / "net" / "2026-01-02", epochs=2, done=2)
    expect(page.locator(".runs tbody tr")).to_have_count(2)
    page.locator(".runs tbody input").nth(0).check()
    page.locator(".runs tbody input").nth(1).check()
    expect(page.locator(".runs .chart").first.locator(".curve.held")).to_have_count(2)
    (run / "report.html").write_text(
        "<title>t</title><script>document.title = 'run'</script><p>the report", encoding="utf-8"
    )
    with page.expect_popup() as popup:
        page.locator(".runs").get_by_role("link", name="Report").click()
    expect(popup.value.locator("p")).to_have_text("the report")
    assert popup.value.title() == "t"  # its script has not run


def test_a_file_that_cannot_be_read_is_said(page, live):
    (live.folder / "net.yaml").write_bytes(b"# caf\xe9 that is not UTF-8\n")
    expect(page.locator(".notice.bad")).to_contain_text("not UTF-8")
    (live.folder / "large.yaml").write_bytes(b"#" * (2**22 + 1))
    page.goto(f"{live.address}?file=large.yaml")
    expect(page.locator(".notice.bad")).to_contain_text("larger than 4 MiB")


def test_a_hostile_file_gets_nothing(page, live):
    """Whatever it names and says is shown as text; what it reads outside the folder is not read."""
    (live.folder.parent / f"{live.folder.name}-secret.yaml").write_text("name: the secret\n", encoding="utf-8")
    bait = "<img src=x onerror=alert(1)><script>alert(1)</script>"
    text = f"""archbuilder: 1
extends: ../{live.folder.name}-secret.yaml
input: [3, 8, 8]
rules: ["{bait}"]
vars: {{"{bait}": 1}}
network: [{{"{bait}": 3}}, {{conv: {{out: 4, "{bait}": "javascript:alert(1)"}}}}]
"""
    page.on("dialog", lambda dialog: pytest.fail("a script has run"))
    (live.folder / "net.yaml").write_text(text, encoding="utf-8")
    expect(page.locator(".left")).to_contain_text("outside the folder")
    assert "the secret" not in page.content()
    (live.folder / "net.yaml").write_text("".join(text.splitlines(keepends=True)[2:]), encoding="utf-8")
    expect(page.locator(".left")).to_contain_text("onerror=alert(1)")
    (live.folder / "net.yaml").write_text(f"archbuilder: 1\n{''.join(text.splitlines(True)[2:])}", encoding="utf-8")
    expect(page.locator(".findings")).to_contain_text("<img src=x")
    assert page.locator("img, script:not([src])").count() == 0


@pytest.mark.parametrize("blocks", [1_000, 11_900])
def test_a_large_file_is_edited(page, live, blocks):
    large = "archbuilder: 1\ninput: [3, 8, 8]\nclasses: 2\nnetwork:\n" + "  - conv: {out: 4, order: conv}\n" * blocks
    (live.folder / "net.yaml").write_text(f"{large}  - gap\n  - classifier\n", encoding="utf-8")
    expect(page.locator(".figure").nth(4)).to_contain_text(f"{blocks + 3:,}", timeout=3 * WAIT)
    if blocks > 2000:
        expect(page.locator("#panel-drawing")).to_contain_text("too many to draw")


@pytest.mark.parametrize("origin", ["http://127.0.0.1:9", "http://evil.example"])
def test_another_page_in_the_same_browser_gets_nothing(browser, live, origin):
    """Even one that knows the address: another server of this machine, and one from afar."""
    script = """async (address) => {
      const body = '{"path": "net.yaml", "text": "", "revision": null}';
      const saving = {method: 'PUT', headers: {'X-Archbuilder': '1'}, body};
      const tries = [
        fetch(address + 'api/file?path=net.yaml'),
        fetch(address + 'api/file?path=net.yaml', {mode: 'no-cors'}),
        fetch(address + 'api/file', saving),
        fetch(address + 'api/file', {...saving, mode: 'no-cors', headers: {}}),
      ];
      const frame = document.createElement('iframe');
      frame.src = address;
      document.body.append(frame);
      return await Promise.all(tries.map((each) => each.then((answer) => answer.text(), () => '')));
    }"""
    with browser.new_context() as context:
        page = context.new_page()
        page.route(f"{origin}/", lambda route: route.fulfill(body="<body></body>", content_type="text/html"))
        statuses: list[int] = []
        page.on("response", lambda r: statuses.append(r.status) if r.url.startswith(live.address) else None)
        page.goto(f"{origin}/")
        assert page.evaluate(script, live.address) == ["", "", "", ""]
        page.wait_for_timeout(300)
        assert set(statuses) <= {403}
    assert (live.folder / "net.yaml").read_text("utf-8") == (ROOT / "examples" / "six_lines.yaml").read_text("utf-8")
