"""What follows from a fit: any quantity of the fitted cell with the sigma that the parameters leave it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..nouns import FloatArray
from ..transport import CellHistory, beam_weights
from .fit import CellFit
from .forward import FINE_RTOL, fine_numerics, simulate_run
from .observations import CHANNELS

SHORT_S = 1e-3
"""Time for which a cell is simulated where only its constants are asked for."""
WALL_POINTS = 100
Quantity = Callable[[CellHistory], FloatArray]


def propagated(fit: CellFit, run: int, times: FloatArray, quantity: Quantity) -> tuple[FloatArray, FloatArray]:
    """`quantity` of the history of a run at `times` (s), and its sigma in first order of the parameters."""
    problem, layout = fit.problem, fit.problem.layout
    low, high = layout.limits()

    def at(x: FloatArray, **numerics: Any) -> FloatArray:
        history = simulate_run(problem.runs[run], problem.model, layout.values(x, run), times=times, **numerics)
        return np.asarray(quantity(history), dtype=np.float64)

    points = []
    moved = [k for k in range(len(layout)) if layout.concerns(k, run) and not fit.fixed[k]]
    for k in moved:
        for side in (1.0, -1.0):
            x = np.array(fit.x)
            x[k] = np.clip(x[k] + side * layout.steps()[k], low[k], high[k])
            points.append(x)
    with ThreadPoolExecutor(problem.workers) as pool:
        best = pool.submit(at, fit.x, halvings=fine_numerics(fit.problem.model)[1], rtol=FINE_RTOL)
        values = list(pool.map(at, points))
    slopes = np.zeros((*best.result().shape, len(layout)))
    for n, k in enumerate(moved):
        above, below = 2 * n, 2 * n + 1
        slopes[..., k] = (values[above] - values[below]) / (points[above][k] - points[below][k])
    return best.result(), np.sqrt(np.einsum("...i,ij,...j->...", slopes, fit.covariance, slopes))


def fitted_points(fit: CellFit, run: int) -> dict[str, tuple[FloatArray, FloatArray]]:
    """Value and sigma (point,) of each quantity of the model at the points of a run."""
    problem, layout = fit.problem, fit.problem.layout
    low, high = layout.limits()
    moved = [k for k in range(len(layout)) if layout.concerns(k, run) and not fit.fixed[k]]
    points = [fit.x]
    for k in moved:
        x = np.array(fit.x)
        x[k] += layout.steps()[k] if x[k] + layout.steps()[k] <= high[k] else -layout.steps()[k]
        points.append(np.clip(x, low, high))
    with ThreadPoolExecutor(problem.workers) as pool:
        made = list(pool.map(lambda x: problem.predict(x, run), points))
    found = {}
    for name in CHANNELS:
        slopes = np.zeros((problem.runs[run].time.size, len(layout)))
        for k, x, changed in zip(moved, points[1:], made[1:], strict=True):
            slopes[:, k] = (changed.channel(name) - made[0].channel(name)) / (x[k] - fit.x[k])
        sigma = np.sqrt(np.einsum("pi,ij,pj->p", slopes, fit.covariance, slopes))
        found[name] = made[0].channel(name), sigma
    return found


@dataclass(frozen=True, eq=False)
class Motion:
    """Drift and diffusion of the fitted solution, value and sigma.

    mobility (m2/(V s)): mean over the particle volume of the starting solution, drift speed per nominal field;
    diffusivity (m2/s): of the mean size; squared_mobility_over_diffusivity (m2/(V2 s)).
    """

    mobility: tuple[float, float]
    diffusivity: tuple[float, float]
    squared_mobility_over_diffusivity: tuple[float, float]


def motion(fit: CellFit) -> Motion:
    """Mobility and diffusivity that the parameters of a fit mean, in its first run."""

    def both(history: CellHistory) -> FloatArray:
        columns = history.problem.columns
        mobility = float(columns.share @ columns.mobility)
        return np.array([mobility, columns.reference_diffusion, mobility**2 / columns.reference_diffusion])

    value, sigma = propagated(fit, 0, np.array([SHORT_S]), both)
    pairs = [(float(v), float(s)) for v, s in zip(value, sigma, strict=True)]
    return Motion(*pairs)


@dataclass(frozen=True, eq=False)
class WallConcentration:
    """phi of the solution at the anode's surface, below the size of the beam: time (s), value and sigma (time,).

    seen: mean over the open half of a beam centred on the surface, crystals left out: what a measurement of it would
    give. start_sigma: relative sigma of the starting solution, which multiplies all phi and is not in `sigma`.
    """

    time: FloatArray
    value: FloatArray
    sigma: FloatArray
    seen: FloatArray
    start_sigma: float


def wall_concentration(fit: CellFit, run: int) -> WallConcentration:
    """phi at the wall of a run from field-on to its last frame."""
    observed = fit.problem.runs[run]
    times = np.linspace(0.0, float(observed.time.max()), WALL_POINTS)

    def wall(history: CellHistory) -> FloatArray:
        rows, _ = beam_weights(history.z, [0.0], observed.beam_fwhm_um * 1e-6)
        return np.stack([history.wall_phi(), history.total_phi() @ rows[0]])

    value, sigma = propagated(fit, run, times, wall)
    given = observed.solution.volume_fraction_sigma
    relative = 0.0 if given is None else given / observed.solution.volume_fraction
    return WallConcentration(times, value[0], sigma[0], value[1], relative)
