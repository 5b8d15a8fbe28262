"""Curves of solution and superlattice grains together, counted as a Pilatus 2M would.

Form factors are sums over a table of diameters (synthetic_curves) and the grains' Z(q) a sum of Gaussians over
(h, k, l), so that a test compares two routes. Import it as `from analysis.synthetic_crystals import ...`.
"""

from __future__ import annotations

import itertools

import numpy as np
import scipp as sc

from electrosaxs.nouns import FloatArray, SampleIntensity

from .synthetic_curves import (
    STARTING_PHI,
    Sizes,
    form_factor,
    gaussian_sizes,
    number_density,
    pixels_per_bin,
    remembered,
    solvent_intensity,
    window,
)

PARTS = 5  # of a bin, over which a frame averages
STRUCTURES = {
    "FCC": (np.eye(3), [(0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)]),
    "BCC": (np.eye(3), [(0, 0, 0), (0.5, 0.5, 0.5)]),
    "SC": (np.eye(3), [(0, 0, 0)]),
    "A15": (
        np.eye(3),
        [
            *((0, 0, 0), (0.5, 0.5, 0.5), (0.25, 0, 0.5), (0.75, 0, 0.5)),
            *((0.5, 0.25, 0), (0.5, 0.75, 0), (0, 0.5, 0.25), (0, 0.5, 0.75)),
        ],
    ),
    "BCT": (np.diag([1, 1, 1.2]), [(0, 0, 0), (0.5, 0.5, 0.5)]),
    "HCP": (
        np.array([[1, 0, 0], [-0.5, np.sqrt(0.75), 0], [0, 0, np.sqrt(8 / 3)]]),
        [(0, 0, 0), (1 / 3, 2 / 3, 0.5)],
    ),
}


@remembered
def powder(q: FloatArray, name: str, a: float, fwhm: float) -> FloatArray:
    """Z(q), point of the reciprocal lattice by point: (2 pi)^3 / V |F|^2 / n, Gaussian in q, over 4 pi q q_hkl."""
    cell, basis = STRUCTURES[name]
    cell, n = a * cell, len(basis)
    reciprocal = 2 * np.pi * np.linalg.inv(cell).T
    reach = range(-14, 15)
    planes = np.array(list(itertools.product(reach, reach, reach)))
    places = np.linalg.norm(planes @ reciprocal, axis=1)
    strength = np.abs(np.exp(2j * np.pi * planes @ np.array(basis, dtype=float).T).sum(axis=1)) ** 2 / n
    kept = (places > 0) & (places < 1.3 * q[-1]) & (strength > 1e-9)
    levels, member = np.unique(np.round(places[kept], 9), return_inverse=True)
    total = np.bincount(member, weights=strength[kept])
    sigma = fwhm / np.sqrt(8 * np.log(2))
    lines = np.exp(-0.5 * ((q[:, None] - levels) / sigma) ** 2) / (np.sqrt(2 * np.pi) * sigma)
    density = (2 * np.pi) ** 3 / abs(np.linalg.det(cell))
    return np.asarray(density / (4 * np.pi * q) * (lines @ (total / levels)))


@remembered
def mean_amplitude(q: FloatArray, sizes: Sizes) -> FloatArray:
    """<F> (nm^3)."""
    x = 0.5 * np.outer(q, sizes.diameter)
    x = np.maximum(x, 1e-3)
    return np.asarray((3 * (np.sin(x) - x * np.cos(x)) / x**3 * np.pi / 6 * sizes.diameter**3) @ sizes.number)


def crystals_in_solution(
    fractions: list[float],
    *,
    lattice: str = "FCC",
    a: float = 15.1,
    fwhm: float = 0.02,
    mean_square: float = 0.3,
    phi: float = 10 * STARTING_PHI,
    sizes: Sizes | None = None,
    grain_sizes: Sizes | None = None,
    gain: float = 1.0,
    solvent_gain: float = 6.0,
    seed: int | None = 1,
    q: FloatArray | None = None,
) -> SampleIntensity:
    """One frame for each crystalline fraction, dims (frame, q), with the photon counts' coordinates.

    sizes: of what is dissolved; grain_sizes: of what sits in grains, None: the same. seed None: the expected values
    instead of a draw.
    """
    q = window() if q is None else q
    sizes = gaussian_sizes() if sizes is None else sizes
    fine = np.repeat(q, PARTS) + np.gradient(q).repeat(PARTS) * np.tile((np.arange(PARTS) + 0.5) / PARTS - 0.5, q.size)

    def mean_over_bins(values: FloatArray) -> FloatArray:
        return values.reshape(*values.shape[:-1], -1, PARTS).mean(axis=-1)

    order = np.zeros_like(fine)
    if any(fractions):
        order = np.exp(-(fine**2) * mean_square) * (powder(fine, lattice, a, fwhm) - 1.0)
    grains = sizes if grain_sizes is None else grain_sizes
    single, inside = form_factor(fine, sizes), form_factor(fine, grains)
    of_grains = inside - single + mean_amplitude(fine, grains) ** 2 * order
    particles = number_density(phi, sizes) * mean_over_bins(single + np.outer(fractions, of_grains))
    pixels, solvent = pixels_per_bin(q), solvent_intensity(q)
    per_count = np.broadcast_to(1.0 / (pixels * gain), particles.shape)
    expected, expected_solvent = (particles + solvent) / per_count, solvent * pixels * solvent_gain
    generator = np.random.default_rng(seed)
    counts = expected if seed is None else generator.poisson(expected)
    solvent_counts = expected_solvent if seed is None else generator.poisson(expected_solvent)
    measured = solvent_counts / (pixels * solvent_gain)
    variance = solvent_counts / (pixels * solvent_gain) ** 2
    sample = SampleIntensity.from_arrays(
        counts * per_count - measured,
        dims=("frame", "q"),
        coords={"q": (("q",), q)},
        sigma=np.sqrt(counts) * per_count,
        shared={"background": np.broadcast_to(np.sqrt(variance), counts.shape)},
    )
    data = sample.data.assign_coords(
        per_count=sc.array(dims=["frame", "q"], values=np.array(per_count), unit="one"),
        solvent=sc.array(dims=["q"], values=measured, unit="one"),
        solvent_variance=sc.array(dims=["q"], values=variance, unit="one"),
    )
    return SampleIntensity(data, sample.shared)
