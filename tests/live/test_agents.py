"""`archbuilder mcp`, asked by the SDK's own client over standard input and output."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import StdioServerParameters
from mcp.client import Client
from mcp.client.stdio import stdio_client

from archbuilder.live.agents import server
from archbuilder.live.folder import Folder
from archbuilder.pipeline import check
from tests.live.test_answers import SMALL

ROOT = Path(__file__).parents[2]
BROKEN = """\
archbuilder: 1
input: [3, 32, 32]
classes: 10
limits: {params: "< 200k", receptive_field: "> 44"}
network: [{conv: 32}, {strided: 64}, {depthwise_separabel: 96}, {dilated: 64},
          {strided: 64}, {conv: 64}, gap, classifier]
"""


def asked(target: Any, work: Callable[[Client], Any]) -> Any:
    async def run() -> Any:
        async with Client(target) as client:
            return await work(client)

    return anyio.run(run)


def test_a_broken_file_is_brought_within_its_limits_by_calls_alone(tmp_path):
    (tmp_path / "net.yaml").write_text(BROKEN, encoding="utf-8")
    command = StdioServerParameters(command=sys.executable, args=["-m", "archbuilder", "mcp", str(tmp_path)])

    async def work(client: Client) -> None:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == {"check", "suggest", "apply", "explain", "blocks", "rules", "compare", "drawing"}
        assert all(tool.description and tool.output_schema for tool in tools.values())
        first = await client.call_tool("check", {"file": "net.yaml"})
        assert not first.is_error and not first.structured_content["ok"]
        (finding,) = first.structured_content["findings"]
        assert finding["code"] in first.content[0].text and "depthwise_separabel" in finding["message"]
        why = await client.call_tool("explain", {"code": finding["code"]})
        assert "Good:" in why.content[0].text
        (best, *_) = (await client.call_tool("suggest", {"file": "net.yaml"})).structured_content["suggestions"]
        assert "-" in best["diff"] and best["effects"]
        made = await client.call_tool("apply", {"file": "net.yaml", "title": best["title"]})
        assert made.structured_content["saved"] and made.structured_content["check"]["ok"]
        second = await client.call_tool("check", {"file": "net.yaml", "layers": True})
        assert second.structured_content["ok"] and second.structured_content["layers"]

    asked(stdio_client(command), work)
    report = check(tmp_path / "net.yaml")
    assert report.ok and min(report.facts.field.size) > 44 and report.facts.params < 200_000


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    (tmp_path / "secret.yaml").write_text(SMALL, encoding="utf-8")
    (tmp_path / "open").mkdir()
    (tmp_path / "open" / "net.yaml").write_text(SMALL, encoding="utf-8")
    return Folder(tmp_path / "open")


def test_manuals_comparison_and_drawing(folder):
    async def work(client: Client) -> None:
        blocks = await client.call_tool("blocks", {})
        assert blocks.structured_content["names"]["conv"]
        assert "kernel" in (await client.call_tool("blocks", {"name": "conv"})).content[0].text
        packs = (await client.call_tool("rules", {})).structured_content["names"]
        assert {"era-s9", "mcu", "has", "limit"} <= set(packs)
        assert "archbuilder_rules: 1" in (await client.call_tool("rules", {"name": "mcu"})).content[0].text
        assert "at_least" in (await client.call_tool("rules", {"name": "has"})).content[0].text
        other = {"other_text": SMALL.replace("  - pair: 8\n", "")}
        compared = await client.call_tool("compare", {"file": "net.yaml", **other})
        assert [row[0] for row in compared.structured_content["changes"]].count("+") == 2
        assert (await client.call_tool("drawing", {"file": "net.yaml"})).content[0].text.startswith("flowchart")
        assert "</svg>" in (await client.call_tool("drawing", {"text": SMALL, "format": "svg"})).content[0].text

    asked(server(folder), work)


def test_what_cannot_be_done_is_said(folder):
    calls = {
        "give either the file or the text": ("check", {}),
        "in the folder": ("check", {"file": "../secret.yaml"}),
        "no such suggestion": ("apply", {"title": "nothing", "text": SMALL}),
        "no such code": ("explain", {"code": "AB999"}),
        "there is no convv": ("blocks", {"name": "convv"}),
        "cannot be analysed": ("compare", {"text": "nonsense", "other_text": SMALL}),
    }

    async def work(client: Client) -> None:
        for words, (tool, arguments) in calls.items():
            found = await client.call_tool(tool, arguments)
            assert found.is_error and words in found.content[0].text, found.content
        (finding,) = (await client.call_tool("check", {"text": "extends: ../secret.yaml\n"})).structured_content[
            "findings"
        ]
        assert "outside the folder" in finding["message"]

    asked(server(folder), work)


def test_a_file_that_changes_meanwhile_is_not_overwritten(folder, monkeypatch):
    path = folder.root / "net.yaml"
    path.write_text(BROKEN, encoding="utf-8")
    read = Folder.read

    def by_another(self: Folder, name: str) -> Any:
        found = read(self, name)
        path.write_text("# by another editor\n", encoding="utf-8")
        return found

    async def work(client: Client) -> None:
        (best, *_) = (await client.call_tool("suggest", {"text": BROKEN})).structured_content["suggestions"]
        monkeypatch.setattr(Folder, "read", by_another)
        found = await client.call_tool("apply", {"file": "net.yaml", "title": best["title"]})
        assert found.is_error and "changed by another program" in found.content[0].text

    asked(server(folder), work)
    assert path.read_text("utf-8") == "# by another editor\n"
