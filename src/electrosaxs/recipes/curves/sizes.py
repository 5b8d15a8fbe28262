"""Sizes of one curve without assuming that they are normal: what hard spheres must beat, and what a Gaussian may lack."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...analysis.crystals.weighted_curve import WeightedCurve
from ...analysis.free_form.basis import NODE_STEP, SizeBasis
from ...analysis.free_form.each_curve import FreeFormFit, free_form_sizes
from ...analysis.free_form.gaussian import VERY_STRONG, gaussian_is_enough
from ...analysis.free_form.limits import observable_sizes
from ...analysis.free_form.moments import size_moments
from ...analysis.spheres.fit import fit_spheres
from ...errors import ElectrosaxsError
from ...nouns import FloatArray, Number, SampleIntensity
from .hard_spheres import DILUTE

LEAST_NOISE = 0.01
"""Of I, where the file gives no sigma (chosen): computed curves have none, and the steps between the nodes would show."""


@dataclass(frozen=True, eq=False)
class FreeSizes:
    """The free-form distribution of dilute spheres that explains one curve best, and the curve as it was fitted."""

    sample: SampleIntensity
    fit: FreeFormFit

    def bic(self) -> float:
        """Schwarz's criterion of the fit: chi-squared + parameters that the curve fixes x ln(bins)."""
        return float(self.fit.chi_squared[0] + self.fit.freedom[0] * np.log(self.fit.bins[0]))

    def bic_of(self, model: FloatArray, parameters: int) -> float:
        """The same of another model (q,) of the same curve."""
        misfit = np.sum(np.square((self.sample.values[0] - model) / self.sample.sigma[0]))
        return float(misfit + parameters * np.log(model.size))

    def lacking(self) -> str:
        """Why a normal distribution is not enough, empty where it is."""
        normal = fit_spheres(self.sample, skewed=False, workers=1)
        gain = np.inf
        if normal.converged[0]:
            gain = self.bic_of(normal.model(self.fit.basis.q)[0], len(DILUTE)) - self.bic()
            if gain <= VERY_STRONG:  # without nodes, whose steps show on curves with little noise
                return ""
        verdict = gaussian_is_enough(self.sample, self.fit)[0]
        if verdict is not None:
            return "" if verdict.enough else verdict.words
        return (
            f"BIC falls by {gain:.0f} without it" if np.isfinite(gain) else "no normal distribution explains the curve"
        )

    def numbers(self) -> dict[str, Number]:
        """Volume-weighted mean diameter, number-weighted mean and deviation over the sizes that the curve can see."""
        limits = observable_sizes(self.fit).limits
        if limits is None:
            return {}
        moments = size_moments(self.fit, limits=limits)
        how = f"free-form sizes between {limits[0]:.2g} and {limits[1]:.2g} nm, no interaction assumed"
        named = {
            "volume_mean_diameter": moments.volume_mean,
            "free_form_diameter": moments.mean,
            "free_form_deviation": moments.deviation,
        }
        return {
            name: Number(float(one.value[0]), float(one.total_sigma[0]), "nm", how)
            for name, one in named.items()
            if np.isfinite(one.value[0]) and np.isfinite(one.total_sigma[0])
        }


def free_sizes(curve: WeightedCurve | None) -> FreeSizes | None:
    """The free-form sizes of a curve; None where it has too few bins, or shows no particles without a doubt."""
    if curve is None:
        return None
    sigma = np.sqrt(curve.variance(curve.intensity))
    if curve.estimated:
        sigma = np.hypot(sigma, LEAST_NOISE * np.abs(curve.intensity))
    sample = SampleIntensity.from_arrays(
        curve.intensity[None], dims=("frame", "q"), coords={"q": (("q",), curve.q)}, sigma=sigma[None]
    )
    nodes = np.exp(np.arange(np.log(np.pi / curve.q[-1]), np.log(np.pi / curve.q[0]) + NODE_STEP, NODE_STEP))
    try:
        fit = free_form_sizes(sample, SizeBasis.of(curve.q, shell=0.0, diameter=nodes), workers=1)
    except (ElectrosaxsError, ArithmeticError, np.linalg.LinAlgError):
        return None
    return FreeSizes(sample, fit) if fit.seen[0] and not fit.flags[0] else None
