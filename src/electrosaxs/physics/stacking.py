"""Close-packed layers stacked at random between FCC and HCP: what a powder of such crystals scatters.

Three neighbouring layers are cubic (ABC) or hexagonal (ABA), the latter with probability `fault_fraction`, independent of
all others: 0 is FCC (both twins), 1 HCP. Reflections with h - k divisible by 3 (hexagonal indices) do not see the stacking
and stay sharp. Along the other rods the intensity of one layer is spread over the index l (cycles per layer) as

    I(l) = sum_m C(m) exp(2 pi i m l),   C(m + 2) + (1 - f) C(m + 1) + (1 - 2 f) C(m) = 0,   C(0) = 1, C(1) = -1/2,

C(m) = <exp(2 pi i n / 3)> of the shift n between layers m apart: sharp at l = 1/3, 2/3 for f = 0, at 0, 1/2 for f = 1, broad
between. Source: Wilson, Proc. R. Soc. A 180, 277 (1942); Hendricks & Teller, J. Chem. Phys. 10, 147 (1942); Warren, X-ray
Diffraction (1969), ch. 13. Lengths in nearest-neighbour distances, s = q a / 2 pi.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ..nouns.base import FloatArray
from .lattices import STACKED

if TYPE_CHECKING:
    from scipy.sparse import csr_array

LAYERS = float(np.sqrt(2.0 / 3.0))  # distance of layers over that of neighbours
LATTICE_VOLUME = float(np.sqrt(0.5))  # per particle, over the cube of the neighbours' distance
CELLS = (
    144  # of l, a multiple of 6: FCC's and HCP's reflections are in the middle of one, 0.006 1/nm wide at a = 8.5 nm
)
FINE = 0.2  # of the width: the coarsest grid
STEP = 1e-3  # of the fault fraction, for its derivative
SMALL = 1e-6  # least difference of the roots: where they meet C(m) is no sum of two powers


def layer_intensity_integral(index: FloatArray, fault_fraction: float) -> FloatArray:
    """Integral of I(l) from 0 to `index`: exact, however sharp the lines.

    C(m) = A x^m + B y^m with the roots x, y of t^2 + (1 - f) t + 1 - 2 f; each gives l - log(1 - x e^(2 pi i l)) / (i pi).
    """
    f = fault_fraction
    root = np.sqrt(complex((1.0 - f) ** 2 - 4.0 * (1.0 - 2.0 * f)))
    root = root if abs(root) > SMALL else complex(SMALL)
    x, y = 0.5 * (f - 1.0 + root), 0.5 * (f - 1.0 - root)
    share = (-0.5 - y) / (x - y)
    turn = np.exp(2j * np.pi * index)
    total = index + share * 1j * np.log(1.0 - x * turn) / np.pi + (1.0 - share) * 1j * np.log(1.0 - y * turn) / np.pi
    return np.asarray(np.real(total))


@lru_cache(maxsize=64)
def rods(s_max: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """s and multiplicity of the reflections that the stacking leaves sharp, and (n, 2) in-plane s and multiplicity of the
    rods that it fills, up to `s_max`."""
    reach = int(np.ceil(s_max)) + 1
    h, k = (one.ravel() for one in np.meshgrid(np.arange(-reach, reach + 1), np.arange(-reach, reach + 1)))
    across, kind = h * h + h * k + k * k, (h - k) % 3 == 0
    layer = np.arange(-int(s_max * LAYERS) - 1, int(s_max * LAYERS) + 2) / LAYERS
    s = np.round(np.sqrt(4.0 / 3.0 * across[kind, None] + layer**2).ravel(), 9)
    sharp, count = np.unique(s[(s > 1e-6) & (s <= s_max)], return_counts=True)
    filled, members = np.unique(across[~kind], return_counts=True)
    inside = np.stack([np.sqrt(4.0 / 3.0 * filled), members.astype(np.float64)], axis=1)
    return sharp, count.astype(np.float64), inside[inside[:, 0] < s_max]


@lru_cache(maxsize=64)
def _pieces_to_cells(step: float, size: int) -> csr_array:
    """(size, piece): how much of each piece of the rods falls to each place of an even grid that begins at 0, times the
    rods' multiplicity; shared between the two neighbours so that its place is kept."""
    end = step * (size - 1)
    filled, steps = rods(end)[2], int(np.ceil(end * LAYERS * CELLS))
    place = np.sqrt(filled[:, :1] ** 2 + (np.arange(steps + 1) / CELLS / LAYERS) ** 2) / step
    rod, piece = np.nonzero(place < size - 1)
    place, weight = place[rod, piece], filled[rod, 1]
    cell = place.astype(np.intp)
    upper = weight * (place - cell)
    cells, pieces = np.concatenate([cell, cell + 1]), np.concatenate([piece, piece])
    from scipy.sparse import csr_array

    return csr_array((np.concatenate([weight - upper, upper]), (cells, pieces)), shape=(size, steps + 1))


def rod_content(step: float, size: int, *fault_fractions: float) -> FloatArray:
    """Multiplicity x squared amplitude of the rods in `size` cells around 0, step, 2 step, ... (of s): a row for each fault
    fraction."""
    pieces = _pieces_to_cells(step, size)
    edges = (np.arange(CELLS + 1) - 0.5) / CELLS
    period = np.stack([np.diff(layer_intensity_integral(edges, f)) for f in fault_fractions], axis=1)
    content = np.resize(period, (pieces.shape[1], period.shape[1]))  # the intensity repeats along the rod
    content[1:] *= 2.0  # l and -l
    return np.asarray((pieces @ content).T)


def rod_sum(q: FloatArray, a: float, fwhm: float, lorentzian: float, fault_fraction: float, s_max: float) -> FloatArray:
    """What the rods give in lattice_kernels.powder_sum, with an area of 2 pi^2 / v_p each: shape (5, q), rows the sum and
    its derivatives by the logarithm of all places, by fwhm, by the Lorentzian share, by the fault fraction.

    The profile is known in closed form in Fourier space, where its convolution with the rods is a product. The grid is
    odd about 0 (the mirror term), a fifth of the width or finer; the share between two cells is taken off again. Between its
    points stands a cubic spline, whose coefficients are a division there too: by the transform of the cubic B-spline.
    """
    from scipy.fft import next_fast_len  # imported where a stack is faulted: few are

    step = float(2.0 ** np.floor(np.log2(FINE * fwhm * a / (2.0 * np.pi))))
    half = next_fast_len(int(s_max / step) + 2, real=True)
    s = step * np.arange(half)
    above, below = min(fault_fraction + STEP, 1.0 - STEP), max(fault_fraction - STEP, STEP)
    content = rod_content(step, half, fault_fraction, above, below)
    content[1] = (content[1] - content[2]) / (above - below)
    density = np.zeros((2, 2 * half))
    density[:, 1:half] = content[:2, 1:] / s[1:]
    density[:, half + 1 :] = -density[:, 1:half][:, ::-1]
    grid = 2.0 * np.pi / a * step
    k = np.fft.rfftfreq(2 * half, grid)
    spread, tails = np.exp(-((np.pi * fwhm * k) ** 2) / (4.0 * np.log(2.0))), np.exp(-np.pi * fwhm * k)
    spline = (2.0 + np.cos(2.0 * np.pi * k * grid)) / 3.0
    shared = np.fft.rfft(density) / np.sinc(k * grid) ** 2 / grid / spline
    profile = lorentzian * tails + (1.0 - lorentzian) * spread
    by_fwhm = (
        -lorentzian * np.pi * k * tails - (1.0 - lorentzian) * fwhm * (np.pi * k) ** 2 / (2.0 * np.log(2.0)) * spread
    )
    rows = np.stack([profile, by_fwhm, tails - spread]) * shared[0]
    value, slope = _spline_at(q / grid, np.fft.irfft(np.concatenate([rows, profile[None] * shared[1:]]), 2 * half))
    slope /= grid
    by_places = -(q * slope + value[0] + fwhm * value[1])  # x L' = -L - w dL/dw for a profile of unit area and width w
    out = np.stack([value[0], by_places, value[1], value[2], value[3]])
    return np.asarray(2.0 * np.pi**2 / (a**3 * LATTICE_VOLUME) * a / (2.0 * np.pi) * out / q)


def _spline_at(place: FloatArray, coefficients: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Values (row, place) of periodic cubic splines with these coefficients (row, n) of B-splines at 0 to n - 1, and the slope
    (place,) of the first of them."""
    cell = place.astype(np.intp)
    t, n = place - cell, coefficients.shape[1]
    r = 1.0 - t
    weights = np.stack([r**3, 3.0 * t**3 - 6.0 * t**2 + 4.0, 3.0 * r**3 - 6.0 * r**2 + 4.0, t**3]) / 6.0
    slopes = np.stack([-(r**2), 3.0 * t**2 - 4.0 * t, 4.0 * r - 3.0 * r**2, t**2]) / 2.0
    near = coefficients[:, (cell + np.arange(-1, 3)[:, None]) % n]
    return np.sum(near * weights, axis=1), np.sum(near[0] * slopes, axis=0)


def sharp_lines(s_max: float) -> tuple[FloatArray, FloatArray]:
    """s and multiplicity of the reflections that no fault touches."""
    s, count, _ = rods(s_max)
    return s, count


def close_packing(fault_fraction: float) -> tuple[str, float]:
    """What crystals with this share of hexagonal layers are called, by thirds, and the lattice constant of that name over
    the neighbours' distance: FCC (with faults), FCC/HCP, HCP (with faults)."""
    if fault_fraction < 1.0 / 3.0:
        return "FCC", float(np.sqrt(2.0))
    return ("HCP" if fault_fraction > 2.0 / 3.0 else STACKED), 1.0
