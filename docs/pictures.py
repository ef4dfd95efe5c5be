"""The pictures of the documentation, drawn from what archbuilder says: python docs/pictures.py [FOLDER]"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot
from matplotlib.axes import Axes

import archbuilder
from archbuilder.analysis.facts import Layer
from archbuilder.cli import main
from archbuilder.device.arena import arena

ROOT = Path(__file__).parents[1]
NETWORK = ROOT / "architectures" / "c1c2c3c40.yaml"
SIX_LINES = ROOT / "examples" / "six_lines.yaml"
SMALL = ROOT / "architectures" / "quickstart.yaml"

BLUE, ORANGE, GREY = "#2f6fb2", "#c8641b", "#7f7f7f"  # each reads on white and on black
STYLE = {
    "figure.constrained_layout.use": True, "font.size": 9, "svg.hashsalt": "archbuilder", "svg.fonttype": "none",
    "font.family": "sans-serif", "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": GREY,
    **dict.fromkeys(["text.color", "axes.labelcolor", "xtick.color", "ytick.color"], GREY),
}  # fmt: skip


def costs(axes: Axes) -> None:
    """Parameters and MACs of each convolution."""
    layers = _convolutions()
    places = range(len(layers))
    axes.bar([x - 0.2 for x in places], [layer.macs / 1e6 for layer in layers], 0.4, color=BLUE)
    axes.set_ylabel("million MACs", color=BLUE)
    other = axes.twinx()
    other.bar([x + 0.2 for x in places], [layer.params / 1e3 for layer in layers], 0.4, color=ORANGE)
    other.set_ylabel("thousand parameters", color=ORANGE)
    _name(axes, layers)


def field(axes: Axes) -> None:
    """The receptive field after each convolution, and the image."""
    layers = _convolutions()[:-1]  # the last one is behind the global pool
    axes.step(range(len(layers)), [layer.reach.h.size for layer in layers], where="mid", color=BLUE)
    axes.axhline(32, color=ORANGE, linestyle="--")
    axes.annotate("the image: 32 pixels", (0, 32), (0, 4), textcoords="offset points", color=ORANGE)
    axes.set_ylabel("receptive field in pixels")
    axes.set_ylim(0, 36)
    _name(axes, layers)


def tensors(axes: Axes) -> None:
    """Where each tensor lies in the arena, and when."""
    found = arena(archbuilder.check(SMALL).graph)
    assert found
    for number, placed in enumerate(found.placed):
        buffer = placed.buffer
        axes.barh(
            placed.offset / 1024, buffer.last - buffer.first + 1, buffer.size / 1024, buffer.first, align="edge",
            color=(BLUE, ORANGE, GREY)[number % 3], alpha=0.7, edgecolor="white",
        )  # fmt: skip
    axes.axhline(found.head / 1024, color=GREY, linestyle="--")
    axes.set(xlabel="operator", ylabel="KiB of the arena")


def _convolutions() -> list[Layer]:
    return [layer for layer in archbuilder.check(SIX_LINES).facts.layers if layer.macs]


def _name(axes: Axes, layers: list[Layer]) -> None:
    names = [layer.node.name.removesuffix(".conv") for layer in layers]
    axes.set_xticks(range(len(layers)), names, rotation=20, ha="right")


def draw(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for picture, size in ((costs, (7, 3)), (field, (7, 3)), (tensors, (7, 3))):
        with matplotlib.rc_context(STYLE):
            figure, axes = pyplot.subplots(figsize=size)
            picture(axes)
            name = "arena" if picture is tensors else picture.__name__
            figure.savefig(folder / f"{name}.svg", transparent=True, metadata={"Date": None})
            pyplot.close(figure)
    main(["rf", str(NETWORK), "--plot", str(folder / "rf.png")])


if __name__ == "__main__":
    draw(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "pictures")
