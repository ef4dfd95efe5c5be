"""A rule pack: a YAML file that lists rules. Shipped packs are beside this file; users can write their own."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from archbuilder.diagnostics import ArchbuilderError, Diagnostic, declare, did_you_mean, show
from archbuilder.document.nodes import Document
from archbuilder.document.parser import parse_file
from archbuilder.document.text import Reading
from archbuilder.remedy import Write
from archbuilder.rules.packs.contradictions import contradictions
from archbuilder.rules.packs.kinds import RULES, read_rules
from archbuilder.rules.packs.page_link import ADDRESS, is_page
from archbuilder.rules.packs.rule import Rule
from archbuilder.schema.env import Env
from archbuilder.schema.fields import Check, Variables, expected, failure, reads
from archbuilder.schema.model import REQUIRED, Child, Model, validate
from archbuilder.spec.goals import GOALS, Goal, read_goals
from archbuilder.spec.rules import PackName

NO_PACK = declare(
    "AB510",
    "a rule pack that does not exist or cannot be used",
    why="The rule pack is missing or cannot be read, so the network has not been checked against its rules.",
    bad="rules: era-s8",
    good="rules: mcu",
)

FOLDER = Path(__file__).parent
SUFFIXES = (".yaml", ".yml")


@reads(const=1)
def _version(value: Any, variables: Variables) -> int:
    if type(value) is not int or value != 1:
        raise failure(f"there is no version {show(value)} of rule packs", Write("1", say="write archbuilder_rules: {}"))
    return value


@reads(type="string", pattern="^[a-z0-9][a-z0-9_-]{0,59}$")
def _name(value: Any, variables: Variables) -> str:
    if not isinstance(value, str) or not re.fullmatch("[a-z0-9][a-z0-9_-]{0,59}", value):
        raise expected("a name of lower-case letters, digits and dashes", value)
    return value


@reads(type="string", pattern=f"^{ADDRESS}$")
def _page(value: Any, variables: Variables) -> str:
    if not isinstance(value, str) or not is_page(value):
        raise expected("the address of a page, https://...", value)
    return value


class Pack(Model):
    """The requirements of an assignment: rules, which are checked on the file, and goals, which need a run."""

    archbuilder_rules: Annotated[int, Check(_version), Field(description="version of rule packs", examples=[1])]
    name: Annotated[str, Check(_name), Field(description="the pack's name in reports")]
    title: Annotated[str, Field(description="what the pack is for, in one line")] = ""
    page: Annotated[
        str, Check(_page), Field(description="the address of a page of `archbuilder page`: a run's report links to it")
    ] = ""
    rules: Annotated[
        tuple[Rule, ...],
        Child(read_rules, {"type": "array", "items": RULES}),
        Field(min_length=1, description="the list of rules"),
    ] = ()
    goals: Annotated[tuple[Goal, ...], Child(read_goals, GOALS), Field(description="what a run must reach")] = ()


@cache
def shipped() -> list[str]:
    """The names of the packs that come with archbuilder."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def is_path(text: str) -> bool:
    """Whether a pack is given by its file, not by its name."""
    return text.endswith(SUFFIXES) or "/" in text or "\\" in text


def load(name: PackName, asking: Document, diagnostics: list[Diagnostic]) -> Pack | None:
    """The pack of this name; problems are reported, at the lines of the pack if it can be read.

    The text of one that is a file is noted in the document that asks for it; that of one that is wrong as a text that
    places lie in, too."""
    if is_path(name.text):
        return _load_file(name, asking, diagnostics)
    if name.text in shipped():
        return built_in(name.text)
    more = "; give your own pack by its file: ./my-pack.yaml"
    hint = did_you_mean(name.text, shipped(), is_value=True, more=more)
    diagnostics.append(NO_PACK.at(name.span, f"there is no rule pack {name.text}", hint))
    return None


@cache
def built_in(name: str) -> Pack:
    """A shipped pack, read once. Raises ArchbuilderError if it is invalid."""
    found: list[Diagnostic] = []
    pack = read(parse_file(FOLDER / f"{name}.yaml", Reading()), found)
    if pack is None:
        raise ArchbuilderError(*found)
    return pack


def _load_file(name: PackName, asking: Document, diagnostics: list[Diagnostic]) -> Pack | None:
    try:
        document = parse_file(Path(asking.path_of(name.span, name.text)), asking.read)
    except ArchbuilderError as error:
        reasons = "; ".join(f"{d.span}: {d.message}" for d in error.diagnostics)
        hint = "paths are relative to the file that names them"
        diagnostics.append(NO_PACK.at(name.span, f"the rule pack {name.text} cannot be used: {reasons}", hint))
        return None
    asking.packs |= document.sources
    pack = read(document, diagnostics)
    if pack is None:
        asking.sources |= document.sources
    return pack


def read(document: Document, diagnostics: list[Diagnostic]) -> Pack | None:
    """The pack that a document describes; None if it is invalid, and the problems are reported."""
    env = Env(list(document.diagnostics))
    try:
        pack = validate(Pack, document.root, env)
    except ArchbuilderError as error:  # too many problems to continue
        env.diagnostics.extend(error.diagnostics)
        pack = None
    if isinstance(pack, Pack) and not env.diagnostics:
        if not pack.rules and not pack.goals:
            hint = "write a list of rules, each after a dash"
            env.report(REQUIRED, pack.span(), "the field rules is missing", hint)
        env.diagnostics.extend(contradictions(pack.rules, pack.goals))
    diagnostics += env.diagnostics
    return pack if isinstance(pack, Pack) and not env.diagnostics else None
