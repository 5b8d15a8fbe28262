"""Spots drawn as a film makes them, and fitted as those of an image are: where the Gaussian lies beside its reflection.

A reflection is a Gaussian of |q| and of the direction of q, times the density of its ring (1 / q_parallel), the form factor
and displacements, and the field of the waves. It is drawn at points of the detector within REACH widths of the spot and
fitted by a Gaussian on a slope, weighted as counts are, all spots at once. To first order this gives t^2 / 2G for arcs and
S grad ln I for slopes (`shifts`); wide arcs and spots near the critical angle ask for what the first order leaves out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..nouns.base import FloatArray
from ..nouns.film import FilmConstants, Spot
from ..physics.film_frame import channel_fields, q_along_normal
from .expected import Setup, incidence_of, moved
from .geometry import film_coordinates
from .intensities import Envelope

REACH, POINTS = 3.6, 15  # widths of a spot; points along each of its axes
STEPS = 4
LEAST_PARALLEL = 0.03  # 1/nm: rings are no denser about the rod
LEAST_BACKGROUND = 0.01  # of the spot's height, for weights
LARGEST_LOG = 3.0  # of what weights a spot, over its value in the middle
LARGEST_STEP = 0.5  # widths


def drawn_shifts(
    setup: Setup, constants: FilmConstants, image: int, spots: Sequence[Spot], place: FloatArray,
    reflected: npt.NDArray[np.bool_], envelope: Envelope | None,
) -> tuple[FloatArray, FloatArray]:  # fmt: skip
    """By how many pixels (n, 2) the spots of one image lie off reflections at places (n, 2): without the waves' field, and what
    the field adds. NaN where a spot cannot be drawn."""
    plane, incidence = moved(setup.plane, constants), incidence_of(constants, image, setup.film)
    shape = np.array([spot.shape for spot in spots])
    squares, axes = np.linalg.eigh(shape)
    axes = axes * np.sqrt(np.maximum(squares, 1e-6))[:, None, :]  # columns: one width along each axis
    grid = np.stack(np.meshgrid(*[np.linspace(-REACH, REACH, POINTS)] * 2, indexing="ij"), axis=-1).reshape(-1, 2)
    beside = 0.5 * np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    at = np.concatenate(
        [place[:, None], place[:, None] + np.einsum("nij,pj->npi", axes, grid), place[:, None] + beside], axis=1
    )
    parallel, exit_sine = film_coordinates(plane, incidence, at[..., 0], at[..., 1])
    along = q_along_normal(exit_sine, wavenumber=plane.wavenumber, incidence=incidence, reflected=reflected[:, None])
    pair = np.stack([np.abs(parallel), along], axis=1)  # (n, 2, point)
    by_pixel = np.stack([pair[..., -4] - pair[..., -3], pair[..., -2] - pair[..., -1]], axis=-1)
    radial, tangential = _widths(shape, by_pixel, pair[..., 0])
    across, along, exit_sine = pair[:, 0, :-4], pair[:, 1, :-4], exit_sine[:, :-4]
    q, direction = np.hypot(across, along), np.arctan2(across, along)
    log = -0.5 * np.square((q - q[:, :1]) / radial[:, None])
    log = log - 0.5 * np.square(q[:, :1] * (direction - direction[:, :1]) / tangential[:, None])
    leans = -np.log(np.maximum(across, LEAST_PARALLEL))
    if envelope is not None:
        leans = leans + envelope.leaning(np.nan_to_num(q, nan=1.0))
    direct, back = channel_fields(exit_sine, incidence, setup.substrate, thickness_k=setup.thickness_k)
    field = np.log(np.maximum(np.where(reflected[:, None], back, direct), 1e-12))
    height = np.array([spot.intensity for spot in spots]) / (2.0 * np.pi * np.sqrt(np.linalg.det(shape)))
    under = np.array([spot.background for spot in spots]) / np.maximum(height, 1e-12)
    under = np.maximum(under, LEAST_BACKGROUND)
    plain, whole = (_centre(_light(log, part), grid, under) for part in (leans, leans + field))
    off = np.einsum("nij,nj->ni", axes, plain), np.einsum("nij,nj->ni", axes, whole)
    return off[0], off[1] - off[0]


def _light(log: FloatArray, leans: FloatArray) -> FloatArray:
    """Intensity at the points (n, p) over that of the first one, which is the reflection itself."""
    over = np.clip(leans[:, 1:] - leans[:, :1], -LARGEST_LOG, LARGEST_LOG)
    return np.nan_to_num(np.exp(np.nan_to_num(log[:, 1:], nan=-np.inf) + over))


def _widths(shape: FloatArray, by_pixel: FloatArray, middle: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Standard deviations (1/nm) along q and across it of spots of these shapes (n, 2, 2), by_pixel (n, 2, 2): derivatives of
    (q_parallel, q_z), whose values in the middle are (n, 2)."""
    in_q = by_pixel @ shape @ by_pixel.transpose(0, 2, 1)
    outwards = middle / np.linalg.norm(middle, axis=1, keepdims=True)
    across = np.stack([-outwards[:, 1], outwards[:, 0]], axis=1)
    square = [np.einsum("ni,nij,nj->n", way, in_q, way) for way in (outwards, across)]
    return np.sqrt(np.maximum(square[0], 1e-12)), np.sqrt(np.maximum(square[1], 1e-12))


def _centre(light: FloatArray, grid: FloatArray, under: FloatArray) -> FloatArray:
    """Where (n, 2), in widths, Gaussians on a slope lie that are fitted to light (n, p) at the points of the grid (p, 2)."""
    count = len(light)
    theta = np.tile([1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0], (count, 1))  # A, centre, M, level and slopes
    design = np.empty((count, len(grid), 9))
    design[..., 6], design[..., 7:] = 1.0, grid
    for _ in range(STEPS):
        y, x = (grid - theta[:, None, 1:3]).transpose(2, 0, 1)
        m = theta[:, 3:6, None]
        shape = np.exp(np.minimum(-0.5 * (m[:, 0] * y * y + 2.0 * m[:, 1] * x * y + m[:, 2] * x * x), 0.0))
        high = theta[:, :1] * shape
        design[..., 0] = shape
        design[..., 1], design[..., 2] = high * (m[:, 0] * y + m[:, 1] * x), high * (m[:, 1] * y + m[:, 2] * x)
        design[..., 3], design[..., 4], design[..., 5] = -0.5 * high * y * y, -high * x * y, -0.5 * high * x * x
        off = light - high - (design[..., 6:] @ theta[:, 6:, None])[..., 0]
        weighted = design / (under[:, None] + np.maximum(high, 0.0))[..., None]
        normal = weighted.transpose(0, 2, 1) @ design + 1e-9 * np.eye(9)
        step = np.linalg.solve(normal, weighted.transpose(0, 2, 1) @ off[..., None])[..., 0]
        theta = theta + np.clip(step, -LARGEST_STEP, LARGEST_STEP)
    return np.asarray(theta[:, 1:3])
