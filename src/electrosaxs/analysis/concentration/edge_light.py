"""What frames of the knife edge say of diode and detector: they hold one solution, of which more and more light passes.

Counts over the monitor's are then in proportion to the transmission. A diode that is not linear bends that line; an image that
still holds some of the one before shows most where it is dark and that one was bright. What the electrode's edge scatters, and
counts that come without any beam, are fitted beside them, each with its own course over the height.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from ...nouns import FloatArray

OPEN = 0.98
"""Share of the beam above the anode from which on a frame is open (chosen)."""
SURE = 5.0
"""Sigmas from which on a fault is told (chosen)."""
LEAST_BEND, LEAST_HELD = 1e-3, 1e-4
"""Of the transmission, and of the image before, from which on they are told (chosen): less is in no number's sigma either."""
WHY = "is not linear, or the edge scatters, or bright pixels miss more or fewer counts than was taken (dead time)"
"""What a bend may come from."""
NOISES = np.geomspace(1e-4, 0.1, 40)
"""Relative, of monitor and transmission of a frame, of which the least is taken that explains what is left."""
SEEN = 3.0
"""Sigmas from which on what the edge scatters is there: a diode that bends by as much at middle heights looks the same."""
UNKNOWN_NOISE = 1e-5
"""Of the open beam's reading: noise of a diode that no frame tells (chosen: ten times that of a usual one)."""
FREEDOM = 4
"""Degrees of freedom below which what is left says nothing of the noise."""


@dataclass(frozen=True)
class EdgeLight:
    """bend: by how much more the diode reads where hardly any light passes than in the open beam, relative; held: share of the
    image before that an image still holds; both with sigma."""

    bend: float
    bend_sigma: float
    held: float
    held_sigma: float

    @property
    def bends(self) -> bool:
        return abs(self.bend) > max(SURE * self.bend_sigma, LEAST_BEND)

    @property
    def holds(self) -> bool:
        return self.held > max(SURE * self.held_sigma, LEAST_HELD)

    @property
    def words(self) -> tuple[str, ...]:
        """Those that are told."""
        found = []
        if self.bends:
            found.append(
                f"transmission: against what frames of the knife edge scatter, the diode reads {100.0 * abs(self.bend):.2g} +-"
                f" {100.0 * self.bend_sigma:.1g} % too {'much' if self.bend > 0.0 else 'little'} where little light passes: it"
                f" {WHY}; all of that is in phi's sigma (diode)"
            )
        if self.holds:
            found.append(
                f"detector: images hold {100.0 * self.held:.2g} +- {100.0 * self.held_sigma:.1g} % of the image before, as dark"
                " frames of the knife edge say; it is in phi's sigma (afterglow), and sizes are not corrected for it"
            )
        return tuple(found)


def edge_light(
    transmission: FloatArray,
    scattered: FloatArray,
    sigma: FloatArray,
    share: FloatArray,
    before: FloatArray,
    alone: FloatArray,
    *,
    diode: float | None = None,
) -> EdgeLight | None:
    """From frames of the knife edge, all (frame,): counts over those of the monitor, with sigma; open share of the beam; counts
    of the frame before and of a second without beam, over this frame's monitor. diode: its noise where no light passes, None:
    not told. None where there are too few."""
    opened = float(np.median(transmission[share > OPEN]))
    per_light = float(np.median(scattered[share > OPEN])) / opened
    edge = np.exp(-0.5 * np.square(ndtri(share)))
    basis = np.stack([transmission, transmission * (1.0 - transmission / opened), before, alone, edge], axis=1)
    if transmission.size < basis.shape[1] + FREEDOM or np.any(np.all(basis == 0.0, axis=0)):
        return None
    sigma = np.hypot(sigma, per_light * (UNKNOWN_NOISE * opened if diode is None else diode))
    value, spread = _fitted(basis, scattered, sigma, per_light * np.abs(transmission))
    if abs(value[-1]) < SEEN * spread[-1]:
        value, spread = _fitted(basis[:, :-1], scattered, sigma, per_light * np.abs(transmission))
    return EdgeLight(-float(value[1] / value[0]), float(spread[1] / value[0]), float(value[2]), float(spread[2]))


def _fitted(
    basis: FloatArray, scattered: FloatArray, sigma: FloatArray, light: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Coefficients of the columns of `basis` (frame, k) and their sigmas, with the least noise of the light that explains what
    is left."""
    scale = np.linalg.norm(basis, axis=0)
    for noise in NOISES:
        error = np.hypot(sigma, noise * light)
        weighted, target = basis / scale / error[:, None], scattered / error
        found, *_ = np.linalg.lstsq(weighted, target, rcond=None)
        misfit = float(np.sum(np.square(target - weighted @ found))) / (target.size - found.size)
        if misfit <= 1.0:
            break
    spread = np.sqrt(np.diag(np.linalg.pinv(weighted.T @ weighted)) * max(misfit, 1.0))
    return found / scale, spread / scale
