"""Every frame of a voxel fitted with one lattice, near its pooled shape: what is kept of each fit, in columns.

A whole fit holds the slopes and the influence of every bin (0.3 MB): they live for a block of frames, so that a series may be
as long as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ...nouns import FloatArray
from ...nouns.rows import joined
from ..concentration.invariant import ParticleVolume
from ..spheres.fit import SphereFit
from .crystal_volume import crystal_particle_volume
from .lattice_constant import profile_shift
from .lattice_fit import Freedom, LatticeFit, fit_lattice
from .parameters import SLOT, Solution, grains_of
from .structure_factor import fitted_structure_factor, spheres_of
from .weighted_curve import WeightedCurve

BLOCK = 64  # frames whose whole fits are held at a time
DETECTED = (
    4.0  # sigma of the amplitude of a known pattern; a moves within 1.5 %, so this is not a search over the curve
)
MISSED = 8.0  # twice that, with the pooled pattern as it is: no chance of noise
FREE_SHARE = {"a": 0.015, "fwhm": 0.4, "size_ratio": 0.01}  # prior sd of a frame's shape over the pooled value
HELD_SHARE = {"a": 1e-4, "fwhm": 1e-2, "size_ratio": 1e-4}  # the same where the frame shows no crystals


class Estimate(NamedTuple):
    """A parameter of every frame (frame,): value, standard deviation of the frame's own, and what the solvent measurement
    gives, which all frames share."""

    value: FloatArray
    own: FloatArray
    shared: FloatArray


@dataclass(frozen=True, eq=False)
class Mixture:
    """Solution and crystals fitted together, of the frames that show crystals: the solution's part as a sphere fit, the
    particle volume, and the fitted S(q) (frame, q)."""

    solution: SphereFit
    volume: ParticleVolume
    structure: FloatArray


@dataclass(frozen=True, eq=False)
class FrameFits:
    """Of all frames (frame,): crystalline fraction, lattice constant of the lattice's name (nm), what that would change by if
    lines were written in another way (nm, lattice_constant.profile_shift), whether crystals are seen, and whether the pattern
    shows (beyond MISSED). mixture: of the frames in which they are seen, None where there is none."""

    fraction: Estimate
    constant: Estimate
    profile: FloatArray
    detected: npt.NDArray[np.bool_]
    shows: npt.NDArray[np.bool_]
    mixture: Mixture | None


def fit_frames(curves: Sequence[WeightedCurve], best: LatticeFit, q: FloatArray, *, dry_shell_nm: float) -> FrameFits:
    """All `curves` with the lattice of `best`; q (1/nm): the bins of the sample, of which a curve has the good ones."""
    parts = [
        _kept([fit_and_judge(curve, best) for curve in curves[start : start + BLOCK]], best.unit, q, dry_shell_nm)
        for start in range(0, len(curves), BLOCK)
    ]
    mixtures = [part.mixture for part in parts if part.mixture is not None]
    return FrameFits(
        fraction=_one_after_the_other([part.fraction for part in parts]),
        constant=_one_after_the_other([part.constant for part in parts]),
        profile=np.concatenate([part.profile for part in parts]),
        detected=np.concatenate([part.detected for part in parts]),
        shows=np.concatenate([part.shows for part in parts]),
        mixture=_together(mixtures) if mixtures else None,
    )


def _one_after_the_other(parts: Sequence[Estimate]) -> Estimate:
    return Estimate(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _together(parts: Sequence[Mixture]) -> Mixture:
    return Mixture(
        joined([one.solution for one in parts]),
        joined([one.volume for one in parts]),
        np.concatenate([one.structure for one in parts]),
    )


def _kept(judged: Sequence[tuple[LatticeFit, bool]], unit: float, q: FloatArray, dry_shell_nm: float) -> FrameFits:
    """What is kept of the fits of a block of frames."""
    fits, detected = [one for one, _ in judged], np.array([seen for _, seen in judged])
    constant = estimate(fits, "a")
    mixture, seen = None, [one for one, there in judged if there]
    if seen:
        solution = spheres_of(seen, q)
        volume = crystal_particle_volume(seen, solution, q, dry_shell_nm=dry_shell_nm)
        mixture = Mixture(solution, volume, np.array([fitted_structure_factor(one, q) for one in seen]))
    return FrameFits(
        estimate(fits, "fraction"),
        Estimate(*(unit * column for column in constant)),
        np.array([abs(profile_shift(one)) if there else np.nan for one, there in judged]),
        detected,
        np.array([amplitude_significance(one) > MISSED for one in fits]),
        mixture,
    )


def estimate(fits: Sequence[LatticeFit], name: str) -> Estimate:
    """One parameter of several fits."""
    k = SLOT[name]
    shared = np.array([one.outcome.shared_covariance[k, k] for one in fits])
    total = np.array([one.sigma(name) ** 2 for one in fits])
    value = np.array([one.value(name) for one in fits])
    return Estimate(value, np.sqrt(np.maximum(total - shared, 0.0)), np.sqrt(shared))


def fit_and_judge(curve: WeightedCurve, best: LatticeFit) -> tuple[LatticeFit, bool]:
    """The frame's fit and whether it shows crystals; where it does not, with the pooled shape, or X would be the noise's
    highest excursion. The pattern is looked for with the powder's intensities: free ones (texture) fit anything."""
    powder = replace(best.freedom, texture=False)
    near = fit_near(curve, best, FREE_SHARE, powder)
    if not (amplitude_significance(near) > DETECTED and knows_the_lattice(near)):
        return fit_near(curve, best, HELD_SHARE, powder), False
    return (fit_near(curve, best, FREE_SHARE, best.freedom) if best.freedom.texture else near), True


def fit_near(curve: WeightedCurve, best: LatticeFit, shares: Mapping[str, float], freedom: Freedom) -> LatticeFit:
    """One frame with the lattice of `best`, its shape held near it by priors: a, fwhm and size_ratio within `shares`, u^2
    within the pooled sigma."""
    if best.freedom.smooth:
        curve = curve.up_to(float(best.curve.q[-1]) * (1.0 + 1e-9))
    shape = {name: (best.value(name), share * best.value(name)) for name, share in shares.items()}
    shape["mean_square"] = (
        best.value("mean_square"),
        max(best.sigma("mean_square"), 0.1 * best.value("mean_square"), 1e-3),
    )
    if best.shape is not None:
        shape["shape"] = (best.value("shape"), max(best.sigma("shape"), 1e-3))
    grains = grains_of(best.outcome.parameters)
    return fit_lattice(curve, best.lattice, best.solution, freedom=freedom, grains=grains, priors=shape)


def knows_the_lattice(one: LatticeFit) -> bool:
    """False where a fit ended with its lattice constant or amplitude held by a bound: what it shows is no pattern."""
    return one.outcome.converged and all(one.sigma(name) > 0.0 for name in ("a", "fraction"))


def amplitude_significance(one: LatticeFit) -> float:
    """X over its sigma for the fitted shape of the pattern, sizes and background free: what noise alone would give is
    normal."""
    k = SLOT["fraction"]
    smooth = range(one.model.size - one.model.corrections, one.model.size)
    others = np.array([i for i in (*range(len(Solution._fields)), *smooth) if one.outcome.moved[i]])
    information = one.outcome.information
    block = information[np.ix_(others, others)]
    scale = np.sqrt(np.diag(block)) + 1e-300
    cross = information[k, others] / scale
    inverse = np.linalg.pinv(block / np.outer(scale, scale) + 1e-9 * np.eye(others.size), hermitian=True)
    precision = max(float(information[k, k] - cross @ inverse @ cross), 0.0)
    return float(one.value("fraction") * np.sqrt(precision) / one.widening)
