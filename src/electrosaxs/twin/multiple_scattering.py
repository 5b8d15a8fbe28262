"""Photons that the simulated cell's particles scatter more than once (physics.multiple_scattering).

What solvent and windows scatter is flat or close to the beam, and particles only move it about: the solvent's part is
exp(tau) times what it is beside the unscattered beam alone, the windows' is left as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..nouns import FloatArray
from ..physics.multiple_scattering import MultipleScattering


@dataclass(frozen=True, eq=False)
class Repeated:
    """optics: on the cell's q. fourier (class, r), scattered (class,): f^ and tau of one metre of unit phi of dissolved
    particles."""

    optics: MultipleScattering
    fourier: FloatArray
    scattered: FloatArray

    @classmethod
    def of(cls, q: FloatArray, once: FloatArray, energy_keV: float) -> Repeated:
        """once (class, q): dSigma/dOmega (1/m) of unit phi of each class."""
        optics = MultipleScattering.of(q, energy_keV)
        return cls(optics, optics.fourier(once), optics.scattered(once))

    def of_frame(self, dissolved: FloatArray, others: FloatArray) -> RepeatedFrame:
        """dissolved (sub-beam, class): phi x path (m); others (q,): what else particles scatter once along the path."""
        return RepeatedFrame(
            self.optics,
            dissolved @ self.fourier + self.optics.fourier(others),
            dissolved @ self.scattered + self.optics.scattered(others),
        )


@dataclass(frozen=True, eq=False)
class RepeatedFrame:
    """f^ (sub-beam, r) and tau (sub-beam,) of one frame."""

    optics: MultipleScattering
    fourier: FloatArray
    scattered: FloatArray

    @property
    def unscattered(self) -> FloatArray:
        """(sub-beam,): share of what absorption leaves that goes straight through."""
        return np.exp(-self.scattered)

    def curve(self, passed: FloatArray) -> FloatArray:
        """What is scattered more than once, (q,), of sub-beams of which `passed` (sub-beam,) goes straight through."""
        coarse = passed @ self.optics.more_than_once(self.fourier)
        return np.interp(self.optics.q, self.optics.coarse, coarse)
