"""The manual of codes, which stands where each is declared: text for the terminal, Markdown for docs/codes.md.

An example has one of three forms:
- blocks, beginning with a dash: they are what stands under `network:`
- other keys of a file: the file has them beside the least that every file needs
- a session, beginning with `$ `: each such line is a command, and the lines below it are its here-document; the
  current folder has a small network that trains
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

from archbuilder.diagnostics import Code, known_codes
from archbuilder.pipeline import check_text
from archbuilder.reporting.diagnostic import render_diagnostic
from archbuilder.reporting.style import PLAIN, Style

WIDTH = 100
FILE = "net.yaml"  # what a file is called in an example

GROUPS = {
    "AB0": "the document: files and YAML",
    "AB1": "the schema: names, types and ranges",
    "AB2": "the language and its lowering to ops",
    "AB3": "shapes",
    "AB4": "lints (warnings)",
    "AB5": "limits, rules and spaces",
    "AB6": "data",
    "AB7": "training and runs",
    "AB8": "import, export and search",
    "AB9": "the command line",
}

LEAST = {
    "archbuilder": "archbuilder: 1",
    "input": "input: [3, 32, 32]",
    "network": "network:\n  - conv: 16\n  - gap",
}

NETWORK = """\
archbuilder: 1
input: [1, 8, 8]
classes: 10
network: [{conv: 8}, gap, classifier]
data: {dataset: digits}
train: {epochs: 1}
"""


def is_session(example: str) -> bool:
    """Whether an example is typed into a shell."""
    return example.startswith("$ ")


def file_of(example: str) -> str:
    """The whole file of an example that is no session."""
    if example.startswith("- "):
        example = "network:\n" + textwrap.indent(example, "  ")
    missing = (text for key, text in LEAST.items() if not re.search(rf"^{key}:", example, re.MULTILINE))
    return "\n".join([*missing, example]) + "\n"


def findings(example: str, style: Style = PLAIN) -> list[str]:
    """What a check says of an example that is no session."""
    text = file_of(example)
    return [render_diagnostic(d, text, style) for d in check_text(text, FILE).diagnostics]


def kind(code: Code) -> str:
    """Its severity, and the exit status where it is not that of a wrong file."""
    return code.severity if code.exit_status == 1 else f"{code.severity}, exit status {code.exit_status}"


def index(style: Style = PLAIN) -> str:
    """Every code with its title, in groups."""
    return "\n\n".join(
        "\n".join([style.bold(f"{group}xx  {title}"), *(f"{code.id}   {code.title}" for code in _members(group))])
        for group, title in GROUPS.items()
    )


def _members(group: str) -> list[Code]:
    return [code for code in known_codes().values() if code.id.startswith(group)]


def manual(code: Code, style: Style = PLAIN) -> str:
    """The whole manual of one code."""
    parts = [
        f"{style.bold(code.id)}  {code.title} ({kind(code)})",
        textwrap.fill(code.why, min(WIDTH, style.width or WIDTH)),
    ]
    parts += [f"bad:\n{_indented(code.bad)}"]
    if not is_session(code.bad):
        parts += ["what check says of it:\n" + _indented("\n".join(findings(code.bad, style)))]
    return "\n\n".join([*parts, f"good:\n{_indented(code.good)}"])


def _indented(text: str) -> str:
    return textwrap.indent(text, "  ")


def markdown() -> str:
    """The manual of every code."""
    return _INTRODUCTION + "".join(f"\n{section}" for group in GROUPS for section in _sections(group))


def _sections(group: str) -> Iterator[str]:
    yield f"## {group}xx: {GROUPS[group]}\n"
    yield from map(section, _members(group))


def section(code: Code) -> str:
    """The manual of one code, in Markdown."""
    why = textwrap.fill(f"{kind(code).capitalize()}. {code.why}", 120)
    return "\n".join(
        [f"### {code.id}: {code.title}\n", f"{why}\n", f"Bad:\n\n{_fenced(code.bad)}", f"Good:\n\n{_fenced(code.good)}"]
    )


def _fenced(example: str) -> str:
    return f"```{'console' if is_session(example) else 'yaml'}\n{example}\n```\n"


_INTRODUCTION = f"""# The codes of diagnostics

Written by `archbuilder explain --markdown` from the code itself; a test keeps it true, and runs every example.
`archbuilder explain AB301` prints one of them, and what a check says of its bad example.

Where an example shows only some keys, the file also has those of these that it lacks; blocks stand under `network:`.

```yaml
{"".join(f"{text}{chr(10)}" for text in LEAST.values())}```

Commands are typed in a folder with this `{FILE}`:

```yaml
{NETWORK}```
"""
