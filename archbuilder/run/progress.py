"""What a run says while it runs: a bar on a terminal and in a notebook that has bars, else a plain line per epoch."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, TextIO

from archbuilder.reporting.width import width_of
from archbuilder.run.result import Record, Score, best_of, choice, chosen_on


def progress(epochs: int, done: int, images: int, quiet: bool = False) -> Progress:
    """The progress of a run of `epochs`, of which `done` are trained, with `images` training images each.

    quiet: nothing is shown at all, by a process that is not the one that speaks.
    """
    if quiet:
        return Silence(epochs)
    has_bar = is_terminal(sys.stdout) or (in_notebook() and find_spec("ipywidgets") is not None)
    return Bar(epochs, done, images) if has_bar else Progress(epochs)


@contextmanager
def counted(what: str, images: int) -> Iterator[Callable[[int], None]]:
    """A bar over so many images, where standard error is a terminal; yields what to call with how many are done."""
    if not is_terminal(sys.stderr):
        yield lambda done: None
        return
    from tqdm import tqdm

    with tqdm(desc=what, total=images, unit=" images", unit_scale=True, dynamic_ncols=True, leave=False) as bar:

        def seen(done: int) -> None:
            bar.update(done)

        yield seen


def is_terminal(stream: TextIO | None) -> bool:
    """Is it a terminal?  A service or a window without a console has no streams at all."""
    return stream is not None and stream.isatty()


def in_notebook() -> bool:
    """Is this a cell of a notebook?  Asks only what the notebook has imported itself."""
    interactive = sys.modules.get("IPython")
    shell = interactive.get_ipython() if interactive else None
    return type(shell).__name__ == "ZMQInteractiveShell"


class Progress:
    """A plain line per epoch."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def say(self, text: str) -> None:
        print(text, flush=True)

    def update(self, epoch: int, score: Score) -> None:
        """The epoch's score up to now, and over how many images."""

    def epoch(self, record: Record) -> None:
        """An epoch is trained and saved."""
        self.say(line(record, self.epochs, width_of(sys.stdout)))

    def close(self) -> None:
        """Nothing more will be shown."""


class Silence(Progress):
    """Nothing."""

    def say(self, text: str) -> None:
        pass


class Bar(Progress):
    """A bar over the images of the whole run: loss, accuracy, images/s, and the time that is left.

    In a notebook it is the notebook's own bar, of ipywidgets: one of characters would stay between the lines.
    """

    def __init__(self, epochs: int, done: int, images: int) -> None:
        super().__init__(epochs)
        self.images = images
        from tqdm.auto import tqdm

        form = "{desc} {percentage:3.0f}%|{bar}| {rate_fmt}, {remaining} left{postfix}"
        self._bar: Any = tqdm(
            total=epochs * images,
            initial=done * images,
            unit=" images",
            unit_scale=True,
            bar_format=form,
            mininterval=0,
            desc=self._name(done + 1),
            file=sys.stdout,
            dynamic_ncols=True,
            leave=False,
        )

    def _name(self, epoch: int) -> str:
        return f"epoch {min(epoch, self.epochs)}/{self.epochs}"

    def say(self, text: str) -> None:
        self._bar.write(text, file=sys.stdout)

    def update(self, epoch: int, score: Score) -> None:
        self._bar.set_description_str(self._name(epoch), refresh=False)
        self._bar.set_postfix_str(f"loss {score.loss:.3f}, accuracy {score.accuracy:.1f} %", refresh=False)
        self._bar.update((epoch - 1) * self.images + score.images - self._bar.n)

    def epoch(self, record: Record) -> None:
        super().epoch(record)
        self._bar.update(record["epoch"] * self.images - self._bar.n)

    def close(self) -> None:
        self._bar.close()


def line(record: Record, epochs: int, width: int | None = None) -> str:
    """One epoch in one line of text; on a narrow screen the least important figures are left out."""
    waiting = f"waiting for data {record.get('waiting', 0):.0%}"  # runs of earlier versions do not say it
    rest = [f"{record['seconds']:.1f} s", f"lr {record['lr']:.3g}", f"{record['images_per_second']:,.0f} images/s"]
    splits = [split for split in ("train", "validation", "test") if f"{split}_loss" in record]
    accuracies = [f"{split} {record[f'{split}_accuracy']:6.2f} %" for split in splits]
    losses = [f" (loss {record[f'{split}_loss']:.4f})" for split in splits]
    scores = [accuracy + loss for accuracy, loss in zip(accuracies, losses, strict=True)]
    number = f"epoch {record['epoch']:>{len(str(epochs))}}/{epochs}"
    full = "  ".join([number, *scores, rest[1], rest[0], rest[2], waiting])
    shorter = [[number, *scores, *rest[:count]] for count in (3, 2, 1, 0)] + [[number, *accuracies, rest[0]]]
    forms = [full, *map("  ".join, shorter)]
    return next((form for form in forms if width is None or len(form) <= width), forms[-1])


def closing(metrics: list[Record], test_images: int) -> str:
    """The result in words, that of the last epoch; the best epoch is named with the split that chose it."""
    last, best = metrics[-1], best_of(metrics)
    split = chosen_on(best)
    lines = [
        f"result: test accuracy {last['test_accuracy']:.2f} % on {test_images:,} images after the last epoch",
        f"best:   epoch {best['epoch']} with {split} accuracy {best[f'{split}_accuracy']:.2f} %, {choice(split)}",
    ]
    if (averaged := last.get("flip_averaged_test_accuracy")) is not None:
        lines.append(f"apart:  {averaged:.2f} % with the logits of each image and its mirror image averaged")
    return "\n".join(lines)
