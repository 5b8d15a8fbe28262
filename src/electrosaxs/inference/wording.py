"""What a fit says, in words: what the data fix and what they do not, which models they reject, where they disagree."""

from __future__ import annotations

import numpy as np

from .agreement import UNLIKELY, Agreement, told
from .compare import DECISIVE, Candidate, Comparison
from .covariance import MISFIT_SIGMAS
from .fit import CellFit
from .identifiability import NOT_KNOWN, Knowledge, Product
from .parameters import PARAMETERS, PER_RUN
from .profile import Profile

AS_WELL = 1.0
"""Rise of chi-squared (1 sigma of one parameter) up to which a model describes the data as well as another."""
SYMBOLS = {"effective_charge": "v", "diffusivity_scale": "D"}
"""Drift speed goes with the effective charge, diffusion with its scale: the names that people use for them."""


def statements(
    fit: CellFit, known: Knowledge, comparison: Comparison | None = None, agreement: Agreement | None = None
) -> tuple[str, ...]:
    """All sentences of a fit, the most important first."""
    said = [product_sentence(product) for product in known.products]
    said += [unknown_sentence(known, label) for label in known.unknown]
    said += [
        f"{label} is held by a limit ({fit.value(label):g}): the data pull it further, so it has no sigma."
        for label, held in zip(fit.labels, fit.at_limit, strict=True)
        if held
    ]
    said.append(fixed_sentence(known))
    said.append(
        "The effective charge is the charged fraction times the charge times the share of the field that the solution "
        "has: volume fractions and sizes cannot separate these; the current can."
    )
    if comparison is not None:
        said += comparison_sentences(comparison)
    said.append(quality_sentence(fit))
    if agreement is not None:
        said.append(agreement_sentence(agreement))
    return tuple(said)


def product_name(product: Product) -> str:
    """'v²/D', 'solubility · attachment_time^0.5'."""
    first, second = (SYMBOLS.get(name, name) for name in (product.first, product.second))
    raised = {1.0: first, 2.0: f"{first}²", 3.0: f"{first}³"}.get(product.power, f"{first}^{product.power:g}")
    return f"{raised}/{second}" if product.inverse else f"{raised} · {second}"


def product_sentence(product: Product) -> str:
    """Two parameters that are known only together."""
    names = [f"{_symbol(name)}{name}" for name in (product.first, product.second)]
    return (
        f"These data fix {product_name(product)} only, to {percent(product.sigma)}: {names[0]} and {names[1]} are not "
        f"fixed apart (correlation {product.correlation:.4f}; alone {percent(product.alone[0])} and "
        f"{percent(product.alone[1])}). Measure the profile away from the anode, or fix one of the two."
    )


def unknown_sentence(known: Knowledge, label: str) -> str:
    """A parameter that the data leave open."""
    sigma = known.relative[known.labels.index(label)]
    return f"{label} is not fixed by these data: its sigma is {_relative(label, float(sigma))}."


def fixed_sentence(known: Knowledge) -> str:
    """What the data do fix, and how well."""
    together = {name for product in known.products for name in (product.first, product.second)}
    rest = [
        f"{label} to {_relative(label, float(sigma))}"
        for label, sigma in zip(known.labels, known.relative, strict=True)
        if sigma <= NOT_KNOWN and label not in together
    ]
    return f"The data fix {', '.join(rest)}." if rest else "The data fix no single parameter."


def agreement_sentence(agreement: Agreement) -> str:
    """Whether the runs share what the fit lets them share."""
    cost = (
        f"sharing costs {agreement.rise:.3g} in chi-squared for {agreement.freed} parameters that fits apart have more"
    )
    if agreement.chance >= UNLIKELY:
        return f"The runs agree: {cost} (probability {agreement.chance:.2g})."
    name = agreement.farthest
    return (
        f"The runs do not quite share their parameters: {cost} (probability {agreement.chance:.1g}). Fitted apart, {name} "
        f"is {told(agreement, name)}: the common value describes their mean, and sigma does not hold this spread."
    )


def comparison_sentences(comparison: Comparison) -> list[str]:
    """Each model that was tried against the best one."""
    lowest = comparison.candidates[0]
    said = []
    for candidate in comparison.candidates[1:]:
        said.append(f"Model '{candidate.model.name}': {_verdict(comparison, candidate, lowest)}.")
    first = f"Model '{lowest.model.name}' has the lowest Bayesian information criterion."
    if lowest.fit is not None and comparison.best.problem.model.field != lowest.model.field:
        first += (
            f" The numbers are those of '{comparison.best.problem.model.name}', its limit: these data ask for no other field"
            f" than the nominal one (less than {DECISIVE:g} apart)."
        )
    elif lowest.fit is not None and comparison.best is not lowest.fit:
        first += (
            f" The numbers are those of '{comparison.best.problem.model.name}', which has it as its limit: that its further "
            "parameter is 0 is not known, and its uncertainty belongs to the others."
        )
    return [first, *said] if said else []


def _verdict(comparison: Comparison, candidate: Candidate, lowest: Candidate) -> str:
    if candidate.fit is None and candidate.reached < lowest.reached + DECISIVE:
        return f"reaches chi-squared {candidate.reached:.4g} without a minimum; not told apart from it by these data"
    limit = next(
        (one for one in comparison.candidates if one.model == candidate.model.limit and one.fit is not None), None
    )
    if limit is not None and candidate.reached > limit.reached + DECISIVE:  # a search that failed, whatever it ended at
        return (
            f"its minimum was not found, but '{limit.model.name}' is its limit (the charge's lifetime 0): it describes the data"
            f" as well as that at the least, and only a lifetime is not found"
        )
    if candidate.fit is None and np.isfinite(candidate.reached):
        return (
            f"no minimum near the data (the smallest chi-squared was {candidate.reached:.4g} against {lowest.reached:.4g} "
            f"of the best); rejected"
        )
    if candidate.fit is None:
        return f"could not be computed ({candidate.reason})"
    behind, akaike = comparison.behind(candidate), candidate.akaike - lowest.akaike
    more = candidate.fit.count - (lowest.fit.count if lowest.fit else 0)
    if behind <= DECISIVE:
        decision = "not told apart from it by these data"
    elif candidate.fit.chi_squared < lowest.reached + AS_WELL:
        decision = (
            f"describes the data as well with {more} more parameter{'s' if more > 1 else ''}, which they do not ask for"
        )
    else:
        decision = "rejected"
    return f"BIC {behind:+.4g}, AIC {akaike:+.4g} against the best; {decision}"


def quality_sentence(fit: CellFit) -> str:
    """Whether the model describes the data."""
    reduced = fit.chi_squared / fit.degrees_of_freedom
    told = f"chi-squared {fit.chi_squared:.5g} for {fit.degrees_of_freedom} degrees of freedom ({reduced:.3g} each)"
    if fit.widening > 1.0:
        return (
            f"The model misses the data by more than their sigma: {told}; every sigma of a parameter is widened by "
            f"{fit.widening:.3g}. See the residual maps for where."
        )
    if reduced < 1.0 - MISFIT_SIGMAS * np.sqrt(2.0 / fit.degrees_of_freedom):
        return (
            f"The model describes the data better than their sigma asks: {told}. Part of sigma is what all runs share alike "
            "(extrapolation, shape of sizes, profile within the beam) and does not scatter here."
        )
    return f"The model describes the data: {told}."


def source(fit: CellFit, known: Knowledge, name: str, profiles: dict[str, Profile]) -> str:
    """Where a number of numbers.json comes from, or why it cannot be trusted alone."""
    label = name
    if label not in fit.labels:
        return f"held fixed at {fit.values()[name]:g}, not fitted ({PARAMETERS[name].meaning})"
    item = fit.problem.layout.free[fit.problem.layout.index(label)]
    text = f"fit of '{fit.problem.model.name}' to {_runs(fit)}: {item.parameter.meaning}"
    if item.prior is not None:
        text += f"; with {item.prior[0]:.5g} +/- {item.prior[1]:.2g} measured on the starting solution"
    if fit.at_limit[fit.problem.layout.index(label)]:
        return text + "; held by a limit, no sigma"
    product = known.product_of(label) if label in known.labels else None
    if product is not None:
        text += f"; cannot be fixed alone by these data, only {product_name(product)} to {percent(product.sigma)}"
    elif label in known.unknown:
        text += "; cannot be fixed by these data"
    shape = profiles.get(label)
    if shape is not None and (not shape.parabolic or label in known.unknown):
        text += f"; 68 % interval of the profile likelihood: {interval(shape)}"
    return text + (f"; sigma widened by {fit.widening:.3g} for misfit" if fit.widening > 1.0 else "")


def interval(shape: Profile) -> str:
    """'39.2 to 163', 'below 12', 'no limit found'."""
    if shape.low is None and shape.high is None:
        return "without limits"
    if shape.low is None:
        return f"below {shape.high:.4g}"
    return f"above {shape.low:.4g}" if shape.high is None else f"{shape.low:.4g} to {shape.high:.4g}"


def percent(sigma: float) -> str:
    """A relative sigma: '0.34 %', '56 %', 'more than a factor 3'."""
    return f"{100.0 * sigma:.2g} %" if sigma < 1.0 else "more than a factor 2.7"


def _relative(label: str, sigma: float) -> str:
    return f"+/- {sigma:.2g}" if PARAMETERS[label].scale == "linear" else percent(sigma)


def _symbol(name: str) -> str:
    return f"{SYMBOLS[name]} = " if name in SYMBOLS else ""


def _runs(fit: CellFit) -> str:
    count = len(fit.problem.runs)
    return "one run" if count == 1 else f"{count} runs together"


def reported(fit: CellFit) -> tuple[str, ...]:
    """Names of the numbers of a fit: all parameters of its model, those of each run with its number."""
    shared = [name for name in fit.problem.model.parameters if name not in PER_RUN and _said(fit, name)]
    own = [item.label for item in fit.problem.layout.free if item.parameter.name in PER_RUN]
    return (*shared, *own)


def _said(fit: CellFit, name: str) -> bool:
    """Clusters that nobody asked for are not mentioned."""
    return not name.startswith("immobile") or fit.values().get("immobile_fraction", 0.0) > 0.0
