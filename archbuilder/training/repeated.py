"""`--repeat N`: the same recipe with N seeds, their runs in one folder, and what they say together.

OUT/NAME/TIME/seed-0 ...    the runs, each like any other
OUT/NAME/TIME/repeat.json   the seeds; when all runs are finished, the mean and the spread of their results

All runs are made before the first one is trained: what stands against one is known at once, and the folder
has all that it takes to be continued.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from signal import Signals

from archbuilder.diagnostics import ArchbuilderError, Diagnostic
from archbuilder.evidence import finish_several
from archbuilder.pipeline import check
from archbuilder.reporting.goals import of_seeds, state
from archbuilder.run import json_files
from archbuilder.run import plan as plans
from archbuilder.run.folder import Onlooker, RunFolder, created
from archbuilder.run.options import Options
from archbuilder.run.plan import Plan
from archbuilder.run.processes import first_of_all
from archbuilder.run.result import Interrupted, Record, RunResult, Spread, over_seeds
from archbuilder.run.signals import HOW, Ending
from archbuilder.sources import REPEAT, name_of_seed

OnEpoch = Callable[[Record], None]

DIVERGED = "AB712"  # a seed whose training diverges does not keep the others from theirs


@dataclass(frozen=True)
class Repeated:
    """Finished runs of one recipe with several seeds, and their folder."""

    path: Path
    runs: tuple[RunResult, ...]

    @property
    def accuracies(self) -> tuple[float, ...]:
        """Each run's test accuracy after its last epoch, in per cent."""
        return tuple(float(run.last["test_accuracy"]) for run in self.runs)

    @property
    def spread(self) -> Spread:
        return Spread.of(self.accuracies)

    @property
    def mean(self) -> float:
        return self.spread.mean

    @property
    def deviation(self) -> float:
        return self.spread.deviation

    def __str__(self) -> str:
        return over_seeds(self.accuracies)


def is_repeated(path: Path) -> bool:
    """Is this a folder of runs with several seeds?"""
    return (path / REPEAT).is_file()


def start(seeds: Sequence[Plan], on_epoch: OnEpoch) -> Repeated:
    """Make a run of every plan, in one new folder, and train them all."""
    from archbuilder.training.parallel import joined
    from archbuilder.training.session import Session

    first = seeds[0]
    with joined(first) as (place, processes), ExitStack() as stack:
        outer = first.out / first.report.name
        folder = stack.enter_context(created(outer)) if processes.main else Onlooker(outer, published=False)
        for made, plan in enumerate(seeds):
            session = Session(plan, place, processes, on_epoch)
            session.make(stack, folder.path, name_of_seed(plan.train.seed), len(seeds) - made)
        folder.write_json(REPEAT, {"seeds": [plan.train.seed for plan in seeds]})
        folder.publish()
        path = processes.first(folder.path)
    return proceed(path, first.options, on_epoch)


def proceed(path: Path, options: Options, on_epoch: OnEpoch) -> Repeated:
    """Train what is left of runs with several seeds, and say what they give together."""
    seeds, ending = json_files.seeds(path)["seeds"], Ending()
    results: list[RunResult] = []
    try:
        with ending.heard():
            return _proceed(path, seeds, options, on_epoch, ending, results)
    except KeyboardInterrupt:  # in a run, between two of them, or after the last one
        signal = ending.asked or Signals.SIGINT
        if not first_of_all():
            raise SystemExit(128 + signal) from None
        kept = f"{len(results)} of {len(seeds)} seeds are finished"
        raise Interrupted(path, HOW[signal], kept, 128 + signal) from None


def _proceed(
    path: Path, seeds: list[int], options: Options, on_epoch: OnEpoch, ending: Ending, results: list[RunResult]
) -> Repeated:
    """The same; `results` has the runs that are finished, however this ends."""
    from archbuilder.training.session import run

    report = options.report
    failures: list[Diagnostic] = []
    for seed in seeds:
        if ending.asked:  # the signal came as the run before was about to finish
            raise KeyboardInterrupt
        try:
            plan = plans.resumed(path / name_of_seed(seed), options)
            report = plan.options.report
            results.append(run(plan, on_epoch, ending))
        except ArchbuilderError as error:
            if error.diagnostics[0].code.id != DIVERGED:
                raise
            failures += error.diagnostics
    repeated = Repeated(path, tuple(results))
    if first_of_all():
        _conclude(RunFolder(path, published=True), seeds, repeated)
        if report and len(results) > 1:
            finish_several(path, [result.path for result in results])
    if failures:
        raise ArchbuilderError(*failures)
    return repeated


def _conclude(folder: RunFolder, seeds: list[int], repeated: Repeated) -> None:
    if repeated.runs:
        states = [state(check(run.path)) for run in repeated.runs]
        states += [""] * (len(seeds) - len(states))  # of those that have failed
        lines = [str(repeated), f"runs:   {folder.path}", of_seeds(states)]
        print("\n".join(filter(None, lines)), flush=True)
    if len(repeated.runs) == len(seeds):
        figures = {"each": repeated.accuracies, "mean": repeated.mean, "standard_deviation": repeated.deviation}
        text = json.dumps({"seeds": seeds, "test_accuracy": figures}, indent=2) + "\n"
        if not folder.has(REPEAT, text):
            folder.write(REPEAT, text)
