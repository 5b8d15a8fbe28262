"""The top of a superlattice at the magnification that resolves its particles: a (111) layer of FCC, seen by electrons."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ..nouns import FloatArray
from ..nouns.micrograph import PackingSettings
from ..physics.layers import spacing_from_fcc_constant

LEVEL, CONTRAST = 70.0, 90.0
"""Grey levels between particles, and of the middle of one over it."""
CUT = 3.0
"""Standard deviations beyond which no particle is larger or smaller."""


def simulate_packing(settings: PackingSettings, random: np.random.Generator) -> npt.NDArray[np.uint8]:
    """(rows, columns) grey levels: spheres as bright as they are thick, each of its own size and displaced on its own."""
    nm = settings.nm_per_pixel
    points = _places_nm(settings, random) / nm
    sizes = settings.core_sigma_nm * np.clip(random.normal(size=len(points)), -CUT, CUT) + settings.core_diameter_nm
    radii = 0.5 * np.maximum(sizes, 0.3 * settings.core_diameter_nm) / nm
    picture = np.full((settings.pixels, settings.pixels), LEVEL)
    mean = 0.5 * settings.core_diameter_nm / nm
    for (x, y), radius in zip(points, radii, strict=True):
        reach = radius + 1.0
        first, last = (
            np.clip([np.floor(c - reach), np.ceil(c + reach) + 1], 0, settings.pixels).astype(int) for c in (x, y)
        )
        v, u = np.mgrid[last[0] : last[1], first[0] : first[1]]
        thick = np.sqrt(np.maximum(radius**2 - (u - x) ** 2 - (v - y) ** 2, 0.0)) / mean
        part = picture[last[0] : last[1], first[0] : first[1]]
        np.maximum(part, LEVEL + CONTRAST * thick, out=part)
    picture = ndimage.gaussian_filter(picture, settings.blur_nm / nm)
    return np.clip(np.round(picture + settings.noise * random.normal(size=picture.shape)), 0, 255).astype(np.uint8)


def _places_nm(settings: PackingSettings, random: np.random.Generator) -> FloatArray:
    """(particle, 2): the layer, turned at random and strained at constant area, each particle displaced, and the image
    drifting while it is scanned line by line."""
    spacing = spacing_from_fcc_constant(settings.lattice_constant_nm)
    side = settings.pixels * settings.nm_per_pixel
    reach = int(np.ceil(2.0 * side / spacing))
    h, k = np.meshgrid(np.arange(-reach, reach + 1), np.arange(-reach, reach + 1))
    layer = spacing * np.stack([h.ravel(), k.ravel()], axis=1) @ np.array([[1.0, 0.0], [0.5, np.sqrt(0.75)]])
    stretch = np.sqrt(1.0 + settings.strain)
    turn, across = random.uniform(0.0, np.pi / 3.0), random.uniform(0.0, np.pi)
    points = layer @ _turned(turn - across) @ np.diag([stretch, 1.0 / stretch]) @ _turned(across)
    points = points + settings.displacement_nm * random.normal(size=points.shape)
    slow = points[:, 1]
    points = points + np.stack([settings.drift[0] * slow, settings.drift[1] * slow], axis=1) + 0.5 * side
    return np.asarray(points[((points > -spacing) & (points < side + spacing)).all(axis=1)])


def _turned(angle: float) -> FloatArray:
    return np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
