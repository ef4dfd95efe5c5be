"""What docs/editors.md and the README tell people to write can be read by their editors."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
each_page = pytest.mark.parametrize("page", ["docs/editors.md", "README.md"])


def snippets(page: str, language: str) -> list[str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@each_page
def test_settings_of_vs_code(page: str):
    settings: dict[str, Any] = {}
    for text in snippets(page, "json"):
        settings |= json.loads(text)
    command = [settings["glspc.server.command"], *settings["glspc.server.commandArguments"]]
    assert command == ["archbuilder", "lsp"]
    assert settings["glspc.server.languageId"] == ["yaml"]


@each_page
def test_settings_of_helix(page: str):
    tomllib = pytest.importorskip("tomllib")
    languages, *config = map(tomllib.loads, snippets(page, "toml"))
    server = languages["language-server"]["archbuilder"]
    assert [server["command"], *server["args"]] == ["archbuilder", "lsp"]
    assert languages["language"][0]["language-servers"][0] == "archbuilder"
    assert all(each["editor"]["lsp"]["display-inlay-hints"] is True for each in config)


@each_page
def test_settings_of_neovim(page: str):
    (text,) = snippets(page, "lua")
    assert re.search(r"cmd = \{ ?'archbuilder', 'lsp' ?\}", text)
    assert "vim.lsp.enable('archbuilder')" in text
