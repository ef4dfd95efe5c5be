"""Small files of every kind that a check can meet."""

from pathlib import Path

ROOT = Path(__file__).parents[2]

GOOD = "archbuilder: 1\nname: good\ninput: [3, 8, 8]\nclasses: 10\nnetwork: [{conv: 8}, gap, classifier]\n"
WARNED = GOOD.replace("good", "warned").replace("{conv: 8}", "{pointwise: {out: 8, padding: 1}}")
BAD = GOOD.replace("good", "bad").replace("gap", "gapp")
MISSED = GOOD.replace("good", "missed") + 'limits: {params: "< 10"}\n'

SYNTAX = "a: [\n"
