"""The starting solution absorbs what phi0, path and composition say, or numbers of phi say that it does not."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from recipes.analyse.reduced_runs import reduced_run
from simulated_runs import analysed, replace_text

from electrosaxs.recipes.analyse.attenuation import attenuation_of, start_depth
from electrosaxs.recipes.analyse.quality import OF_PHI, Doubt
from electrosaxs.recipes.analyse.scale_errors import Scales
from electrosaxs.recipes.analyse.start_depth import doubts_of_the_depth

SHELL_RATIO = 2.27
ROLES = ["solvent"] * 4 + ["reference"] * 4 + ["sample"]


def told(scale: float, *, noise: float = 2e-4, phi0: float = 8e-4, seed: int = 0, **relative: float) -> list[Doubt]:
    """Of a run whose reference absorbs `scale` times what it should; relative: stated sigmas."""
    run = reduced_run(ROLES, counts=np.full((len(ROLES), 2), 1e6), volume_fraction=phi0)
    depth = run.run.solution.volume_fraction * float(attenuation_of(np.array(1.0 / SHELL_RATIO), run.run))
    light = 0.4 * np.exp(-scale * depth * np.array([0.0] * 4 + [1.0] * 4 + [2.0]))
    light *= 1.0 + noise * np.random.default_rng(seed).standard_normal(light.size)
    run = replace(run, table=replace(run.table, transmission=light))
    standard = SimpleNamespace(reference_volume=SimpleNamespace(shell_ratio=[SHELL_RATIO]))
    assert start_depth(run, standard).scale == pytest.approx(scale, abs=5.0 * noise / depth)  # type: ignore[arg-type]
    measured = SimpleNamespace(reduced=run, standard=standard)
    return doubts_of_the_depth(measured, Scales(relative, None, False))  # type: ignore[arg-type]


@pytest.mark.parametrize("scale", [0.9, 1.1, 2.0, 0.02, -1.0])
def test_a_solution_that_absorbs_more_or_less_than_it_should_makes_phi_doubtful(scale: float) -> None:
    (doubt,) = told(scale)
    assert doubt.names == OF_PHI
    assert "the starting solution absorbs" in doubt.why
    assert "phi0, to which every phi is in proportion" in doubt.why


def test_what_tables_readings_and_stated_sigmas_leave_open_is_no_doubt() -> None:
    assert all(told(scale, seed=seed) == [] for seed in range(5) for scale in (0.96, 1.0, 1.04))
    assert told(1.1, starting_solution=0.05) == []
    assert told(1.1, energy=0.02) == []
    assert told(1.1, noise=0.02) == []
    assert told(2.0, phi0=1e-5) == []  # so little that nobody can say


def test_a_wrong_phi0_is_said_of_the_numbers_of_a_run(nexus_run: Path, tmp_path: Path) -> None:
    replace_text(nexus_run, "volume_fraction = 0.0008", "volume_fraction = 0.00089")
    numbers = analysed(nexus_run, tmp_path / "results").numbers
    for name in ("slice_flux", "anode_volume_fraction"):
        assert "the starting solution absorbs 0.9" in numbers[name].quality, numbers[name].quality
    assert "absorbs" not in numbers["starting_diameter"].quality
