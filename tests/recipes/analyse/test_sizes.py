"""The last scan of a run as size distributions: on their own or together, with what cannot be seen, and as a figure."""

from typing import Any

import numpy as np
import pytest
from analysis.synthetic_curves import STARTING_PHI, synthetic_sample
from analysis.synthetic_mixtures import GAP_UM, HEIGHTS_UM, mixture, selected_cell
from closeness import assert_close
from matplotlib.figure import Figure
from recipes.analyse.reduced_runs import reduced_run, standards_of

from electrosaxs.analysis.kinetics.scan_map import ScanMap, scan_map
from electrosaxs.errors import ShapeError
from electrosaxs.figures.size_distributions import size_distributions as draw
from electrosaxs.figures.style import Omitted
from electrosaxs.nouns import RunResults, SampleIntensity, SizeDistribution, VolumeFraction
from electrosaxs.recipes.analyse import sizes as recipe
from electrosaxs.recipes.analyse.voxels import Voxels

SCANS = 2
HEIGHTS = HEIGHTS_UM[[0, 2, 4, 6, 7, 8, 9, 10, 11, 12, 13]]
PICKED = [int(np.flatnonzero(z == HEIGHTS_UM)[0]) for z in HEIGHTS]


class Measured:
    """A reduced run of SCANS scans in a steady state, as the recipe sees it."""

    def __init__(self, gap_um: float = GAP_UM, phi: float = 1.0) -> None:
        sizes, fractions = selected_cell()
        frames = [sizes[k] for k in PICKED] * SCANS
        self.curves = synthetic_sample(frames, phi * np.tile(fractions[PICKED], SCANS), seed=1)
        reference = synthetic_sample(mixture(0.04), [STARTING_PHI] * 6, seed=2, solvent_seed=1)
        height = np.tile(HEIGHTS, SCANS)
        time = 100.0 + 20.0 * np.arange(height.size)
        self.grid: ScanMap = scan_map(height, time, np.ones(height.size, dtype=bool))
        self.fractions = np.tile(fractions[PICKED], SCANS)
        self.reduced = reduced_run(
            ["sample"] * height.size, gap_mm=gap_um / 1e3, volume_fraction=STARTING_PHI, volume_fraction_sigma=1e-5
        )
        self.standard = standards_of(reference)
        self.voxels = Voxels(np.arange(height.size), {"phi": self.fractions}, {}, ((),) * height.size)

    def study(self, monkeypatch: pytest.MonkeyPatch, **options: Any) -> recipe.SizeStudy:
        monkeypatch.setattr(recipe, "alone_intensity", lambda reduced, standard, frames: self.some(frames))
        return recipe.size_distributions(self.reduced, self.standard, self.voxels, self.grid, **options)

    def some(self, frames: np.ndarray) -> SampleIntensity:
        shared = {name: sigma["frame", frames.tolist()] for name, sigma in self.curves.shared.items()}
        return SampleIntensity(self.curves.data["frame", frames.tolist()].copy(), shared)


def results(distribution: SizeDistribution | None) -> RunResults:
    phi = VolumeFraction.from_arrays(
        np.ones((1, 2)),
        dims=("scan", "height"),
        coords={"height": (("height",), [0.0, 1.0]), "time": (("scan", "height"), np.zeros((1, 2)))},
    )
    return RunResults(title="sizes", volume_fraction=phi, size_distribution=distribution)


def test_a_sealed_cell_gives_d_phi_dd_of_all_heights_together_and_its_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = Measured()
    study = measured.study(monkeypatch)
    found = study.distribution
    assert found is not None
    assert found.dims == ("scan", "height", "diameter")
    assert "all heights together" in study.notes[0]
    assert "observable" in study.notes[1]
    assert "clearly not enough" in study.notes[2]
    d, density = found.coord("diameter"), np.where(found.good, found.values, 0.0)[0]
    assert_close(np.trapezoid(density, d, axis=1), measured.fractions[: HEIGHTS.size], rel=0.06)
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


def test_the_footprint_scales_the_density(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = Measured(gap_um=6000.0)
    plain = measured.study(monkeypatch)
    assert "each height on its own, because the scan leaves 43 % of the gap unseen" in plain.notes[0]
    phi = VolumeFraction.from_arrays(
        1.04 * measured.fractions.reshape(SCANS, -1),
        dims=("scan", "height"),
        coords={
            "height": (("height",), HEIGHTS),
            "height_effective": (("height",), HEIGHTS + 1.0),
            "time": (("scan", "height"), measured.grid.time),
        },
    )
    scaled = measured.study(monkeypatch, phi=phi)
    assert plain.distribution is not None
    assert scaled.distribution is not None
    assert_close(scaled.distribution.values, 1.04 * plain.distribution.values, rel=1e-9)


def test_voxels_with_crystals_are_left_out_and_nothing_is_conserved(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = Measured()
    crystals = np.zeros(measured.grid.shape)
    crystals[-1, 0] = 0.3
    study = measured.study(monkeypatch, crystals=crystals)
    assert study.distribution is not None
    assert np.all(np.isnan(study.distribution.values[0, 0]))
    assert np.all(np.isfinite(study.distribution.values[0, 1]))
    assert "crystals hold some of the particles" in study.notes[0]


def test_a_cell_without_particles_has_no_sizes_and_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    study = Measured(phi=0.0).study(monkeypatch)
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
