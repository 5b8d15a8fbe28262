"""Which spheres explain a plain curve: dilute ones, hard ones that see each other, or grains of a lattice among them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...analysis.crystals.lattice_fit import LatticeFit
from ...analysis.crystals.parameters import PARAMETERS, SLOT
from ...analysis.crystals.weighted_curve import WeightedCurve
from ...analysis.crystals.weighted_fit import FitOutcome
from ...analysis.spheres.fit import FEWEST_SIGMAS, ORDER, POOR_FIT_SIGMAS, POOR_MISFIT, SphereFit
from ...nouns import FloatArray
from ...physics.lattices import SHAPES
from ...physics.sphere_kernels import skewed_form_factor, squared_form_factor
from .hard_spheres import (
    DILUTE,
    HARD,
    HardSphereModel,
    HardSpheres,
    fit_hard_spheres,
    robust_chi_squared,
    robust_sigma,
    visible_sizes,
)
from .sizes import free_sizes

NO_PARTICLES = "no particles"
SMALLEST_CONTACT = 0.98
"""Of the core's diameter, a fit's contact may be within 3 sigma: cores do not overlap; 2 % for sizes that are not equal."""
CLEAR_BIC = 10.0
CLEAR_MISFIT = 0.5
"""Hard spheres are taken where BIC falls by more than 10 (odds of 150) and chi-squared at least by half."""


@dataclass(frozen=True, eq=False)
class Spheres:
    """The spheres that explain one curve. kind: "spheres", "hard spheres (decoupling)" or "(product)", see
    curve_hard_spheres, or for instance "spheres and FCC".

    values and sigmas by name (scale, diameter, deviation, background, ...; nm); model and form = scale P, both (q,) on
    the intensity's scale, NaN outside the fitted range; flags say what is wrong, empty where nothing is.
    """

    kind: str
    values: dict[str, float]
    sigmas: dict[str, float]
    model: FloatArray
    form: FloatArray
    reduced_chi_squared: float
    flags: tuple[str, ...] = ()

    @property
    def interacting(self) -> bool:
        """True where the particles see each other, so that their invariant is that of two phases."""
        return self.kind != "spheres"

    @property
    def found(self) -> bool:
        """False where no fit converged or nothing scatters like particles: there are no sizes then."""
        return not {"not converged", NO_PARTICLES} & set(self.flags)


def choose_spheres(q: FloatArray, plain: SphereFit, curve: WeightedCurve | None, lattice: LatticeFit | None) -> Spheres:
    """The spheres of a curve with bins `q` (1/nm).

    The joint fit with the lattice where there is one; else `plain` where nothing is wrong with it; else dilute and hard
    spheres are fitted anew with robust weights. curve: the same with its noise, None where it has too few bins.
    """
    if lattice is not None:
        return spheres_in_lattice(q, lattice)
    if curve is None or not plain.flags[0] or "too few counts" in plain.flags[0]:
        return dilute_spheres(q, plain)
    dilute = fit_hard_spheres(curve, "")
    if dilute is None:
        return dilute_spheres(q, plain)
    fits = {name: one for name in ("decoupling", "product") if (one := fit_hard_spheres(curve, name)) is not None}
    coupling = min(fits, key=lambda name: robust_chi_squared(curve, fits[name]), default="")
    if coupling and clearly_hard(curve, dilute, fits[coupling], coupling):
        free = free_sizes(curve)
        if free is None or free.bic_of(fits[coupling].model, len(HARD)) < free.bic() - CLEAR_BIC:
            return _robust_spheres(q, curve, fits[coupling], coupling)
    return _robust_spheres(q, curve, dilute, "")


def clearly_hard(curve: WeightedCurve, dilute: FitOutcome, hard: FitOutcome, coupling: str) -> bool:
    """True where interaction explains what dilute spheres do not, no parameter is held by a bound, cores do not overlap, its
    range is in the window and its strength is known."""
    n, k = curve.q.size, len(HARD) - len(DILUTE)
    before, after = (max(robust_chi_squared(curve, one), 1e-12 * n) for one in (dilute, hard))
    bic_falls = n * np.log(before / after) - k * np.log(n) > CLEAR_BIC
    found, sigma = HardSpheres(*hard.parameters), HardSpheres(*robust_sigma(curve, hard, coupling))
    known = 0.0 < FEWEST_SIGMAS * sigma.hard_sphere_volume_fraction < found.hard_sphere_volume_fraction
    seen = found.contact_diameter < visible_sizes(curve.q)[1]
    apart = found.contact_diameter + 3.0 * sigma.contact_diameter > SMALLEST_CONTACT * found.diameter
    inside = bool(np.all(hard.moved)) and apart
    return bool(hard.converged and inside and bic_falls and after < CLEAR_MISFIT * before and known and seen)


def dilute_spheres(q: FloatArray, plain: SphereFit) -> Spheres:
    """The plain fit of frame 0 as it is, flags included."""
    values: dict[str, float] = {name: float(getattr(plain, name)[0]) for name in ORDER}
    sigmas: dict[str, float] = {name: float(plain.sigma(name)[0]) for name in ORDER}
    reduced = float(plain.chi_squared[0] / plain.degrees_of_freedom[0])
    nothing = {NO_PARTICLES: values["scale"] <= sigmas["scale"]}
    flags = (*plain.flags[0], *_flags(nothing))
    return Spheres("spheres", values, sigmas, plain.model(q)[0], plain.particles(q)[0], reduced, flags)


def spheres_in_lattice(q: FloatArray, one: LatticeFit) -> Spheres:
    """Sizes from the joint fit of solution and grains; the smooth correction of that fit belongs to the form factor."""
    s = one.solution
    values = {name: one.value(name) for name in PARAMETERS}
    sigmas = {name: one.sigma(name) for name in PARAMETERS}
    inside = np.isin(q, one.curve.q)
    model, form = np.full(q.size, np.nan), np.full(q.size, np.nan)
    model[inside] = one.outcome.model
    single = skewed_form_factor(one.curve.q, s.diameter, s.deviation, s.skewness)
    form[inside] = s.scale * one.model.correction(one.outcome.parameters) * single
    poor, reduced = misfit(one.curve.with_excess(1.0), one.outcome.model, int(one.outcome.moved.sum()))
    bounds = {f"{name.replace('_', ' ')} at bound": True for name in PARAMETERS if _is_pressed(one, name)}
    flags = _flags({"not converged": not one.outcome.converged, **bounds, "poor fit": poor})
    return Spheres(f"spheres and {one.name}", values, sigmas, model, form, reduced, flags)


def _is_pressed(one: LatticeFit, name: str) -> bool:
    """Whether a parameter of a joint fit ended at a bound that is not its natural end, and was not held on purpose."""
    held = {"skewness"} if one.freedom.smooth else set()
    held |= set() if one.lattice in SHAPES else {"shape"}
    natural = {"mean_square": (0.0,), "lorentzian": (0.0, 1.0)}.get(name, ())
    at_end = any(abs(one.value(name) - end) < 1e-9 for end in natural)
    return name not in held and not at_end and not bool(one.outcome.moved[SLOT[name]])


def _robust_spheres(q: FloatArray, curve: WeightedCurve, outcome: FitOutcome, coupling: str) -> Spheres:
    found, sigma = HardSpheres(*outcome.parameters), HardSpheres(*robust_sigma(curve, outcome, coupling))
    names = HARD if coupling else DILUTE
    poor, reduced = misfit(curve, outcome.model, len(names))
    wrong = {
        "not converged": not outcome.converged,
        "diameter at bound": not visible_sizes(curve.q)[0] < found.diameter < visible_sizes(curve.q)[1],
        **{f"{name.replace('_', ' ')} at bound": True for name in names if getattr(sigma, name) == 0.0},
        "poor fit": poor,
        NO_PARTICLES: bool(found.scale <= sigma.scale),
        "too few counts": bool(found.scale <= FEWEST_SIGMAS * sigma.scale),
    }
    return Spheres(
        kind=f"hard spheres ({coupling})" if coupling else "spheres",
        values={name: float(getattr(found, name)) for name in names},
        sigmas={name: float(getattr(sigma, name)) for name in names},
        model=HardSphereModel(q, coupling)(outcome.parameters)[0],
        form=found.scale * squared_form_factor(q, found.diameter, found.deviation),
        reduced_chi_squared=reduced,
        flags=_flags(wrong),
    )


def misfit(curve: WeightedCurve, model: FloatArray, parameters: int) -> tuple[bool, float]:
    """Whether a fit is poor, by the limits of analysis.sphere_fit, and its reduced chi-squared.

    Where the noise is only estimated, poor means that the weighted misfit exceeds 5 % of the weighted curve.
    """
    variance = curve.variance(model)
    chi_squared = float(np.sum((curve.intensity - model) ** 2 / variance))
    dof = max(curve.q.size - parameters, 1)
    if curve.estimated:
        poor = chi_squared > POOR_MISFIT**2 * float(np.sum(curve.intensity**2 / variance))
    else:
        poor = chi_squared / dof > 1.0 + POOR_FIT_SIGMAS * np.sqrt(2.0 / dof)
    return bool(poor), chi_squared / dof


def _flags(wrong: dict[str, bool]) -> tuple[str, ...]:
    return tuple(text for text, is_wrong in wrong.items() if is_wrong)
