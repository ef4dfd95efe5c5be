"""Other networks under the recipe of fast85.yaml: what they can do, whatever their authors trained them by.

    python benchmarks/same_recipe.py architectures/seeds/seed001.yaml [--epochs 10] [TRAIN OPTION ...]

Trains FILE with the `data:` and `train:` sections of architectures/fast85.yaml in place of its own, by `archbuilder
train`, which gets all further options.  `whiten` is left out, since it needs that network's frozen stem, and a batch
has 256 images, since these networks take more memory for each.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml
from throughput import ROOT

import archbuilder
from archbuilder.cli import main as main_program


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("file", metavar="FILE", type=Path)
    parser.add_argument("--epochs", type=int, default=10)
    args, options = parser.parse_known_args()
    recipe, network = values(ROOT / "architectures" / "fast85.yaml"), values(args.file)
    network |= {name: recipe[name] for name in ("data", "train")}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / args.file.name
        path.write_text(yaml.safe_dump(network, sort_keys=False))
        command = ["train", str(path), "--no-check"]
        for override in (f"train.epochs={args.epochs}", "train.whiten=none", "data.batch_size=256"):
            command += ["--set", override]
        sys.exit(main_program([*command, *options]))


def values(file: Path) -> dict[str, Any]:
    """What a file says, with all that it extends."""
    document = archbuilder.check(file).document
    if document is None:
        sys.exit(f"{file} cannot be read")
    found: dict[str, Any] = document.root.plain()
    return found


if __name__ == "__main__":
    main()
