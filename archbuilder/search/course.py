"""The course of a search: generations of candidates, trained in steps from rung to rung.

A generation begins when all steps of the previous one are done. Its steps are the first rung of the new candidates and
the next rung of promoted ones. Then all results are told to the sampler in order of number. So the table depends only
on the file, the seed and the bounds: not on the number of workers, the machines, or kills.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from time import monotonic, time

from archbuilder.diagnostics import ArchbuilderError, Span, declare
from archbuilder.remedies.edits import unified
from archbuilder.rules.limits import FIELD, QUANTITIES
from archbuilder.run.result import chosen_on, over_seeds
from archbuilder.search.folder import WINNER, SearchFolder, Settings
from archbuilder.search.halving import Halving, Standing, front, ranked
from archbuilder.search.judge import Judge
from archbuilder.search.sampling import Asked, Grid, Proposed, Sampler, Told
from archbuilder.search.steps import CANDIDATE, LATENCY, Engine, Step
from archbuilder.search.survey import said
from archbuilder.search.writing import text_of, without_space

FACTS = "facts.json"
COSTS = ("params", "macs", "peak_activations", "latency")  # costs that can be minimised besides maximising the accuracy
SIZES = ("params", "macs", "peak_activations", FIELD)  # columns of the table for each candidate

ENOUGH = 8  # smallest number of trials for a warning about the rank correlation

METRIC = declare(
    "AB862",
    "a metric that runs do not have",
    exit_status=2,
    why=(
        "A search maximises the accuracy and minimises costs that are known of every candidate: its parameters, its "
        "MACs, its peak memory, and its latency if that is measured."
    ),
    bad="$ archbuilder search net.yaml --set 'space={train.seed: [0, 1]}' --minimise size",
    good="$ archbuilder search net.yaml --set 'space={train.seed: [0, 1]}' --dry-run",
)


def costs_of(names: Sequence[str]) -> tuple[str, ...]:
    """The costs of these names. Raises ArchbuilderError AB862 for an unknown one."""
    for name in names:
        if name not in COSTS:
            hint = f"known here: {', '.join(COSTS)}; none for accuracy alone"
            raise ArchbuilderError(METRIC.at(Span("--minimise"), f"runs have no metric {name}", hint))
    return tuple(names)


@dataclass
class Trial:
    """A candidate of the search, and its progress."""

    asked: Asked
    rung: int = -1  # the last one that it has reached
    accuracy: float | None = None  # there, in per cent
    costs: tuple[float, ...] = ()
    seconds: float = 0.0
    failed: str = ""
    accuracies: list[float] = field(default_factory=list)  # rung by rung

    @property
    def number(self) -> int:
        return self.asked.number

    @property
    def standing(self) -> Standing:
        return Standing(self.number, self.accuracy or 0.0, self.costs)


@dataclass
class Progress:
    """The values of the progress line."""

    generation: int
    judged: int
    steps: int  # of the generation
    trained: int  # of them
    done: int  # since this program began the generation
    best: Trial | None
    seconds: float  # since then

    @property
    def left(self) -> int:
        return self.steps - self.trained


Watch = Callable[[Progress], None]


class Course:
    """One search, from its current state to its end."""

    def __init__(
        self, folder: SearchFolder, settings: Settings, judge: Judge, watch: Watch = lambda seen: None
    ) -> None:
        self.folder, self.settings, self.judge, self.watch = folder, settings, judge, watch
        self.trials: dict[int, Trial] = {}
        self.halving = Halving(settings.rungs, settings.factor)
        self.spent = 0  # epochs
        self.out_of_time = self.interrupted = False
        self.generation = 0

    @cached_property
    def sampler(self) -> Sampler:
        settings = self.settings
        if settings.sampler == "grid":
            return Grid(self.judge)
        with self.folder.held():
            objectives = 1 + len(settings.minimise)
            return Proposed(self.folder.path, self.judge, settings.seed, objectives, settings.sampler == "random")

    def run(self, engine: Engine, seconds: float | None = None) -> None:
        """Continue until the bounds are reached or the time is up; unfinished steps remain for a later resume."""
        deadline = None if seconds is None else time() + seconds
        promoted: list[int] = []
        while True:
            asked = self._ask(self.generation)
            # long steps first, so that workers do not wait for them at the end
            steps = [self._step(number, self.trials[number].rung + 1, deadline) for number in promoted]
            steps += [self._step(one.number, 0, deadline) for one in asked]
            if not steps:
                return
            self._take(engine, steps, deadline)
            if self.out_of_time:
                return
            promoted = self._close(steps)
            self.generation += 1
            if deadline is not None and time() > deadline:
                self.out_of_time = True
                return

    def _ask(self, generation: int) -> list[Asked]:
        """The new candidates of a generation, with their folders created; none if a bound is reached."""
        settings = self.settings
        size = settings.generation
        if settings.trials is not None:
            size = min(size, settings.trials - len(self.trials))
        if settings.epochs is not None and self.spent >= settings.epochs:
            size = 0
        if size <= 0:
            return []
        sampler = self.sampler  # opening the study also locks the folder
        with self.folder.held():
            asked = sampler.ask(generation, size)
            for one in asked:
                self.trials[one.number] = Trial(one, costs=self._sizes(one))
                self._write(one)
        return asked

    def _sizes(self, asked: Asked) -> tuple[float, ...]:
        return tuple(float(asked.verdict.value(name)) for name in self.settings.minimise if name in QUANTITIES)

    def _write(self, asked: Asked) -> None:
        """Write the YAML and the facts of a candidate before it is trained."""
        from archbuilder.reporting.json import dumps

        text = text_of(self.judge.document, self.judge.space, asked.picks, self.judge.tree(asked.picks))
        chosen = {c.path: c.node(pick).plain() for c, pick in zip(self.judge.space.choices, asked.picks, strict=True)}
        facts = {"chosen": chosen, **{name: asked.verdict.value(name) for name in SIZES}}
        self.folder.write_trial(asked.number, {CANDIDATE: text, FACTS: dumps(facts) + "\n"})

    def _step(self, number: int, rung: int, deadline: float | None) -> Step:
        settings, own = self.settings, self.trials[number].asked.verdict.epochs
        is_whole = rung + 1 == len(settings.rungs) and not settings.complete
        epochs = own if is_whole else min(settings.rungs[rung], own)
        overrides = list(settings.overrides)
        if settings.complete:
            overrides.append(f"train.epochs={epochs}")
        return Step(
            number,
            rung,
            self.folder.trial(number),
            f"rung-{epochs}" if settings.complete else "run",
            settings.file,
            epochs,
            tuple(overrides),
            settings.blocks,
            settings.options,
            deadline,
            "latency" in settings.minimise,
        )

    def _take(self, engine: Engine, steps: list[Step], deadline: float | None) -> None:
        """Run every step that is not done; results are in the folders of the trials."""
        begun, before = monotonic(), len(steps) - len(self._left(steps))
        self._see(steps, 0, begun)
        while (left := self._left(steps)) and not self.out_of_time:  # a worker may have been asked to stop in between
            for step, _ in engine.take(left):
                self._look(step)
                self._see(steps, len(steps) - len(self._left(steps)) - before, begun)
            self.out_of_time = bool(self._left(steps)) and deadline is not None and time() > deadline

    def _left(self, steps: list[Step]) -> list[Step]:
        """The steps that are not done; the results of the others are recorded."""
        left = [step for step in steps if not step.is_done()]
        for step in steps:
            self._look(step)
        return left

    def _see(self, steps: list[Step], done: int, begun: float) -> None:
        trained = sum(step.is_done() for step in steps)
        seconds = monotonic() - begun
        self.watch(Progress(self.generation, self.sampler.judged, len(steps), trained, done, self.best, seconds))

    def _look(self, step: Step) -> None:
        """Update the progress of a trial from its files."""
        trial, metrics = self.trials[step.number], step.metrics
        if (failed := step.failed) is not None:
            trial.failed = failed.strip()
        elif len(metrics) >= step.until and trial.rung < step.rung:
            record = metrics[step.until - 1]
            trial.rung, trial.accuracy = step.rung, float(record[f"{chosen_on(record)}_accuracy"])
            trial.accuracies.append(trial.accuracy)
            trial.seconds = sum(float(each["seconds"]) for each in metrics[: step.until])
            if step.latency:
                measured = json.loads((step.trial / LATENCY).read_text(encoding="utf-8"))["milliseconds"]
                sizes = dict(zip([n for n in self.settings.minimise if n in QUANTITIES], trial.costs, strict=False))
                trial.costs = tuple(sizes.get(name, measured) for name in self.settings.minimise)

    def _close(self, steps: list[Step]) -> list[int]:
        """End a generation: promote trials and tell the sampler about the others. Returns the numbers of the promoted
        ones."""
        rungs, promoted = self.settings.rungs, list[int]()
        for rung in range(len(rungs)):
            came = [self.trials[step.number] for step in steps if step.rung == rung]
            before = 0 if rung == 0 or self.settings.complete else rungs[rung - 1]
            self.spent += len(came) * (rungs[rung] - before)
            for trial in came:
                if not trial.failed:
                    self.halving.reach(rung, trial.standing)
            promoted += self.halving.promoted(rung, [trial.number for trial in came if not trial.failed])
        ended = [self.trials[step.number] for step in steps if step.number not in promoted]
        with self.folder.held():
            self.sampler.tell([self._told(trial) for trial in sorted(ended, key=lambda trial: trial.number)])
        self.write()
        return sorted(promoted)

    def _told(self, trial: Trial) -> Told:
        """A trial as the last rung it reached and its accuracy there, which orders all trials as halving does."""
        if trial.failed or trial.accuracy is None:
            return Told(trial.number, None)
        return Told(trial.number, (trial.rung + trial.accuracy / 100, *trial.costs))

    @property
    def ordered(self) -> list[Trial]:
        """The trials with an accuracy, ordered by the last rung they reached, then by fronts."""
        found = []
        for rung in reversed(range(len(self.settings.rungs))):
            here = {t.number: t for t in self.trials.values() if t.rung == rung and not t.failed}
            found += [here[standing.number] for standing in ranked([t.standing for t in here.values()])]
        return found

    @property
    def is_repeat(self) -> bool:
        """Whether it is one network with several seeds, among which nothing is chosen."""
        return [choice.path for choice in self.judge.space.choices] == ["train.seed"]

    @property
    def front(self) -> list[Trial]:
        """The Pareto front of the trials that came furthest, in accuracy and all costs; the most accurate first."""
        ended = [trial for trial in self.trials.values() if trial.accuracy is not None and not trial.failed]
        furthest = max((trial.rung for trial in ended), default=-1)
        there = [trial.standing for trial in ended if trial.rung == furthest]
        return [self.trials[standing.number] for standing in front(there)]

    @property
    def best(self) -> Trial | None:
        """The most accurate of the trials that came furthest; of equal ones the cheapest."""
        return next(iter(self.front), None)

    @property
    def table(self) -> tuple[list[str], list[list[object]]]:
        """A row for each trial, in order of number."""
        choices = self.judge.space.choices
        header = ["trial", *(choice.path for choice in choices), *SIZES, "epochs", "accuracy", "failed"]
        rows: list[list[object]] = []
        for trial in sorted(self.trials.values(), key=lambda trial: trial.number):
            picks = (choice.label(pick) for choice, pick in zip(choices, trial.asked.picks, strict=True))
            sizes = (trial.asked.verdict.value(name) for name in SIZES)
            epochs = self.settings.rungs[trial.rung] if trial.rung >= 0 else 0
            accuracy = "" if trial.accuracy is None else f"{trial.accuracy:.2f}"
            rows.append([trial.number, *picks, *sizes, epochs, accuracy, trial.failed])
        return header, rows

    def write(self) -> None:
        """The table, and the winner as a file; nothing where another program has come further with this search."""
        with self._written():
            pass

    @contextmanager
    def _written(self) -> Iterator[bool]:
        with self.folder.tabled(*self.table) as is_newest:
            if is_newest and (best := self.best) and not self.is_repeat:
                self.folder.write(WINNER, (self.folder.trial(best.number) / CANDIDATE).read_bytes())
            yield is_newest

    def conclude(self) -> None:
        """The same, and the page, where anything was trained."""
        from archbuilder.search.page import write_page

        _ = self.sampler  # opening its study holds the folder, too
        with self._written() as is_newest:
            if is_newest and self.trials:
                write_page(self)

    def difference(self) -> str:
        """The differences of the winner from the file that the search started from."""
        best = self.best
        if best is None or self.is_repeat:
            return ""
        after = (self.folder.trial(best.number) / CANDIDATE).read_text(encoding="utf-8")
        return unified(without_space(self.judge.document), after, self.settings.name + ".yaml")

    def _sweep(self) -> Iterator[str]:
        """A line for each finished trial, the best first; for several seeds their mean and standard deviation."""
        done = [trial for trial in self.ordered if trial.accuracy is not None]
        for trial in done:
            yield f"{trial.accuracy:8.2f} % {said(self.judge.space, trial.asked.picks)}"
        if self.is_repeat and len(done) > 1:
            yield over_seeds([trial.accuracy or 0.0 for trial in sorted(done, key=lambda trial: trial.number)])

    def closing(self) -> Iterator[str]:
        """The result of the search as text."""
        settings, best = self.settings, self.best
        judged, trained = self.sampler.judged, len(self.trials)
        yield f"judged   {judged:,} candidates, trained {trained:,} of them for {self.spent:,} epochs"
        how = "complete short runs" if settings.complete else "paused and resumed runs"
        if len(settings.rungs) > 1:
            yield f"rungs    {', '.join(map(str, settings.rungs))} epochs, {how}"
        for rung in range(len(settings.rungs) - 1):
            if (found := self.halving.agreement(rung)) is not None:
                ends = f"{settings.rungs[rung]} to {settings.rungs[rung + 1]} epochs"
                is_little = found[0] < 0.3 and found[1] >= ENOUGH and not settings.complete
                doubt = ": too little; --rungs complete trains short runs instead" if is_little else ""
                yield f"ranks    {ends} agree by {found[0]:.2f} (Spearman, {found[1]} trials){doubt}"
        if settings.sampler == "grid":
            yield from self._sweep()
        if best is not None and best.accuracy is not None and not self.is_repeat:
            epochs, chosen = settings.rungs[best.rung], said(self.judge.space, best.asked.picks)
            yield f"best     trial {best.number}: {best.accuracy:.2f} % after {epochs} epochs; {chosen}"
        yield f"search   {self.folder.path}"
