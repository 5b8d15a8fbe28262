"""What speaks against each candidate: peaks that are no reflection of it, and reflections that should be seen and are not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ...nouns import FloatArray, Peak
from ...nouns.results import ExpectedReflection, ReflectionRecord
from ...physics.lattice_kernels import peak_profile
from ...physics.lattices import STACKED, lattice_named, reflection_positions, reflections
from ...physics.sphere_kernels import amplitude, skewed_form_factor
from .lattice_fit import LatticeFit
from .parameters import grains_of
from .peaks import PeakSearch

UNEXPLAINED = (
    0.25  # a sharp peak must be explained, a reflection must be there, if it reaches this share of the largest
)
SHARP = 2.5  # wider peaks, in units of the lattice's own FWHM, are diffuse scattering of faults and need no hkl
SURE = 1.5  # a peak, or an absent reflection, is told if it exceeds, or should, the search's threshold by this
EMPTIED = (
    0.2  # of a powder's intensity (chosen): grains that are few or oriented weaken a reflection, they do not remove it
)
SHOWN = 1.15  # of the last peak's q: how far reflections are listed


def label_peaks(peaks: Sequence[Peak], one: LatticeFit) -> tuple[Peak, ...]:
    """Each peak with the hkl of the reflection at its place: within 4 sigma of both, or half the width of the lattice's
    peaks.

    Where several are near enough, the one that the fit makes strongest is taken.
    """
    a, fwhm = one.unit * one.value("a"), one.value("fwhm")
    hkl, places = reflection_positions(str(one.name), a, float(one.curve.q[-1]), one.shape)
    strength = fitted_weights(one, len(hkl))
    labelled = []
    for peak in peaks:
        reach = max(4.0 * float(np.hypot(peak.q_sigma, peak.q * one.sigma("a") / one.value("a"))), 0.5 * fwhm)
        near = np.flatnonzero((np.abs(places - peak.q) < reach) & (strength > 0.02 * np.max(strength, initial=0.0)))
        sharp = peak.fwhm < SHARP * fwhm
        chosen = hkl[int(near[np.argmax(strength[near])])] if near.size and sharp else None
        labelled.append(replace(peak, hkl=chosen))
    return tuple(labelled)


def fitted_weights(one: LatticeFit, count: int, *, textured: bool = True) -> FloatArray:
    """Strength of the first `count` reflections in Z, m |F|^2/n^2 / q^2 with the fitted texture, in units of a^2; textured:
    False for those of a powder."""
    a = one.unit * one.value("a")
    families = reflections(str(one.name), 0.5 * np.ceil(one.curve.q[-1] * a / np.pi), one.shape)
    weight = (families.weight / families.s**2)[:count]
    if textured:
        texture = one.model.texture(one.outcome.parameters)[:count]
        weight[: texture.size] *= 1.0 + texture
    return np.asarray(weight)


def peak_power(peaks: Sequence[Peak], one: LatticeFit) -> FloatArray:
    """What each peak adds to the invariant, area of S - 1 x P q^2: unlike the area it does not overrate the form
    factor's minima."""
    s = one.solution
    places = np.array([peak.q for peak in peaks])
    form = skewed_form_factor(places, s.diameter, s.deviation, s.skewness)
    return np.asarray(np.array([peak.area for peak in peaks]) * form * places**2)


def unexplained(one: LatticeFit, labelled: Sequence[Peak], threshold: float) -> tuple[float, ...]:
    """q of the sharp peaks of weight that are no reflection of the lattice; of faulted layers, what the fit leaves."""
    power = peak_power(labelled, one)
    highest = max(peak.significance for peak in labelled)
    return tuple(
        peak.q
        for peak, share in zip(labelled, power / power.max(), strict=True)
        if peak.hkl is None and peak.fwhm < SHARP * one.value("fwhm")
        if share > UNEXPLAINED and peak.significance > UNEXPLAINED * highest
        if one.lattice != STACKED or _left_over(one, peak) > threshold
    )


def _sharp(one: LatticeFit, hkl: tuple[int, int, int]) -> bool:
    """Whether faults leave all members of a reflection sharp: HCP's with h - k divisible by 3, none of FCC's."""
    return one.name != "FCC" and (hkl[0] - hkl[1]) % 3 == 0


def _left_over(one: LatticeFit, peak: Peak) -> float:
    """Significance of what the fit misses at the place of a peak."""
    template = peak_profile(one.curve.q, peak.q, peak.fwhm, 0.0)[0] / np.sqrt(one.outcome.variance)
    residual = (one.curve.intensity - one.outcome.model) / np.sqrt(one.outcome.variance)
    return float(template @ residual / np.linalg.norm(template))


def against(one: LatticeFit, search: PeakSearch) -> ReflectionRecord:
    """The candidate's reflections up to a little beyond the last peak, each with its fate, and the peaks it leaves.

    A reflection should be seen where the search would have found it beside the peaks that it has: their tails and the smooth
    part take up what is weak, and a misfit of the whole curve hides it. One that the texture has emptied should be seen too.
    """
    labelled = label_peaks(search.peaks, one)
    end = min(SHOWN * max(peak.q for peak in search.peaks), float(search.curve.q[-1]))
    hkl, places = reflection_positions(str(one.name), one.unit * one.value("a"), end, one.shape)
    fitted, powder = (expected_peaks(one, places, search.curve.q, textured=kind) for kind in (True, False))
    heights = np.linalg.norm(fitted / np.sqrt(search.outcome.variance), axis=1)
    emptied = np.max(fitted, axis=1) < EMPTIED * np.max(powder, axis=1)
    seen = search.standing_out(np.where(emptied[:, None], powder, fitted))
    smooth = search.standing_out(expected_peaks(one, places, search.curve.q, envelope=True))
    reach = 0.5 * one.value("fwhm")
    records = []
    numbers = np.column_stack([places, heights, seen, smooth]).tolist()
    for name, (q, height, expected, without_zero) in zip(hkl, numbers, strict=True):
        near = any(peak.hkl == name or abs(peak.q - q) < max(reach, 0.5 * peak.fwhm) for peak in labelled)
        fate = "weak"
        if near:
            fate = "found"
        elif expected > SURE * search.threshold:
            fate = "smeared" if one.lattice == STACKED and not _sharp(one, name) else "absent"
        elif without_zero > SURE * search.threshold:
            fate = "hidden"
        records.append(ExpectedReflection(name, q, expected if fate == "absent" else height, fate))
    left = tuple(
        peak.q
        for peak in labelled
        if peak.hkl is None and peak.significance > SURE * search.threshold and peak.fwhm < SHARP * one.value("fwhm")
        if one.lattice != STACKED or _left_over(one, peak) > search.threshold
    )
    return ReflectionRecord(tuple(records), left)


def expected_peaks(
    one: LatticeFit, places: FloatArray, q: FloatArray, *, envelope: bool = False, textured: bool = True
) -> FloatArray:
    """What the fit adds to the curve at each reflection (reflection, q), in the curve's unit. envelope: if the form factor had
    no zeros, but its mean over them, 2 pi^2 d^2 exp(-(q delta / 2)^2) / q^4. textured: False for a powder."""
    s, g = one.solution, grains_of(one.outcome.parameters)
    d, delta = g.size_ratio * s.diameter, g.size_ratio * s.deviation
    form = amplitude(places, d, delta) ** 2
    if envelope:
        between = 2.0 * np.pi * np.pi * d**2 / places**4 * np.exp(-((0.5 * places * delta) ** 2))
        form = np.maximum(form, between)
    a = one.unit * g.a
    volume = lattice_named(str(one.name), one.shape).volume_per_particle
    area = fitted_weights(one, places.size, textured=textured) / (
        2.0 * volume * a
    )  # of Z: 2 pi^2 m |F|^2/n^2 / (v_p q^2)
    level = s.scale * max(g.fraction, 0.0) * form * np.exp(-(places**2) * g.mean_square) * area
    profiles = np.array([peak_profile(q, place, g.fwhm, g.lorentzian)[0] for place in places]).reshape(-1, q.size)
    return np.asarray(level[:, None] * profiles)
