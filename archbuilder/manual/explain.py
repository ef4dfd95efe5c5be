"""The manual of codes, made from their declarations: text for the terminal, Markdown for docs/codes.md."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from archbuilder.diagnostics import Code, known_codes
from archbuilder.manual.examples import FILE, FILES, LEAST, file_of, is_session, named
from archbuilder.pipeline import check_text
from archbuilder.reporting.diagnostic import render_diagnostic
from archbuilder.reporting.style import PLAIN, Style

WIDTH = 100

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


def findings(example: str, style: Style = PLAIN) -> list[str]:
    """The findings of an example that is not a session."""
    text = file_of(example)
    return [render_diagnostic(d, text, style) for d in check_text(text, FILE).diagnostics]


def kind(code: Code) -> str:
    """Its severity, and its exit status if that is not 1."""
    return code.severity if code.exit_status == 1 else f"{code.severity}, exit status {code.exit_status}"


def index(style: Style = PLAIN) -> str:
    """Every code with its title, in groups."""
    return "\n\n".join(
        "\n".join([style.bold(f"{group}xx  {title}"), *(f"{code.id}   {code.title}" for code in _members(group))])
        for group, title in GROUPS.items()
    )


def _members(group: str) -> list[Code]:
    return list(known_codes(group).values())


def manual(code: Code, style: Style = PLAIN) -> str:
    """The whole manual of one code."""
    parts = [
        f"{style.bold(code.id)}  {code.title} ({kind(code)})",
        textwrap.fill(code.why, min(WIDTH, style.width or WIDTH)),
    ]
    parts += [f"bad:\n{_indented(code.bad)}"]
    if not is_session(code.bad):
        parts += ["result of a check:\n" + _indented("\n".join(findings(code.bad, style)))]
    parts += [f"good:\n{_indented(code.good)}"]
    sessions = "\n".join(filter(is_session, (code.bad, code.good)))
    parts += [f"where {name} has:\n{_indented(text.strip())}" for name, text in named(sessions)]
    return "\n\n".join(parts)


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


def _folder() -> str:
    """The files of the folder in which examples are typed."""
    return "\n".join(
        f"```{'yaml' if name == FILE else 'python'}\n# {name}\n{text}```\n" for name, text in FILES.items()
    ).rstrip()


_INTRODUCTION = f"""# The codes of diagnostics

Written by `archbuilder explain --markdown` from the code itself; a test keeps it up to date and runs every example.
`archbuilder explain AB301` prints the manual of one code, with the result of checking its bad example.

If an example shows only some keys, the file also has the missing ones of these; blocks belong under `network:`.

```yaml
{"".join(f"{text}{chr(10)}" for text in LEAST.values())}```

Commands are run in a folder with these files:

{_folder()}
"""
