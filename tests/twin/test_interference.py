"""What dissolved particles of several sizes do to each other's scattering."""

import numpy as np
import pytest
from closeness import assert_close

from electrosaxs.nouns.imperfections import Imperfections
from electrosaxs.physics.sphere_kernels import amplitude
from electrosaxs.physics.structure_factor import percus_yevick
from electrosaxs.twin.interference import Interference

Q, SHELL = np.linspace(0.0, 3.0, 301), 1.79
SIZES = np.array([4.0, 7.0, 10.0])


def of(diameter: np.ndarray) -> Interference:
    found = Interference.of(Imperfections(interaction="hard-spheres"), Q, diameter, SHELL)
    assert found is not None
    return found


def test_particles_that_do_not_see_each_other_change_nothing() -> None:
    assert Interference.of(Imperfections(), Q, SIZES, SHELL) is None
    assert not of(SIZES).change(np.zeros(3), Q).any()


@pytest.mark.parametrize("fraction", [0.01, 0.2])
def test_particles_of_one_size_are_hard_spheres_of_core_and_shell(fraction: float) -> None:
    wet = 7.0 + 2.0 * SHELL
    found = of(np.array([7.0])).change(np.array([fraction / (np.pi / 6.0 * wet**3)]), Q)
    assert_close(found, percus_yevick(Q, 0.5 * wet, fraction) - 1.0, rel=0.01, floor=2e-3 * fraction)


def test_few_particles_of_three_sizes_exclude_each_other_by_the_spheres_of_their_contacts() -> None:
    """At q = 0: the second virial coefficients of all pairs, 4 pi / 3 of the contact distance cubed."""
    number = 1e-9 * np.array([3.0, 2.0, 1.0])
    form = np.array([amplitude(np.array([1e-3]), float(d), 0.0)[0] for d in SIZES])
    contact = 0.5 * np.add.outer(SIZES, SIZES) + 2.0 * SHELL
    pairs = np.outer(number * form, number * form) * 4.0 * np.pi / 3.0 * contact**3
    found = of(SIZES).change(number, Q)
    assert_close(found[0], -pairs.sum() / (number @ form**2), rel=1e-3)
