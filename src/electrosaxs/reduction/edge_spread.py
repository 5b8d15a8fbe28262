"""By how much the knife edge of the anode is broader than the beam: its surface is not at one height for all of the beam.

T(h) = shut + (open - shut) Phi((h - h0) / sqrt(s^2 + B)), B the variance of the edge's height across the beam. An even tilt
along the beam moves an opaque edge and does not broaden it; waviness, and a tilt across the beam, do.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares

from ..nouns import FloatArray, Number
from ..physics.beam import beam_deviation, share_above
from .alignment import (
    EDGE_EVIDENCE,
    FEWEST_FRAMES,
    AnodeHeight,
    anode_height_from_alignment,
    edge_weights,
    fitted_edge,
)

SURE = 3.0
"""Sigmas from which on an edge is surely broader than the beam."""
UNEVEN = 0.6
"""Of the shift by lines of the surface that do not lie evenly (chosen: seven wavy lines; a sixth of their skewness)."""
DIODE = 2e-4
"""Of the open beam's light (chosen, as of every transmission): no photodiode is better, whatever frames scatter by."""
NARROWEST = 0.3
"""Of the beam's deviation: the least width that is tried."""
POINTS, REACH = 2001, 8.0


def edge_spread(
    height_um: npt.ArrayLike,
    transmission: npt.ArrayLike,
    *,
    fwhm_um: float,
    path_um: float,
    fwhm_sigma_um: float = 0.0,
) -> Number:
    """sqrt(B) (um) from frames of a homogeneous cell across the edge, (frame,): mean and standard deviation for B >= 0.

    path_um: through the cell; fwhm_sigma_um: of the beam's width, which B is measured against. Absent, with the reason, where
    the frames show no edge.
    """
    narrow = beam_deviation(fwhm_um)
    found = fitted_edge(height_um, transmission, narrow)
    if found is None:
        return Number.absent("um", f"fewer than {FEWEST_FRAMES} usable alignment frames")
    edge, height, light, weight = found
    if edge.evidence < EDGE_EVIDENCE or not height.min() <= edge.height <= height.max():
        return Number.absent("um", "the alignment frames show no edge")
    variance, sigma = _variance(edge.height, height, light, weight, narrow)
    if variance > 0.0:  # the noise was judged by an edge too sharp
        weight = edge_weights(edge.height, height, light, float(np.sqrt(narrow**2 + variance)))
        variance, sigma = _variance(edge.height, height, light, weight, narrow)
    sigma = float(np.hypot(sigma, 2.0 * narrow**2 * fwhm_sigma_um / fwhm_um))
    spread = np.linspace(0.0, np.sqrt(max(variance, 0.0) + REACH * sigma), POINTS)
    off = np.square((np.square(spread) - variance) / sigma)
    density = np.exp(-0.5 * (off - off.min()))
    mean = float(np.average(spread, weights=density))
    deviation = float(np.sqrt(np.average(np.square(spread - mean), weights=density)))
    source = f"knife edge through {height.size} alignment frames against a beam of {fwhm_um:g} um"
    shows = "it is as sharp as the beam"
    if variance < -3.0 * sigma:
        width = fwhm_um * float(np.sqrt(1.0 + variance / narrow**2))
        shows = f"it is sharper than the stated beam allows, as one of {width:.3g} um would see it"
    if variance > 3.0 * sigma:
        tilt = 1e3 * np.sqrt(12.0) * mean / path_um
        shows = f"it is broader than the beam, as if {tilt:.2g} mrad of tilt were seen all over the path"
    given = "" if fwhm_sigma_um else "; not included: error of the beam width (no sigma given)"
    return Number(mean, deviation, "um", f"{source}: {shows}; an even tilt along the beam does not show{given}")


def height_of_a_broad_edge(
    height_um: npt.ArrayLike, transmission: npt.ArrayLike, *, fwhm_um: float, sharp: AnodeHeight, spread: Number
) -> AnodeHeight:
    """`sharp`, what frames of a homogeneous cell say of the anode's height with the beam's own width, or the same with that of
    the edge where that is surely broader: a beam too narrow takes the tail of the edge for the edge.

    sigma: also of lines of the surface that do not lie evenly about their mean, UNEVEN B^(3/2) / sigma_beam^2.
    """
    if sharp.value is None or sharp.sigma is None or spread.value is None or spread.sigma is None:
        return sharp
    if spread.value <= SURE * spread.sigma:
        return sharp
    narrow = beam_deviation(fwhm_um)
    wider = fwhm_um * float(np.hypot(narrow, spread.value)) / narrow
    found = anode_height_from_alignment(height_um, transmission, fwhm_um=wider)
    if found.value is None or found.sigma is None:
        return sharp
    sigma = float(np.hypot(found.sigma, UNEVEN * spread.value**3 / narrow**2))
    return replace(found, sigma=sigma, source=f"{found.source}, {spread.value:.2g} um broader than the beam")


def _variance(
    start: float, height: FloatArray, light: FloatArray, weight: FloatArray, narrow: float
) -> tuple[float, float]:
    """B and its sigma (um^2), by least squares with the noise from what is left, at least the diode's."""
    root = np.sqrt(weight)
    least = (NARROWEST**2 - 1.0) * narrow**2

    def residual(p: FloatArray) -> FloatArray:
        share = share_above(height - p[0], float(np.sqrt(narrow**2 + p[3])))
        return np.asarray(root * (light - p[2] - (p[1] - p[2]) * share))

    top = float(light.max())
    fit = least_squares(
        residual, [start, top, 0.0, 0.0], x_scale=[narrow, top, top, narrow**2],
        bounds=([-np.inf, 0.0, -np.inf, least], np.inf), ftol=1e-14, xtol=1e-14, gtol=1e-14,
    )  # fmt: skip
    scale = np.array([narrow, top, top, narrow**2])
    jacobian = fit.jac * scale
    covariance = np.linalg.pinv(jacobian.T @ jacobian) * scale[:, None] * scale
    noise = max(2.0 * fit.cost / max(height.size - 4, 1), (DIODE * top) ** 2)
    return float(fit.x[3]), float(np.sqrt(covariance[3, 3] * noise))
