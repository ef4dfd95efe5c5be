"""`archbuilder mcp`: the analyser for a coding agent, as tools of the Model Context Protocol.

Each tool answers with a short text and with the same information as data. A network is given by its `text`, or by a
`file` below the folder of the server; no other file is read. Only `apply` with a `file` writes, and only if the file
has not changed since the edit was computed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import CallToolResult, TextContent, ToolAnnotations
from pydantic import BaseModel, Field

from archbuilder.live.answers import answer
from archbuilder.live.folder import Folder, Refused
from archbuilder.version import __version__

INSTRUCTIONS = """\
archbuilder describes a small convolutional network in YAML and knows its exact shapes, parameters, MACs, memory and \
receptive field without running it. Work in a loop: `check` the file; where a limit or rule is missed, `suggest` lists \
edits that were tried and satisfy all of them, cheapest first; `apply` makes one by its title; check again. `blocks` \
and `rules` are the language's manual, `explain` that of a finding's code."""

SECONDS = 5.0  # of a search
READING = ToolAnnotations(read_only_hint=True, open_world_hint=False)
WRITING = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False)

File = Annotated[str | None, Field(description="a YAML file, its path from the folder of the server")]
Text = Annotated[str | None, Field(description="the YAML itself, instead of a file")]
Packs = Annotated[
    Sequence[str], Field(description="rule packs to satisfy in addition to those of the file: era-s9, mcu")
]


class Finding(BaseModel):
    """An error or a warning."""

    code: str
    severity: Literal["error", "warning"]
    line: int
    message: str
    hint: str


class Budget(BaseModel):
    """A limit, a rule or a goal, and how far the network is from it."""

    kind: str
    name: str
    bound: str
    value: int | None
    ok: bool
    open: bool  # a goal, which needs a run
    words: str


class Totals(BaseModel):
    """Parameters in scalars, MACs for one image, the receptive field before the global pool as [height, width]."""

    params: int
    macs: int
    receptive_field: list[int] | None


class Layer(BaseModel):
    """A row of the table: a block of the YAML."""

    line: int
    name: str
    block: str
    op: str
    out: str
    params: int
    macs: int
    receptive_field: str


class Checked(BaseModel):
    """The result of a check."""

    name: str
    ok: bool
    findings: list[Finding]
    budgets: list[Budget]
    totals: Totals | None
    layers: list[Layer]


class Suggestion(BaseModel):
    """Edits after which everything holds; `apply` takes the `title`."""

    title: str
    effects: list[str]
    diff: str
    after: Totals | None


class Suggested(BaseModel):
    """The suggestions, the cheapest first; if there are none, what is still missing after the closest edits."""

    suggestions: list[Suggestion]
    nearest: Suggestion | None
    missing: list[str]
    notes: list[str]


class Applied(BaseModel):
    """The network after edits: its text, the change as a unified diff, and the check of it."""

    text: str
    diff: str
    saved: bool
    check: Checked


class Compared(BaseModel):
    """Two networks side by side: a table of totals, and a table of the blocks that differ."""

    head: list[str]
    totals: list[list[str]]
    changes_head: list[str]
    changes: list[list[str]]


class Manual(BaseModel):
    """Names of manuals with one line each, or one manual in `text`."""

    names: dict[str, str]
    text: str


class Drawn(BaseModel):
    """A drawing as source text."""

    format: Literal["mermaid", "svg"]
    source: str


@dataclass(frozen=True)
class Source:
    """The network of a tool call: its text, and its file and revision if it was read from a file."""

    text: str
    file: str | None = None
    revision: str | None = None


def server(folder: Folder) -> MCPServer[Any]:
    """A server with all tools, for one folder."""
    made: MCPServer[Any] = MCPServer("archbuilder", instructions=INSTRUCTIONS, version=__version__, log_level="WARNING")
    tools = Tools(folder)
    for tool in (tools.check, tools.suggest, tools.explain, tools.blocks, tools.rules, tools.compare, tools.drawing):
        made.add_tool(tool, annotations=READING)
    made.add_tool(tools.apply, annotations=WRITING)
    return made


class Tools:
    """The tools for an agent. A ToolError says why a call is not possible."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder

    def check(
        self,
        file: File = None,
        text: Text = None,
        rules: Packs = (),
        layers: Annotated[bool, Field(description="include the table of layers")] = False,
    ) -> Annotated[CallToolResult, Checked]:
        """Check a network: findings, limits and rules, parameters, MACs, receptive field."""
        found = self._checked(self._source(file, text), rules)
        return _result(_words(found, layers), found if layers else found.model_copy(update={"layers": []}))

    def suggest(
        self,
        file: File = None,
        text: Text = None,
        rules: Packs = (),
    ) -> Annotated[CallToolResult, Suggested]:
        """List edits after which a network satisfies every limit and rule, all tested, the cheapest first."""
        found = self._suggested(self._source(file, text), rules)
        shown = [_suggestion(each) for each in found["suggestions"]]
        nearest = _suggestion(found["nearest"]) if found["nearest"] else None
        lines = [found["headline"]]
        for each in shown:
            lines += ["", f"- {each.title}", *(f"  {effect}" for effect in each.effects), each.diff]
        if nearest:
            lines += ["", f"nearest: {nearest.title}", nearest.diff, *(f"still {each}" for each in found["missing"])]
        lines += [f"note: {note}" for note in found["notes"]]
        result = Suggested(suggestions=shown, nearest=nearest, missing=found["missing"], notes=found["notes"])
        return _result("\n".join(lines), result)

    def apply(
        self,
        title: Annotated[str, Field(description="the title of a suggestion, as returned by `suggest`")],
        file: File = None,
        text: Text = None,
        rules: Packs = (),
    ) -> Annotated[CallToolResult, Applied]:
        """Apply a suggested edit. A file is saved; for a text the new text is returned."""
        source = self._source(file, text)
        found = self._suggested(source, rules)
        offered = [*found["suggestions"], *([found["nearest"]] if found["nearest"] else [])]
        chosen = next((each for each in offered if each["title"] == title), None)
        if chosen is None:
            titles = "; ".join(each["title"] for each in offered) or "none"
            raise ToolError(f"there is no such suggestion; the suggestions are: {titles}")
        after = chosen["text"]
        if source.file:
            self._save(source, after)
        checked = self._checked(Source(after, source.file), rules).model_copy(update={"layers": []})
        lines = [
            f"saved {source.file}" if source.file else "not saved: it is a text",
            chosen["diff"],
            "",
            _words(checked),
        ]
        result = Applied(text=after, diff=chosen["diff"], saved=bool(source.file), check=checked)
        return _result("\n".join(lines), result)

    def explain(
        self, code: Annotated[str, Field(description="the code of a finding, such as AB503")]
    ) -> Annotated[CallToolResult, Manual]:
        """Explain the code of a finding: what it means and why it matters, with a bad and a good example."""
        found = _answer({"ask": "explain", "code": code})
        return _result(found["markdown"], Manual(names={found["code"]: found["title"]}, text=found["markdown"]))

    def blocks(
        self, name: Annotated[str | None, Field(description="a block, to read its manual")] = None
    ) -> Annotated[CallToolResult, Manual]:
        """List the blocks that a network is made of, or show the manual of one: its fields, an example."""
        from archbuilder.blocks import BLOCKS
        from archbuilder.manual import blocks

        return _manual(name, BLOCKS.names(), blocks.manual, blocks.section)

    def rules(
        self, name: Annotated[str | None, Field(description="a rule pack, to read it, or a kind of rule")] = None
    ) -> Annotated[CallToolResult, Manual]:
        """List the rule packs and the kinds of rules, or show one."""
        from archbuilder.manual import blocks
        from archbuilder.rules.packs import kinds
        from archbuilder.rules.packs.pack import FOLDER, built_in, shipped

        if name in shipped():
            text = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
            return _result(text, Manual(names={str(name): built_in(str(name)).title}, text=text))
        packs = {pack: built_in(pack).title for pack in shipped()}
        return _manual(name, kinds.names(), _known_rule, lambda rule: blocks.section(rule, rule.KIND), packs)

    def compare(
        self,
        file: File = None,
        text: Text = None,
        other_file: File = None,
        other_text: Text = None,
    ) -> Annotated[CallToolResult, Compared]:
        """Compare a network with another one: totals, and the effect of each changed block on them."""
        source, other = self._source(file, text), self._source(other_file, other_text)
        question = {"other": other.text, "other_name": other.file or "other.yaml"}
        found = self._ask("compare", source, (), **question)
        result = Compared(
            head=found["table"]["head"],
            totals=found["table"]["rows"],
            changes_head=found["changes"]["head"],
            changes=found["changes"]["rows"],
        )
        return _result(found["text"], result)

    def drawing(
        self,
        file: File = None,
        text: Text = None,
        format: Annotated[Literal["mermaid", "svg"], Field(description="mermaid is short, svg a picture")] = "mermaid",
    ) -> Annotated[CallToolResult, Drawn]:
        """Draw a network, as the source of a Mermaid diagram or of an SVG picture."""
        from archbuilder.exporters import mermaid, svg
        from archbuilder.pipeline import check_opened
        from archbuilder.sources import Opened

        source = self._source(file, text)
        path = self.folder.root / (source.file or "network.yaml")
        report = check_opened(Opened(str(path), source.text, within=str(self.folder.root)))
        if report.graph is None or report.facts is None:
            raise ToolError("; ".join(d.message for d in report.errors) or "this is not a network")
        drawn = {"mermaid": mermaid, "svg": svg}[format].export(report.graph, report.facts)
        return _result(drawn, Drawn(format=format, source=drawn))

    # ---- what they share ----

    def _source(self, file: str | None, text: str | None) -> Source:
        if (file is None) == (text is None):
            raise ToolError("give either the file or the text of the network")
        if file is None:
            return Source(text or "")
        try:
            found = self.folder.read(file)
        except Refused as refused:
            raise ToolError(f"{refused} Paths of files are relative to {self.folder.root}.") from None
        return Source(found.text, file, found.revision)

    def _save(self, source: Source, text: str) -> None:
        try:
            self.folder.save(str(source.file), text, source.revision)
        except Refused as refused:
            raise ToolError(str(refused)) from None

    def _ask(self, kind: str, source: Source, rules: Iterable[str], **more: Any) -> dict[str, Any]:
        about = {"text": source.text, "file": source.file or "network.yaml", "folder": str(self.folder.root)}
        return _answer({"ask": kind, **about, "rules": list(rules), **more})

    def _checked(self, source: Source, rules: Iterable[str]) -> Checked:
        found = self._ask("check", source, rules, folded=[])
        rows = ({**row, "receptive_field": row["field"]} for row in found["rows"])
        return Checked(
            name=found["name"],
            ok=found["ok"],
            findings=[Finding(**_chosen(Finding, each)) for each in found["diagnostics"]],
            budgets=[Budget(**_chosen(Budget, each)) for each in found["budgets"]],
            totals=_totals(found["totals"]),
            layers=[Layer(**_chosen(Layer, row)) for row in rows],
        )

    def _suggested(self, source: Source, rules: Iterable[str]) -> dict[str, Any]:
        return self._ask("suggest", source, rules, seconds=SECONDS)


def _answer(question: dict[str, Any]) -> dict[str, Any]:
    found = answer(question)
    if "error" in found:
        raise ToolError(found["error"])
    return found


def _result(text: str, data: BaseModel) -> CallToolResult:
    content = [TextContent(type="text", text=text)]
    return CallToolResult(content=content, structured_content=data.model_dump(mode="json"))


def _chosen(model: type[BaseModel], given: dict[str, Any]) -> dict[str, Any]:
    return {name: given[name] for name in model.model_fields}


def _totals(found: dict[str, Any] | None) -> Totals | None:
    return Totals(**_chosen(Totals, found)) if found else None


def _suggestion(found: dict[str, Any]) -> Suggestion:
    return Suggestion(title=found["title"], effects=found["effects"], diff=found["diff"], after=_totals(found["after"]))


def _words(found: Checked, layers: bool = False) -> str:
    """A check in a few lines."""
    lines = [f"{found.name}: {'ok' if found.ok else 'not ok'}"]
    if found.totals:
        field = "x".join(map(str, dict.fromkeys(found.totals.receptive_field or []))) or "unknown"
        lines.append(f"{found.totals.params:,} parameters, {found.totals.macs:,} MACs, receptive field {field}")
    lines += map(_budget, found.budgets)
    for each in found.findings:
        hint = f" (hint: {each.hint})" if each.hint else ""
        lines.append(f"line {each.line}: {each.code} {each.severity}: {each.message}{hint}")
    if layers:
        lines += [
            f"line {x.line}: {x.name}: {x.op} -> {x.out}, {x.params:,} params, RF {x.receptive_field}"
            for x in found.layers
        ]
    return "\n".join(lines)


def _budget(each: Budget) -> str:
    state = "ok" if each.ok else "open" if each.open else "MISSED"
    return f"{state:6} {each.name} {each.bound} {each.words}"


def _manual(
    name: str | None,
    names: Iterable[str],
    find: Callable[[str], Any],
    show: Callable[[Any], str],
    more: Mapping[str, str] = {},
) -> CallToolResult:
    """All manuals with one line each, or one manual."""
    from archbuilder.manual.blocks import first_line

    known = list(names)
    if name is None:
        found = {**more} | {each: first_line(find(each)) for each in known}
        return _result("\n".join(f"{each}: {line}" for each, line in found.items()), Manual(names=found, text=""))
    if name not in known:
        raise ToolError(f"there is no {name}; there are: {', '.join([*more, *known])}")
    text = show(find(name))
    return _result(text, Manual(names={name: first_line(find(name))}, text=text))


def _known_rule(name: str) -> Any:
    from archbuilder.rules.packs import kinds

    return kinds.find(name)


def serve(root: Path) -> None:
    """Serve over standard input and output until the agent disconnects."""
    if sys.stdin is not None:  # None: the agent is already gone
        server(Folder(root)).run("stdio")
