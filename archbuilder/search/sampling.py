"""Proposes candidates: those of a grid in order, or those of Optuna's sampler.

The study is Optuna's, in its journal beside the trials. Each proposal depends only on the seed, the number of earlier
proposals, and the results of earlier generations in order of number, so kills and other workers do not change it.
Infeasible candidates are told with their constraints. A trial that is stopped early is told as complete, with its last
rung and the accuracy there; told as pruned, it would teach the sampler that slow learners are too large.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Protocol

from archbuilder.search.judge import Judge, Verdict
from archbuilder.search.survey import draw, every
from archbuilder.spec.space import Choice, Pick, Space

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.trial import Trial

STUDY = "study.log"
PROPOSALS = 25  # proposals of the sampler per valid candidate; after that it is drawn at random
DRAWN = 5_000  # random draws before a generation has one candidate less
ASKED = "candidate"  # attribute of a trial of the study that is completely recorded

Picks = tuple[Pick, ...]


@dataclass(frozen=True)
class Asked:
    """A candidate to be trained: its number among all judged candidates, and its picks.

    Optuna's own number may be larger, because it also counts proposals interrupted by a kill.
    """

    number: int
    picks: Picks
    verdict: Verdict


@dataclass(frozen=True)
class Told:
    """The result of a candidate: None if its training failed."""

    number: int
    values: tuple[float, ...] | None


class Sampler(Protocol):
    def ask(self, generation: int, size: int) -> list[Asked]:
        """`size` valid candidates, always the same for the same generation; fewer at the end of the space."""
        ...

    def tell(self, results: Sequence[Told]) -> None:
        """Record the results of candidates, in order of number; repeated results are ignored."""
        ...

    @property
    def judged(self) -> int:
        """The number of candidates that were judged."""
        ...


class Grid:
    """Every candidate of a space, in order."""

    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        self.verdicts = [judge(picks) for picks in every(judge.space)]

    @property
    def judged(self) -> int:
        return len(self.verdicts)

    def ask(self, generation: int, size: int) -> list[Asked]:
        held = [Asked(n, v.picks, v) for n, v in enumerate(self.verdicts) if v.ok]
        return held if generation == 0 else []

    def tell(self, results: Sequence[Told]) -> None:
        pass


class Proposed:
    """Proposals of Optuna, by TPE or at random."""

    def __init__(self, folder: Path, judge: Judge, seed: int, objectives: int, at_random: bool = False) -> None:
        self.judge, self.seed, self.at_random = judge, seed, at_random
        self.study = _study(folder / STUDY, objectives)
        self.distributions = {choice.path: _distribution(choice) for choice in judge.space.choices}
        self._mend()
        self._seen: set[Picks] = set()

    @property
    def judged(self) -> int:
        return len(self._marked())

    def _marked(self) -> list[Any]:
        return [trial for trial in self.study.get_trials(deepcopy=False) if ASKED in trial.user_attrs]

    def _mend(self) -> None:
        """Complete or remove records that a kill left incomplete."""
        from optuna.trial import TrialState

        for trial in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            mark = trial.user_attrs.get(ASKED)
            if mark is None:
                self.study.tell(trial.number, state=TrialState.FAIL)
            elif not mark["ok"]:
                self._dismiss(trial.number, is_held=not any(lack > 0 for lack in trial.constraints.values()))

    def _dismiss(self, number: int, is_held: bool) -> None:
        """Tell the sampler about a candidate that is not trained: an invalid one, of which only the constraints matter,
        or a valid one that occurred before."""
        from optuna.trial import TrialState

        nothing = [0.0] * len(self.study.directions)
        self.study.tell(number, None if is_held else nothing, TrialState.FAIL if is_held else None)

    def ask(self, generation: int, size: int) -> list[Asked]:
        marked = self._marked()
        self._seen = {self._picks(trial.params) for trial in marked}
        here = [n for n, trial in enumerate(marked) if trial.user_attrs[ASKED]["generation"] == generation]
        asked = [self._asked(n, marked[n]) for n in here if marked[n].user_attrs[ASKED]["ok"]]
        tried = len(here)
        while len(asked) < size and self._unseen:
            patient = tried < min(PROPOSALS * size, self._unseen)
            trial = self._propose(generation) if patient else self._drawn(generation)
            if trial is None:
                break
            tried += 1
            if trial.ok:
                asked.append(trial.asked)
        return asked

    def _asked(self, number: int, trial: Any) -> Asked:
        picks = self._picks(trial.params)
        return Asked(number, picks, self.judge(picks))

    def _picks(self, params: dict[str, Any]) -> Picks:
        return tuple(_pick(choice, params[choice.path]) for choice in self.judge.space.choices)

    @property
    def _unseen(self) -> float:
        """The number of candidates that have not been judged."""
        size = self.judge.space.size
        return float("inf") if size is None else size - len(self._seen)

    def _ordinal(self) -> int:
        return (self.seed * 1_000_003 + self.judged) % 2**31

    def _propose(self, generation: int) -> _Proposal | None:
        """One proposal of the sampler, judged, and told at once if it is invalid."""
        from optuna.samplers import RandomSampler, TPESampler

        seed = self._ordinal()
        self.study.sampler = RandomSampler(seed) if self.at_random else TPESampler(seed=seed)
        return self._judged(self.study.ask(self.distributions), generation)

    def _judged(self, trial: Trial, generation: int) -> _Proposal:
        picks = self._picks(trial.params)
        verdict, is_new = self.judge(picks), picks not in self._seen
        for name, lack in _constraints(verdict).items():
            trial.set_constraint(name, lack)
        ok = verdict.ok and is_new
        self._seen.add(picks)
        trial.set_user_attr(ASKED, {"generation": generation, "ok": ok})
        if not ok:
            self._dismiss(trial.number, verdict.ok)
        return _Proposal(ok, Asked(self.judged - 1, picks, verdict))

    def _drawn(self, generation: int) -> _Proposal | None:
        """A valid candidate, drawn at random; None if no new one is found."""
        from optuna.trial import TrialState, create_trial

        random, space = Random(self._ordinal()), self.judge.space
        few = space.size is not None and space.size <= DRAWN
        all_of_it = random.sample([*every(space)], int(space.size or 0)) if few else ()
        for picks in all_of_it or (draw(space, random) for _ in range(DRAWN)):
            if picks in self._seen or not (verdict := self.judge(picks)).ok:
                continue
            self._seen.add(picks)
            params = {c.path: _value(c, pick) for c, pick in zip(self.judge.space.choices, picks, strict=True)}
            self.study.add_trial(
                create_trial(
                    state=TrialState.RUNNING,
                    params=params,
                    distributions=self.distributions,
                    user_attrs={ASKED: {"generation": generation, "ok": True}},
                    constraints=_constraints(verdict),
                )
            )
            return _Proposal(True, Asked(self.judged - 1, picks, verdict))
        return None

    def tell(self, results: Sequence[Told]) -> None:
        from optuna.trial import TrialState

        marked = self._marked()
        for result in sorted(results, key=lambda result: result.number):
            if (trial := marked[result.number]).state == TrialState.RUNNING:
                state = TrialState.FAIL if result.values is None else None
                self.study.tell(trial.number, result.values, state)


@dataclass(frozen=True)
class _Proposal:
    ok: bool
    asked: Asked


def _constraints(verdict: Verdict) -> dict[str, float]:
    """The relative amount by which each limit is missed, and the number of other reasons; 0 for none."""
    found = {f"{m.limit.name} {m.limit.text}": max(0.0, -(m.left or 0) / max(m.limit.bound, 1)) for m in verdict.limits}
    for measured in verdict.limits:
        if not measured.ok:
            name = f"{measured.limit.name} {measured.limit.text}"
            found[name] = max(found[name], 1e-9)
    return {**found, "others": float(len(verdict.reasons) - sum(not m.ok for m in verdict.limits))}


class _Held:
    """The lock of a journal whose folder is already locked."""

    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        pass


def _study(path: Path, objectives: int) -> Study:
    """The study in a journal, whose folder must be locked; a line cut off by a kill is removed."""
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(logging.WARNING)
    if path.is_file():
        data = path.read_bytes()
        if whole := data[: data.rfind(b"\n") + 1]:
            if whole != data:
                path.write_bytes(whole)
        else:
            path.unlink()
    storage = JournalStorage(JournalFileBackend(str(path), lock_obj=_Held()))  # type: ignore[arg-type]
    directions = [optuna.study.StudyDirection.MAXIMIZE, *[optuna.study.StudyDirection.MINIMIZE] * (objectives - 1)]
    return optuna.create_study(storage=storage, study_name="search", directions=directions, load_if_exists=True)


def _distribution(choice: Choice) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    found = choice.range
    if found is None:
        return CategoricalDistribution(choice.labels)
    if not found.whole:
        step = None if found.step is None else float(found.step)
        last = float(found.last) if step is None else float(found.nearest(found.at(1 - 1e-9)))
        return FloatDistribution(float(found.first), last, log=found.log, step=step)
    if found.log:
        return IntDistribution(int(found.first), int(found.last), log=True)
    step = int(found.step or 1)
    return IntDistribution(int(found.first), int(found.first) + step * ((found.count or 1) - 1), step=step)


def _pick(choice: Choice, value: Any) -> Pick:
    return choice.range.nearest(value) if choice.range else choice.labels.index(value)


def _value(choice: Choice, pick: Pick) -> Any:
    if choice.range is None:
        return choice.labels[int(pick)]
    return int(pick) if choice.range.whole else float(pick)


def importances(
    study: Study, space: Space, seed: int = 0, times: int = 20
) -> Iterator[tuple[str, float, float, float]]:
    """(path, median, low, high) of the importance of each choice: PED-ANOVA over resampled trials, with sum 1.

    low and high are the 5th and the 95th percentile."""
    import optuna
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
    from optuna.trial import TrialState

    told = [t for t in study.get_trials(states=(TrialState.COMPLETE,)) if t.user_attrs[ASKED]["ok"]]
    if len(told) < 8:
        return
    random, found = Random(seed), dict[str, list[float]]()
    for _ in range(times):
        again = optuna.create_study(directions=["maximize"])
        for trial in random.choices(told, k=len(told)):
            again.add_trial(
                optuna.trial.create_trial(params=trial.params, distributions=trial.distributions, value=trial.values[0])
            )
        evaluator = PedAnovaImportanceEvaluator(target_quantile=0.25)
        for path, worth in get_param_importances(again, evaluator=evaluator).items():
            found.setdefault(path, []).append(worth)
    for choice in space.choices:
        values = sorted(found.get(choice.path, [0.0]))
        low, middle, high = (values[int(share * (len(values) - 1))] for share in (0.05, 0.5, 0.95))
        yield choice.path, middle, low, high
