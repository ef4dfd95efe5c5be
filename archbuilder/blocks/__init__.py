"""The YAML vocabulary: one file per block, found by its name.

The file `blocks/NAME.py` defines the block NAME: its fields, its lowering to ops, its manual, an example and rejected
examples. Only the files of blocks that a network uses are imported.
"""

import keyword
import re
from collections.abc import Iterable
from functools import cache, partial
from importlib import import_module
from pkgutil import iter_modules
from typing import Annotated, Any, ClassVar, TypeVar, get_args

from pydantic import Field

from archbuilder.diagnostics import ArchbuilderError, declare
from archbuilder.document.nodes import Node
from archbuilder.ir.builder import GraphBuilder
from archbuilder.ir.graph import INPUT
from archbuilder.remedy import Hint, Remedy, Remove, Rename, Write
from archbuilder.schema.env import Env
from archbuilder.schema.family import Family
from archbuilder.schema.fields import NAME, NAME_FORM, Check, Variables, failure, read_name, reads
from archbuilder.schema.hints import SOFTMAX, unknown_hint
from archbuilder.schema.model import Child, Model
from archbuilder.synonyms import synonym

MAX_BLOCKS = 20_000  # nested definitions multiply: reading more blocks would take seconds
# Python's stack has 1,000 frames, and functions that walk a module use several per level: torch.compile about 12,
# copy.deepcopy 6. This bound leaves a third of the stack to the calling program
MAX_LEVELS = 50
SHOWN = 2  # how many definitions of a long chain are named at each end

BLOCKS_BOUND = declare(
    "AB209",
    "a file that expands to too many blocks",
    why=(
        "Definitions that use definitions multiply: ten levels of ten uses each make ten thousand million blocks. At "
        "most 20,000 blocks are expanded."
    ),
    bad="""\
define:
  a: {blocks: [{conv: 16}, {conv: 16}, {conv: 16}, {conv: 16}, {conv: 16}, {conv: 16}, {conv: 16}]}
  b: {blocks: [a, a, a, a, a, a, a]}
  c: {blocks: [b, b, b, b, b, b, b]}
  d: {blocks: [c, c, c, c, c, c, c]}
  e: {blocks: [d, d, d, d, d, d, d]}
  f: {blocks: [e, e, e, e, e, e, e]}
network: [f]""",
    good="""\
define:
  a: {blocks: [{conv: 16}, {conv: 16}]}
  b: {blocks: [a, a]}
network: [b]""",
)
LEVELS = declare(
    "AB212",
    "blocks that nest too deep",
    why=(
        "Each level of nesting is a module inside a module. Beyond 50 levels (after definitions are expanded; stages "
        "in stages and paths in paths count, too) Python itself could not copy or compile the network or export it to "
        "ONNX. The network's own list is the first level; a list of paths and a shortcut each add a level."
    ),
    bad="""\
$ python nested.py 50 > deep.yaml
$ archbuilder check deep.yaml""",
    good="$ archbuilder check net.yaml",
)
NAME_TAKEN = declare(
    "AB202",
    "a name that is taken or reserved",
    why=(
        "Names become attributes of modules and keys of the state dict. Two blocks of the same name in one list would "
        "overwrite each other, and a block called `train` or `forward` would replace a method that torch needs."
    ),
    bad="- conv: {out: 16, name: train}",
    good="- conv: {out: 16, name: first}",
)

# attributes of torch.nn.Module, which a submodule must not hide (a test compares this list with torch)
RESERVED = frozenset(
    """T_destination add_module apply bfloat16 buffers call_super_init children compile cpu cuda double
    dump_patches eval extra_repr float forward get_buffer get_extra_state get_parameter get_submodule half
    ipu load_state_dict modules mtia named_buffers named_children named_modules named_parameters parameters
    register_backward_hook register_buffer register_forward_hook register_forward_pre_hook
    register_full_backward_hook register_full_backward_pre_hook register_load_state_dict_post_hook
    register_load_state_dict_pre_hook register_module register_parameter register_state_dict_post_hook
    register_state_dict_pre_hook requires_grad_ set_extra_state set_submodule share_memory state_dict to
    to_empty train training type xpu zero_grad""".split()
) | {INPUT}


def is_reserved(name: str) -> bool:
    """Whether a name is an attribute of nn.Module or a keyword of Python."""
    return name in RESERVED or keyword.iskeyword(name)


@reads(**NAME_FORM)
def _free_name(value: Any, variables: Variables) -> str:
    """Validate the name of a layer."""
    found: str = read_name(value, variables)
    if is_reserved(found):
        message = f"{found} is reserved by Python or torch"
        raise failure(message, Write(f"{found}_", say=f"use another one, {{}} or {found}1 for example"), NAME_TAKEN)
    return found


FreeName = Annotated[str, Check(_free_name)]


class Block(Model):
    """Base class of every block: a part of a network that lowers itself to ops."""

    KIND: ClassVar[str] = ""  # the block's word in YAML, set by `register`
    EXAMPLE: ClassVar[str] = ""
    REJECTS: ClassVar[dict[str, str]] = {}

    name: Annotated[FreeName | None, Field(description="a name of its own in paths and tables")] = None

    @property
    def word(self) -> str:
        """The word in YAML that the user wrote for this block."""
        return self.KIND

    def lower(self, g: GraphBuilder) -> None:
        """Append this block's ops to the current value."""
        raise NotImplementedError


_registered: dict[str, type[Block]] = {}

B = TypeVar("B", bound=type[Block])


def register(block: B) -> B:
    """Register a class as the block with the name of its module. Raises ValueError if a block cannot have that name."""
    package, _, kind = block.__module__.rpartition(".")
    if package != __name__ and kind in _built_in():
        raise ValueError(f"a block cannot be named {kind}: archbuilder has a block of that name")
    if is_reserved(kind) or not re.fullmatch(NAME, kind):
        raise ValueError(f"a block cannot be named {kind}: this is not an identifier, or Python or torch reserves it")
    if kind in _registered:
        raise ValueError(f"the block {kind} is defined twice")
    block.KIND = kind
    _registered[kind] = block
    return block


def names() -> list[str]:
    """The names of all blocks."""
    return sorted(_built_in() | set(_registered))


@cache
def _built_in() -> frozenset[str]:
    return frozenset(module.name for module in iter_modules(__path__) if not module.name.startswith("_"))


def find(name: str) -> type[Block] | None:
    """The block of this name, or None."""
    if name not in _registered and name in names():
        import_module(f"{__name__}.{name}")
    elif name not in _registered:
        from archbuilder.blocks._external import load_installed

        load_installed(name)
    return _registered.get(name)


class _Blocks(Family):
    """Blocks and definitions by their names. Suggestions for an unknown name include the kinds of blocks (`relu`)."""

    def _read(self, node: Node, env: Env, in_list: bool = False) -> Any:
        if env.definitions:
            (name,) = node.value if node.is_mapping and len(node.value) == 1 else (node.value,)
            if isinstance(name, str) and name in env.definitions:
                body = node.value[name] if node.is_mapping else Node(None, node.span)
                return env.definitions[name].read(Node(body.value, node.place(name), body.keys), env)
        return super()._read(node, env, in_list)

    def hint(self, name: str, env: Env, is_bare: bool) -> Hint:
        for word in ("activation", "norm"):  # - relu
            block = find(word)
            kind = synonym(name, get_args(block.model_fields["kind"].annotation)) if block else ""
            if kind and kind != "none" and name not in env.definitions:
                meant = Rename(f"{word}: {kind}")
                return (
                    meant if is_bare else str(meant)
                )  # with fields, the suggestion is only words: it cannot replace a bare value
        if name in SOFTMAX:
            return Remove(say="leave it out: the loss brings the softmax")
        known = super().hint(name, env, is_bare)
        return known if isinstance(known, Remedy) else unknown_hint(name, sorted({*self.names(), *env.definitions}))


BLOCKS = _Blocks("block", find, names)


class _Broken(Block):
    """Takes the place of a block with a reported error, so that the rest of the list is still checked."""

    def lower(self, g: GraphBuilder) -> None:
        g.forget()


BROKEN = _Broken.model_construct()


def read_blocks(node: Node, env: Env) -> object:
    """Read a list of blocks: a tuple of Block, or INVALID."""
    if not node.is_list:
        return BLOCKS.read_list(node, env)
    env = one_level_in(node, env)
    blocks = [_read_block(item, env) for item in node.value]
    _check_names(blocks, env)
    return tuple(blocks)


def one_level_in(node: Node, env: Env) -> Env:
    """The environment one level further in: of a list of blocks, or of a list of paths. Raises ArchbuilderError AB212
    beyond MAX_LEVELS."""
    if env.level < MAX_LEVELS:
        return env.deeper()
    way = list(env.expanding)
    way = way if len(way) <= 2 * SHOWN else [*way[:SHOWN], "...", *way[-SHOWN:]]
    by = f", through {' -> '.join(way)}" if way else ""
    message = f"blocks nest more than {MAX_LEVELS} levels deep after definitions are expanded{by}"
    raise ArchbuilderError(LEVELS.at(node.span, message, "put blocks one after another instead of nesting them"))


def _read_block(node: Node, env: Env) -> Block:
    if next(env.counter) >= MAX_BLOCKS:
        message = f"the file expands to more than {MAX_BLOCKS:,} blocks"
        raise ArchbuilderError(BLOCKS_BOUND.at(node.span, message, "to use the same blocks many times, write repeat"))
    block = BLOCKS.read(node, env, in_list=True)
    return block if isinstance(block, Block) else BROKEN


BLOCK_LIST = {"type": "array", "items": BLOCKS}  # as JSON Schema
Blocks = Annotated[tuple[Block, ...], Child(read_blocks, BLOCK_LIST), Field(min_length=1)]


def _check_names(blocks: Iterable[Block], env: Env) -> None:
    """Report names that occur twice among siblings."""
    seen: set[str] = set()
    for block in blocks:
        name = block.name
        if name is None:
            continue
        if name in seen:
            env.report(
                NAME_TAKEN, block.span("name"), f"the name {name} occurs twice in one list of blocks", "rename one"
            )
        seen.add(name)


def lower_blocks(blocks: Iterable[Block], g: GraphBuilder) -> None:
    """Append blocks one after another."""
    for block in blocks:
        if g.parts is None:
            _lower(block, g)
        else:
            g.once(block, partial(_lower, block, g))


def _lower(block: Block, g: GraphBuilder) -> None:
    with g.writing(block, block.word):
        if block.name is None:
            block.lower(g)
            return
        with g.named(block.name):
            block.lower(g)
