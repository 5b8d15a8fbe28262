"""Numbers of a plain curve's crystals: size and strain of the grains, displacement, faults, and the odds of every candidate."""

from __future__ import annotations

import numpy as np

from ...analysis.crystals.lattice_choice import LatticeStudy, refutation
from ...analysis.crystals.lattice_fit import LatticeFit
from ...nouns import LatticeAssignment, Number
from ...physics.lattices import SHAPES

SCHERRER = 0.9  # grain size x FWHM / (2 pi) of grains about as long as wide (Scherrer; Langford & Wilson 1978)
RAW = "resolution not taken off"


def crystal_numbers(study: LatticeStudy | None, assignment: LatticeAssignment) -> dict[str, Number]:
    """What the fit of the assigned lattice and its peaks give, and how probable each candidate is; empty without peaks."""
    numbers = {}
    if study is not None and study.best is not None:
        numbers = grain_numbers(study.best) | strain_numbers(assignment)
    return numbers | {
        f"lattice_probability_{name.replace('/', '_').replace(' ', '_')}": Number(
            share, None, "one", _speaks_against(assignment, name)
        )
        for name, share in assignment.probabilities.items()
    }


def grain_numbers(one: LatticeFit) -> dict[str, Number]:
    """Domain size, displacement along one axis, and the number that the lattice leaves open."""
    how = "joint fit of sizes and lattice"
    width, u2 = one.value("fwhm"), one.value("mean_square")
    size = 2.0 * np.pi * SCHERRER / width
    rms = float(np.sqrt(max(u2, 0.0)))
    numbers = {
        "domain_size": Number(
            size, size * one.sigma("fwhm") / width, "nm", f"0.9 x 2 pi / FWHM of the lines, {RAW}; {how}"
        ),
        "displacement_rms": Number(
            rms,
            one.sigma("mean_square") / (2.0 * rms) if rms > 0.0 else None,
            "nm",
            f"along one axis (Debye-Waller); {how}",
        ),
    }
    if one.lattice in SHAPES:
        kind = SHAPES[one.lattice].name
        words = {"fault_fraction": "share of hexagonal layers, 0 in FCC and 1 in HCP", "axial_ratio": "c/a"}[kind]
        numbers[kind] = Number(one.value("shape"), one.sigma("shape"), "one", f"{words}; {how}")
    return numbers


def strain_numbers(assignment: LatticeAssignment) -> dict[str, Number]:
    """Williamson-Hall: FWHM of the single peaks = 0.9 x 2 pi / D + 2 strain q, absent below three sharp ones.

    A peak's width is known to about its FWHM over its significance; scatter beyond that widens the sigma.
    """
    named = [peak for peak in assignment.peaks if peak.hkl is not None]
    if len({peak.hkl for peak in named}) < 3:
        return {"lattice_strain": Number.absent("one", "fewer than three reflections with a width of their own")}
    q, width = np.array([peak.q for peak in named]), np.array([peak.fwhm for peak in named])
    weight = np.array([(peak.significance / peak.fwhm) ** 2 for peak in named])
    middle = float(weight @ q / weight.sum())
    spread = float(weight @ (q - middle) ** 2)
    slope = float(weight @ ((q - middle) * width)) / spread
    rest = width - weight @ width / weight.sum() - slope * (q - middle)
    excess = max(float(weight @ rest**2) / max(q.size - 2, 1), 1.0)
    how = f"Williamson-Hall line through the widths of {q.size} peaks, {RAW}; faults widen some of them"
    return {"lattice_strain": Number(0.5 * slope, 0.5 * float(np.sqrt(excess / spread)), "one", how)}


def _speaks_against(assignment: LatticeAssignment, name: str) -> str:
    """What refutes a candidate, in words."""
    if name not in assignment.against:
        return "probability beside all other candidates"
    words = refutation(assignment.against[name]).strip("()")
    return f"refuted: {words}" if words else "probability beside all other candidates; no single peak refutes it"
