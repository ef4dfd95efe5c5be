"""The two pictures of the page in the README, made anew: `python web/pictures.py`.

Needs Chromium, the package playwright, and the parts of a page."""

import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from archbuilder.live.page import page
from archbuilder.live.page_parts import fetched
from archbuilder.pipeline import check

ROOT = Path(__file__).parent.parent
NETWORK = ROOT / "architectures" / "c1c2c3c40.yaml"


SHOWN = (  # picture, colours, text, tab, what must be there
    ("page.png", "light", NETWORK.read_text(), "drawing", ".box"),
    ("page-dark.png", "dark", NETWORK.read_text().replace("< 200k", "< 150k"), "suggestions", ".suggestion"),
)


def main() -> None:
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    parts = fetched()
    with tempfile.TemporaryDirectory() as name, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage"])
        for picture, scheme, text, tab, there in SHOWN:
            network, file = Path(name) / NETWORK.name, Path(name) / "net.html"
            network.write_text(text)
            file.write_text(page(check(network), text, parts))
            opened = browser.new_page(viewport={"width": 1280, "height": 800}, color_scheme=scheme)
            opened.goto(file.as_uri())
            opened.wait_for_selector(".state.ok, .state.bad", timeout=120_000)
            opened.click(f"#tab-{tab}")
            opened.wait_for_selector(there, timeout=120_000)
            opened.wait_for_timeout(500)  # until what fades has faded
            opened.screenshot(path=ROOT / "docs" / picture)
        browser.close()


if __name__ == "__main__":
    main()
