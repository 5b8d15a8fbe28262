"""Films that are more than one crystal orientation: two planes on the substrate, rings beside spots, rings alone, faults."""

from pathlib import Path

import numpy as np
from closeness import assert_close

from electrosaxs.grazing.widths import SpotWidths, fault_probability
from electrosaxs.nouns.film_experiment import FilmBeam, FilmDetector, FilmExperiment, FilmSettings
from electrosaxs.recipes.film.first_study import FilmStudy
from electrosaxs.recipes.film.inputs import FilmOptions, read_inputs
from electrosaxs.recipes.film.numbers import film_numbers
from electrosaxs.recipes.film.study import study_film
from electrosaxs.recipes.simulate_film import simulate_film

SMALL = {
    "name": "Pilatus300k", "distance_m": 0.7, "beam_row": 560.0, "beam_column": 243.0, "beam_stop_mm": 4.0,
}  # fmt: skip


def study(folder: Path, **settings: object) -> FilmStudy:
    film = FilmSettings(**{"domain_nm": 120.0, "mosaic_deg": 0.4, **settings})
    made = simulate_film(
        FilmExperiment(film=film, beam=FilmBeam(brightest_counts=20000.0), detector=FilmDetector(**SMALL)), folder
    )
    options = FilmOptions((0.32,), 10.0)
    return study_film(read_inputs([made.image], made.geometry, options), options)


def test_two_planes_on_the_substrate_are_told_apart_with_the_share_of_each(tmp_path: Path):
    found = study(tmp_path, second_normal=[1, 0, 0], second_share=0.4)
    assert found.indexed is not None
    assert found.second is not None
    names = {found.indexed.orientation.name, found.second.indexed.orientation.name}
    assert names == {"FCC (111)", "FCC (100)"}
    share = found.second.share if found.second.indexed.orientation.plane == "100" else 1.0 - found.second.share
    assert abs(share - 0.4) < 0.06
    assert_close(found.second.indexed.refined.constants.a, 13.2, rel=1e-3)


def test_spots_on_rings_tell_the_share_of_crystals_of_any_orientation(tmp_path: Path):
    found = study(tmp_path, powder_share=0.4, displacement_nm=0.2)
    assert found.random_share is not None
    assert found.second is None
    assert abs(found.random_share[0] - 0.4) < 0.08


def test_crystals_of_any_orientation_have_a_lattice_and_no_plane(tmp_path: Path):
    found = study(tmp_path, lattice="BCC", lattice_constant_nm=10.5, texture="random", displacement_nm=0.2)
    orientation = found.assignment.orientation
    assert orientation is not None
    assert (orientation.lattice, orientation.normal, orientation.texture) == ("BCC", None, "random")
    numbers = film_numbers(found)
    assert_close(numbers["lattice_constant_dried"].value, 10.5, rel=3e-3)
    assert numbers["contraction_along_normal"].value is None
    assert "orientation" in numbers["contraction_along_normal"].source


def streaks(probability: float) -> SpotWidths:
    """Widths of spots of an FCC (111) film whose layers are 7.6 nm thick: Gaussians, those on streaks drawn out."""
    parallel, index = np.meshgrid(np.linspace(0.8, 3.0, 5), np.arange(1, 7))
    parallel, index = parallel.ravel(), index.ravel()
    own = np.square(0.01) + np.square(0.005 * parallel)
    lorentz = 3.0 * probability / 7.6 * 1.06 * (index % 3 != 0)  # full width, as a Gaussian sees it
    full = 0.5346 * lorentz + np.sqrt(0.2166 * np.square(lorentz) + 5.545 * own)
    noise = np.random.default_rng(2).normal(1.0, 0.03, own.size)
    upward = np.square(full / 2.3548 * noise)
    return SpotWidths(np.hypot(parallel, index), own, own, upward, parallel, index / np.sqrt(3.0))


def test_stacking_faults_draw_out_rods_with_h_minus_k_not_divisible_by_three():
    found = fault_probability(streaks(0.08), 7.6)
    assert_close(found.value, 0.08, rel=0.1)
    assert 0.1 < found.sigma / found.value < 0.2  # however alike the streaks: their shape is not known better
    none = fault_probability(streaks(0.0), 7.6)
    assert none.value is None
    assert "no longer" in none.source
