"""One plain curve from file to numbers: spheres, structure factor, lattice, invariant, volume fraction."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipp as sc

from ...analysis.concentration.curve_invariant import CurveInvariant, absolute_volume_fraction, invariant
from ...analysis.crystals.lattice_choice import LatticeStudy, study_curve
from ...analysis.crystals.lattice_constant import crystalline_fraction
from ...analysis.crystals.peaks import START_SIZES
from ...analysis.crystals.weighted_curve import LEAST_BINS, WeightedCurve, curve_from_arrays
from ...analysis.spheres.fit import SphereFit, bin_noise, fit_spheres
from ...analysis.spheres.posterior import ONE_SIGMA, SpherePosterior, sphere_posterior
from ...errors import ElectrosaxsError, FitError, bad_value
from ...io.curve import Curve
from ...nouns import FloatArray, LatticeAssignment, Number, SampleIntensity
from .crystals import crystal_numbers
from .hard_spheres import expected_diameter
from .sizes import FreeSizes, free_sizes
from .spheres import Spheres, choose_spheres

SPHERE_UNITS = {
    "diameter": "nm",
    "deviation": "nm",
    "skewness": "one",
    "scale": "intensity/nm^6",
    "background": "intensity",
    "hard_sphere_volume_fraction": "one",
    "contact_diameter": "nm",
}


@dataclass(frozen=True, eq=False, repr=False)
class CurveResult:
    """What one curve gave. name: its folder among the results; structure and structure_sigma (q,): S(q) and its sigma.

    numbers: as in numbers.json; flags: everything that limits trust in them, in words; free: the free-form sizes where a
    Gaussian is not enough; posterior: of the sizes of dilute spheres that explain the curve.
    """

    file: Path
    name: str
    curve: Curve
    spheres: Spheres
    invariant: CurveInvariant
    assignment: LatticeAssignment
    structure: FloatArray
    structure_sigma: FloatArray
    numbers: dict[str, Number]
    flags: tuple[str, ...]
    free: FreeSizes | None = None
    posterior: SpherePosterior | None = None

    def __repr__(self) -> str:
        """What it is and how much there is: arrays and numbers are those of the attributes."""
        return (
            f"<CurveResult {self.name!r}: {self.curve.q.size} points; {self.spheres.kind}; {self.assignment.verdict}; "
            f"{len(self.numbers)} numbers, {len(self.flags)} flags>"
        )


@dataclass(frozen=True, eq=False)
class NoAnswer:
    """A curve, or a file, that gave nothing; reason: why, in words. name: what its folder would be."""

    file: Path
    name: str
    reason: str

    @property
    def flags(self) -> tuple[str, ...]:
        return (self.reason,)

    @property
    def numbers(self) -> dict[str, Number]:
        """The sizes, absent with the reason."""
        return {name: Number.absent("nm", self.reason) for name in ("diameter", "deviation")}


def answer(file: Path, name: str, curve: Curve, contrast_per_A2: float | None) -> CurveResult | NoAnswer:
    """The study of one curve, or why there is none: one curve that defeats the numerics does not cost the others."""
    try:
        return study(file, name, curve, contrast_per_A2)
    except ElectrosaxsError as error:
        return NoAnswer(file, name, str(error))
    except (ArithmeticError, np.linalg.LinAlgError) as error:
        return NoAnswer(file, name, f"its numbers defeat the fits ({error})")


def study(file: Path, name: str, curve: Curve, contrast_per_A2: float | None) -> CurveResult:
    """Everything about one curve.

    Raises FitError where it has fewer than six points, no intensity above 0, or more than the contrast can give.
    """
    _check_scatters(curve)
    sample = _as_sample(curve)
    plain = fit_spheres(sample, workers=1)
    noisy = curve_from_arrays(curve.q, curve.intensity, curve.sigma) if curve.q.size >= LEAST_BINS else None
    found, assignment = _lattice(plain, noisy)
    spheres = choose_spheres(curve.q, plain, noisy, None if found is None else found.best)
    measured = invariant(sample, plain)
    structure, structure_sigma = structure_factor(curve, spheres, noisy)
    free, lacking = _beyond_a_gaussian(spheres, assignment, noisy)
    alone = spheres.kind == "spheres" and not spheres.flags and not plain.flags[0] and free is None
    posterior = sphere_posterior(bin_noise(sample), plain) if alone else None
    numbers = {**_sphere_numbers(spheres), **_intervals(posterior), **_invariant_numbers(measured)}
    if free is not None:
        numbers |= free.numbers()
    if contrast_per_A2 is not None:
        numbers["volume_fraction"] = volume_fraction(measured, contrast_per_A2, two_phase=spheres.interacting)
    numbers["lattice_constant"] = assignment.a
    numbers["crystalline_fraction"] = _crystalline_fraction(found, assignment)
    numbers |= crystal_numbers(found, assignment)
    flags = (*spheres.flags, *lacking, *_invariant_flags(measured), *curve.notes)
    return CurveResult(
        file,
        name,
        curve,
        spheres,
        measured,
        assignment,
        structure,
        structure_sigma,
        numbers,
        tuple(dict.fromkeys(flags)),
        free,
        posterior,
    )


def _beyond_a_gaussian(
    spheres: Spheres, assignment: LatticeAssignment, curve: WeightedCurve | None
) -> tuple[FreeSizes | None, tuple[str, ...]]:
    """The free-form sizes of dilute spheres for which a Gaussian is not enough, and the flag that says so."""
    if spheres.interacting or not spheres.found or assignment.peaks:
        return None, ()
    free = free_sizes(curve)
    lacking = "" if free is None else free.lacking()
    return (free, (f"a Gaussian is not enough for the sizes: {lacking}",)) if lacking else (None, ())


def _check_scatters(curve: Curve) -> None:
    if np.max(curve.intensity) <= 0.0:
        raise bad_value(
            FitError, where="curve", field="largest I", value=f"{np.max(curve.intensity):g}",
            rule="must be above 0", remedy="give a curve from which no more than the background is subtracted",
        )  # fmt: skip


def _as_sample(curve: Curve) -> SampleIntensity:
    sigma = None if curve.sigma is None else curve.sigma[None]
    coords = {"q": (("q",), curve.q)}
    return SampleIntensity.from_arrays(curve.intensity[None], dims=("frame", "q"), coords=coords, sigma=sigma)


def _lattice(plain: SphereFit, curve: WeightedCurve | None) -> tuple[LatticeStudy | None, LatticeAssignment]:
    """The study of the curve's peaks, None with the reason where they cannot be searched."""
    why = f"fewer than {LEAST_BINS} points: no search for peaks"
    if curve is not None:
        d = float(plain.diameter[0]) if not plain.flags[0] else expected_diameter(curve.q, curve.intensity)
        if START_SIZES[0] <= d <= START_SIZES[-1]:
            found = study_curve(curve)
            return found, found.assignment
        why = f"particles of about {d:.3g} nm: peaks are searched for {START_SIZES[0]:g} to {START_SIZES[-1]:g} nm only"
    return None, LatticeAssignment(None, Number.absent("nm", why), Number.absent("one", why), (), {}, why)


def _crystalline_fraction(found: LatticeStudy | None, assignment: LatticeAssignment) -> Number:
    """With tails of the lines, where there is a lattice; else why there is none."""
    share = assignment.crystalline_fraction
    return share if found is None or found.best is None else crystalline_fraction(found.best, share.source)


def structure_factor(curve: Curve, spheres: Spheres, noisy: WeightedCurve | None) -> tuple[FloatArray, FloatArray]:
    """S(q) = (I - background) / (scale P) and its sigma, (q,) each; NaN where no spheres were fitted.

    Without sigma in the file it is what neighbouring bins scatter by (NaN below 30 points).
    """
    if not spheres.found:
        return np.full(curve.q.size, np.nan), np.full(curve.q.size, np.nan)
    sigma = curve.sigma
    if sigma is None:
        sigma = np.full(curve.q.size, np.nan) if noisy is None else np.sqrt(noisy.variance(noisy.intensity))
    form = np.where(spheres.form > 0.0, spheres.form, np.nan)
    return (curve.intensity - spheres.values["background"]) / form, sigma / form


def volume_fraction(measured: CurveInvariant, contrast_per_A2: float, *, two_phase: bool) -> Number:
    """phi of the scattering cores from the absolute invariant (I in 1/cm).

    two_phase: Q = 2 pi^2 contrast^2 phi (1 - phi), for particles whose S(q) is seen. Where it is not, the curve and its
    extrapolation are those of particles that ignore each other, whose Q lacks the factor 1 - phi; both are named.
    """
    contrast = sc.scalar(contrast_per_A2, unit="1/angstrom^2").to(unit="1/nm^2")
    q_value = float(measured.invariant.values[0])
    total = sc.scalar(q_value, unit="1/cm/nm^3")
    phi, other = (
        float(absolute_volume_fraction(total, contrast, two_phase=kind).value) for kind in (two_phase, not two_phase)
    )
    slope = phi / q_value / (1.0 - phi / (1.0 - phi) if two_phase else 1.0)
    formula, alternative = "Q = 2 pi^2 contrast^2 phi (1 - phi)", "without the factor 1 - phi"
    if not two_phase:
        formula, alternative = "Q = 2 pi^2 contrast^2 phi, no interaction seen", "with the factor 1 - phi of two phases"
    source = f"volume of the scattering cores, absolute invariant, {formula}; {alternative}: {other:.5g}"
    return Number(phi, slope * _invariant_sigma(measured), "one", source)


def _invariant_sigma(measured: CurveInvariant) -> float:
    """Counting, where it is known, and what the window misses."""
    shared = [float(sigma.values[0]) for sigma in measured.invariant.shared.values()]
    return float(np.sqrt(np.nansum(np.square([measured.invariant.sigma[0], *shared]))))


def _sphere_numbers(spheres: Spheres) -> dict[str, Number]:
    how = f"fit of {spheres.kind}" + (f" ({', '.join(spheres.flags)})" if spheres.flags else "")
    if not spheres.found:
        return {name: Number.absent(SPHERE_UNITS[name], how) for name in ("diameter", "deviation")}
    numbers = {
        name: Number(spheres.values[name], spheres.sigmas[name] or None, unit, how)
        for name, unit in SPHERE_UNITS.items()
        if name in spheres.values and (name != "skewness" or spheres.sigmas[name] > 0.0)
    }
    ratio = spheres.values["deviation"] / spheres.values["diameter"]
    spread = ratio * np.hypot(
        spheres.sigmas["deviation"] / spheres.values["deviation"],
        spheres.sigmas["diameter"] / spheres.values["diameter"],
    )
    held = spheres.sigmas["deviation"] == 0.0
    numbers["polydispersity"] = Number(ratio, None if held else float(spread), "one", how)
    numbers["reduced_chi_squared"] = Number(spheres.reduced_chi_squared, None, "one", how)
    return numbers


def _intervals(posterior: SpherePosterior | None) -> dict[str, Number]:
    """Where d and delta lie with a probability of 68.3 %, as much of it below as above."""
    if posterior is None:
        return {}
    how = "posterior of the fit of spheres, 68.3 %: d and delta flat, skewness 0 +/- 1, scale and background integrated"
    low, high = posterior.interval(ONE_SIGMA)
    return {
        f"{name}_{end}": Number(float(value[k]), None, "nm", how)
        for k, name in enumerate(("diameter", "deviation"))
        for end, value in (("low", low), ("high", high))
    }


def _invariant_numbers(measured: CurveInvariant) -> dict[str, Number]:
    unit, method = "intensity/nm^3", measured.method[0]
    parts = {"window": measured.window, "low_q": measured.low, "high_q": measured.high}
    sources = {"window": "sum of I q^2 dq over the bins, less the flat background", "low_q": method, "high_q": method}
    return {
        "invariant": Number(float(measured.invariant.values[0]), _invariant_sigma(measured), unit, method),
        **{f"invariant_{name}": Number(float(part[0]), None, unit, sources[name]) for name, part in parts.items()},
    }


def _invariant_flags(measured: CurveInvariant) -> tuple[str, ...]:
    """What is wrong with the invariant: nothing of it, or much of it extrapolated."""
    if measured.invariant.values[0] <= 0.0:
        return ("the invariant is not above 0",)
    missing = float((measured.low[0] + measured.high[0]) / measured.invariant.values[0])
    return (f"{100.0 * missing:.0f} % of the invariant is extrapolated",) if missing > 0.2 else ()
