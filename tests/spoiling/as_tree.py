"""Texts spoilt as trees of values: what comes out is YAML again, so that more of it is read."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cache
from random import Random
from typing import Any

import yaml

from archbuilder import blocks
from tests.spoiling.seeds import ODD, example, words

Way = Callable[[Random, Any, Any], None]  # changes what a collection holds under a key


@cache
def _read(data: bytes) -> Any:
    return yaml.load(data, getattr(yaml, "CSafeLoader", yaml.SafeLoader))


@cache
def _odd_values() -> list[Any]:
    """The odd values as texts, and as what YAML makes of them."""
    found: list[Any] = list(ODD)
    for text in ODD:
        with suppress(yaml.YAMLError, ValueError):
            found.append(None if "*" in text else _read(text.encode()))  # a list may hold itself
    return found


def spoil(random: Random, data: bytes, times: int) -> bytes:
    """The values of a valid file, spoilt and written again."""
    root = copy.deepcopy(_read(data))
    ways = random.choice([GENTLE, GENTLE, ROUGH])
    for _ in range(times):
        root = _spoil_tree(random, root, ways)
    style = random.choice([None, None, False, True])
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text = yaml.dump(root, Dumper=dumper, sort_keys=False, default_flow_style=style, allow_unicode=True, width=120)
    return text.encode("utf-8", "surrogatepass")


def _spoil_tree(random: Random, root: Any, ways: Sequence[Way]) -> Any:
    holders = [value for value in _collections(root, set()) if value]
    if not holders:
        return random.choice(_odd_values())
    holder = random.choice(holders)
    key = random.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    random.choice(ways)(random, holder, key)
    return root


def _collections(value: Any, seen: set[int]) -> Iterator[Any]:
    if isinstance(value, (dict, list)) and id(value) not in seen:
        seen.add(id(value))  # an alias may repeat it
        yield value
        for child in value.values() if isinstance(value, dict) else value:
            yield from _collections(child, seen)


def _put(random: Random, holder: Any, key: Any) -> None:
    """A value replaced by an odd one."""
    holder[key] = copy.deepcopy(random.choice(_odd_values()))


def _drop(random: Random, holder: Any, key: Any) -> None:
    """A value taken out."""
    del holder[key]


def _double(random: Random, holder: Any, key: Any) -> None:
    """An item again, once or many times; a mapping's value under another name."""
    if isinstance(holder, list):
        holder[key:key] = [copy.deepcopy(holder[key])] * random.choice([1, 1, 2, 10, 150])
    else:
        holder[random.choice(words())] = copy.deepcopy(holder[key])


def _add(random: Random, holder: Any, key: Any) -> None:
    """A field or a block of the language."""
    if isinstance(holder, dict):
        holder[random.choice(words())] = copy.deepcopy(random.choice(_odd_values()))
    else:
        holder[key:key] = copy.deepcopy(_items(example(random)))


def _resize(random: Random, holder: Any, key: Any) -> None:
    """A number made larger, smaller, negative, a pair or an expression; another value replaced."""
    value = holder[key]
    if not _is_number(value):
        return _put(random, holder, key)
    changed = [-value, value * 1000, value / 2, [value, 1], [1, value], str(value)]
    holder[key] = random.choice([*changed, f"{value} * width", f"width - {value}", f"({value} + 1) // 2"])


def _wrap(random: Random, holder: Any, key: Any) -> None:
    """A value put into a collection."""
    holder[key] = random.choice([[holder[key]], {random.choice(words()): holder[key]}])


def _exchange(random: Random, holder: Any, key: Any) -> None:
    """Two values of one collection change places."""
    other = random.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    holder[key], holder[other] = holder[other], holder[key]


# ---- what mostly leaves a network: it is then lowered, analysed, linted and judged


def _tune(random: Random, holder: Any, key: Any) -> None:
    """A number a little larger or smaller; another value dropped or exchanged."""
    value = holder[key]
    if _is_number(value):
        holder[key] = random.choice([value + 1, value - 1, value * 2, value * 7, value // 2, value + 100])
    elif len(holder) > 1:
        random.choice([_drop, _exchange])(random, holder, key)


def _insert(random: Random, holder: Any, key: Any) -> None:
    """A block where a block stands."""
    if _is_block(holder, key):
        block = blocks.find(random.choice(blocks.names()))
        assert block is not None
        holder[key:key] = copy.deepcopy(_items(block.EXAMPLE))
    else:
        _tune(random, holder, key)


def _enclose(random: Random, holder: Any, key: Any) -> None:
    """A block put into another one, which may repeat it."""
    if not _is_block(holder, key):
        return _tune(random, holder, key)
    body = [holder[key]]
    merge = random.choice(["add", "concat", "multiply"])
    holder[key] = random.choice(
        [
            {"stage": {"blocks": body}},
            {"repeat": {"times": random.choice([1, 2, 50, 1000]), "blocks": body}},
            {"skip": {"blocks": body, "merge": merge, "shortcut": random.choice(["auto", "identity", body])}},
            {"branches": {"paths": random.choice([[body, []], [body, body]]), "merge": merge}},
        ]
    )


def _again(random: Random, holder: Any, key: Any) -> None:
    """A block twice, or many times."""
    if _is_block(holder, key):
        holder[key:key] = [copy.deepcopy(holder[key])] * random.choice([1, 1, 2, 10, 50])
    else:
        _tune(random, holder, key)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_block(holder: Any, key: Any) -> bool:
    item = holder[key]
    name = next(iter(item)) if isinstance(item, dict) and item else item
    return isinstance(holder, list) and isinstance(name, str) and name in blocks.names()


def _items(text: str) -> Any:
    return _read((text if text.startswith("- ") else f"- {text}").encode())


ROUGH: list[Way] = [_put, _put, _resize, _resize, _drop, _double, _add, _wrap, _exchange]
GENTLE: list[Way] = [_tune, _tune, _tune, _insert, _enclose, _again]
