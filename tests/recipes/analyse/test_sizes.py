"""The last scan of a run as size distributions: on their own or together, with what cannot be seen, and as a figure."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from analysis.synthetic_curves import STARTING_PHI, synthetic_sample
from analysis.synthetic_mixtures import GAP_UM, HEIGHTS_UM, mixture, selected_cell
from closeness import assert_close
from matplotlib.figure import Figure
from recipes.analyse.reduced_runs import reduced_run, standards_of

from electrosaxs.errors import ShapeError
from electrosaxs.figures.size_distributions import size_distributions as draw
from electrosaxs.figures.style import Omitted
from electrosaxs.nouns import RunResults, SampleIntensity, SizeDistribution, VolumeFraction
from electrosaxs.recipes.analyse import sizes as recipe
from electrosaxs.recipes.analyse.measured_run import MeasuredRun
from electrosaxs.recipes.analyse.voxels import Voxels

SCANS = 2
HEIGHTS = HEIGHTS_UM[[0, 2, 4, 6, 7, 8, 9, 10, 11, 12, 13]]
PICKED = [int(np.flatnonzero(z == HEIGHTS_UM)[0]) for z in HEIGHTS]


@dataclass(frozen=True, eq=False)
class Measured(MeasuredRun):
    """A run of SCANS scans in a steady state, of which only the curves are there."""

    sample: SampleIntensity | None = None

    @classmethod
    def steady(cls, gap_um: float = GAP_UM, phi: float = 1.0) -> "Measured":
        height = np.tile(HEIGHTS, SCANS)
        reduced = reduced_run(
            ["sample"] * height.size, gap_mm=gap_um / 1e3, volume_fraction=STARTING_PHI, volume_fraction_sigma=1e-5
        )
        table = replace(reduced.table, time=100.0 + 20.0 * np.arange(height.size))
        reference = synthetic_sample(mixture(0.04), [STARTING_PHI] * 6, seed=2, solvent_seed=1)
        voxels = Voxels(np.arange(height.size), {"phi": fractions()}, {}, ((),) * height.size)
        sizes = selected_cell()[0]
        curves = synthetic_sample([sizes[k] for k in PICKED] * SCANS, fractions(phi=phi), seed=1)
        return cls(replace(reduced, table=table), standards_of(reference), voxels, height, curves)

    def curves_alone(self, rows: np.ndarray) -> SampleIntensity:
        assert self.sample is not None
        shared = {name: sigma["frame", rows.tolist()] for name, sigma in self.sample.shared.items()}
        return SampleIntensity(self.sample.data["frame", rows.tolist()].copy(), shared)


def fractions(phi: float = 1.0) -> np.ndarray:
    """Volume fraction of each voxel, times `phi`."""
    return phi * np.tile(selected_cell()[1][PICKED], SCANS)


def results(distribution: SizeDistribution | None) -> RunResults:
    phi = VolumeFraction.from_arrays(
        np.ones((1, 2)),
        dims=("scan", "height"),
        coords={"height": (("height",), [0.0, 1.0]), "time": (("scan", "height"), np.zeros((1, 2)))},
    )
    return RunResults(title="sizes", volume_fraction=phi, size_distribution=distribution)


def test_a_sealed_cell_gives_d_phi_dd_of_all_heights_together_and_its_figure() -> None:
    measured = Measured.steady()
    study = recipe.size_distributions(measured)
    found = study.distribution
    assert found is not None
    assert found.dims == ("scan", "height", "diameter")
    assert "all heights together" in study.notes[0]
    assert "observable" in study.notes[1]
    assert "clearly not enough" in study.notes[2]
    d, density = found.coord("diameter"), np.where(found.good, found.values, 0.0)[0]
    assert_close(np.trapezoid(density, d, axis=1), fractions()[: HEIGHTS.size], rel=0.06)
    small = (d > 2.0) & (d < 3.8)
    held = np.trapezoid(density[:, small], d[small], axis=1)[HEIGHTS >= 600.0]
    assert_close(held, 0.04 * STARTING_PHI, rel=0.15)  # clusters stay where they are
    assert_close(np.trapezoid(found.coord("starting_solution"), d), STARTING_PHI, rel=2e-3)
    hidden = found.data.masks["not_observable"].values
    assert hidden[..., d < 1.3].all()
    assert not hidden[..., (d > 3.0) & (d < 12.0)].any()
    share = (study.numbers or {})["starting_small_share"]
    assert share.value is not None
    assert share.sigma is not None
    assert abs(share.value - 0.043) < 3.0 * share.sigma
    figure = draw(results(found))
    assert isinstance(figure, Figure)
    assert len(figure.axes) == 5


def test_the_footprint_scales_the_density() -> None:
    measured = Measured.steady(gap_um=6000.0)
    plain = recipe.size_distributions(measured)
    assert "each height on its own, because the scan leaves 43 % of the gap unseen" in plain.notes[0]
    phi = VolumeFraction.from_arrays(
        1.04 * fractions().reshape(SCANS, -1),
        dims=("scan", "height"),
        coords={
            "height": (("height",), HEIGHTS),
            "height_effective": (("height",), HEIGHTS + 1.0),
            "time": (("scan", "height"), measured.grid.time),
        },
    )
    scaled = recipe.size_distributions(measured, phi=phi)
    assert plain.distribution is not None
    assert scaled.distribution is not None
    assert_close(scaled.distribution.values, 1.04 * plain.distribution.values, rel=1e-9)


def test_voxels_with_crystals_are_left_out_and_nothing_is_conserved() -> None:
    measured = Measured.steady()
    crystals = np.zeros(measured.grid.shape)
    crystals[-1, 0] = 0.3
    study = recipe.size_distributions(measured, crystals=crystals)
    assert study.distribution is not None
    assert np.all(np.isnan(study.distribution.values[0, 0]))
    assert np.all(np.isfinite(study.distribution.values[0, 1]))
    assert "crystals hold some of the particles" in study.notes[0]


def test_a_cell_without_particles_has_no_sizes_and_no_figure() -> None:
    study = recipe.size_distributions(Measured.steady(phi=0.0))
    assert study.distribution is None
    assert study.notes == ("size distributions: the curves show no particles",)
    assert isinstance(draw(results(None)), Omitted)


def test_a_size_distribution_needs_its_diameters_and_normalises_over_what_is_seen() -> None:
    d = np.array([1.0, 2.0, 3.0, 4.0])
    options: Any = {"dims": ("frame", "diameter")}
    with pytest.raises(ShapeError, match="no coordinate 'diameter'"):
        SizeDistribution.from_arrays(np.ones((1, 4)), coords={}, **options)
    noun = SizeDistribution.from_arrays(
        np.array([[9.0, 2.0, 4.0, 2.0]]),
        coords={"diameter": (("diameter",), d)},
        masks={"not_observable": (("frame", "diameter"), np.array([[True, False, False, False]]))},
        **options,
    )
    assert np.isnan(noun.shares[0, 0])
    seen = noun.shares[0, 1:]
    assert_close(seen / seen[1], np.array([0.5, 1.0, 0.5]), rel=1e-12)
    assert_close(np.trapezoid(seen, d[1:]), 1.0, rel=1e-12)
