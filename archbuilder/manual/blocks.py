"""The manual of the language, read off its classes: text for the terminal, Markdown for docs/language.md."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from archbuilder.blocks import Block, find, names
from archbuilder.blocks.activation import Activation
from archbuilder.blocks.conv import ConvDefaults
from archbuilder.blocks.dropout import Dropout
from archbuilder.blocks.norm import Norm
from archbuilder.docstrings import docstring
from archbuilder.manual import sections
from archbuilder.rules.limits import QUANTITIES
from archbuilder.rules.packs import kinds
from archbuilder.rules.packs.pack import built_in, shipped
from archbuilder.rules.packs.rule import Rule
from archbuilder.schema.model import Model
from archbuilder.spec.architecture import Architecture
from archbuilder.spec.goals import Goal

Entry = type[Block] | type[Rule]  # what the manual describes: a word, its fields, an example, rejected examples


def index() -> str:
    """Every block with the first line of its manual."""
    blocks = [(name, manual(name)) for name in names()]
    width = max(len(name) for name, _ in blocks)
    return "\n".join(f"{name:{width}}  {first_line(block)}" for name, block in blocks)


def manual(name: str) -> type[Block]:
    """The block of a name that exists."""
    block = find(name)
    assert block is not None, f"{name} is listed and cannot be found"
    return block


def first_line(block: Entry) -> str:
    return docstring(block).split("\n\n")[0].replace("\n", " ")


def text(block: Entry) -> str:
    """The whole manual of one block."""
    rows = list(fields(block))
    width = max(len(name) for name, *_ in rows)
    lines = [block.KIND, "", docstring(block), "", "fields:"]
    lines += [f"  {name:{width}}  {description} ({default})" for name, default, description in rows]
    lines += ["", "example:", *(f"  {line}" for line in example(block).splitlines())]
    lines += ["", "rejected:", *(f"  {code}  {bad!r}" for bad, code in block.REJECTS.items())]
    return "\n".join(lines)


def example(block: Entry) -> str:
    """The example as items of a list of blocks."""
    return block.EXAMPLE if block.EXAMPLE.startswith("- ") else f"- {block.EXAMPLE}"


def fields(block: Entry) -> Iterator[tuple[str, str, str]]:
    """(name, default, description) of each field, the block's own first."""
    inherited = set(Block.model_fields if issubclass(block, Block) else Rule.model_fields)
    return iter(sorted(_fields(block), key=lambda field: field[0] in inherited))


def _fields(model: type[Model]) -> Iterator[tuple[str, str, str]]:
    for key, info in model.model_fields.items():
        name = info.alias or key
        required = info.is_required()
        default = "required" if required else f"default {shown(info.get_default(call_default_factory=True))}"
        if name == model.POSITIONAL:
            default += ", may be written alone"
        yield name, default, info.description or ""


def shown(value: Any) -> str:
    """A default as one would write it in YAML."""
    if isinstance(value, (Norm, Activation)):
        return value.kind
    if isinstance(value, Dropout):
        return f"{value.p:g}"
    if value in ((), {}):
        return "none"
    if isinstance(value, tuple):
        if all(isinstance(item, str) for item in value):
            return "-".join(value)
        return str(value[0]) if len(set(value)) == 1 else str(list(value))
    if value is None or isinstance(value, bool):
        return {None: "none", True: "true", False: "false"}[value]
    return str(value)


def markdown() -> str:
    """The reference of the whole language."""
    top = "".join(f"| `{name}` | {default} | {text} |\n" for name, default, text in _fields(Architecture))
    conv = "".join(f"| `{name}` | {default} | {text} |\n" for name, default, text in _fields(ConvDefaults))
    head = _INTRODUCTION.format(top=top, conv=conv, limits=", ".join(f"`{name}`" for name in QUANTITIES))
    packs = "".join(f"- `{name}`: {built_in(name).title}\n" for name in shipped())
    rules = (section(rule, f"rule {name}") for name in kinds.names() if (rule := kinds.find(name)))
    blocks = map(section, map(manual, names()))
    parts = [head, *blocks, _goals(), _PACKS.format(packs=packs), *rules, sections.markdown()]
    return "\n".join(parts)


def _goals() -> str:
    rows = "".join(f"| `{name}` | {default} | {text} |\n" for name, default, text in _fields(Goal))
    return f"{_GOALS.format(doc=docstring(Goal))}\n| field | default | |\n|---|---|---|\n{rows}"


_INTRODUCTION = """# The language

Written by `archbuilder blocks --markdown` from the code itself; a test keeps it true.

## The file

| key | default | |
|---|---|---|
{top}
`limits` is a mapping from a quantity to a relation and a number in quotes: `params: "< 200k"`. Relations: `<`, `<=`,
`>`, `>=`, `==`. Suffixes: `k`, `M`, `G`, and `Ki`, `Mi`, `Gi` with or without a B. Quantities: {limits}.
Memory is in bytes, for one image, in float32 or the dtype behind the number: `flash: "< 256 KiB int8"`.
`peak_activations` is what must be alive at once in inference (norms, activations and dropouts in place),
`training_activations` what backward keeps; both are lower bounds for a real runtime. `flash` is the file of weights:
parameters and buffers as they are trained, a batch norm's running statistics among them, before a runtime folds it
into the conv before it. `arena` is the memory that TensorFlow Lite for Microcontrollers needs for the maps in int8 (or
float32, where the limit says so): exact, to the byte, under the plan that `export --to tflite` writes into its file.
`arena_total` adds what the runtime keeps of tensors and operators beside them: an estimate, whose upper end counts.
`receptive_field` is that of the map before the first global pool that every path to the
output passes; where there is none, before the last average pool that no window follows; else of the last map. The
axis that is worse for the limit counts.

`limits` are the totals of the network, `rules` everything else that the file alone can show, `goals` what only a run
shows: `goals: {{accuracy: ">= 85%"}}`, more of them below.

`define` makes blocks of one's own: `define: {{twice: {{params: {{out: null, kernel: 3}}, blocks: [...]}}}}`; a
parameter without a default is `null`; it is then used like any block: `- twice: {{out: 32}}`.

`extends: base.yaml` starts from another file: own keys win, sections are merged field by field, and so are choices
of the same kind (`optimizer: {{muon: {{lr: 0.2}}}}` over a base's `muon`; the bare word `muon` is muon with its
defaults); other fields and lists (the network too) are replaced. A key with nothing behind it changes nothing; `none`
switches off what the base has on.

`space` says what may be chosen instead of the file's own values, for `archbuilder search`; for everything else the
file is the network that it is without. Each key is a path, each value a list of options or a range of numbers:

```yaml
space:
  vars.width: {{from: 16, to: 64, step: 8}}
  train.optimizer.sgd.lr: {{from: 0.01, to: 0.3, log: true}}
  network.C1.blocks.0.kernel: [3, 5]
  network.C3.blocks.1: [{{conv: 32}}, [{{conv: 16}}, {{conv: 16}}], []]
```

A path is keys and places with points between them, as `--set` takes it. A block of a list is reached by its place,
from 0, or by its `name:`, however deep below the list; its word may be left out. A list in the place of a block stands
for its blocks, an empty one for none. Options may use `vars` and `define`, so one choice can have a say in another.

`defaults` sets these fields for the conv family, and `bias` also for `linear` and `classifier`:

| field | built-in | |
|---|---|---|
{conv}
## The blocks

A block is a mapping with one key, its name, or the bare name where every field has its default. `name:` is a field
of every block. Sizes are one integer or `[height, width]`. Every integer may be arithmetic over `vars`.
"""


_GOALS = """## Goals

{doc}

`check FILE` lists goals as *after training*; `check RUN` holds them against what the run has recorded, and a missed one
is an error; `train` ends with them, and `report` and `runs` say whether the assignment is fulfilled; `evaluate RUN`
measures the test accuracy again. A run that is not finished stands at *not yet*, a figure that its log does not have is
*not recorded*: neither fulfils a goal. The goals of a run are those of its own file, its overrides included, and of the
packs that it names: a shipped one as it is now, one of your own as the run has kept it.

```yaml
goals: {{accuracy: ">= 85%", train_time: "<= 10 min"}}
```

or as a list:

```yaml
goals:
  - accuracy: ">= 85%"
  - {{of: test_accuracy, bound: ">= 99.4%", over: {{each_of_last: 3}}}}
```
"""


_PACKS = """## Rule packs

A pack is what a task asks: rules that a network is held against, one by one, and goals for its runs. `rules: era-s9`
names one in a file, `rules: [era-s9, ./my-pack.yaml]` several (a path counts from the file it stands in),
`check --rules PACK` one on the command line. The report says of each rule what satisfies it; what is missing is an
error. Shipped:

{packs}
A pack of your own is a file with rules of these kinds; `archbuilder rules mcu` prints a shipped one to start from:

```yaml
archbuilder_rules: 1
name: mine
rules:
  - has: {{layers: skip, at_least: 2}}
  - without: [max_pool, gelu]
  - limit: {{of: macs, bound: "< 20M", remedy: stride earlier}}
  - recipe: {{epochs: "<= 15"}}
goals: {{accuracy: ">= 90%"}}
```

`name:`, what reports call it, and `remedy:`, said instead of its own, are fields of every rule.
"""


def section(block: Entry, title: str = "") -> str:
    """The manual of one block or rule, in Markdown."""
    rows = "".join(f"| `{name}` | {default} | {description} |\n" for name, default, description in fields(block))
    rejects = "".join(f"- {code}: `{bad.replace(chr(10), ', ')}`\n" for bad, code in block.REJECTS.items())
    doc = docstring(block)
    table = f"| field | default | |\n|---|---|---|\n{rows}"
    return f"### {title or block.KIND}\n\n{doc}\n\n{table}\n```yaml\n{example(block)}\n```\n\nRejected:\n\n{rejects}"
