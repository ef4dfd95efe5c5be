"""The report in a browser: it is shown, and it asks for nothing from outside."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER = next((found for name in NAMES if (found := shutil.which(name))), None)
QUIET = "--disable-background-networking --disable-component-update --disable-sync --no-first-run --hide-scrollbars"
OWN = re.compile(
    r"https?://([a-z0-9.-]+\.)?(google|googleapis|gstatic|gvt1)\.com(:|/|$)"
)  # what the browser itself asks

pytestmark = pytest.mark.skipif(BROWSER is None, reason="needs chromium, which is not installed here")


def show(page: Path, folder: Path, width: int) -> tuple[Image.Image, set[str]]:
    """A screenshot of a page, and the addresses that were asked for besides its own."""
    picture, log = folder / "shot.png", folder / "net.json"
    command = [str(BROWSER), "--headless=new", "--no-sandbox", "--disable-gpu", *QUIET.split()]
    command += [f"--user-data-dir={folder / 'profile'}", f"--log-net-log={log}"]
    command += [f"--window-size={width},1600", f"--screenshot={picture}", page.as_uri()]
    subprocess.run(command, capture_output=True, timeout=90, check=True)
    asked = set(re.findall(r'"url":"(https?://[^"]+)"', log.read_text(errors="replace")))
    with Image.open(picture) as shot:
        return shot.convert("RGB"), {address for address in asked if not OWN.match(address)}


def test_the_report_is_shown_and_asks_for_nothing(finished: Path, tmp_path: Path):
    shot, asked = show(finished / "report.html", tmp_path, 1000)
    assert asked == set()
    colours = shot.getcolors(maxcolors=10**7)
    assert len(colours) > 300  # curves, a table, bars: not a blank page
    red = sum(count for count, (r, g, b) in colours if (r, g, b) == (209, 73, 91))
    assert red > 100  # the result, in its card


def test_a_page_that_asks_is_found_out(tmp_path: Path):
    """The same look at a page with a picture from elsewhere: else the test above could not fail."""
    page = tmp_path / "page.html"
    page.write_text('<body><img src="http://elsewhere.invalid/picture.png">')
    _, asked = show(page, tmp_path, 300)
    assert asked == {"http://elsewhere.invalid/picture.png"}
