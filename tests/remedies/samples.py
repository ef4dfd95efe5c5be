"""Networks in every form of writing, and limits that they miss."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
SIX_LINES = ROOT / "examples" / "six_lines.yaml"
SEED001 = ROOT / "architectures" / "seeds" / "seed001.yaml"
SEED002 = ROOT / "architectures" / "seeds" / "seed002.yaml"

HEAD = "archbuilder: 1\ninput: [3, 32, 32]\nclasses: 10\n"

# every way to write a block, with comments where people put them
FORMS = """\
archbuilder: 1   # the version
input: [3, 32, 32]
classes: 10
limits:
  params: "< 60k"        # budget
  receptive_field: "> 44"
vars: {width: 16, twice: 2 * width}   # two of them
define:
  twofold:
    params: {out: null, gap: 2}
    blocks:
      - conv: out          # bare, an expression
      - dilated: {out: out, dilation: gap}
network:
  # the stem
  - conv: 16               # bare
  - "conv": {out: width}   # quoted

  - strided:
      # a comment inside
      out: 2 * width       # an expression
      bias: false
      # the end
  - depthwise:
  - depthwise
  - repeat:
      times: 2
      blocks: [conv: 32, {depthwise_separable: {out: 32, multiplier: 2}},
               {depthwise}]   # flow, one pair without brackets
  - stage:
      name: C2
      blocks:
        - skip:
            blocks:
              - conv: &shape {out: 32, kernel: 3}
              - conv: *shape
              - conv: {<<: *shape, kernel: 5}
            shortcut:
              - pointwise:   32
        - branches:
            paths:
              - - conv: 8
                - conv: {out: 8, padding: 1}
              - [{grouped: {out: 16, groups: 4}}]
            merge: concat
  - twofold: {out: 24}
  - twofold: 24
  - max_pool: {kernel: 2}
  - avg_pool: {name: pool, kernel: 8, stride: 8}
  - classifier
# the end of the file
"""

SMALL = "network: [{conv: 16}, {strided: 32}, {conv: 32}, gap, classifier]\n"
WIDE = "network: [{conv: 32}, {strided: 64}, {conv: 64}, gap, classifier]\n"


def limited(limits: str, network: str = WIDE) -> str:
    """A network with limits, in the words of a flow mapping."""
    return f"{HEAD}limits: {{{limits}}}\n{network}"


VARIABLE = """\
limits:
  params: "< 200k"  # all three
  macs: "< 40M"
  receptive_field: "> 44"
vars: {width: 40}
network:
  - conv: width
  - strided: 2 * width
  - conv: 2 * width
  - strided: 4 * width
  - conv: 4 * width
  - gap
  - classifier
"""

REPEATED = """\
network:
  - conv: 16
  - repeat:
      times: 3
      blocks:
        - conv: 16  # thrice
  - gap
  - classifier
"""

DEFINED = """\
define: {twin: {params: {out: null}, blocks: [{conv: out}, {conv: out}]}}
network: [{twin: 16}, {twin: {out: 32}}, gap, classifier]
"""

# limits that an edit, or a few, can satisfy
REACHABLE = {
    "field": limited('receptive_field: "> 20"', SMALL),
    "field at most": limited(
        'receptive_field: "< 20"', SMALL.replace("{conv: 32}", "{dilated: {out: 32, dilation: 6}}")
    ),
    "field exactly": limited('receptive_field: "== 13"', SMALL),
    "params": limited('params: "< 20k"'),
    "params at least": limited('params: ">= 60k"'),
    "macs": limited('macs: "< 5M"'),
    "macs and field": limited('macs: "< 5M", receptive_field: "> 30"'),
    "memory": limited('peak_activations: "< 100 KiB"'),
    "flash": limited('flash: "< 30 KiB int8"'),
    "layers": limited('layers: "< 12"'),
    "variable": HEAD + VARIABLE,
    "repeated": limited('receptive_field: "> 20"', REPEATED),
    "defined": limited('params: "< 15k"', DEFINED),
    "forms": FORMS,
}

TINY = "network: [{conv: 8}, gap, classifier]\n"

# limits that contradict each other, or the language
HOPELESS = {
    "two bounds": limited('params: "< 2k", macs: "> 1G"', TINY),
    "no room": limited('params: "< 5"', TINY),
    "field and layers": limited('receptive_field: "> 500", layers: "< 6"', TINY),
}
