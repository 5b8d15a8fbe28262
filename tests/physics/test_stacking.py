"""Random stacks of close-packed layers against stacks drawn layer by layer, and against FCC and HCP at the two ends."""

import numpy as np
import pytest
from closeness import assert_close

from electrosaxs.physics.lattices import reflection_positions
from electrosaxs.physics.stacking import close_packing, layer_intensity_integral, rod_sum
from electrosaxs.physics.structure_factor import superlattice_order

Q = np.linspace(0.5, 3.0, 1500)


def z(lattice: str, a: float, shape: float | None = None) -> np.ndarray:
    return 1.0 + superlattice_order(Q, lattice, a, 0.03, 0.0, shape=shape).value


def drawn_stacks(fault_fraction: float, layers: int, stacks: int) -> np.ndarray:
    """Positions 0, 1, 2 of the layers: each step goes on as the last one, or back where the layer between is hexagonal."""
    random = np.random.default_rng(1)
    first = random.choice([-1, 1], size=(stacks, 1))
    turns = np.where(random.random((stacks, layers - 2)) < fault_fraction, -1, 1)
    steps = np.cumprod(np.concatenate([first, turns], axis=1), axis=1)
    return np.concatenate([np.zeros((stacks, 1)), np.cumsum(steps, axis=1)], axis=1)


@pytest.mark.parametrize("fault_fraction", [0.1, 0.4641, 0.5, 0.85])
def test_the_intensity_along_a_rod_is_that_of_stacks_drawn_layer_by_layer(fault_fraction):
    """Of 1000 stacks of 300 layers: |sum of exp 2 pi i (n/3 + l j)|^2 per layer, in 12 windows of l."""
    shift = drawn_stacks(fault_fraction, 300, 1000)
    wave = np.exp(2j * np.pi * shift / 3.0)
    fine = (np.arange(720) + 0.5) / 720
    phase = np.exp(2j * np.pi * np.outer(np.arange(300), fine))
    drawn = np.mean(np.abs(wave @ phase) ** 2, axis=0).reshape(12, 60).mean(axis=1) / 300
    exact = 12.0 * np.diff(layer_intensity_integral(np.linspace(0.0, 1.0, 13), fault_fraction))
    assert_close(drawn, exact, rel=0.04, floor=0.03)


def test_faults_move_intensity_along_the_rod_and_take_none_away():
    for fault_fraction in (0.01, 0.3, 0.99):
        assert_close(np.diff(layer_intensity_integral(np.array([0.25, 1.25]), fault_fraction)), [1.0], rel=1e-9)


@pytest.mark.parametrize(("lattice", "unit", "fault_fraction"), [("FCC", np.sqrt(2.0), 0.002), ("HCP", 1.0, 0.998)])
def test_without_faults_the_stack_is_fcc_and_with_all_hcp(lattice, unit, fault_fraction):
    perfect, stacked = z(lattice, unit * 8.5), z("FCC/HCP", 8.5, fault_fraction)
    assert np.abs(perfect - stacked).max() < 0.015 * perfect.max()


def test_faults_leave_the_layers_themselves_sharp_and_smear_the_rest():
    """002, 110 and 112 of HCP as sharp and strong as before; 103 has lost most of its height."""
    perfect, faulted = z("HCP", 8.5), z("FCC/HCP", 8.5, 0.7)
    hkl, places = reflection_positions("HCP", 8.5, 2.6)
    heights = {name: (np.interp(q, Q, perfect), np.interp(q, Q, faulted)) for name, q in zip(hkl, places, strict=True)}
    for name in ((1, 1, 0), (1, 1, 2)):
        assert_close(heights[name][1], heights[name][0], rel=0.15)
    assert heights[1, 0, 3][1] < 0.5 * heights[1, 0, 3][0]


def test_growth_faults_bring_111_and_200_of_fcc_nearer_to_each_other():
    """The rod through 111 and 200 has its maxima between l = 1/3 and 2/3 (Warren, ch. 13); 220 stays."""
    perfect, faulted = z("FCC", np.sqrt(2.0) * 8.5), z("FCC/HCP", 8.5, 0.2)
    places = reflection_positions("FCC", np.sqrt(2.0) * 8.5, 1.6)[1]
    moved = []
    for q in places[:3]:
        near = np.abs(Q - q) < 0.02
        moved.append(Q[near][np.argmax(faulted[near])] - Q[near][np.argmax(perfect[near])])
    assert moved[1] < -0.002
    assert abs(moved[2]) < 0.002


def test_a_powder_of_faulted_crystals_scatters_like_its_particles_on_average():
    q = np.linspace(2e-3, 8.0, 8001)
    whole = 1.0 + superlattice_order(q, "FCC/HCP", 8.5, 0.05, 0.0, shape=0.4, lorentzian=0.3).value
    assert_close(np.trapezoid(whole * q**2, q), np.trapezoid(q**2, q), rel=0.01)


def test_the_rods_do_not_depend_on_the_grid_that_carries_them():
    """The grid is finer by two where the width falls below a power of two: the sum must not jump."""
    edge = 0.2 * 8.5 / (2.0 * np.pi)
    width = 2.0**-9 / edge
    coarse, fine = (rod_sum(Q, 8.5, w * width, 0.3, 0.3, 6.0)[0] for w in (1.0 + 1e-9, 1.0 - 1e-9))
    assert np.abs(coarse - fine).max() < 6e-3 * coarse.max()


def test_faulted_crystals_are_called_after_what_prevails():
    assert [close_packing(f)[0] for f in (0.1, 0.5, 0.9)] == ["FCC", "FCC/HCP", "HCP"]
    assert_close([close_packing(f)[1] for f in (0.1, 0.5)], [np.sqrt(2.0), 1.0], rel=1e-12)
