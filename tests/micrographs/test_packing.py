"""Faces on which particles are resolved: simulated layers have the spacing they were made with."""

import numpy as np
import pytest
from closeness import assert_close
from particle_faces import face

from electrosaxs.micrographs.packing import find_face
from electrosaxs.nouns.micrograph import PackingSettings
from electrosaxs.physics.layers import distortion_of_cell, face_of, spacing_of_cell
from electrosaxs.recipes.islands.packing import packing_numbers
from electrosaxs.twin.packing import simulate_packing


def numbers(pixels: np.ndarray, nm_per_pixel: float | None = 0.7) -> dict:
    return packing_numbers([find_face(pixels, "face", nm_per_pixel, "test")])


@pytest.mark.parametrize("pixels", [face(), -face(), face(spacing=22.0), face(noise=1.0)])
def test_a_close_packed_layer_has_the_spacing_it_was_made_with(pixels: np.ndarray) -> None:
    spacing = 22.0 if pixels is not None and find_face(pixels, "f", 1.0, "t").grains[0].area > 300.0 else 13.0
    found = numbers(pixels)
    value = found["particle_spacing"]
    assert_close(value.value, 0.7 * spacing, rel=2e-3)
    assert abs(value.value - 0.7 * spacing) < 4.0 * value.sigma
    assert_close(found["lattice_constant_from_packing"].value, np.sqrt(2.0) * value.value, rel=1e-12)
    assert abs(found["packing_angle"].value - 60.0) < 4.0 * found["packing_angle"].sigma


def test_a_square_layer_is_a_100_face_and_no_hexagonal_one() -> None:
    found = numbers(face(square=True))
    assert_close(found["particle_spacing"].value, 0.7 * 13.0, rel=2e-3)
    assert_close(found["packing_angle"].value, 90.0, rel=5e-3)
    assert "(100)" in found["particle_spacing"].source


def test_strain_at_constant_area_leaves_the_spacing_and_widens_its_sigma() -> None:
    plain, strained = numbers(face()), numbers(face(strain=0.02))
    assert_close(strained["particle_spacing"].value, 0.7 * 13.0, rel=1e-3)
    assert strained["particle_spacing"].sigma > 3.0 * plain["particle_spacing"].sigma
    assert strained["packing_angle"].value > 60.5


def test_a_drift_of_the_scan_is_within_sigma() -> None:
    value = numbers(face(drift=(0.03, 0.02)))["particle_spacing"]
    assert abs(value.value - 0.7 * 13.0) < 3.0 * value.sigma
    assert value.sigma < 0.012 * value.value


def test_a_drift_shows_as_its_own_distortion_whichever_way_the_layer_is_turned() -> None:
    """Stretch along y and shear to first order, and the cell larger by the stretch: the root of it in the spacing."""
    for angle, vectors in (("111", [[1.0, 0.0], [0.5, np.sqrt(0.75)]]), ("100", [[1.0, 0.0], [0.0, 1.0]])):
        for turned in (0.4, 2.9):
            turn = np.array([[np.cos(turned), np.sin(turned)], [-np.sin(turned), np.cos(turned)]])
            drift = np.array([[1.0, 0.0], [5e-4, 1.0 + 3e-4]])  # rows: what x and y become
            cell = 7.0 * np.array(vectors) @ turn @ drift
            assert_close(np.array(distortion_of_cell(cell, angle)), np.array([3e-4, 5e-4]), rel=2e-3)
            assert_close(np.array(distortion_of_cell(cell[::-1], angle)), np.array([3e-4, 5e-4]), rel=2e-3)
            assert_close(spacing_of_cell(cell, angle), 7.0 * np.sqrt(1.0 + 3e-4), rel=1e-12)
    assert face_of(75.0) is None


def test_a_scan_that_drifts_and_a_layer_that_is_strained_are_right_within_sigma() -> None:
    """Of the twin's faces; with a strain of 2 % besides within 0.5 % of the constant."""
    pulls = []
    for seed in range(4):
        for strain in (0.0, 0.02):
            asked = PackingSettings(pixels=256, strain=strain, drift=(0.004, -0.003))
            found = numbers(
                simulate_packing(asked, np.random.default_rng(seed))[..., None].astype(float), asked.nm_per_pixel
            )
            a = found["lattice_constant_from_packing"]
            assert_close(a.value, 13.2, rel=5e-3)
            pulls.append((a.value - 13.2) / a.sigma)
    assert max(np.abs(pulls)) < 2.5
    assert np.sqrt(np.mean(np.square(pulls[::2]))) > 0.4


def test_pulls_of_the_spacing_over_seeds() -> None:
    pulls = []
    for seed in range(12):
        value = numbers(face(size=220, seed=seed))["particle_spacing"]
        pulls.append((value.value - 0.7 * 13.0) / value.sigma)
    assert 0.5 < np.sqrt(np.mean(np.square(pulls))) < 1.5


def test_noise_has_no_lattice() -> None:
    found = numbers(np.random.default_rng(1).normal(size=(200, 200, 1)))
    assert all(number.value is None for number in found.values())
    assert "ring" in found["particle_spacing"].source


def test_without_a_scale_lengths_are_in_pixels() -> None:
    found = numbers(face(), nm_per_pixel=None)
    assert found["particle_spacing"].unit == "px"
    assert_close(found["particle_spacing"].value, 13.0, rel=2e-3)


def test_two_grains_are_one_spacing() -> None:
    both = np.concatenate([face(size=220, seed=0), face(size=220, seed=5)], axis=1)
    found = find_face(both, "two", 1.0, "test")
    assert len(found.grains) >= 2
    assert_close(packing_numbers([found])["particle_spacing"].value, 13.0, rel=2e-3)
