"""Where the fit of a lattice may begin: lattice constants that put reflections on the peaks, or all that the particles' size
allows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ...nouns import FloatArray, Peak
from ...physics.lattices import SHAPES, lattice_named, reflections
from ...physics.sphere_kernels import amplitude
from ...physics.structure_factor import superlattice_order
from .bragg import LatticeModel
from .parameters import LINDEMANN, NO_GRAINS, PARAMETERS, Grains, Solution, first_reflection, open_shape
from .weighted_curve import WeightedCurve

SPACINGS = (
    1.0,
    2.2,
)  # nearest-neighbour distance over the mean core diameter: touching cores; two ligand shells at full length
SCAN_STEP = 0.004  # relative step of the lattice constant in the scan
SCAN_WIDTHS = (0.012, 0.025, 0.05, 0.1)  # FWHM over the first reflection's q
PEAK_WIDTHS = (0.7, 1.4)  # the same over the FWHM of the peaks, where peaks are known
SCAN_TAILS = 0.2  # Lorentzian share at which a fit starts
MOST_STARTS = 2
PROMISING = 0.5  # of what the best start explains: what others must, to be tried
DISTINCT = 0.015  # of ln a, between starts
COARSE = 12  # every how many of the steps are tried where the peaks allow none of them
SEEDS = 5  # of the highest peaks one is a reflection
SEED_FAMILIES = 10  # of the first this many families
LIKELY = 6  # constants whose pattern is compared with the curve
WIDENED = 3  # of them at the second width too
NEAR = 0.012  # relative: a peak and a reflection that belong together, before anything is fitted
CAPPED = 30.0  # sigma that one peak counts at most
ABSENT = 0.3  # of its own share of the pattern's strength: what a reflection without a peak costs


class Constant(NamedTuple):
    """A lattice constant (nm), a shape (0 where none is open) and the FWHM (1/nm) to try them at."""

    a: float
    shape: float
    widths: tuple[float, ...]


def scan_lattice(
    curve: WeightedCurve, lattice: str, solution: Solution[float], smooth: FloatArray, peaks: Sequence[Peak] = ()
) -> list[Grains[float]]:
    """Starts: the lattice constants whose pattern explains most of the curve, the solution's parameters refitted to first
    order. `peaks`: one of them must be a reflection; without any all spacings are tried."""
    model = LatticeModel(curve.q, None, 0, smooth)
    value, slopes = model(np.array([*solution, *NO_GRAINS, *np.zeros(smooth.shape[1])]))
    root = 1.0 / np.sqrt(curve.variance(np.maximum(value, 0.3 * curve.intensity)))
    columns = np.delete(slopes, range(len(solution), len(PARAMETERS)), axis=1) * root[:, None]
    columns /= np.linalg.norm(columns, axis=0) + 1e-300
    basis = np.linalg.qr(columns)[0]
    residual = (curve.intensity - value) * root
    residual = residual - basis @ (basis.T @ residual)
    coherent = solution.scale * amplitude(curve.q, solution.diameter, solution.deviation) ** 2 * root

    def gain(constant: Constant, fwhm: float) -> tuple[float, Grains[float]]:
        shape = open_shape(lattice, constant.shape)
        u2 = LINDEMANN * (constant.a * lattice_named(lattice, shape).neighbour_distance) ** 2
        template = coherent * superlattice_order(curve.q, lattice, constant.a, fwhm, u2, shape=shape).value
        template = template - basis @ (basis.T @ template)
        norm2 = float(template @ template)
        fraction = max(float(template @ residual) / norm2, 0.0)
        grains = Grains(min(fraction, 1.0), constant.a, fwhm, u2, SCAN_TAILS, NO_GRAINS.size_ratio, constant.shape)
        return fraction**2 * norm2, grains

    likely = likely_constants(lattice, solution.diameter, peaks)
    if likely:
        tried = sorted((gain(one, one.widths[0]) for one in likely), reverse=True)
        tried += [gain(Constant(one.a, one.shape, ()), likely[0].widths[1]) for _, one in tried[:WIDENED]]
        return _distinct(sorted(tried, reverse=True))
    best: list[tuple[float, Grains[float]]] = []
    every = every_constant(lattice, solution.diameter, float(np.median(np.diff(curve.q))))
    if peaks:  # none of them at a place that a spacing allows
        every = every[::COARSE]
    for width in range(len(SCAN_WIDTHS)):
        tried = [gain(one, one.widths[width]) for one in every]
        best += [tried[i] for i in _tops(np.array([one[0] for one in tried]))]
    # no spacing adds anything: the fit begins without grains, at the closest packing
    return _distinct(sorted(best, reverse=True)) if best else [gain(every[0], every[0].widths[0])[1]]


def every_constant(lattice: str, diameter: float, bin_width: float) -> list[Constant]:
    """All spacings from touching cores on, at the first shape."""
    shape = SHAPES[lattice].starts[0] if lattice in SHAPES else 0.0
    spacing = diameter * np.exp(np.arange(np.log(SPACINGS[0]), np.log(SPACINGS[1]), SCAN_STEP))
    lengths = spacing / lattice_named(lattice, open_shape(lattice, shape)).neighbour_distance
    return [
        Constant(
            a, shape, tuple(max(w * first_reflection(lattice, a, shape), 1.5 * bin_width) for w in SCAN_WIDTHS)
        )
        for a in lengths.tolist()
    ]  # fmt: skip


def likely_constants(lattice: str, diameter: float, peaks: Sequence[Peak]) -> list[Constant]:
    """The constants whose reflections lie on most of the peaks' significance, each refined on the peaks it explains."""
    if not peaks:
        return []
    places = np.array([peak.q for peak in peaks])
    height = np.minimum([peak.significance for peak in peaks], CAPPED)
    narrow = float(np.median([peak.fwhm for peak in peaks]))
    widths = tuple(share * narrow for share in PEAK_WIDTHS)
    seeds = places[np.argsort(-height)[:SEEDS]]
    ranked: list[tuple[float, Constant]] = []
    for shape in SHAPES[lattice].starts if lattice in SHAPES else (0.0,):
        spacing = lattice_named(lattice, open_shape(lattice, shape)).neighbour_distance
        families = reflections(lattice, 6.0, open_shape(lattice, shape))
        s, strength = families.s, families.weight / families.s**2
        a = (2.0 * np.pi * s[:SEED_FAMILIES] / seeds[:, None]).ravel()
        a = a[(a * spacing / diameter >= SPACINGS[0]) & (a * spacing / diameter <= SPACINGS[1])]
        told, refined = _on_the_peaks(s, strength, a, places, height)
        ranked += [(t, Constant(one, shape, widths)) for t, one in zip(told.tolist(), refined.tolist(), strict=True)]
    ranked.sort(reverse=True)
    return [constant for _, constant in _apart(ranked)]


def _on_the_peaks(
    s: FloatArray, strength: FloatArray, a: FloatArray, places: FloatArray, height: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """How much of the peaks' significance the reflections of each `a` (nm) explain, less what strong ones without a peak
    cost, and the constants refined on those."""
    q = 2.0 * np.pi * s / a[:, None]  # (a, s)
    off = q[:, None] / places[:, None] - 1.0  # (a, peak, s)
    nearest = np.argmin(np.abs(off), axis=2)
    found = np.take_along_axis(off, nearest[..., None], axis=2)[..., 0]
    weight = height * (np.abs(found) < NEAR)
    inside = q < places[-1] * (1.0 + NEAR)
    silent = inside & ~np.any(np.abs(off) < NEAR, axis=1)
    cost = ABSENT * (silent @ strength) / np.maximum(inside @ strength, 1e-300)
    total = weight.sum(axis=1)
    refined = a * (1.0 + np.sum(weight * found, axis=1) / np.maximum(total, 1e-300))
    return total / height.sum() - cost, refined


def _apart(ranked: Sequence[tuple[float, Constant]]) -> list[tuple[float, Constant]]:
    """The first LIKELY that differ by more than a fifth of what starts must, or in shape."""
    kept: list[tuple[float, Constant]] = []
    for score, one in ranked:
        if all(one.shape != other.shape or abs(np.log(one.a / other.a)) > 0.2 * DISTINCT for _, other in kept):
            kept.append((score, one))
        if len(kept) == LIKELY:
            break
    return kept


def _tops(values: FloatArray) -> npt.NDArray[np.intp]:
    """Indices of values greater than both neighbours; the last is a neighbour of the first."""
    return np.flatnonzero((values > np.roll(values, 1)) & (values > np.roll(values, -1)))


def _distinct(ranked: Sequence[tuple[float, Grains[float]]]) -> list[Grains[float]]:
    """The first MOST_STARTS whose lattice constants differ and which are not far behind the first."""
    chosen: list[Grains[float]] = []
    for gain, one in ranked:
        if chosen and gain < PROMISING * ranked[0][0]:
            break
        if all(abs(np.log(one.a / other.a)) > DISTINCT or abs(one.shape - other.shape) > 0.1 for other in chosen):
            chosen.append(one)
        if len(chosen) == MOST_STARTS:
            break
    return chosen
