"""What is spoilt: valid files, the language's words, and odd values to put into them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import yaml

from archbuilder import blocks

HERE, ROOT = Path(__file__).parent, Path(__file__).parents[2]

# between them they use all of the language; VARIANT extends base.yaml and asks for the rules of pack.yaml
EVERYTHING, COMPOSED, VARIANT, RULES = OWN = [
    (HERE / f"{name}.yaml").read_bytes() for name in ("everything", "composed", "variant", "rules")
]

ODD = (
    """
0|1|-1|2|3|7|99|1000|10000|999999|1000000|1000001|-1000000|99999999999999999999|1e3|1e-3|1e400|0.5|.5|-0.0|.nan|.inf
-.inf|0x7fffffff|0o17|007|1_000|null|~||true|false|yes|on|same|valid|auto|none|identity|add|concat|x|width|2 * width
width // 0|width ** 9|-width|(1|[]|[1]|[1, 2]|[1, 2, 3]|[1, 2, 3, 4]|[1, x]|[[1]]|{}|{a: 1}|{out: 3}|{kind: group}
{times: 1000000, blocks: [gap]}|[gap]|[gap, {conv: 3}]|'< 5'|'> 44k'|> 44|< 5|"\\0"|"\\u202e"|"\\x1b[2J"|'a''b'|*body|*x
&x 3|&x [*x]|!!int 3|!!python/name:os|!x y|<<|'<<': 1|# c|@|%|`|"|'|{|}|[|]|,|: |- |? |---|...|\t
import os|__import__('os')|lambda: 0|1 if 1 else 2|train|forward|input|conv.norm|../../etc/passwd|/dev/zero|-
base.yaml|pack.yaml|case.yaml|.|era-s9|mcu|'== 5'|'< 1 KiB int8'|'>= 0.07k'|digits|images.npz|cifar10|mean|out|pair
width % 0|width // -3|((width))|1 + + 1|1 +|)|9 * 999999 * 999999|width width|a.b|12345678901234567890 % 7|- - 3|+|3 3
# archbuilder: ignore|# archbuilder: ignore AB402|# archbuilder: ignore AB4, AB999 because|# archbuilder:ignore[AB101]
# archbuilder: ignore \u202e|#archbuilder: ignore ab402|# archbuilder: ignore AB001 AB003 AB101 AB103
""".strip().replace("\n", "|")
).split("|")


@cache
def corpus() -> list[bytes]:
    """Files that are valid: those beside this, shipped ones, and those of the tests."""
    folders = ("architectures", "examples", "archbuilder/rules/packs", "tests/networks")
    found = [path.read_bytes() for folder in folders for path in sorted((ROOT / folder).rglob("*.yaml"))]
    return [*OWN, *found]


@cache
def words() -> list[str]:
    """Every word of the language: blocks, their fields, and the keys of the valid files."""
    fields = {field for name in blocks.names() if (block := blocks.find(name)) for field in block.model_fields}
    keys = {key for data in OWN for key in _keys(yaml.safe_load(data))}
    return sorted(fields | keys | set(blocks.names()))


def _keys(value: Any) -> Iterator[str]:
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _keys(child)
    yield from value if isinstance(value, dict) else ()


def example(random: Random) -> str:
    block = blocks.find(random.choice(blocks.names()))
    assert block is not None
    return random.choice([block.EXAMPLE, *block.REJECTS])
