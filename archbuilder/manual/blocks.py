"""The manual of the language, made from its classes: text for the terminal, Markdown for docs/language.md."""

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

Entry = type[Block] | type[Rule]  # an entry of the manual: a word, its fields, an example, rejected examples


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

Written by `archbuilder blocks --markdown` from the code itself; a test keeps it up to date.

## The file

| key | default | |
|---|---|---|
{top}
`limits` is a mapping from a quantity to a relation and a number in quotes: `params: "< 200k"`. Relations: `<`, `<=`,
`>`, `>=`, `==`. Suffixes: `k`, `M`, `G`, and `Ki`, `Mi`, `Gi` with or without a B. Quantities: {limits}.
Memory is in bytes for one image, in float32 unless a dtype follows the number: `flash: "< 256 KiB int8"`.
`peak_activations` is the memory that must be alive at the same time in inference (norms, activations and dropouts in
place), `training_activations` the memory saved for the backward pass; both are lower bounds for a real runtime.
`flash` is the size of the weights file: parameters and buffers as trained, including the running statistics of batch
norms, before a runtime folds norms into convs. `arena` is the memory that TensorFlow Lite for Microcontrollers needs
for the maps in int8 (or float32, if the limit says so), exact to the byte for the plan that `export --to tflite`
writes into its file. `arena_total` adds the runtime's own data; it is an estimate, and its upper end counts.
`receptive_field` is that of the map before the first global pool that every path to the output passes; without one,
before the last average pool that no window follows; else that of the last map. The axis that is worse for the limit
counts.

`limits` are bounds on totals of the network, `rules` all other requirements that can be checked without training,
`goals` requirements that need a run: `goals: {{accuracy: ">= 85%"}}`, see below.

`define` makes custom blocks: `define: {{twice: {{params: {{out: null, kernel: 3}}, blocks: [...]}}}}`. The default
of a required parameter is `null`. A definition is used like any block: `- twice: {{out: 32}}`.

`extends: base.yaml` starts from another file. Keys of this file take precedence, and sections are merged field by
field. Choices of the same kind are merged, too: `optimizer: {{muon: {{lr: 0.2}}}}` changes one field of a base's
`muon`, while the bare word `muon` is muon with its defaults. Other fields and lists, also the network, are replaced.
A key without a value changes nothing; `none` switches off a part that the base has switched on.

`space` lists other values that `archbuilder search` may choose; for all other commands the file is the network
without the space. Each key is a path, each value a list of options or a range of numbers:

```yaml
space:
  vars.width: {{from: 16, to: 64, step: 8}}
  train.optimizer.sgd.lr: {{from: 0.01, to: 0.3, log: true}}
  network.C1.blocks.0.kernel: [3, 5]
  network.C3.blocks.1: [{{conv: 32}}, [{{conv: 16}}, {{conv: 16}}], []]
```

A path consists of keys and positions, separated by points, as for `--set`. A block in a list is reached by its
position, from 0, or by its `name:`, at any depth below the list; its word may be omitted. A list as an option for a
block is replaced by its blocks, so an empty list removes the block. Options may use `vars` and `define`, so that one
choice can affect several places.

`defaults` sets these fields for the conv family, and `bias` also for `linear` and `classifier`:

| field | built-in | |
|---|---|---|
{conv}
## The blocks

A block is a mapping with one key, the name of the block, or the bare name if every field has its default. `name:` is
a field of every block. Sizes are one integer or `[height, width]`. Every integer may be arithmetic over `vars`.
"""


_GOALS = """## Goals

{doc}

`check FILE` lists goals as *after training*; `check RUN` compares them with the log of the run, and a missed goal is
an error. `train` prints them at its end, `report` and `runs` say whether the assignment is fulfilled, and
`evaluate RUN` measures the test accuracy again. The state of an unfinished run is *not yet*, a figure that is missing
in its log is *not recorded*: neither fulfils a goal. The goals of a run are those of its own file, with its overrides,
and of the packs that it names: shipped packs in their current version, your own packs as saved in the run.

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

A pack contains the requirements of an assignment or a target: rules that are checked one by one, and goals for runs.
`rules: era-s9` names a pack in a file, `rules: [era-s9, ./my-pack.yaml]` several (a path is relative to the file),
`check --rules PACK` one on the command line. The report shows for each rule what satisfies it; a missed rule is an
error. Shipped packs:

{packs}
Your own pack is a file with rules of these kinds; `archbuilder rules mcu` prints a shipped one as an example:

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

Every rule has the fields `name:`, its name in reports, and `remedy:`, a hint to print instead of its own.
A pack's `page:` is the address of a hosted page (`archbuilder page --base-url URL`): the report of a run that the pack
judges links to it, with the network in the link.
"""


def section(block: Entry, title: str = "") -> str:
    """The manual of one block or rule, in Markdown."""
    rows = "".join(f"| `{name}` | {default} | {description} |\n" for name, default, description in fields(block))
    rejects = "".join(f"- {code}: `{bad.replace(chr(10), ', ')}`\n" for bad, code in block.REJECTS.items())
    doc = docstring(block)
    table = f"| field | default | |\n|---|---|---|\n{rows}"
    return f"### {title or block.KIND}\n\n{doc}\n\n{table}\n```yaml\n{example(block)}\n```\n\nRejected:\n\n{rejects}"
