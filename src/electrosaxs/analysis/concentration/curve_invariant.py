"""Invariant of plain curves, without a reference: by the sphere fit where it is good, else by Guinier and Porod.

On an absolute scale the volume fraction of two phases follows from Q = 2 pi^2 contrast^2 phi (1 - phi) (Porod 1951).
Here phi is that of the scattering cores. Computed curves of spheres that do not see each other lack the factor 1 - phi.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipp as sc

from ...errors import FitError, bad_value
from ...nouns import Invariant, SampleIntensity
from ...nouns.base import FloatArray
from ...units import in_unit
from ..spheres.fit import SphereFit, bin_noise
from .invariant import bin_widths, particle_volume

GUINIER_REACH = 1.3
"""Guinier's law is fitted up to q R_g = 1.3 (Guinier & Fournet 1955)."""
POROD_REACH = 5.0
"""Porod's law is fitted from q R_g = 5 on, but never over more than the last decade of q."""


@dataclass(frozen=True, eq=False)
class CurveInvariant:
    """Invariant (frame,) of curves and its parts: window, low, high (1/nm^3 x intensity), each (frame,).

    method: "sphere fit" or "Guinier and Porod" per frame; reason: why the sphere fit was not used, else empty.
    """

    invariant: Invariant
    window: FloatArray
    low: FloatArray
    high: FloatArray
    method: tuple[str, ...]
    reason: tuple[str, ...]


def _guinier(q: FloatArray, y: FloatArray) -> tuple[float, float]:
    """(I(0), R_g) of ln I = ln I(0) - (q R_g)^2 / 3 over q R_g < 1.3, at least five points; R_g = 0 where it rises."""
    stop, previous = 5, 0
    forward, radius = y[0], 0.0
    for _ in range(20):
        good = y[:stop] > 0.0
        if good.sum() < 3:
            break
        slope, offset = np.polyfit(np.square(q[:stop][good]), np.log(y[:stop][good]), 1)
        forward, radius = float(np.exp(offset)), float(np.sqrt(max(-3.0 * slope, 0.0)))
        reach = max(5, int(np.searchsorted(q, GUINIER_REACH / radius))) if radius > 0.0 else 5
        if reach in (stop, previous):
            break
        stop, previous = reach, stop
    return forward, radius


def _guinier_integral(q_min: float, forward: float, radius: float) -> float:
    """Integral from 0 to q_min of q^2 I(0) exp(-(q R_g)^2 / 3), Gauss-Legendre."""
    nodes, weights = np.polynomial.legendre.leggauss(24)
    q = 0.5 * q_min * (nodes + 1.0)
    return float(0.5 * q_min * np.sum(weights * q**2 * forward * np.exp(-((q * radius) ** 2) / 3.0)))


def _porod(q: FloatArray, y: FloatArray, radius: float) -> tuple[float, float]:
    """(K, B) of I = K q^-4 + B at large q, least squares of q^4 I."""
    start = min(max(POROD_REACH / radius if radius > 0.0 else 0.0, 0.1 * q[-1]), q[max(q.size - 8, 0)])
    tail = q >= start
    q4 = q[tail] ** 4
    columns = np.column_stack([np.ones(q4.size), q4])
    solution = np.linalg.lstsq(columns / q4[-1] ** 0.5, q4 * y[tail] / q4[-1] ** 0.5, rcond=None)[0]
    return float(solution[0]), float(solution[1])


def _without_model(q: FloatArray, y: FloatArray) -> tuple[float, float, float]:
    """(window, low, high) by trapezoids, Guinier and Porod."""
    forward, radius = _guinier(q, y)
    porod, background = _porod(q, y, radius)
    window = float(np.trapezoid((y - background) * q**2, q))
    return window, _guinier_integral(float(q[0]), forward, radius), porod / float(q[-1])


def invariant(sample: SampleIntensity, fit: SphereFit) -> CurveInvariant:
    """Q of every curve of `sample`, dims (q,) or (frame, q), with counting sigma and the extrapolation's.

    fit: a fit of these curves. Where it is flagged, Guinier and Porod stand in for it and
    `reason` holds the flags; the extrapolation's sigma is then the whole of what lies outside the window.
    Raises FitError where a curve has fewer than ten finite points.
    """
    noise = bin_noise(sample)
    volume = particle_volume(sample, fit, dry_shell_nm=0.0)
    parts = np.column_stack([volume.window, volume.low, volume.high])
    sigma, uncertain = volume.sigma, volume.extrapolation_sigma
    for f, flags in enumerate(fit.flags):
        if not flags:
            continue
        here = np.isfinite(noise.intensity[f])
        if here.sum() < 10:
            raise bad_value(
                FitError, where=f"curve {f}", field="finite points", value=int(here.sum()),
                rule="must be 10 or more", remedy="leave the curve out",
            )  # fmt: skip
        q, y = noise.q[here], noise.intensity[f, here]
        parts[f] = _without_model(q, y)
        variance = noise.variance(noise.intensity)[f, here]
        sigma[f] = np.nan if noise.unknown else np.sqrt(np.sum(np.square(q**2 * bin_widths(q)) * variance))
        uncertain[f] = np.hypot(parts[f, 1], parts[f, 2])
    total = Invariant.from_arrays(
        parts.sum(axis=1),
        dims=("frame",),
        coords={"frame": (("frame",), np.arange(len(parts)))},
        sigma=sigma,
        shared={"background": volume.background_sigma, "extrapolation": uncertain},
    )
    method = tuple("Guinier and Porod" if flags else "sphere fit" for flags in fit.flags)
    window, low, high = parts.T.copy()
    return CurveInvariant(total, window, low, high, method, tuple(", ".join(flags) for flags in fit.flags))


def absolute_volume_fraction(invariant: sc.Variable, contrast: sc.Variable, *, two_phase: bool = True) -> sc.Variable:
    """phi of the scattering phase from Q = 2 pi^2 contrast^2 phi (1 - phi), the root below 1/2; dimensionless.

    invariant: per length and length^3, e.g. 1/(cm nm^3); contrast: scattering length density, e.g. 1/nm^2.
    two_phase False: without the factor 1 - phi, for curves of spheres that do not see each other.
    Raises FitError where Q exceeds what the contrast can give.
    """
    product = in_unit(invariant / contrast**2, "one", name="invariant over contrast^2") / (2.0 * np.pi**2)
    if not two_phase:
        return sc.array(dims=invariant.dims, values=product) if invariant.ndim else sc.scalar(product)
    if np.any(np.asarray(product) > 0.25):
        raise bad_value(
            FitError, where="absolute invariant", field="phi (1 - phi)", value=float(np.max(product)),
            rule="must be 0.25 or less", remedy="check the intensity's absolute scale and the contrast",
        )  # fmt: skip
    phi = 0.5 * (1.0 - np.sqrt(1.0 - 4.0 * np.asarray(product)))
    return sc.array(dims=invariant.dims, values=phi) if invariant.ndim else sc.scalar(float(phi))
