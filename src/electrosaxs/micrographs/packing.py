"""Micrographs that resolve particles: where they sit, and the two-dimensional lattice of their face.

Nothing is learnt: particles are the maxima of the image smoothed to a fifth of their spacing, the spacing is that of the
strongest ring of the power spectrum, and a grain grows from a well-ordered particle as long as the next one lies where the
vectors of its neighbourhood lead. The lattice of a grain is a straight line fit of positions on indices.
"""

from __future__ import annotations

from collections import deque

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import Delaunay, QhullError, cKDTree
from skimage.feature import peak_local_max

from ..nouns import FloatArray
from ..nouns.heights import Face, Grain
from .heights import robust_sigma

SMOOTHED, BACKGROUND = 0.18, 0.7  # Gaussians of what a particle is and of what lies under it, in spacings
NEAREST = 0.6  # spacings between two particles, at least
SMALLEST_PX, PERIODS = 4.0, 6.0  # spacing that can be resolved, and spacings across the image, at least
NEIGHBOURS_WITHIN = 1.4  # spacings
STEP = 0.25  # of the spacing: a particle may lie that far from where its neighbours lead
FEW = 30  # particles of a grain
MOST_GRAINS, COVERED = 12, 0.9
UNCLEAR, ORDERED = 0.6, 0.75  # of a particle: its direction is told from here on; a grain may grow from it
RING_OVER_NOISE = 4.0
MOST_CORRELATED = 0.95  # of displacements of neighbours
HUBER = 1.5
DISTANT, DISTANCES = 2.4, 96  # spacings up to which pairs are counted, and bins of them
FOLDS = (6, 4)
TWELVE = 12  # the smallest multiple of both
TURN_DEG = 7.0  # that neighbours of one grain may be turned against each other


def find_face(pixels: FloatArray, name: str, nm_per_pixel: float | None, source: str) -> Face:
    """Particles and grains on an image (rows, columns, channels); without order `grains` is empty and a flag says why."""
    grey = np.asarray(pixels, dtype=float).mean(axis=2)
    spacing = ring_spacing(grey)
    if spacing is None:
        return _empty(
            name, nm_per_pixel, source, "no ring in the power spectrum: particles are not resolved or not ordered"
        )
    tries = [_particles(sign * grey, spacing) for sign in (1.0, -1.0)]
    orders = [neighbour_order(points) for points in tries]
    best = int(np.argmax([_sum_of_order(order) for order, _ in orders]))
    points, (order, direction) = tries[best], orders[best]
    grains = find_grains(points, order, direction, spacing)
    flags = () if grains else (f"no grain of {FEW} particles: no lattice",)
    return Face(name, points, order, grains, nm_per_pixel, source, flags)


def _empty(name: str, nm_per_pixel: float | None, source: str, why: str) -> Face:
    return Face(name, np.empty((0, 2)), np.empty(0), (), nm_per_pixel, source, (why,))


def ring_spacing(grey: FloatArray) -> float | None:
    """Spacing (pixels) of the strongest ring of the power spectrum, as of a hexagonal layer: 2 / (sqrt(3) f)."""
    even = grey - ndimage.gaussian_filter(grey, min(grey.shape) / 12.0, mode="reflect")
    window = np.outer(np.hanning(grey.shape[0]), np.hanning(grey.shape[1]))
    power = np.abs(np.fft.rfft2(even * window)) ** 2
    f = np.hypot(np.fft.fftfreq(grey.shape[0])[:, None], np.fft.rfftfreq(grey.shape[1])[None, :])
    width = 1.0 / min(grey.shape)
    bins = np.rint(f / width).astype(int)
    mean = np.bincount(bins.ravel(), power.ravel()) / np.maximum(np.bincount(bins.ravel()), 1)
    mean = ndimage.gaussian_filter1d(mean, 1.0)
    radius = np.arange(len(mean)) * width
    usual = ndimage.median_filter(mean, size=max(9, len(mean) // 6), mode="nearest")
    inside = (radius > PERIODS * width) & (radius < 2.0 / np.sqrt(3.0) / SMALLEST_PX)
    over = np.where(inside, mean / np.maximum(usual, 1e-300), 0.0)
    strongest = int(np.argmax(np.where(over > RING_OVER_NOISE, mean, 0.0)))
    if over[strongest] <= RING_OVER_NOISE:
        return None
    return float(2.0 / (np.sqrt(3.0) * radius[strongest]))


def _particles(grey: FloatArray, spacing: float) -> FloatArray:
    """Positions (n, 2) as (x, y) of the bright maxima, to a part of a pixel by a parabola in each direction."""
    smooth = ndimage.gaussian_filter(grey, SMOOTHED * spacing) - ndimage.gaussian_filter(grey, BACKGROUND * spacing)
    distance = max(1, round(NEAREST * spacing / 2.0))
    spread = robust_sigma(smooth)
    found = peak_local_max(smooth, min_distance=distance, threshold_abs=0.3 * spread, exclude_border=2)
    rows, columns = found[:, 0], found[:, 1]
    middle = smooth[rows, columns]

    def part(before: FloatArray, after: FloatArray) -> FloatArray:
        return 0.5 * (before - after) / np.minimum(before + after - 2.0 * middle, -1e-12)

    x = columns + part(smooth[rows, columns - 1], smooth[rows, columns + 1])
    y = rows + part(smooth[rows - 1, columns], smooth[rows + 1, columns])
    points = np.stack([x, y], axis=1)
    return _thinned(points, middle, NEAREST * spacing)


def particle_distances(face: Face) -> tuple[FloatArray, FloatArray]:
    """(distance in pixels, pairs): how often two particles are so far apart, up to DISTANT spacings."""
    spacing = float(np.sqrt(face.grains[0].area))
    pairs = cKDTree(face.positions).query_pairs(DISTANT * spacing, output_type="ndarray")
    apart = np.linalg.norm(face.positions[pairs[:, 0]] - face.positions[pairs[:, 1]], axis=1)
    number, edges = np.histogram(apart, bins=DISTANCES, range=(0.0, DISTANT * spacing))
    return 0.5 * (edges[1:] + edges[:-1]), number.astype(float)


def _thinned(points: FloatArray, height: FloatArray, distance: float) -> FloatArray:
    """Of two particles nearer than `distance` the brighter one."""
    kept = np.ones(len(points), dtype=bool)
    for first, second in cKDTree(points).query_pairs(distance):
        kept[first if height[first] < height[second] else second] = False
    return points[kept]


def neighbour_order(points: FloatArray) -> tuple[FloatArray, npt.NDArray[np.complex128]]:
    """Per particle the larger of |psi_6| and |psi_4|, psi_n = mean over neighbours of exp(i n angle), nan at the hull; and the
    direction of its neighbours as exp(12 i angle), which both symmetries leave as it is.

    psi_6 over the six nearest particles, psi_4 over the four nearest (Nelson & Halperin 1979), so that diagonals of squares
    do not count.
    """
    if len(points) < 12:
        return np.full(len(points), np.nan), np.ones(len(points), dtype=complex)
    best, direction = np.zeros(len(points)), np.ones(len(points), dtype=complex)
    _, nearest = cKDTree(points).query(points, k=7)
    for fold in FOLDS:
        offset = points[nearest[:, 1 : fold + 1]] - points[:, None]
        psi = np.exp(1j * fold * np.arctan2(offset[..., 1], offset[..., 0])).mean(axis=1)
        better = np.abs(psi) > best
        best[better] = np.abs(psi[better])
        direction[better] = np.exp(1j * np.angle(psi[better]) * (TWELVE / fold))
    hull = _hull(points)
    best[hull] = np.nan
    return best, direction


def _hull(points: FloatArray) -> npt.NDArray[np.intp]:
    """Particles that some triangle of the hull holds: their neighbours are outside the frame."""
    try:
        triangles = Delaunay(points)
    except QhullError:
        return np.arange(len(points))
    return np.unique(triangles.simplices[(triangles.neighbors < 0).any(axis=1)])


def _sum_of_order(order: FloatArray) -> float:
    """Mean order times the particles' share that has an order above a half: holes of a close packing order worse."""
    inner = order[np.isfinite(order)]
    return float(inner.mean() * (inner > 0.5).mean()) if len(inner) else 0.0


def find_grains(
    points: FloatArray, order: FloatArray, direction: npt.NDArray[np.complex128], spacing: float
) -> tuple[Grain, ...]:
    """Grains from large to small, each of FEW particles at least; a particle belongs to one of them."""
    if not len(points):
        return ()
    tree, free = cKDTree(points), np.isfinite(order)
    unclear = ~(order > UNCLEAR)  # its direction says nothing
    grains: list[Grain] = []
    seeds = np.argsort(-np.nan_to_num(order))
    taken = np.zeros(len(points), dtype=bool)
    for seed in seeds:
        if len(grains) == MOST_GRAINS or taken.sum() > COVERED * free.sum() or not order[seed] > ORDERED:
            break
        if taken[seed]:
            continue
        members, indices = _grown(int(seed), points, tree, np.where(unclear, 0.0, direction), taken, spacing)
        taken[seed] = True  # whatever comes of it, not again
        if len(members) >= FEW:
            taken[members] = True
            grains.append(_fitted(points[members], indices))
    return tuple(sorted(grains, key=lambda grain: -len(grain.positions)))


def _start(seed: int, points: FloatArray, tree: cKDTree, spacing: float) -> FloatArray | None:
    """Two vectors (2, 2) from a particle to neighbours, nearly the shortest, 50 to 130 degrees apart."""
    near = [i for i in tree.query_ball_point(points[seed], NEIGHBOURS_WITHIN * spacing) if i != seed]
    if len(near) < 3:
        return None
    offsets = points[near] - points[seed]
    offsets = offsets[np.argsort(np.linalg.norm(offsets, axis=1))]
    first = offsets[0]
    for second in offsets[1:]:
        sine = abs(first[0] * second[1] - first[1] * second[0]) / (np.linalg.norm(first) * np.linalg.norm(second))
        if sine > np.sin(np.radians(50.0)):
            return np.stack([first, second])
    return None


def _grown(
    seed: int,
    points: FloatArray,
    tree: cKDTree,
    direction: npt.NDArray[np.complex128],
    taken: npt.NDArray[np.bool_],
    spacing: float,
) -> tuple[npt.NDArray[np.intp], FloatArray]:
    """Particles of the grain around `seed` and their indices (n, 2): each step along a vector of the neighbourhood must end
    at a particle that is not turned against it; the vectors follow slow changes of the lattice. direction: 0 is any."""
    start = _start(seed, points, tree, spacing)
    none = np.empty(0, dtype=np.intp), np.empty((0, 2))
    if start is None:
        return none
    place: dict[int, tuple[int, int]] = {seed: (0, 0)}
    at: dict[tuple[int, int], int] = {(0, 0): seed}
    vectors: dict[int, FloatArray] = {seed: start}
    queue = deque([seed])
    while queue:
        here = queue.popleft()
        h, k = place[here]
        own = vectors[here]
        for dh, dk in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            if (h + dh, k + dk) in at:
                continue
            step = dh * own[0] + dk * own[1]
            distance, there = tree.query(points[here] + step)
            if distance > STEP * spacing or there in place or taken[there]:
                continue
            turned = direction[here] * np.conj(direction[there])
            if abs(np.angle(turned)) > TWELVE * np.radians(TURN_DEG) and turned != 0.0:
                continue
            new = own.copy()
            axis, sign = (0, dh) if dh else (1, dk)
            new[axis] += 0.2 * (sign * (points[there] - points[here]) - own[axis])
            place[there], at[(h + dh, k + dk)], vectors[there] = (h + dh, k + dk), there, new
            if direction[there] != 0.0:  # from where the direction is unclear no step leads over to another grain
                queue.append(there)
    members = np.fromiter(place, dtype=np.intp, count=len(place))
    return members, np.array([place[i] for i in members], dtype=float)


def _fitted(positions: FloatArray, indices: FloatArray) -> Grain:
    """Least squares of r = r0 + h a1 + k a2 with Huber's weights. Where displacements of neighbours hang together (rho), as
    many particles count for less: by ((1 + rho) / (1 - rho))^2, as of two directions of exponential correlation."""
    design = np.column_stack([np.ones(len(indices)), indices])
    weight = np.ones(len(positions))
    solution = np.zeros((3, 2))
    for _ in range(8):
        root = np.sqrt(weight)[:, None]
        solution = np.linalg.lstsq(design * root, positions * root, rcond=None)[0]
        away = np.linalg.norm(positions - design @ solution, axis=1)
        scale = max(float(np.median(away)) / 1.1774, 1e-9)  # median of Rayleigh's distribution
        weight = np.minimum(1.0, HUBER / np.maximum(away / scale, 1e-12))
    residual = positions - design @ solution
    inverse = np.linalg.inv((design * weight[:, None]).T @ design)
    rho = _correlation(indices, residual)
    per_axis = (weight[:, None] * residual**2).sum(axis=0) / max(len(positions) - 3.0, 1.0)
    per_axis *= ((1.0 + rho) / (1.0 - rho)) ** 2
    cell = solution[1:]
    covariance = np.kron(inverse[1:, 1:], np.diag(per_axis))
    reduced, turn = _shortest(cell)
    full = np.kron(turn, np.eye(2))
    return Grain(positions, indices @ np.linalg.inv(turn), reduced, full @ covariance @ full.T)


def _correlation(indices: FloatArray, residual: FloatArray) -> float:
    """Of the displacements of particles one step of an index apart; 0 where it is negative."""
    at = {(int(h), int(k)): i for i, (h, k) in enumerate(indices)}
    pairs = [
        (i, at[(h + dh, k + dk)]) for (h, k), i in at.items() for dh, dk in ((1, 0), (0, 1)) if (h + dh, k + dk) in at
    ]
    if len(pairs) < FEW:
        return 0.0
    first, second = np.array(pairs).T
    together = float((residual[first] * residual[second]).sum(axis=1).mean())
    return float(np.clip(together / (residual**2).sum(axis=1).mean(), 0.0, MOST_CORRELATED))


def _shortest(cell: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Gauss reduction: the two shortest vectors, at most 90 degrees apart, and the matrix that makes them of `cell`."""
    turn = np.eye(2)
    while True:
        now = turn @ cell
        if np.linalg.norm(now[0]) > np.linalg.norm(now[1]):
            turn = turn[::-1].copy()
            now = turn @ cell
        times = np.rint(now[0] @ now[1] / (now[0] @ now[0]))
        if times == 0.0:
            break
        turn[1] -= times * turn[0]
    if now[0] @ now[1] < 0.0:
        turn[1] = -turn[1]
    return turn @ cell, turn
