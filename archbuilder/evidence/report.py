"""The report of one run: its parts put together, and the files they become."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from archbuilder.analysis.facts import Facts
from archbuilder.data.pixels import png
from archbuilder.diagnostics import ArchbuilderError
from archbuilder.evidence import EVALUATION, REPORT, rendering
from archbuilder.evidence.augmentation import augmentation_code
from archbuilder.evidence.confusion import as_picture, as_table, shaded
from archbuilder.evidence.mistakes import Mistake, as_sheet, gallery
from archbuilder.evidence.network import NetworkPart, network_part
from archbuilder.evidence.pictures import uri
from archbuilder.evidence.run_summary import StoryPart, story_part
from archbuilder.ir.op import by
from archbuilder.pipeline import Report, judged
from archbuilder.reporting.goals import fulfilment, state
from archbuilder.reporting.text import human, layer_table
from archbuilder.rules.packs.page_link import page_link
from archbuilder.run import checkpoint
from archbuilder.run.folder import LAST, SAMPLES, WEIGHTS, RunFolder
from archbuilder.run.listing import duration
from archbuilder.run.progress import counted
from archbuilder.run.result import choice
from archbuilder.trained.calibration import result
from archbuilder.trained.evaluation import Outcome, figures, predictions
from archbuilder.trained.open import DataCard, Run, no_epoch
from archbuilder.version import __version__

MARKDOWN, MODEL = "report.md", "model.py"
DRAWING, FIELD, MISTAKES = "network.svg", "receptive_field.png", "mistakes.png"
PNG, SVG = "image/png", "image/svg+xml"
AUGMENTED = "Each row shows a training image and its augmented versions in the first epochs of this run."
PLAIN = "Each row shows training images of one class, without augmentation."
CHARTS = ("loss over the epochs", "accuracy over the epochs", "learning rate over the epochs")


def write_report(run: Run, device: torch.device, readme: str = "", page: str = "") -> Outcome:
    """Write a run's evidence into its folder; the test images are evaluated for it, all of them.

    readme: the address of the README that is handed in.
    page:   that of a page of `archbuilder page`, which the network is linked to; that of its rule pack by default.
    Raises ArchbuilderError AB760 (no finished epoch), AB701 (cannot be written), and whatever `Run` raises.
    """
    run, facts = _with_its_log(run), run.plan.report.facts
    if not run.metrics or facts is None:
        raise ArchbuilderError(no_epoch(run.path))
    print(f"writing the report: {run.card.test:,} test images are evaluated for it", flush=True)
    report = judged(run.plan.report, run.metrics)
    story, network = story_part(run), network_part(report, facts)
    outcome, mistakes = _test(run, facts, device)
    folder = RunFolder(run.path, published=True)
    folder.write(DRAWING, network.drawing)
    folder.write(MODEL, network.code)
    folder.write_json(EVALUATION, {"split": "test", "epoch": len(run.metrics), **outcome.to_dict()})
    if network.field_picture:
        folder.write(FIELD, network.field_picture)
    if mistakes:
        folder.write(MISTAKES, png(as_sheet(mistakes)))
    values = _values(run, story, network, outcome, mistakes, readme) | _assignment(report)
    values["page"] = _link(report, run.plan.text, page)
    folder.write(MARKDOWN, rendering.md("report.md.jinja", values | {"layers": "\n".join(layer_table(facts))}))
    folder.write(REPORT, rendering.html("report.html.jinja", values))
    return outcome


def _test(run: Run, facts: Facts, device: torch.device) -> tuple[Outcome, tuple[Mistake, ...]]:
    """The last epoch's network on every test image, in evaluation mode and without augmentation."""
    module = run.network().to(device).to(memory_format=torch.channels_last)
    card, images, data = run.card, run.splits.test, run.plan.data
    with counted("report", len(images)) as seen:
        found = predictions(result(run).to(device), images, data, card.mean, card.std, device, seen)
    mistakes = gallery(module, facts, images, found, data, card.mean, card.std, device)
    return figures(found, card.classes), mistakes


def _with_its_log(run: Run) -> Run:
    """The run with the log of the weights that are evaluated.

    An unfinished run's log may have an epoch more or fewer: a kill may come between the two files.
    """
    if (run.path / WEIGHTS).is_file():
        return run
    state = checkpoint.load(run.path / LAST, run.plan)
    return replace(run, metrics=tuple(state["metrics"])) if state else run


def _values(
    run: Run, story: StoryPart, network: NetworkPart, outcome: Outcome, mistakes: tuple[Mistake, ...], readme: str
) -> dict[str, Any]:
    """The values that the templates use; a picture is a data: address."""
    facts, samples = run.plan.report.facts, run.path / SAMPLES
    assert facts is not None  # write_report has checked that
    field, shape = network.field_picture, run.plan.graph.input
    matrix = as_picture(outcome)
    return {
        "name": run.plan.report.name,
        "dataset": run.plan.data.dataset,
        "started": str(run.environment.get("started", ""))[:16].replace("T", " "),
        "seed": run.plan.train.seed,
        "device": run.environment.get("device"),
        "exact": run.environment.get("device") == "cpu",
        "params": facts.params,
        "macs": human(facts.macs),
        "field": by(facts.field.size) if facts.field.status != "unknown" else "unknown",
        "duration": duration(story.seconds),
        "story": story,
        "network": network,
        "outcome": outcome,
        "agreement": _agreement(story, outcome),
        "best": _best(story),
        "averaged": story.last.get("flip_averaged_test_accuracy"),
        "charts": [{"source": uri(svg, SVG), "alt": alt} for svg, alt in zip(story.curves, CHARTS, strict=True)],
        "drawing": uri(network.drawing, SVG),
        "field_picture": uri(field, PNG) if field else None,
        "data": data_lines(run),
        "samples": uri(samples.read_bytes(), PNG) if samples.is_file() else None,
        "samples_words": AUGMENTED if run.plan.data.augment else PLAIN,
        "confusion": shaded(outcome),
        "confusion_picture": uri(png(matrix), PNG) if matrix is not None else None,
        "matrix": as_table(outcome),
        "mistakes": [_mistake(one, outcome.names) for one in mistakes],
        "augmentation": augmentation_code(run.plan.data, run.card.mean, run.card.std, (shape.h, shape.w)),
        "untested": any("test_accuracy" not in record for record in run.metrics),
        "readme": readme,
        "version": __version__,
    }


def _link(report: Report, text: str, page: str) -> str:
    """Where the network can be edited as it was trained, empty where nobody has named a page."""
    page = page or next((verdict.page for verdict in report.rules if verdict.page), "")
    return page_link(page, f"{report.name}.yaml", text) if page else ""


def _assignment(report: Report) -> dict[str, str]:
    """Whether the run does all that is asked for, in a word, and why; by its log, which `agreement` verifies."""
    found = state(report)
    return {"assignment": found, "fulfilment": f"Assignment {found}: {fulfilment(report)}." if found else ""}


def _mistake(one: Mistake, names: tuple[str, ...]) -> dict[str, Any]:
    return {
        "index": one.index,
        "truth": names[one.truth],
        "predicted": names[one.predicted],
        "sureness": f"{100 * one.sureness:.1f} %",
        "image": uri(png(one.image), PNG),
        "heat": uri(png(one.heat), PNG) if one.heat is not None else None,
    }


def data_lines(run: Run) -> list[tuple[str, str]]:
    """What a run was trained and tested on, as names and values."""
    card = run.card
    channels = [f"{mean:.2f} ± {std:.2f}" for mean, std in zip(card.mean, card.std, strict=True)]
    validation = f", {card.validation:,} for validation (cut from the training images)" if card.validation else ""
    return [
        ("data set", card.dataset),
        ("images", f"{card.train:,} for training{validation}, {card.test:,} for the test"),
        *([("subset", _subset(card))] if card.subset_of else []),
        ("classes", ", ".join(card.classes)),
        ("level per channel", f"{', '.join(channels)} (mean ± deviation of the training images, 0 to 255)"),
    ]


def _subset(card: DataCard) -> str:
    used = card.train + card.validation
    return f"{used:,} of the {card.subset_of:,} training images, the same share of every class"


def _agreement(story: StoryPart, outcome: Outcome) -> str:
    """What the weights on disk, evaluated anew, say about the log."""
    logged = story.last.get("test_accuracy")
    if logged is None:
        return "The log has no test result of this epoch: a validation split was used."
    if abs(logged - outcome.accuracy) < 50 / outcome.images:  # less than half an image
        return "The weights on disk were evaluated again for this report, with the same result as in the log."
    return f"The log says {logged:.2f} %; this figure is that of the weights on disk, evaluated again for this report."


def _best(story: StoryPart) -> str:
    best, split = story.best, story.chosen_on
    if best is story.last:
        return f"The last epoch is also the best one on the {split} images."
    return (
        f"The best epoch was {best['epoch']}, with {split} accuracy {best[f'{split}_accuracy']:.2f} %: {choice(split)}."
    )
