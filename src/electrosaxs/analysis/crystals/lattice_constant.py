"""What the sigmas of lattice constant and crystalline fraction hold beyond the noise, named: how the lines are written, and
whether all reflections give one constant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...nouns import FloatArray, Number, Peak
from ...physics.lattice_kernels import powder_sum
from ...physics.lattices import STACKED, reflections
from ...physics.stacking import close_packing
from ...physics.structure_factor import powder_reflections
from .bragg import mean_amplitude
from .lattice_fit import LatticeFit, fit_lattice
from .parameters import SLOT, grains_of

CLEAR_PEAK = 8.0  # sigma of a peak from which on its own place counts
LONELY = 1.4  # FWHM: reflections closer than this share a peak
EITHER = 3.0**-0.5  # rms of a share between 0 and 1: of widths by size and by strain
PLACED = 0.02  # of its FWHM: no closer is a free peak's place known on the slopes of form factor and neighbours


@dataclass(frozen=True)
class ConstantSigma:
    """Standard deviations (nm) of a lattice constant.

    noise: counting and solvent. profile: what a moves by where each line is divided by q_hkl^2 and not by q q_hkl; the
    second is exact for round spots in reciprocal space (physics.structure_factor), programs write either, and q^2 too.
    reflections: scatter of the constants that single reflections give about a, beyond their own sigma: faults and strains
    move some of them, and a program that weighs them in another way finds another constant; 0 where they agree.
    """

    noise: float
    profile: float
    reflections: float

    @property
    def total(self) -> float:
        return float(np.sqrt(self.noise**2 + self.profile**2 + self.reflections**2))

    def words(self) -> str:
        parts = {"noise": self.noise, "profile of the lines": self.profile}
        parts |= {"scatter of the reflections": self.reflections} if self.reflections else {}
        return "sigma of " + ", ".join(f"{name} {value:.2g}" for name, value in parts.items())


def constant_sigma(one: LatticeFit, labelled: Sequence[Peak]) -> ConstantSigma:
    """Of the constant that goes with the lattice's name."""
    return ConstantSigma(
        one.unit * one.sigma("a"), abs(profile_shift(one)), scatter_of_reflections(one, labelled)
    )  # fmt: skip


def constant(one: LatticeFit, labelled: Sequence[Peak], how: str) -> Number:
    """The lattice constant (nm) with its whole sigma, its parts in words."""
    sigma = constant_sigma(one, labelled)
    return Number(one.unit * one.value("a"), sigma.total, "nm", f"{how}; {sigma.words()}")


def crystalline_fraction(one: LatticeFit, how: str) -> Number:
    """The share of particles in crystals, with tails of the lines as long as the curve lets them be: where the fit had none,
    what lies in them is missing from the share and from its sigma (a fifth of it, of Lorentzian lines)."""
    if not one.freedom.lorentzian:
        freedom, grains = replace(one.freedom, lorentzian=True), grains_of(one.outcome.parameters)
        one = fit_lattice(one.curve, one.lattice, one.solution, freedom=freedom, grains=grains)
    noise, profile = one.sigma("fraction"), abs(_moved_by_profile(one, "fraction"))
    strain = EITHER * abs(_moved_by_strain(one, "fraction"))
    words = (
        f"{how}; sigma of noise {noise:.2g}, profile of the lines {profile:.2g}, lines that widen with q {strain:.2g}"
    )
    return Number(one.value("fraction"), float(np.linalg.norm([noise, profile, strain])), "one", words)


def profile_shift(one: LatticeFit) -> float:
    """By how much (nm) the constant would change if lines were divided by q_hkl^2."""
    return one.unit * _moved_by_profile(one, "a")


def _moved_by_profile(one: LatticeFit, parameter: str) -> float:
    """By how much a parameter would change, to first order, if lines were divided by q_hkl^2."""
    q, g = one.curve.q, grains_of(one.outcome.parameters)
    centre, area = _lines_of(one)
    exact = powder_sum(q, centre, area, g.fwhm, g.lorentzian)[0]
    other = q * powder_sum(q, centre, area / centre, g.fwhm, g.lorentzian)[0]
    return _moved_by(one, parameter, other - exact)


def _moved_by_strain(one: LatticeFit, parameter: str) -> float:
    """By how much a parameter would change, to first order, if the lines' widths grew as q (strain alone) where the fit has one
    width for all (size alone); the width of the first line, which is the strongest, stays."""
    q, g = one.curve.q, grains_of(one.outcome.parameters)
    centre, area = _lines_of(one)
    exact = powder_sum(q, centre, area, g.fwhm, g.lorentzian)[0]
    wider = sum(
        powder_sum(q, centre[k : k + 1], area[k : k + 1], g.fwhm * c / centre[0], g.lorentzian)[0]
        for k, c in enumerate(centre)
    )
    return _moved_by(one, parameter, wider - exact)


def _lines_of(one: LatticeFit) -> tuple[FloatArray, FloatArray]:
    """(centres (1/nm), areas) of the lines; faulted layers count as the perfect ones that they are nearest to."""
    q, g = one.curve.q, grains_of(one.outcome.parameters)
    name, a = str(one.lattice), g.a
    if one.lattice == STACKED:
        name, ratio = close_packing(0.0 if g.shape < 0.5 else 1.0)
        a = ratio * g.a
    return powder_reflections(name, a, float(q[-1]), g.fwhm, one.shape if name == one.lattice else None)


def _moved_by(one: LatticeFit, parameter: str, change: FloatArray) -> float:
    """By how much a parameter moves with a change of the lattice factor (q), through the influence of every bin on it."""
    q, s, g = one.curve.q, one.solution, grains_of(one.outcome.parameters)
    mean = mean_amplitude(q, g.size_ratio * s.diameter, g.size_ratio * s.deviation)[0]
    level = s.scale * one.model.correction(one.outcome.parameters) * g.fraction * mean**2
    seen = one.curve.seen(level * np.exp(-(q**2) * g.mean_square) * change)
    return float(one.outcome.influence[SLOT[parameter]] @ seen)


def scatter_of_reflections(one: LatticeFit, labelled: Sequence[Peak]) -> float:
    """Standard deviation (nm) of the constants of single clear reflections about the fit's, less their own; 0 where
    it is not beyond that, or where fewer than three are clear."""
    a = one.unit * one.value("a")
    families = reflections(str(one.name), 0.5 * np.ceil(one.curve.q[-1] * a / np.pi), one.shape)
    places, strength = 2.0 * np.pi * families.s / a, families.weight / families.s**2
    apart, own = [], []
    for peak in labelled:
        if peak.hkl is None or peak.significance < CLEAR_PEAK or peak.q_sigma <= 0.0:
            continue
        index = families.hkl.index(peak.hkl)
        near = np.abs(places - places[index]) < LONELY * max(one.value("fwhm"), peak.fwhm)
        if strength[near].sum() < 1.1 * strength[index]:
            apart.append(peak.q / float(places[index]) - 1.0)
            own.append(
                float(np.hypot(np.hypot(peak.q_sigma, PLACED * peak.fwhm) / peak.q, one.sigma("a") / one.value("a")))
            )
    if len(apart) < 3:
        return 0.0
    spread = float(np.median(np.abs(apart))) / 0.6745  # a peak with a wrong name must not decide
    return float(a * np.sqrt(max(spread**2 - float(np.median(own)) ** 2, 0.0)))
