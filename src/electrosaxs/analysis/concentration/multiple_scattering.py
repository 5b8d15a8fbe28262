"""What is scattered more than once, from the measured curves themselves.

The starting solution, whose phi, sizes and materials are known, says how many photons per steradian and unscattered photon one
unit of the run's curves is. Every curve is then on an absolute scale, and how often its photons are scattered again follows
from it alone (physics.multiple_scattering), whatever holds the particles: solution, contacts, crystals. A curve holds both,
of which all that is beyond single scattering is F^ - ln(1 + F^) in Fourier space, exactly. The invariant within the window is
larger by 0.6 % at the start of Yu 2018 and by 8 % at phi = 1 %.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipp as sc

from ...nouns import FloatArray, SampleIntensity, Solution
from ...physics.multiple_scattering import MultipleScattering, contrast_per_m4
from ...physics.size_distribution import gaussian_moment
from ...physics.sphere_kernels import squared_form_factor

NM6_OVER_NM3 = 1e-27
FIRST_BINS, LAST_BINS = 5, 20
"""Whose mean goes on to q = 0, and as q^-4 to twice the last q."""
SMOOTH = 15
PHI = np.geomspace(1e-5, 0.3, 60)


@dataclass(frozen=True, eq=False)
class StartingCurve:
    """Of the starting solution: phi, diameter and deviation (nm), dry shell (nm); per_nm6: photons per steradian and
    unscattered photon over phi <F^2> / <V>."""

    phi: float
    diameter: float
    deviation: float
    dry_shell: float
    per_nm6: float

    @classmethod
    def of(
        cls, solution: Solution, phi: float, sizes: tuple[float, float], *, energy_keV: float, path_m: float, dry_shell: float
    ) -> StartingCurve:  # fmt: skip
        return cls(phi, *sizes, dry_shell, path_m * contrast_per_m4(solution, energy_keV) * NM6_OVER_NM3)

    @property
    def volume(self) -> float:
        """<V> of core and dry shell (nm^3)."""
        return float(np.pi / 6.0 * gaussian_moment(3, self.diameter + 2.0 * self.dry_shell, self.deviation))

    def once(self, phi: FloatArray, q: FloatArray) -> FloatArray:
        """(phi, q): photons per steradian and unscattered photon, scattered once by its particles at `phi`."""
        return np.asarray(
            self.per_nm6 / self.volume * np.multiply.outer(phi, squared_form_factor(q, self.diameter, self.deviation))
        )

    def unit(self, scale: float) -> float:
        """Of curves in which the starting solution is scale <F^2>, per photon, steradian and unscattered photon."""
        return scale * self.volume / (self.per_nm6 * self.phi)


@dataclass(frozen=True, eq=False)
class Repeated:
    """optics: from 0, the run's q and some beyond onto the run's q; unit: of the run's curves per photon, steradian and
    unscattered photon; background: flat part of the curves; strength: 1, or what one sigma makes of it."""

    optics: MultipleScattering
    unit: float
    background: float
    strength: float = 1.0

    @classmethod
    def of(cls, q: FloatArray, energy_keV: float, unit: float, background: float) -> Repeated:
        """For curves on `q` (1/nm)."""
        whole = np.concatenate([[0.0], q, np.linspace(q[-1], 2.0 * q[-1], LAST_BINS)[1:]])
        return cls(MultipleScattering.of(whole, energy_keV, coarse=q), unit, background)

    def stronger(self, by: float) -> Repeated:
        return replace(self, strength=1.0 + by)

    def again(self, curves: FloatArray) -> FloatArray:
        """What is scattered more than once in `curves` (frame, q) of the run, in their units; what is missing of them is taken
        from beside it."""
        q = self.optics.coarse
        beyond = self.optics.q[q.size + 1 :] ** -4
        measured = (_whole(curves, q) - self.background) / self.unit
        level = measured[:, :FIRST_BINS].mean(axis=1, keepdims=True)
        tail = (measured[:, -LAST_BINS:] * q[-LAST_BINS:] ** 4).mean(axis=1, keepdims=True) * beyond
        again = self.optics.more_than_once_of_all(self.optics.fourier(np.hstack([level, measured, tail])))
        return np.asarray(self.strength * self.unit * again)

    def without(self, sample: SampleIntensity) -> SampleIntensity:
        """The curves of `sample` (frame, q) with single scattering alone."""
        again = self.again(sample.data.values)
        data = sample.data - sc.array(dims=["frame", "q"], values=again, unit=sample.data.unit)
        if (
            "per_count" in data.coords
        ):  # what is taken off was counted: the noise of a model without it is larger than it says
            solvent = sample.coord("solvent") if "solvent" in data.coords else 0.0
            counted = _smooth(_whole(sample.data.values, self.optics.coarse)) + solvent
            share = np.clip(counted / np.maximum(counted - again, 0.1 * counted), 1.0, 10.0)
            one = sc.array(dims=["frame", "q"], values=sample.coord("per_count") * share, unit="one")
            data = data.assign_coords(per_count=one)
        return SampleIntensity(data, dict(sample.shared))

    def excess_of(self, start: StartingCurve, phi: FloatArray) -> FloatArray:
        """By what share the invariant within the window is larger, for the particles of `start` at `phi` (...)."""
        once = start.once(PHI, self.optics.q)
        weight = np.square(self.optics.coarse)
        ratio = self.optics.more_than_once(self.optics.fourier(once)) @ weight / (once[:, 1 : weight.size + 1] @ weight)
        return np.interp(phi, PHI, ratio)


def _smooth(curves: FloatArray) -> FloatArray:
    """Means over SMOOTH bins around each, fewer at the ends."""
    padded = np.pad(np.cumsum(curves, axis=1), ((0, 0), (1, 0)))
    place = np.arange(curves.shape[1])
    low, high = np.maximum(place - SMOOTH // 2, 0), np.minimum(place + SMOOTH // 2 + 1, place.size)
    return np.asarray((padded[:, high] - padded[:, low]) / (high - low))


def _whole(curves: FloatArray, q: FloatArray) -> FloatArray:
    """`curves` with missing bins between their neighbours; a curve of nothing is 0."""
    if np.isfinite(curves).all():
        return curves
    whole = np.zeros_like(curves)
    for row, curve in zip(whole, curves, strict=True):
        known = np.isfinite(curve)
        if known.any():
            row[:] = np.interp(q, q[known], curve[known])
    return whole
