"""Charge, field and attachment models against each other by information criteria."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from ..errors import ElectrosaxsError, FitError
from ..nouns import FloatArray
from ..nouns.experiment import ChargeModel, FieldModel
from .fit import CellFit, Unusable, fit_model, refined, settled
from .minimise import NotMinimal
from .observations import Observations
from .parameters import PARAMETERS, GrowthModel, Model, check_values

DECISIVE = 10.0
"""Difference of the Bayesian criterion that decides (Kass & Raftery 1995)."""
ROUGH = 1e-3
"""Share of chi-squared that a first fit leaves to gain; those within WORTH_REFINING of the best criterion go on."""
WORTH_REFINING = 100.0
HOPELESS = 30.0
"""chi-squared in units of the best one's from which on a minimum is not looked for to the end."""
GROWTH: tuple[GrowthModel, ...] = ("none", "pinned", "attachment")
CHARGE: tuple[ChargeModel, ...] = ("fast-exchange", "neutralised-at-anode", "permanent")
FIELD: tuple[FieldModel, ...] = ("nominal", "conduction")
"""A share lost at the electrodes multiplies the charge: maps at a constant voltage never tell it from the nominal field."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """One model and its fit; fit is None where it did not converge or is not physical, `reason` says why.

    reached: the smallest chi-squared that was found; beyond: the `hopeless` from which down it would have been given up.
    """

    model: Model
    fit: CellFit | None
    reason: str = ""
    reached: float = np.inf
    beyond: float = -np.inf

    @property
    def bayes(self) -> float:
        return np.inf if self.fit is None else self.fit.bayes

    @property
    def akaike(self) -> float:
        return np.inf if self.fit is None else self.fit.akaike


@dataclass(frozen=True, eq=False)
class Comparison:
    """All candidates, the lowest Bayesian criterion first.

    best: the fit to report. An attachment time that the data cannot tell from 0 costs a criterion's penalty but belongs
    to the uncertainty of the solubility: where the pinned wall wins, the fit with an attachment time is reported. Another field
    than the nominal one, which is its limit, is a claim about the cell: reported where it is decisively better.
    """

    candidates: tuple[Candidate, ...]

    @property
    def best(self) -> CellFit:
        lowest = self.candidates[0]
        plain = [c for c in self.candidates if c.fit is not None and c.model == replace(lowest.model, field="nominal")]
        if plain and self.behind(plain[0]) < DECISIVE:
            lowest = plain[0]
        wider = replace(lowest.model, growth="attachment")
        fits = {candidate.model: candidate.fit for candidate in self.candidates}
        fit = (fits.get(wider) if lowest.model.growth == "pinned" else None) or lowest.fit
        assert fit is not None
        return fit

    def behind(self, candidate: Candidate) -> float:
        """By how much a candidate's Bayesian criterion is worse than the best one's."""
        return candidate.bayes - self.candidates[0].bayes


@dataclass(frozen=True)
class Asked:
    """Parameters that are held (name -> value), and those that are free beside what each model names."""

    fixed: Mapping[str, float]
    also: tuple[str, ...]

    def check(self, models: Iterable[Model]) -> None:
        """FitError for names that none of the models has, values outside their limits, and contradictions."""
        known = {name for model in models for name in model.parameters}
        _all_known((*self.fixed, *self.also), known)
        check_values(self.fixed)
        for name in set(self.fixed) & set(self.also):
            raise FitError(f"fit: {name} is to be held and to be fitted; ask for one of the two")


@dataclass(frozen=True, eq=False)
class Attempt:
    """A rough fit of one model to `runs`, given up where it stays above `hopeless`."""

    runs: Sequence[Observations]
    model: Model
    asked: Asked
    workers: int
    start: Mapping[str, float] | None = None
    hopeless: float = np.inf
    slopes: Mapping[str, FloatArray] | None = None


Each = Callable[[Callable[[Any], Any], Sequence[Any]], list[Any]]
"""A function of many jobs done elsewhere: what it made of each, in their order."""


def compare(
    runs: Sequence[Observations],
    *,
    charge_models: Sequence[ChargeModel] = CHARGE,
    growth_models: Sequence[GrowthModel] = GROWTH,
    field_models: Sequence[FieldModel] = FIELD,
    fixed: Mapping[str, float] | None = None,
    also: Iterable[str] = (),
    workers: int = 2,
    track: Callable[[Sequence[Model]], Iterable[Model]] = iter,
    each: Each | None = None,
) -> Comparison:
    """The attachment models with the first charge and field model, the charge models with the attachment that won, and
    the field models with the charge and attachment that won.

    `fixed` and `also` count in the models that have them. `track` sees the models as they are fitted. each: does fits that do
    not wait for each other at a time; the comparison is the same, to the last bit.
    Raises the first error where no model can be fitted.
    """
    asked = Asked(fixed or {}, tuple(also))
    asked.check(Model(*parts) for parts in product(charge_models, growth_models, field_models))
    found: list[Candidate] = []

    def fit_all(models: Sequence[Model]) -> None:
        def attempt(model: Model) -> Attempt:
            limit = None if model.limit is None else _fitted(found, model.limit)
            if limit is not None:  # as good as its limit at the least: never beyond hope
                return Attempt(runs, model, asked, workers, {label: limit.value(label) for label in limit.labels})
            near = None if model.field == field_models[0] else _same_but_field(found, model)
            if near is None:
                return Attempt(runs, model, asked, workers, None, HOPELESS * _least(found))
            more = {name: 0.0 for name in model.parameters if name not in near.problem.model.parameters}
            start = {**{label: near.value(label) for label in near.labels}, **more}
            slopes = dict(zip(near.labels, near.minimum.jacobian.T, strict=True))
            return Attempt(runs, model, asked, workers, start, HOPELESS * _least(found), slopes)

        ahead = [] if each is None else [attempt(model) for model in models]
        done = [] if each is None else each(attempt_fit, ahead)
        for number, model in enumerate(track(models)):
            now = attempt(model)
            same = each is not None and ahead[number].start == now.start and done[number].beyond <= now.hopeless
            # what was done ahead counts unless it would by now start elsewhere, or be given up sooner
            found.append(done[number] if same else attempt_fit(now))

    fit_all([Model(charge_models[0], growth, field_models[0]) for growth in growth_models])
    growth = min(found, key=lambda candidate: candidate.bayes).model.growth
    if growth == "pinned" and "attachment" in growth_models:
        growth = "attachment"
    fit_all([Model(charge, growth, field_models[0]) for charge in charge_models[1:]])
    charge = min(found, key=lambda candidate: candidate.bayes).model.charge
    fit_all([Model(charge, growth, field) for field in field_models[1:]])
    least = min(candidate.bayes for candidate in found)
    if not np.isfinite(least):
        raise FitError(f"fit: no model could be fitted: {found[0].reason}")
    worth = [candidate for candidate in found if candidate.bayes < least + WORTH_REFINING]
    with ThreadPoolExecutor(workers) as pool:
        better = list(pool.map(refine, worth)) if each is None else each(refine, worth)
    refined_ones = dict(zip(map(id, worth), better, strict=True))
    return _settled([refined_ones.get(id(candidate), candidate) for candidate in found])


def _settled(found: Sequence[Candidate], done: frozenset[Model] = frozenset()) -> Comparison:
    """The comparison, its best fit with the covariance of its own minimum; done: models whose fits have it already."""
    comparison = Comparison(tuple(sorted(found, key=lambda candidate: candidate.bayes)))
    if comparison.candidates[0].fit is None:
        raise FitError(f"fit: no model could be fitted: {comparison.candidates[0].reason}")
    best = comparison.best
    if best.problem.model in done:
        return comparison
    better = [_but(candidate, settled) if candidate.fit is best else candidate for candidate in found]
    return _settled(better, done | {best.problem.model})


def attempt_fit(attempt: Attempt) -> Candidate:
    """The rough fit of one model, or why there is none."""
    model, asked = attempt.model, attempt.asked
    has = model.parameters
    free = [name for name in (*model.free, *asked.also) if name in has]
    fixed = {name: value for name, value in asked.fixed.items() if name in has}
    try:
        fit = fit_model(
            attempt.runs, model, free=free, fixed=fixed, start=attempt.start, rough=ROUGH, hopeless=attempt.hopeless,
            slopes=attempt.slopes, workers=attempt.workers,
        )  # fmt: skip
    except NotMinimal as error:
        return Candidate(model, None, str(error), error.least, error.beyond)
    except Unusable as error:
        return Candidate(model, None, str(error), beyond=error.beyond)
    except ElectrosaxsError as error:
        return Candidate(model, None, str(error))
    return Candidate(model, fit, reached=fit.chi_squared, beyond=fit.minimum.beyond)


def _fitted(found: Sequence[Candidate], model: Model) -> CellFit | None:
    """The fit of a model, where there is one."""
    return next((candidate.fit for candidate in found if candidate.model == model), None)


def _same_but_field(found: Sequence[Candidate], model: Model) -> CellFit | None:
    """Where to begin: the fit that differs in nothing but the field; what the field has more does nothing there."""
    for candidate in found:
        if candidate.fit is not None and replace(candidate.model, field=model.field) == model:
            return candidate.fit
    return None


def _least(found: Sequence[Candidate]) -> float:
    """The smallest chi-squared so far, at least one per value."""
    fits = [candidate.fit for candidate in found if candidate.fit is not None]
    return min((max(fit.chi_squared, float(fit.observed)) for fit in fits), default=np.inf)


def refine(candidate: Candidate) -> Candidate:
    """A rough fit brought to its minimum, or why it has none."""
    return _but(candidate, refined)


def _but(candidate: Candidate, better: Callable[[CellFit], CellFit]) -> Candidate:
    """The candidate with a better fit, or why there is none."""
    assert candidate.fit is not None
    try:
        fit = better(candidate.fit)
    except NotMinimal as error:
        return Candidate(candidate.model, None, str(error), error.least)
    except ElectrosaxsError as error:  # a step beyond what the model can be: more than all particles charged
        return Candidate(candidate.model, None, str(error))
    return Candidate(candidate.model, fit, reached=fit.chi_squared)


def _all_known(names: Iterable[str], known: set[str]) -> None:
    for name in names:
        if name not in known:
            rule = (
                "is not a parameter" if name not in PARAMETERS else "belongs to none of the models that were asked for"
            )
            raise FitError(f"fit: {name} {rule}; these have {', '.join(sorted(known))}")
