"""A simulated powder image: Gaussian rings on a decaying background, Poisson counts, for a known geometry."""

import numpy as np
import numpy.typing as npt

from electrosaxs.calibration.ring_geometry import ring_tangents, to_polar

SILVER_BEHENATE_M = 58.38e-10 / np.arange(1, 60)
PIXEL = (172e-6, 172e-6)


def powder_image(
    geometry: npt.ArrayLike,
    *,
    shape: tuple[int, int],
    wavelength_m: float,
    peak: float,
    width_px: float = 2.0,
    background: float = 0.05,
    spacings_m: npt.ArrayLike = SILVER_BEHENATE_M,
    pixel: tuple[float, float] = PIXEL,
    seed: int = 1,
) -> np.ndarray:
    """Counts (y, x), int32.

    peak: expected counts on the crest of the first ring, falling as 1/n; background: relative to it, plus a parasitic
    decay towards the beam.
    """
    row, column = np.indices(shape)
    tangent, _ = to_polar(geometry, row + 0.5, column + 0.5, pixel)
    scale = np.asarray(geometry)[0] / np.sqrt(pixel[0] * pixel[1])
    radius, rings = tangent * scale, ring_tangents(np.asarray(spacings_m), wavelength_m) * scale
    expected = background * peak * (1.0 + (0.7 * rings[0] / np.maximum(radius, 3.0)) ** 3)
    nearest = np.clip(np.searchsorted(0.5 * (rings[1:] + rings[:-1]), radius), 0, len(rings) - 1)
    for shift in (-1, 0, 1):
        n = np.clip(nearest + shift, 0, len(rings) - 1)
        inside = nearest + shift == n
        expected += np.where(inside, peak / (n + 1.0) * np.exp(-0.5 * np.square((radius - rings[n]) / width_px)), 0.0)
    return np.random.default_rng(seed).poisson(expected).astype(np.int32)
