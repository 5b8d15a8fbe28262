"""Contacts of dissolved particles: found from curves of many concentrations, and taken out of them."""

import numpy as np
import pytest
from closeness import assert_close

from electrosaxs.analysis.concentration.interaction import Contact, Content, alone, find_contact
from electrosaxs.analysis.spheres.fit import SphereFit, fit_spheres
from electrosaxs.nouns import SampleIntensity
from electrosaxs.nouns.imperfections import Imperfections
from electrosaxs.physics.size_distribution import mean_volume
from electrosaxs.physics.sphere_kernels import squared_form_factor
from electrosaxs.twin.interference import Interference

Q = np.linspace(0.1, 3.4, 160)
PHI = np.array([0.004, 0.01, 0.02, 0.04])
D, DELTA, DRY, WET = 7.1, 1.1, 1.115, 1.79
CONTENT = Content(PHI, np.full(4, D), np.full(4, DELTA), DRY, WET)
CLASSES = np.linspace(D - 4.0 * DELTA, D + 4.0 * DELTA, 41)
COUNTS = 2e4


def curves(interaction: str, stickiness: float = 0.2, seed: int = 3) -> SampleIntensity:
    """Curves of PHI as the twin's mixture scatters them, Poisson with COUNTS at the lowest q of the last."""
    number = np.exp(-0.5 * ((CLASSES - D) / DELTA) ** 2)
    number /= number @ (np.pi / 6.0 * (CLASSES + 2.0 * DRY) ** 3)
    between = Interference.of(Imperfections(interaction=interaction, stickiness=stickiness), Q, CLASSES, WET)
    form = squared_form_factor(Q, D, DELTA)
    change = np.array([0.0 * Q if between is None else between.change(phi * number, Q) for phi in PHI])
    expected = PHI[:, None] / PHI[-1] * form / form[0] * (1.0 + change)
    counted = np.random.default_rng(seed).poisson(COUNTS * Q**1.5 * expected) / (COUNTS * Q**1.5)
    coords = {"q": (("q",), Q), "per_count": (("frame", "q"), np.tile(1.0 / (COUNTS * Q**1.5), (4, 1)))}
    sigma = np.sqrt(np.maximum(counted, 1e-9) * coords["per_count"][1])
    return SampleIntensity.from_arrays(counted, dims=("frame", "q"), coords=coords, sigma=sigma)


def found(sample: SampleIntensity) -> tuple[SphereFit, Contact | None]:
    fit = fit_spheres(sample, workers=1)
    return fit, find_contact(sample, fit, CONTENT, lambda one: fit_spheres(one, workers=1))


@pytest.mark.parametrize(("interaction", "stickiness", "virial"), [("hard-spheres", 1.0, 1.0), ("sticky", 0.2, -0.25)])
def test_how_particles_meet_is_read_from_all_curves_and_leaves_sizes_true(
    interaction: str, stickiness: float, virial: float
) -> None:
    sample = curves(interaction, stickiness)
    fit, contact = found(sample)
    assert contact is not None
    assert abs(contact.second_virial - virial) < 3.0 * contact.second_virial_sigma
    assert contact.second_virial_sigma < 0.15
    again = fit_spheres(alone(sample, CONTENT.structure(Q, contact), fit.background), workers=1)
    assert np.all(np.abs(again.diameter - D) < 3.0 * again.sigma("diameter"))
    volume = again.scale * mean_volume(again.diameter, again.deviation, again.skewness) / PHI
    assert_close(volume / volume[-1], 1.0, rel=0.02)
    assert np.abs(fit.diameter - D)[-1] > 8.0 * fit.sigma("diameter")[-1]


def test_separate_particles_show_no_contact() -> None:
    assert found(curves("none"))[1] is None


def test_what_excluded_volume_takes_from_the_invariant_is_the_volume_of_the_cores() -> None:
    """phi_core (1 - phi_core): no core comes nearer to another than the shells let it."""
    q = np.linspace(0.02, 12.0, 4000)
    one = Content(np.array([0.02]), np.array([7.1]), np.array([0.1]), DRY, WET)
    form = squared_form_factor(q, 7.1, 0.1)
    lost = 1.0 - np.sum(q**2 * form * one.structure(q, Contact(1.0))[0]) / np.sum(q**2 * form)
    assert_close(lost, 0.02 * (7.1 / (7.1 + 2.0 * DRY)) ** 3, rel=0.03)
