"""Numbers of faces on which particles are resolved: spacing, angle, lattice constant, order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...nouns import Number
from ...nouns.heights import Face, Grain
from ...physics.layers import distortion_of_cell, face_of, fcc_constant_from_spacing, spacing_of_cell

NAMES = ("particle_spacing", "packing_angle", "lattice_constant_from_packing", "packing_order")
USUAL_NM = (2.0, 200.0)


def packing_numbers(faces: Sequence[Face]) -> dict[str, Number]:
    """particle_spacing (nm, or px without a scale), packing_angle, lattice_constant_from_packing, packing_order."""
    scaled = all(face.nm_per_pixel is not None for face in faces)
    unit = "nm" if scaled else "px"
    orders = np.concatenate([face.order[np.isfinite(face.order)] for face in faces])
    found = [(grain, face.nm_per_pixel if scaled else 1.0) for face in faces for grain in face.grains]
    kinds = [(grain, float(length or 1.0), kind) for grain, length in found if (kind := face_of(grain.angle_deg))]
    why = next((flag for face in faces for flag in face.flags), "no grain is hexagonal or square")
    order = (
        Number(
            float(orders.mean()), float(orders.std() / np.sqrt(len(orders))), "one",
            f"mean of the larger of |psi_6| and |psi_4| over {len(orders)} particles, 1 for a perfect layer",
        ) if len(orders) > 1 else Number.absent("one", why)
    )  # fmt: skip
    if not kinds:
        return {
            "particle_spacing": Number.absent(unit, why), "packing_angle": Number.absent("deg", why),
            "lattice_constant_from_packing": Number.absent(unit, why), "packing_order": order,
        }  # fmt: skip
    kind = max(kinds, key=lambda one: len(one[0].positions))[2]
    same = [(grain, length) for grain, length, other in kinds if other == kind]
    value, sigma = _joined(np.array([_spacing(g, length, kind) for g, length in same]))
    angle, angle_sigma = _joined(np.array([_angle(g) for g, _ in same]))
    left_out = f", {len(kinds) - len(same)} grain(s) of another face left out" if len(same) < len(kinds) else ""
    particles = sum(len(g.positions) for g, _ in same)
    which = f"{particles} particles in {len(same)} grain(s) of a ({kind}) face{left_out}"
    about = "; sigma: scatter of the particles, and half of the distortion seen being a drift of the scan"
    return {
        "particle_spacing": Number(value, sigma, unit, f"from the area of the cell, {which}{about}"),
        "packing_angle": Number(angle, angle_sigma, "deg", f"between the two shortest vectors, {which}"),
        "lattice_constant_from_packing": Number(
            fcc_constant_from_spacing(value), fcc_constant_from_spacing(sigma), unit,
            f"sqrt(2) times the spacing: FCC, ({kind}) face",
        ),
        "packing_order": order,
    }  # fmt: skip


def unlikely(numbers: dict[str, Number]) -> str:
    """A note where the spacing is no spacing of nanocrystals; empty where it is."""
    spacing = numbers["particle_spacing"]
    if spacing.value is None or spacing.unit != "nm" or USUAL_NM[0] <= spacing.value <= USUAL_NM[1]:
        return ""
    return f"spacing of {spacing.value:.3g} nm is unusual for nanocrystals: check the size of a pixel"


def _spacing(grain: Grain, length: float, kind: str) -> tuple[float, float]:
    """Spacing with its sigma: scatter of the particles, and the drift that the distortion seen may be.

    Drift (e, g) and strain make the distortion o together, and are taken to be as large as each other: each of their
    components has the variance |o|^2 / 4. Then e is o_1 / 2, give or take |o| / sqrt(8), and the spacing is wrong by e / 2.
    """
    value = spacing_of_cell(grain.cell, kind)
    (ax, ay), (bx, by) = grain.cell
    slope = np.array([by, -bx, -ay, ax]) / (ax * by - ay * bx)  # d ln A, A = ax by - ay bx
    counting = 0.5 * float(np.sqrt(slope @ grain.covariance @ slope))
    along, across = distortion_of_cell(grain.cell, kind)
    drift = 0.5 * float(np.sqrt((along / 2.0) ** 2 + (along**2 + across**2) / 8.0))
    return value * length, value * length * float(np.hypot(counting, drift))


def _angle(grain: Grain) -> tuple[float, float]:
    """Angle between the cell's vectors (deg) with sigma, by first differences."""
    base, step = grain.angle_deg, 1e-4
    slope = np.empty(4)
    for i in range(4):
        cell = grain.cell.copy()
        cell.flat[i] += step
        slope[i] = (Grain(grain.positions, grain.indices, cell, grain.covariance).angle_deg - base) / step
    return base, float(np.sqrt(slope @ grain.covariance @ slope))


def _joined(found: np.ndarray) -> tuple[float, float]:
    """Weighted mean of (value, sigma) rows; sigma widened where they scatter by more than they say."""
    weight = found[:, 1] ** -2.0
    mean = float((found[:, 0] * weight).sum() / weight.sum())
    own = float(weight.sum() ** -0.5)
    if len(found) < 2:
        return mean, own
    excess = float((((found[:, 0] - mean) / found[:, 1]) ** 2).sum() / (len(found) - 1))
    return mean, own * max(1.0, float(np.sqrt(excess)))
