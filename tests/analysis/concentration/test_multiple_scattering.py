"""Single scattering is won back from curves that hold all orders, whatever their particles are."""

import numpy as np
import pytest
from closeness import assert_close

from electrosaxs.analysis.concentration.multiple_scattering import Repeated, StartingCurve
from electrosaxs.materials import wavelength_nm
from electrosaxs.nouns import SampleIntensity, Solution
from electrosaxs.physics.multiple_scattering import MultipleScattering
from electrosaxs.physics.sphere_kernels import squared_form_factor
from electrosaxs.physics.structure_factor import superlattice_order

Q = np.linspace(0.1, 3.5, 400)
FINE = np.linspace(0.0, 12.0, 4001)
START = StartingCurve.of(
    Solution(volume_fraction=8e-4), 8e-4, (7.1, 1.1), energy_keV=13.3, path_m=0.01, dry_shell=1.115
)  # fmt: skip
OPTICS = MultipleScattering.of(FINE, 13.3, coarse=Q)
SCALE = 3e-3
UNIT = START.unit(SCALE)


def curve(phi: float, order: np.ndarray | float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Single scattering and all of it, in the run's units."""
    once = START.once(np.array([phi]), FINE)[0] * (1.0 + order)
    return UNIT * np.interp(Q, FINE, once), UNIT * OPTICS.more_than_once(OPTICS.fourier(once))


def test_the_starting_solution_says_what_a_photon_is() -> None:
    once = UNIT * START.once(np.array([8e-4]), Q)[0]
    assert_close(once, SCALE * squared_form_factor(Q, 7.1, 1.1), rel=1e-9)
    assert_close(OPTICS.scattered(START.once(np.array([8e-4]), FINE)[0]), 1.0 / 117.7, rel=0.01)


@pytest.mark.parametrize("phi", [8e-4, 0.01, 0.04])
def test_what_is_scattered_again_is_taken_off_the_curve_itself(phi: float) -> None:
    single, again = curve(phi)
    found = Repeated.of(Q, 13.3, UNIT, 0.0).again((single + again)[None, :])[0]
    assert np.max(np.abs(found - again) / single) < 2e-2 * np.max(again / single)
    invariant = float(np.sum(again * Q**2) / np.sum(single * Q**2))
    assert abs(np.sum((found - again) * Q**2) / np.sum(single * Q**2)) < 0.01 * invariant
    told = float(Repeated.of(Q, 13.3, UNIT, 0.0).excess_of(START, np.array(phi)))
    assert_close(told, invariant, rel=0.02)


def test_crystals_are_scattered_again_as_they_scatter_and_not_as_spheres() -> None:
    order = superlattice_order(FINE, "FCC", 15.1, 0.03, 0.16).value
    single, again = curve(0.01, order)
    found = Repeated.of(Q, 13.3, UNIT, 0.0).again((single + again)[None, :])[0]
    weight = Q**2
    assert abs(np.sum((found - again) * weight)) < 0.02 * np.sum(again * weight)
    assert np.sum(again * weight) < 0.95 * np.sum(curve(0.01)[1] * weight)


def test_a_background_is_no_scattering_and_missing_bins_do_not_matter() -> None:
    single, again = curve(0.01)
    measured = single + again + 5.0
    measured[40:60] = np.nan
    found = Repeated.of(Q, 13.3, UNIT, 5.0).again(measured[None, :])[0]
    assert_close(np.sum(found * Q**2), np.sum(again * Q**2), rel=0.01)


def test_only_the_intensity_of_a_sample_changes() -> None:
    single, again = curve(0.01)
    sample = SampleIntensity.from_arrays(
        (single + again)[None, :], dims=("frame", "q"), coords={"q": (("q",), Q)}, sigma=np.sqrt(single)[None, :]
    )
    found = Repeated.of(Q, 13.3, UNIT, 0.0).without(sample)
    assert_close(found.sigma, sample.sigma, rel=1e-12)
    assert_close(np.sum(found.values * Q**2), np.sum(single * Q**2), rel=1e-3)
    stronger = Repeated.of(Q, 13.3, UNIT, 0.0).stronger(0.05).without(sample)
    lost = np.sum((found.values - stronger.values) * Q**2) / np.sum(again * Q**2)
    assert 0.03 < lost < 0.07


def test_photons_followed_one_by_one_make_the_invariant_as_much_larger() -> None:
    """phi = 4 % in 10 mm: scatterings are Poisson's about tau, and each turns the direction by what one scattering does."""
    q, random = np.linspace(1e-3, 8.0, 8000), np.random.default_rng(1)
    once = START.once(np.array(0.04), q)
    tau = float(np.trapezoid(once * 2.0 * np.pi * q, q)) * (wavelength_nm(13.3) / (2.0 * np.pi)) ** 2
    share, number = np.cumsum(once * q) / np.sum(once * q), random.poisson(tau, 1_000_000)
    place = np.zeros((number.size, 2))
    for turn in range(1, number.max() + 1):
        again = np.flatnonzero(number >= turn)
        angle, length = random.uniform(0.0, 2.0 * np.pi, again.size), np.interp(random.random(again.size), share, q)
        place[again] += length[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    away = np.hypot(*place.T)
    window = (away > 0.1) & (away < 3.5)  # a photon at q is one of q dq, of which the invariant takes q^2 dq
    larger = away[window].sum() / away[window & (number == 1)].sum() - 1.0
    assert_close(float(Repeated.of(Q, 13.3, 1.0, 0.0).excess_of(START, np.array(0.04))), larger, rel=0.02)
