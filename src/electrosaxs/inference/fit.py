"""The transport model fitted to one or several runs together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..errors import ElectrosaxsError, FitError
from ..nouns import FloatArray
from .covariance import covariance_at
from .forward import Prediction
from .minimise import GAIN_TOLERATED, Minimum, NotMinimal, minimise
from .observations import Observations
from .parameters import REACH, Model, layout
from .problem import Problem
from .residuals import whitener

FIRST_CHARGES = (0.005, 0.01, 0.02, 0.035, 0.06, 0.1, 0.2, 0.5)
FIRST_SOLUBILITIES = (1.5, 3.0, 6.0, 12.0, 25.0)
FIRST_LIFETIMES = (1e-3, 1e-2, 0.1, 1.0, 10.0, 100.0)
"""Starts, solubilities in units of the starting phi: from each the map is computed once, and the fit goes on from the best."""


MOST_CORRECTIONS = 4
"""How often the error of the numerics is taken anew, each time at the minimum that the one before led to."""
COARSE_ROUGH = 1e-2
COARSE_MARGIN = 100.0
"""With coarse numerics: the share of chi-squared that may be left to gain, and how many times beyond hope it must stay to be
given up (a wrong model lies a thousand times beyond; where sigma is small, coarse numerics are themselves off)."""


class Unusable(FitError):
    """A minimum that means nothing, and why; beyond: of `Minimum`."""

    def __init__(self, why: str, beyond: float) -> None:
        super().__init__(why, beyond)
        self.beyond = beyond

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True, eq=False)
class CellFit:
    """A converged fit. covariance (free, free) of the coordinates, widened by `widening` where the model misfits.

    at_limit (free,): parameters that a limit holds. unseen (free,): parameters of one run that change nothing there (how
    crystals stand in the beam, where none grow). Neither has a covariance; `fixed` is either.
    """

    problem: Problem
    minimum: Minimum
    covariance: FloatArray
    widening: float
    unseen: npt.NDArray[np.bool_]

    @property
    def x(self) -> FloatArray:
        return self.minimum.x

    @property
    def labels(self) -> tuple[str, ...]:
        return self.problem.layout.labels

    @property
    def at_limit(self) -> npt.NDArray[np.bool_]:
        return self.minimum.at_limit

    @property
    def fixed(self) -> npt.NDArray[np.bool_]:
        return self.minimum.at_limit | self.unseen

    @property
    def count(self) -> int:
        """Free parameters that the data see."""
        return int(np.sum(~self.unseen))

    @property
    def chi_squared(self) -> float:
        return self.minimum.chi_squared

    @property
    def observed(self) -> int:
        """Values that were compared, sizes measured at the start included."""
        return int(self.minimum.residual.size)

    @property
    def degrees_of_freedom(self) -> int:
        return self.observed - self.count

    @property
    def akaike(self) -> float:
        """chi^2 + 2 k (Akaike 1974): lower is better; differences below 2 say nothing."""
        return self.chi_squared + 2.0 * self.count

    @property
    def bayes(self) -> float:
        """chi^2 + k ln n (Schwarz 1978): lower is better; 10 apart is decisive."""
        return self.chi_squared + self.count * float(np.log(self.observed))

    @property
    def correlation(self) -> FloatArray:
        """(free, free); 0 for parameters that a limit holds."""
        sigma = np.sqrt(np.diag(self.covariance))
        safe = np.where(sigma > 0.0, sigma, 1.0)
        return np.asarray(self.covariance / np.outer(safe, safe))

    def value(self, label: str) -> float:
        k = self.problem.layout.index(label)
        return self.problem.layout.free[k].parameter.value(float(self.x[k]))

    def sigma(self, label: str) -> float:
        """One standard deviation of the parameter, 0 where a limit holds it."""
        k = self.problem.layout.index(label)
        return self.problem.layout.free[k].parameter.sigma(float(self.x[k]), float(np.sqrt(self.covariance[k, k])))

    def values(self, run: int = 0) -> dict[str, float]:
        """All parameters of a run by name, held ones included."""
        return self.problem.layout.values(self.x, run)

    def predictions(self) -> tuple[Prediction, ...]:
        return self.problem.predictions(self.x)


def fit_model(
    runs: Sequence[Observations],
    model: Model | None = None,
    *,
    free: Iterable[str] | None = None,
    fixed: Mapping[str, float] | None = None,
    start: Mapping[str, float] | None = None,
    rough: float = 0.0,
    hopeless: float = np.inf,
    slopes: Mapping[str, FloatArray] | None = None,
    workers: int = 2,
) -> CellFit:
    """Fit `model` to all runs together; rough, hopeless: of `minimise`; slopes: derivatives at `start` by label, where known.

    Coarse numerics look for the minimum first, unless derivatives are known; one that lies far beyond hope stays theirs.

    Charge, exponent, diffusion, solubility and attachment are shared by the runs; sizes at the start are each run's own.
    Raises ConvergenceError where the minimum is not found and FitError where there are fewer values than parameters.
    """
    problem = fit_problem(runs, model or Model(), free=free, fixed=fixed, start=start, workers=workers)
    coarse, begin, beyond = replace(problem, exploring=True), problem.layout.start(), -np.inf
    known = None if slopes is None else _completed(problem, begin, slopes)
    if known is None:
        explored = _explored(coarse, _best_start(coarse, start or {}), hopeless)
        if explored is not None and explored.beyond > hopeless:
            return _usable(coarse, explored)
        if explored is not None:
            begin, known, beyond = explored.x, explored.jacobian, explored.beyond
    if problem.model.sparse:  # its own grid alone may be further from the data than the data's sigma
        problem = problem.with_errors(begin)
    try:
        found = _minimum(problem, begin, known, rough=rough, hopeless=hopeless, certain=False)
    except NotMinimal as error:
        error.beyond = max(error.beyond, beyond)
        raise
    if rough == 0.0:
        return _exactly(problem, found)
    return _usable(problem, replace(found, beyond=max(found.beyond, beyond)))


def _completed(problem: Problem, x: FloatArray, slopes: Mapping[str, FloatArray]) -> FloatArray:
    """Derivatives (value, free) at x: those known by label, the others computed."""
    known = tuple(k for k, label in enumerate(problem.layout.labels) if label in slopes)
    columns = replace(problem, still=known).jacobian(x)
    for k in known:
        columns[:, k] = slopes[problem.layout.labels[k]]
    return columns


def _usable(problem: Problem, found: Minimum) -> CellFit:
    try:
        return finished(problem, found)
    except ElectrosaxsError as error:
        raise Unusable(str(error), found.beyond) from error


def refined(fit: CellFit) -> CellFit:
    """A rough fit brought to its minimum, with derivatives as they were carried along."""
    return _exactly(fit.problem, fit.minimum, certain=False)


def settled(fit: CellFit) -> CellFit:
    """A refined fit with derivatives, and so a covariance, that are those of its minimum."""
    return finished(fit.problem, _minimum(fit.problem, fit.x, fit.minimum.jacobian))


def _explored(coarse: Problem, begin: FloatArray, hopeless: float) -> Minimum | None:
    """Where coarse numerics have their minimum, and how far that is beyond hope; None where they have none."""
    given_up = COARSE_MARGIN * hopeless
    try:
        found = _minimum(coarse, begin, rough=COARSE_ROUGH, hopeless=given_up, certain=False)
    except NotMinimal as error:
        if error.beyond <= given_up:
            return None
        error.beyond /= COARSE_MARGIN
        raise
    promised = max(found.beyond, (1.0 - COARSE_ROUGH) * found.chi_squared)
    return replace(found, beyond=promised / COARSE_MARGIN)


def _exactly(problem: Problem, near: Minimum, *, certain: bool = True) -> CellFit:
    """The fit from a point near its minimum on, with the error of the numerics there taken off.

    Where that error is large it moves with the parameters: it is taken anew at the minimum until that stays.
    """
    exact = problem.with_errors(near.x)
    found = _minimum(exact, near.x, near.jacobian, certain=certain)
    for _ in range(MOST_CORRECTIONS if problem.model.sparse else 0):
        anew = problem.with_errors(found.x)
        moved = _minimum(anew, found.x, found.jacobian, certain=certain)
        stays = bool(np.sum(np.square(moved.jacobian @ (moved.x - found.x))) < GAIN_TOLERATED)
        exact, found = anew, moved
        if stays:
            break
    return finished(exact, found)


def _minimum(
    problem: Problem,
    begin: FloatArray,
    slopes: FloatArray | None = None,
    *,
    rough: float = 0.0,
    hopeless: float = np.inf,
    certain: bool = True,
) -> Minimum:
    low, high = problem.layout.limits()
    return minimise(
        problem.residual, problem.jacobian, begin, low, high, REACH * problem.layout.steps(), rough=rough,
        hopeless=hopeless, slopes=slopes, certain=certain,
    )  # fmt: skip


def fit_problem(
    runs: Sequence[Observations],
    model: Model,
    *,
    free: Iterable[str] | None = None,
    fixed: Mapping[str, float] | None = None,
    start: Mapping[str, float] | None = None,
    workers: int = 2,
) -> Problem:
    """The problem that `fit_model` solves."""
    if not runs:
        raise FitError("fit: there is no run; give at least one results folder")
    made = layout(runs, model, free=free, fixed=fixed, start=start)
    count = sum(run.size for run in runs)
    if count <= len(made):
        raise FitError(f"fit: {count} values for {len(made)} free parameters ({', '.join(made.labels)}); fix some")
    whiteners = tuple(whitener(run, made.measured_sizes(number)) for number, run in enumerate(runs))
    return Problem(tuple(runs), model, made, whiteners, workers)


def finished(problem: Problem, minimum: Minimum) -> CellFit:
    """What a minimum means: its covariance, widened where chi-squared says that the model misfits."""
    return CellFit(problem, minimum, *covariance_at(problem, minimum))


def _best_start(problem: Problem, known: Mapping[str, float]) -> FloatArray:
    """The best of a few charges, then of a few solubilities and lifetimes of the charge, each where its start is not known
    (by label): chi-squared has side minima far from the data.

    A charge that lasts long spreads the fronts over the whole cell: the others are looked for without that.
    """
    best = problem.layout.start()
    if "charge_lifetime" in problem.layout.labels and "charge_lifetime" not in known:
        k = problem.layout.index("charge_lifetime")
        best = _with(best, k, float(problem.layout.limits()[0][k]))
    (least,) = _scores(problem, [best])
    phi = max(run.solution.volume_fraction for run in problem.runs)
    for label, candidates in (
        ("effective_charge", FIRST_CHARGES), ("solubility", phi * np.array(FIRST_SOLUBILITIES)),
        ("charge_lifetime", FIRST_LIFETIMES),
    ):  # fmt: skip
        if label not in problem.layout.labels or label in known:
            continue
        k = problem.layout.index(label)
        coordinates = np.clip(np.log(np.array(candidates)), *(limit[k] for limit in problem.layout.limits()))
        tries = [_with(best, k, float(c)) for c in coordinates]
        for x, score in zip(tries, _scores(problem, tries), strict=True):
            if score < least:
                best, least = x, score
    if not np.isfinite(least):
        raise FitError(
            "fit: the model cannot be computed for any charge that was tried; check voltage, gap and solubility"
        )
    return best


def _scores(problem: Problem, tries: Sequence[FloatArray]) -> list[float]:
    """chi-squared of each, computed side by side; infinite where the model cannot be computed."""
    alone = replace(problem, workers=1)
    with ThreadPoolExecutor(problem.workers) as pool:
        return list(pool.map(lambda x: _score(alone, x), tries))


def _with(x: FloatArray, k: int, value: float) -> FloatArray:
    changed = np.array(x)
    changed[k] = value
    return changed


def _score(problem: Problem, x: FloatArray) -> float:
    try:
        residual = problem.residual(x)
    except ElectrosaxsError:
        return np.inf
    score = float(residual @ residual)
    return score if np.isfinite(score) else np.inf  # where the model leaves what its numbers hold
