"""Other networks under the recipe of fast85.yaml: what they can do, whatever their authors trained them by.

    python benchmarks/same_recipe.py architectures/seeds/seed001.yaml [--epochs 10] [--out DIR] [TRAIN OPTION ...]

Trains FILE with the `data:` and `train:` sections of architectures/fast85.yaml in place of its own, by `archbuilder
train`, which gets all further options.  `whiten` is left out, since it needs that network's frozen stem, and a batch
has 256 images, since these networks take more memory for each.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml
from throughput import ROOT


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", metavar="FILE", type=Path)
    parser.add_argument("--epochs", type=int, default=10)
    args, options = parser.parse_known_args()
    recipe = yaml.safe_load((ROOT / "architectures" / "fast85.yaml").read_text())
    del recipe["train"]["whiten"]
    recipe["train"]["epochs"], recipe["data"]["batch_size"] = args.epochs, 256
    network = yaml.safe_load(args.file.read_text()) | {name: recipe[name] for name in ("data", "train")}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / args.file.name
        path.write_text(yaml.safe_dump(network, sort_keys=False))
        command = [sys.executable, "-m", "archbuilder", "train", str(path), "--no-check", *options]
        sys.exit(subprocess.run(command, check=False).returncode)


if __name__ == "__main__":
    main()
