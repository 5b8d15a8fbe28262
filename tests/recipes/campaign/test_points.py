"""What runs say at the cells of films and micrographs."""

import numpy as np
from closeness import assert_close

from electrosaxs.nouns import Number
from electrosaxs.nouns.trends import Member
from electrosaxs.recipes.campaign.points import at_cells

FIELDS = np.array([15.0, 30.0, 60.0, 90.0])  # V/cm
RELATIVE = 0.01


def runs(off: list[float]) -> list[Member]:
    """Cells of 3.5 mm with a flux that goes with the field, times exp(off)."""
    flux = 1e-11 * FIELDS * np.exp(off)
    return [
        Member("run", f"{x:g}", 0.35 * x, 3.5, numbers={"slice_flux": Number(f, RELATIVE * f, "m/s", "line")})
        for x, f in zip(FIELDS, flux, strict=True)
    ]


def film(field: float) -> Member:
    return Member("film", "film", 0.25 * field, 2.5)


def test_between_two_runs_a_cell_has_the_power_of_both_and_the_sigmas_that_both_leave() -> None:
    found, left_out = at_cells(runs([0.0] * 4), "slice_flux", [film(30.0), film(45.0)], join="field", power=True)
    assert left_out == ()
    assert_close(found.value, np.log(1e-11 * np.array([30.0, 45.0])), rel=1e-9)
    share = np.log(45.0 / 30.0) / np.log(2.0)
    expected = RELATIVE**2 * np.array([[1.0, 1.0 - share], [1.0 - share, (1.0 - share) ** 2 + share**2]])
    assert_close(found.covariance, expected, rel=1e-6)


def test_where_runs_scatter_about_their_power_law_a_cell_of_its_own_is_as_far_from_it() -> None:
    found, _ = at_cells(runs([0.2, -0.2, -0.2, 0.2]), "slice_flux", [film(30.0)], join="field", power=True)
    assert 0.15 < found.scatter < 0.6
    assert_close(found.covariance, [[RELATIVE**2 + found.scatter**2]], rel=1e-9)
