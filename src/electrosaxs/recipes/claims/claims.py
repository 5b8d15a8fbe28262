"""The paper's claims held against the model: every number from the six experiments of a campaign, a page and its figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...claims.accumulation import (
    Accumulation,
    accumulation,
    accumulation_claims,
    charge_model_claims,
    flux_claims,
)
from ...claims.cells import Campaign, campaign_of
from ...claims.charge_limits import common, statements
from ...claims.conclusions import Evidence, conclusions
from ...claims.growth import gap_claims, kink_claims, lattice_claims
from ...claims.knowledge import knowledge_claims
from ...claims.motion import motion_claims, solution_claims
from ...claims.sizes import size_claims
from ...claims.xrays import xray_claims
from ...io.atomic import replacing
from ...nouns.claims import ChargeRange, Claim, Verdict
from ...report.template import render
from ..experiment_file import read_with_sizes
from .pictures import write_pictures

EXPERIMENTS = "*situ_*V.toml"
PAGE = "claims.md"
IMAGES = "images"


@dataclass(frozen=True, eq=False)
class CheckedClaims:
    """sections: claims by topic. ranges: charges that each statement allows; `all_hold`, `thresholds_hold` (onset and
    silence alone) and `one_size` (the same with all particles alike): low and high of their common part (e)."""

    campaign: Campaign
    found: Accumulation
    sections: Mapping[str, tuple[Claim, ...]]
    ranges: tuple[ChargeRange, ...]
    all_hold: tuple[float, float]
    thresholds_hold: tuple[float, float]
    one_size: tuple[float, float]

    @property
    def charge(self) -> float:
        """The effective charge of the experiment files (e)."""
        return self.campaign.main.transport.effective_charge

    def claims(self) -> dict[str, Claim]:
        """All claims by key."""
        return {claim.key: claim for section in self.sections.values() for claim in section}


def check_claims(folder: str | Path) -> CheckedClaims:
    """Read the experiments `*situ_*V.toml` of `folder` and compute every claim; half a minute, no files written.

    Raises InputFileError for bad experiments, or others than those of the paper.
    """
    campaign = campaign_of([read_with_sizes(path)[0] for path in sorted(Path(folder).glob(EXPERIMENTS))])
    ranges = tuple(statement.range() for statement in statements(campaign))
    thresholds = [found for found in ranges if not found.chosen]
    found = accumulation(campaign)
    sections = {
        "rise": accumulation_claims(found),
        "carriers": charge_model_claims(campaign),
        "flux": flux_claims(found),
        "sizes": size_claims(campaign),
        "kink": kink_claims(campaign),
        "gaps": gap_claims(campaign, found),
        "lattice": lattice_claims(campaign),
        "knowledge": knowledge_claims(campaign),
        "cell": motion_claims(campaign),
        "solution": (*solution_claims(campaign), *xray_claims(campaign)),
    }
    return CheckedClaims(
        campaign, found, sections, ranges, common(ranges), common(thresholds), common(thresholds, alike=True)
    )


def page(checked: CheckedClaims) -> str:
    """The page as Markdown; figures are at images/claims_*.png beside it."""
    claims = checked.claims()
    phi = 100.0 * checked.campaign.main.solution.volume_fraction
    said = conclusions(Evidence(claims, checked.ranges, checked.charge, phi))
    count = {verdict.name: sum(claim.verdict is verdict for claim in claims.values()) for verdict in Verdict}
    return render(__package__, "page.md.j2", checked=checked, claim=claims, count=count, said=said)


def write_claims(folder: str | Path, out: str | Path) -> CheckedClaims:
    """Check the claims of the campaign in `folder` and leave claims.md and images/claims_*.png in `out`."""
    checked = check_claims(folder)
    target = Path(out)
    write_pictures(target / IMAGES, checked.campaign, checked.found, checked.ranges, checked.all_hold)
    with replacing(target / PAGE) as part:
        part.write_text(page(checked), encoding="utf-8")
    return checked


def summary(checked: CheckedClaims) -> str:
    """Headline and verdicts as text for the terminal."""
    rows = [
        f"effective charge {checked.charge:g} e: all statements hold from {checked.all_hold[0]:.3f} to "
        f"{checked.all_hold[1]:.3f} e, onset and silence alone from {checked.thresholds_hold[0]:.3f} to "
        f"{checked.thresholds_hold[1]:.3f} e"
    ]
    rows += [f"  {c.verdict:<26} {c.words}: {c.model}" + (f" (paper: {c.paper})" if c.paper else "")
             for c in checked.claims().values()]  # fmt: skip
    return "\n".join(rows)
