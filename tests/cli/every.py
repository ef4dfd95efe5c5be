"""Every command there is, with every action and every option, as something that can be typed.

Commands are found, and what each of them takes is read off its parser.  What stands for a FILE or a RUN is said here.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from archbuilder import cli

NET = """\
archbuilder: 1
name: net
input: [1, 8, 8]
classes: 10
network: [{conv: {out: 4, stride: 2}}, gap, classifier]
data: {dataset: digits, batch_size: 512}
train: {epochs: 1}
"""
MODEL = "from torch import nn\n\nNet = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU())\n"

# what an option, or a metavar, stands for
VALUES = {
    "--out": "written",
    "--output-file": "written.txt",
    "--blocks": "own.py",
    "--folder": "images",
    "--to": "onnx",
    "CODE": "AB301",
    "CODES": "AB4",
    "CxHxW": "1x8x8",
    "DIR": "runs",
    "FILE": "net.yaml",
    "FILE:CLASS": "model.py:Net",
    "IMAGE": "image.png",
    "KEY=VALUE": "train.epochs=1",
    "NAME": "conv",
    "NAME=VALUE": "bias=true",
    "PACK": "mcu",
    "PNG": "drawn.png",
    "REF": "HEAD",
    "RUN": "runs/net/first",
    "TRACKER": "tensorboard",
    "URL": "https://example.org",
}
NUMBER = "2"  # any other one is a number
FILES = {"compare": ["net.yaml", "net.yaml"]}  # of a command that takes any number of files, but not without a revision


def commands() -> dict[str, str]:
    """The word of every command, and its module."""
    names = [module.name for module in iter_modules(cli.__path__) if not module.name.startswith("_")]
    return {name.rstrip("_").replace("_", "-"): f"{cli.__name__}.{name}" for name in names}


def files(folder: Path) -> None:
    """What the commands are about; not the run, which takes a training."""
    (folder / "net.yaml").write_text(NET)
    (folder / "model.py").write_text(MODEL)
    (folder / "own.py").write_text("")


def plain(command: str) -> list[list[str]]:
    """The command as it is, with each of its actions."""
    return [[command, *FILES.get(command, ()), *words] for words, options in _forms(_parser(command)) if not options]


def every(command: str) -> Iterator[list[str]]:
    """The same, and with each of its options in turn."""
    for words, option in _forms(_parser(command)):
        yield [command, *FILES.get(command, ()), *words, *option]


def _parser(command: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    import_module(commands()[command]).configure(parser)
    return parser


def _forms(parser: argparse.ArgumentParser) -> Iterator[tuple[list[str], list[str]]]:
    """(what has to be said, and one thing that may be) of a parser."""
    actions = [action for action in parser._actions if not isinstance(action, argparse._HelpAction)]
    for action in actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, inner in action.choices.items():
                yield from (([name, *words], option) for words, option in _forms(inner))
            return
    one_of = [group._group_actions[0] for group in parser._mutually_exclusive_groups if group.required]
    needed = [a for a in actions if a in one_of or (a.required if a.option_strings else a.nargs not in ("?", "*"))]
    words = [word for action in needed for word in _typed(action)]
    yield words, []
    yield from ((words, _typed(action)) for action in actions if action not in needed)


def _typed(action: argparse.Action) -> list[str]:
    name = action.option_strings[-1:]
    if action.nargs == 0:
        return name
    if action.choices is not None:
        return [*name, str(next(iter(action.choices)))]
    assert isinstance(action.metavar, str), action
    return [*name, VALUES.get(name[0] if name else "") or VALUES.get(action.metavar, NUMBER)]
