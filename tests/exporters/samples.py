"""Networks that exports must get right: long connections, shared layers, gates, names that mean something in Python."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import dedent

from archbuilder.analysis.facts import Facts
from archbuilder.diagnostics import ArchbuilderError
from archbuilder.ir.graph import Graph
from archbuilder.pipeline import analyse_file
from tests.ir.choices import Seeded
from tests.ir.networks import Writer

HEAD = "archbuilder: 1\nname: {name}\ninput: [3, 16, 16]\n"
LONG = "x" * 58

_NETWORKS = {
    "joined": """
        classes: 10
        network:
          - stage: {name: C1, blocks: [{conv: {name: early, out: 8}}, {conv: 8}, {strided: 16}]}
          - stage: {name: C2, blocks: [{conv: {name: mid, out: 16}}, {conv: 16}, {join: {from: mid, merge: concat}}]}
          - upsample: 2
          - stage: {name: C3, blocks: [{join: {from: early, merge: concat}}, {conv: 8}]}
          - gap
          - classifier
        """,
    "shared": """
        network:
          - conv: 8
          - conv: {name: twice, out: 8}
          - use: twice
          - stage: {name: S, blocks: [{conv: 8}, {skip: {blocks: [{conv: 8}, {conv: 8}]}}]}
          - use: S
          - activation: {name: act, kind: prelu}
          - use: act
          - use: {block: S, name: again}
          - use: again
        """,
    "shared_across_stages": """
        network:
          - conv: 8
          - stage: {name: C1, blocks: [{conv: {name: a, out: 8}}, {conv: {name: b, out: 8}}]}
          - stage: {name: C2, blocks: [{conv: 8}, {use: a}, {skip: {blocks: [{conv: 8}, {use: b}]}}]}
        """,
    "names": """
        network:
          - conv: {name: self, out: 8}
          - conv: {name: torch, out: 8}
          - conv: {name: nn, out: 8}
          - stage: {name: append, blocks: [{conv: {name: pop, out: 8}}, {conv: {name: extend, out: 8}}]}
          - stage: {name: x, blocks: [{conv: {name: x, out: 8}}, {conv: {name: self, out: 8}}]}
          - skip: {name: OrderedDict, blocks: [{conv: {name: torch, out: 8}}, {conv: {name: Tensor, out: 8}}]}
          - join: [torch, nn]
        """,
    "constants": """
        network:
          - rescale: {scale: [2, 2, 4], offset: [-1, 0, 1]}
          - conv: {out: 8, activation: {kind: prelu, channels: true}}
          - branches: {split: [2, 6], paths: [[{conv: 2}, {rescale: [0.5, 0.5]}], []]}
          - branches: {split: [2, 5, 1], merge: concat, paths: [[{conv: 2}], [], [{conv: 1}]]}
          - skip: {blocks: [{strided: 16}], shortcut: [{avg_pool: {kernel: 1, stride: 2}}, {pad: {channels: [3, 5]}}]}
          - skip: {blocks: [{conv: 16}, {rescale: 0.17}], shortcut: identity}
          - max_pool: {kernel: 3, stride: 2, ceil_mode: true}
          - pad: [0, 1, 0, 1]
          - avg_pool: {kernel: 3, stride: 2, padding: 1, ceil_mode: true, count_include_pad: false}
          - squeeze_excite: {activation: silu, bias: false}
          - activation: gelu_tanh
          - gap
          - flatten
          - norm
          - norm: layer
          - linear: 10
          - rescale: 0.125
        """,
    "gates": """
        network:
          - conv: 16
          - squeeze_excite: {ratio: 4}
          - conv: 16
          - squeeze_excite: {ratio: 4}
          - skip: {blocks: [{conv: 16}, {squeeze_excite: {ratio: 2}}], merge: multiply}
          - conv: {out: 16, frozen: true, padding_mode: reflect}
          - activation: {kind: leaky_relu, slope: 0.1}
        """,
    "branches": """
        network:
          - conv: 16
          - branches: {paths: [[], [{conv: 8}]], split: true}
          - branches:
              paths: [[{conv: 8}], [{max_pool: {kernel: 3, stride: 1, padding: 1}}, {pointwise: 8}], [activation]]
          - branches: {paths: [[], []], merge: add}
          - branches: {paths: [[{branches: {paths: [[], [{conv: 17}]], split: true}}], []], merge: concat}
        """.replace("merge: add}", "merge: add}\n          - conv: 40"),
    "alike": """
        define:
          twin:
            params: {out: null, k: 3}
            blocks: [{conv: {out: out, kernel: k}}, {skip: {blocks: [{conv: {out: out, kernel: k}}]}}]
        network: [{twin: 8}, {twin: {out: 16}}, {twin: {out: 8, k: 5}}, {twin: {name: last, out: 4}}]
        """,
    "deep": "network: [" + "{stage: {blocks: [" * 9 + "{conv: 4}, {conv: 5}" + "]}}" * 9 + "]",
    "long": f"""
        network:
          - stage:
              name: a{LONG}
              blocks: [{{stage: {{name: b{LONG}, blocks: [{{conv: {{name: c{LONG}, out: 4}}}}]}}}}]
          - conv: {{name: d{LONG}, out: 4}}
          - conv: 4
          - join: {{from: [d{LONG}], merge: concat}}
          - branches: {{paths: [{", ".join(["[{conv: 4}]"] * 18)}], merge: add}}
          - branches: {{paths: [{", ".join(["[{conv: 4}]"] * 18)}], merge: concat}}
        """,
    "odd": """
        network:
          - skip: {blocks: [{norm: none}]}
          - conv: {name: a, out: 4}
          - join: a
          - dropout: {p: 0.2, channels: true}
        """,
    "nothing": "network: [{norm: none}]",
    "3-in.1": "network: [{conv: 4}]",
}

NETWORKS = {name: HEAD.format(name=name) + dedent(text).strip() + "\n" for name, text in _NETWORKS.items()}


def analysed(source: object) -> tuple[Graph, Facts]:
    """The graph and the facts of a file or a YAML text."""
    return analyse_file(str(source))


def random_networks(count: int, seed: str) -> Iterator[str]:
    """So many YAML texts, always the same; the few that are not valid are left out."""
    for number in range(count):
        text = Writer(Seeded(f"{seed} {number}")).network() + "\n\n"
        try:
            analysed(text)
        except ArchbuilderError:
            continue
        yield text
