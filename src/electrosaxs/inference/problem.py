"""Everything that chi-squared of a fit depends on, as functions of the coordinates of its free parameters."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from ..nouns import FloatArray
from .forward import NumericalError, Prediction, coarse_prediction, numerical_error, predict
from .observations import Observations
from .parameters import Layout, Model
from .residuals import Whitener, change_in_sigma, in_sigma


@dataclass(frozen=True, eq=False)
class Problem:
    """Runs, model and free parameters: everything that chi-squared depends on, as functions of the coordinates x.

    still: coordinates whose derivatives are not wanted; they are left 0. errors: of the numerics, one per run, taken off
    every prediction; none before the first minimum is found. exploring: with coarse numerics.
    """

    runs: tuple[Observations, ...]
    model: Model
    layout: Layout
    whiteners: tuple[Whitener, ...]
    workers: int = 2
    still: tuple[int, ...] = ()
    errors: tuple[NumericalError, ...] = ()
    exploring: bool = False

    def predictions(self, x: FloatArray) -> tuple[Prediction, ...]:
        """The model's maps of every run."""
        with ThreadPoolExecutor(self.workers) as pool:
            jobs = [pool.submit(self.predict, x, n) for n in range(len(self.runs))]
            return tuple(job.result() for job in jobs)

    def residual(self, x: FloatArray) -> FloatArray:
        """Independent residuals in sigma, run after run: its maps and the sizes measured of its starting solution."""
        parts = [
            white(np.concatenate([in_sigma(run, prediction), self.layout.prior(x, number)[0]]))
            for number, (run, white, prediction) in enumerate(
                zip(self.runs, self.whiteners, self.predictions(x), strict=True)
            )
        ]
        return np.concatenate(parts)

    def jacobian(self, x: FloatArray) -> FloatArray:
        """d residual / d x by central differences, one-sided at a limit; columns are computed in parallel."""
        low, high = self.layout.limits()
        steps = self.layout.steps()
        with ThreadPoolExecutor(self.workers) as pool:
            jobs = {}
            for k in set(range(x.size)) - set(self.still):
                ends = [np.array(x), np.array(x)]
                ends[0][k], ends[1][k] = min(x[k] + steps[k], high[k]), max(x[k] - steps[k], low[k])
                for n in range(len(self.runs)):
                    if self.layout.concerns(k, n):
                        jobs[k, n] = [pool.submit(self.predict, end, n) for end in ends], ends[0][k] - ends[1][k]
            blocks = []
            for n, (run, white) in enumerate(zip(self.runs, self.whiteners, strict=True)):
                block = np.zeros((run.size, x.size))
                for k in range(x.size):
                    if (k, n) in jobs:
                        (above, below), apart = jobs[k, n]
                        block[:, k] = change_in_sigma(run, above.result(), below.result()) / apart
                blocks.append(white(np.concatenate([block, self.layout.prior(x, n)[1]])))
        return np.concatenate(blocks)

    def predict(self, x: FloatArray, run: int) -> Prediction:
        """The model's maps of one run."""
        model = coarse_prediction if self.exploring else predict
        made = model(self.runs[run], self.model, self.layout.values(x, run))
        return self.errors[run].taken_off(made) if self.errors else made

    def with_errors(self, x: FloatArray) -> Self:
        """The same problem with the error of its numerics at x taken off (defect correction, Stetter 1978)."""
        errors = (numerical_error(run, self.model, self.layout.values(x, n)) for n, run in enumerate(self.runs))
        return replace(self, errors=tuple(errors))
