"""Populations of two sizes, and what a steady field makes of them in a sealed cell. Built on `synthetic_curves`."""

from __future__ import annotations

import numpy as np
from analysis.synthetic_curves import DRY_SHELL_NM, STARTING_PHI, Sizes, gaussian_sizes, number_density, table

from electrosaxs.nouns import FloatArray

GAP_UM = 3500.0
HEIGHTS_UM = np.array(
    [0.0, 50.0, 100.0, 150.0, 200.0, 250.0, 300.0, 400.0, 600.0, 1000.0, 1400.0, 1800.0, 2600.0, 3400.0]
)


def mixture(share: float, d: float = 3.0, delta: float = 0.3) -> Sizes:
    """7.1 +- 1.1 nm with `share` of the volume (core + dry shell) in clusters of d +- delta nm."""
    main, clusters = gaussian_sizes(), gaussian_sizes(d, delta)
    number = [(1.0 - share) / main.moment(3, DRY_SHELL_NM) * main.number]
    number.append(share / clusters.moment(3, DRY_SHELL_NM) * clusters.number)
    diameter = np.concatenate([main.diameter, clusters.diameter])
    order = np.argsort(diameter, kind="stable")
    return table(diameter[order], np.concatenate(number)[order])


def selected_cell(share: float = 0.04) -> tuple[list[Sizes], FloatArray]:
    """Sizes and phi at HEIGHTS_UM: the 7.1 nm particles of each size decay with a length ~ d^-2 (300 um at 7.1 nm), the
    clusters stay where they are. Every size keeps its sum over the gap."""
    d = np.linspace(0.9, 14.0, 800)
    density = []
    for amount, centre, width in ((1.0 - share, 7.1, 1.1), (share, 3.0, 0.3)):
        normal = np.exp(-0.5 * np.square((d - centre) / width)) / (width * np.sqrt(2.0 * np.pi)) * (d[1] - d[0])
        density.append(amount * normal / gaussian_sizes(centre, width).moment(3, DRY_SHELL_NM))
    rate = np.square(d / 7.1) / 300.0
    sizes, phi = [], []
    for z in HEIGHTS_UM:
        rise = GAP_UM * rate * np.exp(-z * rate) / (1.0 - np.exp(-GAP_UM * rate))
        number = density[0] * rise + density[1]
        sizes.append(table(d, number))
        phi.append(STARTING_PHI * float(number @ (d + 2.0 * DRY_SHELL_NM) ** 3))
    return sizes, np.array(phi)


def volume_unit() -> float:
    """Relative volume that the inversion gives for phi = 1."""
    start = gaussian_sizes()
    return number_density(1.0, start) * start.moment(3, DRY_SHELL_NM) * np.pi / 6.0


def true_moments(sizes: Sizes, limits: tuple[float, float], small_below: float) -> FloatArray:
    """Volume share inside `limits`, and within them the volume-weighted mean, the number-weighted mean and deviation,
    and the volume share below `small_below`."""
    inside = (sizes.diameter > limits[0]) & (sizes.diameter < limits[1])
    d, n = sizes.diameter[inside], sizes.number[inside]
    v = n * (d + 2.0 * DRY_SHELL_NM) ** 3
    mean = n @ d / n.sum()
    spread = np.sqrt(n @ np.square(d - mean) / n.sum())
    total = v.sum() / sizes.moment(3, DRY_SHELL_NM)
    return np.array([total, v @ d / v.sum(), mean, spread, v[d < small_below].sum() / v.sum()])
