"""Sizes of a held flux: as the reference frames show them, also where no Gaussian does."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
from analysis.synthetic_curves import DRY_SHELL_NM, Sizes, gaussian_sizes, synthetic_sample, table
from closeness import assert_close

from electrosaxs.analysis.concentration.volume_fraction import pooled
from electrosaxs.analysis.spheres.fit import fit_spheres
from electrosaxs.io.plan_toml import read_plan
from electrosaxs.nouns import AnalysisSettings, FloatArray
from electrosaxs.recipes.analyse.standards import Standards
from electrosaxs.recipes.experiment.held_belief import believed_plant
from electrosaxs.recipes.experiment.held_sizes import free_form_classes, gauss_nodes, measured_classes
from electrosaxs.transport import SizeClasses


def body_with_a_tail() -> Sizes:
    """A body that ends soon above its mean, and small particles beside it."""
    d = np.linspace(1.5, 11.0, 600)
    body = (d / 7.1) ** 6.0 * np.exp(-((d / 7.3) ** 7.0))
    return table(d, body / body.sum() + 0.35 * np.exp(-0.5 * ((d - 3.6) / 0.8) ** 2) / 150.0)


def standard_of(sizes: Sizes) -> Standards:
    reference = pooled(synthetic_sample(sizes, gain=[30.0] * 6, solvent_gain=180.0, seed=4))
    named = SimpleNamespace(reference=reference, reference_fit=fit_spheres(reference), dry_shell_nm=DRY_SHELL_NM)
    return cast(Standards, named)


def supply_and_enrichment(d: FloatArray, volume: FloatArray) -> FloatArray:
    """Means over the volume of what mobility (z as d^2.4) and the layer at the wall (v^2 / D) go as."""
    v = d**2.4 / (d + 3.6)
    share = volume / volume.sum()
    return np.array([share @ v, share @ (v**2 * (d + 3.6))])


def test_classes_hold_supply_and_wall_of_particles_that_are_no_gaussian() -> None:
    sizes = body_with_a_tail()
    standard = standard_of(sizes)
    assert "poor fit" in standard.reference_fit.flags[0]
    true = supply_and_enrichment(sizes.diameter, sizes.number * (sizes.diameter + 2.0 * DRY_SHELL_NM) ** 3)
    size = (float(standard.reference_fit.diameter[0]), float(standard.reference_fit.deviation[0]))
    classes = measured_classes(standard, size, 9)
    assert classes is not None
    assert len(classes) == 9
    assert_close(supply_and_enrichment(classes.diameter_nm, classes.volume_share(DRY_SHELL_NM)), true, rel=0.01)
    normal = SizeClasses.gaussian(*size, 9)
    off = supply_and_enrichment(normal.diameter_nm, normal.volume_share(DRY_SHELL_NM)) / true - 1.0
    assert np.all(off > 0.02), off


def test_a_gaussian_stays_one_and_sizes_that_are_not_known_make_no_classes() -> None:
    standard = standard_of(gaussian_sizes(6.5, 0.9))
    assert free_form_classes(standard, 9) is None
    classes = measured_classes(standard, (6.5, 0.9), 9)
    assert classes is not None
    assert np.array_equal(classes.diameter_nm, SizeClasses.gaussian(6.5, 0.9, 9).diameter_nm)
    assert measured_classes(standard, None, 9) is None


def test_a_few_nodes_have_twice_as_many_moments() -> None:
    random = np.random.default_rng(2)
    x = np.sort(random.uniform(2.0, 9.0, 60))
    weight = random.random(60) ** 3 * 7.0
    places, share = gauss_nodes(x, weight, 6)
    assert np.all(share > 0.0)
    for power in range(12):
        assert_close(share @ places**power, weight @ x**power / weight.sum(), rel=1e-9)


def test_the_slice_of_the_plan_is_the_one_whose_flux_is_held() -> None:
    plan = read_plan(Path(__file__).parents[3] / "examples" / "plan_hold.toml")
    thick = plan.model_copy(update={"analysis": AnalysisSettings(slice_um=120.0)})
    assert_close(believed_plant(plan).slice_m, 50e-6, rel=1e-12)
    assert_close(believed_plant(thick).slice_m, 120e-6, rel=1e-12)
