"""Simulated micrographs of a layer of particles, and height maps of truncated tetrahedra, for tests."""

import numpy as np

from electrosaxs.physics.tetrahedron import depth

FACET = 2.0 * np.sqrt(2.0)  # tangent of the angle between two faces of a tetrahedron


def face(
    size: int = 260,
    spacing: float = 13.0,
    *,
    square: bool = False,
    strain: float = 0.0,
    drift: tuple[float, float] = (0.0, 0.0),
    disorder: float = 0.04,
    noise: float = 0.3,
    seed: int = 0,
) -> np.ndarray:
    """Pixels (size, size, 1): spheres as bright discs. strain: uniaxial at constant area. drift: shear and stretch along y."""
    random = np.random.default_rng(seed)
    vectors = np.array([[1.0, 0.0], [0.0, 1.0] if square else [0.5, np.sqrt(0.75)]])
    reach = int(2 * size / spacing)
    h, k = np.meshgrid(np.arange(-reach, reach), np.arange(-reach, reach))
    points = spacing * np.stack([h.ravel(), k.ravel()], axis=1) @ vectors
    turn = 0.3 + seed
    points = (
        points
        @ np.diag([np.sqrt(1 + strain), 1 / np.sqrt(1 + strain)])
        @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    )
    points += disorder * spacing * random.normal(size=points.shape)
    points[:, 0] += drift[0] * points[:, 1]
    points[:, 1] *= 1.0 + drift[1]
    points += size / 2
    y, x = np.mgrid[0:size, 0:size]
    image = noise * random.normal(size=(size, size)) + 0.5 * np.sin(x / 90.0)
    for px, py in points[((points > -spacing) & (points < size + spacing)).all(axis=1)]:
        rows = slice(max(0, int(py - spacing)), max(0, int(py + spacing) + 1))
        columns = slice(max(0, int(px - spacing)), max(0, int(px + spacing) + 1))
        away = np.hypot(x[rows, columns] - px, y[rows, columns] - py)
        image[rows, columns] += 1.0 / (1.0 + np.exp((away / spacing - 0.33) / 0.06))
    return (60.0 * image + 100.0)[..., None]


def relief(
    islands: list[tuple[float, float, float, float, float]],
    *,
    size: int = 200,
    um_per_pixel: float = 0.025,
    noise: float = 0.003,
    lines: float = 0.01,
    seed: int = 0,
) -> np.ndarray:
    """Heights (um) of tetrahedra (x, y, base edge, thickness in um; rotation in degrees) on a tilted, bent substrate with an
    offset of its own on each line."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:size, 0:size] * um_per_pixel
    heights = np.zeros((size, size))
    for cx, cy, edge, thickness, rotation in islands:
        inside = depth(np.stack([x, y], axis=-1), cx, cy, edge, rotation, 0.0)
        heights = np.maximum(heights, np.clip(FACET * inside, 0.0, thickness))
    bent = 0.2 * x / x.max() - 0.1 * y / y.max() + 0.06 * (x / x.max() - 0.4) ** 2
    return heights + bent + noise * random.normal(size=heights.shape) + lines * random.normal(size=size)[:, None]
