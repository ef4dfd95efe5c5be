"""Files that stand for more than they say: definitions in definitions, files that extend each other, rule packs."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

HEAD = "archbuilder: 1\ninput: [8, 32, 32]\nclasses: 10\n"
AROUND = (
    "{}",
    "{{stage: {{blocks: [{}]}}}}",
    "{{repeat: {{times: 2, blocks: [{}]}}}}",
    "{{skip: {{blocks: [{}]}}}}",
    "{{skip: {{blocks: [{{conv: 8}}], shortcut: [{}]}}}}",
    "{{branches: {{merge: add, paths: [[{}], []]}}}}",
)

Files = dict[str, str]  # by their names; the case itself is under CASE
CASE = "case.yaml"

Kind = Callable[[Random], Files]


def chain(random: Random) -> Files:
    """Definitions each of which is made of the one before it, mostly near a bound of depth, of a name or of a path."""
    name = "d" * random.choice([1, 1, 1, 2, 18, 57, 58, 59, 400])
    body, definitions = (
        random.choice(["{conv: 8}", "{conv: 8}", "gap", f"{{conv: {{out: 8, name: {name}}}}}", "{conv: w}"]),
        [],
    )
    width = random.choice([1, 1, 1, 2, 3])
    params, uses = random.choice(
        [
            ("", ["{0}", "{{{0}: {{}}}}"]),
            ("params: {w: 8}, ", ["{0}", "{{{0}: {{w: w + 1}}}}", "{{{0}: w}}"]),
            ("params: {w: null}, ", ["{{{0}: {{w: 1}}}}", "{{{0}: {{w: 8}}}}", "{0}"]),
        ]
    )
    for number in range(random.choice([2, 5, 16, 24, 25, 48, 49, 50, 51, 240])):
        for _ in range(random.choice([0, 1, 1, 1, 2, 7])):
            body = random.choice(AROUND).format(body)
        definitions.append(f"  {name}{number}: {{{params}blocks: [{', '.join([body] * width)}]}}\n")
        body = random.choice(uses[:2] if random.random() < 0.9 else uses).format(f"{name}{number}")
    variables = random.choice(["", "vars: {w: 4}\n"])
    return {CASE: f"{HEAD}{variables}define:\n{''.join(definitions)}network: [{body}, gap, classifier]\n"}


def files(random: Random) -> Files:
    """A row of files each of which extends the next; the last may extend an earlier one, or nothing that is there."""
    count = random.choice([2, 3, 9, 10, 11, 12])
    names = [CASE, *(f"base{number}.yaml" for number in range(1, count))]
    last = random.choice([HEAD, HEAD, HEAD, f"extends: {random.choice(names)}\n", "extends: nowhere.yaml\n"])
    found = {}
    for name, base in zip(names, [*names[1:], ""], strict=True):
        size = random.choice([0, 1, 20, 20, 2_000, 12_000]) if random.random() < 0.5 else 1
        keys = "".join(f"  v{number}: {random.choice('123')}\n" for number in range(size))
        section = random.choice(["vars", "vars", "limits", "define", "defaults"])
        values = f"{section}:\n{keys}" if keys else ""
        found[name] = (f"extends: {base}\n" if base else f"{last}network: [gap, classifier]\n") + values
    return found


def packs(random: Random) -> Files:
    """A network that asks for many rule packs, some of them large."""
    count = random.choice([2, 5, 19, 20, 21])
    names = [f"pack{number}.yaml" for number in range(count)]
    found = {
        CASE: f"{HEAD}rules: [{', '.join(f'./{name}' for name in names)}]\nnetwork: [{{conv: 8}}, gap, classifier]\n"
    }
    for name in names:
        size = random.choice([1, 3, 100, 101, 8_000]) if random.random() < 0.3 else 1
        rules = "".join(f"- gap: {{name: r{number}}}\n" for number in range(size))
        found[name] = f"archbuilder_rules: 1\nname: {name.removesuffix('.yaml')}\nrules:\n{rules}"
    return found


def made(random: Random) -> Files:
    return random.choice([chain, chain, chain, files, packs])(random)
