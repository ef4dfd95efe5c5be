"""A folder with what a check can meet, and the reports on it."""

from __future__ import annotations

from pathlib import Path

from archbuilder.pipeline import Report, check

MISTAKES = """\
archbuilder: 1
input: [3, 8, 8]
classes: 10
limits: {params: "< 10"}
network:
  - pointwise: {out: 8, padding: 1}
  - gap
  - classifier
"""
WIDE = 'archbuilder: 1\ninput: [3, 8, 8]\nnetwork: [{"größe 😀": 3}, "\\u202e", gapp]\n'
SPREAD = "archbuilder: 1\ninput: [3, 8, 8]\nnetwork:\n  - conv:\n      out: 8\n      kernel: {\n        a: 1\n      }\n"


def reports(folder: Path) -> list[Report]:
    """One of each kind; names that need escaping, and findings in no file."""
    for name, text in {
        "mistakes.yaml": MISTAKES,
        "größe, 100 %: #1.yaml": WIDE,
        "sub/spread.yaml": SPREAD,
        "sub/base.yaml": MISTAKES.replace("gap\n", "gapp\n"),
        "variant.yaml": "extends: sub/base.yaml\nname: variant\n",
        "empty.yaml": "",
        "syntax.yaml": "a: [\n",
        "clean.yaml": MISTAKES.replace('{params: "< 10"}', "{}").replace(", padding: 1", ""),
    }.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    names = sorted(path.relative_to(folder) for path in folder.rglob("*.yaml") if path.name != "base.yaml")
    found = [check(str(name)) for name in names]
    overridden = [check("clean.yaml", [override]) for override in ("classes=many", "nothing")]
    return [*found, check("missing.yaml"), check(MISTAKES), *overridden]
