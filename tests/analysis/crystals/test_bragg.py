"""The fitted model is the physics it says it is, and its derivatives are those of its values."""

import numpy as np
import pytest
from closeness import assert_close

from electrosaxs.analysis.crystals.bragg import LatticeModel, PeakModel, smooth_basis, textured_reflections
from electrosaxs.physics.sphere_kernels import amplitude, squared_form_factor
from electrosaxs.physics.structure_factor import superlattice_order

Q = np.linspace(0.12, 3.3, 300)
SOLUTION = [2e-3, 7.1, 1.1, 0.3, 0.2]
CRYSTALS = [0.3, 15.1, 0.03, 0.4, 0.3, 1.02, 0.0]


def test_the_model_of_a_voxel_is_form_factor_times_structure_factor():
    scale, d, delta, background, _ = SOLUTION
    p = np.array([scale, d, delta, background, 0.0, *CRYSTALS[:5], 1.0, 0.0])
    form = squared_form_factor(Q, d, delta)
    beta = amplitude(Q, d, delta) ** 2 / form
    structure = 1.0 + 0.3 * beta * superlattice_order(Q, "FCC", 15.1, 0.03, 0.4, lorentzian=0.3).value
    assert_close(LatticeModel(Q, "FCC")(p)[0], scale * form * structure + background, rel=1e-12)


@pytest.mark.parametrize("kind", ["lattice", "peaks", "BCT", "FCC/HCP"])
def test_every_derivative_equals_its_difference(kind):
    noise, smooth = np.random.default_rng(3), smooth_basis(Q, 7.1)
    extra = 0.05 * noise.normal(size=smooth.shape[1])
    if kind == "lattice":
        textured = textured_reflections("HCP")
        model = LatticeModel(Q, "HCP", textured, smooth)
        p = np.concatenate([SOLUTION, CRYSTALS, 0.2 * noise.normal(size=textured), extra])
    elif kind != "peaks":
        model = LatticeModel(Q, kind, 0, smooth)
        p = np.concatenate([SOLUTION, [0.3, 11.0, 0.05, 0.4, 0.3, 1.02, {"BCT": 1.17, "FCC/HCP": 0.3}[kind]], extra])
    else:
        model = PeakModel(Q, smooth, 2)
        p = np.concatenate([SOLUTION, [0.4], extra, [0.1, 0.72, 0.03, 0.05, 1.3, 0.05]])
    slopes = model(p)[1]
    for k in range(p.size):
        step = 1e-5 * max(abs(p[k]), 1e-2) * np.eye(p.size)[k]
        difference = (model(p + step)[0] - model(p - step)[0]) / (2.0 * step[k])
        assert_close(slopes[:, k], difference, rel=1e-4, floor=1e-4 * np.abs(difference).max())


def test_the_smooth_correction_cannot_follow_a_bragg_peak():
    basis = smooth_basis(Q, 7.1)
    assert_close(basis[Q < 2.5].sum(axis=1), np.ones(np.sum(Q < 2.5)), rel=1e-9)
    peak = np.exp(-0.5 * ((Q - 0.9) / 0.015) ** 2)
    left = peak - basis @ np.linalg.lstsq(basis, peak, rcond=None)[0]
    assert left.max() > 0.75
