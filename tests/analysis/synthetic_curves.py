"""Curves of dilute spheres as a Pilatus 2M at 2 m would count them: expected counts per bin, then one Poisson draw.

Nothing of electrosaxs' scattering code is used: form factors are sums over a table of diameters, so that a test
compares two routes. Import it as `from analysis.synthetic_curves import ...`.
The intensity is in counts per pixel of a frame with gain 1; the starting solution has
I(0) = 2000, the solvent about 2 counts per pixel (3e10 photons, 1 s, 10 mm of toluene).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import ParamSpec, TypeVar

import numpy as np
from scipp import array
from scipy.special import erfc

from electrosaxs.nouns import FloatArray, SampleIntensity

DRY_SHELL_NM = 1.115
STARTING_PHI = 8.0e-4
Q_PER_PIXEL = 5.81e-3  # 1/nm: 172 um at 1.99389 m and 13.3 keV


@dataclass(frozen=True)
class Sizes:
    """Number distribution of core diameters: diameter (n,) in nm, number (n,) with sum 1."""

    diameter: FloatArray
    number: FloatArray

    def moment(self, n: int, shell: float = 0.0) -> float:
        """<(d + 2 shell)^n>."""
        return float(np.sum(self.number * (self.diameter + 2.0 * shell) ** n))

    @property
    def mean(self) -> float:
        return self.moment(1)

    @property
    def deviation(self) -> float:
        return float(np.sqrt(np.sum(self.number * (self.diameter - self.mean) ** 2)))

    @property
    def skewness(self) -> float:
        return float(np.sum(self.number * (self.diameter - self.mean) ** 3) / self.deviation**3)

    @property
    def shell_ratio(self) -> float:
        """<(d + 2 s)^3> / <d^3>, s the dry shell."""
        return self.moment(3, DRY_SHELL_NM) / self.moment(3)


def table(diameter: FloatArray, number: FloatArray) -> Sizes:
    return Sizes(diameter, number / number.sum())


def gaussian_sizes(d: float = 7.1, delta: float = 1.1) -> Sizes:
    diameter = np.linspace(max(0.01, d - 7.0 * delta), d + 7.0 * delta, 401)
    return table(diameter, np.exp(-0.5 * ((diameter - d) / delta) ** 2))


def field_selected_sizes(strength: float, d: float = 7.1, delta: float = 1.1) -> Sizes:
    """What a steady field leaves: n(d) x d^2 exp(-strength d^2), strength (1/nm^2) > 0 far from the anode."""
    start = gaussian_sizes(d, delta)
    drift = start.diameter**2 * np.exp(-strength * (start.diameter**2 - d**2))
    return table(start.diameter, start.number * drift)


def cut_sizes(edge: float, width: float = 0.8, d: float = 7.1, delta: float = 1.1) -> Sizes:
    """What a moving front leaves above it: n(d) x erfc((d - edge) / width)."""
    start = gaussian_sizes(d, delta)
    return table(start.diameter, start.number * erfc((start.diameter - edge) / width))


P, R = ParamSpec("P"), TypeVar("R")


def remembered(function: Callable[P, R]) -> Callable[P, R]:
    """Computed once for equal arguments (arrays by their values): seeds differ in the draw, not in what is expected."""
    known: dict[object, R] = {}

    @wraps(function)
    def recalled(*args: P.args, **kwargs: P.kwargs) -> R:
        key = tuple(_by_value(one) for one in (*args, *sorted(kwargs.items())))
        if key not in known:
            known[key] = function(*args, **kwargs)
        return known[key]

    return recalled


def _by_value(one: object) -> object:
    if isinstance(one, Sizes):
        return one.diameter.tobytes(), one.number.tobytes()
    return one.tobytes() if isinstance(one, np.ndarray) else one


@remembered
def form_factor(q: FloatArray, sizes: Sizes) -> FloatArray:
    """<F^2> (nm^6) at q (1/nm), F = V 3 (sin x - x cos x) / x^3, x = q d / 2."""
    x = 0.5 * np.outer(q, sizes.diameter)
    amplitude = np.where(x < 0.02, 1.0 - x**2 / 10.0, 3.0 * (np.sin(x) - x * np.cos(x)) / np.maximum(x, 1e-9) ** 3)
    return np.asarray((amplitude * np.pi / 6.0 * sizes.diameter**3) ** 2 @ sizes.number)


def number_density(phi: float, sizes: Sizes) -> float:
    """Scale of I = scale <F^2> at volume fraction phi (core + dry shell), in the intensity's unit."""
    start = gaussian_sizes()
    density = 2000.0 / form_factor(np.array([1e-4]), start)[0]
    return float(density * phi / STARTING_PHI * start.moment(3, DRY_SHELL_NM) / sizes.moment(3, DRY_SHELL_NM))


def window(bins: int = 500, q_min: float = 0.1, q_max: float = 3.5) -> FloatArray:
    """Centres of equal bins between q_min and q_max (1/nm)."""
    edges = np.linspace(q_min, q_max, bins + 1)
    return np.asarray(0.5 * (edges[1:] + edges[:-1]))


def pixels_per_bin(q: FloatArray) -> FloatArray:
    """About 110 at 0.1 and 3700 at 3.5 1/nm: rings of the detector less gaps and mask."""
    dq = (q[-1] - q[0]) / (q.size - 1)
    return np.asarray(np.maximum(1.0, np.round(0.84 * 2.0 * np.pi * q * dq / Q_PER_PIXEL**2)))


def solvent_intensity(q: FloatArray, level: float = 2.0) -> FloatArray:
    """A liquid with a little parasitic scattering, counts per pixel."""
    return np.asarray(level * (1.0 + 0.1 * (q / 3.5) ** 2 + 0.02 * (0.2 / q) ** 3))


def synthetic_sample(
    sizes: Sizes | Sequence[Sizes],
    phi: float | Sequence[float] = STARTING_PHI,
    *,
    q: FloatArray | None = None,
    gain: float | Sequence[float] = 1.0,
    solvent_level: float = 2.0,
    solvent_gain: float = 6.0,
    background: float = 0.0,
    seed: int | None = 1,
    solvent_seed: int | None = None,
) -> SampleIntensity:
    """Frames of the given sizes and volume fractions, less one solvent measurement that all of them share.

    gain: counts per unit of intensity and pixel (exposure x monitor x transmission), per frame; `solvent_gain` the
    same for all solvent frames together. background: flat intensity that the solvent frame does not have.
    seed None: the expected values instead of a draw. solvent_seed: another solvent for the same frames.
    """
    q = window() if q is None else q
    frames = (
        max(np.size(sizes), np.size(phi), np.size(gain))
        if not isinstance(sizes, Sizes)
        else max(np.size(phi), np.size(gain))
    )
    each = [sizes] * frames if isinstance(sizes, Sizes) else list(sizes)
    fractions, gains = np.broadcast_to(phi, frames), np.broadcast_to(gain, frames)[:, None]
    curves = {key: number_density(1.0, s) * form_factor(q, s) for key, s in {id(s): s for s in each}.items()}
    particles = np.stack([f * curves[id(s)] for f, s in zip(fractions, each, strict=True)])
    pixels, solvent = pixels_per_bin(q), solvent_intensity(q, solvent_level)
    per_count = 1.0 / (pixels * gains)
    solvent_per_count = 1.0 / (pixels * solvent_gain)
    expected, expected_solvent = (particles + solvent + background) / per_count, solvent / solvent_per_count
    if seed is None:
        counts, solvent_counts = expected, expected_solvent
    else:
        counts = np.random.default_rng((seed, 0)).poisson(expected)
        solvent_counts = np.random.default_rng((seed if solvent_seed is None else solvent_seed, 1)).poisson(
            expected_solvent
        )
    measured_solvent = solvent_counts * solvent_per_count
    solvent_variance = solvent_counts * solvent_per_count**2
    sample = SampleIntensity.from_arrays(
        counts * per_count - measured_solvent,
        dims=("frame", "q"),
        coords={"q": (("q",), q)},
        sigma=np.sqrt(counts) * per_count,
        shared={"background": np.broadcast_to(np.sqrt(solvent_variance), counts.shape)},
    )
    data = sample.data.assign_coords(
        per_count=array(dims=["frame", "q"], values=per_count, unit="one"),
        solvent=array(dims=["q"], values=measured_solvent, unit="one"),
        solvent_variance=array(dims=["q"], values=solvent_variance, unit="one"),
    )
    return SampleIntensity(data, sample.shared)
