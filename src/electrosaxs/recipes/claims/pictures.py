"""The figures of the claims page: curves of the model, drawn and written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from ...claims.accumulation import Accumulation, fluxes, model_rises, profile_curves
from ...claims.cells import Campaign, history, minutes, seen_at_anode, slice_mean
from ...claims.growth import SLOWNESSES_S, Growing, gap_curves, growing, wall_at_onset
from ...claims.knowledge import both
from ...claims.motion import fields
from ...claims.paper import EX_SITU_S, IN_SITU_FIELDS, LAST_PROFILE_S, SIZES_UM_NM, TENFOLD
from ...claims.sizes import PICTURE_UM, size_models
from ...figures import claims_cell, claims_charge
from ...figures.rendered import rendered_png
from ...figures.style import Omitted
from ...io.atomic import replacing
from ...nouns.claims import ChargeRange, Curve
from ...nouns.nucleation import ONSET_BAND

BAND_PERCENT = (100.0 * ONSET_BAND[0], 100.0 * ONSET_BAND[1])
DPI = 200


def write_pictures(
    folder: Path, campaign: Campaign, found: Accumulation, ranges: Sequence[ChargeRange], common: tuple[float, float]
) -> None:
    """claims_*.png of every section into `folder`."""
    flux, (whole, anode) = fluxes(found), both(campaign)
    solution = campaign.main.solution
    assert solution.core_diameter_nm is not None
    assert solution.core_sigma_nm is not None
    start = solution.core_diameter_nm, 100.0 * solution.core_sigma_nm / solution.core_diameter_nm
    height, mean, deviation = (np.array(column) for column in zip(*SIZES_UM_NM, strict=True))
    models = [sizes.curves() for sizes in size_models(campaign, PICTURE_UM).values()]
    made = {
        "charge": claims_charge.charge_ranges(ranges, common, campaign.main.transport.effective_charge),
        "onset": claims_cell.onset(slice_curves(found), profile_curves(found), BAND_PERCENT),
        "carriers": claims_charge.rises(model_rises(campaign), TENFOLD),
        "flux": claims_charge.fluxes(fields(campaign), flux.supply, flux.mean, flux.beam),
        "sizes": claims_cell.sizes(models, (height, mean, deviation), start),
        "kink": _kink(campaign),
        "gaps": claims_cell.gaps(gap_curves(campaign), 100.0 * wall_at_onset(found), EX_SITU_S / 60.0),
        "knowledge": claims_charge.knowledge(whole.covariance, anode.covariance),
    }
    for name, figure in made.items():
        _save(folder / f"claims_{name}.png", figure)


def slice_curves(found: Accumulation) -> tuple[Curve, ...]:
    """Mean phi (%) of the lowest 50 um against time (min) at the four fields."""
    return tuple(
        Curve(f"{field} V/cm", found.times / 60.0, 100.0 * slice_mean(cell))
        for field, cell in zip(IN_SITU_FIELDS, found.cells.values(), strict=True)
    )


def _kink(campaign: Campaign) -> Figure | Omitted:
    """Growth curves without crystals, with a pinned wall and with slow attachment."""
    times = minutes(LAST_PROFILE_S)
    plain = history(campaign.main, times)
    grown: list[Growing] = [growing(campaign, slowness) for slowness in SLOWNESSES_S]
    solution, read = ("nothing grows", slice_mean(plain)), ("nothing grows", seen_at_anode(plain, campaign.main))
    inside = [solution, *((g.label, g.solution) for g in grown)]
    outside = [read, *((g.label, g.read) for g in grown)]
    nucleation = float(times[np.argmax(grown[0].crystals > 0.0)]) / 60.0
    in_solution, as_read = (
        [Curve(label, times / 60.0, 100.0 * phi) for label, phi in group] for group in (inside, outside)
    )
    return claims_cell.kink(in_solution, as_read, nucleation, BAND_PERCENT)


def _save(path: Path, figure: Figure | Omitted) -> None:
    assert isinstance(figure, Figure)
    with replacing(path) as part:
        part.write_bytes(rendered_png(figure, dpi=DPI))
