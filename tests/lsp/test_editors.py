"""What docs/howto/editors.md tells people to write can be read by their editors."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "howto" / "editors.md").read_text(encoding="utf-8")


def snippets(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_settings_of_vs_code():
    settings: dict[str, Any] = {}
    for text in snippets("json"):
        settings |= json.loads(text)
    command = [settings["glspc.server.command"], *settings["glspc.server.commandArguments"]]
    assert command == ["archbuilder", "lsp"]
    assert settings["glspc.server.languageId"] == ["yaml"]


def test_settings_of_helix():
    tomllib = pytest.importorskip("tomllib")
    languages, *config = map(tomllib.loads, snippets("toml"))
    server = languages["language-server"]["archbuilder"]
    assert [server["command"], *server["args"]] == ["archbuilder", "lsp"]
    assert languages["language"][0]["language-servers"][0] == "archbuilder"
    assert all(each["editor"]["lsp"]["display-inlay-hints"] is True for each in config)


def test_settings_of_neovim():
    (text,) = snippets("lua")
    assert re.search(r"cmd = \{ ?'archbuilder', 'lsp' ?\}", text)
    assert "vim.lsp.enable('archbuilder')" in text
