"""What one frame would tell of each parameter: derivatives of phi and sizes by the model, over the sigma of a frame.

Beside the parameters that are asked about, a new filling brings its own unknowns: the sizes of its starting solution and
phi of its reference frames, as well known as those frames make them, how crystals stand in the beam, and at each height
the footprint's correction, which no repetition at the same height improves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from ...nouns import FloatArray
from ...transport import CellHistory, beam_weights, number_moments
from ...transport.weights import point_weights
from ..covariance import NUMERICAL
from ..forward import crystal_share
from ..observations import CRYSTALS_SEEN, MODEL_ACCURACY
from ..parameters import PARAMETERS, SIZES

SOLVENT = 0.05
"""What the solvent scatters, in units of the starting solution: it limits what depleted heights can tell (chosen)."""
FOOTPRINT = 0.6
"""Sigma of the footprint's correction in units of the correction itself (what analyses of simulated runs give)."""
CRYSTAL_LENGTH_SIGMA = 0.5
"""Relative sigma of how crystals stand in the beam, before a frame says it (physics of `crystal_length`)."""
PHOTONS = 3e10
"""Incident photons per frame to which the counting noise below belongs."""
COARSE_TIMES = 90
WORKERS = 2
Simulated = Callable[[Mapping[str, float]], CellHistory]


@dataclass(frozen=True)
class FrameNoise:
    """Counting sigma of one frame of the starting solution: of phi (relative), of diameter and deviation (nm).

    Defaults: what analyses of simulated frames of PHOTONS give (experiment_small.toml).
    """

    volume_fraction: float = 4e-4
    diameter: float = 2.2e-3
    deviation: float = 2.4e-3
    reference_frames: int = 6


def noise_of(photons: float, reference_frames: int) -> FrameNoise:
    """The noise of frames with so many incident photons: it falls with their square root."""
    least, weaker = FrameNoise(), (PHOTONS / photons) ** 0.5
    return FrameNoise(
        least.volume_fraction * weaker, least.diameter * weaker, least.deviation * weaker, reference_frames
    )


@dataclass(frozen=True, eq=False)
class Unknowns:
    """Names of parameters in the order of the columns, their values and their information (name, name) before.

    information: of the coordinates of `parameters`, those of a new filling included.
    """

    names: tuple[str, ...]
    values: Mapping[str, float]
    information: FloatArray


def unknowns(
    values: Mapping[str, float], names: tuple[str, ...], covariance: FloatArray | None, noise: FrameNoise
) -> Unknowns:
    """`names` with their covariance (of the values; None: nothing known), then those of `values` that a new filling has."""
    slope = np.array([PARAMETERS[name].slope(PARAMETERS[name].coordinate(values[name])) for name in names])
    before: FloatArray = np.zeros((len(names), len(names)))
    if covariance is not None:
        before = _information(covariance / np.outer(slope, slope))
    frames = max(noise.reference_frames, 1) ** 0.5
    own = {"crystal_length": CRYSTAL_LENGTH_SIGMA}
    if SIZES[0] in values:
        mean, deviation = values[SIZES[0]], values[SIZES[0]] * values[SIZES[1]]
        own |= {SIZES[0]: noise.diameter / frames / mean, SIZES[1]: noise.deviation / frames / deviation}
    added = [name for name in own if name in values]
    size = len(names) + len(added)
    information = np.zeros((size, size))
    information[: len(names), : len(names)] = before
    information[range(len(names), size), range(len(names), size)] = [own[name] ** -2.0 for name in added]
    return Unknowns((*names, *added), values, information)


def _information(covariance: FloatArray) -> FloatArray:
    """Inverse of a covariance without what the model's grid adds to it, which no frame improves."""
    variances, directions = np.linalg.eigh(covariance)
    counted = np.maximum(variances - NUMERICAL**2, 0.01 * variances)
    return np.asarray((directions / counted) @ directions.T)


def frame_vectors(
    simulated: Simulated,
    known: Unknowns,
    times: FloatArray,
    heights: FloatArray,
    fwhm_um: float,
    start_phi: float,
    noise: FrameNoise,
) -> tuple[FloatArray, FloatArray]:
    """Vectors (time, height, channel, column) of frames at `times` (s) and `heights` (um), and phi (time, height).

    Columns: the names of `known`, the reference frames' common error, the footprint's at each height. Between about a
    hundred moments everything is interpolated.
    """  # fmt: skip
    coarse = times[np.unique(np.linspace(0, times.size - 1, min(COARSE_TIMES, times.size)).round().astype(int))]
    points, steps = [dict(known.values)], []
    for name in known.names:
        parameter, middle = PARAMETERS[name], PARAMETERS[name].coordinate(known.values[name])
        low, high = parameter.coordinate(parameter.low), parameter.coordinate(parameter.high)
        ends = [float(np.clip(middle + side * parameter.step, low, high)) for side in (1.0, -1.0)]
        points += [{**known.values, name: parameter.value(end)} for end in ends]
        steps.append(ends[0] - ends[1])
    with ThreadPoolExecutor(WORKERS) as pool:
        made = list(pool.map(lambda point: _seen(simulated(point), point, coarse, heights, fwhm_um), points))
    best = made[0]
    columns = [(made[2 * n + 1].values - made[2 * n + 2].values) / step for n, step in enumerate(steps)]
    common = np.zeros_like(best.values)
    common[..., 0] = best.values[..., 0] * noise.volume_fraction / max(noise.reference_frames, 1) ** 0.5
    footprint = np.zeros((*best.values.shape, heights.size))
    levels = np.arange(heights.size)
    footprint[:, levels, 0, levels] = FOOTPRINT * best.correction
    slopes = np.concatenate([np.stack([*columns, common], axis=-1), footprint], axis=-1)
    vectors = np.nan_to_num(slopes / _sigma(best, start_phi, noise)[..., None])
    return _between(vectors, coarse, times), _between(best.values[..., 0], coarse, times)


def prior(known: Unknowns, heights: int) -> FloatArray:
    """Information on all columns of `frame_vectors` before any frame: the common errors are numbers of deviation 1."""
    size = len(known.names)
    information = np.eye(size + 1 + heights)
    information[:size, :size] = known.information
    return information


@dataclass(frozen=True, eq=False)
class _Seen:
    """values (time, height, channel): phi, mean diameter, deviation; correction of the footprint in phi (time, height);
    with_crystals (time, height): where the sizes mean nothing."""

    values: FloatArray
    correction: FloatArray
    with_crystals: FloatArray


def _seen(
    history: CellHistory, values: Mapping[str, float], times: FloatArray, heights: FloatArray, fwhm_um: float
) -> _Seen:
    rows, density = beam_weights(history.z, heights * 1e-6, fwhm_um * 1e-6)
    centroid = np.minimum(rows @ history.z / rows.sum(axis=1), history.z[-1])
    rows = np.concatenate([rows, point_weights(history.z, centroid)])
    at = np.tile(np.arange(rows.shape[0]), times.size)
    both = np.maximum(history.observe(np.repeat(times, rows.shape[0]), rows, at), 0.0)
    both = both.reshape(times.size, 2, heights.size, -1)
    crystals = history.crystals_at(times).sum(axis=-1)[:, None] * density
    crystals = crystals * crystal_share(values.get("crystal_length", 1.0), fwhm_um)
    mean, deviation = number_moments(both[:, 0], history.classes.diameter_nm, history.dry_shell_nm)
    dissolved, point = both.sum(axis=-1).transpose(1, 0, 2)
    phi = dissolved + crystals
    hidden = (crystals > CRYSTALS_SEEN * phi) & (heights < fwhm_um)
    return _Seen(np.stack([phi, mean, deviation], axis=-1), np.abs(dissolved - point), hidden.astype(np.float64))


def _sigma(seen: _Seen, start_phi: float, noise: FrameNoise) -> FloatArray:
    """Sigma of each channel of a frame (time, height, channel): counting, and the accuracy that a fit gives the model."""
    phi = seen.values[..., 0]
    # photons of the particles and of the solvent, and only the particles tell
    weak = np.sqrt((phi + SOLVENT * start_phi) * start_phi) / np.maximum(phi, 1e-9 * start_phi)
    counting = np.stack([noise.volume_fraction * phi * weak, noise.diameter * weak, noise.deviation * weak], axis=-1)
    sigma = np.empty_like(counting)
    for channel, (relative, absolute) in enumerate(MODEL_ACCURACY.values()):
        sigma[..., channel] = np.hypot(counting[..., channel], relative * seen.values[..., channel] + absolute)
    sigma[..., 1:][seen.with_crystals > 0.0] = np.inf
    return sigma


def _between(values: FloatArray, coarse: FloatArray, times: FloatArray) -> FloatArray:
    """Linear interpolation along the first dimension."""
    above = np.clip(np.searchsorted(coarse, times), 1, coarse.size - 1)
    share = (times - coarse[above - 1]) / (coarse[above] - coarse[above - 1])
    share = share.reshape(-1, *([1] * (values.ndim - 1)))
    return np.asarray(values[above - 1] * (1.0 - share) + values[above] * share)
