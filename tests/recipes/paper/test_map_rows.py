"""What the paper says of maps, computed of a run whose profile is known."""

from dataclasses import replace

import numpy as np
import pytest
from closeness import assert_close
from fake_results import fake_results

from electrosaxs.nouns import Number, RunResults, VolumeFraction
from electrosaxs.nouns.trends import Member
from electrosaxs.recipes.paper.map_rows import denser, larger_at_the_anode, left_over, narrowing, rise

START = 8e-4
HEIGHTS = np.array([0.0, 100.0, 200.0, 400.0, 900.0, 1500.0, 2400.0])
PHI = START * np.array([21.0, 17.0, 9.0, 5.0, 0.7, 0.4, 0.1])


def profile() -> RunResults:
    """One scan with straight lines between its heights; 1 % of noise, 2 % that all share."""
    phi = VolumeFraction.from_arrays(
        PHI[None], dims=("scan", "height"), sigma=0.01 * PHI[None], shared={"reference": 0.02 * PHI[None]},
        coords={"height": (("height",), HEIGHTS), "time": (("scan", "height"), np.full((1, 7), 3300.0))},
    )  # fmt: skip
    return replace(fake_results(), volume_fraction=phi)


def test_the_rise_is_the_mean_over_the_slice_and_shares_what_its_points_share() -> None:
    """Trapezoids of 100 um and of 50 um up to 250 um, where a line from 9 to 5 is at 8."""
    found = rise(profile(), START)
    expected = (100.0 * 19.0 + 100.0 * 13.0 + 50.0 * 8.5) / 250.0
    assert_close(found.value, expected, rel=1e-9)
    assert found.sigma is not None
    assert 0.02 * expected < found.sigma < 0.0225 * expected


def test_what_is_left_at_the_cathode_is_the_mean_of_its_heights() -> None:
    assert_close(left_over(profile(), START).value, 0.4, rel=1e-9)


def test_the_narrowing_is_of_the_height_of_the_slice_and_of_the_own_start() -> None:
    run = fake_results()
    start = Number(0.155, 0.001, "one", "start")
    found = narrowing(run, start)
    assert run.diameter is not None
    assert run.deviation is not None
    ratio = run.deviation.values[-1, 1] / run.diameter.values[-1, 1] / 0.155
    assert_close(found.value, 100.0 * (ratio - 1.0), rel=1e-9)
    assert found.sigma is not None
    assert found.sigma > 100.0 * ratio * 0.001 / 0.155
    assert narrowing(run, Number.absent("one", "none")).value is None


def test_members_together() -> None:
    sizes = [Member("run", name, numbers={"anode_diameter": Number(d, 0.01, "nm", "fit"),
                                          "starting_diameter": Number(7.1, 0.01, "nm", "fit")})
             for name, d in (("a", 7.3), ("b", 7.0))]  # fmt: skip
    row = larger_at_the_anode([*sizes, Member("run", "c")], {"a": {"anode_diameter": 7.25}})
    assert row is not None
    assert (row.found, row.truth) == ("1 of 2", "1 of 1")
    weak, strong = (
        Member("micrographs", f"{v:g}", v, 2.5, numbers={"nucleation_density": Number(n, 0.1 * n, "1/mm^2", "counts")})
        for v, n in ((5.0, 200.0), (30.0, 700.0))
    )
    row = denser(weak, strong, {"5": {"nucleation_density": 210.0}, "30": {"nucleation_density": 735.0}})
    assert row is not None
    assert row.words == "nucleation density at 120 over that at 20 V/cm"
    assert row.found == "3.5 ± 0.5"
    assert float(row.truth) == pytest.approx(3.5)
    assert denser(weak, None, {}) is None
