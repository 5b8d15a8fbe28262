"""Is a normal distribution of diameters enough for this curve, and if not, what lies beyond it.

Both models see the same bins with the same weights. The free form has `freedom` parameters that the curve fixes, the
normal four (scale, d, delta, background). Likelihood ratio: the fall of chi-squared against the chi-squared
distribution with the extra parameters; Schwarz's criterion: the same fall less extra x ln(bins), where above 2
speaks positively and above 10 very strongly for the free form (Kass & Raftery, JASA 90, 773 (1995)).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc

from ...errors import ConvergenceError
from ...nouns import FloatArray, SampleIntensity
from ..spheres.fit import fit_spheres
from .basis import TREND, SizeBasis
from .each_curve import FreeFormFit
from .inversion import Curve, curves_of, design_matrix, unit_density
from .newton import Misfit, most_probable

POSITIVE, VERY_STRONG = 2.0, 10.0
CLEAR_SIGMAS = 3.0
PARAMETERS = TREND + 1


@dataclass(frozen=True)
class Excess:
    """Particles beyond the normal distribution, between `low` and `high` (nm), mostly at `diameter`: share of the volume."""

    diameter: float
    low: float
    high: float
    share: float
    sigma: float


@dataclass(frozen=True)
class GaussianVerdict:
    """enough: whether the normal distribution does; bic above 0 favours the free form. diameter, deviation (nm): the
    normal's. excess: sizes that it does not hold; words: all that."""

    enough: bool
    bic: float
    diameter: float
    deviation: float
    excess: tuple[Excess, ...]
    words: str


def gaussian_is_enough(sample: SampleIntensity, fit: FreeFormFit) -> tuple[GaussianVerdict | None, ...]:
    """A verdict per frame of `sample` and its uncalibrated `fit`; None where no particles are seen or a fit failed."""
    spheres = fit_spheres(sample, skewed=False)
    design = design_matrix(fit.basis)
    verdicts: list[GaussianVerdict | None] = []
    for f, curve in enumerate(curves_of(sample)):
        known = fit.seen[f] and bool(spheres.converged[f])
        try:
            d, delta = float(spheres.diameter[f]), float(spheres.deviation[f])
            verdicts.append(_verdict(curve, fit, f, design, d, delta) if known else None)
        except ConvergenceError:
            verdicts.append(None)
    return tuple(verdicts)


def _verdict(
    curve: Curve, fit: FreeFormFit, f: int, design: FloatArray, diameter: float, deviation: float
) -> GaussianVerdict:
    basis, unit = fit.basis, float(np.nanmax(np.abs(curve.y[curve.used])))
    misfit = Misfit.of(design, curve.y / unit, fit.weight[f] * unit**2)
    start = _normal_start(basis, misfit, diameter, deviation)
    normal = most_probable(basis, [misfit], start).x[0]
    gain = misfit.chi_squared(normal) - float(fit.chi_squared[f])
    extra = max(float(fit.freedom[f]) - PARAMETERS, 1.0)
    p_value = float(chdtrc(extra, max(gain, 0.0)))
    bic = gain - extra * float(np.log(fit.bins[f]))
    enough = bic <= POSITIVE
    beyond = fit.density[f] - unit / unit_density(basis) * normal[:-1]
    excess = () if enough else _excess(fit, f, beyond)
    words = _words(enough, gain, extra, p_value, bic, diameter, deviation, excess)
    return GaussianVerdict(enough, bic, diameter, deviation, excess, words)


def _normal_start(basis: SizeBasis, misfit: Misfit, diameter: float, deviation: float) -> FloatArray:
    """Coefficients (1, TREND + 1) of a normal number density, its amplitude from the curve and no background."""
    shape = basis.modes[:, :TREND]
    exponent = -0.5 * np.square((basis.diameter - diameter) / deviation)
    trend = np.linalg.lstsq(shape, exponent, rcond=None)[0]
    density = np.append(basis.volume * np.exp(exponent), 0.0)
    trend[0] += np.log(max(misfit.score @ density, 1e-300) / (density @ misfit.fisher @ density))
    return np.append(trend, 0.0)[None]


def _excess(fit: FreeFormFit, f: int, beyond: FloatArray) -> tuple[Excess, ...]:
    """Unbroken ranges of sizes where the density lies above the normal by a volume of three sigma or more."""
    basis, found = fit.basis, []
    volume = float(fit.density[f] @ basis.integral(np.ones_like))
    edges = np.flatnonzero(np.diff(np.concatenate([[0], (beyond > 0.0).astype(int), [0]])))
    whole = basis.integral(np.ones_like)
    for start, stop in edges.reshape(-1, 2):
        inside = np.zeros_like(whole)
        inside[start:stop] = whole[start:stop]
        share, sigma = inside @ beyond / volume, float(np.sqrt(inside @ fit.covariance[f] @ inside)) / volume
        if share > CLEAR_SIGMAS * sigma:
            at = float((inside * basis.diameter) @ beyond / (inside @ beyond))
            nodes = basis.diameter[start:stop]
            found.append(Excess(at, float(nodes[0]), float(nodes[-1]), float(share), sigma))
    return tuple(sorted(found, key=lambda e: -e.share / e.sigma))


def _words(
    enough: bool, gain: float, extra: float, p_value: float, bic: float, d: float, delta: float,
    excess: tuple[Excess, ...],
) -> str:  # fmt: skip
    numbers = f"chi-squared falls by {gain:.0f} for {extra:.1f} more parameters, BIC {bic:+.0f}, p = {p_value:.1g}"
    if enough:
        return f"a normal distribution, {d:.2f} +- {delta:.2f} nm, is enough ({numbers})"
    strength = "clearly not" if bic > VERY_STRONG else "probably not"
    parts = [f"{100 * e.share:.1f} +- {100 * e.sigma:.1f} % of the volume around {e.diameter:.1f} nm" for e in excess]
    beyond = f"; beyond it: {', '.join(parts)}" if parts else ""
    return f"a normal distribution, {d:.2f} +- {delta:.2f} nm, is {strength} enough ({numbers}){beyond}"
