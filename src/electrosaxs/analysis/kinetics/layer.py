"""The layer that drifting particles build at the anode, as the frames of a run should show it.

    phi / phi0 = sum over sizes of w (c(z; v, D) + c(L - z; -v, D) - 1),     v = v0 (d / d0)^p d_h0 / d_h,   D = D0 d_h0 / d_h

with c of `physics.one_wall`: anode and cathode as one wall each, one field from t = 0. v0, D0 and p are those with which most
frames agree. No number of a run is read from it: what frames show over it is smooth where they themselves are steep, so that it
tells which of them are not like their neighbours, and how phi bends across a beam between two heights. Crystals, interaction
and other fields it does not know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...nouns import FloatArray
from ...physics.beam import open_nodes
from ...physics.one_wall import above_a_wall

NODES, REACH = 9, 4.0
SIZES = 5
"""Of a Gaussian distribution, by Gauss and Hermite."""
FEWEST = 12
"""Frames that tell the layer's three numbers."""
MOST_SCANS = 12
FEWEST_SCANS, MOST_OFF = 4, 3.0
"""Scans that tell which of them is apart, and times what most are off by from which on it is (chosen)."""
LEAST_SIGMA = 3e-3
"""Of ln phi: what the model is good to at best (chosen)."""
USUAL_DIFFUSION, USUAL_EXPONENT = 7.4e-11, 2.0
"""m2/s and p of the surface charge: where the search begins."""
UNKNOWN = np.array([2.0, 1.0, 1.0])
"""Sigmas of ln v0, ln D0 and p about where the search begins."""
ROUNDS, STEP, CLIP = 12, 1e-4, 2.0
CLOSE = 1e-4
LEAST_PHI = 1e-3
"""Over phi0: the model is not asked for less."""
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Particles:
    """Sizes over the mean one's: diameter (size,), hydrodynamic diameter (size,), and their shares of phi (size,)."""

    diameter: FloatArray
    hydrodynamic: FloatArray
    share: FloatArray

    @classmethod
    def gaussian(
        cls, mean_nm: float, deviation_nm: float, *, dry_shell_nm: float, solvated_shell_nm: float
    ) -> Particles:
        x, weight = np.polynomial.hermite_e.hermegauss(SIZES)
        d = mean_nm + deviation_nm * x
        share = np.where(d > 0.0, weight * np.power(np.maximum(d, 0.0) + 2.0 * dry_shell_nm, 3), 0.0)
        d = np.maximum(d, 0.1 * mean_nm)
        wet = (d + 2.0 * solvated_shell_nm) / (mean_nm + 2.0 * solvated_shell_nm)
        return cls(d / mean_nm, wet, share / share.sum())


@dataclass(frozen=True, eq=False)
class DriftingLayer:
    """phi over that of the start anywhere in a cell of gap_um; parameters: ln v0, ln D0, p (SI)."""

    parameters: FloatArray
    particles: Particles
    gap_um: float

    def over_start(self, z_um: FloatArray, time_s: FloatArray) -> FloatArray:
        """At heights z_um above the anode at time_s; arguments broadcast."""
        speed, diffusion, power = np.exp(self.parameters[0]), np.exp(self.parameters[1]), self.parameters[2]
        z, particles = 1e-6 * z_um, self.particles
        inside = np.zeros(np.broadcast_shapes(z_um.shape, time_s.shape))
        for d, wet, share in zip(particles.diameter, particles.hydrodynamic, particles.share, strict=True):
            v, own = speed * d**power / wet, diffusion / wet
            below = above_a_wall(z, time_s, v, own)
            inside += share * (below + above_a_wall(1e-6 * self.gap_um - z, time_s, -v, own) - 1.0)
        return inside


@dataclass(frozen=True, eq=False)
class Seen:
    """How the frames of a run see a profile. z_um, weight (height, node): heights in the open beam and their shares of it;
    time_s, depth (scan, height): of each frame, optical depth of the starting solution; gap_um."""

    z_um: FloatArray
    weight: FloatArray
    time_s: FloatArray
    depth: FloatArray
    gap_um: float

    @classmethod
    def of(cls, height_um: FloatArray, fwhm_um: float, *, time_s: FloatArray, depth: FloatArray, gap_um: float) -> Seen:
        z, weight = open_nodes(height_um, fwhm_um, gap=gap_um, nodes=NODES, reach=REACH)
        return cls(z, weight, time_s, depth, gap_um)

    def only(self, scans: npt.NDArray[np.intp]) -> Seen:
        return Seen(self.z_um, self.weight, self.time_s[scans], self.depth[scans], self.gap_um)

    def later(self, seconds: float) -> Seen:
        """The same frames if the field came on so much later."""
        return Seen(self.z_um, self.weight, self.time_s - seconds, self.depth, self.gap_um)

    def logarithm(self, parameters: FloatArray, particles: Particles) -> FloatArray:
        """ln(apparent phi / phi0) (scan, height): <phi T> / <T> over the open beam. parameters: ln v0, ln D0, p (SI)."""
        inside = DriftingLayer(parameters, particles, self.gap_um).over_start(self.z_um, self.time_s[..., None])
        light = self.weight * np.exp(-self.depth[..., None] * inside)
        apparent = np.sum(light * inside, axis=-1) / np.sum(light, axis=-1)
        return np.asarray(np.log(np.maximum(apparent, LEAST_PHI)))


@dataclass(frozen=True, eq=False)
class Layer:
    """logarithm (scan, height): ln(apparent phi / phi0) of the model; slopes (scan, height, 3): its change with each
    parameter; parameters: ln v0, ln D0, p; inside: the profile that frames see; sigma (3,): of the parameters, with the misfit;
    misfit: of the frames that told it, in their sigma with what the model is good to (rms, the worst at CLIP times usual)."""

    logarithm: FloatArray
    slopes: FloatArray
    parameters: FloatArray
    inside: DriftingLayer
    sigma: FloatArray
    misfit: float


def fit_layer(x: FloatArray, relative: FloatArray, told: BoolArray, seen: Seen, particles: Particles) -> Layer | None:
    """From x = ln(apparent phi / phi0) (scan, height) with its own sigma `relative` at the frames that are `told`; None where
    they are too few, or no layer is built."""
    told = told & np.isfinite(x) & np.isfinite(relative) & (seen.time_s > 0.0)
    scans = np.flatnonzero(told.any(axis=1))
    scans = np.unique(scans[np.linspace(0, scans.size - 1, MOST_SCANS).astype(int)]) if scans.size else scans
    if told[scans].sum() < FEWEST:
        return None
    start = _start(x, told, seen)
    if start is None:
        return None
    part, known = seen.only(scans), told[scans]
    value, sigma = x[scans][known], np.hypot(relative[scans][known], LEAST_SIGMA)

    def expected(parameters: FloatArray) -> FloatArray:
        return part.logarithm(parameters, particles)[known]

    found = most_agree(expected, value, sigma, start, UNKNOWN)
    here, slopes = with_slopes(lambda p: seen.logarithm(p, particles), found)
    design, rest = slopes[scans][known] / sigma[:, None], (value - here[scans][known]) / sigma
    usual = 1.4826 * float(np.median(np.abs(rest)))
    misfit = float(np.sqrt(np.mean(np.square(np.clip(rest, -CLIP * usual, CLIP * usual)))))
    own = np.sqrt(np.diag(np.linalg.inv(design.T @ design + np.diag(UNKNOWN**-2.0))))
    return Layer(here, slopes, found, DriftingLayer(found, particles, seen.gap_um), max(misfit, 1.0) * own, misfit)


def _start(x: FloatArray, told: BoolArray, seen: Seen) -> FloatArray | None:
    """Where the search begins: v0 t is what the last scan holds over the start; None where that is nothing."""
    content, time = excess_of_scans(x, told, seen)
    for scan in np.flatnonzero(content > 0.0)[::-1]:
        return np.array([np.log(content[scan] / time[scan]), np.log(USUAL_DIFFUSION), USUAL_EXPONENT])
    return None


def excess_of_scans(x: FloatArray, told: BoolArray, seen: Seen) -> tuple[FloatArray, FloatArray]:
    """What each scan holds over the start, over phi0 (m), and its mean time (s); (scan,), NaN with fewer than three heights."""
    middle = np.sum(seen.weight * seen.z_um, axis=-1)
    content, time = np.full(x.shape[0], np.nan), np.full(x.shape[0], np.nan)
    for scan in np.flatnonzero(told.sum(axis=1) > 2):
        k = told[scan]
        excess = np.maximum(np.expm1(x[scan, k]), 0.0)
        over, at = np.concatenate([excess[:1], excess]), np.concatenate([[0.0], middle[k]])
        content[scan], time[scan] = 1e-6 * float(np.trapezoid(over, at)), float(np.mean(seen.time_s[scan, k]))
    return content, time


def with_slopes(model: Callable[[FloatArray], FloatArray], at: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The model at `at` (parameter,), and its change with each parameter, last."""
    here = model(at)
    return here, np.stack([(model(at + step) - here) / STEP for step in STEP * np.eye(at.size)], axis=-1)


def most_agree(
    model: Callable[[FloatArray], FloatArray],
    value: FloatArray,
    sigma: FloatArray,
    start: FloatArray,
    unknown: FloatArray,
) -> FloatArray:
    """The parameters by damped steps of Gauss and Newton, each frame counting at most CLIP times what most are off by
    (Huber 1964); unknown: their sigmas about `start`."""

    def cost(parameters: FloatArray) -> tuple[float, FloatArray]:
        size = np.abs(value - model(parameters)) / sigma
        beyond = np.maximum(size - CLIP * scale, 0.0)
        prior = np.sum(np.square((parameters - start) / unknown))
        return float(np.sum(np.square(size) - np.square(beyond)) + prior), size

    found, damping = start, 1e-3
    scale = max(1.4826 * float(np.median(np.abs(value - model(start)) / sigma)), 1.0)
    for _ in range(ROUNDS):
        here, slopes = with_slopes(model, found)
        rest = (value - here) / sigma
        scale = max(1.4826 * float(np.median(np.abs(rest))), 1.0)
        weight = np.minimum(1.0, CLIP * scale / np.maximum(np.abs(rest), 1e-9))
        design = slopes / sigma[:, None]
        normal = design.T @ (design * weight[:, None]) + np.diag(unknown**-2.0)
        pull = design.T @ (weight * rest) - (found - start) / np.square(unknown)
        before = cost(found)[0]
        for _ in range(ROUNDS):
            step = np.linalg.solve(normal + damping * np.diag(np.diag(normal)), pull)
            if cost(found + step)[0] < before:
                damping = 0.1 * damping
                break
            damping = 10.0 * damping
        else:
            return found
        found = found + step
        if np.max(np.abs(step)) < CLOSE:
            return found
    return found


def apart_in_time(rest: FloatArray, least: FloatArray) -> BoolArray:
    """(scan, height) where `rest` is off the median of its height by more than `least` and more than MOST_OFF times what most
    scans are; NaN is not."""
    found = np.zeros(rest.shape, dtype=bool)
    for column in np.flatnonzero(np.isfinite(rest).sum(axis=0) >= FEWEST_SCANS):
        off = np.abs(rest[:, column] - np.nanmedian(rest[:, column]))
        usual = 1.4826 * float(np.nanmedian(off))
        with np.errstate(invalid="ignore"):
            found[:, column] = off > np.maximum(least[:, column], MOST_OFF * usual)
    return found
