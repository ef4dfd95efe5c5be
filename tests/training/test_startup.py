"""What is imported from the command to the first batch: nothing heavy besides torch, where the engine is tensor."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HEAVY = {"albumentations", "cv2", "torchvision", "torchmetrics", "matplotlib", "pandas", "scipy", "sklearn"}
COMPILER = {"torch._dynamo", "torch._inductor"}  # torch's own, 1.4 s, which its optimizer classes load

CODE = """
import sys
from archbuilder.training.learning.step import TrainStep

def stop(self, images, labels, turn):
    print("imported:", *sys.modules)
    raise KeyboardInterrupt

TrainStep.__call__ = stop
from archbuilder.cli import main
main(["train", sys.argv[1], "--out", sys.argv[2], "--device", "cpu", "--threads", "1"])
"""


def test_the_first_batch_comes_without_heavy_imports(tiny: str, tmp_path: Path):
    file = tmp_path / "net.yaml"
    file.write_text(tiny + "  ema: true\n")
    command = [sys.executable, "-c", CODE, str(file), str(tmp_path / "runs")]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    (line,) = (line for line in run.stdout.splitlines() if line.startswith("imported:"))
    assert {"torch", "archbuilder.training.session"} <= set(line.split())
    assert not (HEAVY | COMPILER) & set(line.split())
