"""Do runs that share parameters agree about them? Each run fitted apart, against all of them together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc

from ..errors import ElectrosaxsError, FitError
from ..nouns import FloatArray
from .fit import CellFit, fit_model
from .parameters import SIZES
from .problem import Problem

ROUGH = 1e-3
"""Share of chi-squared that a fit apart may leave to gain."""
CONTRADICTION = 4.0
"""Together, chi-squared per value this many times that of the fits apart: residuals twice as long. Runs that disagree by
less share a model that is a little too simple, and the widened sigmas say so."""
UNLIKELY = 1e-6
"""Probability below which a difference is not counting noise."""


@dataclass(frozen=True, eq=False)
class Agreement:
    """titles (run,). together, apart: chi-squared (run,) of each run in the common fit and in its own. count: values
    (run,). freed: parameters that fits apart have beyond the common one. own: shared parameter -> value and sigma (run, 2);
    NaN where a run does not see it.
    """

    titles: tuple[str, ...]
    together: FloatArray
    apart: FloatArray
    count: FloatArray
    freed: int
    own: Mapping[str, FloatArray]

    @property
    def rise(self) -> float:
        """How much chi-squared the sharing costs, in units of what the fits apart leave per value (1 at least)."""
        scale = max(1.0, float(self.apart.sum() / self.count.sum()))
        return float((self.together.sum() - self.apart.sum()) / scale)

    @property
    def chance(self) -> float:
        """Probability of such a rise among runs that do share their parameters (Wilks 1938)."""
        return float(chdtrc(max(self.freed, 1), max(self.rise, 0.0)))

    @property
    def contradictory(self) -> bool:
        """True where no common set of parameters describes the runs, while each alone is described."""
        worse = self.together.sum() > CONTRADICTION * max(float(self.apart.sum()), float(self.count.sum()))
        return bool(worse and self.chance < UNLIKELY)

    @property
    def farthest(self) -> str:
        """The shared parameter whose values differ most, in sigma between the two runs that are farthest apart."""
        return max(self.own, key=lambda name: _farthest(self.own[name]))


def agreement(fit: CellFit, *, workers: int = 2) -> Agreement | None:
    """Fit each run of a joint fit apart, from where the joint fit is; None where there is one run only.

    What a run does not see keeps its common value there; a run that finds no minimum of its own counts as in the common
    fit. Raises FitError where the runs contradict each other.
    """
    runs = fit.problem.runs
    if len(runs) < 2:
        return None
    together = _chi_squared(fit)
    apart, shared = np.array(together), [item.label for item in fit.problem.layout.free if item.run is None]
    own = {name: np.full((len(runs), 2), np.nan) for name in shared}
    seen = 0
    for number in range(len(runs)):
        alone = _apart(fit, number, workers)
        if alone is None:
            continue
        apart[number] = min(alone.chi_squared, together[number])
        for name in set(shared) & set(alone.labels):
            own[name][number] = alone.value(name), alone.sigma(name)
            seen += 1
    count = np.array([run.size for run in runs], dtype=np.float64)
    freed = max(seen - sum(bool(np.isfinite(values).any()) for values in own.values()), 0)
    found = Agreement(tuple(run.title for run in runs), together, apart, count, freed, own)
    if found.contradictory:
        name = found.farthest
        raise FitError(
            f"fit: the runs contradict each other: fitted together chi-squared is {together.sum():.4g}, apart "
            f"{apart.sum():.4g} for {count.sum():.0f} values. Apart, {name} is {told(found, name)}. Fit them apart, or "
            f"check voltage, gap and starting solution of the run that differs"
        )
    return found


def told(found: Agreement, name: str) -> str:
    """'0.045 +/- 0.0001 in A, 0.061 +/- 0.0002 in B'."""
    values = zip(found.titles, found.own[name], strict=True)
    return ", ".join(f"{value:.4g} +/- {sigma:.2g} in '{title}'" for title, (value, sigma) in values if value == value)


def _apart(fit: CellFit, number: int, workers: int) -> CellFit | None:
    """The fit of one run, begun at the common minimum; None where it has no minimum of its own."""
    problem, layout = fit.problem, fit.problem.layout
    blind = _blind(problem, fit.minimum.jacobian, number)
    mine = [item for item in layout.free if item.run in (None, number) and item.label not in blind]
    values = fit.values(number)
    free = [item.parameter.name for item in mine if not (item.parameter.name in SIZES and item.prior is not None)]
    names = {item.parameter.name for item in mine}
    try:
        return fit_model(
            [problem.runs[number]], problem.model, free=free, start={name: values[name] for name in names},
            fixed={name: values[name] for name in problem.model.parameters if name not in names}, rough=ROUGH, workers=workers,
        )  # fmt: skip
    except ElectrosaxsError:
        return None


def _rows(problem: Problem) -> FloatArray:
    """Where the residuals of each run begin, and the end of the last."""
    sizes = [run.size + len(problem.layout.measured_sizes(number)) for number, run in enumerate(problem.runs)]
    return np.cumsum([0, *sizes])


def _chi_squared(fit: CellFit) -> FloatArray:
    """Of each run within the common fit, (run,)."""
    return np.array([float(part @ part) for part in np.split(fit.minimum.residual, _rows(fit.problem)[1:-1])])


def _blind(problem: Problem, jacobian: FloatArray, number: int) -> set[str]:
    """Labels of free parameters that change nothing in a run."""
    rows = _rows(problem)
    block = jacobian[rows[number] : rows[number + 1]]
    still = np.linalg.norm(block, axis=0) == 0.0
    return {label for label, nothing in zip(problem.layout.labels, still, strict=True) if nothing}


def _farthest(values: FloatArray) -> float:
    """Largest difference between two runs in units of its sigma."""
    known = values[np.isfinite(values).all(axis=1)]
    if len(known) < 2:
        return 0.0
    apart = np.abs(known[:, None, 0] - known[None, :, 0])
    sigma = np.hypot(known[:, None, 1], known[None, :, 1])
    return float(np.max(apart / np.maximum(sigma, np.finfo(float).tiny)))
