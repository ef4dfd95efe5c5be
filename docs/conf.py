"""The documentation site: python -m sphinx -W docs build/docs"""

from __future__ import annotations

import contextlib
import io
import os
import re
from pathlib import Path
from unittest import mock

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

from archbuilder.cli import main
from archbuilder.live.page_parts import PARTS, parts_folder
from archbuilder.version import __version__

HERE = Path(__file__).parent

project = "archbuilder"
author = "the archbuilder authors"
copyright = "2026, " + author
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_copybutton", "sphinx_design"]
exclude_patterns = ["_static", "pictures"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
nitpicky = True
# other projects' classes: their pages are on a network, which a build does not ask
nitpick_ignore_regex = [("py:.*", r"(?!archbuilder\.).*")]
default_role = "code"
autodoc_typehints = "none"
autodoc_member_order = "bysource"

# its parts come from other projects: `archbuilder page` fetches them once, a build takes what is there
if all((parts_folder() / part.file).is_file() for part in PARTS):
    tags.add("playground")  # noqa: F821  (Sphinx has it there)

html_theme = "furo"
html_title = "archbuilder"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
copybutton_prompt_text = "$ "
copybutton_only_copy_prompt_lines = True

# files that are a page, or a part of one
PAGES = {
    "CHANGELOG.md": "project/changelog.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "SECURITY.md": "project/security.md",
    "architectures/courses/README.md": "project/networks.md",
    "architectures/seeds/README.md": "project/networks.md",
    "benchmarks/RESULTS.md": "project/results.md",
    "examples/classroom/README.md": "howto/teachers.md",
}


class Command(Directive):
    """What `archbuilder COMMAND --help` prints."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        said = io.StringIO()
        width = mock.patch.dict(os.environ, COLUMNS="90")  # of no matter which terminal
        with width, contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
            main([self.arguments[0], "--help"])
        return [nodes.literal_block(text=said.getvalue().rstrip(), language="text")]


def fields(app: Sphinx, kind: str, name: str, value: object, options: object, lines: list[str]) -> None:
    """A line `name:  what it is` of a docstring as a field list has it; an example at the margin."""
    text = re.sub(r"^(\w+): +(?=\S)(.*(?:\n +\S.*)*)", _field, "\n".join(lines), flags=re.MULTILINE)
    text = re.sub(r"^(:param .*(?:\n +\S.*)*)\n(?!:param|\n| )", r"\1\n\n", text, flags=re.MULTILINE)
    lines[:] = re.sub(r"^ +(?=>>> )(.*(?:\n +\S.*)*)", _example, text, flags=re.MULTILINE).split("\n")


def _field(found: re.Match[str]) -> str:
    return f":param {found[1]}: " + re.sub(r"\n +", "\n    ", found[2])


def _example(found: re.Match[str]) -> str:
    return re.sub(r"^    ", "", found[0], flags=re.MULTILINE)


def include(app: Sphinx, path: Path, page: str, text: list[str]) -> None:
    """The links of a file outside of docs/ that a page includes: they begin at the file's own folder."""
    folder = (HERE / path).resolve().parent
    text[0] = re.sub(r"\]\((?!\w+:|#)([^)#]+)", lambda found: f"]({_at(folder / found[1])}", text[0])


def _at(path: Path) -> str:
    within = path.resolve().relative_to(HERE.parent).as_posix()
    return "/" + PAGES.get(within, within.removeprefix("docs/") if within.startswith("docs/") else f"../{within}")


def playground(app: Sphinx, error: Exception | None) -> None:
    """The page with the analyser inside, beside the site."""
    if error or app.builder.name != "html" or not app.tags.has("playground"):
        return
    network, out = HERE.parent / "architectures" / "c1c2c3c40.yaml", app.outdir / "playground.html"
    if main(["page", str(network), "--out", str(out), "--parts", str(parts_folder())]):
        raise ExtensionError("the page could not be written")


def setup(app: Sphinx) -> None:
    app.add_directive("command", Command)
    app.connect("autodoc-process-docstring", fields)
    app.connect("include-read", include)
    app.connect("build-finished", playground)
